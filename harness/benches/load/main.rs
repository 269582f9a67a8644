//! Measures if a capture loses packets under load, beside tcpdump with its defaults.
//!
//! In a separate lab for each run, a server sends a gigabyte in packets as large as Ethernet's, 300,000 of them a
//! second, then two million small ones as fast as the machine allows: without a capture, and with each tool. Afterwards
//! the capture's bytes are compared with the server's count of sent bytes, and its packets with the kernel's count on
//! the interface.
//!
//! `make bench` prints a table; `target/bench/load.json` holds the same for programs. The lab is the one that
//! `wiresnap capture` uses: this executable takes the place of wiresnap, and plays all parts. Small packets need no root.
//! Large ones do, as `ip` and `ethtool` have to make the loopback interface like one of Ethernet, and so does tcpdump: what
//! cannot be measured is said, and left out.
//!
//! These variables change that, shown with their defaults: `LOAD_BYTES=1000000000`, `LOAD_RATE=300000`,
//! `LOAD_PACKETS=2000000`, `LOAD_CONNECTIONS=4`.

mod outcome;
mod stage;
mod traffic;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use wiresnap::lab::keeper;

use outcome::{Report, Row};
use stage::{Task, Tool};
use traffic::{Interface, Traffic};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The bytes of one write for large packets: the kernel splits it into many.
const LARGE: usize = 64 * 1024;

/// The bytes of it that one packet carries: as much as Ethernet allows, less the headers and the time that TCP writes
/// into them.
const LARGE_PACKET: u64 = 1448;

/// The bytes of a small packet: about as many as a WebSocket message that tells the time.
const SMALL: usize = 32;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // What the library starts: see `lab/keeper.rs`.
        [
            "keep-lab",
            "--capture",
            capture,
            "--folder",
            folder,
            "--private",
        ] => {
            keeper::keep(capture, stage::PRIVATE, Path::new(folder))?;
            Ok(())
        }
        ["play-lab", ..] => stage::play(),
        ["serve", traffic] => traffic::serve(&serde_json::from_str(traffic)?),
        ["read", traffic] => traffic::read(&serde_json::from_str(traffic)?),
        // `cargo test --all-targets` calls benchmarks too, without this argument, to see that they run at all.
        _ if arguments.contains(&"--bench") => measure(),
        _ => Ok(()),
    }
}

fn measure() -> Outcome<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    let tools = tools();
    for (name, traffic) in all_traffic()? {
        if let Some(why) = obstacle(traffic) {
            println!("Packets that are {name} were left out: {why}.");
            continue;
        }
        for tool in tools.clone() {
            eprintln!("{name}: {}", tool.name());
            rows.push(row(&folder, name, tool, traffic)?);
        }
    }
    let report = Report::new(rows);
    println!("{}\n{}", report.table(), report.target_table());
    let path = folder.join("load.json");
    serde_json::to_writer_pretty(BufWriter::new(File::create(&path)?), &report)?;
    println!("The same as JSON: {}", path.display());
    report.require_nothing_missing()
}

fn all_traffic() -> Outcome<[(&'static str, Traffic); 2]> {
    let bytes: u64 = variable("LOAD_BYTES", 1_000_000_000)?;
    let packets: u64 = variable("LOAD_PACKETS", 2_000_000)?;
    let connections: u64 = variable("LOAD_CONNECTIONS", 4)?.max(1);
    let rate: u64 = variable("LOAD_RATE", 300_000)?.max(1);
    let writes_of_large = bytes.div_ceil(u64::try_from(LARGE)?);
    Ok([
        (
            "large",
            Traffic {
                interface: Interface::LikeEthernet,
                connections,
                writes_per_connection: writes_of_large.div_ceil(connections),
                write_bytes: LARGE,
                bytes_per_second: Some(rate * LARGE_PACKET),
            },
        ),
        (
            "small",
            Traffic {
                interface: Interface::AsItIs,
                connections,
                writes_per_connection: packets.div_ceil(connections),
                write_bytes: SMALL,
                bytes_per_second: None,
            },
        ),
    ])
}

fn variable(name: &str, default: u64) -> Outcome<u64> {
    std::env::var(name).map_or(Ok(default), |value| Ok(value.parse()?))
}

/// Returns why traffic cannot be had here, if it cannot.
fn obstacle(traffic: Traffic) -> Option<String> {
    if traffic.interface == Interface::AsItIs {
        return None;
    }
    if !geteuid().is_root() {
        return Some("they take root, as `sudo make bench` has it".to_owned());
    }
    let missing = ["ip", "ethtool"].into_iter().find(|tool| !stage::has(tool));
    missing.map(|tool| format!("{tool} is not installed"))
}

fn tools() -> Vec<Tool> {
    let mut tools = vec![Tool::Nobody, Tool::Wiresnap];
    if !geteuid().is_root() {
        println!("tcpdump needs root, so it was left out.");
    } else if stage::has("tcpdump") {
        tools.push(Tool::Tcpdump);
    } else {
        println!("tcpdump is not installed, so it was left out.");
    }
    tools
}

/// Lets the tool capture the traffic, and compares the capture with it.
fn row(folder: &Path, name: &'static str, tool: Tool, traffic: Traffic) -> Outcome<Row> {
    let savefile = Savefile(folder.join(format!("load-{name}-{}.pcap", tool.name())));
    let passed = stage::have_played(&Task { tool, traffic }, &savefile.0)?;
    Row::of(name, tool, &passed, &savefile.0)
}

/// The file of a capture, removed when dropped because it is as large as all the traffic.
struct Savefile(PathBuf);

impl Drop for Savefile {
    fn drop(&mut self) {
        // Where there is none, there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}
