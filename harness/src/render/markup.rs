//! Writes SVG and HTML that captured text cannot break out of.
//!
//! The contents of a page come from strangers. So names of elements and attributes can only be literals of this
//! program, and everything else that is written passes one function that escapes it: no text becomes markup, and no
//! character that turns the writing direction or hides itself gets through. A template engine would do the same for
//! HTML; SVG is drawn by computation, and this serves both.
//!
//! ```
//! use wiresnap::render::markup::Markup;
//!
//! let mut page = Markup::default();
//! page.within("p", &[("title", &"a \"quoted\" word")], |page| page.text("<script>&\u{202e}"));
//! assert_eq!(page.into_string(), "<p title=\"a &quot;quoted&quot; word\">&lt;script&gt;&amp;\u{fffd}</p>");
//! ```

use std::fmt::{self, Display, Write as _};

use super::safe_text::is_safe;

/// The name and the value of an attribute.
pub type Attribute<'a> = (&'static str, &'a dyn Display);

/// A document, or a part of one, while it is written.
#[derive(Clone, Debug, Default)]
pub struct Markup {
    text: String,
}

impl Markup {
    /// Returns the text written.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Writes an element with content written by `content`.
    pub fn within(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        content: impl FnOnce(&mut Self),
    ) {
        self.tag(name, attributes, ">");
        content(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// Writes an element with text in it.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        text: impl Display,
    ) {
        self.within(name, attributes, |markup| markup.text(text));
    }

    /// Writes an element without content: a shape of SVG, a void element of HTML.
    pub fn empty(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes, "/>");
    }

    /// Writes any text, escaped.
    pub fn text(&mut self, text: impl Display) {
        // Writing to memory does not fail.
        let _ = write!(Escaped(&mut self.text), "{text}");
    }

    /// Writes a line end, for readers of the source.
    pub fn line_end(&mut self) {
        self.text.push('\n');
    }

    /// Writes markup, style or script that this program is the author of.
    pub fn literal(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// Writes style or script made of this program's own words; nothing captured may be in it.
    pub fn own_code(&mut self, name: &'static str, code: &str) {
        debug_assert!(!code.contains('<'), "it could end its element");
        self.tag(name, &[], ">");
        self.text.push_str(code);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// Appends markup that was written elsewhere.
    pub fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
    }

    fn tag(&mut self, name: &'static str, attributes: &[Attribute<'_>], end: &str) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
        self.text.push_str(end);
    }
}

/// A writer that escapes all text.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(character),
                _ if is_safe(character) => self.0.push(character),
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut markup = Markup::default();
        markup.element("p", &[("title", &text)], text);
        markup.into_string()
    }

    #[test]
    fn an_attribute_cannot_be_left() {
        assert_eq!(
            written("' onload=alert(1) \"\0"),
            "<p title=\"&#39; onload=alert(1) &quot;\u{fffd}\">&#39; onload=alert(1) &quot;\u{fffd}</p>"
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_is_markup(text in any::<String>()) {
            let written = written(&text);
            let inner = written.strip_prefix("<p title=\"").unwrap().strip_suffix("</p>").unwrap();
            let (value, content) = inner.split_once("\">").unwrap();
            for part in [value, content] {
                prop_assert!(!part.contains(['<', '>', '"', '\'']));
                prop_assert!(part.chars().all(|character| matches!(character, '\n' | '\t') || is_safe(character)));
            }
        }
    }
}
