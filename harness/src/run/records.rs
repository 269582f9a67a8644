//! The records of a run beside its capture: who took part, and how it was captured.

use jiff::Timestamp as ClockTime;

use super::message::Order;
use super::start::Start;
use super::{Run, Started};
use crate::lab::sniffer::{Counters, Sniffer};
use crate::machine::browser::Kind;
use crate::scenario::ClientKind;
use crate::trace::provenance::{
    CaptureRecord, ClientRecord, LinkRecord, MarkRecord, Provenance, ScenarioId, Versions,
};

impl Run<'_> {
    pub(super) fn versions(&self, started: &Started) -> Versions {
        let browser = started.clients.browser();
        let versions_of = |kind| {
            let browser = browser.filter(|browser| browser.kind() == kind);
            browser.map(|browser| browser.versions().clone())
        };
        let (firefox, chromium) = (versions_of(Kind::Firefox), versions_of(Kind::Chromium));
        let netcat = started.clients.netcat();
        Versions {
            wiresnap: env!("CARGO_PKG_VERSION").to_owned(),
            geckodriver: firefox
                .as_ref()
                .and_then(|versions| versions.driver.clone()),
            firefox: firefox.map(|versions| versions.browser),
            chromedriver: chromium
                .as_ref()
                .and_then(|versions| versions.driver.clone()),
            chromium: chromium.map(|versions| versions.browser),
            browser_platform: browser
                .filter(|_| self.order.remote.is_some())
                .and_then(|browser| browser.versions().platform.clone()),
            nc: netcat.map(str::to_owned),
            libpcap: crate::lab::sniffer::libpcap_version(),
            kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// Returns the clients that have names, each with its version.
    pub(super) fn client_records(&self, started: &Started) -> Vec<ClientRecord> {
        let described = self.order.scenario.clients.iter();
        let all = described.zip(started.clients.open());
        all.filter_map(|(described, (name, client))| {
            let browser = client.browser();
            let (kind, version) = match described.kind {
                ClientKind::Firefox => (
                    self.order.tools.browser.kind.word(),
                    browser.map(|browser| browser.versions().browser.clone()),
                ),
                ClientKind::Netcat => ("nc", client.netcat().map(str::to_owned)),
                ClientKind::Commands => ("command", None),
            };
            Some(ClientRecord {
                name: name?.to_owned(),
                kind: kind.to_owned(),
                version,
            })
        })
        .collect()
    }

    pub(super) fn capture_record(&self, sniffer: &Sniffer, counters: Counters) -> CaptureRecord {
        let Order {
            scenario,
            network,
            meeting_point,
            ..
        } = self.order;
        CaptureRecord {
            network: match scenario.link {
                Some(_) => "link".to_owned(),
                None => network.to_string(),
            },
            link: scenario.link.map(|link| LinkRecord {
                delay_seconds: link.delay.as_secs_f64(),
                loss: link.loss,
            }),
            interface: meeting_point.interface.clone(),
            link_type: sniffer.link_type().0,
            packets: counters.packets,
            received: counters.received,
            dropped: counters.dropped,
            interface_dropped: counters.interface_dropped,
        }
    }

    pub(super) fn provenance(
        &self,
        start: Start,
        marks: Vec<MarkRecord>,
        (versions, clients): (Versions, Vec<ClientRecord>),
        capture: CaptureRecord,
    ) -> Provenance {
        let Order {
            scenario,
            time_scale,
            ..
        } = self.order;
        Provenance {
            scenario: ScenarioId {
                name: scenario.name.clone(),
                sha256: scenario.sha256.clone(),
            },
            variables: scenario.variables_to_keep(),
            started: clock_time(start).to_string(),
            time_scale: *time_scale,
            clients,
            marks,
            versions,
            capture,
            certificate: None,
            mark_distance: None,
            secrets_overwritten: false,
        }
    }
}

fn clock_time(start: Start) -> ClockTime {
    ClockTime::try_from(start.clock).unwrap_or(ClockTime::UNIX_EPOCH)
}
