//! The outcome of a check as JUnit's XML, the form that CI systems show test results from.
//!
//! There is no standard; this keeps to the elements and attributes that all readers of it know. Whatever was captured
//! passes [`Markup`], which lets no character through that XML 1.0 (§2.2) forbids.

use std::io::{self, Write};

use super::checked::Checked;
use super::comparison::{Comparison, State};
use crate::render::markup::Markup;
use crate::text::Shown as _;

/// Writes a test suite with a case for each capture; `notes` are what was said besides.
///
/// # Errors
///
/// Returns an error if `out` does not take it.
pub fn write(checked: &[Checked], notes: &[String], out: &mut impl Write) -> io::Result<()> {
    let mut xml = Markup::default();
    xml.literal("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.within("testsuites", &[], |xml| {
        xml.line_end();
        suite(checked, notes, xml);
        xml.line_end();
    });
    xml.line_end();
    out.write_all(xml.into_string().as_bytes())
}

fn suite(checked: &[Checked], notes: &[String], xml: &mut Markup) {
    let failures = checked.iter().filter(|checked| checked.is_open()).count();
    let errors = checked.iter().filter(|checked| checked.failure().is_some());
    let attributes: [(&'static str, &dyn std::fmt::Display); 5] = [
        ("name", &"wiresnap check"),
        ("tests", &checked.len()),
        ("failures", &failures),
        ("errors", &errors.count()),
        ("skipped", &0),
    ];
    xml.within("testsuite", &attributes, |xml| {
        xml.line_end();
        for checked in checked {
            case(checked, xml);
            xml.line_end();
        }
        if !notes.is_empty() {
            xml.element("system-err", &[], notes.join("\n"));
            xml.line_end();
        }
    });
}

fn case(checked: &Checked, xml: &mut Markup) {
    let name = &checked.capture.name;
    let attributes: [(&'static str, &dyn std::fmt::Display); 2] =
        [("classname", &"wiresnap.check"), ("name", name)];
    match (checked.failure(), &checked.found) {
        (Some(message), found) => xml.within("testcase", &attributes, |xml| {
            let first = message.lines().next().unwrap_or_default();
            // What precedes the damage was compared.
            let difference = found.as_ref().ok();
            let difference = difference.and_then(|found| found.difference.as_deref());
            let text = difference.map_or_else(
                || message.clone(),
                |difference| format!("{message}\n{difference}"),
            );
            xml.element(
                "error",
                &[("message", &first), ("type", &"unreadable")],
                text,
            );
        }),
        (None, Ok(comparison)) if comparison.is_open() => {
            xml.within("testcase", &attributes, |xml| failure(comparison, xml));
        }
        (None, _) => xml.empty("testcase", &attributes),
    }
}

fn failure(comparison: &Comparison, xml: &mut Markup) {
    let (pcap, snapshot) = (&comparison.capture.pcap, &comparison.snapshot);
    let (kind, message) = match comparison.state {
        State::New => ("new", format!("{} is not reviewed yet", pcap.shown())),
        State::Same | State::Differs => (
            "differs",
            format!("{} differs from {}", pcap.shown(), snapshot.shown()),
        ),
    };
    let difference = comparison.difference.as_deref().unwrap_or_default();
    xml.element(
        "failure",
        &[("message", &message), ("type", &kind)],
        difference,
    );
}
