//! Chooses the packets of a capture that are shown, if there are too many for all.
//!
//! It takes the first packets of each phase, and the last of the capture: so every kind of event is shown, and the end.

use crate::analysis::stats::Explained;

/// The most packets that are shown of one phase.
pub const MOST_OF_A_PHASE: usize = 40;

/// The most packets that are shown of a capture.
pub const MOST_PACKETS: usize = 400;

/// The number of these that are the last packets of the capture.
const MOST_AT_THE_END: usize = 20;

/// Returns the indices of the packets that are shown, in order.
#[must_use]
pub fn select(packets: &[Explained]) -> Vec<usize> {
    if packets.len() <= MOST_OF_A_PHASE {
        return (0..packets.len()).collect();
    }
    let end = packets.len().saturating_sub(MOST_AT_THE_END);
    let mut phase = None;
    let mut of_phase = 0;
    let mut selected = Vec::new();
    for (index, packet) in packets.iter().enumerate().take(end) {
        if phase != Some(packet.phase) {
            phase = Some(packet.phase);
            of_phase = 0;
        }
        of_phase += 1;
        if of_phase <= MOST_OF_A_PHASE {
            selected.push(index);
        }
        if selected.len() == MOST_PACKETS - MOST_AT_THE_END {
            break;
        }
    }
    selected.extend(end..packets.len());
    selected
}

#[cfg(test)]
mod tests {
    use wirestream::units::Timestamp;

    use super::*;
    use crate::analysis::role::Role;
    use crate::analysis::stats::Statistics;
    use crate::analysis::update::Phase;

    fn packets(phases: impl IntoIterator<Item = Phase>) -> Vec<Explained> {
        let packet = |(number, phase)| Explained {
            number,
            time: Timestamp::default(),
            sender: None,
            role: Role::PureAck,
            phase,
            statistics: Statistics::default(),
        };
        (1..).zip(phases).map(packet).collect()
    }

    #[test]
    fn a_short_capture_is_shown_whole() {
        let packets = packets((0..300).map(|index| Phase::Update(index / 10)));
        assert_eq!(select(&packets), (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn of_a_long_phase_the_beginning_is_shown_and_of_the_capture_the_end() {
        let phases = [(Phase::Opening, 100), (Phase::Update(1), 100)];
        let phases = phases
            .into_iter()
            .flat_map(|(phase, count)| std::iter::repeat_n(phase, count));
        let selected = select(&packets(phases));
        let expected: Vec<usize> = (0..40).chain(100..140).chain(180..200).collect();
        assert_eq!(selected, expected);
    }

    #[test]
    fn of_a_long_capture_no_more_is_shown_than_fits() {
        let packets = packets((0..100_000).map(|index| Phase::Update(index / 3)));
        let selected = select(&packets);
        assert_eq!(selected.len(), MOST_PACKETS);
        assert_eq!(selected.last(), Some(&99_999));
    }
}
