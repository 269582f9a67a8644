//! Secrets in any bytes of a capture: either they are overwritten, or the capture is refused.

use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};

use wiresnap::listing::{Format, Request, list};
use wiresnap::rule::Rules;
use wiresnap::secrets::Secrets;
use wirestream::capture::read_from;

use super::input::Input;

const SECRET: &[u8] = b"deadbeef0123456789abcdef00c0ffee";
const RULE: &str = "[[redact]]\nname = \"key\"\npattern = 'secret=([0-9a-f]{32})'\nsecret = true\n";
/// The bound for the number of planted secrets, which is less than this.
const MOST_PLANTS: u8 = 8;

/// Checks that unless the capture is refused, the value is not in the file, nor in anything that is read of it, and a
/// second look finds nothing.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    let plants: Vec<u16> = (0..input.byte() % MOST_PLANTS)
        .map(|_| input.number())
        .collect();
    let mut capture = input.0.to_vec();
    for place in plants {
        plant(&mut capture, usize::from(place));
    }
    let rules = Rules::of_text("x.toml".as_ref(), RULE).expect("the rule is one");
    let mut secrets = Secrets::new(&rules);
    let known = [b"secret=", SECRET].concat();
    secrets.learn(&known).expect("the value is long enough");
    let mut file = tempfile::tempfile().expect("there is room");
    file.write_all(&capture).expect("there is room");
    if secrets.overwrite(&file).is_err() {
        return;
    }
    let again = secrets.overwrite(&file);
    assert!(matches!(again, Ok(false)), "a second look finds something");
    let mut after = Vec::new();
    file.seek(SeekFrom::Start(0)).expect("it is a file");
    file.read_to_end(&mut after).expect("it is a file");
    assert_eq!(after.len(), capture.len());
    assert!(!holds(&after), "the file holds the secret");
    for format in [Format::Text, Format::Json] {
        let request = Request {
            format,
            ..Request::default()
        };
        let read = read_from(Box::new(Cursor::new(after.clone())));
        let listed = read
            .ok()
            .and_then(|capture| list(capture, request, Vec::new()).ok());
        let listing = listed.map(|outcome| outcome.output).unwrap_or_default();
        assert!(!holds(&listing), "the listing holds the secret");
    }
}

/// Writes the secret over the bytes at a place, if there is room for all of it.
fn plant(capture: &mut [u8], place: usize) {
    let bytes = [b"secret=", SECRET].concat();
    if let Some(room) = capture.get_mut(place..place + bytes.len()) {
        room.copy_from_slice(&bytes);
    }
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET)
}
