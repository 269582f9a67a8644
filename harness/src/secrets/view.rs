//! Decodes a text with the place of each byte, so that findings can be overwritten.
//!
//! A secret is often sent in other bytes than its own: percent-encoded in a form, escaped in JSON, as base64 in a
//! field. A [`View`] is the decoded form of such a text. Bytes that are overwritten in it are overwritten in the text
//! below at the same number of bytes: by a placeholder if escapes stand for single characters, by the encoding of a
//! placeholder if whole runs are encoded.

use std::ops::Range;

use super::filler::filler;

/// An encoding that is undone for a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `%41`, and `+` for a space (RFC 3986 §2.1, and forms).
    Percent,
    /// `\u0041`, `\/`, `\"` and the other escapes of JSON, with the `\x41` of other languages (RFC 8259 §7).
    Escapes,
    /// `&#65;`, `&#x41;` and the names that HTML and XML share.
    Entities,
    /// `=41`, and lines that go on behind a `=` (RFC 2045 §6.7).
    QuotedPrintable,
    /// Two bytes a character, the first of them at an even place or at an odd one.
    Utf16 {
        /// True if the byte that is zero in a Latin text is the first of the two.
        big_endian: bool,
    },
    /// Base64 and base64url, read from this character of each run on (RFC 4648 §4, §5).
    Base64 {
        /// The number of characters that are left out first: it is unknown where in a group of four a text begins.
        skipped: usize,
    },
    /// Two hexadecimal digits a byte, read from this digit of each run on.
    Hexadecimal {
        /// The number of digits that are left out first.
        skipped: usize,
    },
    /// The text as a terminal shows it: control characters and escape sequences left out.
    Shown,
}

/// The encodings that are looked for in bytes from the wire.
pub(super) const ON_THE_WIRE: [Encoding; 12] = [
    Encoding::Percent,
    Encoding::Escapes,
    Encoding::Entities,
    Encoding::QuotedPrintable,
    Encoding::Utf16 { big_endian: false },
    Encoding::Utf16 { big_endian: true },
    Encoding::Base64 { skipped: 0 },
    Encoding::Base64 { skipped: 1 },
    Encoding::Base64 { skipped: 2 },
    Encoding::Base64 { skipped: 3 },
    Encoding::Hexadecimal { skipped: 0 },
    Encoding::Hexadecimal { skipped: 1 },
];

/// The shortest run of base64 that is decoded: the part of four bytes that is left at any place in a group of four.
const SHORTEST_BASE64: usize = 5;
/// The shortest run of hexadecimal digits that is decoded: four bytes.
const SHORTEST_HEXADECIMAL: usize = 8;
/// The fewest characters of UTF-16 in a row that are decoded.
const FEWEST_UTF16: usize = 4;
/// The separator between parts of a view, which stands for nothing in the text.
const SEPARATOR: u8 = b'\n';

/// The decoded form of a text, part by part.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The parts, with a line feed between them.
    pub(super) bytes: Vec<u8>,
    parts: Vec<Part>,
    steps: Vec<Step>,
}

/// A stretch that was decoded in one go.
#[derive(Clone, Debug)]
struct Part {
    at: Range<usize>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// Single characters that are encoded, at these steps of the view.
    Steps(Range<usize>),
    /// The same, for characters of two bytes.
    Utf16 {
        steps: Range<usize>,
        big_endian: bool,
    },
    /// A whole run of characters that is encoded; they are at these steps of the view.
    Base64 { characters: Range<usize>, url: bool },
    /// A whole run that is encoded, from this place of the text on.
    Hexadecimal { from: usize, upper: bool },
}

/// Decoded bytes that each take the same number of bytes in the text.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The index of its first byte in the view, or for base64, of its first character in the run.
    at: usize,
    /// The place in the text at which it begins.
    from: usize,
    /// The place in the text at which it ends.
    to: usize,
    /// The number of bytes of the text that a byte takes; 0 if several stand for several.
    width: usize,
}

/// Bytes of a text that are overwritten.
pub(super) type Edit = (usize, Vec<u8>);

impl View {
    /// Decodes a text; `None` if nothing in it is encoded so.
    pub(super) fn new(encoding: Encoding, text: &[u8]) -> Option<Self> {
        let mut view = Self::default();
        match encoding {
            Encoding::Percent => view.escapes(text, is_percent, percent),
            Encoding::Escapes => view.escapes(text, |byte| byte == b'\\', escape),
            Encoding::Entities => view.escapes(text, |byte| byte == b'&', entity),
            Encoding::QuotedPrintable => view.escapes(text, |byte| byte == b'=', quoted_printable),
            Encoding::Shown => view.escapes(text, is_control, control),
            Encoding::Utf16 { big_endian } => view.utf16(text, big_endian),
            Encoding::Base64 { skipped } => view.base64(text, skipped),
            Encoding::Hexadecimal { skipped } => view.hexadecimal(text, skipped),
        }
        (!view.parts.is_empty()).then_some(view)
    }

    /// Returns the places of the parts in [`bytes`](Self::bytes).
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        self.parts.iter().map(|part| part.at.clone())
    }

    /// Returns the stretch of the text that a part of the view comes from.
    pub(super) fn source(&self, place: &Range<usize>) -> Option<Range<usize>> {
        let part = self.part_of(place)?;
        let inner = place.start - part.at.start..place.end - part.at.start;
        Some(match &part.form {
            Form::Steps(steps) | Form::Utf16 { steps, .. } => self.source_of_steps(steps, place),
            Form::Base64 { characters, .. } => {
                let steps = &self.steps[characters.clone()];
                let last = (inner.end - 1) / 3 * 4 + 3;
                position(steps, inner.start / 3 * 4)?..position_or_last(steps, last)? + 1
            }
            Form::Hexadecimal { from, .. } => from + 2 * inner.start..from + 2 * inner.end,
        })
    }

    /// Overwrites a stretch of the view, which has the bytes of `after` once everything in it is overwritten. Returns
    /// the edits of the text below, at the same number of bytes.
    pub(super) fn lower(&self, name: &str, place: &Range<usize>, after: &[u8]) -> Vec<Edit> {
        let Some(part) = self.part_of(place) else {
            return Vec::new();
        };
        let inner = place.start - part.at.start..place.end - part.at.start;
        match &part.form {
            Form::Steps(steps) => self.lower_steps(name, steps, place, after),
            Form::Utf16 { steps, big_endian } => {
                let source = self.source_of_steps(steps, place);
                let new = filler(name, source.len() / 2).into_iter();
                let unit = |byte| if *big_endian { [0, byte] } else { [byte, 0] };
                vec![(source.start, new.flat_map(unit).collect())]
            }
            Form::Base64 { characters, url } => {
                let steps = &self.steps[characters.clone()];
                lower_base64(steps, *url, &inner, &after[part.at.clone()])
            }
            Form::Hexadecimal { from, upper } => {
                let digits = hexadecimal_of(&after[place.clone()], *upper);
                vec![(from + 2 * inner.start, digits)]
            }
        }
    }

    /// Overwrites single characters; bytes between them that stand for nothing, as the end of a line that goes on,
    /// stay.
    fn lower_steps(
        &self,
        name: &str,
        steps: &Range<usize>,
        place: &Range<usize>,
        after: &[u8],
    ) -> Vec<Edit> {
        let steps = &self.steps[steps.clone()];
        let first = steps
            .partition_point(|step| step.at <= place.start)
            .saturating_sub(1);
        let touched = steps[first..].iter().take_while(|step| step.at < place.end);
        let ends = steps[first + 1..]
            .iter()
            .map(|step| step.at)
            .chain([usize::MAX]);
        let sources: Vec<Range<usize>> = touched
            .zip(ends)
            .map(|(step, next)| {
                let inner = place.start.max(step.at)..place.end.min(next);
                match step.width {
                    0 => step.from..step.to,
                    width => {
                        let place = |at: usize| step.from + (at - step.at) * width;
                        place(inner.start)..place(inner.end)
                    }
                }
            })
            .collect();
        let width = sources.iter().map(ExactSizeIterator::len).sum();
        let new = if width == place.len() {
            after[place.clone()].to_vec()
        } else {
            filler(name, width)
        };
        let mut rest = &new[..];
        let mut edits: Vec<Edit> = Vec::new();
        for source in sources {
            let (now, later) = rest.split_at(source.len());
            rest = later;
            match edits
                .last_mut()
                .filter(|(at, bytes)| at + bytes.len() == source.start)
            {
                Some((_, bytes)) => bytes.extend_from_slice(now),
                None => edits.push((source.start, now.to_vec())),
            }
        }
        edits
    }

    fn part_of(&self, place: &Range<usize>) -> Option<&Part> {
        let next = self
            .parts
            .partition_point(|part| part.at.start <= place.start);
        let part = self.parts.get(next.checked_sub(1)?)?;
        (!place.is_empty() && place.end <= part.at.end).then_some(part)
    }

    fn source_of_steps(&self, steps: &Range<usize>, place: &Range<usize>) -> Range<usize> {
        let steps = &self.steps[steps.clone()];
        let step = |at: usize| {
            let next = steps.partition_point(|step| step.at <= at);
            steps[next.saturating_sub(1)]
        };
        let (first, last) = (step(place.start), step(place.end - 1));
        let start = first.from + (place.start - first.at) * first.width;
        let end = match last.width {
            0 => last.to,
            width => last.from + (place.end - last.at) * width,
        };
        start..end
    }

    /// Decodes a text of single characters that may be encoded, as one part; does nothing if none is encoded.
    fn escapes(
        &mut self,
        text: &[u8],
        begins: impl Fn(u8) -> bool,
        decode: impl Fn(&[u8], &mut Vec<u8>) -> usize,
    ) {
        let mut found = false;
        let (mut from, mut position) = (0, 0);
        while let Some(next) = text[position..].iter().position(|byte| begins(*byte)) {
            let start = position + next;
            let at = self.bytes.len() + (start - from);
            let mut decoded = Vec::new();
            let taken = decode(&text[start..], &mut decoded);
            if taken == 0 {
                position = start + 1;
                continue;
            }
            found = true;
            self.verbatim(text, from..start);
            debug_assert_eq!(at, self.bytes.len(), "what is before it stands before it");
            self.escape(&decoded, start..start + taken);
            from = start + taken;
            position = from;
        }
        if !found {
            self.steps.clear();
            self.bytes.clear();
            return;
        }
        self.verbatim(text, from..text.len());
        if !self.bytes.is_empty() {
            self.parts.push(Part {
                at: 0..self.bytes.len(),
                form: Form::Steps(0..self.steps.len()),
            });
        }
    }

    fn verbatim(&mut self, text: &[u8], place: Range<usize>) {
        if place.is_empty() {
            return;
        }
        self.steps.push(Step {
            at: self.bytes.len(),
            from: place.start,
            to: place.end,
            width: 1,
        });
        self.bytes.extend_from_slice(&text[place]);
    }

    /// Adds an encoded character; those in a row that are written alike share a step.
    fn escape(&mut self, decoded: &[u8], place: Range<usize>) {
        if decoded.is_empty() {
            return;
        }
        let width = if decoded.len() == 1 { place.len() } else { 0 };
        let at = self.bytes.len();
        self.bytes.extend_from_slice(decoded);
        if let Some(last) = self.steps.last_mut()
            && width > 1
            && (last.width, last.to) == (width, place.start)
        {
            last.to = place.end;
            return;
        }
        self.steps.push(Step {
            at,
            from: place.start,
            to: place.end,
            width,
        });
    }

    fn begin_part(&mut self) -> usize {
        if !self.parts.is_empty() {
            self.bytes.push(SEPARATOR);
        }
        self.bytes.len()
    }

    fn utf16(&mut self, text: &[u8], big_endian: bool) {
        let zero = usize::from(!big_endian);
        let mut position = 0;
        while let Some(next) = memchr::memchr(0, &text[position..]) {
            let unit = (position + next)
                .checked_sub(zero)
                .filter(|unit| *unit >= position);
            let end = unit.map_or(0, |unit| self.utf16_run(text, unit, big_endian));
            position = end.max(position + next + 1);
        }
    }

    /// Decodes the characters from here on, as far as they read as a text; returns where they end.
    fn utf16_run(&mut self, text: &[u8], from: usize, big_endian: bool) -> usize {
        let unit = |at: usize| {
            let pair = *text.get(at..at + 2)?.first_chunk()?;
            Some(if big_endian {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            })
        };
        let mut end = from;
        let mut characters = Vec::new();
        while let Some(first) = unit(end) {
            let second = unit(end + 2).unwrap_or_default();
            let decoded = char::decode_utf16([first, second]).next();
            let Some(Ok(character)) =
                decoded.filter(|found| found.as_ref().is_ok_and(|found| is_text(*found)))
            else {
                break;
            };
            characters.push((end, character));
            end += 2 * character.len_utf16();
        }
        if characters.len() < FEWEST_UTF16 {
            return from;
        }
        let at = self.begin_part();
        let first = self.steps.len();
        for (place, character) in characters {
            let mut buffer = [0; 4];
            let encoded = character.encode_utf8(&mut buffer);
            let length = 2 * character.len_utf16();
            self.escape(encoded.as_bytes(), place..place + length);
        }
        self.parts.push(Part {
            at: at..self.bytes.len(),
            form: Form::Utf16 {
                steps: first..self.steps.len(),
                big_endian,
            },
        });
        end
    }

    fn base64(&mut self, text: &[u8], skipped: usize) {
        let mut position = 0;
        while let Some(run) = next_run(text, position, |byte| sextet(byte).is_some()) {
            position = run.end;
            let first = self.steps.len();
            let (characters, url) = self.base64_characters(text, &mut position, run);
            if characters < SHORTEST_BASE64
                || !self.base64_part(text, first, characters, url, skipped)
            {
                self.steps.truncate(first);
            }
        }
    }

    /// Collects the characters of a run, which may go on behind line ends. Returns the number of them, and true if they
    /// are of base64url.
    fn base64_characters(
        &mut self,
        text: &[u8],
        position: &mut usize,
        mut run: Range<usize>,
    ) -> (usize, bool) {
        let (mut characters, mut url) = (0, false);
        loop {
            self.steps.push(Step {
                at: characters,
                from: run.start,
                to: run.end,
                width: 1,
            });
            characters += run.len();
            url |= text[run.clone()]
                .iter()
                .any(|byte| matches!(byte, b'-' | b'_'));
            *position = run.end;
            // RFC 2045 §6.8: encoded lines are of 76 characters at most, RFC 7468 §2: of 64; the last one may be shorter.
            let line_end = match text.get(run.end..) {
                Some([b'\r', b'\n', ..]) => 2,
                Some([b'\n', ..]) => 1,
                _ => return (characters, url),
            };
            let next = run.end + line_end;
            let is_full = run.len() >= 16 && run.len().is_multiple_of(4);
            match next_run(text, next, |byte| sextet(byte).is_some()) {
                Some(more) if is_full && more.start == next => run = more,
                _ => return (characters, url),
            }
        }
    }

    fn base64_part(
        &mut self,
        text: &[u8],
        first: usize,
        characters: usize,
        url: bool,
        skipped: usize,
    ) -> bool {
        let at = self.begin_part();
        let steps = first..self.steps.len();
        let mut group = 0_u32;
        let mut count = 0;
        for step in &self.steps[steps.clone()] {
            let skip = skipped.saturating_sub(step.at).min(step.to - step.from);
            for byte in &text[step.from + skip..step.to] {
                group = group << 6 | u32::from(sextet(*byte).unwrap_or_default());
                count += 1;
                if count % 4 == 0 {
                    self.bytes.extend_from_slice(&group.to_be_bytes()[1..]);
                    group = 0;
                }
            }
        }
        // RFC 4648 §4: two characters make a byte and four bits that count for nothing, three make two and two.
        match count % 4 {
            2 => self
                .bytes
                .extend_from_slice(&(group >> 4).to_be_bytes()[3..]),
            3 => self
                .bytes
                .extend_from_slice(&(group >> 2).to_be_bytes()[2..]),
            _ => {}
        }
        if self.bytes.len() == at || characters <= skipped {
            self.bytes
                .truncate(at - usize::from(!self.parts.is_empty()));
            return false;
        }
        skip_characters(&mut self.steps[steps.clone()], skipped);
        self.parts.push(Part {
            at: at..self.bytes.len(),
            form: Form::Base64 {
                characters: steps,
                url,
            },
        });
        true
    }

    fn hexadecimal(&mut self, text: &[u8], skipped: usize) {
        let mut position = 0;
        while let Some(run) = next_run(text, position, |byte| byte.is_ascii_hexdigit()) {
            position = run.end;
            let from = run.start + skipped;
            if run.len() < SHORTEST_HEXADECIMAL + skipped {
                continue;
            }
            let at = self.begin_part();
            let digits = &text[from..run.end];
            let pairs = digits.chunks_exact(2);
            self.bytes
                .extend(pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
            self.parts.push(Part {
                at: at..self.bytes.len(),
                form: Form::Hexadecimal {
                    from,
                    upper: digits.iter().any(u8::is_ascii_uppercase),
                },
            });
        }
    }
}

/// Encodes anew the groups of four characters that a decoded stretch touches.
fn lower_base64(steps: &[Step], url: bool, inner: &Range<usize>, after: &[u8]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for group in inner.start / 3..inner.end.div_ceil(3) {
        let bytes = &after[3 * group..after.len().min(3 * group + 3)];
        for (index, character) in base64_of(bytes, url).into_iter().enumerate() {
            let Some(place) = position(steps, 4 * group + index) else {
                continue;
            };
            match edits.last_mut().filter(|(at, new)| at + new.len() == place) {
                Some((_, new)) => new.push(character),
                None => edits.push((place, vec![character])),
            }
        }
    }
    edits
}

/// Takes the first characters away from steps that count characters.
fn skip_characters(steps: &mut [Step], skipped: usize) {
    for step in steps {
        let skip = skipped.saturating_sub(step.at).min(step.to - step.from);
        step.from += skip;
        step.at = step.at.saturating_sub(skipped);
    }
}

/// Returns the place in the text of the character of this number.
fn position(steps: &[Step], character: usize) -> Option<usize> {
    let next = steps.partition_point(|step| step.at <= character);
    let step = steps.get(next.checked_sub(1)?)?;
    let place = step.from + (character - step.at);
    (place < step.to).then_some(place)
}

/// Returns the same, or the place of the last character.
fn position_or_last(steps: &[Step], character: usize) -> Option<usize> {
    position(steps, character).or_else(|| steps.last().map(|step| step.to - 1))
}

/// Returns the next stretch of bytes of a kind.
fn next_run(text: &[u8], from: usize, is_of_kind: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let start = from
        + text
            .get(from..)?
            .iter()
            .position(|byte| is_of_kind(*byte))?;
    let rest = &text[start..];
    let length = rest.iter().position(|byte| !is_of_kind(*byte));
    Some(start..start + length.unwrap_or(rest.len()))
}

const fn is_percent(byte: u8) -> bool {
    matches!(byte, b'%' | b'+')
}

fn percent(text: &[u8], decoded: &mut Vec<u8>) -> usize {
    match text {
        [b'+', ..] => {
            decoded.push(b' ');
            1
        }
        [b'%', b'u' | b'U', digits @ ..] => from_digits(digits, 4, decoded).map_or(0, |()| 6),
        [b'%', high, low, ..] => pair(*high, *low, decoded).map_or(0, |()| 3),
        _ => 0,
    }
}

fn escape(text: &[u8], decoded: &mut Vec<u8>) -> usize {
    let simple = |byte: u8| match byte {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'b' => Some(8),
        b'f' => Some(12),
        b'"' | b'\'' | b'\\' | b'/' => Some(byte),
        _ => None,
    };
    match text {
        [_, b'u', digits @ ..] => unicode_escape(digits, decoded),
        [_, b'x', high, low, ..] => pair(*high, *low, decoded).map_or(0, |()| 4),
        [_, byte, ..] => simple(*byte).map_or(0, |byte| {
            decoded.push(byte);
            2
        }),
        _ => 0,
    }
}

/// Decodes a unicode escape; a character outside of the basic plane takes two (RFC 8259 §7).
fn unicode_escape(digits: &[u8], decoded: &mut Vec<u8>) -> usize {
    let Some(first) = number(digits, 4) else {
        return 0;
    };
    let second = match digits.get(4..) {
        Some([b'\\', b'u', more @ ..]) => number(more, 4),
        _ => None,
    };
    let units = [first, second.unwrap_or_default()].map(|unit| (unit & 0xffff) as u16);
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => {
            let mut buffer = [0; 4];
            decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            6 * character.len_utf16()
        }
        _ => 0,
    }
}

fn entity(text: &[u8], decoded: &mut Vec<u8>) -> usize {
    const NAMES: [(&[u8], u8); 6] = [
        (b"&amp;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&sol;", b'/'),
    ];
    if let Some((name, byte)) = NAMES.iter().find(|(name, _)| text.starts_with(name)) {
        decoded.push(*byte);
        return name.len();
    }
    let (prefix, radix) = match text {
        [b'&', b'#', b'x' | b'X', ..] => (3, 16),
        [b'&', b'#', ..] => (2, 10),
        _ => return 0,
    };
    let digits = &text[prefix..text.len().min(prefix + 9)];
    let length = digits.iter().position(|byte| !byte.is_ascii_alphanumeric());
    let length = length.unwrap_or(digits.len());
    let number = std::str::from_utf8(&digits[..length]).ok();
    let number = number.and_then(|digits| u32::from_str_radix(digits, radix).ok());
    let Some(character) = number.and_then(char::from_u32) else {
        return 0;
    };
    let mut buffer = [0; 4];
    decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    prefix + length + usize::from(digits.get(length) == Some(&b';'))
}

fn quoted_printable(text: &[u8], decoded: &mut Vec<u8>) -> usize {
    match text {
        [_, b'\r', b'\n', ..] => 3,
        [_, b'\n', ..] => 2,
        [_, high, low, ..] => pair(*high, *low, decoded).map_or(0, |()| 3),
        _ => 0,
    }
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' && byte != b'\n' || byte == 0x7f
}

/// Returns the length of a control sequence, which ends with a byte from `@` on, or of any other control character,
/// which stands alone (ECMA-48 §5.4).
fn control(text: &[u8], _: &mut Vec<u8>) -> usize {
    match text {
        [0x1b, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| matches!(byte, 0x40..=0x7e));
            end.map_or(1, |end| end + 3)
        }
        _ => 1,
    }
}

fn pair(high: u8, low: u8, decoded: &mut Vec<u8>) -> Option<()> {
    let is_pair = high.is_ascii_hexdigit() && low.is_ascii_hexdigit();
    is_pair.then(|| decoded.push(digit(high) << 4 | digit(low)))
}

/// Decodes the character whose number is written in this many digits.
fn from_digits(digits: &[u8], count: usize, decoded: &mut Vec<u8>) -> Option<()> {
    let character = char::from_u32(number(digits, count)?)?;
    let mut buffer = [0; 4];
    decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    Some(())
}

fn number(digits: &[u8], count: usize) -> Option<u32> {
    let digits = digits.get(..count)?;
    let is_number = digits.iter().all(u8::is_ascii_hexdigit);
    let add = |sum: u32, byte: &u8| sum << 4 | u32::from(digit(*byte));
    is_number.then(|| digits.iter().fold(0, add))
}

/// Returns the value of a hexadecimal digit; 0 if it is not one.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 0,
    }
}

/// Returns the value of a character of either base64 alphabet (RFC 4648 §4 and §5).
const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Encodes up to three bytes in two to four characters.
fn base64_of(bytes: &[u8], url: bool) -> Vec<u8> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let at = |index: usize| u32::from(bytes.get(index).copied().unwrap_or_default());
    let group = at(0) << 16 | at(1) << 8 | at(2);
    let character = |index: usize| match (group >> (18 - 6 * index) & 63) as usize {
        letter @ 0..62 => LETTERS[letter],
        62 if url => b'-',
        62 => b'+',
        _ if url => b'_',
        _ => b'/',
    };
    (0..=bytes.len()).map(character).collect()
}

fn hexadecimal_of(bytes: &[u8], upper: bool) -> Vec<u8> {
    let digit = |value: u8| {
        let digit = char::from_digit(u32::from(value), 16).unwrap_or('0');
        if upper {
            digit.to_ascii_uppercase() as u8
        } else {
            digit as u8
        }
    };
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// Returns true if a character can be part of a text that people write.
fn is_text(character: char) -> bool {
    !character.is_control() || matches!(character, '\t' | '\r' | '\n')
}
