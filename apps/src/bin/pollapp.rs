//! The server's time by long polling: a request for it is held until there is news, and the page asks again after each
//! answer.
//!
//! This follows the practice that RFC 6202 describes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use apps::clock::Reading;
use apps::http::{LateBody, Waiting, answer, is_read, page, refusal, serve};
use apps::listen::{Address, run};
use apps::news::{News, Rhythm, seconds};
use clap::Parser;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, DATE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::time::{sleep_until, timeout};

/// Serve the time of day to a page that always has a request for it under way
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    rhythm: Rhythm,
    /// Seconds that a request is held at most; without news by then, its answer is empty
    // RFC 6202 §5.5: what lies between client and server may give a connection up that is silent for longer.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    hold: Duration,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let news = Arc::new(News::new(options.rhythm));
    let hold = options.hold;
    run("pollapp", async move {
        let listener = options.address.listen().await?;
        serve(listener, move |request| handle(request, news.clone(), hold)).await
    })
}

async fn handle(request: Request<Incoming>, news: Arc<News>, hold: Duration) -> Response<LateBody> {
    // Asked for the page already: that is when the first client comes.
    let next = news.next();
    if !is_read(&request) {
        return refusal(&request);
    }
    match request.uri().path() {
        "/" => {
            let clock = Reading::now();
            page(home_page(&clock), &clock)
        }
        "/time" => {
            let _waiting = Waiting::of(&request);
            let is_news = timeout(hold, sleep_until(next)).await.is_ok();
            uncached(if is_news { time() } else { no_news() })
        }
        _ => refusal(&request),
    }
}

fn home_page(clock: &Reading) -> String {
    include_str!("../../pages/pollapp.html").replace("{time}", &clock.time_of_day())
}

fn time() -> Response<LateBody> {
    let clock = Reading::now();
    answer("application/json", clock.update(), &clock)
}

fn no_news() -> Response<LateBody> {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(DATE, Reading::now().http_date())
        .body(LateBody::empty())
        .expect("a date is printable")
}

/// Adds a field against caching: no intermediary may give the same news twice (RFC 6202 §5.6).
fn uncached(mut response: Response<LateBody>) -> Response<LateBody> {
    let value = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_831_bytes_and_an_update_the_20_of_a_websockets() {
        assert_eq!(home_page(&Reading::now()).len(), 831);
        assert_eq!(Reading::now().update().len(), 20);
    }
}
