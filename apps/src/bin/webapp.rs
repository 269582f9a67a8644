//! The server's time as a web page: to see it change, the whole page is loaded again.

use std::process::ExitCode;

use apps::clock::Reading;
use apps::http::{LateBody, is_read, page, refusal, serve};
use apps::listen::{Address, run};
use clap::Parser;
use hyper::body::Incoming;
use hyper::{Request, Response};

/// Serve the time of day as a web page
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
}

fn main() -> ExitCode {
    let options = Options::parse();
    run("webapp", async move {
        serve(options.address.listen().await?, handle).await
    })
}

async fn handle(request: Request<Incoming>) -> Response<LateBody> {
    if !is_read(&request) || request.uri().path() != "/" {
        return refusal(&request);
    }
    let clock = Reading::now();
    page(home_page(&clock), &clock)
}

fn home_page(clock: &Reading) -> String {
    include_str!("../../pages/webapp.html").replace("{time}", &clock.time_of_day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_435_bytes() {
        assert_eq!(home_page(&Reading::now()).len(), 435);
    }
}
