//! Reads the clients of a scenario file: one by its kind, or tables with names.

use std::fmt;
use std::ops::Range;

use serde::de::value::{SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::Spanned;

use super::{Checked, RawScenario};
use crate::diagnostic::Diagnostic;
use crate::scenario::variables::is_name;
use crate::scenario::{Client, ClientKind, Connections, LineEnd};

/// The clients as they are written: `client = "nc"`, or `[[client]]` tables.
pub(super) enum RawClients {
    One(RawKind),
    Several(Vec<Spanned<RawClient>>),
}

/// A client with a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClient {
    name: Option<Spanned<String>>,
    kind: Option<RawKind>,
    connections: Option<Spanned<RawConnections>>,
    line_end: Option<Spanned<RawLineEnd>>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) enum RawKind {
    #[serde(rename = "firefox")]
    Firefox,
    #[serde(rename = "nc")]
    Netcat,
    #[serde(rename = "command")]
    Commands,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) enum RawConnections {
    #[serde(rename = "any")]
    Any,
    #[serde(rename = "one")]
    One,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) enum RawLineEnd {
    #[serde(rename = "lf")]
    Lf,
    #[serde(rename = "crlf")]
    CrLf,
}

impl From<RawKind> for ClientKind {
    fn from(raw: RawKind) -> Self {
        match raw {
            RawKind::Firefox => Self::Firefox,
            RawKind::Netcat => Self::Netcat,
            RawKind::Commands => Self::Commands,
        }
    }
}

impl<'de> Deserialize<'de> for RawClients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClientsVisitor)
    }
}

struct ClientsVisitor;

impl<'de> Visitor<'de> for ClientsVisitor {
    type Value = RawClients;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "`\"firefox\"`, `\"nc\"` or `\"command\"`, or a `[[client]]` table for each client",
        )
    }

    fn visit_str<E: de::Error>(self, kind: &str) -> Result<RawClients, E> {
        let kind: StrDeserializer<'_, E> = kind.into_deserializer();
        RawKind::deserialize(kind).map(RawClients::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<RawClients, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(tables)).map(RawClients::Several)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<RawClients, A::Error> {
        Err(A::Error::custom(
            "a client with fields of its own is a `[[client]]` table, in two brackets",
        ))
    }
}

/// Returns the clients, in the order of the file.
pub(super) fn check_clients(raw: &RawScenario) -> Checked<Vec<Client>> {
    let tables = match raw.client.get_ref() {
        RawClients::One(kind) => {
            let kind = (*kind).into();
            return Ok(vec![Client {
                name: None,
                kind,
                connections: check_connections(raw.connections.as_ref(), kind, "client")?,
                line_end: check_line_end(raw.line_end.as_ref(), kind, "client")?,
            }]);
        }
        RawClients::Several(tables) => tables,
    };
    let connections = raw.connections.as_ref().map(Spanned::span);
    refuse_beside_tables(connections, "connections")?;
    refuse_beside_tables(raw.line_end.as_ref().map(Spanned::span), "line_end")?;
    let mut clients: Vec<Client> = Vec::with_capacity(tables.len());
    for table in tables {
        let client = check_client(table, &clients)?;
        clients.push(client);
    }
    if clients.is_empty() {
        return Err(
            Diagnostic::new(raw.client.span(), "a scenario without a client")
                .with_hint("write `client = \"firefox\"`, `\"nc\"` or `\"command\"`"),
        );
    }
    Ok(clients)
}

/// Returns an error if a field of one client stands beside the tables of several.
fn refuse_beside_tables(span: Option<Range<usize>>, field: &str) -> Checked<()> {
    let Some(span) = span else {
        return Ok(());
    };
    Err(Diagnostic::new(span, format!("`{field}` of which client?"))
        .with_hint("put it into the `[[client]]` table that it is for"))
}

fn check_client(table: &Spanned<RawClient>, before: &[Client]) -> Checked<Client> {
    let raw = table.get_ref();
    let name = check_name(raw.name.as_ref(), table.span(), before)?;
    let Some(kind) = raw.kind else {
        return Err(
            Diagnostic::new(table.span(), format!("which kind of client is {name}?"))
                .with_hint("write `kind = \"firefox\"`, `\"nc\"` or `\"command\"`"),
        );
    };
    let kind = kind.into();
    Ok(Client {
        name: Some(name),
        kind,
        connections: check_connections(raw.connections.as_ref(), kind, "kind")?,
        line_end: check_line_end(raw.line_end.as_ref(), kind, "kind")?,
    })
}

fn check_name(
    name: Option<&Spanned<String>>,
    table: Range<usize>,
    before: &[Client],
) -> Checked<String> {
    let Some(spanned) = name else {
        return Err(Diagnostic::new(table, "a `[[client]]` without a name")
            .with_hint("add one, as in `name = \"alice\"`: by it a mark says who acts"));
    };
    let name = spanned.get_ref();
    if !is_name(name) {
        return Err(
            Diagnostic::new(spanned.span(), format!("`{name}` is no name for a client"))
                .with_hint("use a letter, then letters, digits, `_` and `-`"),
        );
    }
    // In messages and in files beside captures, nobody tells them apart by case.
    let is_same = |other: &Client| {
        let other = other.name.as_deref();
        other.is_some_and(|other| other.eq_ignore_ascii_case(name))
    };
    if before.iter().any(is_same) {
        return Err(
            Diagnostic::new(spanned.span(), format!("a second client `{name}`"))
                .with_hint("give it another name: by it a mark says who acts"),
        );
    }
    Ok(name.clone())
}

/// Checks the connections of a client; `field` is the one that says its kind.
fn check_connections(
    connections: Option<&Spanned<RawConnections>>,
    kind: ClientKind,
    field: &str,
) -> Checked<Connections> {
    let Some(connections) = connections else {
        return Ok(Connections::default());
    };
    if kind != ClientKind::Firefox {
        let message = "only a browser opens connections as it likes";
        return Err(
            Diagnostic::new(connections.span(), message).with_hint(format!(
                "leave `connections` out: it is for `{field} = \"firefox\"`"
            )),
        );
    }
    Ok(match connections.get_ref() {
        RawConnections::Any => Connections::Any,
        RawConnections::One => Connections::One,
    })
}

/// Checks the line end of a client; `field` is the one that says its kind.
fn check_line_end(
    line_end: Option<&Spanned<RawLineEnd>>,
    kind: ClientKind,
    field: &str,
) -> Checked<LineEnd> {
    let Some(line_end) = line_end else {
        return Ok(LineEnd::default());
    };
    if kind == ClientKind::Firefox {
        return Err(Diagnostic::new(
            line_end.span(),
            "a browser types no lines into a connection",
        )
        .with_hint(format!(
            "leave `line_end` out: it is for `{field} = \"nc\"` and `{field} = \"command\"`"
        )));
    }
    Ok(match line_end.get_ref() {
        RawLineEnd::Lf => LineEnd::Lf,
        RawLineEnd::CrLf => LineEnd::CrLf,
    })
}

/// The clients of a file, checked, and their places in it.
pub(super) struct Clients<'a> {
    pub(super) all: &'a [Client],
    raw: &'a Spanned<RawClients>,
}

impl<'a> Clients<'a> {
    pub(super) const fn new(all: &'a [Client], raw: &'a Spanned<RawClients>) -> Self {
        Self { all, raw }
    }

    /// Returns the place of all of them.
    pub(super) fn span(&self) -> Range<usize> {
        self.raw.span()
    }

    /// Returns the place of one.
    pub(super) fn span_of(&self, index: usize) -> Range<usize> {
        match self.raw.get_ref() {
            RawClients::Several(tables) => tables.get(index).map_or(0..0, Spanned::span),
            RawClients::One(_) => self.span(),
        }
    }

    /// Returns true if they have names.
    pub(super) fn are_named(&self) -> bool {
        matches!(self.raw.get_ref(), RawClients::Several(_))
    }

    /// Returns the name of a client behind "of", for a message; nothing if it has no name.
    pub(super) fn of(&self, index: usize) -> String {
        let name = self.all.get(index).and_then(|client| client.name.as_ref());
        name.map_or_else(String::new, |name| format!(" of {name}"))
    }

    /// Returns the index of the client with this name.
    pub(super) fn index(&self, name: &Spanned<String>) -> Checked<usize> {
        let is_it = |client: &Client| client.name.as_ref() == Some(name.get_ref());
        if let Some(index) = self.all.iter().position(is_it) {
            return Ok(index);
        }
        let error = Diagnostic::new(name.span(), format!("unknown client `{}`", name.get_ref()));
        if !self.are_named() {
            return Err(error.with_hint(
                "leave it out, since there is one client; several have a `[[client]]` table each, with a name",
            ));
        }
        let names: Vec<&str> = self
            .all
            .iter()
            .filter_map(|client| client.name.as_deref())
            .collect();
        Err(error.with_hint(format!("the clients here are {}", names.join(", "))))
    }
}
