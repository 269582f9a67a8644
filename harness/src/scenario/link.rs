//! A link between two machines, as the network of a scenario.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a link does to the packets that cross it, in both directions alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// How long each packet is under way.
    pub delay: Duration,
    /// The share of packets that never arrive, from 0 to 1.
    pub loss: f64,
}

impl Link {
    /// Whether it is anything but a cable.
    #[must_use]
    pub fn is_impaired(&self) -> bool {
        !self.delay.is_zero() || self.loss > 0.0
    }
}
