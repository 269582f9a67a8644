//! The faults of a machine: missing, refused or changing tools, rights, disk space, memory, time.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use crate::live_support::{Bench, Outcome, names_in};
use crate::{FAST, is_root, misbehaving, ping, skip};

/// The command that runs a script as root of its own user namespace, as any user may, with its own mounts.
const AS_ROOT: [&str; 2] = ["unshare", "--map-root-user"];
const WITH_MOUNTS: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

fn bench() -> Bench {
    let bench = Bench::new();
    misbehaving::add(&bench, "pings");
    bench.scenario("pings", &ping("pings"));
    bench
}

/// Captures with a PATH that contains only these tools.
fn with_tools(tools: &[&str], scenario: &str) -> Outcome {
    let bench = Bench::new();
    fs::remove_dir_all(bench.path("project/.tools")).unwrap();
    let folder = bench.path("path");
    fs::create_dir(&folder).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for tool in tools {
        let places: Vec<PathBuf> = std::env::split_paths(&path)
            .chain([crate::workspace::root().join(".tools/bin")])
            .map(|place| place.join(tool))
            .collect();
        let found = places.iter().find(|place| place.exists());
        let found = found.unwrap_or_else(|| panic!("no {tool} on this machine"));
        symlink(found.canonicalize().unwrap(), folder.join(tool)).unwrap();
    }
    let mut command = bench.capture(&[scenario]);
    command.env("PATH", &folder);
    bench.start_command(command).end()
}

#[test]
fn tools_missing() {
    let firefox = with_tools(&["geckodriver", "nc"], "webapp");
    firefox.is(3, &["error: Firefox: not installed", "hint: "]);
    let geckodriver = with_tools(&["firefox-esr", "nc"], "webapp");
    geckodriver.is(3, &["error: geckodriver: not installed", "hint: "]);
    let netcat = with_tools(&["firefox-esr", "geckodriver"], "tcpapp");
    netcat.is(3, &["error: nc: not installed", "hint: "]);
}

#[test]
fn no_private_network() {
    let bench = bench();
    let forbid = "echo 0 >/proc/sys/user/max_net_namespaces; exec \"$@\"";
    let command = bench.capture_in_script(&AS_ROOT, forbid, &["--network", "private", "pings"]);

    let outcome = bench.start_command(command).end();

    outcome.is(
        3,
        &[
            "error: private network: user.max_net_namespaces is 0",
            "sysctl -w user.max_net_namespaces=15000",
        ],
    );
}

/// Root of a user namespace, as in many containers, has the capability, but not over its network.
#[test]
fn capture_permission_denied() {
    let bench = bench();
    let command = bench.capture_in_script(&AS_ROOT, "exec \"$@\"", &["--network", "host", "pings"]);

    bench.start_command(command).end().is(
        3,
        &["error: pings: cannot capture on lo: ", "ermi", "hint: "],
    );
}

#[test]
fn no_capability() {
    let bench = bench();
    let without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
    let before = if is_root() { &without[..] } else { &["env"] };
    let command = bench.capture_in_script(before, "exec \"$@\"", &["--network", "host", "pings"]);

    bench.start_command(command).end().is(
        3,
        &[
            "error: host's network: may not be captured on: CAP_NET_RAW is lacking",
            "setcap cap_net_raw+ep ",
        ],
    );
}

/// Captures onto a file system of this size, which already holds an old capture. In the middle of the run it is filled
/// up, except `left_free` bytes.
fn on_a_disk_of(size: &str, left_free: u32) -> Outcome {
    let bench = bench();
    let (fill, after) = (bench.path("fill"), bench.path("after"));
    fs::create_dir(&after).unwrap();
    let (signal, copy) = (fill.display(), after.display());
    let script = format!(
        "mount -t tmpfs -o size={size} tmpfs \"$OUT\" && echo old >\"$OUT/pings.pcap\" || exit 99
         (until [ -e '{signal}' ]; do sleep 0.05; done
          cat /dev/zero >\"$OUT/filler\" 2>&-; truncate -s -{left_free} \"$OUT/filler\") & filling=$!
         \"$@\"; code=$?
         kill $filling 2>&-; rm -f \"$OUT/filler\"
         cp -r \"$OUT/.\" '{copy}'; exit $code"
    );
    let command = bench.capture_in_script(&WITH_MOUNTS, &script, &["pings"]);
    let mut running = bench.start_command(command);
    if running.says("send ping") {
        fs::write(&fill, "").unwrap();
    }
    let outcome = running.end();
    assert_eq!(names_in(&after), ["pings.pcap"]);
    assert_eq!(
        fs::read_to_string(after.join("pings.pcap")).unwrap(),
        "old\n"
    );
    outcome
}

#[test]
fn disk_full() {
    let full = [
        "error: pings: ",
        "No space left on device",
        "hint: make room there",
    ];
    // Not a byte of the capture finds room.
    on_a_disk_of("20m", 0).is(4, &full);
    // The capture does, and not its copy.
    on_a_disk_of("20m", 4096).is(4, &full);
}

#[test]
fn disk_too_small_from_the_start() {
    on_a_disk_of("1m", 0).is(
        3,
        &[
            "error: captures folder: 1 MB free, ",
            "hint: make room there",
        ],
    );
}

#[test]
fn folder_read_only() {
    let bench = bench();
    let script = "mount --bind \"$OUT\" \"$OUT\" && mount -o remount,bind,ro \"$OUT\" || exit 99; exec \"$@\"";
    let command = bench.capture_in_script(&WITH_MOUNTS, script, &["pings"]);

    bench.start_command(command).end().is(
        3,
        &[
            "error: captures folder: cannot be written to: Read-only file system",
            "hint: ",
        ],
    );
}

/// The kernel's buffer for packets takes most of the memory of a capture.
#[test]
fn memory_short() {
    let bench = bench();
    let command = bench.capture_in_script(&["env"], "ulimit -v 60000; exec \"$@\"", &["pings"]);

    bench.start_command(command).end().is(
        3,
        &[
            "error: pings: cannot capture on lo: ",
            "annot allocate memory",
            "hint: is memory short",
        ],
    );
}

#[test]
fn two_captures_into_one_folder() {
    let bench = bench();
    let mut first = bench.start(&["pings"]);
    first.until("starting pings");

    let second = bench.capture(&["pings"]).output().unwrap();

    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(3), "{said}");
    assert!(
        said.contains("error: another `wiresnap capture` is writing to "),
        "{said}"
    );
    assert!(said.contains("hint: wait until it is done"), "{said}");
    first.end().is(0, &[]);
}

/// Any user who may write to the folder of captures can put a FIFO there: it is neither waited for nor replaced, and what
/// is next to it stays as it is.
#[test]
fn a_fifo_in_the_place_of_a_capture() {
    let bench = bench();
    let names = ["pings.pcap", "pings.json"];
    for fifo in names {
        bench.run(&["--replace", "pings"]).is(0, &[]);
        let path = |name| bench.captures().join(name);
        fs::remove_file(path(fifo)).unwrap();
        mknodat(
            CWD,
            path(fifo),
            FileType::Fifo,
            Mode::from_raw_mode(0o666),
            0,
        )
        .unwrap();
        let [other] = names
            .into_iter()
            .filter(|name| *name != fifo)
            .collect::<Vec<_>>()[..]
        else {
            unreachable!("there are two");
        };
        let before = fs::read(path(other)).unwrap();

        // `timeout` ends with 124 what does not end by itself.
        let arguments = ["--replace", "pings"];
        let wiresnap = bench.capture_in_script(&["timeout", "100"], "exec \"$@\"", &arguments);
        let output = { wiresnap }.output().unwrap();

        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{said}");
        let says = format!("cannot write captures/{fifo}: it is not a regular file");
        assert!(said.contains(&says), "{said}");
        let kind = fs::symlink_metadata(path(fifo)).unwrap().file_type();
        assert!(kind.is_fifo());
        assert_eq!(fs::read(path(other)).unwrap(), before, "{fifo}: {said}");
        fs::remove_file(path(fifo)).unwrap();
    }
    println!("tried {0}, held {0}", names.len());
}

#[test]
fn home_missing_or_not_writable() {
    for home in [None, Some("/proc")] {
        let bench = Bench::new();
        let mut command = bench.capture(&[&FAST[..], &["webapp"]].concat());
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };

        bench.start_command(command).end().is(0, &[]);
    }
}

/// Captures in a time zone with a quarter of an hour, and a language with other names, digits and separators.
#[test]
fn other_language_and_time_zone() {
    let bench = Bench::new();
    let scenarios = ["ajaxapp", "pollapp", "sseapp", "tcpapp", "webapp", "wsapp"];
    let mut command = bench.capture(&[&FAST[..], &scenarios].concat());
    command.envs([
        ("TZ", "Asia/Kathmandu"),
        ("LANG", "ne_NP.UTF-8"),
        ("LC_ALL", "ne_NP.UTF-8"),
        ("LANGUAGE", "ne"),
    ]);

    let outcome = bench.start_command(command).end();

    outcome.is(0, &[]);
}

/// A guard that sets the clock back by 5 s until it is dropped.
struct SetBack {
    monotonic: Duration,
    clock: Duration,
}

impl SetBack {
    fn now() -> rustix::io::Result<Self> {
        let (monotonic, clock) = (time_of(ClockId::Monotonic), time_of(ClockId::Realtime));
        set_clock(clock.saturating_sub(Duration::from_secs(5)))?;
        Ok(Self { monotonic, clock })
    }
}

impl Drop for SetBack {
    fn drop(&mut self) {
        let elapsed = time_of(ClockId::Monotonic).saturating_sub(self.monotonic);
        set_clock(self.clock + elapsed).unwrap();
    }
}

fn time_of(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap()
}

fn set_clock(since_epoch: Duration) -> rustix::io::Result<()> {
    clock_settime(ClockId::Realtime, Timespec::try_from(since_epoch).unwrap())
}

#[test]
fn clock_set_back() {
    let bench = Bench::alone();
    misbehaving::add(&bench, "pings");
    bench.scenario("pings", &ping("pings"));
    let mut running = bench.start(&["pings"]);
    running.until("close");

    let set_back = match SetBack::now() {
        Ok(set_back) => set_back,
        Err(Errno::PERM) => {
            running.end().is(0, &[]);
            return skip("this system does not let its clock be set");
        }
        Err(errno) => panic!("{errno}"),
    };
    let outcome = running.end();
    drop(set_back);

    outcome.is(
        5,
        &[
            "error: pings: the system's clock was set by 5.0 s during the run",
            "note: nothing was replaced; what was captured is in ",
            "hint: run it again while nobody sets the clock",
        ],
    );
}
