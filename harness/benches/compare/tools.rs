//! The programs that are compared, and the measurements of a run.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use crate::inputs::{Input, Kind};

/// The most connections for which tcpflow is run. It writes two files per connection: with more, it measures the file
/// system for minutes.
const MOST_CONNECTIONS_AS_FILES: u64 = 20_000;

/// The question that a tool answers about a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The question for the numbers of packets and bytes.
    Stats,
    /// The question for the payload.
    Payload,
}

impl Question {
    pub(crate) const ALL: [Self; 2] = [Self::Stats, Self::Payload];
}

/// A tool that answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Stats,
    TsharkConversations,
    Capinfos,
    Payload,
    /// A counterpart to tshark's "follow": it reassembles all connections and shows one.
    PayloadOfOne,
    TsharkFollow,
    Tcpflow,
}

impl Tool {
    /// Returns the tools for a question: ours first, then its peers.
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

    /// Returns the command line, without the capture.
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

    /// Returns true if the peers are compared with it.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Stats | Self::Payload)
    }

    /// Returns true if it is worth running on that capture: open connections are there to measure `stats` with.
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

    /// Returns the path of the program: for ours that of cargo, for others that in the search path.
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

    /// Runs it on a capture, and discards its output.
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

/// Makes an empty folder for the output of a tool.
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// The measurements of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// The time on a processor, in the program and in the kernel.
    pub(crate) processor: Duration,
    /// The most memory that it held at once. (Linux includes the memory of the process that started it: some
    /// megabytes.)
    pub(crate) peak_bytes: u64,
}
