//! Other users of the machine, and the browser that is driven on its network.

use std::process::{Child, Command, Stdio};

use crate::victim::{OTHER, Running, Victim, as_user};
use crate::workspace::skip;
use crate::{alone, is_root};

/// The script of another user, who tries every port of the loopback interface that opens, and prints which of them
/// answer as a browser's driver that does not ask who they are.
const PROBING: &str = r#"
import socket, sys, urllib.request, json
PROGRAM = 8000
tried, got = set(), []

def listening():
    ports = set()
    for table in ["/proc/net/tcp", "/proc/net/tcp6"]:
        for row in open(table).read().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports

before = listening()
print("ready", flush=True)
while True:
    for port in listening() - before - tried - {PROGRAM}:
        tried.add(port)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=2) as answer:
                if b"webSocketDebuggerUrl" in answer.read():
                    got.append(port)
        except Exception:
            pass
        print(json.dumps({"tried": sorted(tried), "got": got}), flush=True)
"#;

/// A process of the other user; it is killed when dropped.
struct Neighbour(Child);

impl Neighbour {
    fn probing() -> Self {
        let mut command = as_user(OTHER, "-all");
        command.args(["/usr/bin/python3", "-c", PROBING]);
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Kills the process, and returns its output.
    fn printed(mut self) -> String {
        let mut printed = String::new();
        let mut stdout = self.0.stdout.take().unwrap();
        self.0.kill().unwrap();
        std::io::Read::read_to_string(&mut stdout, &mut printed).unwrap();
        printed
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // One that has ended is gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn on_the_hosts_network(victim: &Victim, arguments: &[&str]) -> Command {
    let mut command = victim.command(true);
    command
        .args([
            "capture",
            "--network",
            "host",
            "--time-scale",
            "0.2",
            "webapp",
        ])
        .args(arguments);
    command
}

#[test]
fn no_browser_is_driven_where_others_could_drive_it() {
    if !is_root() {
        return skip("a second user takes root");
    }
    let _alone = alone();
    let victim = Victim::new();
    victim.hand_over();
    let neighbour = Neighbour::probing();

    for browser in ["firefox", "chromium"] {
        let command = on_the_hosts_network(&victim, &["--browser", browser]);
        let (code, said) = Running::start(command).end();

        assert_eq!(code, Some(3), "{said}");
        for part in ["error: other users: ", "can drive ", "--shared-machine"] {
            assert!(said.contains(part), "{part} is not in:\n{said}");
        }
        assert!(!said.contains("starting"), "{said}");
    }
    assert!(!neighbour.printed().contains("tried"));
    println!("tried 2, held 2");
}

/// Chromium itself is driven by a pipe; a driver that other users can reach is reported if it is accepted.
#[test]
fn chromium_has_no_port_of_its_own() {
    if !is_root() {
        return skip("a second user takes root");
    }
    let _alone = alone();
    let victim = Victim::new();
    victim.hand_over();
    let neighbour = Neighbour::probing();
    let command = on_the_hosts_network(&victim, &["--browser", "chromium", "--shared-machine"]);

    let (code, said) = Running::start(command).end();

    assert_eq!(code, Some(0), "{said}");
    let note = format!("user {OTHER} can drive Chromium on the host's network");
    assert!(
        said.contains(&note) || said.contains(" more can drive Chromium"),
        "{said}"
    );
    let printed = neighbour.printed();
    let last = printed.lines().last().unwrap();
    println!("{last}");
    assert!(last.contains("\"got\": []"), "{printed}");
    assert!(
        last.contains("\"tried\": ["),
        "no port was found: {printed}"
    );
}
