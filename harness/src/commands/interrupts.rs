//! Ctrl-C, SIGTERM and a terminal that goes away end a run the way any other fault does; a second one ends it at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};

/// The signals that came so far, as the errors that they are.
pub(super) type Signals = watch::Receiver<Vec<Error>>;

/// Begins to watch for signals; from now on none of them ends this process by itself.
pub(super) fn watch_signals() -> Result<Signals> {
    let cannot = |error| Error::environment(format!("cannot watch for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
    let mut quit = signal(SignalKind::quit()).map_err(cannot)?;
    let (tell, told) = watch::channel(Vec::new());
    tokio::spawn(async move {
        loop {
            let ended = tokio::select! {
                _ = interrupt.recv() => Error::ended_by(2, "Ctrl-C"),
                _ = terminate.recv() => Error::ended_by(15, "SIGTERM"),
                _ = hangup.recv() => Error::ended_by(1, "SIGHUP: the terminal is gone"),
                _ = quit.recv() => Error::ended_by(3, "SIGQUIT"),
                () = tell.closed() => return,
            };
            tell.send_modify(|told| told.push(ended));
        }
    });
    Ok(told)
}
