//! Ctrl-C, SIGTERM and a terminal that goes away end a run the way any other fault does.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::run::Interrupt;

/// The signals that end a run, for as many runs as there are.
pub(super) struct Interrupts(watch::Receiver<Option<Error>>);

impl Interrupts {
    pub(super) fn watch() -> Result<Self> {
        let cannot = |error| Error::environment(format!("cannot watch for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
        let mut quit = signal(SignalKind::quit()).map_err(cannot)?;
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            let ended = tokio::select! {
                _ = interrupt.recv() => Error::ended_by(2, "Ctrl-C"),
                _ = terminate.recv() => Error::ended_by(15, "SIGTERM"),
                _ = hangup.recv() => Error::ended_by(1, "SIGHUP: the terminal is gone"),
                _ = quit.recv() => Error::ended_by(3, "SIGQUIT"),
            };
            tell.send_replace(Some(ended));
            tell.closed().await;
        });
        Ok(Self(told))
    }

    pub(super) fn next(&self) -> Interrupt {
        let mut told = self.0.clone();
        Box::pin(async move {
            let told = told.wait_for(Option::is_some).await;
            match told.ok().and_then(|ended| ended.clone()) {
                Some(ended) => ended,
                None => std::future::pending().await,
            }
        })
    }
}
