//! A browser, headless and quiet: driven through WebDriver, with a fresh profile that sends nothing by itself.
//!
//! What sets one kind apart from the others is in `firefox.rs` and `chromium.rs`.

mod causes;
mod chromium;
mod firefox;
mod kind;
mod vendor;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus, WebDriver};
use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use super::Lab;
use super::process::{Process, end_of};
use super::rehearsal::{self, Page, Reaction};
use super::remote::Visit;
use crate::error::{Error, Result};
use crate::machine::browser::Kind;
use crate::scenario::{self, Action, Connections, Reload};
use crate::text::Shown as _;

/// The longest time that a driver may take until it listens.
const DRIVER_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time that a browser may take to start; four Firefoxes at once on two cores took 19 s.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// The longest time that one WebDriver command may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(20);

/// The longest time that a page may take to load if the scenario does not say: as long as one command.
const LOADING_PATIENCE: Duration = COMMAND_PATIENCE;

/// The time that the driver gets beyond a page's loading limit, to report that the page took too long.
const DRIVERS_TIME: Duration = Duration::from_secs(5);

/// The time to wait, after the browser ended, for its driver to end too.
const CAUSE_PATIENCE: Duration = Duration::from_millis(400);

/// The interval between checks whether a page is loaded again.
const POLL: Duration = Duration::from_millis(10);

/// A script that returns the time at which the page of a window began, and true if it is loaded.
const AGE_OF_PAGE: &str = "return [performance.timeOrigin, document.readyState === 'complete'];";

/// The same, after the page was told to load again, as by F5.
const RELOAD_PAGE: &str = "location.reload(); return [performance.timeOrigin, false];";

/// The key that `WebDriver` calls Enter (§17.4.2): a line feed presses none.
const ENTER: &str = "\u{e007}";

/// The advice about a browser that ends by itself.
const ADVICE: &str = "run it again; where it happens again, see whether memory is short (`free -m`, `sudo dmesg | tail`)";

/// The advice about a browser that does not do what it is told, and does not say why.
const ADVICE_HERE: &str = "run it again; where it happens again, do the step by hand in that browser, with the program running";

/// The advice about a browser that is elsewhere.
const ADVICE_ELSEWHERE: &str =
    "see what its WebDriver endpoint says; where it happens again, start both anew";

/// The address of the page that is open before any other.
const EMPTY_PAGE: &str = "about:blank";

/// A script that returns true if the pointer, moved to the middle of an element as a driver finds it (WebDriver §11.1),
/// would be on it.
const HIT_BY_POINTER: &str = "
    const [box] = arguments[0].getClientRects();
    return Boolean(box) && arguments[0].contains(
        document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));";

/// A browser session with one window.
#[derive(Debug)]
pub struct Browser {
    kind: Kind,
    home: Home,
    client: Client,
    versions: Versions,
    reaction: Reaction,
    /// The loading limit of a page that the driver was told, in milliseconds; 0 before it was.
    loading_limit: AtomicU64,
}

/// The place where a browser runs.
#[derive(Debug)]
enum Home {
    /// Here: we have started its driver, and that this process.
    Here {
        /// The driver.
        driver: Process,
        /// The process that all others of the browser belong to.
        process: Pid,
    },
    /// Elsewhere: we only have a session.
    Elsewhere(Visit),
}

/// The versions that a session reports.
#[derive(Clone, Debug)]
pub struct Versions {
    /// The browser's version, such as `153.7.0esr`.
    pub browser: String,
    /// The driver's version, such as `0.37.1`; a driver elsewhere may not report it.
    pub driver: Option<String>,
    /// The operating system of a browser elsewhere, as in `mac`.
    pub platform: Option<String>,
}

/// The options of a session, besides being quiet.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Preferences of the browser, by name.
    pub preferences: Vec<(&'static str, Value)>,
    /// True if it is also to be reachable by WebDriver `BiDi`.
    pub bidirectional: bool,
    /// The name of the client, if it has one: its profile lies apart from those of others.
    pub name: Option<String>,
}

impl Wishes {
    /// Returns the preferences of a browser that is kept quiet, and these.
    fn preferences(&self, kind: Kind) -> Value {
        let mut preferences = kind.dialect().quiet_preferences();
        for (name, value) in &self.preferences {
            preferences[name] = value.clone();
        }
        preferences
    }

    /// Returns what a session elsewhere must be, with pages at `address`.
    fn elsewhere(&self, kind: Kind, address: IpAddr) -> Capabilities {
        let preferences = self.preferences(kind);
        kind.dialect().capabilities_elsewhere(address, &preferences)
    }
}

impl Browser {
    /// Starts the driver on a port that it finds free, and the browser through it.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them is missing, ends, or takes too long.
    pub async fn start(lab: &Lab, client: &scenario::Client) -> Result<Self> {
        let kind = lab.tools().browser.kind;
        let mut wishes = Wishes {
            name: client.name.clone(),
            ..Wishes::default()
        };
        if client.connections == Connections::One {
            let preference = kind.dialect().one_connection().ok_or_else(|| {
                Error::usage(format!("{kind} cannot be told to use one connection"))
            })?;
            wishes.preferences.push(preference);
        }
        match lab.visit() {
            Some(visit) => Self::visit(visit, kind, &wishes).await,
            None => Self::start_with(lab, &wishes).await,
        }
    }

    /// Has a browser elsewhere started.
    async fn visit(visit: &Visit, kind: Kind, wishes: &Wishes) -> Result<Self> {
        let endpoint = visit.endpoint().to_owned();
        let wanted = wishes.elsewhere(kind, visit.address());
        let starting = start_session_elsewhere(endpoint, kind, wanted);
        let client = visit.begin(starting).await?;
        let versions = client
            .capabilities()
            .and_then(|known| kind.dialect().versions(known))
            .ok_or_else(|| Error::run("the WebDriver endpoint does not say what it started"))?;
        let browser = Self {
            kind,
            home: Home::Elsewhere(visit.clone()),
            client,
            versions,
            reaction: Reaction::default(),
            loading_limit: AtomicU64::default(),
        };
        browser.prepare().await?;
        Ok(browser)
    }

    /// Starts a driver and its browser, with options beyond being quiet.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them is missing, ends, or takes too long.
    pub async fn start_with(lab: &Lab, wishes: &Wishes) -> Result<Self> {
        let kind = lab.tools().browser.kind;
        let driver = start_driver(lab, kind)?;
        let url = driver_url(&driver, kind).await?;
        let client = start_session(lab, wishes, &driver, &url).await?;
        let (process, versions) = client
            .capabilities()
            .and_then(|known| {
                kind.dialect()
                    .process(known)
                    .zip(kind.dialect().versions(known))
            })
            .ok_or_else(|| {
                let driver = kind.driver();
                Error::run(format!("{driver} does not say what it started"))
            })?;
        let process = lab.seen_from_here(process).ok_or_else(|| {
            Error::run(format!("{kind} ended at once"))
                .with_output(both(kind), driver.last_output())
                .with_hint(ADVICE)
        })?;
        info!(%kind, version = versions.browser, driver = ?versions.driver, "session is open");
        let browser = Self {
            kind,
            home: Home::Here { driver, process },
            client,
            versions,
            reaction: Reaction::default(),
            loading_limit: AtomicU64::default(),
        };
        browser.prepare().await?;
        Ok(browser)
    }

    /// Sends the commands that the session needs before it is used.
    async fn prepare(&self) -> Result<()> {
        for command in self.kind.dialect().first_commands() {
            answer(self.client.issue_cmd(command))
                .await
                .map_err(|error| self.failure("be prepared", &error))?;
        }
        Ok(())
    }

    /// Returns the URL of the session's WebDriver `BiDi` socket, if one was asked for.
    #[must_use]
    pub fn socket(&self) -> Option<String> {
        let url = self.client.capabilities()?.get("webSocketUrl")?;
        url.as_str().map(str::to_owned)
    }

    /// Returns the kind of the browser.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the versions that the session reports.
    #[must_use]
    pub const fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Rehearses the actions of its timeline on a page of ours, and measures the time that they take.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser cannot do that.
    pub async fn rehearse(&mut self) -> Result<()> {
        let address = match &self.home {
            Home::Here { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Home::Elsewhere(visit) => visit.address(),
        };
        let mut page = Page::serve(address).await?;
        let mut reactions = Vec::with_capacity(rehearsal::ROUNDS);
        for _ in 0..rehearsal::ROUNDS {
            let reaction = self.react(&mut page).await;
            reactions.push(reaction.map_err(|error| self.out_of_reach(error, address))?);
        }
        self.reaction = Reaction::of_calm(&reactions);
        self.leave_page().await
    }

    /// Opens the page, and clicks its button.
    async fn react(&self, page: &mut Page) -> Result<Reaction> {
        let url = page.url();
        let to_open = page.reaction(self.open(&url)).await?;
        let button = self
            .find("button")
            .await?
            .ok_or_else(|| Error::run("the page to rehearse with has no button"))?;
        let in_reach = self.is_in_reach(&button).await?;
        self.text("p").await?;
        let to_click = page.reaction(self.click(&button, in_reach)).await?;
        Ok(Reaction { to_open, to_click })
    }

    /// Returns the time between telling the browser to do this and its request on the wire, as rehearsed; zero if it
    /// was not.
    #[must_use]
    pub const fn reaction_to(&self, action: &Action) -> Duration {
        match action {
            Action::OpenPage(_) => self.reaction.to_open,
            Action::Click(_) => self.reaction.to_click,
            _ => Duration::ZERO,
        }
    }

    /// Leaves the page that is open, which ends what it holds open, a `WebSocket` as well.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn leave_page(&self) -> Result<()> {
        answer(self.client.goto(EMPTY_PAGE))
            .await
            .map_err(|error| self.failure("leave the page", &error))
    }

    /// Sets how long a page may take to load.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn limit_loading(&self, within: Option<Duration>) -> Result<()> {
        let within = within.unwrap_or(LOADING_PATIENCE);
        let milliseconds = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
        if self.loading_limit.swap(milliseconds, Ordering::Relaxed) == milliseconds {
            return Ok(());
        }
        let limits = TimeoutConfiguration::new(None, Some(within), None);
        answer(self.client.update_timeouts(limits))
            .await
            .map_err(|error| self.failure("be told how long a page may take", &error))
    }

    /// Returns the longest time that a page may take to load.
    fn loading_limit(&self) -> Duration {
        match self.loading_limit.load(Ordering::Relaxed) {
            0 => LOADING_PATIENCE,
            milliseconds => Duration::from_millis(milliseconds),
        }
    }

    /// Waits for the browser's answer to a command that may load a page, within the loading limit.
    async fn answer_of_page<T>(
        &self,
        command: impl Future<Output = std::result::Result<T, CmdError>>,
    ) -> std::result::Result<T, CmdError> {
        answer_within(self.loading_limit() + DRIVERS_TIME, command).await
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        match self.answer_of_page(self.client.goto(url)).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_timeout() => Err(self.slow_page(&format!("open {url}")).await),
            Err(error) => {
                let hint = causes::hint_of_page(&error, url);
                Err(self.failure(&format!("open {url}"), &error).with_hint(hint))
            }
        }
    }

    /// Returns the first element that a CSS selector finds, on the page as it is now; `None` if there is no such
    /// element (yet).
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer, or the selector is invalid.
    pub async fn find(&self, selector: &str) -> Result<Option<Element>> {
        match read(|| self.client.find(Locator::Css(selector))).await {
            Ok(element) => Ok(Some(element)),
            Err(error) if error.is_no_such_element() => Ok(None),
            Err(error) => Err(self.failure(&format!("find `{selector}`"), &error)),
        }
    }

    /// Returns the text that the first such element shows; `None` if there is no such element, as while a page is
    /// loading.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn text(&self, selector: &str) -> Result<Option<String>> {
        let Some(element) = self.find(selector).await? else {
            return Ok(None);
        };
        match read(|| element.text()).await {
            Ok(text) => Ok(Some(text)),
            // The page was replaced between the two commands.
            Err(error) if error.is_stale_element_reference() => Ok(None),
            Err(error) => Err(self.failure(&format!("read `{selector}`"), &error)),
        }
    }

    /// Returns true if an element can be clicked by moving the pointer there, which is faster with some drivers. It
    /// cannot if it is hidden, covered, or out of view.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn is_in_reach(&self, element: &Element) -> Result<bool> {
        if !self.kind.dialect().prefers_pointer() {
            return Ok(false);
        }
        let element = serde_json::to_value(element).unwrap_or_default();
        let hit = answer(self.client.execute(HIT_BY_POINTER, vec![element])).await;
        hit.map(|hit| hit == Value::Bool(true))
            .map_err(|error| self.failure("look at an element", &error))
    }

    /// Clicks an element: by moving the pointer there if it is known to be in reach, else wherever it is on the page.
    ///
    /// # Errors
    ///
    /// Returns an error if the element cannot be clicked.
    pub async fn click(&self, element: &Element, is_in_reach: bool) -> Result<()> {
        let clicked = if is_in_reach {
            self.answer_of_page(self.client.perform_actions(click_by_pointer(element)))
                .await
        } else {
            self.answer_of_page(element.click()).await
        };
        match clicked {
            Ok(()) => Ok(()),
            Err(error) if error.is_timeout() => Err(self.slow_page("click").await),
            Err(error) => Err(self.failure("click", &error)),
        }
    }

    /// Types a text into an element; at the end of each line, Enter is pressed.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be typed.
    pub async fn type_text(&self, element: &Element, text: &str) -> Result<()> {
        let keys = text.replace("\r\n", ENTER).replace(['\n', '\r'], ENTER);
        self.answer_of_page(element.send_keys(&keys))
            .await
            .map_err(|error| self.failure("type", &error))
    }

    /// Chooses files in a field for them: a path a line, from the folder `root`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such file, or the field takes only one.
    pub async fn choose_files(&self, element: &Element, paths: &str, root: &Path) -> Result<()> {
        let files: Vec<_> = paths.lines().map(|path| root.join(path)).collect();
        if let (Home::Here { .. }, Some(missing)) =
            (&self.home, files.iter().find(|file| !file.is_file()))
        {
            let error = Error::run(format!("there is no file {}", missing.shown()));
            return Err(error
                .with_hint(
                    "what is typed into a field for files is a path, from the project's folder on",
                )
                .as_cause());
        }
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        answer(element.send_keys(&files.join("\n")))
            .await
            .map_err(|error| self.failure("choose a file", &error))
    }

    /// Returns true if an element is a field for files.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn takes_files(&self, element: &Element) -> Result<bool> {
        match read(|| element.attr("type")).await {
            Ok(kind) => Ok(kind.is_some_and(|kind| kind.eq_ignore_ascii_case("file"))),
            // The page was replaced: typing tells.
            Err(error) if error.is_stale_element_reference() => Ok(false),
            Err(error) => Err(self.failure("look at an element", &error)),
        }
    }

    /// Returns the title of the page.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn title(&self) -> Result<String> {
        read(|| self.client.title())
            .await
            .map_err(|error| self.failure("read the title", &error))
    }

    /// Returns the address of the page.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not answer.
    pub async fn url(&self) -> Result<String> {
        read(|| self.client.current_url())
            .await
            .map(String::from)
            .map_err(|error| self.failure("read the URL", &error))
    }

    /// Selects the option that shows this text.
    ///
    /// # Errors
    ///
    /// Returns an error if the element has no such option.
    pub async fn select(&self, element: &Element, text: &str) -> Result<()> {
        answer(element.select_by_label(text))
            .await
            .map_err(|error| self.failure(&format!("select {text:?}"), &error))
    }

    /// Loads the page again, and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be loaded.
    pub async fn reload(&self, kind: Reload) -> Result<()> {
        let reloaded = match (kind, self.kind.dialect().forced_reload()) {
            (Reload::Normal, _) => {
                self.reload_by(self.client.execute(RELOAD_PAGE, Vec::new()))
                    .await
            }
            (Reload::Forced, None) => self.answer_of_page(self.client.refresh()).await,
            (Reload::Forced, Some(command)) => {
                let reloading = async {
                    let age = self.client.execute(AGE_OF_PAGE, Vec::new()).await?;
                    self.client.issue_cmd(command).await?;
                    Ok(age)
                };
                self.reload_by(reloading).await
            }
        };
        match reloaded {
            Ok(()) => Ok(()),
            Err(error) if error.is_timeout() => Err(self.slow_page("load the page again").await),
            Err(error) => Err(self.failure("load the page again", &error)),
        }
    }

    /// Waits for a page that comes in the place of one whose age `reloading` gives.
    async fn reload_by(
        &self,
        reloading: impl Future<Output = std::result::Result<Value, CmdError>>,
    ) -> std::result::Result<(), CmdError> {
        let deadline = Instant::now() + self.loading_limit();
        let before = answer(reloading).await?;
        loop {
            match answer(self.client.execute(AGE_OF_PAGE, Vec::new())).await {
                Ok(now) if now[0] != before[0] && now[1] == Value::Bool(true) => return Ok(()),
                Ok(_) => {}
                // The page went away while it was asked.
                Err(error) if error.is_javascript_error() || error.is_no_such_window() => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                let late = WebDriver::new(ErrorStatus::Timeout, "the page was not loaded again");
                return Err(CmdError::Standard(late));
            }
            sleep(POLL).await;
        }
    }

    /// Executes JavaScript in the page.
    ///
    /// # Errors
    ///
    /// Returns an error if the script throws.
    pub async fn execute(&self, script: &str) -> Result<()> {
        self.answer_of_page(self.client.execute(script, Vec::new()))
            .await
            .map(drop)
            .map_err(|error| self.failure("execute the script", &error))
    }

    /// Returns a picture of the page as far as the window shows it, a PNG.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be taken.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        answer(self.client.screenshot())
            .await
            .map_err(|error| self.failure("take a picture of the page", &error))
    }

    /// Adds a hint about the network between, if a browser elsewhere cannot open our first page.
    fn out_of_reach(&self, error: Error, address: IpAddr) -> Error {
        match &self.home {
            Home::Here { .. } => error,
            Home::Elsewhere(_) => error.with_hint(format!(
                "can the browser's machine reach {address}? try `curl` there; a firewall may be between, and inside a container \
                 `localhost` is the container"
            )),
        }
    }

    /// Waits for the browser or its driver to end by itself, which neither should. The end of a browser elsewhere is
    /// not noticed.
    pub fn death(&self) -> impl Future<Output = Error> + Send + use<> {
        let kind = self.kind;
        let ours = match &self.home {
            Home::Here { driver, process } => Some((driver.death(), *process, driver.output())),
            Home::Elsewhere(_) => None,
        };
        async move {
            let Some((driver, process, log)) = ours else {
                return std::future::pending().await;
            };
            let pid = process.as_raw_nonzero();
            let mut driver = pin!(driver);
            tokio::select! {
                biased;
                error = &mut driver => return error,
                () = end_of(process) => {}
            }
            // A browser that loses the pipe to its driver ends with it, and may be noticed first.
            timeout(CAUSE_PATIENCE, driver).await.unwrap_or_else(|_| {
                Error::run(format!("{kind} (process {pid}) ended"))
                    .with_output(both(kind), log.lines())
                    .with_hint(ADVICE)
            })
        }
    }

    /// Quits the browser, then its driver; when this returns both are gone.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not quit when it is told to; it is made to nevertheless.
    pub async fn close(self) -> Result<()> {
        let Self {
            kind, home, client, ..
        } = self;
        let closed = answer(client.close())
            .await
            .map_err(|error| failure(kind, &home, "quit", &error));
        match home {
            Home::Here { driver, .. } => drop(driver.stop(Signal::TERM).await),
            Home::Elsewhere(visit) => visit.is_over().await,
        }
        closed
    }

    fn failure(&self, what: &str, error: &CmdError) -> Error {
        failure(self.kind, &self.home, what, error)
    }
}

/// Moves the pointer to an element, and clicks.
fn click_by_pointer(element: &Element) -> MouseActions {
    let button = MOUSE_BUTTON_LEFT;
    MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveToElement {
            element: element.clone(),
            duration: None,
            x: 0.0,
            y: 0.0,
        })
        .then(PointerAction::Down { button })
        .then(PointerAction::Up { button })
}

/// Waits for the browser's answer, within the time that one command may take.
async fn answer<T>(
    command: impl Future<Output = std::result::Result<T, CmdError>>,
) -> std::result::Result<T, CmdError> {
    answer_within(COMMAND_PATIENCE, command).await
}

/// Asks for what the page shows.
///
/// Firefox's driver answers with nothing at all where a dialog opens while it looks. Asked once more, it names the
/// dialog.
async fn read<T, Asked>(command: impl Fn() -> Asked) -> std::result::Result<T, CmdError>
where
    Asked: Future<Output = std::result::Result<T, CmdError>>,
{
    match answer(command()).await {
        Err(CmdError::NotW3C(Value::Null)) => answer(command()).await,
        answered => answered,
    }
}

async fn answer_within<T>(
    patience: Duration,
    command: impl Future<Output = std::result::Result<T, CmdError>>,
) -> std::result::Result<T, CmdError> {
    timeout(patience, command).await.unwrap_or_else(|_| {
        let seconds = patience.as_secs_f64();
        Err(CmdError::Lost(io::Error::other(format!(
            "no answer within {seconds} s"
        ))))
    })
}

fn start_driver(lab: &Lab, kind: Kind) -> Result<Process> {
    let dialect = kind.dialect();
    let command = lab
        .command(kind.driver(), lab.tools().driver()?)
        .environment(dialect.driver_environment())
        .arguments(dialect.driver_arguments(lab.folder()))
        .advice(ADVICE);
    lab.start_client(command)
}

/// Returns the URL at which the driver says that it listens.
async fn driver_url(driver: &Process, kind: Kind) -> Result<String> {
    let address = driver.line(|line| kind.dialect().address(line));
    tokio::select! {
        address = address => Ok(format!("http://{address}/")),
        death = driver.death() => Err(death.context(format!("before {kind} was started"))),
        () = sleep(DRIVER_PATIENCE) => {
            let seconds = DRIVER_PATIENCE.as_secs();
            Err(driver.failing(&format!("does not listen after {seconds} s")))
        }
    }
}

async fn start_session(lab: &Lab, wishes: &Wishes, process: &Process, url: &str) -> Result<Client> {
    let kind = lab.tools().browser.kind;
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(wanted(lab, wishes)?);
    tokio::select! {
        session = builder.connect(url) => session.map_err(|error| {
            let (word, driver) = (kind.word(), kind.driver());
            Error::run(format!("{kind} did not start: {error}"))
                .with_output(both(kind), process.last_output())
                .with_hint(format!(
                    "check that {kind} and {driver} fit: `{word} --version`, `{driver} --version`"
                ))
        }),
        death = process.death() => Err(death.context(format!("while {kind} started"))),
        () = sleep(START_PATIENCE) => {
            let seconds = START_PATIENCE.as_secs();
            Err(Error::run(format!("{kind} did not start within {seconds} s"))
                .with_output(both(kind), process.last_output())
                .with_hint(ADVICE))
        }
    }
}

async fn start_session_elsewhere(
    endpoint: String,
    kind: Kind,
    wanted: Capabilities,
) -> Result<Client> {
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(wanted);
    let started = timeout(START_PATIENCE, builder.connect(&endpoint)).await;
    let how = match started {
        Ok(Ok(session)) => return Ok(session),
        // A Grid goes on about its machine.
        Ok(Err(error)) => format!(": {}", first_line(&error.to_string())),
        Err(_) => format!(" within {} s", START_PATIENCE.as_secs()),
    };
    Err(
        Error::run(format!("{endpoint} starts no browser{how}")).with_hint(format!(
            "does it have a {kind}, and is that free? see what it says where it runs"
        )),
    )
}

fn wanted(lab: &Lab, wishes: &Wishes) -> Result<Capabilities> {
    let kind = lab.tools().browser.kind;
    let dialect = kind.dialect();
    let preferences = wishes.preferences(kind);
    let folder = match &wishes.name {
        Some(name) => lab.folder().join(format!("of-{name}")),
        None => lab.folder().to_owned(),
    };
    let mut wanted = dialect.capabilities(lab.tools().browser()?, &folder, &preferences);
    if wishes.bidirectional {
        wanted.insert("webSocketUrl".to_owned(), true.into());
    }
    Ok(wanted)
}

/// Returns the process whose number a driver gives.
fn process_id(value: &Value) -> Option<Pid> {
    Pid::from_raw(i32::try_from(value.as_i64()?).ok()?)
}

fn failure(kind: Kind, home: &Home, what: &str, error: &CmdError) -> Error {
    let whose = match home {
        Home::Here { .. } => kind.to_string(),
        Home::Elsewhere(_) => "the browser elsewhere".to_owned(),
    };
    // Its answer says what was wrong: nothing is wrong with the browser itself.
    if let Some(known) = causes::known(error) {
        let mut failure = Error::run(format!("{whose} could not {what}: {}", known.message));
        if known.is_cause {
            failure = failure.as_cause();
        }
        return match known.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        };
    }
    let message = match error {
        CmdError::Standard(error) => causes::said(error),
        CmdError::Lost(error) => error.to_string(),
        other => other.to_string(),
    };
    let failure = Error::run(format!("{whose} could not {what}: {message}"));
    match home {
        Home::Here { driver, .. } => failure
            .with_output(both(kind), driver.last_output())
            .with_hint(ADVICE_HERE),
        Home::Elsewhere(_) => failure.with_hint(ADVICE_ELSEWHERE),
    }
}

/// Returns the names of browser and driver, whose output comes out of one pipe.
fn both(kind: Kind) -> String {
    format!("{kind} and {}", kind.driver())
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
