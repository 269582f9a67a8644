//! The clients of a run: each is there from the start until it is closed.

use std::collections::BTreeMap;

use jiff::Timestamp as ClockTime;

use super::due_mark::DueMark;
use super::expectation::see;
use super::liveness::LivenessWatch;
use crate::error::{Error, Result};
use crate::lab::browser::Browser;
use crate::lab::client::{Client, Shown};
use crate::scenario::{self, Mark};

/// The clients that were started, in the order of the scenario.
#[derive(Default)]
pub(super) struct Clients(Vec<Participant>);

/// A client and its name, if it has one.
struct Participant {
    name: Option<String>,
    /// `None` after it was closed.
    client: Option<Client>,
}

impl Clients {
    /// Adds the next one.
    pub(super) fn push(&mut self, client: Client, described: &scenario::Client) {
        self.0.push(Participant {
            name: described.name.clone(),
            client: Some(client),
        });
    }

    /// Returns the number of clients, those that are closed included.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a client by its index.
    ///
    /// # Errors
    ///
    /// Returns an error if it is closed.
    pub(super) fn get(&mut self, index: usize) -> Result<&mut Client> {
        let participant = self.0.get_mut(index);
        participant
            .and_then(|participant| participant.client.as_mut())
            .ok_or_else(|| Error::run("the client is closed already"))
    }

    /// Takes a client out, to be closed; `None` if it is closed already.
    pub(super) fn take(&mut self, index: usize) -> Option<Client> {
        self.0.get_mut(index)?.client.take()
    }

    /// Returns the name of a client, if it has one.
    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.name.as_deref()
    }

    /// Returns all that are open, with their names.
    pub(super) fn open(&self) -> impl Iterator<Item = (Option<&str>, &Client)> {
        let open = self.0.iter();
        open.filter_map(|one| Some((one.name.as_deref(), one.client.as_ref()?)))
    }

    /// Returns the indexes of those that are open and are no browsers.
    pub(super) fn terminals(&self) -> impl Iterator<Item = usize> {
        let is_terminal = |one: &Participant| {
            let client = one.client.as_ref();
            client.is_some_and(|client| client.browser().is_none())
        };
        let all = self.0.iter().enumerate();
        all.filter_map(move |(index, one)| is_terminal(one).then_some(index))
    }

    /// Returns the first browser, if there is one: all are of the same kind.
    pub(super) fn browser(&self) -> Option<&Browser> {
        self.open().find_map(|(_, client)| client.browser())
    }

    /// Returns the name and version of netcat, if it is one of the clients.
    pub(super) fn netcat(&self) -> Option<&str> {
        self.open().find_map(|(_, client)| client.netcat())
    }

    /// Returns what the clients show that do not act at a mark, and of which something is expected then.
    pub(super) async fn before_others(&mut self, mark: &Mark) -> Result<Vec<Shown>> {
        let mut before = Vec::with_capacity(mark.expect_of_others.len());
        for (index, expect) in &mark.expect_of_others {
            let shown = self.get(*index)?.shown(expect).await;
            before.push(shown.map_err(|error| self.naming(*index, error))?);
        }
        Ok(before)
    }

    /// Waits for what the clients must show that do not act at a mark, and returns the texts by their names.
    pub(super) async fn see_others(
        &mut self,
        due_mark: &DueMark<'_>,
        before: &[Shown],
        acted: ClockTime,
        liveness: &mut LivenessWatch,
    ) -> Result<BTreeMap<String, String>> {
        let mut texts = BTreeMap::new();
        for ((index, expect), before) in due_mark.mark.expect_of_others.iter().zip(before) {
            let client = self.get(*index)?;
            let seen = see(client, expect, before, acted, due_mark.patience(expect));
            let text = liveness
                .during(seen)
                .await
                .map_err(|error| self.naming(*index, error))?;
            texts.extend(self.name(*index).map(str::to_owned).zip(text));
        }
        Ok(texts)
    }

    /// Adds to an error whose it is, if the client has a name.
    pub(super) fn naming(&self, index: usize, error: Error) -> Error {
        naming(self.name(index), error)
    }
}

/// Adds to an error the name of the client that it is about, if that has one.
pub(super) fn naming(name: Option<&str>, error: Error) -> Error {
    match name {
        Some(name) => error.context(name),
        None => error,
    }
}
