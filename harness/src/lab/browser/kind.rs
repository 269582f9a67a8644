//! The kinds of browsers that there are, and what sets one apart from the others.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use fantoccini::wd::Capabilities;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::vendor::VendorCommand;
use super::{Versions, chromium, firefox};

/// A kind of browser that pages can be played with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Mozilla's, through geckodriver.
    #[default]
    Firefox,
    /// The one that Chrome is made of, through chromedriver.
    Chromium,
}

impl Kind {
    /// All browsers; the first one plays unless another is named.
    pub const ALL: [Self; 2] = [Self::Firefox, Self::Chromium];

    /// Returns its name as one word, as on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firefox => "firefox",
            Self::Chromium => "chromium",
        }
    }

    /// Returns the name of the program that drives it.
    #[must_use]
    pub const fn driver(self) -> &'static str {
        match self {
            Self::Firefox => "geckodriver",
            Self::Chromium => "chromedriver",
        }
    }

    /// Returns the names that its executable may have, the likeliest first.
    #[must_use]
    pub const fn executables(self) -> &'static [&'static str] {
        match self {
            Self::Firefox => &["firefox-esr", "firefox"],
            Self::Chromium => &["chromium", "chromium-browser"],
        }
    }

    /// Returns the name of the folder, below that of the captures, for what is captured with it; `None` if its captures
    /// lie directly in that one.
    ///
    /// Their listings are kept in a folder of the same name.
    #[must_use]
    pub const fn folder(self) -> Option<&'static str> {
        match self {
            Self::Firefox => None,
            Self::Chromium => Some(self.word()),
        }
    }

    /// Returns true if the browser can be told to use one connection to a server.
    #[must_use]
    pub fn can_use_one_connection(self) -> bool {
        self.dialect().one_connection().is_some()
    }

    pub(super) const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Firefox => &firefox::Firefox,
            Self::Chromium => &chromium::Chromium,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Firefox => "Firefox",
            Self::Chromium => "Chromium",
        })
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
