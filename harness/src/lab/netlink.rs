//! The kernel's own protocol for its networks (netlink): requests with attributes, and what became of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send,
    socket_with,
};

/// `NLM_F_REQUEST`, `NLM_F_ACK` (netlink(7)): a request; its outcome is wanted even if it went well.
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;

/// `NLM_F_EXCL | NLM_F_CREATE` (netlink(7)): makes something that is not there yet.
pub(super) const CREATE: u16 = 0x200 | 0x400;

/// `NLMSG_ERROR` (netlink(7)): the outcome of a request, 0 if it went well.
const OUTCOME: u16 = 2;

/// `NLA_F_NESTED` (linux/netlink.h): the value of an attribute is attributes.
const NESTED: u16 = 0x8000;

/// The length of `struct nlmsghdr`, and of `struct nlattr`.
const HEADER_BYTES: usize = 16;
const ATTRIBUTE_HEADER_BYTES: usize = 4;

/// More than any answer that is asked for here.
const LONGEST_ANSWER: usize = 32 << 10;

/// A line to the kernel, which speaks of the network namespace that the line was opened in.
#[derive(Debug)]
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    /// Opens the protocol for interfaces, addresses and queues (rtnetlink(7)).
    pub(super) fn route() -> io::Result<Self> {
        // NETLINK_ROUTE is number 0.
        Self::open(None)
    }

    /// Opens the protocol for everything that has no number of its own.
    pub(super) fn generic() -> io::Result<Self> {
        Self::open(Some(netlink::GENERIC))
    }

    fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
        Ok(Self(socket))
    }

    /// Has something done.
    pub(super) fn request(&self, message: Message) -> io::Result<()> {
        outcome(&self.exchange(message, ACKNOWLEDGE)?)
    }

    /// Asks for something: what is answered instead of an outcome, behind the header.
    pub(super) fn ask(&self, message: Message) -> io::Result<Vec<u8>> {
        let answer = self.exchange(message, 0)?;
        match answer.get(4..6) {
            Some(kind) if *kind != OUTCOME.to_ne_bytes() && answer.len() > HEADER_BYTES => {
                Ok(answer[HEADER_BYTES..].to_vec())
            }
            _ => {
                outcome(&answer)?;
                Err(io::Error::other("the kernel has no answer"))
            }
        }
    }

    fn exchange(&self, message: Message, flags: u16) -> io::Result<Vec<u8>> {
        send(&self.0, &message.finish(flags), SendFlags::empty())?;
        let mut answer = vec![0; LONGEST_ANSWER];
        let (length, _) = recv(&self.0, &mut *answer, RecvFlags::empty())?;
        answer.truncate(length);
        Ok(answer)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A request under construction.
#[derive(Debug)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Returns a request of this kind, with the structure that its attributes come behind.
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        // struct nlmsghdr: length (at the end), type, flags, sequence number, port (0: the kernel fills it in).
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend(1_u32.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        Self(bytes).raw(fixed)
    }

    /// Adds an attribute.
    pub(super) fn attribute(self, kind: u16, value: &[u8]) -> Self {
        self.value(kind, |message| message.raw(value))
    }

    /// Adds an attribute whose value is a number.
    pub(super) fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Adds an attribute whose value is a text.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        self.value(kind, |message| message.raw(value.as_bytes()).raw(&[0]))
    }

    /// Adds an attribute that consists of attributes.
    pub(super) fn nest(self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        self.value(kind | NESTED, inside)
    }

    /// Adds bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// struct nlattr: the length without padding, the type; each begins at a multiple of four bytes.
    fn value(mut self, kind: u16, value: impl FnOnce(Self) -> Self) -> Self {
        self.align();
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        let mut message = value(self);
        // What is made here is short.
        let length = u16::try_from(message.0.len() - start).unwrap_or(u16::MAX);
        message.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        message.align();
        message
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finish(self, flags: u16) -> Vec<u8> {
        let mut bytes = self.0;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        let flags = u16::from_ne_bytes([bytes[6], bytes[7]]) | flags;
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes
    }
}

/// Finds the value of an attribute among others.
pub(super) fn find(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    let number = |at: &[u8]| Some(u16::from_ne_bytes(at.get(..2)?.try_into().ok()?));
    loop {
        let length = usize::from(number(attributes)?);
        let value = attributes.get(ATTRIBUTE_HEADER_BYTES..length)?;
        if number(&attributes[2..])? & !NESTED == kind {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

/// Reads the result in the kernel's answer: an error is a negative number behind the header.
fn outcome(answer: &[u8]) -> io::Result<()> {
    let number = |at: usize| Some(i32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let is_outcome = answer.get(4..6) == Some(&OUTCOME.to_ne_bytes());
    match number(HEADER_BYTES) {
        Some(0) if is_outcome => Ok(()),
        Some(error) if is_outcome => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        _ => Err(io::Error::other("invalid answer from the kernel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_lengths_that_it_says() {
        let message = Message::new(16, 0, &[9; 16])
            .text(3, "eth0")
            .nest(18, |info| info.attribute(1, &[7]).number(2, 1500));

        let bytes = message.finish(ACKNOWLEDGE);

        assert_eq!(bytes[6..8], (REQUEST | ACKNOWLEDGE).to_ne_bytes());
        assert_eq!(
            bytes[..4],
            u32::try_from(bytes.len()).unwrap().to_ne_bytes()
        );
        let attributes = &bytes[HEADER_BYTES + 16..];
        assert_eq!(find(attributes, 3), Some(&b"eth0\0"[..]));
        let nested = find(attributes, 18).unwrap();
        assert_eq!(find(nested, 1), Some(&[7][..]));
        assert_eq!(find(nested, 2), Some(&1500_u32.to_ne_bytes()[..]));
        assert_eq!(find(attributes, 4), None);
    }

    #[test]
    fn attributes_that_end_early_hold_nothing() {
        assert_eq!(find(&[], 1), None);
        assert_eq!(find(&[0, 0, 1, 0], 1), None);
        assert_eq!(find(&[9, 0, 1, 0, 5], 1), None);
    }

    #[test]
    fn an_answer_tells_the_error() {
        let answer = |error: i32| {
            let mut answer = vec![0; 36];
            answer[4..6].copy_from_slice(&OUTCOME.to_ne_bytes());
            answer[16..20].copy_from_slice(&error.to_ne_bytes());
            answer
        };

        assert!(outcome(&answer(0)).is_ok());
        let refused = outcome(&answer(-1)).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(1), "{refused}");
        assert!(outcome(&[]).is_err());
        assert!(outcome(&[0; 40]).is_err());
    }
}
