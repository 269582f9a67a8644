//! The verbs that read captures, each with its arguments in a project with an attack in two variants.

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
    /// The variant that is the project's capture.
    capture: &'static str,
}

/// The captures of a project.
pub const OLD: &str = "old.pcap";
pub const NEW: &str = "new.pcap";

const CAPTURE: &str = "pcap/x.pcap";
const SCENARIO: &str = "name = \"x\"\n";
const PAGE: &str = "<!-- wiresnap: stats pcap/x.pcap -->\n<!-- /wiresnap -->\n\n\
    <!-- wiresnap: payload pcap/x.pcap --connection 1 -->\n<!-- /wiresnap -->\n";

/// All verbs, in a useful order: accepted listings are checked next.
pub const VERBS: [Verb; 19] = [
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
    Verb::new("list", &["list"]),
    Verb::new("check (same)", &["check", "x"]),
    Verb {
        name: "check (differs)",
        words: &["check", "x"],
        capture: NEW,
    },
    Verb::new("report", &["report", OLD, "--out", "page.html"]),
    Verb::new("learn", &["learn", "x", "--from", OLD, NEW]),
    Verb::new(
        "learn (JSON)",
        &["learn", "x", "--format", "json", "--from", OLD, NEW],
    ),
    Verb::new("docs", &["docs", "--check", "page.md"]),
    Verb::new("docs (diff)", &["docs", "--check", "changes.md"]),
];

impl Verb {
    const fn new(name: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            name,
            words,
            capture: OLD,
        }
    }

    /// Returns true if it writes JSON.
    pub fn is_json(self) -> bool {
        self.words.contains(&"json")
    }

    /// Makes the project ready for it, and returns its arguments.
    pub fn arguments(self, project: &Path, memory: Option<&str>) -> io::Result<Vec<OsString>> {
        let capture = project.join(CAPTURE);
        let _ = fs::remove_file(&capture);
        symlink(Path::new("..").join(self.capture), &capture)?;
        let mut words: Vec<OsString> = self.words.iter().map(OsString::from).collect();
        if let Some(memory) = memory {
            words.insert(1, format!("--memory={memory}").into());
        }
        Ok(words)
    }
}

const PAGE_OF_CHANGES: &str = "<!-- wiresnap: diff old.pcap new.pcap -->\n<!-- /wiresnap -->\n\n\
    <!-- wiresnap: diagram pcap/x.pcap -->\n<!-- /wiresnap -->\n";

/// The rules of a project with an attack on them; a backtracking engine would never finish with the second.
const RULES: &str = "
[[redact]]
name = \"id\"
pattern = 'id=([0-9]+)'

[[redact]]
name = \"near\"
pattern = '(?:a|aa)+c'

[[redact]]
name = \"token\"
pattern = 'token=([0-9a-z]{20,40})'
";

/// Makes a project around the captures [`OLD`] and [`NEW`], which must be in its folder.
pub fn make_project(folder: &Path, with_rules: bool) -> io::Result<()> {
    for inner in ["pcap", "scenarios", "snapshots"] {
        fs::create_dir_all(folder.join(inner))?;
    }
    let folders = "scenarios = \"scenarios\"\ncaptures = \"pcap\"\nsnapshots = \"snapshots\"\ndocs = \"docs\"\n";
    let rules = if with_rules { RULES } else { "" };
    fs::write(folder.join("wiresnap.toml"), format!("{folders}{rules}"))?;
    fs::write(folder.join("changes.md"), PAGE_OF_CHANGES)?;
    fs::write(folder.join("scenarios/x.toml"), SCENARIO)?;
    fs::write(folder.join("page.md"), PAGE)
}
