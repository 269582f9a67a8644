//! Finds why a browser does not do what it is told, as far as it and its page can tell.

use std::time::Duration;

use fantoccini::error::{CmdError, ErrorStatus, WebDriver};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{Browser, answer, first_line};
use crate::error::Error;

/// The longest time that the page may take to tell: one that is still loading may not answer at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// The largest number of resources still loading that are named.
const MOST_NAMED: usize = 3;

/// Looks for a selector in the frames and shadow roots of a page, and gives the element that it is inside of.
const LOOK_INSIDE: &str = "
    const selector = arguments[0];
    const name = e => e.localName + (e.id ? '#' + e.id : '');
    let foreign = null;
    const look = root => {
        for (const e of root.querySelectorAll('*')) {
            const inside = [['shadow', e.shadowRoot]];
            if (e.localName === 'iframe' || e.localName === 'frame') {
                let page = null;
                try { page = e.contentDocument; } catch {}
                inside.push(['frame', page]);
                if (!page) foreign = name(e);
            }
            for (const [kind, root] of inside) {
                if (!root) continue;
                const found = root.querySelector(selector) ? { kind, name: name(e) } : look(root);
                if (found) return found;
            }
        }
        return null;
    };
    return look(document) || { kind: foreign ? 'foreign' : 'nowhere', name: foreign || '' };";

/// Gives what a page refers to and has not loaded yet, or was not answered when the driver had it stop.
const STILL_LOADING: &str = "
    const isAnswered = entry => entry.responseStatus !== 0 || !entry.name.startsWith(location.origin + '/');
    const entries = performance.getEntriesByType('resource').filter(isAnswered);
    const loaded = new Set(entries.map(entry => entry.name));
    const elements = [...document.querySelectorAll(
        'img, script[src], link[rel~=stylesheet], iframe, frame, embed, object, video, audio')];
    const urls = elements
        .filter(e => e.localName !== 'img' || !e.complete || !e.naturalWidth)
        .map(e => e.currentSrc || e.src || e.href || e.data)
        .filter(url => url && url.startsWith('http') && !loaded.has(url));
    return [...new Set(urls)];";

/// The fault that a driver's answer names.
pub(super) struct Known {
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
    /// True if nothing else can be behind it, such as the end of the program.
    pub(super) is_cause: bool,
}

/// Returns the fault of a command, or `None` if the fault may lie with the browser.
pub(super) fn known(error: &CmdError) -> Option<Known> {
    let CmdError::Standard(error) = error else {
        return None;
    };
    if let Some(message) = error_page(&error.message) {
        return Some(Known {
            message,
            hint: Some(
                "does the program still answer? do the step by hand in that browser, with the program running",
            ),
            is_cause: false,
        });
    }
    let message = said(error);
    let (message, hint) = match &error.error {
        ErrorStatus::UnexpectedAlertOpen => (
            format!("a dialog is open{}", text_of_dialog(error)),
            Some(
                "have the page answer dialogs itself, by a step before: `execute = \"window.alert = window.confirm = () => true\"`",
            ),
        ),
        ErrorStatus::ElementNotInteractable => (
            message,
            Some("the element is there, but hidden or without a size: have a step before show it"),
        ),
        ErrorStatus::ElementClickIntercepted => (
            message,
            Some("something covers it: close that by a step before, or wait until it is gone"),
        ),
        ErrorStatus::InvalidSelector => (
            message,
            Some("try the selector in the browser's console: `document.querySelector(\"…\")`"),
        ),
        ErrorStatus::JavascriptError => (
            message,
            Some("try the script in the browser's console, on this page"),
        ),
        ErrorStatus::StaleElementReference => (
            "the page has replaced the element in the meantime".to_owned(),
            Some("put the mark a little later, or wait for something that the new page shows"),
        ),
        ErrorStatus::NoSuchElement
        | ErrorStatus::InvalidArgument
        | ErrorStatus::InvalidElementState
        | ErrorStatus::ElementNotSelectable
        | ErrorStatus::MoveTargetOutOfBounds => (message, None),
        _ => return None,
    };
    Some(Known {
        message,
        hint,
        is_cause: true,
    })
}

/// Returns the driver's message, preceded by the kind of the error; chromedriver may begin with that itself.
pub(super) fn said(error: &WebDriver) -> String {
    let (kind, message) = (error.error(), first_line(&error.message));
    if message.starts_with(&*kind) {
        return message.to_owned();
    }
    format!("{kind}: {message}")
}

/// Returns the text of the page that Firefox shows in place of one that it could not load.
fn error_page(message: &str) -> Option<String> {
    let (_, query) = message.split_once("about:neterror?")?;
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(query.as_bytes());
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value.into_owned())
    };
    let (name, description) = (field("e")?, field("d").unwrap_or_default());
    Some(format!("{description} ({name})").trim_start().to_owned())
}

/// Returns the text of a dialog, as far as the driver tells.
fn text_of_dialog(error: &WebDriver) -> String {
    let told = error
        .data
        .as_ref()
        .and_then(|data| data.get("text")?.as_str());
    // Chromedriver has it in the sentence: `{Alert text : hello}`.
    let in_sentence = || {
        let (_, text) = error.message.split_once("{Alert text : ")?;
        text.split_once('}').map(|(text, _)| text)
    };
    told.or_else(in_sentence)
        .map_or_else(String::new, |text| format!(": {text:?}"))
}

/// Returns a hint about a page that could not be opened.
pub(super) fn hint_of_page(error: &CmdError, url: &str) -> String {
    let said = error.to_string();
    let is_reset = [
        "netReset",
        "ERR_EMPTY_RESPONSE",
        "ERR_CONNECTION_RESET",
        "ERR_INVALID_HTTP_RESPONSE",
    ];
    if is_reset.iter().any(|reset| said.contains(reset)) {
        return format!(
            "the program closed the connection without an answer to HTTP: does it want TLS? wiresnap opens pages by `http://` \
             only; try `curl {url}`"
        );
    }
    format!("does the program answer? start it by hand and try `curl {url}`")
}

/// The frame or shadow root that holds an element missing from the page itself.
#[derive(Debug, Deserialize)]
struct Inside {
    kind: String,
    name: String,
}

impl Inside {
    fn hint(&self, selector: &str) -> Option<String> {
        let name = &self.name;
        match self.kind.as_str() {
            "shadow" => Some(format!(
                "`{selector}` is in the shadow root of `{name}`, where selectors do not reach: reach it by `execute = \"\
                 document.querySelector('{name}').shadowRoot.querySelector('{selector}').click()\"`"
            )),
            "frame" => Some(format!(
                "`{selector}` is in the frame `{name}`, where selectors do not reach: reach it by `execute = \"\
                 document.querySelector('{name}').contentDocument.querySelector('{selector}').click()\"`"
            )),
            "foreign" => Some(format!(
                "the page has a frame of another origin, `{name}`, where selectors do not reach: open its page itself"
            )),
            _ => None,
        }
    }
}

impl Browser {
    /// Returns a reason why a selector finds nothing, if one can be found: the element is in a frame or in a shadow
    /// root, another window has been opened, or the page is still loading.
    pub async fn why_not_found(&self, selector: &str) -> Option<String> {
        let inside = self.ask(LOOK_INSIDE, vec![selector.into()]).await;
        let inside = inside.and_then(|inside| serde_json::from_value::<Inside>(inside).ok());
        if let Some(hint) = inside.and_then(|inside| inside.hint(selector)) {
            return Some(hint);
        }
        if let Some(hint) = self.other_window().await {
            return Some(hint);
        }
        let loading = self.still_loading().await;
        (!loading.is_empty()).then(|| format!("the page still loads {}", loading.join(", ")))
    }

    /// Returns a hint if the page has opened another window: the session stays in the first.
    pub async fn other_window(&self) -> Option<String> {
        let windows = timeout(PATIENCE, self.client.windows()).await.ok()?.ok()?;
        (windows.len() > 1).then(|| {
            "the page has opened another window, and wiresnap stays in the first: have it open there, as by `execute = \"\
             document.querySelectorAll('[target]').forEach(e => e.removeAttribute('target'))\"` before the step"
                .to_owned()
        })
    }

    /// Returns the error for a page that takes too long to load.
    pub(super) async fn slow_page(&self, what: &str) -> Error {
        let seconds = self.loading_limit().as_secs_f64();
        let kind = self.kind;
        let loading = self.still_loading().await;
        let why = if loading.is_empty() {
            format!("the page is not loaded after {seconds} s")
        } else {
            format!(
                "after {seconds} s the page still loads {}",
                loading.join(", ")
            )
        };
        Error::run(format!("{kind} could not {what}: {why}"))
            .with_hint(
                "does the program answer all that the page asks for? where it only takes longer, give the mark time: `within = 60`",
            )
            .as_cause()
    }

    async fn still_loading(&self) -> Vec<String> {
        let urls = self.ask(STILL_LOADING, Vec::new()).await;
        let mut urls: Vec<String> = urls
            .and_then(|urls| serde_json::from_value(urls).ok())
            .unwrap_or_default();
        if urls.len() > MOST_NAMED {
            let more = urls.len() - MOST_NAMED;
            urls.truncate(MOST_NAMED);
            urls.push(format!("{more} more"));
        }
        urls
    }

    /// Runs a script of ours in the page and returns its answer, if it answers.
    async fn ask(&self, script: &str, arguments: Vec<Value>) -> Option<Value> {
        let asking = answer(self.client.execute(script, arguments));
        timeout(PATIENCE, asking).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard(status: ErrorStatus, message: &str) -> CmdError {
        CmdError::Standard(WebDriver::new(status, message.to_owned()))
    }

    #[test]
    fn a_dialog_is_named_with_its_text() {
        let of_chromium = standard(
            ErrorStatus::UnexpectedAlertOpen,
            "unexpected alert open: {Alert text : sure?}",
        );
        let known = known(&of_chromium).unwrap();
        assert_eq!(known.message, "a dialog is open: \"sure?\"");
        assert!(known.hint.unwrap().contains("window.confirm"));

        let mut of_firefox = WebDriver::new(ErrorStatus::UnexpectedAlertOpen, "Dismissed");
        of_firefox.data = Some(serde_json::json!({"text": "hello"}));
        assert_eq!(text_of_dialog(&of_firefox), ": \"hello\"");
    }

    #[test]
    fn what_may_be_a_browser_that_ended_is_not_known() {
        for status in [
            ErrorStatus::UnknownError,
            ErrorStatus::InvalidSessionId,
            ErrorStatus::NoSuchWindow,
            ErrorStatus::Timeout,
        ] {
            assert!(known(&standard(status, "x")).is_none());
        }
        assert!(known(&CmdError::WaitTimeout).is_none());
        assert!(known(&standard(ErrorStatus::JavascriptError, "x")).is_some());
    }

    #[test]
    fn the_kind_of_an_error_is_said_once() {
        let says = |message: &'static str| {
            said(&WebDriver::new(
                ErrorStatus::ElementNotInteractable,
                message,
            ))
        };
        let once = "element not interactable: it is hidden";
        assert_eq!(says(once), once);
        assert_eq!(says("it is hidden"), once);
    }

    #[test]
    fn a_server_that_wants_tls_is_guessed() {
        let reset = standard(
            ErrorStatus::UnknownError,
            "Reached error page: about:neterror?e=netReset",
        );
        assert!(hint_of_page(&reset, "http://a/").contains("TLS"));
        let page = "Reached error page: about:neterror?e=netReset&u=http%3A//a/&d=The%20connection%20was%20reset.";
        let known = known(&standard(ErrorStatus::UnknownError, page)).unwrap();
        assert_eq!(known.message, "The connection was reset. (netReset)");
        assert!(!known.is_cause, "the program may have ended");
        let refused = standard(ErrorStatus::UnknownError, "e=connectionFailure");
        assert!(hint_of_page(&refused, "http://a/").contains("does the program answer"));
    }

    #[test]
    fn where_an_element_is_is_said_with_a_way_to_it() {
        let hint = |kind: &str| {
            let inside = Inside {
                kind: kind.to_owned(),
                name: "x-box".to_owned(),
            };
            inside.hint("#in").unwrap_or_default()
        };
        assert!(hint("shadow").contains("in the shadow root of `x-box`"));
        assert!(hint("frame").contains("in the frame `x-box`"));
        assert!(hint("foreign").contains("of another origin"));
        assert_eq!(hint("nowhere"), "");
    }
}
