//! The client of a scenario, whichever it is: does what a mark says, shows what an expectation looks at.

use std::time::Duration;

use fantoccini::elements::Element;
use tokio::time::{Instant, sleep};

use super::browser::Browser;
use super::introduction::netcat_variant;
use super::terminal::Terminal;
use super::{Lab, Place};
use crate::error::{Error, Result};
use crate::scenario::expect::{Expect, Subject};
use crate::scenario::{self, Action, ClientKind, Mark};

/// The interval between looks at a page for something that takes its time: WebDriver has no event for that.
const POLL: Duration = Duration::from_millis(20);

/// The selector of the element that contains everything a page shows.
const WHOLE_PAGE: &str = "body";

/// The longest time that an expected element may take to appear.
const APPEARANCE_PATIENCE: Duration = Duration::from_secs(5);

/// A client that is ready, or that begins with its first step.
#[derive(Debug)]
pub enum Client {
    /// A browser with an empty page.
    Browser(Box<Browser>),
    /// Netcat, or commands of the scenario's own; each connects as soon as it is started, so it waits for its mark.
    Terminal {
        /// The name and version of netcat; `None` if the client is not netcat.
        netcat: Option<String>,
        /// The terminal that is typed into.
        terminal: Box<Terminal>,
    },
}

/// The things that a mark needs and that can be fetched before it is due.
#[derive(Debug, Default)]
pub struct Prepared {
    target: Option<Element>,
    /// True if the target is to be clicked by moving the pointer there.
    is_in_reach: bool,
    /// True if the text typed into the target consists of paths of files.
    takes_files: bool,
    before: Shown,
}

/// The text that a client shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing, as while a page is loading.
    #[default]
    Nothing,
    /// The text of an element, which is replaced by the next.
    Text(String),
    /// Everything that was printed so far, which only grows.
    Transcript(String),
}

impl Client {
    /// Makes a client ready.
    ///
    /// # Errors
    ///
    /// Returns an error if what it needs is missing or does not start.
    pub async fn start(lab: &Lab, client: &scenario::Client) -> Result<Self> {
        let terminal = || Box::new(Terminal::new(client.line_end));
        match client.kind {
            ClientKind::Firefox => {
                let mut browser = Browser::start(lab, client).await?;
                browser.rehearse().await?;
                Ok(Self::Browser(Box::new(browser)))
            }
            ClientKind::Netcat => {
                let variant = netcat_variant(&lab.ask_client(lab.tools().netcat()?, "-h").await);
                Ok(Self::Terminal {
                    netcat: Some(variant),
                    terminal: terminal(),
                })
            }
            ClientKind::Commands => Ok(Self::Terminal {
                netcat: None,
                terminal: terminal(),
            }),
        }
    }

    /// Returns the browser, if the client is one.
    #[must_use]
    pub fn browser(&self) -> Option<&Browser> {
        match self {
            Self::Browser(browser) => Some(browser),
            Self::Terminal { .. } => None,
        }
    }

    /// Returns the name and version of netcat, if netcat is the client.
    #[must_use]
    pub fn netcat(&self) -> Option<&str> {
        match self {
            Self::Browser(_) => None,
            Self::Terminal { netcat, .. } => netcat.as_deref(),
        }
    }

    /// Returns true if it is already a running process.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        match self {
            Self::Browser(_) => true,
            Self::Terminal { terminal, .. } => terminal.is_running(),
        }
    }

    /// Waits for the client to end by itself, which it should not; `None` if no process is running.
    #[must_use]
    pub fn death(&self) -> Option<std::pin::Pin<Box<dyn Future<Output = Error> + Send>>> {
        match self {
            Self::Browser(browser) => Some(Box::pin(browser.death())),
            Self::Terminal { terminal, .. } => {
                let death = terminal.death()?;
                Some(Box::pin(death))
            }
        }
    }

    /// Does the part of a mark that can be done just before it is due, so that the mark is kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the element in question is not on the page after `patience`.
    pub async fn prepare(&self, mark: &Mark, patience: Duration) -> Result<Prepared> {
        let target = match &mark.action {
            Action::Click(element)
            | Action::Type { element, .. }
            | Action::Select { element, .. } => Some(self.find(element, patience).await?),
            _ => None,
        };
        let is_in_reach = match (self, &mark.action, &target) {
            (Self::Browser(browser), Action::Click(_), Some(target)) => {
                browser.is_in_reach(target).await?
            }
            _ => false,
        };
        let takes_files = match (self, &mark.action, &target) {
            (Self::Browser(browser), Action::Type { .. }, Some(target)) => {
                browser.takes_files(target).await?
            }
            _ => false,
        };
        if let Self::Browser(browser) = self {
            browser.limit_loading(mark.within).await?;
        }
        let before = match (&mark.expect, &mark.action) {
            // What is there then is another page, even if it reads the same.
            (_, Action::OpenPage(_) | Action::Reload(_)) | (None, _) => Shown::Nothing,
            (Some(expect), _) => self.shown(expect).await?,
        };
        Ok(Prepared {
            target,
            is_in_reach,
            takes_files,
            before,
        })
    }

    /// Returns the time before its mark at which the client is to be told to do this, so that the request is on the
    /// wire at the mark.
    #[must_use]
    pub const fn lead(&self, action: &Action) -> Duration {
        match self {
            Self::Browser(browser) => browser.reaction_to(action),
            Self::Terminal { .. } => Duration::ZERO,
        }
    }

    /// Does what the mark says; `prepared` is for this mark.
    ///
    /// # Errors
    ///
    /// Returns an error if the client cannot do it.
    pub async fn perform(
        &mut self,
        lab: &Lab,
        place: &Place,
        mark: &Mark,
        prepared: &Prepared,
    ) -> Result<()> {
        match (self, &mark.action) {
            (_, Action::Wait) => Ok(()),
            (Self::Browser(browser), _) => in_browser(browser, place, mark, prepared).await,
            (Self::Terminal { terminal, .. }, action) => match action {
                Action::Connect => terminal.connect(lab, place),
                Action::Start(command) => terminal.open(lab, place, command),
                Action::Execute { command, input } => {
                    terminal
                        .execute(lab, place, command, input, mark.within)
                        .await
                }
                Action::Send(line) => terminal.send(line).await,
                action => Err(cannot(action)),
            },
        }
    }

    /// Returns the name that messages give to the command that prints; empty for a browser, where messages name the
    /// page.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Browser(_) => String::new(),
            Self::Terminal { terminal, .. } => terminal.name().to_owned(),
        }
    }

    /// Returns a reason why something is not seen, if one can be found: an element is in a frame, another window was
    /// opened. `last` is what was seen last.
    pub async fn why_not_there(&self, of: &Subject, last: &Shown) -> Option<String> {
        match (self, of, last) {
            (Self::Browser(browser), Subject::Element(selector), Shown::Nothing) => {
                browser.why_not_found(selector).await
            }
            (Self::Browser(browser), _, _) => browser.other_window().await,
            (Self::Terminal { .. }, ..) => None,
        }
    }

    /// Returns a picture of what the client shows, a PNG.
    ///
    /// # Errors
    ///
    /// Returns an error if the client is not a browser, or the browser takes no picture.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        match self {
            Self::Browser(browser) => browser.screenshot().await,
            Self::Terminal { .. } => Err(Error::run("only a browser can be taken a picture of")),
        }
    }

    /// Ends what the client is about, while it still lives to see the answer: a browser leaves its page.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not answer.
    pub async fn take_leave(&self) -> Result<()> {
        match self {
            Self::Browser(browser) => browser.leave_page().await,
            // Netcat has no more to say than its end.
            Self::Terminal { .. } => Ok(()),
        }
    }

    /// Closes the client; when this returns, its processes are gone.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not close as it should.
    pub async fn close(self) -> Result<()> {
        match self {
            Self::Browser(browser) => browser.close().await,
            Self::Terminal { terminal, .. } => {
                terminal.close().await;
                Ok(())
            }
        }
    }

    /// Waits until the client shows something for which `is_it` gives a value.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not after `patience`: the outer result is that of looking, the inner one what was
    /// seen last.
    pub async fn wait_for<T>(
        &self,
        expect: &Expect,
        patience: Duration,
        is_it: impl Fn(&Shown) -> Option<T>,
    ) -> Result<std::result::Result<T, Shown>> {
        let deadline = Instant::now() + patience;
        loop {
            let shown = self.shown(expect).await?;
            if let Some(found) = is_it(&shown) {
                return Ok(Ok(found));
            }
            if Instant::now() >= deadline {
                return Ok(Err(shown));
            }
            sleep(POLL).await;
        }
    }

    /// Returns the text that an expectation looks at.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not answer.
    pub async fn shown(&self, expect: &Expect) -> Result<Shown> {
        let browser = match self {
            Self::Browser(browser) => browser,
            Self::Terminal { terminal, .. } => return Ok(Shown::Transcript(terminal.shown())),
        };
        let text = match &expect.of {
            Subject::Element(selector) => browser.text(selector).await?,
            Subject::All => browser.text(WHOLE_PAGE).await?,
            Subject::Title => Some(browser.title().await?),
            Subject::Url => Some(browser.url().await?),
        };
        Ok(text.map_or(Shown::Nothing, Shown::Text))
    }

    async fn find(&self, selector: &str, patience: Duration) -> Result<Element> {
        let Self::Browser(browser) = self else {
            return Err(Error::run("only a browser has elements"));
        };
        wait_for_element(browser, selector, patience).await
    }
}

/// Does in a browser what the mark says.
async fn in_browser(
    browser: &Browser,
    place: &Place,
    mark: &Mark,
    prepared: &Prepared,
) -> Result<()> {
    match (&mark.action, &prepared.target) {
        (Action::OpenPage(path), _) => {
            let url = format!("http://{}{path}", place.setting.address);
            browser.open(&url).await
        }
        (Action::Click(_), Some(target)) => browser.click(target, prepared.is_in_reach).await,
        (Action::Type { text, .. }, Some(target)) if prepared.takes_files => {
            browser.choose_files(target, text, &place.root).await
        }
        (Action::Type { text, .. }, Some(target)) => browser.type_text(target, text).await,
        (Action::Select { text, .. }, Some(target)) => browser.select(target, text).await,
        (Action::Reload(reload), _) => browser.reload(*reload).await,
        (Action::Script(script), _) => browser.execute(script).await,
        (Action::WaitFor(selector), _) => {
            let patience = mark.within.unwrap_or(APPEARANCE_PATIENCE);
            wait_for_element(browser, selector, patience)
                .await
                .map(drop)
        }
        (action, _) => Err(cannot(action)),
    }
}

/// Waits until a CSS selector finds an element.
async fn wait_for_element(
    browser: &Browser,
    selector: &str,
    patience: Duration,
) -> Result<Element> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(element) = browser.find(selector).await? {
            return Ok(element);
        }
        if Instant::now() >= deadline {
            let seconds = patience.as_secs_f64();
            let why = browser.why_not_found(selector).await;
            let hint = why.unwrap_or_else(|| {
                "is the selector in the scenario file the one of the page? where it only takes longer, give the mark time: \
                 `within = 20`"
                    .to_owned()
            });
            return Err(Error::run(format!(
                "no element `{selector}` on the page, looked for {seconds:.1} s"
            ))
            .with_hint(hint)
            .as_cause());
        }
        sleep(POLL).await;
    }
}

/// Returns the error for a step that does not fit the client; a scenario's steps are checked when it is read.
fn cannot(action: &Action) -> Error {
    Error::run(format!("this client cannot {action}"))
}

impl Prepared {
    /// Returns what the client showed before the mark.
    #[must_use]
    pub const fn before(&self) -> &Shown {
        &self.before
    }
}

impl Shown {
    /// Returns what is shown now and was not shown before: a text that differs, or what was printed since.
    #[must_use]
    pub fn news<'a>(&'a self, before: &Self) -> Option<&'a str> {
        match (self, before) {
            (Self::Nothing, _) => None,
            (Self::Text(now), Self::Text(before)) if now == before => None,
            (Self::Transcript(now), Self::Transcript(before)) => now.get(before.len()..),
            (Self::Text(now) | Self::Transcript(now), _) => Some(now),
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("nothing"),
            Self::Text(text) | Self::Transcript(text) => write!(formatter, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_news() {
        let text = |text: &str| Shown::Text(text.to_owned());
        let transcript = |text: &str| Shown::Transcript(text.to_owned());

        assert_eq!(text("09:00:01").news(&text("09:00:01")), None);
        assert_eq!(text("09:00:02").news(&text("09:00:01")), Some("09:00:02"));
        assert_eq!(text("09:00:02").news(&Shown::Nothing), Some("09:00:02"));
        assert_eq!(Shown::Nothing.news(&text("09:00:01")), None);
        assert_eq!(
            transcript("Hello!\n09:00").news(&transcript("Hello!\n")),
            Some("09:00")
        );
    }
}
