//! Explains why unprivileged network namespaces are unavailable on a machine, and what to do about it.
//!
//! Trying shows that a private network is unavailable. This module is about the reason: the system says "operation not
//! permitted" for many, and each has another remedy. The facts are read from the kernel; the conclusion is a pure
//! function.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, capabilities};

use crate::text::shell_word;

/// The capabilities with which namespaces can be made without a user namespace.
const ENOUGH_WITHOUT_USER_NAMESPACE: CapabilitySet =
    CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);

/// The kinds of namespaces that a lab is made of, as the kernel calls them.
const KINDS: [&str; 4] = ["user", "net", "pid", "mnt"];

/// The facts that the kernel and the system tell about the confinement of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, as the kernel tells it"
)]
pub struct Facts {
    /// True if the kernel has user namespaces at all: `/proc/self/ns/user`.
    pub has_user_namespaces: bool,
    /// The first kind of namespace that one of the kernel's limits, such as `user.max_user_namespaces`, sets to zero.
    pub forbidden_kind: Option<&'static str>,
    /// True if users other than root may make them: `kernel.unprivileged_userns_clone`, on Debian and its kin.
    pub allowed_to_users: Option<bool>,
    /// True if AppArmor keeps them from programs without a profile: `kernel.apparmor_restrict_unprivileged_userns`.
    pub restricted_by_apparmor: Option<bool>,
    /// True if a filter looks at system calls: `Seccomp` in `/proc/self/status`.
    pub has_seccomp_filter: bool,
    /// True if parts of `/proc` are covered, which keeps a user namespace from mounting its own.
    pub proc_is_masked: bool,
    /// True if namespaces can be made without a user namespace, as by root.
    pub needs_no_user_namespace: bool,
    /// The container that this process is in.
    pub container: Option<Container>,
    /// Our own executable.
    pub executable: PathBuf,
}

/// A container, by what started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// Another.
    Other,
}

/// A reason and its cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The reason, in a few words; `None` if the facts leave it open.
    pub reason: Option<String>,
    /// The one command (or flag) that is the remedy; the caller adds `sudo`.
    pub fix: Fix,
}

/// A cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// A command that takes root.
    AsRoot(String),
    /// Anything else to do.
    Do(String),
}

impl Facts {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let sysctl = |name: &str| fs::read_to_string(Path::new("/proc/sys").join(name)).ok();
        let number = |name: &str| sysctl(name)?.trim().parse::<u64>().ok();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self {
            has_user_namespaces: Path::new("/proc/self/ns/user").exists(),
            forbidden_kind: KINDS
                .into_iter()
                .find(|kind| number(&format!("user/max_{kind}_namespaces")) == Some(0)),
            allowed_to_users: number("kernel/unprivileged_userns_clone").map(|value| value != 0),
            restricted_by_apparmor: number("kernel/apparmor_restrict_unprivileged_userns")
                .map(|value| value != 0),
            has_seccomp_filter: has_seccomp_filter(&status),
            proc_is_masked: covers_proc(&mounts),
            needs_no_user_namespace: capabilities(None)
                .is_ok_and(|sets| sets.effective.contains(ENOUGH_WITHOUT_USER_NAMESPACE)),
            container: Container::find(),
            executable: std::env::current_exe().unwrap_or_default(),
        }
    }
}

impl Facts {
    /// Returns true if any program may make user namespaces, as far as the facts tell.
    #[must_use]
    pub fn allow_user_namespaces(&self) -> bool {
        self.has_user_namespaces
            && self.forbidden_kind != Some("user")
            && self.allowed_to_users != Some(false)
            && self.restricted_by_apparmor != Some(true)
            && !self.has_seccomp_filter
    }
}

impl Container {
    /// Returns the container that this process is in; `None` if it is not in one.
    pub(super) fn find() -> Option<Self> {
        if Path::new("/run/.containerenv").exists() {
            Some(Self::Podman)
        } else if Path::new("/.dockerenv").exists() {
            Some(Self::Docker)
        } else {
            // Where systemd's own containers, LXC and others leave their name.
            Path::new("/run/systemd/container")
                .exists()
                .then_some(Self::Other)
        }
    }
}

/// Returns true if a filter is set. In proc(5), 2 is a filter, 1 the strict mode, under which we would not be here.
fn has_seccomp_filter(status: &str) -> bool {
    status
        .lines()
        .filter_map(|line| line.strip_prefix("Seccomp:"))
        .any(|mode| mode.trim() == "2")
}

/// Returns true if a part of `/proc` is covered by a mount. In proc(5), the fifth field of a line is where it is
/// mounted.
fn covers_proc(mounts: &str) -> bool {
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        // The one that a desktop mounts as well covers an empty folder, which is no harm.
        .any(|place| place.starts_with("/proc/") && place != "/proc/sys/fs/binfmt_misc")
}

/// Returns the reason why this system refuses a private network; `None` if no fact tells.
#[must_use]
pub fn diagnose(facts: &Facts) -> Option<Diagnosis> {
    no_user_namespace(facts)
        .or_else(|| in_container(facts))
        .or_else(|| facts.has_seccomp_filter.then(under_filter))
}

/// Returns the reason why the kernel does not make the namespaces, user namespaces first of all.
fn no_user_namespace(facts: &Facts) -> Option<Diagnosis> {
    let because = |reason: String, fix| {
        let reason = Some(reason);
        Some(Diagnosis { reason, fix })
    };
    let needs_one = !facts.needs_no_user_namespace;
    if needs_one && !facts.has_user_namespaces {
        let reason = "this kernel has no user namespaces".to_owned();
        return because(reason, capture_as_root(&facts.executable));
    }
    if let Some(kind) = facts
        .forbidden_kind
        .filter(|kind| needs_one || *kind != "user")
    {
        let name = format!("user.max_{kind}_namespaces");
        let command = format!("sysctl -w {name}=15000");
        return because(format!("{name} is 0"), Fix::AsRoot(command));
    }
    if needs_one && facts.allowed_to_users == Some(false) {
        let name = "kernel.unprivileged_userns_clone";
        let command = format!("sysctl -w {name}=1");
        return because(format!("{name} is 0"), Fix::AsRoot(command));
    }
    // In a container, a profile is the host's to give.
    if needs_one && facts.restricted_by_apparmor == Some(true) && facts.container.is_none() {
        let reason = "AppArmor allows it only to programs that have a profile".to_owned();
        return because(reason, Fix::Do(install_profile(&facts.executable)));
    }
    None
}

/// Returns the remedy of capturing as root: root needs no user namespace.
#[must_use]
pub fn capture_as_root(executable: &Path) -> Fix {
    Fix::AsRoot(format!("{} capture", shell_word(executable)))
}

fn in_container(facts: &Facts) -> Option<Diagnosis> {
    // Those that leave no name still cover what is not theirs, as Kubernetes does.
    let container = facts
        .container
        .or(facts.proc_is_masked.then_some(Container::Other))?;
    let reason = if facts.has_seccomp_filter {
        Some("this container's filter of system calls forbids it".to_owned())
    } else if facts.proc_is_masked {
        Some("this container covers parts of /proc".to_owned())
    } else {
        None
    };
    let flags = match container {
        // Docker's profile of AppArmor forbids every mount.
        Container::Docker => {
            "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …"
        }
        Container::Podman => {
            "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …"
        }
        Container::Other => {
            "allow the container to nest others, or capture on its own loopback: --network host"
        }
    };
    Some(Diagnosis {
        reason,
        fix: Fix::Do(flags.to_owned()),
    })
}

fn under_filter() -> Diagnosis {
    Diagnosis {
        reason: Some(
            "a filter of system calls that was put upon this session forbids it".to_owned(),
        ),
        fix: Fix::Do("run it from a plain terminal or an ssh login of this machine".to_owned()),
    }
}

/// Returns the command that gives an executable a profile which allows user namespaces and restricts nothing.
///
/// A profile for one program, before the switch that would lift the restriction for all of them.
#[must_use]
pub fn install_profile(executable: &Path) -> String {
    const FILE: &str = "/etc/apparmor.d/wiresnap";
    let lines: Vec<String> = profile(executable).lines().map(shell_word).collect();
    format!(
        "printf '%s\\n' {} | sudo tee {FILE} >/dev/null && sudo apparmor_parser --replace {FILE}",
        lines.join(" ")
    )
}

/// Returns the text of that profile, as Ubuntu's own for browsers are.
fn profile(executable: &Path) -> String {
    let path: String = executable
        .to_string_lossy()
        .chars()
        .flat_map(|character| {
            // apparmor.d(5): these mean something in a path.
            let escape = matches!(
                character,
                '*' | '?' | '[' | ']' | '{' | '}' | '^' | '"' | '\\'
            );
            escape.then_some('\\').into_iter().chain([character])
        })
        .collect();
    format!("abi <abi/4.0>,\nprofile wiresnap \"{path}\" flags=(unconfined) {{\n  userns,\n}}\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Returns a machine on which nothing is in the way.
    fn free() -> Facts {
        Facts {
            has_user_namespaces: true,
            forbidden_kind: None,
            allowed_to_users: None,
            restricted_by_apparmor: None,
            has_seccomp_filter: false,
            proc_is_masked: false,
            needs_no_user_namespace: false,
            container: None,
            executable: PathBuf::from("/home/ada/wiresnap"),
        }
    }

    #[track_caller]
    fn assert_diagnosis(facts: &Facts, reason: &str, fix: &Fix) {
        let diagnosis = diagnose(facts).unwrap();
        assert_eq!(diagnosis.reason.as_deref(), Some(reason));
        assert_eq!(&diagnosis.fix, fix);
    }

    fn reason(facts: &Facts) -> Option<String> {
        diagnose(facts).and_then(|diagnosis| diagnosis.reason)
    }

    fn as_root(command: &str) -> Fix {
        Fix::AsRoot(command.to_owned())
    }

    #[test]
    fn a_kernel_without_user_namespaces_leaves_root() {
        let facts = Facts {
            has_user_namespaces: false,
            ..free()
        };
        assert_diagnosis(
            &facts,
            "this kernel has no user namespaces",
            &as_root("/home/ada/wiresnap capture"),
        );
    }

    #[test]
    fn a_switch_of_the_kernel_is_switched() {
        let none = Facts {
            forbidden_kind: Some("user"),
            ..free()
        };
        assert_diagnosis(
            &none,
            "user.max_user_namespaces is 0",
            &as_root("sysctl -w user.max_user_namespaces=15000"),
        );
        let not_for_users = Facts {
            allowed_to_users: Some(false),
            ..free()
        };
        assert_diagnosis(
            &not_for_users,
            "kernel.unprivileged_userns_clone is 0",
            &as_root("sysctl -w kernel.unprivileged_userns_clone=1"),
        );
    }

    #[test]
    fn user_namespaces_are_for_all_where_nothing_is_in_the_way() {
        assert!(free().allow_user_namespaces());
        for facts in [
            Facts {
                forbidden_kind: Some("user"),
                ..free()
            },
            Facts {
                restricted_by_apparmor: Some(true),
                ..free()
            },
            Facts {
                has_seccomp_filter: true,
                ..free()
            },
        ] {
            assert!(!facts.allow_user_namespaces(), "{facts:?}");
        }
    }

    #[test]
    fn ubuntu_wants_a_profile() {
        let facts = Facts {
            restricted_by_apparmor: Some(true),
            // Old Debian's switch is there on Ubuntu too, and on.
            allowed_to_users: Some(true),
            ..free()
        };
        assert_diagnosis(
            &facts,
            "AppArmor allows it only to programs that have a profile",
            &Fix::Do(install_profile(Path::new("/home/ada/wiresnap"))),
        );
    }

    #[test]
    fn the_command_for_the_profile_is_one_that_a_shell_understands() {
        let command = install_profile(Path::new("/home/ada l'été/{x}/wire\"snap"));
        let (print, _) = command.split_once(" | ").unwrap();

        let output = Command::new("sh").args(["-c", print]).output().unwrap();

        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "abi <abi/4.0>,\nprofile wiresnap \"/home/ada l'été/\\{x\\}/wire\\\"snap\" flags=(unconfined) {\n  userns,\n}\n"
        );
    }

    #[test]
    fn a_container_is_started_with_other_flags() {
        for (container, word) in [
            (
                Container::Docker,
                "docker run --security-opt seccomp=unconfined",
            ),
            (Container::Podman, "--security-opt unmask=ALL"),
            (Container::Other, "--network host"),
        ] {
            let facts = Facts {
                container: Some(container),
                has_seccomp_filter: true,
                proc_is_masked: true,
                // The host's, which the container cannot change.
                restricted_by_apparmor: Some(true),
                ..free()
            };
            let Diagnosis { reason, fix } = diagnose(&facts).unwrap();
            assert_eq!(
                reason.as_deref(),
                Some("this container's filter of system calls forbids it")
            );
            assert!(
                matches!(&fix, Fix::Do(text) if text.contains(word)),
                "{fix:?}"
            );
        }
    }

    #[test]
    fn a_container_without_a_filter_has_a_reason_of_its_own() {
        let masked = Facts {
            container: Some(Container::Podman),
            proc_is_masked: true,
            ..free()
        };
        assert_eq!(
            reason(&masked).unwrap(),
            "this container covers parts of /proc"
        );
        let bare = Facts {
            container: Some(Container::Podman),
            ..free()
        };
        assert_eq!(reason(&bare), None);
        assert!(diagnose(&bare).is_some(), "it is a container nevertheless");
    }

    #[test]
    fn for_root_the_switches_of_user_namespaces_are_no_reason() {
        let facts = Facts {
            needs_no_user_namespace: true,
            has_user_namespaces: false,
            forbidden_kind: Some("user"),
            restricted_by_apparmor: Some(true),
            has_seccomp_filter: true,
            ..free()
        };
        assert!(
            reason(&facts)
                .unwrap()
                .starts_with("a filter of system calls")
        );
    }

    #[test]
    fn other_kinds_of_namespaces_are_counted_for_root_too() {
        let facts = Facts {
            needs_no_user_namespace: true,
            forbidden_kind: Some("net"),
            ..free()
        };
        assert_diagnosis(
            &facts,
            "user.max_net_namespaces is 0",
            &as_root("sysctl -w user.max_net_namespaces=15000"),
        );
    }

    #[test]
    fn where_no_fact_tells_nothing_is_made_up() {
        assert_eq!(diagnose(&free()), None);
    }

    #[test]
    fn a_command_is_one_whatever_the_path() {
        assert_eq!(
            capture_as_root(Path::new("/home/ada/my tools/wiresnap")),
            as_root("'/home/ada/my tools/wiresnap' capture")
        );
    }

    #[test]
    fn a_container_without_a_name_is_known_by_what_it_covers() {
        let facts = Facts {
            proc_is_masked: true,
            ..free()
        };
        assert_eq!(
            reason(&facts).unwrap(),
            "this container covers parts of /proc"
        );
    }

    #[test]
    fn covered_parts_of_proc_are_seen_in_the_list_of_mounts() {
        let plain = "22 1 0:20 / /proc rw,nosuid - proc proc rw\n\
                     30 22 0:28 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n";
        let masked = format!("{plain}40 22 0:50 / /proc/kcore rw,nosuid - tmpfs tmpfs rw\n");

        assert!(!covers_proc(plain));
        assert!(covers_proc(&masked));
        assert!(!covers_proc("1 2\n"));
    }

    #[test]
    fn a_filter_of_system_calls_is_seen_in_the_status() {
        assert!(has_seccomp_filter(
            "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
        ));
        assert!(!has_seccomp_filter("Seccomp:\t0\nSeccomp_filters:\t0\n"));
        assert!(!has_seccomp_filter(""));
    }

    #[test]
    fn the_facts_of_this_machine_can_be_read() {
        let facts = Facts::read();

        assert!(facts.executable.is_absolute());
        assert_eq!(
            facts.has_user_namespaces,
            Path::new("/proc/self/ns/user").exists()
        );
    }
}
