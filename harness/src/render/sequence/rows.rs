//! The rows of a sequence diagram, from top to bottom.

use std::fmt;
use std::time::Duration;

use crate::analysis::dissection::{Dissection, Packet};
use crate::analysis::stats::{Explained, Statistics};
use crate::analysis::update::Phase;

/// The pixels of a packet that came right after the one before.
pub(super) const PACKET_HEIGHT: u32 = 28;

/// The shortest pause that is folded.
const FOLDED: Duration = Duration::from_millis(200);

/// A row, drawn below the rows before.
pub(super) enum Row<'a> {
    /// The beginning of a phase, with its figures.
    Phase {
        phase: Phase,
        statistics: Statistics,
    },
    /// A time in which nothing happened.
    Gap(Duration),
    /// The number of packets that are not drawn.
    Omitted(u64),
    /// A packet.
    Packet(&'a Packet),
}

impl Row<'_> {
    pub(super) const fn height(&self) -> u32 {
        match self {
            Self::Phase { .. } | Self::Omitted(_) => 28,
            Self::Gap(_) => 32,
            Self::Packet(_) => PACKET_HEIGHT,
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase { phase, statistics } => {
                let (packets, bytes) = (statistics.total_packets, statistics.frame_bytes);
                write!(formatter, "{phase}: {packets} packets, {bytes} bytes")
            }
            Self::Gap(pause) if pause.as_secs() >= 10 => {
                write!(formatter, "{:.1} s idle", pause.as_secs_f64())
            }
            Self::Gap(pause) => write!(formatter, "{:.2} s idle", pause.as_secs_f64()),
            Self::Omitted(1) => formatter.write_str("1 packet is not drawn"),
            Self::Omitted(count) => write!(formatter, "{count} packets are not drawn"),
            Self::Packet(packet) => write!(formatter, "packet {}", packet.explained.number),
        }
    }
}

/// Returns the rows of a diagram, each with its place in pixels, the first at `top`.
pub(super) fn rows(dissection: &Dissection, top: u32) -> Vec<(u32, Row<'_>)> {
    let mut layout = Layout {
        y: top,
        rows: Vec::new(),
    };
    let all = &dissection.measured.packets;
    let mut before: Option<&Packet> = None;
    let mut next_index = 0;
    for packet in &dissection.packets {
        let index = all.partition_point(|other| other.number < packet.explained.number);
        let omitted = index - next_index;
        next_index = index + 1;
        if omitted > 0 {
            layout.push(Row::Omitted(omitted as u64));
        }
        let pause = before.map_or(Duration::ZERO, |before| {
            packet.explained.time.since(before.explained.time)
        });
        if omitted == 0 {
            layout.pause(pause);
        }
        let phase = packet.explained.phase;
        if before.is_none_or(|before| before.explained.phase != phase) {
            let statistics = statistics_from(&all[index..], phase);
            layout.push(Row::Phase { phase, statistics });
        }
        layout.push(Row::Packet(packet));
        before = Some(packet);
    }
    if next_index < all.len() {
        layout.push(Row::Omitted((all.len() - next_index) as u64));
    }
    layout.rows
}

/// Returns the figures of a phase that begins here.
fn statistics_from(packets: &[Explained], phase: Phase) -> Statistics {
    let of_phase = packets.iter().take_while(|packet| packet.phase == phase);
    of_phase.map(|packet| packet.statistics).sum()
}

struct Layout<'a> {
    y: u32,
    rows: Vec<(u32, Row<'a>)>,
}

impl<'a> Layout<'a> {
    fn push(&mut self, row: Row<'a>) {
        let y = self.y;
        self.y += row.height();
        self.rows.push((y, row));
    }

    /// Adds a pause: a long one is folded, a short one is room: four pixels for each doubling of a millisecond.
    fn pause(&mut self, pause: Duration) {
        if pause >= FOLDED {
            return self.push(Row::Gap(pause));
        }
        let milliseconds = u32::try_from(pause.as_millis()).unwrap_or(u32::MAX);
        self.y += 4 * (u32::BITS - milliseconds.leading_zeros());
    }
}
