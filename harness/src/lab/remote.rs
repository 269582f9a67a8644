//! A browser elsewhere: a WebDriver endpoint that we did not start, on this machine or another.
//!
//! The program stays here. Its address is the one that the browser opens pages of, and what is captured is the interface
//! that faces the browser.

use std::io;
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use fantoccini::Client;
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::network::MeetingPoint;
use crate::error::{Error, Result, printable};

/// The longest time that an endpoint may take to answer: it may be on the other side of the world.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest time to wait for a session that is still being started, so that it can be ended.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// The longest time that it may take to end a session that a run has left.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The number of bytes of an answer that are read; the status of a Grid with many nodes is long.
const LONGEST_ANSWER: usize = 1 << 20;

/// The number of characters of an endpoint's message that are worth showing.
const LONGEST_MESSAGE: usize = 80;

/// A browser elsewhere, and where it meets the program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remote {
    /// The endpoint that drives the browser.
    pub endpoint: Endpoint,
    /// The program's address, as the browser is told it, and the interface that faces the browser.
    pub meeting_point: MeetingPoint,
}

/// The URL of a WebDriver endpoint, with a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint(String);

/// The two ends of a connection to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The endpoint's address.
    pub there: IpAddr,
    /// Ours, as the endpoint sees it.
    pub here: IpAddr,
}

impl Way {
    /// Returns true if it leads to this machine itself.
    #[must_use]
    pub fn is_local(self) -> bool {
        self.there == self.here || self.there.is_loopback()
    }
}

/// The status that an endpoint reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The endpoint takes a session.
    Ready,
    /// The endpoint takes no session now, with the reason.
    Busy(String),
    /// The answer is not a WebDriver endpoint's, with its text.
    Stranger(String),
    /// The endpoint does not answer, with the reason.
    Silent(String),
}

impl Endpoint {
    /// Reads an URL as a user gives it.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not an HTTP URL.
    pub fn parse(text: &str) -> Result<Self> {
        let uri: Option<Uri> = text.parse().ok();
        let has_host = |uri: &Uri| uri.host().is_some_and(|host| !host.is_empty());
        match uri {
            Some(uri) if uri.scheme_str() == Some("http") && has_host(&uri) && uri.query().is_none() => {
                Ok(Self(format!("{}/", text.trim_end_matches('/'))))
            }
            _ => Err(Error::usage(format!("{text:?} is not the URL of a WebDriver endpoint")).with_hint(
                "give it with host and port, as in `--webdriver http://192.168.1.20:4444`; endpoints speak plain HTTP",
            )),
        }
    }

    /// Returns the URL, with a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }

    /// Returns true if its URL names this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address: Option<IpAddr> = self.host().parse().ok();
        self.host() == "localhost" || address.is_some_and(|address| address.is_loopback())
    }

    /// Returns the host of the URL, an IPv6 address without its brackets.
    fn host(&self) -> String {
        let uri: Option<Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        host.trim_matches(['[', ']']).to_owned()
    }

    /// Finds out by which way the endpoint is reached.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint cannot be reached.
    pub fn way(&self) -> io::Result<Way> {
        let uri: Uri = self.0.parse().map_err(io::Error::other)?;
        let addresses = (self.host().as_str(), uri.port_u16().unwrap_or(80)).to_socket_addrs()?;
        let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(connection) => {
                    return Ok(Way {
                        there: address.ip(),
                        here: connection.local_addr()?.ip(),
                    });
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Asks the endpoint how it is (W3C WebDriver, 8.3).
    pub async fn status(&self) -> Status {
        match timeout(PATIENCE, self.ask()).await {
            Ok(status) => status,
            Err(_) => Status::Silent(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn ask(&self) -> Status {
        let Ok(uri) = format!("{}status", self.0).parse() else {
            return Status::Silent("the URL is not valid".to_owned());
        };
        let http = HttpClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let answer = match http.get(uri).await {
            Ok(answer) => answer,
            Err(error) => return Status::Silent(innermost(&error)),
        };
        let code = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        status_of(&body).unwrap_or_else(|| Status::Stranger(code.to_string()))
    }
}

/// Returns the status in an answer; `None` if it is another kind of answer.
fn status_of(body: &[u8]) -> Option<Status> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let value = answer.get("value")?;
    if value.get("ready")?.as_bool()? {
        return Some(Status::Ready);
    }
    let message = value.get("message").and_then(Value::as_str);
    let message = printable(message.unwrap_or_default()).replace('\n', " ");
    Some(Status::Busy(
        message.chars().take(LONGEST_MESSAGE).collect(),
    ))
}

/// Returns the reason behind the reasons.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The session with a browser elsewhere, which no other process ends.
#[derive(Clone, Debug)]
pub struct Visit {
    endpoint: Endpoint,
    address: IpAddr,
    session: Arc<Mutex<Option<Client>>>,
}

impl Visit {
    /// Returns a visit that has not begun.
    #[must_use]
    pub fn to(remote: &Remote) -> Self {
        Self {
            endpoint: remote.endpoint.clone(),
            address: remote.meeting_point.address,
            session: Arc::default(),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// Returns our address, as the browser is told it.
    pub(super) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Begins the visit: has a session started, and gives it. Who does not wait for it any more leaves it to [`end`](Self::end).
    pub(super) async fn begin(
        &self,
        starting: impl Future<Output = Result<Client>> + Send + 'static,
    ) -> Result<Client> {
        // Kept until the session is there: the endpoint starts it, whether we wait or not.
        let mut session = Arc::clone(&self.session).lock_owned().await;
        let started = tokio::spawn(async move {
            let client = starting.await?;
            *session = Some(client.clone());
            Ok(client)
        });
        started
            .await
            .unwrap_or_else(|_| Err(Error::run("the session was given up while it started")))
    }

    /// Ends a session that is still there: the endpoint would keep its browser, and take no other.
    pub(super) async fn end(&self) {
        let session = timeout(START_PATIENCE, self.session.lock()).await;
        if let Some(session) = session.ok().and_then(|mut session| session.take()) {
            // One that does not answer any more is nothing that we could end.
            let _ = timeout(END_PATIENCE, session.close()).await;
        }
    }

    /// Forgets the session, so that one that has ended is not ended again.
    pub(super) async fn is_over(&self) {
        self.session.lock().await.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_url_of_http() {
        for (text, url) in [
            ("http://grid:4444", Some("http://grid:4444/")),
            (
                "http://10.0.0.7:4444/wd/hub",
                Some("http://10.0.0.7:4444/wd/hub/"),
            ),
            ("http://[::1]:4444/", Some("http://[::1]:4444/")),
            ("https://grid:4444", None),
            ("grid:4444", None),
            ("http://", None),
            ("4444", None),
        ] {
            let endpoint = Endpoint::parse(text).ok();
            assert_eq!(endpoint.as_ref().map(Endpoint::url), url, "{text}");
        }
    }

    #[test]
    fn an_endpoint_on_this_machine_is_told_from_others() {
        for (url, is_local) in [
            ("http://localhost:4444", true),
            ("http://127.0.0.1:4444", true),
            ("http://[::1]:4444", true),
            ("http://grid:4444", false),
            ("http://10.0.0.7:4444", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_local(), is_local, "{url}");
        }
    }

    #[test]
    fn a_status_is_told_from_other_answers() {
        let status = |body: &str| status_of(body.as_bytes());
        assert_eq!(
            status(r#"{"value":{"ready":true,"message":""}}"#),
            Some(Status::Ready)
        );
        assert_eq!(
            status(r#"{"value":{"ready":false,"message":"Session already started"}}"#),
            Some(Status::Busy("Session already started".to_owned()))
        );
        for other in ["", "<html>", "[]", r#"{"value":42}"#, r#"{"ready":true}"#] {
            assert_eq!(status(other), None, "{other}");
        }
    }
}
