//! Finds the updates in a capture: one request and its answer each, or one pushed event.
//!
//! If the scenario's marks are known, an update is the traffic from one mark to the next, if it has any payload. The
//! packets of handshakes and closings are left out. So are the first windows as long as connections open in them, and
//! the last one if they close in it: these hold the traffic that belongs to that, such as loading the page, upgrading
//! the protocol, saying goodbye. (If that leaves nothing, because each update has its own connection, all count.)
//!
//! If no marks are known, an update is a burst of traffic between idle gaps in which no connection opens or closes.
//!
//! The length of a gap depends on the pace of the capture: a quarter of its longest one, but no less than 50 ms (the
//! longest that a round trip or a delayed acknowledgement may take within an update) and no more than 1 s.

use std::time::Duration;

use wirestream::budget::Memory;
use wirestream::units::Timestamp;

use super::role::{Accounted, Role};
use super::stats::Statistics;

const SHORTEST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_secs(1);
/// The most windows kept at [`SHORTEST_GAP`]; if there are more, close ones are joined, up to [`LONGEST_GAP`].
const MOST_WINDOWS: usize = 65_536;
/// The memory that a window takes, with the figures made of it.
const WINDOW_BYTES: usize = size_of::<Window>() + 4 * size_of::<Statistics>();

/// The phase of the conversation when a packet was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The opening of a connection, with the traffic that belongs to it.
    Opening,
    /// The update of this number, counted from 1.
    Update(u64),
    /// The closing of a connection.
    Closing,
    /// None of these: acknowledgements, keepalives.
    Between,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opening => formatter.pad("opening"),
            Self::Update(number) => formatter.pad(&format!("update {number}")),
            Self::Closing => formatter.pad("closing"),
            Self::Between => formatter.pad("between"),
        }
    }
}

/// A stretch of the capture: from mark to mark, or between two idle gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The numbers of its first and last packets.
    first_packet: u64,
    last_packet: u64,
    first_time: Timestamp,
    last_time: Timestamp,
    /// The figures of its packets without those of handshakes and closings.
    pub statistics: Statistics,
    /// The figures of the server's push alone among them.
    pub push: Statistics,
    opens: bool,
    closes: bool,
    has_data: bool,
    /// Its number among the updates, counted from 1, once it is known to be one.
    update: Option<u64>,
}

/// Collects the windows of a capture while it is read.
#[derive(Debug)]
pub struct UpdateFinder {
    windows: Vec<Window>,
    pace: Pace,
    /// True if windows that are not updates are kept too, to explain each packet.
    keep_all: bool,
    /// The most windows for which there is room.
    most: usize,
    /// The current window, if there was no room for it.
    beyond: Option<Window>,
    /// The number of updates for which there was no room.
    left_out: u64,
}

#[derive(Debug)]
enum Pace {
    /// Windows begin at these times; the last one that began is `next - 1`.
    Marks { times: Vec<Timestamp>, next: usize },
    /// Windows begin after a pause of `gap`.
    Gaps { gap: Duration, longest: Duration },
}

/// The windows of a whole capture, those that are updates numbered.
#[derive(Debug)]
pub struct Windows {
    windows: Vec<Window>,
    left_out: u64,
}

impl UpdateFinder {
    /// Creates a finder for a capture whose scenario had these marks, or whose marks are not known. Windows take at
    /// most an eighth of the memory; further updates are counted.
    #[must_use]
    pub fn new(marks: Option<&[Timestamp]>, keep_all: bool, memory: Memory) -> Self {
        let pace = match marks {
            Some(marks) => {
                let mut times = marks.to_vec();
                times.sort_unstable();
                Pace::Marks { times, next: 0 }
            }
            None => Pace::Gaps {
                gap: SHORTEST_GAP,
                longest: Duration::ZERO,
            },
        };
        Self {
            windows: Vec::new(),
            pace,
            keep_all,
            most: memory.bytes() / 8 / WINDOW_BYTES,
            beyond: None,
            left_out: 0,
        }
    }

    /// Takes the next TCP packet.
    #[inline]
    pub fn add(&mut self, number: u64, time: Timestamp, packet: &Accounted) {
        let last = self.beyond.as_ref().or_else(|| self.windows.last());
        let last_time = last.map(|window| window.last_time);
        if self.pace.begins_window(time, last_time) || last_time.is_none() {
            self.begin_window(number, time);
        }
        let window = match &mut self.beyond {
            Some(window) => Some(window),
            None => self.windows.last_mut(),
        };
        if let Some(window) = window {
            window.add(number, time, packet);
        }
    }

    #[cold]
    fn begin_window(&mut self, number: u64, time: Timestamp) {
        if self.beyond.is_none() && self.windows.len() >= MOST_WINDOWS.min(self.most) {
            self.make_room();
        }
        let window = Window {
            first_packet: number,
            first_time: time,
            last_time: time,
            ..Window::default()
        };
        self.count_beyond();
        if self.beyond.is_some() || self.windows.len() >= self.most {
            self.beyond = Some(window);
        } else {
            self.windows.push(window);
        }
    }

    /// Counts the window for which there was no room, if it is an update.
    fn count_beyond(&mut self) {
        let is_update = self.beyond.as_ref().is_some_and(Window::is_plain_update);
        self.left_out += u64::from(is_update);
    }

    fn make_room(&mut self) {
        if let Pace::Gaps { gap, .. } = &mut self.pace
            && *gap < LONGEST_GAP
        {
            *gap = (*gap * 2).min(LONGEST_GAP);
            join_close(&mut self.windows, *gap);
        } else if !self.keep_all
            && (self.windows.len().is_power_of_two() || self.windows.len() == self.most)
        {
            self.windows.retain(Window::is_plain_update);
        }
    }

    /// Returns the windows, after the whole capture was seen.
    #[must_use]
    pub fn finish(mut self) -> Windows {
        self.count_beyond();
        match self.pace {
            Pace::Marks { .. } => number_marked(&mut self.windows),
            Pace::Gaps { gap, longest } => {
                join_close(
                    &mut self.windows,
                    (longest / 4).clamp(SHORTEST_GAP, LONGEST_GAP).max(gap),
                );
                number(
                    self.windows
                        .iter_mut()
                        .filter(|window| window.is_plain_update()),
                );
            }
        }
        Windows {
            windows: self.windows,
            left_out: self.left_out,
        }
    }
}

/// Numbers the updates among windows that begin at marks.
fn number_marked(windows: &mut [Window]) {
    let opening = windows.iter().take_while(|window| window.opens).count();
    let closing = usize::from(windows.last().is_some_and(|window| window.closes));
    let middle = opening..(windows.len() - closing).max(opening);
    let has_updates = windows[middle.clone()].iter().any(|window| window.has_data);
    let candidates = if has_updates {
        &mut windows[middle]
    } else {
        windows
    };
    number(candidates.iter_mut().filter(|window| window.has_data));
}

fn number<'a>(updates: impl Iterator<Item = &'a mut Window>) {
    for (number, window) in (1..).zip(updates) {
        window.update = Some(number);
    }
}

impl Pace {
    #[inline]
    fn begins_window(&mut self, time: Timestamp, last: Option<Timestamp>) -> bool {
        match self {
            Self::Marks { times, next } => {
                let passed = times[*next..]
                    .iter()
                    .take_while(|mark| **mark <= time)
                    .count();
                *next += passed;
                passed > 0
            }
            Self::Gaps { gap, longest } => {
                let pause = last.map_or(Duration::ZERO, |last| time.since(last));
                *longest = pause.max(*longest);
                pause >= *gap
            }
        }
    }
}

/// Joins windows that are less than `gap` apart.
fn join_close(windows: &mut Vec<Window>, gap: Duration) {
    windows.dedup_by(|later, earlier| {
        let is_close = later.first_time.since(earlier.last_time) < gap;
        if is_close {
            earlier.join(later);
        }
        is_close
    });
}

impl Window {
    #[inline]
    fn add(&mut self, number: u64, time: Timestamp, packet: &Accounted) {
        self.last_packet = number;
        self.last_time = self.last_time.max(time);
        match packet.role {
            Role::Handshake => self.opens = true,
            Role::Close => self.closes = true,
            role => {
                let statistics = Statistics::from(packet);
                self.statistics += statistics;
                self.has_data |= role.is_data();
                if packet.is_push {
                    self.push += statistics;
                }
            }
        }
    }

    fn join(&mut self, later: &Self) {
        self.last_packet = later.last_packet;
        self.last_time = later.last_time;
        self.statistics += later.statistics;
        self.push += later.push;
        self.opens |= later.opens;
        self.closes |= later.closes;
        self.has_data |= later.has_data;
    }

    fn is_plain_update(&self) -> bool {
        self.has_data && !self.opens && !self.closes
    }
}

impl Windows {
    /// Returns the number of updates without windows: they come behind all others.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the windows that are updates, in order.
    pub fn updates(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(|window| window.update.is_some())
    }

    /// Returns the phase of the conversation at a packet of this number and role.
    #[must_use]
    pub fn phase(&self, number: u64, role: Role) -> Phase {
        let after = self
            .windows
            .partition_point(|window| window.first_packet <= number);
        let window = after
            .checked_sub(1)
            .and_then(|index| self.windows.get(index));
        match (role, window) {
            (Role::NotTcp, _) | (_, None) => Phase::Between,
            (Role::Handshake, _) => Phase::Opening,
            (Role::Close, _) => Phase::Closing,
            (
                _,
                Some(Window {
                    update: Some(number),
                    ..
                }),
            ) => Phase::Update(*number),
            (_, Some(window)) if window.opens => Phase::Opening,
            (_, Some(window)) if window.closes => Phase::Closing,
            (_, Some(_)) => Phase::Between,
        }
    }
}

#[cfg(test)]
mod tests {
    use wirestream::units::Side;

    use super::*;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_nanoseconds(milliseconds * 1_000_000)
    }

    fn packet(role: Role, app_bytes: u32) -> Accounted {
        Accounted {
            role,
            sender: Some((0, Side::Client)),
            frame_bytes: 66 + app_bytes,
            tcp_bytes: 32,
            app_bytes,
            is_push: role == Role::Body,
        }
    }

    /// Finds the windows of packets at these milliseconds, between these marks or between idle gaps.
    fn windows(marks: Option<&[u64]>, packets: &[(u64, Role, u32)]) -> Windows {
        let marks: Option<Vec<Timestamp>> =
            marks.map(|marks| marks.iter().map(|mark| at(*mark)).collect());
        let mut finder = UpdateFinder::new(marks.as_deref(), true, Memory::default());
        for (number, (time, role, app_bytes)) in (1..).zip(packets) {
            finder.add(number, at(*time), &packet(*role, *app_bytes));
        }
        finder.finish()
    }

    fn packet_counts(windows: &Windows) -> Vec<u64> {
        windows
            .updates()
            .map(|window| window.statistics.total_packets)
            .collect()
    }

    use Role::{Body, Close, Handshake, Keepalive, PureAck, Request};

    /// Opens at 0, updates at 10 s and 20 s, a keepalive at 30 s, closes at 40 s with a message before.
    const SESSION: [(u64, Role, u32); 15] = [
        (0, Handshake, 0),
        (20, Handshake, 0),
        (40, Request, 300),
        (60, Body, 700),
        (10_000, Request, 5),
        (10_010, PureAck, 0),
        (10_020, Body, 10),
        (10_030, PureAck, 0),
        (20_000, Request, 5),
        (20_020, Body, 10),
        (20_030, PureAck, 0),
        (30_000, Keepalive, 1),
        (30_010, Keepalive, 0),
        (40_000, Request, 8),
        (40_010, Close, 0),
    ];

    #[test]
    fn bursts_between_idle_gaps_are_updates_unless_they_open_or_close() {
        let windows = windows(None, &SESSION);
        assert_eq!(packet_counts(&windows), [4, 3]);
        let pushes: Vec<u64> = windows
            .updates()
            .map(|window| window.push.app_bytes)
            .collect();
        assert_eq!(pushes, [10, 10]);
        let phases: Vec<String> = (1..)
            .zip(SESSION)
            .map(|(number, (_, role, _))| windows.phase(number, role).to_string())
            .collect();
        let opening = ["opening"; 4];
        let closing = ["closing"; 2];
        assert_eq!(phases[..4], opening);
        assert_eq!(phases[4..8], ["update 1"; 4]);
        assert_eq!(phases[8..11], ["update 2"; 3]);
        assert_eq!(phases[11..13], ["between"; 2]);
        assert_eq!(phases[13..], closing);
    }

    #[test]
    fn windows_between_marks_are_updates_unless_they_open_or_close() {
        assert_eq!(
            packet_counts(&windows(
                Some(&[0, 9_990, 19_990, 29_990, 39_990]),
                &SESSION
            )),
            [4, 3]
        );
    }

    #[test]
    fn marks_part_what_no_gap_does() {
        let packets = [
            (0, Request, 5),
            (10, Body, 5),
            (20, Request, 5),
            (30, Body, 5),
        ];
        assert_eq!(packet_counts(&windows(Some(&[0, 15]), &packets)), [2, 2]);
        assert_eq!(packet_counts(&windows(None, &packets)), [4]);
    }

    #[test]
    fn updates_that_each_open_a_connection_count_without_their_handshakes() {
        let one = |start: u64| {
            [
                (start, Handshake, 0),
                (start + 10, Request, 5),
                (start + 20, Body, 5),
                (start + 30, Close, 0),
            ]
        };
        let packets = [one(0), one(10_000)].concat();
        assert_eq!(packet_counts(&windows(Some(&[0, 9_000]), &packets)), [2, 2]);
        assert_eq!(
            packet_counts(&windows(None, &packets)),
            [] as [u64; 0],
            "without marks, nothing tells them apart"
        );
    }

    #[test]
    fn a_connection_that_opens_or_closes_meanwhile_leaves_an_update_what_it_is() {
        let mut packets = SESSION.to_vec();
        packets.insert(4, (9_995, Handshake, 0));
        packets.push((40_020, Close, 0));
        packets.insert(12, (20_500, Close, 0));
        let marks = [0, 9_990, 19_990, 29_990, 39_990];
        assert_eq!(
            packet_counts(&windows(Some(&marks[..]), &packets[4..])),
            [3],
            "it looks like the opening"
        );
        let mut later = SESSION.to_vec();
        later.insert(9, (20_010, Handshake, 0));
        later.insert(12, (20_500, Close, 0));
        assert_eq!(packet_counts(&windows(Some(&marks[..]), &later)), [4, 3]);
    }

    #[test]
    fn the_gap_follows_the_pace_of_the_capture() {
        let pushes: Vec<(u64, Role, u32)> = (0..10)
            .flat_map(|index| [(index * 200, Body, 20), (index * 200 + 5, PureAck, 0)])
            .collect();
        assert_eq!(
            packet_counts(&windows(None, &pushes)).len(),
            10,
            "five pushes a second"
        );
        let slow = [
            (0, Request, 5),
            (300, Body, 5),
            (10_000, Request, 5),
            (10_300, Body, 5),
        ];
        assert_eq!(
            packet_counts(&windows(None, &slow)),
            [2, 2],
            "a server that takes its time"
        );
    }

    #[test]
    fn a_capture_of_many_sparse_packets_takes_little_memory() {
        let mut finder = UpdateFinder::new(None, false, Memory::default());
        for number in 0..1_000_000 {
            finder.add(number, at(number * 2_000), &packet(Keepalive, 0));
        }
        assert!(
            finder.windows.len() <= 2 * MOST_WINDOWS,
            "{}",
            finder.windows.len()
        );
        assert_eq!(finder.finish().updates().count(), 0);
    }

    #[test]
    fn updates_for_which_there_is_no_room_are_counted() {
        let memory = Memory::of(1 << 20);
        for keep_all in [false, true] {
            let mut finder = UpdateFinder::new(None, keep_all, memory);
            let most = finder.most;
            for number in 0..10_000 {
                finder.add(number, at(number * 2_000), &packet(Body, 5));
            }
            let windows = finder.finish();
            let kept = windows.updates().count();
            assert!(kept <= most && kept + 1 >= most, "{kept} of {most}");
            assert_eq!(kept as u64 + windows.left_out(), 10_000);
        }
    }
}
