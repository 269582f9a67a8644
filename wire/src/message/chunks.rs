//! The chunks of a body (RFC 9112 §7.1), as they were on the wire.
//!
//! Most bodies are one chunk, and most events of a stream have one of their own, all written in the same way: that is not
//! worth a line, see [`Chunks::are_usual`]. Some servers write the digits of sizes as upper-case letters, most as
//! lower-case ones; who reads several messages says so where it changes, see [`Case`].

use crate::fingerprint::Fingerprint;

/// The most lines, each different from the one before, that are kept of one message.
const MOST_RUNS: usize = 256;

/// The case of hexadecimal digits above nine in chunk sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// Lower case, as most servers write them.
    #[default]
    Lower,
    /// Upper case, as some servers write them.
    Upper,
}

impl Case {
    const fn of(digit: u8) -> Option<Self> {
        match digit {
            b'a'..=b'f' => Some(Self::Lower),
            b'A'..=b'F' => Some(Self::Upper),
            _ => None,
        }
    }
}

/// The lines around the chunks of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    runs: Vec<Run>,
    /// A fingerprint of the lines beyond those that are kept.
    left_out: Fingerprint,
    more: u64,
    /// The number of chunks with data, and of ends of such chunks.
    begun: u64,
    ended: u64,
}

/// A line, and the number of times it follows on itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The line with its line end; a bare line end is the end of a chunk.
    pub line: Vec<u8>,
    /// The offset of the first such line in the body, or in the event.
    pub at: u64,
    /// The number of such lines in a row, each with its data between it and the next.
    pub count: u64,
}

impl Run {
    /// Returns what the line says, without its end if that is CR LF.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.line.strip_suffix(b"\r\n").unwrap_or(&self.line)
    }

    /// Returns the chunk's size, and where in the line its digits are.
    fn size(&self) -> Option<(u64, usize)> {
        let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
        let digits = self.line.iter().take_while(is_digit).count();
        let text = std::str::from_utf8(&self.line[..digits]).ok()?;
        Some((u64::from_str_radix(text, 16).ok()?, digits))
    }

    fn end(&self) -> u64 {
        let size = self.size().map_or(0, |(size, _)| size);
        self.at.saturating_add(size.saturating_mul(self.count))
    }
}

impl Chunks {
    /// Takes the next line, or end of a chunk, which stands after `at` bytes of the body.
    pub(crate) fn push(&mut self, at: u64, line: &[u8]) {
        if line == b"\r\n" {
            self.ended += 1;
            return;
        }
        let run = Run {
            line: line.to_vec(),
            at,
            count: 1,
        };
        match run.size() {
            None => self.ended += u64::from(line == b"\n"),
            Some((size, _)) => self.begun += u64::from(size > 0),
        }
        if let Some(last) = self.runs.last_mut()
            && self.more == 0
            && last.line == line
            && last.end() == at
        {
            last.count += 1;
        } else if self.runs.len() < MOST_RUNS {
            self.runs.push(run);
        } else {
            self.more += 1;
            self.left_out.push(&at.to_be_bytes());
            self.left_out.push(line);
        }
    }

    /// Hands over the lines so far. The lines still to come know if a chunk is open.
    pub(crate) fn hand_over(&mut self) -> Self {
        let next = Self {
            begun: self.begun.saturating_sub(self.ended),
            ..Self::default()
        };
        std::mem::replace(self, next)
    }

    /// Returns the lines that are kept.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Returns the lines that are kept, so that something can be hidden in them.
    pub fn lines_mut(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        self.runs.iter_mut().map(|run| &mut run.line)
    }

    /// Returns how many lines are not kept, and what stands for them.
    #[must_use]
    pub const fn more(&self) -> (u64, &Fingerprint) {
        (self.more, &self.left_out)
    }

    /// Returns true if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Returns true if the last chunk's end is not there.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.begun > self.ended
    }

    /// Returns true if a body, or an event, of this length has a chunk of its own, and each line is written as most
    /// servers write it, with digits of this case, and CR LF. A body has the last chunk behind it.
    #[must_use]
    pub fn are_usual(&self, length: u64, is_body: bool, case: Case) -> bool {
        let size = (length > 0).then(|| (usual_line(length, case), 0));
        let last = is_body.then(|| (b"0\r\n".to_vec(), length));
        let usual = size.into_iter().chain(last);
        let lines = self.runs.iter().map(|run| (run.line.clone(), run.at));
        self.more == 0 && self.runs.iter().all(|run| run.count == 1) && lines.eq(usual)
    }

    /// Returns the case of the last digit above nine in a size, or the one before if there is none.
    #[must_use]
    pub fn case_after(&self, before: Case) -> Case {
        let digits = self.runs.iter().flat_map(|run| {
            let digits = run.size().map_or(0, |(_, digits)| digits);
            &run.line[..digits]
        });
        let mut cases = digits.rev().filter_map(|digit| Case::of(*digit));
        cases.next().unwrap_or(before)
    }

    /// Returns the same lines without the sizes: what is left of them where sizes follow from something hidden.
    #[must_use]
    pub fn without_sizes(&self) -> Self {
        self.with_lines(self.runs.iter().map(|run| match run.size() {
            Some((1.., digits)) => without_size(&run.line, digits),
            _ => run.line.clone(),
        }))
    }

    /// Returns what is left of the lines where it does not count how content is cut into chunks: those that say more than
    /// a size, or end in another way than most.
    #[must_use]
    pub fn without_boundaries(&self) -> Self {
        let is_plain = |run: &Run| {
            let rest = run.size().and_then(|(_, digits)| run.line.get(digits..));
            rest == Some(b"\r\n")
        };
        let others = self.runs.iter().filter(|run| !is_plain(run));
        self.with_lines(others.map(|run| match run.size() {
            Some((_, digits)) => without_size(&run.line, digits),
            None => run.line.clone(),
        }))
    }

    /// Returns the same chunks with these lines; of repeated lines only the first counts.
    fn with_lines(&self, lines: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut chunks = Self {
            runs: Vec::new(),
            left_out: Fingerprint::default(),
            more: 0,
            ..*self
        };
        for line in lines {
            if chunks.runs.last().is_none_or(|last| last.line != line) {
                chunks.runs.push(Run {
                    line,
                    at: 0,
                    count: 1,
                });
            }
        }
        chunks
    }

    /// Returns the same lines with the sizes that chunks have where hidden values have others: `moved` says where a place
    /// in the body comes to be.
    #[must_use]
    pub fn moved(&self, moved: impl Fn(u64) -> u64) -> Self {
        let mut chunks = self.clone();
        chunks.runs.clear();
        for run in &self.runs {
            let Some((size, digits)) = run.size() else {
                chunks.runs.push(Run {
                    at: moved(run.at),
                    ..run.clone()
                });
                continue;
            };
            for index in 0..run.count.min(MOST_RUNS as u64) {
                let from = run.at.saturating_add(size.saturating_mul(index));
                let (at, end) = (moved(from), moved(from.saturating_add(size)));
                let line = with_size(&run.line, digits, end.saturating_sub(at));
                match chunks.runs.last_mut() {
                    Some(last) if last.line == line && last.end() == at => last.count += 1,
                    _ => chunks.runs.push(Run { line, at, count: 1 }),
                }
            }
        }
        chunks
    }
}

fn usual_line(size: u64, case: Case) -> Vec<u8> {
    let line = match case {
        Case::Lower => format!("{size:x}\r\n"),
        Case::Upper => format!("{size:X}\r\n"),
    };
    line.into_bytes()
}

/// Returns a line with a placeholder in place of its size.
fn without_size(line: &[u8], digits: usize) -> Vec<u8> {
    [b"<n>", &line[digits..]].concat()
}

/// Returns a line with another size, written in the same way.
fn with_size(line: &[u8], digits: usize, size: u64) -> Vec<u8> {
    let (old, rest) = line.split_at(digits);
    let width = if old.starts_with(b"0") { digits } else { 0 };
    let is_upper = old.iter().any(u8::is_ascii_uppercase);
    let new = if is_upper {
        format!("{size:0width$X}")
    } else {
        format!("{size:0width$x}")
    };
    [new.as_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(lines: &[(u64, &str)]) -> Chunks {
        let mut chunks = Chunks::default();
        for (at, line) in lines {
            chunks.push(*at, line.as_bytes());
        }
        chunks
    }

    fn texts(chunks: &Chunks) -> Vec<(String, u64)> {
        let text = |run: &Run| String::from_utf8_lossy(run.text()).into_owned();
        chunks
            .runs
            .iter()
            .map(|run| (text(run), run.count))
            .collect()
    }

    #[test]
    fn one_chunk_and_the_last_are_usual_and_nothing_else_is() {
        let usual = chunks(&[(0, "a\r\n"), (10, "\r\n"), (10, "0\r\n")]);
        let lower = Case::Lower;
        assert!(usual.are_usual(10, true, lower) && !usual.are_usual(10, false, lower));
        assert!(chunks(&[(0, "0\r\n")]).are_usual(0, true, lower));
        let event = chunks(&[(0, "\r\n"), (0, "a\r\n")]);
        assert!(event.are_usual(10, false, lower));
        for lines in [
            &[(0, "A\r\n"), (10, "\r\n"), (10, "0\r\n")][..],
            &[(0, "0a\r\n"), (10, "\r\n"), (10, "0\r\n")],
            &[(0, "a;x\r\n"), (10, "\r\n"), (10, "0\r\n")],
            &[(0, "a\n"), (10, "\r\n"), (10, "0\r\n")],
            &[(0, "a\r\n"), (10, "\n"), (10, "0\r\n")],
            &[(0, "a\r\n"), (10, "\r\n"), (10, "00\r\n")],
            &[(0, "a\r\n"), (10, "\r\n")],
            &[
                (0, "5\r\n"),
                (5, "\r\n"),
                (5, "5\r\n"),
                (10, "\r\n"),
                (10, "0\r\n"),
            ],
        ] {
            assert!(!chunks(lines).are_usual(10, true, lower), "{lines:?}");
        }
    }

    #[test]
    fn the_case_of_digits_is_usual_once_it_is_known() {
        let upper = chunks(&[(0, "A\r\n"), (10, "\r\n"), (10, "0\r\n")]);
        assert!(upper.are_usual(10, true, Case::Upper));
        assert_eq!(upper.case_after(Case::Lower), Case::Upper);
        let none = chunks(&[(0, "5;name=Value\r\n")]);
        assert_eq!(none.case_after(Case::Upper), Case::Upper);
        let mixed = chunks(&[(0, "Aa\r\n")]);
        assert!(!mixed.are_usual(170, false, Case::Upper));
        assert_eq!(mixed.case_after(Case::Upper), Case::Lower);
    }

    #[test]
    fn lines_that_follow_on_themselves_are_one_run() {
        let found = chunks(&[
            (0, "2\r\n"),
            (2, "\r\n"),
            (2, "2\r\n"),
            (4, "\r\n"),
            (4, "0\r\n"),
        ]);
        assert_eq!(texts(&found), [("2".to_owned(), 2), ("0".to_owned(), 1)]);
        assert!(!found.is_open());
        assert!(chunks(&[(0, "2\r\n")]).is_open());
    }

    #[test]
    fn lines_beyond_the_limit_are_told_apart_all_the_same() {
        let many = |last: &str| {
            let mut chunks = Chunks::default();
            for index in 0..1000 {
                let line = if index % 2 == 0 { "1\r\n" } else { "01\r\n" };
                chunks.push(index, line.as_bytes());
            }
            chunks.push(1000, last.as_bytes());
            chunks
        };
        assert_eq!(many("0\r\n").runs.len(), MOST_RUNS);
        assert_ne!(many("0\r\n"), many("00\r\n"));
    }

    #[test]
    fn sizes_follow_what_is_hidden_in_the_way_in_which_they_are_written() {
        let found = chunks(&[(0, "a\r\n"), (10, "0A;x\r\n"), (20, "2\n"), (22, "0\r\n")]);
        // Three bytes in the first chunk, and ten more in the second, are hidden.
        let moved = found.moved(|at| match at {
            0 => 0,
            10 => 7,
            20.. => at + 7,
            _ => at,
        });
        let expected = [("7", 1), ("14;x", 1), ("2\n", 1), ("0", 1)];
        let expected = expected.map(|(text, count)| (text.to_owned(), count));
        assert_eq!(texts(&moved), expected);
        assert_eq!(found.moved(|at| at), found);
    }
}
