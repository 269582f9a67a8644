//! The programs that are compared, and what one run of one of them took.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use crate::inputs::{Input, Kind};

/// tcpflow writes two files per connection: with more connections than this, it measures the file system for minutes.
const MOST_CONNECTIONS_AS_FILES: u64 = 20_000;

/// What is asked of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// How many packets and bytes?
    Stats,
    /// What was said?
    Payload,
}

impl Question {
    pub(crate) const ALL: [Self; 2] = [Self::Stats, Self::Payload];
}

/// One way to have a question answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Stats,
    TsharkConversations,
    Capinfos,
    Payload,
    /// What tshark's "follow" does: it reassembles all connections and shows one.
    PayloadOfOne,
    TsharkFollow,
    Tcpflow,
}

impl Tool {
    /// Ours first, then its peers.
    pub(crate) const fn for_question(question: Question) -> &'static [Self] {
        match question {
            Question::Stats => &[Self::Stats, Self::TsharkConversations, Self::Capinfos],
            Question::Payload => &[
                Self::Payload,
                Self::PayloadOfOne,
                Self::TsharkFollow,
                Self::Tcpflow,
            ],
        }
    }

    /// The command line, without the capture.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stats => "wiresnap stats",
            Self::TsharkConversations => "tshark -n -q -z conv,tcp",
            Self::Capinfos => "capinfos",
            Self::Payload => "wiresnap payload",
            Self::PayloadOfOne => "wiresnap payload --connection 1",
            Self::TsharkFollow => "tshark -n -q -z follow,tcp,raw,0",
            Self::Tcpflow => "tcpflow",
        }
    }

    /// Whether the peers are compared with it.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Stats | Self::Payload)
    }

    /// Whether it is worth running on that capture: open connections are there to measure `stats` with.
    pub(crate) const fn suits(self, input: &Input) -> bool {
        match (self, input.kind) {
            (Self::Tcpflow, Kind::Few | Kind::Short) => {
                input.connections <= MOST_CONNECTIONS_AS_FILES
            }
            (Self::Stats | Self::TsharkConversations | Self::Payload, _) => true,
            (_, kind) => !matches!(kind, Kind::Live),
        }
    }

    pub(crate) fn program(self) -> &'static str {
        self.name().split(' ').next().unwrap_or_default()
    }

    /// Where the program is: ours where cargo put it, others in the search path.
    pub(crate) fn find(self) -> Option<PathBuf> {
        if self.program() == "wiresnap" {
            return Some(PathBuf::from(env!("CARGO_BIN_EXE_wiresnap")));
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join(self.program()))
            .find(|file| file.is_file())
    }

    fn arguments(self, capture: &Path, scratch: &Path) -> Vec<OsString> {
        let words = |words: &[&dyn AsRef<OsStr>]| {
            words.iter().map(|word| word.as_ref().to_owned()).collect()
        };
        match self {
            Self::Stats => words(&[&"stats", &capture]),
            Self::TsharkConversations => {
                words(&[&"-n", &"-q", &"-z", &"conv,tcp", &"-r", &capture])
            }
            Self::Capinfos => words(&[&capture]),
            Self::Payload => words(&[&"payload", &capture]),
            Self::PayloadOfOne => words(&[&"payload", &"--connection", &"1", &capture]),
            Self::TsharkFollow => {
                words(&[&"-n", &"-q", &"-z", &"follow,tcp,raw,0", &"-r", &capture])
            }
            Self::Tcpflow => words(&[&"-o", &scratch, &"-r", &capture]),
        }
    }

    /// Runs it on a capture, what it prints thrown away.
    pub(crate) fn run(self, program: &Path, input: &Input, scratch: &Path) -> io::Result<Run> {
        empty(scratch)?;
        let begin = Instant::now();
        let mut child = Command::new(program)
            .args(self.arguments(&input.path, scratch))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let ended = child.wait4()?;
        let wall = begin.elapsed();
        if !ended.status.success() {
            let (name, capture) = (self.name(), input.name());
            return Err(io::Error::other(format!(
                "{name} failed on {capture}: {}",
                ended.status
            )));
        }
        Ok(Run {
            wall,
            processor: ended.rusage.utime + ended.rusage.stime,
            peak_bytes: ended.rusage.maxrss,
        })
    }
}

/// An empty folder for what a tool writes.
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// Time on a processor, in the program and in the kernel.
    pub(crate) processor: Duration,
    /// The most memory that it held at once. (Linux counts in what the process that started it held: some megabytes.)
    pub(crate) peak_bytes: u64,
}
