//! What sets one kind of browser apart from the others: how it is started, kept quiet, and asked.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use fantoccini::wd::Capabilities;
use rustix::process::Pid;
use serde_json::Value;

use super::vendor::VendorCommand;
use super::{Versions, chromium, firefox};
use crate::machine::browser::Kind;

impl Kind {
    pub(super) const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Firefox => &firefox::Firefox,
            Self::Chromium => &chromium::Chromium,
        }
    }
}

/// The part that `WebDriver` leaves to browsers and drivers: how each is started, kept quiet, and identifies itself.
pub(super) trait Dialect {
    /// Returns the arguments that make the driver listen on a port that it finds free; `folder` is the lab's.
    fn driver_arguments(&self, folder: &Path) -> Vec<OsString>;

    /// Returns the variables that it gets besides those of the lab.
    fn driver_environment(&self) -> Vec<(OsString, OsString)> {
        Vec::new()
    }

    /// Returns the address that the driver listens on, as `host:port`, if this line of its output says so.
    fn address(&self, line: &str) -> Option<String>;

    /// Returns the preferences under which the browser sends what the page makes it send, and nothing else.
    fn quiet_preferences(&self) -> Value;

    /// Returns the session's capabilities: this executable, headless, with a fresh profile that has these preferences.
    fn capabilities(&self, executable: &Path, folder: &Path, preferences: &Value) -> Capabilities;

    /// Returns the capabilities of a session elsewhere: headless and as quiet, wherever the browser is installed there;
    /// a Grid selects the browser by its name. Its pages are at `address`.
    fn capabilities_elsewhere(&self, address: IpAddr, preferences: &Value) -> Capabilities;

    /// The preference by which the browser uses one connection to a server, besides those of `WebSocket`s; `None` if it
    /// has none.
    fn one_connection(&self) -> Option<(&'static str, Value)> {
        None
    }

    /// Returns the commands that a session needs before it is used.
    fn first_commands(&self) -> Vec<VendorCommand> {
        Vec::new()
    }

    /// Returns the command that has the page loaded again past the cache, and does not wait for it; `None` if
    /// `WebDriver`'s own does.
    fn forced_reload(&self) -> Option<VendorCommand> {
        None
    }

    /// Returns true if its driver is faster at moving the pointer than at clicking an element.
    fn prefers_pointer(&self) -> bool {
        false
    }

    /// Returns the process of the browser that all its others belong to, as the session tells.
    fn process(&self, capabilities: &Capabilities) -> Option<Pid>;

    /// Returns the versions that the session reports.
    fn versions(&self, capabilities: &Capabilities) -> Option<Versions>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_can_use_one_connection_is_told_how() {
        for kind in Kind::ALL {
            let preference = kind.dialect().one_connection();
            assert_eq!(
                kind.can_use_one_connection(),
                preference.is_some(),
                "{kind}"
            );
        }
    }
}
