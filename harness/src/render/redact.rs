//! Hides values that change from run to run: once, here, and nowhere else.
//!
//! A snapshot must be the same for two runs of the same meaning, and differ if a byte differs that means something. So
//! a placeholder replaces each volatile value. It has the value's shape and, if the wire fixes one, its width:
//! `HH:MM:SS` for a clock time, `Www, DD Mmm YYYY` for a date, `PORT` for a port. A value without fixed width (a port
//! may have five digits, a browser's version three) gets one placeholder whatever it was, because two machines must
//! give one snapshot. Byte counts are never touched.
//!
//! ```
//! use wiresnap::render::redact;
//!
//! assert_eq!(redact::text(b"Server time: 09:31:35"), b"Server time: HH:MM:SS");
//! assert_eq!(redact::text(b"http://127.0.0.1:8000/"), b"http://127.0.0.1:PORT/");
//! assert_eq!(
//!     redact::field_value(b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),
//!     b"Mozilla/5.0 (PLATFORM; rv:VERSION) Gecko/20100101 Firefox/VERSION",
//! );
//! ```

use std::borrow::Cow;
use std::ops::Range;

use wirestream::edit::{Edit, apply};
use wirestream::http::Head;
use wirestream::message::Message;
use wirestream::websocket::{self, Frame, Opcode};

use super::brands;
use super::safe_text::is_text;
use crate::analysis::clock;
use crate::analysis::difference::{Hidden, Moves, Redaction, Rules, Sort};

/// The placeholder for a port; as wide as the port that the programs listen on by default.
pub const PORT: &str = "PORT";

/// The placeholder for a Sec-WebSocket-Key, of the same length.
pub const KEY: &str = "<a key, 16 random bytes>";

/// The placeholder for a Sec-WebSocket-Accept that belongs to its key, of the same length.
pub const ACCEPT: &str = "<accept, belongs to the key>";

/// Product tokens whose version is the same in every browser, frozen by custom.
const FROZEN_PRODUCTS: [&str; 4] = [
    "Mozilla/5.0",
    "Gecko/20100101",
    "AppleWebKit/537.36",
    "Safari/537.36",
];

/// The built-in rules, in the form in which captures are compared.
pub const RULES: Redaction<'static> = Redaction(&BuiltIn);

/// The rules that apply to any capture.
struct BuiltIn;

impl Rules for BuiltIn {
    fn hide_secrets(&self, _: &mut Message) {}

    fn target(&self, method: &[u8], target: &[u8]) -> Vec<u8> {
        self::target(method, target)
    }

    fn field(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        field_value(name, value)
    }

    fn content(&self, bytes: &[u8], sort: Sort) -> Hidden {
        Shown::of(bytes, sort).after(Hidden::plain(Vec::new()))
    }
}

/// Returns a head's bytes with volatile values hidden. `accept_belongs` says that an accept value was checked and is
/// right; `length` replaces a Content-Length that follows from something hidden.
#[must_use]
pub fn head(head: &Head, accept_belongs: bool, length: Option<&[u8]>) -> Vec<u8> {
    let mut patches = Vec::new();
    if head.is_request() {
        let hidden = target(head.method(), head.target());
        patches.push((head.target_span(), hidden));
    }
    for (name, value) in head.field_spans() {
        let (name, bytes) = (&head.raw[name], &head.raw[value.clone()]);
        patches.push((value, head_value(name, bytes, accept_belongs, length)));
    }
    apply(&head.raw, &patches)
}

/// Returns the value of a field of a head, likewise.
#[must_use]
pub fn head_value(
    name: &[u8],
    value: &[u8],
    accept_belongs: bool,
    length: Option<&[u8]>,
) -> Vec<u8> {
    if accept_belongs && name.eq_ignore_ascii_case(b"sec-websocket-accept") {
        return ACCEPT.as_bytes().to_vec();
    }
    if let Some(length) = length
        && name.eq_ignore_ascii_case(b"content-length")
    {
        return length.to_vec();
    }
    field_value(name, value)
}

/// Content as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The bytes, with volatile values hidden.
    pub bytes: Cow<'a, [u8]>,
    /// The places in the content where something is hidden, each with its replacement.
    patches: Vec<Edit>,
}

impl<'a> Shown<'a> {
    /// Creates it from content as it is.
    #[must_use]
    pub const fn plain(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            patches: Vec::new(),
        }
    }

    /// Creates it from text, with volatile values hidden.
    #[must_use]
    pub fn text(bytes: &'a [u8]) -> Self {
        Self::patched(bytes, patches(bytes))
    }

    fn patched(bytes: &'a [u8], patches: Vec<Edit>) -> Self {
        if patches.is_empty() {
            return Self::plain(bytes);
        }
        Self {
            bytes: Cow::Owned(apply(bytes, &patches)),
            patches,
        }
    }

    /// Creates it from a body, or a turn, which may be text or not. In bytes that are not text, nothing is taken for a
    /// time.
    #[must_use]
    pub fn content(bytes: &'a [u8]) -> Self {
        if is_text(bytes) {
            Self::text(bytes)
        } else {
            Self::plain(bytes)
        }
    }

    /// Creates it from the payload of a frame of a message of that type.
    #[must_use]
    pub fn payload(bytes: &'a [u8], opcode: Opcode) -> Self {
        match opcode {
            Opcode::TEXT | Opcode::CLOSE => Self::text(bytes),
            Opcode::BINARY => Self::plain(bytes),
            _ => Self::content(bytes),
        }
    }

    /// Creates it from the payload of a frame. In a message in several frames, a volatile value may begin in one and
    /// end in the next.
    #[must_use]
    pub fn frame(frame: &'a Frame) -> Self {
        let Some(fragment) = &frame.fragment else {
            return Self::payload(&frame.payload, frame.message_opcode);
        };
        let patches = fragment.shown(|whole| Shown::payload(whole, frame.message_opcode).patches);
        Self::patched(&frame.payload, patches)
    }

    /// Creates it from content of that sort.
    #[must_use]
    pub fn of(bytes: &'a [u8], sort: Sort) -> Self {
        match sort {
            Sort::Text => Self::text(bytes),
            Sort::Content => Self::content(bytes),
            Sort::Payload(opcode) => Self::payload(bytes, opcode),
        }
    }

    /// Converts it for comparisons, after other rules.
    #[must_use]
    pub fn after(self, before: Hidden) -> Hidden {
        let moves = self.moves();
        before.then(self.bytes.into_owned(), moves)
    }

    /// Returns true if anything in it is hidden.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        !self.patches.is_empty()
    }

    /// Returns the new places of places in the content.
    #[must_use]
    pub fn moves(&self) -> Moves {
        let patches = self.patches.iter();
        Moves::new(patches.map(|(place, value)| (place.clone(), value.len())))
    }
}

/// Returns a request's target with volatile values hidden.
#[must_use]
pub fn target(method: &[u8], target: &[u8]) -> Vec<u8> {
    match method {
        b"CONNECT" => authority(target),
        _ => text(target),
    }
}

/// Returns a field's value with volatile values hidden. An accept value is not hidden here: that takes its key.
#[must_use]
pub fn field_value(name: &[u8], value: &[u8]) -> Vec<u8> {
    match name.to_ascii_lowercase().as_slice() {
        b"host" => authority(value),
        b"user-agent" => user_agent(value),
        b"sec-websocket-key" if websocket::is_key(value) => KEY.as_bytes().to_vec(),
        b"sec-websocket-accept" | b"sec-websocket-key" => value.to_vec(),
        b"sec-ch-ua" | b"sec-ch-ua-full-version-list" => brands::hidden(value),
        b"sec-ch-ua-platform" | b"sec-ch-ua-platform-version" => b"\"PLATFORM\"".to_vec(),
        _ => text(value),
    }
}

/// Returns `host:port` with the port hidden.
#[must_use]
pub fn authority(value: &[u8]) -> Vec<u8> {
    let digits = value
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let host = value.len() - digits;
    if digits == 0 || digits > 5 || host == 0 || value[host - 1] != b':' {
        return value.to_vec();
    }
    [&value[..host], PORT.as_bytes()].concat()
}

/// Returns any text with dates, clock times and the ports of URLs hidden.
#[must_use]
pub fn text(bytes: &[u8]) -> Vec<u8> {
    Shown::text(bytes).bytes.into_owned()
}

/// Returns the places in a text where something is hidden, each with its replacement.
fn patches(bytes: &[u8]) -> Vec<Edit> {
    let mut patches = Vec::new();
    let mut position = 0;
    while position < bytes.len() {
        if let Some((length, value)) = hidden_at(bytes, position) {
            patches.push((position..position + length, value));
            position += length;
        } else {
            position += 1;
        }
    }
    patches
}

/// Returns the places at which [`text`] hides something, each with a word for it.
#[must_use]
pub fn places(bytes: &[u8]) -> Vec<(Range<usize>, &'static str)> {
    let patches = patches(bytes).into_iter();
    let place = |(place, value): Edit| {
        let what = match value.first() {
            Some(b'H') => "clock time",
            Some(b':') => "port",
            _ => "date",
        };
        (place, what)
    };
    patches.map(place).collect()
}

/// Returns the places at which [`field_value`] hides something, each with a word for it.
#[must_use]
pub fn field_places(name: &[u8], value: &[u8]) -> Vec<(Range<usize>, &'static str)> {
    let what = match name.to_ascii_lowercase().as_slice() {
        b"host" => "port",
        b"sec-websocket-key" => "WebSocket key",
        b"user-agent" | b"sec-ch-ua" | b"sec-ch-ua-full-version-list" => "version",
        b"sec-ch-ua-platform" | b"sec-ch-ua-platform-version" => "platform",
        b"sec-websocket-accept" => return Vec::new(),
        _ => return places(value),
    };
    if field_value(name, value) == value {
        return Vec::new();
    }
    vec![(0..value.len(), what)]
}

/// Returns the length of the volatile value at this place, and its replacement.
fn hidden_at(bytes: &[u8], position: usize) -> Option<(usize, Vec<u8>)> {
    let rest = &bytes[position..];
    match rest[0] {
        b'0'..=b'9' if !follows_number(bytes, position) => {
            clock_time(bytes, position).or_else(|| iso_date(rest))
        }
        b'A'..=b'Z' => http_date(rest),
        b':' => url_port(rest),
        _ => None,
    }
}

/// Returns true if a digit or a colon comes before: then it is a part of something longer.
fn follows_number(bytes: &[u8], position: usize) -> bool {
    let before = position.checked_sub(1).map(|before| bytes[before]);
    before.is_some_and(|byte| byte.is_ascii_digit() || byte == b':')
}

/// Returns true if bytes have the shape: `0` for a digit, `A` and `a` for letters, anything else for itself.
fn has_shape(bytes: &[u8], shape: &[u8]) -> bool {
    bytes.len() >= shape.len()
        && bytes.iter().zip(shape).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            other => byte == other,
        })
}

/// Matches `09:31:35`, and the fraction of a second after it.
fn clock_time(bytes: &[u8], position: usize) -> Option<(usize, Vec<u8>)> {
    if !clock::is_at(bytes, position) {
        return None;
    }
    let mut value = b"HH:MM:SS".to_vec();
    let rest = &bytes[position + clock::CLOCK_BYTES..];
    let fraction = rest.strip_prefix(b".").unwrap_or_default();
    let digits = fraction
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits > 0 {
        value.push(b'.');
        value.extend(std::iter::repeat_n(b'f', digits));
    }
    Some((value.len(), value))
}

/// Matches `2021-06-06`.
fn iso_date(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    const SHAPE: &[u8] = b"0000-00-00";
    let next = rest.get(SHAPE.len()).copied().unwrap_or(b' ');
    let in_range =
        || rest[5] < b'2' && rest[8] < b'4' && matches!(&rest[..2], b"19" | b"20" | b"21");
    let fits = has_shape(rest, SHAPE) && in_range() && !next.is_ascii_digit() && next != b'-';
    fits.then(|| (SHAPE.len(), b"YYYY-MM-DD".to_vec()))
}

/// Matches `Sun, 06 Jun 2021` (RFC 9110 §5.6.7); the clock time behind it is found separately.
fn http_date(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    const SHAPE: &[u8] = b"Aaa, 00 Aaa 0000";
    has_shape(rest, SHAPE).then(|| (SHAPE.len(), b"Www, DD Mmm YYYY".to_vec()))
}

/// Matches the port in `://host:port`; called at the colon of the scheme.
fn url_port(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    let after = rest.strip_prefix(b"://")?;
    let end = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-._~%:[]@".contains(byte));
    let length = after.iter().position(end).unwrap_or(after.len());
    let hidden = authority(&after[..length]);
    (hidden != after[..length]).then(|| (3 + length, [b"://", hidden.as_slice()].concat()))
}

/// Hides versions in products and in comments (RFC 9110 §10.1.5). The first comment names the platform: only its `rv:`,
/// which browsers share, is kept.
fn user_agent(value: &[u8]) -> Vec<u8> {
    let value = String::from_utf8_lossy(value);
    let Some((before, rest)) = value.split_once('(') else {
        return hide_products(&value).into_bytes();
    };
    let Some((comment, after)) = rest.split_once(')') else {
        return hide_products(&value).into_bytes();
    };
    let comment = if comment.contains("rv:") {
        "PLATFORM; rv:VERSION"
    } else {
        "PLATFORM"
    };
    let (before, after) = (hide_products(before), hide_products(after));
    format!("{before}({comment}){after}").into_bytes()
}

fn hide_products(products: &str) -> String {
    let hidden = products
        .split(' ')
        .map(|product| match product.split_once('/') {
            Some((name, version))
                if !FROZEN_PRODUCTS.contains(&product)
                    && version.starts_with(|digit: char| digit.is_ascii_digit()) =>
            {
                format!("{name}/VERSION")
            }
            _ => product.to_owned(),
        });
    hidden.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wirestream::http::{Item, Parser, Role};

    fn hidden(bytes: &str) -> String {
        String::from_utf8(text(bytes.as_bytes())).unwrap()
    }

    fn value(name: &str, bytes: &str) -> String {
        String::from_utf8(field_value(name.as_bytes(), bytes.as_bytes())).unwrap()
    }

    #[test]
    fn dates_and_times_are_hidden_at_their_width() {
        for (shown, expected) in [
            (
                "Sun, 06 Jun 2021 09:36:17 GMT",
                "Www, DD Mmm YYYY HH:MM:SS GMT",
            ),
            ("{\"price\":\"09:39:28\"}\n", "{\"price\":\"HH:MM:SS\"}\n"),
            ("2021-06-06T09:36:17.123Z", "YYYY-MM-DDTHH:MM:SS.fffZ"),
            ("09:31:35\n\n", "HH:MM:SS\n\n"),
        ] {
            assert_eq!(hidden(shown), expected);
            assert_eq!(shown.len(), expected.len());
        }
    }

    #[test]
    fn what_only_looks_like_a_time_stays() {
        for text in [
            "00:1a:2b:00:00:00:01",
            "109:31:35",
            "09:31:355",
            "09:31",
            "25:00:00",
            "09:71:00",
            "12021-06-06",
            "1.2.3",
            "::1",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn ports_are_hidden_where_they_are_ports() {
        assert_eq!(value("Host", "127.0.0.1:8000"), "127.0.0.1:PORT");
        assert_eq!(value("host", "[::1]:54321"), "[::1]:PORT");
        assert_eq!(value("Host", "example.org"), "example.org");
        assert_eq!(
            value("Origin", "http://127.0.0.1:8000"),
            "http://127.0.0.1:PORT"
        );
        assert_eq!(value("Referer", "http://h:80/a:80"), "http://h:PORT/a:80");
        assert_eq!(value("Content-Length", "8000"), "8000");
        assert_eq!(value("X", "a:8000"), "a:8000");
    }

    #[test]
    fn browsers_of_any_version_and_platform_look_the_same() {
        let firefox = "Mozilla/5.0 (PLATFORM; rv:VERSION) Gecko/20100101 Firefox/VERSION";
        for agent in [
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:89.0) Gecko/20100101 Firefox/89.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        ] {
            assert_eq!(value("User-Agent", agent), firefox);
        }
        assert_eq!(
            value(
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36"
            ),
            "Mozilla/5.0 (PLATFORM) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/VERSION Safari/537.36"
        );
        assert_eq!(value("User-Agent", "curl/8.5.0"), "curl/VERSION");
        assert_eq!(
            value("sec-ch-ua", "\"Chromium\";v=\"138\", \"Not A\";v=\"8\""),
            "\"Chromium\";v=\"VERSION\", \"Not A\";v=\"VERSION\""
        );
    }

    #[test]
    fn keys_are_hidden_only_where_they_are_keys() {
        let key = "W+pQUnxtfyImglCepUIxdw==";
        assert_eq!(value("Sec-WebSocket-Key", key), KEY);
        assert_eq!(key.len(), KEY.len());
        assert_eq!(value("Sec-WebSocket-Key", "dG9vIHNob3J0"), "dG9vIHNob3J0");
        assert_eq!(ACCEPT.len(), websocket::accept_for(key.as_bytes()).len());
    }

    #[test]
    fn an_accept_is_hidden_only_once_it_was_checked() {
        let raw = b"HTTP/1.1 101 S\r\nDate: Sun, 06 Jun 2021 09:36:17 GMT\r\nSec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\nX:\r\n\r\n";
        let mut parser = Parser::new(Role::Responses);
        let Some(Item::Head(found)) = parser.next(&mut &raw[..], None) else {
            panic!()
        };
        let shown = String::from_utf8(head(&found, true, None)).unwrap();
        assert_eq!(
            shown,
            format!(
                "HTTP/1.1 101 S\r\nDate: Www, DD Mmm YYYY HH:MM:SS GMT\r\nSec-WebSocket-Accept: {ACCEPT}\r\nX:\r\n\r\n"
            )
        );
        assert_eq!(shown.len(), raw.len(), "all of it has a fixed width");
        assert!(
            head(&found, false, None)
                .windows(4)
                .any(|part| part == b"jvz8")
        );
    }

    #[test]
    fn places_are_where_something_is_hidden() {
        let text = b"Sun, 06 Jun 2021 09:36:17 GMT http://h:80/";
        let found: Vec<_> = places(text)
            .into_iter()
            .map(|(place, what)| (String::from_utf8_lossy(&text[place]).into_owned(), what))
            .collect();
        assert_eq!(
            found,
            [
                ("Sun, 06 Jun 2021".to_owned(), "date"),
                ("09:36:17".to_owned(), "clock time"),
                ("://h:80".to_owned(), "port"),
            ]
        );
        assert_eq!(field_places(b"Host", b"h:80"), [(0..4, "port")]);
        assert_eq!(field_places(b"Host", b"h"), []);
    }

    proptest! {
        #[test]
        fn any_clock_time_gives_the_same_text(hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60) {
            prop_assert_eq!(hidden(&format!("<time>{hour:02}:{minute:02}:{second:02}</time>")), "<time>HH:MM:SS</time>");
        }

        #[test]
        fn what_is_hidden_stays_hidden(bytes in prop::collection::vec(any::<u8>(), 0..80), words in prop::collection::vec(
            prop_oneof![Just("09:31:35"), Just("://h:80"), Just("2021-06-06"), Just(":"), Just("1"), Just(" ")], 0..6)) {
            let bytes = [&bytes[..], words.concat().as_bytes()].concat();
            let once = text(&bytes);
            prop_assert_eq!(text(&once), once);
        }
    }
}
