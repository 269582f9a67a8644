//! Markdown with blocks that a command fills, and the commands that fill them: text in, text out, no files.
//!
//! A block begins with a comment that holds a command and ends with a comment that closes it. The text between them is
//! replaced; every other byte of the page stays.
//!
//! ```
//! use wiresnap::docs::page::Page;
//!
//! let page = Page::parse("# A\n<!-- wiresnap: stats a.pcap -->\n<!-- /wiresnap -->\n".to_owned()).unwrap();
//! let filled = page.filled(&["18 packets\n".to_owned()]).unwrap();
//! assert_eq!(filled, "# A\n<!-- wiresnap: stats a.pcap -->\n\n18 packets\n\n<!-- /wiresnap -->\n");
//! ```
//!
//! Only a Markdown parser can tell if a comment is a block's or an example in a code fence; looking at lines cannot.
//! The same parser checks a page again before it is handed out: captured text in a block has to stay in it.

mod arguments;
pub mod block;
pub mod command;
pub mod difference;
pub mod markdown;
pub mod page;
mod verbs;
mod words;
