//! Checks the imports in the sources against the tables in ARCHITECTURE.md, one for each library.
//!
//! The tables are the data. A new edge of a module is added there first, so that it can be discussed.

mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules that each module may import.
type Table = BTreeMap<String, BTreeSet<String>>;

/// A package whose modules have a table.
struct Package {
    /// Its folder in the workspace.
    folder: &'static str,
    /// The heading of the first column of its table.
    heading: &'static str,
}

/// The library that reads captures, whose row in the other table has no imports.
const WIRE: Package = Package {
    folder: "wire",
    heading: "module of `wirestream`",
};

const HARNESS: Package = Package {
    folder: "harness",
    heading: "module of `wiresnap`",
};

/// The modules of `commands` that are no verbs: what verbs share, since it is about the command line.
const SHARED_BY_VERBS: [&str; 5] = [
    "answer",
    "confinement",
    "marks",
    "whole_json",
    "without_capture",
];

/// A source file, as a module of the library.
struct Source {
    /// Its path below `src/`.
    place: String,
    /// The names of its path in the library, the topmost module first.
    modules: Vec<String>,
    code: String,
}

#[test]
fn no_module_imports_what_the_table_does_not_allow() {
    let offences: Vec<String> = [WIRE, HARNESS]
        .iter()
        .flat_map(|package| {
            let table = package.table();
            let sources = package.sources().into_iter();
            sources.flat_map(move |source| offences(&source, &table))
        })
        .collect();
    assert!(
        offences.is_empty(),
        "edges that the table in ARCHITECTURE.md lacks:\n{}",
        offences.join("\n")
    );
}

#[test]
fn the_table_names_the_modules_that_there_are() {
    for (package, others) in [(WIRE, None), (HARNESS, Some("wirestream".to_owned()))] {
        let modules = package.sources().into_iter();
        let modules = modules.filter_map(|source| source.modules.into_iter().next());
        let there_are: BTreeSet<String> = modules.chain(others).collect();
        let named: BTreeSet<String> = package.table().into_keys().collect();
        assert_eq!(named, there_are);
    }
}

#[test]
fn the_table_goes_round_in_no_circle() {
    for package in [WIRE, HARNESS] {
        let mut left = package.table();
        while !left.is_empty() {
            let below: Vec<String> = left
                .iter()
                .filter(|(_, imports)| !imports.iter().any(|module| left.contains_key(module)))
                .map(|(module, _)| module.clone())
                .collect();
            assert!(!below.is_empty(), "these go round in a circle: {left:?}");
            left.retain(|module, _| !below.contains(module));
        }
    }
}

#[test]
fn the_table_allows_nothing_that_nobody_imports() {
    for package in [WIRE, HARNESS] {
        let mut unused = package.table();
        for source in package.sources() {
            if let Some(imports) = source.modules.first().and_then(|top| unused.get_mut(top)) {
                let needed = source.imports();
                imports.retain(|module| !needed.contains(module));
            }
        }
        unused.retain(|_, imports| !imports.is_empty());
        assert!(
            unused.is_empty(),
            "edges that only the table in ARCHITECTURE.md has: {unused:?}"
        );
    }
}

#[test]
fn no_verb_imports_another_verb() {
    let verbs: Vec<Source> = HARNESS
        .sources()
        .into_iter()
        .filter(|source| source.modules.first().is_some_and(|top| top == "commands"))
        .filter(|source| {
            source
                .verb()
                .is_some_and(|name| !SHARED_BY_VERBS.contains(&name))
        })
        .collect();
    let names: BTreeSet<&str> = verbs.iter().filter_map(Source::verb).collect();
    assert!(names.contains("payload") && names.len() > 10, "{names:?}");
    for verb in &verbs {
        for import in verb.imports_of_siblings() {
            assert!(
                Some(&*import) == verb.verb() || !names.contains(&*import),
                "{} imports the verb {import}",
                verb.place
            );
        }
    }
}

#[test]
fn the_front_for_tests_and_the_engine_know_no_command_line() {
    for source in HARNESS.sources() {
        let top = source.modules.first().map(String::as_str);
        if !matches!(top, Some("commands" | "main")) {
            assert!(!source.imports().contains("commands"), "{}", source.place);
        }
        if !matches!(top, Some("cli" | "commands" | "pages" | "printer")) {
            assert!(!source.code.contains("clap::"), "{}: clap", source.place);
        }
    }
}

/// The sniffer decodes what has just come off the wire; whatever reads a capture goes through the one walk.
#[test]
fn captures_are_read_by_one_walk() {
    let decoding = HARNESS.sources().into_iter();
    let decoding = decoding.filter(|source| source.code.contains("FrameDecoder"));
    let places: Vec<String> = decoding.map(|source| source.place).collect();
    assert_eq!(places, ["lab/sniffer.rs"]);
}

#[test]
fn the_reading_library_knows_no_clock_and_no_runtime_and_few_files() {
    let sources = WIRE.sources();
    assert!(sources.len() > 50, "{} sources", sources.len());
    for source in sources {
        let top = source.modules.first().map(String::as_str);
        for (word, allowed) in [
            ("std::fs", Some("capture")),
            ("stdin", Some("capture")),
            ("std::time", Some("units")),
            ("Instant", None),
            ("SystemTime", None),
            ("std::process", None),
            ("std::thread", None),
            ("tokio", None),
            ("println!", None),
        ] {
            let may = allowed.is_some() && top == allowed;
            assert!(
                may || !source.code.contains(word),
                "{}: {word}",
                source.place
            );
        }
    }
    let manifest = workspace::root().join("wire/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    for dependency in ["pcap", "tokio", "wiresnap"] {
        let line = format!("\n{dependency} =");
        assert!(!manifest.contains(&line), "wirestream needs {dependency}");
    }
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    let source = |place: &str, code: &str| Source::new(place, code);
    for (place, code) in [
        ("a.rs", "use crate::b::c;"),
        ("a/deep/er.rs", "use crate::{c::d, b};"),
        ("a/mod.rs", "fn f() -> crate::b::X {}"),
        ("a/deep.rs", "use super::super::b::X;"),
        ("a.rs", "use super::{c, b};"),
    ] {
        let found: Vec<String> = source(place, code).imports().into_iter().collect();
        assert!(found.contains(&"b".to_owned()), "{place}: {code}");
    }
    for (place, code) in [
        ("a.rs", "// use crate::b;"),
        ("a/deep.rs", "use super::b;"),
        ("a.rs", "use other_crate::b;"),
    ] {
        assert!(source(place, code).imports().is_empty(), "{place}: {code}");
    }
    let main = source("main.rs", "use wiresnap::b;").imports();
    assert!(main.contains("b"), "the binary imports the library");
    let below = source("a.rs", "use wirestream::b;").imports();
    assert_eq!(below, BTreeSet::from(["wirestream".to_owned()]));
}

fn offences(source: &Source, table: &Table) -> Vec<String> {
    let Some(module) = source.modules.first() else {
        return Vec::new();
    };
    let allowed = table.get(module).cloned().unwrap_or_default();
    source
        .imports()
        .into_iter()
        .filter(|import| table.contains_key(import) && import != module)
        .filter(|import| !allowed.contains(import))
        .map(|import| format!("{}: {module} imports {import}", source.place))
        .collect()
}

/// Returns the contents of a row, for each of the modules that it is about.
fn row(line: &str) -> Vec<(String, BTreeSet<String>)> {
    let cells = cells(line);
    let [modules, imports] = cells.as_slice() else {
        panic!("two columns: {line}")
    };
    let imports: BTreeSet<String> = names(imports).collect();
    names(modules)
        .map(|module| (module, imports.clone()))
        .collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect()
}

fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split(',')
        .map(|name| name.trim().trim_matches('`').to_owned())
        .filter(|name| !name.is_empty())
}

impl Package {
    /// Returns the rows of the package's table.
    fn table(&self) -> Table {
        let path = workspace::root().join("ARCHITECTURE.md");
        let text = std::fs::read_to_string(path).expect("ARCHITECTURE.md is there");
        let table: Table = text
            .lines()
            .skip_while(|line| cells(line) != [self.heading, "may import"])
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .flat_map(row)
            .collect();
        assert!(!table.is_empty(), "ARCHITECTURE.md has the table");
        table
    }

    /// Returns every source file of the package except the library's root, which only lists its modules.
    fn sources(&self) -> Vec<Source> {
        let root = workspace::root().join(self.folder).join("src");
        let mut files = Vec::new();
        collect(&root, &mut files);
        let source = |file: &PathBuf| {
            let place = file.strip_prefix(&root).unwrap().to_str().unwrap();
            Source::new(place, &std::fs::read_to_string(file).unwrap())
        };
        let sources = files.iter().map(source);
        sources.filter(|source| source.place != "lib.rs").collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    files.extend(workspace::files(folder, "rs"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        }
    }
}

impl Source {
    fn new(place: &str, text: &str) -> Self {
        let path = Path::new(place).with_extension("");
        let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        Self {
            place: place.to_owned(),
            modules: names.filter(|name| name != "mod").collect(),
            code: code.collect::<Vec<_>>().join("\n"),
        }
    }

    /// Returns the name below `commands`; `None` for the module itself.
    fn verb(&self) -> Option<&str> {
        self.modules.get(1).map(String::as_str)
    }

    /// Returns the names right below `commands` that this file mentions.
    fn imports_of_siblings(&self) -> BTreeSet<String> {
        let up = "super::".repeat(self.modules.len() - 1);
        ["crate::commands::", &up]
            .into_iter()
            .flat_map(|root| mentions(&self.code, root))
            .collect()
    }

    /// Returns the names right below the library's root that this file mentions, and the library below it if it does.
    fn imports(&self) -> BTreeSet<String> {
        let up = "super::".repeat(self.modules.len());
        let roots = match self.place.as_str() {
            "main.rs" => vec!["wiresnap::"],
            _ => vec!["crate::", &up],
        };
        let below = mentions(&self.code, "wirestream::");
        let below = below.first().map(|_| "wirestream".to_owned());
        roots
            .into_iter()
            .flat_map(|root| mentions(&self.code, root))
            .chain(below)
            .collect()
    }
}

/// Returns the first names after each `root` in the code; several if braces follow.
fn mentions(code: &str, root: &str) -> Vec<String> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(root)
        .filter(|(start, _)| !code[..*start].ends_with(is_word))
        .flat_map(|(start, _)| first_names(&code[start + root.len()..]))
        .collect()
}

fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|character: char| !(character.is_alphanumeric() || character == '_'));
        text[..end.unwrap_or(text.len())].to_owned()
    };
    match rest.strip_prefix('{') {
        None => vec![name(rest)],
        Some(group) => top_level_parts(group).into_iter().map(name).collect(),
    }
}

/// Returns the parts of a group in braces, whose opening brace is removed; braces inside stay together.
fn top_level_parts(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth > 0 => {}
            ',' | '}' => {
                parts.push(&group[start..position]);
                start = position + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts
}
