//! Finds the bytes that vary between texts of the same meaning, and the form of those bytes.
//!
//! The texts are split into words and separators. If all have the same words between the same separators, a word that
//! differs is a place that varies; otherwise all bytes from the first that differs to the last are.

use std::ops::Range;

/// The byte that replaces hidden bytes in a text; a run of them counts as one.
pub const COVERED: u8 = 0;

/// The most bytes of the line before a place that identify it.
const MOST_CONTEXT: usize = 40;

/// A place that varies: its range in each of the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A range for each text, in their order.
    pub ranges: Vec<Range<usize>>,
}

/// Returns the places that vary in texts that should be the same.
#[must_use]
pub fn places(texts: &[&[u8]]) -> Vec<Place> {
    let lines: Vec<Vec<Range<usize>>> = texts.iter().map(|text| lines(text)).collect();
    let count = lines.first().map_or(0, Vec::len);
    if lines.iter().any(|lines| lines.len() != count) {
        let whole: Vec<Range<usize>> = texts.iter().map(|text| 0..text.len()).collect();
        return between_common_ends(texts, &whole).into_iter().collect();
    }
    let line = |number: usize| {
        let ranges: Vec<Range<usize>> = lines.iter().map(|lines| lines[number].clone()).collect();
        in_line(texts, &ranges)
    };
    (0..count).flat_map(line).collect()
}

/// Returns the lines of a text, each with its end.
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| {
            start += line.len();
            start - line.len()..start
        })
        .collect()
}

/// A word, or the bytes between words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Word,
    Covered,
    Other,
}

impl Sort {
    fn of(byte: u8) -> Self {
        match byte {
            COVERED => Self::Covered,
            _ if byte.is_ascii_alphanumeric() || b"_-+/=.~%".contains(&byte) => Self::Word,
            _ => Self::Other,
        }
    }
}

fn tokens(text: &[u8], line: &Range<usize>) -> Vec<(Sort, Range<usize>)> {
    let mut tokens: Vec<(Sort, Range<usize>)> = Vec::new();
    for place in line.clone() {
        let sort = Sort::of(text[place]);
        match tokens.last_mut() {
            Some((last, range)) if *last == sort && sort != Sort::Other => range.end = place + 1,
            _ => tokens.push((sort, place..place + 1)),
        }
    }
    tokens
}

fn in_line(texts: &[&[u8]], line: &[Range<usize>]) -> Vec<Place> {
    let tokens: Vec<Vec<(Sort, Range<usize>)>> = texts
        .iter()
        .zip(line)
        .map(|(text, line)| tokens(text, line))
        .collect();
    let Some(first) = tokens.first() else {
        return Vec::new();
    };
    let same_form = tokens.iter().zip(texts).all(|(other, text)| {
        other.len() == first.len()
            && other.iter().zip(first).all(|(one, two)| {
                one.0 == two.0
                    && (one.0 != Sort::Other || text[one.1.clone()] == texts[0][two.1.clone()])
            })
    });
    if !same_form {
        return between_common_ends(texts, line).into_iter().collect();
    }
    let words = (0..first.len()).filter(|number| first[*number].0 == Sort::Word);
    words
        .filter_map(|number| {
            let ranges: Vec<Range<usize>> = tokens
                .iter()
                .map(|tokens| tokens[number].1.clone())
                .collect();
            in_word(texts, &ranges)
        })
        .collect()
}

/// Returns the part of a word that varies: without the common beginning up to a mark in it, and without the common end
/// from a mark on.
fn in_word(texts: &[&[u8]], ranges: &[Range<usize>]) -> Option<Place> {
    let words: Vec<&[u8]> = texts
        .iter()
        .zip(ranges)
        .map(|(text, range)| &text[range.clone()])
        .collect();
    if words.iter().all(|word| *word == words[0]) {
        return None;
    }
    if words.iter().all(|word| is_uuid(word)) {
        return Some(Place {
            ranges: ranges.to_vec(),
        });
    }
    let before = common(&words, false);
    let is_mark = |byte: &u8| b"/=._-+~%".contains(byte);
    let before = words[0][..before]
        .iter()
        .rposition(is_mark)
        .map_or(0, |at| at + 1);
    let rests: Vec<&[u8]> = words.iter().map(|word| &word[before..]).collect();
    let after = common(&rests, true);
    let tail = &rests[0][rests[0].len() - after..];
    let is_end = |byte: &u8| b"/._-".contains(byte);
    let after = tail.iter().position(is_end).map_or(0, |at| tail.len() - at);
    let ranges = ranges
        .iter()
        .map(|range| range.start + before..range.end - after);
    Some(Place {
        ranges: ranges.collect(),
    })
}

/// Returns everything from the first byte that differs to the last one.
fn between_common_ends(texts: &[&[u8]], lines: &[Range<usize>]) -> Option<Place> {
    let parts: Vec<&[u8]> = texts
        .iter()
        .zip(lines)
        .map(|(text, line)| &text[line.clone()])
        .collect();
    if parts.iter().all(|part| *part == parts[0]) {
        return None;
    }
    let before = common(&parts, false);
    let rests: Vec<&[u8]> = parts.iter().map(|part| &part[before..]).collect();
    let after = common(&rests, true);
    let ranges = lines
        .iter()
        .map(|line| line.start + before..line.end - after);
    Some(Place {
        ranges: ranges.collect(),
    })
}

/// Returns the number of bytes that all have in common at their beginning, or at their end.
fn common(texts: &[&[u8]], at_end: bool) -> usize {
    let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
    let byte = |text: &[u8], place: usize| {
        if at_end {
            text[text.len() - 1 - place]
        } else {
            text[place]
        }
    };
    let same = |place: &usize| {
        texts
            .iter()
            .all(|text| byte(text, *place) == byte(texts[0], *place))
    };
    (0..shortest).take_while(same).count()
}

/// Returns true if the word is a UUID (RFC 9562 §4).
fn is_uuid(word: &[u8]) -> bool {
    word.len() == 36
        && word.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Returns the text before a place on its line that is the same in all texts, cut to the shortest that identifies it.
#[must_use]
pub fn context<'a>(texts: &[&'a [u8]], place: &Place) -> &'a [u8] {
    let befores: Vec<&'a [u8]> = texts
        .iter()
        .zip(&place.ranges)
        .map(|(text, range)| {
            let text: &'a [u8] = text;
            let before = &text[..range.start];
            let begins = |byte: &u8| matches!(*byte, b'\n' | b'\r' | COVERED);
            &before[before.iter().rposition(begins).map_or(0, |at| at + 1)..]
        })
        .collect();
    let shared = common(&befores, true).min(MOST_CONTEXT);
    let Some(first) = befores.first() else {
        return b"";
    };
    let context = &first[first.len() - shared..];
    let parts = |byte: &u8| b" ,;&?{}<>()[]".contains(byte);
    let says_something = |rest: &[u8]| {
        rest.iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .count()
            > 1
    };
    let mut starts: Vec<usize> = (0..context.len())
        .filter(|at| parts(&context[*at]))
        .collect();
    starts.reverse();
    let start = starts
        .into_iter()
        .map(|at| at + 1)
        .find(|at| says_something(&context[*at..]));
    &context[start.unwrap_or(0)..]
}

/// Returns the form of values: a class of a regular expression with a count.
#[must_use]
pub fn form(values: &[&[u8]]) -> String {
    if values.iter().all(|value| is_uuid(value)) {
        return "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".to_owned();
    }
    let padding = values.iter().any(|value| value.ends_with(b"="));
    let cores: Vec<&[u8]> = values.iter().map(|value| without_padding(value)).collect();
    let class = class(&cores);
    let lengths = || cores.iter().map(|core| core.len());
    let (least, most) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
    let count = if least == most {
        format!("{{{least}}}")
    } else {
        "+".to_owned()
    };
    let padding = if padding { "={0,2}" } else { "" };
    format!("{class}{count}{padding}")
}

fn without_padding(value: &[u8]) -> &[u8] {
    let padding = value.iter().rev().take_while(|byte| **byte == b'=').count();
    &value[..value.len() - padding.min(2)]
}

/// Returns true if values are of equal length and look like base64 of either kind without its rarer marks: a few runs
/// of a random token may well lack these.
fn are_random(values: &[&[u8]]) -> bool {
    const LEAST: usize = 12;
    let all = values.concat();
    let has = |sort: fn(&u8) -> bool| all.iter().any(sort);
    all.iter().all(u8::is_ascii_alphanumeric)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && values
            .iter()
            .all(|value| value.len() >= LEAST && value.len() == values[0].len())
}

/// The text of a class of bytes, and a function that returns true for its members.
type Class = (&'static str, fn(u8) -> bool);

/// Returns the narrowest usual class that has all bytes of all values.
fn class(values: &[&[u8]]) -> String {
    const USUAL: [Class; 6] = [
        ("[0-9]", |byte| byte.is_ascii_digit()),
        ("[0-9a-f]", |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        ("[0-9A-F]", |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')),
        ("[0-9A-Za-z]", |byte| byte.is_ascii_alphanumeric()),
        ("[0-9A-Za-z_-]", |byte| {
            byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
        }),
        ("[0-9A-Za-z+/]", |byte| {
            byte.is_ascii_alphanumeric() || b"+/".contains(&byte)
        }),
    ];
    if are_random(values) {
        // What two of 64 marks are was not seen yet, maybe.
        return "[0-9A-Za-z_+/-]".to_owned();
    }
    let fits = |has: &fn(u8) -> bool| {
        values
            .iter()
            .all(|value| value.iter().all(|byte| has(*byte)))
    };
    if let Some((class, _)) = USUAL.iter().find(|(_, has)| fits(has)) {
        return (*class).to_owned();
    }
    let mut others: Vec<u8> = values.concat();
    others.retain(|byte| !byte.is_ascii_alphanumeric());
    others.sort_unstable();
    others.dedup();
    if others.iter().all(|byte| matches!(byte, b'!'..=b'~')) {
        let others = others.into_iter().map(char::from);
        let escaped = others.flat_map(|mark| match mark {
            // With a backslash these two are something else.
            '<' | '>' | '_' => vec![mark],
            mark => vec!['\\', mark],
        });
        return format!("[0-9A-Za-z{}]", escaped.collect::<String>());
    }
    // Spaces, control bytes, letters beyond ASCII: whatever is on the line.
    "[^\\r\\n]".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varying<'a>(texts: &[&'a str]) -> Vec<Vec<&'a str>> {
        let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let shown = |place: &Place| {
            let ranges = place.ranges.iter().zip(texts);
            ranges.map(|(range, text)| &text[range.clone()]).collect()
        };
        places(&bytes).iter().map(shown).collect()
    }

    fn context_of(texts: &[&str]) -> String {
        let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let place = &places(&bytes)[0];
        String::from_utf8(context(&bytes, place).to_vec()).unwrap()
    }

    #[test]
    fn a_value_varies_and_not_what_is_around_it() {
        for (texts, values) in [
            (
                ["session=9f86; Path=/", "session=b1c2; Path=/"],
                ["9f86", "b1c2"],
            ),
            (["/item/17.html", "/item/4.html"], ["17", "4"]),
            (["{\"id\": 17}", "{\"id\": 4}"], ["17", "4"]),
            (["a\n1\nb", "a\n2\nb"], ["1", "2"]),
            (["id-4711", "id-4822"], ["4711", "4822"]),
            (
                [
                    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                    "6ba7b810-0dad-11d1-80b4-00c04fd430c8",
                ],
                [
                    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                    "6ba7b810-0dad-11d1-80b4-00c04fd430c8",
                ],
            ),
            (["a b c", "a x y c"], ["b", "x y"]),
        ] {
            assert_eq!(varying(&texts), [values.to_vec()]);
        }
        assert_eq!(varying(&["a=1&b=2", "a=3&b=4"]), [["1", "3"], ["2", "4"]]);
        assert_eq!(varying(&["same", "same"]), [[""; 0]; 0]);
    }

    #[test]
    fn what_is_covered_varies_no_more_whatever_its_width() {
        assert_eq!(varying(&["at \0\0\0 id=1", "at \0 id=2"]), [["1", "2"]]);
    }

    #[test]
    fn the_context_is_what_names_the_place() {
        for (texts, expected) in [
            (
                ["Set-Cookie: session=1", "Set-Cookie: session=2"],
                "session=",
            ),
            (["X-Request-Id: 1", "X-Request-Id: 2"], "X-Request-Id: "),
            (
                ["{\"a\":0, \"token\": \"x\"}", "{\"a\":0, \"token\": \"y\"}"],
                "\"token\": \"",
            ),
            (["GET /?a=b&sid=1 HTTP", "GET /?a=b&sid=2 HTTP"], "sid="),
            (["1", "2"], ""),
            (["\0 1", "\0 2"], " "),
        ] {
            assert_eq!(context_of(&texts), expected);
        }
    }

    #[test]
    fn the_form_is_as_narrow_as_what_was_seen() {
        for (values, expected) in [
            (["12", "34"], "[0-9]{2}"),
            (["1", "34"], "[0-9]+"),
            (["9f", "b1"], "[0-9a-f]{2}"),
            (["9F", "B1"], "[0-9A-F]{2}"),
            (["9fZ", "b1Y"], "[0-9A-Za-z]{3}"),
            (["9f_", "b-1"], "[0-9A-Za-z_-]{3}"),
            (["saeslsfd6ZX2", "cEwQJrbqwAb1"], "[0-9A-Za-z_+/-]{12}"),
            (["aZ+/bw==", "aZ+/bwA="], "[0-9A-Za-z+/]+={0,2}"),
            (["a.b", "c:d"], "[0-9A-Za-z\\.\\:]{3}"),
            (["a b", "c d"], "[^\\r\\n]{3}"),
        ] {
            let values = values.map(str::as_bytes);
            assert_eq!(form(&values), expected);
            let whole = format!("^(?:{expected})$");
            let pattern = regex::bytes::Regex::new(&whole).unwrap();
            assert!(
                values.iter().all(|value| pattern.is_match(value)),
                "{whole}"
            );
        }
    }
}
