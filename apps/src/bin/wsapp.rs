//! The server's time over a WebSocket: the page opens one, sends `get-time` on it and gets the time as a message.

use std::process::ExitCode;
use std::time::Duration;

use apps::clock::Reading;
use apps::http::{LateBody, is_read, page, refusal, serve, with_status};
use apps::listen::{Address, run, tell};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Parser;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocket, WebSocketError};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::AsyncReadExt as _;

/// The longest message that a client may send; the only meaningful one has eight bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// The time that the server waits, after both sides sent a close frame, for the client to close the connection first.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Serve the time of day over a WebSocket
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    address: Address,
}

fn main() -> ExitCode {
    let options = Options::parse();
    run("wsapp", async move {
        serve(options.address.listen().await?, handle).await
    })
}

async fn handle(mut request: Request<Incoming>) -> Response<LateBody> {
    if !is_read(&request) {
        return refusal(&request);
    }
    match request.uri().path() {
        "/" => {
            let clock = Reading::now();
            page(home_page(&clock), &clock)
        }
        "/time" => match key_of_handshake(request.headers()) {
            Some(key) => {
                let accept = accept_for(key);
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(deliver_time(upgrade));
                switching_protocols(&accept)
            }
            None => upgrade_required(),
        },
        _ => refusal(&request),
    }
}

fn home_page(clock: &Reading) -> String {
    include_str!("../../pages/wsapp.html").replace("{time}", &clock.time_of_day())
}

/// Returns the client's key, if the request is an opening handshake (RFC 6455 §4.2.1).
fn key_of_handshake(headers: &HeaderMap) -> Option<&[u8]> {
    let is_handshake = lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &UPGRADE, "websocket")
        && lists(headers, &SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let is_key = BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    (is_handshake && is_key).then_some(key)
}

/// Returns true if a comma-separated header field has `token` among its values.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Returns the answer that proves that the server understood the key (RFC 6455 §4.2.2, step 5).
fn accept_for(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64.encode(digest)
}

fn switching_protocols(accept: &str) -> Response<LateBody> {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(LateBody::empty())
        .expect("base64 is printable")
}

/// Returns the answer to a plain request for the WebSocket's address (RFC 9110 §15.5.22, RFC 6455 §4.4).
fn upgrade_required() -> Response<LateBody> {
    let body = "this is a WebSocket, version 13\n".to_owned();
    let mut response = with_status(StatusCode::UPGRADE_REQUIRED, body, &Reading::now());
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, 13.into());
    response
}

async fn deliver_time(upgrade: OnUpgrade) {
    let outcome = match upgrade.await {
        Ok(connection) => converse(TokioIo::new(connection)).await,
        Err(error) => {
            return tell(&format!(
                "connection ended before it was a WebSocket: {error}"
            ));
        }
    };
    match outcome {
        Ok(()) | Err(WebSocketError::UnexpectedEOF) => {}
        Err(error) => tell(&format!("WebSocket ended: {error}")),
    }
}

/// The connection after its upgrade.
type Socket = WebSocket<TokioIo<Upgraded>>;

/// Answers every `get-time` until the client closes the WebSocket.
async fn converse(connection: TokioIo<Upgraded>) -> Result<(), WebSocketError> {
    let mut socket = WebSocket::after_handshake(connection, Role::Server);
    // Left to itself, the library would echo the client's status code; the experiment's server closes without one.
    socket.set_auto_close(false);
    socket.set_max_message_size(LONGEST_MESSAGE);
    loop {
        match read_message(&mut socket).await {
            Ok(Some(message)) if message == b"get-time" => {
                let update = Payload::Owned(Reading::now().update().into_bytes());
                socket.write_frame(Frame::text(update)).await?;
            }
            Ok(Some(_)) => {}
            Ok(None) => return say_goodbye(socket).await,
            Err(error) => return refuse(socket, error).await,
        }
    }
}

/// Puts the frames of the next message together (RFC 6455 §5.4); `None` if the client closes.
///
/// The library would do this too, but without a limit on the sum of many small frames.
async fn read_message(socket: &mut Socket) -> Result<Option<Vec<u8>>, WebSocketError> {
    let mut message = Vec::new();
    let mut has_begun = false;
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(None),
            OpCode::Ping | OpCode::Pong => continue,
            OpCode::Text | OpCode::Binary if has_begun => {
                return Err(WebSocketError::InvalidFragment);
            }
            OpCode::Continuation if !has_begun => {
                return Err(WebSocketError::InvalidContinuationFrame);
            }
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {}
        }
        has_begun = true;
        message.extend_from_slice(&frame.payload);
        if message.len() > LONGEST_MESSAGE {
            return Err(WebSocketError::FrameTooLarge);
        }
        if frame.fin {
            return Ok(Some(message));
        }
    }
}

/// Tells a client that broke the protocol which rule it was, if it is still there (RFC 6455 §7.4.1).
async fn refuse(mut socket: Socket, error: WebSocketError) -> Result<(), WebSocketError> {
    let status = match error {
        WebSocketError::UnexpectedEOF | WebSocketError::IoError(_) => return Err(error),
        WebSocketError::InvalidUTF8 => 1007,
        WebSocketError::FrameTooLarge => 1009,
        _ => 1002,
    };
    socket.write_frame(Frame::close(status, b"")).await?;
    Err(error)
}

/// Answers the client's close frame, then lets the client close the connection first, as the captured one did.
async fn say_goodbye(mut socket: Socket) -> Result<(), WebSocketError> {
    let no_status = Payload::Borrowed(&[]);
    socket.write_frame(Frame::close_raw(no_status)).await?;
    let mut connection = socket.into_inner();
    let mut rest = [0; 512];
    let until_closed = async { while matches!(connection.read(&mut rest).await, Ok(1..)) {} };
    // A client that does not close in time is closed on; both are a normal end.
    let _ = tokio::time::timeout(CLOSE_PATIENCE, until_closed).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_719_bytes_and_an_update_20() {
        let clock = Reading::now();
        assert_eq!(home_page(&clock).len(), 719);
        assert_eq!(clock.update().len(), 20);
    }

    #[test]
    fn the_accept_key_is_that_of_the_original_capture() {
        assert_eq!(
            accept_for(b"W+pQUnxtfyImglCepUIxdw=="),
            "jvz8rJ0yJN/A4J0kiZQLiifpQO8="
        );
    }
}
