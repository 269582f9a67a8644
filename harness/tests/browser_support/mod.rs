//! Controls a window of the real Firefox by WebDriver `BiDi`: reports what a page logs and requests. The window has any
//! size, down to a telephone's.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};
use wiresnap::lab::Lab;
use wiresnap::lab::browser::{Browser, Wishes};
use wiresnap::machine::browser::Kind;
use wiresnap::machine::privilege::Account;
use wiresnap::machine::tools::Tools;

use crate::workspace;

/// The longest time that the browser may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The script that records a page's violations and errors, from before the page's first script on.
const WATCH: &str = "() => {
    window.offences = [];
    addEventListener('securitypolicyviolation', (event) => window.offences.push(`${event.violatedDirective} ${event.blockedURI}`));
    addEventListener('error', (event) => window.offences.push(`error ${event.message}`));
}";

/// A colour scheme, as the preference of Firefox numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Dark = 0,
    Light = 1,
}

/// A browser with one window.
pub(crate) struct Window {
    runtime: Runtime,
    browser: Option<Browser>,
    lab: Lab,
    _folder: TempDir,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    context: String,
    next_id: u64,
    events: VecDeque<Value>,
}

impl Window {
    pub(crate) fn open(scheme: Scheme) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::find(&workspace::root(), Kind::Firefox);
        let lab = Lab::new(folder.path().to_owned(), tools, Account::default());
        let wishes = Wishes {
            preferences: vec![
                (
                    "layout.css.prefers-color-scheme.content-override",
                    json!(scheme as u8),
                ),
                ("ui.prefersReducedMotion", json!(1)),
                // A mouse: it is exact and can point without touching.
                ("ui.primaryPointerCapabilities", json!(6)),
                ("ui.allPointerCapabilities", json!(6)),
            ],
            bidirectional: true,
            name: None,
        };
        let browser = runtime
            .block_on(Browser::start_with(&lab, &wishes))
            .unwrap();
        let (socket, _) = tungstenite::connect(browser.socket().unwrap()).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut window = Self {
            runtime,
            browser: Some(browser),
            lab,
            _folder: folder,
            socket,
            context: String::new(),
            next_id: 0,
            events: VecDeque::new(),
        };
        window.prepare();
        window
    }

    fn prepare(&mut self) {
        let tree = self.command("browsingContext.getTree", &json!({}));
        tree["contexts"][0]["context"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.context);
        self.command(
            "session.subscribe",
            &json!({"events": ["log.entryAdded", "network.beforeRequestSent"]}),
        );
        self.command(
            "script.addPreloadScript",
            &json!({"functionDeclaration": WATCH}),
        );
    }

    /// Sends a command and waits for its answer; events in between are kept.
    pub(crate) fn command(&mut self, method: &str, params: &Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let command = json!({"id": id, "method": method, "params": params});
        self.socket
            .send(Message::text(command.to_string()))
            .unwrap();
        loop {
            let text = self.socket.read().unwrap().into_text().unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert_eq!(answer["type"], "success", "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push_back(answer);
        }
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn go_to(&mut self, page: &Path) {
        let url = format!("file://{}", page.display());
        let context = self.context.clone();
        self.command(
            "browsingContext.navigate",
            &json!({"context": context, "url": url, "wait": "complete"}),
        );
    }

    /// Sets the size of the viewport, in CSS pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let context = self.context.clone();
        let viewport = json!({"width": width, "height": height});
        self.command(
            "browsingContext.setViewport",
            &json!({"context": context, "viewport": viewport}),
        );
    }

    /// Returns the value of a JavaScript expression on the page, as JSON.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": format!("JSON.stringify({expression})"),
            "target": {"context": self.context},
            "awaitPromise": true,
        });
        let result = self.command("script.evaluate", &params);
        assert_eq!(result["type"], "success", "{expression}: {result}");
        match result["result"]["value"].as_str() {
            Some(json) => serde_json::from_str(json).unwrap(),
            None => Value::Null,
        }
    }

    /// Moves the pointer to the middle of the first element that a selector finds.
    pub(crate) fn point_at(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); return [Math.round(r.x + r.width / 2), Math.round(r.y + r.height / 2)]; }})()"
        ));
        let movement = json!({"type": "pointerMove", "x": place[0], "y": place[1]});
        let source = json!({"type": "pointer", "id": "mouse", "actions": [movement]});
        let context = self.context.clone();
        self.command(
            "input.performActions",
            &json!({"context": context, "actions": [source]}),
        );
    }

    /// Presses and releases a key, by its code in the WebDriver specification.
    pub(crate) fn press(&mut self, key: char) {
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let source = json!({"type": "key", "id": "keyboard", "actions": actions});
        let context = self.context.clone();
        self.command(
            "input.performActions",
            &json!({"context": context, "actions": [source]}),
        );
    }

    /// Returns the log entries of pages, or the URLs of their requests, so far.
    pub(crate) fn events(&self, method: &str) -> Vec<String> {
        let of_method = self.events.iter().filter(|event| event["method"] == method);
        let text = |event: &Value| match method {
            "network.beforeRequestSent" => event["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned(),
            _ => event["params"]["text"].to_string(),
        };
        of_method.map(text).collect()
    }

    /// Writes a screenshot of the window (or of the whole document) into a file.
    pub(crate) fn picture(&mut self, file: &Path, whole: bool) {
        let origin = if whole { "document" } else { "viewport" };
        let context = self.context.clone();
        let result = self.command(
            "browsingContext.captureScreenshot",
            &json!({"context": context, "origin": origin}),
        );
        let bytes = BASE64.decode(result["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Writes the page as it would be printed, as a PDF.
    pub(crate) fn print(&mut self, file: &Path) {
        let context = self.context.clone();
        let result = self.command(
            "browsingContext.print",
            &json!({"context": context, "background": true}),
        );
        let bytes = BASE64.decode(result["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let browser = self.browser.take();
        let lab = &self.lab;
        self.runtime.block_on(async {
            if let Some(browser) = browser {
                // Whatever it answers, nothing is left of it.
                let _ = browser.close().await;
            }
            lab.end_processes().await;
        });
    }
}
