//! The programs that a scenario starts: the one under study, its helpers, the commands of its client.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A program that runs while the timeline does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The name in messages.
    pub name: String,
    /// The executable.
    pub executable: Executable,
    /// The arguments that it is started with.
    pub arguments: Vec<Argument>,
    /// The variables that it gets besides the few that every process of a lab has.
    pub environment: BTreeMap<String, Argument>,
    /// The folder that it runs in, relative to the project's; a program that was built here runs in the lab's.
    pub folder: Option<PathBuf>,
    /// The sign that it is ready.
    pub ready: Ready,
    /// The longest time from its start until it is ready.
    pub within: Duration,
    /// True if it goes into the background: the process that is started ends, and one that it has started goes on.
    pub is_daemon: bool,
}

impl Program {
    /// Returns true if it was built here, and so is known to send texts just as its clients show them.
    #[must_use]
    pub const fn is_built(&self) -> bool {
        matches!(self.executable, Executable::Built(_))
    }
}

/// The executable of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Executable {
    /// A program of this name that was built together with wiresnap.
    Built(String),
    /// A command, looked for along `PATH`; with a slash in it, a path from the folder that it runs in.
    Command(String),
}

/// The sign that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// It was started.
    Started,
    /// It listens on the scenario's port.
    Listening,
    /// It listens on this port.
    ListeningOn(u16),
    /// It printed a line with this text in it.
    Says(String),
    /// It answers a GET of a path with success (2xx).
    Answers {
        /// The path.
        path: String,
        /// The port that it is asked on; `None` if that is the scenario's.
        port: Option<u16>,
    },
}

/// The placeholder of the address that the program listens on.
const HOST: &str = "{host}";

/// The placeholder of the port that it listens on.
const PORT: &str = "{port}";

/// The values of a scenario's placeholders while it is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// The address that the program listens on.
    pub address: SocketAddr,
    /// The factor on the times: 1 plays as written, 0.1 ten times as fast.
    pub time_scale: f64,
}

impl Setting {
    /// Returns the texts with the values of their placeholders.
    #[must_use]
    pub fn fill_in(self, arguments: &[Argument]) -> Vec<String> {
        let filled_in = arguments.iter().map(|argument| argument.filled_in(self));
        filled_in.collect()
    }
}

/// A text with placeholders: `{host}` and `{port}` are the program's address, `{10s}` stands for ten seconds of the
/// timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument(pub String);

impl Argument {
    /// Returns the text with the values of its placeholders: `{10s}` is the number of seconds, `1` at time scale 0.1.
    ///
    /// ```
    /// use wiresnap::scenario::program::{Argument, Setting};
    ///
    /// let address = "127.0.0.1:8000".parse()?;
    /// let setting = |time_scale| Setting { address, time_scale };
    /// let interval = Argument("--interval={10s}".to_owned());
    /// assert_eq!(interval.filled_in(setting(1.0)), "--interval=10");
    /// assert_eq!(interval.filled_in(setting(0.25)), "--interval=2.5");
    /// let url = Argument("http://{host}:{port}/".to_owned());
    /// assert_eq!(url.filled_in(setting(1.0)), "http://127.0.0.1:8000/");
    /// let listen = Argument("--listen {host} {host}:{port}".to_owned());
    /// let of_ipv6 = Setting { address: "[::1]:8000".parse()?, time_scale: 1.0 };
    /// assert_eq!(listen.filled_in(of_ipv6), "--listen ::1 [::1]:8000");
    /// assert_eq!(url.filled_in(of_ipv6), "http://[::1]:8000/");
    /// let json = Argument("{\"json\": {}}".to_owned());
    /// assert_eq!(json.filled_in(setting(1.0)), "{\"json\": {}}");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn filled_in(&self, setting: Setting) -> String {
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(place) = rest.find('{') {
            let (before, braced) = rest.split_at(place);
            text.push_str(before);
            if let Some((value, length)) = Self::value_of(braced, &text, setting) {
                text.push_str(&value);
                rest = &braced[length..];
            } else {
                text.push('{');
                rest = &braced[1..];
            }
        }
        text.push_str(rest);
        text
    }

    /// Returns the first place where a number follows a brace as in `{10s}` but is not a length of time, as in `{10}`.
    pub(super) fn mistake(&self) -> Option<&str> {
        self.0.match_indices('{').find_map(|(place, _)| {
            let braced = &self.0[place..];
            let is_number = braced[1..].starts_with(|character: char| character.is_ascii_digit());
            let end = braced.find('}').map_or(braced.len(), |end| end + 1);
            (is_number && Self::length_of_time(braced).is_none()).then(|| &braced[..end])
        })
    }

    /// Returns the value of the placeholder that a text begins with, and its length in bytes of the text. The value may
    /// depend on the text `before` it.
    fn value_of(braced: &str, before: &str, setting: Setting) -> Option<(String, usize)> {
        let Setting {
            address,
            time_scale,
        } = setting;
        if let Some(rest) = braced.strip_prefix(HOST) {
            let host = match address.ip() {
                // RFC 3986 §3.2.2: in front of a port, or in a URL, an address with colons is in brackets.
                IpAddr::V6(ip) if rest.starts_with(':') || before.ends_with("//") => {
                    format!("[{ip}]")
                }
                ip => ip.to_string(),
            };
            return Some((host, HOST.len()));
        }
        if braced.starts_with(PORT) {
            return Some((address.port().to_string(), PORT.len()));
        }
        let (seconds, length) = Self::length_of_time(braced)?;
        // Finer than a microsecond is nothing but the machine's arithmetic.
        let scaled = (seconds * time_scale * 1e6).round() / 1e6;
        Some((scaled.to_string(), length))
    }

    /// Returns the seconds of a length of time that a text begins with, and its length in bytes of the text.
    fn length_of_time(text: &str) -> Option<(f64, usize)> {
        let end = text.find('}')?;
        let seconds = text[..end].strip_prefix('{')?.strip_suffix('s')?;
        let is_plain = |character: char| character.is_ascii_digit() || character == '.';
        let seconds: f64 = seconds
            .chars()
            .all(is_plain)
            .then(|| seconds.parse().ok())??;
        seconds.is_finite().then_some((seconds, end + 1))
    }
}

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLine {
    /// The command, looked for along `PATH`; with a slash in it, a path from the project's folder.
    pub executable: String,
    /// The arguments that it is started with.
    pub arguments: Vec<Argument>,
}

impl CommandLine {
    /// Returns the name in messages: that of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = Path::new(&self.executable).file_name();
        name.and_then(|name| name.to_str())
            .unwrap_or(&self.executable)
    }
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.executable)?;
        for Argument(argument) in &self.arguments {
            write!(formatter, " {argument}")?;
        }
        Ok(())
    }
}
