//! The headers of a packet as they are compared: every bit of them, except what differs each time.
//!
//! A header is compared as its bytes; bytes that say nothing about the wire are set to zero. So nothing is ignored
//! because nobody thought of it: only [`mask`] decides what is ignored, and `docs/diff.md` lists it.

use std::fmt::Write as _;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use wirestream::capture::Packet;
use wirestream::packet::{Flags, Layers, Segment};
use wirestream::units::LinkType;

use super::entry::digest;
use super::kind::Kind;
use super::options;

mod mask;

/// The most distinct headers kept to tell what differs in them.
const MOST_KEPT: usize = 4096;

/// The length of the longest headers that are kept.
const MOST_BYTES: usize = 512;

/// An identifier of the headers of a packet: equal for equal headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HeaderId(pub(super) u64);

/// The headers of a packet, without what differs each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    link_type: u16,
    link: Vec<u8>,
    /// The headers between that of the link and the last one of IP.
    tunnel: Vec<u8>,
    ip: Vec<u8>,
    tcp: Vec<u8>,
}

/// The distinct headers of a capture.
#[derive(Debug, Default)]
pub(super) struct Headers {
    known: HashTable<(Box<[u8]>, HeaderId)>,
    hasher: DefaultHashBuilder,
    kept: HashMap<HeaderId, Header>,
    /// The bytes of the header that is looked up.
    key: Vec<u8>,
}

/// One fact that headers state: the kind of difference if they state it differently, its name, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) value: String,
}

impl Headers {
    /// Returns the identifier of the headers of a packet.
    pub(super) fn id(&mut self, packet: &Packet<'_>, segment: Option<&Segment<'_>>) -> HeaderId {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        let ends = fill(&mut key, packet, segment);
        let hash = self.hasher.hash_one(&key[..]);
        let found = self.known.find(hash, |(known, _)| **known == key[..]);
        let id = found.map(|(_, id)| *id);
        let id = id.unwrap_or_else(|| self.add(&key, hash, packet.link_type, ends));
        self.key = key;
        id
    }

    fn add(&mut self, key: &[u8], hash: u64, link_type: LinkType, ends: [usize; 4]) -> HeaderId {
        let digest = digest([key]);
        let id = HeaderId(digest.first_chunk().copied().map_or(0, u64::from_be_bytes));
        if self.known.len() < MOST_KEPT && key.len() <= MOST_BYTES {
            let hasher = &self.hasher;
            let known = (key.into(), id);
            let rehash = |(key, _): &(Box<[u8]>, HeaderId)| hasher.hash_one(&key[..]);
            self.known.insert_unique(hash, known, rehash);
            self.kept.insert(id, Header::new(key, link_type, ends));
        }
        id
    }

    /// Returns the headers of this identifier, if they are kept.
    pub(super) fn get(&self, id: HeaderId) -> Option<&Header> {
        self.kept.get(&id)
    }

    /// Drops the data that only the reading needs.
    pub(super) fn finish(&mut self) {
        self.known = HashTable::new();
        self.key = Vec::new();
    }
}

/// Writes headers without what differs each time: the ends of their parts, then the parts. Returns these ends.
fn fill(key: &mut Vec<u8>, packet: &Packet<'_>, segment: Option<&Segment<'_>>) -> [usize; 4] {
    let layers = Layers::of(packet.link_type, packet.bytes, packet.original_length);
    let tunnel = layers.ip.start..layers.inner_ip.start;
    let part = |range: std::ops::Range<usize>| packet.bytes.get(range).unwrap_or_default();
    // A datagram in fragments has its TCP header in another packet.
    let tcp = segment.map_or(&[][..], |segment| segment.header);
    let parts = [
        part(layers.link.clone()),
        part(tunnel.clone()),
        part(layers.inner_ip.clone()),
        tcp,
    ];
    key.extend_from_slice(&packet.link_type.0.to_be_bytes());
    for bytes in parts {
        key.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    }
    let mut ends = [0; 4];
    for (end, bytes) in ends.iter_mut().zip(parts) {
        key.extend_from_slice(bytes);
        *end = key.len();
    }
    let begin = ends[0] - parts[0].len();
    let sent = packet.bytes.len().max(packet.original_length as usize);
    mask::link(packet.link_type, &mut key[begin..ends[0]]);
    mask::tunnel(&mut key[ends[0]..ends[1]], sent - tunnel.start);
    mask::ip(&mut key[ends[1]..ends[2]], sent - layers.inner_ip.start);
    mask::tcp(&mut key[ends[2]..ends[3]]);
    ends
}

impl Header {
    fn new(key: &[u8], link_type: LinkType, ends: [usize; 4]) -> Self {
        let part = |from: usize, to: usize| key.get(from..to).unwrap_or_default().to_vec();
        let begin = size_of::<u16>() + 4 * size_of::<u64>();
        Self {
            link_type: link_type.0,
            link: part(begin, ends[0]),
            tunnel: part(ends[0], ends[1]),
            ip: part(ends[1], ends[2]),
            tcp: part(ends[2], ends[3]),
        }
    }

    /// Returns true if it is the header of a SYN.
    pub(super) fn is_syn(&self) -> bool {
        self.tcp
            .get(13)
            .is_some_and(|flags| Flags(*flags).has(Flags::SYN))
    }

    /// Returns the facts that two headers state in different ways. There is at least one if the headers are not the
    /// same.
    pub(super) fn differences(old: &Self, new: &Self) -> Vec<(Said, Said)> {
        let (olds, news) = (old.said(), new.said());
        let mut found = Vec::new();
        for before in olds {
            let after = news.iter().find(|after| after.name == before.name);
            let after = after.cloned().unwrap_or_else(|| before.none());
            if before != after {
                found.push((before, after));
            }
        }
        for after in news {
            let is_new = found.iter().all(|(_, known)| known.name != after.name)
                && old.said().iter().all(|before| before.name != after.name);
            if is_new && after != after.none() {
                found.push((after.none(), after));
            }
        }
        if found.is_empty() && old != new {
            let said = |header: &Self| Said::new(Kind::Link, "headers", header.hex());
            found.push((said(old), said(new)));
        }
        found
    }

    fn hex(&self) -> String {
        let parts = [&self.link, &self.tunnel, &self.ip, &self.tcp];
        hex(&parts.map(Vec::as_slice).concat())
    }

    /// Returns all facts that it states.
    fn said(&self) -> Vec<Said> {
        let link = |name, value| Said::new(Kind::Link, name, value);
        let mut said = vec![link(BELOW, self.below())];
        let (tags, rest) = tags(self.link_type, &self.link);
        said.push(link("VLAN tags", tags));
        said.push(link("header of the link", hex(&rest)));
        said.push(link("headers of the tunnel", hex(&self.tunnel)));
        said.extend(self.ip());
        said.extend(self.tcp());
        said
    }

    /// Returns the headers below TCP: `ETHERNET 14 bytes, IPv4 20 bytes`.
    fn below(&self) -> String {
        let mut text = format!("{} {} bytes", LinkType(self.link_type), self.link.len());
        if !self.tunnel.is_empty() {
            text = format!("{text}, tunnel {} bytes", self.tunnel.len());
        }
        let version = self.ip.first().map_or(0, |byte| byte >> 4);
        match version {
            0 => text,
            version => format!("{text}, IPv{version} {} bytes", self.ip.len()),
        }
    }

    fn ip(&self) -> Vec<Said> {
        let said = |name, value| Said::new(Kind::Link, name, value);
        let mut rest = self.ip.clone();
        let (class, hops) = match &self.ip[..] {
            [first, class, _, _, _, _, flags, offset, hops, ..] if first >> 4 == 4 => {
                let mut found = class_of(*class);
                // RFC 791 §3.1.
                let place = u16::from_be_bytes([*flags, *offset]);
                found.push(said("IP flags", ip_flags(place)));
                let options = self.ip.get(20..).unwrap_or_default();
                found.push(said("IP options", hex(options)));
                rest.truncate(20);
                blank(&mut rest, &[1, 6, 7, 8]);
                (found, *hops)
            }
            [first, second, _, _, _, _, _, hops, ..] if first >> 4 == 6 => {
                let mut found = class_of(first << 4 | second >> 4);
                let extensions = self.ip.get(40..).unwrap_or_default();
                found.push(said("IP extension headers", hex(extensions)));
                rest.truncate(40);
                blank(&mut rest, &[1, 7]);
                rest[0] &= 0xf0;
                (found, *hops)
            }
            _ => (Vec::new(), 0),
        };
        let mut found = class;
        found.push(said("time to live", hops.to_string()));
        found.push(said("rest of the IP header", hex(&rest)));
        found
    }

    fn tcp(&self) -> Vec<Said> {
        let said = |name, value| Said::new(Kind::Tcp, name, value);
        if self.tcp.len() < 20 {
            return vec![said("TCP header", hex(&self.tcp))];
        }
        let flags = u16::from_be_bytes([self.tcp[12] & 0x0f, self.tcp[13]]);
        let urgent = u16::from_be_bytes([self.tcp[18], self.tcp[19]]);
        vec![
            said(FLAGS, tcp_flags(flags)),
            said("urgent pointer", urgent.to_string()),
            said(OPTIONS, options::text(&self.tcp[20..])),
        ]
    }
}

/// The name for changes of TCP options.
pub(super) const OPTIONS: &str = "TCP options";

/// The name for changes of TCP flags.
pub(super) const FLAGS: &str = "TCP flags";

/// The name for changes of the headers of link and IP.
pub(super) const BELOW: &str = "headers below TCP";

impl Said {
    const fn new(kind: Kind, name: &'static str, value: String) -> Self {
        Self { kind, name, value }
    }

    fn none(&self) -> Self {
        Self::new(self.kind, self.name, String::new())
    }
}

/// Splits the traffic class (RFC 2474 §3, RFC 3168 §5).
fn class_of(class: u8) -> Vec<Said> {
    let said = |name, value: u8| Said::new(Kind::Link, name, value.to_string());
    vec![said("DSCP", class >> 2), said("ECN", class & 3)]
}

fn blank(bytes: &mut [u8], places: &[usize]) {
    for place in places {
        if let Some(byte) = bytes.get_mut(*place) {
            *byte = 0;
        }
    }
}

/// Returns the flags of IP (RFC 791 §3.1): reserved, don't fragment, more fragments; then the offset.
fn ip_flags(place: u16) -> String {
    const NAMES: [(u16, &str); 3] = [(0x8000, "reserved"), (0x4000, "DF"), (0x2000, "MF")];
    let names = NAMES.iter().filter(|(bit, _)| place & bit != 0);
    let mut names: Vec<String> = names.map(|(_, name)| (*name).to_owned()).collect();
    if place & 0x1fff != 0 {
        names.push(format!("offset {}", (place & 0x1fff) * 8));
    }
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// Returns the TCP flags, with the reserved bits (RFC 9293 §3.1) and AE (RFC 9768 §3).
fn tcp_flags(flags: u16) -> String {
    let mut text = format!("{:?}", Flags(flags.to_be_bytes()[1]));
    if flags & 0x0100 != 0 {
        text.push_str("+AE");
    }
    if flags & 0x0e00 != 0 {
        text = format!("{text}+reserved {:03b}", flags >> 9 & 7);
    }
    match text.strip_prefix('+') {
        Some(text) => text.to_owned(),
        None if text.is_empty() => "none".to_owned(),
        None => text,
    }
}

/// Returns the VLAN tags of an Ethernet header, and the rest of it.
fn tags(link_type: u16, link: &[u8]) -> (String, Vec<u8>) {
    let mut rest = link.to_vec();
    let mut tags = Vec::new();
    let mut place = match LinkType(link_type) {
        LinkType::ETHERNET => 12,
        LinkType::LINUX_SLL => 14,
        _ => link.len(),
    };
    while let Some([high, low, control, tag]) = link.get(place..place + 4)
        && mask::is_tag(u16::from_be_bytes([*high, *low]))
    {
        let control = u16::from_be_bytes([*control, *tag]);
        let (number, priority) = (control & 0x0fff, control >> 13);
        let drop = if control & 0x1000 == 0 {
            ""
        } else {
            ", may be dropped"
        };
        tags.push(format!("{number} (priority {priority}{drop})"));
        blank(&mut rest, &[place + 2, place + 3]);
        place += 4;
    }
    (tags.join(", "), rest)
}

/// Returns bytes as hexadecimal digits, as many as fit.
fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 48;
    let mut text = String::new();
    for byte in bytes.iter().take(SHOWN) {
        // Writing to memory does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if let Some(more @ 1..) = bytes.len().checked_sub(SHOWN) {
        let id = digest([bytes]);
        let id = id.first_chunk().copied().map_or(0, u32::from_be_bytes);
        text = format!("{text} and {more} bytes more, sha256 {id:08x}");
    }
    text
}
