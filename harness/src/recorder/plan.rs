//! Plans captures: the scenarios to be played, and all that is needed for it.

use std::path::{Path, PathBuf};

use super::keep::{Folder, Savefile};
use super::remote::remote;
use super::{Choices, scenarios};
use crate::error::Result;
use crate::files::batch::Bounds;
use crate::lab::doctor::{Examination, Intent};
use crate::lab::network::{Ground, MeetingPoint, Network};
use crate::lab::remote::Remote;
use crate::log;
use crate::machine::browser::{self, Kind};
use crate::machine::privilege::Account;
use crate::machine::programs::Programs;
use crate::machine::tools::Tools;
use crate::printer::say;
use crate::project::{Project, current_folder};
use crate::render::redactions::Redactions;
use crate::run::conductor::{Lab, make_lab};
use crate::run::message::Order;
use crate::scenario::Scenario;
use crate::scenario::program::Program;

/// A scenario with all that it is played with.
pub(super) struct Part {
    pub(super) order: Order,
    pub(super) savefile: Savefile,
    pub(super) lab: Lab,
}

/// The scenarios that are to be played, and the options.
pub(super) struct CaptureRequest {
    /// The folder that the scenarios' paths start from.
    pub(super) root: PathBuf,
    pub(super) scenarios: Vec<Scenario>,
    /// The rules that hide parts of each scenario.
    pub(super) redactions: Vec<Redactions>,
    /// The texts that may look like a credential but are worth nothing.
    pub(super) known_credentials: Vec<String>,
    pub(super) programs: Programs,
    /// The browser that plays the scenarios of a browser.
    pub(super) browser: Kind,
    pub(super) captures: PathBuf,
    /// True if the project, not the user, says where captures go: then they stay in the project.
    pub(super) captures_are_in_project: bool,
    pub(super) network: Option<Network>,
    /// The browser elsewhere to play with, if there is one.
    pub(super) remote: Option<Remote>,
    pub(super) time_scale: f64,
    pub(super) jobs: Option<u16>,
    pub(super) preparing: Option<u16>,
    /// True if captures that say the same are replaced too.
    pub(super) replace: bool,
    /// True if it is accepted that other users of this machine can drive the browser.
    pub(super) is_shared: bool,
}

impl CaptureRequest {
    /// Returns what was chosen, from the project that the current folder is in.
    pub(super) fn of(choices: Choices) -> Result<Self> {
        let project = Project::find(&current_folder()?)?;
        let programs = Programs::beside_us()?;
        let (scenarios, redactions) = scenarios::read(&project, &programs, &choices)?;
        let network = choices.network;
        let remote = choices
            .remote
            .map(|choice| remote(choice, network, &scenarios));
        let remote = remote.transpose()?;
        Ok(Self {
            redactions,
            known_credentials: project.known_credentials,
            scenarios,
            programs,
            browser: choices.browser,
            captures_are_in_project: choices.out.is_none(),
            captures: browser::folder(&choices.out.unwrap_or(project.captures), choices.browser),
            root: project.root,
            network: remote.as_ref().map_or(network, |_| Some(Network::Host)),
            remote,
            time_scale: choices.time_scale,
            jobs: choices.jobs,
            preparing: choices.preparing,
            replace: choices.replace,
            is_shared: choices.is_shared,
        })
    }
}

/// The scenarios that are to be played, and all that is needed for it.
pub(super) struct Plan {
    pub(super) scenarios: Vec<Scenario>,
    /// The rules that hide parts of each scenario.
    pub(super) redactions: Vec<Redactions>,
    pub(super) known_credentials: Vec<String>,
    /// The project's folder, as an absolute path.
    pub(super) root: PathBuf,
    pub(super) programs: Programs,
    pub(super) tools: Tools,
    pub(super) account: Account,
    pub(super) network: Network,
    pub(super) remote: Option<Remote>,
    pub(super) folder: Folder,
    pub(super) time_scale: f64,
    pub(super) replace: bool,
    /// The risks that the user should know before anything is started.
    pub(super) exposures: Vec<String>,
}

impl Plan {
    /// Has this machine examined for what is to be played.
    pub(super) fn make(
        request: CaptureRequest,
        account: Account,
        examine: impl FnOnce(&Intent<'_>) -> Result<Examination>,
    ) -> Result<Self> {
        for scenario in &request.scenarios {
            scenarios::require_time_scale(scenario, request.time_scale)?;
        }
        let tools = Tools::find(&request.root, request.browser);
        let intent = Intent {
            project: &request.root,
            tools: &tools,
            scenarios: &request.scenarios,
            captures: &request.captures,
            network: request.network,
            remote: request.remote.as_ref(),
            is_shared: request.is_shared,
            with_optional: false,
        };
        let examination = examine(&intent)?;
        let network = network(&intent, &examination)?;
        let exposures = examination.exposures().to_vec();
        let bounds = if request.captures_are_in_project {
            Bounds::Within(&request.root)
        } else {
            Bounds::Anywhere
        };
        let folder = Folder::lock(request.captures, bounds)?;
        Ok(Self {
            scenarios: request.scenarios,
            redactions: request.redactions,
            known_credentials: request.known_credentials,
            root: current_folder()?.join(&request.root),
            programs: request.programs,
            tools,
            account,
            network,
            remote: request.remote,
            folder,
            time_scale: request.time_scale,
            replace: request.replace,
            exposures,
        })
    }

    /// Returns where program and client of a scenario meet.
    pub(super) fn meeting_point(&self, scenario: &Scenario) -> MeetingPoint {
        match &self.remote {
            Some(remote) => remote.meeting_point.clone(),
            None => MeetingPoint::of(scenario),
        }
    }

    /// Makes a lab for each scenario.
    pub(super) fn parts(&self, folder: &Path) -> Result<Vec<Part>> {
        let network = self.network;
        let executable = |program: &Program| self.programs.executable(program, &self.root);
        for scenario in &self.scenarios {
            Programs::require_commands(scenario, &self.root)?;
        }
        let part = |scenario: &Scenario| {
            let savefile = self.folder.savefile()?;
            let ground = Ground {
                network,
                link: scenario.link,
            };
            let lab = make_lab(ground, folder, savefile.handle()?)?;
            let order = Order {
                scenario: scenario.clone(),
                root: self.root.clone(),
                program: executable(&scenario.program)?,
                helpers: scenario
                    .helpers
                    .iter()
                    .map(executable)
                    .collect::<Result<_>>()?,
                time_scale: self.time_scale,
                network,
                meeting_point: self.meeting_point(scenario),
                remote: self.remote.clone(),
                tools: self.tools.clone(),
                account: self.account.clone(),
                log: log::filter().map(str::to_owned),
            };
            Ok(Part {
                order,
                savefile,
                lab,
            })
        };
        self.scenarios.iter().map(part).collect()
    }
}

/// Returns the network to play on, if this machine has all that it takes.
fn network(intent: &Intent<'_>, examination: &Examination) -> Result<Network> {
    let network = examination.require_ready()?;
    if let (None, Network::Host) = (intent.network, network) {
        let why = examination.why_not_private();
        say(&format!(
            "note: playing on the host's network, one scenario after the other: {why}"
        ));
    }
    Ok(network)
}
