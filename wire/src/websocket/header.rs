//! The fields in front of a frame's payload (RFC 6455 §5.2), and the mask over it.

use std::fmt;

/// The longest frame header: two bytes, eight of length, four of mask.
pub(super) const HEADER_LIMIT: usize = 14;

/// The purpose of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// The next part of a fragmented message.
    pub const CONTINUATION: Self = Self(0);
    /// UTF-8 text.
    pub const TEXT: Self = Self(1);
    /// Any bytes.
    pub const BINARY: Self = Self(2);
    /// A request to close the connection.
    pub const CLOSE: Self = Self(8);
    /// A request for a pong.
    pub const PING: Self = Self(9);
    /// The answer to a ping, or a message that is sent unasked.
    pub const PONG: Self = Self(10);

    /// Returns true if the frame is one of control: close, ping, pong, or reserved for control.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 & 8 != 0
    }

    /// Returns true if RFC 6455 defines its meaning.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0..=2 | 8..=10)
    }

    /// Returns the name as listings write it.
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

/// The form in which the payload's length was written (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthForm {
    /// In the seven bits of the second byte.
    Seven,
    /// 126, then 16 bits.
    Sixteen,
    /// 127, then 64 bits.
    SixtyFour,
}

impl LengthForm {
    /// Returns how many bits the length itself has.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Seven => 7,
            Self::Sixteen => 16,
            Self::SixtyFour => 64,
        }
    }
}

/// The fields in front of a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// True if this is the last frame of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, in bits 4, 2 and 1.
    pub reserved: u8,
    /// The purpose of the frame.
    pub opcode: Opcode,
    /// The masking key, if the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// The payload's length in bytes.
    pub length: u64,
    /// The form in which that length was written.
    pub length_form: LengthForm,
}

impl Header {
    /// Reads a header; `None` if more bytes are needed. The second value is the header's own length.
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

    /// Returns the shortest form for a length.
    #[must_use]
    pub const fn form_for(length: u64) -> LengthForm {
        match length {
            0..=125 => LengthForm::Seven,
            126..=0xffff => LengthForm::Sixteen,
            _ => LengthForm::SixtyFour,
        }
    }

    /// Returns true if the most significant bit of the length is set; it must be 0 (RFC 6455 §5.2). Nothing can be as
    /// long as that.
    #[must_use]
    pub const fn is_endless(&self) -> bool {
        self.length >> 63 != 0
    }

    /// Returns RSV1, which permessage-deflate uses as "compressed" (RFC 7692 §6).
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
