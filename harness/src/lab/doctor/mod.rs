//! Checks what a capture needs of this machine, before anything is started, and names a remedy for each fault.

mod browser;
pub mod check;
pub mod chromium;
pub mod confinement;
pub mod firefox;
mod link;
mod neighbours;
mod packages;
mod place;
mod remote;
pub mod version;

use std::path::Path;

use rustix::process::geteuid;

use self::check::{Check, State};
use self::confinement::{Facts, Fix, capture_as_root, diagnose};
use self::neighbours::Neighbours;
use self::packages::{Packages, Wanted};
use self::version::Version;
use super::introduction::{Answer, PATIENCE, ask, variant_of};
use super::network::Network;
use super::remote::Remote;
use super::sniffer;
use crate::error::{Error, Result};
use crate::machine::browser::Kind;
use crate::machine::privilege;
use crate::machine::tools::{Tools, executable, search_path};
use crate::scenario::link::Link;
use crate::scenario::{ClientKind, Scenario};
use crate::text::shell_word;

/// The scenarios that are to be played here, and the conditions.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    /// The top folder of the project.
    pub project: &'a Path,
    /// The tools that were found.
    pub tools: &'a Tools,
    /// The scenarios; empty if it is not known which, and all clients are wanted.
    pub scenarios: &'a [Scenario],
    /// The folder that captures are written to.
    pub captures: &'a Path,
    /// The network that is asked for; `None` if any will do.
    pub network: Option<Network>,
    /// The browser elsewhere that scenarios are to be played with; `None` if one is started here.
    pub remote: Option<&'a Remote>,
    /// True if it is accepted that other users of this machine can drive the browser.
    pub is_shared: bool,
    /// True if optional things are to be checked, too.
    pub with_optional: bool,
}

impl Intent<'_> {
    /// Returns the links that labs are to be made with for a try: one of each kind that the scenarios want.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let links = || self.scenarios.iter().filter_map(|scenario| scenario.link);
        let plain = links().next().map(|_| Link::default());
        let impaired = links().find(Link::is_impaired);
        plain.into_iter().chain(impaired).collect()
    }
}

/// The results of making labs for a try.
#[derive(Debug)]
pub struct Trials {
    /// The result of making a lab on a private network.
    pub private: Result<()>,
    /// The results with each kind of link that scenarios want; empty if not even a private network can be had.
    pub links: Vec<(Link, Result<()>)>,
    /// The result of making a lab in which programs are enclosed, on the network that would be played on.
    pub enclosure: Result<()>,
}

/// The findings of all checks.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The network that scenarios can be played on; `None` if they cannot be played.
    network: Option<Network>,
    why_not_private: String,
    /// The browser that is to be played with.
    browser: Kind,
    /// Everything that was looked at.
    checks: Vec<Check>,
    /// True if `wiresnap doctor` checks all of it, too; it does not know the remedies for a browser elsewhere.
    is_known_to_doctor: bool,
    /// The things that others can do meanwhile, and that programs can do at all, which a user should know beforehand.
    exposures: Vec<String>,
}

impl Examination {
    /// Returns the network to play on.
    ///
    /// # Errors
    ///
    /// Returns an error if a capture would fail: it names the first thing that is missing, and the remedy.
    pub fn require_ready(&self) -> Result<Network> {
        let mut missing = self
            .checks
            .iter()
            .filter(|check| check.state == State::Missing);
        match (missing.next(), self.network) {
            (None, Some(network)) => Ok(network),
            (None, None) => Err(Error::environment("there is no network to play on")),
            (Some(first), _) => {
                let others = if self.is_known_to_doctor {
                    missing.count()
                } else {
                    0
                };
                Err(self.obstacle(first, others))
            }
        }
    }

    /// Returns the network that scenarios can be played on; `None` if they cannot be played.
    #[must_use]
    pub const fn network(&self) -> Option<Network> {
        self.network
    }

    /// Returns the reason why a private network is unavailable, if it is.
    #[must_use]
    pub fn why_not_private(&self) -> &str {
        &self.why_not_private
    }

    /// Returns the risks that a user should know before anything is started.
    #[must_use]
    pub fn exposures(&self) -> &[String] {
        &self.exposures
    }

    /// Returns everything that was checked.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    fn obstacle(&self, first: &Check, others: usize) -> Error {
        let error = Error::environment(format!("{}: {}", first.name, first.found));
        let doctor = match self.browser {
            Kind::Firefox => "wiresnap doctor".to_owned(),
            Kind::Chromium => "wiresnap doctor --browser chromium".to_owned(),
        };
        let more = match others {
            0 => String::new(),
            1 => format!(" (1 more is missing: see `{doctor}`)"),
            _ => format!(" ({others} more are missing: see `{doctor}`)"),
        };
        match &first.fix {
            Some(fix) => error.with_hint(format!("{fix}{more}")),
            None => error,
        }
    }
}

/// Looks at everything that the scenarios need.
pub async fn examine(intent: &Intent<'_>, trials: Trials) -> Examination {
    let folders = search_path(intent.project);
    let packages = Packages::find(intent.project, &folders, geteuid().is_root());
    let needs = |kind| {
        let mut scenarios = intent.scenarios.iter();
        intent.scenarios.is_empty() || scenarios.any(|scenario| scenario.has_client(kind))
    };
    let needs_browser = needs(ClientKind::Firefox) && intent.remote.is_none();
    // Chromium as a snap is played with on no network: another one would not help.
    let browser = &intent.tools.browser;
    let needs_snap = needs_browser && browser.is_snap && browser.kind == Kind::Firefox;

    let mut checks = vec![libpcap()];
    let possible = Possible {
        private: trials.private,
        needs_link: intent
            .scenarios
            .iter()
            .any(|scenario| scenario.link.is_some()),
        private_suits_browser: !needs_snap,
        host: privilege::can_capture(),
    };
    let network = possible.choose(intent.network);
    let private = private_network(&possible, intent.network, packages);
    let why_not_private = if possible.private.is_ok() && needs_snap {
        format!(
            "{} is a snap, which does not start on another",
            intent.tools.browser.kind
        )
    } else {
        private.found.clone()
    };
    checks.push(private);
    checks.push(host_network(&possible, intent.network, packages));
    checks.extend(network.map(|_| enclosure(&trials.enclosure, needs_snap)));
    checks.extend(link::checks(intent.scenarios, &trials.links));
    let (browser, netcat, tshark) = tokio::join!(
        when(
            needs_browser,
            browser::checks(
                &intent.tools.browser,
                needs_snap && network != Some(Network::Host),
                packages
            )
        ),
        when(needs(ClientKind::Netcat), netcat(intent.tools, packages)),
        when(intent.with_optional, tshark(&folders, packages)),
    );
    let browser: Vec<Check> = browser.into_iter().flatten().collect();
    let is_driven_on_host = network == Some(Network::Host)
        && needs_browser
        && browser.iter().all(|check| check.state != State::Missing);
    let others = is_driven_on_host.then(|| {
        let private_is_possible = possible.private.is_ok() && possible.private_suits_browser;
        let kind = intent.tools.browser.kind;
        Neighbours::find().check(kind, private_is_possible, intent.is_shared)
    });
    let account = account(geteuid().is_root());
    let exposures = [&account, &others].into_iter().flatten();
    let exposures = exposures
        .filter(|check| check.state == State::Warning)
        .map(|check| check.found.clone())
        .collect();
    checks.extend(browser);
    checks.extend(others);
    checks.extend(account);
    checks.extend(netcat);
    checks.extend(tshark);
    if let Some(remote) = intent.remote {
        checks.extend(remote::checks(remote).await);
    }
    checks.extend(place::ports(
        intent.scenarios,
        intent.remote.map(|remote| remote.meeting_point.address),
        network == Some(Network::Private),
    ));
    // Outside of a project there is no such folder.
    if !intent.captures.as_os_str().is_empty() {
        checks.push(place::captures(intent.captures, intent.project, packages));
    }
    if let (Some(network), true) = (network, needs_browser) {
        checks.extend(place::temporary(network));
    }
    Examination {
        network,
        why_not_private,
        browser: intent.tools.browser.kind,
        checks,
        is_known_to_doctor: intent.remote.is_none(),
        exposures,
    }
}

/// Reports libpcap. It is always present: the system loads it before the first of our own instructions.
fn libpcap() -> Check {
    let version = sniffer::libpcap_version();
    Check::ok("libpcap", &version).of_version(&version)
}

/// Awaits a future if it is wanted.
async fn when<T>(wanted: bool, what: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(what.await) } else { None }
}

/// The networks that scenarios can be played on.
struct Possible {
    /// The result of making a private network of our own.
    private: Result<()>,
    /// True if a scenario is played on a link, which takes a private network.
    needs_link: bool,
    /// True if the browser works on a private network.
    private_suits_browser: bool,
    /// True if we may capture on the machine's network.
    host: bool,
}

impl Possible {
    /// Returns the network that is asked for, if it is possible; a private one is the better one.
    fn choose(&self, asked: Option<Network>) -> Option<Network> {
        let possible = |network: &Network| match network {
            Network::Private => self.private.is_ok() && self.private_suits_browser,
            Network::Host => self.host && !self.needs_link,
        };
        let candidates = asked.map_or(vec![Network::Private, Network::Host], |asked| vec![asked]);
        candidates.into_iter().find(possible)
    }
}

fn private_network(possible: &Possible, asked: Option<Network>, packages: Packages) -> Check {
    let name = "private network";
    let Err(refused) = &possible.private else {
        return Check::ok(name, "possible: each scenario gets its own");
    };
    if let Some(cure) = refused.hint() {
        // It is not that it is forbidden.
        return Check::missing(name, &refused.message()).fixed_by(cure);
    }
    let facts = Facts::read();
    let (reason, fix) = match diagnose(&facts) {
        Some(diagnosis) => (diagnosis.reason, diagnosis.fix),
        None => (None, capture_as_root(&facts.executable)),
    };
    let reason = reason.unwrap_or_else(|| {
        let refused = refused.to_string();
        refused.lines().next().unwrap_or_default().to_owned()
    });
    let fix = match fix {
        Fix::AsRoot(command) => packages.as_root(&command),
        Fix::Do(what) => what,
    };
    let is_needed = asked == Some(Network::Private)
        || (asked.is_none() && (possible.needs_link || !possible.host));
    let state = if is_needed {
        State::Missing
    } else {
        State::Warning
    };
    Check::new(name, state, &reason).fixed_by(fix)
}

/// Warns if root starts the programs under study, and says what that means to them.
fn account(is_root: bool) -> Option<Check> {
    is_root.then(|| {
        Check::warning(
            "account",
            "root: programs run as root, without capabilities, and can open what is root's",
        )
        .fixed_by("capture as an ordinary user: that takes no privilege where private networks are possible")
    })
}

/// Checks that programs and clients are kept from what is not theirs.
fn enclosure(made: &Result<()>, needs_snap: bool) -> Check {
    let name = "own processes";
    let exposed = "programs can see the processes and temporary files of others";
    match made {
        _ if needs_snap => Check::warning(
            name,
            &format!("a browser that is a snap has none: {exposed}"),
        ),
        Ok(()) => Check::ok(name, "possible: programs see only what is theirs"),
        Err(error) => Check::warning(name, &format!("{}: {exposed}", error.message())),
    }
}

fn host_network(possible: &Possible, asked: Option<Network>, packages: Packages) -> Check {
    let name = "host's network";
    if possible.needs_link && asked == Some(Network::Host) {
        return Check::missing(name, "has no link, which a scenario is played on")
            .fixed_by("leave out `--network host`, or name the other scenarios");
    }
    if possible.host {
        return Check::ok(name, "may be captured on (CAP_NET_RAW)");
    }
    let is_private = possible.choose(asked) == Some(Network::Private);
    if is_private || asked == Some(Network::Private) {
        return Check::ok(name, "may not be captured on, and need not be");
    }
    let check = if asked.is_none() && possible.private.is_err() {
        // One of the two is enough, and the other is the better one.
        Check::warning(name, "would do as well, but CAP_NET_RAW is lacking")
    } else {
        Check::missing(name, "may not be captured on: CAP_NET_RAW is lacking")
    };
    let executable = shell_word(std::env::current_exe().unwrap_or_default());
    check.fixed_by(packages.as_root(&format!("setcap cap_net_raw+ep {executable}")))
}

/// Checks a program that tells its version when asked.
async fn program(
    name: &str,
    path: Option<&Path>,
    packages: Packages,
    wanted: Wanted,
) -> (Check, Option<Version>) {
    let missing = |found: &str| packages.cure(Check::missing(name, found), wanted);
    let Some(path) = path else {
        return (missing("not installed"), None);
    };
    let answer = ask(path, "--version", PATIENCE).await;
    let version = match &answer {
        Answer::Said(text) | Answer::Failed(text) => Version::find(text),
        Answer::Hung | Answer::CannotStart(_) => None,
    };
    let check = match (&answer, version) {
        (_, Some((_, version))) => Check::ok(name, version).of_version(version),
        (Answer::Said(text), None) => {
            Check::warning(name, &format!("tells no version: {}", first_line(text)))
        }
        (Answer::Failed(text), None) => missing(&format!("does not start: {}", first_line(text))),
        (Answer::Hung, None) => hung(name, path, "--version"),
        (Answer::CannotStart(error), None) => missing(&format!("does not start: {error}")),
    };
    (check.at(path), version.map(|(version, _)| version))
}

fn hung(name: &str, path: &Path, argument: &str) -> Check {
    let seconds = PATIENCE.as_secs();
    let command = format!("{} {argument}", shell_word(path));
    Check::missing(
        name,
        &format!("still silent {seconds} s after it was asked who it is"),
    )
    .fixed_by(format!("see what `{command}` waits for"))
}

async fn netcat(tools: &Tools, packages: Packages) -> Check {
    let install = packages.install(Wanted::Netcat);
    let Some(path) = &tools.netcat else {
        return Check::missing("nc", "not installed").fixed_by(install);
    };
    let check = match ask(path, "-h", PATIENCE).await {
        Answer::Said(help) | Answer::Failed(help) => match variant_of(&help) {
            Some(variant) => Check::ok("nc", &variant),
            None => Check::warning("nc", &format!("of an unknown kind: {}", first_line(&help)))
                .fixed_by(install),
        },
        Answer::Hung => hung("nc", path, "-h"),
        Answer::CannotStart(error) => {
            Check::missing("nc", &format!("does not start: {error}")).fixed_by(install)
        }
    };
    check.at(path)
}

/// Checks tshark. Nothing here needs it; the tests compare captures with its output.
async fn tshark(folders: &[std::path::PathBuf], packages: Packages) -> Check {
    let path = executable(folders, "tshark");
    let (check, _) = program("tshark", path.as_deref(), packages, Wanted::Tshark).await;
    match check.state {
        State::Ok => check,
        State::Warning | State::Missing => Check {
            state: State::Warning,
            found: format!("{} (only the tests use it)", check.found),
            ..check
        },
    }
}

fn first_line(text: &str) -> &str {
    text.lines()
        .find(|line| !line.is_empty())
        .unwrap_or("nothing")
}
