//! A link between two machines, as the network of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The effect of a link on the packets that cross it, in both directions alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The time that each packet is under way.
    pub delay: Duration,
    /// The share of packets that never arrive, from 0 to 1.
    pub loss: f64,
}

impl Link {
    /// Returns true if it is anything but a cable.
    #[must_use]
    pub fn is_impaired(&self) -> bool {
        !self.delay.is_zero() || self.loss > 0.0
    }
}
