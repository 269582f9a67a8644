//! A page for a browser to get warm on, served by ourselves.
//!
//! What a browser does for the first time takes it some ten milliseconds more, by which its first marks would be late.
//! So each loads a page over HTTP and clicks a button before its timeline begins. The capture has none of that: the page
//! comes from another port than the program's.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::error::{Error, Result};

/// HTTP/1.0 (RFC 1945): the page ends with its connection.
const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n\
    <!DOCTYPE html><title>Warm-up</title><button>Click</button><p>Text</p>\
    <script>document.querySelector('button').onclick = () => document.querySelector('p').textContent = 'Clicked'</script>";

/// Serves the page until it is dropped.
#[derive(Debug)]
pub(super) struct WarmUpPage {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl WarmUpPage {
    /// Serves the page at this address, on a port that is free.
    pub(super) async fn serve(address: IpAddr) -> Result<Self> {
        let cannot = |error: io::Error| {
            Error::environment(format!("cannot serve a page to warm up: {error}"))
        };
        let listener = TcpListener::bind((address, 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let mut server = JoinSet::new();
        server.spawn(answer_all(listener));
        Ok(Self {
            address,
            _server: server,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

async fn answer_all(listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        // Who goes away before the answer wanted none.
        let _ = answer(connection).await;
    }
}

async fn answer(connection: TcpStream) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut line = String::new();
    // The empty line ends the request.
    while connection.read_line(&mut line).await? > "\r\n".len() {
        line.clear();
    }
    connection.write_all(ANSWER).await?;
    connection.shutdown().await
}
