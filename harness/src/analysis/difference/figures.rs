//! Differences between figures: packets and bytes more or fewer.

use std::ops::{Add, AddAssign, Neg};

use serde::Serialize;

use crate::analysis::stats::Statistics;

/// The differences of the five figures of [`Statistics`]; negative if something is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Delta {
    /// Packets.
    pub total_packets: i64,
    /// Packets with TCP payload.
    pub app_packets: i64,
    /// Bytes on the link.
    pub frame_bytes: i64,
    /// Bytes of TCP headers with their options.
    pub tcp_bytes: i64,
    /// Bytes of TCP payload.
    pub app_bytes: i64,
}

impl Delta {
    /// The difference of zero.
    pub const ZERO: Self = Self {
        total_packets: 0,
        app_packets: 0,
        frame_bytes: 0,
        tcp_bytes: 0,
        app_bytes: 0,
    };

    /// Returns the difference between one capture's figures and another's.
    #[must_use]
    pub fn between(old: Statistics, new: Statistics) -> Self {
        Self::from(new) + -Self::from(old)
    }

    /// Returns a difference of `bytes` of payload, which are on the link as well.
    #[must_use]
    pub fn of_payload(bytes: i64) -> Self {
        Self {
            frame_bytes: bytes,
            app_bytes: bytes,
            ..Self::default()
        }
    }

    /// Returns the five figures, in the order in which the tables have them.
    #[must_use]
    pub const fn figures(self) -> [i64; 5] {
        [
            self.total_packets,
            self.app_packets,
            self.frame_bytes,
            self.tcp_bytes,
            self.app_bytes,
        ]
    }

    /// Returns true if nothing is more or fewer.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

impl From<Statistics> for Delta {
    fn from(statistics: Statistics) -> Self {
        let signed = |figure: u64| figure.cast_signed();
        Self {
            total_packets: signed(statistics.total_packets),
            app_packets: signed(statistics.app_packets),
            frame_bytes: signed(statistics.frame_bytes),
            tcp_bytes: signed(statistics.tcp_bytes),
            app_bytes: signed(statistics.app_bytes),
        }
    }
}

// Figures of the largest files are far from the limits of 64 bits; what a damaged capture claims to lack may not be, and
// wraps in both the parts and the sum, so that these agree all the same.
impl AddAssign for Delta {
    fn add_assign(&mut self, other: Self) {
        self.total_packets = self.total_packets.wrapping_add(other.total_packets);
        self.app_packets = self.app_packets.wrapping_add(other.app_packets);
        self.frame_bytes = self.frame_bytes.wrapping_add(other.frame_bytes);
        self.tcp_bytes = self.tcp_bytes.wrapping_add(other.tcp_bytes);
        self.app_bytes = self.app_bytes.wrapping_add(other.app_bytes);
    }
}

impl Add for Delta {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Neg for Delta {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            total_packets: self.total_packets.wrapping_neg(),
            app_packets: self.app_packets.wrapping_neg(),
            frame_bytes: self.frame_bytes.wrapping_neg(),
            tcp_bytes: self.tcp_bytes.wrapping_neg(),
            app_bytes: self.app_bytes.wrapping_neg(),
        }
    }
}

impl std::iter::Sum for Delta {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}
