//! Inflates messages of permessage-deflate (RFC 7692) with the parameters that were negotiated.
//!
//! Messages are inflated with the largest window, so a sender that exceeds a smaller window that it agreed to (§7.1.2)
//! can still be read; a [`WindowCheck`] notices.

use flate2::{Decompress, FlushDecompress, Status};

use super::frame::{Frame, keep_inflated};
use super::room::Room;
use super::window::WindowCheck;
use crate::budget::{Budget, Permit};
use crate::list;
use crate::note::Note;

/// The extension's name.
pub(super) const EXTENSION: &[u8] = b"permessage-deflate";

/// The parameters of permessage-deflate that were negotiated for one direction (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// True if each message is compressed without reference to those before it.
    pub no_context_takeover: bool,
    /// The base-2 logarithm of the window, 8 to 15.
    pub window_bits: u8,
}

/// Returns both directions' parameters, from the Sec-WebSocket-Extensions of a 101 answer; `None` if it names no such
/// extension.
///
/// # Errors
///
/// Returns an error if the extension's parameters are wrong; the client must then fail the connection.
pub fn negotiated(value: &[u8]) -> Result<Option<(Deflate, Deflate)>, String> {
    let value = value.to_ascii_lowercase();
    let mut extensions = list::elements(&value).map(list::parameters);
    let Some(parameters) =
        extensions.find_map(|mut parts| (parts.next() == Some(EXTENSION)).then_some(parts))
    else {
        return Ok(None);
    };
    let plain = Deflate {
        no_context_takeover: false,
        window_bits: 15,
    };
    let (mut client, mut server) = (plain, plain);
    for parameter in parameters {
        let parameter = String::from_utf8_lossy(parameter);
        let (name, value) = parameter.split_once('=').unwrap_or((&parameter, ""));
        match name.trim() {
            "client_no_context_takeover" => client.no_context_takeover = true,
            "server_no_context_takeover" => server.no_context_takeover = true,
            "client_max_window_bits" => client.window_bits = window_bits(value)?,
            "server_max_window_bits" => server.window_bits = window_bits(value)?,
            "" => {}
            other => return Err(format!("unknown parameter {other} of permessage-deflate")),
        }
    }
    Ok(Some((client, server)))
}

/// Parses a decimal integer from 8 to 15, without leading zeros (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Result<u8, String> {
    let value = value.trim().trim_matches('"');
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits));
    bits.filter(|_| !value.starts_with(['0', '+']))
        .ok_or_else(|| format!("window bits {value:?} are not 8 to 15"))
}

/// Inflates one direction's messages (RFC 7692 §7.2.2).
#[derive(Debug)]
pub(super) struct Inflater {
    /// The inflater's state; `None` if no message has begun, or only the window is kept of those before.
    stream: Option<Decompress>,
    /// The permission to keep the state between messages.
    permit: Option<Permit>,
    deflate: Deflate,
    /// True if this message, or with context takeover any one after it, can no longer be inflated.
    pub(super) broken: bool,
    scratch: Vec<u8>,
    /// The last bytes that came out, which the next message may refer to.
    window: Vec<u8>,
    /// The number of deflate streams that have ended in this message.
    streams: usize,
    /// The check of the window, if a smaller one than the largest was negotiated.
    window_check: Option<WindowCheck>,
    pub(super) budget: Budget,
}

/// The largest window, 2 to the power of 15 bytes (RFC 7692 §7.1.2).
const WINDOW: usize = 32 << 10;

/// The bytes that the sender took off the end (RFC 7692 §7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The note for a message at which the budget ends.
const OVER_BUDGET: &str =
    "not inflated further: what was captured so far inflates to too many times its size";

/// The note for a message if too many are in the making.
const TOO_MUCH_AT_ONCE: &str = "not inflated further: too much is in the making at once";

/// The most deflate streams that one message may have: an empty one takes two bytes, and 32 KiB of window to begin.
const MOST_STREAMS: usize = 64;

/// The number of bytes that are inflated at a time.
const INFLATE_STEP: usize = 32 << 10;

/// The bytes that an inflater's state takes, its own window included.
const STATE_BYTES: usize = 64 << 10;

impl Inflater {
    pub(super) fn new(deflate: Deflate) -> Self {
        Self {
            stream: None,
            permit: None,
            deflate,
            broken: false,
            scratch: Vec::new(),
            window: Vec::new(),
            streams: 0,
            window_check: (deflate.window_bits < 15).then(|| WindowCheck::new(deflate.window_bits)),
            budget: Budget::default(),
        }
    }

    /// Returns the number of bytes held. An idle one that has a permit is counted there.
    pub(super) fn memory(&self) -> usize {
        let state = if self.stream.is_some() && self.permit.is_none() {
            STATE_BYTES
        } else {
            0
        };
        state + self.window.capacity() + self.scratch.capacity()
    }

    /// Returns true if a message may refer to those before it.
    pub(super) const fn has_context(&self) -> bool {
        !self.deflate.no_context_takeover
    }

    /// Appends the inflated bytes of the input, which is at `offset`, to the frame's payload. Past the limit the
    /// inflating goes on, since the next message may refer to these bytes, but nothing is kept.
    pub(super) fn inflate(
        &mut self,
        mut input: &[u8],
        offset: u64,
        frame: &mut Frame,
        room: &mut Room,
    ) {
        // Neither a window nor a state can be cut: where there is no more room for any, this is the end of inflating.
        if !self.broken && !input.is_empty() && self.budget.is_used_up() {
            self.give_up();
            complain(frame, TOO_MUCH_AT_ONCE);
        }
        frame.inflated &= !self.broken || input.is_empty();
        if let Some(check) = &mut self.window_check
            && !self.broken
        {
            check.push(input, offset);
        }
        while !self.broken {
            self.scratch.clear();
            self.scratch.reserve(INFLATE_STEP);
            let stream = match &mut self.stream {
                Some(stream) => stream,
                none => none.insert(resumed(&self.window)),
            };
            let before = stream.total_in();
            let status = stream.decompress_vec(input, &mut self.scratch, FlushDecompress::None);
            let taken = usize::try_from(stream.total_in() - before).unwrap_or(input.len());
            input = &input[taken.min(input.len())..];
            if !self.budget.inflate(self.scratch.len()) {
                self.give_up();
                return complain(frame, OVER_BUDGET);
            }
            keep_inflated(frame, &self.scratch, room);
            self.remember();
            match status {
                // What the inflater says of it depends on how the bytes were cut.
                Err(_) => {
                    self.give_up();
                    complain(frame, "the message cannot be inflated");
                }
                Ok(Status::StreamEnd) if self.streams == MOST_STREAMS => {
                    self.give_up();
                    complain(frame, "the message has too many deflate streams");
                }
                Ok(Status::StreamEnd) => self.begin_again(),
                // Only now is it sure that the bytes were fine: an error may be told a call late.
                Ok(_) if taken == 0 && self.scratch.is_empty() => return,
                Ok(_) => {}
            }
        }
    }

    /// Stops inflating, and frees what is kept for it.
    fn give_up(&mut self) {
        self.broken = true;
        self.stream = None;
        self.permit = None;
        self.window = Vec::new();
        self.scratch = Vec::new();
    }

    fn remember(&mut self) {
        if self.deflate.no_context_takeover {
            return;
        }
        self.window.extend_from_slice(&self.scratch);
        if self.window.len() > 4 * WINDOW {
            self.window.drain(..self.window.len() - WINDOW);
        }
    }

    /// Begins a new deflate stream: a block with BFINAL set ends one, but not the context (RFC 7692 §7.2.3.4).
    fn begin_again(&mut self) {
        self.streams += 1;
        self.stream = None;
    }

    pub(super) fn end_message(&mut self, frame: &mut Frame, room: &mut Room) {
        self.streams = 0;
        if frame.holes.is_empty() {
            self.inflate(&TAIL, frame.offset, frame, room);
        }
        self.end_window_check(frame);
        frame.inflated &= !self.broken;
        if self.broken {
            let text = "not inflated: bytes that it refers to are missing or broken";
            if frame.payload.is_empty() && frame.header.length > 0 {
                complain(frame, text);
            }
        }
        if self.deflate.no_context_takeover {
            self.stream = None;
            self.broken = false;
            self.window.clear();
        }
        self.rest();
    }

    /// Reduces what is kept until the next message. A whole message ends with a byte (§7.2.2), so that the next one
    /// needs only its window.
    fn rest(&mut self) {
        self.scratch = Vec::new();
        let before = self.window.len().saturating_sub(WINDOW);
        self.window.drain(..before);
        self.window.shrink_to_fit();
        if self.stream.is_some() && self.permit.is_none() {
            self.permit = self.budget.permit();
        }
        if self.permit.is_none() {
            self.stream = None;
        }
    }

    /// Notes where the message first exceeded the window; if it cannot be inflated, that is unknown.
    fn end_window_check(&mut self, frame: &mut Frame) {
        let Some(check) = &mut self.window_check else {
            return;
        };
        if let Some(violation) = check.take_violation()
            && !self.broken
        {
            let (distance, window) = (violation.distance, check.window());
            let text = format!("a reference {distance} bytes back; the window is {window} bytes");
            let note = Note::new(violation.offset, "RFC 7692 §7.1.2", text);
            frame.notes.push(note);
        }
        if self.deflate.no_context_takeover {
            check.reset();
        }
    }
}

/// Makes a stream that goes on with the window of another one, which it is given as a block that is not compressed (RFC
/// 1951 §3.2.4).
fn resumed(window: &[u8]) -> Decompress {
    let mut stream = Decompress::new(false);
    let window = &window[window.len().saturating_sub(WINDOW)..];
    if let Ok(length) = u16::try_from(window.len())
        && length > 0
    {
        let [low, high] = length.to_le_bytes();
        let block = [&[0, low, high, !low, !high], window].concat();
        let mut output = Vec::with_capacity(WINDOW + 1);
        // A block that was just made is a valid one.
        let _ = stream.decompress_vec(&block, &mut output, FlushDecompress::None);
    }
    stream
}

/// Adds a note at the place where the payload begins. The place at which inflating fails depends on the pieces in which
/// the payload came.
fn complain(frame: &mut Frame, text: &'static str) {
    frame.inflated = false;
    let at = frame.offset + frame.header_length as u64;
    frame.notes.push(Note::new(at, "RFC 7692 §7.2.2", text));
}
