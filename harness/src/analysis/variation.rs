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
    /// True for a value between things that are the same. Otherwise it is everything from the first byte that differs
    /// to the last one, and the texts need not correspond at all.
    pub is_value: bool,
}

/// Returns the places that vary in texts that should be the same.
#[must_use]
pub fn places(texts: &[&[u8]]) -> Vec<Place> {
    if texts.iter().any(|text| is_binary(text)) {
        return in_bytes(texts);
    }
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

/// Returns true if bytes are not text: they have control bytes that no text has, or are not UTF-8.
#[must_use]
pub fn is_binary(text: &[u8]) -> bool {
    let is_control = |byte: &u8| {
        byte.is_ascii_control() && !matches!(*byte, b'\t' | b'\n' | b'\r' | 0x1b | COVERED)
    };
    text.iter().any(is_control) || str::from_utf8(text).is_err()
}

/// The number of bytes that may be the same, by chance, inside a value.
const SAME_BY_CHANCE: usize = 2;

/// The places of bytes that vary, where all are as many; else all from the first byte that differs to the last one.
fn in_bytes(texts: &[&[u8]]) -> Vec<Place> {
    let Some(first) = texts.first() else {
        return Vec::new();
    };
    let whole: Vec<Range<usize>> = texts.iter().map(|text| 0..text.len()).collect();
    if texts.iter().any(|text| text.len() != first.len()) {
        return between_common_ends(texts, &whole).into_iter().collect();
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let varies = |at: &usize| texts.iter().any(|text| text[*at] != first[*at]);
    for at in (0..first.len()).filter(varies) {
        match found.last_mut() {
            Some(last) if at - last.end <= SAME_BY_CHANCE => last.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    let place = |range: Range<usize>| Place {
        ranges: vec![range; texts.len()],
        is_value: true,
    };
    found.into_iter().map(place).collect()
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
            is_value: true,
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
        is_value: true,
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
        is_value: false,
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
    if values.iter().any(|value| value.contains(&b'%')) && values.iter().all(|one| is_escaped(one))
    {
        return "(?:[0-9A-Za-z_.~+/=-]|%[0-9A-Fa-f]{2})+".to_owned();
    }
    let padding = values.iter().any(|value| value.ends_with(b"="));
    let cores: Vec<&[u8]> = values.iter().map(|value| without_padding(value)).collect();
    let class = class(&cores);
    let lengths = || cores.iter().map(|core| core.len());
    let (least, most) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
    // A number that is as long by chance is longer some day.
    let is_number = class == DIGITS && most < TIME_DIGITS;
    let count = if least == most && !is_number {
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

/// The digits of a time in seconds; longer numbers are times, or as long for another reason.
const TIME_DIGITS: usize = 10;

const DIGITS: &str = "[0-9]";

/// Returns true if a value is percent-encoded (RFC 3986 §2.1), with no byte that should be and is not.
fn is_escaped(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'%');
    let is_plain = |part: &[u8]| {
        part.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.~+/=-".contains(byte))
    };
    parts.next().is_some_and(is_plain)
        && parts.all(|part| {
            let code = part.get(..2);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) && is_plain(&part[2..])
        })
}

/// Returns true if values look like base64 of either kind in which the rarer characters happen to be absent: a few runs
/// of a random token may well be without them.
fn are_random(values: &[&[u8]]) -> bool {
    const LEAST: usize = 6;
    let all = values.concat();
    let has = |sort: fn(&u8) -> bool| all.iter().any(sort);
    all.iter().all(u8::is_ascii_alphanumeric)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && values.iter().all(|value| value.len() >= LEAST)
}

/// So many letters and digits that are all hexadecimal are so by more than chance.
const HEXADECIMAL: usize = 12;

/// The text of a class of bytes, and a function that returns true for its members.
type Class = (&'static str, fn(u8) -> bool);

/// Returns the narrowest usual class that has all bytes of all values.
fn class(values: &[&[u8]]) -> String {
    const USUAL: [Class; 6] = [
        (DIGITS, |byte| byte.is_ascii_digit()),
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
    let bytes: usize = values.iter().map(|value| value.len()).sum();
    let usual = USUAL
        .iter()
        .filter(|(class, _)| bytes >= HEXADECIMAL || !matches!(*class, "[0-9a-f]" | "[0-9A-F]"));
    if let Some((class, _)) = usual.into_iter().find(|(_, has)| fits(has)) {
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
    fn a_line_of_another_form_is_no_value() {
        for texts in [
            ["a b c", "a x y c"],
            ["one\ntwo\n", "one\n"],
            ["a: 1", "b, 2"],
        ] {
            let bytes = texts.map(str::as_bytes);
            assert!(places(&bytes).iter().all(|place| !place.is_value));
        }
    }

    #[test]
    fn bytes_that_vary_are_found_where_all_are_as_many() {
        let texts: [&[u8]; 3] = [
            b"\x01\xffABCD\x00rest",
            b"\x01\xffAxyD\x00rest",
            b"\x01\xffp..q\x00resT",
        ];
        let ranges: Vec<Range<usize>> = places(&texts)
            .iter()
            .map(|place| place.ranges[0].clone())
            .collect();
        assert_eq!(ranges, [2..6, 10..11]);
        let longer: [&[u8]; 2] = [b"\x01\xffAB", b"\x01\xffABC"];
        assert!(places(&longer).iter().all(|place| !place.is_value));
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
            (["12", "34"], "[0-9]+"),
            (["1", "34"], "[0-9]+"),
            (["1732812345", "1732812399"], "[0-9]{10}"),
            (["9f", "b1"], "[0-9A-Za-z]{2}"),
            (["9f86d0", "b1c2d3"], "[0-9a-f]{6}"),
            (["9F86D0", "B1C2D3"], "[0-9A-F]{6}"),
            (["V1StGXR8", "Uakgb4J"], "[0-9A-Za-z_+/-]+"),
            (
                ["s%3AaZ.b%2Bc", "s%3Ax_9"],
                "(?:[0-9A-Za-z_.~+/=-]|%[0-9A-Fa-f]{2})+",
            ),
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
