//! `wiresnap doctor` on artificial machines: a PATH with programs that print what the test wants.
//!
//! The properties of the real machine, its networks and its disks, are left out of the snapshots and tested separately.

mod workspace;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const FIREFOX: &str = "echo Mozilla Firefox 153.7.0esr";
const GECKODRIVER: &str =
    r"printf 'geckodriver 0.37.1\n\nThe source code of this program is available\n'";
/// A cargo that builds nothing else, and in no other way.
const CARGO: &str = r#"[ "$*" = "install geckodriver --version 0.37.1 --locked --force --root $8" ] || exit 101
printf '#!/bin/sh\necho geckodriver 0.37.1\n' >"$8/bin/geckodriver"
/bin/chmod 755 "$8/bin/geckodriver""#;
const NC: &str = "echo 'OpenBSD netcat (Debian patchlevel 1.219-1)' >&2";
const TSHARK: &str = "echo 'TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged as 4.0.17-0)'";

/// A machine with these programs, a project with two scenarios, and wiresnap itself.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// Creates a machine on which nothing is missing, except on the host itself.
    fn complete(port: u16) -> Self {
        let machine = Self::bare(port);
        for (name, script) in [
            ("firefox-esr", FIREFOX),
            ("geckodriver", GECKODRIVER),
            ("nc", NC),
            ("tshark", TSHARK),
        ] {
            machine.install(name, script);
        }
        machine
    }

    /// Creates a machine with a package manager and nothing else.
    fn bare(port: u16) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["path", "bin", "project/scenarios"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        machine.write(
            "project/wiresnap.toml",
            "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n",
        );
        for name in ["tcpapp", "webapp"] {
            let file = format!("apps/scenarios/{name}.toml");
            let scenario = fs::read_to_string(workspace::root().join(file)).unwrap();
            let scenario = scenario.replace("port = 8000", &format!("port = {port}"));
            machine.write(&format!("project/scenarios/{name}.toml"), &scenario);
            machine.executable(&format!("bin/{name}"), "exit 1");
        }
        // A wiresnap that has these programs beside it; copied by another process (see `write_executable`).
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_wiresnap"))
            .arg(machine.path("bin/wiresnap"))
            .status();
        assert!(copied.unwrap().success());
        machine.install("apt-get", "exit 1");
        machine.install("cargo", CARGO);
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn executable(&self, name: &str, script: &str) {
        workspace::write_executable(&self.path(name), script);
    }

    fn install(&self, name: &str, script: &str) {
        self.executable(&format!("path/{name}"), script);
    }

    fn wiresnap(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/wiresnap"));
        command
            .args(arguments)
            .current_dir(self.path("project"))
            .env("PATH", self.path("path"))
            .env("HOME", self.path("home"))
            .env_remove("XDG_DATA_HOME")
            // Under sudo, home is what the system's database says.
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID");
        command
    }

    /// Runs a command; returns its exit code and its output.
    fn say(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.wiresnap(arguments).output().unwrap();
        let text = |bytes| self.without_what_differs(&String::from_utf8(bytes).unwrap());
        (status.code(), text(stdout), text(stderr))
    }

    /// Returns the text with the same words on every machine.
    fn without_what_differs(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "FOLDER")
            .replace("fix: sudo ", "fix: ")
            .replace("hint: sudo ", "hint: ")
            // Ubuntu's.
            .replace("install firefox\n", "install firefox-esr\n")
            .replace(
                "install Chromium from elsewhere: Ubuntu's is a snap, which cannot be played with",
                "apt-get install chromium chromium-driver",
            )
            .replace(
                "install chromedriver from elsewhere: Ubuntu's is a snap, which cannot be played with",
                "apt-get install chromium chromium-driver",
            )
    }

    /// Returns the examination as an object, and the exit code.
    fn examination(&self) -> (Option<i32>, Value) {
        let output = self
            .wiresnap(&["doctor", "--format", "json"])
            .output()
            .unwrap();
        let object = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), object)
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The checks of the real machine.
const OF_THE_HOST: [&str; 5] = [
    "private network",
    "host's network",
    "own processes",
    "other users",
    "account ",
];

/// Compares a listing with its snapshot, without the host's lines.
#[track_caller]
fn assert_listing(name: &str, listing: &str, port: u16) {
    let is_about_the_host = |line: &&str| OF_THE_HOST.iter().any(|name| line.contains(name));
    let mut lines: Vec<&str> = Vec::new();
    let mut skipped = false;
    for line in listing.lines() {
        let is_fix = line.starts_with(' ');
        skipped = is_about_the_host(&line) || (is_fix && skipped);
        if !skipped {
            lines.push(line);
        }
    }
    let listing = lines.join("\n").replace(&port.to_string(), "PORT");
    let mut settings = workspace::settings();
    settings.add_filter(r"(?m)^(ok +libpcap +).*$", "${1}VERSION");
    settings.add_filter(r"\d+ [MG]B free", "N GB free");
    settings.bind(|| insta::assert_snapshot!(format!("doctor-{name}"), listing));
}

fn check<'a>(examination: &'a Value, name: &str) -> &'a Value {
    let checks = examination["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {examination:#}"))
}

#[test]
fn a_machine_that_has_everything() {
    let port = free_port();
    let (_, listing, _) = Machine::complete(port).say(&["doctor"]);

    assert_listing("complete", &listing, port);
}

#[test]
fn a_machine_that_has_nothing() {
    let port = free_port();
    let (code, listing, said) = Machine::bare(port).say(&["doctor"]);

    assert_eq!(code, Some(3));
    assert_listing("bare", &listing, port);
    assert!(said.contains("not ready to capture: "), "{said}");
    assert!(said.contains("Firefox, geckodriver, nc"), "{said}");
}

#[test]
fn what_is_no_package_is_built_for_the_user() {
    const DRIVER: &str = "home/.local/share/wiresnap/tools/bin/geckodriver";
    let machine = Machine::complete(free_port());
    fs::remove_file(machine.path("path/geckodriver")).unwrap();

    let (code, listing, said) = machine.say(&["doctor", "--fix"]);
    assert_eq!(code, Some(2), "{listing}{said}");
    assert!(
        said.contains("standard input is not a terminal\nhint: `wiresnap doctor --fix --yes`"),
        "{said}"
    );
    assert!(!machine.path(DRIVER).exists());

    let (_, listing, said) = machine.say(&["doctor", "--fix", "--yes"]);
    assert!(
        listing.ends_with(&format!("built: FOLDER/{DRIVER}\n")),
        "{listing}{said}"
    );
    let (_, examination) = machine.examination();
    let driver = check(&examination, "geckodriver");
    assert_eq!(
        (&driver["state"], &driver["version"]),
        (&"ok".into(), &"0.37.1".into())
    );
    assert_eq!(driver["path"], machine.path(DRIVER).to_str().unwrap());

    let (_, listing, _) = machine.say(&["doctor", "--fix", "--yes"]);
    assert!(listing.ends_with("nothing to build\n"), "{listing}");

    // Anybody may have put something else there.
    let folder = machine.path(DRIVER).parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (_, examination) = machine.examination();
    assert_eq!(check(&examination, "geckodriver")["found"], "not installed");
}

#[test]
fn a_cargo_that_fails_or_is_not_there_is_said() {
    let machine = Machine::complete(free_port());
    fs::remove_file(machine.path("path/geckodriver")).unwrap();
    machine.install("cargo", "echo no such crate >&2; exit 101");
    let (code, _, said) = machine.say(&["doctor", "--fix", "--yes"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("no such crate\n"), "{said}");
    assert!(
        said.contains("error: cargo could not build geckodriver 0.37.1\nhint: "),
        "{said}"
    );

    fs::remove_file(machine.path("path/cargo")).unwrap();
    let (code, listing, said) = machine.say(&["doctor", "--fix", "--yes"]);
    assert_eq!(code, Some(3));
    assert!(
        listing.contains("fix: install Rust (https://rustup.rs), and then"),
        "{listing}"
    );
    assert!(
        said.contains("error: cargo, which builds geckodriver, is not installed"),
        "{said}"
    );
}

#[test]
fn versions_that_do_not_fit() {
    let port = free_port();
    let machine = Machine::complete(port);
    machine.install("firefox-esr", "echo Mozilla Firefox 91.13.0esr");
    let (code, listing, _) = machine.say(&["doctor"]);
    assert_eq!(code, Some(3));
    assert_listing("old-firefox", &listing, port);

    machine.install("firefox-esr", FIREFOX);
    machine.install("geckodriver", "echo geckodriver 0.33.0");
    let (_, listing, _) = machine.say(&["doctor"]);
    assert_listing("old-geckodriver", &listing, port);
}

#[test]
fn programs_that_do_not_say_who_they_are() {
    let port = free_port();
    let machine = Machine::complete(port);
    machine.install(
        "firefox-esr",
        r"printf 'Mozilla \033[2J\033]0;title\007Firefox \342\200\256\n'",
    );
    machine.install("geckodriver", "echo libx.so: cannot open >&2; exit 127");
    machine.install("nc", "while :; do echo; echo no version; done");
    machine.write("path/tshark", "\0no program");
    fs::set_permissions(
        machine.path("path/tshark"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();

    let (_, listing, _) = machine.say(&["doctor"]);

    assert_listing("unknown", &listing, port);
}

#[test]
fn a_program_that_hangs_is_a_finding() {
    let port = free_port();
    let machine = Machine::complete(port);
    let id = machine.path("id");
    machine.install(
        "geckodriver",
        &format!("echo $$ > {}; exec /bin/sleep 600", id.display()),
    );
    let started = Instant::now();

    let (code, listing, _) = machine.say(&["doctor"]);

    assert!(started.elapsed() < Duration::from_secs(30), "{listing}");
    assert_eq!(code, Some(3));
    assert_listing("hung", &listing, port);
    assert_is_gone(&fs::read_to_string(id).unwrap());
}

#[test]
fn a_signal_ends_it_and_whatever_has_not_answered() {
    let machine = Machine::complete(free_port());
    let id = machine.path("id");
    let script = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; exec /bin/sleep 600",
        id.display()
    );
    machine.install("geckodriver", &script.replace("mv ", "/bin/mv "));
    let mut doctor = machine.wiresnap(&["doctor"]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !id.exists() {
        assert!(Instant::now() < deadline, "geckodriver was not asked");
        std::thread::yield_now();
    }

    let doctor_id = Pid::from_raw(doctor.id().cast_signed()).unwrap();
    kill_process(doctor_id, Signal::TERM).unwrap();

    assert_eq!(doctor.wait().unwrap().code(), Some(143));
    let id = fs::read_to_string(id).unwrap();
    assert_is_gone(&id);
}

/// Waits until a process is gone: one that was killed may take a moment, and another until its parent has waited for
/// it.
fn assert_is_gone(id: &str) {
    let status = Path::new("/proc").join(id.trim()).join("status");
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let status = fs::read_to_string(&status).unwrap_or_default();
        if status.is_empty() || status.contains("State:\tZ") {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {status}");
        std::thread::yield_now();
    }
}

#[test]
fn each_netcat_is_told_by_its_name() {
    let machine = Machine::complete(free_port());
    machine.install("nc", "echo '[v1.10-47]' >&2");

    let (_, examination) = machine.examination();

    let nc = check(&examination, "nc");
    assert_eq!(nc["state"], "ok");
    assert_eq!(nc["found"], "traditional netcat 1.10-47");
    assert_eq!(nc["path"], machine.path("path/nc").to_str().unwrap());
}

#[test]
fn the_object_says_what_the_listing_does() {
    let machine = Machine::complete(free_port());

    let (code, examination) = machine.examination();

    let firefox = check(&examination, "Firefox");
    assert_eq!(firefox["state"], "ok");
    assert_eq!(firefox["version"], "153.7.0esr");
    assert_eq!(firefox["fix"], Value::Null);
    let is_missing = |check: &Value| check["state"] == "missing";
    let ready = !examination["checks"]
        .as_array()
        .unwrap()
        .iter()
        .any(is_missing);
    assert_eq!(examination["ready"], ready);
    assert_eq!(code, Some(if ready { 0 } else { 3 }));
    // Whatever this machine is, it has a network to play on or it is not ready.
    assert_eq!(examination["network"].is_string(), ready);
}

#[test]
fn a_port_that_is_taken_matters_on_the_hosts_network_only() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let machine = Machine::complete(port);

    let (_, examination) = machine.examination();

    let check = check(&examination, &format!("port {port}"));
    let is_private = examination["network"] == "private";
    assert_eq!(
        check["state"],
        if is_private { "warning" } else { "missing" }
    );
    assert_eq!(
        check["fix"],
        format!("ss -ltnp 'sport = :{port}' names the program; stop it")
    );
}

#[test]
fn a_snap_is_told_from_a_package() {
    let machine = Machine::complete(free_port());
    machine.install(
        "firefox-esr",
        &format!("# exec /snap/bin/firefox\n{FIREFOX}"),
    );

    let (_, examination) = machine.examination();

    assert_ne!(examination["network"], "private");
    let firefox = check(&examination, "Firefox");
    // Who may not capture on the host's network has no network that such a Firefox starts on.
    let (state, found) = if check(&examination, "host's network")["state"] == "ok" {
        ("warning", "is played on the host's network only")
    } else {
        ("missing", "cannot be played on a private network")
    };
    assert_eq!(firefox["state"], state);
    assert_eq!(
        firefox["found"],
        format!("153.7.0esr, a snap, which {found}")
    );
}

#[test]
fn outside_of_a_project_there_is_still_a_machine() {
    let machine = Machine::complete(free_port());
    fs::remove_file(machine.path("project/wiresnap.toml")).unwrap();

    let (_, examination) = machine.examination();

    assert_eq!(check(&examination, "scenarios")["state"], "warning");
    assert_eq!(check(&examination, "nc")["state"], "ok");
}

#[test]
fn a_scenario_that_makes_no_sense_would_fail() {
    let machine = Machine::complete(free_port());
    machine.write("project/scenarios/broken.toml", "colour = 'red'\n");

    let (code, examination) = machine.examination();

    assert_eq!(code, Some(3));
    assert_eq!(check(&examination, "scenarios")["state"], "missing");
}

#[test]
fn a_capture_looks_first_and_starts_nothing() {
    let machine = Machine::complete(free_port());
    machine.install("firefox-esr", "echo Mozilla Firefox 91.13.0esr");

    let (code, _, said) = machine.say(&["capture", "webapp"]);

    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains(
            "error: versions fit: geckodriver 0.37 needs Firefox 128 or newer, this is 91.13\n\
                       hint: apt-get install firefox-esr\n"
        ),
        "{said}"
    );
    assert!(
        !machine.path("project/pcap").exists(),
        "a folder was made for nothing"
    );
}

#[test]
fn a_capture_asks_only_for_what_it_needs() {
    let machine = Machine::bare(free_port());

    let (code, _, said) = machine.say(&["capture", "tcpapp"]);

    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.ends_with("error: nc: not installed\nhint: apt-get install netcat-openbsd\n"),
        "{said}"
    );
}

/// Creates a machine on which nothing is missing to capture with Chromium, with this version of the driver.
fn with_chromium(chromedriver: &str) -> Machine {
    let machine = Machine::complete(free_port());
    machine.install(
        "chromium",
        "echo Chromium 156.0.8078.108 built on Debian GNU/Linux 12",
    );
    machine.install(
        "chromedriver",
        &format!("echo 'ChromeDriver {chromedriver} (730482a)'"),
    );
    machine
}

/// Checks the end of `capture --browser chromium`, which is known before anything is started.
#[track_caller]
fn assert_cannot_play(machine: &Machine, end: &str) {
    let (code, _, said) = machine.say(&["capture", "--browser", "chromium"]);
    assert_eq!(code, Some(3), "{said}");
    let note = "note: not played with Chromium, since their client is not a browser: tcpapp\n";
    assert_eq!(said, format!("{note}{end}"));
    assert!(
        !machine.path("project/pcap").exists(),
        "a folder was made for nothing"
    );
}

#[test]
fn chromium_is_looked_at_where_it_is_asked_for() {
    let machine = with_chromium("156.0.8078.96");

    let (_, listing, _) = machine.say(&["doctor", "--browser", "chromium"]);

    for line in [
        "ok       Chromium         156.0.8078.108, FOLDER/path/chromium\n",
        "ok       chromedriver     156.0.8078.96, FOLDER/path/chromedriver\n",
        "ok       versions fit     chromedriver 156 drives Chromium 156\n",
        "free, pcap/chromium\n",
    ] {
        assert!(listing.contains(line), "{line}{listing}");
    }
    for other in ["Firefox", "tcpapp", "ok       nc "] {
        assert!(!listing.contains(other), "{other}: {listing}");
    }
}

#[test]
fn a_capture_with_chromium_needs_chromium_and_its_driver() {
    let machine = Machine::complete(free_port());
    let install = "hint: apt-get install chromium chromium-driver";
    assert_cannot_play(
        &machine,
        &format!(
            "error: Chromium: not installed\n{install} (1 more is missing: see `wiresnap doctor --browser chromium`)\n"
        ),
    );

    let machine = with_chromium("156.0.8078.96");
    fs::remove_file(machine.path("path/chromedriver")).unwrap();
    assert_cannot_play(
        &machine,
        &format!("error: chromedriver: not installed\n{install}\n"),
    );
}

#[test]
fn chromium_and_its_driver_must_be_of_one_release() {
    assert_cannot_play(
        &with_chromium("155.0.7980.12"),
        "error: versions fit: chromedriver 155 drives Chromium 155 only, this is 156\n\
         hint: apt-get install chromium chromium-driver\n",
    );
}

#[test]
fn a_chromium_that_is_a_snap_is_not_played_with() {
    let machine = with_chromium("156.0.8078.96");
    machine.install(
        "chromium",
        "# exec /snap/bin/chromium\necho Chromium 156.0.8078.108 snap",
    );

    assert_cannot_play(
        &machine,
        "error: Chromium: 156.0.8078.108, a snap, which cannot be played with\n\
         hint: install a Chromium that is a package, with its chromedriver, as Debian has it\n",
    );
}

/// Runs a doctor inside of namespaces that `unshare` makes, after `preparation`; `None` if the host forbids that.
fn confined(machine: &Machine, flags: &[&str], preparation: &str) -> Option<Value> {
    let tool = |name: &str| {
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.exists())
    };
    let (unshare, setpriv) = (tool("unshare")?, tool("setpriv")?);
    let doctor = machine.path("bin/wiresnap");
    let script = format!(
        "{preparation} && exec {} --bounding-set -all --inh-caps -all {} doctor --format json",
        setpriv.display(),
        doctor.display()
    );
    let output = Command::new(unshare)
        .args(flags)
        .args(["/bin/sh", "-c", &script])
        .current_dir(machine.path("project"))
        .output()
        .unwrap();
    let examination = serde_json::from_slice(&output.stdout).ok();
    if examination.is_none() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
    }
    examination
}

#[test]
fn a_machine_that_allows_no_user_namespace_says_so() {
    let machine = Machine::complete(free_port());
    let flags = ["--user", "--map-root-user"];
    let Some(examination) = confined(
        &machine,
        &flags,
        "echo 0 > /proc/sys/user/max_user_namespaces",
    ) else {
        return;
    };

    let check = check(&examination, "private network");
    assert_eq!(check["state"], "missing");
    assert_eq!(check["found"], "user.max_user_namespaces is 0");
    assert_eq!(check["fix"], "sysctl -w user.max_user_namespaces=15000");
    assert_eq!(examination["network"], Value::Null);
}

#[test]
fn a_container_that_covers_parts_of_proc_says_so() {
    let machine = Machine::complete(free_port());
    let flags = [
        "--user",
        "--map-root-user",
        "--pid",
        "--mount",
        "--fork",
        "--mount-proc",
    ];
    let preparation = "mount --bind /dev/null /proc/kcore && cd .";
    let Some(examination) = confined(&machine, &flags, preparation) else {
        return;
    };

    let check = check(&examination, "private network");
    assert_eq!(check["state"], "missing", "{check:#}");
    assert_eq!(check["found"], "this container covers parts of /proc");
}
