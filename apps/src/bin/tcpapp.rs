//! The server's time over a plain TCP socket, one line per request, one client after the other.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use apps::clock::Reading;
use apps::connection::Connection;
use apps::listen::{Address, accept, run, tell};
use clap::Parser;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// The longest request line, without its end, that is read.
const LONGEST_LINE: usize = 1024;

/// Serve the time of day over a plain TCP socket, one client after the other
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
    /// Seconds that a client may be silent (or not read) before the next one gets its turn
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    idle_timeout: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let patience = Duration::from_secs(options.idle_timeout);
    run("tcpapp", async move {
        serve(options.address.listen().await?, patience).await
    })
}

async fn serve(listener: TcpListener, patience: Duration) -> anyhow::Result<()> {
    tell(&format!("listening on {}", listener.local_addr()?));
    loop {
        let connection = accept(&listener).await;
        if let Err(error) = converse(connection, patience).await {
            tell(&format!("connection ended: {error}"));
        }
    }
}

/// Greets one client and answers its lines until it says bye, hangs up or falls silent.
async fn converse(connection: Connection, patience: Duration) -> io::Result<()> {
    let mut stream = BufReader::new(connection);
    say(&mut stream, &greeting(), patience).await?;
    while let Some(line) = in_time(patience, read_line(&mut stream)).await? {
        if line == Line::Whole(b"bye".to_vec()) {
            return say(&mut stream, "Good bye!\n", patience).await;
        }
        say(&mut stream, &answer(&line), patience).await?;
    }
    Ok(())
}

fn answer(line: &Line) -> String {
    match line {
        Line::Whole(line) if line == b"time" => update(),
        Line::Whole(_) => "Unknown command: type time or bye\n\n".to_owned(),
        Line::TooLong => "Line too long: type time or bye\n\n".to_owned(),
    }
}

fn greeting() -> String {
    format!("Hello!\nServer time: {}\n\n", Reading::now().time_of_day())
}

fn update() -> String {
    format!("{}\n\n", Reading::now().time_of_day())
}

async fn say(stream: &mut BufReader<Connection>, text: &str, patience: Duration) -> io::Result<()> {
    in_time(patience, stream.write_all(text.as_bytes())).await
}

/// Limits the time for one client: the server has one at a time, and one that never answers must not keep the others
/// waiting for good.
async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| {
            let seconds = patience.as_secs();
            Err(io::Error::other(format!("client silent for {seconds} s")))
        })
}

#[derive(PartialEq, Eq)]
enum Line {
    /// The line without its end.
    Whole(Vec<u8>),
    /// A line over the limit; it was read to its end and dropped.
    TooLong,
}

/// Reads up to the next line feed; `None` if the client closed its side, even in mid-line.
async fn read_line(stream: &mut BufReader<Connection>) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            return Ok(None);
        }
        let end = available.iter().position(|&byte| byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        too_long |= line.len() + piece.len() > LONGEST_LINE;
        if !too_long {
            line.extend_from_slice(piece);
        }
        let used = piece.len() + usize::from(end.is_some());
        stream.consume(used);
        if end.is_some() {
            return Ok(Some(if too_long {
                Line::TooLong
            } else {
                Line::Whole(without_return(line))
            }));
        }
    }
}

/// Removes the CR with which some variants of netcat end a line.
fn without_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_has_30_bytes_and_an_update_10() {
        assert_eq!(greeting().len(), 30);
        assert_eq!(update().len(), 10);
    }
}
