//! The server's time by Ajax: the page stays, a script on it asks for the time and puts it into the page.

use std::process::ExitCode;

use apps::clock::Reading;
use apps::http::{LateBody, answer, is_read, page, refusal, serve};
use apps::listen::{Address, run};
use clap::Parser;
use hyper::body::Incoming;
use hyper::{Request, Response};

/// Serve the time of day to a page that asks for it with Ajax
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
}

fn main() -> ExitCode {
    let options = Options::parse();
    run("ajaxapp", async move {
        serve(options.address.listen().await?, handle).await
    })
}

async fn handle(request: Request<Incoming>) -> Response<LateBody> {
    if !is_read(&request) {
        return refusal(&request);
    }
    let clock = Reading::now();
    match request.uri().path() {
        "/" => page(home_page(&clock), &clock),
        "/time" => answer("application/json", update(&clock), &clock),
        _ => refusal(&request),
    }
}

fn home_page(clock: &Reading) -> String {
    include_str!("../../pages/ajaxapp.html").replace("{time}", &clock.time_of_day())
}

/// Returns one update. The field is called `price` in the original experiment, and so it is here.
fn update(clock: &Reading) -> String {
    format!("{{\"price\":\"{}\"}}\n", clock.time_of_day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_808_bytes_and_an_update_21() {
        let clock = Reading::now();
        assert_eq!(home_page(&clock).len(), 808);
        assert_eq!(update(&clock).len(), 21);
    }
}
