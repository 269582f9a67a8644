//! Content codings, one over the other.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use wirestream::coding::{Coding, CodingError, Decoder};

use super::input::{Cut, Input};

/// The decoded bytes, the outcome, and the bytes that were not decoded.
type Decoded = (Vec<u8>, Result<(), CodingError>, Vec<u8>);

/// Checks that bytes decode to the same in any pieces, never to more than is asked for, and that coded bytes decode to
/// the original.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let cut = Cut::from(&mut input);
    let limits = input.byte();
    let limit = 1 << (limits % 20);
    let codings = codings(&mut input, limits & 0x80 != 0);
    let whole = decode(&codings, input.0, limit, Cut::NONE);
    assert!(whole.0.len() <= limit);
    assert_same(&codings, &whole, &decode(&codings, input.0, limit, cut));
    there_and_back(&codings, input.0, cut);
    if whole.1.is_err() {
        assert!(input.0.ends_with(&whole.2), "what was in vain was there");
    }
    if let Ok(listed) = Coding::list(input.0) {
        assert!(listed.len() <= 8);
    }
}

fn codings(input: &mut Input<'_>, with_zstd: bool) -> Vec<Coding> {
    let choices = input.byte();
    let coding = |choice: u8| match choice & 3 {
        0 => Some(Coding::Gzip),
        1 => Some(Coding::Deflate),
        2 => Some(Coding::Brotli),
        _ => with_zstd.then_some(Coding::Zstd),
    };
    (0..8)
        .step_by(2)
        .filter_map(|at| coding(choices >> at))
        .collect()
}

/// Asserts that broken bytes decode to the same in pieces, although the error may depend on how far the decoder had
/// read. Brotli is the exception: it takes with it what it had not given out yet.
fn assert_same(codings: &[Coding], whole: &Decoded, pieces: &Decoded) {
    assert_eq!(whole.1.is_ok(), pieces.1.is_ok(), "{whole:?}, {pieces:?}");
    if whole.1.is_err() && codings.contains(&Coding::Brotli) {
        assert!(whole.0.starts_with(&pieces.0) || pieces.0.starts_with(&whole.0));
    } else {
        assert_eq!(whole.0, pieces.0, "{:?}, {:?}", whole.1, pieces.1);
        assert_eq!(whole.2, pieces.2, "{:?}, {:?}", whole.1, pieces.1);
    }
}

fn decode(codings: &[Coding], bytes: &[u8], limit: usize, cut: Cut) -> Decoded {
    let mut decoder = Decoder::new(codings);
    let mut output = Vec::new();
    let mut outcome = Ok(());
    let mut undecoded = Vec::new();
    for piece in cut.pieces(bytes) {
        if outcome.is_err() {
            decoder.pass(piece);
            undecoded.extend_from_slice(piece);
        } else {
            outcome = decoder.push(piece, &mut output, limit);
            if outcome.is_err() {
                undecoded = decoder.undecoded();
            }
        }
    }
    if outcome.is_ok() {
        outcome = decoder.finish(&mut output, limit);
        undecoded = decoder.undecoded();
    }
    assert_eq!(decoder.coded().length(), bytes.len() as u64);
    (output, outcome, undecoded)
}

fn there_and_back(codings: &[Coding], bytes: &[u8], cut: Cut) {
    let mut packed = bytes.to_vec();
    for coding in codings {
        packed = match coding {
            Coding::Gzip => gzip(&packed),
            Coding::Deflate => zlib(&packed),
            // There is only a decompressor of these.
            Coding::Brotli | Coding::Zstd => return,
        };
    }
    let (plain, ended, _) = decode(codings, &packed, bytes.len(), cut);
    assert_eq!((plain.as_slice(), ended), (bytes, Ok(())));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
