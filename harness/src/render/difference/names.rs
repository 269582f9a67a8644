//! The names of messages, in as few words as identify them.

use std::fmt::Write as _;

use wirestream::message::Name;
use wirestream::units::Side;

use crate::analysis::difference::Named;
use crate::render::safe_text::safe_line;

/// The most names that are listed one by one.
const MOST_PARTS: usize = 6;

/// The most characters of a title.
const MOST_TITLE: usize = 50;

/// Returns a heading as `Requests 1 to 4: GET /`; the title is given if it is the same for all.
pub(super) fn heading(messages: &[Named], count: u64) -> String {
    let names: Vec<Name> = messages
        .iter()
        .filter_map(|named| named.new.or(named.old))
        .collect();
    let mut text = listed(&names);
    let more = count.saturating_sub(messages.len() as u64);
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    let mut titles = messages.iter().map(|named| &named.title);
    if let Some(first) = titles.next()
        && !first.is_empty()
        && titles.all(|title| title == first)
    {
        let title: String = safe_line(first).chars().take(MOST_TITLE).collect();
        let _ = write!(text, ": {title}");
    }
    capitalised(&text)
}

/// Returns the names; consecutive ones as a range.
pub(super) fn listed(names: &[Name]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = names;
    let mut said = None;
    while let Some(first) = rest.first() {
        let follows = |pair: &[Name]| next(pair[0]) == Some(pair[1]);
        let length = 1 + rest.windows(2).take_while(|pair| follows(pair)).count();
        let (range, behind) = rest.split_at(length);
        parts.push(range_text(range, said == Some(sort(*first)), names));
        said = Some(sort(*first));
        rest = behind;
    }
    let more = parts.len().saturating_sub(MOST_PARTS);
    parts.truncate(MOST_PARTS);
    let mut text = parts.join(", ");
    if more > 0 {
        text.push_str(", …");
    }
    text
}

fn range_text(range: &[Name], is_said: bool, all: &[Name]) -> String {
    let [first, .., last] = range else {
        let name = range.first().copied();
        return name.map_or_else(String::new, |name| word(name, is_said, all));
    };
    format!("{} to {}", word(*first, is_said, all), number(*last))
}

fn word(name: Name, is_said: bool, all: &[Name]) -> String {
    let is_plural = all
        .iter()
        .filter(|other| sort(**other) == sort(name))
        .count()
        > 1;
    match (sort(name), is_said) {
        ("", _) | (_, true) => number(name),
        (sort, false) if is_plural => format!("{sort}s {}", number(name)),
        (sort, false) => format!("{sort} {}", number(name)),
    }
}

const fn sort(name: Name) -> &'static str {
    match name {
        Name::Request(_) => "request",
        Name::Response(_) => "response",
        Name::Turn(_, _) => "",
        Name::Event(_) => "event",
        Name::EventsEnd(_) => "end of event stream",
        Name::Aside(Side::Client, _) => "client's aside",
        Name::Aside(Side::Server, _) => "server's aside",
    }
}

fn number(name: Name) -> String {
    match name {
        Name::Request(number)
        | Name::Response(number)
        | Name::Event(number)
        | Name::EventsEnd(number)
        | Name::Aside(_, number) => number.to_string(),
        Name::Turn(Side::Client, number) => format!("C{number}"),
        Name::Turn(Side::Server, number) => format!("S{number}"),
    }
}

fn next(name: Name) -> Option<Name> {
    Some(match name {
        Name::Request(number) => Name::Request(number.checked_add(1)?),
        Name::Response(number) => Name::Response(number.checked_add(1)?),
        Name::Turn(side, number) => Name::Turn(side, number.checked_add(1)?),
        Name::Event(number) => Name::Event(number.checked_add(1)?),
        Name::EventsEnd(number) => Name::EventsEnd(number.checked_add(1)?),
        Name::Aside(side, number) => Name::Aside(side, number.checked_add(1)?),
    })
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_follow_each_other_are_a_range() {
        let requests = [1, 2, 3, 5, 7].map(Name::Request);
        assert_eq!(listed(&requests), "requests 1 to 3, 5, 7");
        assert_eq!(listed(&requests[..1]), "request 1");
        let turns = [1, 2].map(|number| Name::Turn(Side::Client, number));
        assert_eq!(listed(&turns), "C1 to C2");
        assert_eq!(
            listed(&[1, 3, 5, 7, 9, 11, 13].map(Name::Event)),
            "events 1, 3, 5, 7, 9, 11, …"
        );
    }
}
