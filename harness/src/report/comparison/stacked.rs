//! Bytes per update, stacked by layer.

use super::{Compared, titled};
use crate::analysis::dissection::cost::{Cost, Parts};
use crate::render::markup::Markup;
use crate::report::chart::{drawing, percent, share, text};
use crate::report::figures::{grouped, table};

/// The height of a capture in pixels.
const ROW: usize = 58;

/// The width, in percent, from which on a number fits into its part.
const ROOM_FOR_NUMBER: f64 = 11.0;

/// A part of an update's bytes: name, class of its colour, bytes.
type Part = (&'static str, &'static str, u64);

fn parts(cost: &Cost) -> [Part; 7] {
    let Parts {
        http_header,
        framing,
        body,
        clock,
    } = cost.parts;
    [
        ("Link and IP", "pure-ack", cost.link_and_ip()),
        ("TCP", "handshake", cost.statistics.tcp_bytes),
        ("HTTP header", "response-header", http_header),
        ("Framing", "keepalive", framing),
        ("Body", "body", body),
        ("Clock", "clock", clock),
        ("Other", "retransmission", cost.other()),
    ]
}

pub(super) fn figure(page: &mut Markup, all: &[Compared<'_>]) {
    let explanation = "From the wire\u{2019}s own headers down to the body, and of it the 8 bytes of the clock that the \
                       user wanted.";
    titled(page, "Bytes per update, by layer", explanation, |page| {
        let title = "Bytes per update, a bar for each capture, stacked by layer";
        drawing(page, "stacked", title, all.len() * ROW, |svg| {
            let most = all.iter().map(Compared::bytes).max().unwrap_or(0);
            for (index, compared) in all.iter().enumerate() {
                bar(svg, compared, most, index * ROW);
            }
        });
        let shown = shown(all);
        legend(page, &shown);
        let columns: Vec<&str> = std::iter::once("Capture")
            .chain(shown.iter().map(|part| part.0))
            .chain(["Frame bytes", "Clock\u{2019}s share"])
            .collect();
        let row = |compared: &Compared<'_>| {
            let parts = parts(&compared.cost).into_iter();
            let parts = parts.filter(|part| shown.iter().any(|other| other.0 == part.0));
            let last = [grouped(compared.bytes()), clock_share(compared)];
            let cells = parts.map(|part| grouped(part.2)).chain(last);
            std::iter::once(compared.name().to_owned())
                .chain(cells)
                .collect()
        };
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        table(page, "Bytes per update, by layer", &columns, &rows);
    });
}

/// Returns the parts that at least one capture has.
fn shown(all: &[Compared<'_>]) -> Vec<Part> {
    let has = |name: &str| {
        let mut parts = all.iter().flat_map(|compared| parts(&compared.cost));
        parts.any(|(other, _, bytes)| other == name && bytes > 0)
    };
    let first = all.first().map(|compared| parts(&compared.cost));
    first
        .into_iter()
        .flatten()
        .filter(|part| has(part.0))
        .collect()
}

fn clock_share(compared: &Compared<'_>) -> String {
    match compared.cost.parts.clock {
        0 => "none found".to_owned(),
        clock => format!("{:.1} %", share(clock, compared.bytes())),
    }
}

fn bar(svg: &mut Markup, compared: &Compared<'_>, most: u64, top: usize) {
    text(svg, "name", &"0", top + 14, compared.name());
    let bytes = grouped(compared.bytes());
    let of_them = match compared.cost.parts.clock {
        0 => format!("{bytes} bytes"),
        _ => format!("{bytes} bytes, clock {}", clock_share(compared)),
    };
    text(svg, "amount", &"100%", top + 14, of_them);
    let mut from = 0.0;
    for (name, class, bytes) in parts(&compared.cost) {
        if bytes == 0 {
            continue;
        }
        let width = share(bytes, most);
        svg.within("g", &[("class", &format!("part {class}"))], |svg| {
            svg.element(
                "title",
                &[],
                format!("{}: {name}, {bytes} bytes", compared.name()),
            );
            let (x, width_text) = (percent(from), percent(width));
            svg.empty(
                "rect",
                &[
                    ("x", &x),
                    ("y", &(top + 22)),
                    ("width", &width_text),
                    ("height", &26),
                ],
            );
            if width >= ROOM_FOR_NUMBER {
                let middle = percent(from + width / 2.0);
                text(svg, "inside", &middle, top + 39, grouped(bytes));
            }
        });
        from += width;
    }
}

fn legend(page: &mut Markup, shown: &[Part]) {
    page.within("ul", &[("class", &"legend")], |page| {
        for (name, class, _) in shown {
            page.within("li", &[], |page| {
                page.element("span", &[("class", &format!("swatch {class}"))], "");
                page.text(name);
            });
        }
    });
}
