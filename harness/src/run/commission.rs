//! The messages between a test in Rust and the `wiresnap` executable that plays one scenario for it. Each of the two
//! writes one line of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::machine::travelling;
use crate::scenario::variables::Values;

/// The verb of the executable that takes a commission, on its standard input, which is a socket.
pub const VERB: &str = "play-test";

/// The order to play a scenario. The side that asks keeps its line open: when the line ends, so does the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Commission {
    /// The scenario's file, as messages name it.
    #[serde(with = "travelling")]
    pub file: PathBuf,
    /// The text of that file.
    pub text: String,
    /// The variables that were set.
    pub set: Values,
    /// The folder that the scenario's paths start from, as an absolute path.
    #[serde(with = "travelling")]
    pub root: PathBuf,
    /// The factor on the times: 1 plays as written, 0.1 ten times as fast.
    pub time_scale: f64,
}

/// The outcome: the capture, alone with its provenance in a temporary folder, which belongs to the side that asked from
/// now on.
pub type Delivery = Result<PathBuf>;
