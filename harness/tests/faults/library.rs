//! A test in Rust that drops its run: nothing of the run may be left.

use std::time::{Duration, Instant};

use wiresnap::{Lab, Scenario};

/// The longest time that anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interval between looks at the process table, which has no events for processes that come and go.
const POLL: Duration = Duration::from_millis(10);

/// A scenario with a server that is distinguished from all other processes by its last argument.
const SCENARIO: &str = r#"
description = "a server that nobody talks to for a long time"
command = ["python3", "-c", "import socket, time; s = socket.create_server(('127.0.0.1', 8000)); time.sleep(600)", "{mark}"]
client = "nc"

[variables]
mark = {}

[[mark]]
at = 0
open = true

[[mark]]
at = 600
close = true
"#;

#[test]
fn a_run_that_is_not_waited_for_any_more_ends() {
    let mark = format!("wiresnap-fault-{}", std::process::id());
    let scenario = Scenario::from_toml("abandoned", SCENARIO).unwrap();
    let scenario = scenario.set("mark", &mark);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();

    let lab = Lab::new().executable(env!("CARGO_BIN_EXE_wiresnap"));
    runtime.block_on(async {
        tokio::select! {
            outcome = lab.play(&scenario) => panic!("it ended by itself: {outcome:?}"),
            () = until(|| is_running(&mark)) => {}
        }
    });

    // The run was dropped with what waited for it.
    runtime.block_on(until(|| !is_running(&mark)));
    runtime.block_on(until(|| !folder_is_left()));
}

async fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(POLL).await;
    }
}

/// Returns true if there is a process with this as its last argument.
fn is_running(mark: &str) -> bool {
    let end = format!("\0{mark}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines =
        processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| line.ends_with(end.as_bytes()))
}

/// Returns true if a folder for a capture is left in the folder for temporary files.
fn folder_is_left() -> bool {
    let mut names = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    names.any(|entry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(b"wiresnap-test-")
    })
}
