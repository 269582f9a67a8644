//! `wiresnap payload`: what the two ends of each connection in a capture said to each other.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Result;

use crate::capture_rules;
use crate::cli::{PayloadArgs, PayloadFormat};
use crate::listing::{Format, Messages, Request, list_file};
use crate::render::coverage;
use crate::render::payload::Style;
use crate::render::redactions::Redactions;
use crate::text::Shown as _;

/// Writes the listing of a capture file to `output`; what is noteworthy about the file goes to `talk`.
///
/// # Errors
///
/// Returns an error if the capture cannot be read, or the listing cannot be written.
pub(super) fn run(
    arguments: &PayloadArgs,
    output: &mut (impl Write + Send),
    talk: &mut impl Write,
) -> Result<()> {
    let pcap = &arguments.pcap;
    let rules = capture_rules::of(pcap)?;
    let output = io::BufWriter::with_capacity(1 << 16, output);
    let outcome = list_file(pcap, request(arguments, rules), output)?;
    coverage::warn(pcap, &outcome.coverage, talk)?;
    if let Some(without_tcp) = outcome.coverage.without_tcp() {
        writeln!(talk, "note: {}: {without_tcp}", pcap.shown())?;
    }
    coverage::failure(pcap, &outcome.coverage).map_or(Ok(()), Err)
}

fn request(arguments: &PayloadArgs, rules: Arc<Redactions>) -> Request {
    Request {
        rules,
        style: Style {
            redact: arguments.redact,
            explain: arguments.explain,
            limit: None,
        },
        format: match arguments.format {
            PayloadFormat::Text => Format::Text,
            PayloadFormat::Json => Format::Json,
        },
        connection: arguments.connection,
        messages: arguments.message.map(Messages::Number).unwrap_or_default(),
        rows_only: false,
        port: arguments.port,
        name: arguments.pcap.to_text(),
        memory: arguments.memory.memory,
    }
}
