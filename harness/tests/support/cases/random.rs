//! Conversations that were cut up, shuffled, repeated and thinned out at random, in the same way each time.

use crate::support::network::{ACK, Tcp};
use crate::support::script::{Client, Script, Server};

/// A small generator of numbers that look random (Knuth's constants); the tests need no better one.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}

/// Returns the packets of `count` connections, one after the other.
pub fn random_conversations(seed: u64, count: u16) -> Vec<Vec<u8>> {
    let mut random = Random(seed);
    (0..count)
        .flat_map(|index| conversation(&mut random, index))
        .collect()
}

/// Returns the packets of `count` whole connections, one after the other, those of each in any order.
pub fn shuffled_conversations(seed: u64, count: u16) -> Vec<Vec<u8>> {
    let mut random = Random(seed);
    (0..count)
        .flat_map(|index| {
            let mut packets = talk(&mut random, index).close().packets();
            for last in (1..packets.len()).rev() {
                let other = random.below(u32::try_from(last + 1).unwrap());
                packets.swap(last, other as usize);
            }
            packets
        })
        .collect()
}

fn conversation(random: &mut Random, index: u16) -> Vec<Vec<u8>> {
    let mut script = talk(random, index);
    disturb(random, &mut script.segments);
    script.packets()
}

/// Returns a conversation without disturbances.
fn talk(random: &mut Random, index: u16) -> Script {
    let client = format!("10.1.0.1:{}", 20_000 + index);
    let initial = [random.below(u32::MAX), u32::MAX - random.below(300)];
    let mut script = Script::between(&client, "10.0.0.2:8000")
        .initial(initial[0], initial[1])
        .open();
    for (from, other) in [(Client, Server), (Server, Client)] {
        let mut offset = 0;
        for _ in 0..2 + random.below(8) {
            let length = 1 + random.below(40);
            script = script.data(from, offset, &bytes(offset, length));
            offset += length;
            if random.below(2) == 0 {
                script = script.ack(other, offset);
            }
        }
    }
    script
}

/// Returns the bytes at a place of every stream.
fn bytes(offset: u32, length: u32) -> Vec<u8> {
    (offset..offset + length)
        .map(|place| b'a' + u8::try_from(place % 26).unwrap())
        .collect()
}

/// Swaps neighbours, repeats segments whole and in part, spoils copies, and loses some.
fn disturb(random: &mut Random, segments: &mut Vec<Tcp>) {
    let opening = 3;
    for _ in 0..random.below(8) {
        let last = u32::try_from(segments.len() - opening).unwrap();
        if last < 2 {
            return;
        }
        let at = opening + random.below(last - 1) as usize;
        match random.below(6) {
            0 | 1 => segments.swap(at, at + 1),
            2 => segments.insert(at, segments[at].clone()),
            3 => segments.insert(at + 1, part_of(random, &segments[at])),
            4 => {
                let mut spoilt = part_of(random, &segments[at]);
                spoilt.payload.fill(b'#');
                segments.insert(at + 1, spoilt);
            }
            _ => {
                segments.remove(at);
            }
        }
    }
}

/// Returns a copy that begins later or ends earlier.
fn part_of(random: &mut Random, segment: &Tcp) -> Tcp {
    let mut part = segment.clone();
    if let Ok(length @ 2..) = u32::try_from(part.payload.len()) {
        let skipped = random.below(length);
        part.payload.drain(..skipped as usize);
        part.sequence = part.sequence.wrapping_add(skipped);
        part.payload
            .truncate(1 + random.below(length - skipped) as usize);
    }
    part.flags |= ACK;
    part
}
