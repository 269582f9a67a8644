//! A client's connection that counts its bytes, so that a capture of it can be held against the program's own word.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::listen::tell;

/// A connection to a client; when it is over, the program tells how many bytes of payload it received and sent.
///
/// Dropping is what ends it, whoever has it by then and for whatever reason, so that is where it tells: before the
/// socket is closed, so that nobody who saw the end of the connection has to wait for the line.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    /// Bytes that the system handed over. Those that came and were never asked for are not among them.
    received: u64,
    /// Bytes that the system took. Those that a vanished client never got are among them.
    sent: u64,
}

impl Connection {
    /// The connection of `stream` to `peer`.
    #[must_use]
    pub const fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            received: 0,
            sent: 0,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Self {
            peer,
            received,
            sent,
            ..
        } = self;
        tell(&format!(
            "connection {peer}: received {received} bytes, sent {sent} bytes"
        ));
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.received += (buffer.filled().len() - before) as u64;
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = outcome {
            self.sent += count as u64;
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
