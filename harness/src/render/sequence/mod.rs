//! A capture as a sequence diagram: client and server as lines, time downwards, each packet an arrow.
//!
//! Idle time is folded and labelled with its length, and packets that are not drawn are counted in their place. Each
//! connection has its own lines, a little beside the others, and its number at the tail of each arrow. Horizontal
//! positions are percentages: the drawing fills its container while its letters keep their size. [`file()`] gives a
//! standalone drawing, [`figure`] one for a page whose style sheet has [`STYLE`] and [`super::palette::style`].

mod arrow;
mod label;
mod legend;
mod rows;

use std::net::SocketAddr;

use self::arrow::arrow;
pub use self::label::{label, sentence, since_start};
use self::rows::{Row, rows};
use super::markup::Markup;
use super::palette;
use crate::analysis::dissection::{Dialogue, Dissection};
use crate::analysis::role::Role;

/// The style sheet for the classes of a diagram; `palette::style` has the colours.
pub const STYLE: &str = include_str!("sequence.css");

/// The width of a standalone drawing, in pixels.
const FILE_WIDTH: u32 = 720;

/// The positions of the client's and the server's lines, in percent of the width.
const CLIENT: u32 = 24;
const SERVER: u32 = 88;

/// The number of places in which connections are drawn beside each other.
const PLACES: u64 = 3;
const PLACE_PIXELS: u64 = 14;

/// The most connections whose addresses are listed at the top.
const MOST_LISTED: usize = 6;

/// The pixels of a line of text.
const LINE: u32 = 22;

/// The names of a diagram and its links within its page.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The title of the diagram.
    pub title: String,
    /// The prefix of its elements' names, so that a page may have several diagrams.
    pub id: String,
    /// True if each packet is a link to `#ID-pNUMBER`.
    pub linked: bool,
}

/// Returns the drawing as a standalone file.
#[must_use]
pub fn file(dissection: &Dissection, title: &str) -> String {
    let setting = Setting {
        title: title.to_owned(),
        id: "sequence".to_owned(),
        linked: false,
    };
    let mut svg = Markup::default();
    draw(&mut svg, dissection, &setting, true);
    svg.line_end();
    svg.into_string()
}

/// Writes the drawing into a page.
pub fn figure(page: &mut Markup, dissection: &Dissection, setting: &Setting) {
    draw(page, dissection, setting, false);
}

fn draw(svg: &mut Markup, dissection: &Dissection, setting: &Setting, is_file: bool) {
    let top = heading_height(dissection);
    let rows = rows(dissection, top);
    let bottom = rows.last().map_or(top, |(y, row)| y + row.height()) + LINE;
    let legend = legend::roles(dissection);
    let height = bottom + legend::height(&legend);
    let width = if is_file {
        FILE_WIDTH.to_string()
    } else {
        "100%".to_owned()
    };
    let [title_id, description_id] =
        ["title", "description"].map(|part| format!("{}-{part}", setting.id));
    let labelled = format!("{title_id} {description_id}");
    // A group may have links in it; an image may not, to those who listen to it.
    let role = if setting.linked { "group" } else { "img" };
    svg.within(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("class", &"sequence"),
            ("width", &width),
            ("height", &height),
            ("role", &role),
            ("aria-labelledby", &labelled),
        ],
        |svg| {
            svg.element("title", &[("id", &title_id)], &setting.title);
            svg.element("desc", &[("id", &description_id)], description(dissection));
            if is_file {
                let style = format!("{}{STYLE}", palette::style("svg"));
                svg.own_code("style", &style);
                svg.empty(
                    "rect",
                    &[
                        ("class", &"ground"),
                        ("width", &"100%"),
                        ("height", &"100%"),
                    ],
                );
            }
            heading(svg, dissection, top);
            lifelines(svg, &rows);
            for (y, row) in &rows {
                draw_row(svg, dissection, setting, *y, row);
            }
            legend::draw(svg, &legend, bottom);
        },
    );
}

/// Returns a description of the drawing, for readers who do not see it.
fn description(dissection: &Dissection) -> String {
    let overall = dissection.measured.overall;
    let connections = dissection.measured.connections;
    let mut roles = Vec::new();
    for (role, statistics) in Role::ALL.into_iter().zip(dissection.measured.roles) {
        if statistics.total_packets > 0 {
            roles.push(format!("{} {role}", statistics.total_packets));
        }
    }
    let drawn = dissection.packets.len();
    format!(
        "{} packets on {connections} connections, {drawn} of them drawn, from top to bottom in the order of time: {}.",
        overall.total_packets,
        roles.join(", ")
    )
}

fn heading_height(dissection: &Dissection) -> u32 {
    let listed = dissection.dialogues.len().min(MOST_LISTED + 1);
    u32::try_from(listed).unwrap_or(0) * LINE + LINE + 12
}

/// Draws the connections with their addresses, and the names of the two sides.
fn heading(svg: &mut Markup, dissection: &Dissection, top: u32) {
    let dialogues = &dissection.dialogues;
    let mut y = LINE / 2 + 4;
    for dialogue in dialogues.iter().take(MOST_LISTED) {
        connection_mark(svg, "10", y, dialogue.index);
        let text = ends(dialogue);
        svg.element(
            "text",
            &[("class", &"quiet"), ("x", &"24"), ("y", &(y + 4))],
            text,
        );
        y += LINE;
    }
    let more = dialogues.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        let text = format!("and {more} connections more");
        svg.element(
            "text",
            &[("class", &"quiet"), ("x", &"24"), ("y", &(y + 4))],
            text,
        );
    }
    for (x, side) in [(CLIENT, "client"), (SERVER, "server")] {
        let (x, y) = (format!("{x}%"), top - 8);
        svg.element("text", &[("class", &"side"), ("x", &x), ("y", &y)], side);
    }
}

fn ends(dialogue: &Dialogue) -> String {
    let Dialogue { client, server, .. } = dialogue;
    format!("{} to {}", address(*client), address(*server))
}

fn address(end: SocketAddr) -> String {
    end.to_string()
}

/// Draws the number of a connection, in a ring.
fn connection_mark(svg: &mut Markup, x: &str, y: u32, connection: u64) {
    let class = format!("mark place-{}", connection % PLACES);
    svg.within("g", &[("class", &class)], |svg| {
        svg.empty("circle", &[("cx", &x), ("cy", &y), ("r", &7)]);
        let number = connection + 1;
        svg.element("text", &[("x", &x), ("y", &(y + 3))], number);
    });
}

/// Returns the number of pixels by which a connection is drawn aside.
const fn aside(connection: u64) -> u64 {
    connection % PLACES * PLACE_PIXELS
}

/// Draws both lines of each place, as long as a connection of it is drawn.
fn lifelines(svg: &mut Markup, rows: &[(u32, Row<'_>)]) {
    for place in 0..PLACES {
        let of_place = rows.iter().filter(|(_, row)| match row {
            Row::Packet(packet) => {
                let sender = packet.explained.sender;
                sender.is_some_and(|(connection, _)| connection % PLACES == place)
            }
            _ => false,
        });
        let ys: Vec<u32> = of_place.map(|(y, _)| *y).collect();
        let (Some(first), Some(last)) = (ys.first(), ys.last()) else {
            continue;
        };
        let shift = format!("translate({} 0)", aside(place));
        svg.within(
            "g",
            &[("class", &"lifelines"), ("transform", &shift)],
            |svg| {
                for x in [CLIENT, SERVER] {
                    let x = format!("{x}%");
                    let (top, bottom) = (first + 4, last + rows::PACKET_HEIGHT);
                    svg.empty(
                        "line",
                        &[("x1", &x), ("x2", &x), ("y1", &top), ("y2", &bottom)],
                    );
                }
            },
        );
    }
}

fn draw_row(svg: &mut Markup, dissection: &Dissection, setting: &Setting, y: u32, row: &Row<'_>) {
    match row {
        Row::Phase { .. } | Row::Omitted(_) => {
            let band = [
                ("class", &"band" as _),
                ("y", &(y + 3) as _),
                ("width", &"100%" as _),
                ("height", &20_u32 as _),
            ];
            svg.empty("rect", &band);
            let class = if matches!(row, Row::Phase { .. }) {
                "phase"
            } else {
                "omitted"
            };
            svg.element(
                "text",
                &[("class", &class), ("x", &"6"), ("y", &(y + 17))],
                row,
            );
        }
        Row::Gap(_) => {
            let fold = [
                ("class", &"fold" as _),
                ("y", &(y + 2) as _),
                ("width", &"100%" as _),
                ("height", &(row.height() - 4) as _),
            ];
            svg.empty("rect", &fold);
            let middle = format!("{}%", u32::midpoint(CLIENT, SERVER));
            svg.element(
                "text",
                &[("class", &"gap"), ("x", &middle), ("y", &(y + 20))],
                row,
            );
        }
        Row::Packet(packet) => arrow(svg, dissection, setting, y, packet),
    }
    svg.line_end();
}
