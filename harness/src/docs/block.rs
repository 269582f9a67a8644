//! Finds the blocks of a Markdown text.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::diagnostic::Diagnostic;

/// The form of a block, for messages.
const FORM: &str =
    "a block is <!-- wiresnap: COMMAND --> and <!-- /wiresnap -->, each on a line of its own";

/// A block, by its places in the text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The comment that opens it.
    pub opening: Range<usize>,
    /// The command in that comment, without the spaces around it.
    pub command: Range<usize>,
    /// The text between the lines of the two comments.
    pub content: Range<usize>,
}

/// A comment that opens or closes a block.
struct Marker {
    place: Range<usize>,
    /// The command of one that opens; `None` if it closes.
    command: Option<Range<usize>>,
}

/// Finds the blocks of a text, in order.
///
/// # Errors
///
/// Returns an error if a block is not closed, or stands in another one, in a list, a quotation or a line of text.
pub fn blocks(text: &str) -> Result<Vec<Block>, Diagnostic> {
    let mut blocks = Vec::new();
    let mut open: Option<Marker> = None;
    for marker in markers(text)? {
        match (open.take(), marker.command.is_some()) {
            (None, true) => open = Some(marker),
            (Some(opening), false) => blocks.push(Block::between(text, opening, &marker)),
            (None, false) => return Err(closes_nothing(&marker)),
            (Some(opening), true) => return Err(stands_in_another(text, &marker, &opening)),
        }
    }
    match open {
        Some(opening) => Err(is_not_closed(&opening)),
        None => Ok(blocks),
    }
}

impl Block {
    fn between(text: &str, opening: Marker, closing: &Marker) -> Self {
        let content = line_end(text, opening.place.end)..line_start(text, closing.place.start);
        Self {
            opening: opening.place,
            command: opening.command.unwrap_or_default(),
            content,
        }
    }
}

fn closes_nothing(marker: &Marker) -> Diagnostic {
    Diagnostic::new(
        marker.place.clone(),
        "this closes a block, but none is open",
    )
    .with_hint(FORM)
}

fn stands_in_another(text: &str, marker: &Marker, opening: &Marker) -> Diagnostic {
    let line = text[..opening.place.start].matches('\n').count() + 1;
    Diagnostic::new(marker.place.clone(), "block inside a block").with_hint(format!(
        "close the block of line {line} first, with <!-- /wiresnap -->"
    ))
}

fn is_not_closed(opening: &Marker) -> Diagnostic {
    Diagnostic::new(opening.place.clone(), "block is not closed").with_hint(
        "end it with a line <!-- /wiresnap -->; one in a code fence is an example and ends nothing",
    )
}

/// Returns the comments that open or close blocks, in order: HTML to a Markdown reader, so never an example in code.
fn markers(text: &str) -> Result<Vec<Marker>, Diagnostic> {
    let byte_order_mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_GFM;
    let parser = Parser::new_ext(&text[byte_order_mark..], options);
    let mut markers = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in parser.into_offset_iter() {
        let range = range.start + byte_order_mark..range.end + byte_order_mark;
        match event {
            Event::Start(Tag::HtmlBlock) => {
                for marker in markers_in(text, range) {
                    markers.push(standing_alone(text, marker, depth)?);
                }
            }
            Event::InlineHtml(_) => {
                if let Some(marker) = marker(text, range) {
                    return Err(stands_in_text(&marker));
                }
            }
            Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(markers)
}

/// Returns the markers among the comments of some HTML.
fn markers_in(text: &str, html: Range<usize>) -> Vec<Marker> {
    let mut markers = Vec::new();
    let mut position = html.start;
    while let Some(start) = text[position..html.end].find("<!--") {
        let start = position + start;
        // `<!-->` is a whole comment (CommonMark 0.31.2 §6.6).
        let end = text[start + 2..html.end].find("-->");
        position = end.map_or(html.end, |end| start + 2 + end + 3);
        markers.extend(marker(text, start..position));
    }
    markers
}

/// Reads a comment as a marker, if it is one.
fn marker(text: &str, comment: Range<usize>) -> Option<Marker> {
    let is_whole = text[comment.clone()].ends_with("-->");
    let end = comment.end - if is_whole { "-->".len() } else { 0 };
    let inside = trimmed(
        text,
        comment.start + "<!--".len()..end.max(comment.start + 4),
    );
    let command = match &text[inside.clone()] {
        "/wiresnap" => None,
        opening => {
            opening.strip_prefix("wiresnap:")?;
            Some(trimmed(text, inside.start + "wiresnap:".len()..inside.end))
        }
    };
    Some(Marker {
        place: comment,
        command,
    })
}

/// Returns the place without the spaces at its ends.
fn trimmed(text: &str, place: Range<usize>) -> Range<usize> {
    let start = place.end - text[place.clone()].trim_start().len();
    start..start + text[start..place.end].trim_end().len()
}

/// Returns the marker if it is alone on its line, and not inside of anything.
fn standing_alone(text: &str, marker: Marker, depth: usize) -> Result<Marker, Diagnostic> {
    let Range { start, end } = marker.place;
    if !text[start..end].ends_with("-->") || text[start..end].contains('\n') {
        let end = text[start..].find('\n').map_or(end, |at| start + at);
        let message = "the comment does not end on its line";
        return Err(Diagnostic::new(start..end, message).with_hint(FORM));
    }
    if depth > 0 {
        let message = "block in a list or a quotation";
        return Err(Diagnostic::new(start..end, message)
            .with_hint("blocks stand outside of these, at the beginning of a line"));
    }
    let around = [
        &text[line_start(text, start)..start],
        &text[end..line_end(text, end)],
    ];
    let is_blank = |part: &str| {
        part.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
            .is_empty()
    };
    if around.into_iter().all(is_blank) {
        Ok(marker)
    } else {
        Err(stands_in_text(&marker))
    }
}

fn stands_in_text(marker: &Marker) -> Diagnostic {
    Diagnostic::new(
        marker.place.clone(),
        "something else stands on the line of this comment",
    )
    .with_hint(FORM)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// Returns the place behind the line feed of the line.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the commands and contents of a text.
    fn found(text: &str) -> Vec<(&str, &str)> {
        let blocks = blocks(text).unwrap_or_else(|diagnostic| panic!("{diagnostic:?}"));
        let parts = |block: Block| (&text[block.command], &text[block.content]);
        blocks.into_iter().map(parts).collect()
    }

    fn mistake(text: &str) -> (&str, String) {
        let diagnostic = blocks(text).expect_err("a mistake");
        (&text[diagnostic.span], diagnostic.message)
    }

    #[test]
    fn blocks_are_found_with_their_commands() {
        assert_eq!(
            found(
                "a\n<!-- wiresnap: x y -->\nold\n<!-- /wiresnap -->\n<!--wiresnap:z-->\r\n  <!--/wiresnap-->"
            ),
            [("x y", "old\n"), ("z", "")]
        );
        assert_eq!(
            found("\u{feff}<!-- wiresnap: x -->\n<!-- /wiresnap -->"),
            [("x", "")]
        );
        assert_eq!(
            found("<div>\n<!-- wiresnap: x -->\n\na\n\n<!-- /wiresnap -->\n</div>"),
            [("x", "\na\n\n")]
        );
    }

    #[test]
    fn examples_in_code_are_no_blocks() {
        for example in [
            "```\n<!-- wiresnap: x -->\n```\n",
            "~~~~~ md\n```\n<!-- wiresnap: x -->\n~~~\n~~~~~\n",
            "- a\n  ````\n  <!-- wiresnap: x -->\n  ````\n",
            "1. ```\n   <!-- wiresnap: x -->\n   ```\n",
            "a\n\n    <!-- wiresnap: x -->\n",
            "\t<!-- wiresnap: x -->\n",
            "a `<!-- wiresnap: x -->` b\n",
            "<!-- see\n<!-- wiresnap: x -->\n",
        ] {
            let text = format!("{example}\n<!-- wiresnap: y -->\n<!-- /wiresnap -->\n");
            assert_eq!(found(&text), [("y", "")], "{example}");
        }
    }

    #[test]
    fn a_block_ends_at_no_example_of_an_end() {
        let text =
            "<!-- wiresnap: x -->\n````\n<!-- /wiresnap -->\n```\n````\n<!-- /wiresnap -->\n";
        assert_eq!(
            found(text),
            [("x", "````\n<!-- /wiresnap -->\n```\n````\n")]
        );
    }

    #[test]
    fn what_is_no_whole_block_is_a_mistake() {
        let open = "<!-- wiresnap: x -->";
        let not_closed = (open, "block is not closed".to_owned());
        assert_eq!(mistake("<!-- wiresnap: x -->"), not_closed);
        assert_eq!(
            mistake("<!-- wiresnap: x -->\n```\n<!-- /wiresnap -->\n"),
            not_closed
        );
        assert_eq!(
            mistake("<!-- wiresnap: y -->\n<!-- wiresnap: x -->\n").0,
            open
        );
        assert_eq!(mistake("<!-- /wiresnap -->").0, "<!-- /wiresnap -->");
        assert_eq!(mistake("a <!-- wiresnap: x --> b").0, open);
        assert_eq!(mistake("<!-- wiresnap: x --> b").0, open);
        assert_eq!(mistake("> <!-- wiresnap: x -->\n").0, open);
        assert_eq!(mistake("- a\n\n  <!-- wiresnap: x -->\n").0, open);
        assert_eq!(mistake("<!-- wiresnap: x\n\nb\n").0, "<!-- wiresnap: x");
    }
}
