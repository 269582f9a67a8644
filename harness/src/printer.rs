//! Standard output and standard error: the one place where anything is printed.
//!
//! Whatever a verb writes, only characters that show themselves get out, line feeds and tabs; each other byte becomes an
//! escape. So no name, no value and no error message can command a terminal, even if whoever put it into a sentence did not
//! think of it. Colours are marks ([`Style`](crate::render::style::Style)) that become sequences here, and only here.
//!
//! A reader that goes away (`wiresnap check | head`) loses what it did not want, and a verb its verdict never: what cannot
//! be written any more is dropped. A verb whose output is as long as its capture may ask to be stopped instead. Any other
//! failure to write is the environment's.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use memchr::memmem;

use crate::error::Error;
use crate::render::safe_text::{Form, SafeText};
use crate::render::style;
use crate::text::is_safe;

/// The first bytes of each mark of a style in UTF-8 (U+FDC0 to U+FDFF).
const MARKS_BEGIN: &[u8] = &[0xef, 0xb7];

/// The action of a printer whose stream nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenClosed {
    /// Drops what is written.
    GoOn,
    /// Drops what is written, for whatever reason the stream takes no more.
    GoOnAnyway,
    /// Fails, so that the verb ends.
    Stop,
}

/// The end of a stream.
#[derive(Debug)]
enum End {
    /// Nobody reads it.
    Closed,
    /// The stream took no more, as the system said.
    Failed(io::Error),
}

/// Prints what shows itself.
#[derive(Debug)]
pub struct Printer<W> {
    stream: W,
    /// The name of the stream in errors.
    name: &'static str,
    when_closed: WhenClosed,
    has_colours: bool,
    safe: SafeText,
    /// The bytes that are written next.
    line: Vec<u8>,
    end: Option<End>,
}

/// Returns a printer for standard output.
#[must_use]
pub fn standard_output(when_closed: WhenClosed) -> Printer<io::Stdout> {
    let stream = io::stdout();
    let has_colours = AutoStream::choice(&stream) != ColorChoice::Never;
    Printer {
        when_closed,
        has_colours,
        ..Printer::new(stream, "standard output")
    }
}

/// Returns a printer for standard error. A closed standard error is no reason to fail.
#[must_use]
pub fn standard_error() -> Printer<io::Stderr> {
    Printer {
        when_closed: WhenClosed::GoOnAnyway,
        ..Printer::new(io::stderr(), "standard error")
    }
}

/// Prints what the command line was answered: a mistake, which quotes it, or the help that it asked for.
#[must_use]
pub fn answer(answer: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
    let text = answer.render().to_string();
    if answer.use_stderr() {
        write_answer(answer, &text, &mut standard_error());
        return code;
    }
    let mut out = standard_output(WhenClosed::GoOn);
    write_answer(answer, &text, &mut out);
    match out.finish() {
        Ok(()) => code,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(error.class().exit_code())
        }
    }
}

/// Prints clap's answer, in its own colours if nothing needs an escape.
fn write_answer<W: Write>(answer: &clap::Error, text: &str, printer: &mut Printer<W>) {
    let is_visible = |character| matches!(character, '\n' | '\t') || is_safe(character);
    let written = if text.chars().all(is_visible) {
        let told = answer.print();
        printer.told(told)
    } else {
        printer.write_all(text.as_bytes())
    };
    // The printer remembers how it went.
    let _ = written;
}

/// Returns true if standard error is a terminal.
#[must_use]
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes a line to standard error.
pub fn say(text: &str) {
    let mut printer = standard_error();
    // Who does not listen misses it.
    let _ = writeln!(printer, "{text}");
    let _ = printer.flush();
}

impl<W: Write> Printer<W> {
    const fn new(stream: W, name: &'static str) -> Self {
        Self {
            stream,
            name,
            when_closed: WhenClosed::GoOn,
            has_colours: false,
            safe: SafeText::new(Form::Printed),
            line: Vec::new(),
            end: None,
        }
    }

    /// Writes what is left, and returns why not everything could be written, if that is a failure.
    ///
    /// # Errors
    ///
    /// Returns an error of the environment if the stream took no more, as on a full disk.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.line.clear();
        self.safe.end(&mut self.line);
        // It is told below.
        let _ = self.pass_on().and_then(|()| self.flush());
        match &self.end {
            Some(End::Failed(error)) => {
                let (name, why) = (self.name, error.kind());
                Err(Error::environment(format!("cannot write to {name}: {why}"))
                    .with_hint("is the disk full? `df` shows it"))
            }
            Some(End::Closed) | None => Ok(()),
        }
    }

    /// Returns true if the verb was ended because nobody reads any more.
    pub fn has_stopped(&self) -> bool {
        self.when_closed == WhenClosed::Stop && matches!(self.end, Some(End::Closed))
    }

    /// Writes `line`.
    fn pass_on(&mut self) -> io::Result<()> {
        match self.end {
            None => {
                let written = self.stream.write_all(&self.line);
                self.told(written)
            }
            Some(_) => self.refuse(),
        }
    }

    /// Remembers how the stream has ended.
    fn told(&mut self, outcome: io::Result<()>) -> io::Result<()> {
        let Err(error) = outcome else { return Ok(()) };
        self.end = Some(match error.kind() {
            io::ErrorKind::BrokenPipe => End::Closed,
            _ if self.when_closed == WhenClosed::GoOnAnyway => End::Closed,
            _ => End::Failed(error),
        });
        self.refuse()
    }

    fn refuse(&self) -> io::Result<()> {
        match (&self.end, self.when_closed) {
            (Some(End::Closed), WhenClosed::Stop) => Err(io::ErrorKind::BrokenPipe.into()),
            (Some(End::Failed(error)), _) => Err(error.kind().into()),
            _ => Ok(()),
        }
    }

    /// Replaces marks in `line` by what the terminal understands, or by nothing.
    fn colour(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        let mut coloured = String::with_capacity(text.len());
        for character in text.chars() {
            match style::sequence(character) {
                Some(sequence) if self.has_colours => coloured.push_str(sequence),
                Some(_) => {}
                None => coloured.push(character),
            }
        }
        self.line = coloured.into_bytes();
    }
}

impl<W: Write> Write for Printer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.clear();
        self.safe.push(bytes, &mut self.line);
        if memmem::find(&self.line, MARKS_BEGIN).is_some() {
            self.colour();
        }
        self.pass_on()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.end.is_some() {
            return self.refuse();
        }
        let flushed = self.stream.flush();
        self.told(flushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKED: &str =
        "\u{fdd2}red\u{fdd6} \u{1b}[31m\u{202e}\u{9b}\r\u{7} \\ gr\u{fc}n\t\u{fdef}\n";

    fn printed(has_colours: bool, bytes: &[u8], size: usize) -> String {
        let mut stream = Vec::new();
        let mut printer = Printer {
            has_colours,
            ..Printer::new(&mut stream, "a stream")
        };
        for piece in bytes.chunks(size) {
            printer.write_all(piece).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(stream).unwrap()
    }

    #[test]
    fn nothing_gets_out_that_does_not_show_itself() {
        let shown = "\\x1b[31m\\u{202e}\\u{9b}\\r\\x07 \\ gr\u{fc}n\t\\u{fdef}\n";
        for size in 1..9 {
            let text = printed(false, MARKED.as_bytes(), size);
            assert_eq!(text, format!("red {shown}"));
            let text = printed(true, MARKED.as_bytes(), size);
            assert_eq!(text, format!("\u{1b}[31mred\u{1b}[0m {shown}"));
        }
        assert_eq!(printed(true, b"a\xff\xc3", 1), "a\\xff\\xc3");
    }

    /// A stream that takes so many bytes and then fails.
    struct Full(usize, io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(self.1.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is_one_of_the_environment() {
        for (kind, when_closed, goes_on, fails, stops) in [
            (
                io::ErrorKind::BrokenPipe,
                WhenClosed::GoOn,
                true,
                false,
                false,
            ),
            (
                io::ErrorKind::BrokenPipe,
                WhenClosed::Stop,
                false,
                false,
                true,
            ),
            (
                io::ErrorKind::StorageFull,
                WhenClosed::GoOn,
                false,
                true,
                false,
            ),
            (
                io::ErrorKind::StorageFull,
                WhenClosed::Stop,
                false,
                true,
                false,
            ),
            (
                io::ErrorKind::StorageFull,
                WhenClosed::GoOnAnyway,
                true,
                false,
                false,
            ),
        ] {
            let mut printer = Printer {
                when_closed,
                ..Printer::new(Full(3, kind), "a stream")
            };
            printer.write_all(b"abc").unwrap();
            for _ in 0..2 {
                let went = printer.write_all(b"def").is_ok();
                assert_eq!(went, goes_on, "{kind} {when_closed:?}");
            }
            let end = printer.finish();
            let class = end.err().map(|error| error.class());
            assert_eq!(class, fails.then_some(crate::error::Class::Environment));
            assert_eq!(printer.has_stopped(), stops, "{kind} {when_closed:?}");
        }
    }
}
