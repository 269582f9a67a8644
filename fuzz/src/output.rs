//! The properties that all printed text must have.

use wiresnap::render::safe_text::is_safe;

/// Asserts that nothing in the text commands a terminal, or hides.
pub fn assert_safe(text: &[u8]) {
    let text = std::str::from_utf8(text).expect("what is printed is UTF-8");
    let shown = |character: char| matches!(character, '\n' | '\t') || is_safe(character);
    let hidden = text.chars().find(|character| !shown(*character));
    assert_eq!(hidden, None, "in {text:?}");
}

/// Asserts that the text is one JSON value, and safe; returns the value.
pub fn assert_json(text: &[u8]) -> serde_json::Value {
    assert_safe(text);
    let value = serde_json::from_slice(text);
    value.unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(text)))
}
