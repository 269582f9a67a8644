//! Network interfaces, by way of the kernel's own protocol for them (netlink).

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// The loopback interface is the first of every network namespace.
const LOOPBACK: u32 = 1;

/// `RTM_NEWLINK` (rtnetlink(7)): sets attributes of an interface.
const NEW_LINK: u16 = 16;

/// `NLM_F_REQUEST | NLM_F_ACK` (netlink(7)): a request, the outcome of which is wanted.
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;

/// `NLMSG_ERROR` (netlink(7)): the outcome of a request, 0 where it went well.
const OUTCOME: u16 = 2;

/// `IFF_UP` (netdevice(7)).
const UP: u32 = 1;

/// Brings the loopback interface of this network namespace up, by which it gets its addresses too.
///
/// A new namespace starts with it down.
///
/// # Errors
///
/// Where the kernel refuses.
pub(super) fn bring_loopback_up() -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // The protocol for interfaces and routes, NETLINK_ROUTE, is number 0.
        None,
    )?;
    send(&socket, &request(LOOPBACK, UP), SendFlags::empty())?;
    let mut answer = [0; 128];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    outcome(&answer[..length])
}

/// A request to set these flags of an interface, and to leave its others.
fn request(interface: u32, flags: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    // struct nlmsghdr: length, type, flags, sequence number, port of the sender (0: the kernel fills it in).
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    // struct ifinfomsg: family and padding, type, index, flags, which of the flags are meant.
    message.extend(0_u16.to_ne_bytes());
    message.extend(0_u16.to_ne_bytes());
    message.extend(interface.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message
}

/// What the kernel's answer says: an error is a negative number behind the header.
fn outcome(answer: &[u8]) -> io::Result<()> {
    let number = |at: usize| Some(i32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let is_outcome = answer.get(4..6) == Some(&OUTCOME.to_ne_bytes());
    match number(16) {
        Some(0) if is_outcome => Ok(()),
        Some(error) if is_outcome => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        _ => Err(io::Error::other("the kernel's answer makes no sense")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_length_that_it_says() {
        let request = request(LOOPBACK, UP);

        assert_eq!(request.len(), 32);
        assert_eq!(request[..4], 32_u32.to_ne_bytes());
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
