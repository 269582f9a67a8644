//! Messages, which may take several frames (RFC 6455 §5.4).

use super::decoder::Decoder;
use super::frame::{Effect, Frame};
use super::utf8::Utf8Check;
use super::{Header, Opcode};
use crate::note::Note;

/// A message whose last frame is still to come.
#[derive(Debug)]
pub(super) struct OpenMessage {
    pub(super) opcode: Opcode,
    pub(super) compressed: bool,
    frames: u64,
    utf8: Utf8Check,
    /// True if bytes of it are missing, so that nothing can be said about the whole.
    pub(super) broken: bool,
}

impl Decoder {
    pub(super) fn open_message(&mut self, header: &Header, offset: u64, notes: &mut Vec<Note>) {
        let begins = header.opcode != Opcode::CONTINUATION;
        match (&self.message, begins) {
            (Some(_), true) => {
                let text = format!(
                    "a {} frame inside a fragmented message; taken for a new message",
                    header.opcode
                );
                notes.push(Note::new(offset, "RFC 6455 §5.4", text));
            }
            (None, false) => {
                let text = "a continuation frame without a message to continue";
                notes.push(Note::new(offset, "RFC 6455 §5.4", text));
            }
            (Some(_), false) if header.reserved_1() => {
                let text = "RSV1 set on a frame that is not the first of its message";
                notes.push(Note::new(offset, "RFC 7692 §6.1", text));
            }
            _ => {}
        }
        if begins || self.message.is_none() {
            self.message = Some(OpenMessage {
                opcode: header.opcode,
                compressed: header.reserved_1() && self.inflater.is_some(),
                frames: 0,
                utf8: Utf8Check::default(),
                broken: false,
            });
        }
        if let Some(message) = &mut self.message {
            message.frames += 1;
        }
    }

    pub(super) fn end_data(&mut self, frame: &mut Frame) {
        let Some(message) = &mut self.message else {
            return;
        };
        if frame.compressed
            && frame.header.fin
            && let Some(inflater) = &mut self.inflater
        {
            inflater.end_message(frame, &mut self.room);
        }
        message.broken |= !frame.holes.is_empty() || !frame.left_out.is_empty();
        if message.opcode == Opcode::TEXT && !message.broken {
            message.utf8.push(&frame.payload);
            message.utf8.complain(frame, self.offset);
        }
        if !frame.header.fin {
            return;
        }
        if let Some(mut message) = self.message.take() {
            if message.opcode == Opcode::TEXT && !message.broken {
                message.utf8.end();
                message.utf8.complain(frame, self.offset);
            }
            if message.frames > 1 && !message.broken {
                frame.effect = Effect::Completes;
            }
        }
    }
}
