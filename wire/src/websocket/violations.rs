//! The rules of RFC 6455 that a frame's header can break.

use std::borrow::Cow;

use super::Header;
use crate::note::Note;
use crate::units::Side;

/// Returns notes of the rules of RFC 6455 that a header alone breaks.
pub(super) fn header_violations(
    header: &Header,
    side: Side,
    offset: u64,
    deflate: bool,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut say = |at: u64, rule, text: Cow<'static, str>| notes.push(Note::new(at, rule, text));
    match (side, header.mask) {
        (Side::Client, None) => say(
            offset + 1,
            "RFC 6455 §5.1",
            "a client's frame is not masked".into(),
        ),
        (Side::Server, Some(_)) => say(
            offset + 1,
            "RFC 6455 §5.1",
            "a server's frame is masked".into(),
        ),
        _ => {}
    }
    let used = if deflate && !header.opcode.is_control() {
        4
    } else {
        0
    };
    for (bit, name) in [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")] {
        if header.reserved & bit & !used != 0 {
            let text = match (bit, deflate) {
                (4, true) => "RSV1 set on a control frame: compression is for data".to_owned(),
                _ => format!("{name} set without an extension that gives it a meaning"),
            };
            say(offset, "RFC 6455 §5.2", text.into());
        }
    }
    if !header.opcode.is_known() {
        let text = format!("opcode {:#x} is reserved", header.opcode.0);
        say(offset, "RFC 6455 §5.2", text.into());
    }
    if header.length_form != Header::form_for(header.length) {
        let (length, bits) = (header.length, header.length_form.bits());
        let text =
            format!("length {length} is not written in its shortest form, but in {bits} bits");
        say(offset + 1, "RFC 6455 §5.2", text.into());
    }
    if header.opcode.is_control() {
        if !header.fin {
            let text = format!("a {} frame is fragmented", header.opcode);
            say(offset, "RFC 6455 §5.5", text.into());
        }
        if header.length > 125 {
            let text = format!(
                "a {} frame of {} bytes: at most 125",
                header.opcode, header.length
            );
            say(offset + 1, "RFC 6455 §5.5", text.into());
        }
    }
    notes
}
