//! Lists the messages of a capture: `cargo run --package wirestream --example messages pcap/wsapp.pcap`.

use std::env::args_os;
use std::error::Error;
use std::path::Path;

use wirestream::budget::Memory;
use wirestream::capture::open;
use wirestream::message::{Detail, Message};
use wirestream::walk::messages;

fn main() -> Result<(), Box<dyn Error>> {
    let path = args_os().nth(1).ok_or("usage: messages FILE")?;
    let mut capture = open(Path::new(&path))?;
    messages(
        &mut capture,
        Memory::default(),
        |connection, name, message| {
            let (client, server) = (connection.client, connection.server);
            println!("{client} {server} {name}: {}", summary(&message));
            for note in &message.notes {
                println!("  {note}");
            }
        },
    );
    if let Some(packet) = capture.cut() {
        println!("cut after packet {packet}");
    }
    capture
        .damage()
        .map_or(Ok(()), |damage| Err(damage.to_string().into()))
}

/// Returns the start line of HTTP, or the protocol and the length of anything else.
fn summary(message: &Message) -> String {
    match &message.detail {
        Detail::Http(http) => {
            let line = http.head.raw.split(|byte| *byte == b'\r').next();
            let line = line.unwrap_or_default().escape_ascii();
            format!("{line}, body of {} bytes", http.body.bytes.len())
        }
        other => format!("{}, {} bytes", other.protocol(), message.length),
    }
}
