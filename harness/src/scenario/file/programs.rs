//! Reads the programs of a scenario file: the one under study, and its helpers.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Checked, RawScenario};
use crate::diagnostic::Diagnostic;
use crate::scenario::program::{Argument, CommandLine, Executable, Program, Ready};

/// A command with its arguments.
pub(super) type RawCommand = Vec<Spanned<String>>;

/// The time that a program may take until it is ready, if the file does not say: a JVM on a busy machine takes ten
/// seconds.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// The longest such time that a file may give, in seconds: ten minutes.
const LONGEST_START: f64 = 600.0;

/// The arguments that tell a program that was built here where to listen.
const ADDRESS: [&str; 4] = ["--host", "{host}", "--port", "{port}"];

/// A helper that a program needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHelper {
    command: Spanned<RawCommand>,
    #[serde(default)]
    environment: BTreeMap<String, Spanned<String>>,
    folder: Option<Spanned<String>>,
    ready: Option<Spanned<RawReady>>,
    #[serde(default)]
    daemon: bool,
}

/// The sign that a program is ready.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReady {
    log: Option<Spanned<String>>,
    port: Option<Spanned<u16>>,
    http: Option<Spanned<String>>,
    within: Option<Spanned<f64>>,
}

impl RawHelper {
    /// Returns the texts that may hold variables.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Spanned<String>> {
        let ready = self.ready.iter_mut();
        (self.command.get_mut().iter_mut())
            .chain(self.environment.values_mut())
            .chain(&mut self.folder)
            .chain(ready.flat_map(|ready| ready.get_mut().texts()))
    }
}

impl RawReady {
    /// Returns the texts that may hold variables.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Spanned<String>> {
        self.log.iter_mut().chain(&mut self.http)
    }
}

/// Returns the program under study: one of `programs`, which were built here, or any command.
pub(super) fn check_program(raw: &RawScenario, programs: &[String]) -> Checked<Program> {
    let rest = Rest {
        environment: &raw.environment,
        folder: raw.folder.as_ref(),
        ready: raw.ready.as_ref(),
        is_daemon: raw.daemon,
        otherwise: Ready::Listening,
    };
    match (&raw.program, &raw.command) {
        (Some(program), None) => {
            require_built(program, programs)?;
            let own = raw.arguments.iter().map(check_argument);
            let address = ADDRESS.iter().map(|text| Ok(Argument((*text).to_owned())));
            rest.complete(
                program.get_ref().clone(),
                Executable::Built(program.get_ref().clone()),
                address.chain(own).collect::<Checked<_>>()?,
            )
        }
        (None, Some(command)) => {
            if let Some(argument) = raw.arguments.first() {
                return Err(Diagnostic::new(argument.span(), "`arguments` are those of a `program`")
                    .with_hint("put them into `command`, behind what is started"));
            }
            rest.complete_command(command)
        }
        (Some(_), Some(command)) => Err(Diagnostic::new(
            command.span(),
            "a scenario with both `program` and `command`",
        )
        .with_hint("`program` is one that was built here, `command` any other: keep one of the two")),
        (None, None) => Err(Diagnostic::new(0..0, "no program: `program` or `command` is missing").with_hint(
            "add `command = [\"…\"]` with its arguments, or `program` with the name of one that was built here",
        )),
    }
}

pub(super) fn check_helper(spanned: &Spanned<RawHelper>) -> Checked<Program> {
    let raw = spanned.get_ref();
    let rest = Rest {
        environment: &raw.environment,
        folder: raw.folder.as_ref(),
        ready: raw.ready.as_ref(),
        is_daemon: raw.daemon,
        otherwise: Ready::Started,
    };
    rest.complete_command(&raw.command)
}

/// The fields that all kinds of programs have in common.
struct Rest<'a> {
    environment: &'a BTreeMap<String, Spanned<String>>,
    folder: Option<&'a Spanned<String>>,
    ready: Option<&'a Spanned<RawReady>>,
    is_daemon: bool,
    /// The sign that it is ready if the file does not say.
    otherwise: Ready,
}

impl Rest<'_> {
    fn complete_command(self, command: &Spanned<RawCommand>) -> Checked<Program> {
        let command = check_command(command)?;
        self.complete(
            command.name().to_owned(),
            Executable::Command(command.executable),
            command.arguments,
        )
    }

    fn complete(
        self,
        name: String,
        executable: Executable,
        arguments: Vec<Argument>,
    ) -> Checked<Program> {
        let environment = self.environment.iter();
        let environment = environment
            .map(|(name, value)| Ok((check_variable(name, value)?, check_argument(value)?)))
            .collect::<Checked<_>>()?;
        let within = self.ready.and_then(|ready| ready.get_ref().within.as_ref());
        Ok(Program {
            name,
            executable,
            arguments,
            environment,
            folder: self.folder.map(check_folder).transpose()?,
            ready: match self.ready {
                Some(ready) => check_ready(ready, &self.otherwise)?,
                None => self.otherwise,
            },
            within: match within {
                Some(within) => check_within(within, LONGEST_START, "a program")?,
                None => START_PATIENCE,
            },
            is_daemon: self.is_daemon,
        })
    }
}

/// Checks a command of any kind: the executable, then its arguments.
pub(super) fn check_command(raw: &Spanned<RawCommand>) -> Checked<CommandLine> {
    let missing = || {
        Diagnostic::new(raw.span(), "a command without a program")
            .with_hint("name the program first, as in `[\"python3\", \"server.py\"]`")
    };
    let (executable, arguments) = raw.get_ref().split_first().ok_or_else(missing)?;
    if executable.get_ref().trim().is_empty() {
        return Err(missing());
    }
    Ok(CommandLine {
        executable: check_argument(executable)?.0,
        arguments: arguments
            .iter()
            .map(check_argument)
            .collect::<Checked<_>>()?,
    })
}

fn require_built(program: &Spanned<String>, programs: &[String]) -> Checked<()> {
    if programs.contains(program.get_ref()) {
        return Ok(());
    }
    let mistake = Diagnostic::new(
        program.span(),
        format!("unknown program `{}`", program.get_ref()),
    );
    Err(mistake.with_hint(if programs.is_empty() {
        "there is none beside wiresnap, as `make build` builds them here; any other program is started by `command`"
            .to_owned()
    } else {
        format!("the programs here are {}", programs.join(", "))
    }))
}

fn check_argument(raw: &Spanned<String>) -> Checked<Argument> {
    if raw.get_ref().contains('\0') {
        return Err(
            Diagnostic::new(raw.span(), "an argument cannot hold a NUL byte")
                .with_hint("the system ends an argument there: leave it out"),
        );
    }
    let argument = Argument(raw.get_ref().clone());
    match argument.mistake() {
        None => Ok(argument),
        Some(braced) => Err(
            Diagnostic::new(raw.span(), format!("`{braced}` is not a length of time")).with_hint(
                "write `{10s}` for ten seconds of the timeline; the program gets the number of seconds, scaled",
            ),
        ),
    }
}

fn check_variable(name: &str, value: &Spanned<String>) -> Checked<String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Diagnostic::new(
            value.span(),
            format!("`{name}` is not the name of a variable"),
        )
        .with_hint("the system takes any name without `=`"));
    }
    Ok(name.to_owned())
}

fn check_folder(folder: &Spanned<String>) -> Checked<PathBuf> {
    let path = Path::new(folder.get_ref());
    let leads_out = |component| matches!(component, Component::ParentDir | Component::RootDir);
    if path.components().any(leads_out) {
        return Err(
            Diagnostic::new(folder.span(), "the folder is not in the project").with_hint(
                "give a path from the folder of wiresnap.toml, as in `folder = \"server\"`",
            ),
        );
    }
    Ok(path.to_owned())
}

fn check_ready(ready: &Spanned<RawReady>, otherwise: &Ready) -> Checked<Ready> {
    let RawReady {
        log,
        port,
        http,
        within,
    } = ready.get_ref();
    match (log, http, port) {
        (None, None, None) if within.is_some() => Ok(otherwise.clone()),
        (Some(text), None, None) if !text.get_ref().is_empty() => {
            Ok(Ready::Says(text.get_ref().clone()))
        }
        (None, None, Some(port)) if *port.get_ref() != 0 => Ok(Ready::ListeningOn(*port.get_ref())),
        (None, Some(path), port) if port.as_ref().is_none_or(|port| *port.get_ref() != 0) => {
            let port = port.as_ref().map(|port| *port.get_ref());
            if port.is_none() && *otherwise != Ready::Listening {
                return Err(Diagnostic::new(path.span(), "the `http` of a helper needs `port`")
                    .with_hint("add it, as in `ready = { http = \"/healthz\", port = 9000 }`"));
            }
            Ok(Ready::Answers {
                path: check_path(path)?,
                port,
            })
        }
        _ => Err(Diagnostic::new(ready.span(), "`ready` needs one of `log`, `port` and `http`").with_hint(
            "a line of its output, as in `ready = { log = \"listening\" }`, a port, as in `ready = { port = 9000 }`, or an \
             answer, as in `ready = { http = \"/healthz\" }`",
        )),
    }
}

/// Checks the seconds in a field `within`, of which `whose` may take `longest` at most.
pub(super) fn check_within(within: &Spanned<f64>, longest: f64, whose: &str) -> Checked<Duration> {
    let seconds = *within.get_ref();
    if seconds > 0.0 && seconds <= longest {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(Diagnostic::new(
        within.span(),
        format!("{whose} cannot take {seconds} s"),
    )
    .with_hint(format!(
        "give the most seconds that it may take, more than 0 and up to {longest}, as in `within = 60`"
    )))
}

/// Checks the target of a request (RFC 9112 §3.2.1): it must be printable, and is sent as it is.
fn check_path(path: &Spanned<String>) -> Checked<String> {
    let text = path.get_ref();
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.clone());
    }
    Err(
        Diagnostic::new(path.span(), format!("`{text}` is not a path to ask for")).with_hint(
            "write it as it is sent: from `/` on, without spaces, as in `http = \"/healthz\"`",
        ),
    )
}
