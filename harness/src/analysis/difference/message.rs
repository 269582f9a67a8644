//! Compares two messages that are counterparts, field by field.
//!
//! The difference between their bodies is divided piece by piece, each part to the piece that it is in; so nothing is
//! left over, and nothing is counted twice.

use std::collections::HashMap;

use wirestream::tcp::event::AsideReason;
use wirestream::websocket::{Header, LengthForm};

use super::body::{Body, Coded, digest_text};
use super::entry::{Digest, End, Entry, Event, Http, Said};
use super::field::{Field, Parts, kind_of, kind_of_values, length, start};
use super::figures::Delta;
use super::frames::Frames;
use super::kind::Kind;
use super::ledger::{Finding, Value};
use super::redaction::Redaction;

/// Compares two messages of one family. The payload bytes of all findings add up to the difference of their lengths.
pub(super) fn compare(old: &Entry, new: &Entry, redaction: Redaction<'_>) -> Compared {
    let mut findings = Findings {
        found: Vec::new(),
        not_compared: 0,
    };
    let bytes = new.bytes - old.bytes;
    match (&old.said, &new.said) {
        (Said::Http(before), Said::Http(after)) => findings.http(before, after, bytes, redaction),
        (Said::Frames(before), Said::Frames(after)) => findings.frames(before, after, bytes),
        (Said::Event(before), Said::Event(after)) => {
            findings.events(before, after, bytes, redaction);
        }
        (Said::EventsEnd(before), Said::EventsEnd(after)) => {
            findings.ends(before, after, bytes, redaction);
        }
        (Said::Raw(before), Said::Raw(after)) => findings.bodies(before, after, bytes, "text"),
        (Said::Aside(reason, before), Said::Aside(_, after)) => {
            findings.asides(*reason, before, after);
        }
        _ => findings.push(Kind::Exchange, "another protocol", bytes),
    }
    // Each thing is compared above, and all of them together by what stands for them: nothing is left that is not told.
    if old.form != new.form && !findings.found.iter().any(|finding| finding.kind.counts()) {
        findings.push(Kind::Framing, "what is around the content", 0);
    }
    Compared {
        findings: findings.found,
        not_compared: findings.not_compared,
    }
}

/// The name of a coded body that is compared as such.
const CODED_FORM: &str = "coded form of the body";

/// The name of a compressed payload that is compared as such.
const COMPRESSED_FORM: &str = "compressed form of the payload";

/// Returns true if the coded form of bodies follows from something hidden that differs between them.
fn follows(bodies: [&Body; 2], is_same: bool) -> bool {
    bodies.iter().any(|body| body.is_hidden) && !is_same
}

/// The result of comparing two messages.
pub(super) struct Compared {
    pub(super) findings: Vec<Finding>,
    /// The number of bytes not compared because they follow from something hidden.
    pub(super) not_compared: u64,
}

/// Returns the number of content bytes missing from the capture.
pub(super) fn missing(entry: &Entry) -> u64 {
    body(entry).map_or(0, |body| body.missing)
}

fn body(entry: &Entry) -> Option<&Body> {
    match &entry.said {
        Said::Http(http) => Some(&http.body),
        Said::Frames(frames) => Some(&frames.body),
        Said::Event(event) => Some(&event.body),
        Said::EventsEnd(_) => None,
        Said::Raw(body) | Said::Aside(_, body) => Some(body),
    }
}

struct Findings {
    found: Vec<Finding>,
    not_compared: u64,
}

impl Findings {
    fn push(&mut self, kind: Kind, subject: &str, bytes: i64) {
        self.values(kind, subject, [None, None], bytes);
    }

    fn values(&mut self, kind: Kind, subject: &str, [old, new]: [Option<Value>; 2], bytes: i64) {
        let finding = Finding::new(kind, subject).from(old).to(new);
        self.found.push(finding.costs(Delta::of_payload(bytes)));
    }

    /// Enters the rest of the difference, which no part has taken, as one in the wrapping of the parts. `follows` says
    /// that it follows from something hidden.
    fn rest(&mut self, bytes: i64, subject: &str, follows: bool) {
        let taken: i64 = self
            .found
            .iter()
            .map(|finding| finding.delta.app_bytes)
            .sum();
        if bytes != taken {
            let kind = if follows {
                Kind::Volatile
            } else {
                Kind::Framing
            };
            self.push(kind, subject, bytes - taken);
        }
    }

    fn http(&mut self, old: &Http, new: &Http, bytes: i64, redaction: Redaction<'_>) {
        self.heads(old, new, redaction);
        let follows = follows([&old.body, &new.body], old.has_content_of(new));
        self.http_bodies(old, new, follows);
        let cuts = (!follows).then_some([old.cuts, new.cuts]);
        self.chunks([&old.chunks, &new.chunks], cuts);
        self.trailers([&old.trailers, &new.trailers], redaction);
        self.rest(bytes, "chunks", follows || redaction.hides_chunks());
    }

    fn events(&mut self, old: &Event, new: &Event, bytes: i64, redaction: Redaction<'_>) {
        let length = new.body.length.cast_signed() - old.body.length.cast_signed();
        self.bodies(&old.body, &new.body, length, "event");
        let bodies = [&old.body, &new.body];
        let follows = follows(bodies, old.body.is_same(&new.body));
        let cuts = (!follows).then_some([old.cuts, new.cuts]);
        self.chunks([&old.chunks, &new.chunks], cuts);
        if old.is_of_coded && new.is_of_coded {
            // Where an event ends in coded bytes is known by the packets alone.
            let taken: i64 = self
                .found
                .iter()
                .map(|finding| finding.delta.app_bytes)
                .sum();
            if bytes != taken {
                let subject = "packets that events of the coded stream came with";
                self.push(Kind::Segmentation, subject, bytes - taken);
            }
            return;
        }
        self.rest(bytes, "chunks", follows || redaction.hides_chunks());
    }

    fn ends(&mut self, old: &End, new: &End, bytes: i64, redaction: Redaction<'_>) {
        if old.codings != new.codings {
            let values = [old, new].map(|end| Value::line(end.codings.join(", ")));
            self.values(Kind::Framing, "content coding", values, 0);
        }
        let are_hidden = old.is_hidden || new.is_hidden;
        let follows = are_hidden && !old.context.is_same(&new.context);
        let is_hidden = follows || are_hidden;
        let codeds = [old.coded.as_ref(), new.coded.as_ref()];
        self.coded(codeds, (follows, is_hidden), 0);
        let cuts = (!follows).then_some([old.cuts, new.cuts]);
        self.chunks([&old.chunks, &new.chunks], cuts);
        self.trailers([&old.trailers, &new.trailers], redaction);
        self.rest(bytes, "chunks", follows || redaction.hides_chunks());
    }

    /// Compares the lines around chunks with hidden parts; and as they are, unless they follow from something hidden.
    fn chunks(&mut self, [old, new]: [&Option<Vec<u8>>; 2], cuts: Option<[Digest; 2]>) {
        if old != new {
            let text = |chunks: &Option<Vec<u8>>| match chunks {
                Some(text) => Value::line(text.clone()),
                None => Value::line("as usual"),
            };
            self.values(Kind::Framing, "chunks", [text(old), text(new)], 0);
        } else if cuts.is_some_and(|[old, new]| old != new) {
            self.push(Kind::Framing, "chunks around something hidden", 0);
        }
    }

    fn trailers(&mut self, trailers: [&Vec<u8>; 2], redaction: Redaction<'_>) {
        let [old, new] = trailers;
        if old == new {
            return;
        }
        if redaction.text(old) == redaction.text(new) {
            return self.push(Kind::Volatile, "trailers", 0);
        }
        let values = trailers.map(|value| Value::line(&**value));
        self.values(Kind::Framing, "trailers", values, 0);
    }

    fn heads(&mut self, old: &Http, new: &Http, redaction: Redaction<'_>) {
        let [before, after] = [&old.head, &new.head].map(Parts::of);
        self.start_lines(old, new, [&before, &after], redaction);
        self.fields(old, new, [&before.fields, &after.fields], redaction);
        if before.end != after.end {
            let bytes = length(after.end.len()) - length(before.end.len());
            self.push(Kind::Framing, "line ends", bytes);
        }
    }

    fn start_lines(
        &mut self,
        old: &Http,
        new: &Http,
        [before, after]: [&Parts<'_>; 2],
        redaction: Redaction<'_>,
    ) {
        let is_request = new.head.is_request();
        if before.start != after.start {
            let subject = if is_request {
                "request line"
            } else {
                "status line"
            };
            let kind = kind_of_start_lines(old, new, redaction);
            let values = match kind {
                Kind::Volatile => [None, None],
                _ => [&old.head, &new.head].map(|head| Value::line(start(head))),
            };
            let bytes = length(after.start.len()) - length(before.start.len());
            self.values(kind, subject, values, bytes);
        }
        let bytes = after.start_rest - before.start_rest;
        let versions = [old, new].map(|http| http.head.minor_version());
        if versions[0] != versions[1] {
            let values = versions.map(|minor| Value::line(format!("HTTP/1.{minor}")));
            self.values(Kind::Framing, "HTTP version", values, bytes);
        } else if bytes != 0 || self.is_other_line(old, new, [before, after], redaction) {
            let subject = "spaces and line ends around the start line";
            self.push(Kind::Framing, subject, bytes);
        }
    }

    /// Returns true if start lines that say the same, except volatile parts, are written in different ways.
    fn is_other_line(
        &self,
        old: &Http,
        new: &Http,
        [before, after]: [&Parts<'_>; 2],
        redaction: Redaction<'_>,
    ) -> bool {
        let is_told = self.found.iter().any(|finding| finding.kind.counts());
        let lines = [(before, old), (after, new)];
        let [before, after] = lines.map(|(parts, http)| parts.start_line(&http.head, redaction));
        !is_told && before != after
    }

    fn fields(
        &mut self,
        old: &Http,
        new: &Http,
        [before, after]: [&[Field<'_>]; 2],
        redaction: Redaction<'_>,
    ) {
        let is_request = new.head.is_request();
        let accepts = old.accept_belongs && new.accept_belongs;
        let lengths = [old, new].map(Http::shown_length);
        let lengths = matches!(&lengths, [Some(before), Some(after)] if before == after);
        let [olds, news] = [before, after].map(by_name);
        for (name, field) in &olds.order {
            match news.fields.get(name) {
                Some(other) => {
                    let follows = match name.0.as_slice() {
                        b"sec-websocket-accept" => accepts,
                        b"content-length" => lengths,
                        _ => false,
                    };
                    self.field([field, other], is_request, follows, redaction);
                }
                None => self.lone_field(field, is_request, -1),
            }
        }
        for (name, field) in &news.order {
            if !olds.fields.contains_key(name) {
                self.lone_field(field, is_request, 1);
            }
        }
        let orders = [(&olds, &news), (&news, &olds)].map(|(own, other)| own.common(other));
        if orders[0] != orders[1] {
            let values = orders.map(|names| Value::line(names.join(&b", "[..])));
            self.values(Kind::Framing, "order of fields", values, 0);
        }
    }

    fn field(
        &mut self,
        [old, new]: [&Field<'_>; 2],
        is_request: bool,
        follows: bool,
        redaction: Redaction<'_>,
    ) {
        let subject = String::from_utf8_lossy(new.name);
        let bytes = length(new.value.len()) - length(old.value.len());
        if old.value != new.value {
            let values = [old.value, new.value];
            let kind = if follows {
                Kind::Volatile
            } else {
                kind_of_values(new.name, is_request, values, redaction)
            };
            let shown = match kind {
                Kind::Volatile => [None, None],
                _ => values.map(Value::line),
            };
            self.values(kind, &subject, shown, bytes);
        }
        let rest = new.bytes - old.bytes - bytes;
        if old.name != new.name {
            let values = [old.name, new.name].map(Value::line);
            self.values(Kind::Framing, "case of a field's name", values, rest);
        } else if rest != 0 || old.wrapping() != new.wrapping() {
            self.push(
                Kind::Framing,
                &format!("{subject}: spaces, line ends"),
                rest,
            );
        }
    }

    fn lone_field(&mut self, field: &Field<'_>, is_request: bool, sign: i64) {
        let value = Value::line(field.value);
        let values = if sign < 0 {
            [value, None]
        } else {
            [None, value]
        };
        let kind = kind_of(field.name, is_request);
        let subject = String::from_utf8_lossy(field.name);
        self.values(kind, &subject, values, sign * field.bytes);
    }

    fn http_bodies(&mut self, old: &Http, new: &Http, follows: bool) {
        let bytes = new.body_bytes - old.body_bytes;
        let is_hidden = old.body.is_hidden || new.body.is_hidden;
        let codeds = [old.coded.as_ref(), new.coded.as_ref()];
        if old.codings != new.codings {
            let names = |http: &Http| match &http.codings[..] {
                [] => Value::line("none"),
                codings => Value::line(codings.join(", ")),
            };
            let is_same = old.body.hidden == new.body.hidden;
            let coded = if is_same { bytes } else { 0 };
            let names = [old, new].map(names);
            self.values(Kind::Framing, "content coding", names, coded);
            if !is_same {
                self.bodies(&old.body, &new.body, bytes, "body");
            }
            self.undecoded(codeds);
            return;
        }
        if old.coded.is_none() || old.body.hidden != new.body.hidden {
            self.bodies(&old.body, &new.body, bytes, "body");
            self.undecoded(codeds);
            return;
        }
        if old.body.digest != new.body.digest {
            self.push(Kind::Volatile, "body", 0);
        }
        self.coded(codeds, (follows, is_hidden), bytes);
    }

    /// Compares coded bytes that decode to the same. If they follow from hidden content that differs, they are not
    /// compared. If it is the same they are, but no digest is shown of anything that may contain a secret.
    fn coded(
        &mut self,
        codeds: [Option<&Coded>; 2],
        (follows, is_hidden): (bool, bool),
        bytes: i64,
    ) {
        let [Some(old), Some(new)] = codeds else {
            if codeds != [None, None] {
                self.push(Kind::Framing, CODED_FORM, bytes);
            }
            return;
        };
        let has_told = self.undecoded(codeds);
        if old.digest == new.digest && old.length == new.length {
            if old.times != new.times {
                self.push(Kind::Volatile, "time in the header of gzip", 0);
            }
            if bytes != 0 {
                self.push(Kind::Capture, CODED_FORM, bytes);
            }
        } else if has_told {
            self.push(Kind::Body, "body that is not decoded", bytes);
        } else if follows {
            self.not_compared += old.length.max(new.length);
            self.push(Kind::Volatile, CODED_FORM, bytes);
        } else if is_hidden {
            self.push(Kind::Framing, CODED_FORM, bytes);
        } else {
            let values = [old, new].map(|coded| {
                let (length, digest) = (coded.length, digest_text(&coded.digest));
                Value::line(format!("{length} bytes, {digest}"))
            });
            self.values(Kind::Framing, CODED_FORM, values, bytes);
        }
    }

    /// Compares coded bytes that decoded to nothing. Returns true if they differ in what counts.
    fn undecoded(&mut self, codeds: [Option<&Coded>; 2]) -> bool {
        let none = Body::default();
        let [old, new] = codeds.map(|coded| coded.map_or(&none, |coded| &coded.undecoded));
        if old.digest == new.digest || old.length == 0 && new.length == 0 {
            return false;
        }
        if old.hidden == new.hidden {
            self.push(Kind::Volatile, "body that is not decoded", 0);
            return false;
        }
        let values = [old, new].map(|body| Some(Value::Text(body.shown.clone())));
        self.values(Kind::Body, "body that is not decoded", values, 0);
        true
    }

    fn bodies(&mut self, old: &Body, new: &Body, bytes: i64, subject: &str) {
        if old.digest == new.digest && old.length == new.length {
            if bytes != 0 {
                let kind = if old.missing == new.missing {
                    Kind::Framing
                } else {
                    Kind::Capture
                };
                self.push(kind, subject, bytes);
            }
        } else if old.hidden == new.hidden {
            self.push(Kind::Volatile, subject, bytes);
        } else if old.missing != new.missing {
            // What is missing would be a difference in any case, and what is there may be none.
            self.push(Kind::Capture, subject, bytes);
        } else {
            let values = [old, new].map(|body| Some(Value::Text(body.shown.clone())));
            self.values(Kind::Body, subject, values, bytes);
        }
    }

    /// Compares payload that is not part of the stream: its packets and bytes are counted with those of the connection.
    fn asides(&mut self, reason: AsideReason, old: &Body, new: &Body) {
        if old.digest == new.digest && old.length == new.length {
            return;
        }
        let subject = aside_subject(reason);
        if old.hidden == new.hidden && old.length == new.length {
            return self.push(Kind::Volatile, &subject, 0);
        }
        let values = [old, new].map(|body| Some(Value::Text(body.shown.clone())));
        self.values(Kind::Tcp, &subject, values, 0);
    }

    fn frames(&mut self, old: &Frames, new: &Frames, bytes: i64) {
        let headers = new.header_bytes - old.header_bytes;
        let texts = [old, new].map(Frames::text);
        let is_hidden = old.body.is_hidden || new.body.is_hidden;
        if texts[0] != texts[1] {
            self.values(Kind::Framing, "frame", texts.map(Value::line), headers);
        } else if old.rest() != new.rest() {
            self.push(Kind::Framing, "further frames of the message", headers);
        } else if headers == 0 && !old.has_lengths_of(new) && old.body.is_same(&new.body) {
            self.push(Kind::Framing, "lengths of the fragments", 0);
        } else if headers != 0 {
            let forms = [old, new].map(|frames| Value::line(forms_text(&frames.headers)));
            let kind = if is_hidden && !old.body.is_same(&new.body) {
                Kind::Volatile
            } else {
                Kind::Framing
            };
            self.values(kind, "form of the length", forms, headers);
        }
        self.payloads(old, new, bytes - headers);
        if !old.has_masks_of(new) && old.headers.len() == new.headers.len() {
            self.push(Kind::Volatile, "mask", 0);
        }
    }

    fn payloads(&mut self, old: &Frames, new: &Frames, bytes: i64) {
        let (Some(before), Some(after)) = (&old.compressed, &new.compressed) else {
            return self.bodies(&old.body, &new.body, bytes, "payload");
        };
        if old.body.hidden != new.body.hidden {
            return self.bodies(&old.body, &new.body, bytes, "payload");
        }
        if old.body.digest != new.body.digest {
            self.push(Kind::Volatile, "payload", 0);
        }
        if before.digest == after.digest {
            if bytes != 0 {
                self.push(Kind::Capture, "payload", bytes);
            }
        } else if before.not_inflated.is_some() || after.not_inflated.is_some() {
            let values = [before, after].map(|compressed| {
                let bytes = compressed.not_inflated.clone();
                Some(Value::Text(bytes.unwrap_or_default()))
            });
            self.values(Kind::Body, "payload that is not inflated", values, bytes);
        } else if before.follows || after.follows {
            if before.has_context_of(after) {
                return self.push(Kind::Framing, COMPRESSED_FORM, bytes);
            }
            self.not_compared += before.length.max(after.length);
            self.push(Kind::Volatile, COMPRESSED_FORM, bytes);
        } else {
            let values = [before, after].map(|compressed| {
                let (length, digest) = (compressed.length, digest_text(&compressed.digest));
                Value::line(format!("{length} bytes, {digest}"))
            });
            self.values(Kind::Framing, COMPRESSED_FORM, values, bytes);
        }
    }
}

/// Returns the finding for payload outside the stream that only one capture has.
pub(super) fn lone_aside(old: Option<&Entry>, new: Option<&Entry>) -> Option<Finding> {
    let Said::Aside(reason, _) = &old.or(new)?.said else {
        return None;
    };
    let shown = |entry: &Entry| {
        let shown = body(entry).map(|body| body.shown.clone());
        Value::Text(shown.unwrap_or_default())
    };
    let finding = Finding::new(Kind::Tcp, aside_subject(*reason));
    Some(finding.from(old.map(shown)).to(new.map(shown)))
}

/// Returns the subject of a change of payload outside the stream.
fn aside_subject(reason: AsideReason) -> String {
    format!("payload outside the stream: {reason}")
}

fn kind_of_start_lines(old: &Http, new: &Http, redaction: Redaction<'_>) -> Kind {
    let [before, after] = [&old.head, &new.head];
    let targets = [before.target(), after.target()];
    let hidden = |place: usize| redaction.target(before.method(), targets[place]);
    let same_method = before.method() == after.method() && before.status() == after.status();
    if same_method && before.reason() == after.reason() && hidden(0) == hidden(1) {
        Kind::Volatile
    } else {
        Kind::Head
    }
}

/// A field's name in lower case, and its index among the fields of that name.
type FieldName = (Vec<u8>, usize);

struct Named<'a> {
    order: Vec<(FieldName, Field<'a>)>,
    fields: HashMap<FieldName, Field<'a>>,
}

fn by_name<'a>(fields: &[Field<'a>]) -> Named<'a> {
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    let order = fields.iter().map(|field| {
        let name = field.name.to_ascii_lowercase();
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        ((name, *count), *field)
    });
    let order: Vec<_> = order.collect();
    Named {
        fields: order.iter().cloned().collect(),
        order,
    }
}

impl Named<'_> {
    /// Returns the names of the fields that the other head has too, in order.
    fn common(&self, other: &Self) -> Vec<Vec<u8>> {
        let common = self.order.iter();
        let common = common.filter(|(name, _)| other.fields.contains_key(name));
        common.map(|((name, _), _)| name.clone()).collect()
    }
}

/// Returns the length forms of frames as text.
fn forms_text(headers: &[Header]) -> String {
    let form = |header: &Header| match header.length_form {
        LengthForm::Seven => "7 bits",
        LengthForm::Sixteen => "16 bits",
        LengthForm::SixtyFour => "64 bits",
    };
    let forms: Vec<&str> = headers.iter().map(form).collect();
    forms.join(" + ")
}
