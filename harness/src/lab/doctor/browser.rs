//! A browser, its driver, and how they get on.

use super::check::{Check, State};
use super::firefox::Fit;
use super::packages::{Packages, Wanted};
use super::version::Version;
use super::{chromium, firefox, program};
use crate::machine::browser::Kind;
use crate::machine::tools::Browser;

/// Checks a browser and its driver; `is_cramped_snap` is true if it is a snap on a network that a snap does not start
/// on.
pub(super) async fn checks(
    tools: &Browser,
    is_cramped_snap: bool,
    packages: Packages,
) -> Vec<Check> {
    let Browser {
        kind,
        executable,
        is_snap,
        driver,
    } = tools;
    let name = kind.to_string();
    let ((mut browser, browser_version), (driver, driver_version)) = tokio::join!(
        program(
            &name,
            executable.as_deref(),
            packages,
            Wanted::browser(*kind)
        ),
        program(
            kind.driver(),
            driver.as_deref(),
            packages,
            Wanted::driver(*kind)
        ),
    );
    if *is_snap && browser.state == State::Ok {
        browser = match kind {
            Kind::Firefox => snap_of_firefox(browser, is_cramped_snap),
            Kind::Chromium => snap_of_chromium(browser),
        };
    }
    let mut checks = vec![browser, driver];
    if let (Some(browser), Some(driver)) = (browser_version, driver_version) {
        checks.push(match kind {
            Kind::Firefox => pair_of_firefox(browser, driver, packages),
            Kind::Chromium => pair_of_chromium(browser, driver, packages),
        });
    }
    checks
}

/// Returns the check of a Firefox that is a snap: the consequences for a capture.
fn snap_of_firefox(firefox: Check, is_cramped: bool) -> Check {
    let (state, what) = if is_cramped {
        (State::Missing, "cannot be played on a private network")
    } else {
        (State::Warning, "is played on the host's network only")
    };
    let found = format!("{}, a snap, which {what}", firefox.found);
    Check {
        state,
        found,
        ..firefox
    }
    .fixed_by("install Mozilla's own package: https://support.mozilla.org/kb/install-firefox-linux")
}

/// Returns the check of a Chromium that is a snap: it has a chromedriver of its own inside, under another name, and
/// profiles where we have none.
fn snap_of_chromium(chromium: Check) -> Check {
    let found = format!("{}, a snap, which cannot be played with", chromium.found);
    Check {
        state: State::Missing,
        found,
        ..chromium
    }
    .fixed_by("install a Chromium that is a package, with its chromedriver, as Debian has it")
}

fn pair_of_firefox(firefox: Version, driver: Version, packages: Packages) -> Check {
    let name = "versions fit";
    match firefox::fit(firefox, driver) {
        Fit::Good => Check::ok(
            name,
            &format!("geckodriver {driver} drives Firefox {firefox}"),
        ),
        Fit::FirefoxTooOld(oldest) => Check::missing(
            name,
            &format!("geckodriver {driver} needs Firefox {oldest} or newer, this is {firefox}"),
        )
        .fixed_by(packages.install(Wanted::Firefox)),
        Fit::GeckodriverTooOld(newest) => {
            let found =
                format!("geckodriver {driver} knows Firefox up to {newest}, this is {firefox}");
            packages.cure(Check::warning(name, &found), Wanted::Geckodriver)
        }
    }
}

fn pair_of_chromium(Version(chromium, _): Version, driver: Version, packages: Packages) -> Check {
    let (name, Version(driver_release, _)) = ("versions fit", driver);
    if chromium::fit(Version(chromium, 0), driver) {
        return Check::ok(
            name,
            &format!("chromedriver {driver_release} drives Chromium {chromium}"),
        );
    }
    Check::missing(
        name,
        &format!("chromedriver {driver_release} drives Chromium {driver_release} only, this is {chromium}"),
    )
    .fixed_by(packages.install(Wanted::Chromium))
}
