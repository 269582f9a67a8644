//! Programs that misbehave: this very executable, started by a script of the workbench.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

use crate::live_support::Bench;

/// The variable that names the behaviour.
const VARIABLE: &str = "MISBEHAVIOUR";

/// A time longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

/// The pages of `ajaxapp` and `webapp` in one: a time, and a button that loads the page again.
const PAGE: &str = "<time>now</time> <button id=button onclick='location.reload()'>Update</button>";

/// Returns a script that behaves as the function [`behave`] does for `behaviour`.
pub(crate) fn script(behaviour: &str) -> String {
    let ourselves = std::env::current_exe().unwrap();
    format!(
        "export {VARIABLE}={behaviour}\nexec '{}' --ignored --exact misbehaving::behave --nocapture",
        ourselves.display()
    )
}

/// Returns the name that such a program has in the table of processes.
pub(crate) fn name() -> String {
    let ourselves = std::env::current_exe().unwrap();
    let name = ourselves.file_name().unwrap().to_str().unwrap();
    // As much as the kernel keeps (proc(5)).
    name.chars().take(15).collect()
}

/// Adds a program that is named after its behaviour.
pub(crate) fn add(bench: &Bench, name: &str) {
    bench.program(name, &script(name));
}

#[test]
#[ignore = "is no test, but what misbehaves in those of this file: `make test-live` runs them"]
fn behave() {
    match std::env::var(VARIABLE).as_deref() {
        Ok("hangs") => serve(|_| sleep(FOR_EVER)),
        Ok("garbage") => serve(|mut client| {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"\x1b[2J\xff\xfe\x00garbage\n");
        }),
        Ok("buttonless") => serve(|client| answer(&client, "<time>now</time>")),
        Ok("never-updates") => serve(|client| answer(&client, PAGE)),
        Ok("stops-listening") => {
            let listener = listen();
            for client in listener.incoming().take(2) {
                answer(&client.unwrap(), &PAGE.replace("now", &clock()));
            }
            drop(listener);
            sleep(FOR_EVER);
        }
        Ok("leaks") => crate::secrets::leak(),
        Ok("leaks-and-fails") => crate::secrets::leak_and_fail(),
        Ok("pings") => serve(|client| pong(&client)),
        Ok("never-closes") => serve(|client| {
            pong(&client);
            sleep(FOR_EVER);
        }),
        Ok("nonsense-driver") => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            println!(
                "1\tgeckodriver\tINFO\tListening on {}",
                listener.local_addr().unwrap()
            );
            for client in listener.incoming() {
                reply(&client.unwrap(), "application/json", "{\"value\":42}");
            }
        }
        other => println!("{other:?} is no behaviour"),
    }
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:8000").unwrap();
    println!("listening");
    listener
}

fn serve(each: impl Fn(TcpStream) + Copy + Send + 'static) {
    for client in listen().incoming() {
        spawn(move || each(client.unwrap()));
    }
}

fn pong(mut client: &TcpStream) {
    for _ in BufReader::new(client).lines().map_while(Result::ok) {
        let _ = client.write_all(b"pong\n");
    }
}

fn answer(client: &TcpStream, page: &str) {
    reply(client, "text/html", page);
}

/// Reads a request's head and answers with one body.
fn reply(mut client: &TcpStream, kind: &str, body: &str) {
    let lines = BufReader::new(client).lines().map_while(Result::ok);
    if lines.take_while(|line| !line.is_empty()).count() == 0 {
        return;
    }
    let length = body.len();
    let _ = write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn clock() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
}
