//! Reads the steps of a scenario file: what a client does at a mark.

use std::ops::Range;

use toml::Spanned;

use super::Checked;
use super::marks::{RawMark, RawText};
use super::programs::{RawCommand, check_command};
use crate::diagnostic::Diagnostic;
use crate::scenario::program::{Argument, CommandLine};
use crate::scenario::{Action, Client, ClientKind, Reload};

/// Returns the one action of the client at this mark.
pub(super) fn check_action(raw: &RawMark, span: Range<usize>, client: &Client) -> Checked<Action> {
    if let (Some(input), None) = (&raw.input, &raw.run) {
        return Err(
            Diagnostic::new(input.span(), "`input` without `run`").with_hint(
                "a command that is `run` reads it; `send` types a line into one that is open",
            ),
        );
    }
    let steps = [
        raw.open.as_ref().map(|open| check_open(open, client)),
        raw.run.as_ref().map(|run| check_run(run, raw, client)),
        raw.send.as_ref().map(|send| check_send(send, client)),
        raw.click.as_ref().map(|click| check_click(click, client)),
        raw.type_text.as_ref().map(|text| {
            check_text(text, "type", client, |element, text| Action::Type {
                element,
                text,
            })
        }),
        raw.select.as_ref().map(|text| {
            check_text(text, "select", client, |element, text| Action::Select {
                element,
                text,
            })
        }),
        raw.reload
            .as_ref()
            .map(|reload| check_reload(reload, client)),
        raw.execute
            .as_ref()
            .map(|script| check_execute(script, client)),
        raw.wait
            .as_ref()
            .map(|wait| check_true(wait, "wait", Action::Wait)),
        raw.wait_for
            .as_ref()
            .map(|element| check_wait_for(element, client)),
        raw.screenshot
            .as_ref()
            .map(|screenshot| check_screenshot(screenshot, client)),
        raw.close
            .as_ref()
            .map(|close| check_true(close, "close", Action::Close)),
    ];
    let mut steps = steps.into_iter().flatten();
    match (steps.next(), steps.next()) {
        (Some(step), None) => step,
        (None, _) => Err(
            Diagnostic::new(span, "a mark without a step").with_hint(format!(
                "say what the client does: one of {}",
                steps_of(client.kind)
            )),
        ),
        _ => Err(Diagnostic::new(span, "a mark with more than one step")
            .with_hint("give each step a mark of its own")),
    }
}

/// Returns the step of a mark before anything is checked, for its description.
pub(super) fn written(raw: &RawMark) -> Option<Action> {
    let text = |spanned: &Spanned<String>| spanned.get_ref().clone();
    let pair = |raw: &Spanned<RawText>| {
        let RawText { element, text } = raw.get_ref();
        (element.get_ref().clone(), text.get_ref().clone())
    };
    let steps = [
        raw.open.as_ref().map(|open| written_open(open.get_ref())),
        raw.run.as_ref().map(|run| Action::Execute {
            command: command_of(run.get_ref().iter().map(|word| word.get_ref().as_str())),
            input: Vec::new(),
        }),
        raw.send.as_ref().map(|line| Action::Send(text(line))),
        raw.click.as_ref().map(|click| Action::Click(text(click))),
        raw.type_text.as_ref().map(|raw| {
            let (element, text) = pair(raw);
            Action::Type { element, text }
        }),
        raw.select.as_ref().map(|raw| {
            let (element, text) = pair(raw);
            Action::Select { element, text }
        }),
        raw.reload
            .as_ref()
            .map(|reload| Action::Reload(written_reload(reload.get_ref()))),
        raw.execute
            .as_ref()
            .map(|script| Action::Script(text(script))),
        raw.wait.as_ref().map(|_| Action::Wait),
        raw.wait_for
            .as_ref()
            .map(|element| Action::WaitFor(text(element))),
        raw.screenshot
            .as_ref()
            .map(|screenshot| Action::Screenshot(screenshot.get_ref().as_str().map(str::to_owned))),
        raw.close.as_ref().map(|_| Action::Close),
    ];
    steps.into_iter().flatten().next()
}

fn written_open(open: &toml::Value) -> Action {
    match open {
        toml::Value::String(path) => Action::OpenPage(path.clone()),
        toml::Value::Array(words) => {
            Action::Start(command_of(words.iter().filter_map(toml::Value::as_str)))
        }
        _ => Action::Connect,
    }
}

fn written_reload(reload: &toml::Value) -> Reload {
    match reload.as_str() {
        Some("forced") => Reload::Forced,
        _ => Reload::Normal,
    }
}

fn command_of<'a>(mut words: impl Iterator<Item = &'a str>) -> CommandLine {
    CommandLine {
        executable: words.next().unwrap_or_default().to_owned(),
        arguments: words.map(|word| Argument(word.to_owned())).collect(),
    }
}

/// Returns the steps that a client can do.
const fn steps_of(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Firefox => {
            "`open`, `click`, `type`, `select`, `reload`, `execute`, `wait`, `wait_for`, `screenshot`, `close`"
        }
        ClientKind::Netcat => "`open`, `send`, `wait`, `close`",
        ClientKind::Commands => "`run`, `open`, `send`, `wait`, `close`",
    }
}

fn check_open(open: &Spanned<toml::Value>, client: &Client) -> Checked<Action> {
    match (client.kind, open.get_ref()) {
        (ClientKind::Firefox, toml::Value::String(path)) if path.starts_with('/') => {
            Ok(Action::OpenPage(path.clone()))
        }
        (ClientKind::Netcat, toml::Value::Boolean(true)) => Ok(Action::Connect),
        (ClientKind::Commands, toml::Value::Array(words)) => {
            let command = words.iter().map(|word| {
                let word = word.as_str().ok_or_else(|| {
                    Diagnostic::new(open.span(), "a command is a list of texts")
                        .with_hint("write numbers as texts too, as in `[\"sleep\", \"1\"]`")
                })?;
                Ok(Spanned::new(open.span(), word.to_owned()))
            });
            let command = Spanned::new(open.span(), command.collect::<Checked<_>>()?);
            check_command(&command).map(Action::Start)
        }
        (ClientKind::Firefox, _) => Err(Diagnostic::new(open.span(), "a browser opens a page")
            .with_hint("give the path of the page, as in `open = \"/\"`")),
        (ClientKind::Netcat, _) => Err(Diagnostic::new(
            open.span(),
            "nc opens a connection, not a page",
        )
        .with_hint("write `open = true`")),
        (ClientKind::Commands, _) => Err(Diagnostic::new(open.span(), "not a command").with_hint(
            "give it with its arguments, as in `open = [\"websocat\", \"ws://{host}:{port}/\"]`",
        )),
    }
}

fn check_run(run: &Spanned<RawCommand>, raw: &RawMark, client: &Client) -> Checked<Action> {
    if client.kind != ClientKind::Commands {
        let field = client.name.as_ref().map_or("client", |_| "kind");
        return Err(
            cannot(client, "run", run.span()).with_hint(format!("write `{field} = \"command\"`"))
        );
    }
    let lines = raw.input.iter().flat_map(Spanned::get_ref);
    let input = lines.map(|line| one_line(line, "input").map(str::to_owned));
    Ok(Action::Execute {
        command: check_command(run)?,
        input: input.collect::<Checked<_>>()?,
    })
}

fn check_send(send: &Spanned<String>, client: &Client) -> Checked<Action> {
    if client.kind == ClientKind::Firefox {
        return Err(cannot(client, "send", send.span()).with_hint("a browser can `click`"));
    }
    one_line(send, "send").map(|line| Action::Send(line.to_owned()))
}

fn one_line<'a>(line: &'a Spanned<String>, field: &str) -> Checked<&'a str> {
    if !line.get_ref().contains(['\n', '\r']) {
        return Ok(line.get_ref());
    }
    Err(match field {
        "send" => Diagnostic::new(line.span(), "`send` types one line")
            .with_hint("give each line a mark of its own; Enter is typed at its end"),
        _ => Diagnostic::new(line.span(), "a text of `input` is one line")
            .with_hint("give each line a text of its own; Enter is typed at its end"),
    })
}

fn check_click(click: &Spanned<String>, client: &Client) -> Checked<Action> {
    if client.kind != ClientKind::Firefox {
        return Err(
            cannot(client, "click", click.span()).with_hint(format!("{client} can `send` a line"))
        );
    }
    selector(click, "click", "click").map(Action::Click)
}

/// Checks a text for an element, as `type` and `select` have it.
fn check_text(
    raw: &Spanned<RawText>,
    step: &str,
    client: &Client,
    action: fn(String, String) -> Action,
) -> Checked<Action> {
    require_browser(client, step, raw.span())?;
    let RawText { element, text } = raw.get_ref();
    let element = selector(element, step, "element")?;
    Ok(action(element, text.get_ref().clone()))
}

fn check_reload(reload: &Spanned<toml::Value>, client: &Client) -> Checked<Action> {
    require_browser(client, "reload", reload.span())?;
    match reload.get_ref() {
        toml::Value::Boolean(true) => Ok(Action::Reload(Reload::Normal)),
        toml::Value::Boolean(false) => Err(does_nothing(reload.span(), "reload")),
        toml::Value::String(kind) if kind == "normal" => Ok(Action::Reload(Reload::Normal)),
        toml::Value::String(kind) if kind == "forced" => Ok(Action::Reload(Reload::Forced)),
        _ => Err(
            Diagnostic::new(reload.span(), "unknown kind of reload").with_hint(
                "write `\"normal\"`, or `true`: what is cached is asked for by `If-None-Match`, as with F5; or `\"forced\"`: \
                 everything is asked for anew, as with Ctrl-F5",
            ),
        ),
    }
}

fn check_execute(script: &Spanned<String>, client: &Client) -> Checked<Action> {
    require_browser(client, "execute", script.span())?;
    Ok(Action::Script(script.get_ref().clone()))
}

fn check_wait_for(place: &Spanned<String>, client: &Client) -> Checked<Action> {
    require_browser(client, "wait_for", place.span())?;
    selector(place, "wait_for", "wait_for").map(Action::WaitFor)
}

fn check_screenshot(screenshot: &Spanned<toml::Value>, client: &Client) -> Checked<Action> {
    require_browser(client, "screenshot", screenshot.span())?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    match screenshot.get_ref() {
        toml::Value::Boolean(true) => Ok(Action::Screenshot(None)),
        toml::Value::String(name) if !name.is_empty() && name.chars().all(is_plain) => {
            Ok(Action::Screenshot(Some(name.clone())))
        }
        _ => Err(
            Diagnostic::new(screenshot.span(), "not a name for a picture").with_hint(
                "write `true`, by which it gets the number of its mark, or a name of letters, digits, '-' and '_'",
            ),
        ),
    }
}

fn require_browser(client: &Client, step: &str, span: Range<usize>) -> Checked<()> {
    if client.kind == ClientKind::Firefox {
        return Ok(());
    }
    let can = steps_of(client.kind);
    Err(cannot(client, step, span).with_hint(format!("only a browser can; {client} can {can}")))
}

/// Checks the CSS selector in a field of a step; only the browser knows if it understands it.
fn selector(raw: &Spanned<String>, step: &str, field: &str) -> Checked<String> {
    if raw.get_ref().trim().is_empty() {
        return Err(
            Diagnostic::new(raw.span(), format!("`{step}` needs an element")).with_hint(format!(
                "give a CSS selector, as in `{field} = \"#button\"`"
            )),
        );
    }
    Ok(raw.get_ref().clone())
}

/// Checks a step that is only its name.
fn check_true(step: &Spanned<bool>, name: &str, action: Action) -> Checked<Action> {
    if *step.get_ref() {
        return Ok(action);
    }
    Err(does_nothing(step.span(), name))
}

fn does_nothing(span: Range<usize>, name: &str) -> Diagnostic {
    Diagnostic::new(span, format!("`{name} = false` does nothing")).with_hint("leave it out")
}

fn cannot(client: &Client, step: &str, span: Range<usize>) -> Diagnostic {
    Diagnostic::new(span, format!("{client} cannot `{step}`"))
}
