//! A command's words, each with its place.

use std::ops::Range;

use crate::diagnostic::Diagnostic;

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, without the quotes around it.
    pub text: String,
    /// The place in the page, quotes included.
    pub place: Range<usize>,
}

/// Splits a command at its spaces. A word in double quotes may have spaces in it.
pub(super) fn words(page: &str, command: Range<usize>) -> Result<Vec<Word>, Diagnostic> {
    let mut words = Vec::new();
    let mut rest = &page[command.clone()];
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(words);
        }
        let start = command.end - rest.len();
        let (text, length) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted
                .find('"')
                .ok_or_else(|| Diagnostic::new(start..command.end, "quote is not closed"))?;
            (&quoted[..end], end + 2)
        } else {
            let end = rest.find([' ', '\t', '"']).unwrap_or(rest.len());
            (&rest[..end], end)
        };
        words.push(Word {
            text: text.to_owned(),
            place: start..start + length,
        });
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_places() {
        let page = "## stats  \"a b.pcap\" c ##";
        let words = words(page, 3..22).unwrap();
        let parts: Vec<(&str, &str)> = words
            .iter()
            .map(|word| (word.text.as_str(), &page[word.place.clone()]))
            .collect();
        assert_eq!(
            parts,
            [("stats", "stats"), ("a b.pcap", "\"a b.pcap\""), ("c", "c")]
        );
    }

    #[test]
    fn a_quote_has_to_be_closed() {
        assert_eq!(words("a \"b", 0..4).unwrap_err().span, 2..4);
    }
}
