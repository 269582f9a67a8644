//! The needs of a million clients, each with one update per second.

use super::{Compared, titled};
use crate::render::markup::Markup;
use crate::report::chart::{drawing, percent, series, share, text};
use crate::report::figures::{grouped, table, with_prefix};

const CLIENTS: u64 = 1_000_000;

/// The height of a capture in pixels.
const ROW: usize = 52;

pub(super) fn figure(page: &mut Markup, all: &[Compared<'_>]) {
    let explanation = "One update per second for each, on connections that are open: computed from the measured packets \
                       and bytes of an update. Pushed is what is left where the server sends it unasked, and the \
                       clocks alone are what all of them wanted to know.";
    titled(page, "A million clients", explanation, |page| {
        let title = "Bits per second for a million clients with an update per second each, a bar for each capture";
        drawing(page, "million", title, all.len() * ROW, |svg| {
            let most = all.iter().map(Compared::bytes).max().unwrap_or(0);
            for (index, compared) in all.iter().enumerate() {
                bar(svg, compared, index, most);
            }
        });
        let row = |compared: &Compared<'_>| {
            let statistics = compared.cost.statistics;
            let push = compared.capture.dissection.measured.server_push;
            let pushed = push.map_or_else(|| "none".to_owned(), |push| bits(push.frame_bytes));
            let clock = compared.cost.parts.clock;
            let clock = if clock > 0 {
                bits(clock)
            } else {
                "none found".to_owned()
            };
            let name = compared.name().to_owned();
            vec![
                name,
                bits(statistics.frame_bytes),
                packets(statistics.total_packets),
                pushed,
                clock,
            ]
        };
        let columns = [
            "Capture",
            "On the link",
            "Packets",
            "Pushed",
            "The clocks alone",
        ];
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        table(
            page,
            "A million clients, one update per second",
            &columns,
            &rows,
        );
    });
}

fn bits(bytes: u64) -> String {
    format!(
        "{}bit/s",
        with_prefix(u128::from(bytes) * 8 * u128::from(CLIENTS))
    )
}

fn packets(count: u64) -> String {
    format!("{} packets/s", grouped(count.saturating_mul(CLIENTS)))
}

fn bar(svg: &mut Markup, compared: &Compared<'_>, index: usize, most: u64) {
    let top = index * ROW;
    let (bits, packets) = (
        bits(compared.bytes()),
        packets(compared.cost.statistics.total_packets),
    );
    text(svg, "name", &"0", top + 14, compared.name());
    text(
        svg,
        "amount",
        &"100%",
        top + 14,
        format!("{bits}, {packets}"),
    );
    let width = percent(share(compared.bytes(), most));
    let class = format!("bar {}", series(index));
    svg.empty(
        "rect",
        &[
            ("class", &class),
            ("x", &"0"),
            ("y", &(top + 22)),
            ("width", &width),
            ("height", &18),
        ],
    );
}
