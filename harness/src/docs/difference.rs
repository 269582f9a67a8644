//! Compares two texts line by line.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

/// The most lines that are compared: comparing takes time with the square of the lines that differ, so beyond this only
/// a count is given.
const MOST_LINES: usize = 20_000;

/// The number of equal lines around a difference.
const CONTEXT: usize = 3;

/// Returns the hunks of a unified diff, without the header that names the files; empty if the texts are equal.
///
/// ```
/// use wiresnap::docs::difference::unified;
///
/// assert_eq!(unified("a\nb\n", "a\nc\n"), "@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
/// assert_eq!(unified("a\n", "a\n"), "");
/// ```
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let counts = [old, new].map(|text| text.lines().count());
    if counts.iter().sum::<usize>() > MOST_LINES {
        let [old, new] = counts;
        return format!("@@ {old} lines against {new}: too many to show what differs @@\n");
    }
    let difference = TextDiff::from_lines(old, new);
    let mut output = String::new();
    for hunk in difference
        .unified_diff()
        .context_radius(CONTEXT)
        .iter_hunks()
    {
        let _ = writeln!(output, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = change.value();
            let _ = writeln!(output, "{sign}{}", line.strip_suffix('\n').unwrap_or(line));
        }
    }
    output
}
