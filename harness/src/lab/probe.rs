//! Asks a program over HTTP whether it is ready.
//!
//! Who listens is read from the kernel's table (see [`super::listening`]), without a packet. Whether an answer is a good one can
//! only be asked. All questions come from a few ports that nobody is given unasked, and the capture leaves these ports out:
//! however late the last packet of an answer is, and however the program counts, it is none of the scenario's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};

use super::process::Process;
use crate::error::Result;

/// The longest time that a program may take to answer at all.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// The shortest pause before asking again.
const PAUSE: Duration = Duration::from_millis(50);

/// The largest number of questions: no port is used twice, whose first connection may still be remembered.
const QUESTIONS: u32 = 250;

/// The number of bytes of an answer that are read.
const MOST_BYTES: u64 = 1 << 20;

/// The ports that are asked from: more than there are questions, and beyond those that the kernel gives to whoever does
/// not care (`ip_local_port_range`, up to 60999).
const PORTS: RangeInclusive<u16> = 61_000..=61_255;

/// The same for a program that listens on one of these.
const OTHER_PORTS: RangeInclusive<u16> = 61_256..=61_511;

/// Returns the ports that a program which listens on `port` is asked from.
#[must_use]
pub fn ports(port: u16) -> RangeInclusive<u16> {
    if PORTS.contains(&port) {
        OTHER_PORTS
    } else {
        PORTS
    }
}

/// Waits until `program`, which listens on `address`, answers a GET of `path` with success (2xx).
///
/// # Errors
///
/// Returns an error if it ends first, or takes longer than until `deadline`, `within` from its start: then the error
/// tells the last answer.
pub(super) async fn wait_until_answering(
    program: &Process,
    address: SocketAddr,
    path: &str,
    deadline: Instant,
    within: Duration,
) -> Result<()> {
    let pause = PAUSE.max(within / QUESTIONS);
    let asking = ask_until_ready(address, path, deadline, pause);
    tokio::select! {
        death = program.death() => Err(death.context("before it was ready")),
        ready = asking => ready.map_err(|last| {
            let seconds = within.as_secs_f64();
            program
                .failing(&format!(
                    "is not ready after {seconds} s: GET http://{address}{path} {last}"
                ))
                .add_to_hint("where it only takes longer, give it time: `ready = { …, within = 60 }`")
        }),
    }
}

/// Asks again and again; if that takes too long, returns the last outcome.
async fn ask_until_ready(
    address: SocketAddr,
    path: &str,
    deadline: Instant,
    pause: Duration,
) -> std::result::Result<(), Answer> {
    let mut ports = ports(address.port()).cycle();
    loop {
        let from = ports.next().unwrap_or_default();
        let asked = timeout(ANSWER_PATIENCE, ask(from, address, path)).await;
        let answer = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Failed(error),
            Err(_) => Answer::Late,
        };
        if matches!(answer, Answer::Status(200..=299)) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(answer);
        }
        sleep(pause).await;
    }
}

/// The outcome of a question.
#[derive(Debug)]
enum Answer {
    /// A status code.
    Status(u16),
    /// An answer that is not HTTP.
    Other,
    /// Nothing in time.
    Late,
    /// The connection failed.
    Failed(std::io::Error),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "was answered with {status}"),
            Self::Other => write!(formatter, "was answered with something that is not HTTP"),
            Self::Late => {
                let seconds = ANSWER_PATIENCE.as_secs();
                write!(formatter, "was not answered within {seconds} s")
            }
            Self::Failed(error) => write!(formatter, "failed: {error}"),
        }
    }
}

/// Asks once, and reads the answer to its end, so that the connection is over and nothing breaks off.
async fn ask(from: u16, address: SocketAddr, path: &str) -> std::io::Result<Answer> {
    let (socket, anywhere) = match address {
        SocketAddr::V4(_) => (TcpSocket::new_v4()?, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        SocketAddr::V6(_) => (TcpSocket::new_v6()?, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    // Who asked from this port before may still be remembered.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(anywhere, from))?;
    let mut connection = socket.connect(address).await?;
    // RFC 9112 §9.6: with `close` the server ends the connection behind its answer.
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: wiresnap\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(MOST_BYTES).read_to_end(&mut answer).await?;
    Ok(status(&answer).map_or(Answer::Other, Answer::Status))
}

/// Returns the status code of an HTTP response (RFC 9112 §4).
fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?.get(1..)?;
    let digits = rest.strip_prefix(b" ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_or_not_there() {
        assert_eq!(
            status(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"),
            Some(503)
        );
        assert_eq!(status(b"HTTP/1.0 200\r\n"), Some(200));
        for other in [
            &b""[..],
            b"HTTP/1.1",
            b"HTTP/1.1 2",
            b"HTTP/1.1 abc",
            b"SSH-2.0-x",
        ] {
            assert_eq!(status(other), None);
        }
    }

    #[test]
    fn a_program_is_never_asked_from_the_port_that_it_listens_on() {
        for port in [8000, 60_999, 61_000, 61_255, 61_256] {
            assert!(!ports(port).contains(&port), "{port}");
        }
    }
}
