//! Shows the players' progress on standard error.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::printable;
use crate::log;
use crate::printer::{is_watched, say};
use crate::render::redactions::Redactions;
use crate::run::conductor::Progress;
use crate::scenario::Scenario;
use crate::secrets::Secrets;
use crate::text::Shown as _;

/// The interval at which the seconds of the timeline are redrawn.
const TICK: Duration = Duration::from_millis(250);

/// A line for each player on a terminal, or a line for each step without a terminal; nothing if nobody looks.
pub(super) struct Terminal {
    names: Vec<String>,
    /// The bars; empty if there is no terminal.
    bars: Vec<ProgressBar>,
    /// Keeps the lines in their order.
    all: MultiProgress,
    is_quiet: bool,
    /// The secrets that must not be shown in the steps.
    secrets: Vec<Secrets>,
}

impl Terminal {
    pub(super) fn new(scenarios: &[Scenario], redactions: &[Redactions]) -> Self {
        let all = MultiProgress::new();
        // A log would write over them.
        let bars = if is_watched() && log::filter().is_none() {
            scenarios
                .iter()
                .map(|scenario| all.add(bar(scenario)))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            names: scenarios
                .iter()
                .map(|scenario| scenario.name.clone())
                .collect(),
            bars,
            all,
            is_quiet: false,
            secrets: redactions
                .iter()
                .map(|rules| Secrets::new(rules.own()))
                .collect(),
        }
    }

    /// Returns a terminal that shows nothing.
    pub(super) fn quiet() -> Self {
        Self {
            is_quiet: true,
            ..Self::new(&[], &[])
        }
    }

    /// Says what the user should know before anything is started.
    pub(super) fn warn(&self, exposure: &str) {
        if !self.is_quiet {
            say(&format!("note: {exposure}"));
        }
    }

    fn say(&self, player: usize, text: &str) {
        if self.is_quiet {
            return;
        }
        let text = self.secrets[player].hide(text);
        match self.bars.get(player) {
            Some(bar) => bar.set_message(printable(&text)),
            None => say(&format!("{}: {text}", self.names[player].shown())),
        }
    }

    pub(super) fn ended(&self, player: usize, well: bool) {
        let end = if well { "done" } else { "failed" };
        match self.bars.get(player) {
            Some(bar) => bar.abandon_with_message(end),
            None => self.say(player, end),
        }
    }
}

fn bar(scenario: &Scenario) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:8} {elapsed:>4}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    // Hidden until it has its place among the others: it would draw itself on the way there.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(style);
    bar.set_prefix(scenario.name.shown().to_string());
    bar.set_message("waiting for its turn");
    bar
}

impl Progress for Terminal {
    fn phase(&self, player: usize, phase: &str) {
        self.say(player, phase);
    }

    fn step(&self, player: usize, step: &str) {
        self.say(player, step);
    }

    fn note(&self, player: usize, note: &str) {
        if self.is_quiet {
            return;
        }
        let note = format!("note: {}: {}", self.names[player], printable(note));
        self.all.suspend(|| say(&note));
    }

    fn log(&self, player: usize, line: &str) {
        let line = self.secrets[player].hide(line);
        say(&format!("{line} scenario={}", self.names[player].shown()));
    }

    fn started(&self, players: &[usize]) {
        for player in players {
            if let Some(bar) = self.bars.get(*player) {
                bar.reset_elapsed();
                bar.enable_steady_tick(TICK);
            }
        }
    }
}
