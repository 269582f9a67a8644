use super::*;
use std::net::Ipv4Addr;

const CLIENT: &str = "10.0.0.1:50000";
const SERVER: &str = "10.0.0.2:80";

struct Exchange {
    tracker: Tracker,
}

impl Exchange {
    fn new() -> Self {
        Self {
            tracker: Tracker::default(),
        }
    }

    fn send(
        &mut self,
        side: Side,
        sequence: u32,
        acknowledgement: u32,
        flags: Flags,
        length: usize,
    ) -> Tracked {
        let (source, destination) = if side == Side::Client {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        self.tracker.track(&Segment {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence,
            acknowledgement,
            flags,
            window: 1000,
            header_bytes: 20,
            header: &[],
            payload: &vec![0; length],
            payload_length: u32::try_from(length).unwrap(),
        })
    }

    fn open(&mut self) {
        self.send(Side::Client, 100, 0, Flags::SYN, 0);
        self.send(Side::Server, 500, 101, Flags::SYN.with(Flags::ACK), 0);
        self.send(Side::Client, 101, 501, Flags::ACK, 0);
    }
}

#[test]
fn a_plain_connection_is_told_apart_packet_by_packet() {
    use Side::{Client, Server};
    let fin = Flags::FIN.with(Flags::ACK);
    let script = [
        (Client, 100, 0, Flags::SYN, 0, Kind::Handshake),
        (
            Server,
            500,
            101,
            Flags::SYN.with(Flags::ACK),
            0,
            Kind::Handshake,
        ),
        (Client, 101, 501, Flags::ACK, 0, Kind::Handshake),
        (Client, 101, 501, Flags::ACK, 10, Kind::Data),
        (Server, 501, 111, Flags::ACK, 0, Kind::Acknowledgement),
        (Server, 501, 111, Flags::ACK, 20, Kind::Data),
        (Server, 501, 111, Flags::ACK, 20, Kind::Retransmission),
        (Client, 111, 521, Flags::ACK, 0, Kind::Acknowledgement),
        (Client, 110, 521, Flags::ACK, 0, Kind::KeepAlive),
        (Server, 521, 111, Flags::ACK, 0, Kind::KeepAlive),
        (Client, 110, 521, Flags::ACK, 1, Kind::KeepAlive),
        (Server, 521, 111, Flags::ACK, 0, Kind::KeepAlive),
        (Client, 111, 521, fin, 0, Kind::Close),
        (Server, 521, 112, Flags::ACK, 0, Kind::Close),
        (Server, 521, 112, fin, 0, Kind::Close),
        (Server, 521, 112, fin, 0, Kind::Retransmission),
        (Client, 112, 522, Flags::ACK, 0, Kind::Close),
        (Client, 112, 522, Flags::RST, 0, Kind::Close),
    ];
    let mut exchange = Exchange::new();
    for (index, (side, sequence, acknowledgement, flags, length, kind)) in
        script.into_iter().enumerate()
    {
        let tracked = exchange.send(side, sequence, acknowledgement, flags, length);
        assert_eq!(
            (tracked.side, tracked.kind),
            (side, kind),
            "packet {}",
            index + 1
        );
    }
    assert_eq!(exchange.tracker.connections(), 1);
}

#[test]
fn a_late_segment_is_data_and_a_repeated_one_is_not() {
    use Kind::{Data, Retransmission};
    let mut exchange = Exchange::new();
    exchange.open();
    let kinds = [101, 121, 111, 111, 101].map(|sequence| {
        exchange
            .send(Side::Client, sequence, 501, Flags::ACK, 10)
            .kind
    });
    assert_eq!(kinds, [Data, Data, Data, Retransmission, Retransmission]);
}

#[test]
fn the_server_is_known_by_its_syn_and_else_by_its_port() {
    let mut first_is_answer = Exchange::new();
    let tracked = first_is_answer.send(Side::Client, 1, 9, Flags::SYN.with(Flags::ACK), 0);
    assert_eq!(
        tracked.side,
        Side::Server,
        "who answers a SYN is the server, whatever the ports"
    );
    let mut midway = Exchange::new();
    assert_eq!(
        midway.send(Side::Server, 1, 9, Flags::ACK, 5).side,
        Side::Server
    );
    assert_eq!(
        midway.send(Side::Client, 9, 6, Flags::ACK, 5).side,
        Side::Client
    );
}

#[test]
fn a_syn_with_another_number_is_another_connection() {
    let mut exchange = Exchange::new();
    exchange.open();
    assert_eq!(
        exchange
            .send(Side::Client, 100, 0, Flags::SYN, 0)
            .connection,
        0,
        "repeated"
    );
    let reused = exchange.send(Side::Client, 7000, 0, Flags::SYN, 0);
    assert_eq!((reused.connection, reused.kind), (1, Kind::Handshake));
    assert_eq!(exchange.tracker.connections(), 2);
}

#[test]
fn a_syn_that_was_captured_after_its_answer_belongs_to_it() {
    let mut exchange = Exchange::new();
    exchange.send(Side::Server, 500, 101, Flags::SYN.with(Flags::ACK), 0);
    assert_eq!(
        exchange
            .send(Side::Client, 100, 0, Flags::SYN, 0)
            .connection,
        0
    );
}

/// A keeper of the numbers of connections, and of the order in which they were given out.
#[derive(Default)]
struct Numbers {
    retired: Vec<u64>,
    decided: Vec<bool>,
}

impl Keeper for Numbers {
    type State = u64;

    fn open(&mut self, number: u64, _: SocketAddr, _: SocketAddr) -> u64 {
        number
    }

    fn sides_are_known(&mut self, _: usize, have_turned: bool, _: &mut u64) {
        self.decided.push(have_turned);
    }

    fn retire(&mut self, retired: Retired<u64>) {
        assert_eq!(retired.connection, retired.state);
        self.retired.push(retired.state);
    }
}

/// Makes a segment between the server and one of many clients.
fn of_client(client: u32, flags: Flags, length: u32) -> Segment<'static> {
    Segment {
        source: SocketAddr::new(Ipv4Addr::from_bits(client).into(), 9),
        destination: SERVER.parse().unwrap(),
        sequence: 1,
        acknowledgement: 0,
        flags,
        window: 0,
        header_bytes: 20,
        header: &[],
        payload: &[],
        payload_length: length,
    }
}

#[test]
fn closed_connections_are_given_out_and_forgotten_in_time() {
    let (mut tracker, mut numbers) = (Tracker::<u64>::default(), Numbers::default());
    for client in 0..u32::try_from(MOST_CLOSED).unwrap() + 1000 {
        for flags in [Flags::SYN, Flags::RST] {
            tracker.track_with(&of_client(client, flags, 0), &mut numbers);
        }
    }
    let lingering = tracker.connections() - numbers.retired.len() as u64;
    assert_eq!(lingering, LINGER / 2 + 1);
    assert!(
        numbers.retired.is_sorted(),
        "the one that closed first goes first"
    );
    assert!(
        tracker.entries.len() <= MOST_CLOSED + 10,
        "places are used again"
    );
    assert_eq!(tracker.into_remaining().len() as u64, lingering);
}

#[test]
fn a_connection_takes_little_memory() {
    let table = size_of::<u32>() + 1;
    assert!(
        size_of::<Option<Entry<()>>>() + 4 * table <= 250,
        "{}",
        size_of::<Option<Entry<()>>>()
    );
}
