//! Checks the completions and man pages, which are made from the command line's own description: `make docs` writes
//! them (`WIRESNAP_WRITE=1`), and otherwise this test compares the committed ones with it.

mod workspace;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use wiresnap::cli::Cli;

/// Files by their names.
type Files = BTreeMap<String, String>;

#[test]
fn completions_are_up_to_date() {
    let mut files = Files::new();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut without_hidden_verbs(), "wiresnap", &mut script);
        let name = match shell {
            Shell::Zsh => "_wiresnap".to_owned(),
            other => format!("wiresnap.{other}"),
        };
        files.insert(name, String::from_utf8(script).unwrap());
    }
    hold("docs/completions", &files);
}

/// Returns the command line as people see it: completions would offer the verbs that only wiresnap itself uses.
fn without_hidden_verbs() -> clap::Command {
    let program = Cli::command();
    let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set());
    clap::Command::new("wiresnap")
        .version(env!("CARGO_PKG_VERSION"))
        .about(program.get_about().cloned().unwrap_or_default())
        .subcommands(verbs.cloned())
}

#[test]
fn man_pages_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let program = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(program, folder.path()).unwrap();
    hold("docs/man", &read(folder.path()));
}

/// Compares a folder of the project with its expected files; or writes them.
#[track_caller]
fn hold(place: &str, files: &Files) {
    let folder = workspace::root().join(place);
    if std::env::var_os("WIRESNAP_WRITE").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let committed = read(&folder);
    let named = |files: &Files| files.keys().cloned().collect::<Vec<String>>();
    assert_eq!(named(&committed), named(files), "{place}: run `make docs`");
    for (name, text) in files {
        assert!(
            committed[name] == *text,
            "{place}/{name} is not up to date: run `make docs`"
        );
    }
}

fn read(folder: &Path) -> Files {
    let Ok(entries) = fs::read_dir(folder) else {
        return Files::new();
    };
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| file(entry.unwrap())).collect()
}
