//! Ctrl-C, SIGTERM, a terminal that goes away and an asker that does end a run the way any other fault does; a second one
//! ends it at once.

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};

/// The signals that came so far, as the errors that they are.
pub type Signals = watch::Receiver<Vec<Error>>;

/// Begins to watch for signals; from now on a signal does not end this process by itself. The end of the line to the
/// asker of the run, if there is one, counts as a signal too.
///
/// # Errors
///
/// Returns an error if the system does not let us watch.
pub fn watch_signals(asker: Option<std::os::unix::net::UnixStream>) -> Result<Signals> {
    let cannot = |error| Error::environment(format!("cannot watch for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
    let mut quit = signal(SignalKind::quit()).map_err(cannot)?;
    let mut asker = asker
        .map(|line| {
            line.set_nonblocking(true)
                .and_then(|()| UnixStream::from_std(line))
        })
        .transpose()
        .map_err(cannot)?;
    let (tell, told) = watch::channel(Vec::new());
    tokio::spawn(async move {
        loop {
            let ended = tokio::select! {
                _ = interrupt.recv() => Error::ended_by(2, "Ctrl-C"),
                _ = terminate.recv() => Error::ended_by(15, "SIGTERM"),
                _ = hangup.recv() => Error::ended_by(1, "SIGHUP: the terminal is gone"),
                _ = quit.recv() => Error::ended_by(3, "SIGQUIT"),
                () = end_of(&mut asker) => Error::run("whoever asked for the run is gone"),
                () = tell.closed() => return,
            };
            tell.send_modify(|told| told.push(ended));
        }
    });
    Ok(told)
}

/// Waits until the other end of the line is closed, and then drops the line.
async fn end_of(line: &mut Option<UnixStream>) {
    let Some(open) = line else {
        return std::future::pending().await;
    };
    // Nothing more is said on it; what is, is not for us.
    while let Ok(1..) = open.read(&mut [0; 64]).await {}
    *line = None;
}
