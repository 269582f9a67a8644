//! The lab in which a test has its scenarios played.

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

/// A lab that plays scenarios, each in a private network that is made for it and removed with it.
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
/// It needs no privilege and no free port, and tests may play at the same time (browsers slow each other down, though:
/// if there are many, `--test-threads=2` is faster). The program under study is started inside, so it has to be an
/// executable. A server that is a task of the test itself cannot be moved there; give it a binary target, which cargo
/// builds before the integration tests, those in `tests/`, and whose path is `env!("CARGO_BIN_EXE_name")` there.
///
/// # The executable that plays
///
/// The test's own process cannot play, because it has too many threads to make a private network. A `wiresnap`
/// executable of the same version as the library plays instead. It is looked for in this order:
///
/// 1. the path given to [`Lab::executable`], or else the one in the variable `WIRESNAP`;
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
    /// Creates a lab in which timelines take as long as written.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the factor by which timelines take longer: 0.1 is ten times as fast.
    #[must_use]
    pub const fn time_scale(mut self, factor: f64) -> Self {
        self.time_scale = factor;
        self
    }

    /// Sets the folder that a scenario's paths start from; without it, that is the current folder, which for tests is
    /// the folder of their package.
    #[must_use]
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(folder.into());
        self
    }

    /// Sets the `wiresnap` executable that plays.
    #[must_use]
    pub fn executable(mut self, wiresnap: impl Into<PathBuf>) -> Self {
        self.executable = Some(wiresnap.into());
        self
    }

    /// Plays a scenario to its end and returns its capture, which is provably complete.
    ///
    /// This works in any async runtime. If the future is dropped, everything that was started is ended.
    ///
    /// # Errors
    ///
    /// Returns an error, classified by [`Error::class`], if the scenario is invalid, if the machine cannot play it, if
    /// the run did not go as written, or if the capture is not provably complete.
    pub async fn play(&self, scenario: &Scenario) -> Result<Recording> {
        let (lab_run, line) = self.prepare(scenario)?;
        let _line = HangUp(line);
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new()
            .name("wiresnap".to_owned())
            .spawn(move || {
                // Nobody to be told is nobody to mind.
                let _ = tell.send(lab_run.play());
            })
            .map_err(cannot_ask)?;
        told.await
            .unwrap_or_else(|_| Err(Error::run("the thread that asked for the run has ended")))
    }

    /// Does the same for a test that is not async.
    ///
    /// # Errors
    ///
    /// Returns an error as [`Lab::play`] does.
    pub fn play_blocking(&self, scenario: &Scenario) -> Result<Recording> {
        let (lab_run, line) = self.prepare(scenario)?;
        let _line = HangUp(line);
        lab_run.play()
    }

    fn prepare(&self, scenario: &Scenario) -> Result<(LabRun, UnixStream)> {
        let root = self.root.as_deref().unwrap_or(Path::new(""));
        let (line, far_end) = UnixStream::pair().map_err(cannot_ask)?;
        let lab_run = LabRun {
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
        Ok((lab_run, line))
    }
}

/// A guard that closes the connection when it is dropped, by which the run ends too.
struct HangUp(UnixStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        // Where the other side has ended already, there is no line.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The request, and both ends of the connection to the process that plays.
struct LabRun {
    executable: Option<PathBuf>,
    commission: Commission,
    line: UnixStream,
    far_end: UnixStream,
}

impl LabRun {
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
