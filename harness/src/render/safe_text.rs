//! Bytes from the wire, made safe for a terminal.
//!
//! A listing shows what strangers sent. So no control byte, no escape sequence and no Unicode character that turns the
//! writing direction or hides itself ever passes as it is: the plain form shows a dot, as the seed's listing does, and
//! the form for snapshots shows an escape, so that two different bytes never look the same.

pub use crate::units::is_safe;

/// How what cannot be shown is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A dot for each byte; CR LF and a lone CR are line ends, as LF is.
    Dots,
    /// As [`Form::Dots`], but what is not ASCII is a dot too: for masked bytes, which are letters by chance only.
    AsciiDots,
    /// `\r`, `\x1b`, `\u{202e}`; a backslash is doubled.
    Escapes,
}

/// Appends text to a listing, piece by piece.
#[derive(Clone, Debug)]
pub struct SafeText {
    form: Form,
    after_carriage_return: bool,
    /// The beginning of a character that the last piece ended in.
    tail: Vec<u8>,
}

impl SafeText {
    /// A writer of that form.
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

    /// Goes on in another form.
    pub const fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// Writes what was held back for a character that did not become whole.
    pub fn end(&mut self, output: &mut Vec<u8>) {
        for byte in std::mem::take(&mut self.tail) {
            self.hide_byte(byte, output);
        }
    }

    fn write(&mut self, mut bytes: &[u8], output: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let plain = bytes.iter().position(|byte| !self.is_plain(*byte));
            let (head, rest) = bytes.split_at(plain.unwrap_or(bytes.len()));
            if !head.is_empty() {
                self.after_carriage_return = false;
                output.extend_from_slice(head);
            }
            bytes = self.write_special(rest, output);
        }
    }

    const fn is_plain(&self, byte: u8) -> bool {
        match byte {
            b'\\' => !matches!(self.form, Form::Escapes),
            b' '..=b'~' | b'\t' => true,
            _ => false,
        }
    }

    /// Writes the first character of `bytes`, which is no plain one, and returns what is behind it.
    fn write_special<'a>(&mut self, bytes: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let Some((first, rest)) = bytes.split_first() else {
            return bytes;
        };
        let after_carriage_return = std::mem::take(&mut self.after_carriage_return);
        match (*first, self.form) {
            (b'\n', Form::Dots | Form::AsciiDots) if after_carriage_return => {}
            (b'\n', _) => output.push(b'\n'),
            (b'\r', Form::Dots | Form::AsciiDots) => {
                self.after_carriage_return = true;
                output.push(b'\n');
            }
            (b'\\', _) => output.extend_from_slice(b"\\\\"),
            (0x80.., Form::Dots | Form::Escapes) => return self.write_wide(bytes, output),
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
        match (is_safe(character), self.form) {
            (true, _) => output.extend_from_slice(encoded),
            (false, Form::Dots | Form::AsciiDots) => {
                output.extend(std::iter::repeat_n(b'.', encoded.len()));
            }
            (false, Form::Escapes) => {
                output.extend_from_slice(format!("\\u{{{:x}}}", u32::from(character)).as_bytes());
            }
        }
        rest
    }

    fn hide_byte(&self, byte: u8, output: &mut Vec<u8>) {
        match (self.form, byte) {
            (Form::Dots | Form::AsciiDots, _) => output.push(b'.'),
            (Form::Escapes, b'\r') => output.extend_from_slice(b"\\r"),
            (Form::Escapes, _) => output.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
}

/// The whole of `bytes` in one go.
#[must_use]
pub fn safe_text(bytes: &[u8], form: Form) -> String {
    let mut output = Vec::with_capacity(bytes.len());
    let mut writer = SafeText::new(form);
    writer.push(bytes, &mut output);
    writer.end(&mut output);
    String::from_utf8_lossy(&output).into_owned()
}

/// The whole of `bytes` on one line: line ends are escaped too.
#[must_use]
pub fn safe_line(bytes: &[u8]) -> String {
    safe_text(bytes, Form::Escapes)
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// Whether bytes are text: UTF-8 (but for a character that is cut at the end), no NUL, and hardly a control byte.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_some()
    {
        return false;
    }
    let mut controls = 0;
    for chunk in bytes.chunks(1 << 12) {
        if memchr::memchr(0, chunk).is_some() {
            return false;
        }
        controls += chunk.iter().filter(|byte| is_control(**byte)).count();
    }
    controls * 16 <= bytes.len()
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
            for form in [Form::Dots, Form::AsciiDots, Form::Escapes] {
                let whole = safe_text(&bytes, form);
                prop_assert!(whole.chars().all(|character| matches!(character, '\n' | '\t') || is_safe(character)));
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
