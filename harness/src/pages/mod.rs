//! Pages of documentation whose blocks are filled from captures.
//!
//! Every block of every page is filled before anything is written, so that a mistake anywhere leaves all files as they
//! are.

mod draft;
mod fill;
mod find;
mod place;
mod records;
mod room;

use std::path::PathBuf;

use wirestream::budget::Memory;

pub use self::draft::{Draft, Stale};
use self::room::Room;
use crate::error::Result;

/// Fills the blocks of the named pages in memory, or of those of the project if none is named.
///
/// # Errors
///
/// Returns an error if a page or a block is invalid, or two blocks have different drawings in the same file.
pub fn drafts(named: &[PathBuf], memory: Memory) -> Result<Vec<Draft>> {
    let room = Room::new(memory);
    let drafts = find::pages(named)?
        .into_iter()
        .map(|page| Draft::of(page, &room))
        .collect::<Result<Vec<Draft>>>()?;
    draft::refuse_shared_drawings(&drafts)?;
    Ok(drafts)
}
