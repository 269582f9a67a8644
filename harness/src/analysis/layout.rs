//! The order in which the exchanges of a capture are listed, independent of the connections that took them.
//!
//! A browser spreads the requests of a page over one to six connections, by chance. A listing by connection would
//! differ in each run, although the requests and answers are the same. So the reviewed listing is ordered by exchange:
//! by the mark that caused it, then by method and target. WebSocket connections and event streams have their own
//! sections, and so does every connection with anything but whole HTTP exchanges.
//!
//! If nothing is left to chance, that is the order of the wire: a mark keeps its order if at most one request besides
//! that for the page itself is sent after it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;

use wirestream::http::Head;
use wirestream::tcp::stream::Opening;
use wirestream::units::{Side, Timestamp};

use wirestream::message::{Detail, HttpMessage, Message};

/// The most messages that are put in order; a capture with more is listed by connection.
const MOST_MESSAGES: u64 = 200_000;

/// The number of bytes of a target that are compared for the order.
const TARGET_BYTES: usize = 1024;

/// The number of bytes of a head's fields that are compared for the order, where there are several clients.
const FIELDS_BYTES: usize = 4096;

/// The order in which a capture is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// The parts of each connection, by its number: where they begin, and the page of each.
    parts: BTreeMap<u64, Vec<Part>>,
    /// True if requests could be spread over connections by chance.
    pub is_spread: bool,
    /// The pages of exchanges that may have been repeated.
    repeated: BTreeSet<u64>,
}

/// A part of a listing with its own heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The topic of the section.
    pub topic: Topic,
    /// Its first client, and its server.
    pub ends: [SocketAddr; 2],
    /// The number of its first page.
    pub first_page: u64,
}

/// The topic of a section.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Requests to one server, whichever connections took them.
    Requests,
    /// A stream of events, by its target.
    Events(Vec<u8>),
    /// A connection that became another protocol by the request for this target.
    Switched(Vec<u8>),
    /// A connection with anything else.
    Connection,
}

/// A run of a connection's messages that is listed in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first_message: u64,
    /// `None` if the same is listed already.
    page: Option<u64>,
}

/// A request with the answers to it.
#[derive(Clone, Debug)]
struct Exchange {
    first_message: u64,
    time: Timestamp,
    mark: usize,
    /// True if the browser requested a page with it.
    is_page: bool,
    method: Vec<u8>,
    target: Vec<u8>,
    /// The fields of its head if there are several clients; else empty.
    fields: Vec<u8>,
    kind: Kind,
    is_answered: bool,
    /// Its digests, if it may be repeated.
    repeated: Option<Repeated>,
}

/// Stands for something as it is listed.
pub type Digest = [u8; 32];

/// The digests of an exchange that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// For its request.
    pub request: Digest,
    /// For all of it.
    pub whole: Digest,
}

/// The client of a capture, or all of them, as its provenance describes them.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The times at which it was told what to do, in order.
    pub marks: Vec<Timestamp>,
    /// True for each mark that closes a client.
    pub closes: Vec<bool>,
    /// True if there are several clients.
    pub are_several: bool,
    /// True for a browser, which takes connections by chance.
    pub is_browser: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Events,
    Switched,
}

/// The messages of one connection, as far as the order needs them.
#[derive(Clone, Debug)]
struct Talk {
    ends: [SocketAddr; 2],
    first: Timestamp,
    messages: u64,
    exchanges: Vec<Exchange>,
    /// True if it holds anything but whole exchanges.
    is_irregular: bool,
}

/// Reads the messages of a capture to find their order.
#[derive(Debug)]
pub struct Survey<'m> {
    client: &'m Client,
    talks: BTreeMap<u64, Talk>,
    messages: u64,
}

impl<'m> Survey<'m> {
    /// Starts a survey; `marks` are the times, in order, at which the client was told what to do.
    #[must_use]
    pub const fn new(client: &'m Client) -> Self {
        Self {
            client,
            talks: BTreeMap::new(),
            messages: 0,
        }
    }

    /// Takes the next message of a connection, with values hidden that vary from run to run.
    pub fn message(&mut self, opening: &Opening, message: &Message) {
        self.messages += 1;
        if self.messages > MOST_MESSAGES {
            self.talks.clear();
            return;
        }
        let marks = &self.client.marks;
        let mark = marks.partition_point(|mark| *mark <= message.time);
        let talk = self.talks.entry(opening.index).or_insert_with(|| Talk {
            ends: [opening.client, opening.server],
            first: message.time,
            messages: 0,
            exchanges: Vec::new(),
            is_irregular: false,
        });
        let several = self.client.are_several;
        talk.message(message, mark.saturating_sub(1), several);
    }

    /// Takes note that an exchange may have been repeated: the one that begins with this message of this connection, both
    /// counted from 0.
    ///
    /// How long a client goes on while it is being closed is chance: what it asks then belongs to the mark before.
    pub fn repeated(&mut self, connection: u64, first_message: u64, repeated: Repeated) {
        let closes = &self.client.closes;
        let before_close = |mark: usize| {
            let mut before = closes.iter().take(mark + 1);
            before.rposition(|closes| !closes).unwrap_or(0)
        };
        let talk = self.talks.get_mut(&connection);
        let exchanges = talk.into_iter().flat_map(|talk| &mut talk.exchanges);
        for exchange in exchanges.filter(|one| one.first_message == first_message) {
            if exchange.kind == Kind::Plain {
                exchange.repeated = Some(repeated);
                exchange.mark = before_close(exchange.mark);
            }
        }
    }

    /// Returns the order; `None` if there is too much to be put in order.
    #[must_use]
    pub fn finish(self) -> Option<Layout> {
        (self.messages <= MOST_MESSAGES).then(|| Layout::new(&self.talks, self.client.is_browser))
    }
}

impl Talk {
    fn message(&mut self, message: &Message, mark: usize, are_several: bool) {
        let number = self.messages;
        self.messages += 1;
        if self.is_irregular || self.is_switched() {
            return;
        }
        self.is_irregular |= !message.obstacles.is_empty();
        match &message.detail {
            Detail::Http(http) if message.from == Side::Client => {
                let is_waiting = self.exchanges.last().is_some_and(|last| !last.is_answered);
                self.is_irregular |= is_waiting || http.head.method() == b"CONNECT";
                let mut exchange = Exchange::new(number, message.time, mark, &http.head);
                if are_several {
                    exchange.fields = fields(&http.head);
                }
                self.exchanges.push(exchange);
            }
            Detail::Http(http) => self.answer(http),
            Detail::Event(_) | Detail::EventsEnd(_) => {
                self.is_irregular |= !self.is_listening();
            }
            // A stream of events that ends with its page lacks what ends a body: a word of it is all that follows.
            Detail::Raw(content) if content.bytes.is_empty() && self.is_listening() => {}
            Detail::WebSocket(_) | Detail::Raw(_) | Detail::Aside(_) => self.is_irregular = true,
        }
    }

    fn answer(&mut self, answer: &HttpMessage) {
        let status = answer.head.status();
        let last = self.exchanges.last_mut();
        let Some(last) = last.filter(|last| !last.is_answered && answer.request.is_some()) else {
            self.is_irregular = true;
            return;
        };
        // 1xx but 101 announces an answer that is still to come.
        last.is_answered = status == 101 || !(100..200).contains(&status);
        if status == 101 {
            last.kind = Kind::Switched;
        } else if answer.events_follow {
            last.kind = Kind::Events;
        }
    }

    fn is_listening(&self) -> bool {
        let last = self.exchanges.last();
        last.is_some_and(|last| last.kind == Kind::Events)
    }

    fn is_switched(&self) -> bool {
        self.exchanges
            .last()
            .is_some_and(|last| last.kind == Kind::Switched)
    }
}

/// The order of exchanges in a section.
type Key<'e> = (
    usize,
    bool,
    Reverse<bool>,
    &'e [u8],
    &'e [u8],
    &'e [u8],
    Timestamp,
);

impl Exchange {
    fn new(first_message: u64, time: Timestamp, mark: usize, head: &Head) -> Self {
        let target = head.target();
        Self {
            first_message,
            time,
            mark,
            is_page: asks_for_page(head),
            method: head.method().to_vec(),
            target: target[..target.len().min(TARGET_BYTES)].to_vec(),
            fields: Vec::new(),
            kind: Kind::Plain,
            is_answered: false,
            repeated: None,
        }
    }

    /// Returns the key of its place in a section.
    fn key(&self, is_spread: bool) -> Key<'_> {
        let is_repeated = self.repeated.is_some();
        if is_repeated || is_spread && !self.is_page {
            return (
                self.mark,
                is_repeated,
                Reverse(false),
                &self.method,
                &self.target,
                &self.fields,
                self.time,
            );
        }
        // Pages that lead to one another, as redirects do, come one after the other in any case.
        (
            self.mark,
            false,
            Reverse(is_spread),
            &[],
            &[],
            &[],
            self.time,
        )
    }
}

/// Returns the fields of a request, by which those of several clients can be told apart: their cookies differ, where it
/// is chance whose request comes first.
fn fields(head: &Head) -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, value) in head.fields() {
        fields.extend_from_slice(name);
        fields.push(b':');
        fields.extend_from_slice(value);
        fields.push(b'\n');
    }
    fields.truncate(FIELDS_BYTES);
    fields
}

/// Returns true if a browser asks for a page with this, and not for a part of one.
fn asks_for_page(head: &Head) -> bool {
    // Browsers tell it to servers that they trust to be nobody in between, localhost among them.
    head.field("sec-fetch-dest").map_or_else(
        || {
            let accept = head.field("accept").unwrap_or_default();
            head.method() == b"GET" && accept.starts_with(b"text/html")
        },
        |destination| destination == b"document",
    )
}

impl Layout {
    /// Returns the page that a message is on, by the number of its connection and its own number there, both counted
    /// from 0.
    #[must_use]
    pub fn page(&self, connection: u64, message: u64) -> Option<u64> {
        let parts = self.parts.get(&connection)?;
        let after = parts.partition_point(|part| part.first_message <= message);
        parts.get(after.checked_sub(1)?)?.page
    }

    /// Returns true if a page holds an exchange that may have been repeated.
    #[must_use]
    pub fn is_repeated(&self, page: u64) -> bool {
        self.repeated.contains(&page)
    }

    fn new(talks: &BTreeMap<u64, Talk>, may_spread: bool) -> Self {
        let mut layout = Self {
            is_spread: may_spread && is_spread(talks),
            ..Self::default()
        };
        let mut listed = HashSet::new();
        let mut answered = HashSet::new();
        for exchange in talks.values().flat_map(|talk| &talk.exchanges) {
            let request = exchange.repeated.map(|repeated| repeated.request);
            answered.extend(
                request
                    .filter(|_| exchange.is_answered)
                    .map(|one| (exchange.mark, one)),
            );
        }
        let mut pages = 0;
        let regular = || talks.iter().filter(|(_, talk)| !talk.is_irregular);
        for (server, exchanges) in requests(regular(), layout.is_spread) {
            let clients = exchanges
                .first()
                .map(|(connection, _)| talks[connection].ends[0]);
            layout.begin(Topic::Requests, [clients.unwrap_or(server), server], pages);
            for (connection, exchange) in exchanges {
                if let Some(Repeated { request, whole }) = exchange.repeated {
                    // Whether one is still waiting for its answer in the end is chance too.
                    let is_left =
                        !exchange.is_answered && answered.contains(&(exchange.mark, request));
                    if is_left || !listed.insert((server, exchange.mark, whole)) {
                        layout.put(connection, exchange.first_message, None);
                        continue;
                    }
                    layout.repeated.insert(pages);
                }
                layout.put(connection, exchange.first_message, Some(pages));
                pages += 1;
            }
        }
        for (topic, connection, first_message) in others(talks, layout.is_spread) {
            layout.begin(topic, talks[&connection].ends, pages);
            layout.put(connection, first_message, Some(pages));
            pages += 1;
        }
        for parts in layout.parts.values_mut() {
            parts.sort_unstable_by_key(|part| part.first_message);
        }
        layout
    }

    fn begin(&mut self, topic: Topic, ends: [SocketAddr; 2], first_page: u64) {
        self.sections.push(Section {
            topic,
            ends,
            first_page,
        });
    }

    fn put(&mut self, connection: u64, first_message: u64, page: Option<u64>) {
        self.parts.entry(connection).or_default().push(Part {
            first_message,
            page,
        });
    }
}

/// Returns true if after some mark two requests or more are sent besides that for the page: a browser may send them over
/// one connection or over several.
fn is_spread(talks: &BTreeMap<u64, Talk>) -> bool {
    let regular = talks.values().filter(|talk| !talk.is_irregular);
    let mut exchanges = regular.clone().flat_map(|talk| &talk.exchanges);
    // How many there are is chance too.
    if exchanges.any(|exchange| exchange.repeated.is_some()) {
        return true;
    }
    let parts = regular.flat_map(|talk| talk.exchanges.iter().filter(|one| !one.is_page));
    let mut marks = BTreeSet::new();
    parts.map(|part| part.mark).any(|mark| !marks.insert(mark))
}

/// Returns true if an exchange is listed apart from the requests beside it.
fn stands_apart(exchange: &Exchange, last_mark: usize, is_spread: bool) -> bool {
    match exchange.kind {
        Kind::Plain => false,
        // Of a stream that nothing follows on, the events are the answer to the last request.
        Kind::Events => is_spread || exchange.mark < last_mark,
        Kind::Switched => true,
    }
}

/// The exchanges of one server, each with the number of its connection.
type Requests<'t> = (SocketAddr, Vec<(u64, &'t Exchange)>);

/// Returns the exchanges that are listed one after the other, by server.
fn requests<'t>(
    talks: impl Iterator<Item = (&'t u64, &'t Talk)> + Clone,
    is_spread: bool,
) -> Vec<Requests<'t>> {
    let last_mark = last_mark(talks.clone());
    let mut servers: BTreeMap<SocketAddr, Vec<(u64, &Exchange)>> = BTreeMap::new();
    for (connection, talk) in talks {
        let exchanges = talk.exchanges.iter();
        let own = exchanges.filter(|one| !stands_apart(one, last_mark, is_spread));
        let own = own.map(|exchange| (*connection, exchange));
        servers.entry(talk.ends[1]).or_default().extend(own);
    }
    let mut servers: Vec<Requests<'_>> = servers.into_iter().collect();
    servers.retain(|(_, exchanges)| !exchanges.is_empty());
    for (_, exchanges) in &mut servers {
        exchanges.sort_by(|(_, one), (_, other)| one.key(is_spread).cmp(&other.key(is_spread)));
    }
    servers.sort_by_key(|(_, exchanges)| exchanges.first().map(|(_, first)| first.time));
    servers
}

/// Returns the last mark that a plain request follows on.
fn last_mark<'t>(talks: impl Iterator<Item = (&'t u64, &'t Talk)>) -> usize {
    let exchanges = talks.flat_map(|(_, talk)| &talk.exchanges);
    let plain = exchanges.filter(|exchange| exchange.kind == Kind::Plain);
    plain.map(|exchange| exchange.mark).max().unwrap_or(0)
}

/// Returns the parts with their own sections, in order: a topic, its connection, and the first message that belongs to
/// it.
fn others(talks: &BTreeMap<u64, Talk>, is_spread: bool) -> Vec<(Topic, u64, u64)> {
    let last_mark = last_mark(talks.iter().filter(|(_, talk)| !talk.is_irregular));
    let mut others = Vec::new();
    for (connection, talk) in talks {
        if talk.is_irregular {
            others.push(((0, talk.first), Topic::Connection, *connection, 0));
            continue;
        }
        for exchange in &talk.exchanges {
            if !stands_apart(exchange, last_mark, is_spread) {
                continue;
            }
            let target = exchange.target.clone();
            let topic = match exchange.kind {
                Kind::Switched => Topic::Switched(target),
                Kind::Plain | Kind::Events => Topic::Events(target),
            };
            let place = (exchange.mark, exchange.time);
            others.push((place, topic, *connection, exchange.first_message));
        }
    }
    if is_spread {
        others.sort_by(|(one, topic, ..), (other, its, ..)| {
            (one.0, topic, one.1).cmp(&(other.0, its, other.1))
        });
    } else {
        others.sort_by_key(|(place, ..)| place.1);
    }
    let others = others.into_iter();
    others
        .map(|(_, topic, connection, first)| (topic, connection, first))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(milliseconds: u64, fields: &str) -> Exchange {
        Exchange {
            first_message: 0,
            time: Timestamp::from_nanoseconds(milliseconds * 1_000_000),
            mark: 0,
            is_page: false,
            method: b"GET".to_vec(),
            target: b"/poll".to_vec(),
            fields: fields.as_bytes().to_vec(),
            kind: Kind::Plain,
            is_answered: true,
            repeated: None,
        }
    }

    #[test]
    fn the_same_request_of_several_clients_is_ordered_by_its_fields_and_not_by_chance() {
        let (alice, bob) = ("Cookie:guest=1\n", "Cookie:guest=2\n");
        for order in [[1, 2], [2, 1]] {
            let mut exchanges = [exchange(order[0], bob), exchange(order[1], alice)];
            exchanges.sort_by(|one, other| one.key(true).cmp(&other.key(true)));
            let fields = exchanges.map(|exchange| exchange.fields);
            assert_eq!(fields, [alice.as_bytes(), bob.as_bytes()]);
        }
        // Those of one client have no fields here: they keep their order.
        let mut exchanges = [exchange(2, ""), exchange(1, "")];
        exchanges.sort_by(|one, other| one.key(true).cmp(&other.key(true)));
        assert!(exchanges[0].time < exchanges[1].time);
    }

    #[test]
    fn what_is_repeated_while_clients_are_closed_belongs_to_the_mark_before() {
        let digests = Repeated {
            request: [0; 32],
            whole: [0; 32],
        };
        let client = Client {
            closes: vec![false, false, true, false, true, true],
            ..Client::default()
        };
        let belongs = |mark: usize| {
            let mut survey = Survey::new(&client);
            let ends = ["127.0.0.1:1".parse().unwrap(); 2];
            let talk = Talk {
                ends,
                first: Timestamp::from_nanoseconds(0),
                messages: 2,
                exchanges: vec![Exchange {
                    mark,
                    ..exchange(1, "")
                }],
                is_irregular: false,
            };
            survey.talks.insert(0, talk);
            survey.repeated(0, 0, digests);
            survey.talks[&0].exchanges[0].mark
        };

        let marks: Vec<usize> = (0..6).map(belongs).collect();

        assert_eq!(marks, [0, 1, 1, 3, 3, 3]);
    }
}
