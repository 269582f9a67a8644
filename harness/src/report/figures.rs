//! Writes numbers as people read them, and tables of them.

use std::fmt::Display;

use crate::render::markup::Markup;

/// Returns a number with its thousands separated.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a large number in three figures, with the prefix of its unit: `1.71 G`.
pub(super) fn with_prefix(number: u128) -> String {
    const PREFIXES: [(u128, &str); 5] = [
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    let Some((unit, prefix)) = PREFIXES.into_iter().find(|(unit, _)| number >= *unit) else {
        return format!("{number} ");
    };
    #[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
    let number = number as f64 / unit as f64;
    let decimals = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$} {prefix}")
}

/// Writes a table whose first column names its rows. It scrolls by itself on a narrow screen.
pub(super) fn table(page: &mut Markup, caption: &str, columns: &[&str], rows: &[Vec<String>]) {
    let attributes = [
        ("class", &"wide" as &dyn Display),
        ("tabindex", &"0"),
        ("role", &"region"),
        ("aria-label", &caption),
    ];
    page.within("div", &attributes, |page| {
        page.within("table", &[], |page| {
            page.element("caption", &[], caption);
            page.within("thead", &[], |page| {
                page.within("tr", &[], |page| {
                    for column in columns {
                        page.element("th", &[("scope", &"col")], column);
                    }
                });
            });
            page.within("tbody", &[], |page| {
                for row in rows {
                    table_row(page, row);
                }
            });
        });
    });
    page.line_end();
}

fn table_row(page: &mut Markup, row: &[String]) {
    page.within("tr", &[], |page| {
        for (index, cell) in row.iter().enumerate() {
            if index == 0 {
                page.element("th", &[("scope", &"row")], cell);
            } else {
                page.element("td", &[], cell);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shortened() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        let shortened = [0, 999, 1_704, 10_560_000_000, 5_000_000, 123_456].map(with_prefix);
        assert_eq!(
            shortened,
            ["0 ", "999 ", "1.70 k", "10.6 G", "5.00 M", "123 k"]
        );
    }
}
