//! `wiresnap docs`: brings the generated blocks of Markdown pages up to date, or says which are not.

use std::io::Write;

use crate::cli::DocsArgs;
use crate::error::{Error, printable};
use crate::files::batch;
use crate::pages::{Draft, Stale, drafts};
use crate::text::counted;
use crate::text::{Shown as _, shell_word};

/// Brings pages up to date and says so on `out`; with `--check`, shows what is stale and writes nothing.
///
/// # Errors
///
/// Returns an error if a page or a block is invalid, a page cannot be written, or `--check` finds something stale.
pub(super) fn run(arguments: &DocsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let drafts = drafts(&arguments.files, arguments.memory.memory)?;
    if arguments.check {
        check(&drafts, out)
    } else {
        update(&drafts, out)
    }
}

fn update(drafts: &[Draft], out: &mut impl Write) -> anyhow::Result<()> {
    let files = drafts.iter().flat_map(Draft::changed_files);
    batch::write(files)?;
    for draft in drafts.iter().filter(|draft| draft.blocks() > 0) {
        let (blocks, stale) = (draft.blocks(), draft.stale().len());
        let file = draft.file.shown();
        writeln!(
            out,
            "{file}: {stale} of {} updated",
            counted(blocks, "block")
        )?;
    }
    Ok(())
}

fn check(drafts: &[Draft], out: &mut impl Write) -> anyhow::Result<()> {
    let mut stale_blocks = 0;
    let mut stale_files = Vec::new();
    for draft in drafts {
        let stale = draft.stale();
        stale_blocks += stale.len();
        if !stale.is_empty() {
            stale_files.push(&draft.file);
        }
        for block in stale {
            show(draft, &block, out)?;
        }
    }
    if stale_blocks == 0 {
        let blocks: usize = drafts.iter().map(Draft::blocks).sum();
        writeln!(out, "{} are up to date", counted(blocks, "block"))?;
        return Ok(());
    }
    let files: Vec<String> = stale_files.into_iter().map(shell_word).collect();
    let message = format!("{} not up to date", counted(stale_blocks, "block"));
    Err(Error::differs(message)
        .with_hint(format!("`wiresnap docs {}` fixes it", files.join(" ")))
        .into())
}

/// Shows a stale block with its difference. Whatever was captured is in it, so it must not reach the terminal as it is.
fn show(draft: &Draft, stale: &Stale, out: &mut impl Write) -> anyhow::Result<()> {
    let Stale { line, command, .. } = stale;
    let text = format!(
        "{}:{line}: {command}\n{}",
        draft.file.shown(),
        stale.difference.replace('\t', " ")
    );
    writeln!(out, "{}", printable(&text))?;
    Ok(())
}
