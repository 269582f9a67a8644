//! The properties that every parser must have for any bytes: a function per fuzz target.
//!
//! Each `check` takes the bytes that a fuzzer made up and panics if a promise is broken. Not panicking, hanging or
//! growing is the least of them: the same bytes in other pieces mean the same, no byte is lost on the way, printed text
//! is safe for a terminal, figures add up.
//!
//! The fuzz targets call these functions, and so does `harness/tests/regressions.rs`, with all seeds and all inputs
//! that once were findings.

pub mod capture_file;
pub mod coding;
pub mod conversation;
pub mod diff;
pub mod frame;
pub mod http;
mod input;
mod output;
pub mod overwrite;
pub mod reassembly;
pub mod scenario;
pub mod sse;
pub mod websocket;
pub mod whole_path;

/// A function that takes a fuzzer's bytes, and panics if a promise is broken.
pub type Check = fn(&[u8]);

/// Every target by name; the folders of its seeds and regressions have the same name.
pub const TARGETS: [(&str, Check); 12] = [
    ("capture_file", capture_file::check),
    ("coding", coding::check),
    ("conversation", conversation::check),
    ("diff", diff::check),
    ("frame", frame::check),
    ("http", http::check),
    ("overwrite", overwrite::check),
    ("reassembly", reassembly::check),
    ("scenario", scenario::check),
    ("sse", sse::check),
    ("websocket", websocket::check),
    ("whole_path", whole_path::check),
];
