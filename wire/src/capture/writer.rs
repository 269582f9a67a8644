//! Writes capture files in the classic format, with times in microseconds (draft-ietf-opsawg-pcap).

use std::io::{self, BufWriter, Write};

use crate::units::{LinkType, Timestamp};

/// The number of bytes that are gathered before they are written: thousands of packets for one system call.
const BUFFER_BYTES: usize = 1 << 20;

const MAGIC: u32 = 0xa1b2_c3d4;
const VERSION: [u16; 2] = [2, 4];
const NANOSECONDS_PER_MICROSECOND: u64 = 1000;
const MICROSECONDS_PER_SECOND: u64 = 1_000_000;

/// Writes a capture file, packet after packet.
#[derive(Debug)]
pub struct CaptureWriter<W: Write> {
    output: BufWriter<W>,
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a file of packets of this link type, none of which is longer than `longest` bytes.
    ///
    /// # Errors
    ///
    /// Returns an error if the output takes nothing.
    pub fn begin(output: W, link_type: LinkType, longest: u32) -> io::Result<Self> {
        let mut output = BufWriter::with_capacity(BUFFER_BYTES, output);
        output.write_all(&MAGIC.to_le_bytes())?;
        for number in VERSION {
            output.write_all(&number.to_le_bytes())?;
        }
        // Two fields are no more used, and zero.
        for number in [0, 0, longest, u32::from(link_type.0)] {
            output.write_all(&number.to_le_bytes())?;
        }
        Ok(Self { output })
    }

    /// Writes a packet of `original_length` bytes on the wire, of which `bytes` were captured.
    ///
    /// # Errors
    ///
    /// Returns an error if the output takes no more, or the format has no room for the packet: longer than 4 GiB, or
    /// from after 2106.
    pub fn packet(
        &mut self,
        time: Timestamp,
        original_length: u32,
        bytes: &[u8],
    ) -> io::Result<()> {
        let microseconds = time.nanoseconds / NANOSECONDS_PER_MICROSECOND;
        let fields = [
            field(microseconds / MICROSECONDS_PER_SECOND)?,
            field(microseconds % MICROSECONDS_PER_SECOND)?,
            field(bytes.len() as u64)?,
            original_length,
        ];
        for number in fields {
            self.output.write_all(&number.to_le_bytes())?;
        }
        self.output.write_all(bytes)
    }

    /// Returns the output of the file; some bytes may still wait to be written.
    #[must_use]
    pub fn output(&self) -> &W {
        self.output.get_ref()
    }

    /// Writes all packets that were gathered.
    ///
    /// # Errors
    ///
    /// Returns an error if the output takes no more.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn field(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::CaptureReader;

    #[test]
    fn what_is_written_is_read_again() {
        let packets = [
            (1_700_000_000_123_456_000, 3, &b"abc"[..]),
            (1_700_000_001_000_000_000, 70_000, &b""[..]),
        ];
        let mut file = Vec::new();
        let mut writer = CaptureWriter::begin(&mut file, LinkType::RAW, 262_144).unwrap();
        for (time, original_length, bytes) in packets {
            let time = Timestamp::from_nanoseconds(time);
            writer.packet(time, original_length, bytes).unwrap();
        }
        writer.flush().unwrap();
        drop(writer);

        let mut reader = CaptureReader::new(file.as_slice()).unwrap();
        for (time, original_length, bytes) in packets {
            let packet = reader.next().unwrap();
            assert_eq!(packet.time, Timestamp::from_nanoseconds(time));
            assert_eq!(packet.original_length, original_length);
            assert_eq!(packet.bytes, bytes);
            assert_eq!(packet.link_type, LinkType::RAW);
        }
        assert!(reader.next().is_none());
    }

    #[test]
    fn a_time_that_the_format_cannot_tell_is_refused() {
        let mut writer = CaptureWriter::begin(Vec::new(), LinkType::RAW, 262_144).unwrap();
        let late = Timestamp::from_nanoseconds(u64::from(u32::MAX) * 1_000_000_000 + 1_000_000_000);

        assert!(writer.packet(late, 0, b"").is_err());
    }
}
