//! Conversations, written packet by packet in stream offsets instead of sequence numbers.

use std::net::SocketAddr;

use super::network::{ACK, FIN, RST, SYN, Tcp};

/// The end that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Client,
    Server,
}
pub use self::End::{Client, Server};

/// A connection whose packets are being written.
#[derive(Clone, Debug)]
pub struct Script {
    pub ends: [SocketAddr; 2],
    /// Initial sequence numbers of client and server.
    pub initial: [u32; 2],
    /// The offset that each side acknowledges in the stream of the other.
    acknowledged: [u32; 2],
    /// The offset up to which each side has sent.
    sent: [u32; 2],
    pub segments: Vec<Tcp>,
}

impl Default for Script {
    fn default() -> Self {
        Self::between("10.0.0.1:50000", "10.0.0.2:8000")
    }
}

impl Script {
    pub fn between(client: &str, server: &str) -> Self {
        Self {
            ends: [client.parse().unwrap(), server.parse().unwrap()],
            initial: [1000, 5000],
            acknowledged: [0; 2],
            sent: [0; 2],
            segments: Vec::new(),
        }
    }

    pub fn ipv6() -> Self {
        Self::between("[2001:db8::1]:50000", "[2001:db8::2]:8000")
    }

    /// Returns a connection that was opened.
    pub fn opened() -> Self {
        Self::default().open()
    }

    pub fn initial(mut self, client: u32, server: u32) -> Self {
        self.initial = [client, server];
        self
    }

    /// Adds a segment in sequence numbers, as they are written on the wire.
    pub fn raw(
        mut self,
        from: End,
        sequence: u32,
        acknowledgement: u32,
        flags: u8,
        payload: &[u8],
    ) -> Self {
        let (own, peer) = (from as usize, 1 - from as usize);
        self.segments.push(Tcp {
            source: self.ends[own],
            destination: self.ends[peer],
            sequence,
            acknowledgement,
            flags,
            window: 60_000,
            options: Vec::new(),
            payload: payload.to_vec(),
        });
        self
    }

    /// Adds a segment at an offset of its stream; 0 is the first byte after the SYN.
    pub fn at(self, from: End, offset: u32, flags: u8, payload: &[u8]) -> Self {
        let (own, peer) = (from as usize, 1 - from as usize);
        let sequence = self.initial[own].wrapping_add(1).wrapping_add(offset);
        let acknowledgement = self.initial[peer]
            .wrapping_add(1)
            .wrapping_add(self.acknowledged[own]);
        let end = offset.wrapping_add(u32::try_from(payload.len()).unwrap());
        let mut script = self.raw(from, sequence, acknowledgement, flags, payload);
        if end < 1 << 31 {
            script.sent[own] = script.sent[own].max(end);
        }
        script
    }

    pub fn syn(self) -> Self {
        let sequence = self.initial[0];
        self.raw(Client, sequence, 0, SYN, b"")
    }

    pub fn syn_ack(self) -> Self {
        let [client, server] = self.initial;
        self.raw(Server, server, client.wrapping_add(1), SYN | ACK, b"")
    }

    pub fn open(self) -> Self {
        self.syn().syn_ack().at(Client, 0, ACK, b"")
    }

    pub fn data(self, from: End, offset: u32, payload: &[u8]) -> Self {
        self.at(from, offset, ACK, payload)
    }

    /// Sends the next bytes of a stream, from a sender that has received all that its peer sent.
    pub fn say(mut self, from: End, payload: impl AsRef<[u8]>) -> Self {
        let (own, peer) = (from as usize, 1 - from as usize);
        self.acknowledged[own] = self.sent[peer];
        let offset = self.sent[own];
        self.data(from, offset, payload.as_ref())
    }

    /// Sends the next bytes of a stream, in segments of so many bytes.
    pub fn say_in(self, from: End, size: usize, payload: impl AsRef<[u8]>) -> Self {
        let pieces = payload.as_ref().chunks(size);
        pieces.fold(self, |script, piece| script.say(from, piece))
    }

    /// Sends the next bytes of a stream, of which no packet is in the capture.
    pub fn say_unheard(self, from: End, payload: impl AsRef<[u8]>) -> Self {
        let mut script = self.say(from, payload);
        script.segments.pop();
        script
    }

    /// Acknowledges all that the peer sent.
    pub fn hear(self, from: End) -> Self {
        let all = self.sent[1 - from as usize];
        self.ack(from, all)
    }

    /// Adds a pure acknowledgement of the peer's stream up to an offset; later packets acknowledge as much.
    pub fn ack(mut self, from: End, up_to: u32) -> Self {
        self.acknowledged[from as usize] = up_to;
        let offset = self.sent[from as usize];
        self.at(from, offset, ACK, b"")
    }

    /// Sets the offsets that each side acknowledges from now on, in a capture that begins in mid-connection.
    pub fn acknowledging(mut self, client: u32, server: u32) -> Self {
        self.acknowledged = [client, server];
        self
    }

    /// Sends a FIN after the bytes sent so far; it takes a sequence number.
    pub fn fin(mut self, from: End) -> Self {
        let offset = self.sent[from as usize];
        self = self.at(from, offset, FIN | ACK, b"");
        self.sent[from as usize] += 1;
        self
    }

    pub fn reset(self, from: End) -> Self {
        let offset = self.sent[from as usize];
        self.at(from, offset, RST | ACK, b"")
    }

    /// Sends both FINs and their acknowledgements.
    pub fn close(mut self) -> Self {
        self = self.fin(Client);
        let client_end = self.sent[0];
        self = self.ack(Server, client_end).fin(Server);
        let server_end = self.sent[1];
        self.ack(Client, server_end)
    }

    /// Sets the options of the last segment.
    pub fn options(mut self, options: &[u8]) -> Self {
        self.segments.last_mut().unwrap().options = options.to_vec();
        self
    }

    pub fn window(mut self, window: u16) -> Self {
        self.segments.last_mut().unwrap().window = window;
        self
    }

    /// Swaps two packets, counted from 0.
    pub fn swap(mut self, one: usize, other: usize) -> Self {
        self.segments.swap(one, other);
        self
    }

    /// Loses a packet, counted from 0.
    pub fn lose(mut self, index: usize) -> Self {
        self.segments.remove(index);
        self
    }

    pub fn then(mut self, other: Self) -> Self {
        self.segments.extend(other.segments);
        self
    }

    /// Returns the IP packets.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        self.segments.iter().map(Tcp::in_ip).collect()
    }
}
