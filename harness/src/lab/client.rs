//! The client of a scenario, whichever it is: does what a mark says, shows what an expectation looks at.

use std::time::Duration;

use fantoccini::elements::Element;
use tokio::time::{Instant, sleep};

use super::Lab;
use super::browser::{Browser, Versions};
use super::introduction::netcat_variant;
use super::netcat::Netcat;
use crate::error::{Error, Result};
use crate::scenario::{self, Action, Expect, Mark};

/// How often a page is looked at for something that takes its time: WebDriver has no event for that.
const POLL: Duration = Duration::from_millis(20);

/// A client that is ready, or that begins with its first step.
#[derive(Debug)]
pub enum Client {
    /// A browser with an empty page.
    Browser(Box<Browser>),
    /// Netcat connects as soon as it is started, so it waits for its mark.
    NetcatToCome {
        /// How it introduces itself.
        variant: String,
    },
    /// Netcat, connected.
    Netcat(Netcat),
}

/// What a mark needs that can be had before it is due.
#[derive(Debug, Default)]
pub struct Prepared {
    target: Option<Element>,
    before: Shown,
}

/// What a client shows.
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
    /// Makes a client of this kind ready.
    ///
    /// # Errors
    ///
    /// Where what it needs is missing or does not start.
    pub async fn start(lab: &Lab, kind: scenario::Client) -> Result<Self> {
        match kind {
            scenario::Client::Firefox => {
                let browser = Browser::start(lab).await?;
                browser.warm_up().await?;
                Ok(Self::Browser(Box::new(browser)))
            }
            scenario::Client::Netcat => {
                let variant = netcat_variant(lab.tools().netcat()?).await;
                Ok(Self::NetcatToCome { variant })
            }
        }
    }

    /// The versions of browser and driver, where it is a browser.
    #[must_use]
    pub fn versions(&self) -> Option<&Versions> {
        match self {
            Self::Browser(browser) => Some(browser.versions()),
            Self::NetcatToCome { .. } | Self::Netcat(_) => None,
        }
    }

    /// Whether it is a process already.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        !matches!(self, Self::NetcatToCome { .. })
    }

    /// Waits for the client to end by itself, which it should not; nothing to wait for before netcat is started.
    pub fn death(&self) -> Option<std::pin::Pin<Box<dyn Future<Output = Error> + Send>>> {
        match self {
            Self::Browser(browser) => Some(Box::pin(browser.death())),
            Self::NetcatToCome { .. } => None,
            Self::Netcat(netcat) => Some(Box::pin(netcat.death())),
        }
    }

    /// Does just before a mark whatever need not wait for it, so that the mark is kept.
    ///
    /// # Errors
    ///
    /// Where the element to be clicked is not on the page after `patience`.
    pub async fn prepare(&self, mark: &Mark, patience: Duration) -> Result<Prepared> {
        let target = match &mark.action {
            Action::Click(selector) => Some(self.find(selector, patience).await?),
            _ => None,
        };
        let before = match &mark.expect {
            Some(expect) => self.shown(expect).await?,
            None => Shown::Nothing,
        };
        Ok(Prepared { target, before })
    }

    /// Does what the mark says; `prepared` is for this mark.
    ///
    /// # Errors
    ///
    /// Where the client cannot do it.
    pub async fn perform(
        &mut self,
        lab: &Lab,
        port: u16,
        action: &Action,
        prepared: &Prepared,
    ) -> Result<()> {
        match (self, action) {
            (Self::Browser(browser), Action::OpenPage(path)) => {
                browser
                    .open(&format!("http://{}{path}", super::address(port)))
                    .await
            }
            (Self::Browser(browser), Action::Click(_)) => match &prepared.target {
                Some(target) => browser.click(target).await,
                None => Err(Error::run("the element to click was not looked up")),
            },
            (client @ Self::NetcatToCome { .. }, Action::Connect) => {
                *client = Self::Netcat(Netcat::connect(lab, port)?);
                Ok(())
            }
            (Self::Netcat(netcat), Action::Send(line)) => netcat.send(line).await,
            (_, Action::Wait) => Ok(()),
            (_, action) => Err(Error::run(format!("this client cannot {action}"))),
        }
    }

    /// Ends what the client is about, while it still lives to see the answer: a browser leaves its page.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub async fn take_leave(&self) -> Result<()> {
        match self {
            Self::Browser(browser) => browser.leave_page().await,
            // Netcat has no more to say than its end.
            Self::NetcatToCome { .. } | Self::Netcat(_) => Ok(()),
        }
    }

    /// Closes the client; when this returns, its processes are gone.
    ///
    /// # Errors
    ///
    /// Where it does not close as it should.
    pub async fn close(self) -> Result<()> {
        match self {
            Self::Browser(browser) => browser.close().await,
            Self::NetcatToCome { .. } => Ok(()),
            Self::Netcat(netcat) => {
                netcat.close().await;
                Ok(())
            }
        }
    }

    /// Waits until the client shows something for which `is_it` gives a value.
    ///
    /// # Errors
    ///
    /// Where it does not after `patience`: the outer result is that of looking, the inner one what was seen last.
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

    async fn shown(&self, expect: &Expect) -> Result<Shown> {
        match (self, &expect.element) {
            (Self::Browser(browser), Some(element)) => Ok(browser
                .text(element)
                .await?
                .map_or(Shown::Nothing, Shown::Text)),
            (Self::Netcat(netcat), _) => Ok(Shown::Transcript(netcat.shown())),
            _ => Ok(Shown::Nothing),
        }
    }

    async fn find(&self, selector: &str, patience: Duration) -> Result<Element> {
        let Self::Browser(browser) = self else {
            return Err(Error::run("only a browser has elements"));
        };
        let deadline = Instant::now() + patience;
        loop {
            if let Some(element) = browser.find(selector).await? {
                return Ok(element);
            }
            if Instant::now() >= deadline {
                let seconds = patience.as_secs_f64();
                return Err(Error::run(format!(
                    "no element `{selector}` on the page, looked for {seconds:.1} s"
                ))
                .with_hint("is the selector in the scenario file the one of the page?"));
            }
            sleep(POLL).await;
        }
    }
}

impl Prepared {
    /// What the client showed before the mark.
    #[must_use]
    pub const fn before(&self) -> &Shown {
        &self.before
    }
}

impl Shown {
    /// What there is to see now that was not there before: a text that differs, or what was printed since.
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
