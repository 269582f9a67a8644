//! The messages between the process that the user started and a player: each is a line of JSON.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::start::Start;
use crate::error::{Error, Result};
use crate::lab::network::{MeetingPoint, Network};
use crate::lab::remote::Remote;
use crate::machine::privilege::Account;
use crate::machine::tools::Tools;
use crate::machine::travelling;
use crate::scenario::Scenario;
use crate::trace::provenance::Provenance;
use crate::trace::sum::Sum;
use crate::trace::tally::Tally;

/// The order to play a scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The scenario.
    pub scenario: Scenario,
    /// The project's folder, as an absolute path.
    #[serde(with = "travelling")]
    pub root: PathBuf,
    /// The executable of the scenario's program.
    #[serde(with = "travelling")]
    pub program: PathBuf,
    /// The executables of its helpers, in their order.
    #[serde(with = "travelling")]
    pub helpers: Vec<PathBuf>,
    /// The factor on the times: 1 plays as written, 0.1 ten times as fast.
    pub time_scale: f64,
    /// The network to play it on.
    pub network: Network,
    /// The place in the network where program and client meet.
    pub meeting_point: MeetingPoint,
    /// The browser on another machine; `None` if the client is started here.
    pub remote: Option<Remote>,
    /// The tools that were found on this machine.
    pub tools: Tools,
    /// The account on whose behalf it is played.
    pub account: Account,
    /// The filter of the log; `None` if nothing is logged.
    pub log: Option<String>,
}

/// An instruction to a player.
#[derive(Debug, Serialize, Deserialize)]
pub enum Instruction {
    /// Enclose programs as if they were started, and report if that is possible.
    Enclose,
    /// Prepare this, and report it.
    Play(Box<Order>),
    /// The timeline begins at this moment.
    Start(Start),
    /// The capture is as the player said: go on.
    Taken,
    /// End everything, for this reason.
    End(Error),
}

/// A report of a player, or of the keeper in its place.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The lab is made.
    Ready,
    /// The lab could not be made.
    Refused(Error),
    /// The attempt to make an enclosure is over.
    Enclosed(Result<()>),
    /// Something that the user should know.
    Note(String),
    /// A line for the log.
    Log(String),
    /// The player is doing this outside the timeline, as in `starting Firefox`.
    Phase(String),
    /// Program, capture and client are ready: only the start is missing.
    Prepared,
    /// The step of the timeline that is waited for or under way.
    Step(String),
    /// The capture is complete, with this hash, and nobody here writes to it any more; the program still runs.
    Captured(Sum),
    /// The run has ended so; nothing that was started is left running.
    Played(Box<Result<Recording>>),
}

/// The results of a run besides the capture itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// The provenance of the capture.
    pub provenance: Provenance,
    /// The program's own account of the bytes that it received and sent, connection by connection; empty if it gives
    /// none.
    pub tallies: Vec<Tally>,
    /// The pictures that were taken of the client.
    pub pictures: Vec<Picture>,
}

/// A picture of what a client showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Picture {
    /// The name of its file, next to the capture.
    pub file: String,
    /// The file's content, a PNG, in base64 for its way in JSON.
    base64: String,
}

impl Picture {
    /// Makes a picture of a PNG.
    #[must_use]
    pub fn new(file: String, png: &[u8]) -> Self {
        let base64 = BASE64.encode(png);
        Self { file, base64 }
    }

    /// Returns the file's content.
    ///
    /// # Errors
    ///
    /// Returns an error if it was damaged on the way.
    pub fn png(&self) -> Result<Vec<u8>> {
        BASE64
            .decode(&self.base64)
            .map_err(|error| Error::run(format!("cannot read {}: {error}", self.file)))
    }
}

/// Returns a message as a line of JSON.
#[must_use]
pub fn line(message: &impl Serialize) -> Vec<u8> {
    // Everything that is sent has a form in JSON.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}
