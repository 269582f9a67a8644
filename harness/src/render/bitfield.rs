//! Draws a WebSocket frame as its bits, 32 to a row, as RFC 6455 §5.2 draws them, with their values.
//!
//! Horizontal positions are percentages, so that the drawing fills its container while its letters keep their size;
//! `palette::style` and [`STYLE`] give the colours.

use wirestream::websocket::{Frame, LengthForm};

use super::hex;
use super::markup::Markup;

/// The style sheet for the classes of a drawing.
pub const STYLE: &str = include_str!("bitfield.css");

/// The number of bits in a row.
const ROW_BITS: usize = 32;

/// The pixels from one row to the next, and to the box in it.
const ROW_HEIGHT: usize = 68;
const BOX_AT: usize = 16;
const BOX_HEIGHT: usize = 46;

/// The most bytes of payload that are drawn.
const PAYLOAD_DRAWN: usize = 22;

/// A field of a frame.
struct Field {
    name: String,
    value: String,
    class: &'static str,
    bits: Vec<bool>,
}

/// A part of a field: all of it that is in one row.
struct Cell<'a> {
    field: &'a Field,
    row: usize,
    /// The bits of its row that it takes.
    from: usize,
    to: usize,
    /// The number of bits of the field before it.
    skipped: usize,
}

/// Draws a frame; `id` names the drawing within its page.
pub fn figure(page: &mut Markup, frame: &Frame, title: &str, id: &str) {
    let fields = fields(frame);
    let cells = cells(&fields);
    let rows = cells.last().map_or(0, |cell| cell.row + 1);
    let title_id = format!("{id}-title");
    page.within(
        "svg",
        &[
            ("class", &"bitfield"),
            ("width", &"100%"),
            ("height", &(rows * ROW_HEIGHT)),
            ("role", &"img"),
            ("aria-labelledby", &title_id),
        ],
        |svg| {
            svg.element("title", &[("id", &title_id)], title);
            for cell in &cells {
                draw(svg, cell);
            }
        },
    );
    let more = frame
        .wire
        .len()
        .saturating_sub(frame.header_length + PAYLOAD_DRAWN);
    let more = more as u64 + frame.left_out.length();
    if more > 0 {
        let text = format!("{more} bytes of payload more are not drawn.");
        page.element("p", &[("class", &"quiet")], text);
    }
}

fn fields(frame: &Frame) -> Vec<Field> {
    let header = &frame.header;
    let wire = &frame.wire;
    let mut fields = Vec::new();
    let Some([first, second]) = wire.first_chunk().copied() else {
        return fields;
    };
    for (bit, name) in ["FIN", "RSV1", "RSV2", "RSV3"].into_iter().enumerate() {
        fields.push(flag(name, first, bit));
    }
    let opcode = format!("{:x}", header.opcode.0);
    fields.push(Field {
        bits: bits(&[first])[4..].to_vec(),
        ..field("opcode", opcode, "head", &[])
    });
    fields.push(flag("MASK", second, 0));
    fields.push(Field {
        bits: bits(&[second])[1..].to_vec(),
        ..field("length", (second & 0x7f).to_string(), "head", &[])
    });
    let length_end = match header.length_form {
        LengthForm::Seven => 2,
        LengthForm::Sixteen => 4,
        LengthForm::SixtyFour => 10,
    };
    if let Some(extended @ [_, ..]) = wire.get(2..length_end) {
        fields.push(field(
            "extended length",
            header.length.to_string(),
            "head",
            extended,
        ));
    }
    if let Some(mask) = header.mask {
        fields.push(field("masking key", hex::spaced(&mask), "mask", &mask));
    }
    fields.extend(payload(frame));
    fields
}

fn field(name: &str, value: String, class: &'static str, bytes: &[u8]) -> Field {
    Field {
        name: name.to_owned(),
        value,
        class,
        bits: bits(bytes),
    }
}

fn flag(name: &str, byte: u8, bit: usize) -> Field {
    Field {
        bits: vec![bits(&[byte])[bit]],
        ..field(name, String::new(), "head", &[])
    }
}

/// Returns the bits of bytes, the highest of each first.
fn bits(bytes: &[u8]) -> Vec<bool> {
    let of_byte = |byte: &u8| {
        let byte = *byte;
        (0..8).rev().map(move |bit| byte >> bit & 1 == 1)
    };
    bytes.iter().flat_map(of_byte).collect()
}

/// Returns the payload: a field for each byte, with its meaning.
fn payload(frame: &Frame) -> Vec<Field> {
    let sent = frame.wire.get(frame.header_length..).unwrap_or_default();
    let is_whole = !frame.compressed && frame.holes.is_empty();
    let says = |index: usize| frame.payload.get(index).filter(|_| is_whole);
    let shown = sent.iter().take(PAYLOAD_DRAWN).enumerate();
    let field = |(index, byte): (usize, &u8)| {
        let value = match says(index) {
            Some(said) if frame.header.mask.is_some() => {
                format!("{byte:02x}\u{2192}{said:02x} {}", character(*said))
            }
            Some(said) => format!("{byte:02x} {}", character(*said)),
            None => format!("{byte:02x}"),
        };
        field(
            &format!("payload {}", index + 1),
            value,
            "payload",
            &[*byte],
        )
    };
    shown.map(field).collect()
}

/// Returns a byte as a character, if it can be shown; a space as the symbol for it.
const fn character(byte: u8) -> char {
    match byte {
        b' ' => '\u{2420}',
        b'!'..=b'~' => byte as char,
        _ => '.',
    }
}

/// Returns the fields, cut where rows end.
fn cells(fields: &[Field]) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    let mut place = 0;
    for field in fields {
        let mut skipped = 0;
        while skipped < field.bits.len() {
            let from = place % ROW_BITS;
            let to = (from + field.bits.len() - skipped).min(ROW_BITS);
            cells.push(Cell {
                field,
                row: place / ROW_BITS,
                from,
                to,
                skipped,
            });
            skipped += to - from;
            place += to - from;
        }
    }
    cells
}

fn draw(svg: &mut Markup, cell: &Cell<'_>) {
    let Cell {
        field,
        row,
        from,
        to,
        skipped,
    } = *cell;
    let top = row * ROW_HEIGHT;
    let class = format!("field {}", field.class);
    svg.within("g", &[("class", &class)], |svg| {
        let (x, width) = (percent(2 * from), percent(2 * (to - from)));
        let (y, height) = (top + BOX_AT, BOX_HEIGHT);
        svg.empty(
            "rect",
            &[("x", &x), ("y", &y), ("width", &width), ("height", &height)],
        );
        for (index, bit) in field.bits[skipped..skipped + to - from].iter().enumerate() {
            let x = percent(2 * (from + index) + 1);
            let digit = u8::from(*bit);
            svg.element(
                "text",
                &[("class", &"bit"), ("x", &x), ("y", &(top + 11))],
                digit,
            );
        }
        let middle = percent(from + to);
        if to - from == 1 {
            return upright(svg, &field.name, &middle, y + 11);
        }
        // What began in the row before is not said again.
        if skipped == 0 {
            svg.element(
                "text",
                &[("class", &"name"), ("x", &middle), ("y", &(y + 19))],
                &field.name,
            );
        }
        svg.element(
            "text",
            &[("class", &"value"), ("x", &middle), ("y", &(y + 36))],
            value(cell),
        );
    });
}

/// Returns the value of a cell: a part of a masking key is a part of its bytes.
fn value(cell: &Cell<'_>) -> String {
    let length = cell.to - cell.from;
    if length == cell.field.bits.len() || !length.is_multiple_of(8) || cell.field.class != "mask" {
        return cell.field.value.clone();
    }
    let bytes = cell.field.value.split(' ');
    let part: Vec<&str> = bytes.skip(cell.skipped / 8).take(length / 8).collect();
    part.join(" ")
}

/// Writes a name letter below letter: the field is one bit wide.
fn upright(svg: &mut Markup, name: &str, x: &str, top: usize) {
    svg.within("text", &[("class", &"upright"), ("y", &top)], |svg| {
        for (index, letter) in name.chars().enumerate() {
            let step = if index == 0 { 0 } else { 10 };
            svg.element("tspan", &[("x", &x), ("dy", &step)], letter);
        }
    });
}

/// Returns so many half bits in percent of a row.
fn percent(half_bits: usize) -> String {
    // A half bit is 1.5625 percent.
    let hundredths = half_bits * 15_625;
    format!("{}.{:04}%", hundredths / 10_000, hundredths % 10_000)
}

#[cfg(test)]
mod tests {
    use wirestream::units::Side;
    use wirestream::websocket::{Decoder, Item};

    use super::*;

    fn frame(side: Side, wire: &[u8]) -> Frame {
        let mut input = wire;
        let mut decoder = Decoder::new(side, 0, None);
        match decoder.next(&mut input) {
            Some(Item::Frame(frame)) => *frame,
            other => panic!("{other:?}"),
        }
    }

    fn drawn(frame: &Frame) -> String {
        let mut page = Markup::default();
        figure(&mut page, frame, "a frame", "f");
        page.into_string()
    }

    #[test]
    fn a_masked_frame_shows_its_key_in_two_rows_and_what_each_byte_says() {
        let wire = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'<' ^ 2];
        let drawn = drawn(&frame(Side::Client, &wire));
        assert_eq!(drawn.matches("class=\"bit\"").count(), 64);
        for text in [">01 02<", ">03 04<", "69\u{2192}68 h", "3e\u{2192}3c &lt;"] {
            assert!(drawn.contains(text), "{text} is not in {drawn}");
        }
    }

    #[test]
    fn a_long_frame_is_drawn_as_far_as_there_is_room() {
        let wire = [&[0x82, 126, 1, 0][..], &[0; 256]].concat();
        let drawn = drawn(&frame(Side::Server, &wire));
        assert!(drawn.contains("extended length"));
        assert!(drawn.contains("234 bytes of payload more are not drawn."));
    }
}
