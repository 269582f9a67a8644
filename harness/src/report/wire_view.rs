//! A capture: its sequence diagram, its messages next to it, and the packet that is pointed at below.

use super::Capture;
use super::figures::grouped;
use super::inspector::inspector;
use super::message::{Labels, article};
use crate::analysis::dissection::{Dialogue, Dissection};
use crate::render::markup::Markup;
use crate::render::sequence;

/// Writes a capture's section.
pub(super) fn section(page: &mut Markup, capture: &Capture, id: &str) {
    let heading_id = format!("{id}-heading");
    let attributes = [
        ("id", &id as _),
        ("class", &"capture" as _),
        ("aria-labelledby", &heading_id as _),
    ];
    page.within("section", &attributes, |page| {
        page.element("h2", &[("id", &heading_id)], &capture.name);
        summary(page, &capture.dissection);
        page.within("div", &[("class", &"beside")], |page| {
            page.within("div", &[("class", &"diagram")], |page| {
                page.element("h3", &[], "On the wire");
                let title = format!(
                    "{}: its packets, client on the left, server on the right",
                    capture.name
                );
                let setting = sequence::Setting {
                    title,
                    id: id.to_owned(),
                    linked: true,
                };
                sequence::figure(page, &capture.dissection, &setting);
            });
            page.within("div", &[("class", &"messages")], |page| {
                page.element("h3", &[], "What was said");
                messages(page, &capture.dissection, id);
            });
        });
        inspector(page, &capture.dissection, id);
    });
    page.line_end();
}

fn summary(page: &mut Markup, dissection: &Dissection) {
    let measured = &dissection.measured;
    let overall = measured.overall;
    let times = measured.packets.iter().map(|packet| packet.time);
    let seconds = match (times.clone().min(), times.max()) {
        (Some(first), Some(last)) => last.seconds_after(first),
        _ => 0.0,
    };
    page.within("p", &[], |page| {
        page.text(format!(
            "{} packets, {} bytes on the link, in {seconds:.1} s.",
            grouped(overall.total_packets),
            grouped(overall.frame_bytes)
        ));
        let drawn = dissection.packets.len();
        if drawn < measured.packets.len() {
            page.text(format!(
                " They are too many to be drawn: the diagram has {drawn} of them, the first of each phase and the last \
                 of all, and says where others are left out."
            ));
        }
        if let Some(packet) = measured.coverage.cut {
            page.text(format!(" The file is cut after packet {packet}."));
        }
        if let Some(failure) = measured.coverage.failure() {
            page.text(format!(" The rest of the file cannot be read: {failure}."));
        }
        let others = &measured.coverage.others;
        if others.total() > 0 {
            page.text(format!(" {}.", others.sentence("")));
        }
    });
}

fn messages(page: &mut Markup, dissection: &Dissection, id: &str) {
    let several = dissection.dialogues.len() > 1;
    let mut frames_open = 2;
    let told = dissection
        .dialogues
        .iter()
        .filter(|dialogue| !dialogue.messages.is_empty());
    for dialogue in told {
        if several {
            page.element("h4", &[], format!("Connection {}", dialogue.index + 1));
        }
        remarks(page, dialogue);
        let mut labels = Labels::default();
        for message in &dialogue.messages {
            let label = labels.next(message);
            article(page, dissection, message, &label, id, &mut frames_open);
        }
    }
    let left_out: u64 = dissection
        .dialogues
        .iter()
        .map(|dialogue| dialogue.left_out)
        .sum();
    if left_out > 0 {
        let text = format!("{} messages more are not shown.", grouped(left_out));
        page.element("p", &[("class", &"quiet")], text);
    }
    if dissection
        .dialogues
        .iter()
        .all(|dialogue| dialogue.messages.is_empty())
    {
        page.element(
            "p",
            &[("class", &"quiet")],
            "Nothing that could be read as a message.",
        );
    }
}

/// Writes a remark if a connection is not complete.
fn remarks(page: &mut Markup, dialogue: &Dialogue) {
    if dialogue.complete {
        return;
    }
    let missing = match dialogue.missing {
        0 => "its beginning or its end".to_owned(),
        bytes => format!("{} bytes", grouped(bytes)),
    };
    let text = format!("Not all of this connection is in the capture: {missing} is missing.");
    page.element("p", &[("class", &"quiet")], text);
}
