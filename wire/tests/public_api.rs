//! Holds the public interface against `wire/public-api.txt`, so that a change of what is promised is seen in review.
//!
//! The interface is read from the sources: the workspace denies `pub` where nothing outside can reach it
//! (`unreachable_pub`), so each `pub` is a promise. `WIRESNAP_WRITE=1` writes the file anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn the_public_interface_is_the_one_that_was_reviewed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = listing(&root.join("src"));
    for sign in ["pub fn messages<R: Read>(", "pub struct Packet<'a>"] {
        assert!(listing.contains(sign), "{sign} is not in the listing");
    }
    let file = root.join("public-api.txt");
    if std::env::var_os("WIRESNAP_WRITE").is_some() {
        std::fs::write(&file, &listing).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (reviewed.lines().collect(), listing.lines().collect());
    let gone: Vec<_> = old.difference(&new).collect();
    let added: Vec<_> = new.difference(&old).collect();
    assert!(
        listing == reviewed,
        "the public interface is not that of wire/public-api.txt\ngone: {gone:#?}\nadded: {added:#?}\n\
         hint: make it pub(crate), or WIRESNAP_WRITE=1 cargo test -p wirestream --test public_api"
    );
}

#[test]
fn what_is_public_is_listed_and_nothing_else() {
    let source = "/// Text.\n#[derive(Debug)]\npub struct A<'a> {\n    /// Text.\n    pub b: Map<\n        u8,\n    >,\n    c: u8,\n}\n\n\
        impl A<'_> {\n    pub fn d(\n        &self,\n    ) -> u8 {\n        self.c\n    }\n\n    fn e() {}\n}\n\n\
        impl Drop for A<'_> {\n}\n\nimpl Drop for Hidden {\n}\n\npub(crate) fn f() {}\n\n\
        pub enum G {\n    /// Text.\n    One,\n    Two(u8),\n}\n\npub const H: u8 = 1;\n\n\
        #[cfg(test)]\nmod tests {\n    pub fn i() {}\n}\n";
    let types = public_types(source);
    assert_eq!(
        interface(source, &types),
        [
            "#[derive(Debug)] pub struct A<'a>",
            "    pub b: Map<u8>",
            "impl A<'_>",
            "    pub fn d(&self) -> u8",
            "impl Drop for A<'_>",
            "pub enum G",
            "    One",
            "    Two(u8)",
            "pub const H: u8",
        ]
    );
}

/// Returns the interface of all sources below a folder, file by file.
fn listing(root: &Path) -> String {
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let place = file.strip_prefix(root).unwrap().display().to_string();
            (place, std::fs::read_to_string(file).unwrap())
        })
        .filter(|(place, _)| !place.ends_with("tests.rs"))
        .collect();
    let types: BTreeSet<String> = sources
        .iter()
        .flat_map(|(_, text)| public_types(text))
        .collect();
    let mut listing = String::new();
    for (place, text) in &sources {
        let lines = interface(text, &types);
        let public = |line: &&str| line.trim_start().starts_with("pub ");
        let listed = lines.iter().filter(|line| line.contains("pub ")).count();
        assert_eq!(
            listed,
            code(text).iter().filter(|line| public(line)).count(),
            "{place}"
        );
        if !lines.is_empty() {
            writeln!(listing, "{place}").unwrap();
        }
        for line in lines {
            writeln!(listing, "    {line}").unwrap();
        }
    }
    listing
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Returns the lines of a source without comments, attributes (but what is derived) and tests.
fn code(text: &str) -> Vec<&str> {
    let mut in_attribute = false;
    text.lines()
        .take_while(|line| *line != "mod tests {")
        .filter(|line| {
            let trimmed = line.trim_start();
            in_attribute |= trimmed.starts_with("#[") && !line.starts_with("#[derive");
            let is_code = !in_attribute && !trimmed.starts_with("//");
            in_attribute &= !trimmed.ends_with(']');
            is_code
        })
        .collect()
}

fn public_types(text: &str) -> BTreeSet<String> {
    let types = code(text).into_iter().filter_map(|line| {
        let rest = ["pub struct ", "pub enum "];
        let rest = rest.iter().find_map(|start| line.strip_prefix(start))?;
        rest.split(|character: char| !character.is_alphanumeric())
            .next()
    });
    types.map(str::to_owned).collect()
}

/// Returns what a source makes public, an item on each line.
fn interface(text: &str, types: &BTreeSet<String>) -> Vec<String> {
    let lines = code(text);
    // The head of the block that the line is in, until it is listed; and what is derived for the next item.
    let (mut found, mut block, mut derived) = (Vec::new(), None, "");
    let mut next = 0;
    while let Some(line) = lines.get(next) {
        let trimmed = line.trim_start();
        let is_inside = trimmed.len() < line.len();
        if line.starts_with("#[derive") {
            derived = line;
        } else if line.starts_with("impl") {
            let head;
            (head, next) = statement(&lines, next, &['{', '}']);
            match head.rsplit_once(" for ") {
                None => block = Some(head),
                Some((_, of)) if types.contains(first_word(of)) => found.push(head),
                Some(_) => {}
            }
        } else if let Some(public) = trimmed.strip_prefix("pub ") {
            let is_field = is_inside && public[first_word(public).len()..].starts_with(':');
            let ends: &[char] = if is_field { &[','] } else { &['{', ';'] };
            let item;
            (item, next) = statement(&lines, next, ends);
            if is_inside {
                found.extend(block.take_if(|_| !is_field));
                found.push(format!("    {item}"));
            } else {
                let space = if derived.is_empty() { "" } else { " " };
                found.push(format!("{derived}{space}{item}"));
                derived = "";
            }
            let is_enum = item.starts_with("pub enum ");
            if is_enum || item.starts_with("pub trait ") {
                while lines.get(next + 1).is_some_and(|line| *line != "}") {
                    next += 1;
                    let member = lines[next].split(" {").next().unwrap_or_default();
                    let member = member.trim_end_matches([',', ';']);
                    let is_deep = member.starts_with("     ");
                    if !member.ends_with('}') && !member.is_empty() && (is_enum || !is_deep) {
                        found.push(member.to_owned());
                    }
                }
            }
        } else if !is_inside {
            derived = "";
        }
        next += 1;
    }
    found
}

fn first_word(text: &str) -> &str {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    &text[..text
        .find(|character| !is_word(character))
        .unwrap_or(text.len())]
}

/// Returns a statement in one line, up to a line that ends with one of `ends`, and the place of that line.
fn statement(lines: &[&str], start: usize, ends: &[char]) -> (String, usize) {
    let (mut words, mut depth, mut end) = (Vec::new(), 0, start);
    for (index, line) in lines.iter().enumerate().skip(start) {
        let line = line.trim();
        words.push(line);
        end = index;
        depth += line.matches(['(', '[', '<']).count() + line.matches("->").count();
        depth -= line.matches([')', ']', '>']).count().min(depth);
        let is_group = words[0].starts_with("pub use ") && !line.ends_with(';');
        let is_value = words[0].contains("const ") && line.contains(" = ");
        if (depth == 0 || is_value) && !is_group && line.ends_with(ends) {
            break;
        }
    }
    let text = words.join(" ");
    let text = match text.split_once(" = ") {
        // The value of a constant is no part of the interface, that of `Iterator<Item = …>` is.
        Some((head, _)) if head.contains("const ") && !head.contains('(') => head,
        _ => &text,
    };
    let text = text.replace("( ", "(").replace(", )", ")");
    let text = text.replace("< ", "<").replace(", >", ">");
    let text = text.strip_suffix(" {}").unwrap_or(&text);
    (text.trim_end_matches([' ', '{', ';', ',']).to_owned(), end)
}
