//! Finds the names of the packages on this system, and the command that installs them.

use std::path::{Path, PathBuf};

use super::check::Check;

use crate::machine::browser::Kind;

/// The systems' package managers that we know the names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    /// Debian and what comes from it.
    Apt,
    /// Ubuntu, where Firefox has another name than in Debian.
    AptOfUbuntu,
    /// Fedora, Red Hat.
    Dnf,
    /// Arch.
    Pacman,
    /// openSUSE.
    Zypper,
    /// Alpine.
    Apk,
}

/// Something that a package brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The browser.
    Firefox,
    /// The program that drives it.
    Geckodriver,
    /// The other browser.
    Chromium,
    /// The program that drives that one.
    Chromedriver,
    /// Netcat, of whichever kind.
    Netcat,
    /// Wireshark's program for terminals.
    Tshark,
}

/// The way in which this system installs packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packages {
    manager: Option<Manager>,
    /// True if this is a checkout of wiresnap, whose `make setup` knows what to do.
    has_setup: bool,
    /// True if there is a cargo, which builds what is no package.
    has_cargo: bool,
    is_root: bool,
}

impl Packages {
    /// Looks along `folders` for a package manager, and in the project for `make setup`.
    #[must_use]
    pub(super) fn find(project: &Path, folders: &[PathBuf], is_root: bool) -> Self {
        let has = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
        let is_ubuntu = || {
            std::fs::read_to_string("/etc/os-release")
                .is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"))
        };
        let manager = [
            ("apt-get", Manager::Apt),
            ("dnf", Manager::Dnf),
            ("pacman", Manager::Pacman),
            ("zypper", Manager::Zypper),
            ("apk", Manager::Apk),
        ]
        .into_iter()
        .find_map(|(name, manager)| has(name).then_some(manager));
        Self {
            manager: match manager {
                Some(Manager::Apt) if is_ubuntu() => Some(Manager::AptOfUbuntu),
                manager => manager,
            },
            // Other projects may have a script of that name.
            has_setup: ["scripts/setup", "harness/src/lab/doctor/mod.rs"]
                .iter()
                .all(|file| project.join(file).is_file()),
            has_cargo: has("cargo"),
            is_root,
        }
    }

    /// Returns a check with what installs something, or brings it up to date, as its remedy.
    #[must_use]
    pub(super) fn cure(self, check: Check, wanted: Wanted) -> Check {
        Check {
            is_fixed_by_us: wanted == Wanted::Geckodriver && self.package(wanted).is_none(),
            ..check.fixed_by(self.install(wanted))
        }
    }

    fn package(self, wanted: Wanted) -> Option<(Manager, &'static str)> {
        let manager = self.manager?;
        Some((manager, manager.package(wanted)?))
    }

    /// Returns the command that installs something, or brings it up to date.
    #[must_use]
    pub(super) fn install(self, wanted: Wanted) -> String {
        match self.package(wanted) {
            Some((manager, package)) => self.as_root(&format!("{} {package}", manager.command())),
            None if wanted == Wanted::Geckodriver && self.has_setup => "make setup".to_owned(),
            None if wanted == Wanted::Geckodriver && self.has_cargo => {
                "wiresnap doctor --fix".to_owned()
            }
            None if wanted == Wanted::Geckodriver => {
                "install Rust (https://rustup.rs), and then `wiresnap doctor --fix` builds it"
                    .to_owned()
            }
            None if self.manager == Some(Manager::AptOfUbuntu) => format!(
                "install {} from elsewhere: Ubuntu's is a snap, which cannot be played with",
                wanted.name()
            ),
            None => format!(
                "install {} with your system's package manager",
                wanted.name()
            ),
        }
    }

    /// Returns a command that takes root, as this user types it.
    #[must_use]
    pub(super) fn as_root(self, command: &str) -> String {
        if self.is_root {
            command.to_owned()
        } else {
            format!("sudo {command}")
        }
    }
}

impl Manager {
    const fn command(self) -> &'static str {
        match self {
            Self::Apt | Self::AptOfUbuntu => "apt-get install",
            Self::Dnf => "dnf install",
            Self::Pacman => "pacman -S",
            Self::Zypper => "zypper install",
            Self::Apk => "apk add",
        }
    }

    /// Returns the name of the package; `None` if the system has no such package.
    const fn package(self, wanted: Wanted) -> Option<&'static str> {
        match (wanted, self) {
            (Wanted::Firefox, Self::Apt) => Some("firefox-esr"),
            (Wanted::Firefox, Self::Zypper) => Some("MozillaFirefox"),
            (Wanted::Firefox, _) => Some("firefox"),
            (Wanted::Geckodriver, Self::Pacman | Self::Apk) => Some("geckodriver"),
            // The two must be of one release, so one command brings both.
            (Wanted::Chromium | Wanted::Chromedriver, Self::Apt) => {
                Some("chromium chromium-driver")
            }
            // What Ubuntu's packages of Chromium bring is a snap.
            (Wanted::Geckodriver, _)
            | (Wanted::Chromium | Wanted::Chromedriver, Self::AptOfUbuntu) => None,
            (Wanted::Chromium | Wanted::Chromedriver, Self::Dnf | Self::Zypper) => {
                Some("chromium chromedriver")
            }
            (Wanted::Chromium | Wanted::Chromedriver, Self::Pacman) => Some("chromium"),
            (Wanted::Chromium | Wanted::Chromedriver, Self::Apk) => {
                Some("chromium chromium-chromedriver")
            }
            (Wanted::Netcat, Self::Dnf) => Some("nmap-ncat"),
            (Wanted::Netcat, Self::Pacman) => Some("openbsd-netcat"),
            (Wanted::Netcat, _) => Some("netcat-openbsd"),
            (Wanted::Tshark, Self::Apt | Self::AptOfUbuntu | Self::Apk) => Some("tshark"),
            (Wanted::Tshark, Self::Zypper) => Some("wireshark"),
            (Wanted::Tshark, _) => Some("wireshark-cli"),
        }
    }
}

impl Wanted {
    pub(super) const fn browser(kind: Kind) -> Self {
        match kind {
            Kind::Firefox => Self::Firefox,
            Kind::Chromium => Self::Chromium,
        }
    }

    pub(super) const fn driver(kind: Kind) -> Self {
        match kind {
            Kind::Firefox => Self::Geckodriver,
            Kind::Chromium => Self::Chromedriver,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Firefox => "Firefox",
            Self::Geckodriver => "geckodriver",
            Self::Chromium => "Chromium",
            Self::Chromedriver => "chromedriver",
            Self::Netcat => "netcat",
            Self::Tshark => "tshark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(manager: Option<Manager>) -> Packages {
        Packages {
            manager,
            has_setup: false,
            has_cargo: true,
            is_root: false,
        }
    }

    #[test]
    fn each_system_has_names_of_its_own() {
        for (manager, wanted, command) in [
            (
                Manager::Apt,
                Wanted::Firefox,
                "sudo apt-get install firefox-esr",
            ),
            (
                Manager::AptOfUbuntu,
                Wanted::Firefox,
                "sudo apt-get install firefox",
            ),
            (Manager::Dnf, Wanted::Netcat, "sudo dnf install nmap-ncat"),
            (
                Manager::Pacman,
                Wanted::Geckodriver,
                "sudo pacman -S geckodriver",
            ),
            (
                Manager::Zypper,
                Wanted::Firefox,
                "sudo zypper install MozillaFirefox",
            ),
            (Manager::Apk, Wanted::Netcat, "sudo apk add netcat-openbsd"),
            (Manager::Apt, Wanted::Geckodriver, "wiresnap doctor --fix"),
            (
                Manager::Apt,
                Wanted::Chromedriver,
                "sudo apt-get install chromium chromium-driver",
            ),
            (
                Manager::AptOfUbuntu,
                Wanted::Chromium,
                "install Chromium from elsewhere: Ubuntu's is a snap, which cannot be played with",
            ),
        ] {
            assert_eq!(packages(Some(manager)).install(wanted), command);
        }
    }

    #[test]
    fn a_system_that_nobody_knows_is_asked_in_words() {
        assert_eq!(
            packages(None).install(Wanted::Netcat),
            "install netcat with your system's package manager"
        );
    }

    #[test]
    fn what_is_no_package_takes_a_cargo() {
        let without = Packages {
            has_cargo: false,
            ..packages(Some(Manager::Apt))
        };
        let fix = without.install(Wanted::Geckodriver);
        assert!(fix.starts_with("install Rust "), "{fix}");
        for (manager, is_fixed_by_us) in [(Manager::Apt, true), (Manager::Pacman, false)] {
            let check = Check::missing("geckodriver", "not installed");
            let check = packages(Some(manager)).cure(check, Wanted::Geckodriver);
            assert_eq!(check.is_fixed_by_us, is_fixed_by_us, "{manager:?}");
        }
    }

    #[test]
    fn root_needs_no_sudo_and_a_checkout_has_a_set_up() {
        let ours = Packages {
            has_setup: true,
            is_root: true,
            ..packages(Some(Manager::Apt))
        };

        assert_eq!(ours.install(Wanted::Tshark), "apt-get install tshark");
        assert_eq!(ours.install(Wanted::Geckodriver), "make setup");
    }
}
