//! `wiresnap docs`: this project's own pages, every mistake that a page can have (one file each in `pages/`, its
//! message in `snapshots/`), and attacks by hostile captures.

mod support;
mod workspace;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use wiresnap::docs::markdown::{code, fenced};
use wiresnap::docs::page::Page;
use wiresnap::text::is_safe;

use support::file::{RAW, paced, pcap};
use support::script::{Client, Script, Server};
use workspace::{Said, wiresnap};

fn docs(folder: &Path, arguments: &[&str]) -> Said {
    wiresnap(folder, &[&["docs"], arguments].concat())
}

#[test]
fn the_pages_of_this_project_are_up_to_date() {
    let Said { code, out, error } = docs(&workspace::root(), &["--check"]);
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let mut mistakes = 0;
    for file in workspace::files(Path::new("tests/pages"), "md") {
        let before = fs::read(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();

        let Said { code, out, error } = docs(
            &workspace::root().join("harness"),
            &[file.to_str().unwrap()],
        );

        assert_eq!(code, Some(2), "{name}: {error}");
        assert_eq!(out, "", "{name}");
        workspace::settings().bind(|| insta::assert_snapshot!(format!("error-docs-{name}"), error));
        assert_eq!(fs::read(&file).unwrap(), before, "{name}");
        mistakes += 1;
    }
    assert!(mistakes > 25, "{mistakes} files");
    assert!(!Path::new("tests/pages/one.svg").exists());
}

/// Creates a project with two captures of the experiment.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tcpapp.pcap", "tcpapp.json", "wsapp.pcap", "wsapp.json"] {
        fs::create_dir_all(folder.path().join("pcap")).unwrap();
        fs::copy(
            workspace::root().join("pcap").join(name),
            folder.path().join("pcap").join(name),
        )
        .unwrap();
    }
    fs::copy(
        workspace::root().join("wiresnap.toml"),
        folder.path().join("wiresnap.toml"),
    )
    .unwrap();
    fs::create_dir_all(folder.path().join("docs/more")).unwrap();
    folder
}

const STATS: &str = "<!-- wiresnap: stats pcap/tcpapp.pcap -->\n<!-- /wiresnap -->\n";

#[test]
fn a_run_fills_the_blocks_and_touches_nothing_else() {
    let project = project();
    let page = project.path().join("docs/more/page.md");
    fs::write(
        &page,
        format!(
            "\u{feff}# A\r\nold  \r\n\n{}no end",
            STATS.replace('\n', "\r\n")
        ),
    )
    .unwrap();
    fs::set_permissions(&page, fs::Permissions::from_mode(0o640)).unwrap();

    let Said { code, out, error } = docs(project.path(), &[]);

    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(out, "docs/more/page.md: 1 of 1 block updated\n");
    let text = fs::read_to_string(&page).unwrap();
    let rest = text
        .strip_prefix(
            "\u{feff}# A\r\nold  \r\n\n<!-- wiresnap: stats pcap/tcpapp.pcap -->\r\n\r\n| PCAP ",
        )
        .unwrap();
    let table = rest
        .strip_suffix("|\r\n\r\n<!-- /wiresnap -->\r\nno end")
        .unwrap();
    assert!(
        table.contains("| [pcap/tcpapp.pcap](../../pcap/tcpapp.pcap) | 18 "),
        "{table}"
    );
    assert_eq!(table.matches('\n').count(), table.matches("\r\n").count());
    let mode = fs::metadata(&page).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    let Said { out, .. } = docs(project.path(), &[]);
    assert_eq!(out, "docs/more/page.md: 0 of 1 block updated\n");
    assert_eq!(fs::read_to_string(&page).unwrap(), text);
}

#[test]
fn a_file_that_is_named_by_its_whole_path_is_linked_from_the_page() {
    let project = project();
    let root = project.path().canonicalize().unwrap();
    let page = project.path().join("docs/more/page.md");
    let capture = root.join("pcap/tcpapp.pcap");
    let capture = capture.to_str().unwrap();
    let block = STATS.replace("pcap/tcpapp.pcap", capture);
    fs::write(&page, block).unwrap();
    let Said { code, error, .. } = docs(project.path(), &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let text = fs::read_to_string(&page).unwrap();
    let link = format!("[{capture}](../../pcap/tcpapp.pcap)");
    assert!(text.contains(&link), "{text}");
}

#[test]
fn a_mistake_in_one_page_leaves_all_as_they_are() {
    let project = project();
    let good = format!("{STATS}<!-- wiresnap: diagram pcap/wsapp.pcap -->\n<!-- /wiresnap -->\n");
    fs::write(project.path().join("README.md"), &good).unwrap();
    fs::write(
        project.path().join("docs/x.md"),
        "<!-- wiresnap: x -->\n<!-- /wiresnap -->\n",
    )
    .unwrap();

    let Said { code, out, .. } = docs(project.path(), &[]);

    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(
        fs::read_to_string(project.path().join("README.md")).unwrap(),
        good
    );
    assert!(!project.path().join("wsapp.svg").exists());
}

#[test]
fn a_symbolic_link_stays_one() {
    let project = project();
    fs::write(project.path().join("real.md"), STATS).unwrap();
    std::os::unix::fs::symlink("../real.md", project.path().join("docs/link.md")).unwrap();

    assert_eq!(docs(project.path(), &["docs/link.md"]).code, Some(0));

    assert!(project.path().join("docs/link.md").is_symlink());
    assert!(
        fs::read_to_string(project.path().join("real.md"))
            .unwrap()
            .contains("| 18 ")
    );
}

#[test]
fn outside_of_a_project_paths_begin_at_the_page() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        workspace::root().join("pcap/tcpapp.pcap"),
        folder.path().join("a b.pcap"),
    )
    .unwrap();
    let page = "<!-- wiresnap: stats \"a b.pcap\" -->\n<!-- /wiresnap -->\n";
    fs::write(folder.path().join("page.md"), page).unwrap();

    let Said { code, error, .. } = docs(folder.path(), &["page.md"]);

    assert_eq!((code, error.as_str()), (Some(0), ""));
    let text = fs::read_to_string(folder.path().join("page.md")).unwrap();
    assert!(text.contains("| `a b.pcap` | 18 "), "{text}");
}

#[test]
fn a_check_shows_what_is_stale_and_writes_nothing() {
    let project = project();
    let page = project.path().join("docs/page.md");
    let blocks = format!(
        "# Page\n\n{STATS}\n<!-- wiresnap: diagram pcap/wsapp.pcap -->\n<!-- /wiresnap -->\n"
    );
    fs::write(&page, blocks).unwrap();
    assert_eq!(docs(project.path(), &[]).code, Some(0));
    assert_eq!(docs(project.path(), &["--check"]).code, Some(0));

    let stale = fs::read_to_string(&page).unwrap().replace("| 18 ", "| 17 ");
    fs::write(&page, &stale).unwrap();
    fs::write(project.path().join("docs/wsapp.svg"), "<svg/>").unwrap();
    let Said { code, out, error } = docs(project.path(), &["--check"]);

    assert_eq!(code, Some(1));
    assert_eq!(fs::read_to_string(&page).unwrap(), stale);
    // The figures are those of whatever captures are committed.
    let mut settings = workspace::settings();
    settings.add_filter(r"\d+(\s+\|)", "N$1");
    settings.add_filter(r" +\|", " |");
    settings.bind(|| insta::assert_snapshot!("docs-check", format!("{out}{error}")));
}

/// Text that would end a block, a fence, a comment or a cell, or control a terminal, if it passed unchanged.
const HOSTILE: &[u8] = b"time\n```\n<!-- /wiresnap -->\n~~~\n<!-- wiresnap: stats x -->\n--> ``````````\n\
    </pre><script>alert(1)</script>\n![a](javascript:b)\x1b[2J\x07\xe2\x80\xae\xe2\x80\x8b\x9b31m\x7f\xef\xbb\xbf| a | b |\n\
    |---|---|\r\n    x\r\r\n\t<!-- /wiresnap -->\n\xe2\x80\xa8<!-- /wiresnap -->\r<!-- /wiresnap -->\r";

/// Text that a hostile program shows, or a hostile provenance file holds.
const HOSTILE_TEXT: &str =
    "a\\|b|c`d``e\n<!-- /wiresnap -->\n| x |\u{1b}[2J\u{202e}\r<b>[l](u)'; reboot'";

fn hostile_capture() -> Vec<u8> {
    let length = u32::try_from(HOSTILE.len()).unwrap();
    let websocket = Script::between("10.0.0.1:50001", "10.0.0.2:8000")
        .open()
        .data(Client, 0, b"GET /`|<!-- HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n")
        .data(Server, 0, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n");
    let size = u16::try_from(HOSTILE.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 126], &size[..], HOSTILE].concat();
    let script = Script::opened()
        .data(Client, 0, HOSTILE)
        .data(Server, 0, HOSTILE)
        .data(Client, length, b"```\r")
        .close()
        .then(websocket.data(Server, 129, &frame).close());
    pcap(RAW, &paced(script.packets()))
}

fn hostile_provenance() -> String {
    let text = serde_json::Value::from(HOSTILE_TEXT);
    format!(
        r#"{{"scenario":{{"name":{text},"sha256":{text}}},"started":"2026-11-23T09:48:26.4Z","time_scale":1.0,
        "marks":[{{"step":{text},"planned_seconds":0.0,"actual_seconds":0.0,"on_wire_seconds":null,"shown":{text}}}],
        "versions":{{"wiresnap":{text},"firefox":{text},"geckodriver":{text},"nc":{text},"libpcap":{text},"kernel":{text}}},
        "capture":{{"interface":{text},"link_type":101,"packets":1,"received":1,"dropped":0,"interface_dropped":0}}}}"#
    )
}

fn is_harmless(text: &str) -> bool {
    let harmless = |character: char| matches!(character, '\n' | '\t') || is_safe(character);
    text.chars().all(harmless)
}

/// Returns the parts that a reader of Markdown takes for HTML or for the address of a link.
fn active_parts(markdown: &str) -> Vec<String> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_GFM);
    let part = |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(html.trim_end().to_owned()),
        Event::Start(
            pulldown_cmark::Tag::Link { dest_url, .. }
            | pulldown_cmark::Tag::Image { dest_url, .. },
        ) => Some(dest_url.to_string()),
        _ => None,
    };
    events.filter_map(part).collect()
}

#[test]
fn hostile_captures_stay_in_their_blocks() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.pcap"), hostile_capture()).unwrap();
    fs::write(folder.path().join("x.json"), hostile_provenance()).unwrap();
    fs::copy(
        workspace::root().join("pcap/tcpapp.pcap"),
        folder.path().join("y.pcap"),
    )
    .unwrap();
    let commands = [
        "payload x.pcap",
        "payload --redact x.pcap",
        "payload x.pcap --connection 1 --message 2",
        "hex x.pcap",
        "frame x.pcap S1",
        "timeline x.pcap",
        "timeline x.pcap x.pcap",
        "provenance x.pcap",
        "stats x.pcap",
        "diagram x.pcap",
        "diff x.pcap y.pcap",
        "diff y.pcap x.pcap",
    ];
    let openings = commands.map(|command| format!("<!-- wiresnap: {command} -->"));
    let blocks = openings
        .clone()
        .map(|opening| format!("{opening}\n<!-- /wiresnap -->\n"));
    let page = folder.path().join("page.md");
    fs::write(&page, blocks.concat()).unwrap();

    let shown = docs(folder.path(), &["--check", "page.md"]);
    let written = docs(folder.path(), &["page.md"]);

    assert_eq!(
        (shown.code, written.code),
        (Some(1), Some(0)),
        "{}{}",
        shown.error,
        written.error
    );
    assert!(is_harmless(&shown.out) && is_harmless(&shown.error));
    let text = fs::read_to_string(&page).unwrap();
    assert!(is_harmless(&text));
    let mut active = active_parts(&text);
    active.retain(|part| !["x.pcap", "y.pcap", "x.svg"].contains(&part.as_str()));
    let markers = openings
        .iter()
        .flat_map(|opening| [opening.as_str(), "<!-- /wiresnap -->"]);
    assert_eq!(active, markers.collect::<Vec<&str>>());
    assert_eq!(docs(folder.path(), &["--check", "page.md"]).code, Some(0));
    // As text of the shell, the scenario's name is one word.
    assert!(text.contains("reboot\\047'\n"), "{text}");
}

#[test]
fn a_block_tells_what_two_captures_differ_in() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["webapp", "ajaxapp"] {
        let capture = workspace::root().join(format!("pcap/{name}.pcap"));
        fs::copy(capture, folder.path().join(format!("{name}.pcap"))).unwrap();
    }
    let page = folder.path().join("page.md");
    let opening = |new: &str| format!("<!-- wiresnap: diff webapp.pcap {new}.pcap -->");
    let blocks = ["webapp", "ajaxapp"].map(|new| opening(new) + "\n<!-- /wiresnap -->\n");
    fs::write(&page, blocks.concat()).unwrap();

    assert_eq!(docs(folder.path(), &["page.md"]).code, Some(0));

    let text = fs::read_to_string(&page).unwrap();
    for expected in [
        "Nothing differs but what changes from run to run.\n",
        "| message body ",
        "| [webapp.pcap](webapp.pcap) ",
        "message head     request line: GET / → GET /time",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_filling_that_would_break_out_is_refused() {
    let page = Page::parse("<!-- wiresnap: help -->\n<!-- /wiresnap -->\n".to_owned()).unwrap();
    for filling in [
        "<!-- /wiresnap -->\n",
        "```\n",
        "<!-- wiresnap: help -->\n",
        "<!--\n",
        "- ",
    ] {
        let filled = page.filled(&[filling.to_owned()]);
        assert_eq!(filled.is_ok(), filling == "- ", "{filling}");
    }
}

proptest! {
    #[test]
    fn no_text_leaves_its_fence_or_its_cell(
        text in "([`~|\\\\<>!\\- \t\r\n\u{85}\u{2028}\u{202e}a]|```|~~~|<!-- /wiresnap -->\n|<!--|-->|\n    ){0,40}",
    ) {
        let block = "<!-- wiresnap: help -->\n<!-- /wiresnap -->\n";
        let page = Page::parse(block.repeat(2)).unwrap();
        let cell = code(&text);
        let table = format!("| a | b |\n| --- | --- |\n| {cell} | z |\n");
        let filled = page.filled(&[fenced("text", &text), table]).unwrap();
        prop_assert!(is_harmless(&filled));

        let options = Options::ENABLE_TABLES;
        let events: Vec<Event<'_>> = Parser::new_ext(&filled, options).collect();
        let cells = events.iter().filter(|event| matches!(event, Event::Start(pulldown_cmark::Tag::TableCell)));
        prop_assert_eq!(cells.count(), 4);
        let last = events.iter().rev().find_map(|event| match event {
            Event::Text(text) => Some(text.to_string()),
            _ => None,
        });
        prop_assert_eq!(last.as_deref(), Some("z"));
    }
}
