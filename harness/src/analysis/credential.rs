//! Finds text that looks like a credential, to warn the user before it is published. It is never shown.
//!
//! The shapes searched for are rare elsewhere: HTTP fields reserved for credentials, cookies named like a session, form
//! fields named like a password, tokens with the prefixes of their issuers. A value replaced by a placeholder has none
//! of these shapes.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use wirestream::message::Message;
use wirestream::message::part::{Part, parts};

/// Something that looks like a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The kind of credential, as `cookie session`: the name by which it can be acknowledged.
    pub kind: String,
    /// The part of the message that it is in.
    pub part: String,
}

/// A shape. Its last group is the credential. Another group, if there is one, is its name.
struct Shape {
    kind: &'static str,
    pattern: Regex,
}

/// The kind of the shape that is looked for in cookies only.
const COOKIE: &str = "cookie";

/// The shapes of credentials anywhere.
static ANYWHERE: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    shapes(&[
        ("private key", r"(-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)"),
        (
            "JSON web token",
            r"\b(eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})",
        ),
        ("AWS access key", r"\b((?:AKIA|ASIA)[A-Z0-9]{16})\b"),
        (
            "GitHub token",
            r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})",
        ),
        ("GitLab token", r"\b(glpat-[\w-]{20,})"),
        ("Slack token", r"\b(xox[abeprs]-[A-Za-z0-9-]{10,})"),
        ("Google API key", r"\b(AIza[\w-]{35})"),
        ("Stripe key", r"\b([rs]k_live_[A-Za-z0-9]{16,})"),
        ("npm token", r"\b(npm_[A-Za-z0-9]{36})\b"),
    ])
});

/// The shapes of credentials in the lines of a head.
static IN_HEADS: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    shapes(&[
        (
            "Authorization",
            r"(?i)^(?:Proxy-)?Authorization: *(Basic|Bearer|Token|ApiKey) +([A-Za-z0-9._~+/-]{4,}=*)",
        ),
        (
            COOKIE,
            r"(?i)(?:^(?:Set-)?Cookie:|;) *([\w.-]*(?:sess|sid\b|auth|token|jwt|login|remember)[\w.-]*)=([^;,<\s]{6,})",
        ),
        (
            "field",
            r"(?i)^(X-Api-Key|Api-Key|X-Auth-Token|X-Access-Token|X-Amz-Security-Token|X-Vault-Token|Private-Token): *([^<\s]{6,})",
        ),
    ])
});

/// The shapes of credentials in targets and bodies.
static IN_TEXTS: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    shapes(&[
        // SMTP (RFC 4954), POP3 (RFC 5034) and IMAP (RFC 9051), with an answer that comes at once.
        (
            "AUTH",
            r"(?im)^(?:\S{1,20} )?AUTH(?:ENTICATE)? (PLAIN|LOGIN|XOAUTH2|OAUTHBEARER) +([A-Za-z0-9+/]{4,}=*)\r?$",
        ),
        // POP3 (RFC 1939) and FTP (RFC 959).
        ("command", r"(?m)^(PASS) +([^\s<]{3,})\r?$"),
        (
            "form field",
            r"(?i)(?:^|[?&\n])((?:[a-z]+_)?(?:password|passwd|passphrase|pwd)|(?:client_|api_)secret|(?:access|refresh|id|auth)_token|api_?key)=([^&\s<]{3,})",
        ),
        (
            "JSON field",
            r#"(?i)"(token|jwt|session(?:_?id)?)" *: *"([\w.~+/-]{16,}=*)""#,
        ),
        (
            "JSON field",
            r#"(?i)"((?:[a-z]+_)?(?:password|passwd|passphrase|pwd)|(?:client_|api_)secret|(?:access|refresh|id|auth)_?token|api_?key)" *: *"([^"<]{3,})""#,
        ),
    ])
});

fn shapes(shapes: &[(&'static str, &str)]) -> Vec<Shape> {
    let shape = |(kind, pattern): &(&'static str, &str)| match Regex::new(pattern) {
        Ok(pattern) => Shape { kind, pattern },
        // A credential that is not looked for must not go unnoticed.
        Err(error) => unreachable!("the pattern of {kind}: {error}"),
    };
    shapes.iter().map(shape).collect()
}

/// The most different things that are told apart in one message.
const MOST_OF_A_MESSAGE: usize = 100;

/// The longest name of a field that is reported: nobody acknowledges a credential by a longer one.
const LONGEST_NAME: usize = 200;

/// Returns what looks like a credential in a message, each kind once for each part. Places that are `covered` in their
/// part do not count; they are in order.
pub fn find(message: &Message, covered: impl Fn(&[u8]) -> Vec<Range<usize>>) -> Vec<Credential> {
    let mut found = Vec::new();
    for part in parts(message) {
        let covered = covered(part.bytes);
        for shape in shapes_of(&part) {
            in_part(shape, &part, &covered, &mut found);
        }
    }
    found
}

fn shapes_of<'a>(part: &Part<'_>) -> impl Iterator<Item = &'a Shape> {
    let own = match &*part.name {
        "request line" | "body" | "payload" | "bytes" | "event" | "trailers" => &IN_TEXTS,
        _ => &IN_HEADS,
    };
    own.iter().chain(ANYWHERE.iter())
}

/// Adds to `found` the matches of a shape in a part, unless they are there or there are enough.
fn in_part(shape: &Shape, part: &Part<'_>, covered: &[Range<usize>], found: &mut Vec<Credential>) {
    let is_cookie = || part.name.to_ascii_lowercase().ends_with("cookie");
    if shape.kind == COOKIE && !is_cookie() {
        return;
    }
    for captures in shape.pattern.captures_iter(part.bytes) {
        if found.len() >= MOST_OF_A_MESSAGE {
            return;
        }
        let last = captures.len() - 1;
        let Some(value) = captures.get(last).map(|value| value.range()) else {
            continue;
        };
        let behind = covered.partition_point(|place| place.end <= value.start);
        if covered
            .get(behind)
            .is_some_and(|place| place.start < value.end)
        {
            continue;
        }
        let name = (last > 1).then(|| captures.get(1)).flatten();
        let kind = match name {
            Some(name) => {
                let name = name.as_bytes();
                let shown = String::from_utf8_lossy(&name[..name.len().min(LONGEST_NAME)]);
                format!("{} {shown}", shape.kind)
            }
            None => shape.kind.to_owned(),
        };
        let is_known = |other: &Credential| other.kind == kind && other.part == part.name;
        if !found.iter().any(is_known) {
            found.push(Credential {
                kind,
                part: part.name.clone().into_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, bytes: &str) -> Vec<String> {
        let part = Part {
            name: name.into(),
            bytes: bytes.as_bytes(),
        };
        let mut all = Vec::new();
        for shape in shapes_of(&part) {
            in_part(shape, &part, &[], &mut all);
        }
        all.into_iter().map(|credential| credential.kind).collect()
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!((ANYWHERE.len(), IN_HEADS.len(), IN_TEXTS.len()), (9, 3, 5));
    }

    #[test]
    fn credentials_are_called_by_what_they_look_like() {
        for (name, bytes, kind) in [
            (
                "Authorization",
                "authorization: Basic YTpi",
                "Authorization Basic",
            ),
            (
                "Authorization",
                "Authorization: Bearer a.b-c",
                "Authorization Bearer",
            ),
            (
                "Cookie",
                "Cookie: a=1; PHPSESSID=0123456789abcdef",
                "cookie PHPSESSID",
            ),
            (
                "Cookie",
                "Cookie: a_token=<token>; b_token=0123456789",
                "cookie b_token",
            ),
            (
                "Set-Cookie",
                "Set-Cookie: connect.sid=s%3A0123; Path=/",
                "cookie connect.sid",
            ),
            ("X-API-Key", "X-API-Key: 0123456789", "field X-API-Key"),
            ("body", "name=a&password=hunter2", "form field password"),
            ("bytes", "EHLO me\r\nAUTH PLAIN AGEAYmM=\r\n", "AUTH PLAIN"),
            ("bytes", "a1 authenticate plain AGEAYmM=\r\n", "AUTH plain"),
            ("bytes", "USER a\r\nPASS secret\r\n", "command PASS"),
            (
                "request line",
                "GET /?access_token=abcdef HTTP/1.1",
                "form field access_token",
            ),
            ("payload", "{\"apiKey\": \"0123\"}", "JSON field apiKey"),
            ("body", "-----BEGIN RSA PRIVATE KEY-----\n", "private key"),
            ("bytes", "key AKIAIOSFODNN7EXAMPLE.", "AWS access key"),
            (
                "X",
                "X: ghp_0123456789abcdefghijABCDEFGHIJ012345",
                "GitHub token",
            ),
            ("payload", "xoxb-0123456789-abc", "Slack token"),
            (
                "body",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
                "JSON web token",
            ),
        ] {
            assert_eq!(found(name, bytes), [kind], "{bytes}");
        }
    }

    #[test]
    fn what_is_none_is_not_found() {
        for (name, bytes) in [
            ("WWW-Authenticate", "WWW-Authenticate: Basic realm=\"x\""),
            ("Authorization", "Authorization: Bearer <token.......>"),
            ("Cookie", "Cookie: theme=dark-blue; language=english"),
            ("Set-Cookie", "Set-Cookie: session=<session.....>; Path=/"),
            ("Set-Cookie", "Set-Cookie: session=; Max-Age=0"),
            ("Content-Type", "Content-Type: x/y; token=0123456789"),
            (
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==",
            ),
            ("body", "<input type=\"password\" name=\"password\">"),
            ("body", "the password: forgotten"),
            ("request line", "GET /login?next=/token HTTP/1.1"),
        ] {
            assert_eq!(found(name, bytes), [""; 0], "{bytes}");
        }
    }
}
