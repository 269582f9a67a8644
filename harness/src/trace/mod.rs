//! What belongs to a capture besides its packets: its name, its provenance, its hash, and the program's own account.

pub mod name;
pub mod provenance;
pub mod sum;
pub mod tally;
