//! Capture files in memory: pcap and pcapng, written as by hand.

use std::io::Write as _;

pub const ETHERNET: u16 = 1;
pub const NULL: u16 = 0;
pub const PPP: u16 = 9;
pub const PPP_HDLC: u16 = 50;
pub const PPP_ETHER: u16 = 51;
pub const RAW: u16 = 101;
pub const C_HDLC: u16 = 104;
pub const LOOP: u16 = 108;
pub const LINUX_SLL: u16 = 113;
pub const IPV4: u16 = 228;
pub const IPV6: u16 = 229;
pub const LINUX_SLL2: u16 = 276;

/// A packet to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub nanoseconds: u64,
    pub original_length: u32,
    pub bytes: Vec<u8>,
}

impl Packet {
    /// Creates a packet that is captured whole.
    pub fn new(nanoseconds: u64, bytes: Vec<u8>) -> Self {
        Self {
            nanoseconds,
            original_length: u32::try_from(bytes.len()).unwrap(),
            bytes,
        }
    }

    /// Cuts the packet as a snapshot length does.
    pub fn cut(mut self, snapshot_length: usize) -> Self {
        self.bytes.truncate(snapshot_length);
        self
    }
}

/// Returns the packets, each 1 ms after the one before.
pub fn paced(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Packet> {
    let start = 1_600_000_000_000_000_000;
    (0..)
        .zip(frames)
        .map(|(index, bytes)| Packet::new(start + index * 1_000_000, bytes))
        .collect()
}

/// The byte order of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }

    pub fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }

    pub fn u64(self, number: u64) -> [u8; 8] {
        if self == Self::Little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }
}

/// Returns a pcap file as tcpdump writes it here: little-endian, microseconds.
pub fn pcap(link_type: u16, packets: &[Packet]) -> Vec<u8> {
    pcap_as(Order::Little, 1000, u32::from(link_type), packets)
}

/// Returns a pcap file in any byte order and resolution; `link_type` is the whole field, including upper bits.
pub fn pcap_as(
    order: Order,
    nanoseconds_per_tick: u64,
    link_type: u32,
    packets: &[Packet],
) -> Vec<u8> {
    let magic = if nanoseconds_per_tick == 1 {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let mut file = order.u32(magic).to_vec();
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    for field in [0, 0, 262_144, link_type] {
        file.extend(order.u32(field));
    }
    for packet in packets {
        let (seconds, rest) = (
            packet.nanoseconds / 1_000_000_000,
            packet.nanoseconds % 1_000_000_000,
        );
        let lengths = (
            u32::try_from(packet.bytes.len()).unwrap(),
            packet.original_length,
        );
        for field in [
            u32::try_from(seconds).unwrap(),
            u32::try_from(rest / nanoseconds_per_tick).unwrap(),
            lengths.0,
            lengths.1,
        ] {
            file.extend(order.u32(field));
        }
        file.extend(&packet.bytes);
    }
    file
}

/// Builds a pcapng file block by block.
pub struct Pcapng {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Pcapng {
    pub fn new(order: Order) -> Self {
        let mut file = Self {
            order,
            bytes: Vec::new(),
        };
        file.section(order);
        file
    }

    /// Begins a section, perhaps in another byte order.
    pub fn section(&mut self, order: Order) -> &mut Self {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend(order.u64(u64::MAX));
        self.block(0x0a0d_0d0a, &body)
    }

    pub fn block(&mut self, block_type: u32, body: &[u8]) -> &mut Self {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = u32::try_from(12 + body.len() + padding).unwrap();
        self.bytes.extend(self.order.u32(block_type));
        self.bytes.extend(self.order.u32(length));
        self.bytes.extend(body);
        self.bytes.extend(vec![0; padding]);
        self.bytes.extend(self.order.u32(length));
        self
    }

    fn option(&self, body: &mut Vec<u8>, code: u16, value: &[u8]) {
        body.extend(self.order.u16(code));
        body.extend(self.order.u16(u16::try_from(value.len()).unwrap()));
        body.extend(value);
        body.extend(vec![0; value.len().next_multiple_of(4) - value.len()]);
    }

    /// Describes an interface; `resolution` is the option's byte, `offset` in seconds.
    pub fn interface(
        &mut self,
        link_type: u16,
        snapshot_length: u32,
        resolution: Option<u8>,
        offset: Option<i64>,
    ) -> &mut Self {
        let mut body = self.order.u16(link_type).to_vec();
        body.extend(self.order.u16(0));
        body.extend(self.order.u32(snapshot_length));
        self.option(&mut body, 2, b"eth0");
        if let Some(resolution) = resolution {
            self.option(&mut body, 9, &[resolution]);
        }
        if let Some(offset) = offset {
            let value = self.order.u64(offset.cast_unsigned());
            self.option(&mut body, 14, &value);
        }
        self.option(&mut body, 0, b"");
        self.block(1, &body)
    }

    fn timed(&self, ticks: u64, packet: &Packet) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(self.order.u32(u32::try_from(ticks >> 32).unwrap()));
        body.extend(self.order.u32(u32::try_from(ticks & 0xffff_ffff).unwrap()));
        body.extend(self.order.u32(u32::try_from(packet.bytes.len()).unwrap()));
        body.extend(self.order.u32(packet.original_length));
        body.extend(&packet.bytes);
        body.extend(vec![
            0;
            packet.bytes.len().next_multiple_of(4)
                - packet.bytes.len()
        ]);
        body
    }

    /// Adds an enhanced packet, with a comment if there is one.
    pub fn enhanced(
        &mut self,
        interface: u32,
        ticks: u64,
        packet: &Packet,
        comment: Option<&str>,
    ) -> &mut Self {
        let mut body = self.order.u32(interface).to_vec();
        body.extend(self.timed(ticks, packet));
        if let Some(comment) = comment {
            self.option(&mut body, 1, comment.as_bytes());
            self.option(&mut body, 0, b"");
        }
        self.block(6, &body)
    }

    pub fn obsolete(&mut self, interface: u16, ticks: u64, packet: &Packet) -> &mut Self {
        let mut body = self.order.u16(interface).to_vec();
        body.extend(self.order.u16(0xffff));
        body.extend(self.timed(ticks, packet));
        self.block(2, &body)
    }

    pub fn simple(&mut self, packet: &Packet) -> &mut Self {
        let mut body = self.order.u32(packet.original_length).to_vec();
        body.extend(&packet.bytes);
        self.block(3, &body)
    }
}

/// Returns a pcapng file with one interface, in microseconds.
pub fn pcapng(order: Order, link_type: u16, packets: &[Packet]) -> Vec<u8> {
    let mut file = Pcapng::new(order);
    file.interface(link_type, 0, None, None);
    for packet in packets {
        file.enhanced(0, packet.nanoseconds / 1000, packet, None);
    }
    file.bytes
}

/// Returns the file compressed by gzip.
pub fn gzip(file: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(file).unwrap();
    encoder.finish().unwrap()
}
