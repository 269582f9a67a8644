//! The hidden verb of tests in Rust: plays one scenario for the process at the other end of standard input.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use tempfile::TempDir;

use super::Session;
use super::plan::CaptureRequest;
use super::progress::Terminal;
use crate::error::{Class, Error, Result};
use crate::files::private_folder;
use crate::lab::network::Network;
use crate::machine::browser::Kind;
use crate::machine::programs::Programs;
use crate::printer::say;
use crate::rule::Rules;
use crate::run::commission::{Commission, Delivery};
use crate::run::message::line;
use crate::scenario::assignment::require_known;
use crate::scenario::file::{self, Reading};

/// Takes a commission, carries it out, and reports the outcome.
#[must_use]
pub fn serve() -> ExitCode {
    let (mut asker, commission) = match ask() {
        Ok(asked) => asked,
        Err(error) => {
            say(&format!("error: {error}"));
            return ExitCode::from(error.class().exit_code());
        }
    };
    let mut kept = None;
    let delivery = carry_out(&commission, &asker, &mut kept);
    if asker.write_all(&line(&delivery)).is_err() {
        // Whoever asked wants to know nothing any more, and the folder goes.
        return ExitCode::FAILURE;
    }
    // From here on it is theirs.
    let _ = kept.map(TempDir::keep);
    ExitCode::SUCCESS
}

fn ask() -> Result<(UnixStream, Commission)> {
    let asker = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(UnixStream::from)
        .map_err(nobody_asks)?;
    let mut request = String::new();
    BufReader::new(&asker)
        .read_line(&mut request)
        .map_err(nobody_asks)?;
    let commission = serde_json::from_str(&request).map_err(nobody_asks)?;
    Ok((asker, commission))
}

fn nobody_asks(error: impl Into<io::Error>) -> Error {
    let error = error.into();
    Error::usage(format!("invalid request on standard input: {error}"))
        .with_hint("this verb is for tests in Rust (`wiresnap::Lab`); a scenario is played by `wiresnap capture`")
}

/// Plays the scenario into a folder of its own; `kept` receives the folder if it holds something to be looked at.
fn carry_out(commission: &Commission, asker: &UnixStream, kept: &mut Option<TempDir>) -> Delivery {
    let asker = asker.try_clone().map_err(nobody_asks)?;
    let session = Session::set(Some(asker))?;
    let folder = temporary_folder()?;
    let mut outcomes = session.play(request(commission, &folder)?, &Terminal::quiet())?;
    let captured = outcomes.pop().map(|outcome| outcome.captured);
    let captured = captured.unwrap_or_else(|| Err(Error::run("nothing was played")));
    let is_to_be_seen = match &captured {
        Ok(_) => true,
        Err(error) => error.class() == Class::Inconclusive,
    };
    *kept = Some(folder).filter(|_| is_to_be_seen);
    captured.map(|captured| captured.pcap)
}

fn request(commission: &Commission, folder: &TempDir) -> Result<CaptureRequest> {
    let Commission {
        file,
        text,
        set,
        root,
        time_scale,
    } = commission;
    let reading = Reading {
        programs: &[],
        set,
        to_be_played: true,
    };
    let scenario = file::parse_for(&reading, file, text)?;
    require_known(set, &[&scenario])?;
    let rules = Rules::of_text(file, text)?;
    Ok(CaptureRequest {
        root: root.clone(),
        scenarios: vec![scenario],
        redactions: vec![rules.into()],
        known_credentials: Vec::new(),
        programs: Programs::beside_us()?,
        browser: Kind::Firefox,
        captures: PathBuf::from(folder.path()),
        captures_are_in_project: false,
        // On the host's, tests that are run at the same time would be in each other's captures.
        network: Some(Network::Private),
        remote: None,
        time_scale: *time_scale,
        jobs: None,
        preparing: None,
        replace: true,
        is_shared: false,
    })
}

/// Makes a folder for the capture, as the user whom this is done for: under sudo that is not the user of the test.
fn temporary_folder() -> Result<TempDir> {
    let cannot = |error| Error::environment(format!("cannot make a temporary folder: {error}"));
    private_folder(&std::env::temp_dir(), "wiresnap-test-").map_err(cannot)
}
