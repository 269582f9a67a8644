//! Limits the memory that one reading of a capture may hold, and the bytes that it may inflate.
//!
//! Limits for each message do not add up to a limit: two thousand connections with a message of 16 MiB each are 32 GiB.
//! So everything that grows with the capture takes from one [`Budget`], which is passed down to every reader. It has
//! shares (for messages, for segments that wait behind gaps, for connections, for results that are kept), so that no
//! kind of data takes the room of another one, and so that they never add up to more than the whole.
//!
//! If a share is used up, further data is cut, and counted as left out. That depends on nothing but the capture and the
//! size of the budget: not on the machine, nor on how its threads take turns. The same capture always lists the same.
//!
//! One byte of deflate can decode to a thousand, and one byte of brotli to a million. So a capture may inflate a
//! multiple of its bytes, and a first amount in any case; the time to read it stays in proportion to its size.
//!
//! ```
//! use wirestream::budget::{Budget, Holding, Memory};
//!
//! let budget = Budget::new("1M".parse::<Memory>().unwrap());
//! let mut holding = Holding::of(&budget);
//! holding.set(100_000);
//! assert!(!budget.is_used_up());
//! holding.set(1_000_000);
//! assert!(budget.is_used_up());
//! drop(holding);
//! assert!(!budget.is_used_up());
//! ```

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

/// The most bytes of one message that are kept, however large the budget is.
pub(crate) const MESSAGE_LIMIT: usize = 16 << 20;

/// The smallest budget: the data of one connection and one packet should fit in its shares.
const LEAST: usize = 1 << 20;

/// The number of bytes that may be inflated for each byte that the connections carried.
const INFLATED_PER_BYTE: u64 = 32;

/// The memory that a process may take for the data that it reads, besides the memory that it takes anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(usize);

impl Default for Memory {
    fn default() -> Self {
        Self(256 << 20)
    }
}

impl Memory {
    /// Returns so many bytes, but at least a mebibyte.
    #[must_use]
    pub const fn of(bytes: usize) -> Self {
        Self(if bytes < LEAST { LEAST } else { bytes })
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl FromStr for Memory {
    type Err = String;

    /// Reads a number of bytes, or of KiB, MiB or GiB with the letter `K`, `M` or `G` behind it.
    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("K", 10), ("M", 20), ("G", 30)];
        let (digits, shift) = units
            .into_iter()
            .find_map(|(letter, shift)| Some((text.strip_suffix(letter)?, shift)))
            .unwrap_or((text, 0));
        let number: usize = digits
            .parse()
            .map_err(|_| "write a number of bytes, as in 512M or 2G".to_owned())?;
        let bytes = number.checked_mul(1 << shift);
        let bytes = bytes.ok_or_else(|| "no machine has that much".to_owned())?;
        if bytes < LEAST {
            return Err("1M is the least".to_owned());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("G", 30), ("M", 20), ("K", 10)];
        let unit = units
            .into_iter()
            .find(|(_, shift)| self.0.trailing_zeros() >= *shift);
        match unit {
            Some((letter, shift)) => write!(formatter, "{}{letter}", self.0 >> shift),
            None => write!(formatter, "{}", self.0),
        }
    }
}

/// The amount that one reading of a capture may hold. Clones share one account.
#[derive(Clone, Debug, Default)]
pub struct Budget(Rc<Account>);

#[derive(Debug)]
struct Account {
    memory: Memory,
    /// The bytes of unfinished messages, and of messages that wait for others.
    held: Cell<usize>,
    /// The number of bytes that may still be inflated.
    inflatable: Cell<u64>,
    /// The number of permits given out.
    permits: Cell<usize>,
}

impl Default for Account {
    fn default() -> Self {
        Self::new(Memory::default())
    }
}

impl Account {
    const fn new(memory: Memory) -> Self {
        Self {
            memory,
            held: Cell::new(0),
            inflatable: Cell::new((memory.bytes() / 4) as u64),
            permits: Cell::new(0),
        }
    }
}

impl Budget {
    /// Creates a budget of which nothing is taken yet.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self(Rc::new(Account::new(memory)))
    }

    /// Returns the share of unfinished messages: a quarter.
    fn messages(&self) -> usize {
        self.0.memory.bytes() / 4
    }

    /// Returns the share of segments that wait behind gaps: an eighth.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.memory.bytes() / 8
    }

    /// Returns the share of bytes that are remembered to compare copies with: a sixteenth.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.0.memory.bytes() / 16
    }

    /// Returns the share of results that are kept until they are shown: a quarter.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.0.memory.bytes() / 4
    }

    /// Returns the number of connections that may be open at once, each of which takes so many bytes: their share is a
    /// quarter.
    #[must_use]
    pub fn connections(&self, each: usize) -> usize {
        (self.0.memory.bytes() / 4 / each.max(1)).max(1)
    }

    /// Returns the number of bytes of one message that are kept.
    #[must_use]
    pub fn message(&self) -> usize {
        MESSAGE_LIMIT.min(self.0.memory.bytes() / 16)
    }

    /// Returns the number of bytes that the contents of messages may still take. They leave a quarter of the messages'
    /// share to small data: heads, lines, and anything else that cannot be cut.
    #[must_use]
    pub fn room(&self) -> usize {
        let contents = self.messages() / 4 * 3;
        contents.saturating_sub(self.0.held.get())
    }

    /// Returns true if unfinished messages take all of their share, so that some have to be handed out as they are.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.0.held.get() >= self.messages()
    }

    /// Returns a permit, as long as there are any.
    #[must_use]
    pub(crate) fn permit(&self) -> Option<Permit> {
        const EACH: usize = 64 << 10;
        let permits = &self.0.permits;
        let all = self.0.memory.bytes() / 16 / EACH;
        (permits.get() < all).then(|| {
            permits.set(permits.get() + 1);
            Permit(self.clone())
        })
    }

    /// Records bytes that a connection carried: a multiple of them may be inflated.
    pub fn carried(&self, bytes: usize) {
        let more = (bytes as u64).saturating_mul(INFLATED_PER_BYTE);
        let inflatable = self.0.inflatable.get().saturating_add(more);
        self.0.inflatable.set(inflatable);
    }

    /// Records bytes that were inflated. Returns false if they are more than allowed.
    #[must_use]
    pub(crate) fn inflate(&self, bytes: usize) -> bool {
        let left = self.0.inflatable.get().checked_sub(bytes as u64);
        self.0.inflatable.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// A permit for an inflater to keep its state while it has nothing to do. Without one it can still continue with its
/// window, only slower: so permits change no listing. They have their own share, a sixteenth.
#[derive(Debug)]
pub(crate) struct Permit(Budget);

impl Drop for Permit {
    fn drop(&mut self) {
        let permits = &self.0.0.permits;
        permits.set(permits.get() - 1);
    }
}

/// The bytes of messages that a holder takes; given back when it is dropped.
#[derive(Debug, Default)]
pub struct Holding {
    budget: Budget,
    bytes: usize,
}

impl Holding {
    /// Creates a holding of nothing.
    #[must_use]
    pub fn of(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            bytes: 0,
        }
    }

    /// Sets the number of bytes held now.
    pub fn set(&mut self, bytes: usize) {
        let held = &self.budget.0.held;
        held.set(held.get() - self.bytes + bytes);
        self.bytes = bytes;
    }

    /// Returns the budget that it is taken from.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for text in ["1M", "256M", "2G", "1025K", "1048577"] {
            assert_eq!(text.parse::<Memory>().unwrap().to_string(), text);
        }
        for text in ["", "M", "1T", "-1M", "1K", "99999999999G", "1 M"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
        assert_eq!(Memory::default().to_string(), "256M");
    }

    #[test]
    fn shares_are_no_more_than_the_whole() {
        let budget = Budget::new(Memory::of(64 << 20));
        let all = budget.messages() + budget.waiting() + budget.remembered() + budget.kept();
        let permits: Vec<Permit> = std::iter::from_fn(|| budget.permit()).take(1000).collect();
        let permits = permits.len() * (64 << 10);
        assert!(all + budget.connections(1) + permits <= 64 << 20);
        assert!(budget.message() <= budget.room());
    }

    #[test]
    fn what_is_carried_may_be_inflated_many_times() {
        let budget = Budget::new(Memory::of(LEAST));
        assert!(budget.inflate(LEAST / 4));
        assert!(!budget.inflate(1));
        budget.carried(10);
        assert!(budget.inflate(320));
        assert!(!budget.inflate(1));
    }
}
