//! Makes bytes from the wire safe for a terminal.
//!
//! A listing shows text from strangers. So no control byte, no escape sequence and no Unicode character that turns the
//! writing direction or hides itself is ever shown as it is: the plain form shows a dot, as the original listing does,
//! and the form for snapshots shows an escape, so that two different bytes never look the same.

use super::style;
pub use crate::text::is_safe;

/// The form of characters that cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A dot for each byte; CR LF and a lone CR are line ends, as LF is.
    Dots,
    /// A form like [`Form::Dots`], with a dot for anything outside ASCII too: for masked bytes, which are letters by
    /// chance only.
    AsciiDots,
    /// An escape: `\r`, `\x1b`, `\u{202e}`; a backslash is doubled.
    Escapes,
    /// A form like [`Form::Escapes`], with a single backslash, and the marks of [`style`] kept: for printed text, most
    /// of which was made safe before.
    Printed,
}

/// A writer that appends text to a listing, piece by piece.
#[derive(Clone, Debug)]
pub struct SafeText {
    form: Form,
    after_carriage_return: bool,
    /// The beginning of a character that the last piece ended in.
    tail: Vec<u8>,
}

impl SafeText {
    /// Creates a writer of that form.
    #[must_use]
    pub const fn new(form: Form) -> Self {
        Self {
            form,
            after_carriage_return: false,
            tail: Vec::new(),
        }
    }

    /// Appends `bytes` to `output`. A character may go on in the next piece: call [`SafeText::end`] after the last.
    pub fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        if self.tail.is_empty() {
            return self.write(bytes, output);
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        self.write(&joined, output);
    }

    /// Continues in another form.
    pub const fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// Writes the bytes held back for a character that was not completed.
    pub fn end(&mut self, output: &mut Vec<u8>) {
        for byte in std::mem::take(&mut self.tail) {
            self.hide_byte(byte, output);
        }
    }

    fn write(&mut self, mut bytes: &[u8], output: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_carriage_return) && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while !bytes.is_empty() {
            bytes = match self.form {
                Form::Dots | Form::Printed => self.write_plain(bytes, is_plain, output),
                Form::Escapes => {
                    let is_plain = |byte| is_plain(byte) && byte != b'\\';
                    self.write_plain(bytes, is_plain, output)
                }
                Form::AsciiDots => self.write_dotted_line(bytes, output),
            };
        }
    }

    /// Writes all characters that can be shown as they are, and the next one; returns the rest.
    #[inline]
    fn write_plain<'a>(
        &mut self,
        bytes: &'a [u8],
        is_plain: impl Fn(u8) -> bool,
        output: &mut Vec<u8>,
    ) -> &'a [u8] {
        let (plain, rest) = bytes.split_at(plain_length(bytes, is_plain));
        output.extend_from_slice(plain);
        self.write_special(rest, output)
    }

    /// Writes up to the next line end, byte by byte; returns the rest.
    fn write_dotted_line<'a>(&mut self, bytes: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at(end);
        let dot = |byte: &u8| if is_plain(*byte) { *byte } else { b'.' };
        output.extend(line.iter().map(dot));
        self.write_special(rest, output)
    }

    /// Writes the first character of `bytes`, which is not a plain one, and returns the bytes after it.
    fn write_special<'a>(&mut self, bytes: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let Some((first, rest)) = bytes.split_first() else {
            return bytes;
        };
        match (*first, self.form) {
            (b'\r', Form::Dots | Form::AsciiDots) => {
                output.push(b'\n');
                self.after_carriage_return = rest.is_empty();
                return rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            (b'\\', _) => output.extend_from_slice(b"\\\\"),
            (0x80.., Form::Dots | Form::Escapes | Form::Printed) => {
                return self.write_wide(bytes, output);
            }
            (byte, _) => self.hide_byte(byte, output),
        }
        rest
    }

    fn write_wide<'a>(&mut self, bytes: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let window = &bytes[..bytes.len().min(4)];
        let valid = match std::str::from_utf8(window) {
            Ok(text) => text,
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => {
                self.tail = window.to_vec();
                return &[];
            }
            Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
        };
        let Some(character) = valid.chars().next() else {
            self.hide_byte(bytes[0], output);
            return &bytes[1..];
        };
        let (encoded, rest) = bytes.split_at(character.len_utf8());
        let is_mark = self.form == Form::Printed && style::sequence(character).is_some();
        match (is_safe(character) || is_mark, self.form) {
            (true, _) => output.extend_from_slice(encoded),
            (false, Form::Dots | Form::AsciiDots) => {
                output.extend(std::iter::repeat_n(b'.', encoded.len()));
            }
            (false, Form::Escapes | Form::Printed) => {
                output.extend_from_slice(format!("\\u{{{:x}}}", u32::from(character)).as_bytes());
            }
        }
        rest
    }

    fn hide_byte(&self, byte: u8, output: &mut Vec<u8>) {
        match (self.form, byte) {
            (Form::Dots | Form::AsciiDots, _) => output.push(b'.'),
            (Form::Escapes | Form::Printed, b'\r') => output.extend_from_slice(b"\\r"),
            (Form::Escapes | Form::Printed, _) => {
                // By hand: of a message that is nothing else, this is what its listing costs.
                let [high, low] =
                    [byte >> 4, byte & 15].map(|digit| HEX_DIGITS[usize::from(digit)]);
                output.extend_from_slice(&[b'\\', b'x', high, low]);
            }
        }
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns true if a byte is a character that is shown as it is, or ends a line.
const fn is_plain(byte: u8) -> bool {
    byte.wrapping_sub(b' ') < 95 || byte == b'\t' || byte == b'\n'
}

/// Returns the number of plain bytes at the beginning. Whole blocks are tested first, which the processor does in one
/// go.
#[inline]
fn plain_length(bytes: &[u8], is_plain: impl Fn(u8) -> bool) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    let all_plain = |block: &&[u8; 32]| block.iter().fold(true, |all, byte| all & is_plain(*byte));
    let whole = 32 * blocks.iter().take_while(all_plain).count();
    let rest = bytes[whole..].iter();
    whole + rest.take_while(|byte| is_plain(**byte)).count()
}

/// Returns the whole of `bytes` in one go.
#[must_use]
pub fn safe_text(bytes: &[u8], form: Form) -> String {
    let mut output = Vec::with_capacity(bytes.len());
    let mut writer = SafeText::new(form);
    writer.push(bytes, &mut output);
    writer.end(&mut output);
    String::from_utf8_lossy(&output).into_owned()
}

/// Returns the whole of `bytes` on one line: line ends are escaped too.
#[must_use]
pub fn safe_line(bytes: &[u8]) -> String {
    safe_text(bytes, Form::Escapes)
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// Returns true if bytes are text: UTF-8 (except a character that is cut at the end), no NUL, and hardly a control
/// byte.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_some()
    {
        return false;
    }
    memchr::memchr(0, bytes).is_none() && count_controls(bytes) * 16 <= bytes.len()
}

fn count_controls(bytes: &[u8]) -> usize {
    // Counted in bytes as long as that cannot overflow, which many lanes do at one stroke.
    let count = |block: &[u8]| -> u8 { block.iter().map(|byte| u8::from(is_control(*byte))).sum() };
    bytes
        .chunks(192)
        .map(|block| usize::from(count(block)))
        .sum()
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_ends_are_as_the_seed_has_them() {
        assert_eq!(safe_text(b"a\r\nb\rc\nd", Form::Dots), "a\nb\nc\nd");
        assert_eq!(safe_text(b"a\r\nb\rc", Form::Escapes), "a\\r\nb\\rc");
    }

    #[test]
    fn nothing_that_moves_a_terminal_passes() {
        let hostile = "\u{1b}[2J\u{7}\u{202e}evil\u{200b}\u{9b}31m\u{7f}\u{feff}";
        assert_eq!(
            safe_text(hostile.as_bytes(), Form::Dots),
            ".[2J....evil.....31m...."
        );
        let escaped = "\\x1b[2J\\x07\\u{202e}evil\\u{200b}\\u{9b}31m\\x7f\\u{feff}";
        assert_eq!(safe_text(hostile.as_bytes(), Form::Escapes), escaped);
    }

    #[test]
    fn letters_of_any_script_pass_and_broken_ones_do_not() {
        assert_eq!(safe_text("grün 日本".as_bytes(), Form::Dots), "grün 日本");
        assert_eq!(safe_text("grün".as_bytes(), Form::AsciiDots), "gr..n");
        assert_eq!(safe_text(b"\xff\xc3", Form::Escapes), "\\xff\\xc3");
    }

    #[test]
    fn text_is_told_from_bytes() {
        assert!(is_text("grün\r\n".as_bytes()) && is_text(b"") && is_text(b"gr\xc3"));
        assert!(!is_text(b"a\0b") && !is_text(b"\xff\xfe") && !is_text(b"\x01\x02ab"));
    }

    proptest! {
        #[test]
        fn whatever_comes_out_is_safe_and_does_not_depend_on_the_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            text in "\\PC{0,20}",
            size in 1_usize..9,
        ) {
            let bytes = [&bytes[..], text.as_bytes()].concat();
            for form in [Form::Dots, Form::AsciiDots, Form::Escapes, Form::Printed] {
                let whole = safe_text(&bytes, form);
                prop_assert!(whole.chars().all(|character| matches!(character, '\n' | '\t') || is_safe(character) || form == Form::Printed && style::sequence(character).is_some()));
                let (mut writer, mut output) = (SafeText::new(form), Vec::new());
                for piece in bytes.chunks(size) {
                    writer.push(piece, &mut output);
                }
                writer.end(&mut output);
                prop_assert_eq!(String::from_utf8(output).unwrap(), whole);
            }
        }

        #[test]
        fn escapes_tell_any_two_texts_apart(
            one in prop::collection::vec(prop_oneof![Just(b'\\'), Just(b'x'), Just(b'1'), Just(b'b'), Just(0x1b), Just(b'r'), Just(b'\r')], 0..6),
            other in prop::collection::vec(prop_oneof![Just(b'\\'), Just(b'x'), Just(b'1'), Just(b'b'), Just(0x1b), Just(b'r'), Just(b'\r')], 0..6),
        ) {
            let same = safe_text(&one, Form::Escapes) == safe_text(&other, Form::Escapes);
            prop_assert_eq!(same, one == other);
        }
    }
}
