//! Segments that no receiver would take, ports that are used again, ends without a SYN.
