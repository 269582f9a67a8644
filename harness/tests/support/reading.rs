//! Reads captures as conversations, and describes their messages in words.

use std::fmt::Write as _;
use std::io::Read;

use wirestream::capture::CaptureReader;
use wirestream::conversation::Conversation;
use wirestream::message::{Detail, Message};
use wirestream::packet::{Decoded, FrameDecoder};
use wirestream::tcp::event::{Origin, StreamEvent, StreamSink};
use wirestream::tcp::stream::{Connection, Options, Reassembler};

/// Listens to one connection.
#[derive(Default)]
struct Listener {
    conversation: Conversation,
    messages: Vec<Message>,
}

impl StreamSink for Listener {
    fn event(&mut self, origin: Origin, event: StreamEvent<'_>) {
        self.conversation.event(origin, event);
        self.take();
    }
}

impl Listener {
    fn take(&mut self) {
        let messages = std::iter::from_fn(|| self.conversation.take());
        self.messages.extend(messages);
    }
}

/// Reads each connection of a capture, as far as possible.
pub fn messages<R: Read>(mut reader: CaptureReader<R>) -> Vec<(Connection, Vec<Message>)> {
    let mut decoder = FrameDecoder::default();
    let mut reassembler = Reassembler::new(Options::default(), |_| Listener::default());
    while let Some(packet) = reader.next() {
        let frame = decoder.decode(packet.link_type, packet.bytes, packet.original_length);
        if let Decoded::Segment(segment) = frame {
            reassembler.segment(packet.number, packet.time, &segment);
        }
    }
    let connections = reassembler.finish().into_iter();
    connections
        .map(|(connection, mut listener)| {
            listener.conversation.finish();
            listener.take();
            (connection, listener.messages)
        })
        .collect()
}

/// Returns a word for each message: its sender, its kind, and its content.
pub fn told(messages: &[Message]) -> Vec<String> {
    messages.iter().map(tell).collect()
}

pub fn tell(message: &Message) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let what = match &message.detail {
        Detail::Http(http) if http.head.is_request() => {
            let body = text(&http.body.bytes);
            format!(
                "{} {} {body:?}",
                text(http.head.method()),
                text(http.head.target())
            )
        }
        Detail::Http(http) => {
            let asked = http.request.as_ref().map_or_else(String::new, |request| {
                format!(" to {} {}", text(&request.method), text(&request.target))
            });
            format!("{}{asked} {:?}", http.head.status(), text(&http.body.bytes))
        }
        Detail::WebSocket(frame) => {
            format!("{} {:?}", frame.header.opcode, text(&frame.payload))
        }
        Detail::Event(event) => format!("event {:?}", event.data.clone().unwrap_or_default()),
        Detail::EventsEnd(_) => "end of events".to_owned(),
        Detail::Aside(aside) => format!("{}: {:?}", aside.reason, text(&aside.content.bytes)),
        Detail::Raw(content) => {
            let mut what = format!("raw {:?}", text(&content.bytes));
            for hole in &content.holes {
                write!(what, " [{} missing]", hole.missing).unwrap();
            }
            what
        }
    };
    format!("{} {what}", message.from)
}
