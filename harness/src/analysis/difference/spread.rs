//! Finds requests that took other connections in each capture.
//!
//! A browser spreads the requests of a page over one to six connections, by chance. If two captures have the same
//! exchanges on other connections, these are compared exchange by exchange. The choice of connections, their number,
//! and the packets that follow from that, are [`Kind::Volatile`](super::Kind::Volatile).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use wirestream::units::Side;

use super::align::Pair;
use super::entry::{Digest, Entry, Said};
use super::record::Talk;

/// The connections of both captures to one server, between which requests moved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) server: SocketAddr,
    /// The places of those of the old capture, and of the new one.
    pub(super) places: [Vec<usize>; 2],
}

/// Takes those pairs of connections out of `pairs` between which requests may have moved, grouped by server.
pub(super) fn take_groups(pairs: &mut Vec<Pair>, old: &[Talk], new: &[Talk]) -> Vec<Group> {
    let mut groups: BTreeMap<SocketAddr, Group> = BTreeMap::new();
    let candidate = |pair: &Pair| {
        let talks = [
            pair.0.map(|place| &old[place]),
            pair.1.map(|place| &new[place]),
        ];
        if let [Some(before), Some(after)] = talks
            && has_same_messages(before, after)
        {
            return None;
        }
        let mut servers = talks.into_iter().flatten().map(server_of_exchanges);
        let first = servers.next()??;
        servers.all(|server| server == Some(first)).then_some(first)
    };
    for pair in pairs.iter() {
        if let Some(server) = candidate(pair) {
            let group = groups.entry(server).or_insert_with(|| Group {
                server,
                places: Default::default(),
            });
            group.places[0].extend(pair.0);
            group.places[1].extend(pair.1);
        }
    }
    // One connection that became another one is what it is.
    groups.retain(|_, group| {
        let [olds, news] = &group.places;
        !olds.is_empty() && !news.is_empty() && olds.len() + news.len() > 2
    });
    pairs.retain(|pair| candidate(pair).is_none_or(|server| !groups.contains_key(&server)));
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group
            .places
            .iter_mut()
            .for_each(|places| places.sort_unstable());
    }
    groups.sort_by_key(|group| group.places[0].first().copied());
    groups
}

fn has_same_messages(old: &Talk, new: &Talk) -> bool {
    let sides = old.spoken.entries.iter().zip(&new.spoken.entries);
    let mut sides = sides.map(|(olds, news)| {
        olds.len() == news.len()
            && olds
                .iter()
                .zip(news)
                .all(|(one, other)| one.exact == other.exact)
    });
    sides.all(|same| same)
}

/// Returns the server of a connection that holds nothing but HTTP exchanges, or nothing at all.
fn server_of_exchanges(talk: &Talk) -> Option<SocketAddr> {
    let spoken = &talk.spoken;
    let is_whole = spoken.rest.messages == 0 && spoken.asides.iter().all(Vec::is_empty);
    let [requests, answers] = &spoken.entries;
    let are_requests = requests
        .iter()
        .all(|entry| is_http(entry, |status| status == 0));
    let are_answers = answers.iter().all(|entry| match &entry.said {
        Said::Event(_) | Said::EventsEnd(_) => true,
        // No more than a word of a stream of events that ended with its page.
        Said::Raw(_) => entry.bytes == 0,
        _ => is_http(entry, |status| status != 101),
    });
    let ends = talk
        .ends
        .filter(|_| is_whole && are_requests && are_answers);
    Some(ends?[Side::Server as usize])
}

fn is_http(entry: &Entry, has_right_status: impl Fn(u16) -> bool) -> bool {
    matches!(&entry.said, Said::Http(http)
        if has_right_status(http.head.status()) && http.head.method() != b"CONNECT")
}

/// Returns the messages of several connections, by side, in an order that does not depend on which connection took
/// which exchange: by request, then by time.
pub(super) fn in_order<'t>(talks: &[&'t Talk]) -> [Vec<&'t Entry>; 2] {
    let mut exchanges: Vec<Exchange<'_>> = talks.iter().flat_map(|talk| exchanges(talk)).collect();
    exchanges.sort_by_key(|exchange| exchange.key);
    let requests = exchanges.iter().filter_map(|exchange| exchange.request);
    let answers = exchanges.iter().flat_map(|exchange| &exchange.answers);
    [requests.collect(), answers.copied().collect()]
}

/// A request and the answers to it.
#[derive(Debug)]
struct Exchange<'t> {
    key: (Digest, i64),
    request: Option<&'t Entry>,
    answers: Vec<&'t Entry>,
}

fn exchanges(talk: &Talk) -> Vec<Exchange<'_>> {
    let [requests, answers] = &talk.spoken.entries;
    let mut answers = by_request(answers).into_iter();
    let mut exchanges: Vec<Exchange<'_>> = requests
        .iter()
        .map(|request| Exchange {
            key: (request.shape, request.time),
            request: Some(request),
            answers: answers.next().unwrap_or_default(),
        })
        .collect();
    // A capture may lack the request.
    exchanges.extend(answers.map(|answers| {
        Exchange {
            key: answers
                .first()
                .map_or_else(Default::default, |first| (first.shape, first.time)),
            request: None,
            answers,
        }
    }));
    exchanges
}

/// Divides a server's messages by the requests that they answer: announcements (1xx), the answer, its events.
fn by_request(answers: &[Entry]) -> Vec<Vec<&Entry>> {
    let mut divided: Vec<Vec<&Entry>> = Vec::new();
    for answer in answers {
        let is_answered = |messages: &Vec<&Entry>| messages.iter().any(|one| is_final(one));
        let begins = matches!(answer.said, Said::Http(_)) && divided.last().is_none_or(is_answered);
        if begins || divided.is_empty() {
            divided.push(Vec::new());
        }
        if let Some(last) = divided.last_mut() {
            last.push(answer);
        }
    }
    divided
}

fn is_final(answer: &Entry) -> bool {
    matches!(&answer.said, Said::Http(http) if http.head.status() >= 200)
}
