//! The command line: types only, no behaviour.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wirestream::budget::Memory;

use crate::analysis::difference::Kind;
use crate::docs::command::overview;

/// Snapshot tests for the wire: plays a scenario, captures it, shows which bytes changed
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Log what is done and which rights are given up; -vv logs more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  differs
  2  wrong usage, or a scenario or capture file that cannot be read
  3  this machine is not ready
  4  the run failed
  5  inconclusive: the run went well, but its capture is not provably complete
  130, 143, 129  ended by Ctrl-C, SIGTERM, a terminal that is gone";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play scenarios and capture them
    Capture(CaptureArgs),
    /// Count packets and bytes, overall and per update
    Stats(StatsArgs),
    /// List the application payloads of a capture
    Payload(PayloadArgs),
    /// Tell what changed between two captures, and why
    #[command(after_help = DiffArgs::kinds())]
    Diff(DiffArgs),
    /// Compare captures with their reviewed listings
    Check(CheckArgs),
    /// Take over new listings as reviewed, one by one or all
    Accept(AcceptArgs),
    /// Play a scenario several times, and propose rules for what varies
    Learn(LearnArgs),
    /// List the scenarios of the project, and which are captured and reviewed
    List(ListArgs),
    /// Look scenario files through for mistakes
    Validate(ValidateArgs),
    /// Begin a project, with a first scenario
    Init(InitArgs),
    /// Bring the generated blocks of Markdown pages up to date
    #[command(after_help = DocsArgs::blocks())]
    Docs(DocsArgs),
    /// Make a page of captures, to read and to show
    Report(ReportArgs),
    /// Tell what this machine lacks for a capture, and how to fix it
    Doctor(DoctorArgs),
    /// The keeper of a lab, which `capture` starts
    #[command(hide = true)]
    KeepLab(LabArgs),
    /// The player of a scenario, which a keeper starts
    #[command(hide = true)]
    PlayLab(LabArgs),
    /// The first of the processes that a player encloses
    #[command(hide = true)]
    InitLab(InitLabArgs),
    /// What a test in Rust has played
    #[command(hide = true)]
    PlayTest,
}

/// Options of `capture`.
#[derive(Args, Debug)]
pub struct CaptureArgs {
    /// Scenarios to play, by name or as path of a .toml file [default: all]
    pub scenarios: Vec<String>,
    /// Folder to write NAME.pcap and NAME.json to [default: the project's]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Play this many times as long: 0.1 is ten times as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub time_scale: f64,
    /// How many scenarios to play at once [default: all]; on the host's network it is one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// How many scenarios to prepare at once, before all begin [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub preparing: Option<u16>,
    /// The browser to play with; with another than Firefox, only scenarios of a browser are played
    #[arg(long, value_enum, default_value_t = BrowserChoice::Firefox)]
    pub browser: BrowserChoice,
    /// The network to play on
    #[arg(long, value_enum, default_value_t = NetworkChoice::Auto)]
    pub network: NetworkChoice,
    /// Play with a browser on the host's network although other users of this machine could drive it meanwhile
    #[arg(long)]
    pub shared_machine: bool,
    /// Play with a browser elsewhere, by its W3C WebDriver endpoint (a Selenium Grid's, geckodriver's); it takes the two
    /// options below
    #[arg(long, value_name = "URL")]
    pub webdriver: Option<String>,
    /// The address of this machine that a browser elsewhere opens, and that programs listen on
    #[arg(long, value_name = "ADDRESS", requires = "webdriver")]
    pub advertise: Option<IpAddr>,
    /// The interface that faces a browser elsewhere, to capture on
    #[arg(long, value_name = "NAME", requires = "webdriver")]
    pub interface: Option<String>,
    /// What the scenarios leave open.
    #[command(flatten)]
    pub variables: VariableArgs,
    /// Replace a capture even if the new one says the same: without this, one that differs only in ports, dates and times,
    /// and was made by the same versions, stays as it is
    #[arg(long)]
    pub replace: bool,
    /// Say where the time outside of the timelines went
    #[arg(long)]
    pub timings: bool,
}

/// Values for the variables of scenarios.
#[derive(Args, Clone, Debug)]
pub struct VariableArgs {
    /// Give a variable of the scenarios this value; for each variable once
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write the name, =, and the value, as in `--set greeting=hello`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The browser that scenarios are played with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BrowserChoice {
    /// Firefox, through geckodriver
    #[default]
    Firefox,
    /// Chromium, through chromedriver; its captures have a folder of their own, chromium/
    Chromium,
}

/// The network that scenarios are played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NetworkChoice {
    /// Private ones where the system allows, else the host's
    Auto,
    /// A network namespace for each scenario: needs no privilege, lets nobody in
    Private,
    /// The host's own loopback interface: needs privilege, and the ports must be free
    Host,
}

/// What the processes of a lab are told.
#[derive(Args, Debug)]
pub struct LabArgs {
    /// The process of the capture that it belongs to
    #[arg(long)]
    pub capture: String,
    /// Folder of the lab
    #[arg(long)]
    pub folder: PathBuf,
    /// Whether it is on a network of its own
    #[arg(long)]
    pub private: bool,
    /// The link that parts program and client, as JSON
    #[arg(long)]
    pub link: Option<String>,
}

/// What the first of the enclosed processes is told.
#[derive(Args, Debug)]
pub struct InitLabArgs {
    /// The process of the capture that it belongs to
    #[arg(long)]
    pub capture: String,
}

/// Options of `stats`.
#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    /// Capture files, pcap or pcapng, compressed or not; `-` is standard input
    #[arg(required = true, value_name = "PCAP")]
    pub captures: Vec<PathBuf>,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = StatsFormat::Table)]
    pub format: StatsFormat,
    /// List every packet with its role and phase
    #[arg(long)]
    pub explain: bool,
    /// Count only the packets of the server on this port
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    /// Aligned columns
    Table,
    /// Markdown tables, as documents take them in
    Markdown,
    /// An array with an object per capture
    Json,
}

/// Options of `payload`.
#[derive(Args, Clone, Debug)]
pub struct PayloadArgs {
    /// The capture file (pcap or pcapng, gzip or not), or - for standard input
    #[arg(value_name = "PCAP")]
    pub pcap: PathBuf,

    /// How to write the listing
    #[arg(long, value_enum, default_value_t = PayloadFormat::Text)]
    pub format: PayloadFormat,

    /// Hide what changes from run to run: dates, times, ports, versions, keys, masks
    #[arg(long)]
    pub redact: bool,

    /// Take each WebSocket frame apart, bit by bit
    #[arg(long)]
    pub explain: bool,

    /// Only the connection of this number, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub connection: Option<u64>,

    /// Only the message of this number in that connection, counted from 1
    #[arg(long, value_name = "N", requires = "connection", value_parser = clap::value_parser!(u64).range(1..))]
    pub message: Option<u64>,

    /// Only packets from or to this port
    #[arg(long)]
    pub port: Option<u16>,

    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// How much memory a verb may take that reads captures.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct MemoryArgs {
    /// Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in
    /// temporary files, or cut and counted
    #[arg(long, value_name = "SIZE", default_value_t = Memory::default())]
    pub memory: Memory,
}

/// The forms that a listing of payloads has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PayloadFormat {
    /// Plain text, message after message
    #[default]
    Text,
    /// One object, with a message for each request, response, frame or event
    Json,
}

/// Options of `diff`.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The capture file as it was (pcap or pcapng, gzip or not), or - for standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,

    /// The capture file as it is now, or - for standard input
    #[arg(value_name = "NEW")]
    pub new: PathBuf,

    /// How to print what differs
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,

    /// Kinds of differences that do not count: they are summed up, but make no exit code 1
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = kind, hide_possible_values = true)]
    pub ignore: Vec<Kind>,

    /// Show the values too that change from run to run: ports, dates, times
    #[arg(long)]
    pub volatile: bool,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// The forms in which differences are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// A summary, then change by change, then figures
    Text,
    /// One object
    Json,
}

impl DiffArgs {
    /// What differences there are, below the options.
    fn kinds() -> String {
        let mut text = "\
Exit code 0: nothing differs, or only what changes from run to run; 1: anything else does.

Each difference has one kind, and the kinds add up to what the figures differ by:
"
        .to_owned();
        for kind in Kind::ALL {
            let note = if kind.counts() { "" } else { " (never counts)" };
            let _ = writeln!(text, "  {:12}  {}{note}", kind.word(), kind.about());
        }
        text
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::of_word(word).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        format!("the kinds are {words}")
    })
}

/// Which captures to look at.
#[derive(Args, Clone, Debug)]
pub struct CaptureSelection {
    /// Captures, by name or as path of a .pcap or .pcapng file [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<OsString>,
    /// Folder of the captures [default: the project's]
    #[arg(long, value_name = "DIR")]
    pub captures: Option<PathBuf>,
}

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Which captures to compare.
    #[command(flatten)]
    pub selection: CaptureSelection,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// A line for each capture, with what differs below it
    Text,
    /// An array with an object for each capture
    Json,
    /// JUnit's XML, a test case for each capture, for CI systems
    Junit,
}

/// Options of `accept`.
#[derive(Args, Clone, Debug)]
pub struct AcceptArgs {
    /// Which captures to take over.
    #[command(flatten)]
    pub selection: CaptureSelection,
    /// Take over all that differ, without asking
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Options of `learn`.
#[derive(Args, Clone, Debug)]
pub struct LearnArgs {
    /// The scenario, by name or as path of a .toml file
    pub scenario: String,
    /// How often to play it
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=100))]
    pub times: u16,
    /// Play each time this many times as long: 0.1 is ten times as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub time_scale: f64,
    /// The browser to play with
    #[arg(long, value_enum, default_value_t = BrowserChoice::Firefox)]
    pub browser: BrowserChoice,
    /// Captures of the scenario that there are already, two at least, instead of playing it
    #[arg(long, value_name = "PCAP", num_args = 2.., conflicts_with_all = ["times", "time_scale", "browser"])]
    pub from: Vec<PathBuf>,
    /// The file that accepted rules are written into
    #[arg(long, value_enum, default_value_t = RulesFile::Project)]
    pub into: RulesFile,
    /// What the scenario leaves open.
    #[command(flatten)]
    pub variables: VariableArgs,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = LearnFormat::Text)]
    pub format: LearnFormat,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Files that hold rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulesFile {
    /// wiresnap.toml: they hold for all captures of the project
    Project,
    /// The scenario's file: they hold for its captures alone
    Scenario,
}

/// How what varies is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LearnFormat {
    /// For people, who are asked for each rule where there is a terminal
    Text,
    /// One object; nobody is asked
    Json,
}

/// Options of `list`.
#[derive(Args, Clone, Copy, Debug)]
pub struct ListArgs {
    /// How to print the list
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// How scenarios are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Aligned columns
    Text,
    /// An array with an object for each scenario
    Json,
}

/// Options of `validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// Scenarios to look through, by name or as path of a .toml file [default: all]
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// What the scenarios leave open.
    #[command(flatten)]
    pub variables: VariableArgs,
}

/// Options of `init`.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// Folder to make a project of [default: the current one]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Options of `docs`.
#[derive(Args, Clone, Debug)]
pub struct DocsArgs {
    /// Pages to bring up to date [default: the project's README.md, and all .md files in its docs folder]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Write nothing; show what is not up to date, and end with exit code 1 where anything is not
    #[arg(long)]
    pub check: bool,

    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

impl DocsArgs {
    /// What pages can hold, below the options.
    fn blocks() -> String {
        format!(
            "\
A comment in a page opens a block and says what fills it, another one closes it, each on a line of
its own:

  <!-- wiresnap: stats pcap/a.pcap pcap/b.pcap -->
  <!-- /wiresnap -->

What can fill a block:
{}
Paths of captures are relative to the page's project, the nearest folder, going up from the page,
with a wiresnap.toml; outside of a project, to the folder of the page.",
            overview()
        )
    }
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Capture files; `-` is standard input [default: the project's]
    #[arg(value_name = "PCAP")]
    pub captures: Vec<PathBuf>,
    /// HTML file to write, or `-` for standard output [default: report.html in the project]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How much it may hold.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Options of `doctor`.
#[derive(Args, Clone, Copy, Debug)]
pub struct DoctorArgs {
    /// The browser that is to be captured with
    #[arg(long, value_enum, default_value_t = BrowserChoice::Firefox)]
    pub browser: BrowserChoice,
    /// Have cargo build what is missing and what your system has no package of (geckodriver), after asking
    #[arg(long, conflicts_with = "format")]
    pub fix: bool,
    /// With --fix, do not ask
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
}

/// How an examination is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// A line for each thing, and one for its fix
    Text,
    /// One object, with all that was looked at
    Json,
}
