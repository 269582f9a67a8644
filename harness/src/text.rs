//! Makes words from outside safe to show.
//!
//! Names of files and scenarios, values in captures and in TOML files, the words of other programs: all of them may
//! contain commands for a terminal, characters that turn the writing direction, or characters that hide themselves.
//! None of that is printed as it is. Names become visible here, where they are put into a sentence; the
//! [`Printer`](crate::printer) on standard output and standard error escapes everything else.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;

/// Returns true if a character shows itself, and itself only.
#[must_use]
pub const fn is_safe(character: char) -> bool {
    !matches!(
        character as u32,
        0x00..=0x1f
            | 0x7f..=0x9f
            | 0xad
            | 0x34f
            | 0x600..=0x605
            | 0x61c
            | 0x6dd
            | 0x70f
            | 0x890..=0x891
            | 0x8e2
            | 0x115f..=0x1160
            | 0x17b4..=0x17b5
            | 0x180b..=0x180f
            | 0x200b..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0x3164
            | 0xe000..=0xf8ff
            | 0xfdd0..=0xfdef
            | 0xfe00..=0xfe0f
            | 0xfeff
            | 0xffa0
            | 0xfff0..=0xfffb
            | 0xfffe..=0xffff
            | 0x110bd
            | 0x110cd
            | 0x13430..=0x1345f
            | 0x1bca0..=0x1bca3
            | 0x1d173..=0x1d17a
            | 0xe0000..=0x10_ffff
    )
}

/// A name that can be shown, whatever it contains.
pub trait Shown {
    /// Returns the name for people: on one line, with an escape for each byte and character that does not show itself.
    fn shown(&self) -> ShownName<'_>;

    /// Returns the name for programs: as it is if it is UTF-8, otherwise as for people.
    fn to_text(&self) -> String;
}

/// A name from outside, on its way into a sentence.
#[derive(Clone, Copy, Debug)]
pub struct ShownName<'a>(&'a [u8]);

impl<T: AsRef<OsStr> + ?Sized> Shown for T {
    fn shown(&self) -> ShownName<'_> {
        ShownName(self.as_ref().as_bytes())
    }

    fn to_text(&self) -> String {
        let name = self.as_ref();
        name.to_str()
            .map_or_else(|| self.shown().to_string(), str::to_owned)
    }
}

impl fmt::Display for ShownName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                write_visibly(character, formatter)?;
            }
            for byte in chunk.invalid() {
                write!(formatter, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Writes a character, or an escape for one that does not show itself.
fn write_visibly(character: char, output: &mut impl fmt::Write) -> fmt::Result {
    match character {
        _ if is_safe(character) => output.write_char(character),
        '\n' => output.write_str("\\n"),
        '\r' => output.write_str("\\r"),
        '\t' => output.write_str("\\t"),
        '\0'..='\x7f' => write!(output, "\\x{:02x}", u32::from(character)),
        _ => write!(output, "\\u{{{:x}}}", u32::from(character)),
    }
}

/// Returns a word for a shell: in quotes, unless it is plain. Characters that do not show themselves are escapes in the
/// quotes of POSIX.1-2024 (§2.2.4), which bash, zsh and others have long known.
#[must_use]
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-+=:@%".contains(character);
    match word.to_str() {
        Some(word) if !word.is_empty() && word.chars().all(is_plain) => word.to_owned(),
        Some(word) if word.chars().all(is_safe) => {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
        _ => format!("$'{}'", escaped_for_shell(word)),
    }
}

fn escaped_for_shell(word: &OsStr) -> String {
    let mut escaped = String::new();
    let write_byte = |escaped: &mut String, byte: u8| {
        // Three octal digits end by themselves, whatever follows. Writing to memory does not fail.
        let _ = write!(escaped, "\\{byte:03o}");
    };
    for chunk in word.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_safe(character) && !matches!(character, '\\' | '\'') {
                escaped.push(character);
            } else {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    write_byte(&mut escaped, byte);
                }
            }
        }
        for byte in chunk.invalid() {
            write_byte(&mut escaped, *byte);
        }
    }
    escaped
}

/// Returns a count in words, as `1 packet`, `2 packets`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_on_one_line_and_two_that_differ_look_different() {
        let names: [(&[u8], &str); 6] = [
            (b"a b.pcap", "a b.pcap"),
            ("grün.pcap".as_bytes(), "grün.pcap"),
            (b"a\x1b[2J\nb", "a\\x1b[2J\\nb"),
            ("\u{202e}fcap\u{9b}".as_bytes(), "\\u{202e}fcap\\u{9b}"),
            (b"a\xffb", "a\\xffb"),
            (b"a\xfeb", "a\\xfeb"),
        ];
        for (name, shown) in names {
            assert_eq!(OsStr::from_bytes(name).shown().to_string(), shown);
        }
        assert_eq!("a\x1b".to_text(), "a\x1b", "programs get it as it is");
        assert_eq!(OsStr::from_bytes(b"a\xff").to_text(), "a\\xff");
    }

    proptest! {
        #[test]
        fn a_shell_takes_a_word_for_what_it_was(
            bytes in prop::collection::vec(1_u8.., 0..20),
        ) {
            let word = shell_word(OsStr::from_bytes(&bytes));
            prop_assert!(word.chars().all(is_safe), "{}", word);
            let output = std::process::Command::new("bash")
                .env("LC_ALL", "C")
                .arg("-c")
                .arg(format!("printf %s {word}"))
                .output()
                .unwrap();
            prop_assert_eq!(output.stdout, bytes);
        }
    }
}
