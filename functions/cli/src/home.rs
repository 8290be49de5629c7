//! A data folder with its configuration: what every command but a few begins with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Quiet, Random, SystemClock, SystemRandom};
use pipeline::{Integration, Pipeline, Source, Standing, Vault};
use runtime::Exit;
use runtime::config::{Config, FILE, Known};
use store::state::run::Run;
use store::{DataDir, Stores};

use crate::args::Global;
#[cfg(feature = "aws")]
use crate::aws::Installation;
use crate::commands::sync::Now;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Subject;
use crate::progress::Watch;
use crate::target::{self, Reach, Target};
use crate::vault;

/// How much longer than a request a lease is for the sandbox, where a batch takes part of a second.
const SANDBOX_BATCH: Duration = Duration::from_secs(10);

/// What a command is given.
#[derive(Clone)]
pub struct Setting {
    /// The options.
    pub global: Global,
    /// Where words go.
    pub console: Console,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The machine's randomness.
    pub random: Arc<dyn Random>,
}

impl Setting {
    /// The machine's own.
    pub fn new(global: Global, console: Console) -> Result<Self, Failure> {
        let interrupt = Interrupt::listen(&console)?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        Ok(Self { global, console, interrupt, clock, random })
    }

    /// The configuration: the file that is named, else the one in this folder, else the sandbox.
    pub fn config(&self) -> Result<Configured, Failure> {
        let here = PathBuf::from(FILE);
        let file = match &self.global.config {
            Some(file) => Some(file.clone()),
            None => here.exists().then_some(here),
        };
        let config = match file {
            Some(file) => {
                Config::load(&file, Known { formats: &home::known(), targets: home::KINDS })?
            }
            None => Config::sandbox(),
        };
        let integration = config.integration(self.global.integration.as_deref())?.clone();
        Ok(Configured { tenant: config.tenant, integration })
    }
}

/// One integration of a configuration.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Whose it is.
    pub tenant: String,
    /// The integration.
    pub integration: runtime::Integration,
}

impl Configured {
    /// How its source `name` is read.
    pub fn source(&self, name: &str) -> Result<Source, Failure> {
        let found = self.integration.sources.iter().find(|source| source.name == name);
        found
            .map(home::source)
            .ok_or_else(|| Failure::usage(format!("there is no source `{name}`")))
    }
}

/// An open data folder, or an installation, with the pipeline on it.
pub struct Home {
    /// The steps.
    pub pipeline: Pipeline,
    /// Who watches them.
    pub watch: Watch,
    /// Where all of it is kept.
    pub place: Place,
}

/// Where everything is kept.
pub enum Place {
    /// In a data folder.
    Folder(DataDir),
    /// On AWS, with the objects in this bucket.
    #[cfg(feature = "aws")]
    Bucket(String),
}

impl Place {
    /// Where an object is, for people.
    pub fn of_object(&self, key: &str) -> String {
        match self {
            Self::Folder(data) => shown(&data.path().join("objects").join(key)),
            #[cfg(feature = "aws")]
            Self::Bucket(bucket) => format!("s3://{bucket}/{key}"),
        }
    }

    /// Whether it is a data folder.
    pub fn is_folder(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            #[cfg(feature = "aws")]
            Self::Bucket(_) => false,
        }
    }

    /// Overwrites what is kept of bytes that were deleted. On AWS nothing of them can be read.
    pub fn clear_deleted(&self) -> Result<(), Failure> {
        match self {
            Self::Folder(data) => Ok(data.clear_deleted()?),
            #[cfg(feature = "aws")]
            Self::Bucket(_) => Ok(()),
        }
    }

    /// Clears items whose time is over; how many. On AWS that happens by itself.
    pub fn drop_expired(&self) -> Result<usize, Failure> {
        match self {
            Self::Folder(data) => Ok(data.drop_expired()?),
            #[cfg(feature = "aws")]
            Self::Bucket(_) => Ok(0),
        }
    }
}

/// What a command does with the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads; no lock is taken and no secret is needed.
    Read,
    /// It reads, and writes into memory: a preview.
    Preview,
    /// It writes, as the only one.
    Write,
    /// It writes and may talk to the LMS.
    Deliver,
}

impl Home {
    /// Opens the data folder, or the installation that is named, and builds the integration.
    pub async fn open(setting: &Setting, access: Access) -> Result<Self, Failure> {
        #[cfg(feature = "aws")]
        if setting.global.stack().is_some() {
            let installation = Installation::connect(setting).await?;
            let scope = installation.one(&setting.global).await?;
            return installation.home(setting, &scope).await;
        }
        Self::in_folder(setting, access)
    }

    /// The same with the run that `name` means: its id, the beginning or end of it, or `last`. On
    /// AWS it also says which integration is meant.
    pub async fn with_run(
        setting: &Setting,
        access: Access,
        name: &str,
    ) -> Result<(Self, Run), Failure> {
        const LOOKED_THROUGH: usize = 10_000;
        #[cfg(feature = "aws")]
        if setting.global.stack().is_some() {
            let installation = Installation::connect(setting).await?;
            let found = installation.find(&setting.global, name).await?;
            return Ok((installation.home(setting, &found.scope).await?, found.run));
        }
        let home = Self::in_folder(setting, access)?;
        let run = fitting(name, home.runs(LOOKED_THROUGH).await?, |run| &run.id)?;
        Ok((home, run))
    }

    fn in_folder(setting: &Setting, access: Access) -> Result<Self, Failure> {
        let configured = setting.config()?;
        let (path, clock) = (&setting.global.data, Arc::clone(&setting.clock));
        let reach = if access == Access::Deliver { Reach::Live } else { Reach::Never };
        let integration = &configured.integration;
        let target = target::target(integration, path, reach, &setting.clock, &setting.random)?;
        let (data, vault) = match access {
            Access::Read | Access::Preview => {
                let data = DataDir::open_reader(path, clock)?;
                (data, vault::of_reader(path, &*setting.random)?)
            }
            Access::Write | Access::Deliver => {
                let data = DataDir::open_writer(path, clock)?;
                (data, vault::of_writer(path, &*setting.random)?)
            }
        };
        let subject = Subject {
            tenant: configured.tenant.clone(),
            integration: integration.name.clone(),
            target: target.shown.clone(),
        };
        let watch = Watch::new(&setting.console, &setting.interrupt, subject);
        let stores = match access {
            Access::Preview => store::overlay(&data.stores(), Arc::clone(&setting.clock)),
            _ => data.stores(),
        };
        let mut built = build(&configured, &target);
        if access == Access::Preview {
            built.standing = Standing::Test;
        }
        let pipeline = pipeline(setting, stores, built, target, Arc::new(vault), &watch);
        Ok(Self { pipeline, watch, place: Place::Folder(data) })
    }

    /// Quiet hours are not waited for where `now` says so.
    pub fn wait_unless(&mut self, now: &Now) {
        if now.now {
            let mut integration = (*self.pipeline.integration).clone();
            integration.safety.quiet = Quiet::default();
            self.pipeline.integration = Arc::new(integration);
        }
    }

    /// Who this is about.
    pub fn subject(&self) -> Subject {
        self.watch.subject()
    }

    /// The newest `limit` runs, newest first. Ids sort by the second; runs of one second stand in
    /// the order in which they began.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, Failure> {
        let mut runs = self.pipeline.runs(limit).await?;
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        Ok(runs)
    }
}

/// The one of `runs`, newest first, that `name` means. `id` tells a run's.
pub fn fitting<T>(name: &str, runs: Vec<T>, id: impl Fn(&T) -> &str) -> Result<T, Failure> {
    if name.len() < 4 {
        return Err(Failure::usage(format!("`{name}` is too short to be a run's id"))
            .hint("`rollcall runs` lists them; `last` is the newest"));
    }
    if name == "last" {
        let none = || Failure::new(Exit::Failed, "not-found", "there has been no run yet");
        return runs.into_iter().next().ok_or_else(none);
    }
    let fits = |run: &T| id(run).starts_with(name) || id(run).ends_with(name);
    let mut fitting: Vec<_> = runs.into_iter().filter(fits).collect();
    if let Some(exact) = fitting.iter().position(|run| id(run) == name) {
        return Ok(fitting.swap_remove(exact));
    }
    match fitting.len() {
        1 => Ok(fitting.swap_remove(0)),
        0 => Err(Failure::new(Exit::Failed, "not-found", format!("there is no run `{name}`"))
            .hint("`rollcall runs` lists them")),
        more => Err(Failure::usage(format!("`{name}` fits {more} runs"))
            .hint("name more of the id; `rollcall runs` lists them")),
    }
}

fn build(configured: &Configured, target: &Target) -> Integration {
    let batch = match configured.integration.target.connection {
        runtime::config::Connection::Sandbox => SANDBOX_BATCH,
        runtime::config::Connection::Remote { .. } => home::BATCH,
    };
    let shape = home::Shape { batch };
    home::integration(&configured.tenant, &configured.integration, &target.made, shape)
}

fn pipeline(
    setting: &Setting,
    stores: Stores,
    integration: Integration,
    target: Target,
    vault: Arc<dyn Vault>,
    watch: &Watch,
) -> Pipeline {
    Pipeline {
        stores,
        clock: Arc::clone(&setting.clock),
        random: Arc::clone(&setting.random),
        integration: Arc::new(integration),
        lms: target.made.lms,
        vault,
        progress: Arc::new(watch.clone()),
        holder: format!("pid {}", std::process::id()),
        // The data folder's lock proves that whoever held the lease is dead.
        sole_writer: true,
        stop: Arc::clone(&setting.interrupt.stop),
    }
}

/// A path for people: as it was typed, without `./`.
pub fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).display().to_string()
}
