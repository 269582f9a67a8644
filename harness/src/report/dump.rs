//! The bytes of a packet, hexadecimal and text side by side, its layers marked.

use std::ops::Range;

use wirestream::packet::Layers;

use crate::analysis::dissection::Packet;
use crate::render::hex;
use crate::render::markup::Markup;

/// The number of bytes in a line: few enough for a telephone; a wide screen has several columns of lines.
const PER_LINE: usize = 8;

/// Returns the layers of a packet: name, class, bytes.
pub(super) fn layers(layers: &Layers) -> [(&'static str, &'static str, Range<usize>); 5] {
    let Layers {
        link,
        ip,
        inner_ip: _,
        tcp,
        payload,
        rest,
    } = layers.clone();
    [
        ("link", "l", link),
        ("IP", "i", ip),
        ("TCP", "t", tcp),
        ("payload", "p", payload),
        ("rest", "r", rest),
    ]
}

/// Writes the bytes.
pub(super) fn dump(page: &mut Markup, packet: &Packet) {
    let layers = layers(&packet.layers);
    page.within("pre", &[("class", &"dump")], |page| {
        for (index, bytes) in packet.bytes.chunks(PER_LINE).enumerate() {
            line(page, &layers, index * PER_LINE, bytes);
        }
    });
    if packet.is_veiled {
        let text = "The payload holds a secret: `x` stands for each of its bytes.";
        page.element("p", &[("class", &"quiet")], text);
    }
    let more = packet.captured_length - packet.bytes.len();
    if more > 0 {
        let text = format!("{more} bytes more are not shown.");
        page.element("p", &[("class", &"quiet")], text);
    }
    let cut = (packet.original_length as usize).saturating_sub(packet.captured_length);
    if cut > 0 {
        let text = format!("{cut} bytes of the packet are not in the capture.");
        page.element("p", &[("class", &"quiet")], text);
    }
}

type Marked = [(&'static str, &'static str, Range<usize>); 5];

fn line(page: &mut Markup, layers: &Marked, start: usize, bytes: &[u8]) {
    page.within("span", &[("class", &"o")], |page| {
        page.text(format!("{start:04x}"));
    });
    page.text("  ");
    let end = start + bytes.len();
    for (_, class, range) in layers {
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let part = &bytes[from - start..to - start];
            page.element("b", &[("class", class)], hex::spaced(part));
            page.text(" ");
        }
    }
    page.text(format!(
        "{:width$} ",
        "",
        width = 3 * (PER_LINE - bytes.len())
    ));
    for (_, class, range) in layers {
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let part = &bytes[from - start..to - start];
            page.element("b", &[("class", class)], printable(part));
        }
    }
    page.line_end();
}

/// Returns printable ASCII as it is, and a dot for all else.
fn printable(bytes: &[u8]) -> String {
    let show = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    bytes.iter().map(show).collect()
}
