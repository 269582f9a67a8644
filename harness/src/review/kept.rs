//! A text that is kept until it is wanted, in a temporary file if it is long.

use std::cell::RefCell;
use std::io::{self, Read as _, Seek as _, Write as _};

use tempfile::SpooledTempFile;

/// The number of bytes up to which a text is kept in memory.
const MOST_IN_MEMORY: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Kept(RefCell<SpooledTempFile>);

impl Kept {
    /// Keeps a text.
    ///
    /// # Errors
    ///
    /// Returns an error if there can be no temporary file.
    pub(super) fn new(text: &str) -> io::Result<Self> {
        let mut file = SpooledTempFile::new(MOST_IN_MEMORY);
        file.write_all(text.as_bytes())?;
        Ok(Self(RefCell::new(file)))
    }

    /// Returns the text.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be read back.
    pub(super) fn text(&self) -> io::Result<String> {
        let mut file = self.0.borrow_mut();
        file.rewind()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_went() {
        for length in [0, 10, MOST_IN_MEMORY * 3] {
            let text = "é".repeat(length);
            let kept = Kept::new(&text).unwrap();
            assert_eq!(
                [kept.text().unwrap(), kept.text().unwrap()],
                [text.clone(), text]
            );
        }
    }
}
