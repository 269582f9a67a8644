//! The fields of an HTTP head: their places, and the kind of thing that each tells.

use wirestream::http::Head;

use super::kind::Kind;
use super::redaction::Redaction;

/// The fields that a client sends in its requests by itself, whatever is requested (a name that ends in `-` is a
/// prefix).
const IDENTITY: [&str; 17] = [
    "user-agent",
    "accept",
    "accept-",
    "connection",
    "upgrade-insecure-requests",
    "sec-fetch-",
    "sec-ch-",
    "sec-gpc",
    "sec-websocket-",
    "dnt",
    "priority",
    "te",
    "origin",
    "referer",
    "pragma",
    "cache-control",
    "keep-alive",
];

/// The fields that say how the content is wrapped.
const FRAMING: [&str; 9] = [
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "trailer",
    "connection",
    "keep-alive",
    "upgrade",
    "sec-websocket-",
    "te",
];

/// A field as it stands in a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// The bytes between name and value: the colon, and spaces.
    pub(super) before: &'a [u8],
    /// The bytes after the value: spaces, and the line end.
    pub(super) after: &'a [u8],
    /// The number of bytes of all its lines, including line ends.
    pub(super) bytes: i64,
}

impl Field<'_> {
    /// Returns true if it has that name, in any case.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Returns the bytes around the value.
    pub(super) fn wrapping(&self) -> Vec<u8> {
        [self.before, b"\n", self.after].concat()
    }
}

/// A head's bytes: first its start line, then its fields, then the empty line.
pub(super) struct Parts<'a> {
    /// The contents of the start line: method and target, or status and reason.
    pub(super) start: Vec<u8>,
    /// The number of other bytes of the start line: version, spaces, line ends, empty lines before it.
    pub(super) start_rest: i64,
    /// The whole start line, including empty lines before it and its line end.
    line: &'a [u8],
    pub(super) fields: Vec<Field<'a>>,
    /// The empty line at the end.
    pub(super) end: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn of(head: &'a Head) -> Self {
        let raw = &head.raw;
        let spans: Vec<_> = head.field_spans().collect();
        let end = end_of_fields(raw);
        let begins = |place: usize| spans.get(place).map_or(end, |(name, _)| name.start);
        let part = |from: usize, to: usize| raw.get(from..to).unwrap_or_default();
        let fields = spans.iter().enumerate().map(|(place, (name, value))| {
            let next = begins(place + 1);
            Field {
                name: &raw[name.clone()],
                value: &raw[value.clone()],
                before: part(name.end, value.start),
                after: part(value.end, next),
                bytes: length(next.saturating_sub(name.start)),
            }
        });
        let start = start(head);
        Self {
            start_rest: length(begins(0)) - length(start.len()),
            start,
            line: &raw[..begins(0)],
            fields: fields.collect(),
            end: &raw[end..],
        }
    }

    /// Returns the start line with the volatile parts of its target hidden.
    pub(super) fn start_line(&self, head: &Head, redaction: Redaction<'_>) -> Vec<u8> {
        let target = head.target_span();
        if !head.is_request() || target.end > self.line.len() {
            return self.line.to_vec();
        }
        let hidden = redaction.target(head.method(), head.target());
        [
            &self.line[..target.start],
            &hidden,
            &self.line[target.end..],
        ]
        .concat()
    }
}

/// Returns the place at which the last empty line begins.
fn end_of_fields(raw: &[u8]) -> usize {
    let without = raw.strip_suffix(b"\n").unwrap_or(raw);
    without.strip_suffix(b"\r").unwrap_or(without).len()
}

/// Returns the contents of a start line.
pub(super) fn start(head: &Head) -> Vec<u8> {
    if head.is_request() {
        return [head.method(), b" ", head.target()].concat();
    }
    let status = head.status().to_string();
    match head.reason() {
        b"" => status.into_bytes(),
        reason => [status.as_bytes(), b" ", reason].concat(),
    }
}

pub(super) fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Returns the kind of thing that a field tells.
pub(super) fn kind_of(name: &[u8], is_request: bool) -> Kind {
    let name = name.to_ascii_lowercase();
    let is_one_of = |names: &[&str]| {
        names.iter().any(|known| match known.as_bytes() {
            family @ [.., b'-'] => name.starts_with(family),
            known => name == known,
        })
    };
    match name.as_slice() {
        b"host" => Kind::Host,
        _ if is_request && is_one_of(&IDENTITY) => Kind::Identity,
        _ if is_one_of(&FRAMING) => Kind::Framing,
        _ => Kind::Head,
    }
}

/// Returns the kind of difference between two values of a field.
pub(super) fn kind_of_values(
    name: &[u8],
    is_request: bool,
    [old, new]: [&[u8]; 2],
    redaction: Redaction<'_>,
) -> Kind {
    // Redaction hides versions and platforms, so that any browser gives one snapshot; but a browser that calls itself
    // something else is another browser.
    let names_itself = name.eq_ignore_ascii_case(b"user-agent")
        || name
            .to_ascii_lowercase()
            .starts_with(b"sec-ch-ua".as_slice());
    let hidden = [old, new].map(|value| redaction.field(name, value));
    if !names_itself && hidden[0] == hidden[1] {
        return Kind::Volatile;
    }
    match (without_authority(old), without_authority(new)) {
        (Some(old), Some(new)) if old == new => Kind::Host,
        _ => kind_of(name, is_request),
    }
}

/// Returns an address on the web without its host and port; `None` if it is not an address.
fn without_authority(value: &[u8]) -> Option<[&[u8]; 2]> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let path = rest.find('/').unwrap_or(rest.len());
    Some([scheme.as_bytes(), &rest.as_bytes()[path..]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::difference::{Hidden, Sort};
    use proptest::prelude::*;
    use wirestream::http::{Item, Parser, Role};

    fn head(raw: &[u8]) -> Head {
        let mut parser = Parser::new(Role::Requests);
        match parser.next(&mut &raw[..], None) {
            Some(Item::Head(head)) => *head,
            other => panic!("{other:?}"),
        }
    }

    struct Plain;

    impl super::super::redaction::Rules for Plain {
        fn hide_secrets(&self, _: &mut wirestream::message::Message) {}

        fn target(&self, _: &[u8], target: &[u8]) -> Vec<u8> {
            target.to_vec()
        }

        fn field(&self, _: &[u8], value: &[u8]) -> Vec<u8> {
            value.to_vec()
        }

        fn content(&self, bytes: &[u8], _: Sort) -> Hidden {
            Hidden::plain(bytes.to_vec())
        }
    }

    const PLAIN: Redaction<'static> = Redaction(&Plain);

    #[test]
    fn what_a_client_sends_by_itself_is_its_identity_and_no_server_has_one() {
        for name in [
            "User-Agent",
            "ACCEPT-language",
            "Sec-Fetch-Mode",
            "Connection",
        ] {
            assert_eq!(kind_of(name.as_bytes(), true), Kind::Identity, "{name}");
        }
        assert_eq!(kind_of(b"Connection", false), Kind::Framing);
        assert_eq!(kind_of(b"Acceptance", true), Kind::Head);
        assert_eq!(kind_of(b"Content-Length", true), Kind::Framing);
        assert_eq!(kind_of(b"Server", false), Kind::Head);
    }

    #[test]
    fn another_host_in_an_address_is_another_host() {
        let kind = |old: &str, new: &str| {
            kind_of_values(b"Referer", true, [old.as_bytes(), new.as_bytes()], PLAIN)
        };
        assert_eq!(kind("http://a/x", "http://b:1/x"), Kind::Host);
        assert_eq!(kind("http://a", "http://b"), Kind::Host);
        assert_eq!(kind("http://a/x", "http://b/y"), Kind::Identity);
        assert_eq!(kind("http://a/x", "https://b/x"), Kind::Identity);
    }

    proptest! {
        #[test]
        fn the_parts_of_a_head_add_up(
            fields in prop::collection::vec(("[A-Za-z-]{1,9}", "[ a-z:]{0,9}"), 0..6),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            before in prop::sample::select(vec!["", "\r\n", "\n\n"]),
        ) {
            let mut raw = format!("{before}GET /a HTTP/1.1{end}");
            for (name, value) in fields {
                raw = format!("{raw}{name}:{value}{end}");
            }
            raw.push_str(end);
            let head = head(raw.as_bytes());
            let parts = Parts::of(&head);
            let fields: i64 = parts.fields.iter().map(|field| field.bytes).sum();
            let sum = length(parts.start.len()) + parts.start_rest + fields + length(parts.end.len());
            prop_assert_eq!(sum, length(head.raw.len()));
            prop_assert!(parts.fields.iter().all(|field| field.bytes > length(field.name.len() + field.value.len())));
        }
    }
}
