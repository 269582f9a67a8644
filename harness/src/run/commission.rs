//! What a test in Rust asks of the `wiresnap` executable: to play one scenario. Each of the two says one line of JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::lab::travelling;
use crate::scenario::variables::Values;

/// The verb of the executable that takes a commission, on its standard input, which is a socket.
pub const VERB: &str = "play-test";

/// What to play, and how. Whoever asks stays on the line: when it ends, so does the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Commission {
    /// The scenario's file, as messages have it.
    #[serde(with = "travelling")]
    pub file: PathBuf,
    /// What is in it.
    pub text: String,
    /// The variables that were set.
    pub set: Values,
    /// The folder that the scenario's paths start from, as an absolute path.
    #[serde(with = "travelling")]
    pub root: PathBuf,
    /// 1 plays as written, 0.1 ten times as fast.
    pub time_scale: f64,
}

/// What has become of it: the capture, alone with its provenance in a temporary folder, which is the asker's from now on.
pub type Delivery = Result<PathBuf>;
