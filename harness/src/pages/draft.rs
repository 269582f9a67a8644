//! A page as it is, and as it should be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fill::{Drawing, Filler, Filling};
use super::place::Place;
use super::room::Room;
use crate::diagnostic::Diagnostic;
use crate::docs::block::Block;
use crate::docs::difference::unified;
use crate::docs::page::Page;
use crate::error::{Error, Result};
use crate::files;
use crate::files::batch::Bounds;
use crate::text::Shown as _;

/// A page with what its blocks should hold.
#[derive(Debug)]
pub struct Draft {
    /// The page's file, as the user names it.
    pub file: PathBuf,
    /// The root of the page's project; nothing is written outside of it.
    root: PathBuf,
    page: Page,
    fillings: Vec<Filling>,
    /// The whole page as it should be.
    text: String,
}

/// A block that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Stale {
    /// The line that it begins at.
    pub line: usize,
    /// The block's command.
    pub command: String,
    /// The change that is due, as a unified diff.
    pub difference: String,
}

impl Draft {
    /// Reads a page and fills its blocks, in memory.
    pub(super) fn of(file: PathBuf, room: &Room) -> Result<Self> {
        let place = Place::of(&file)?;
        let folder = place.root().to_owned();
        let read = files::Place::within(&folder, &file).and_then(|page| page.read_text());
        let text =
            read.map_err(|error| Error::usage(format!("cannot read {}: {error}", file.shown())))?;
        let at_its_place = |diagnostic: Diagnostic| diagnostic.into_error(&file, &text);
        let page = Page::parse(text.clone()).map_err(at_its_place)?;
        let filler = Filler::new(place, room);
        let fillings = page
            .blocks()
            .map(|(_, command)| filler.fill(command))
            .collect::<std::result::Result<Vec<Filling>, Diagnostic>>()
            .map_err(at_its_place)?;
        let texts: Vec<String> = fillings
            .iter()
            .map(|filling| filling.text.clone())
            .collect();
        let text = page.filled(&texts).map_err(at_its_place)?;
        Ok(Self {
            file,
            root: folder,
            page,
            fillings,
            text,
        })
    }

    /// Returns the number of blocks on the page.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.fillings.len()
    }

    /// Returns the blocks that are not as they should be.
    #[must_use]
    pub fn stale(&self) -> Vec<Stale> {
        let mut all = Vec::new();
        for ((block, _), filling) in self.page.blocks().zip(&self.fillings) {
            let old = &self.page.text()[block.content.clone()];
            let mut difference = unified(old, &self.page.content(block, &filling.text));
            if let Some(drawing) = &filling.drawing {
                difference.push_str(&drawing.difference());
            }
            if !difference.is_empty() {
                all.push(Stale {
                    line: self.page.line(block),
                    command: self.page.text()[block.command.clone()].to_owned(),
                    difference,
                });
            }
        }
        all
    }

    /// Returns the files that have to be written, with what has to be in them: drawings, then the page that shows them.
    #[must_use]
    pub fn changed_files(&self) -> Vec<(Bounds<'_>, &Path, &str)> {
        let drawings = self.blocks_with_drawings().map(|(_, drawing)| drawing);
        let drawings = drawings.filter(|drawing| !drawing.is_current());
        let bounds = Bounds::Within(&self.root);
        let mut files: Vec<(Bounds<'_>, &Path, &str)> = drawings
            .map(|drawing| (bounds, drawing.file.as_path(), drawing.svg.as_str()))
            .collect();
        if self.text != self.page.text() {
            files.push((bounds, &self.file, &self.text));
        }
        files
    }

    fn blocks_with_drawings(&self) -> impl Iterator<Item = (&Block, &Drawing)> {
        let blocks = self.page.blocks().zip(&self.fillings);
        blocks.filter_map(|((block, _), filling)| Some((block, filling.drawing.as_ref()?)))
    }
}

/// Refuses two different drawings in the same file; two blocks may show the same one.
pub(super) fn refuse_shared_drawings(drafts: &[Draft]) -> Result<()> {
    let mut contents: HashMap<&Path, &str> = HashMap::new();
    for draft in drafts {
        for (block, drawing) in draft.blocks_with_drawings() {
            let other = contents.insert(&drawing.file, &drawing.svg);
            if other.is_some_and(|other| other != drawing.svg) {
                let message = "another block keeps another drawing in the same file";
                return Err(Diagnostic::new(block.command.clone(), message)
                    .with_hint("name one of the two files with --to FILE.svg")
                    .into_error(&draft.file, draft.page.text()));
            }
        }
    }
    Ok(())
}
