//! The messages of a run, in pieces that correspond to those of other runs.
//!
//! A connection is such a piece, but for a browser's: it takes connections by chance, and so each exchange is one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use wirestream::message::Name;
use wirestream::message::part::parts;
use wirestream::message::{Detail, Message};
use wirestream::units::Side;

use crate::render::redact;

/// Messages that belong together.
pub(super) struct Talk {
    /// The name of the piece: `connection 1`, `GET /app.js`.
    pub(super) title: String,
    pub(super) messages: Vec<(Name, Message)>,
}

/// Returns what was said in a run, given connection by connection.
pub(super) fn all(connections: Vec<Vec<(Name, Message)>>, is_browser: bool) -> Vec<Talk> {
    let numbered = connections.into_iter().zip(1..);
    let talks = numbered.map(|(messages, number): (_, usize)| Talk {
        title: format!("connection {number}"),
        messages,
    });
    if !is_browser {
        return talks.collect();
    }
    let mut exchanges: Vec<Talk> = talks.flat_map(Talk::exchanges).collect();
    // A sort that keeps the order of what began at the same time.
    exchanges.sort_by_key(|talk| talk.messages.first().map(|(_, message)| message.time));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in &mut exchanges {
        let count = counts.entry(exchange.title.clone()).or_default();
        *count += 1;
        if *count > 1 {
            exchange.title = format!("{} ({count})", exchange.title);
        }
    }
    exchanges
}

impl Talk {
    /// Takes a connection apart into its exchanges; one that holds anything else stays as it is, from there on.
    fn exchanges(self) -> Vec<Self> {
        let mut exchanges: Vec<Self> = Vec::new();
        let mut is_switched = false;
        for (name, message) in self.messages {
            let Detail::Http(http) = &message.detail else {
                is_switched |= !matches!(message.detail, Detail::Event(_) | Detail::EventsEnd(_));
                push(&mut exchanges, &self.title, (name, message));
                continue;
            };
            let begins = message.from == Side::Client && !is_switched;
            if begins {
                let target = redact::target(http.head.method(), path(http.head.target()));
                let [method, target] = [http.head.method(), &target]
                    .map(|text| String::from_utf8_lossy(text).into_owned());
                exchanges.push(Self {
                    title: format!("{method} {target}"),
                    messages: Vec::new(),
                });
            }
            push(&mut exchanges, &self.title, (name, message));
        }
        exchanges
    }

    /// Its title, with what it begins with where that is not said.
    pub(super) fn described(&self) -> String {
        let title = &self.title;
        match self.asked() {
            Some(asked) if title.starts_with("connection ") => {
                format!(
                    "{title} ({})",
                    String::from_utf8_lossy(&asked).trim_end_matches('&')
                )
            }
            _ => title.clone(),
        }
    }

    /// Returns the form of its messages, without the values in them.
    fn form(&self) -> Vec<String> {
        let messages = self.messages.iter();
        messages
            .map(|(name, message)| format!("{name}: {}", kind(message)))
            .collect()
    }

    /// Returns its beginning, with what is volatile hidden.
    fn opening(&self) -> Option<Vec<u8>> {
        let (_, message) = self.messages.first()?;
        let first = parts(message).into_iter().next()?;
        Some(redact::text(first.bytes))
    }

    /// Returns what it asks for first, without values: the same for requests that correspond.
    fn asked(&self) -> Option<Vec<u8>> {
        asked(&self.messages.first()?.1)
    }

    fn is_http(&self) -> bool {
        self.asked().is_some()
    }
}

/// Appends a message to the last exchange, under the name that it has there.
fn push(exchanges: &mut Vec<Talk>, title: &str, (name, message): (Name, Message)) {
    if exchanges.is_empty() {
        exchanges.push(Talk {
            title: title.to_owned(),
            messages: Vec::new(),
        });
    }
    let Some(last) = exchanges.last_mut() else {
        return;
    };
    let count = |sort: fn(&Name) -> bool| {
        let same = last.messages.iter().filter(|(name, _)| sort(name));
        same.count() as u64 + 1
    };
    let name = match name {
        Name::Request(_) => Name::Request(count(|name| matches!(name, Name::Request(_)))),
        Name::Response(_) => Name::Response(count(|name| matches!(name, Name::Response(_)))),
        Name::Event(_) => Name::Event(count(|name| matches!(name, Name::Event(_)))),
        Name::EventsEnd(_) => Name::EventsEnd(1),
        other => other,
    };
    last.messages.push((name, message));
}

/// Returns a target without its query.
fn path(target: &[u8]) -> &[u8] {
    &target[..memchr::memchr(b'?', target).unwrap_or(target.len())]
}

/// Returns what a request asks for, but for values: its method, the path with a mark for each word that has a digit, the names in
/// the query. `None` if it is no request.
pub(super) fn asked(message: &Message) -> Option<Vec<u8>> {
    let Detail::Http(http) = &message.detail else {
        return None;
    };
    let head = &http.head;
    if !head.is_request() {
        return None;
    }
    let target = redact::target(head.method(), head.target());
    let path = path(&target);
    let mut asked = [head.method(), b" "].concat();
    for word in path.split_inclusive(|byte| b"/.".contains(byte)) {
        match word.split_last() {
            Some((end, word)) if b"/.".contains(end) => {
                push_word(word, &mut asked);
                asked.push(*end);
            }
            _ => push_word(word, &mut asked),
        }
    }
    let query = target.get(path.len() + 1..).unwrap_or_default();
    for field in query.split(|byte| *byte == b'&') {
        asked.push(b'&');
        asked.extend(field.iter().take_while(|byte| **byte != b'='));
    }
    Some(asked)
}

fn push_word(word: &[u8], asked: &mut Vec<u8>) {
    if word.iter().any(u8::is_ascii_digit) {
        asked.push(b'#');
    } else {
        asked.extend_from_slice(word);
    }
}

/// Returns what a message is, but for the values in it.
pub(super) fn kind(message: &Message) -> String {
    match &message.detail {
        Detail::Http(http) if http.head.is_request() => {
            format!("a {} request", String::from_utf8_lossy(http.head.method()))
        }
        Detail::Http(http) => format!("a response {}", http.head.status()),
        Detail::WebSocket(frame) => format!("a {} frame", frame.header.opcode),
        Detail::Event(_) => "an event".to_owned(),
        Detail::EventsEnd(_) => "the end of events".to_owned(),
        Detail::Raw(_) => "raw bytes".to_owned(),
        Detail::Aside(aside) => format!("bytes outside the stream ({})", aside.reason),
    }
}

/// Returns for each piece of a run the one of another run that corresponds to it; `None` if there is none left.
pub(super) fn partners(talks: &[Talk], others: &[Talk]) -> Vec<Option<usize>> {
    let mut partners = vec![None; talks.len()];
    let mut is_free = vec![true; others.len()];
    let exact = |talk: &Talk| Some((talk.form(), talk.opening()));
    let same_opening = |talk: &Talk| Some((Vec::new(), talk.opening()));
    let same_form = |talk: &Talk| talk.is_http().then(|| (talk.form(), talk.asked()));
    let asked = |talk: &Talk| talk.is_http().then(|| (Vec::new(), talk.asked()));
    // Of other protocols nothing more is known than what was said when.
    let in_order = |talk: &Talk| (!talk.is_http()).then(|| (Vec::new(), None));
    let alike: [HowAlike<'_>; 5] = [&exact, &same_opening, &same_form, &asked, &in_order];
    for likeness in alike {
        let mut free: HashMap<Likeness, VecDeque<usize>> = HashMap::new();
        for (other, talk) in others.iter().enumerate() {
            if let Some(alike) = likeness(talk).filter(|_| is_free[other]) {
                free.entry(alike).or_default().push_back(other);
            }
        }
        for (partner, talk) in partners.iter_mut().zip(talks) {
            let Some(alike) = likeness(talk).filter(|_| partner.is_none()) else {
                continue;
            };
            if let Some(other) = free.get_mut(&alike).and_then(VecDeque::pop_front) {
                is_free[other] = false;
                *partner = Some(other);
            }
        }
    }
    partners
}

/// The likeness of pieces: the form of their messages, and their beginning.
type Likeness = (Vec<String>, Option<Vec<u8>>);

/// Tells what a piece is to be alike by; `None` if not by this.
type HowAlike<'a> = &'a dyn Fn(&Talk) -> Option<Likeness>;
