//! Firefox, and how it is kept quiet.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use fantoccini::wd::Capabilities;
use rustix::process::{Pid, geteuid};
use serde_json::{Value, json};

use super::kind::Dialect;
use super::{Versions, process_id};

pub(super) struct Firefox;

impl Dialect for Firefox {
    fn driver_arguments(&self, folder: &Path) -> Vec<OsString> {
        let words = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--websocket-port",
            "0",
        ];
        words
            .map(OsString::from)
            .into_iter()
            .chain(["--profile-root".into(), folder.into()])
            .collect()
    }

    /// Root without capabilities may make a user namespace but not be root in it (`user_namespaces(7)`), which Firefox
    /// takes for a sandbox that works and dies of. Told that there is none, it keeps to the other layers of its sandbox.
    fn driver_environment(&self) -> Vec<(OsString, OsString)> {
        let variable = geteuid()
            .is_root()
            .then(|| ("MOZ_ASSUME_USER_NS".into(), "0".into()));
        variable.into_iter().collect()
    }

    fn address(&self, line: &str) -> Option<String> {
        Some(line.split_once("Listening on ")?.1.trim().to_owned())
    }

    /// geckodriver sets many of its own for tests; these are the ones that it leaves and that reach the wire.
    fn quiet_preferences(&self) -> Value {
        json!({
            // Requests for the program that no page asked for.
            "browser.chrome.guess_favicon": false,
            "browser.chrome.site_icons": false,
            "network.http.speculative-parallel-limit": 0,
            "network.dns.disablePrefetch": true,
            "network.predictor.enabled": false,
            "network.prefetch-next": false,
            "browser.urlbar.speculativeConnect.enabled": false,
            // A `Priority` that says whether an image was laid out before its request went, which is chance.
            "image.layout_network_priority": false,
            // Keepalive probes start after 10 s of silence, which is just the distance of our marks.
            "network.http.tcp_keepalive.short_lived_connections": false,
            "network.http.tcp_keepalive.long_lived_connections": false,
            // Requests for anybody else.
            "app.normandy.enabled": false,
            "app.update.auto": false,
            "browser.newtabpage.enabled": false,
            "browser.region.update.enabled": false,
            "browser.safebrowsing.blockedURIs.enabled": false,
            "browser.safebrowsing.downloads.enabled": false,
            "browser.safebrowsing.malware.enabled": false,
            "browser.safebrowsing.phishing.enabled": false,
            "browser.search.update": false,
            "browser.topsites.contile.enabled": false,
            "datareporting.policy.dataSubmissionEnabled": false,
            "dom.push.connection.enabled": false,
            "extensions.getAddons.cache.enabled": false,
            "extensions.systemAddon.update.enabled": false,
            "network.captive-portal-service.enabled": false,
            "network.connectivity-service.enabled": false,
            "network.proxy.type": 0,
            "network.trr.mode": 5,
            "toolkit.telemetry.enabled": false,
            "toolkit.telemetry.server": "",
            "toolkit.telemetry.unified": false,
            // One process for all pages, the one that was warmed up, and none launched for a page to come.
            "fission.autostart": false,
            "dom.ipc.processCount": 1,
            "dom.ipc.processPrelaunch.enabled": false,
            // The same bytes from every machine.
            "intl.accept_languages": "en-US, en",
            "intl.locale.requested": "en-US",
        })
    }

    fn capabilities(&self, executable: &Path, _folder: &Path, preferences: &Value) -> Capabilities {
        let options = json!({
            "binary": executable,
            "args": ["-headless"],
            "prefs": preferences,
        });
        Capabilities::from_iter([("moz:firefoxOptions".to_owned(), options)])
    }

    fn one_connection(&self) -> Option<(&'static str, Value)> {
        let name = "network.http.max-persistent-connections-per-server";
        Some((name, json!(1)))
    }

    fn capabilities_elsewhere(&self, _address: IpAddr, preferences: &Value) -> Capabilities {
        let options = json!({ "args": ["-headless"], "prefs": preferences });
        Capabilities::from_iter([
            ("browserName".to_owned(), "firefox".into()),
            ("moz:firefoxOptions".to_owned(), options),
        ])
    }

    fn process(&self, capabilities: &Capabilities) -> Option<Pid> {
        process_id(capabilities.get("moz:processID")?)
    }

    fn versions(&self, capabilities: &Capabilities) -> Option<Versions> {
        let text = |name: &str| Some(capabilities.get(name)?.as_str()?.to_owned());
        Some(Versions {
            browser: text("browserVersion")?,
            driver: text("moz:geckodriverVersion"),
            platform: text("platformName"),
        })
    }
}
