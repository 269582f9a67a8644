//! The cost of a client over many updates: opening and closing once, then one update after the other.

use super::{Compared, titled};
use crate::render::markup::Markup;
use crate::report::chart::{drawing, percent, series, short, text};
use crate::report::figures::{grouped, table};

/// The number of updates that the curves reach to.
const MOST_UPDATES: u64 = 1000;

/// The decades of updates that are marked, and given in the table.
const MARKED: [u64; 4] = [1, 10, 100, MOST_UPDATES];

/// The number of points of a curve.
const POINTS: u32 = 60;

/// The field of the curves, in percent across and pixels down: its left edge, width, top and height.
const LEFT: f64 = 14.0;
const WIDTH: f64 = 60.0;
const TOP: usize = 12;
const HEIGHT: usize = 260;

/// The distance in pixels between the names of two curves.
const NAME_HEIGHT: usize = 17;

pub(super) fn figure(page: &mut Markup, all: &[Compared<'_>]) {
    let explanation = "Bytes on the link for one client: what opens and closes its connections, and what is loaded first, \
                       once, then the measured bytes of an update for each. Both scales are logarithmic.";
    titled(page, "Cumulative cost per client", explanation, |page| {
        let title = "Bytes on the link over the number of updates, from 1 to 1000, a curve for each capture";
        drawing(page, "cumulative", title, TOP + HEIGHT + 44, |svg| {
            draw(svg, all);
        });
        let row = |compared: &Compared<'_>| {
            let fixed = [compared.name().to_owned(), grouped(compared.fixed_bytes())];
            let costs = MARKED
                .iter()
                .map(|updates| grouped(cost(compared, *updates)));
            fixed.into_iter().chain(costs).collect()
        };
        let columns = [
            "Capture",
            "Opening, closing",
            "1 update",
            "10 updates",
            "100 updates",
            "1000 updates",
        ];
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        table(
            page,
            "Bytes on the link, in all, for one client",
            &columns,
            &rows,
        );
    });
}

/// Returns the bytes on the link for this many updates.
fn cost(compared: &Compared<'_>, updates: u64) -> u64 {
    compared
        .bytes()
        .saturating_mul(updates)
        .saturating_add(compared.fixed_bytes())
}

/// The decades that the scale of bytes reaches over.
#[derive(Clone, Copy)]
struct Scale {
    lowest: u32,
    highest: u32,
}

impl Scale {
    fn of(all: &[Compared<'_>]) -> Self {
        let costs = |updates| all.iter().map(move |compared| cost(compared, updates));
        let decade = |bytes: Option<u64>| bytes.unwrap_or(1).max(1).ilog10();
        let lowest = decade(costs(1).min());
        let highest = decade(costs(MOST_UPDATES).max()) + 1;
        Self { lowest, highest }
    }

    /// Returns the height of this many bytes in the field: 0 at its foot, 1 at its top.
    fn height(self, bytes: f64) -> f64 {
        let decades = f64::from(self.highest - self.lowest);
        (bytes.max(1.0).log10() - f64::from(self.lowest)) / decades
    }

    /// Returns the same in pixels from the top of the drawing.
    fn pixels(self, bytes: f64) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
        let down = (1.0 - self.height(bytes)).clamp(0.0, 1.0) * HEIGHT as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and HEIGHT"
        )]
        let down = down.round() as usize;
        TOP + down
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
fn draw(svg: &mut Markup, all: &[Compared<'_>]) {
    let scale = Scale::of(all);
    grid(svg, scale);
    let (x, width) = (percent(LEFT), percent(WIDTH));
    // Curves have no percentages: they stand in a drawing of their own that is stretched.
    let field = [
        ("x", &x as _),
        ("y", &TOP as _),
        ("width", &width as _),
        ("height", &HEIGHT as _),
        ("viewBox", &"0 0 1000 1000" as _),
        ("preserveAspectRatio", &"none" as _),
        ("overflow", &"visible" as _),
    ];
    svg.within("svg", &field, |svg| {
        for (index, compared) in all.iter().enumerate() {
            let class = format!("curve {}", series(index));
            let points = points(compared, scale);
            svg.empty(
                "polyline",
                &[
                    ("class", &class),
                    ("points", &points),
                    ("vector-effect", &"non-scaling-stroke"),
                ],
            );
        }
    });
    let ends: Vec<usize> = all
        .iter()
        .map(|compared| scale.pixels(cost(compared, MOST_UPDATES) as f64))
        .collect();
    for (index, (compared, y)) in all.iter().zip(apart(&ends)).enumerate() {
        let name = short(compared.name());
        let class = format!("curve-name {}", series(index));
        text(svg, &class, &percent(LEFT + WIDTH + 1.5), y + 4, name);
    }
}

/// Draws lines at each decade, with their labels.
fn grid(svg: &mut Markup, scale: Scale) {
    let (left, right) = (percent(LEFT), percent(LEFT + WIDTH));
    for decade in scale.lowest..=scale.highest {
        let bytes = 10_u64.saturating_pow(decade);
        let y = scale.pixels(10_f64.powi(decade.cast_signed()));
        svg.empty(
            "line",
            &[
                ("class", &"grid"),
                ("x1", &left),
                ("x2", &right),
                ("y1", &y),
                ("y2", &y),
            ],
        );
        text(
            svg,
            "tick-left",
            &percent(LEFT - 1.5),
            y + 4,
            decade_name(bytes),
        );
    }
    for (index, updates) in MARKED.into_iter().enumerate() {
        let third = u32::try_from(index).unwrap_or(0);
        let x = percent(LEFT + WIDTH * f64::from(third) / 3.0);
        svg.empty(
            "line",
            &[
                ("class", &"grid"),
                ("x1", &x),
                ("x2", &x),
                ("y1", &TOP),
                ("y2", &(TOP + HEIGHT)),
            ],
        );
        text(svg, "tick", &x, TOP + HEIGHT + 18, updates);
    }
    text(
        svg,
        "tick",
        &percent(LEFT + WIDTH / 2.0),
        TOP + HEIGHT + 38,
        "updates",
    );
}

/// Returns a power of ten in its unit: `10 kB`.
fn decade_name(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

/// Returns a curve in a field of 1000 by 1000.
#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
fn points(compared: &Compared<'_>, scale: Scale) -> String {
    let point = |index: u32| {
        let across = f64::from(index) / f64::from(POINTS);
        let updates = 10_f64.powf(3.0 * across);
        let bytes = compared.bytes() as f64 * updates + compared.fixed_bytes() as f64;
        format!(
            "{:.1},{:.1}",
            1000.0 * across,
            1000.0 * (1.0 - scale.height(bytes))
        )
    };
    let points: Vec<String> = (0..=POINTS).map(point).collect();
    points.join(" ")
}

/// Returns places as near to these as possible, with no two closer than a line of text.
fn apart(places: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|index| places[*index]);
    let mut result = vec![0; places.len()];
    let mut floor = 0;
    for (rank, index) in order.iter().enumerate() {
        // The first of a crowd moves up a little, so that the crowd stays about where it is.
        let next = order.get(rank + 1).map(|next| places[*next]);
        let crowded = next.is_some_and(|next| next < places[*index] + NAME_HEIGHT);
        let wished = places[*index].saturating_sub(if crowded { NAME_HEIGHT / 2 } else { 0 });
        let place = wished.max(floor);
        result[*index] = place;
        floor = place + NAME_HEIGHT;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart_and_in_order() {
        assert_eq!(apart(&[100, 10]), [100, 10]);
        let crowd = apart(&[50, 52, 49, 200]);
        assert_eq!(crowd[3], 200);
        assert!(
            crowd[2] + NAME_HEIGHT <= crowd[0] && crowd[0] + NAME_HEIGHT <= crowd[1],
            "{crowd:?}"
        );
    }
}
