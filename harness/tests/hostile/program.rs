//! A program under study that attacks; and the environment that programs, tools and clients are given.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wiresnap::listing::listing;

use crate::victim::{Running, Victim, give};
use crate::workspace::{self, skip};
use crate::{SECRET, alone, is_root};

/// Returns a scenario for the attacker, who is told these facts.
fn attacked(facts: &Value) -> String {
    let facts = facts.to_string().replace('\'', "");
    // In TOML, single quotes take a text as it is.
    format!(
        r#"
description = "a program that attacks"
command = ["python3", "attacker.py", "{{host}}", "{{port}}", '{facts}', "report"]
client = "nc"

[[mark]]
at = 0
open = true

[[mark]]
at = 1
send = "ping"
expect = {{ shows = "pong" }}

[[mark]]
at = 2
close = true
"#
    )
}

/// The folders of a user's home in which agents keep keys and sockets.
const OF_AGENTS: [&str; 3] = [".ssh", ".gnupg", ".docker"];

/// Sockets and a file of another user on this machine, for as long as this value exists.
struct Elsewhere {
    folder: tempfile::TempDir,
    _listeners: Vec<UnixListener>,
    /// A name that is not a path: each network has its own.
    name: String,
    /// A port of this machine, which a private network does not have.
    port: TcpListener,
}

impl Elsewhere {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("elsewhere-")
            .tempdir_in("/tmp")
            .unwrap();
        give(folder.path());
        let socket = folder.path().join("socket");
        let by_path = UnixListener::bind(&socket).unwrap();
        give(&socket);
        let file = folder.path().join("file");
        fs::write(&file, SECRET).unwrap();
        give(&file);
        let name = folder.path().display().to_string();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixListener::bind_addr(&address).unwrap();
        Self {
            folder,
            _listeners: vec![by_path, by_name],
            name,
            port: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn facts(&self, victim: &Victim, names_too: bool) -> Value {
        let socket = self.folder.path().join("socket");
        let mut sockets = vec![socket.to_str().unwrap().to_owned()];
        let mut ports = Vec::new();
        if names_too {
            sockets.push(format!("\0{}", self.name));
            ports.push(self.port.local_addr().unwrap().port());
        }
        let keys = OF_AGENTS.map(|folder| {
            let folder = victim.path("home").join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("key"), SECRET).unwrap();
            folder.join("key")
        });
        json!({
            "secret": SECRET,
            "captures": victim.path("project/captures"),
            "file": self.folder.path().join("file"),
            "sockets": sockets,
            "ports": ports,
            "keys": keys,
            "other": "hostile-",
            "other process": std::process::id(),
        })
    }
}

/// Plays the attacker, and checks that every attack failed, and that the capture has all traffic.
fn assert_held(network: &[&str], names_too: bool) {
    let (victim, elsewhere) = (Victim::new(), Elsewhere::new());
    let facts = elsewhere.facts(&victim, names_too);
    victim.scenario("attacked", &attacked(&facts));
    // The system's database has no such user.
    let home = victim.path("home");
    let entry = format!("echo victim:x:$2:$2::{}:/bin/sh", home.display());
    workspace::write_executable(&victim.path("bin/getent"), &entry);
    victim.hand_over();
    let mut command = victim.command(network.contains(&"host"));
    command.arg("capture").args(network).arg("attacked");
    let path = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(victim.path("bin")).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).unwrap());

    let (code, said) = Running::start(command).end();

    assert_eq!(code, Some(0), "{said}");
    let report = fs::read_to_string(victim.path("project/report")).unwrap();
    let attempts: Vec<Value> = report
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let held = attempts.iter().filter(|attempt| attempt["held"] == true);
    println!("tried {}, held {}", attempts.len(), held.count());
    for attempt in &attempts {
        assert_eq!(attempt["held"], true, "{attempt:#}");
    }
    let at_the_end = report.matches("at the end").count();
    assert_eq!(report.matches("at the start").count(), at_the_end + 1);
    assert!(at_the_end >= 15, "{report}");
    let capture = victim.path("project/captures/attacked.pcap");
    assert_eq!(listing(&capture, false).unwrap(), "ping\npong\n");
}

#[test]
fn a_program_gets_at_nothing_but_its_own() {
    assert_held(&[], true);
}

/// On the host's network, names that are not paths are shared with everybody.
#[test]
fn a_program_gets_at_nothing_but_its_own_on_the_hosts_network() {
    if !is_root() {
        return skip("a capture on the host's network takes root");
    }
    let _alone = alone();
    assert_held(&["--network", "host"], false);
}

/// Returns a script that writes down what it was given, and then runs the program that it replaces.
fn noting(name: &str, real: &Path, report: &Path) -> String {
    format!(
        "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> /{name} \\1 /p' >>'{}'\nexec '{}' \"$@\"",
        report.display(),
        real.display()
    )
}

/// Returns the path of a program of this machine.
fn found(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

#[test]
fn nobody_is_handed_a_descriptor() {
    assert_handed_nothing(&[]);
}

#[test]
fn nobody_is_handed_a_descriptor_on_the_hosts_network() {
    if !is_root() {
        return skip("a capture on the host's network takes root");
    }
    let _alone = alone();
    assert_handed_nothing(&["--network", "host", "--shared-machine"]);
}

fn assert_handed_nothing(network: &[&str]) {
    let victim = Victim::new();
    let report = victim.path("project/descriptors");
    fs::write(&report, "").unwrap();
    for name in ["tcpapp", "webapp"] {
        let program = victim.path("bin").join(name);
        let real = victim.path("bin").join(format!("{name}.real"));
        fs::rename(&program, &real).unwrap();
        workspace::write_executable(&program, &noting(name, &real, &report));
    }
    let driver = victim.path("project/.tools/bin/geckodriver");
    let moved = victim.path("bin/geckodriver.real");
    let driver = match fs::rename(&driver, &moved) {
        Ok(()) => moved,
        Err(_) => found("geckodriver").unwrap(),
    };
    victim.tool("geckodriver", &noting("geckodriver", &driver, &report));
    let firefox = found("firefox-esr").or_else(|| found("firefox")).unwrap();
    victim.tool("firefox-esr", &noting("firefox", &firefox, &report));
    victim.tool("nc", &noting("nc", &found("nc").unwrap(), &report));
    victim.hand_over();
    // Somebody who starts wiresnap may have files open: the shell of a script, a build tool.
    let inner = victim.command(!network.is_empty());
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$@\" 7</etc/passwd 8>/dev/null", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .args(["capture", "--time-scale", "0.1", "tcpapp", "webapp"])
        .args(network);
    victim.set_up(&mut command);

    let (code, said) = Running::start(command).end();

    assert_eq!(code, Some(0), "{said}");
    let given = fs::read_to_string(&report).unwrap();
    for name in ["tcpapp", "webapp", "geckodriver", "firefox", "nc"] {
        let own: Vec<&str> = given
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .collect();
        assert!(!own.is_empty(), "{name} is not in:\n{given}");
        let mut beyond = own
            .iter()
            .filter(|line| !["0 ", "1 ", "2 "].contains(&&line[..2]));
        // By the last one, the list itself was read.
        let foreign = beyond.find(|line| !line.ends_with("/fd"));
        assert_eq!(foreign, None, "{name}:\n{given}");
        println!("tried {name}, held");
    }
}

/// None of wiresnap's own processes has anything of the user's environment, nor can the user look into them.
#[test]
fn wiresnap_keeps_to_itself() {
    let victim = Victim::new();
    victim.hand_over();
    let mut command = victim.command(false);
    command.args(["capture", "--time-scale", "0.2", "tcpapp"]);
    let mut running = Running::start(command);
    running.until("send time");

    let mut looked_at = 0;
    for process in running.processes(&["keep-lab", "play-lab", "init-lab"]) {
        if process.name.ends_with("-lab") {
            let environment = process.environment();
            let secret = crate::processes::contains(&environment, SECRET.as_bytes());
            assert!(!secret, "{process:?}");
            // The kernel gives the files of those that nobody may look into to root.
            let owner = fs::metadata(format!("/proc/{}/environ", process.id)).unwrap();
            assert_eq!(
                std::os::unix::fs::MetadataExt::uid(&owner),
                0,
                "{process:?}"
            );
            looked_at += 1;
        }
    }
    println!("tried {looked_at}, held {looked_at}");
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
}
