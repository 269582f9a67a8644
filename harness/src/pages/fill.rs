//! Carries out the commands of blocks to produce what the blocks hold.

use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::CommandFactory as _;
use wirestream::capture;
use wirestream::capture::ReadError;
use wirestream::message::Message;

use super::place::Place;
use super::records;
use super::room::Room;
use crate::analysis::coverage::Coverage;
use crate::analysis::difference::{Difference, Record, Redaction};
use crate::analysis::dissection::Dissection;
use crate::analysis::stats::{Measured, Options, measure};
use crate::capture_rules;
use crate::cli::Cli;
use crate::diagnostic::Diagnostic;
use crate::docs::command::{Command, Figures, Listing, Word, is_file_name};
use crate::docs::markdown::{fenced, file_link, plain};
use crate::files::{self, reason, require_within};
use crate::listing::{Messages, Request, list};
use crate::render::difference::{Comparison, changes, reconciliation};
use crate::render::payload::Style as ListingStyle;
use crate::render::redactions::Scope;
use crate::render::table::{Style, statistics_table};
use crate::render::{sequence, style};
use crate::text::Shown as _;
use crate::trace::name::{capture_name, with_ending};
use crate::trace::provenance::{Provenance, marks_beside, path_beside};

/// Columns of a help text.
const HELP_WIDTH: usize = 100;

/// The text and the drawing that a block is to hold.
#[derive(Debug)]
pub(super) struct Filling {
    /// The block's Markdown, with LF at the end of each line.
    pub(super) text: String,
    /// The drawing that it shows.
    pub(super) drawing: Option<Drawing>,
}

/// A drawing in a file of its own.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) file: PathBuf,
    pub(super) svg: String,
}

impl Drawing {
    /// Returns true if the file exists and is what it should be.
    pub(super) fn is_current(&self) -> bool {
        files::read_text(&self.file).is_ok_and(|text| text == self.svg)
    }

    /// Returns a line about a file that is not what it should be. Nobody reads the source of a drawing.
    pub(super) fn difference(&self) -> String {
        let name = self.file.file_name().unwrap_or_default().shown();
        match (self.is_current(), self.file.exists()) {
            (true, _) => String::new(),
            (false, true) => format!("{name} is another drawing\n"),
            (false, false) => format!("{name} is missing\n"),
        }
    }
}

/// Fills the blocks of one page.
pub(super) struct Filler<'a> {
    place: Place,
    room: &'a Room,
}

type Filled<T> = Result<T, Diagnostic>;

impl<'a> Filler<'a> {
    pub(super) const fn new(place: Place, room: &'a Room) -> Self {
        Self { place, room }
    }

    /// Carries out a command; if that fails, the mistake is at the word that is to blame.
    pub(super) fn fill(&self, command: &Command) -> Filled<Filling> {
        let text = match command {
            Command::Stats(figures, captures) => self.statistics(*figures, captures)?,
            Command::Payload(listing) => fenced("text", &self.listing(listing)?),
            Command::Hex(listing) => fenced("text", &self.rows(listing)?),
            Command::Frame(listing, name) => fenced("text", &self.frame(listing, name)?),
            Command::Timeline(captures) => records::timeline(&self.provenances(captures)?),
            Command::Provenance(captures) => records::provenance(&self.provenances(captures)?),
            Command::Diagram { capture, to } => return self.diagram(capture, to.as_ref()),
            Command::Diff(old, new) => self.difference(old, new)?,
            Command::Help(verb) => fenced("text", &help(verb.as_ref())?),
        };
        let drawing = None;
        Ok(Filling { text, drawing })
    }

    fn statistics(&self, figures: Figures, captures: &[Word]) -> Filled<String> {
        let choose = |measured: &Measured| match figures {
            Figures::Overall => Some(measured.overall),
            Figures::PerUpdate => measured.per_update,
            Figures::ServerPush => measured.server_push,
        };
        let mut rows = Vec::new();
        for capture in captures {
            let measured = self.measured(capture)?;
            rows.push((self.linked(capture), choose(&measured)));
        }
        let rows = rows.iter().map(|(name, figures)| (name.as_str(), *figures));
        Ok(statistics_table(rows).render(Style::Markdown))
    }

    fn measured(&self, capture: &Word) -> Filled<Measured> {
        self.read(capture, |path| {
            let options = Options {
                marks: marks_beside(path)?,
                memory: self.room.memory,
                ..Options::default()
            };
            let measured = measure(&mut capture::open_kept(path)?, &options);
            require_whole(&measured.coverage)?;
            Ok(measured)
        })
    }

    fn listing(&self, listing: &Listing) -> Filled<String> {
        let messages = listing.message.map(Messages::Number).unwrap_or_default();
        self.list(&listing.capture, request(listing, messages))
    }

    fn rows(&self, listing: &Listing) -> Filled<String> {
        let request = Request {
            rows_only: true,
            ..request(listing, Messages::All)
        };
        let rows = self.list(&listing.capture, request)?;
        if rows.is_empty() {
            let message = "there are no WebSocket frames";
            return Err(Diagnostic::new(listing.capture.place.clone(), message));
        }
        Ok(rows)
    }

    fn frame(&self, listing: &Listing, name: &str) -> Filled<String> {
        let request = Request {
            style: ListingStyle {
                explain: true,
                ..ListingStyle::default()
            },
            rows_only: true,
            ..request(listing, Messages::Frame(name.to_owned()))
        };
        self.list(&listing.capture, request)
    }

    fn list(&self, capture: &Word, request: Request) -> Filled<String> {
        self.read(capture, |path| {
            let rules = capture_rules::of(path)?;
            let request = Request {
                style: ListingStyle {
                    limit: Some(rules.own().body_limit()),
                    ..request.style
                },
                rules,
                memory: self.room.memory,
                ..request
            };
            let outcome = list(capture::open_kept(path)?, request, self.room.text())?;
            require_whole(&outcome.coverage)?;
            let text = outcome.output.bytes;
            self.room.take(text.len());
            Ok(String::from_utf8_lossy(&text).into_owned())
        })
    }

    fn provenances(&self, captures: &[Word]) -> Filled<Vec<(String, Provenance)>> {
        let with_name = |capture: &Word| {
            let provenance = self.read(capture, |path| match Provenance::read_beside(path) {
                Ok(Some(provenance)) => {
                    let rules = capture_rules::of(path)?;
                    Ok(provenance.map_texts(|text| rules.without_secrets(text)))
                }
                Ok(None) => bail!("there is no {} beside it", record_name(path)),
                Err(error) => bail!("{}: {error}", record_name(path)),
            })?;
            Ok((self.linked(capture), provenance))
        };
        captures.iter().map(with_name).collect()
    }

    /// Draws a diagram: the drawing goes into a file, and a link to it into the block.
    fn diagram(&self, capture: &Word, to: Option<&Word>) -> Filled<Filling> {
        let dissection = self.read(capture, |path| {
            let options = Options {
                marks: marks_beside(path)?,
                memory: self.room.memory,
                ..Options::default()
            };
            let rules = capture_rules::of(path)?;
            let hide = |message: &mut Message| rules.hide(message, Scope::Secrets);
            let dissection = Dissection::hiding(|| capture::open_kept(path), options, &hide)?;
            require_whole(&dissection.measured.coverage)?;
            Ok(dissection)
        })?;
        let name = drawing_name(capture, to)?;
        let title = format!("Sequence diagram of {}", capture.text);
        Ok(Filling {
            text: format!("![{}]({name})\n", plain(&title)),
            drawing: Some(Drawing {
                file: self.place.beside(&name),
                svg: sequence::file(&dissection, &title),
            }),
        })
    }

    /// Returns how the kinds of differences turn the old figures into the new ones, then what changed.
    fn difference(&self, old: &Word, new: &Word) -> Filled<String> {
        let record = |capture: &Word| {
            self.read(capture, |path| {
                let rules = capture_rules::of(path)?;
                let record = Record::read_in(
                    &mut capture::open_kept(path)?,
                    Redaction(&*rules),
                    self.room.memory,
                );
                require_whole(&record.coverage)?;
                Ok((record, rules))
            })
        };
        let ((before, _), (after, rules)) = (record(old)?, record(new)?);
        let difference = Difference::between(&before, &after, Redaction(&*rules));
        let links = [old, new].map(|capture| self.linked(capture));
        let table = reconciliation(&difference, [&links[0], &links[1]], Style::Markdown);
        let changes = changes(Comparison {
            names: [&old.text, &new.text],
            difference: &difference,
            ignored: &[],
            with_volatile: false,
        });
        let changes = match &*style::plain(&changes) {
            "" => "Nothing differs but what changes from run to run.\n".to_owned(),
            changes => fenced("text", changes),
        };
        Ok(format!("{table}\n{changes}"))
    }

    /// Reads a capture that a block names; errors point at its name.
    fn read<T>(&self, capture: &Word, read: impl FnOnce(&Path) -> anyhow::Result<T>) -> Filled<T> {
        let mistake = |message: &str| Diagnostic::new(capture.place.clone(), message);
        let file = self.place.file(&capture.text);
        require_within(self.place.root(), &file).map_err(|error| mistake(&reason(&error)))?;
        read(&file).map_err(|error| match error.downcast_ref() {
            // Its path would be an absolute one, and the name is on the next line.
            Some(ReadError::Open { reason, .. }) if reason.kind() == NotFound => {
                mistake("there is no such file").with_hint(self.place.rule())
            }
            _ => mistake(&format!("{error:#}")),
        })
    }

    /// Returns a capture's name in a table, as a link to it.
    fn linked(&self, capture: &Word) -> String {
        file_link(&capture.text, &self.place.link(&capture.text))
    }
}

fn request(listing: &Listing, messages: Messages) -> Request {
    Request {
        style: ListingStyle {
            redact: listing.redact,
            ..ListingStyle::default()
        },
        connection: listing.connection,
        messages,
        ..Request::default()
    }
}

/// Requires that a capture was read as a whole, since its figures are to be published.
fn require_whole(coverage: &Coverage) -> anyhow::Result<()> {
    if let Some(failure) = coverage.failure() {
        return Err(failure.into());
    }
    if let Some(packet) = coverage.cut {
        bail!("the capture is cut after packet {packet}");
    }
    match coverage.shortages().first() {
        Some(shortage) => bail!("{shortage}"),
        None => Ok(()),
    }
}

/// Returns the name of the file that is kept beside a capture.
fn record_name(capture: &Path) -> String {
    let record = path_beside(capture);
    record.file_name().unwrap_or_default().shown().to_string()
}

/// Returns the name of a drawing's file: the one that is asked for, else that of the capture.
fn drawing_name(capture: &Word, to: Option<&Word>) -> Filled<String> {
    if let Some(to) = to {
        return Ok(to.text.clone());
    }
    let name = with_ending(capture_name(Path::new(&capture.text)), ".svg");
    if let Some(name) = name.to_str().filter(|name| is_file_name(name)) {
        return Ok(name.to_owned());
    }
    let message = "the drawing cannot be called what the capture is called";
    Err(Diagnostic::new(capture.place.clone(), message).with_hint("name it with --to FILE.svg"))
}

fn help(verb: Option<&Word>) -> Filled<String> {
    let mut program = Cli::command().term_width(HELP_WIDTH);
    program.build();
    let command = match verb {
        None => &mut program,
        Some(verb) => program.find_subcommand_mut(&verb.text).ok_or_else(|| {
            let message = format!("wiresnap has no verb `{}`", verb.text);
            Diagnostic::new(verb.place.clone(), message)
                .with_hint("`wiresnap --help` lists the verbs")
        })?,
    };
    Ok(command.render_long_help().to_string())
}
