//! Searches everything that one side sent: text by text as its protocol has them, and as a whole.
//!
//! A rule is meant for a text: a line of a head, a body, an event, a message. So patterns are matched against those, no
//! matter how chunks, frames and masks divide them on the wire, and against everything between them. The values that
//! they matched are looked for in the stream as a whole too, where no boundary counts.

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use wirestream::http::CHUNK_LINE_LIMIT;
use wirestream::message::Name;
use wirestream::websocket::unmask;

use super::matcher::{Matcher, Scope};
use super::stream::{Copy, Stream};
use super::window::{Found, Origin, Window};

/// The number of bytes that are read from the file at once.
const STEP: usize = 64 << 10;
/// The longest event, in bytes, that is searched as a whole; no browser is known to take longer ones.
const LONGEST_EVENT: usize = 16 << 20;
/// The number of bytes of the stream before and behind bytes that no receiver takes that are read with them.
const CONTEXT: usize = 4 << 10;

/// A message and its place in its side's stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) name: Name,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) kind: Kind,
}

/// The way in which a message is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// An HTTP message.
    Http {
        /// The number of bytes of its head.
        head: u64,
        /// True if the body is in chunks.
        is_chunked: bool,
        /// True if it is compressed, so that its bytes are not text.
        is_coded: bool,
        /// The number of bytes of the body without chunk framing; `None` if they are handed out as events.
        body: Option<u64>,
    },
    /// A WebSocket frame.
    Frame {
        /// The number of bytes of its header.
        header: u64,
        /// The number of bytes of its payload.
        payload: u64,
        mask: [u8; 4],
        place: FramePlace,
        is_compressed: bool,
    },
    /// An event, inside of a body.
    Event,
    /// Bytes of another protocol.
    Raw,
}

/// The part of a message that a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FramePlace {
    /// A message of its own among those of others.
    Control,
    /// The first of its message, and maybe the last.
    First { is_last: bool },
    /// Another one.
    Next { is_last: bool },
}

/// The reason why a message's text cannot be told from the bytes around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Its chunks are read in two ways.
    Chunks,
    /// An event is too long to be searched as a whole.
    Event,
}

/// The place in a stream where a secret was found first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Nowhere yet.
    Nowhere,
    /// In this message.
    In(Name),
    /// Between messages, or across them.
    Elsewhere,
}

/// A search of a stream, with its findings.
pub(super) struct Scan<'a, 'f> {
    stream: &'a Stream<'f>,
    matcher: &'a Matcher,
    pub(super) found: Found,
    /// The first message with trouble.
    pub(super) trouble: Option<(Name, Trouble)>,
    /// The place where the first secret was found.
    pub(super) first: First,
    /// The bytes of other protocols, one turn after the other.
    raw: Window,
    /// The payloads of the message whose frames are still to come.
    frames: Window,
    /// The payloads of all frames.
    payloads: Window,
}

impl<'a, 'f> Scan<'a, 'f> {
    pub(super) fn new(stream: &'a Stream<'f>, matcher: &'a Matcher) -> Self {
        Self {
            stream,
            matcher,
            found: Found::default(),
            trouble: None,
            first: First::Nowhere,
            raw: Window::new(Scope::All),
            frames: Window::new(Scope::All),
            payloads: Window::new(Scope::Values),
        }
    }

    /// Searches the stream as a whole, its messages, and the bytes between them.
    pub(super) fn all(&mut self, spots: &[Spot]) -> io::Result<()> {
        if self.matcher.has_values() {
            self.text(0..self.stream.end(), Scope::Values)?;
        }
        self.note(None);
        let mut position = 0;
        let mut index = 0;
        while let Some(spot) = spots.get(index) {
            index += 1;
            if spot.offset > position {
                self.raw_bytes(position..spot.offset)?;
            }
            let mut end = spot.offset.saturating_add(spot.length);
            if matches!(spot.kind, Kind::Http { body: None, .. }) {
                let is_event = |other: &&Spot| other.kind == Kind::Event;
                index += spots[index..].iter().take_while(is_event).count();
                end = spots
                    .get(index)
                    .map_or(self.stream.end(), |next| next.offset);
            }
            let end = end.min(self.stream.end());
            let start = spot.offset.max(position).min(end);
            self.spot(spot, start..end)?;
            position = position.max(end);
            self.note(Some(spot.name));
        }
        self.raw_bytes(position..self.stream.end())?;
        self.end_raw();
        self.frames.end(self.matcher, &mut self.found);
        self.payloads.end(self.matcher, &mut self.found);
        self.note(None);
        for stray in self.stream.strays() {
            self.stray(stray)?;
        }
        self.note(None);
        Ok(())
    }

    fn note(&mut self, name: Option<Name>) {
        if self.first == First::Nowhere && !self.found.is_empty() {
            self.first = name.map_or(First::Elsewhere, First::In);
        }
    }

    fn spot(&mut self, spot: &Spot, place: Range<u64>) -> io::Result<()> {
        if spot.kind == Kind::Raw {
            return self.raw_bytes(place);
        }
        self.end_raw();
        match spot.kind {
            Kind::Http {
                head,
                is_chunked,
                is_coded,
                body,
            } => {
                let head_end = (place.start + head).min(place.end);
                self.lines(place.start..head_end, true)?;
                let rest = head_end..place.end;
                match (is_chunked, is_coded, body) {
                    (true, ..) => self.chunks(spot.name, rest, is_coded, body),
                    (false, true, _) => Ok(()),
                    (false, false, Some(_)) => self.text(rest, Scope::All),
                    (false, false, None) => self.events(spot.name, rest),
                }
            }
            Kind::Frame {
                header,
                mask,
                place: in_message,
                is_compressed,
                ..
            } => {
                let payload = (place.start + header).min(place.end)..place.end;
                if is_compressed {
                    return Ok(());
                }
                self.frame(payload, mask, in_message)
            }
            // One that no head announces: its head was before the capture.
            Kind::Event => self.text(place, Scope::All),
            Kind::Raw => Ok(()),
        }
    }

    /// Reads a stretch of the stream step by step.
    fn read(
        &mut self,
        place: Range<u64>,
        mut take: impl FnMut(&mut Self, &[u8], u64),
    ) -> io::Result<()> {
        let mut at = place.start;
        while at < place.end {
            let step = usize::try_from(place.end - at).map_or(STEP, |left| left.min(STEP));
            let bytes = self.stream.read(at, step)?;
            if bytes.is_empty() {
                return Ok(());
            }
            take(self, &bytes, at);
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Searches a text that stands in the stream as it is.
    fn text(&mut self, place: Range<u64>, scope: Scope) -> io::Result<()> {
        let mut window = Window::new(scope);
        self.read(place, |scan, bytes, at| {
            window.push(bytes, Origin::Stream(at), scan.matcher, &mut scan.found);
        })?;
        window.end(self.matcher, &mut self.found);
        Ok(())
    }

    fn raw_bytes(&mut self, place: Range<u64>) -> io::Result<()> {
        self.read(place, |scan, bytes, at| {
            scan.raw
                .push(bytes, Origin::Stream(at), scan.matcher, &mut scan.found);
        })
    }

    fn end_raw(&mut self) {
        self.raw.end(self.matcher, &mut self.found);
    }

    /// Searches lines, each a text of its own with those that continue it.
    fn lines(&mut self, place: Range<u64>, of_head: bool) -> io::Result<()> {
        let mut window = if of_head {
            Window::of_head_lines()
        } else {
            Window::new(Scope::All)
        };
        let mut is_over = false;
        self.read(place, |scan, bytes, at| {
            let mut place = at;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                // RFC 9112 §5.2: white space continues the line before it.
                let goes_on = of_head && matches!(line[0], b' ' | b'\t');
                if is_over && !goes_on {
                    window.end(scan.matcher, &mut scan.found);
                }
                window.push(line, Origin::Stream(place), scan.matcher, &mut scan.found);
                is_over = line.ends_with(b"\n");
                place += line.len() as u64;
            }
        })?;
        window.end(self.matcher, &mut self.found);
        Ok(())
    }

    /// Searches a body in chunks: their lines, and their contents.
    fn chunks(
        &mut self,
        name: Name,
        place: Range<u64>,
        is_coded: bool,
        length: Option<u64>,
    ) -> io::Result<()> {
        let mut body = Body::new(is_coded, length.is_none());
        let mut cursor = Cursor::new(self.stream, place.clone());
        let mut extensions = Window::new(Scope::All);
        let mut told = 0;
        loop {
            let (at, line) = cursor.line(CHUNK_LINE_LIMIT)?;
            let Some(size) = chunk_size(&line).filter(|size| *size > 0) else {
                // The last chunk and the trailers, or what is no chunk.
                self.lines(at..place.end, true)?;
                break;
            };
            // A number alone says nothing but a number.
            if line.contains(&b';') {
                extensions.push(&line, Origin::Stream(at), self.matcher, &mut self.found);
                extensions.end(self.matcher, &mut self.found);
            }
            told += cursor.data(size, |bytes, at| body.push(bytes, at, self))?;
            let (at, line_end) = cursor.line(2)?;
            if !matches!(line_end.as_slice(), b"\r\n" | b"\n") {
                // The chunk is longer than it says.
                self.lines(at..place.end, true)?;
                break;
            }
        }
        body.end(self);
        let trouble = match length {
            Some(length) if length != told => Some(Trouble::Chunks),
            _ if body.is_too_long => Some(Trouble::Event),
            _ => None,
        };
        self.note_trouble(name, trouble);
        Ok(())
    }

    /// Searches a body of events that stands in the stream as it is.
    fn events(&mut self, name: Name, place: Range<u64>) -> io::Result<()> {
        let mut body = Body::new(false, true);
        self.read(place, |scan, bytes, at| body.push(bytes, at, scan))?;
        body.end(self);
        self.note_trouble(name, body.is_too_long.then_some(Trouble::Event));
        Ok(())
    }

    fn note_trouble(&mut self, name: Name, trouble: Option<Trouble>) {
        if self.trouble.is_none() {
            self.trouble = trouble.map(|trouble| (name, trouble));
        }
    }

    fn frame(
        &mut self,
        place: Range<u64>,
        mask: [u8; 4],
        in_message: FramePlace,
    ) -> io::Result<()> {
        let start = place.start;
        let mut own = Window::new(Scope::All);
        if matches!(in_message, FramePlace::First { .. }) {
            self.frames.end(self.matcher, &mut self.found);
        }
        self.read(place, |scan, bytes, at| {
            let mut mask = mask;
            mask.rotate_left(((at - start) % 4) as usize);
            let mut plain = bytes.to_vec();
            unmask(&mut plain, mask, 0);
            let window = match in_message {
                FramePlace::Control => &mut own,
                _ => &mut scan.frames,
            };
            let (origin, matcher) = (Origin::Stream(at), scan.matcher);
            window.push_masked(&plain, origin, mask, matcher, &mut scan.found);
            if matcher.has_values() && in_message != FramePlace::Control {
                scan.payloads
                    .push_masked(&plain, origin, mask, matcher, &mut scan.found);
            }
        })?;
        own.end(self.matcher, &mut self.found);
        if let FramePlace::First { is_last: true } | FramePlace::Next { is_last: true } = in_message
        {
            self.frames.end(self.matcher, &mut self.found);
        }
        Ok(())
    }

    /// Searches the bytes of a packet that no receiver takes, together with the bytes around them that one does take.
    fn stray(&mut self, stray: &Copy) -> io::Result<()> {
        let bytes = self.stream.read_copy(stray)?;
        let mut window = Window::new(Scope::All);
        let start = u64::try_from(stray.at).unwrap_or(0);
        let before = start.saturating_sub(CONTEXT as u64);
        let length = usize::try_from(start - before).unwrap_or(0);
        let context = self.stream.read(before, length)?;
        if context.len() == length {
            window.push(
                &context,
                Origin::Stream(before),
                self.matcher,
                &mut self.found,
            );
        }
        window.push(
            &bytes,
            Origin::File(stray.place),
            self.matcher,
            &mut self.found,
        );
        let behind = u64::try_from(stray.at + i64::from(stray.length)).unwrap_or(0);
        let context = self.stream.read(behind, CONTEXT)?;
        window.push(
            &context,
            Origin::Stream(behind),
            self.matcher,
            &mut self.found,
        );
        window.end(self.matcher, &mut self.found);
        Ok(())
    }
}

/// Returns the size that a chunk's line gives (RFC 9112 §7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line
        .split(|byte| matches!(byte, b';' | b'\r' | b'\n'))
        .next()?;
    let digits = std::str::from_utf8(digits.trim_ascii()).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_number
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

/// A body whose chunks are put together.
struct Body {
    is_coded: bool,
    /// True if it is made of events, false if it is one text.
    has_events: bool,
    text: Window,
    event: Event,
    is_too_long: bool,
}

impl Body {
    fn new(is_coded: bool, has_events: bool) -> Self {
        Self {
            is_coded,
            has_events,
            text: Window::new(Scope::All),
            event: Event::default(),
            is_too_long: false,
        }
    }

    fn push(&mut self, bytes: &[u8], at: u64, scan: &mut Scan<'_, '_>) {
        if self.is_coded {
            return;
        }
        if !self.has_events {
            let (matcher, found) = (scan.matcher, &mut scan.found);
            self.text.push(bytes, Origin::Stream(at), matcher, found);
            return;
        }
        let mut place = at;
        for line in bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            self.event.push(line, place);
            place += line.len() as u64;
            self.is_too_long |= self.event.length() > LONGEST_EVENT;
            if self.event.is_over() || self.is_too_long {
                self.event.end(scan);
            }
        }
    }

    fn end(&mut self, scan: &mut Scan<'_, '_>) {
        self.text.end(scan.matcher, &mut scan.found);
        self.event.end(scan);
    }
}

/// An event of a stream of them: its lines, each with its places (HTML §9.2.6).
#[derive(Default)]
struct Event {
    bytes: Vec<u8>,
    /// The places of the bytes in the stream, each with the index in `bytes` from which on it counts.
    places: Vec<(usize, u64)>,
    /// The index at which the unfinished line begins.
    line: usize,
    is_over: bool,
}

impl Event {
    const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Returns true if an empty line has ended it; a line feed that belongs to the carriage return before it does not.
    const fn is_over(&self) -> bool {
        self.is_over
    }

    fn push(&mut self, line: &[u8], at: u64) {
        self.places.push((self.bytes.len(), at));
        self.bytes.extend_from_slice(line);
        if !line.ends_with(b"\n") && !line.ends_with(b"\r") {
            return;
        }
        let whole = &self.bytes[self.line..];
        let is_second = whole == b"\n" && self.bytes[..self.line].ends_with(b"\r");
        self.is_over = !is_second && matches!(whole, b"\n" | b"\r") && self.line > 0;
        self.line = self.bytes.len();
    }

    /// Searches the event as it is on the wire, and its data as a browser reads it: its lines, and these put together.
    fn end(&mut self, scan: &mut Scan<'_, '_>) {
        let event = std::mem::take(self);
        let data = event.data();
        let mut found = Found::default();
        let all = 0..event.bytes.len();
        event.search(std::slice::from_ref(&all), false, scan.matcher, &mut found);
        for with_line_feeds in [true, false] {
            if data.len() > 1 {
                let mut more = Found::default();
                event.search(&data, with_line_feeds, scan.matcher, &mut more);
                // A pattern for the rest of a line goes on where the line's end is taken away: what was found before counts.
                if !has_common_beginning(&found, &more) {
                    found.append(more);
                }
            }
        }
        scan.found.append(found);
    }

    /// Returns the ranges of its data, one for each line.
    fn data(&self) -> Vec<Range<usize>> {
        let mut data = Vec::new();
        let mut from = 0;
        for line in self
            .bytes
            .split_inclusive(|byte| matches!(byte, b'\r' | b'\n'))
        {
            let text = line.trim_ascii_end();
            if text.starts_with(b"data:") {
                let start = if text.get(5) == Some(&b' ') { 6 } else { 5 };
                data.push(from + start..from + text.len().max(start));
            }
            from += line.len();
        }
        data
    }

    /// Searches these stretches as one text, with line feeds between them or without.
    fn search(
        &self,
        stretches: &[Range<usize>],
        with_line_feeds: bool,
        matcher: &Matcher,
        found: &mut Found,
    ) {
        let mut window = Window::new(Scope::All);
        for (number, stretch) in stretches.iter().enumerate() {
            // The line end before a stretch stands for the line feed.
            let from = if with_line_feeds && number > 0 {
                window.push(
                    b"\n",
                    self.origin(stretches[number - 1].end),
                    matcher,
                    found,
                );
                stretch.start
            } else {
                stretch.start
            };
            self.push_to(&mut window, from..stretch.end, matcher, found);
        }
        window.end(matcher, found);
    }

    fn push_to(
        &self,
        window: &mut Window,
        stretch: Range<usize>,
        matcher: &Matcher,
        found: &mut Found,
    ) {
        let mut at = stretch.start;
        while at < stretch.end {
            let next = self.places.partition_point(|(from, _)| *from <= at);
            let until = self.places.get(next).map_or(stretch.end, |(from, _)| *from);
            let until = until.min(stretch.end);
            window.push(&self.bytes[at..until], self.origin(at), matcher, found);
            at = until;
        }
    }

    fn origin(&self, at: usize) -> Origin {
        let next = self.places.partition_point(|(from, _)| *from <= at);
        let (from, place) = self.places[next.saturating_sub(1)];
        Origin::Stream(place + (at - from) as u64)
    }
}

/// Returns true if something was found twice, from the same byte on.
fn has_common_beginning(found: &Found, more: &Found) -> bool {
    let known: HashSet<Origin> = found.patches.iter().map(|patch| patch.origin).collect();
    more.patches
        .iter()
        .any(|patch| known.contains(&patch.origin))
}

/// Reads lines and stretches of the stream, from the file in large steps.
struct Cursor<'a, 'f> {
    stream: &'a Stream<'f>,
    place: u64,
    end: u64,
    /// The bytes that were read from `place` on; below, the number of them that were taken.
    buffer: Vec<u8>,
    taken: usize,
}

impl<'a, 'f> Cursor<'a, 'f> {
    const fn new(stream: &'a Stream<'f>, place: Range<u64>) -> Self {
        Self {
            stream,
            place: place.start,
            end: place.end,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// Returns the bytes from here on: `count` of them, or fewer if the stretch ends.
    fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.taken < count {
            let left = usize::try_from(self.end - self.place).unwrap_or(usize::MAX);
            self.buffer = self.stream.read(self.place, left.min(STEP))?;
            self.taken = 0;
        }
        let rest = &self.buffer[self.taken..];
        Ok(&rest[..rest.len().min(count)])
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
        self.place += count as u64;
    }

    /// Returns the next line and its place, or as much of the line as is no longer than `limit`.
    fn line(&mut self, limit: usize) -> io::Result<(u64, Vec<u8>)> {
        let at = self.place;
        let mut line = self.ahead(limit)?.to_vec();
        if let Some(end) = memchr::memchr(b'\n', &line) {
            line.truncate(end + 1);
        }
        self.take(line.len());
        Ok((at, line))
    }

    /// Hands out the next bytes with their places; returns how many there were.
    fn data(&mut self, count: u64, mut take: impl FnMut(&[u8], u64)) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let at = self.place;
            let most = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
            if self.taken == self.buffer.len() {
                self.ahead(1)?;
            }
            let rest = &self.buffer[self.taken..];
            let bytes = &rest[..rest.len().min(most)];
            if bytes.is_empty() {
                break;
            }
            take(bytes, at);
            let length = bytes.len();
            self.take(length);
            left -= length as u64;
        }
        Ok(count - left)
    }
}
