//! The verbs that read captures, each as it is called in a project with an attack in two variants.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A way to read a capture.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    pub name: &'static str,
    words: &'static [&'static str],
    /// Which variant the project's capture is.
    capture: &'static str,
}

/// The captures that a project is made with.
pub const OLD: &str = "old.pcap";
pub const NEW: &str = "new.pcap";

const CAPTURE: &str = "pcap/x.pcap";
const SCENARIO: &str = "name = \"x\"\n";
const PAGE: &str = "<!-- wiresnap: stats pcap/x.pcap -->\n<!-- /wiresnap -->\n\n\
    <!-- wiresnap: payload pcap/x.pcap --connection 1 -->\n<!-- /wiresnap -->\n";

/// All of them, in an order that makes sense: what is accepted is checked then.
pub const VERBS: [Verb; 16] = [
    Verb::new("stats", &["stats", OLD]),
    Verb::new("stats --explain", &["stats", "--explain", OLD]),
    Verb::new(
        "stats --explain (JSON)",
        &["stats", "--explain", "--format", "json", OLD],
    ),
    Verb::new("payload", &["payload", OLD]),
    Verb::new("payload --redact", &["payload", "--redact", OLD]),
    Verb::new("payload --explain", &["payload", "--explain", OLD]),
    Verb::new("payload (JSON)", &["payload", "--format", "json", OLD]),
    Verb::new("diff", &["diff", OLD, NEW]),
    Verb::new("diff (JSON)", &["diff", "--format", "json", OLD, NEW]),
    Verb::new("check (new)", &["check", "x"]),
    Verb::new("accept", &["accept", "x"]),
    Verb::new("check (same)", &["check", "x"]),
    Verb {
        name: "check (differs)",
        words: &["check", "x"],
        capture: NEW,
    },
    Verb::new("report", &["report", OLD, "--out", "page.html"]),
    Verb::new("learn", &["learn", "x", "--from", OLD, NEW]),
    Verb::new("docs", &["docs", "--check", "page.md"]),
];

impl Verb {
    const fn new(name: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            name,
            words,
            capture: OLD,
        }
    }

    /// Makes the project ready for it, and gives its arguments.
    pub fn arguments(self, project: &Path, memory: Option<&str>) -> io::Result<Vec<OsString>> {
        let capture = project.join(CAPTURE);
        let _ = fs::remove_file(&capture);
        symlink(Path::new("..").join(self.capture), &capture)?;
        let mut words: Vec<OsString> = self.words.iter().map(OsString::from).collect();
        if let Some(memory) = memory.filter(|_| self.name != "docs") {
            words.insert(1, format!("--memory={memory}").into());
        }
        Ok(words)
    }
}

/// Makes a project around the captures [`OLD`] and [`NEW`], which are to be in its folder.
pub fn make_project(folder: &Path) -> io::Result<()> {
    for inner in ["pcap", "scenarios", "snapshots"] {
        fs::create_dir_all(folder.join(inner))?;
    }
    fs::write(
        folder.join("wiresnap.toml"),
        "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n",
    )?;
    fs::write(folder.join("scenarios/x.toml"), SCENARIO)?;
    fs::write(folder.join("page.md"), PAGE)
}
