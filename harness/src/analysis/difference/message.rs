//! Two messages that answer each other, field by field.
//!
//! What their bytes differ by is given away piece by piece, to the piece that it is in; so nothing is left, and nothing
//! is counted twice.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::entry::{Body, Entry, Frames, Http, Said};
use super::field::{Field, Parts, kind_of, kind_of_values, length, start};
use super::figures::Delta;
use super::kind::Kind;
use super::ledger::{Finding, Value};
use super::redaction::Redaction;
use crate::wire::event::AsideReason;
use crate::wire::websocket::{Header, LengthForm};

/// What two messages of one family differ in; the payload bytes of all findings add up to what their lengths differ by.
pub(super) fn compare(old: &Entry, new: &Entry, redaction: Redaction<'_>) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    let bytes = new.bytes - old.bytes;
    match (&old.said, &new.said) {
        (Said::Http(before), Said::Http(after)) => {
            findings.heads(before, after, redaction);
            findings.http_bodies(before, after);
            if before.trailers != after.trailers {
                let values = [&before.trailers, &after.trailers].map(|value| Value::line(&**value));
                findings.values(Kind::Framing, "trailers", values, 0);
            }
            findings.rest(bytes, "chunks");
        }
        (Said::Frames(before), Said::Frames(after)) => {
            findings.frames(before, after, bytes);
        }
        (Said::Event(before), Said::Event(after)) => {
            let length = after.length.cast_signed() - before.length.cast_signed();
            findings.bodies(before, after, length, "event");
            findings.rest(bytes, "chunks");
        }
        (Said::Raw(before), Said::Raw(after)) => findings.bodies(before, after, bytes, "text"),
        (Said::Aside(reason, before), Said::Aside(_, after)) => {
            findings.asides(*reason, before, after);
        }
        _ => findings.push(Kind::Exchange, "another protocol", bytes),
    }
    findings.0
}

/// Bytes of content that were too many to be compared, of either.
pub(super) fn not_compared(old: &Entry, new: &Entry) -> u64 {
    body(old).left_out.max(body(new).left_out)
}

/// Bytes of content that the capture lacks.
pub(super) const fn missing(entry: &Entry) -> u64 {
    body(entry).missing
}

const fn body(entry: &Entry) -> &Body {
    match &entry.said {
        Said::Http(http) => &http.body,
        Said::Frames(frames) => &frames.body,
        Said::Event(body) | Said::Raw(body) | Said::Aside(_, body) => body,
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn push(&mut self, kind: Kind, subject: &str, bytes: i64) {
        self.values(kind, subject, [None, None], bytes);
    }

    fn values(&mut self, kind: Kind, subject: &str, [old, new]: [Option<Value>; 2], bytes: i64) {
        let finding = Finding::new(kind, subject).from(old).to(new);
        self.0.push(finding.costs(Delta::of_payload(bytes)));
    }

    /// What of the difference no part has taken is in what wraps the parts.
    fn rest(&mut self, bytes: i64, subject: &str) {
        let taken: i64 = self.0.iter().map(|finding| finding.delta.app_bytes).sum();
        if bytes != taken {
            self.push(Kind::Framing, subject, bytes - taken);
        }
    }

    fn heads(&mut self, old: &Http, new: &Http, redaction: Redaction<'_>) {
        let [before, after] = [&old.head, &new.head].map(Parts::of);
        self.start_lines(old, new, [&before, &after], redaction);
        self.fields(old, new, [&before.fields, &after.fields], redaction);
        if before.end != after.end {
            self.push(Kind::Framing, "line ends", after.end - before.end);
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
        } else if bytes != 0 {
            self.push(Kind::Framing, "line ends", bytes);
        }
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
        let [olds, news] = [before, after].map(by_name);
        for (name, field) in &olds.order {
            match news.fields.get(name) {
                Some(other) => self.field([field, other], is_request, accepts, redaction),
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
        accepts: bool,
        redaction: Redaction<'_>,
    ) {
        let subject = String::from_utf8_lossy(new.name);
        let bytes = length(new.value.len()) - length(old.value.len());
        if old.value != new.value {
            let belongs = accepts && new.name.eq_ignore_ascii_case(b"sec-websocket-accept");
            let values = [old.value, new.value];
            let kind = if belongs {
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
        } else if rest != 0 {
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

    fn http_bodies(&mut self, old: &Http, new: &Http) {
        let bytes = new.body_bytes - old.body_bytes;
        if old.codings == new.codings {
            return self.bodies(&old.body, &new.body, bytes, "body");
        }
        let names = |http: &Http| match &http.codings[..] {
            [] => Value::line("none"),
            codings => Value::line(codings.join(", ")),
        };
        let is_same = old.body.hidden == new.body.hidden;
        let coded = if is_same { bytes } else { 0 };
        self.values(
            Kind::Framing,
            "content coding",
            [old, new].map(names),
            coded,
        );
        if !is_same {
            self.bodies(&old.body, &new.body, bytes, "body");
        }
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
        } else if old.hidden == new.hidden && old.length == new.length {
            self.push(Kind::Volatile, subject, bytes);
        } else if old.missing != new.missing {
            // What is missing would be a difference in any case, and what is there may be none.
            self.push(Kind::Capture, subject, bytes);
        } else {
            let values = [old, new].map(|body| Some(Value::Text(body.shown.clone())));
            self.values(Kind::Body, subject, values, bytes);
        }
    }

    /// Payload that is not part of the stream: its packets and bytes are told with those of the connection.
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
        let texts = [old, new].map(frames_text);
        if texts[0] != texts[1] {
            self.values(Kind::Framing, "frame", texts.map(Value::line), headers);
        } else if headers != 0 {
            let forms = [old, new].map(|frames| Value::line(forms_text(&frames.headers)));
            self.values(Kind::Framing, "form of the length", forms, headers);
        }
        self.bodies(&old.body, &new.body, bytes - headers, "payload");
        if !old.has_masks_of(new) && old.headers.len() == new.headers.len() {
            self.push(Kind::Volatile, "mask", 0);
        }
    }
}

/// Payload outside the stream that only one capture has.
pub(super) fn lone_aside(old: Option<&Entry>, new: Option<&Entry>) -> Option<Finding> {
    let Said::Aside(reason, _) = &old.or(new)?.said else {
        return None;
    };
    let shown = |entry: &Entry| Value::Text(body(entry).shown.clone());
    let finding = Finding::new(Kind::Tcp, aside_subject(*reason));
    Some(finding.from(old.map(shown)).to(new.map(shown)))
}

/// What a change of payload outside the stream is called.
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

/// A field's name in lower case, and which of that name it is.
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
    /// The names of the fields that the other head has too, in order.
    fn common(&self, other: &Self) -> Vec<Vec<u8>> {
        let common = self.order.iter();
        let common = common.filter(|(name, _)| other.fields.contains_key(name));
        common.map(|((name, _), _)| name.clone()).collect()
    }
}

/// `text, masked`, or `text + continuation, masked, compressed`.
fn frames_text(frames: &Frames) -> String {
    let mut names: Vec<String> = Vec::new();
    for header in &frames.headers {
        let reserved = match header.reserved {
            0 => String::new(),
            bits => format!(" (reserved bits {bits:03b})"),
        };
        names.push(format!("{}{reserved}", header.opcode));
    }
    let mut text = names.join(" + ");
    if frames.more > 0 {
        let _ = write!(text, " + {} more", frames.more);
    }
    if frames.headers.iter().any(|header| header.mask.is_some()) {
        text.push_str(", masked");
    }
    if frames.compressed {
        text.push_str(", compressed");
    }
    if frames.headers.last().is_some_and(|header| !header.fin) {
        text.push_str(", more follows");
    }
    text
}

/// How the lengths of frames are written.
fn forms_text(headers: &[Header]) -> String {
    let form = |header: &Header| match header.length_form {
        LengthForm::Seven => "7 bits",
        LengthForm::Sixteen => "16 bits",
        LengthForm::SixtyFour => "64 bits",
    };
    let forms: Vec<&str> = headers.iter().map(form).collect();
    forms.join(" + ")
}
