//! Opens a program's listening socket, and starts and ends the program.

use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::connection::Connection;

/// The time that a connection may be silent before the kernel probes whether its peer is still there.
///
/// Longer than the pauses of the experiment, so that no probe is ever part of a capture of it.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// The pause before the next attempt when the system refuses a new connection, mostly for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address that a program listens on.
#[derive(Args, Clone, Debug)]
pub struct Address {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on
    #[arg(long, default_value_t = 8000)]
    port: u16,
}

impl Address {
    /// Opens the listening socket.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is not available; the message names it and says what to do about a port that is
    /// taken.
    pub async fn listen(&self) -> anyhow::Result<TcpListener> {
        let Self { host, port } = self;
        TcpListener::bind((host.as_str(), *port))
            .await
            .map_err(|error| {
                let hint = match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        "\nhint: another program has this port; stop it, or choose another one with --port"
                    }
                    io::ErrorKind::PermissionDenied => {
                        "\nhint: ports below 1024 need privilege; choose another one with --port"
                    }
                    _ => "",
                };
                anyhow::anyhow!("cannot listen on {host}:{port}: {error}{hint}")
            })
    }
}

/// Runs `program` until it ends by itself or is told to by Ctrl-C or SIGTERM; returns the exit code of the process.
///
/// Connections that are open then end with the runtime, and each still tells its bytes.
///
/// One thread is plenty for a time service, and keeps its output in the order of the requests.
#[must_use]
pub fn run(name: &str, program: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
        .and_then(|runtime| runtime.block_on(until_told_to_stop(program)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("{name}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn until_told_to_stop(
    program: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    tokio::select! {
        outcome = program => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Prints a line for an observer of the program; if nobody reads it any more, that is not an error.
pub fn tell(text: &str) {
    // In one write, so that what others say on the same channel does not come between a line and its end.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Takes the next connection, no matter what happened to the ones before it.
pub async fn accept(listener: &TcpListener) -> Connection {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                notice_a_dead_peer(&stream);
                return Connection::new(stream, peer);
            }
            Err(error) => {
                tell(&format!("cannot accept a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Makes the kernel probe for the peer, so that the read fails if it is dead: a client whose machine vanished sends
/// nothing, not even a FIN.
fn notice_a_dead_peer(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        tell(&format!("cannot watch over an idle connection: {error}"));
    }
}
