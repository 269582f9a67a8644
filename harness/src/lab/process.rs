//! Processes that end when their guard does: asked first, then made to, together with all that they started.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpgid, kill_process_group, pidfd_open,
    test_kill_process, test_kill_process_group, waitpgid,
};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::family::{self, Member};
use super::listening::{Socket, Tables};
use crate::error::{Error, Result};
use crate::machine::descriptors::with_cure;
use crate::text::Shown as _;
use crate::trace::tally::Tally;

/// The number of lines of a process's output that are kept for an error message.
const KEPT_LINES: usize = 12;

/// The number of connections whose mentions in a program's output are kept; a scenario has a handful.
const KEPT_TALLIES: usize = 100_000;

/// The longest line that is kept, in bytes. A message shows its beginning, but only once secrets are hidden in it: a
/// secret cut in two would not be recognized any more.
const LONGEST_LINE: usize = 16 << 10;

/// The longest time that a process may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time to wait for the last output of a process that has ended.
const LOG_PATIENCE: Duration = Duration::from_millis(200);

/// The longest time that a process in the background may take until it listens, before it is reported without a socket.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(3);

/// The interval between checks whether the last process of a group is gone: the system has no event for that.
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
    service: Option<Service>,
}

/// The facts about a program that is to run for as long as its scenario.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// The tables of the network that it is in.
    pub(super) tables: Tables,
    /// The addresses that it is to listen on.
    pub(super) listens_on: Vec<SocketAddr>,
    /// The processes that were there before it.
    pub(super) before: BTreeSet<i32>,
    /// Goes into the background: its first process ends with exit code 0, and another one is it from then on.
    pub(super) is_daemon: bool,
}

impl Service {
    /// Returns what is left of a program whose first process has ended: the process that listens, or else the first of
    /// all.
    fn left(&self) -> Option<Left> {
        let newcomers = family::newcomers(&self.before);
        let sockets = self.tables.sockets().unwrap_or_default();
        let meant = |socket: &Socket| {
            let mut addresses = self.listens_on.iter();
            addresses.any(|address| socket.accepts(*address))
        };
        let sockets: Vec<Socket> = sockets.into_iter().filter(meant).collect();
        let listener = newcomers
            .iter()
            .find(|newcomer| family::holds(newcomer.id, &sockets));
        Some(match (listener, sockets.first()) {
            (Some(listener), Some(socket)) => Left {
                process: listener.clone(),
                socket: Some(*socket),
            },
            _ => Left {
                process: newcomers.into_iter().next()?,
                socket: None,
            },
        })
    }

    /// Does the same, but gives the process some time to listen.
    async fn left_in_time(&self) -> Option<Left> {
        let deadline = Instant::now() + BACKGROUND_PATIENCE;
        loop {
            let left = self.left()?;
            let is_settled = left.socket.is_some() || self.listens_on.is_empty();
            if is_settled || Instant::now() >= deadline {
                return Some(left);
            }
            sleep(POLL).await;
        }
    }
}

/// A process in the background.
struct Left {
    process: Member,
    /// The socket that it listens on, if that is one that its program is to listen on.
    socket: Option<Socket>,
}

impl std::fmt::Display for Left {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.socket {
            Some(socket) => write!(formatter, "{} listens on {socket}", self.process),
            None => write!(formatter, "{} goes on", self.process),
        }
    }
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

    /// Kills all that is left in any of the groups, and waits until it is gone.
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
    /// Returns a command that messages call `name`.
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
            service: None,
        }
    }

    /// Makes it one that is to run for as long as its scenario.
    #[must_use]
    pub(super) fn service(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Sets the advice for the case that the process ends unasked or does not do its work.
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
    /// The exit status of the process that was started, once it has ended.
    first_end: watch::Receiver<Option<ExitStatus>>,
    /// The end of the process that does the work, which may be another one.
    end: watch::Sender<Option<End>>,
    groups: Groups,
    advice: Option<String>,
    service: Option<Service>,
    gone: bool,
}

/// The end of a process.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The exit status, as reported to its parent.
    Told(ExitStatus),
    /// The process is not our child, so its exit status is unknown.
    Untold,
}

impl End {
    fn is_success(self) -> bool {
        matches!(self, Self::Told(status) if status.success())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Told(status) = self else {
            return formatter.write_str("ended");
        };
        match (status.code(), status.signal()) {
            (Some(code), _) => write!(formatter, "ended with exit code {code}"),
            (None, Some(signal)) => {
                write!(
                    formatter,
                    "was killed by signal {signal}{}",
                    signal_name(signal)
                )
            }
            (None, None) => formatter.write_str("ended"),
        }
    }
}

/// The two ends of a process that is talked to.
#[derive(Debug)]
pub struct Pipes {
    /// The pipe that the process reads.
    pub stdin: ChildStdin,
    /// The pipe that the process writes.
    pub stdout: ChildStdout,
}

impl Process {
    /// Starts a process that reads nothing; what it writes is kept for messages.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start it.
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
    /// Returns an error if the system cannot start it.
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
        let (tell_first_end, first_end) = watch::channel(None);
        let end = watch::Sender::new(None);
        let tell_end = end.clone();
        let is_daemon = command
            .service
            .as_ref()
            .is_some_and(|service| service.is_daemon);
        let pid = group.as_raw_nonzero().get();
        info!(
            name = command.name,
            pid,
            executable = %command.executable.shown(),
            arguments = command.arguments.len(),
            "started"
        );
        let name = command.name.clone();
        tokio::spawn(async move {
            // Waiting for a child of ours cannot fail.
            let status = child.wait().await.unwrap_or_default();
            info!(name, pid, %status, "ended");
            tell_first_end.send_replace(Some(status));
            if !(is_daemon && status.success()) {
                tell_end.send_replace(Some(End::Told(status)));
            }
        });
        Ok(Self {
            name: command.name.clone(),
            group,
            log,
            first_end,
            end,
            groups: command.groups.clone(),
            advice: command.advice.clone(),
            service: command.service.clone(),
            gone: false,
        })
    }

    /// Returns the name that messages give it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the lines that it wrote last.
    #[must_use]
    pub fn last_output(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Returns the log of its output, which lasts after the process itself has been handed on.
    pub(super) fn output(&self) -> Log {
        self.log.clone()
    }

    /// Waits for a line that it wrote in which `choose` finds something, and returns that.
    pub async fn line<T>(&self, choose: impl Fn(&str) -> Option<T>) -> T {
        self.log.find(choose).await
    }

    /// Waits for the process to end, and tells how: the error that this is, unless it was asked to.
    pub fn death(&self) -> impl Future<Output = Error> + Send + use<> {
        let (name, log, mut end) = (self.name.clone(), self.log.clone(), self.end.subscribe());
        let (advice, service) = (self.advice.clone(), self.service.clone());
        async move {
            let how = end
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|end| *end);
            let how = how.unwrap_or(End::Untold);
            log.wait_for_end().await;
            let in_background = match service {
                Some(service) if how.is_success() => service.left_in_time().await,
                _ => None,
            };
            if let Some(left) = in_background {
                return Error::run(format!("{name} went into the background: {left}"))
                    .with_output(name, log.lines())
                    .with_hint("add `daemon = true` beside its `command`, or have it stay in the foreground");
            }
            let error = Error::run(format!("{name} {how}")).with_output(name, log.lines());
            match advice {
                Some(advice) => error.with_hint(advice),
                None => error,
            }
        }
    }

    /// Waits until a program that goes into the background is there alone, and looks after it from then on.
    ///
    /// # Errors
    ///
    /// Returns an error if its first process does not end before `deadline`, or leaves nothing.
    pub(super) async fn go_into_background(&mut self, deadline: Instant) -> Result<()> {
        let left_alone = async {
            // Its sender ends when the process has.
            let _ = self.first_end.clone().wait_for(Option::is_some).await;
        };
        tokio::select! {
            () = left_alone => {}
            death = self.death() => return Err(death.context("before it was in the background")),
            () = tokio::time::sleep_until(deadline) => {
                return Err(self
                    .failing("stays in the foreground")
                    .with_hint("leave `daemon` out"));
            }
        }
        let left = match &self.service {
            Some(service) => service.left_in_time().await,
            None => None,
        };
        match left {
            Some(left) => self.follow(left.process.id),
            None => {
                Err(self.failing("ended with exit code 0, and nothing of it is in the background"))
            }
        }
    }

    /// Takes another process, which the first one has started, for what it is all about.
    fn follow(&mut self, process: Pid) -> Result<()> {
        let group = getpgid(Some(process))
            .map_err(|_| self.failing("ended as soon as it was in the background"))?;
        self.group = group;
        self.groups.add(group);
        let end = self.end.clone();
        tokio::spawn(async move {
            end_of(process).await;
            end.send_replace(Some(End::Untold));
        });
        Ok(())
    }

    /// Returns the UDP sockets that this program waits at, in words; `None` if it has none.
    #[must_use]
    pub fn udp_sockets(&self) -> Option<String> {
        let service = self.service.as_ref()?;
        let mut sockets = service.tables.sockets().ok()?;
        sockets.retain(|socket| socket.is_udp);
        let own = self.own_sockets(&sockets).into_iter();
        let own: Vec<String> = own.map(|socket| socket.address.to_string()).collect();
        (!own.is_empty()).then(|| own.join(", "))
    }

    /// Returns the sockets that belong to this program.
    pub(super) fn own_sockets(&self, sockets: &[Socket]) -> Vec<Socket> {
        let Some(service) = &self.service else {
            return Vec::new();
        };
        let newcomers = family::newcomers(&service.before);
        let inodes: Vec<_> = newcomers
            .iter()
            .map(|newcomer| family::inodes(newcomer.id))
            .collect();
        let is_own = |socket: &&Socket| inodes.iter().any(|inodes| inodes.contains(&socket.inode));
        sockets.iter().filter(is_own).copied().collect()
    }

    /// Waits for the process to end; it was to end by itself.
    ///
    /// # Errors
    ///
    /// Returns an error if it says that it failed.
    pub async fn success(&self) -> Result<()> {
        let mut end = self.end.subscribe();
        let succeeded = match end.wait_for(Option::is_some).await {
            Ok(end) => end.is_some_and(End::is_success),
            Err(_) => false,
        };
        if succeeded {
            Ok(())
        } else {
            Err(self.death().await)
        }
    }

    /// Returns the error for a process that is alive but does not do its work.
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

    /// Asks the process to end with `signal`, and kills it if it does not; when this returns it is gone, and so is
    /// everything that it started. Returns what it said of its connections.
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
        let _ = self.end.subscribe().wait_for(Option::is_some).await;
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

/// Waits until a process that is not our child is gone.
pub(super) async fn end_of(process: Pid) {
    match pidfd_open(process, PidfdFlags::empty()) {
        // A thread that waits is no burden: what it waits for is gone before the run is over.
        Ok(descriptor) => drop(spawn_blocking(move || wait_on(&descriptor)).await),
        Err(Errno::SRCH) => {}
        // Where the system has no such descriptors, only looking is left.
        Err(_) => {
            while test_kill_process(process).is_ok() {
                sleep(POLL).await;
            }
        }
    }
}

/// Blocks until the process of this descriptor has ended.
fn wait_on(descriptor: &OwnedFd) {
    let mut end = [PollFd::new(descriptor, PollFlags::IN)];
    while poll(&mut end, None) == Err(Errno::INTR) {}
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

/// Returns a line as it is searched: a program's output may hold anything.
fn readable(line: &str) -> String {
    line.replace(char::is_control, " ")
}

/// The last lines that a process wrote.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    kept: Arc<Mutex<VecDeque<String>>>,
    /// The things that the lines say of connections, however many lines there are.
    tallies: Arc<Mutex<Vec<Tally>>>,
    /// The notification of each new line and of each pipe's end.
    news: Arc<Notify>,
    /// The number of pipes that may still bring more.
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
