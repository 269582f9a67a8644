//! Captures that attack a reader's memory and time: each with a small file.
//!
//! They are made anew wherever they are needed, in the size that is asked for: whole by the benchmark (`make hostile`),
//! a hundredth of it by the tests.

mod capture;
mod coded;
mod events;
mod files;
mod http;
mod tcp;
pub mod verbs;
mod websocket;

use std::io::{self, Write};

use self::capture::Capture;

/// The part of an attack that is made: all of it, or one part of so many.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// The divisor of all numbers.
    pub divisor: usize,
    /// The number of the variant, of two: they begin at different times, and differ in all that is random.
    pub variant: u32,
}

impl Count {
    /// Returns the part of a number, at least 1.
    const fn of(self, number: usize) -> usize {
        let part = number / self.divisor;
        if part == 0 { 1 } else { part }
    }
}

/// The memory that a process may have besides its budget (see docs/speed.md).
pub const OVERHEAD: u64 = 128 << 20;

/// The way in which an attack is written.
#[derive(Clone, Copy)]
enum Make {
    /// Packet by packet.
    Packets(fn(&mut Capture<'_>, Count) -> io::Result<()>),
    /// A file of any form.
    File(fn(&mut dyn Write, Count) -> io::Result<()>),
}

/// A capture that is made to take memory or time.
#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    make: Make,
}

impl Attack {
    const fn packets(
        name: &'static str,
        make: fn(&mut Capture<'_>, Count) -> io::Result<()>,
    ) -> Self {
        let make = Make::Packets(make);
        Self { name, make }
    }

    const fn file(name: &'static str, make: fn(&mut dyn Write, Count) -> io::Result<()>) -> Self {
        let make = Make::File(make);
        Self { name, make }
    }

    /// Returns true if its project has rules, which it attacks.
    pub fn has_rules(&self) -> bool {
        self.name.starts_with("rules-")
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Returns an error if `output` does.
    pub fn write(&self, output: &mut dyn Write, count: Count) -> io::Result<()> {
        match self.make {
            Make::Packets(make) => make(&mut Capture::new(output, count.variant)?, count),
            Make::File(make) => make(output, count),
        }
    }
}

/// Returns all attacks.
pub fn attacks() -> Vec<Attack> {
    [of_http(), of_streams(), of_segments(), of_files()].concat()
}

fn of_http() -> Vec<Attack> {
    vec![
        Attack::packets("http-gzip-1g", http::gzip_1g),
        Attack::packets("http-deflate-1g", http::deflate_1g),
        Attack::packets("http-bare-deflate-1g", http::bare_deflate_1g),
        Attack::packets("http-gzip-text-1g", http::text_1g),
        Attack::packets("http-gzip-twice-10g", http::gzip_twice_10g),
        Attack::packets("http-gzip-eight-times", http::gzip_eight_times),
        Attack::packets("http-brotli-16g", http::brotli_16g),
        Attack::packets("http-brotli-200g", http::brotli_200g),
        Attack::packets("http-zstd-16g", http::zstd_16g),
        Attack::packets("http-mixed-codings", http::mixed_codings),
        Attack::packets("http-gzip-in-a-row", http::gzip_in_a_row),
        Attack::packets("http-gzip-unfinished", http::gzip_unfinished),
        Attack::packets("http-brotli-unfinished", http::brotli_unfinished),
        Attack::packets("http-zstd-unfinished", http::zstd_unfinished),
        Attack::packets("http-decoders", http::decoders_of),
        Attack::packets("http-bodies-unfinished", http::bodies_unfinished),
        Attack::packets("http-behind-an-open-answer", http::behind_an_open_answer),
        Attack::packets("http-long-targets", http::long_targets),
        Attack::packets("http-open-heads", http::open_heads),
        Attack::packets("http-half-heads", http::half_heads),
        Attack::packets("http-held-behind-upgrades", http::held_behind_upgrades),
        Attack::packets("http-chunks-of-one-byte", http::chunks_of_one_byte),
        Attack::packets("http-chunk-extension", http::chunk_extension),
        Attack::packets("http-trailers", http::trailers),
        Attack::packets("http-fields", http::fields),
        Attack::packets("http-field-line", http::field_line),
        Attack::packets("http-full-heads", http::full_heads),
        Attack::packets("http-pipelined", http::pipelined),
        Attack::packets("http-interim", http::interim),
        Attack::packets("http-varying-lines", http::varying_lines),
        Attack::packets("http-credentials", http::credentials),
        Attack::packets("rules-line", http::rules_line),
        Attack::packets("rules-near-misses", http::rules_near_misses),
    ]
}

/// Returns the attacks in WebSocket connections and streams of events.
fn of_streams() -> Vec<Attack> {
    vec![
        Attack::packets("ws-messages-open", websocket::messages_open),
        Attack::packets("ws-messages-whole", websocket::messages_whole),
        Attack::packets("ws-frames-cut", websocket::frames_cut),
        Attack::packets("ws-1g", websocket::one_gibibyte),
        Attack::packets("ws-narrow-window-1g", websocket::narrow_window),
        Attack::packets("ws-mebibytes-in-a-row", websocket::mebibytes_in_a_row),
        Attack::packets("ws-inflaters", websocket::inflaters),
        Attack::packets("ws-empty-frames", websocket::empty_frames),
        Attack::packets("ws-fragments", websocket::fragments),
        Attack::packets("ws-fragments-and-pings", websocket::fragments_and_pings),
        Attack::packets("ws-fragments-open", websocket::fragments_open),
        Attack::packets("ws-small-messages", websocket::small_messages),
        Attack::packets("ws-many-streams", websocket::many_streams),
        Attack::packets("ws-stored-blocks", websocket::stored_blocks),
        Attack::packets("ws-fixed-blocks-narrow", websocket::fixed_blocks_narrow),
        Attack::packets("sse-gzip-events-1g", events::gzip_events),
        Attack::packets("sse-gzip-line-ends-1g", events::gzip_line_ends),
        Attack::packets("sse-gzip-line-ends-16m", events::gzip_16_line_ends),
        Attack::packets("sse-gzip-data-lines-16m", events::gzip_data_lines),
        Attack::packets("sse-gzip-comments-16m", events::gzip_comments),
        Attack::packets("sse-line-ends", events::line_ends),
        Attack::packets("sse-comments", events::comments),
        Attack::packets("sse-events", events::events),
        Attack::packets("sse-endless-event", events::endless_event),
        Attack::packets("sse-endless-line", events::endless_line),
        Attack::packets("sse-open-events", events::open_events),
        Attack::packets("sse-varying-events", events::varying_events),
    ]
}

/// Returns the attacks in TCP, and below it.
fn of_segments() -> Vec<Attack> {
    vec![
        Attack::packets("tcp-syn-flood", tcp::syn_flood),
        Attack::packets("tcp-open-requests", tcp::open_requests),
        Attack::packets("tcp-open-words", tcp::open_words),
        Attack::packets("tcp-same-ports", tcp::same_ports),
        Attack::packets("tcp-holes", tcp::holes),
        Attack::packets("tcp-same-segment", tcp::same_segment),
        Attack::packets("tcp-overlapping-segments", tcp::overlapping_segments),
        Attack::packets("tcp-backwards", tcp::backwards),
        Attack::packets("tcp-overlaps-backwards", tcp::overlaps_backwards),
        Attack::packets("tcp-doubtful", tcp::doubtful),
        Attack::packets("tcp-reopened", tcp::reopened),
        Attack::packets("tcp-waiting", tcp::waiting),
        Attack::packets("tcp-repeated-syn", tcp::repeated_syn),
        Attack::packets("tcp-fin-and-reset", tcp::fin_and_reset),
        Attack::packets("tcp-one-byte-segments", tcp::one_byte_segments),
        Attack::packets(
            "tcp-one-byte-segments-spread",
            tcp::one_byte_segments_spread,
        ),
        Attack::packets("tcp-different-lengths", tcp::different_lengths),
        Attack::packets("tcp-different-costs", tcp::different_costs),
        Attack::packets("tcp-empty-packets", tcp::empty_packets),
        Attack::packets("tcp-pauses", tcp::pauses),
        Attack::packets("ip-first-fragments", tcp::first_fragments),
        Attack::packets("ip-overlapping-fragments", tcp::overlapping_fragments),
        Attack::packets("ip-fragments-backwards", tcp::fragments_backwards),
        Attack::packets("ip-v6-fragments", tcp::ipv6_fragments),
        Attack::packets("ip-v6-chains", tcp::ipv6_chains),
        Attack::packets("ip-nested-tunnels", tcp::nested_tunnels),
        Attack::packets("ip-nested-vxlan", tcp::nested_vxlan),
    ]
}

fn of_files() -> Vec<Attack> {
    vec![
        Attack::file(
            "file-compressed-empty-packets",
            files::compressed_empty_packets,
        ),
        Attack::file("file-compressed-100g", files::compressed_hundredfold),
        Attack::file("file-names", files::names),
        Attack::file("file-two-gibibytes", files::two_gibibytes),
        Attack::file("file-empty-members", files::empty_members),
        Attack::file("file-member-for-each-packet", files::member_for_each_packet),
        Attack::file("file-endless-name", files::endless_name),
        Attack::file("file-huge-unknown-block", files::huge_unknown_block),
        Attack::file("file-interfaces", files::interfaces),
        Attack::file("file-sections-of-interfaces", files::sections_of_interfaces),
        Attack::file("file-sections", files::sections),
        Attack::file("file-options", files::options),
    ]
}

/// Returns the next of some numbers that look random (xorshift); never 0.
const fn next(mut seed: u32) -> u32 {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    seed
}

/// Returns bytes that no compressor can shorten.
fn noise(length: usize, mut seed: u32) -> Vec<u8> {
    let bytes = std::iter::repeat_with(|| {
        seed = next(seed);
        seed.to_le_bytes()[1]
    });
    bytes.take(length).collect()
}
