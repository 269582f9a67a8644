//! A Markdown page with its blocks, and the result of filling them.

use super::block::{Block, blocks};
use super::command::{Command, parse};
use crate::diagnostic::Diagnostic;

/// A page, its blocks found and their commands understood.
#[derive(Clone, Debug)]
pub struct Page {
    text: String,
    blocks: Vec<(Block, Command)>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// Returns an error if a block is not whole, or its command is invalid.
    pub fn parse(text: String) -> Result<Self, Diagnostic> {
        let with_command = |block: Block| {
            let command = parse(&text, block.command.clone())?;
            Ok((block, command))
        };
        let blocks = blocks(&text)?
            .into_iter()
            .map(with_command)
            .collect::<Result<_, _>>()?;
        Ok(Self { text, blocks })
    }

    /// Returns the whole page as it is.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns its blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = (&Block, &Command)> {
        self.blocks.iter().map(|(block, command)| (block, command))
    }

    /// Returns the page with its blocks filled, in order, and nothing else changed. Fillings have LF at the end of each
    /// line; the result has the page's own line ends.
    ///
    /// # Errors
    ///
    /// Returns an error if a filling would not stay in its block.
    pub fn filled(&self, fillings: &[String]) -> Result<String, Diagnostic> {
        let mut output = String::with_capacity(self.text.len());
        let mut position = 0;
        for ((block, _), filling) in self.blocks.iter().zip(fillings) {
            output.push_str(&self.text[position..block.content.start]);
            output.push_str(&self.content(block, filling));
            position = block.content.end;
        }
        output.push_str(&self.text[position..]);
        self.check(&output, fillings)?;
        Ok(output)
    }

    /// Returns the new text between the two comments: the filling, with a blank line on each side.
    #[must_use]
    pub fn content(&self, block: &Block, filling: &str) -> String {
        let content = format!("\n{filling}\n");
        if self.text[..block.content.start].ends_with("\r\n") {
            content.replace('\n', "\r\n")
        } else {
            content
        }
    }

    /// Returns the line of a block's opening comment, counted from 1.
    #[must_use]
    pub fn line(&self, block: &Block) -> usize {
        self.text[..block.opening.start].matches('\n').count() + 1
    }

    /// Reads the filled page as a Markdown viewer will: each block must have its filling, all of it and nothing else.
    fn check(&self, filled: &str, fillings: &[String]) -> Result<(), Diagnostic> {
        let found = blocks(filled).unwrap_or_default();
        let mut found = found.iter();
        for ((block, _), filling) in self.blocks.iter().zip(fillings) {
            let content = self.content(block, filling);
            let stays = |found: &Block| filled[found.content.clone()] == content;
            if !found.next().is_some_and(stays) {
                let message = "what fills this block does not stay in it";
                return Err(Diagnostic::new(block.opening.clone(), message)
                    .with_hint("nothing was written; please report this with the capture"));
            }
        }
        Ok(())
    }
}
