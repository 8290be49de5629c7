//! `rollcall --aws STACK tenant`

mod add;
mod remove;
mod rules;
mod secret;
mod show;
mod usage;

use clap::Subcommand;
use runtime::Exit;
use store::state::Scope;

use crate::failure::Failure;
use crate::home::Setting;

/// Add, look at and remove the schools of an installation on AWS
#[derive(Debug, clap::Args)]
pub struct Tenant {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(add::Add),
    List(show::List),
    Show(show::Show),
    Remove(remove::Remove),
    Secret(secret::Secret),
    Usage(usage::Used),
}

impl Tenant {
    /// Whether it reads the file of `--config`.
    pub fn takes_file(&self) -> bool {
        matches!(self.action, Action::Add(_))
    }

    /// Does it.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        match self.action {
            Action::Add(command) => command.run(setting).await,
            Action::List(command) => command.run(setting).await,
            Action::Show(command) => command.run(setting).await,
            Action::Remove(command) => command.run(setting).await,
            Action::Secret(command) => command.run(setting).await,
            Action::Usage(command) => command.run(setting).await,
        }
    }
}

/// Why the recurring schedule of an integration is there.
const SWEEP: &str = "sweep";

/// An integration as it is typed: `oakfield/sis`.
fn scope(text: &str) -> Result<Scope, Failure> {
    match text.split_once('/') {
        Some((tenant, integration)) if !tenant.is_empty() && !integration.is_empty() => {
            Ok(Scope::new(tenant, integration))
        }
        _ => Err(Failure::usage(format!("`{text}` is no integration"))
            .hint("write TENANT/INTEGRATION; `rollcall tenant list` shows them")),
    }
}
