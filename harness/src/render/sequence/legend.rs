//! The legend: the meanings of the arrows.

use super::LINE;
use crate::analysis::dissection::Dissection;
use crate::analysis::role::Role;
use crate::render::markup::Markup;
use crate::render::palette::role_name;

/// Returns the roles that occur in a diagram.
pub(super) fn roles(dissection: &Dissection) -> Vec<Role> {
    let drawn = |role: &Role| {
        let mut packets = dissection.packets.iter();
        packets.any(|packet| packet.explained.role == *role)
    };
    Role::ALL.into_iter().filter(drawn).collect()
}

/// Returns the height of the legend: two roles to a line, so that it fits on a narrow screen.
pub(super) fn height(roles: &[Role]) -> u32 {
    u32::try_from(roles.len().div_ceil(2)).unwrap_or(0) * LINE + LINE / 2
}

/// Draws the legend, its first line at `top`.
pub(super) fn draw(svg: &mut Markup, roles: &[Role], top: u32) {
    svg.within("g", &[("class", &"legend")], |svg| {
        let mut y = top + LINE / 2;
        for pair in roles.chunks(2) {
            for (role, x) in pair.iter().zip(["1%", "50%"]) {
                // A drawing of its own, since what is in it has its place in pixels.
                svg.within(
                    "svg",
                    &[("x", &x), ("y", &y), ("overflow", &"visible")],
                    |svg| {
                        sample(svg, *role);
                    },
                );
            }
            y += LINE;
        }
    });
}

fn sample(svg: &mut Markup, role: Role) {
    svg.within("g", &[("class", &role_name(role))], |svg| {
        svg.empty("line", &[("class", &"shaft"), ("x1", &"0"), ("x2", &"28")]);
        svg.empty(
            "path",
            &[("class", &"head"), ("d", &"M34 0L25 -4.5L25 4.5Z")],
        );
    });
    svg.element("text", &[("x", &"42"), ("y", &"4")], role);
}
