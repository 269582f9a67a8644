//! What the process that the user started and a player say to each other: a line of JSON a message.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::start::Start;
use crate::error::{Error, Result};
use crate::lab::network::{MeetingPoint, Network};
use crate::lab::privilege::Account;
use crate::lab::remote::Remote;
use crate::lab::tools::Tools;
use crate::lab::travelling;
use crate::scenario::Scenario;
use crate::trace::provenance::Provenance;
use crate::trace::sum::Sum;
use crate::trace::tally::Tally;

/// What to play, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// What to play.
    pub scenario: Scenario,
    /// The project's folder, as an absolute path.
    #[serde(with = "travelling")]
    pub root: PathBuf,
    /// The executable of the scenario's program.
    #[serde(with = "travelling")]
    pub program: PathBuf,
    /// Those of its helpers, in their order.
    #[serde(with = "travelling")]
    pub helpers: Vec<PathBuf>,
    /// 1 plays as written, 0.1 ten times as fast.
    pub time_scale: f64,
    /// The network to play it on.
    pub network: Network,
    /// Where on it program and client meet.
    pub meeting_point: MeetingPoint,
    /// The browser elsewhere; none where the client is started here.
    pub remote: Option<Remote>,
    /// What was found on this machine.
    pub tools: Tools,
    /// On whose behalf.
    pub account: Account,
}

/// What a player is told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Instruction {
    /// Enclose what programs would be started in, and say whether that can be done.
    Enclose,
    /// Prepare this, and say so.
    Play(Box<Order>),
    /// The timeline begins then.
    Start(Start),
    /// The capture is as it was said to be: go on.
    Taken,
    /// End everything, for this reason.
    End(Error),
}

/// What a player, or the keeper in its place, reports.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The lab is made.
    Ready,
    /// The lab could not be made.
    Refused(Error),
    /// Whether an enclosure could be made.
    Enclosed(Result<()>),
    /// Something that the user should know.
    Note(String),
    /// What is under way outside the timeline, as in `starting Firefox`.
    Phase(String),
    /// Program, capture and client are ready: only the start is missing.
    Prepared,
    /// The step of the timeline that is waited for or under way.
    Step(String),
    /// The capture is complete, with this hash, and nobody here writes to it any more; the program still runs.
    Captured(Sum),
    /// How it ended; nothing that was started is left running.
    Played(Box<Result<Recording>>),
}

/// What a run leaves besides the capture itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// What is known of the capture.
    pub provenance: Provenance,
    /// What the program says it received and sent, connection by connection; empty where it does not say.
    pub tallies: Vec<Tally>,
    /// The pictures that were taken of the client.
    pub pictures: Vec<Picture>,
}

/// A picture of what a client showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Picture {
    /// The name of its file, beside the capture.
    pub file: String,
    /// The file's content, a PNG, as it travels in JSON: in base64.
    base64: String,
}

impl Picture {
    /// A picture that is a PNG.
    #[must_use]
    pub fn new(file: String, png: &[u8]) -> Self {
        let base64 = BASE64.encode(png);
        Self { file, base64 }
    }

    /// The file's content.
    ///
    /// # Errors
    ///
    /// Where it has come through damaged.
    pub fn png(&self) -> Result<Vec<u8>> {
        BASE64
            .decode(&self.base64)
            .map_err(|error| Error::run(format!("{} makes no sense: {error}", self.file)))
    }
}

/// A message as it travels.
#[must_use]
pub fn line(message: &impl Serialize) -> Vec<u8> {
    // Everything that is sent has a form in JSON.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}
