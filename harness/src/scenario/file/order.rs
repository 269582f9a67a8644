//! Checks the order of a timeline: of all its marks, and of the steps of each client.

use toml::Spanned;

use super::Checked;
use super::clients::Clients;
use super::marks::RawMark;
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, ClientKind, Mark};

/// The marks so far, in order.
pub(super) struct Timeline<'a> {
    clients: &'a Clients<'a>,
    pub(super) marks: Vec<Mark>,
    /// The steps of each client, by its index.
    courses: Vec<Course>,
}

/// The steps of one client so far.
#[derive(Clone, Copy, Default)]
struct Course {
    phase: Phase,
    /// True if it has opened what stays: a page, a connection, a command.
    has_opened: bool,
    /// True if it does not end by itself.
    goes_on: bool,
}

/// The progress of a client.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// It has done nothing yet.
    #[default]
    Waiting,
    /// It has begun.
    Acting,
    /// It was closed.
    Closed,
}

impl Course {
    fn take(&mut self, action: &Action, kind: ClientKind) {
        self.has_opened |= connects(action) || matches!(action, Action::OpenPage(_));
        let ends_by_itself = matches!(action, Action::Execute { .. } | Action::Wait);
        self.goes_on |= kind != ClientKind::Commands || !ends_by_itself;
        self.phase = if action.is_close() {
            Phase::Closed
        } else {
            Phase::Acting
        };
    }

    /// Closes it together with all others; one that has done nothing yet is to be reported.
    fn close(&mut self) {
        if self.phase == Phase::Acting {
            self.phase = Phase::Closed;
        }
    }
}

/// Returns true if an action opens a connection, or a command that stays.
const fn connects(action: &Action) -> bool {
    matches!(action, Action::Connect | Action::Start(_))
}

/// Returns the mistake of a step before its client has opened anything; `of` names the client, if it has a name.
fn before_open(mark: &Mark, raw: &Spanned<RawMark>, of: &str) -> Diagnostic {
    let step = &mark.step;
    Diagnostic::new(raw.span(), format!("`{step}`{of} before `open`"))
        .with_hint(format!("the first mark{of} opens the connection"))
}

impl<'a> Timeline<'a> {
    pub(super) fn new(clients: &'a Clients<'a>, length: usize) -> Self {
        Self {
            clients,
            marks: Vec::with_capacity(length),
            courses: vec![Course::default(); clients.all.len()],
        }
    }

    /// Returns true if a client has opened something, and is still there.
    pub(super) fn is_open(&self, client: usize) -> bool {
        let course = self.courses.get(client);
        course.is_some_and(|course| course.has_opened && course.phase == Phase::Acting)
    }

    /// Checks that a mark can be the next one.
    pub(super) fn check(&self, mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
        self.check_steps(mark, raw)?;
        self.check_time(mark, raw)
    }

    /// Adds a mark.
    pub(super) fn push(&mut self, mark: Mark) {
        if mark.action == Action::CloseAll {
            for course in &mut self.courses {
                course.close();
            }
        } else if let (Some(course), Some(client)) = (
            self.courses.get_mut(mark.client),
            self.clients.all.get(mark.client),
        ) {
            course.take(&mark.action, client.kind);
        }
        self.marks.push(mark);
    }

    /// Checks that a client opens once, and first, and does nothing when it is closed.
    fn check_steps(&self, mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
        if mark.action == Action::CloseAll {
            return self.check_close_of_all(mark, raw);
        }
        let course = self.courses.get(mark.client).copied().unwrap_or_default();
        let of = self.clients.of(mark.client);
        // A browser opens one page after the other; a command that ends by itself opens whatever it needs.
        let opens = connects(&mark.action)
            || matches!(mark.action, Action::OpenPage(_) | Action::Execute { .. });
        if course.phase == Phase::Waiting && !opens {
            return Err(before_open(mark, raw, &of));
        }
        if connects(&mark.action) && course.has_opened {
            return Err(Diagnostic::new(raw.span(), format!("a second `open`{of}"))
                .with_hint("a scenario opens its client once, until it is closed"));
        }
        if course.phase == Phase::Closed {
            return Err(
                Diagnostic::new(raw.span(), format!("a mark{of} after `close`"))
                    .with_hint(format!("`close` is the last mark{of}")),
            );
        }
        Ok(())
    }

    fn check_close_of_all(&self, mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
        if self.marks.is_empty() {
            return Err(before_open(mark, raw, ""));
        }
        let mut courses = self.courses.iter();
        if !courses.any(|course| course.phase == Phase::Acting) {
            return Err(
                Diagnostic::new(raw.span(), "no client is open any more").with_hint("leave it out")
            );
        }
        Ok(())
    }

    fn check_time(&self, mark: &Mark, raw: &Spanned<RawMark>) -> Checked<()> {
        let Some(last) = self.marks.last().filter(|last| mark.at <= last.at) else {
            return Ok(());
        };
        let (now, before) = (mark.at.as_secs_f64(), last.at.as_secs_f64());
        let at = raw.get_ref().at.span();
        Err(
            Diagnostic::new(at, format!("mark out of order: {now} s after {before} s"))
                .with_hint(format!("marks go up: this one must be later than {before}")),
        )
    }

    /// Returns all marks if each client has acted, and nothing is left open.
    pub(super) fn finish(self, last: Option<&Spanned<RawMark>>) -> Checked<Vec<Mark>> {
        let Some(last) = last else {
            return Err(
                Diagnostic::new(self.clients.span(), "a scenario without a timeline").with_hint(
                    "add `[[mark]]` tables: the first with `open`, the last with `close = true`",
                ),
            );
        };
        for (index, course) in self.courses.iter().enumerate() {
            self.check_course(index, *course, last)?;
        }
        Ok(self.marks)
    }

    fn check_course(&self, index: usize, course: Course, last: &Spanned<RawMark>) -> Checked<()> {
        let name = self
            .clients
            .all
            .get(index)
            .and_then(|client| client.name.as_deref());
        match name {
            Some(name) if course.phase == Phase::Waiting => Err(Diagnostic::new(
                self.clients.span_of(index),
                format!("{name} never does anything"),
            )
            .with_hint(format!("give it marks with `client = \"{name}\"`, or leave it out"))),
            _ if course.phase == Phase::Closed || !course.goes_on => Ok(()),
            Some(name) => Err(
                Diagnostic::new(last.span(), format!("{name} is still open after the last mark"))
                    .with_hint("end with a mark that has `close = true`: without `client`, it closes all that are open"),
            ),
            None => Err(
                Diagnostic::new(last.span(), "the last mark does not `close` the client")
                    .with_hint("end with a mark that has `close = true`"),
            ),
        }
    }
}
