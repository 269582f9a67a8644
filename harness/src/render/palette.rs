//! The colours of drawings and pages, in two schemes, and the proof that they contrast with their background.
//!
//! Style sheets use them by name only, as custom properties (`--ink`). Roles of packets and layers of bytes each have
//! one; none of them is identified by its colour alone.

use std::fmt::Write as _;

use crate::analysis::role::Role;

/// A colour of both schemes: red, green, blue.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    /// The name of its custom property, without the dashes.
    pub name: &'static str,
    /// The colour on a light background.
    pub light: u32,
    /// The colour on a dark background.
    pub dark: u32,
}

const fn colour(name: &'static str, light: u32, dark: u32) -> Colour {
    Colour { name, light, dark }
}

/// The backgrounds.
pub const GROUNDS: [Colour; 3] = [
    colour("ground", 0xff_ff_ff, 0x14_17_1c),
    colour("panel", 0xf5_f6_f8, 0x1c_20_27),
    colour("band", 0xeb_ee_f2, 0x25_2a_33),
];

/// The colours of text.
pub const INKS: [Colour; 3] = [
    colour("ink", 0x1b_1f_26, 0xe8_ea_ee),
    colour("quiet", 0x55_5d_6b, 0xa7_af_bd),
    colour("link", 0x0b_57_a8, 0x86_b9_f5),
];

/// The colours of lines that only separate: they carry no meaning alone.
pub const RULES: [Colour; 1] = [colour("rule", 0xd5_d9_e0, 0x38_3f_4b)];

/// The colours of packets and bytes, in drawings and in text.
pub const HUES: [Colour; 9] = [
    colour("handshake", 0x6b_3f_a0, 0xc4_a4_f2),
    colour("request", 0x0b_57_a8, 0x86_b9_f5),
    colour("response-header", 0x1a_6b_42, 0x7f_d1_a3),
    colour("body", 0x9a_40_00, 0xff_b0_78),
    colour("pure-ack", 0x55_5d_6b, 0xa7_af_bd),
    colour("keepalive", 0x00_66_70, 0x6f_cb_d6),
    colour("retransmission", 0xb0_1e_2e, 0xff_9a_a2),
    colour("close", 0x7a_4b_12, 0xd9_b9_83),
    colour("clock", 0xa3_1f_63, 0xff_9e_cb),
];

/// Returns the name of the colour, and of the class, of a role.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Handshake => "handshake",
        Role::Request => "request",
        Role::ResponseHeader => "response-header",
        Role::Body => "body",
        Role::PureAck | Role::NotTcp => "pure-ack",
        Role::Keepalive => "keepalive",
        Role::Retransmission | Role::Ignored => "retransmission",
        Role::Close => "close",
    }
}

/// Returns the custom properties of both schemes, set on the elements that `selector` selects.
#[must_use]
pub fn style(selector: &str) -> String {
    let properties = |choose: fn(&Colour) -> u32| {
        let mut text = String::new();
        for colour in all() {
            // Writing to memory does not fail.
            let _ = write!(text, "--{}:#{:06x};", colour.name, choose(colour));
        }
        text
    };
    format!(
        "{selector}{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{{selector}{{{}}}}}\n\
         @media print{{{selector}{{color-scheme:light;{}}}}}\n",
        properties(|colour| colour.light),
        properties(|colour| colour.dark),
        properties(|colour| colour.light),
    )
}

fn all() -> impl Iterator<Item = &'static Colour> {
    GROUNDS.iter().chain(&INKS).chain(&RULES).chain(&HUES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the relative luminance of an sRGB colour, as WCAG 2.2 defines it.
    fn relative_luminance(colour: u32) -> f64 {
        let [_, red, green, blue] = colour.to_be_bytes();
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: u32, other: u32) -> f64 {
        let [one, other] = [one, other].map(relative_luminance);
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn contrast_is_what_the_guidelines_compute() {
        assert!((contrast(0x00_00_00, 0xff_ff_ff) - 21.0).abs() < 1e-9);
        assert!((contrast(0x76_76_76, 0xff_ff_ff) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_ink_and_every_hue_can_be_read_on_every_ground() {
        for colour in INKS.iter().chain(&HUES) {
            for ground in &GROUNDS {
                for (scheme, ink, ground_colour) in [
                    ("light", colour.light, ground.light),
                    ("dark", colour.dark, ground.dark),
                ] {
                    let contrast = contrast(ink, ground_colour);
                    // WCAG 2.2, success criterion 1.4.3, level AA: 4.5 for text of any size.
                    assert!(
                        contrast >= 4.5,
                        "{scheme}: {} on {} has {contrast:.2}",
                        colour.name,
                        ground.name
                    );
                }
            }
        }
    }
}
