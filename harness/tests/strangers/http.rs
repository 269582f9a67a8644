//! HTTP as it is on the wire, with what other programs make of it.
