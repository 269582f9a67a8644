//! Watches over processes while the run waits for something else.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::clients::naming;
use crate::error::{Error, Result};
use crate::lab::client::Client;

/// The time to wait for the cause after something failed: a killed browser fails the command under way first.
const REASON_PATIENCE: Duration = Duration::from_secs(3);

/// The time to wait, after the client ended, for the end of the program: the client learns of that first.
const CAUSE_PATIENCE: Duration = Duration::from_millis(400);

/// A watch over all that must stay alive while the run waits for something else.
#[derive(Default)]
pub(super) struct LivenessWatch {
    /// The processes and conditions that must last until the end of the run.
    lasting: JoinSet<Error>,
    /// The clients, each with its index.
    clients: JoinSet<(usize, Error)>,
    /// The indexes of the clients that must last: those that are not closed.
    lasting_clients: BTreeSet<usize>,
    /// The end of a client, if one has ended: nobody may be waiting any more when it is known if the program ended too.
    client_death: Option<(usize, Error)>,
    /// The time at which the work failed, or the first death came, no matter what was found out about it since.
    failed_at: Option<Instant>,
}

impl LivenessWatch {
    pub(super) fn watch(&mut self, death: impl Future<Output = Error> + Send + 'static) {
        self.lasting.spawn(death);
    }

    /// Watches over the client with this index, until it is let go.
    pub(super) fn watch_client(&mut self, index: usize, name: Option<&str>, client: &Client) {
        let name = name.map(str::to_owned);
        if let Some(death) = client.death() {
            self.lasting_clients.insert(index);
            self.clients
                .spawn(async move { (index, naming(name.as_deref(), death.await)) });
        }
    }

    /// Lets a client end: that is not an accident any more.
    pub(super) fn let_client_go(&mut self, index: usize) {
        self.lasting_clients.remove(&index);
        self.client_death.take_if(|(ended, _)| *ended == index);
    }

    /// Waits for `work`, or for the first death.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            death = self.first_death() => Err(death),
            outcome = work => match outcome {
                Err(error) => {
                    self.failed_at.get_or_insert_with(Instant::now);
                    if error.is_cause() {
                        return Err(error);
                    }
                    // What failed the work may be a death that has not been noticed yet.
                    Err(timeout(REASON_PATIENCE, self.first_death()).await.unwrap_or(error))
                }
                done => done,
            },
        }
    }

    /// Returns when something failed; `None` if nothing has.
    pub(super) const fn failed_at(&self) -> Option<Instant> {
        self.failed_at
    }

    /// Waits for the first death. If nobody waits for it to the end, the next caller is told.
    async fn first_death(&mut self) -> Error {
        let death = if let Some((_, death)) = self.client_death.clone() {
            death
        } else {
            tokio::select! {
                biased;
                Some(Ok(death)) = self.lasting.join_next() => {
                    self.failed_at.get_or_insert_with(Instant::now);
                    return death;
                }
                (index, death) = death_of_client(&mut self.clients, &self.lasting_clients) => {
                    self.failed_at.get_or_insert_with(Instant::now);
                    self.client_death.insert((index, death)).1.clone()
                }
            }
        };
        // A client that ends because its program did is not the cause.
        match timeout(CAUSE_PATIENCE, self.lasting.join_next()).await {
            Ok(Some(Ok(cause))) => cause,
            _ => death,
        }
    }
}

/// Waits for the end of a client that must last; the end of any other is passed over.
async fn death_of_client(
    clients: &mut JoinSet<(usize, Error)>,
    lasting: &BTreeSet<usize>,
) -> (usize, Error) {
    while let Some(ended) = clients.join_next().await {
        match ended {
            Ok((index, death)) if lasting.contains(&index) => return (index, death),
            Ok(_) | Err(_) => {}
        }
    }
    std::future::pending().await
}
