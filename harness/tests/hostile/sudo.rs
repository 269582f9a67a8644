//! The privilege of root that is left when a user captures through sudo.

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use crate::is_root;
use crate::victim::{Running, VICTIM, Victim};
use crate::workspace::{self, skip};

/// Returns a command as sudo starts it for the victim.
fn through_sudo(victim: &Victim) -> Option<Command> {
    if !is_root() {
        skip("sudo is played by root");
        return None;
    }
    let mut command = Command::new(victim.path("bin/wiresnap"));
    victim.set_up(&mut command);
    let id = VICTIM.to_string();
    command.env("SUDO_UID", &id).env("SUDO_GID", &id);
    Some(command)
}

#[test]
fn nobody_holds_a_capability_while_a_scenario_is_played() {
    let victim = Victim::new();
    victim.hand_over();
    let Some(mut command) = through_sudo(&victim) else {
        return;
    };
    command.args(["capture", "--time-scale", "0.2", "tcpapp"]);
    let mut running = Running::start(command);
    running.until("send time");

    let processes = running.processes(&["keep-lab", "play-lab", "init-lab", "tcpapp", "nc"]);
    for process in &processes {
        assert_eq!(process.status("CapPrm"), "0000000000000000", "{process:?}");
        assert_eq!(process.status("CapAmb"), "0000000000000000", "{process:?}");
        let user = process.status("Uid");
        assert!(user.starts_with(&VICTIM.to_string()), "{process:?}: {user}");
    }
    println!("tried {0}, held {0}", processes.len());
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
}

/// `learn` reads and writes as the user, and creates nothing that belongs to root.
#[test]
fn learning_is_the_users() {
    let victim = Victim::new();
    victim.hand_over();
    let Some(mut command) = through_sudo(&victim) else {
        return;
    };
    command
        .args(["learn", "tcpapp", "--times", "2", "--time-scale", "0.2"])
        .env("TMPDIR", victim.path("project/captures"));
    let mut running = Running::start(command);
    running.until("run 1 of 2");

    let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap();
    let users = format!("Uid:\t{VICTIM}\t{VICTIM}\t{VICTIM}\t{VICTIM}");
    assert!(status.contains(&users), "{status}");
    for entry in std::fs::read_dir(victim.path("project/captures")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().uid(), VICTIM);
    }
    let (code, said) = running.end();
    // The time varies, or does not.
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {said}");
    assert!(said.contains("one more run, to prove"), "{said}");
    for name in workspace::files_below(&victim.path("project")).into_keys() {
        let file = std::fs::metadata(victim.path("project").join(&name)).unwrap();
        assert_eq!(file.uid(), VICTIM, "{}", name.display());
    }
    println!("tried 1, held 1");
}
