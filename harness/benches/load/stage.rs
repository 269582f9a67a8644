//! A lab in which traffic passes while it is captured.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use wiresnap::lab::network::{Ground, Network};
use wiresnap::lab::sniffer::{OpenCapture, Pace, Sniffer};
use wiresnap::lab::{self, keeper, namespace};
use wiresnap::trace::tally::Tally;

use crate::Outcome;
use crate::traffic::{Interface, LISTENING, PORT, Traffic};

/// A private network without a link.
pub(crate) const PRIVATE: Ground = Ground {
    network: Network::Private,
    link: None,
};

/// The file that the lab was given to capture into.
const SAVEFILE: &str = "/proc/self/fd/0";

/// The longest time that the connections may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The time for which tcpdump is left alone after the last packet: its buffer is handed over each second.
const TCPDUMP_PATIENCE: Duration = Duration::from_secs(3);

/// The tool that captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tool {
    /// No tool: the traffic without a capture shows the limit of the machine.
    Nobody,
    Wiresnap,
    Tcpdump,
}

impl Tool {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "(nobody)",
            Self::Wiresnap => "wiresnap",
            Self::Tcpdump => "tcpdump",
        }
    }
}

/// The task to do in a lab.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) tool: Tool,
    pub(crate) traffic: Traffic,
}

/// The traffic that passed, and the tool's own count of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Passed {
    /// The time from the first request to the last byte, in seconds.
    pub(crate) seconds: f64,
    /// The number of packets that the kernel counted on the interface.
    pub(crate) wire_packets: u64,
    /// The number of packets that the tool says it captured.
    pub(crate) captured_packets: u64,
    /// The number of packets that the kernel says it dropped.
    pub(crate) dropped: u64,
    /// The server's counts for its connections.
    pub(crate) tallies: Vec<Tally>,
}

/// Makes a lab, in which the task is done, and waits for the end of both.
pub(crate) fn have_played(task: &Task, savefile: &Path) -> Outcome<Passed> {
    let file = File::create(savefile)?;
    let (mut keeper, line) = keeper::start(PRIVATE, Path::new(namespace::FOLDER), file)?;
    writeln!(&line, "{}", serde_json::to_string(task)?)?;
    let mut report = String::new();
    BufReader::new(&line).read_line(&mut report)?;
    keeper.wait()?;
    if report.is_empty() {
        return Err("the lab failed, as said above".into());
    }
    Ok(serde_json::from_str(&report)?)
}

/// Does the task, in the lab that this process was started in.
pub(crate) fn play() -> Outcome<()> {
    namespace::settle()?;
    let line = keeper::line()?;
    let mut task = String::new();
    BufReader::new(&line).read_line(&mut task)?;
    let Task { tool, traffic } = serde_json::from_str(&task)?;
    if traffic.interface == Interface::LikeEthernet {
        make_like_ethernet()?;
    }
    let passed = match tool {
        Tool::Nobody => uncaptured(&traffic)?,
        Tool::Wiresnap => with_wiresnap(&traffic)?,
        Tool::Tcpdump => with_tcpdump(&traffic)?,
    };
    writeln!(&line, "{}", serde_json::to_string(&passed)?)?;
    Ok(())
}

fn make_like_ethernet() -> Outcome<()> {
    run("ip", &["link", "set", lab::INTERFACE, "mtu", "1500"])?;
    run(
        "ethtool",
        &["-K", lab::INTERFACE, "tso", "off", "gso", "off"],
    )
}

/// The places of programs: some are root's, and not everybody's `PATH` has those.
fn places() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

/// Returns true if a program is installed.
pub(crate) fn has(program: &str) -> bool {
    std::env::split_paths(&places()).any(|place| place.join(program).is_file())
}

/// Runs a program that does its work without a word.
fn run(program: &str, arguments: &[&str]) -> Outcome<()> {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", places())
        .output()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {}", arguments.join(" "), said.trim()).into());
    }
    Ok(())
}

fn uncaptured(traffic: &Traffic) -> Outcome<Passed> {
    let (seconds, tallies) = pass(traffic)?;
    Ok(Passed {
        seconds,
        wire_packets: wire_packets()?,
        captured_packets: 0,
        dropped: 0,
        tallies,
    })
}

fn with_wiresnap(traffic: &Traffic) -> Outcome<Passed> {
    let capture = OpenCapture::open(
        lab::INTERFACE,
        lab::address(PORT),
        None,
        Path::new(SAVEFILE),
    )?;
    let mut sniffer = Sniffer::start(capture, Pace::default())?;
    let (seconds, tallies) = pass(traffic)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let counters = runtime.block_on(async {
        // Where the end is missing, the certificate will say so.
        let _ = sniffer.wait_for_close(CLOSE_PATIENCE).await;
        sniffer.finish().await
    })?;
    Ok(Passed {
        seconds,
        wire_packets: wire_packets()?,
        captured_packets: counters.packets,
        dropped: counters.dropped.into(),
        tallies,
    })
}

fn with_tcpdump(traffic: &Traffic) -> Outcome<Passed> {
    // To its standard output: it has become another user before it opens a file.
    let savefile = File::options().write(true).open(SAVEFILE)?;
    let mut tcpdump = Command::new("tcpdump")
        .args(["-i", lab::INTERFACE, "-w", "-"])
        .stdin(Stdio::null())
        .stdout(savefile)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start tcpdump: {error}"))?;
    let mut talk = BufReader::new(tcpdump.stderr.take().ok_or("tcpdump says nothing")?);
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        if talk.read_line(&mut line)? == 0 {
            return Err("tcpdump does not capture".into());
        }
    }
    let (seconds, tallies) = pass(traffic)?;
    std::thread::sleep(TCPDUMP_PATIENCE);
    kill_process(Pid::from_child(&tcpdump), Signal::INT)?;
    let mut counts = String::new();
    talk.read_to_string(&mut counts)?;
    tcpdump.wait()?;
    Ok(Passed {
        seconds,
        wire_packets: wire_packets()?,
        captured_packets: count(&counts, " packets captured")?,
        dropped: count(&counts, " packets dropped by kernel")?,
        tallies,
    })
}

/// Returns the number before these words, on a separate line.
fn count(text: &str, words: &str) -> Outcome<u64> {
    let mut lines = text.lines();
    let number = lines
        .find_map(|line| line.strip_suffix(words))
        .ok_or_else(|| format!("tcpdump does not say how many{words}"))?;
    Ok(number.parse()?)
}

/// Lets the traffic pass; returns the seconds that it took, and the server's counts.
fn pass(traffic: &Traffic) -> Outcome<(f64, Vec<Tally>)> {
    let mut server = ourselves("serve", traffic)?.spawn()?;
    let mut said = BufReader::new(server.stdout.take().ok_or("the server says nothing")?).lines();
    if said.next().transpose()?.as_deref() != Some(LISTENING) {
        return Err("the server does not listen".into());
    }
    let client = ourselves("read", traffic)?.output()?;
    let seconds = String::from_utf8(client.stdout)?;
    let tallies: std::io::Result<Vec<Option<Tally>>> =
        said.map(|line| Ok(Tally::read(&line?))).collect();
    server.wait()?;
    Ok((
        seconds.trim().parse()?,
        tallies?.into_iter().flatten().collect(),
    ))
}

/// Returns a command for the same executable in another part.
fn ourselves(part: &str, traffic: &Traffic) -> Outcome<Command> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(part)
        .arg(serde_json::to_string(traffic)?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(command)
}

/// Returns the number of packets that the loopback interface of this network namespace has carried so far.
fn wire_packets() -> Outcome<u64> {
    // proc(5): behind the name of the interface come the bytes received, then the packets.
    let interfaces = fs::read_to_string("/proc/self/net/dev")?;
    let loopback = interfaces
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("lo:"));
    let packets = loopback
        .and_then(|counters| counters.split_ascii_whitespace().nth(1))
        .ok_or("the kernel does not count packets")?;
    Ok(packets.parse()?)
}
