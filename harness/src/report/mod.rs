//! Writes one self-contained HTML page of some captures: the cost of an update, the purpose of each packet and message,
//! the origin of it all.
//!
//! The page needs no network and no other file. Captured text is hostile: everything except this program's own words is
//! written by [`Markup`], which escapes it, and the page's Content-Security-Policy forbids everything but the one style
//! sheet and the one script whose hashes it names. Without script the page has the same content; the script adds
//! pointing and arrow keys.

mod chart;
mod comparison;
mod dump;
pub mod fact;
mod figures;
mod inspector;
mod message;
mod provenance;
mod wire_view;

use self::fact::Fact;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::analysis::dissection::Dissection;
use crate::render::markup::Markup;
use crate::render::{bitfield, palette, sequence};

const SCRIPT: &str = include_str!("script.js");
const STYLE: &str = include_str!("style.css");

/// A capture, and the facts about it for the page.
#[derive(Debug)]
pub struct Capture {
    /// The name.
    pub name: String,
    /// The dissection.
    pub dissection: Dissection,
    /// The contents of its provenance file, as JSON; `None` if none is kept next to it.
    pub provenance: Option<Fact>,
}

/// Returns the page of some captures.
#[must_use]
pub fn page(captures: &[Capture]) -> String {
    let mut page = Markup::default();
    page.literal("<!DOCTYPE html>\n");
    page.within("html", &[("lang", &"en")], |page| {
        head(page, captures);
        page.within("body", &[], |page| {
            page.element(
                "a",
                &[("class", &"skip"), ("href", &"#main")],
                "To the content",
            );
            masthead(page, captures);
            page.within("main", &[("id", &"main")], |page| {
                comparison::section(page, captures);
                for (index, capture) in captures.iter().enumerate() {
                    wire_view::section(page, capture, &capture_id(index));
                }
                provenance::section(page, captures);
            });
            page.within("footer", &[], |page| {
                let version = env!("CARGO_PKG_VERSION");
                page.text(format!(
                    "Made by wiresnap {version} from the captures alone."
                ));
            });
            page.own_code("script", SCRIPT);
        });
    });
    page.line_end();
    page.into_string()
}

fn capture_id(index: usize) -> String {
    format!("c{}", index + 1)
}

fn head(page: &mut Markup, captures: &[Capture]) {
    let style = style();
    let policy = policy(&style);
    page.within("head", &[], |page| {
        page.empty("meta", &[("charset", &"utf-8")]);
        // First of all, so that it holds for all that follows.
        page.empty(
            "meta",
            &[
                ("http-equiv", &"Content-Security-Policy"),
                ("content", &policy),
            ],
        );
        page.empty(
            "meta",
            &[
                ("name", &"viewport"),
                ("content", &"width=device-width, initial-scale=1"),
            ],
        );
        page.empty(
            "meta",
            &[("name", &"color-scheme"), ("content", &"light dark")],
        );
        page.empty(
            "meta",
            &[("name", &"referrer"), ("content", &"no-referrer")],
        );
        page.element(
            "title",
            &[],
            format!("What the wire did: {}", names(captures)),
        );
        page.own_code("style", &style);
    });
    page.line_end();
}

fn style() -> String {
    let colours = palette::style(":root");
    format!("{colours}{STYLE}{}{}", sequence::STYLE, bitfield::STYLE)
}

/// Returns a policy that allows only the page's own style and script, and nothing from elsewhere.
fn policy(style: &str) -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        source_hash(style),
        source_hash(SCRIPT)
    )
}

/// Returns a hash source of CSP Level 3 §2.3.1.
fn source_hash(code: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(code)))
}

fn names(captures: &[Capture]) -> String {
    let names: Vec<&str> = captures
        .iter()
        .map(|capture| capture.name.as_str())
        .collect();
    names.join(", ")
}

fn masthead(page: &mut Markup, captures: &[Capture]) {
    page.within("header", &[], |page| {
        page.element("h1", &[], "What the wire did");
        let count = match captures {
            [_] => "One capture".to_owned(),
            captures => format!("{} captures", captures.len()),
        };
        let text = format!("{count}, taken apart packet by packet and byte by byte.");
        page.element("p", &[("class", &"lead")], text);
        page.within("nav", &[("aria-label", &"Parts of this page")], |page| {
            page.within("ul", &[], |page| {
                link(page, "#comparison", "What an update costs");
                for (index, capture) in captures.iter().enumerate() {
                    link(page, &format!("#{}", capture_id(index)), &capture.name);
                }
                link(page, "#provenance", "Provenance");
            });
        });
    });
    page.line_end();
}

fn link(page: &mut Markup, target: &str, text: &str) {
    page.within("li", &[], |page| {
        page.element("a", &[("href", &target)], text);
    });
}
