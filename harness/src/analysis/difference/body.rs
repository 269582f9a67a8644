//! Content as it is compared, and the way in which it was wrapped.

use sha2::{Digest as _, Sha256};
use wirestream::fingerprint::Fingerprint;
use wirestream::message::CodedBody;
use wirestream::message::chunks::{Case, Chunks};
use wirestream::message::content::{Content, Hole};

use super::entry::Digest;
use super::redaction::{Hidden, Redaction, Sort};

/// The number of bytes of one body kept to show what changed in it; all of it is compared.
const BODY_SHOWN: usize = 64 << 10;

/// Content, and a digest of all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// The beginning of the content, with volatile parts hidden.
    pub(super) shown: Vec<u8>,
    pub(super) length: u64,
    /// The length of the content with volatile parts hidden.
    pub(super) hidden_length: u64,
    /// The number of bytes missing from the capture.
    pub(super) missing: u64,
    pub(super) digest: Digest,
    /// A digest of the content with volatile parts hidden.
    pub(super) hidden: Digest,
    /// True if anything in the content is hidden.
    pub(super) is_hidden: bool,
    /// True if a secret is hidden: then the digest is that of the replacement.
    pub(super) is_secret: bool,
}

impl Body {
    /// Creates a body from content, of which something may have been hidden before. Also returns the content with what
    /// is hidden in it now.
    pub(super) fn new(
        content: &Content,
        sort: Sort,
        redaction: Redaction<'_>,
        was_hidden: bool,
    ) -> (Self, Hidden) {
        let bytes = &content.bytes[..];
        let mut hidden = redaction.content(bytes, sort);
        let own = digest_of(bytes, &content.holes, |at| at, &content.left_out);
        let with_hidden = if hidden.is_any() {
            let moved = |at| hidden.moved(at);
            digest_of(&hidden.bytes, &content.holes, moved, &content.left_out)
        } else {
            own
        };
        let shown = std::mem::take(&mut hidden.bytes);
        let body = Self {
            length: content.length(),
            hidden_length: shown.len() as u64 + content.left_out.length(),
            missing: content.missing_bytes(),
            digest: own,
            hidden: with_hidden,
            is_hidden: was_hidden || hidden.is_any(),
            is_secret: was_hidden,
            shown: beginning(shown),
        };
        (body, hidden)
    }
}

impl Body {
    /// Returns true if both are the same byte by byte, including hidden parts. A body with a secret is never the same
    /// as another.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let is_secret = self.is_secret || other.is_secret;
        !is_secret && self.digest == other.digest && self.length == other.length
    }
}

/// Truncates bytes to the part of content that is shown.
pub(super) fn beginning(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(BODY_SHOWN);
    bytes.shrink_to_fit();
    bytes
}

fn digest_of(
    bytes: &[u8],
    holes: &[Hole],
    moved: impl Fn(u64) -> u64,
    left_out: &Fingerprint,
) -> Digest {
    let mut hash = Sha256::new();
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
    for hole in holes {
        hash.update(moved(hole.at as u64).to_be_bytes());
        hash.update(hole.missing.to_be_bytes());
    }
    if !left_out.is_empty() {
        hash.update(left_out.length().to_be_bytes());
        hash.update(left_out.digest());
    }
    hash.finalize().into()
}

/// Coded bytes, and a digest of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) length: u64,
    /// A digest of all bytes except the times in headers of gzip.
    pub(super) digest: Digest,
    /// A value that is equal for equal times in headers of gzip.
    pub(super) times: u64,
    /// The coded bytes that decoded to nothing.
    pub(super) undecoded: Body,
}

impl Coded {
    pub(super) fn new(coded: &CodedBody, redaction: Redaction<'_>, was_hidden: bool) -> Self {
        let undecoded = Body::new(&coded.undecoded, Sort::Content, redaction, was_hidden);
        Self {
            length: coded.fingerprint.length(),
            digest: coded.fingerprint.digest(),
            times: coded.times,
            undecoded: undecoded.0,
        }
    }
}

/// Returns a digest of the lines around chunks as they are.
pub(super) fn chunks_digest(chunks: &Chunks) -> Digest {
    let mut hash = Sha256::new();
    for run in chunks.runs() {
        for number in [run.line.len() as u64, run.at, run.count] {
            hash.update(number.to_be_bytes());
        }
        hash.update(&run.line);
    }
    let (more, rest) = chunks.more();
    hash.update(more.to_be_bytes());
    hash.update(rest.digest());
    hash.finalize().into()
}

/// Returns the lines around chunks as text, with volatile parts hidden; `None` if content was cut as most is.
pub(super) fn chunks_text(
    chunks: &Chunks,
    length: u64,
    is_body: bool,
    case: Case,
    redaction: Redaction<'_>,
) -> Option<Vec<u8>> {
    let is_open = is_body && chunks.is_open();
    if !is_open && (chunks.is_empty() || chunks.are_usual(length, is_body, case)) {
        return None;
    }
    let mut text = Vec::new();
    for run in chunks.runs() {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(&redaction.text(run.text()));
        if run.count > 1 {
            text.extend_from_slice(format!(" ×{}", run.count).as_bytes());
        }
    }
    let (more, rest) = chunks.more();
    if more > 0 {
        let digest = rest.digest();
        text.extend_from_slice(format!(", {more} more, {}", digest_text(&digest)).as_bytes());
    }
    if is_open {
        text.extend_from_slice(b", the last one without its end");
    }
    Some(text)
}

/// Returns `sha256 0123456789abcdef`: the beginning of the digest, which is enough to tell two apart.
pub(super) fn digest_text(digest: &Digest) -> String {
    let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("sha256 {first:016x}")
}
