//! A packet as an arrow.

use wirestream::units::Side;

use super::{CLIENT, SERVER, Setting, aside, connection_mark, label, sentence, since_start};
use crate::analysis::dissection::{Dissection, Packet};
use crate::analysis::stats::Explained;
use crate::render::markup::Markup;
use crate::render::palette::role_name;

/// The pixels from the top of its row to the arrow.
const LINE_AT: u32 = 20;

/// Draws a packet, as a link if that is wanted.
pub(super) fn arrow(
    svg: &mut Markup,
    dissection: &Dissection,
    setting: &Setting,
    y: u32,
    packet: &Packet,
) {
    let explained = &packet.explained;
    let class = format!("packet {}", role_name(explained.role));
    let sentence = sentence(dissection, packet);
    let content = |svg: &mut Markup| {
        if !setting.linked {
            svg.element("title", &[], &sentence);
        }
        let hit = [
            ("class", &"hit" as _),
            ("y", &y as _),
            ("width", &"100%" as _),
            ("height", &28_u32 as _),
        ];
        svg.empty("rect", &hit);
        let time = since_start(dissection, explained.time);
        svg.element(
            "text",
            &[("class", &"time"), ("x", &"6"), ("y", &(y + LINE_AT + 4))],
            time,
        );
        line(svg, y + LINE_AT, explained);
        let middle = format!("{}%", u32::midpoint(CLIENT, SERVER));
        let text = label(dissection, packet);
        svg.element(
            "text",
            &[
                ("class", &"label"),
                ("x", &middle),
                ("y", &(y + LINE_AT - 5)),
            ],
            text,
        );
    };
    if setting.linked {
        let target = format!("#{}-p{}", setting.id, explained.number);
        let attributes = [
            ("class", &class as _),
            ("href", &target as _),
            ("aria-label", &sentence as _),
        ];
        svg.within("a", &attributes, content);
    } else {
        svg.within("g", &[("class", &class)], content);
    }
}

fn line(svg: &mut Markup, y: u32, explained: &Explained) {
    let [client, server] = [CLIENT, SERVER].map(|x| format!("{x}%"));
    let Some((connection, side)) = explained.sender else {
        // Nobody knows who sent it: it is only there.
        let shape = [
            ("class", &"shaft" as _),
            ("x1", &client as _),
            ("x2", &server as _),
            ("y1", &y as _),
            ("y2", &y as _),
        ];
        return svg.empty("line", &shape);
    };
    let shift = format!("translate({} 0)", aside(connection));
    svg.within("g", &[("transform", &shift)], |svg| {
        let (from, to, head) = match side {
            Side::Client => (&client, &server, "M0 0L-9 -4.5L-9 4.5Z"),
            Side::Server => (&server, &client, "M0 0L9 -4.5L9 4.5Z"),
        };
        let shape = [
            ("class", &"shaft" as _),
            ("x1", from as _),
            ("x2", to as _),
            ("y1", &y as _),
            ("y2", &y as _),
        ];
        svg.empty("line", &shape);
        // A path has no percentages: it stands in a drawing of its own that has.
        svg.within(
            "svg",
            &[
                ("x", to),
                ("y", &y),
                ("overflow", &"visible"),
                ("width", &1),
                ("height", &1),
            ],
            |svg| {
                svg.empty("path", &[("class", &"head"), ("d", &head)]);
            },
        );
        connection_mark(svg, from, y, connection);
    });
}
