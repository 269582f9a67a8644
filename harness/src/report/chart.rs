//! The common parts of the comparison's drawings: a frame with a title, bars, and the colours of captures.

use std::fmt::Display;

use crate::render::markup::Markup;

/// The number of classes that colour the captures, in turn; lines differ in their dashes too.
const SERIES: usize = 8;

/// Returns the class of a capture's line or bar.
pub(super) fn series(index: usize) -> String {
    format!("series-{}", index % SERIES)
}

/// Writes a drawing of this height in pixels, with its title, in a figure of its own.
pub(super) fn drawing(
    page: &mut Markup,
    id: &str,
    title: &str,
    height: usize,
    draw: impl FnOnce(&mut Markup),
) {
    let title_id = format!("{id}-title");
    let attributes = [
        ("class", &"chart" as &dyn Display),
        ("width", &"100%"),
        ("height", &height),
        ("role", &"img"),
        ("aria-labelledby", &title_id),
    ];
    page.within("svg", &attributes, |svg| {
        svg.element("title", &[("id", &title_id)], title);
        draw(svg);
    });
    page.line_end();
}

/// Writes text at a place.
pub(super) fn text(svg: &mut Markup, class: &str, x: &dyn Display, y: usize, text: impl Display) {
    svg.element("text", &[("class", &class), ("x", x), ("y", &y)], text);
}

/// Returns the share of a part in a whole, in percent.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
    let share = part as f64 * 100.0 / whole.max(1) as f64;
    share
}

/// Returns a place across the drawing, in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{share:.3}%")
}

/// Returns a name that fits next to a drawing.
pub(super) fn short(name: &str) -> String {
    const ROOM: usize = 14;
    match name.char_indices().nth(ROOM) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &name[..end]),
    }
}
