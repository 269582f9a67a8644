//! WebSocket (RFC 6455) with permessage-deflate (RFC 7692), one side's frames read as they come.
//!
//! The project shows what is on the wire, so this reader differs from one in a server: it does not stop at the first
//! violation but names it, with the rule that it breaks and its offset in the stream, and goes on as long as the
//! frames' boundaries are known. It hands back frames, not messages, each with its bytes as sent, masked, and its
//! payload as meant, unmasked and inflated.
//!
//! ```
//! use wiresnap::units::Side;
//! use wiresnap::wire::websocket::{Decoder, Item, Opcode};
//!
//! let sent = [0x81, 0x88, 0x36, 0x0d, 0x29, 0x16, 0x51, 0x68, 0x5d, 0x3b, 0x42, 0x64, 0x44, 0x73];
//! let mut decoder = Decoder::new(Side::Client, 0, None);
//! let mut input = &sent[..];
//! let Some(Item::Frame(frame)) = decoder.next(&mut input) else { panic!() };
//! assert_eq!(frame.header.opcode, Opcode::TEXT);
//! assert_eq!(frame.payload, b"get-time");
//! assert!(frame.notes.is_empty());
//! ```

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::{Decompress, FlushDecompress, Status};
use sha1::{Digest, Sha1};

use super::note::Note;
use crate::units::Side;

/// How many bytes of one frame's payload are kept; the rest is read over and counted.
pub const PAYLOAD_LIMIT: usize = 16 << 20;

/// The longest frame header: two bytes, eight of length, four of mask.
const HEADER_LIMIT: usize = 14;

/// RFC 6455 §1.3: what a server appends to the key before it hashes it.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key.
///
/// ```
/// let accept = wiresnap::wire::websocket::accept_for(b"W+pQUnxtfyImglCepUIxdw==");
/// assert_eq!(accept, "jvz8rJ0yJN/A4J0kiZQLiifpQO8=");
/// ```
#[must_use]
pub fn accept_for(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    BASE64.encode(hash.finalize())
}

/// Whether a Sec-WebSocket-Key is what RFC 6455 §4.1 asks for: the base64 form of 16 bytes.
#[must_use]
pub fn is_key(key: &[u8]) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// What a frame is for (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// The next part of a fragmented message.
    pub const CONTINUATION: Self = Self(0);
    /// UTF-8 text.
    pub const TEXT: Self = Self(1);
    /// Any bytes.
    pub const BINARY: Self = Self(2);
    /// The connection is to be closed.
    pub const CLOSE: Self = Self(8);
    /// Asks for a pong.
    pub const PING: Self = Self(9);
    /// Answers a ping, or is sent unasked.
    pub const PONG: Self = Self(10);

    /// Whether the frame is one of control: close, ping, pong, or reserved for control.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 & 8 != 0
    }

    /// Whether RFC 6455 says what it means.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0..=2 | 8..=10)
    }

    /// The name as listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "continuation",
            1 => "text",
            2 => "binary",
            8 => "close",
            9 => "ping",
            10 => "pong",
            3..=7 => "reserved",
            _ => "reserved control",
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The registered name of a close status (RFC 6455 §7.4.1 and IANA's registry "WebSocket Close Code Number").
#[must_use]
pub const fn close_name(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1004 => "reserved",
        1005 => "no status received",
        1006 => "abnormal closure",
        1007 => "invalid frame payload data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake",
        3000 => "unauthorized",
        3003 => "forbidden",
        3008 => "timeout",
        3001..=3999 => "registered use",
        4000..=4999 => "private use",
        _ => "unassigned",
    }
}

/// How the payload's length was written (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthForm {
    /// In the seven bits of the second byte.
    Seven,
    /// 126, then 16 bits.
    Sixteen,
    /// 127, then 64 bits.
    SixtyFour,
}

/// The fields in front of a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, in bits 4, 2 and 1.
    pub reserved: u8,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The masking key, where the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// The payload's length in bytes.
    pub length: u64,
    /// How that length was written.
    pub length_form: LengthForm,
}

impl Header {
    /// Reads a header; `None` when more bytes are needed. The second value is the header's own length.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (length, length_form, extended) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes(*rest.first_chunk()?)),
                LengthForm::Sixteen,
                2,
            ),
            127 => (
                u64::from_be_bytes(*rest.first_chunk()?),
                LengthForm::SixtyFour,
                8,
            ),
            short => (u64::from(short), LengthForm::Seven, 0),
        };
        let masked = second & 0x80 != 0;
        let mask = if masked {
            Some(*rest[extended..].first_chunk()?)
        } else {
            None
        };
        let header = Self {
            fin: first & 0x80 != 0,
            reserved: first >> 4 & 7,
            opcode: Opcode(first & 15),
            mask,
            length,
            length_form,
        };
        Some((header, 2 + extended + if masked { 4 } else { 0 }))
    }

    /// Appends the header as it is on the wire.
    pub fn emit(&self, output: &mut Vec<u8>) {
        output.push(u8::from(self.fin) << 7 | self.reserved << 4 | self.opcode.0);
        let masked = u8::from(self.mask.is_some()) << 7;
        match self.length_form {
            LengthForm::Seven => output.push(masked | (self.length & 0x7f) as u8),
            LengthForm::Sixteen => {
                output.push(masked | 0x7e);
                output.extend_from_slice(&((self.length & 0xffff) as u16).to_be_bytes());
            }
            LengthForm::SixtyFour => {
                output.push(masked | 0x7f);
                output.extend_from_slice(&self.length.to_be_bytes());
            }
        }
        output.extend_from_slice(self.mask.as_ref().map_or(&[][..], |mask| &mask[..]));
    }

    /// The shortest form for a length.
    #[must_use]
    pub const fn form_for(length: u64) -> LengthForm {
        match length {
            0..=125 => LengthForm::Seven,
            126..=0xffff => LengthForm::Sixteen,
            _ => LengthForm::SixtyFour,
        }
    }

    /// RFC 6455 §5.2: the most significant bit of a length must be 0. Nothing can be as long as where it is not.
    #[must_use]
    pub const fn is_endless(&self) -> bool {
        self.length >> 63 != 0
    }

    /// RSV1, which permessage-deflate uses as "compressed" (RFC 7692 §6).
    #[must_use]
    pub const fn reserved_1(&self) -> bool {
        self.reserved & 4 != 0
    }
}

/// Applies a masking key to bytes that begin `position` bytes into the payload (RFC 6455 §5.3).
pub fn unmask(bytes: &mut [u8], mask: [u8; 4], position: u64) {
    let mut key = mask;
    key.rotate_left((position % 4) as usize);
    let wide = u64::from_ne_bytes([
        key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3],
    ]);
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let mut value = [0; 8];
        value.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(value) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// What permessage-deflate was negotiated to be, for one direction (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// Whether each message is compressed without reference to those before it.
    pub no_context_takeover: bool,
    /// The base-2 logarithm of the window, 8 to 15.
    pub window_bits: u8,
}

/// Both directions' parameters, from the Sec-WebSocket-Extensions of a 101 answer; `None` where it names no such
/// extension.
///
/// # Errors
///
/// What is wrong with the extension's parameters; the client must then fail the connection.
pub fn negotiated(value: &[u8]) -> Result<Option<(Deflate, Deflate)>, String> {
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let mut extensions = value
        .split(',')
        .map(|extension| extension.split(';').map(str::trim));
    let Some(parameters) = extensions
        .find_map(|mut parts| (parts.next() == Some("permessage-deflate")).then_some(parts))
    else {
        return Ok(None);
    };
    let plain = Deflate {
        no_context_takeover: false,
        window_bits: 15,
    };
    let (mut client, mut server) = (plain, plain);
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
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

/// RFC 7692 §7.1.2: a decimal integer from 8 to 15, without leading zeros.
fn window_bits(value: &str) -> Result<u8, String> {
    let value = value.trim().trim_matches('"');
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits));
    bits.filter(|_| !value.starts_with(['0', '+']))
        .ok_or_else(|| format!("window bits {value:?} are not 8 to 15"))
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where in the stream its first byte is.
    pub offset: u64,
    /// The fields in front of the payload.
    pub header: Header,
    /// The frame as it was on the wire, its payload cut at [`PAYLOAD_LIMIT`] and without what is missing.
    pub wire: Vec<u8>,
    /// How many bytes of `wire` are the header.
    pub header_length: usize,
    /// The payload, unmasked and inflated.
    pub payload: Vec<u8>,
    /// Whether the frame belongs to a compressed message.
    pub compressed: bool,
    /// The holes in the payload: after how many bytes of the kept payload, and how many bytes.
    pub holes: Vec<(usize, u64)>,
    /// How many bytes of payload, or of inflated payload, are not kept.
    pub left_out: u64,
    /// The whole message, on the last of several frames.
    pub message: Option<Vec<u8>>,
    /// The type of the message that a continuation belongs to; the frame's own otherwise.
    pub message_opcode: Opcode,
    /// The rules that the frame breaks.
    pub notes: Vec<Note>,
}

impl Frame {
    /// How many bytes of the stream the frame takes; of an endless one, only the header is taken for the frame.
    #[must_use]
    pub const fn length(&self) -> u64 {
        let payload = if self.header.is_endless() {
            0
        } else {
            self.header.length
        };
        self.header_length as u64 + payload
    }

    /// A close frame's status code, where there is one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().copied().map(u16::from_be_bytes);
        code.filter(|_| self.header.opcode == Opcode::CLOSE)
    }

    /// A close frame's reason.
    #[must_use]
    pub fn close_reason(&self) -> &[u8] {
        match self.header.opcode {
            Opcode::CLOSE => self.payload.get(2..).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// What the decoder found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A frame, whole but for what is missing in the capture.
    Frame(Box<Frame>),
    /// Bytes in which no frame can be told.
    Raw(Cow<'a, [u8]>),
    /// Bytes that are missing between frames, or where the frames are lost.
    RawMissing(u64),
    /// A remark about what comes next.
    Note(Note),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Payload,
    /// After a hole: frames are looked for where bytes begin again.
    Lost,
    /// No frame boundary can be known any more.
    Opaque,
}

/// Reads one side's frames.
#[derive(Debug)]
pub struct Decoder {
    side: Side,
    offset: u64,
    state: State,
    header: Vec<u8>,
    frame: Option<Open>,
    inflater: Option<Inflater>,
    message: Option<OpenMessage>,
    closed: bool,
    pending: Option<Note>,
}

/// A frame whose payload is still coming.
#[derive(Debug)]
struct Open {
    frame: Frame,
    remaining: u64,
}

/// A message whose last frame is still to come.
#[derive(Debug)]
struct OpenMessage {
    opcode: Opcode,
    compressed: bool,
    frames: u64,
    content: Vec<u8>,
    utf8: Utf8Check,
    /// Whether bytes of it are missing, so that nothing can be said about the whole.
    broken: bool,
}

impl Decoder {
    /// A decoder for the frames that `side` sends from `offset` of its stream on.
    #[must_use]
    pub fn new(side: Side, offset: u64, deflate: Option<Deflate>) -> Self {
        Self {
            side,
            offset,
            state: State::Header,
            header: Vec::with_capacity(HEADER_LIMIT),
            frame: None,
            inflater: deflate.map(Inflater::new),
            message: None,
            closed: false,
            pending: None,
        }
    }

    /// Stream offset of the next byte that the decoder takes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a frame has begun that is not over.
    #[must_use]
    pub const fn in_frame(&self) -> bool {
        self.frame.is_some() || !self.header.is_empty()
    }

    /// The next item of `input`, which is shortened by what was taken; `None` when more bytes are needed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        loop {
            if let Some(note) = self.pending.take() {
                return Some(Item::Note(note));
            }
            match self.state {
                State::Payload => {
                    self.take_payload(input);
                    return self.close_frame().map(Item::Frame);
                }
                _ if input.is_empty() => return None,
                State::Header => self.take_header(input)?,
                State::Lost => {
                    if let Some(raw) = self.look_for_frame(input) {
                        return Some(raw);
                    }
                }
                State::Opaque => {
                    let rest = std::mem::take(input);
                    self.offset += rest.len() as u64;
                    return Some(Item::Raw(Cow::Borrowed(rest)));
                }
            }
        }
    }

    /// Takes the news that `count` bytes are not in the capture.
    pub fn missing(&mut self, count: u64) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        let mut lost = count;
        if let Some(open) = &mut self.frame {
            let inside = open.remaining.min(count);
            open.remaining -= inside;
            let at = open.frame.payload.len();
            open.frame.holes.push((at, inside));
            lost -= inside;
            self.offset = self.offset.saturating_add(inside);
            self.break_message();
            items.extend(self.close_frame().map(Item::Frame));
        }
        if lost > 0 {
            items.extend(self.flush_header());
            items.push(Item::RawMissing(lost));
            self.offset = self.offset.saturating_add(lost);
            self.break_message();
            if self.state == State::Header {
                self.state = State::Lost;
            }
        }
        items
    }

    /// Takes the end of the stream: a frame that is not whole comes out as far as it is there.
    pub fn finish(&mut self) -> Vec<Item<'static>> {
        let mut items = Vec::new();
        if let Some(mut open) = self.frame.take() {
            let text = format!("the frame ends {} bytes too early", open.remaining);
            open.frame
                .notes
                .push(Note::new(self.offset, "RFC 6455 §5.2", text));
            items.push(Item::Frame(Box::new(open.frame)));
        }
        if !self.header.is_empty() {
            let text = "the frame's header is cut off";
            let offset = self.offset - self.header.len() as u64;
            items.push(Item::Note(Note::new(offset, "RFC 6455 §5.2", text)));
            items.extend(self.flush_header());
        }
        if self.state == State::Payload {
            self.state = State::Header;
        }
        items
    }

    fn flush_header(&mut self) -> Option<Item<'static>> {
        let held = std::mem::take(&mut self.header);
        (!held.is_empty()).then_some(Item::Raw(Cow::Owned(held)))
    }

    /// What came after the hole cannot be inflated with what came before it.
    fn break_message(&mut self) {
        if let Some(message) = &mut self.message {
            message.broken = true;
        }
        if let Some(inflater) = &mut self.inflater {
            inflater.broken = true;
        }
    }

    fn look_for_frame<'a>(&mut self, input: &mut &'a [u8]) -> Option<Item<'a>> {
        let header = Header::parse(input);
        if header.is_some_and(|(header, _)| self.plausible(&header)) {
            let text = "frames are taken up again after the hole, at bytes that look like one";
            self.pending = Some(Note::plain(self.offset, text));
            self.state = State::Header;
            return None;
        }
        let rest = std::mem::take(input);
        self.offset += rest.len() as u64;
        Some(Item::Raw(Cow::Borrowed(rest)))
    }

    fn plausible(&self, header: &Header) -> bool {
        let reserved = if self.inflater.is_some() { 3 } else { 7 };
        header.reserved & reserved == 0
            && header.opcode.is_known()
            && header.mask.is_some() == (self.side == Side::Client)
            && header.length_form == Header::form_for(header.length)
            && (!header.opcode.is_control() || header.length <= 125)
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Option<()> {
        let held = self.header.len();
        let (parsed, bytes) = if held == 0 {
            let Some((header, length)) = Header::parse(input) else {
                self.header.extend_from_slice(input);
                self.offset += input.len() as u64;
                *input = &[];
                return None;
            };
            (header, input[..length].to_vec())
        } else {
            let piece = &input[..input.len().min(HEADER_LIMIT - held)];
            self.header.extend_from_slice(piece);
            let Some((header, length)) = Header::parse(&self.header) else {
                self.offset += piece.len() as u64;
                *input = &input[piece.len()..];
                return None;
            };
            self.header.truncate(length);
            (header, std::mem::take(&mut self.header))
        };
        let taken = bytes.len() - held;
        self.offset += taken as u64;
        *input = &input[taken..];
        self.open_frame(parsed, bytes);
        Some(())
    }

    fn open_frame(&mut self, header: Header, bytes: Vec<u8>) {
        let offset = self.offset - bytes.len() as u64;
        let mut notes = header_violations(&header, self.side, offset, self.inflater.is_some());
        if self.closed {
            let text = "a frame after the close frame";
            notes.push(Note::new(offset, "RFC 6455 §5.5.1", text));
        }
        // Nothing can be that long: the frames behind it are lost.
        let endless = header.is_endless();
        if endless {
            let text = "a 64-bit length with its highest bit set; what follows is shown raw";
            notes.push(Note::new(offset + 2, "RFC 6455 §5.2", text));
        }
        self.state = State::Payload;
        if !header.opcode.is_control() {
            self.open_message(&header, offset, &mut notes);
        }
        let message = self
            .message
            .as_ref()
            .filter(|_| !header.opcode.is_control());
        let frame = Frame {
            offset,
            header,
            header_length: bytes.len(),
            wire: bytes,
            payload: Vec::new(),
            compressed: message.is_some_and(|message| message.compressed),
            holes: Vec::new(),
            left_out: 0,
            message: None,
            message_opcode: message.map_or(header.opcode, |message| message.opcode),
            notes,
        };
        // An endless frame is handed out without its payload; the bytes behind it are raw.
        let remaining = if endless { 0 } else { header.length };
        self.frame = Some(Open { frame, remaining });
    }

    fn open_message(&mut self, header: &Header, offset: u64, notes: &mut Vec<Note>) {
        let begins = header.opcode != Opcode::CONTINUATION;
        match (&self.message, begins) {
            (Some(_), true) => {
                let text = format!(
                    "a {} frame inside a fragmented message; taken for a new message",
                    header.opcode
                );
                notes.push(Note::new(offset, "RFC 6455 §5.4", text));
            }
            (None, false) => {
                let text = "a continuation frame without a message to continue";
                notes.push(Note::new(offset, "RFC 6455 §5.4", text));
            }
            (Some(_), false) if header.reserved_1() => {
                let text = "RSV1 set on a frame that is not the first of its message";
                notes.push(Note::new(offset, "RFC 7692 §6.1", text));
            }
            _ => {}
        }
        if begins || self.message.is_none() {
            self.message = Some(OpenMessage {
                opcode: header.opcode,
                compressed: header.reserved_1() && self.inflater.is_some(),
                frames: 0,
                content: Vec::new(),
                utf8: Utf8Check::default(),
                broken: false,
            });
        }
        if let Some(message) = &mut self.message {
            message.frames += 1;
        }
    }

    fn take_payload(&mut self, input: &mut &[u8]) {
        let Some(open) = &mut self.frame else {
            self.state = State::Header;
            return;
        };
        let length =
            usize::try_from(open.remaining).map_or(input.len(), |most| most.min(input.len()));
        let (piece, rest) = input.split_at(length);
        *input = rest;
        let position = open.frame.header.length - open.remaining;
        open.remaining -= piece.len() as u64;
        self.offset += piece.len() as u64;
        keep_wire(&mut open.frame, piece);
        if open.frame.compressed {
            let mut plain = piece.to_vec();
            if let Some(mask) = open.frame.header.mask {
                unmask(&mut plain, mask, position);
            }
            if let Some(inflater) = &mut self.inflater {
                inflater.inflate(&plain, &mut open.frame);
            }
        } else {
            keep_payload(&mut open.frame, piece, position);
        }
    }

    /// Hands out the open frame once its payload is whole.
    fn close_frame(&mut self) -> Option<Box<Frame>> {
        let mut frame = self.frame.take_if(|open| open.remaining == 0)?.frame;
        self.state = State::Header;
        if frame.header.is_endless() {
            self.state = State::Opaque;
        } else if frame.header.opcode.is_control() {
            self.end_control(&mut frame);
        } else {
            self.end_data(&mut frame);
        }
        Some(Box::new(frame))
    }

    fn end_control(&mut self, frame: &mut Frame) {
        if frame.header.opcode == Opcode::CLOSE {
            self.closed = true;
            if frame.holes.is_empty() {
                close_violations(frame);
            }
        }
    }

    fn end_data(&mut self, frame: &mut Frame) {
        let Some(message) = &mut self.message else {
            return;
        };
        if frame.compressed
            && frame.header.fin
            && let Some(inflater) = &mut self.inflater
        {
            inflater.end_message(frame);
        }
        message.broken |= !frame.holes.is_empty() || frame.left_out > 0;
        if message.opcode == Opcode::TEXT && !message.broken {
            message.utf8.push(&frame.payload);
            message.utf8.complain(frame, self.offset);
        }
        if message.frames > 1 || !frame.header.fin {
            let room = PAYLOAD_LIMIT.saturating_sub(message.content.len());
            message.broken |= room < frame.payload.len();
            let kept = room.min(frame.payload.len());
            message.content.extend_from_slice(&frame.payload[..kept]);
        }
        if !frame.header.fin {
            return;
        }
        if let Some(mut message) = self.message.take() {
            if message.opcode == Opcode::TEXT && !message.broken {
                message.utf8.end();
                message.utf8.complain(frame, self.offset);
            }
            if message.frames > 1 && !message.broken {
                frame.message = Some(message.content);
            }
        }
    }
}

fn keep_wire(frame: &mut Frame, piece: &[u8]) {
    let room = (PAYLOAD_LIMIT + frame.header_length).saturating_sub(frame.wire.len());
    let kept = &piece[..piece.len().min(room)];
    frame.wire.extend_from_slice(kept);
    if !frame.compressed {
        frame.left_out += (piece.len() - kept.len()) as u64;
    }
}

fn keep_payload(frame: &mut Frame, piece: &[u8], position: u64) {
    let room = PAYLOAD_LIMIT.saturating_sub(frame.payload.len());
    let kept = &piece[..piece.len().min(room)];
    let from = frame.payload.len();
    frame.payload.extend_from_slice(kept);
    if let Some(mask) = frame.header.mask {
        unmask(&mut frame.payload[from..], mask, position);
    }
}

/// What RFC 6455 forbids in a header alone.
fn header_violations(header: &Header, side: Side, offset: u64, deflate: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |at: u64, rule, text: Cow<'static, str>| notes.push(Note::new(at, rule, text));
    match (side, header.mask) {
        (Side::Client, None) => say(
            offset + 1,
            "RFC 6455 §5.1",
            "a client's frame is not masked".into(),
        ),
        (Side::Server, Some(_)) => say(
            offset + 1,
            "RFC 6455 §5.1",
            "a server's frame is masked".into(),
        ),
        _ => {}
    }
    let used = if deflate && !header.opcode.is_control() {
        4
    } else {
        0
    };
    for (bit, name) in [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")] {
        if header.reserved & bit & !used != 0 {
            let text = match (bit, deflate) {
                (4, true) => "RSV1 set on a control frame: compression is for data".to_owned(),
                _ => format!("{name} set without an extension that gives it a meaning"),
            };
            say(offset, "RFC 6455 §5.2", text.into());
        }
    }
    if !header.opcode.is_known() {
        let text = format!("opcode {:#x} is reserved", header.opcode.0);
        say(offset, "RFC 6455 §5.2", text.into());
    }
    if header.length_form != Header::form_for(header.length) {
        let text = format!(
            "length {} is not written in its shortest form",
            header.length
        );
        say(offset + 1, "RFC 6455 §5.2", text.into());
    }
    if header.opcode.is_control() {
        if !header.fin {
            let text = format!("a {} frame is fragmented", header.opcode);
            say(offset, "RFC 6455 §5.5", text.into());
        }
        if header.length > 125 {
            let text = format!(
                "a {} frame of {} bytes: at most 125",
                header.opcode, header.length
            );
            say(offset + 1, "RFC 6455 §5.5", text.into());
        }
    }
    notes
}

fn close_violations(frame: &mut Frame) {
    let at = frame.offset + frame.header_length as u64;
    if frame.payload.len() == 1 {
        let text = "a close payload of 1 byte: none, or at least the 2 of a status code";
        frame.notes.push(Note::new(at, "RFC 6455 §5.5.1", text));
    }
    if let Some(code) = frame.close_code()
        && !may_be_sent(code)
    {
        let text = format!("close code {code} ({}) must not be sent", close_name(code));
        frame.notes.push(Note::new(at, "RFC 6455 §7.4", text));
    }
    if std::str::from_utf8(frame.close_reason()).is_err() {
        let text = "the close reason is not UTF-8";
        frame.notes.push(Note::new(at + 2, "RFC 6455 §5.5.1", text));
    }
}

/// RFC 6455 §7.4.1 and §7.4.2, with the codes that IANA registered since.
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Checks text that comes in pieces, which may split a character.
#[derive(Debug, Default)]
struct Utf8Check {
    tail: Vec<u8>,
    bad: bool,
    said: bool,
}

impl Utf8Check {
    fn push(&mut self, bytes: &[u8]) {
        if self.bad {
            return;
        }
        if self.tail.is_empty() {
            return self.check(bytes);
        }
        // A character is at most four bytes: complete the one that was split, then go on behind it.
        let mut joined = std::mem::take(&mut self.tail);
        let before = joined.len();
        joined.extend_from_slice(&bytes[..bytes.len().min(4)]);
        self.check(&joined);
        if self.bad {
            return;
        }
        let consumed = joined.len() - self.tail.len();
        if consumed >= before {
            self.tail.clear();
            self.check(&bytes[consumed - before..]);
        }
    }

    fn check(&mut self, bytes: &[u8]) {
        if let Err(error) = std::str::from_utf8(bytes) {
            self.bad |= error.error_len().is_some();
            self.tail = bytes[error.valid_up_to()..].to_vec();
        }
    }

    fn end(&mut self) {
        self.bad |= !self.tail.is_empty();
    }

    fn complain(&mut self, frame: &mut Frame, offset: u64) {
        if self.bad && !std::mem::replace(&mut self.said, true) {
            let text = "a text message that is not UTF-8";
            let at = frame.offset.min(offset);
            frame.notes.push(Note::new(at, "RFC 6455 §8.1", text));
        }
    }
}

/// Inflates one direction's messages (RFC 7692 §7.2.2).
#[derive(Debug)]
struct Inflater {
    stream: Decompress,
    deflate: Deflate,
    /// Whether this message, or with context takeover any one after it, can no longer be inflated.
    broken: bool,
    scratch: Vec<u8>,
    /// The last bytes that came out, which the next message may refer to.
    window: Vec<u8>,
    /// How many deflate streams have ended in this message.
    streams: usize,
}

/// RFC 7692 §7.1.2: the largest window, 2 to the power of 15 bytes.
const WINDOW: usize = 32 << 10;

/// RFC 7692 §7.2.2: what the sender took off the end.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// How many deflate streams one message may have: an empty one takes two bytes, and 32 KiB of window to begin.
const MOST_STREAMS: usize = 64;

/// How much is inflated at a time.
const INFLATE_STEP: usize = 32 << 10;

impl Inflater {
    fn new(deflate: Deflate) -> Self {
        Self {
            stream: Decompress::new(false),
            deflate,
            broken: false,
            scratch: Vec::new(),
            window: Vec::new(),
            streams: 0,
        }
    }

    /// Appends to the frame's payload what the bytes inflate to. Past the limit the inflating goes on, since the next
    /// message may refer to these bytes, but nothing is kept.
    fn inflate(&mut self, mut input: &[u8], frame: &mut Frame) {
        while !self.broken {
            self.scratch.clear();
            self.scratch.reserve(INFLATE_STEP);
            let before = self.stream.total_in();
            let status =
                self.stream
                    .decompress_vec(input, &mut self.scratch, FlushDecompress::None);
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(input.len());
            input = &input[taken.min(input.len())..];
            keep_inflated(frame, &self.scratch);
            self.remember();
            match status {
                Err(error) => {
                    self.broken = true;
                    let text = format!("the message cannot be inflated: {error}");
                    complain(frame, text);
                }
                Ok(Status::StreamEnd) if self.streams == MOST_STREAMS => {
                    self.broken = true;
                    complain(frame, "the message has too many deflate streams");
                }
                Ok(Status::StreamEnd) => self.begin_again(),
                Ok(_) if taken == 0 && self.scratch.is_empty() => return,
                Ok(_) => {}
            }
            if input.is_empty() && self.scratch.len() < INFLATE_STEP {
                return;
            }
        }
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

    /// RFC 7692 §7.2.3.4: a block with BFINAL set ends the deflate stream, but not the context. So the new stream is
    /// given what the old one had in its window, as a block that is not compressed (RFC 1951 §3.2.4).
    fn begin_again(&mut self) {
        self.streams += 1;
        self.stream.reset(false);
        let window = &self.window[self.window.len().saturating_sub(WINDOW)..];
        let Ok(length) = u16::try_from(window.len()) else {
            return;
        };
        let [low, high] = length.to_le_bytes();
        let block = [&[0, low, high, !low, !high], window].concat();
        self.scratch.clear();
        self.scratch.reserve(WINDOW + 1);
        let refilled = self
            .stream
            .decompress_vec(&block, &mut self.scratch, FlushDecompress::None);
        self.broken |= refilled.is_err();
    }

    fn end_message(&mut self, frame: &mut Frame) {
        self.streams = 0;
        if frame.holes.is_empty() {
            self.inflate(&TAIL, frame);
        }
        if self.broken {
            let text = "not inflated: bytes that it refers to are missing or broken";
            if frame.payload.is_empty() && frame.header.length > 0 {
                complain(frame, text);
            }
        }
        if self.deflate.no_context_takeover {
            self.stream.reset(false);
            self.broken = false;
            self.window.clear();
        }
    }
}

/// Where in the payload inflating fails depends on the pieces in which it came; where the payload begins does not.
fn complain(frame: &mut Frame, text: impl Into<Cow<'static, str>>) {
    let at = frame.offset + frame.header_length as u64;
    frame.notes.push(Note::new(at, "RFC 7692 §7.2.2", text));
}

fn keep_inflated(frame: &mut Frame, bytes: &[u8]) {
    let room = PAYLOAD_LIMIT.saturating_sub(frame.payload.len());
    let kept = &bytes[..bytes.len().min(room)];
    frame.payload.extend_from_slice(kept);
    frame.left_out = frame
        .left_out
        .saturating_add((bytes.len() - kept.len()) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;
    use tungstenite::Message;
    use tungstenite::error::{Error, ProtocolError};
    use tungstenite::protocol::{Role, WebSocketContext};

    const MASK: [u8; 4] = [0x36, 0x0d, 0x29, 0x16];

    fn frame_bytes(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u64;
        let header = Header {
            fin: first & 0x80 != 0,
            reserved: first >> 4 & 7,
            opcode: Opcode(first & 15),
            mask,
            length,
            length_form: Header::form_for(length),
        };
        let mut bytes = Vec::new();
        header.emit(&mut bytes);
        let from = bytes.len();
        bytes.extend_from_slice(payload);
        if let Some(mask) = mask {
            unmask(&mut bytes[from..], mask, 0);
        }
        bytes
    }

    fn feed(decoder: &mut Decoder, bytes: &[u8], frames: &mut Vec<Frame>) -> Vec<u8> {
        let mut rest = bytes;
        let mut raw = Vec::new();
        while let Some(item) = decoder.next(&mut rest) {
            match item {
                Item::Frame(frame) => frames.push(*frame),
                Item::Raw(bytes) => raw.extend_from_slice(&bytes),
                Item::RawMissing(_) | Item::Note(_) => {}
            }
        }
        assert!(rest.is_empty());
        raw
    }

    fn frames_of(side: Side, pieces: &[&[u8]], deflate: Option<Deflate>) -> Vec<Frame> {
        let mut decoder = Decoder::new(side, 0, deflate);
        let mut frames = Vec::new();
        for piece in pieces {
            feed(&mut decoder, piece, &mut frames);
        }
        for item in decoder.finish() {
            if let Item::Frame(frame) = item {
                frames.push(*frame);
            }
        }
        frames
    }

    fn from_client(bytes: &[u8]) -> Vec<Frame> {
        frames_of(Side::Client, &[bytes], None)
    }

    fn from_server(bytes: &[u8]) -> Vec<Frame> {
        frames_of(Side::Server, &[bytes], None)
    }

    fn rules(frames: &[Frame]) -> Vec<(u64, &'static str)> {
        let notes = frames.iter().flat_map(|frame| &frame.notes);
        notes.map(|note| (note.offset, note.rule)).collect()
    }

    #[test]
    fn the_examples_of_rfc_6455_section_5_7_are_read() {
        let hello = from_server(&[0x81, 5, b'H', b'e', b'l', b'l', b'o']);
        assert_eq!(hello[0].payload, b"Hello");
        let masked = from_client(&[
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ]);
        assert_eq!(masked[0].payload, b"Hello");
        let parts = from_server(&[1, 3, b'H', b'e', b'l', 0x80, 2, b'l', b'o']);
        assert_eq!(parts[1].message.as_deref(), Some(&b"Hello"[..]));
        assert_eq!(parts[1].message_opcode, Opcode::TEXT);
        let ping = from_server(&[0x89, 5, b'H', b'e', b'l', b'l', b'o']);
        assert_eq!(ping[0].header.opcode, Opcode::PING);
        for length in [256, 65536] {
            let frames = from_server(&frame_bytes(0x82, None, &vec![7; length]));
            assert_eq!(frames[0].payload, vec![7; length]);
            assert!(frames[0].notes.is_empty());
        }
    }

    #[test]
    fn the_examples_of_rfc_7692_section_7_2_3_are_inflated() {
        let takeover = Some(Deflate {
            no_context_takeover: false,
            window_bits: 15,
        });
        let first = [0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xc1, 5, 0xf2, 0x00, 0x11, 0x00, 0x00];
        let frames = frames_of(Side::Server, &[&first, &again], takeover);
        assert_eq!(frames[0].payload, b"Hello");
        assert_eq!(frames[1].payload, b"Hello", "refers to the first message");
        // Fragmented: RSV1 on the first frame only.
        let parts = [0x41, 3, 0xf2, 0x48, 0xcd, 0x80, 4, 0xc9, 0xc9, 0x07, 0x00];
        let frames = frames_of(Side::Server, &[&parts], takeover);
        assert_eq!(frames[1].message.as_deref(), Some(&b"Hello"[..]));
        // The context outlives a block with BFINAL set.
        let last = [0xc1, 8, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0];
        let frames = frames_of(Side::Server, &[&last, &again], takeover);
        assert_eq!(frames[1].payload, b"Hello");
        // §7.2.3.3: a block that is not compressed; §7.2.3.4: a block with BFINAL set.
        let stored = [
            0xc1, 11, 0, 5, 0, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0,
        ];
        let last = [0xc1, 8, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0];
        let two_blocks = [
            0xc1, 13, 0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0,
        ];
        for bytes in [&stored[..], &last[..], &two_blocks[..]] {
            let frames = frames_of(Side::Server, &[bytes, &first, &again], takeover);
            assert_eq!(frames[0].payload, b"Hello", "{bytes:02x?}");
            assert_eq!(frames[1].payload, b"Hello", "after {bytes:02x?}");
            assert_eq!(frames[2].payload, b"Hello", "after {bytes:02x?}");
            assert_eq!(rules(&frames), []);
        }
    }

    #[test]
    fn control_frames_between_fragments_are_no_part_of_the_message() {
        let bytes = [
            frame_bytes(1, Some(MASK), "gr\u{fc}".as_bytes().split_at(3).0),
            frame_bytes(0x89, Some(MASK), b"?"),
            frame_bytes(0x80, Some(MASK), "gr\u{fc}n".as_bytes().split_at(3).1),
        ];
        let frames = from_client(&bytes.concat());
        assert_eq!(frames[1].payload, b"?");
        assert_eq!(
            frames[2].message.as_deref(),
            Some("gr\u{fc}n".as_bytes()),
            "though the character was cut in two"
        );
        assert_eq!(rules(&frames), []);
    }

    /// Reads what a server sent, and compares the rules that it breaks, with their offsets.
    fn breaks(bytes: &[u8], expected: &[(u64, &str)]) {
        assert_eq!(rules(&from_server(bytes)), expected, "{bytes:02x?}");
    }

    #[test]
    fn violations_in_a_header_are_named_with_rule_and_place() {
        let framing = "RFC 6455 §5.2";
        breaks(&frame_bytes(0xc1, None, b"a"), &[(0, framing)]);
        breaks(
            &frame_bytes(0xb1, None, b"a"),
            &[(0, framing), (0, framing)],
        );
        breaks(&frame_bytes(0x83, None, b"a"), &[(0, framing)]);
        breaks(&frame_bytes(0x8b, None, b"a"), &[(0, framing)]);
        breaks(&[0x81, 126, 0, 1, b'a'], &[(1, framing)]);
        breaks(&[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, b'a'], &[(1, framing)]);
        breaks(
            &frame_bytes(0x81, Some(MASK), b"a"),
            &[(1, "RFC 6455 §5.1")],
        );
        let unmasked = from_client(&frame_bytes(0x81, None, b"a"));
        assert_eq!(rules(&unmasked), [(1, "RFC 6455 §5.1")]);
    }

    #[test]
    fn violations_of_control_frames_are_named_with_rule_and_place() {
        breaks(&frame_bytes(0x09, None, b"a"), &[(0, "RFC 6455 §5.5")]);
        breaks(&frame_bytes(0x89, None, &[0; 126]), &[(1, "RFC 6455 §5.5")]);
        breaks(&frame_bytes(0x88, None, &[3]), &[(2, "RFC 6455 §5.5.1")]);
        breaks(
            &frame_bytes(0x88, None, &[3, 0xed]),
            &[(2, "RFC 6455 §7.4")],
        );
        breaks(
            &frame_bytes(0x88, None, &[3, 0xe7]),
            &[(2, "RFC 6455 §7.4")],
        );
        breaks(
            &frame_bytes(0x88, None, &[3, 0xe8, 0xff]),
            &[(4, "RFC 6455 §5.5.1")],
        );
        let after = [frame_bytes(0x88, None, b""), frame_bytes(0x81, None, b"a")];
        breaks(&after.concat(), &[(2, "RFC 6455 §5.5.1")]);
    }

    #[test]
    fn violations_of_messages_are_named_with_rule_and_place() {
        breaks(&frame_bytes(0x81, None, b"\xff"), &[(0, "RFC 6455 §8.1")]);
        breaks(
            &frame_bytes(0x81, None, b"\xe2\x82"),
            &[(0, "RFC 6455 §8.1")],
        );
        breaks(&frame_bytes(0x80, None, b"a"), &[(0, "RFC 6455 §5.4")]);
        let twice = [frame_bytes(1, None, b"a"), frame_bytes(0x81, None, b"b")];
        breaks(&twice.concat(), &[(3, "RFC 6455 §5.4")]);
        breaks(&[0x81, 5, b'a'], &[(3, "RFC 6455 §5.2")]);
    }

    #[test]
    fn reading_goes_on_after_a_violation() {
        let bytes = [
            frame_bytes(0x83, None, b"reserved"),
            frame_bytes(0x81, None, b"fine"),
        ];
        let frames = from_server(&bytes.concat());
        assert_eq!(frames[1].payload, b"fine");
        assert!(frames[1].notes.is_empty());
    }

    #[test]
    fn a_length_that_nothing_has_makes_the_rest_raw() {
        let mut decoder = Decoder::new(Side::Server, 0, None);
        let mut frames = Vec::new();
        let bytes = [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1, b'x', b'y'];
        let raw = feed(&mut decoder, &bytes, &mut frames);
        assert_eq!(rules(&frames), [(2, "RFC 6455 §5.2")]);
        assert_eq!(raw, b"xy");
    }

    #[test]
    fn a_hole_inside_a_frame_keeps_the_mask_in_step() {
        let bytes = frame_bytes(0x82, Some(MASK), b"0123456789");
        let mut decoder = Decoder::new(Side::Client, 0, None);
        let mut frames = Vec::new();
        feed(&mut decoder, &bytes[..9], &mut frames);
        assert_eq!(decoder.missing(3), []);
        feed(&mut decoder, &bytes[12..], &mut frames);
        assert_eq!(frames[0].payload, b"0126789");
        assert_eq!(frames[0].holes, [(3, 3)]);
    }

    #[test]
    fn frames_are_taken_up_again_after_a_hole_between_them() {
        let mut decoder = Decoder::new(Side::Client, 0, None);
        let mut frames = Vec::new();
        assert_eq!(decoder.missing(7), [Item::RawMissing(7)]);
        let raw = feed(&mut decoder, b"rest of a frame", &mut frames);
        assert_eq!(raw, b"rest of a frame");
        feed(
            &mut decoder,
            &frame_bytes(0x81, Some(MASK), b"get-time"),
            &mut frames,
        );
        assert_eq!(frames[0].payload, b"get-time");
    }

    #[test]
    fn a_bomb_is_cut() {
        let mut compress = Compress::new(Compression::best(), false);
        let zeros = vec![0; PAYLOAD_LIMIT * 2];
        let mut packed = Vec::with_capacity(1 << 20);
        compress
            .compress_vec(&zeros, &mut packed, FlushCompress::Sync)
            .unwrap();
        packed.truncate(packed.len() - 4);
        let deflate = Some(Deflate {
            no_context_takeover: true,
            window_bits: 15,
        });
        let frames = frames_of(Side::Server, &[&frame_bytes(0xc2, None, &packed)], deflate);
        assert_eq!(frames[0].payload.len(), PAYLOAD_LIMIT);
        assert_eq!(frames[0].left_out, PAYLOAD_LIMIT as u64);
    }

    #[test]
    fn a_message_of_nothing_but_ends_is_let_go() {
        // RFC 1951 §3.2.3: a last block of no bytes.
        let message = frame_bytes(0xc2, None, &[3, 0].repeat(100_000));
        let deflate = Deflate {
            no_context_takeover: false,
            window_bits: 15,
        };
        let frames = frames_of(Side::Server, &[&message], Some(deflate));
        assert!(frames[0].payload.is_empty());
        assert!(frames[0].notes[0].text.contains("too many deflate streams"));
    }

    #[test]
    fn parameters_of_the_extension_are_read() {
        let read = |value: &str| negotiated(value.as_bytes());
        assert_eq!(read("x-other"), Ok(None));
        let plain = Deflate {
            no_context_takeover: false,
            window_bits: 15,
        };
        assert_eq!(read("permessage-deflate"), Ok(Some((plain, plain))));
        let (client, server) = read(
            "x, permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"",
        )
        .unwrap()
        .unwrap();
        assert_eq!(
            (client.window_bits, client.no_context_takeover),
            (10, false)
        );
        assert_eq!((server.window_bits, server.no_context_takeover), (15, true));
        for wrong in ["=7", "=16", "=08", "=", "=x"] {
            let value = format!("permessage-deflate; server_max_window_bits{wrong}");
            assert!(read(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn the_key_is_checked_as_the_rfc_does() {
        // RFC 6455 §1.3.
        assert_eq!(
            accept_for(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!is_key(b"dGhlIHNhbXBsZSBub25j"));
    }

    fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2);
        pieces
            .map(|pair| bytes[pair[0]..pair[1]].to_vec())
            .collect()
    }

    /// What a client sent; answers go nowhere.
    struct Sent<'a>(&'a [u8]);

    impl std::io::Read for Sent<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl std::io::Write for Sent<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What tungstenite makes of the frames that a client sent: whole messages, or an error.
    fn second_opinion(bytes: &[u8]) -> Result<Vec<Message>, Error> {
        let mut context = WebSocketContext::new(Role::Server, None);
        let mut sent = Sent(bytes);
        let mut messages = Vec::new();
        loop {
            match context.read(&mut sent) {
                Ok(message) => messages.push(message),
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                    return Ok(messages);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn client_frame() -> impl Strategy<Value = (u8, Vec<u8>, [u8; 4])> {
        let first = prop_oneof![
            Just(0x81_u8),
            Just(0x82),
            Just(0x01),
            Just(0x80),
            Just(0x00)
        ];
        let payload = prop::collection::vec(
            prop_oneof![Just(b'a'), Just(0xc3), Just(0xbc), any::<u8>()],
            0..9,
        );
        (first, payload, any::<[u8; 4]>())
    }

    proptest! {
        #[test]
        fn a_frame_that_was_written_is_read(
            first in any::<u8>(),
            mask in any::<Option<[u8; 4]>>(),
            payload in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = frame_bytes(first, mask, &payload);
            let whole = from_client(&bytes);
            prop_assert_eq!(&whole[0].payload, &payload);
            prop_assert_eq!(&whole[0].wire, &bytes);
            prop_assert_eq!(whole[0].header.mask, mask);
            let pieces = split(&bytes, &cuts);
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(frames_of(Side::Client, &pieces, None), whole);
        }

        #[test]
        fn tungstenite_reads_the_same(frames in prop::collection::vec(client_frame(), 0..6)) {
            let bytes: Vec<u8> = frames
                .iter()
                .flat_map(|(first, payload, mask)| frame_bytes(*first, Some(*mask), payload))
                .collect();
            let ours = from_client(&bytes);
            match second_opinion(&bytes) {
                Err(_) => prop_assert!(!rules(&ours).is_empty(), "tungstenite refuses it"),
                Ok(theirs) => {
                    let whole = ours.iter().filter(|frame| frame.header.fin);
                    let whole: Vec<_> = whole
                        .map(|frame| frame.message.clone().unwrap_or_else(|| frame.payload.clone()))
                        .collect();
                    let theirs: Vec<_> = theirs.into_iter().map(|message| message.into_data().to_vec()).collect();
                    prop_assert_eq!(whole, theirs);
                    prop_assert_eq!(rules(&ours), []);
                }
            }
        }

        #[test]
        fn what_was_deflated_is_inflated(
            messages in prop::collection::vec(prop::collection::vec(0_u8..4, 0..200), 1..5),
            no_context_takeover in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut compress = Compress::new(Compression::default(), false);
            let mut bytes = Vec::new();
            for message in &messages {
                let mut packed = Vec::with_capacity(4096);
                compress.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
                packed.truncate(packed.len().saturating_sub(4));
                if no_context_takeover {
                    compress.reset();
                }
                bytes.extend(frame_bytes(0xc2, Some(MASK), &packed));
            }
            let deflate = Some(Deflate { no_context_takeover, window_bits: 15 });
            let pieces = split(&bytes, &cuts);
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            let frames = frames_of(Side::Client, &pieces, deflate);
            prop_assert_eq!(rules(&frames), []);
            let read: Vec<_> = frames.into_iter().map(|frame| frame.payload).collect();
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn no_bytes_and_no_holes_panic(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_u64..50), 0..12),
            deflated in any::<bool>(),
        ) {
            let deflate = deflated.then_some(Deflate { no_context_takeover: false, window_bits: 15 });
            let mut decoder = Decoder::new(Side::Client, 0, deflate);
            let mut frames = Vec::new();
            for (bytes, hole) in &pieces {
                feed(&mut decoder, bytes, &mut frames);
                if *hole > 0 {
                    decoder.missing(*hole);
                }
            }
            decoder.finish();
        }
    }
}
