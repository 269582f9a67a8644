//! Conversations with any packets lost: each answer that is listed with a request is listed with its own.

use std::collections::BTreeMap;

use wiresnap::analysis::message::Detail;

use super::*;
use crate::support::network::Tcp;

/// Numbers that look random, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        let most = choices.len() as u64;
        choices[usize::try_from(self.below(most)).unwrap()]
    }
}

/// Returns the conversation of a client that waits for each answer, and the body of each answer, by the request's
/// target.
fn conversation(random: &mut Random) -> (Script, BTreeMap<String, String>) {
    let mut script = Script::opened();
    let mut bodies = BTreeMap::new();
    for number in 0..4 + random.below(6) {
        let target = format!("/{number}");
        let method = random.one_of(&["GET", "GET", "HEAD", "POST", "PROPFIND"]);
        let sent = if method == "POST" { "sent" } else { "" };
        let length = sent.len();
        script = script.say(
            Client,
            format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"),
        );
        if !sent.is_empty() {
            script = script.say(Client, sent);
        }
        let body = format!(
            "the body of {target}, {}",
            "x".repeat(usize::try_from(number * 7).unwrap())
        );
        let kind = random.one_of(&["length", "chunked", "204", "304"]);
        let (status, fields, pieces) = match kind {
            "chunked" => {
                let size = format!("{:x}\r\n", body.len());
                let pieces = vec![size, body.clone(), "\r\n0\r\n\r\n".to_owned()];
                (
                    "200 OK",
                    "Transfer-Encoding: chunked\r\n".to_owned(),
                    pieces,
                )
            }
            "length" => {
                let fields = format!("Content-Length: {}\r\n", body.len());
                let (start, end) = body.split_at(body.len() / 2);
                ("200 OK", fields, vec![start.to_owned(), end.to_owned()])
            }
            "204" => ("204 No Content", String::new(), Vec::new()),
            _ => (
                "304 Not Modified",
                format!("Content-Length: {}\r\n", body.len()),
                Vec::new(),
            ),
        };
        let has_body = method != "HEAD" && !pieces.is_empty();
        let head = format!("HTTP/1.1 {status}\r\nX-For: {target}\r\n{fields}\r\n");
        script = script.say(Server, head);
        if has_body {
            script = pieces
                .into_iter()
                .fold(script, |script, piece| script.say(Server, piece));
        }
        script = script.hear(Client);
        bodies.insert(target, if has_body { body } else { String::new() });
    }
    (script.hear(Server).close(), bodies)
}

/// Loses some of the packets that carry bytes.
fn lose(script: &mut Script, random: &mut Random, of_ten: u64) {
    let is_kept = |segment: &Tcp, random: &mut Random| {
        segment.payload.is_empty() || random.below(10) >= of_ten
    };
    script.segments.retain(|segment| is_kept(segment, random));
}

#[test]
fn whatever_is_lost_no_answer_is_told_with_another_ones_request() {
    let mut told_with_request = 0;
    for seed in 1..400 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (mut script, bodies) = conversation(&mut random);
        lose(&mut script, &mut random, seed % 4);
        let messages = read_script(&script);
        for message in &messages {
            let Detail::Http(http) = &message.detail else {
                continue;
            };
            let Some(target) = http.head.field("x-for") else {
                continue;
            };
            let target = String::from_utf8_lossy(target).into_owned();
            let context = || format!("seed {seed}, {target}: {:#?}", told(&messages));
            if let Some(request) = &http.request {
                told_with_request += 1;
                assert_eq!(request.target, target.as_bytes(), "{}", context());
                let body = String::from_utf8_lossy(&http.body.bytes).into_owned();
                let is_whole = http.body.holes.is_empty() && message.notes.is_empty();
                if is_whole {
                    assert_eq!(body, bodies[&target], "{}", context());
                }
            }
        }
    }
    assert!(told_with_request > 1000, "{told_with_request}");
}
