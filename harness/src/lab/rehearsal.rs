//! Has a browser rehearse on a page of ours before its timeline begins.
//!
//! What it does for the first time takes it some ten milliseconds more, so it opens the page and clicks a button to get
//! warm. Even then it takes its time from the command to the request. How long that is on this machine, it shows when it
//! does both again a few times: in the timeline it is told its steps so much earlier that the request is on the wire at
//! the mark.
//!
//! The capture has none of that: the page comes from another port than the program's.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::error::{Error, Result};

/// The number of times that a browser opens the page and clicks.
pub(super) const ROUNDS: usize = 8;

/// The time that the page waits for a request.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);

/// HTTP/1.0 (RFC 1945): the page ends with its connection. Its icon is in it, so that none is asked for.
const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n\
    <!DOCTYPE html><title>Rehearsal</title><link rel=icon href=data:,><form><button>Click</button></form><p>Text</p>";

/// The time between a command to a browser and the arrival of the request that it causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reaction {
    /// The time after a command to open a page.
    pub(super) to_open: Duration,
    /// The time after a command to click.
    pub(super) to_click: Duration,
}

impl Reaction {
    /// Returns the lower quartile of these, for each part by itself; zero if there are none.
    ///
    /// Not the middle of them: when all are rehearsed, others still start. What they are busy with adds to a reaction, and
    /// nothing makes it less.
    pub(super) fn of_calm(all: &[Self]) -> Self {
        let of_calm = |part: fn(&Self) -> Duration| {
            let mut durations: Vec<Duration> = all.iter().map(part).collect();
            durations.sort_unstable();
            durations
                .get(durations.len() / 4)
                .copied()
                .unwrap_or_default()
        };
        Self {
            to_open: of_calm(|reaction| reaction.to_open),
            to_click: of_calm(|reaction| reaction.to_click),
        }
    }
}

/// Serves the page until it is dropped.
#[derive(Debug)]
pub(super) struct Page {
    address: SocketAddr,
    requests: UnboundedReceiver<Instant>,
    _server: JoinSet<()>,
}

impl Page {
    /// Serves the page at this address, on a port that is free.
    pub(super) async fn serve(address: IpAddr) -> Result<Self> {
        let cannot = |error: io::Error| {
            Error::environment(format!("cannot serve a page to rehearse with: {error}"))
        };
        let listener = TcpListener::bind((address, 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (tell, requests) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(answer_all(listener, tell));
        Ok(Self {
            address,
            requests,
            _server: server,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Does what causes a request, and gives how long that took to come.
    pub(super) async fn reaction(
        &mut self,
        cause: impl Future<Output = Result<()>>,
    ) -> Result<Duration> {
        // Whatever else the browser asked for was not caused by this.
        while self.requests.try_recv().is_ok() {}
        let begin = Instant::now();
        cause.await?;
        match timeout(REQUEST_PATIENCE, self.requests.recv()).await {
            Ok(Some(arrived)) => Ok(arrived.saturating_duration_since(begin)),
            Ok(None) | Err(_) => Err(Error::run(
                "the browser did not ask for the page to rehearse with",
            )),
        }
    }
}

async fn answer_all(listener: TcpListener, tell: UnboundedSender<Instant>) {
    // Browsers open connections that they may not use: none holds up another.
    let mut answers = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        // Who goes away before the answer wanted none.
        let tell = tell.clone();
        answers.spawn(async move { drop(answer(connection, &tell).await) });
    }
}

async fn answer(connection: TcpStream, tell: &UnboundedSender<Instant>) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Ok(());
    }
    // Nobody waits for it any more: the rehearsal is over.
    let _ = tell.send(Instant::now());
    // The empty line ends the request.
    while connection.read_line(&mut line).await? > "\r\n".len() {
        line.clear();
    }
    connection.write_all(ANSWER).await?;
    connection.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_busy_machine_adds_to_a_reaction_does_not_count() {
        let milliseconds = |to_open, to_click| Reaction {
            to_open: Duration::from_millis(to_open),
            to_click: Duration::from_millis(to_click),
        };

        assert_eq!(Reaction::of_calm(&[]), Reaction::default());
        assert_eq!(
            Reaction::of_calm(&[
                milliseconds(90, 25),
                milliseconds(12, 70),
                milliseconds(15, 30),
                milliseconds(10, 31),
            ]),
            milliseconds(12, 30)
        );
    }

    #[tokio::test]
    async fn the_time_from_a_cause_to_its_request_is_taken() {
        let mut page = Page::serve(std::net::Ipv4Addr::LOCALHOST.into())
            .await
            .unwrap();
        let address = page.address;

        let reaction = page
            .reaction(async move {
                tokio::time::sleep(Duration::from_millis(30)).await;
                let mut connection = TcpStream::connect(address).await.unwrap();
                connection
                    .write_all(b"GET / HTTP/1.1\r\n\r\n")
                    .await
                    .unwrap();
                Ok(())
            })
            .await
            .unwrap();

        assert!(reaction >= Duration::from_millis(30), "{reaction:?}");
    }
}
