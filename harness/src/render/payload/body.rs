//! HTTP messages and events: heads, bodies, and the wrapping of these.

use wirestream::message::chunks::{Chunks, Run};
use wirestream::message::content::Content;
use wirestream::message::{CodedBody, EventsEnd, HttpMessage, Message};
use wirestream::sse::Event;
use wirestream::units::Side;

use super::super::redact::{self, Shown};
use super::super::safe_text::{is_text, safe_line};
use super::follows::{Lengths, UNKNOWN};
use super::{Listing, digest};

impl Listing {
    pub(super) fn http(&mut self, message: &Message, http: &HttpMessage) {
        self.writer.set_form(self.style.form());
        self.begin_text();
        let shown = self.shown(&http.body.bytes);
        let lengths = Lengths::of(message, http, &shown);
        if self.style.redact {
            let accept = http.accept_belongs == Some(true);
            let head = redact::head(&http.head, accept, lengths.content_length.as_deref());
            self.lines(&head);
        } else {
            self.write(&http.head.raw);
        }
        let is_hidden = self.style.redact && lengths.is_hidden;
        self.http_chunks(message, http, &shown, is_hidden);
        self.note_case(message);
        if let Some(coded) = &http.coded {
            self.coded(coded, &http.codings, !http.body.is_empty(), is_hidden);
        }
        let is_whole = self.body(&http.body, &message.placeholders);
        if is_whole
            && self.style.redact
            && http.body.bytes.last().is_some_and(|last| *last != b'\n')
        {
            self.bracket("no line end");
        }
        if let Some(coded) = &http.coded {
            self.undecoded(coded, &http.codings, is_hidden);
        }
        self.trailers(&http.trailers);
    }

    /// Returns content, with volatile values hidden if that is wanted.
    pub(super) fn shown<'a>(&self, bytes: &'a [u8]) -> Shown<'a> {
        if self.style.redact {
            Shown::content(bytes)
        } else {
            Shown::plain(bytes)
        }
    }

    /// Writes a head's lines. A line end of CR LF is not shown; another line end is.
    fn lines(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = match line {
                [text @ .., b'\r', b'\n'] => (text, "\n"),
                [text @ .., b'\n'] => (text, "\\n\n"),
                text => (text, ""),
            };
            self.write(text);
            self.writer.end(&mut self.buffer.text);
            self.buffer.text.extend_from_slice(end.as_bytes());
        }
    }

    fn trailers(&mut self, trailers: &[u8]) {
        if trailers.is_empty() {
            return;
        }
        self.end_line();
        if self.style.redact {
            self.lines(&redact::text(trailers));
        } else {
            self.write(trailers);
        }
        self.end_line();
    }

    /// Writes the chunks of the body, if it was not cut as most are.
    fn http_chunks(
        &mut self,
        message: &Message,
        http: &HttpMessage,
        shown: &Shown<'_>,
        is_hidden: bool,
    ) {
        let (chunks, from) = (&message.chunks, message.from);
        let missing = http.missing_bytes();
        if http.coded.is_some() {
            let length = http.coded_length.saturating_add(missing);
            if is_hidden && !chunks.are_usual(length, true, self.cases[from as usize]) {
                return self.chunks(&chunks.without_sizes(), true);
            }
            return self.unusual_chunks(from, chunks, length, true);
        }
        let length = shown.bytes.len() as u64 + http.body.left_out.length();
        if is_hidden && missing > 0 {
            return self.chunks(&chunks.without_sizes(), true);
        }
        let moves = shown.moves();
        let chunks = chunks.moved(|at| moves.moved(at));
        self.unusual_chunks(from, &chunks, length.saturating_add(missing), true);
    }

    /// Records the case of a side's digits, reported or not.
    pub(super) fn note_case(&mut self, message: &Message) {
        let case = &mut self.cases[message.from as usize];
        *case = message.chunks.case_after(*case);
    }

    fn unusual_chunks(&mut self, from: Side, chunks: &Chunks, length: u64, is_body: bool) {
        let case = self.cases[from as usize];
        let is_silent = chunks.is_empty() || chunks.are_usual(length, is_body, case);
        if !is_silent {
            self.chunks(chunks, is_body);
        }
    }

    /// Writes the chunks as `[chunks: 1f4 ×3, 20;name=value, 0]`.
    fn chunks(&mut self, chunks: &Chunks, is_end: bool) {
        if chunks.is_empty() && !chunks.is_open() {
            return;
        }
        let mut parts: Vec<String> = chunks.runs().iter().map(run_text).collect();
        let (more, rest) = chunks.more();
        if more > 0 {
            parts.push(format!("{more} more, {}", digest(rest)));
        }
        if is_end && chunks.is_open() {
            parts.push("the last one without its end".to_owned());
        }
        self.remark(&format!("chunks: {}", parts.join(", ")));
    }

    /// Writes `[553 bytes of gzip, sha256 0123456789abcdef, decoded:]`. The digest makes listings comparable.
    fn coded(&mut self, coded: &CodedBody, codings: &[&str], is_decoded: bool, is_hidden: bool) {
        if coded.fingerprint.is_empty() || !(is_decoded || coded.undecoded.is_empty()) {
            return;
        }
        let bytes = length_text(coded.fingerprint.length(), is_hidden);
        let mut text = format!("{bytes} bytes of {}", codings.join(", "));
        if self.style.redact && !is_hidden {
            text.push_str(", ");
            text.push_str(&digest(&coded.fingerprint));
        }
        text.push_str(", decoded:");
        self.remark(&text);
    }

    /// Writes the coded bytes that decoded to nothing, as they are.
    fn undecoded(&mut self, coded: &CodedBody, codings: &[&str], is_hidden: bool) {
        let content = &coded.undecoded;
        if content.is_empty() {
            return;
        }
        let (all, bytes) = (coded.fingerprint.length(), content.length());
        let codings = codings.join(", ");
        let text = if all == bytes {
            format!("{bytes} bytes of {codings}, not decoded:")
        } else {
            let [bytes, all] = [bytes, all].map(|length| length_text(length, is_hidden));
            format!("{bytes} of {all} bytes of {codings}, not decoded:")
        };
        self.remark(&text);
        self.raw_content(content);
    }

    /// Writes bytes as they are: text as text, anything else as rows.
    fn raw_content(&mut self, content: &Content) {
        if is_text(&content.bytes) {
            let is_whole = self.text(content);
            if is_whole
                && self.style.redact
                && content.bytes.last().is_some_and(|last| *last != b'\n')
            {
                self.bracket("no line end");
            }
        } else {
            self.end_line();
            self.dump("", content, &[]);
        }
    }

    pub(super) fn event(&mut self, message: &Message, event: &Event) {
        let shown = if self.style.redact {
            Shown::text(&event.raw)
        } else {
            Shown::plain(&event.raw)
        };
        let is_hidden = message.is_hidden || shown.is_hidden();
        self.hidden.event(message.from, is_hidden);
        let moves = shown.moves();
        let chunks = message.chunks.moved(|at| moves.moved(at));
        let length = shown.bytes.len() as u64 + event.left_out.length();
        self.unusual_chunks(message.from, &chunks, length, false);
        self.note_case(message);
        if self.is_large(shown.bytes.len()) {
            self.text_in_short(&shown.bytes);
        } else {
            self.write(&shown.bytes);
        }
        if !event.left_out.is_empty() {
            self.gap(wirestream::message::content::Piece::LeftOut(
                &event.left_out,
            ));
            self.end_line();
        }
    }

    pub(super) fn events_end(&mut self, message: &Message, end: &EventsEnd) {
        let is_hidden = self.hidden.end_events(message.from) && self.style.redact;
        let chunks = &message.chunks;
        if is_hidden && end.coded.is_some() {
            self.chunks(&chunks.without_sizes(), true);
        } else {
            self.unusual_chunks(message.from, chunks, 0, true);
        }
        self.note_case(message);
        if let Some(coded) = &end.coded {
            let bytes = length_text(coded.fingerprint.length(), is_hidden);
            let mut text = format!("{bytes} bytes of {}", end.codings.join(", "));
            if self.style.redact && !is_hidden {
                text.push_str(", ");
                text.push_str(&digest(&coded.fingerprint));
            }
            text.push_str(", decoded to the events above");
            self.remark(&text);
            self.undecoded(coded, &end.codings, is_hidden);
        }
        self.trailers(&end.trailers);
    }

    /// Writes a remark on a separate line, between bytes.
    fn remark(&mut self, text: &str) {
        self.writer.end(&mut self.buffer.text);
        self.end_line();
        let line = format!("[{text}]\n");
        self.buffer.text.extend_from_slice(line.as_bytes());
    }
}

fn length_text(length: u64, is_hidden: bool) -> String {
    if is_hidden {
        return UNKNOWN.to_owned();
    }
    length.to_string()
}

/// Returns the run as `1f4 ×3`.
fn run_text(run: &Run) -> String {
    let text = match run.line.as_slice() {
        b"\n" => "end \\n".to_owned(),
        b"\r" => "end \\r".to_owned(),
        _ => safe_line(&redact::text(run.text())),
    };
    match run.count {
        1 => text,
        count => format!("{text} ×{count}"),
    }
}
