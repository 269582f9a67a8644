//! The cost of an update, capture next to capture, drawn from their measured figures and given as tables too.

mod cumulative;
mod million;
mod packets;
mod stacked;

use super::Capture;
use super::figures::{grouped, table};
use crate::analysis::dissection::cost::Cost;
use crate::render::markup::Markup;

/// A capture that has updates.
struct Compared<'a> {
    capture: &'a Capture,
    cost: Cost,
}

impl Compared<'_> {
    fn name(&self) -> &str {
        &self.capture.name
    }

    /// Returns the bytes on the link of an update.
    const fn bytes(&self) -> u64 {
        self.cost.statistics.frame_bytes
    }

    /// Returns the bytes on the link that belong to no update: connections opening and closing, what is loaded first.
    fn fixed_bytes(&self) -> u64 {
        let measured = &self.capture.dissection.measured;
        let in_updates: u64 = measured
            .updates
            .iter()
            .map(|update| update.frame_bytes)
            .sum();
        measured.overall.frame_bytes.saturating_sub(in_updates)
    }
}

/// Writes the comparison.
pub(super) fn section(page: &mut Markup, captures: &[Capture]) {
    page.within("section", &[("id", &"comparison"), ("aria-labelledby", &"comparison-heading")], |page| {
        page.element("h2", &[("id", &"comparison-heading")], "What an update costs");
        page.within("p", &[], |page| {
            page.literal(
                "An update is one request for the time and its answer, or one event that the server pushed. Of each \
                 capture\u{2019}s updates the most common stands for all: its packets are counted, its bytes taken \
                 apart layer by layer.",
            );
        });
        let compared = |capture| Some(Compared { capture, cost: capture.dissection.update? });
        let all: Vec<Compared<'_>> = captures.iter().filter_map(compared).collect();
        if all.is_empty() {
            page.element("p", &[], "No capture here has updates that can be told apart.");
        } else {
            page.within("div", &[("class", &"figures")], |page| {
                stacked::figure(page, &all);
                packets::figure(page, &all);
                cumulative::figure(page, &all);
                million::figure(page, &all);
            });
        }
        overall(page, captures);
    });
    page.line_end();
}

/// Writes the figures of whole captures.
fn overall(page: &mut Markup, captures: &[Capture]) {
    let row = |capture: &Capture| {
        let measured = &capture.dissection.measured;
        let [packets, app_packets, frame, tcp, app] = measured.overall.figures().map(grouped);
        let connections = grouped(measured.connections);
        let updates = grouped(measured.updates.len() as u64);
        vec![
            capture.name.clone(),
            connections,
            updates,
            packets,
            app_packets,
            frame,
            tcp,
            app,
        ]
    };
    let columns = [
        "Capture",
        "Connections",
        "Updates",
        "Total packets",
        "App packets",
        "Frame bytes",
        "TCP bytes",
        "App bytes",
    ];
    let rows: Vec<_> = captures.iter().map(row).collect();
    page.element("h3", &[], "The captures as a whole");
    table(
        page,
        "All packets of each capture; app packets have payload",
        &columns,
        &rows,
    );
}

/// Writes a figure with its heading and explanation.
fn titled(
    page: &mut Markup,
    heading: &str,
    explanation: &'static str,
    content: impl FnOnce(&mut Markup),
) {
    page.within("figure", &[], |page| {
        page.within("figcaption", &[], |page| {
            page.element("h3", &[], heading);
            page.within("p", &[], |page| page.literal(explanation));
        });
        content(page);
    });
    page.line_end();
}
