//! Finds clock times, `HH:MM:SS`, in bytes: the built-in programs are asked for them. They are never assumed.

/// The length of a clock time in bytes.
pub const CLOCK_BYTES: usize = 8;

/// Returns the place in `bytes` at which the first clock time begins.
///
/// ```
/// use wiresnap::analysis::clock;
///
/// assert_eq!(clock::find(b"Server time: 09:31:35\n"), Some(13));
/// assert_eq!(clock::find(b"::09:31:35, 29:31:35, 09:31:351"), None);
/// ```
#[must_use]
pub fn find(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|place| is_at(bytes, *place))
}

/// Returns true if a clock time begins at `place`: not in the middle of a longer number, and with valid hours, minutes
/// and seconds.
#[must_use]
pub fn is_at(bytes: &[u8], place: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b':';
    let before = place.checked_sub(1).and_then(|before| bytes.get(before));
    let after = bytes.get(place.saturating_add(CLOCK_BYTES));
    let Some(clock) = bytes.get(place..).and_then(<[u8]>::first_chunk).copied() else {
        return false;
    };
    !before.is_some_and(is_part) && !after.is_some_and(is_part) && is_clock(clock)
}

fn is_clock(bytes: [u8; CLOCK_BYTES]) -> bool {
    let has_shape = bytes.iter().enumerate().all(|(index, byte)| match index {
        2 | 5 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    // A minute may have 61 seconds: a leap second is written 60.
    has_shape && bytes[..2] < b"24"[..] && bytes[3] < b'6' && bytes[6] < b'7'
}
