//! Chromium, and how it is kept quiet.

use std::ffi::OsString;
use std::path::Path;

use fantoccini::wd::Capabilities;
use rustix::process::geteuid;
use serde_json::{Value, json};

use super::kind::Dialect;
use super::vendor::VendorCommand;
use super::{Identity, Versions, process_id};
use crate::lab::doctor::confinement::Facts;

/// Under these switches, besides those of chromedriver's own, Chromium talks to the program and to nobody else.
const SWITCHES: &[&str] = &[
    "--headless=new",
    // Whatever it wants of anybody else (updates, hints, accounts, its search engine) ends where a name is looked up: a
    // switch for each would be one too few in the next version.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--no-proxy-server",
    // A page that was left is gone, with its connections.
    "--disable-back-forward-cache",
    // The same bytes from every machine.
    "--lang=en-US",
];

/// The one place that an icon is looked for where a page names none.
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
        let switches = SWITCHES.iter().map(|switch| (*switch).to_owned());
        let options = json!({
            "binary": executable,
            "args": switches
                .chain([format!("--user-data-dir={}", profile.display())])
                .chain(no_sandbox())
                .collect::<Vec<_>>(),
            "prefs": preferences,
        });
        Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)])
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

    /// Before it clicks an element, chromedriver asks the page some twenty things about it, one after the other.
    fn prefers_pointer(&self) -> bool {
        true
    }

    fn identity(&self, capabilities: &Capabilities) -> Option<Identity> {
        let browser = capabilities.get("browserVersion")?.as_str()?;
        let driver = capabilities.get("chrome")?.get("chromedriverVersion")?;
        // The version, then the commit that it was built of.
        let driver = driver.as_str()?.split(' ').next()?;
        Some(Identity {
            process: process_id(capabilities.get("goog:processID")?)?,
            versions: Versions {
                browser: browser.to_owned(),
                driver: driver.to_owned(),
            },
        })
    }
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
        let known = Chromium.identity(&capabilities).unwrap();
        assert_eq!(known.process.as_raw_nonzero().get(), 11893);
        assert_eq!(known.versions.browser, "156.0.8078.108");
        assert_eq!(known.versions.driver, "156.0.8078.108");
    }
}
