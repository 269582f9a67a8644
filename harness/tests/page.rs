//! The text of the report: its contents, and the things that it must never contain, whatever was captured.

mod support;
mod workspace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::cases::{Case, file_cases, link_cases, network_cases, stream_cases};
use support::file::{ETHERNET, pcap};
use support::hostile;
use wiresnap::analysis::dissection::Dissection;
use wiresnap::analysis::dissection::selection::MOST_PACKETS;
use wiresnap::analysis::stats::Options;
use wiresnap::report::{Capture, page};
use wirestream::capture::CaptureReader;

/// The elements that a page may contain. None of them loads, embeds or submits anything.
const ELEMENTS: [&str; 54] = [
    "a",
    "article",
    "b",
    "body",
    "button",
    "caption",
    "circle",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "head",
    "header",
    "html",
    "kbd",
    "li",
    "line",
    "main",
    "meta",
    "nav",
    "p",
    "path",
    "polyline",
    "pre",
    "rect",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "tspan",
    "ul",
];

fn report(name: &str, file: &[u8]) -> Option<String> {
    let dissection = Dissection::of(|| CaptureReader::new(file), Options::default()).ok()?;
    let capture = Capture {
        name: name.to_owned(),
        dissection,
        provenance: None,
    };
    Some(page(&[capture]))
}

/// Walks through a page tag by tag. Panics if it is not well formed, or has something that no page may have.
fn assert_is_harmless(name: &str, page: &str) {
    let allowed = BTreeSet::from(ELEMENTS);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}: {open:?}");
            continue;
        }
        let element = tag.split([' ', '/']).next().unwrap();
        assert!(allowed.contains(element), "{name}: <{tag}>");
        for attribute in tag.split("=\"").filter_map(|part| part.rsplit(' ').next()) {
            assert!(!attribute.starts_with("on"), "{name}: <{tag}>");
        }
        if let Some((_, target)) = tag.split_once("href=\"") {
            assert!(target.starts_with('#'), "{name}: <{tag}>");
        }
        if !tag.ends_with('/') {
            open.push(element);
        }
        if matches!(element, "script" | "style") {
            rest = &rest[rest.find("</").unwrap()..];
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "{name}");
    assert_eq!(page.matches("<script>").count(), 1, "{name}");
    assert_no_command_of_a_terminal(name, page);
}

fn assert_no_command_of_a_terminal(name: &str, text: &str) {
    let found = text.chars().find(|character| {
        let is_control = character.is_control() && !matches!(character, '\n' | '\t');
        is_control || matches!(character, '\u{200b}' | '\u{202e}' | '\u{2066}' | '\u{feff}')
    });
    assert_eq!(found, None, "{name}");
}

#[test]
fn whatever_was_captured_is_text() {
    let cases: Vec<Case> = [file_cases(), link_cases(), network_cases(), stream_cases()]
        .into_iter()
        .flatten()
        .collect();
    let mut reported = 0;
    for case in &cases {
        if let Some(page) = report(case.name, &case.file) {
            assert_is_harmless(case.name, &page);
            reported += 1;
        }
    }
    assert!(reported > cases.len() / 2, "{reported} of {}", cases.len());
    let page = report(hostile::TEXT, &hostile::capture()).unwrap();
    assert_is_harmless("hostile", &page);
    assert!(
        page.matches("&lt;script&gt;window.hostile=1&lt;/script&gt;")
            .count()
            > 10
    );
}

#[test]
fn a_capture_of_nothing_is_a_page_too() {
    let page = report("nothing", &pcap(ETHERNET, &[])).unwrap();
    assert_is_harmless("nothing", &page);
    assert!(page.contains("No capture here has updates that can be told apart."));
}

#[test]
fn no_capture_commands_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("hostile.pcap");
    std::fs::write(&capture, hostile::capture()).unwrap();
    let json = format!("{{\"scenario\": {{\"name\": {:?}}}}}", "\u{1b}[31m<script>");
    for arguments in [
        &["payload"][..],
        &["payload", "--explain"],
        &["payload", "--redact"],
        &["payload", "--format", "json"],
        &["stats", "--explain"],
        &["stats", "--format", "markdown"],
    ] {
        let Output {
            status,
            stdout,
            stderr,
        } = wiresnap(folder.path(), &[arguments, &["hostile.pcap"]].concat());
        assert!(
            status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        assert_no_command_of_a_terminal(&arguments.join(" "), &String::from_utf8(stdout).unwrap());
    }
    // What is kept beside a capture may come from anybody, too.
    std::fs::write(capture.with_extension("json"), json).unwrap();
    let Output { status, stderr, .. } = wiresnap(folder.path(), &["report", "hostile.pcap"]);
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("hostile.json"), "{said}");
    assert_no_command_of_a_terminal("report", &said);
}

fn wiresnap(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// The most bytes of a page for a capture of some thirty packets.
const BYTES_PER_CAPTURE: usize = 160_000;

#[test]
fn the_project_s_captures_are_a_small_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.html");
    let output = wiresnap(
        &workspace::root(),
        &["report", "--out", out.to_str().unwrap()],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = std::fs::read_to_string(&out).unwrap();
    assert_is_harmless("built-in", &page);
    let captures = workspace::root().join("pcap");
    let mut names = Vec::new();
    for (folder, prefix) in [("", ""), ("chromium", "chromium/")] {
        for capture in workspace::files(&captures.join(folder), "pcap") {
            let name = capture.file_stem().unwrap().to_str().unwrap();
            names.push(format!("{prefix}{name}"));
        }
    }
    for name in &names {
        assert!(page.contains(&format!(">{name}</h2>")), "{name}");
    }
    let most = names.len() * BYTES_PER_CAPTURE;
    assert!(page.len() < most, "{} bytes", page.len());
    let names: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(names, [out], "nothing else is left there");
    let to_stdout = wiresnap(&workspace::root(), &["report", "--out", "-"]);
    assert_eq!(String::from_utf8(to_stdout.stdout).unwrap(), page);
}

#[test]
fn a_long_capture_is_folded_and_says_so() {
    let file = support::long_capture();
    let page = report("long", &file).unwrap();
    assert_is_harmless("long", &page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("<a class=\"packet ").count(), MOST_PACKETS);
    assert!(page.contains("They are too many to be drawn"));
    assert!(page.contains(&format!("{} packets are not drawn", 99_999 - MOST_PACKETS)));
    assert!(page.contains("messages more are not shown."));
}
