//! Snapshot tests for the wire: plays a network scenario, captures it, and shows which bytes changed.
//!
//! This is the library of the `wiresnap` command, and of tests in Rust: a [`Scenario`] describes the programs and the
//! timeline, a [`Lab`] plays it in a private network, without privilege, and returns a [`Recording`] that is provably
//! complete, which [`assert_wire_snapshot!`] compares with its reviewed snapshot.
//!
//! ```no_run
//! use wiresnap::{Lab, Scenario, assert_wire_snapshot};
//!
//! const GREETS: &str = r#"
//!     description = "curl asks for a greeting"
//!     command = ["{greeter}", "{host}", "{port}"]
//!     client = "command"
//!
//!     [variables]
//!     greeter = {}
//!
//!     [[mark]]
//!     at = 0
//!     run = ["curl", "--silent", "http://{host}:{port}/greeting"]
//!     expect = { shows = "Hello" }
//! "#;
//!
//! # const GREETER: &str = "target/debug/greeter";
//! # /*
//! #[tokio::test]
//! # */
//! async fn greets() -> Result<(), wiresnap::Error> {
//!     # /*
//!     let greeter = env!("CARGO_BIN_EXE_greeter"); // a binary target of this package
//!     # */
//!     # let greeter = GREETER;
//!     let scenario = Scenario::from_toml("greets", GREETS)?.set("greeter", greeter);
//!     let recording = Lab::new().play(&scenario).await?;
//!     assert_wire_snapshot!(recording);
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! [`Lab`] describes which executable plays, and how cargo builds it. The project in `examples/rust-service` is a
//! complete test of this kind; `docs/scenarios.md` describes everything that a scenario can contain, and
//! ARCHITECTURE.md how it works.

// Who reads this page looks for the few items above; what they are made of is in `inside`.
#[doc(hidden)]
pub mod analysis;
#[doc(hidden)]
pub mod capture_rules;
#[doc(hidden)]
pub mod cli;
mod commands;
#[doc(hidden)]
pub mod confinement;
#[doc(hidden)]
pub mod diagnostic;
#[doc(hidden)]
pub mod docs;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod files;
#[cfg(feature = "capture")]
#[doc(hidden)]
pub mod lab;
#[doc(hidden)]
pub mod learning;
#[doc(hidden)]
pub mod listing;
mod log;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod pages;
#[doc(hidden)]
pub mod printer;
#[doc(hidden)]
pub mod project;
#[cfg(feature = "capture")]
#[doc(hidden)]
pub mod recorder;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod review;
#[doc(hidden)]
pub mod rule;
#[cfg(feature = "capture")]
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod scenario;
#[doc(hidden)]
pub mod secrets;
#[doc(hidden)]
pub mod testing;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod trace;

pub mod inside {
    //! The modules of the command, for its developers: none of them is a stable interface.
    //!
    //! ARCHITECTURE.md says what each module is for, and which may import which.

    #[doc(inline)]
    pub use crate::{
        analysis, capture_rules, cli, confinement, diagnostic, docs, error, files, learning,
        listing, machine, pages, printer, project, render, report, review, rule, scenario, secrets,
        text, trace,
    };
    #[cfg(feature = "capture")]
    #[doc(inline)]
    pub use crate::{lab, recorder, run};
}

#[doc(inline)]
pub use crate::analysis::stats::Statistics;
#[doc(inline)]
pub use crate::commands::main;
#[doc(inline)]
pub use crate::error::{Class, Error};
#[cfg(feature = "capture")]
#[doc(inline)]
pub use crate::testing::{Lab, Scenario};
#[doc(inline)]
pub use crate::testing::{Message, Recording};
#[doc(inline)]
pub use crate::trace::provenance::{Certificate, MarkRecord, Provenance};
/// The snapshots of [`assert_wire_snapshot!`] are insta's.
#[doc(no_inline)]
pub use insta;
