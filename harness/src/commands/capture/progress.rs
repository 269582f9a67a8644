//! How far a run has come, on standard error.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::commands::say;
use crate::error::printable;
use crate::run::Progress;
use crate::scenario::Scenario;

/// One line on the terminal, or a line per step where there is none.
pub(super) struct Terminal {
    name: String,
    bar: Option<ProgressBar>,
}

impl Terminal {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{prefix:8} [{bar:32}] {pos:>2}/{len} s  {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> ");
            let length = scenario.duration().as_secs();
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
            bar.set_style(style);
            bar.set_prefix(scenario.name.clone());
            bar
        });
        let terminal = Self {
            name: scenario.name.clone(),
            bar,
        };
        if terminal.bar.is_none() {
            terminal.say(&scenario.description);
        }
        terminal
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(printable(text)),
            None => say(&format!("{}: {}", self.name, printable(text))),
        }
    }

    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(bar.length().unwrap_or_default());
            bar.finish_with_message("done");
        } else {
            self.say("done");
        }
    }
}

impl Progress for Terminal {
    fn phase(&self, phase: &str) {
        self.say(phase);
    }

    fn step(&self, step: &str) {
        self.say(step);
    }

    fn at(&self, elapsed: Duration) {
        if let Some(bar) = &self.bar {
            bar.set_position(elapsed.as_secs());
        }
    }
}
