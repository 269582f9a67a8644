//! Processes that end when their guard does: asked first, then made to, together with all that they started.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::descriptors::with_cure;
use crate::error::{Error, Result};
use crate::text::Shown as _;
use crate::trace::tally::Tally;

/// How many lines of a process's output are kept for an error message.
const KEPT_LINES: usize = 12;

/// Of how many connections of a program it is kept what it says of them; a scenario has a handful.
const KEPT_TALLIES: usize = 100_000;

/// The longest line that is kept, in bytes. A message shows the beginning of it, but only once secrets are hidden in it: one
/// that is cut in two would not be known any more.
const LONGEST_LINE: usize = 16 << 10;

/// How long a process may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for the last words of a process that has ended.
const LOG_PATIENCE: Duration = Duration::from_millis(200);

/// How often to look whether the last process of a group is gone: the system has no event for that.
const POLL: Duration = Duration::from_millis(10);

/// A command line, and what it is to be run with.
#[derive(Debug)]
pub struct Command {
    name: String,
    executable: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
    groups: Groups,
    advice: Option<String>,
}

/// The process groups that are alive, as far as we know.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Mutex<Vec<Pid>>>);

impl Groups {
    fn add(&self, group: Pid) {
        self.list().push(group);
    }

    fn remove(&self, group: Pid) {
        self.list().retain(|other| *other != group);
    }

    fn list(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills whatever is left in any of the groups, and waits until it is gone.
    pub async fn end(&self) {
        let groups = std::mem::take(&mut *self.list());
        for group in groups {
            // One that is gone already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = timeout(PATIENCE, end_of_group(group)).await;
        }
    }
}

/// Waits until no process of a group is left.
async fn end_of_group(group: Pid) {
    loop {
        // Orphans are handed to us (a player adopts them), and stay in the group until somebody has taken note of their end.
        while matches!(waitpgid(group, WaitOptions::NOHANG), Ok(Some(_))) {}
        if test_kill_process_group(group).is_err() {
            return;
        }
        sleep(POLL).await;
    }
}

impl Command {
    /// A command that messages call `name`.
    #[must_use]
    pub fn new(name: &str, executable: &Path) -> Self {
        Self {
            name: name.to_owned(),
            executable: executable.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: PathBuf::from("/"),
            groups: Groups::default(),
            advice: None,
        }
    }

    /// Sets what a user can do where the process ends unasked or does not do its work.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = OsString>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Adds variables; the process gets these and no others.
    #[must_use]
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Adds the process's group to those that are ended together.
    #[must_use]
    pub fn in_groups(mut self, groups: &Groups) -> Self {
        self.groups = groups.clone();
        self
    }

    fn spawn(&self, stdin: Stdio) -> Result<Child> {
        tokio::process::Command::new(&self.executable)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C reaches us alone, and we end the group as a whole.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                let (name, executable) = (&self.name, self.executable.shown());
                let what = format!("cannot start {name} ({executable}): {error}");
                with_cure(Error::environment(what), &error)
            })
    }
}

/// A running process with everything it started; dropping it kills what is left of them.
#[derive(Debug)]
pub struct Process {
    name: String,
    group: Pid,
    log: Log,
    end: watch::Receiver<Option<ExitStatus>>,
    groups: Groups,
    advice: Option<String>,
    gone: bool,
}

/// The two ends of a process that is talked to.
#[derive(Debug)]
pub struct Pipes {
    /// What the process reads.
    pub stdin: ChildStdin,
    /// What the process writes.
    pub stdout: ChildStdout,
}

impl Process {
    /// Starts a process that reads nothing; what it writes is kept for messages.
    ///
    /// # Errors
    ///
    /// Where the system cannot start it.
    pub fn start(command: &Command) -> Result<Self> {
        let mut child = command.spawn(Stdio::null())?;
        let stdout = child.stdout.take();
        let process = Self::guard(command, child)?;
        if let Some(stdout) = stdout {
            process.log.collect(stdout);
        }
        Ok(process)
    }

    /// Starts a process and hands out its standard input and output; only its standard error is kept for messages.
    ///
    /// # Errors
    ///
    /// Where the system cannot start it.
    ///
    /// # Panics
    ///
    /// Never: the pipes were asked for.
    pub fn start_with_pipes(command: &Command) -> Result<(Self, Pipes)> {
        let mut child = command.spawn(Stdio::piped())?;
        let pipes = Pipes {
            stdin: child.stdin.take().expect("standard input is a pipe"),
            stdout: child.stdout.take().expect("standard output is a pipe"),
        };
        Ok((Self::guard(command, child)?, pipes))
    }

    fn guard(command: &Command, mut child: Child) -> Result<Self> {
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| Error::run(format!("{} ended at once", command.name)))?;
        command.groups.add(group);
        let log = Log::default();
        if let Some(stderr) = child.stderr.take() {
            log.collect(stderr);
        }
        let (tell_end, end) = watch::channel(None);
        tokio::spawn(async move {
            // Waiting for a child of ours cannot fail.
            tell_end.send_replace(child.wait().await.ok());
        });
        Ok(Self {
            name: command.name.clone(),
            group,
            log,
            end,
            groups: command.groups.clone(),
            advice: command.advice.clone(),
            gone: false,
        })
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lines that it wrote last.
    #[must_use]
    pub fn last_output(&self) -> Vec<String> {
        self.log.lines()
    }

    /// What it writes, also after the process itself has been handed on.
    pub(super) fn output(&self) -> Log {
        self.log.clone()
    }

    /// Something in a line that it wrote, as soon as `choose` finds it.
    pub async fn line<T>(&self, choose: impl Fn(&str) -> Option<T>) -> T {
        self.log.find(choose).await
    }

    /// Waits for the process to end, and tells how: the error that this is, unless it was asked to.
    pub fn death(&self) -> impl Future<Output = Error> + Send + use<> {
        let (name, log, mut end) = (self.name.clone(), self.log.clone(), self.end.clone());
        let advice = self.advice.clone();
        async move {
            let how = match end.wait_for(Option::is_some).await {
                Ok(status) => (*status).map_or_else(String::new, how_it_ended),
                Err(_) => "ended".to_owned(),
            };
            log.wait_for_end().await;
            let error = Error::run(format!("{name} {how}")).with_output(name, log.lines());
            match advice {
                Some(advice) => error.with_hint(advice),
                None => error,
            }
        }
    }

    /// Waits for the process to end; it was to end by itself.
    ///
    /// # Errors
    ///
    /// Where it says that it failed.
    pub async fn success(&self) -> Result<()> {
        let mut end = self.end.clone();
        let succeeded = match end.wait_for(Option::is_some).await {
            Ok(status) => status.is_some_and(|status| status.success()),
            Err(_) => false,
        };
        if succeeded {
            Ok(())
        } else {
            Err(self.death().await)
        }
    }

    /// The error that it is where a process that is alive does not do its work.
    #[must_use]
    pub fn failing(&self, how: &str) -> Error {
        let name = &self.name;
        let error = Error::run(format!("{name} {how}")).with_output(name, self.last_output());
        match &self.advice {
            Some(advice) => error.with_hint(advice),
            None => error,
        }
    }

    /// Sends a signal to the process and all that it started.
    pub fn signal(&self, signal: Signal) {
        // One that is gone already needs no signal.
        let _ = kill_process_group(self.group, signal);
    }

    /// Asks the process to end with `signal`, and makes it end where it does not; when this returns it is gone, and so
    /// is everything that it started. Gives what it said of its connections.
    pub async fn stop(mut self, signal: Signal) -> Vec<Tally> {
        self.signal(signal);
        if timeout(PATIENCE, self.group_end()).await.is_err() {
            self.signal(Signal::KILL);
            let _ = timeout(PATIENCE, self.group_end()).await;
        }
        self.log.wait_for_end().await;
        self.log.tallies()
    }

    /// Waits until no process of the group is left.
    async fn group_end(&mut self) {
        let _ = self.end.wait_for(Option::is_some).await;
        end_of_group(self.group).await;
        self.groups.remove(self.group);
        self.gone = true;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.gone {
            self.signal(Signal::KILL);
        }
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}{}", signal_name(signal)),
        (None, None) => "ended".to_owned(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        6 => " (SIGABRT)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// A line as it is looked through: a program's output may hold anything.
fn readable(line: &str) -> String {
    line.replace(char::is_control, " ")
}

/// The last lines that a process wrote.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    kept: Arc<Mutex<VecDeque<String>>>,
    /// What the lines say of connections, however many lines there are.
    tallies: Arc<Mutex<Vec<Tally>>>,
    /// Told of each new line and of each pipe's end.
    news: Arc<Notify>,
    /// How many pipes may still bring more.
    open_pipes: watch::Sender<usize>,
}

impl Log {
    fn collect(&self, pipe: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.clone();
        log.open_pipes.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while let Ok(available @ [_, ..]) = pipe.fill_buf().await {
                let end = available.iter().position(|&byte| byte == b'\n');
                let piece = &available[..end.unwrap_or(available.len())];
                let room = LONGEST_LINE - line.len().min(LONGEST_LINE);
                line.extend_from_slice(&piece[..piece.len().min(room)]);
                let used = piece.len() + usize::from(end.is_some());
                pipe.consume(used);
                if end.is_some() {
                    log.keep(&line);
                    line.clear();
                }
            }
            log.keep(&line);
            log.open_pipes.send_modify(|open| *open -= 1);
        });
    }

    fn keep(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        // Control characters stay until a message is shown: they may stand in the middle of a secret.
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        self.take_tally(&readable(line));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.to_owned());
        drop(kept);
        self.news.notify_waiters();
    }

    fn take_tally(&self, line: &str) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() < KEPT_TALLIES {
            tallies.extend(Tally::read(line));
        }
    }

    fn tallies(&self) -> Vec<Tally> {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    async fn find<T>(&self, choose: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let lines = self.lines();
            if let Some(found) = lines.iter().find_map(|line| choose(&readable(line))) {
                return found;
            }
            news.await;
        }
    }

    /// Waits until the pipes are closed; not for long, since a grandchild may keep one open.
    async fn wait_for_end(&self) {
        let mut open_pipes = self.open_pipes.subscribe();
        let _ = timeout(LOG_PATIENCE, open_pipes.wait_for(|open| *open == 0)).await;
    }
}
