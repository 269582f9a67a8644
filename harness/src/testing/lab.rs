//! Where a test has its scenarios played.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::sync::oneshot;

use super::executable;
use super::recording::Recording;
use super::scenario::Scenario;
use crate::error::{Error, Result};
use crate::rule::Rules;
use crate::run::commission::{Commission, Delivery, VERB};
use crate::run::message::line;
use crate::text::Shown as _;

/// Plays scenarios, each in a private network that is made for it and goes with it.
///
/// ```no_run
/// use wiresnap::{Lab, Scenario};
///
/// # async fn test() -> Result<(), wiresnap::Error> {
/// let scenario = Scenario::from_file("tests/greets.toml")?;
/// let recording = Lab::new().time_scale(0.1).play(&scenario).await?;
/// wiresnap::assert_wire_snapshot!(recording);
/// # Ok(())
/// # }
/// ```
///
/// It takes no privilege and no free port, and tests may play at the same time (browsers slow each other down, though: where
/// there are many, `--test-threads=2` is faster). The program under study is started inside, so it has to be an executable. A
/// server that is a task of the test itself cannot be moved there; give it a binary target, which cargo builds before the
/// integration tests, those in `tests/`, and whose path is `env!("CARGO_BIN_EXE_name")` there.
///
/// # Who plays
///
/// Not the test's own process, which has too many threads to make a network of its own, but a `wiresnap` executable of
/// the same version as the library. It is looked for in this order:
///
/// 1. what [`Lab::executable`] says, or else the variable `WIRESNAP`;
/// 2. `wiresnap` among the examples, then among the programs that cargo has built beside the test;
/// 3. `PATH`, where `cargo install` puts it.
///
/// An example needs no installation and always has the right version. It is one line, in `examples/wiresnap.rs`, and
/// `cargo test` builds it:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     wiresnap::main()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Lab {
    executable: Option<PathBuf>,
    root: Option<PathBuf>,
    time_scale: f64,
}

impl Default for Lab {
    fn default() -> Self {
        Self {
            executable: None,
            root: None,
            time_scale: 1.0,
        }
    }
}

impl Lab {
    /// A lab in which timelines take as long as they are written.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plays timelines this many times as long: 0.1 is ten times as fast.
    #[must_use]
    pub const fn time_scale(mut self, factor: f64) -> Self {
        self.time_scale = factor;
        self
    }

    /// Sets the folder that a scenario's paths start from; without it, that is the current one, which for tests is the
    /// folder of their package.
    #[must_use]
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(folder.into());
        self
    }

    /// Names the `wiresnap` executable that plays.
    #[must_use]
    pub fn executable(mut self, wiresnap: impl Into<PathBuf>) -> Self {
        self.executable = Some(wiresnap.into());
        self
    }

    /// Plays a scenario to its end and gives its capture, which is provably complete.
    ///
    /// This waits in any async runtime. Where it is not waited for any more, whatever was started is ended.
    ///
    /// # Errors
    ///
    /// As [`Error::class`] tells: a scenario that makes no sense, a machine that cannot play it, a run that did not go as
    /// written, a capture that is not provably complete.
    pub async fn play(&self, scenario: &Scenario) -> Result<Recording> {
        let (performance, line) = self.prepare(scenario)?;
        let _line = HangUp(line);
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new()
            .name("wiresnap".to_owned())
            .spawn(move || {
                // Nobody to be told is nobody to mind.
                let _ = tell.send(performance.play());
            })
            .map_err(cannot_ask)?;
        told.await
            .unwrap_or_else(|_| Err(Error::run("the thread that asked for the run has ended")))
    }

    /// The same for a test that is not async.
    ///
    /// # Errors
    ///
    /// As [`Lab::play`].
    pub fn play_blocking(&self, scenario: &Scenario) -> Result<Recording> {
        let (performance, line) = self.prepare(scenario)?;
        let _line = HangUp(line);
        performance.play()
    }

    fn prepare(&self, scenario: &Scenario) -> Result<(Performance, UnixStream)> {
        let root = self.root.as_deref().unwrap_or(Path::new(""));
        let (line, far_end) = UnixStream::pair().map_err(cannot_ask)?;
        let performance = Performance {
            executable: self.executable.clone(),
            commission: Commission {
                file: scenario.file().to_owned(),
                text: scenario.text().to_owned(),
                set: scenario.values().clone(),
                root: std::path::absolute(root.join(".")).map_err(cannot_ask)?,
                time_scale: self.time_scale,
            },
            line: line.try_clone().map_err(cannot_ask)?,
            far_end,
        };
        Ok((performance, line))
    }
}

/// Ends the line when it is not waited for any more, by which the run ends too.
struct HangUp(UnixStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        // Where the other side has ended already, there is no line.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// What is asked for, and both ends of the line to whom it is asked of.
struct Performance {
    executable: Option<PathBuf>,
    commission: Commission,
    line: UnixStream,
    far_end: UnixStream,
}

impl Performance {
    fn play(self) -> Result<Recording> {
        let wiresnap = executable::find(self.executable.as_deref())?;
        let mut child = Command::new(&wiresnap)
            .arg(VERB)
            .stdin(Stdio::from(OwnedFd::from(self.far_end)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| executable::cannot_start(&wiresnap, &error))?;
        // One that reads nothing says nothing either, which is noticed below.
        let _ = (&self.line).write_all(&line(&self.commission));
        let mut answer = String::new();
        let _ = BufReader::new(&self.line).read_line(&mut answer);
        let status = child.wait().map_err(cannot_ask)?;
        let delivery: Delivery = serde_json::from_str(&answer).map_err(|_| {
            Error::run(format!(
                "{} does not say how the run went: it ended with {status}",
                wiresnap.shown()
            ))
            .with_hint("what it wrote is above; is it of the same version as this library?")
        })?;
        let rules = Rules::of_text(&self.commission.file, &self.commission.text)?;
        Recording::of_delivery(&delivery?, rules)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn cannot_ask(error: std::io::Error) -> Error {
    Error::environment(format!("cannot ask for the run: {error}"))
}
