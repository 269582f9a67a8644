//! The two copies that the kernel makes of each packet of a loopback interface: one as it goes out, one as it comes in.
//!
//! libpcap drops the first of them, but only when it reads it: until then it takes up half of the kernel's buffer. So the
//! kernel is told to leave it out. `inbound` in the filter does not do that: packets from before the filter was set are
//! filtered by libpcap itself, which does not know there which way a packet went, and would lose all of them.

use std::os::fd::AsFd as _;

use anyhow::Context as _;
use pcap::{Active, BpfInstruction, Capture};
use socket2::{SockFilter, SockRef};

/// The instructions to put before a filter (linux/filter.h): load the type of the packet (`SKF_AD_OFF +
/// SKF_AD_PKTTYPE`); if it is not `PACKET_OUTGOING`, skip the next instruction, which takes nothing of the packet.
const NOT_OUTGOING: [[u32; 4]; 3] = [[0x30, 0, 0, 0xffff_f004], [0x15, 0, 1, 4], [0x06, 0, 0, 0]];

/// Has the kernel apply this filter to what comes in only; it is the one that is set already.
pub(super) fn leave_out_outgoing(capture: &Capture<Active>, filter: &str) -> anyhow::Result<()> {
    let program = capture.compile(filter, true)?;
    let numbers: anyhow::Result<Vec<[u32; 4]>> =
        program.get_instructions().iter().map(numbers).collect();
    let instructions: anyhow::Result<Vec<SockFilter>> = NOT_OUTGOING
        .into_iter()
        .chain(numbers?)
        .map(instruction)
        .collect();
    SockRef::from(&capture.as_fd()).attach_filter(&instructions?)?;
    Ok(())
}

/// Returns an instruction of libpcap's, which shows itself only as text, as four numbers, as `tcpdump -ddd` prints
/// them.
fn numbers(instruction: &BpfInstruction) -> anyhow::Result<[u32; 4]> {
    let text = instruction.to_string();
    let numbers: Result<Vec<u32>, _> = text.split(' ').map(str::parse).collect();
    let numbers = numbers.with_context(|| format!("`{text}` is not a filter instruction"))?;
    let count = numbers.len();
    <[u32; 4]>::try_from(numbers)
        .map_err(|_| anyhow::anyhow!("`{text}` has {count} numbers, not four"))
}

fn instruction([code, if_true, if_false, operand]: [u32; 4]) -> anyhow::Result<SockFilter> {
    Ok(SockFilter::new(
        code.try_into()?,
        if_true.try_into()?,
        if_false.try_into()?,
        operand,
    ))
}
