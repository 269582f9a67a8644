//! Firefox, headless and quiet: driven through WebDriver, with a fresh profile that sends nothing by itself.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, test_kill_process};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::Lab;
use super::process::Process;
use super::remote::Visit;
use super::warm_up::WarmUpPage;
use crate::error::{Error, Result};

/// How long geckodriver may take until it listens.
const DRIVER_PATIENCE: Duration = Duration::from_secs(10);

/// How long Firefox may take to start; four of them at once on two cores took 19 s.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// How long one WebDriver command may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(20);

/// What a user can do about a browser that ends or hangs.
const ADVICE: &str = "run it again; where it happens again, see whether memory is short (`free -m`, `sudo dmesg | tail`)";

/// What a user can do about one that is elsewhere.
const ADVICE_ELSEWHERE: &str =
    "see what its WebDriver endpoint says; where it happens again, start both anew";

/// What is open where no page is.
const EMPTY_PAGE: &str = "about:blank";

/// How often to look whether Firefox is there, where the system cannot tell.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// A browser session with one window.
#[derive(Debug)]
pub struct Browser {
    home: Home,
    client: Client,
    versions: Versions,
}

/// Where a browser is at home.
#[derive(Debug)]
enum Home {
    /// Here: we have started its driver, and that this process.
    Here {
        /// geckodriver.
        driver: Process,
        /// The process that all others of the browser belong to.
        firefox: Pid,
    },
    /// Elsewhere: all that we have of it is a session.
    Elsewhere(Visit),
}

/// What the session says of itself.
#[derive(Clone, Debug)]
pub struct Versions {
    /// As in `153.7.0esr`.
    pub firefox: String,
    /// As in `0.37.1`; a driver elsewhere may be another.
    pub geckodriver: Option<String>,
    /// The operating system of a browser elsewhere, as in `mac`.
    pub platform: Option<String>,
}

/// What a session is to have besides being quiet.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Preferences of Firefox, by name.
    pub preferences: Vec<(&'static str, Value)>,
    /// Whether it can be spoken to by WebDriver `BiDi` too.
    pub bidirectional: bool,
}

impl Browser {
    /// Starts geckodriver on a port that it finds free, and Firefox through it.
    ///
    /// # Errors
    ///
    /// Where one of them is missing, ends, or takes too long.
    pub async fn start(lab: &Lab) -> Result<Self> {
        match lab.visit() {
            Some(visit) => Self::visit(visit).await,
            None => Self::start_with(lab, &Wishes::default()).await,
        }
    }

    /// Has a browser elsewhere started.
    async fn visit(visit: &Visit) -> Result<Self> {
        let starting = start_session_elsewhere(visit.endpoint().to_owned());
        let client = visit.begin(starting).await?;
        let versions = versions(&client)
            .ok_or_else(|| Error::run("the WebDriver endpoint does not say what it started"))?;
        Ok(Self {
            home: Home::Elsewhere(visit.clone()),
            client,
            versions,
        })
    }

    /// The same, for somebody who wishes more than quiet.
    ///
    /// # Errors
    ///
    /// Where one of them is missing, ends, or takes too long.
    pub async fn start_with(lab: &Lab, wishes: &Wishes) -> Result<Self> {
        let driver = start_driver(lab)?;
        let url = driver_url(&driver).await?;
        let client = start_session(lab, wishes, &driver, &url).await?;
        let (firefox, versions) = process(&client)
            .zip(versions(&client))
            .ok_or_else(|| Error::run("geckodriver does not say what it started"))?;
        Ok(Self {
            home: Home::Here { driver, firefox },
            client,
            versions,
        })
    }

    /// Where the session can be spoken to by WebDriver `BiDi`, where that was wished for.
    #[must_use]
    pub fn socket(&self) -> Option<String> {
        let url = self.client.capabilities()?.get("webSocketUrl")?;
        url.as_str().map(str::to_owned)
    }

    /// What the session says of itself.
    #[must_use]
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Does for the first time what its timeline consists of, with a page of ours.
    ///
    /// # Errors
    ///
    /// Where the browser cannot do that.
    pub async fn warm_up(&self) -> Result<()> {
        let address = match &self.home {
            Home::Here { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Home::Elsewhere(visit) => visit.address(),
        };
        let page = WarmUpPage::serve(address).await?;
        self.open(&page.url())
            .await
            .map_err(|error| self.out_of_reach(error, address))?;
        if let Some(button) = self.find("button").await? {
            self.click(&button).await?;
            self.text("p").await?;
        }
        self.leave_page().await
    }

    /// Leaves the page that is open, which ends what it holds open, a `WebSocket` as well.
    ///
    /// # Errors
    ///
    /// Where the browser does not answer.
    pub async fn leave_page(&self) -> Result<()> {
        answer(self.client.goto(EMPTY_PAGE))
            .await
            .map_err(|error| self.failure("leave the page", &error))
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// Where it cannot be loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        answer(self.client.goto(url)).await.map_err(|error| {
            self.failure(&format!("open {url}"), &error)
                .with_hint(format!(
                    "does the program answer? start it by hand and try `curl {url}`"
                ))
        })
    }

    /// The first element that a CSS selector finds, on the page as it is now; none where there is none (yet).
    ///
    /// # Errors
    ///
    /// Where the browser does not answer, or the selector is none.
    pub async fn find(&self, selector: &str) -> Result<Option<Element>> {
        match answer(self.client.find(Locator::Css(selector))).await {
            Ok(element) => Ok(Some(element)),
            Err(error) if error.is_no_such_element() => Ok(None),
            Err(error) => Err(self.failure(&format!("find `{selector}`"), &error)),
        }
    }

    /// The text that the first such element shows; none where there is no such element, as while a page is loading.
    ///
    /// # Errors
    ///
    /// Where the browser does not answer.
    pub async fn text(&self, selector: &str) -> Result<Option<String>> {
        let Some(element) = self.find(selector).await? else {
            return Ok(None);
        };
        match answer(element.text()).await {
            Ok(text) => Ok(Some(text)),
            // The page was replaced between the two commands.
            Err(error) if error.is_stale_element_reference() => Ok(None),
            Err(error) => Err(self.failure(&format!("read `{selector}`"), &error)),
        }
    }

    /// Clicks an element.
    ///
    /// # Errors
    ///
    /// Where that cannot be done.
    pub async fn click(&self, element: &Element) -> Result<()> {
        answer(element.click())
            .await
            .map_err(|error| self.failure("click", &error))
    }

    /// Types a text into an element.
    ///
    /// # Errors
    ///
    /// Where that cannot be done.
    pub async fn type_text(&self, element: &Element, text: &str) -> Result<()> {
        answer(element.send_keys(text))
            .await
            .map_err(|error| self.failure("type", &error))
    }

    /// Selects the option that shows this text.
    ///
    /// # Errors
    ///
    /// Where the element has no such option.
    pub async fn select(&self, element: &Element, text: &str) -> Result<()> {
        answer(element.select_by_label(text))
            .await
            .map_err(|error| self.failure(&format!("select {text:?}"), &error))
    }

    /// Loads the page again, and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// Where it cannot be loaded.
    pub async fn reload(&self) -> Result<()> {
        answer(self.client.refresh())
            .await
            .map_err(|error| self.failure("load the page again", &error))
    }

    /// Executes JavaScript in the page.
    ///
    /// # Errors
    ///
    /// Where the script throws.
    pub async fn execute(&self, script: &str) -> Result<()> {
        answer(self.client.execute(script, Vec::new()))
            .await
            .map(drop)
            .map_err(|error| self.failure("execute the script", &error))
    }

    /// Where a browser elsewhere cannot open our first page, it is the way between that is to be looked at.
    fn out_of_reach(&self, error: Error, address: IpAddr) -> Error {
        match &self.home {
            Home::Here { .. } => error,
            Home::Elsewhere(_) => error.with_hint(format!(
                "can the browser's machine reach {address}? try `curl` there; a firewall may be between, and inside a container \
                 `localhost` is the container"
            )),
        }
    }

    /// Waits for Firefox or geckodriver to end by itself, which neither should. Of a browser elsewhere nobody tells.
    pub fn death(&self) -> impl Future<Output = Error> + Send + use<> {
        let ours = match &self.home {
            Home::Here { driver, firefox } => Some((driver.death(), *firefox, driver.output())),
            Home::Elsewhere(_) => None,
        };
        async move {
            let Some((driver, firefox, log)) = ours else {
                return std::future::pending().await;
            };
            let pid = firefox.as_raw_nonzero();
            tokio::select! {
                biased;
                error = driver => error,
                () = end_of(firefox) => Error::run(format!("Firefox (process {pid}) ended"))
                    .with_output("Firefox and geckodriver", log.lines())
                    .with_hint(ADVICE),
            }
        }
    }

    /// Quits Firefox, then geckodriver; when this returns both are gone.
    ///
    /// # Errors
    ///
    /// Where Firefox does not quit when it is told to; it is made to nevertheless.
    pub async fn close(self) -> Result<()> {
        let Self { home, client, .. } = self;
        let closed = answer(client.close())
            .await
            .map_err(|error| failure(&home, "quit", &error));
        match home {
            Home::Here { driver, .. } => drop(driver.stop(Signal::TERM).await),
            Home::Elsewhere(visit) => visit.is_over().await,
        }
        closed
    }

    fn failure(&self, what: &str, error: &CmdError) -> Error {
        failure(&self.home, what, error)
    }
}

/// What the browser answers, or that it does not.
async fn answer<T>(
    command: impl Future<Output = std::result::Result<T, CmdError>>,
) -> std::result::Result<T, CmdError> {
    timeout(COMMAND_PATIENCE, command)
        .await
        .unwrap_or_else(|_| {
            let seconds = COMMAND_PATIENCE.as_secs();
            Err(CmdError::Lost(io::Error::other(format!(
                "no answer within {seconds} s"
            ))))
        })
}

fn start_driver(lab: &Lab) -> Result<Process> {
    let executable = lab.tools().geckodriver()?;
    let command = lab
        .command("geckodriver", executable)
        .environment(sandbox_of_root())
        .arguments(["--host".into(), "127.0.0.1".into()])
        .arguments(["--port".into(), "0".into()])
        .arguments(["--websocket-port".into(), "0".into()])
        .arguments(["--profile-root".into(), lab.folder().into()])
        .advice(ADVICE);
    Process::start(&command)
}

/// Root without capabilities may make a user namespace but not be root in it (`user_namespaces(7)`), which Firefox takes
/// for a sandbox that works and dies of. Told that there is none, it keeps to the other layers of its sandbox.
fn sandbox_of_root() -> Option<(OsString, OsString)> {
    geteuid()
        .is_root()
        .then(|| ("MOZ_ASSUME_USER_NS".into(), "0".into()))
}

/// Where geckodriver says that it listens.
async fn driver_url(driver: &Process) -> Result<String> {
    let address = driver.line(|line| Some(line.split_once("Listening on ")?.1.trim().to_owned()));
    tokio::select! {
        address = address => Ok(format!("http://{address}/")),
        death = driver.death() => Err(death.context("before Firefox was started")),
        () = sleep(DRIVER_PATIENCE) => {
            let seconds = DRIVER_PATIENCE.as_secs();
            Err(driver.failing(&format!("does not listen after {seconds} s")))
        }
    }
}

async fn start_session(lab: &Lab, wishes: &Wishes, driver: &Process, url: &str) -> Result<Client> {
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(wanted(lab, wishes)?);
    tokio::select! {
        session = builder.connect(url) => session.map_err(|error| {
            Error::run(format!("Firefox did not start: {error}"))
                .with_output("Firefox and geckodriver", driver.last_output())
                .with_hint("check that Firefox and geckodriver fit: `firefox --version`, `geckodriver --version`")
        }),
        death = driver.death() => Err(death.context("while Firefox started")),
        () = sleep(START_PATIENCE) => {
            let seconds = START_PATIENCE.as_secs();
            Err(Error::run(format!("Firefox did not start within {seconds} s"))
                .with_output("Firefox and geckodriver", driver.last_output())
                .with_hint(ADVICE))
        }
    }
}

async fn start_session_elsewhere(endpoint: String) -> Result<Client> {
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(wanted_elsewhere());
    let hint = "does it have a Firefox, and is that free? see what it says where it runs";
    let started = timeout(START_PATIENCE, builder.connect(&endpoint)).await;
    let how = match started {
        Ok(Ok(session)) => return Ok(session),
        // A Grid goes on about its machine.
        Ok(Err(error)) => format!(": {}", first_line(&error.to_string())),
        Err(_) => format!(" within {} s", START_PATIENCE.as_secs()),
    };
    Err(Error::run(format!("{endpoint} starts no browser{how}")).with_hint(hint))
}

/// What any endpoint understands, a Grid by the name; where Firefox is installed there, it knows.
fn wanted_elsewhere() -> Capabilities {
    let options = json!({ "args": ["-headless"], "prefs": quiet_preferences() });
    Capabilities::from_iter([
        ("browserName".to_owned(), "firefox".into()),
        ("moz:firefoxOptions".to_owned(), options),
    ])
}

fn wanted(lab: &Lab, wishes: &Wishes) -> Result<Capabilities> {
    let mut preferences = quiet_preferences();
    for (name, value) in &wishes.preferences {
        preferences[name] = value.clone();
    }
    let options = json!({
        "binary": lab.tools().firefox()?.executable,
        "args": ["-headless"],
        "prefs": preferences,
    });
    let mut wanted = Capabilities::from_iter([("moz:firefoxOptions".to_owned(), options)]);
    if wishes.bidirectional {
        wanted.insert("webSocketUrl".to_owned(), true.into());
    }
    Ok(wanted)
}

/// The preferences under which Firefox sends what the page makes it send, and nothing else.
///
/// geckodriver sets many of its own for tests; these are the ones that it leaves and that reach the wire.
fn quiet_preferences() -> Value {
    json!({
        // Requests for the program that no page asked for.
        "browser.chrome.guess_favicon": false,
        "browser.chrome.site_icons": false,
        "network.http.speculative-parallel-limit": 0,
        "network.dns.disablePrefetch": true,
        "network.predictor.enabled": false,
        "network.prefetch-next": false,
        "browser.urlbar.speculativeConnect.enabled": false,
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

/// The process of the browser, as the session calls it.
fn process(client: &Client) -> Option<Pid> {
    let process = client.capabilities()?.get("moz:processID")?.as_i64()?;
    Pid::from_raw(i32::try_from(process).ok()?)
}

/// What the session says of itself.
fn versions(client: &Client) -> Option<Versions> {
    let capabilities = client.capabilities()?;
    let text = |name: &str| Some(capabilities.get(name)?.as_str()?.to_owned());
    Some(Versions {
        firefox: text("browserVersion")?,
        geckodriver: text("moz:geckodriverVersion"),
        platform: text("platformName"),
    })
}

/// Waits until a process that is not our child is gone.
async fn end_of(process: Pid) {
    match pidfd_open(process, PidfdFlags::empty()) {
        // A thread that waits is no burden: the browser is gone before the run is over.
        Ok(descriptor) => drop(spawn_blocking(move || wait_on(&descriptor)).await),
        Err(Errno::SRCH) => {}
        // Where the system has no such descriptors, only looking is left.
        Err(_) => {
            while test_kill_process(process).is_ok() {
                sleep(LOOK_PERIOD).await;
            }
        }
    }
}

/// Blocks until the process of this descriptor has ended.
fn wait_on(descriptor: &OwnedFd) {
    let mut end = [PollFd::new(descriptor, PollFlags::IN)];
    while poll(&mut end, None) == Err(Errno::INTR) {}
}

fn failure(home: &Home, what: &str, error: &CmdError) -> Error {
    let message = match error {
        CmdError::Standard(error) => format!("{}: {}", error.error(), first_line(&error.message)),
        CmdError::Lost(error) => error.to_string(),
        other => other.to_string(),
    };
    let failed = |name: &str| Error::run(format!("{name} could not {what}: {message}"));
    match home {
        Home::Here { driver, .. } => failed("Firefox")
            .with_output("Firefox and geckodriver", driver.last_output())
            .with_hint(ADVICE),
        Home::Elsewhere(_) => failed("the browser elsewhere").with_hint(ADVICE_ELSEWHERE),
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
