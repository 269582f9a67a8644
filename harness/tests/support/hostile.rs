//! A capture whose every text tries to be markup, a script, a command of a terminal, or written in the other direction.

use super::file::{ETHERNET, paced, pcap};
use super::network::ethernet;
use super::script::{Client, Script, Server};

/// A text with visible effects if it were taken for what it looks like: a script would set `window.hostile`, an element
/// would be there, a terminal would change its colour and title, text would run from right to left.
pub const TEXT: &str = "</pre></title></style></svg><script>window.hostile=1</script>\
    <img src=x onerror=window.hostile=1><svg onload=window.hostile=1><foreignObject></svg>\
    <iframe srcdoc=\"<script>top.hostile=1</script>\"></iframe><a href='javascript:window.hostile=1'>\
    ]]>--><!-- ``` \u{202e}\u{2066}\u{200b}\u{feff} \x1b[31m \x1b]0;hostile\x07 \u{9b}31m &lt; \" ' onfocus=window.hostile=1 ";

/// The same for places that spaces and control characters would end.
pub const WORD: &str = "/<script>window.hostile=1</script><svg/onload=window.hostile=1>\"'\u{202e}";

/// Returns two connections: HTTP that becomes a WebSocket, and lines of text.
#[must_use]
pub fn capture() -> Vec<u8> {
    let packets = conversation().then(lines());
    pcap(
        ETHERNET,
        &paced(packets.packets().iter().map(|packet| ethernet(packet))),
    )
}

fn conversation() -> Script {
    let mut talk = Talk::new(Script::default().open());
    talk.say_http(
        Client,
        &format!("GET {WORD} HTTP/1.1\r\nHost: {TEXT}\r\nX-{WORD}: {TEXT}\r\n"),
        "",
    );
    talk.say_http(
        Server,
        &format!("HTTP/1.1 200 {TEXT}\r\nContent-Type: text/html\r\n"),
        TEXT,
    );
    talk.say_http(
        Client,
        "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "",
    );
    talk.say_http(
        Server,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "",
    );
    talk.say(Client, &frame(0x81, Some([1, 2, 3, 4]), TEXT.as_bytes()));
    talk.say(Server, &frame(0x81, None, TEXT.as_bytes()));
    let reason: Vec<u8> = [&[3, 0xe8][..], WORD.as_bytes()].concat();
    talk.say(Server, &frame(0x88, None, &reason));
    talk.script
}

fn lines() -> Script {
    let mut talk = Talk::new(Script::between("10.0.0.1:50001", "10.0.0.2:7").open());
    talk.say(Client, format!("{TEXT}\r\n").as_bytes());
    talk.say(Server, format!("{TEXT} 12:34:56\r\n").as_bytes());
    talk.script.close()
}

/// A script that knows the offset of each side.
struct Talk {
    script: Script,
    said: [u32; 2],
}

impl Talk {
    const fn new(script: Script) -> Self {
        Self {
            script,
            said: [0; 2],
        }
    }

    fn say(&mut self, from: super::script::End, bytes: &[u8]) {
        let (own, peer) = (from as usize, 1 - from as usize);
        let heard = self.said[peer];
        let script = std::mem::take(&mut self.script);
        let (client, server) = if own == 0 {
            (heard, self.said[0])
        } else {
            (self.said[1], heard)
        };
        self.script = script
            .acknowledging(client, server)
            .data(from, self.said[own], bytes);
        self.said[own] += u32::try_from(bytes.len()).unwrap();
    }

    fn say_http(&mut self, from: super::script::End, head: &str, body: &str) {
        let message = if body.is_empty() {
            format!("{head}\r\n")
        } else {
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
        };
        self.say(from, message.as_bytes());
    }
}

/// Returns a WebSocket frame, RFC 6455 §5.2.
fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    if let Ok(length @ ..126) = u8::try_from(payload.len()) {
        frame.push(masked | length);
    } else {
        // 126: the length is in the next 16 bits.
        frame.push(masked | 0x7e);
        frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    frame.extend(mask.into_iter().flatten());
    let key = mask.unwrap_or_default();
    frame.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}
