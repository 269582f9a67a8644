//! Reads the newer capture file: a sequence of typed blocks, in sections that each have their own byte order and
//! interfaces.
//!
//! Written by Wireshark, and by macOS's tcpdump; see draft-ietf-opsawg-pcapng. This module takes single blocks apart;
//! the reader brings them in.

use super::reader::ByteOrder;
use crate::units::{LinkType, Timestamp};

/// The type of a section header block: the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// The length in bytes of a section header up to and with its byte-order magic, which must be known before anything
/// else can be read.
pub(super) const SECTION_START_BYTES: usize = 12;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPTION_END: u16 = 0;
const OPTION_TIMESTAMP_RESOLUTION: u16 = 9;
const OPTION_TIMESTAMP_OFFSET: u16 = 14;

/// The most interfaces that a file may describe in a section: a bound on memory, far above what occurs.
const MOST_INTERFACES: usize = 65_536;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// The state of the section being read.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) order: ByteOrder,
    interfaces: Vec<Interface>,
    /// The number of interfaces in the sections before, which gives every interface of the file its own number.
    interfaces_before: u32,
    /// The time of the last packet, which a simple packet gets because it has none of its own.
    last_time: Timestamp,
}

/// The facts about an interface that blocks with packets refer to.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: LinkType,
    snapshot_length: u32,
    clock: Clock,
}

/// A packet from its block; `bytes` is a range of the block.
pub(super) struct BlockPacket {
    pub(super) time: Timestamp,
    pub(super) interface: u32,
    pub(super) link_type: LinkType,
    pub(super) original_length: u32,
    pub(super) data_start: usize,
    pub(super) captured_length: u32,
}

/// The rule that a block breaks.
type Rule = &'static str;

impl Section {
    /// Returns the byte order that the first 12 bytes of a section header tell; `None` if they are not such.
    pub(super) fn byte_order(start: &[u8; SECTION_START_BYTES]) -> Option<ByteOrder> {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32(start, 8) == 0x1a2b_3c4d)
    }

    /// Begins a section, after another one or as the file's first.
    pub(super) fn begin(order: ByteOrder, before: Option<&Self>) -> Self {
        let (interfaces_before, last_time) = before.map_or((0, Timestamp::default()), |section| {
            let described = u32::try_from(section.interfaces.len()).unwrap_or(u32::MAX);
            (
                section.interfaces_before.saturating_add(described),
                section.last_time,
            )
        });
        Self {
            order,
            interfaces: Vec::new(),
            interfaces_before,
            last_time,
        }
    }

    /// Takes one whole block, from its type to its trailing length; returns a packet if it holds one.
    pub(super) fn block(&mut self, block: &[u8]) -> Result<Option<BlockPacket>, Rule> {
        match self.order.u32(block, 0) {
            INTERFACE_DESCRIPTION => self.describe_interface(block).map(|()| None),
            ENHANCED_PACKET => self.enhanced_packet(block).map(Some),
            SIMPLE_PACKET => self.simple_packet(block).map(Some),
            OBSOLETE_PACKET => self.obsolete_packet(block).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns true if blocks of this type hold a packet or something else that must be read whole.
    pub(super) const fn is_needed(block_type: u32) -> bool {
        matches!(
            block_type,
            INTERFACE_DESCRIPTION | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        )
    }

    fn describe_interface(&mut self, block: &[u8]) -> Result<(), Rule> {
        if block.len() < 20 {
            return Err("an interface description takes at least 20 bytes");
        }
        if self.interfaces.len() == MOST_INTERFACES {
            return Err("more than 65536 interfaces in a section");
        }
        let link_type = LinkType(self.order.u16(block, 8));
        let snapshot_length = self.order.u32(block, 12);
        let clock = self.clock(&block[16..block.len() - 4]);
        self.interfaces.push(Interface {
            link_type,
            snapshot_length,
            clock,
        });
        Ok(())
    }

    /// Finds the two options about time among an interface's options.
    fn clock(&self, mut options: &[u8]) -> Clock {
        let mut clock = Clock::default();
        while options.len() >= 4 {
            let (code, length) = (
                self.order.u16(options, 0),
                usize::from(self.order.u16(options, 2)),
            );
            let Some(value) = options.get(4..4 + length) else {
                break;
            };
            match code {
                OPTION_END => break,
                OPTION_TIMESTAMP_RESOLUTION if length >= 1 => {
                    clock.resolution = Resolution::of(value[0]);
                }
                OPTION_TIMESTAMP_OFFSET if length >= 8 => {
                    clock.offset_seconds = self.order.i64(value, 0);
                }
                _ => {}
            }
            // Options are padded to a multiple of four bytes.
            options = options
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        clock
    }

    #[inline]
    fn enhanced_packet(&mut self, block: &[u8]) -> Result<BlockPacket, Rule> {
        if block.len() < 32 {
            return Err("an enhanced packet takes at least 32 bytes");
        }
        let interface = self.order.u32(block, 8);
        self.timed_packet(block, interface)
    }

    fn obsolete_packet(&mut self, block: &[u8]) -> Result<BlockPacket, Rule> {
        if block.len() < 32 {
            return Err("a packet block takes at least 32 bytes");
        }
        let interface = u32::from(self.order.u16(block, 8));
        self.timed_packet(block, interface)
    }

    /// Reads the part that the enhanced packet block and its predecessor share: time, lengths and data are at the same
    /// places.
    #[inline]
    fn timed_packet(&mut self, block: &[u8], interface_id: u32) -> Result<BlockPacket, Rule> {
        let interface = self.interface(interface_id)?;
        let ticks =
            u64::from(self.order.u32(block, 12)) << 32 | u64::from(self.order.u32(block, 16));
        let time = interface.clock.time(ticks);
        self.last_time = time;
        self.packet(
            block,
            interface_id,
            28,
            self.order.u32(block, 20),
            self.order.u32(block, 24),
            time,
        )
    }

    fn simple_packet(&mut self, block: &[u8]) -> Result<BlockPacket, Rule> {
        if block.len() < 16 {
            return Err("a simple packet takes at least 16 bytes");
        }
        let original_length = self.order.u32(block, 8);
        let most = match self.interface(0)?.snapshot_length {
            0 => u32::MAX,
            limit => limit,
        };
        // The block states no captured length: it is what the snapshot length left, and the block has room for.
        let room = u32::try_from(block.len() - 16).unwrap_or(u32::MAX);
        let captured_length = original_length.min(most).min(room);
        self.packet(
            block,
            0,
            12,
            captured_length,
            original_length,
            self.last_time,
        )
    }

    #[inline]
    fn interface(&self, id: u32) -> Result<Interface, Rule> {
        let interface = usize::try_from(id)
            .ok()
            .and_then(|index| self.interfaces.get(index));
        interface
            .copied()
            .ok_or("a packet of an interface that no block described")
    }

    #[inline]
    fn packet(
        &self,
        block: &[u8],
        interface_id: u32,
        data_start: usize,
        captured_length: u32,
        original_length: u32,
        time: Timestamp,
    ) -> Result<BlockPacket, Rule> {
        if captured_length as usize > block.len() - data_start - 4 {
            return Err("the packet is longer than its block");
        }
        let link_type = self.interface(interface_id)?.link_type;
        let interface = self.interfaces_before.saturating_add(interface_id);
        Ok(BlockPacket {
            time,
            interface,
            link_type,
            original_length,
            data_start,
            captured_length,
        })
    }
}

/// The way in which an interface counts time.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    resolution: Resolution,
    offset_seconds: i64,
}

/// Units of time per second, as `if_tsresol` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// Ten to this power.
    Decimal(u8),
    /// Two to this power.
    Binary(u8),
}

impl Default for Resolution {
    fn default() -> Self {
        Self::Decimal(6)
    }
}

impl Resolution {
    /// Reads a resolution: the highest bit chooses the base, the others are the negative exponent
    /// (draft-ietf-opsawg-pcapng §4.2).
    const fn of(byte: u8) -> Self {
        if byte & 0x80 == 0 {
            Self::Decimal(byte)
        } else {
            Self::Binary(byte & 0x7f)
        }
    }

    #[inline]
    fn nanoseconds(self, ticks: u64) -> u128 {
        match self {
            Self::Decimal(6) => u128::from(ticks) * 1000,
            Self::Decimal(9) => u128::from(ticks),
            Self::Decimal(exponent) => {
                let per_second = 10_u128
                    .checked_pow(u32::from(exponent))
                    .unwrap_or(u128::MAX);
                u128::from(ticks) * u128::from(NANOSECONDS_PER_SECOND) / per_second
            }
            Self::Binary(exponent) => {
                (u128::from(ticks) * u128::from(NANOSECONDS_PER_SECOND)) >> exponent
            }
        }
    }
}

impl Clock {
    /// Returns the point in time, limited to what a timestamp can express.
    #[inline]
    fn time(self, ticks: u64) -> Timestamp {
        let nanoseconds = i128::try_from(self.resolution.nanoseconds(ticks)).unwrap_or(i128::MAX);
        let offset = i128::from(self.offset_seconds) * i128::from(NANOSECONDS_PER_SECOND);
        let nanoseconds = nanoseconds
            .saturating_add(offset)
            .clamp(0, i128::from(u64::MAX));
        Timestamp::from_nanoseconds(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_tell_the_same_time() {
        let expected = Timestamp::from_nanoseconds(1_500_000_000);
        for (resolution, ticks) in [
            (0x00, 1),
            (0x01, 15),
            (0x06, 1_500_000),
            (0x09, 1_500_000_000),
            (0x81, 3),
            (0x8a, 1536),
        ] {
            let clock = Clock {
                resolution: Resolution::of(resolution),
                offset_seconds: 0,
            };
            let time = clock.time(ticks);
            if resolution == 0 {
                assert_eq!(time, Timestamp::from_nanoseconds(1_000_000_000));
            } else {
                assert_eq!(time, expected, "resolution {resolution:#x}");
            }
        }
    }

    #[test]
    fn absurd_clocks_stay_within_range() {
        for resolution in 0..=255 {
            for offset_seconds in [i64::MIN, -1, 0, 1, i64::MAX] {
                Clock {
                    resolution: Resolution::of(resolution),
                    offset_seconds,
                }
                .time(u64::MAX);
            }
        }
        let before_the_epoch = Clock {
            resolution: Resolution::default(),
            offset_seconds: -10,
        };
        assert_eq!(before_the_epoch.time(1), Timestamp::from_nanoseconds(0));
    }
}
