//! The times of a mark: when it is prepared, when the client is told, how long its consequence may take.

use std::time::Duration;

use tokio::time::Instant;

use super::{PREPARATION, STEP_PATIENCE};
use crate::lab::client::Client;
use crate::scenario::expect::Expect;
use crate::scenario::{Action, Mark};

/// A mark with its real time.
pub(super) struct DueMark<'a> {
    pub(super) mark: &'a Mark,
    /// The number of the mark, counted from 1.
    pub(super) number: usize,
    pub(super) due: Instant,
    /// True if the program goes on by itself at marks to come. It counts the time from the request, so a request before
    /// its mark would make it send before theirs.
    pub(super) is_answered_later: bool,
    /// The time from this mark to the next; `None` if only a close follows.
    pub(super) more_after: Option<Duration>,
}

impl DueMark<'_> {
    /// Returns when the client is to be told, so that its request is on the wire when the mark is due.
    pub(super) fn moment(&self, client: &Client) -> Instant {
        if self.is_answered_later {
            return self.due;
        }
        let lead = client.lead(&self.mark.action);
        self.due.checked_sub(lead).unwrap_or(self.due)
    }

    /// Returns when to look at what the client shows before the step, and to look up what the step needs. The step is
    /// done at `moment`.
    pub(super) fn preparation(&self, moment: Instant) -> Instant {
        match self.mark.action {
            // As soon as can be: nothing will hold up what comes by itself while the client is looked at.
            Action::Wait => Instant::now(),
            // Not earlier: what the page showed before must be what it showed just before.
            _ => moment.checked_sub(PREPARATION).unwrap_or(moment),
        }
    }

    /// Returns when the step was done: at its moment or a little later.
    pub(super) fn acted(&self) -> Instant {
        match self.mark.action {
            // Nothing is done: however late we are ourselves, what comes from here on belongs to this mark.
            Action::Wait => self.due,
            _ => Instant::now(),
        }
    }

    /// Returns the longest time until a consequence of the step: the file's; else, for what comes by itself, no longer
    /// than until more of it comes.
    pub(super) fn patience(&self, expect: &Expect) -> Duration {
        let wanted = expect.within.or(self.mark.within);
        match (wanted, &self.mark.action, self.more_after) {
            (Some(wanted), ..) => wanted,
            (None, Action::Wait, Some(more_after)) => STEP_PATIENCE.min(more_after),
            _ => STEP_PATIENCE,
        }
    }
}
