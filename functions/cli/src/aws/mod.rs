//! `rollcall --aws STACK`: the same commands against an installation on AWS.
//!
//! Nothing is read, planned or delivered on this machine: the functions of the stack do that. What
//! is asked for here goes into the stack's table and queues, in the role of whoever asks.
//!
//! **Never:** no secret comes from the command line and none is printed; the LMS is not called.

mod failed;
mod failure;
mod installation;
mod redrive;
mod registry;
mod runs;
mod steps;
mod tenant;

use crate::args::{Command, DEFAULT_DATA, Global};
use crate::failure::Failure;
use crate::home::Setting;
use runtime::Exit;

pub use installation::Installation;
pub use redrive::Redrive;
pub use tenant::Tenant;

/// Which installation, and whose part of it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Options for an installation on AWS")]
pub struct Options {
    /// Work with the installation STACK on AWS in place of a data folder
    #[arg(long, global = true, value_name = "STACK", env = "ROLLCALL_AWS", hide_env_values = true)]
    aws: Option<String>,
    /// With --aws: which tenant of the installation
    #[arg(long = "tenant", global = true, value_name = "NAME")]
    pub of_tenant: Option<String>,
}

impl Options {
    /// The stack, where one is named. An empty variable names none.
    pub fn stack(&self) -> Option<&str> {
        self.aws.as_deref().filter(|stack| !stack.is_empty())
    }

    /// Options of an installation make no sense without one.
    pub fn check_unused(&self) -> Result<(), Failure> {
        match &self.of_tenant {
            None => Ok(()),
            Some(_) => Err(Failure::usage("`--tenant` is for an installation on AWS")
                .hint("name the installation: --aws STACK")),
        }
    }
}

/// Runs a command against the installation.
pub async fn run(command: Command, setting: &Setting) -> Result<Exit, Failure> {
    check(&setting.global, &command)?;
    let ended = match command {
        Command::Runs(command) => runs::run(command, setting).await,
        Command::Show(command) => command.run(setting).await,
        Command::Digest(command) => command.run(setting).await,
        Command::Holds(command) => command.of_installation(setting).await,
        Command::Trace(command) => command.run(setting).await,
        Command::Approve(command) => steps::approve(command, setting).await,
        Command::Reject(command) => steps::reject(command, setting).await,
        Command::Revert(command) => steps::revert(command, setting).await,
        Command::Resume(command) => steps::resume(command, setting).await,
        Command::Limits(command) => command.run(setting).await,
        Command::Scope(command) => steps::scope(command, setting).await,
        Command::Rename(command) => steps::rename(command, setting).await,
        Command::Pause(command) => command.run(setting).await,
        Command::Unpause(command) => {
            let ended = command.run(setting).await?;
            steps::sweep(setting).await.map(|sent| sent.and(ended))
        }
        Command::Sweep(_) => steps::sweep(setting).await,
        Command::Log(command) => command.run(setting).await,
        Command::Credentials(command) => command.run(setting).await,
        Command::Forget(command) => steps::forget(command, setting).await,
        Command::Tenant(command) => command.run(setting).await,
        Command::Redrive(command) => command.run(setting).await,
        // These need neither a folder nor an installation.
        Command::Generate(command) => command.run(setting),
        Command::Completions(command) => command.run(setting),
        Command::Sync(_) => Err(not_here(
            "sync",
            "drop the export into s3://BUCKET/incoming/TENANT/INTEGRATION/SOURCE/, and it is taken \
             in; `rollcall tenant show TENANT` prints the folder of each source",
        )),
        Command::Plan(_) => Err(not_here(
            "plan",
            "set `status = \"test\"` in the tenant's configuration, add it with `rollcall tenant \
             add`, and drop the export: it is planned and nothing is delivered",
        )),
        Command::Check(_) => Err(not_here("check", LOCAL)),
        Command::Target(_) => Err(not_here(
            "target",
            "the secret of the LMS is not read here: check it on a machine that has it",
        )),
        Command::Sandbox(_) => Err(not_here("sandbox", LOCAL)),
        Command::Backup(_) => Err(not_here(
            "backup",
            "the table has point-in-time recovery and the bucket keeps versions: docs/deploy.md",
        )),
        Command::Restore(_) => Err(not_here(
            "restore",
            "restore the table to a point in time: docs/deploy.md says how",
        )),
    };
    ended.map_err(failure::on_aws)
}

/// What to do with a command that works on this machine alone.
const LOCAL: &str =
    "it works on this machine alone: leave out `--aws` (and unset ROLLCALL_AWS where it is set)";

fn not_here(command: &str, instead: &str) -> Failure {
    Failure::usage(format!("`rollcall {command}` does not work against an installation on AWS"))
        .hint(instead)
}

/// What a command says that needs an installation and was given none.
pub fn needed(command: &str) -> Failure {
    Failure::usage(format!("`rollcall {command}` is for an installation on AWS"))
        .hint("name the installation: --aws STACK")
}

/// Options of a data folder say nothing here, and whoever gives them means something else.
fn check(global: &Global, command: &Command) -> Result<(), Failure> {
    if global.data.as_os_str() != DEFAULT_DATA {
        return Err(Failure::usage("`--data` and `--aws` do not go together")
            .hint("name one of them (and unset ROLLCALL_AWS where it is set)"));
    }
    let is_local = matches!(command, Command::Check(_) | Command::Plan(_) | Command::Sync(_));
    let takes_file = matches!(command, Command::Tenant(tenant) if tenant.takes_file());
    if global.config.is_some() && !takes_file && !is_local {
        return Err(Failure::usage("`--config` is not read here: the installation has its own")
            .hint("`rollcall tenant add --config FILE` puts one there, `tenant show` prints it"));
    }
    Ok(())
}
