//! Finds the processes that a player has started, and those they started in turn, and what they listen on.

use std::collections::{BTreeSet, HashSet};

use rustix::process::{Pid, getpid};

use super::enclosure::{Row, is_below, rows};
use super::listening::Socket;

/// A process that was started here, directly or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: Pid,
    parent: i32,
    name: String,
}

impl std::fmt::Display for Member {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} (process {})",
            self.name,
            self.id.as_raw_nonzero()
        )
    }
}

/// Returns all processes that were started here and have not ended.
pub(super) fn members() -> Vec<Member> {
    let rows = rows();
    let ourselves = getpid().as_raw_nonzero().get();
    let below = rows.iter().filter(|row| is_below(&rows, row, ourselves));
    below.filter_map(member).collect()
}

fn member(row: &Row) -> Option<Member> {
    (!row.has_ended).then_some(())?;
    Some(Member {
        id: Pid::from_raw(row.id)?,
        parent: row.parent,
        name: row.name.clone(),
    })
}

/// Returns the ids of all processes that were started here.
pub(super) fn ids() -> BTreeSet<i32> {
    let members = members().into_iter();
    members
        .map(|member| member.id.as_raw_nonzero().get())
        .collect()
}

/// Returns the processes that are not `known`, first the ones whose parent is not among them.
pub(super) fn newcomers(known: &BTreeSet<i32>) -> Vec<Member> {
    let mut members = members();
    members.retain(|member| !known.contains(&member.id.as_raw_nonzero().get()));
    let ids: HashSet<i32> = members
        .iter()
        .map(|member| member.id.as_raw_nonzero().get())
        .collect();
    members.sort_by_key(|member| (ids.contains(&member.parent), member.id.as_raw_nonzero()));
    members
}

/// Returns true if any of these sockets is among the open files of a process.
pub(super) fn holds(process: Pid, sockets: &[Socket]) -> bool {
    sockets
        .iter()
        .any(|socket| inodes(process).contains(&socket.inode))
}

/// Returns the sockets among the open files of a process, by their numbers (proc(5), `/proc/PID/fd`).
pub(super) fn inodes(process: Pid) -> HashSet<u64> {
    let folder = format!("/proc/{}/fd", process.as_raw_nonzero());
    let Ok(files) = std::fs::read_dir(folder) else {
        return HashSet::new();
    };
    let inode = |file: std::fs::DirEntry| {
        let target = std::fs::read_link(file.path()).ok()?;
        let number = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        number.parse().ok()
    };
    files.flatten().filter_map(inode).collect()
}
