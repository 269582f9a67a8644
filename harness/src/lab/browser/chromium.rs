//! Chromium, and how it is kept quiet.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use fantoccini::wd::Capabilities;
use rustix::process::{Pid, geteuid};
use serde_json::{Value, json};

use super::kind::Dialect;
use super::vendor::VendorCommand;
use super::{Versions, process_id};
use crate::lab::doctor::confinement::Facts;
use crate::lab::link;

/// The switches, besides chromedriver's own, with which Chromium talks to the program and to no other host.
const SWITCHES: &[&str] = &[
    "--headless=new",
    "--no-proxy-server",
    // A page that was left is gone, with its connections.
    "--disable-back-forward-cache",
    // The same bytes from every machine.
    "--lang=en-US",
];

/// Chromedriver, which alone is to drive it, does so by a pipe: a port would be everybody's on this machine.
const NO_PORT: &str = "--remote-debugging-pipe";

/// The one address at which an icon is looked for if a page names none.
const ICON: &str = "*/favicon.ico";

pub(super) struct Chromium;

impl Dialect for Chromium {
    fn driver_arguments(&self, _folder: &Path) -> Vec<OsString> {
        // Its own words are few: what went wrong, the browser tells.
        ["--port=0", "--enable-chrome-logs"]
            .map(OsString::from)
            .into()
    }

    fn address(&self, line: &str) -> Option<String> {
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(format!("127.0.0.1:{}", port.trim().trim_end_matches('.')))
    }

    fn quiet_preferences(&self) -> Value {
        json!({
            // "Never": else each page begins with a second connection, in case that it will be of use.
            "net.network_prediction_options": 2,
            "intl.accept_languages": "en-US,en",
        })
    }

    fn capabilities(&self, executable: &Path, folder: &Path, preferences: &Value) -> Capabilities {
        let profile = folder.join("chromium");
        let options = json!({
            "binary": executable,
            "args": switches(link::ADDRESS)
                .chain([NO_PORT.to_owned()])
                .chain([format!("--user-data-dir={}", profile.to_string_lossy())])
                .chain(no_sandbox())
                .collect::<Vec<_>>(),
            "prefs": preferences,
        });
        Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)])
    }

    /// Chromedriver goes by the name of the browser that it is made for.
    fn capabilities_elsewhere(&self, address: IpAddr, preferences: &Value) -> Capabilities {
        let options = json!({
            "args": switches(address).collect::<Vec<_>>(),
            "prefs": preferences,
        });
        Capabilities::from_iter([
            ("browserName".to_owned(), "chrome".into()),
            ("goog:chromeOptions".to_owned(), options),
        ])
    }

    /// There is no switch for icons. A favicon that is blocked is not asked for; this holds for all pages to come.
    fn first_commands(&self) -> Vec<VendorCommand> {
        let command = |name: &str, parameters: Value| VendorCommand {
            path: "goog/cdp/execute",
            parameters: json!({"cmd": name, "params": parameters}),
        };
        vec![
            command("Network.enable", json!({})),
            command("Network.setBlockedURLs", json!({"urls": [ICON]})),
        ]
    }

    /// WebDriver's command is a normal reload here.
    fn forced_reload(&self) -> Option<VendorCommand> {
        Some(VendorCommand {
            path: "goog/cdp/execute",
            parameters: json!({"cmd": "Page.reload", "params": {"ignoreCache": true}}),
        })
    }

    /// Before it clicks an element, chromedriver asks the page some twenty things about it, one after the other.
    fn prefers_pointer(&self) -> bool {
        true
    }

    fn process(&self, capabilities: &Capabilities) -> Option<Pid> {
        process_id(capabilities.get("goog:processID")?)
    }

    fn versions(&self, capabilities: &Capabilities) -> Option<Versions> {
        let text = |value: Option<&Value>| Some(value?.as_str()?.to_owned());
        let driver = capabilities
            .get("chrome")
            .and_then(|chrome| text(chrome.get("chromedriverVersion")));
        Some(Versions {
            browser: text(capabilities.get("browserVersion"))?,
            // The version, then the commit that it was built of.
            driver: driver.and_then(|driver| driver.split(' ').next().map(str::to_owned)),
            platform: text(capabilities.get("platformName")),
        })
    }
}

/// Returns the switches of a session that finds its pages at `address`, or on a loopback interface.
///
/// Whatever it wants of anybody else (updates, hints, accounts, its search engine) ends where a name is looked up: a
/// switch for each would be one too few in the next version.
fn switches(address: IpAddr) -> impl Iterator<Item = String> {
    let to_others = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE ::1, EXCLUDE [::1], EXCLUDE localhost";
    let switches = SWITCHES.iter().map(|switch| (*switch).to_owned());
    switches.chain([format!("{to_others}, EXCLUDE {address}")])
}

/// Chromium's sandbox is made of namespaces, which needs no privilege and works within those of a lab. Where the system
/// keeps them from users, and as root, Chromium does not start but without: it is for the program's own pages then.
fn no_sandbox() -> Option<String> {
    let is_possible = !geteuid().is_root() && Facts::read().allow_user_namespaces();
    (!is_possible).then(|| "--no-sandbox".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chromedriver_says_is_understood() {
        let says = |line| Chromium.address(line);
        assert_eq!(
            says("ChromeDriver was started successfully on port 41803.").as_deref(),
            Some("127.0.0.1:41803")
        );
        assert_eq!(says("Starting ChromeDriver 156.0 on port 0"), None);

        let capabilities = json!({
            "browserVersion": "156.0.8078.108",
            "chrome": {"chromedriverVersion": "156.0.8078.108 (730482a-refs/branch-heads/8078@{#2244})"},
            "goog:processID": 11893,
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is one");
        };
        let process = Chromium.process(&capabilities).unwrap();
        assert_eq!(process.as_raw_nonzero().get(), 11893);
        let versions = Chromium.versions(&capabilities).unwrap();
        assert_eq!(versions.browser, "156.0.8078.108");
        assert_eq!(versions.driver.as_deref(), Some("156.0.8078.108"));
    }
}
