//! A server that sends as fast as it is told to, and its client: each a separate process, as with a real program.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, send};
use serde::{Deserialize, Serialize};
use wiresnap::lab;

use crate::Outcome;

/// The port on which the server listens.
pub(crate) const PORT: u16 = 8000;

/// The line that the server prints when it accepts connections.
pub(crate) const LISTENING: &str = "listening";

/// The kind of loopback interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Interface {
    /// An interface with packets of up to 64 KiB.
    AsItIs,
    /// An interface with packets of up to 1500 bytes, which the kernel cuts from larger pieces at the last moment: so
    /// more of them get through than programs could write one by one.
    LikeEthernet,
}

/// The traffic to send.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// The interface that it passes over.
    pub(crate) interface: Interface,
    /// The number of connections, all at the same time.
    pub(crate) connections: u64,
    /// The number of times that the server writes to each.
    pub(crate) writes_per_connection: u64,
    /// The bytes that it writes each time.
    pub(crate) write_bytes: usize,
    /// The most bytes that it writes in a second, to all connections together; `None` if as many as it can.
    pub(crate) bytes_per_second: Option<u64>,
}

impl Traffic {
    /// Returns the time when `sent` bytes of a connection that began at `begin` are due.
    fn due(&self, begin: Instant, sent: u64) -> Instant {
        let Some(rate) = self.bytes_per_second else {
            return begin;
        };
        begin + Duration::from_micros(sent * self.connections * 1_000_000 / rate)
    }

    fn bytes_per_connection(&self) -> Outcome<u64> {
        Ok(self.writes_per_connection * u64::try_from(self.write_bytes)?)
    }
}

/// Serves each connection once, then reports the bytes received and sent over it.
pub(crate) fn serve(traffic: &Traffic) -> Outcome<()> {
    let listener = TcpListener::bind(lab::address(PORT))?;
    println!("{LISTENING}");
    let accepted: io::Result<Vec<(TcpStream, SocketAddr)>> = (0..traffic.connections)
        .map(|_| listener.accept())
        .collect();
    for_each_at_once(accepted?, |(connection, client)| {
        let (received, sent) = answer(connection, traffic)?;
        println!("connection {client}: received {received} bytes, sent {sent} bytes");
        Ok(())
    })
}

/// Sends when it is asked to; returns the numbers of bytes received and sent.
fn answer(mut connection: TcpStream, traffic: &Traffic) -> io::Result<(u64, u64)> {
    connection.set_nodelay(true)?;
    let mut request = [0];
    connection.read_exact(&mut request)?;
    let piece = vec![b'.'; traffic.write_bytes];
    let mut sent = 0;
    let begin = Instant::now();
    for _ in 0..traffic.writes_per_connection {
        thread::sleep(
            traffic
                .due(begin, sent)
                .saturating_duration_since(Instant::now()),
        );
        let mut rest = &piece[..];
        while !rest.is_empty() {
            // The end of a record: what waits for the client's window is not joined to larger packets.
            let written = send(&connection, rest, SendFlags::EOR)?;
            sent += written as u64;
            rest = &rest[written..];
        }
    }
    connection.shutdown(Shutdown::Write)?;
    let more = io::copy(&mut connection, &mut io::sink())?;
    Ok((1 + more, sent))
}

/// Reads all that the server sends, and prints the seconds that this took.
pub(crate) fn read(traffic: &Traffic) -> Outcome<()> {
    let wanted = traffic.bytes_per_connection()?;
    let connected: io::Result<Vec<TcpStream>> = (0..traffic.connections)
        .map(|_| TcpStream::connect(lab::address(PORT)))
        .collect();
    let begin = Instant::now();
    for_each_at_once(connected?, |mut connection| {
        connection.write_all(b"?")?;
        let read = io::copy(&mut connection, &mut io::sink())?;
        if read == wanted {
            Ok(())
        } else {
            Err(io::Error::other(format!("{read} of {wanted} bytes came")))
        }
    })?;
    println!("{}", begin.elapsed().as_secs_f64());
    Ok(())
}

/// Does the work for each item in a separate thread.
fn for_each_at_once<T: Send>(
    all: Vec<T>,
    work: impl Fn(T) -> io::Result<()> + Sync,
) -> Outcome<()> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, io::Result<()>>> = all
            .into_iter()
            .map(|one| scope.spawn(move || work(one)))
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })
}
