//! A client's connection that counts its bytes, so that a capture of it can be compared with the program's own account.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::listen::tell;

/// A connection to a client; when it is over, the program tells how many bytes of payload it received and sent.
///
/// The connection ends when it is dropped, by any owner and for any reason, so that is where it tells. It tells before
/// the socket is closed, so that an observer of the connection's end does not have to wait for the line.
#[derive(Debug)]
pub struct Connection {
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    /// The number of bytes that the system handed over, without those that arrived and were never read.
    received: u64,
    /// The number of bytes that the system took, including those that a vanished client never got.
    sent: u64,
}

impl Connection {
    /// Makes the connection of `stream` to `peer`.
    #[must_use]
    pub fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self {
            stream: Arc::new(stream),
            peer,
            received: 0,
            sent: 0,
        }
    }

    /// Returns the client as seen without reading or writing.
    #[must_use]
    pub fn client(&self) -> Client {
        Client(Arc::clone(&self.stream))
    }
}

/// The client at the other end of a connection, as seen without reading or writing.
#[derive(Clone, Debug)]
pub struct Client(Arc<TcpStream>);

impl Client {
    /// Waits until the client has closed its side of the connection, or the connection is broken.
    ///
    /// Bytes that it sent before and that are not read yet do not hide this: it goes by what the system says of the
    /// connection, not by what can be read from it.
    pub async fn gone(&self) {
        // Each interest includes that a side was closed. This one includes nothing else: of urgent data the system was
        // never asked to tell. An error means that the program itself is ending.
        let _ = self.0.ready(Interest::PRIORITY).await;
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
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    self.received += count as u64;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_write(bytes) {
                Ok(count) => {
                    self.sent += count as u64;
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(Shutdown::Write))
    }
}
