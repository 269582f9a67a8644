//! Compares a capture with its timeline: when each step reached the wire, and the answer to it.

use std::io::Read;
use std::net::SocketAddr;

use wirestream::capture::CaptureReader;
use wirestream::packet::Decoded;
use wirestream::units::Timestamp;
use wirestream::walk::Walk;

/// The most bytes kept of the server's answer to one step, to be searched.
const KEPT_BYTES: usize = 4 << 20;

/// The traffic between one mark and the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The time of the first packet.
    pub first_packet: Option<Timestamp>,
    /// The time of the first packet with data: the client's request, or data that the server pushed unasked.
    pub first_data: Option<Timestamp>,
    /// The payload bytes that the server sent.
    pub answered: Vec<u8>,
}

impl Window {
    /// Returns the time at which the step reached the wire: that of its first data or, without data, of its first
    /// packet.
    #[must_use]
    pub fn reached_wire(&self) -> Option<Timestamp> {
        self.first_data.or(self.first_packet)
    }

    /// Returns true if the server sent this text.
    #[must_use]
    pub fn answers(&self, text: &str) -> bool {
        let text = text.as_bytes();
        !text.is_empty()
            && self
                .answered
                .windows(text.len())
                .any(|window| window == text)
    }
}

/// Divides the traffic with `server` at `marks`, which are in order of time; traffic before the first mark belongs to
/// it.
pub fn windows<R: Read>(
    mut capture: CaptureReader<R>,
    server: SocketAddr,
    marks: &[Timestamp],
) -> Vec<Window> {
    let mut windows = vec![Window::default(); marks.len()];
    let mut walk = Walk::new(&mut capture);
    while let Some((packet, decoded)) = walk.next() {
        let index = marks
            .partition_point(|mark| *mark <= packet.time)
            .saturating_sub(1);
        let Some(window) = windows.get_mut(index) else {
            break;
        };
        let Decoded::Segment(segment) = decoded else {
            continue;
        };
        window.first_packet.get_or_insert(packet.time);
        if segment.payload.is_empty() {
            continue;
        }
        window.first_data.get_or_insert(packet.time);
        if segment.destination != server {
            let room = KEPT_BYTES - window.answered.len().min(KEPT_BYTES);
            window.answered.extend(segment.payload.iter().take(room));
        }
    }
    windows
}
