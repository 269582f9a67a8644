//! Tests the programs from outside: over a socket, with clients that are not always kind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running program; it is killed when the test is over.
struct Program {
    child: Child,
    address: SocketAddr,
    /// The lines that it prints after the first one.
    lines: Receiver<String>,
}

impl Program {
    /// Starts a program on a port that the system chooses, and reads the port from its first line.
    fn start(executable: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(executable)
            .args(["--port", "0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        // Somebody must read on, or the program would block on a full pipe.
        let (said, heard) = channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| said.send(line))
        });
        let address = first
            .trim_start_matches("listening on ")
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()
            .unwrap_or_else(|error| panic!("{first}: {error}"));
        Self {
            child,
            address,
            lines: heard,
        }
    }

    /// Waits for the program's account of the connection to this client when it is over.
    fn account_of(&self, client: SocketAddr) -> String {
        let start = format!("connection {client}: ");
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if let Some(account) = line.strip_prefix(&start) {
                return account.to_owned();
            }
        }
    }

    /// Sends the program a signal, as in `-TERM`.
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the program has ended.
    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running");
            std::thread::yield_now();
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes, closes that side, and reads until the program has closed the other.
    fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let mut answer = Vec::new();
        // A program may hang up on nonsense before it has read all of it: what it answered is what counts.
        let _ = stream
            .write_all(request)
            .and_then(|()| stream.shutdown(Shutdown::Write));
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    fn get(&self, path: &str) -> String {
        let answer = self.exchange(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        String::from_utf8(answer).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tcpapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_tcpapp"), &[])
}

fn webapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_webapp"), &[])
}

fn ajaxapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_ajaxapp"), &[])
}

fn wsapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_wsapp"), &[])
}

fn sseapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_sseapp"), &[])
}

fn pollapp() -> Program {
    Program::start(env!("CARGO_BIN_EXE_pollapp"), &[])
}

/// Returns the text with every digit of a clock as `0`; the programs send no other digits that change.
fn without_clock(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.starts_with("Date: ") {
                "Date: …".to_owned()
            } else if line.contains(':') && !line.starts_with("Content-") {
                line.replace(|character: char| character.is_ascii_digit(), "0")
            } else {
                line.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn tcpapp_talks_as_the_original() {
    let answer = tcpapp().exchange(b"time\ntime\r\nwhat?\n\nbye\ntime\n");

    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(
        without_clock(&answer),
        "Hello!\nServer time: 00:00:00\n\n00:00:00\n\n00:00:00\n\nUnknown command: type time or bye\n\n\
         Unknown command: type time or bye\n\nGood bye!"
    );
    assert!(answer.ends_with("Good bye!\n"));
}

#[test]
fn tcpapp_survives_a_line_without_end_and_bytes_that_are_no_text() {
    let program = tcpapp();

    let answer = program.exchange(&[&vec![b'x'; 100_000][..], b"\n\xff\xfe\0\ntime\n"].concat());

    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("Line too long"), "{answer}");
    assert!(answer.contains("Unknown command"), "{answer}");
    assert_eq!(answer.len(), 30 + 33 + 35 + 10, "{answer}");
}

#[test]
fn tcpapp_serves_its_clients_one_after_the_other() {
    let program = tcpapp();
    let mut first = program.connect();
    let mut greeting = [0; 30];
    first.read_exact(&mut greeting).unwrap();
    let mut second = program.connect();
    second
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();

    assert!(
        second.read(&mut greeting).is_err(),
        "the second client was served beside the first"
    );
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    second.read_exact(&mut greeting).unwrap();

    assert!(greeting.starts_with(b"Hello!\n"));
}

#[test]
fn tcpapp_does_not_wait_for_a_silent_client_for_good() {
    let program = Program::start(env!("CARGO_BIN_EXE_tcpapp"), &["--idle-timeout", "1"]);
    let _silent = program.connect();

    let answer = program.exchange(b"bye\n");

    assert!(answer.ends_with(b"Good bye!\n"));
}

#[test]
fn webapp_sends_the_page_with_its_three_header_fields() {
    let page = webapp().get("/");

    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        without_clock(head),
        "HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\nContent-Length: 435\nDate: …"
    );
    assert_eq!(body.len(), 435);
}

#[test]
fn ajaxapp_sends_the_time_as_price() {
    let program = ajaxapp();

    let answer = program.get("/time");

    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("\r\nContent-Type: application/json\r\nContent-Length: 21\r\n"),
        "{head}"
    );
    assert_eq!(without_clock(body), r#"{"price":"00:00:00"}"#);
    assert!(program.get("/").ends_with("</html>\n"));
}

#[test]
fn wsapp_upgrades_answers_and_closes_as_the_original() {
    let program = wsapp();
    let mut stream = wsapp_connection(&program);

    // "get-time" and a close frame with status 1001, as in the original capture: masks and all.
    stream
        .write_all(b"\x81\x88\x36\x0d\x29\x16\x51\x68\x5d\x3b\x42\x64\x44\x73")
        .unwrap();
    stream
        .write_all(b"\x88\x82\x19\xdb\x13\x62\x1a\x32")
        .unwrap();
    let mut frames = vec![0; 22 + 2];
    stream.read_exact(&mut frames).unwrap();

    assert_eq!(frames[..2], [0x81, 20]);
    let update = std::str::from_utf8(&frames[2..22]).unwrap();
    assert_eq!(without_clock(update), r#"{"time": "00:00:00"}"#);
    assert_eq!(frames[22..], [0x88, 0]);
}

/// The opening handshake of the original capture, with fewer headers.
const WS_REQUEST: &str = "GET /time HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: W+pQUnxtfyImglCepUIxdw==\r\n\r\n";

/// Returns a WebSocket that has just been opened, its 101 answer checked.
fn wsapp_connection(program: &Program) -> TcpStream {
    let mut stream = program.connect();
    stream.write_all(WS_REQUEST.as_bytes()).unwrap();
    let mut head = vec![0; 129];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(
        String::from_utf8(head).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: jvz8rJ0yJN/A4J0kiZQLiifpQO8=\r\n\r\n"
    );
    stream
}

#[test]
fn wsapp_tells_a_client_that_breaks_the_protocol_and_serves_the_next() {
    let program = wsapp();
    for (broken, status) in [
        (&b"\xc1\x80\0\0\0\0"[..], 1002_u16),          // a reserved bit
        (b"\x81\x81\0\0\0\0\xff", 1007),               // text that is no UTF-8
        (b"\x82\xff\0\0\0\x01\0\0\0\0\0\0\0\0", 1009), // four gigabytes
    ] {
        let mut stream = wsapp_connection(&program);
        stream.write_all(broken).unwrap();
        let mut frame = [0; 4];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame[..2], [0x88, 2]);
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), status);
    }
    let mut stream = wsapp_connection(&program);
    // A message without end, in frames that are each within the limit; the server hangs up in the middle.
    let _ = stream.write_all(b"\x01\x80\0\0\0\0");
    let continuation = [&b"\0\xfe\xf0\0\0\0\0\0"[..], &vec![b'x'; 0xf000]].concat();
    for _ in 0..4 {
        let _ = stream.write_all(&continuation);
    }
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(
        frame,
        [0x88, 2, 0x03, 0xf1],
        "close with 1009, message too big"
    );
    drop(wsapp_connection(&program));
    assert!(program.get("/").contains("Server Time (WebSocket)"));
}

#[test]
fn wsapp_asks_a_plain_request_for_an_upgrade() {
    let answer = wsapp().get("/time");

    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
}

/// The request of a page for news.
const GET_TIME: &str = "GET /time HTTP/1.1\r\nHost: test\r\n\r\n";

/// Returns a connection on which news was asked for.
fn waiting(program: &Program) -> TcpStream {
    let mut client = program.connect();
    client.write_all(GET_TIME.as_bytes()).unwrap();
    client
}

/// Reads this many bytes, which are text.
fn read_text(client: &mut TcpStream, bytes: usize) -> String {
    let mut text = vec![0; bytes];
    client.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn sseapp_opens_its_stream_at_once() {
    // There is no news for an hour, but the stream is open.
    let program = Program::start(env!("CARGO_BIN_EXE_sseapp"), &["--interval", "3600"]);

    let head = read_text(&mut waiting(&program), 142);

    assert_eq!(
        without_clock(&head),
        "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-store\nDate: …\n\
         Transfer-Encoding: chunked\n"
    );
}

#[test]
fn sseapp_pushes_to_all_of_its_clients() {
    let asked = Instant::now();
    let program = Program::start(env!("CARGO_BIN_EXE_sseapp"), &["--interval", "0.3"]);
    let mut clients = [waiting(&program), waiting(&program)];
    for client in &mut clients {
        read_text(client, 142);
        for _ in 0..3 {
            assert_eq!(
                without_clock(&read_text(client, 34)),
                "1C\ndata: {\"time\": \"00:00:00\"}\n\n"
            );
        }
    }
    let waited = asked.elapsed();

    assert!(waited >= Duration::from_millis(900), "{waited:?}");
}

#[test]
fn pollapp_holds_a_request_until_there_is_news() {
    let program = Program::start(env!("CARGO_BIN_EXE_pollapp"), &["--interval", "0.4"]);
    let mut client = program.connect();
    let asked = Instant::now();
    for _ in 0..3 {
        client.write_all(GET_TIME.as_bytes()).unwrap();
        let answer = read_text(&mut client, 133 + 20);
        assert_eq!(
            without_clock(&answer),
            "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 20\nDate: …\n\
             Cache-Control: no-cache\n\n{\"time\": \"00:00:00\"}"
        );
    }
    let waited = asked.elapsed();

    assert!(waited >= Duration::from_millis(1200), "{waited:?}");
}

#[test]
fn pollapp_does_not_hold_a_request_for_good() {
    let arguments = ["--interval", "3600", "--hold", "0.2"];
    let program = Program::start(env!("CARGO_BIN_EXE_pollapp"), &arguments);
    let mut client = waiting(&program);
    let no_news = "HTTP/1.1 204 No Content\nDate: …\nCache-Control: no-cache\n";

    assert_eq!(without_clock(&read_text(&mut client, 89)), no_news);
    client.write_all(GET_TIME.as_bytes()).unwrap();
    assert_eq!(without_clock(&read_text(&mut client, 89)), no_news);
}

#[test]
fn a_client_that_leaves_while_it_waits_is_let_go_at_once() {
    let interval = ["--interval", "3600"];
    let hold = ["--interval", "3600", "--hold", "3600"];
    for (program, answered) in [
        (Program::start(env!("CARGO_BIN_EXE_sseapp"), &interval), 142),
        (Program::start(env!("CARGO_BIN_EXE_pollapp"), &hold), 0),
    ] {
        let mut client = waiting(&program);
        read_text(&mut client, answered);
        // One that asked for more before it left is gone all the same.
        let mut eager = waiting(&program);
        eager.write_all(GET_TIME.as_bytes()).unwrap();
        read_text(&mut eager, answered);
        for (mut client, requests) in [(client, 1), (eager, 2)] {
            let address = client.local_addr().unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            // Where something of it was never read, the system resets the connection.
            let _ = client.read_to_end(&mut rest);

            let said = program.account_of(address);

            assert_eq!(rest, b"");
            let received = said.split_once(' ').unwrap().1;
            let received: usize = received.split_once(' ').unwrap().0.parse().unwrap();
            assert!(
                received == GET_TIME.len() || received == requests * GET_TIME.len(),
                "{said}"
            );
            assert!(said.ends_with(&format!("sent {answered} bytes")), "{said}");
        }
    }
}

#[test]
fn an_interval_must_be_one_that_can_be_waited_for() {
    for program in [env!("CARGO_BIN_EXE_sseapp"), env!("CARGO_BIN_EXE_pollapp")] {
        let output = Command::new(program)
            .args(["--interval", "0"])
            .output()
            .unwrap();

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains("not within 0.001 and 86400"), "{said}");
    }
}

#[test]
fn nothing_that_a_client_sends_brings_a_web_program_down() {
    for program in [webapp(), ajaxapp(), wsapp(), sseapp(), pollapp()] {
        program.exchange(b"\0\xff\x16\x03\x01 this is no HTTP\r\n\r\n");
        program.exchange(&vec![b'A'; 1_000_000]);
        program.exchange(b"GET / HTTP/1.1\r\n");
        program.exchange(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nshort");
        drop(program.connect());

        assert!(program.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(
            program
                .get("/nowhere")
                .starts_with("HTTP/1.1 404 Not Found\r\n")
        );
        let post = program.exchange(
            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        assert!(post.starts_with(b"HTTP/1.1 405 Method Not Allowed\r\n"));
    }
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let program = webapp();
    let port = program.address.port().to_string();
    for executable in [env!("CARGO_BIN_EXE_tcpapp"), env!("CARGO_BIN_EXE_wsapp")] {
        let Output { status, stderr, .. } = Command::new(executable)
            .args(["--port", &port])
            .output()
            .unwrap();

        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1));
        assert!(
            said.contains(&format!(
                "cannot listen on 127.0.0.1:{port}: Address already in use"
            )),
            "{said}"
        );
        assert!(
            said.contains(
                "\nhint: another program has this port; stop it, or choose another one with --port"
            ),
            "{said}"
        );
    }
}

#[test]
fn signals_end_a_program_cleanly_even_in_mid_conversation() {
    for signal in ["-INT", "-TERM"] {
        for mut program in [tcpapp(), webapp(), ajaxapp(), wsapp(), sseapp(), pollapp()] {
            let _client = program.connect();
            program.signal(signal);

            assert_eq!(program.end().code(), Some(0), "{signal}");
        }
    }
}

/// Returns the program's account of a connection over which the client sent and received this many bytes.
fn account(sent_by_client: usize, received_by_client: usize) -> String {
    format!("received {sent_by_client} bytes, sent {received_by_client} bytes")
}

#[test]
fn each_program_tells_the_bytes_of_a_connection_that_its_client_counted() {
    let get = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    for (program, request) in [
        (tcpapp(), &b"time\nwhat?\nbye\n"[..]),
        (webapp(), get),
        (ajaxapp(), &get.repeat(3)),
        (wsapp(), get),
        (sseapp(), get),
        (pollapp(), get),
    ] {
        let mut client = program.connect();
        let mut answer = Vec::new();
        client.write_all(request).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.read_to_end(&mut answer).unwrap();

        let said = program.account_of(client.local_addr().unwrap());

        assert_eq!(said, account(request.len(), answer.len()));
    }
}

#[test]
fn the_bytes_before_and_after_an_upgrade_are_those_of_one_connection() {
    let program = wsapp();
    let mut client = wsapp_connection(&program);
    let get_time = b"\x81\x88\x36\x0d\x29\x16\x51\x68\x5d\x3b\x42\x64\x44\x73";
    let close = b"\x88\x82\x19\xdb\x13\x62\x1a\x32";
    for _ in 0..3 {
        client.write_all(get_time).unwrap();
    }
    client.write_all(close).unwrap();
    let mut frames = Vec::new();
    client.read_to_end(&mut frames).unwrap();

    let said = program.account_of(client.local_addr().unwrap());

    let sent = WS_REQUEST.len() + 3 * get_time.len() + close.len();
    assert_eq!(frames.len(), 3 * 22 + 2);
    assert_eq!(said, account(sent, 129 + frames.len()));
}

#[test]
fn a_client_that_hangs_up_in_the_middle_is_accounted_for() {
    for program in [tcpapp(), webapp(), ajaxapp(), wsapp(), sseapp(), pollapp()] {
        let mut client = program.connect();
        let half = b"GET / HTTP/1.1\r\nHos";
        client.write_all(half).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        let address = client.local_addr().unwrap();
        drop(client);

        assert_eq!(
            program.account_of(address),
            account(half.len(), answer.len())
        );
    }
    let program = wsapp();
    let mut client = wsapp_connection(&program);
    client.write_all(b"\x81\x88\x36").unwrap();
    let address = client.local_addr().unwrap();
    drop(client);

    assert_eq!(
        program.account_of(address),
        account(WS_REQUEST.len() + 3, 129)
    );
}

#[test]
fn a_program_that_is_told_to_stop_accounts_for_the_connections_that_are_open() {
    for signal in ["-INT", "-TERM"] {
        for (mut program, request) in [
            (tcpapp(), &b""[..]),
            (webapp(), b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
            (wsapp(), WS_REQUEST.as_bytes()),
            (sseapp(), GET_TIME.as_bytes()),
        ] {
            let mut client = program.connect();
            client.write_all(request).unwrap();
            // The first bytes of the answer are here, so the request was read.
            let mut answer = vec![0; 30];
            client.read_exact(&mut answer).unwrap();
            program.signal(signal);
            client.read_to_end(&mut answer).unwrap();

            let said = program.account_of(client.local_addr().unwrap());

            assert_eq!(said, account(request.len(), answer.len()), "{signal}");
            assert_eq!(program.end().code(), Some(0));
        }
    }
}

#[test]
fn a_client_over_ipv6_is_named_as_one() {
    let program = Program::start(env!("CARGO_BIN_EXE_webapp"), &["--host", "::1"]);
    let client = program.connect();
    let address = client.local_addr().unwrap();
    drop(client);

    assert_eq!(program.account_of(address), account(0, 0));
    assert!(address.to_string().starts_with("[::1]:"));
}
