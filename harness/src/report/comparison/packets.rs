//! Packets per update, each with its direction and role.

use wirestream::units::Side;

use super::{Compared, titled};
use crate::analysis::stats::Explained;
use crate::analysis::update::Phase;
use crate::render::markup::Markup;
use crate::render::palette::role_name;
use crate::report::chart::{drawing, text};
use crate::report::figures::{grouped, table};

/// The height of a capture in pixels; below, that of a packet.
const ROW: usize = 58;
const PACKET: usize = 27;

/// The most packets that are drawn of one update.
const MOST_DRAWN: usize = 10;

pub(super) fn figure(page: &mut Markup, all: &[Compared<'_>]) {
    let explanation = "A box for each packet of an update, in order: to the right those of the client, to the left those \
                       of the server. The grey ones say nothing but that something arrived.";
    titled(page, "Packets per update", explanation, |page| {
        let title = "Packets per update, a row for each capture";
        drawing(page, "packets", title, all.len() * ROW, |svg| {
            for (index, compared) in all.iter().enumerate() {
                row(svg, compared, index * ROW);
            }
        });
        let cells = |compared: &Compared<'_>| {
            let packets = packets(compared);
            let from = |side| {
                let of_side = packets
                    .iter()
                    .filter(|packet| packet.sender.is_some_and(|(_, other)| other == side));
                grouped(of_side.count() as u64)
            };
            let statistics = compared.cost.statistics;
            vec![
                compared.name().to_owned(),
                grouped(statistics.total_packets),
                grouped(statistics.app_packets),
                from(Side::Client),
                from(Side::Server),
            ]
        };
        let columns = [
            "Capture",
            "Packets",
            "With payload",
            "From the client",
            "From the server",
        ];
        let rows: Vec<Vec<String>> = all.iter().map(cells).collect();
        table(page, "Packets per update", &columns, &rows);
    });
}

/// Returns the packets of the update that stands for all.
fn packets<'a>(compared: &Compared<'a>) -> Vec<&'a Explained> {
    let packets = compared.capture.dissection.measured.packets.iter();
    let phase = Phase::Update(compared.cost.update);
    packets.filter(|packet| packet.phase == phase).collect()
}

fn row(svg: &mut Markup, compared: &Compared<'_>, top: usize) {
    text(svg, "name", &"0", top + 14, compared.name());
    let count = grouped(compared.cost.statistics.total_packets);
    text(svg, "amount", &"100%", top + 14, format!("{count} packets"));
    let packets = packets(compared);
    for (index, packet) in packets.iter().take(MOST_DRAWN).enumerate() {
        let x = index * PACKET;
        svg.within(
            "g",
            &[("class", &format!("part {}", role_name(packet.role)))],
            |svg| {
                svg.element(
                    "title",
                    &[],
                    format!(
                        "{}: packet {}, {}",
                        compared.name(),
                        packet.number,
                        packet.role
                    ),
                );
                svg.empty(
                    "rect",
                    &[
                        ("x", &x),
                        ("y", &(top + 22)),
                        ("width", &24),
                        ("height", &24),
                        ("rx", &2),
                    ],
                );
                let arrow = match packet.sender {
                    Some((_, Side::Client)) => "\u{2192}",
                    Some((_, Side::Server)) => "\u{2190}",
                    None => "?",
                };
                text(svg, "arrow", &(x + 12), top + 40, arrow);
            },
        );
    }
    let more = packets.len().saturating_sub(MOST_DRAWN);
    if more > 0 {
        let x = MOST_DRAWN * PACKET + 4;
        text(svg, "more", &x, top + 39, format!("+{more}"));
    }
}
