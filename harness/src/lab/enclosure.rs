//! The enclosure of programs, helpers and clients: a process namespace of their own, in which neither the player nor
//! anything else of the machine is to be seen, and a file system without the temporary files and sockets of others.
//!
//! The player itself stays outside, as do its threads: what is enclosed is what `Launcher`s start.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Pid, getpid};
use rustix::thread::{CapabilitySet, LinkNameSpaceType, move_into_link_name_space};

use super::init::Init;
use super::launcher::Launcher;
use super::link::Link;
use super::namespace::{self, refused};
use super::paths::{self, View};
use crate::error::Result;
use crate::machine::privilege;

/// The launchers of programs and of clients.
#[derive(Debug)]
pub struct Launchers {
    programs: Arc<Launcher>,
    clients: Arc<Launcher>,
    /// The first process of the namespace that holds what they start; `None` if nothing is enclosed.
    init: Option<Init>,
}

/// The things that are to be enclosed, and what they must see.
#[derive(Debug)]
pub struct Subject {
    /// The process that the user started.
    pub capture: String,
    /// Folders and files that must stay in sight.
    pub needed: Vec<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// True if the lab has a network of its own, and so mounts of its own.
    pub is_private: bool,
}

impl Launchers {
    /// Makes the enclosure. Those of clients are on the other side of `link` then.
    ///
    /// Call this in the main thread, while there is no other: a user namespace is refused to any other. Afterwards it has the
    /// capabilities that it had before, or those in that namespace.
    ///
    /// # Errors
    ///
    /// Returns an error that names the step that the system refuses; nothing is left of it then.
    pub fn enclosed(subject: &Subject, link: Option<&Arc<Link>>) -> Result<Self> {
        if !privilege::has(CapabilitySet::SYS_ADMIN) {
            namespace::enter_user_namespace()?;
        }
        let programs = Launcher::start("programs")?;
        let view = View {
            needed: subject.needed.clone(),
            home: subject.home.clone(),
            owns_shared_memory: subject.is_private,
        };
        programs.run(move || paths::restrict(&view))??;
        // A thread with another process namespace to start processes in can have no second one beside it.
        let clients = link
            .map(|_| programs.run(|| Launcher::start("clients")))
            .transpose()?
            .transpose()?;
        let capture = subject.capture.clone();
        let init = programs.run(move || Init::start(&capture))??;
        if let Some(clients) = &clients {
            // Opened here: the `/proc` that those threads see tells of the inner namespace, in which they themselves are not.
            let namespace = processes_of(programs.thread()).map_err(refused(JOIN))?;
            clients.run(move || join(&namespace))??;
        }
        // What is enclosed gains no privilege: it would have it over the enclosure.
        Self::with_threads(programs, clients, link, Some(init), true)
    }

    /// Starts the processes directly, next to the player, if it could not make an enclosure.
    ///
    /// # Errors
    ///
    /// Returns an error that names the step that the system refuses.
    pub fn open(for_good: bool, link: Option<&Arc<Link>>) -> Result<Self> {
        let programs = Launcher::start("programs")?;
        let clients = link.map(|_| Launcher::start("clients")).transpose()?;
        Self::with_threads(programs, clients, link, None, for_good)
    }

    fn with_threads(
        programs: Launcher,
        clients: Option<Launcher>,
        link: Option<&Arc<Link>>,
        init: Option<Init>,
        for_good: bool,
    ) -> Result<Self> {
        if let (Some(clients), Some(link)) = (&clients, link) {
            let link = Arc::clone(link);
            clients.run(move || link.cross())??;
        }
        for launcher in [Some(&programs), clients.as_ref()].into_iter().flatten() {
            launcher.run(move || privilege::give_up(for_good))??;
        }
        let programs = Arc::new(programs);
        Ok(Self {
            clients: clients.map_or_else(|| Arc::clone(&programs), Arc::new),
            programs,
            init,
        })
    }

    /// Returns the launcher of programs and helpers.
    pub(super) const fn programs(&self) -> &Arc<Launcher> {
        &self.programs
    }

    /// Returns the launcher of clients.
    pub(super) const fn clients(&self) -> &Arc<Launcher> {
        &self.clients
    }

    /// Returns the process that calls itself `inner`, by the number that it has for us; `None` if there is none.
    pub(super) fn seen_from_here(&self, inner: Pid) -> Option<Pid> {
        match self.init {
            Some(_) => seen_from_here(inner),
            None => Some(inner),
        }
    }
}

/// The step of a link that the system may refuse.
const JOIN: &str = "have programs and clients in one process namespace";

/// Opens the process namespace that a thread of ours starts processes in.
fn processes_of(thread: Pid) -> std::io::Result<File> {
    let thread = thread.as_raw_nonzero();
    File::open(format!("/proc/self/task/{thread}/ns/pid_for_children"))
}

/// Has what this thread starts from now on be in a process namespace.
fn join(namespace: &File) -> Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::ProcessID))
        .map_err(|errno| refused(JOIN)(errno.into()))
}

/// A row of the table of processes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: i32,
    pub(super) parent: i32,
    pub(super) name: String,
    /// True if it has ended, and its parent has not reaped it yet.
    pub(super) has_ended: bool,
    /// The numbers of the process in the namespaces that it is in, ours first.
    numbers: Vec<i32>,
}

/// Reads the table of processes, as far as it is to be seen from here.
pub(super) fn rows() -> Vec<Row> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let row = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let id = path.file_name()?.to_str()?.parse().ok()?;
        row(id, &std::fs::read_to_string(path.join("status")).ok()?)
    };
    processes.filter_map(row).collect()
}

fn seen_from_here(inner: Pid) -> Option<Pid> {
    let rows = rows();
    let ourselves = getpid().as_raw_nonzero().get();
    find(&rows, inner.as_raw_nonzero().get(), ourselves).and_then(Pid::from_raw)
}

/// Returns the process below `ancestor` that calls itself `inner`: others of the machine may call themselves the same.
fn find(rows: &[Row], inner: i32, ancestor: i32) -> Option<i32> {
    let is_it = |row: &&Row| {
        row.numbers.len() == 2 && row.numbers[1] == inner && is_below(rows, row, ancestor)
    };
    rows.iter().find(is_it).map(|row| row.id)
}

/// Returns true if the process of a row was started by `ancestor`, directly or not.
pub(super) fn is_below(rows: &[Row], row: &Row, ancestor: i32) -> bool {
    let mut row = row;
    // Parents come before their children, but numbers are given anew: no chain is longer than the table.
    for _ in 0..rows.len() {
        if row.parent == ancestor {
            return true;
        }
        match rows.iter().find(|other| other.id == row.parent) {
            Some(parent) => row = parent,
            None => return false,
        }
    }
    false
}

/// Reads `/proc/PID/status` (proc(5)).
fn row(id: i32, status: &str) -> Option<Row> {
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let numbers = field("NSpid")?.split_ascii_whitespace();
    Some(Row {
        id,
        parent: field("PPid")?.trim().parse().ok()?,
        name: field("Name")?.trim().to_owned(),
        has_ended: field("State").is_some_and(|state| state.trim().starts_with(['Z', 'X'])),
        numbers: numbers
            .map(str::parse)
            .collect::<std::result::Result<_, _>>()
            .ok()?,
    })
}

/// Returns the folders and files that must be visible to programs of a project with this top folder, in a lab with this
/// folder, that these executables belong to.
#[must_use]
pub fn needed<'a>(
    root: &'a Path,
    folder: &'a Path,
    executables: impl IntoIterator<Item = &'a Path>,
) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let search_path: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    let folders = executables.into_iter().filter_map(Path::parent);
    [root, folder]
        .into_iter()
        .chain(folders)
        .map(Path::to_owned)
        .chain(search_path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &[(i32, i32, &[i32])]) -> Vec<Row> {
        let row = |(id, parent, numbers): &(i32, i32, &[i32])| Row {
            id: *id,
            parent: *parent,
            name: String::new(),
            has_ended: false,
            numbers: numbers.to_vec(),
        };
        table.iter().map(row).collect()
    }

    #[test]
    fn a_process_is_found_by_what_it_calls_itself_among_those_of_other_containers() {
        let rows = rows(&[
            (10, 1, &[10]),
            (20, 10, &[20, 1]),
            (30, 10, &[30, 7]),
            (40, 30, &[40, 9]),
            (50, 40, &[50, 12, 1]),
            (60, 1, &[60, 9]),
        ]);

        assert_eq!(find(&rows, 7, 10), Some(30));
        assert_eq!(find(&rows, 9, 10), Some(40));
        assert_eq!(
            find(&rows, 12, 10),
            None,
            "it is in another namespace still"
        );
        assert_eq!(find(&rows, 8, 10), None);
    }

    #[test]
    fn the_status_of_a_process_is_read() {
        let status = "Name:\tfirefox\nState:\tS (sleeping)\nPid:\t30\nPPid:\t10\nNSpid:\t30\t7\n";

        assert_eq!(
            row(30, status),
            Some(Row {
                id: 30,
                parent: 10,
                name: "firefox".to_owned(),
                has_ended: false,
                numbers: vec![30, 7]
            })
        );
        assert_eq!(
            row(30, "Name:\ta\nPPid:\t10\n"),
            None,
            "a kernel before 4.1"
        );
    }
}
