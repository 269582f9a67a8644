//! The report in the real Firefox, opened from disk.

mod browser_support;
mod support;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use browser_support::{Scheme, Window};
use serde_json::{Value, json};
use support::hostile;
use tempfile::TempDir;

/// The keys of the WebDriver specification.
const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const DOWN: char = '\u{e015}';
const END: char = '\u{e010}';

/// Returns the project's captures, in the order of their story.
fn captures() -> Vec<PathBuf> {
    let folder = workspace::root().join("pcap");
    ["tcpapp", "webapp", "ajaxapp", "wsapp", "pollapp", "sseapp"]
        .map(|name| folder.join(name).with_extension("pcap"))
        .to_vec()
}

/// A report of captures, in a separate folder.
struct Page {
    _folder: TempDir,
    file: PathBuf,
}

impl Page {
    fn of(captures: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
            .arg("report")
            .args(captures)
            .arg("--out")
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            _folder: folder,
            file,
        }
    }
}

/// Returns the number of packets that `stats` counts.
fn total_packets(capture: &Path) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_wiresnap"))
        .args(["stats", "--format", "json"])
        .arg(capture)
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    json[0]["overall"]["total_packets"].as_u64().unwrap()
}

/// Asserts that nothing failed, was forbidden, or was requested from a server.
#[track_caller]
fn assert_was_quiet(window: &mut Window) {
    assert_eq!(window.value("window.offences"), json!([]));
    assert_eq!(window.events("log.entryAdded"), Vec::<String>::new());
    let requests = window.events("network.beforeRequestSent");
    // Firefox has a font for the marks of lists, which it takes from itself.
    let left = |url: &&String| {
        !["file://", "about:", "data:font/"]
            .iter()
            .any(|own| url.starts_with(own))
    };
    assert_eq!(requests.iter().find(left), None);
    assert_eq!(
        window.value("performance.getEntriesByType('resource')"),
        json!([])
    );
}

#[test]
fn it_is_drawn_whole_and_asks_nobody_for_anything() {
    let page = Page::of(&captures());
    let mut window = Window::open(Scheme::Light);
    window.go_to(&page.file);
    for (index, capture) in captures().iter().enumerate() {
        let id = format!("c{}", index + 1);
        let counts = window.value(&format!(
            "['#{id} svg.sequence a.packet', '#{id} svg.sequence a.packet .head', '#{id} .inspector article'] \
             .map((selector) => document.querySelectorAll(selector).length)"
        ));
        let total = total_packets(capture);
        assert_eq!(
            counts,
            json!([total, total, total]),
            "{}",
            capture.display()
        );
    }
    let untitled = "[...document.querySelectorAll('svg[role]')].filter((svg) => !svg.querySelector(':scope > title')?.textContent).length";
    assert_eq!(window.value(untitled), 0);
    let names = "[...document.querySelectorAll('[id]')].map((element) => element.id)";
    let twice = format!("{names}.filter((id, index, all) => all.indexOf(id) !== index)");
    assert_eq!(window.value(&twice), json!([]), "names are given once");
    assert_was_quiet(&mut window);
}

#[test]
fn pointing_at_a_packet_shows_its_bytes() {
    let page = Page::of(&captures());
    let mut window = Window::open(Scheme::Light);
    window.resize(1280, 800);
    window.go_to(&page.file);
    window.point_at("#c2 a[href='#c2-p4'] .hit");
    let shown = window.value(
        "[...document.querySelectorAll('.inspector article')].filter((article) => article.checkVisibility()) \
         .map((article) => [article.id, article.innerText])",
    );
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown[0][0], "c2-p4");
    let text = shown[0][1].as_str().unwrap();
    for part in [
        "Packet 4",
        "request",
        "GET /",
        "link 14 bytes",
        "IP 20 bytes",
        "TCP 32 bytes",
        "47 45 54 20",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let is_seen = "(() => { const r = document.querySelector('#c2-p4').getBoundingClientRect(); return r.top < innerHeight && r.bottom > 0; })()";
    assert_eq!(window.value(is_seen), true);
    assert_was_quiet(&mut window);
}

#[test]
fn the_keyboard_alone_reaches_every_packet() {
    let page = Page::of(&captures());
    let mut window = Window::open(Scheme::Light);
    window.resize(1280, 800);
    window.go_to(&page.file);
    let total = total_packets(&captures()[3]);
    let focused = "document.activeElement.getAttribute('href')";
    // Every other stop of the Tab key is passed on the way to the last diagram.
    let mut stops = 0;
    while window.value(focused) != "#c4-p1" {
        window.press(TAB);
        stops += 1;
        assert!(stops < 200, "the diagram is not reached");
    }
    for number in 1..=total {
        assert_eq!(window.value(focused), format!("#c4-p{number}"));
        let shown = "[...document.querySelectorAll('#c4 .inspector article')].filter((article) => article.checkVisibility()).map((article) => article.id)";
        assert_eq!(window.value(shown), json!([format!("c4-p{number}")]));
        window.press(DOWN);
    }
    window.press(END);
    window.press(ENTER);
    assert_eq!(
        window.value("document.activeElement.id"),
        format!("c4-p{total}"),
        "the bytes can be scrolled"
    );
    window.press(ESCAPE);
    assert_eq!(window.value(focused), format!("#c4-p{total}"));
    window.press(TAB);
    assert_ne!(
        window.value(focused),
        format!("#c4-p{total}"),
        "the diagram can be left"
    );
    assert_was_quiet(&mut window);
}

#[test]
fn a_link_shows_a_packet_where_there_is_no_script() {
    let page = Page::of(&captures()[..1]);
    let mut window = Window::open(Scheme::Light);
    window.go_to(&page.file);
    // What the script adds is taken away again: what is left is the style sheet's.
    let shown = window.value(
        "(() => { document.querySelector('.inspector').classList.remove('live'); location.hash = '#c1-p6'; \
         return [...document.querySelectorAll('.inspector article')].filter((article) => article.checkVisibility()).map((article) => article.id); })()",
    );
    assert_eq!(shown, json!(["c1-p6"]));
}

#[test]
fn it_fits_on_a_telephone() {
    let page = Page::of(&captures());
    let mut window = Window::open(Scheme::Light);
    window.resize(360, 740);
    window.go_to(&page.file);
    assert_eq!(window.value("innerWidth"), 360);
    // A scroll bar at the side takes its part.
    let sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(window.value(sideways), 0, "it scrolls sideways");
    let outside = "[...document.querySelectorAll('svg.sequence text, svg.chart text, svg.bitfield text')].filter((text) => { \
        const box = text.getBoundingClientRect(); return box.width > 0 && (box.left < 0 || box.right > 360); }).map((text) => text.textContent)";
    assert_eq!(window.value(outside), json!([]), "labels are cut off");
    assert_was_quiet(&mut window);
}

#[test]
fn nothing_that_was_captured_is_markup_or_script() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("<img src=x onerror=hostile=1>.pcap");
    std::fs::write(&capture, hostile::capture()).unwrap();
    let page = Page::of(&[capture]);
    let mut window = Window::open(Scheme::Light);
    window.go_to(&page.file);
    // Everything is opened and pointed at, as a reader might.
    window.value(
        "document.querySelectorAll('details').forEach((details) => { details.open = true; })",
    );
    window.point_at("a.packet[href='#c1-p4'] .hit");
    assert_eq!(window.value("typeof window.hostile"), "undefined");
    assert_eq!(window.value("document.scripts.length"), 1);
    let theirs = "document.querySelectorAll('img, iframe, object, embed, form, input, link, base, use, image, animate, set, \
                  foreignObject, [srcdoc], [onload], [onerror], [onfocus], [style], [src]').length";
    assert_eq!(window.value(theirs), 0);
    let targets = "[...document.querySelectorAll('[href]')].filter((link) => !link.getAttribute('href').startsWith('#')).length";
    assert_eq!(window.value(targets), 0);
    let shown = window.value("document.body.textContent");
    let shown = shown.as_str().unwrap();
    assert!(shown.matches("<script>window.hostile=1</script>").count() > 10);
    assert!(!shown.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{1b}', '\u{9b}']));
    assert_was_quiet(&mut window);
}

/// Prints the time that a page of 100,000 packets takes to load; it must be usable.
#[test]
fn a_long_capture_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("long.pcap");
    std::fs::write(&capture, support::long_capture()).unwrap();
    let page = Page::of(&[capture]);
    let mut window = Window::open(Scheme::Light);
    let start = Instant::now();
    window.go_to(&page.file);
    let loaded = start.elapsed();
    let bytes = page.file.metadata().unwrap().len();
    println!(
        "100,000 packets: {bytes} bytes, loaded in {} ms",
        loaded.as_millis()
    );
    assert!(loaded < Duration::from_secs(5), "{loaded:?}");
    window.point_at("a.packet[href='#c1-p4'] .hit");
    assert_eq!(
        window.value("document.querySelector('article.shown').id"),
        "c1-p4"
    );
    assert_was_quiet(&mut window);
}

/// Makes screenshots for people to look at, by `make screenshots`. It is not a test.
#[test]
#[ignore = "makes pictures to look at: `make screenshots`"]
fn screenshots() {
    let folder = workspace::root().join("target/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let page = Page::of(&captures());
    for scheme in [Scheme::Light, Scheme::Dark] {
        let mut window = Window::open(scheme);
        for (device, width, height) in [("desktop", 1280, 900), ("phone", 360, 740)] {
            let name =
                |part: &str| folder.join(format!("{device}-{scheme:?}-{part}.png").to_lowercase());
            window.resize(width, height);
            window.go_to(&page.file);
            window.picture(&name("whole"), true);
            for (part, selector) in [
                ("top", "header"),
                ("capture", "#c4"),
                ("frame", "#c4 details"),
                ("provenance", "#provenance"),
            ] {
                window.value(&format!(
                    "document.querySelector({selector:?}).scrollIntoView({{behavior: 'instant'}})"
                ));
                window.picture(&name(part), false);
            }
            window.point_at("#c4 a[href='#c4-p18'] .hit");
            window.picture(&name("packet"), false);
        }
        if scheme == Scheme::Light {
            window.print(&folder.join("print.pdf"));
        }
    }
    println!("the pictures are in {}", folder.display());
}
