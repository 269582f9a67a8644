//! Hides parts of the messages of a capture: by the rules of its project, and by the [built-in ones](super::redact).
//!
//! A project's rules are applied to a message before anything is made of it, so that a text is hidden in every form in
//! which it is shown: listings, JSON, pages, diagrams. In a head they hide parts of the target and of the fields'
//! values; they see whole lines, so that a pattern may begin with a field's name. A body is hidden as it reads once its
//! codings are undone; a frame's bytes on the wire follow its payload.
//!
//! Rules that are marked as secret are always applied; the others if values that change from run to run are hidden.

use std::fmt;
use std::ops::Range;

use wirestream::edit::{Edit, apply};
use wirestream::http::Head;
use wirestream::message::chunks::Chunks;
use wirestream::message::content::Content;
use wirestream::message::{CodedBody, Detail, HttpMessage, Message, RequestLine};
use wirestream::note::Note;
use wirestream::sse::Event;
use wirestream::websocket::{Frame, unmask};

use super::redact::{self, Shown};
use crate::analysis::difference::{Hidden, Moves, Rules as DifferenceRules, Sort};
use crate::rule::{Rule, Rules};

/// The replacement for a byte of a frame that cannot be told apart from others: its payload was compressed, or has
/// another length.
const BLANK: u8 = b'x';

/// The rules of one capture.
#[derive(Clone, Default)]
pub struct Redactions {
    own: Rules,
}

/// The rules that are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The rules that hide secrets.
    Secrets,
    /// All rules.
    All,
}

impl Scope {
    /// Returns the scope of a listing that hides values which change from run to run, or does not.
    #[must_use]
    pub const fn of_listing(redact: bool) -> Self {
        if redact { Self::All } else { Self::Secrets }
    }

    const fn has(self, rule: &Rule) -> bool {
        rule.secret || matches!(self, Self::All)
    }
}

impl fmt::Debug for Redactions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.own.iter().map(|rule| &rule.name);
        formatter.debug_list().entries(names).finish()
    }
}

impl From<Rules> for Redactions {
    fn from(own: Rules) -> Self {
        Self { own }
    }
}

impl Redactions {
    /// Returns the project's own rules.
    #[must_use]
    pub const fn own(&self) -> &Rules {
        &self.own
    }

    /// Returns true if there is a rule that hides secrets.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.own.iter().any(|rule| rule.secret)
    }

    /// Returns any text with all matches of the project's rules hidden.
    #[must_use]
    pub fn text(&self, bytes: &[u8], scope: Scope) -> Vec<u8> {
        self.own.hide(bytes, |rule| scope.has(rule))
    }

    /// Returns a line of text with secrets hidden.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.text(text.as_bytes(), Scope::Secrets)).into_owned()
    }

    /// Hides in a message all matches of the project's rules. Returns true if there were any.
    pub fn hide(&self, message: &mut Message, scope: Scope) -> bool {
        if self.own.is_empty() || (scope == Scope::Secrets && !self.has_secrets()) {
            return false;
        }
        let mut hiding = Hiding {
            rules: &self.own,
            scope,
            found: false,
            in_content: false,
        };
        let Message {
            detail,
            chunks,
            placeholders,
            ..
        } = message;
        match detail {
            Detail::Http(http) => *placeholders = hiding.http(http, chunks),
            Detail::WebSocket(frame) => *placeholders = hiding.frame(frame),
            Detail::Event(event) => hiding.event(event, chunks),
            Detail::EventsEnd(end) => {
                hiding.coded(end.coded.as_deref_mut());
                hiding.bytes(&mut end.trailers);
            }
            Detail::Raw(content) => *placeholders = hiding.content(content, None),
            Detail::Aside(aside) => *placeholders = hiding.content(&mut aside.content, None),
        }
        for line in chunks.lines_mut() {
            hiding.bytes(line);
        }
        if scope == Scope::All && self.own.hides_chunks() {
            let hidden = chunks.without_boundaries();
            hiding.found |= hidden != *chunks;
            *chunks = hidden;
        }
        hiding.notes(&mut message.notes);
        message.is_hidden |= hiding.in_content;
        hiding.found
    }
}

/// The rules in the form in which captures are compared.
impl DifferenceRules for Redactions {
    fn hide_secrets(&self, message: &mut Message) {
        self.hide(message, Scope::Secrets);
    }

    fn repeats(&self, target: &[u8]) -> bool {
        self.own.repeats(target)
    }

    fn hides_chunks(&self) -> bool {
        self.own.hides_chunks()
    }

    fn target(&self, method: &[u8], target: &[u8]) -> Vec<u8> {
        redact::target(method, &own_target(&self.own, Scope::All, method, target))
    }

    fn field(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        if self.own.is_empty() {
            return redact::field_value(name, value);
        }
        let line = [name, b": ", value].concat();
        let place = name.len() + 2..line.len();
        let edits = inside(&place, self.own.edits(&line, |_| true));
        redact::field_value(name, &apply(&line, &edits)[place.start..])
    }

    fn content(&self, bytes: &[u8], sort: Sort) -> Hidden {
        let edits = self.own.edits(bytes, |_| true);
        if edits.is_empty() {
            return Shown::of(bytes, sort).after(Hidden::default());
        }
        let own = apply(bytes, &edits);
        let hidden = Hidden::default().then(Vec::new(), moves(&edits));
        Shown::of(&own, sort).after(hidden)
    }
}

/// The state while one message is hidden.
struct Hiding<'a> {
    rules: &'a Rules,
    scope: Scope,
    found: bool,
    /// True if something was found in the message's content.
    in_content: bool,
}

impl Hiding<'_> {
    /// Returns a text with its matches hidden; `None` if there are no matches.
    fn text(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let edits = self.edits(text);
        (!edits.is_empty()).then(|| apply(text, &edits))
    }

    fn edits(&mut self, text: &[u8]) -> Vec<Edit> {
        let scope = self.scope;
        let mut edits = self.rules.edits(text, |rule| scope.has(rule));
        // What was overwritten in the capture already is no news.
        edits.retain(|(place, value)| text[place.clone()] != value[..]);
        self.found |= !edits.is_empty();
        edits
    }

    fn bytes(&mut self, bytes: &mut Vec<u8>) {
        if let Some(hidden) = self.text(bytes) {
            *bytes = hidden;
        }
    }

    fn string(&mut self, text: &mut String) {
        if let Some(hidden) = self.text(text.as_bytes()) {
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
    }

    fn http(&mut self, http: &mut HttpMessage, chunks: &mut Chunks) -> Vec<Range<usize>> {
        let edits = head_edits(self.rules, self.scope, &http.head);
        self.found |= !edits.is_empty();
        http.head.edit(&edits);
        let mut notes = std::mem::take(&mut http.head.notes);
        self.notes(&mut notes);
        http.head.notes = notes;
        self.coded(http.coded.as_deref_mut());
        let chunks = http.coded.is_none().then_some(chunks);
        let placeholders = self.content(&mut http.body, chunks);
        self.bytes(&mut http.trailers);
        if let Some(RequestLine { method, target }) = &mut http.request {
            *target = own_target(self.rules, self.scope, method, target);
        }
        placeholders
    }

    fn coded(&mut self, coded: Option<&mut CodedBody>) {
        if let Some(coded) = coded {
            self.content(&mut coded.undecoded, None);
        }
    }

    /// Hides matches in content, and returns the places of what stands for them. Rules see the bytes that are there: a hole
    /// in the middle of a match is invisible to them. `chunks` are those of the content.
    fn content(&mut self, content: &mut Content, chunks: Option<&mut Chunks>) -> Vec<Range<usize>> {
        let edits = self.edits(&content.bytes);
        if edits.is_empty() {
            return Vec::new();
        }
        self.in_content = true;
        let moves = moves(&edits);
        if let Some(chunks) = chunks
            && content.holes.is_empty()
        {
            *chunks = chunks.moved(|at| moves.moved(at));
        }
        for hole in &mut content.holes {
            move_place(&mut hole.at, &moves);
        }
        content.bytes = apply(&content.bytes, &edits);
        placeholders(&edits)
    }

    fn frame(&mut self, frame: &mut Frame) -> Vec<Range<usize>> {
        let edits = match &mut frame.fragment {
            Some(fragment) => {
                let edits = fragment.edit(|whole| self.edits(whole));
                self.found |= !edits.is_empty();
                edits
            }
            None => self.edits(&frame.payload),
        };
        if edits.is_empty() {
            return Vec::new();
        }
        self.in_content = true;
        let moves = moves(&edits);
        for (at, _) in &mut frame.holes {
            move_place(at, &moves);
        }
        frame.payload = apply(&frame.payload, &edits);
        wire_follows_payload(frame);
        placeholders(&edits)
    }

    fn event(&mut self, event: &mut Event, chunks: &mut Chunks) {
        let edits = self.edits(&event.raw);
        if !edits.is_empty() {
            self.in_content = true;
            let moves = moves(&edits);
            *chunks = chunks.moved(|at| moves.moved(at));
            event.raw = apply(&event.raw, &edits);
        }
        let fields = [&mut event.event, &mut event.data, &mut event.id];
        for field in fields.into_iter().flatten() {
            self.string(field);
        }
        for comment in &mut event.comments {
            self.string(comment);
        }
    }

    /// Hides matches in notes, which may quote the message.
    fn notes(&mut self, notes: &mut [Note]) {
        for note in notes {
            if let Some(hidden) = self.text(note.text.as_bytes()) {
                note.text = String::from_utf8_lossy(&hidden).into_owned().into();
            }
        }
    }
}

/// Returns the places of replacements in the edited text.
fn placeholders(edits: &[Edit]) -> Vec<Range<usize>> {
    let (mut removed, mut added) = (0, 0);
    let places = edits.iter().map(|(place, value)| {
        let start = place.start - removed + added;
        removed += place.len();
        added += value.len();
        start..start + value.len()
    });
    places.collect()
}

/// Returns the new places after edits; a place inside an edit moves behind its replacement.
fn moves(edits: &[Edit]) -> Moves {
    let edits = edits.iter();
    Moves::new(edits.map(|(place, value)| (place.clone(), value.len())))
}

fn move_place(at: &mut usize, moves: &Moves) {
    *at = usize::try_from(moves.moved(*at as u64)).unwrap_or(*at);
}

/// Returns the edits of a head: inside the target, and inside values.
fn head_edits(rules: &Rules, scope: Scope, head: &Head) -> Vec<Edit> {
    let mut edits = Vec::new();
    if head.is_request() {
        let target = head.target_span();
        let end = head.raw[target.end..]
            .iter()
            .position(|byte| *byte == b'\n');
        let line = target.start.saturating_sub(head.method().len() + 1)
            ..end.map_or(head.raw.len(), |end| target.end + end);
        edits.extend(edits_of_line(rules, scope, &head.raw, &line, &target));
    }
    for (name, value) in head.field_spans() {
        let line = name.start..value.end.max(name.end);
        edits.extend(edits_of_line(rules, scope, &head.raw, &line, &value));
    }
    edits
}

/// Returns the edits of a part of a line, after the rules have seen the whole line.
fn edits_of_line(
    rules: &Rules,
    scope: Scope,
    raw: &[u8],
    line: &Range<usize>,
    part: &Range<usize>,
) -> Vec<Edit> {
    let edits = rules.edits(&raw[line.clone()], |rule| scope.has(rule));
    let edits = edits.into_iter();
    let in_head =
        edits.map(|(place, value)| (place.start + line.start..place.end + line.start, value));
    let mut edits = inside(part, in_head.collect());
    edits.retain(|(place, value)| raw[place.clone()] != value[..]);
    edits
}

/// Returns the edits inside a part; an edit that begins before it, or ends behind it, is made in the part alone.
fn inside(part: &Range<usize>, edits: Vec<Edit>) -> Vec<Edit> {
    let cut = |(place, value): Edit| {
        let kept = place.start.max(part.start)..place.end.min(part.end);
        let value = match value
            .get(kept.start.wrapping_sub(place.start)..kept.end.wrapping_sub(place.start))
        {
            // What keeps its width keeps it.
            Some(same) if value.len() == place.len() => same.to_vec(),
            _ => value,
        };
        (!kept.is_empty()).then_some((kept, value))
    };
    edits.into_iter().filter_map(cut).collect()
}

/// Returns a target with its matches hidden; rules see the line that it is in.
fn own_target(rules: &Rules, scope: Scope, method: &[u8], target: &[u8]) -> Vec<u8> {
    let line = [method, b" ", target, b" HTTP/1.1"].concat();
    let part = method.len() + 1..method.len() + 1 + target.len();
    let edits = edits_of_line(rules, scope, &line, &(0..line.len()), &part);
    let hidden = apply(&line, &edits);
    hidden[part.start..hidden.len() - b" HTTP/1.1".len()].to_vec()
}

/// Changes the bytes of a frame so that they would carry the payload; if they cannot, blanks them.
fn wire_follows_payload(frame: &mut Frame) {
    let Some(sent) = frame.wire.get_mut(frame.header_length..) else {
        return;
    };
    if frame.compressed || sent.len() != frame.payload.len() {
        sent.fill(BLANK);
    } else {
        sent.copy_from_slice(&frame.payload);
    }
    if let Some(mask) = frame.header.mask {
        unmask(sent, mask, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;
    use wirestream::conversation::Conversation;
    use wirestream::tcp::event::{AsideReason, Origin, StreamEvent, StreamSink as _};
    use wirestream::units::{Side, Timestamp};

    fn redactions(tables: &[(&str, &str, &str)]) -> Redactions {
        let table = |(name, pattern, more): &(&str, &str, &str)| {
            format!("[[redact]]\nname = '{name}'\npattern = '{pattern}'\n{more}\n")
        };
        let text: String = tables.iter().map(table).collect();
        Rules::of_text(Path::new("x.toml"), &text).unwrap().into()
    }

    fn message(bytes: &[u8]) -> Message {
        heard(StreamEvent::Data(bytes))
    }

    fn heard(event: StreamEvent<'_>) -> Message {
        let mut conversation = Conversation::default();
        let origin = Origin {
            side: Side::Client,
            packet: 1,
            time: Timestamp::default(),
            acknowledged: 0,
        };
        conversation.event(origin, event);
        conversation.finish();
        conversation.take().unwrap()
    }

    fn http(message: &Message) -> &HttpMessage {
        match &message.detail {
            Detail::Http(http) => http,
            other => panic!("{other:?}"),
        }
    }

    const REQUEST: &[u8] =
        b"GET /a?id=4711&b HTTP/1.1\r\nHost: h\r\nX-Id: id=815; id=7\r\nid.9: id=9\r\nContent-Length: 7\r\n\r\n{id=12}";

    #[test]
    fn a_head_has_its_fields_where_they_are_when_values_change_their_width() {
        let rules = redactions(&[("id", "id[=.]([0-9]+)", "placeholder = '<number>'")]);
        let mut shown = message(REQUEST);
        assert!(rules.hide(&mut shown, Scope::All));
        let http = http(&shown);
        assert_eq!(http.head.target(), b"/a?id=<number>&b");
        let fields: Vec<(&[u8], &[u8])> = http.head.fields().collect();
        assert_eq!(
            fields,
            [
                (&b"Host"[..], &b"h"[..]),
                (b"X-Id", b"id=<number>; id=<number>"),
                // A name is no value.
                (b"id.9", b"id=<number>"),
                (b"Content-Length", b"7"),
            ]
        );
        assert_eq!(http.body.bytes, b"{id=<number>}");
        assert!(http.head.raw.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn only_secrets_are_hidden_unasked_and_only_once() {
        let rules = redactions(&[
            ("id", "id=([0-9]+)", ""),
            ("key", "X-(Id)", "secret = true"),
        ]);
        let mut shown = message(REQUEST);
        assert!(
            !rules.hide(&mut shown, Scope::Secrets),
            "a name is no value"
        );
        assert_eq!(http(&shown).head.raw, http(&message(REQUEST)).head.raw);

        let rules = redactions(&[("id", "id=(\\S{2,})", "secret = true")]);
        assert!(rules.hide(&mut shown, Scope::Secrets));
        assert_eq!(
            http(&shown).head.raw.len(),
            http(&message(REQUEST)).head.raw.len()
        );
        assert!(
            !rules.hide(&mut shown, Scope::Secrets),
            "it is hidden already"
        );
    }

    #[test]
    fn a_rule_without_a_group_hides_no_more_than_the_value() {
        let rules = redactions(&[("all", "X-Id: .*", "secret = true")]);
        let mut shown = message(REQUEST);
        assert!(rules.hide(&mut shown, Scope::Secrets));
        let head = &http(&shown).head;
        assert_eq!(
            head.field("x-id").map(<[u8]>::len),
            Some(b"id=815; id=7".len())
        );
        assert_eq!(head.raw.len(), http(&message(REQUEST)).head.raw.len());
    }

    #[test]
    fn what_is_asked_for_is_hidden_where_it_is_answered() {
        let rules = redactions(&[("id", "GET /a\\?id=([0-9]+)", "")]);
        assert_eq!(
            own_target(rules.own(), Scope::All, b"GET", b"/a?id=4711"),
            b"/a?id=<id>"
        );
        assert_eq!(
            DifferenceRules::target(&rules, b"GET", b"/a?id=4711"),
            b"/a?id=<id>"
        );
        assert_eq!(
            DifferenceRules::target(&rules, b"PUT", b"/a?id=4711"),
            b"/a?id=4711"
        );
    }

    #[test]
    fn what_is_outside_of_a_stream_is_hidden_too() {
        let rules = redactions(&[("key", "key=([0-9a-f]{16})", "secret = true")]);
        let mut message = heard(StreamEvent::Aside(
            AsideReason::NoAck,
            b"key=0123456789abcdef!",
        ));
        assert!(rules.hide(&mut message, Scope::Secrets));
        let Detail::Aside(aside) = message.detail else {
            panic!("{message:?}")
        };
        assert_eq!(aside.content.bytes, b"key=<key...........>!");
    }

    proptest! {
        #[test]
        fn any_message_survives_any_rule(bytes in prop::collection::vec(any::<u8>(), 1..60), head in any::<bool>(), all in any::<bool>()) {
            let begin: &[u8] = if head { b"GET /aa HTTP/1.1\r\nX: ab\r\n\r\n" } else { b"" };
            let bytes = [begin, &bytes].concat();
            let rules = redactions(&[("a", "(?-u:[a-f\\x80-\\xff])+", "placeholder = 'long enough'"), ("b", "[^a]{2}", "secret = true")]);
            let mut shown = message(&bytes);
            let length = shown.length;
            rules.hide(&mut shown, if all { Scope::All } else { Scope::Secrets });
            prop_assert_eq!(shown.length, length);
            if let Detail::Http(http) = &shown.detail {
                prop_assert_eq!(http.head.fields().count(), 1);
            }
        }
    }
}
