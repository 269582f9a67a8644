//! What stops the decoding of a whole capture. (What stops that of one packet is a value: [`Other`](super::frame::Other).)

use crate::units::LinkType;

/// Why the packets of a capture cannot be decoded at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The packets begin with a link-layer header that this crate does not know.
    #[error("link type {}{} is not supported: known are ETHERNET, NULL, LOOP, RAW, IPV4, IPV6, LINUX_SLL and LINUX_SLL2",
        .0.0, registered_name(*.0))]
    LinkType(LinkType),
}

/// Names of link types that people meet but that are not decoded here, for the message alone.
fn registered_name(link_type: LinkType) -> String {
    let name = match link_type.0 {
        6 => "IEEE802_5",
        9 => "PPP",
        10 => "FDDI",
        50 => "PPP_HDLC",
        51 => "PPP_ETHER",
        104 => "C_HDLC",
        105 => "IEEE802_11",
        107 => "FRELAY",
        117 => "PFLOG",
        119 => "IEEE802_11_PRISM",
        127 => "IEEE802_11_RADIOTAP",
        147 => "USER0",
        149 => "USER2",
        163 => "IEEE802_11_AVS",
        166 => "PPP_PPPD",
        187 => "BLUETOOTH_HCI_H4",
        189 => "USB_LINUX",
        192 => "PPI",
        195 => "IEEE802_15_4_WITHFCS",
        201 => "BLUETOOTH_HCI_H4_WITH_PHDR",
        220 => "USB_LINUX_MMAPPED",
        227 => "CAN_SOCKETCAN",
        239 => "NFLOG",
        240 => "NETANALYZER",
        247 => "INFINIBAND",
        249 => "USBPCAP",
        251 => "BLUETOOTH_LE_LL",
        252 => "WIRESHARK_UPPER_PDU",
        253 => "NETLINK",
        258 => "PKTAP",
        _ => return String::new(),
    };
    format!(" ({name})")
}
