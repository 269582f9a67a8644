//! Compares two texts line by line.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::udiff::UnifiedHunkHeader;
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// The most lines that are compared: comparing takes time with the square of the lines that differ, so beyond this only
/// a count is given.
const MOST_LINES: usize = 20_000;

/// And so many of a part of longer texts, which may have many such parts.
const MOST_LINES_OF_PART: usize = 4_000;

/// The most times that the remaining lines are divided again.
const MOST_DEPTH: usize = 8;

/// The number of equal lines around a difference.
const CONTEXT: usize = 3;

/// The most bytes of a line that are shown.
const LINE_BYTES: usize = 400;

/// The number of bytes shown on either side of the change, where two long lines are the same.
const AROUND: usize = 80;

/// Returns the hunks of a unified diff, without the header that names the files; empty if the texts are equal. Long lines are cut
/// around what differs.
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
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let texts = Texts {
        old: &old,
        new: &new,
    };
    let mut output = String::new();
    for hunk in group_diff_ops(texts.operations(), CONTEXT) {
        // Writing to memory does not fail.
        let _ = writeln!(output, "{}", UnifiedHunkHeader::new(&hunk));
        for operation in hunk {
            texts.write(operation, &mut output);
        }
    }
    output
}

/// Two texts, line by line, each line with its end.
struct Texts<'t> {
    old: &'t [&'t str],
    new: &'t [&'t str],
}

/// A part of both texts.
type Part = (Range<usize>, Range<usize>);

/// Lines of both texts that are the same: where they begin in each, and how many they are.
type Same = (usize, usize, usize);

impl Texts<'_> {
    /// Returns what makes the new text of the old one.
    fn operations(&self) -> Vec<DiffOp> {
        if self.old.len() + self.new.len() <= MOST_LINES {
            return capture_diff_slices(Algorithm::Myers, self.old, self.new);
        }
        let mut same = Vec::new();
        let whole = (0..self.old.len(), 0..self.new.len());
        self.find_same(whole, 0, &mut same);
        same.push((self.old.len(), self.new.len(), 0));
        let mut operations = Vec::new();
        let (mut old_index, mut new_index) = (0, 0);
        for (old_start, new_start, len) in same {
            let (old_len, new_len) = (old_start - old_index, new_start - new_index);
            match (old_len, new_len) {
                (0, 0) => {}
                (0, new_len) => operations.push(DiffOp::Insert {
                    old_index,
                    new_index,
                    new_len,
                }),
                (old_len, 0) => operations.push(DiffOp::Delete {
                    old_index,
                    old_len,
                    new_index,
                }),
                (old_len, new_len) => operations.push(DiffOp::Replace {
                    old_index,
                    old_len,
                    new_index,
                    new_len,
                }),
            }
            (old_index, new_index) = (old_start + len, new_start + len);
            match operations.last_mut() {
                _ if len == 0 => {}
                Some(DiffOp::Equal { len: before, .. }) => *before += len,
                _ => operations.push(DiffOp::Equal {
                    old_index: old_start,
                    new_index: new_start,
                    len,
                }),
            }
        }
        operations
    }

    /// Finds what is the same in a part, in order.
    fn find_same(&self, (olds, news): Part, depth: usize, same: &mut Vec<Same>) {
        let (old, new) = (&self.old[olds.clone()], &self.new[news.clone()]);
        let before = old.iter().zip(new).take_while(|(one, other)| one == other);
        let before = before.count();
        let (old, new) = (&old[before..], &new[before..]);
        let behind = old.iter().rev().zip(new.iter().rev());
        let behind = behind.take_while(|(one, other)| one == other).count();
        same.push((olds.start, news.start, before));
        let inner = (
            olds.start + before..olds.end - behind,
            news.start + before..news.end - behind,
        );
        let end = (inner.0.end, inner.1.end, behind);
        if inner.0.len() + inner.1.len() <= MOST_LINES_OF_PART {
            self.compare(&inner, same);
        } else if depth < MOST_DEPTH {
            self.part(&inner, depth, same);
        }
        same.push(end);
    }

    /// Compares a part line by line.
    fn compare(&self, (olds, news): &Part, same: &mut Vec<Same>) {
        let (old, new) = (&self.old[olds.clone()], &self.new[news.clone()]);
        for operation in capture_diff_slices(Algorithm::Myers, old, new) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = operation
            {
                same.push((olds.start + old_index, news.start + new_index, len));
            }
        }
    }

    /// Parts a part at the lines that each text has just once in it.
    fn part(&self, (olds, news): &Part, depth: usize, same: &mut Vec<Same>) {
        let old = single_lines(&self.old[olds.clone()]);
        let new = single_lines(&self.new[news.clone()]);
        let mut common: Vec<(usize, usize)> = old
            .iter()
            .filter_map(|(line, one)| Some(((*one)?, (*new.get(line)?)?)))
            .collect();
        common.sort_unstable();
        let places = longest_rise(&common);
        if places.is_empty() {
            return;
        }
        let (mut old_from, mut new_from) = (olds.start, news.start);
        for (one, other) in places {
            let (one, other) = (olds.start + one, news.start + other);
            self.find_same((old_from..one, new_from..other), depth + 1, same);
            same.push((one, other, 1));
            (old_from, new_from) = (one + 1, other + 1);
        }
        self.find_same((old_from..olds.end, new_from..news.end), depth + 1, same);
    }

    /// Writes what an operation removes, adds or leaves.
    fn write(&self, operation: DiffOp, output: &mut String) {
        let (olds, news) = (operation.old_range(), operation.new_range());
        let (old, new) = (&self.old[olds], &self.new[news]);
        if matches!(operation, DiffOp::Equal { .. }) {
            return write_lines(' ', old.iter().map(|line| beginning(line)), output);
        }
        let beside = |line: usize, lines: &[&str], others: &[&str]| match others.get(line) {
            Some(other) => around_change(lines[line], other),
            None => beginning(lines[line]),
        };
        let olds = (0..old.len()).map(|line| beside(line, old, new));
        write_lines('-', olds, output);
        let news = (0..new.len()).map(|line| beside(line, new, old));
        write_lines('+', news, output);
    }
}

/// Returns the place of each line that is there just once.
fn single_lines<'t>(lines: &[&'t str]) -> HashMap<&'t str, Option<usize>> {
    let mut places = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        let known = places.entry(*line).or_insert(Some(place));
        if *known != Some(place) {
            *known = None;
        }
    }
    places
}

/// Returns the most of these pairs, which are in order of their first places, whose second ones rise too.
fn longest_rise(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that each length so far ends with, and the one before each pair.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (number, (_, second)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *second);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = number,
            None => ends.push(number),
        }
    }
    let mut rise = Vec::with_capacity(ends.len());
    let mut last = ends.last().copied();
    while let Some(number) = last {
        rise.push(pairs[number]);
        last = before[number];
    }
    rise.reverse();
    rise
}

fn write_lines(sign: char, lines: impl Iterator<Item = String>, output: &mut String) {
    for line in lines {
        output.push(sign);
        output.push_str(&line);
        output.push('\n');
    }
}

fn without_end(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// A line, or its beginning where it is long.
fn beginning(line: &str) -> String {
    let line = without_end(line);
    window(line, 0..line.len())
}

/// A line that stands for another, or what is around its change where it is long.
fn around_change(line: &str, other: &str) -> String {
    let (line, other) = (without_end(line), without_end(other));
    let same = |one: &(u8, u8)| one.0 == one.1;
    let before = line.bytes().zip(other.bytes()).take_while(same).count();
    let (rest, others) = (&line.as_bytes()[before..], &other.as_bytes()[before..]);
    let behind = rest.iter().rev().zip(others.iter().rev());
    let behind = behind.take_while(|(one, other)| one == other).count();
    window(line, before..line.len() - behind)
}

/// A line, or a part of it that has the place in it, where the line is long: `[120 bytes]…the place…[80 bytes]`.
fn window(line: &str, place: Range<usize>) -> String {
    if line.len() <= LINE_BYTES {
        return line.to_owned();
    }
    let from = boundary(line, place.start.saturating_sub(AROUND));
    let end = (place.end + AROUND).min(from + LINE_BYTES).min(line.len());
    let end = boundary(line, end);
    let mut shown = String::new();
    if from > 0 {
        let _ = write!(shown, "[{from} bytes]…");
    }
    shown.push_str(&line[from..end]);
    if end < line.len() {
        let _ = write!(shown, "…[{} bytes]", line.len() - end);
    }
    shown
}

/// Returns the last place up to this one where no character is cut.
fn boundary(line: &str, place: usize) -> usize {
    let mut places = (0..=place).rev();
    places
        .find(|place| line.is_char_boundary(*place))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Makes the new text of the old one by a difference without context.
    fn patched(old: &[&str], new: &[&str], texts: &Texts<'_>) -> String {
        let mut text = String::new();
        for operation in texts.operations() {
            match operation {
                DiffOp::Equal { .. } => text.push_str(&old[operation.old_range()].concat()),
                _ => text.push_str(&new[operation.new_range()].concat()),
            }
        }
        text
    }

    #[test]
    fn a_change_in_a_very_long_text_is_shown_however_long_it_is() {
        let mut lines: Vec<String> = (0..60_000).map(|line| format!("line {line}\n")).collect();
        let old = lines.concat();
        lines[7] = "other\n".to_owned();
        lines.insert(59_000, "more\n".to_owned());
        let shown = unified(&old, &lines.concat());
        assert_eq!(
            shown,
            "@@ -5,7 +5,7 @@\n line 4\n line 5\n line 6\n-line 7\n+other\n line 8\n line 9\n line 10\n\
             @@ -58998,6 +58998,7 @@\n line 58997\n line 58998\n line 58999\n+more\n line 59000\n line 59001\n line 59002\n"
        );
        let repeated = ["same\n".repeat(30_000), "old\n".repeat(30_000)].concat();
        let shown = unified(&repeated, &repeated.replace("old", "new"));
        assert_eq!(shown.matches("\n-old").count(), 30_000);
        assert_eq!(shown.matches("\n+new").count(), 30_000);
    }

    #[test]
    fn a_long_line_is_cut_around_what_differs() {
        let line = |change: &str| ["é".repeat(5000), change.to_owned(), "y".repeat(700)].concat();
        let shown = unified(&line("old"), &line("new"));
        let expected = |sign: &str, change: &str| {
            let around = ["é".repeat(40), change.to_owned(), "y".repeat(80)].concat();
            format!("{sign}[9920 bytes]…{around}…[620 bytes]\n")
        };
        let hunk = "@@ -1 +1 @@\n".to_owned();
        assert_eq!(shown, hunk + &expected("-", "old") + &expected("+", "new"));
        let shown = unified("", &"x".repeat(500));
        assert!(shown.ends_with("x…[100 bytes]\n"), "{shown}");
    }

    proptest! {
        #[test]
        fn however_a_text_is_parted_the_other_comes_of_it(
            old in prop::collection::vec("[a-f]{1,2}\n", 0..60),
            new in prop::collection::vec("[a-f]{1,2}\n", 0..60),
        ) {
            let many = |lines: &[String]| [vec!["same\n".to_owned(); 7000], lines.to_vec(), vec!["x\n".to_owned(); 7000]].concat();
            let (old, new) = (many(&old), many(&new));
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let new: Vec<&str> = new.iter().map(String::as_str).collect();
            let texts = Texts { old: &old, new: &new };
            prop_assert_eq!(patched(&old, &new, &texts), new.concat());
        }

        #[test]
        fn lines_that_are_there_once_part_a_text(
            old in prop::collection::vec(0..90_u8, 0..60),
            new in prop::collection::vec(0..90_u8, 0..60),
        ) {
            let text = |numbers: &[u8]| -> Vec<String> { numbers.iter().map(|number| format!("{number}\n")).collect() };
            let (old, new) = (text(&old), text(&new));
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let new: Vec<&str> = new.iter().map(String::as_str).collect();
            let texts = Texts { old: &old, new: &new };
            let mut same = Vec::new();
            texts.part(&(0..old.len(), 0..new.len()), 0, &mut same);
            let (mut one, mut other) = (0, 0);
            for (old_start, new_start, len) in same {
                prop_assert!(old_start >= one && new_start >= other);
                prop_assert_eq!(&old[old_start..old_start + len], &new[new_start..new_start + len]);
                (one, other) = (old_start + len, new_start + len);
            }
        }
    }
}
