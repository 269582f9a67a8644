//! The built-in captures taken apart, and drawn.

mod workspace;

use std::path::{Path, PathBuf};

use wiresnap::analysis::dissection::Dissection;
use wiresnap::analysis::dissection::cost::Parts;
use wiresnap::analysis::stats::Options;
use wiresnap::render::sequence;
use wiresnap::trace::provenance::Provenance;
use wirestream::capture;

fn captures() -> Vec<PathBuf> {
    workspace::files(&workspace::root().join("pcap"), "pcap")
}

fn dissection(capture: &Path) -> Dissection {
    let provenance = Provenance::read_beside(capture).unwrap();
    let options = Options {
        marks: provenance.map(|provenance| provenance.marks().unwrap()),
        ..Options::default()
    };
    Dissection::of(|| capture::open(capture), options).unwrap()
}

#[test]
fn every_packet_is_an_arrow_with_its_layers() {
    for capture in captures() {
        let dissection = dissection(&capture);
        let svg = sequence::file(&dissection, "a capture");
        let total = usize::try_from(dissection.measured.overall.total_packets).unwrap();
        assert_eq!(
            svg.matches("class=\"packet ").count(),
            total,
            "{}",
            capture.display()
        );
        assert_eq!(dissection.packets.len(), total);
        for packet in &dissection.packets {
            let (layers, statistics) = (&packet.layers, packet.explained.statistics);
            assert_eq!((layers.link.len(), layers.ip.len()), (14, 20));
            assert_eq!(layers.tcp.len() as u64, statistics.tcp_bytes);
            assert_eq!(layers.payload.len() as u64, statistics.app_bytes);
        }
    }
}

#[test]
fn the_bytes_of_an_update_add_up_and_eight_of_them_are_the_clock() {
    for capture in captures() {
        let cost = dissection(&capture).update.unwrap();
        let Parts {
            http_header,
            framing,
            body,
            clock,
        } = cost.parts;
        let statistics = cost.statistics;
        assert_eq!(clock, 8, "{}", capture.display());
        assert_eq!(cost.other(), 0, "{}", capture.display());
        assert_eq!(http_header + framing + body + clock, statistics.app_bytes);
        assert_eq!(cost.link_and_ip(), 34 * statistics.total_packets);
    }
}

#[test]
fn a_drawing_stands_alone() {
    let capture = workspace::root().join("pcap/wsapp.pcap");
    let svg = sequence::file(&dissection(&capture), "<wsapp> & \"more\"");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(
        svg.contains("<title id=\"sequence-title\">&lt;wsapp&gt; &amp; &quot;more&quot;</title>")
    );
    for outside in ["href", "url(", "@import", "<script"] {
        assert!(!svg.contains(outside), "{outside}");
    }
    for text in [
        "GET /time",
        "101 Switching Protocols",
        "text frame, 8 bytes",
        " s idle",
    ] {
        assert!(svg.contains(text), "{text}");
    }
}
