//! The server's time by server-sent events: the page asks once, and the answer never ends.
//!
//! HTML in references is the WHATWG's HTML standard.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll};

use apps::clock::Reading;
use apps::http::{LateBody, Waiting, is_read, page, refusal, serve};
use apps::listen::{Address, run};
use apps::news::{News, Rhythm};
use bytes::Bytes;
use clap::Parser;
use http_body_util::Either;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, DATE};
use hyper::{Request, Response};
use tokio::time::{Instant, Sleep, sleep_until};

/// Push the time of day to a page as server-sent events
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    rhythm: Rhythm,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let news = Arc::new(News::new(options.rhythm));
    run("sseapp", async move {
        let listener = options.address.listen().await?;
        serve(listener, move |request| ready(handle(&request, &news))).await
    })
}

fn handle(request: &Request<Incoming>, news: &Arc<News>) -> Response<Either<LateBody, Events>> {
    // Asked for the page already: that is when the first client comes.
    let next = news.next();
    if !is_read(request) {
        return refusal(request).map(Either::Left);
    }
    match request.uri().path() {
        "/" => {
            let clock = Reading::now();
            page(home_page(&clock), &clock).map(Either::Left)
        }
        "/time" => event_stream(Events::new(request, news, next)).map(Either::Right),
        _ => refusal(request).map(Either::Left),
    }
}

fn home_page(clock: &Reading) -> String {
    include_str!("../../pages/sseapp.html").replace("{time}", &clock.time_of_day())
}

/// Returns the stream's header, which is sent at once: it tells the page that the stream is open (HTML §9.2.3).
fn event_stream(events: Events) -> Response<Events> {
    Response::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        // HTML §9.2.3 has the client ask for that, too: an event is news only once.
        .header(CACHE_CONTROL, "no-store")
        .header(DATE, Reading::now().http_date())
        .body(events)
        .expect("the header values are printable")
}

/// A body without end, with an event for each piece of news.
struct Events {
    news: Arc<News>,
    next: Pin<Box<Sleep>>,
    _waiting: Waiting,
}

impl Events {
    fn new(request: &Request<Incoming>, news: &Arc<News>, next: Instant) -> Self {
        Self {
            next: Box::pin(sleep_until(next)),
            news: Arc::clone(news),
            _waiting: Waiting::of(request),
        }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.next.as_mut().poll(context));
        let next = self.news.next();
        self.next.as_mut().reset(next);
        Poll::Ready(Some(Ok(Frame::data(event(&Reading::now()).into()))))
    }
}

/// Returns one event, which an empty line ends (HTML §9.2.5); its data is what the WebSocket sends as a message.
fn event(clock: &Reading) -> String {
    format!("data: {}\n\n", clock.update())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_522_bytes_and_an_event_eight_more_than_its_data() {
        assert_eq!(home_page(&Reading::now()).len(), 522);
        assert_eq!(event(&Reading::now()).len(), 20 + 8);
    }
}
