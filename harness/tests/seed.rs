//! Compares the payload listing with the document that the project was created from: its blocks, character for
//! character.
//!
//! The document and its captures are not in the tree. They are looked for beside the workspace, or in `WIRESNAP_SEED`
//! and `WIRESNAP_REFERENCE_DIR`; without them, these tests say so and pass.

mod workspace;

use std::fs;

use wiresnap::listing::listing;

/// Returns the fenced blocks of one section of the document, each without its fences.
fn blocks(document: &str, section: &str) -> Vec<String> {
    let start = document
        .find(&format!("### {section}\n"))
        .expect("the section is there");
    let section = &document[start + 4..];
    let section = &section[..section.find("\n### ").unwrap_or(section.len())];
    let fenced = section.split("\n```").skip(1).step_by(2);
    let inside = |block: &str| block.split_once('\n').map(|(_, text)| format!("{text}\n"));
    fenced.filter_map(inside).collect()
}

fn seed_and_listing(section: &str, capture: &str) -> Option<(Vec<String>, String)> {
    let document =
        fs::read_to_string(workspace::outside("WIRESNAP_SEED", "seed.md")?).expect("readable");
    let folder = workspace::outside("WIRESNAP_REFERENCE_DIR", "reference")?;
    let listing = listing(&folder.join(capture), false).expect("a capture");
    Some((blocks(&document, section), listing))
}

fn is_the_block(section: &str, capture: &str) {
    if let Some((blocks, listing)) = seed_and_listing(section, capture) {
        assert_eq!(listing, blocks[0]);
    }
}

#[test]
fn tcpapp_is_the_block_of_the_seed() {
    is_the_block("TCP Socket App Payloads", "tcpapp.pcap");
}

#[test]
fn webapp_is_the_block_of_the_seed() {
    is_the_block("Web App Payloads", "webapp.pcap");
}

#[test]
fn ajaxapp_is_the_block_of_the_seed() {
    is_the_block("Ajax App Payloads", "ajaxapp.pcap");
}

#[test]
fn wsapp_is_the_blocks_of_the_seed() {
    let Some((blocks, listing)) = seed_and_listing("WebSocket App Payloads", "wsapp.pcap") else {
        return;
    };
    let expected = format!(
        "Connection 1: 49.207.214.44:22634 to 172.105.253.239:8000\n\n{}\n\
         Connection 2: 49.207.214.44:22635 to 172.105.253.239:8000\n\n{}\n{}",
        blocks[0], blocks[1], blocks[2]
    );
    assert_eq!(listing, expected);
}
