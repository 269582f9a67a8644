//! Serves HTTP connections as the web programs need them: title-case headers in a fixed order, header and body in two
//! writes.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Reading;
use crate::connection::{Client, Connection};
use crate::listen::{accept, tell};

/// The longest time that a connection may take over one request, the idle time before it included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// An error of a body of any kind.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Serves HTTP/1.1 on `listener`, each connection in a task of its own, for as long as it is polled.
///
/// A client that breaks the protocol or vanishes loses its connection; no other client notices.
///
/// # Errors
///
/// Returns an error if the listener has no address of its own.
pub async fn serve<H, F, B>(listener: TcpListener, handle: H) -> anyhow::Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    tell(&format!("listening on http://{}/", listener.local_addr()?));
    loop {
        let connection = accept(&listener).await;
        tokio::spawn(serve_connection(connection, handle.clone()));
    }
}

async fn serve_connection<H, F, B>(connection: Connection, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let client = connection.client();
    let waits = watch::Sender::new(0);
    let waiting = waits.subscribe();
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(Waits(waits.clone()));
        let response = handle(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let served = http1::Builder::new()
        .title_case_headers(true)
        .auto_date_header(false)
        // `printf … | nc` says that it will send no more and still wants its answer.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(WebSocketCase(connection)), service)
        .with_upgrades();
    tokio::select! {
        biased;
        outcome = served => if let Err(error) = outcome {
            tell(&format!("connection ended: {error}"));
        },
        () = gone_while_it_waited(client, waiting) => {}
    }
}

/// Waits until the client has closed its side while a request of it waits for news.
async fn gone_while_it_waited(client: Client, mut waiting: watch::Receiver<usize>) {
    client.gone().await;
    let _ = waiting.wait_for(|requests| *requests > 0).await;
}

/// The number of a connection's requests that wait for news, which each request carries with it.
#[derive(Clone)]
struct Waits(watch::Sender<usize>);

/// A mark that a request waits for news, for as long as this is kept.
///
/// A client that closes its side meanwhile has gone, and its connection is closed at once: nobody would get the news.
#[derive(Debug)]
pub struct Waiting(Option<watch::Sender<usize>>);

impl Waiting {
    /// Makes this request wait.
    #[must_use]
    pub fn of(request: &Request<Incoming>) -> Self {
        let waits = request.extensions().get::<Waits>();
        let waits = waits.map(|Waits(waits)| waits.clone());
        if let Some(waits) = &waits {
            waits.send_modify(|requests| *requests += 1);
        }
        Self(waits)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(waits) = &self.0 {
            waits.send_modify(|requests| *requests -= 1);
        }
    }
}

/// A body that is not ready when it is first asked for.
///
/// hyper then sends the header by itself, and the body follows in a segment of its own. The programs of the original
/// experiment wrote the two separately, and its packet counts follow from that.
#[derive(Debug, Default)]
pub struct LateBody {
    rest: Option<Bytes>,
    asked: bool,
}

impl LateBody {
    /// Makes a body of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            rest: Some(bytes.into()),
            asked: false,
        }
    }

    /// Makes an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }
}

impl Body for LateBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.asked {
            self.asked = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.rest.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Returns an answer with the three header fields of the experiment, in its order.
///
/// # Panics
///
/// Panics if `content_type` is not a header value.
#[must_use]
pub fn answer(content_type: &str, body: String, clock: &Reading) -> Response<LateBody> {
    Response::builder()
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, body.len())
        .header(DATE, clock.http_date())
        .body(LateBody::new(body))
        .expect("the header values are printable")
}

/// Returns an HTML page.
#[must_use]
pub fn page(html: String, clock: &Reading) -> Response<LateBody> {
    answer("text/html; charset=utf-8", html, clock)
}

/// Returns the answer to a request for none of a program's pages: 404 for an unknown path, 405 for an unknown method.
#[must_use]
pub fn refusal(request: &Request<Incoming>) -> Response<LateBody> {
    let clock = Reading::now();
    if is_read(request) {
        let body = format!("nothing at {}\n", request.uri().path());
        with_status(StatusCode::NOT_FOUND, body, &clock)
    } else {
        let body = format!("{} is not allowed here\n", request.method());
        let mut response = with_status(StatusCode::METHOD_NOT_ALLOWED, body, &clock);
        let methods = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, methods);
        response
    }
}

/// Returns an answer in plain text that says what is wrong with the request.
#[must_use]
pub fn with_status(status: StatusCode, body: String, clock: &Reading) -> Response<LateBody> {
    let mut response = answer("text/plain; charset=utf-8", body, clock);
    *response.status_mut() = status;
    response
}

/// Returns true if the request only reads: a GET, or a HEAD, which hyper answers with the header alone.
#[must_use]
pub fn is_read(request: &Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// A connection on which the name `Sec-Websocket-Accept` is written `Sec-WebSocket-Accept`.
///
/// Header names are case-insensitive, but the experiment shows this one as RFC 6455 spells it. The title case of hyper
/// cannot: it would make the `S` of `Socket` small.
struct WebSocketCase(Connection);

impl WebSocketCase {
    const TITLE_CASE: &[u8] = b"\r\nSec-Websocket-Accept: ";
    const RFC_CASE: &[u8] = b"\r\nSec-WebSocket-Accept: ";

    /// Returns the same bytes with the name respelled, if they are the header of an upgrade.
    fn respelled(bytes: &[u8]) -> Option<Vec<u8>> {
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            return None;
        }
        let at = bytes
            .windows(Self::TITLE_CASE.len())
            .position(|window| window == Self::TITLE_CASE)?;
        let mut respelled = bytes.to_vec();
        respelled[at..at + Self::RFC_CASE.len()].copy_from_slice(Self::RFC_CASE);
        Some(respelled)
    }
}

impl AsyncRead for WebSocketCase {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for WebSocketCase {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let respelled = Self::respelled(bytes);
        Pin::new(&mut self.0).poll_write(context, respelled.as_deref().unwrap_or(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_header_of_an_upgrade_is_respelled() {
        let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nSec-Websocket-Accept: x\r\n\r\n";
        let page = b"HTTP/1.1 200 OK\r\nSec-Websocket-Accept: x\r\n\r\n";

        assert_eq!(
            WebSocketCase::respelled(upgrade).as_deref(),
            Some(&b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n"[..])
        );
        assert_eq!(WebSocketCase::respelled(page), None);
    }
}
