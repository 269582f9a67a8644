//! The TCP of a connection: order, repetition, overlap, loss, opening and closing.

use super::{ANSWER, Are, Case, REQUEST, exchange, tcp_case};
use crate::support::network::{self, ACK, FIN, PSH, SYN};
use crate::support::script::{Client, Script, Server};

/// Returns all cases, among them the seven of Wireshark's own test of "follow".
pub fn stream_cases() -> Vec<Case> {
    [
        order_cases(),
        file_order_cases(),
        loss_cases(),
        probe_cases(),
        beginning_cases(),
        closing_cases(),
        variety_cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns segments in another order, repeated, and over each other.
fn order_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case("plain exchange", &exchange()),
        tcp_case(
            "two segments in order",
            &opened()
                .data(Client, 0, b"GET / ")
                .data(Client, 6, b"HTTP/1.1\r\n\r\n"),
        ),
        tcp_case(
            "two segments swapped",
            &opened()
                .data(Client, 6, b"world")
                .data(Client, 0, b"hello "),
        ),
        tcp_case(
            "three segments reversed",
            &opened()
                .data(Client, 6, b"gh")
                .data(Client, 3, b"def")
                .data(Client, 0, b"abc"),
        ),
        tcp_case(
            "same segment again",
            &opened()
                .data(Client, 0, b"hello")
                .data(Client, 0, b"hello")
                .data(Client, 5, b"!"),
        ),
        tcp_case("same bytes at other boundaries", &{
            let script = opened()
                .data(Client, 0, b"abcdef")
                .data(Client, 6, b"ghijkl");
            script
                .data(Client, 3, b"defghijklmno")
                .data(Client, 0, b"abcdefghijklmnop")
        }),
        tcp_case("bad overlap, the later one is ignored", &{
            opened()
                .data(Client, 0, b"abcdef")
                .data(Client, 2, b"XXXX")
                .data(Client, 6, b"gh")
        }),
        tcp_case(
            "bad retransmission extends",
            &opened()
                .data(Client, 0, b"abcdef")
                .data(Client, 3, b"XXXghi"),
        ),
        tcp_case("overlaps behind a gap", &{
            let script = opened()
                .data(Client, 4, b"efgh")
                .data(Client, 2, b"CDEFGHIJ");
            script
                .data(Client, 4, b"XXXXXX")
                .data(Client, 0, b"ab")
                .ack(Server, 10)
                .data(Client, 10, b"k")
        }),
        tcp_case("of overlaps behind a gap the first in the file", &{
            opened()
                .data(Client, 0, b"ab")
                .data(Client, 13, b"nopqrst")
                .data(Client, 9, b"SSSSSSSSSS")
                .data(Client, 2, b"cdefghijklm")
                .data(Client, 1, b"PPPPPPPPP")
                .ack(Server, 20)
        }),
        tcp_case("of overlaps behind a gap the first that can be next", &{
            opened()
                .data(Client, 20, b"uvwxy")
                .data(Client, 15, b"LLLLLLLLLLLLLL")
                .data(Client, 0, b"abcdefghijklmn")
                .data(Client, 14, b"opqrst")
                .ack(Server, 29)
        }),
        tcp_case("longer copy behind a gap", &{
            opened()
                .data(Client, 5, b"fg")
                .data(Client, 5, b"FGHIJ")
                .data(Client, 0, b"abcde")
                .data(Client, 10, b"k")
        }),
    ]
}

/// Returns packets of a connection that are in the file in another order than on the wire: for TCP this makes no
/// difference.
fn file_order_cases() -> Vec<Case> {
    const BEGINS_LATE: &str = "follow begins with the first segment in the file, and drops what comes before it; a SYN \
                               behind others begins another stream there";
    let ordered = |name, order: &[usize]| {
        let mut script = exchange();
        let segments = order.iter().map(|index| script.segments[*index].clone());
        script.segments = segments.collect();
        tcp_case(name, &script).streams(Are(REQUEST, ANSWER, BEGINS_LATE))
    };
    vec![
        ordered("backwards", &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ordered("data before SYN", &[3, 5, 0, 1, 2, 4, 6, 7, 8, 9, 10]),
        ordered("FIN before SYN", &[7, 9, 0, 1, 2, 3, 4, 5, 6, 8, 10]),
        ordered("SYN at the end", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]),
        ordered(
            "acknowledgements before all else",
            &[10, 6, 4, 8, 2, 9, 7, 5, 3, 1, 0],
        ),
    ]
}

/// Returns connections with segments that are not in the capture.
fn loss_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case("lost but acknowledged", &{
            opened()
                .data(Client, 0, b"abc")
                .data(Client, 10, b"klm")
                .ack(Server, 13)
                .data(Client, 13, b"n")
        })
        .missing(7, 0),
        tcp_case("three of five lost, acknowledged", &{
            let script = opened().data(Client, 3, b"d").data(Client, 8, b"i");
            script
                .data(Client, 10, b"klm")
                .ack(Server, 13)
                .data(Client, 13, b"n")
        })
        .missing(3 + 4 + 1, 0),
        tcp_case(
            "lost at the start",
            &opened().data(Client, 100, b"late").ack(Server, 104),
        )
        .missing(100, 0),
        tcp_case(
            "lost at the end, acknowledged",
            &opened().data(Client, 0, b"abc").ack(Server, 10),
        )
        .missing(7, 0),
        tcp_case(
            "lost before FIN",
            &opened()
                .data(Client, 0, b"abc")
                .at(Client, 10, FIN | ACK, b""),
        )
        .missing(7, 0),
        tcp_case(
            "lost and not acknowledged",
            &opened().data(Client, 0, b"abc").data(Client, 5, b"fgh"),
        )
        .missing(2, 0)
        .streams(Are(
            b"abcfgh",
            b"",
            "follow ends at a gap that was not acknowledged",
        )),
        tcp_case("acknowledged, and only then captured", &{
            opened()
                .data(Client, 5, b"fgh")
                .ack(Server, 8)
                .data(Client, 0, b"abcde")
                .data(Client, 8, b"i")
        })
        .streams(Are(
            b"abcdefghi",
            b"",
            "follow gives a gap up as soon as it is acknowledged",
        )),
    ]
}

/// Returns segments that ask for an answer instead of carrying data.
fn probe_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case("keepalives without a byte", &{
            let script = opened()
                .data(Client, 0, b"abc")
                .ack(Server, 3)
                .at(Client, 2, ACK, b"")
                .ack(Server, 3);
            script
                .at(Client, 2, ACK, b"")
                .ack(Server, 3)
                .data(Client, 3, b"def")
        }),
        tcp_case("keepalives with a byte", &{
            let script = opened()
                .data(Client, 0, b"abc")
                .ack(Server, 3)
                .at(Client, 2, ACK, b"\0")
                .ack(Server, 3);
            script
                .data(Client, 3, b"def")
                .ack(Server, 6)
                .at(Client, 5, ACK, b"\0")
        }),
        tcp_case(
            "keepalive before any data",
            &opened()
                .at(Client, u32::MAX, ACK, b"")
                .data(Client, 0, b"abc"),
        ),
        tcp_case("zero window probe", &{
            let script = opened()
                .data(Client, 0, b"abc")
                .ack(Server, 3)
                .window(0)
                .data(Client, 3, b"d");
            script
                .ack(Server, 3)
                .window(0)
                .data(Client, 3, b"d")
                .ack(Server, 4)
                .window(9000)
                .data(Client, 4, b"ef")
        }),
    ]
}

/// Returns the ways in which a connection, or its capture, begins.
fn beginning_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case("sequence numbers that wrap", &{
            let script = Script::default().initial(u32::MAX - 4, u32::MAX).open();
            let script = script
                .data(Client, 0, b"abcdef")
                .data(Client, 12, b"mno")
                .data(Client, 6, b"ghijkl");
            script.data(Server, 0, b"xyz").ack(Server, 15).close()
        }),
        tcp_case("begins in mid-connection", &{
            Script::default()
                .acknowledging(900, 500)
                .data(Client, 500, b"abc")
                .data(Server, 900, b"xyz")
                .data(Client, 503, b"def")
        }),
        tcp_case("begins with an acknowledgement", &{
            Script::default()
                .at(Client, 0, ACK, b"")
                .data(Server, 0, b"xyz")
                .data(Client, 0, b"abc")
        }),
        tcp_case("begins with a keepalive", &{
            Script::default()
                .at(Client, 499, ACK, b"")
                .data(Client, 500, b"abc")
                .data(Client, 503, b"def")
        })
        .streams(Are(
            b"abcdef",
            b"",
            "follow takes the probe's byte for a gap",
        )),
        tcp_case("ports used again after closing", &{
            exchange().then(
                Script::default()
                    .initial(77_000, 99_000)
                    .open()
                    .data(Client, 0, b"second")
                    .close(),
            )
        })
        .connections(2),
        tcp_case("ports used again without closing", &{
            opened().data(Client, 0, b"first").then(
                Script::default()
                    .initial(77_000, 99_000)
                    .open()
                    .data(Client, 0, b"second"),
            )
        })
        .connections(2),
        tcp_case(
            "SYN again",
            &Script::default()
                .syn()
                .syn()
                .syn_ack()
                .at(Client, 0, ACK, b"")
                .data(Client, 0, b"abc"),
        ),
        tcp_case(
            "SYN after its answer",
            &Script::default()
                .syn_ack()
                .syn()
                .at(Client, 0, ACK, b"")
                .data(Client, 0, b"abc"),
        ),
        tcp_case("SYN with data", &{
            let script = Script::default()
                .initial(1000, 5000)
                .raw(Client, 1000, 0, SYN, b"early ");
            script
                .syn_ack()
                .data(Client, 6, b"later")
                .data(Server, 0, b"ok")
        }),
        tcp_case("both open at once", &{
            let script = Script::default()
                .syn()
                .raw(Server, 5000, 0, SYN, b"")
                .syn_ack();
            script
                .raw(Client, 1000, 5001, SYN | ACK, b"")
                .data(Client, 0, b"abc")
                .data(Server, 0, b"xyz")
        }),
    ]
}

/// Returns the ways in which a connection ends.
fn closing_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case("both close at once", &{
            let script = opened()
                .data(Client, 0, b"abc")
                .ack(Server, 3)
                .fin(Client)
                .at(Server, 0, FIN | ACK, b"");
            script.at(Client, 4, ACK, b"").at(Server, 1, ACK, b"")
        }),
        tcp_case("reset", &opened().data(Client, 0, b"abc").reset(Server)),
        tcp_case("data goes on after a forged reset", &{
            opened()
                .data(Client, 0, b"abc")
                .reset(Client)
                .data(Client, 3, b"def")
                .data(Server, 0, b"xyz")
        }),
        tcp_case(
            "refused",
            &Script::default()
                .syn()
                .raw(Server, 0, 1001, network::RST | ACK, b""),
        ),
        tcp_case(
            "data on the FIN",
            &opened()
                .at(Client, 0, FIN | ACK | PSH, b"bye")
                .at(Server, 0, ACK, b""),
        ),
        tcp_case(
            "FIN before the data in front of it",
            &opened()
                .at(Client, 3, FIN | ACK, b"")
                .data(Client, 0, b"abc"),
        ),
        tcp_case(
            "data after FIN",
            &opened()
                .data(Client, 0, b"abc")
                .fin(Client)
                .data(Client, 3, b"never"),
        )
        .streams(Are(
            b"abc",
            b"",
            "RFC 9293 §3.10.7.4: text after a FIN is ignored",
        )),
    ]
}

/// Returns other events between two ends.
fn variety_cases() -> Vec<Case> {
    let opened = Script::opened;
    vec![
        tcp_case(
            "one direction only",
            &Script::default()
                .syn()
                .data(Client, 0, b"abc")
                .data(Client, 3, b"def"),
        ),
        tcp_case("acknowledgements only", &{
            Script::default()
                .at(Client, 0, ACK, b"")
                .ack(Client, 1000)
                .ack(Client, 2500)
        })
        .missing(0, 2500),
        tcp_case("two connections interleaved", &{
            let mut both = opened().data(Client, 0, b"first");
            let other = Script::between("10.0.0.1:50001", "10.0.0.2:8000")
                .open()
                .data(Client, 0, b"second");
            both.segments = both
                .segments
                .into_iter()
                .zip(other.segments)
                .flat_map(|(one, two)| [one, two])
                .collect();
            both
        })
        .connections(2),
        tcp_case(
            "ends of equal addresses",
            &Script::between("127.0.0.1:50000", "127.0.0.1:80")
                .open()
                .data(Client, 0, b"abc"),
        ),
        tcp_case("options in the header", &{
            opened()
                .data(Client, 0, b"abc")
                .options(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
                .data(Client, 3, b"def")
        }),
    ]
}
