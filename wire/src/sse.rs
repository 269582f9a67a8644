//! Reads server-sent events as the WHATWG HTML standard says (section 9.2.6, "Interpreting an event stream").
//!
//! Lines end with LF, CR LF or CR, in any mix; a stream may never end, or end in the middle. So the [`Parser`] takes
//! pieces and hands back each [`Event`] as soon as the empty line after it is known. A block of comments alone
//! dispatches nothing in a browser, but it is on the wire (servers send one to keep a connection open), so it is handed
//! back too.
//!
//! ```
//! use wirestream::sse::Parser;
//!
//! let mut parser = Parser::default();
//! let events = parser.push(b"event: tick\ndata: 1\ndata: 2\n\n");
//! assert_eq!(events[0].event, Some("tick".into()));
//! assert_eq!(events[0].data.as_deref(), Some("1\n2"));
//! ```

use super::fingerprint::Fingerprint;

/// The longest event (all its lines) that is kept, in bytes; the rest of a longer one is only counted and hashed.
pub const EVENT_LIMIT: usize = 1 << 20;

/// One block of lines up to an empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The event's type, if a field gives one.
    pub event: Option<String>,
    /// The data lines, joined with LF; `None` if there are none, in which case a browser dispatches nothing.
    pub data: Option<String>,
    /// The value of an `id` field in this block.
    pub id: Option<String>,
    /// The reconnection time in milliseconds, if this block sets it.
    pub retry: Option<u64>,
    /// The comments, without their colon.
    pub comments: Vec<String>,
    /// The block as it was in the stream, its empty line included.
    pub raw: Vec<u8>,
    /// The bytes behind `raw`, if the block is too long to be kept.
    pub left_out: Fingerprint,
    /// True if the stream ended before the empty line: a browser discards such an event.
    pub incomplete: bool,
}

/// Reads one event stream.
#[derive(Debug, Default)]
pub struct Parser {
    block: Event,
    line: Vec<u8>,
    /// The length of the line, including the bytes that were cut from it.
    line_length: usize,
    /// True if the last byte was a CR that ended a line: an LF after it belongs to it.
    after_carriage_return: bool,
    /// True if the first bytes were checked for a byte order mark.
    started: bool,
    /// An event that is over, but whose CR may still get its LF.
    held: Option<Event>,
}

impl Parser {
    /// Takes bytes of the stream; returns the events that they complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            bytes = self.take_line_feed(bytes, &mut events);
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.keep(piece);
            bytes = rest;
            if let Some((ending, rest)) = rest.split_first() {
                self.end_line(*ending, &mut events);
                bytes = rest;
            }
        }
        events
    }

    /// Returns true if an event has begun that is not handed out yet.
    #[must_use]
    pub fn in_event(&self) -> bool {
        self.held.is_some() || !self.block.raw.is_empty()
    }

    /// Returns the number of bytes held.
    #[must_use]
    pub fn memory(&self) -> usize {
        let data = self.block.data.as_ref().map_or(0, String::len);
        let comments = self.block.comments.len() * size_of::<String>();
        self.block.raw.len() + self.line.capacity() + 2 * data + comments
    }

    /// Returns the number of bytes of the event that is not handed out yet.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        let held = self.held.as_ref().map_or(0, Event::length);
        held + self.block.length()
    }

    /// Takes the end of the stream; an event that a browser would discard is handed back as incomplete.
    pub fn finish(&mut self) -> Option<Event> {
        if let Some(event) = self.held.take() {
            return Some(event);
        }
        if self.block.raw.is_empty() {
            return None;
        }
        self.read_line();
        let mut event = std::mem::take(&mut self.block);
        event.incomplete = true;
        Some(event)
    }

    /// Takes the LF of a CR LF that was split, or was kept apart because a lone CR ends a line too.
    fn take_line_feed<'a>(&mut self, bytes: &'a [u8], events: &mut Vec<Event>) -> &'a [u8] {
        let split = std::mem::take(&mut self.after_carriage_return);
        let rest = bytes.strip_prefix(b"\n").filter(|_| split);
        if rest.is_some() {
            self.held.as_mut().unwrap_or(&mut self.block).keep(b"\n");
        }
        events.extend(self.held.take());
        rest.unwrap_or(bytes)
    }

    fn keep(&mut self, piece: &[u8]) {
        self.line_length = self.line_length.saturating_add(piece.len());
        let kept = self.block.keep(piece);
        self.line.extend_from_slice(kept);
    }

    fn end_line(&mut self, ending: u8, events: &mut Vec<Event>) {
        self.block.keep(&[ending]);
        let empty = std::mem::take(&mut self.line_length) == 0;
        self.read_line();
        self.after_carriage_return = ending == b'\r';
        if !empty {
            return;
        }
        let event = std::mem::take(&mut self.block);
        if ending == b'\r' {
            self.held = Some(event);
        } else {
            events.push(event);
        }
    }

    fn read_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.started, true) {
            // One leading U+FEFF is ignored.
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if !text.is_empty() {
            self.block.read_field(text);
        }
        self.line = line;
        self.line.clear();
    }
}

impl Event {
    /// Returns how many bytes the block has in the stream.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.raw.len() as u64 + self.left_out.length()
    }

    /// Takes the next bytes of the block; returns what is kept of them.
    fn keep<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let room = EVENT_LIMIT.saturating_sub(self.raw.len());
        let (kept, rest) = piece.split_at(piece.len().min(room));
        self.raw.extend_from_slice(kept);
        self.left_out.push(rest);
        kept
    }

    fn read_field(&mut self, line: &[u8]) {
        let colon = memchr::memchr(b':', line);
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        if colon == Some(0) {
            self.comments.push(text(value));
            return;
        }
        // One space after the colon is not part of the value.
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event = Some(text(value)),
            b"data" => self.add_data(value),
            // An id with a NUL in it is ignored.
            b"id" if !value.contains(&0) => self.id = Some(text(value)),
            b"retry" => self.set_retry(value),
            _ => {}
        }
    }

    fn add_data(&mut self, value: &[u8]) {
        match &mut self.data {
            None => self.data = Some(text(value)),
            Some(data) => {
                data.push('\n');
                data.push_str(&text(value));
            }
        }
    }

    /// Sets the reconnection time from a value of digits only; any other field is ignored.
    fn set_retry(&mut self, value: &[u8]) {
        if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
            self.retry = text(value).parse().ok();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events: Vec<_> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
        events.extend(parser.finish());
        events
    }

    fn data(events: &[Event]) -> Vec<Option<&str>> {
        events.iter().map(|event| event.data.as_deref()).collect()
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let stock = read(&[b"data: YHOO\ndata: +2\ndata: 10\n\n"]);
        assert_eq!(data(&stock), [Some("YHOO\n+2\n10")]);
        let four = read(&[
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        ]);
        assert_eq!(
            data(&four),
            [
                None,
                Some("first event"),
                Some("second event"),
                Some(" third event")
            ]
        );
        assert_eq!(four[0].comments, [" test stream"]);
        assert_eq!(four[1].id.as_deref(), Some("1"));
        assert_eq!(four[2].id.as_deref(), Some(""));
        let empty = read(&[b"data\n\ndata\ndata\n\ndata:"]);
        assert_eq!(data(&empty), [Some(""), Some("\n"), Some("")]);
        assert!(empty[2].incomplete, "a browser discards it");
    }

    #[test]
    fn every_line_ending_ends_a_line() {
        for text in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "data: a\r\n\ndata: b\n\r\n",
        ] {
            assert_eq!(
                data(&read(&[text.as_bytes()])),
                [Some("a"), Some("b")],
                "{text:?}"
            );
        }
    }

    #[test]
    fn fields_follow_the_standard() {
        let events = read(&[
            "\u{feff}data: x\nevent: tick\nretry: 1000\nretry: 1s\nid: a\0b\nother: y\n\n"
                .as_bytes(),
        ]);
        let event = &events[0];
        assert_eq!(
            event.data.as_deref(),
            Some("x"),
            "behind the byte order mark"
        );
        assert_eq!(event.event.as_deref(), Some("tick"));
        assert_eq!(event.retry, Some(1000));
        assert_eq!(event.id, None, "an id with a NUL is ignored");
    }

    #[test]
    fn an_endless_event_is_cut() {
        let mut parser = Parser::default();
        for _ in 0..40 {
            assert_eq!(parser.push(&vec![b'x'; 1 << 16]), []);
        }
        let events = parser.push(b"\n\ndata: y\n\n");
        assert_eq!(events[0].raw.len(), EVENT_LIMIT);
        assert_eq!(events[0].length(), (40 << 16) + 2);
        let rest = (40 << 16) - EVENT_LIMIT;
        let rest = [&vec![b'x'; rest][..], b"\n\n"].concat();
        assert_eq!(events[0].left_out, Fingerprint::of(&rest));
        assert_eq!(events[1].data.as_deref(), Some("y"));
    }

    proptest! {
        #[test]
        fn an_event_that_was_written_is_read(
            lines in prop::collection::vec("[ -9;-~\u{e4}\u{20ac}]{0,12}", 1..4),
            event in prop::option::of("[a-z]{1,8}"),
            retry in prop::option::of(0_u64..100_000),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        ) {
            let mut text = String::new();
            for line in &lines {
                text.extend(["data: ", line, ending]);
            }
            if let Some(event) = &event {
                text.extend(["event: ", event, ending]);
            }
            if let Some(retry) = retry {
                text.extend(["retry: ", &retry.to_string(), ending]);
            }
            text += ending;
            let events = read(&[text.as_bytes()]);
            prop_assert_eq!(events.len(), 1);
            prop_assert_eq!(events[0].data.clone(), Some(lines.join("\n")));
            prop_assert_eq!(&events[0].event, &event);
            prop_assert_eq!(events[0].retry, retry);
            prop_assert_eq!(&events[0].raw, text.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_the_same_however_they_are_cut(
            words in prop::collection::vec(prop_oneof![
                Just("data"), Just(":"), Just(" "), Just("\n"), Just("\r"), Just("\r\n"), Just("id"), Just("\u{fc}"), Just("\u{feff}"),
            ], 0..20),
            size in 1_usize..6,
        ) {
            let bytes = words.concat().into_bytes();
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let events = read(&pieces);
            let raw: Vec<_> = events.iter().flat_map(|event| event.raw.clone()).collect();
            prop_assert_eq!(raw, bytes.clone(), "no byte is lost");
            prop_assert_eq!(events, read(&[&bytes]));
        }
    }
}
