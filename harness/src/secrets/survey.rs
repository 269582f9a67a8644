//! Searches a capture once: its secrets, the parts that could not be read, and the way in which it is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

use wirestream::budget::Budget;
use wirestream::capture::{CaptureReader, Packet};
use wirestream::conversation::Conversation;
use wirestream::http::Framing;
use wirestream::message::Name;
use wirestream::message::Names;
use wirestream::message::obstacle::Cause;
use wirestream::message::{Detail, HttpMessage, Message};
use wirestream::packet::{Decoded, Other, Segment};
use wirestream::tcp::event::{self, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Options, Reassembler};
use wirestream::units::Side;
use wirestream::walk::Walk;
use wirestream::websocket::{Frame, Opcode};

use super::hidden::Hidden;
use super::matcher::{Matcher, SHORTEST_VALUE, Scope};
use super::scan::{First, FramePlace, Kind, Scan, Spot};
use super::stream::{Delivered, Sent, Stream};
use super::window::{Found, Origin, Window};

/// The most bytes between two packets that are the file's own and not text: a packet's header.
const LONGEST_HEADER: u64 = 64;
/// The number of bytes of the file that are read at once.
const STEP: usize = 256 << 10;

/// A place in a capture, as it is named in messages to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A message of a connection, counted from 0; `None` if the place is between messages.
    Message(u64, Option<Name>),
    /// A packet.
    Packet(u64),
    /// The bytes of the file besides its packets.
    File,
}

/// The findings of one search.
#[derive(Default)]
pub(super) struct Survey {
    /// The bytes to be written, with their places in the file. If two are for the same place, the later one counts.
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    /// Values that patterns matched, with the numbers of their rules.
    pub(super) values: Vec<(usize, Vec<u8>)>,
    /// The place of the first secret.
    pub(super) first: Option<Place>,
    /// The place of the first secret where nothing can be overwritten.
    pub(super) compressed: Option<Place>,
    /// The first piece that could not be read in clear, and why.
    pub(super) hidden: Option<(Place, Hidden)>,
    /// The first rule that matched more than can be held, and where.
    pub(super) too_long: Option<(Place, usize)>,
    /// The way in which the capture is read.
    pub(super) structure: Structure,
}

/// The way in which a capture is read, except for the bytes of its texts. It stays the same unless bytes are
/// overwritten that matter to it.
#[derive(Default)]
pub(super) struct Structure {
    packets: DefaultHasher,
    messages: Vec<(Place, u64)>,
}

impl Structure {
    /// Returns the first place that is read in another way in another search; `None` if all is read alike.
    pub(super) fn difference(&self, other: &Self) -> Option<Place> {
        if self.packets.finish() != other.packets.finish() {
            return Some(Place::File);
        }
        let mut pairs = self.messages.iter().zip(&other.messages);
        if let Some((one, _)) = pairs.find(|(one, other)| one != other) {
            return Some(one.0);
        }
        let both = self.messages.len().min(other.messages.len());
        let longer = if self.messages.len() > both {
            self
        } else {
            other
        };
        longer.messages.get(both).map(|(place, _)| *place)
    }
}

/// Looks through a capture.
///
/// # Errors
///
/// Returns an error if it cannot be read to its end, or has packets of an unknown link type.
pub(super) fn survey(file: &File, matcher: &Matcher) -> anyhow::Result<Survey> {
    let mut from_start = file;
    from_start.seek(SeekFrom::Start(0))?;
    let mut reader = CaptureReader::new(from_start)?;
    let mut look = Look {
        file,
        matcher,
        survey: Survey::default(),
        sent: HashMap::new(),
        behind: 0,
    };
    let budget = Budget::default();
    let turned = Rc::new(RefCell::new(Vec::new()));
    let mut reassembler = Reassembler::new(Options { hash: true }, |opening| Listener {
        matcher,
        connection: opening.index,
        turned: Rc::clone(&turned),
        conversation: Conversation::within(&budget),
        names: Names::default(),
        halves: Default::default(),
    });
    let mut over = Vec::new();
    let mut walk = Walk::new(&mut reader);
    while let Some((packet, decoded)) = walk.next() {
        look.packet(&packet)?;
        match decoded {
            Decoded::Segment(segment) => {
                let tracked = reassembler.segment(packet.number, packet.time, &segment);
                look.turn_sides(turned.take());
                look.segment(&packet, &segment, tracked.connection, tracked.side);
            }
            Decoded::Other(other) => look.other(&packet, other),
        }
        let finished = reassembler.take_finished();
        // A copy of what they said may still come: what is in it is searched, and overwritten, with the rest.
        over.extend(
            finished
                .into_iter()
                .map(|(connection, listener)| (connection, listener.finish())),
        );
    }
    if let Some(damage) = reader.damage() {
        return Err(anyhow::Error::msg(damage.to_string()));
    }
    if let Some(packet) = reader.cut() {
        look.hide(Place::Packet(packet + 1), Hidden::Cut);
    }
    let last = reassembler.finish().into_iter();
    look.turn_sides(turned.take());
    over.extend(last.map(|(connection, listener)| (connection, listener.finish())));
    over.sort_by_key(|(connection, _)| connection.index);
    for (connection, halves) in over {
        look.connection(&connection, halves)?;
    }
    look.file()?;
    Ok(look.survey)
}

/// A search in progress.
struct Look<'a> {
    file: &'a File,
    matcher: &'a Matcher,
    survey: Survey,
    /// The payloads of the two sides of each connection.
    sent: HashMap<u64, [Vec<Sent>; 2]>,
    /// The offset in the file at which the last packet ends.
    behind: u64,
}

impl Look<'_> {
    /// Takes note of what the file says of a packet, and searches the bytes between it and the one before.
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let facts = (
            packet.number,
            packet.time,
            packet.interface,
            packet.original_length,
        );
        (facts, packet.bytes.len(), packet.offset).hash(&mut self.survey.structure.packets);
        let between = self.behind..packet.offset;
        self.behind = packet.offset + packet.bytes.len() as u64;
        if between.end - between.start > LONGEST_HEADER {
            self.metadata(between)?;
        }
        Ok(())
    }

    /// Turns the sides of connections if the end taken for the client was the server.
    fn turn_sides(&mut self, connections: Vec<u64>) {
        for connection in connections {
            if let Some(sides) = self.sent.get_mut(&connection) {
                sides.reverse();
            }
        }
    }

    /// Searches the texts of a file besides its packets, as comments and names.
    fn metadata(&mut self, place: Range<u64>) -> io::Result<()> {
        self.stretch(place, Scope::All, Place::File)
    }

    /// Searches the file as it is: no known secret may be left in any place, read or not.
    fn file(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        self.metadata(self.behind.min(length)..length)?;
        if self.matcher.has_values() {
            let later = std::mem::take(&mut self.survey.patches);
            self.stretch(0..length, Scope::AsTheyAre, Place::File)?;
            // What knows where it is counts for more.
            self.survey.patches.extend(later);
        }
        Ok(())
    }

    fn stretch(&mut self, place: Range<u64>, scope: Scope, called: Place) -> io::Result<()> {
        let mut window = Window::new(scope);
        let mut found = Found::default();
        let mut buffer = vec![0; STEP];
        let mut at = place.start;
        while at < place.end {
            let step = usize::try_from(place.end - at).map_or(STEP, |left| left.min(STEP));
            let bytes = &mut buffer[..step];
            self.file.read_exact_at(bytes, at)?;
            window.push(bytes, Origin::File(at), self.matcher, &mut found);
            at += step as u64;
        }
        window.end(self.matcher, &mut found);
        self.found_in_file(found, called);
        Ok(())
    }

    fn segment(&mut self, packet: &Packet<'_>, segment: &Segment<'_>, connection: u64, side: Side) {
        let Segment {
            source,
            destination,
            sequence,
            acknowledgement,
            flags,
            window,
            header_bytes,
            payload_length,
            ..
        } = *segment;
        let ends = (source, destination, connection, side as usize);
        let numbers = (
            sequence,
            acknowledgement,
            flags,
            window,
            header_bytes,
            payload_length,
        );
        (ends, numbers).hash(&mut self.survey.structure.packets);
        let Some(place) = packet.place_of(segment.payload) else {
            if !segment.payload.is_empty() {
                self.hide(Place::Packet(packet.number), Hidden::Fragments);
            }
            return;
        };
        let payload = place..place + segment.payload.len() as u64;
        let start = usize::try_from(payload.start - packet.offset).unwrap_or(0);
        let end = start + segment.payload.len();
        self.bytes(packet, 0..start);
        self.bytes(packet, end..packet.bytes.len());
        if segment.payload.is_empty() {
            return;
        }
        let sent = Sent {
            packet: packet.number,
            sequence: segment.payload_sequence(),
            length: u32::try_from(segment.payload.len()).unwrap_or(u32::MAX),
            place,
        };
        self.sent.entry(connection).or_default()[side as usize].push(sent);
    }

    fn other(&mut self, packet: &Packet<'_>, other: Other) {
        format!("{other:?}").hash(&mut self.survey.structure.packets);
        if packet.bytes.len() < packet.original_length as usize {
            self.hide(Place::Packet(packet.number), Hidden::Cut);
        }
        self.bytes(packet, 0..packet.bytes.len());
    }

    /// Searches the bytes of a packet that are not TCP payload.
    fn bytes(&mut self, packet: &Packet<'_>, place: Range<usize>) {
        let mut window = Window::new(Scope::All);
        let mut found = Found::default();
        let origin = Origin::File(packet.offset + place.start as u64);
        window.push(&packet.bytes[place], origin, self.matcher, &mut found);
        window.end(self.matcher, &mut found);
        self.found_in_file(found, Place::Packet(packet.number));
    }

    fn found_in_file(&mut self, found: Found, called: Place) {
        self.take(&found, called);
        for patch in found.patches {
            if let Origin::File(place) = patch.origin {
                self.survey.patches.push((place, patch.bytes));
            }
        }
        self.survey.values.extend(found.values);
    }

    fn take(&mut self, found: &Found, called: Place) {
        if !found.patches.is_empty() {
            self.survey.first.get_or_insert(called);
        }
        if let Some(rule) = found.too_long {
            self.survey.too_long.get_or_insert((called, rule));
        }
    }

    fn hide(&mut self, place: Place, hidden: Hidden) {
        self.survey.hidden.get_or_insert((place, hidden));
    }

    /// Searches the bytes that the two sides of a connection sent.
    fn connection(&mut self, connection: &Connection, halves: [Half; 2]) -> io::Result<()> {
        let sent = self.sent.remove(&connection.index).unwrap_or_default();
        let sides = [Side::Client, Side::Server].into_iter().zip(halves);
        for ((side, half), sent) in sides.zip(sent) {
            self.half(connection, side, half, &sent)?;
        }
        Ok(())
    }

    fn half(
        &mut self,
        connection: &Connection,
        side: Side,
        mut half: Half,
        sent: &[Sent],
    ) -> io::Result<()> {
        let index = connection.index;
        self.survey.structure.messages.append(&mut half.structure);
        self.survey.values.append(&mut half.compressed.values);
        if let Some((place, hidden)) = half.hidden {
            self.hide(place, hidden);
        }
        if let Some(place) = half.first {
            self.survey.compressed.get_or_insert(place);
        }
        if sent.is_empty() {
            return Ok(());
        }
        let figures = connection.stream(side);
        let stream = figures
            .first_sequence
            .map(|first| Stream::new(self.file, first, sent, &half.delivered));
        let Some(stream) = stream.transpose()?.flatten() else {
            self.hide(Place::Message(index, None), Hidden::Unplaced);
            return Ok(());
        };
        if let Some(packet) = stream.contradiction(SHORTEST_VALUE) {
            self.hide(Place::Packet(packet), Hidden::Contradicted);
        }
        half.spots.sort_by_key(|spot| spot.offset);
        let mut scan = Scan::new(&stream, self.matcher);
        scan.all(&half.spots)?;
        let Scan {
            found,
            trouble,
            first,
            ..
        } = scan;
        let name = match first {
            First::In(name) => Some(name),
            First::Nowhere | First::Elsewhere => None,
        };
        self.take(&found, Place::Message(index, name));
        if let Some((name, trouble)) = trouble {
            self.hide(Place::Message(index, Some(name)), trouble.into());
        }
        for patch in found.patches {
            match patch.origin {
                Origin::File(place) => self.survey.patches.push((place, patch.bytes)),
                Origin::Stream(at) => {
                    let places = stream.places(at, &patch.bytes);
                    let patches = places
                        .into_iter()
                        .map(|(place, bytes)| (place, bytes.to_vec()));
                    self.survey.patches.extend(patches);
                }
            }
        }
        self.survey.values.extend(found.values);
        Ok(())
    }
}

/// Listens to one connection: to how its messages are read, and to those whose bytes are not those of the stream.
struct Listener<'a> {
    matcher: &'a Matcher,
    connection: u64,
    /// The connections whose sides have turned lately.
    turned: Rc<RefCell<Vec<u64>>>,
    conversation: Conversation,
    names: Names,
    halves: [Half; 2],
}

/// The findings about one side of a connection.
#[derive(Default)]
struct Half {
    spots: Vec<Spot>,
    delivered: Vec<Delivered>,
    /// The stream offset of the next bytes.
    offset: u64,
    hidden: Option<(Place, Hidden)>,
    /// The findings in compressed data; below, the place of the first one.
    compressed: Found,
    first: Option<Place>,
    structure: Vec<(Place, u64)>,
    /// True if the events of the open body are compressed.
    has_coded_events: bool,
    has_frames: bool,
}

impl StreamSink for Listener<'_> {
    fn sides_have_turned(&mut self) {
        self.turned.borrow_mut().push(self.connection);
    }

    fn event(&mut self, origin: event::Origin, event: StreamEvent<'_>) {
        let half = &mut self.halves[origin.side as usize];
        match event {
            StreamEvent::Data(bytes) => {
                half.delivered.push(Delivered {
                    at: half.offset,
                    length: bytes.len(),
                    packet: origin.packet,
                });
                half.offset += bytes.len() as u64;
            }
            StreamEvent::Missing(count) => {
                half.offset = half.offset.saturating_add(count);
                let place = Place::Message(self.connection, None);
                half.hidden.get_or_insert((place, Hidden::Missing));
            }
            // It is in no place of the stream; its packet is looked at with what was delivered.
            StreamEvent::Aside(..) | StreamEvent::Finished | StreamEvent::Ended => {}
        }
        self.conversation.event(origin, event);
        self.tell();
    }
}

impl Listener<'_> {
    /// Returns the findings about the two sides, once nothing more comes.
    fn finish(mut self) -> [Half; 2] {
        self.conversation.finish();
        self.tell();
        self.halves
    }

    fn tell(&mut self) {
        while let Some(message) = self.conversation.take() {
            let name = self.names.next(&message);
            let place = Place::Message(self.connection, Some(name));
            let half = &mut self.halves[message.from as usize];
            half.message(name, place, &message, self.matcher);
        }
    }
}

impl Half {
    fn message(&mut self, name: Name, place: Place, message: &Message, matcher: &Matcher) {
        let kind = match &message.detail {
            Detail::Http(http) => self.http(http, place, matcher),
            Detail::WebSocket(frame) => self.frame(frame, place, matcher),
            Detail::Event(event) => {
                if self.has_coded_events {
                    self.search(&event.raw, place, matcher);
                }
                Kind::Event
            }
            // What could not be decoded of the stream is in the file as it is.
            Detail::EventsEnd(_) => Kind::Event,
            Detail::Aside(_) => return,
            Detail::Raw(content) => {
                let hidden = Hidden::of_raw(&content.bytes, self.has_frames);
                self.hide(place, hidden);
                self.search_inside(&content.bytes, place, matcher);
                Kind::Raw
            }
        };
        let is_kept_whole = !self.is_compressed(&kind);
        for obstacle in &message.obstacles {
            // What is too much to be kept is read from the file all the same, but where it is compressed.
            if !(obstacle.cause == Cause::TooLarge && is_kept_whole) {
                self.hide(place, Some(Hidden::Obstacle(obstacle.clone())));
            }
        }
        let spot = Spot {
            name,
            offset: message.offset,
            length: message.length,
            kind,
        };
        let mut hasher = DefaultHasher::new();
        (&spot, shape(&message.detail)).hash(&mut hasher);
        self.structure.push((place, hasher.finish()));
        self.spots.push(spot);
    }

    const fn is_compressed(&self, kind: &Kind) -> bool {
        match kind {
            Kind::Http { is_coded, .. } => *is_coded,
            Kind::Frame { is_compressed, .. } => *is_compressed,
            Kind::Event => self.has_coded_events,
            Kind::Raw => false,
        }
    }

    fn hide(&mut self, place: Place, hidden: Option<Hidden>) {
        if self.hidden.is_none() {
            self.hidden = hidden.map(|hidden| (place, hidden));
        }
    }

    fn http(&mut self, http: &HttpMessage, place: Place, matcher: &Matcher) -> Kind {
        let is_coded = !http.codings.is_empty();
        self.has_coded_events = http.events_follow && is_coded;
        if is_coded {
            self.search(&http.body.bytes, place, matcher);
        } else {
            self.search_inside(&http.body.bytes, place, matcher);
        }
        Kind::Http {
            head: http.head.raw.len() as u64,
            is_chunked: http.head.framing == Framing::Chunked,
            is_coded,
            body: (!http.events_follow).then_some(http.coded_length),
        }
    }

    fn frame(&mut self, frame: &Frame, place: Place, matcher: &Matcher) -> Kind {
        self.has_frames = true;
        if frame.compressed {
            self.search(&frame.payload, place, matcher);
            if let Some(message) = frame.message() {
                self.search(message, place, matcher);
            }
        }
        let payload = frame.length() - frame.header_length as u64;
        if is_cut(frame) {
            self.hide(place, Some(Hidden::FrameCut));
        }
        let is_last = frame.header.fin;
        Kind::Frame {
            header: frame.header_length as u64,
            payload,
            mask: frame.header.mask.unwrap_or_default(),
            place: match frame.header.opcode {
                opcode if opcode.is_control() => FramePlace::Control,
                Opcode::CONTINUATION => FramePlace::Next { is_last },
                _ => FramePlace::First { is_last },
            },
            is_compressed: frame.compressed,
        }
    }

    /// Searches compressed data: secrets in it cannot be overwritten.
    fn search(&mut self, bytes: &[u8], place: Place, matcher: &Matcher) {
        let before = self.compressed.patches.len();
        let mut window = Window::new(Scope::All);
        window.push(bytes, Origin::File(0), matcher, &mut self.compressed);
        window.end(matcher, &mut self.compressed);
        if self.compressed.patches.len() > before {
            self.first.get_or_insert(place);
        }
        self.compressed.patches.clear();
    }

    /// Searches data that is compressed by itself, as a file that is handed out, as far as it can be inflated.
    fn search_inside(&mut self, bytes: &[u8], place: Place, matcher: &Matcher) {
        if let Some(inside) = super::hidden::inflated(bytes) {
            self.search(&inside, place, matcher);
        }
    }
}

/// Returns true if a frame's payload is not whole.
fn is_cut(frame: &Frame) -> bool {
    let missing: u64 = frame.holes.iter().map(|(_, count)| *count).sum();
    let there = frame.wire.len() as u64 + missing;
    there < frame.length() && frame.left_out.is_empty()
}

/// Returns the properties of a message that decide how it is read, apart from its place.
fn shape(detail: &Detail) -> String {
    match detail {
        Detail::Http(http) => {
            let head = &http.head;
            let fields = head.fields().count();
            let switch = head.has_token("upgrade", "websocket");
            format!(
                "{} {} {:?} {fields} {:?} {switch}",
                head.status(),
                head.minor_version(),
                head.framing,
                http.codings,
            )
        }
        Detail::WebSocket(frame) => format!("{:?}", frame.header),
        Detail::Event(event) => format!(
            "{} {} {}",
            event.data.is_some(),
            event.retry.is_some(),
            event.incomplete
        ),
        Detail::EventsEnd(end) => format!("{:?}", end.codings),
        Detail::Raw(_) | Detail::Aside(_) => String::new(),
    }
}
