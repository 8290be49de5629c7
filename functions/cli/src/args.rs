//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use runtime::Exit;

use crate::commands;
use crate::console::Console;
use crate::failure::Failure;

/// Keeps a learning platform in step with what the school's administration exports.
#[derive(Debug, Parser)]
#[command(
    name = "rollcall",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Try it, nothing else needed:
  rollcall sync examples/moodle101.xml    fill a simulated LMS on this machine
  rollcall sandbox                        and look at it in a browser

Exit codes:
  0 done, or nothing to do       4 something is held      7 in use by another process
  1 failed; check: bad records   5 some records remain   64 usage or configuration
  2 unreadable export            6 LMS or network       130 interrupted
  3 the plan has changes"
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options for every command")]
pub struct Global {
    /// The data folder: state, plans, reports
    #[arg(long, global = true, value_name = "DIR", default_value = DEFAULT_DATA)]
    pub data: PathBuf,
    /// The configuration [default: ./rollcall.toml if it is there, else the sandbox]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Which integration of the configuration, where it has several
    #[arg(long, global = true, value_name = "NAME")]
    pub integration: Option<String>,
    /// Print one JSON object on standard output, also on error
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour: auto, always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub color: When,
    /// Say more about what is done; twice: everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing where all is well: no progress, no report of what was done
    #[arg(long, short, global = true)]
    pub quiet: bool,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub aws: crate::aws::Options,
}

impl Global {
    /// The installation on AWS that is meant; `None` where it is a data folder.
    #[cfg(feature = "aws")]
    pub fn stack(&self) -> Option<&str> {
        self.aws.stack()
    }
}

/// The data folder where none is named.
pub const DEFAULT_DATA: &str = "./rollcall-data";

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do. Each command says itself what that is.
#[derive(Debug, Subcommand)]
pub enum Command {
    Check(commands::check::Check),
    Plan(commands::plan::Plan),
    Sync(commands::sync::Sync),
    Runs(commands::runs::Runs),
    Show(commands::show::Show),
    Digest(commands::digest::Digest),
    Holds(commands::holds::Holds),
    Trace(commands::trace::Trace),
    Approve(commands::approve::Approve),
    Reject(commands::reject::Reject),
    Revert(commands::revert::Revert),
    Resume(commands::resume::Resume),
    Limits(commands::limits::Limits),
    Scope(commands::scope::Scope),
    Rename(commands::rename::Rename),
    Pause(commands::pause::Pause),
    Unpause(commands::pause::Unpause),
    Sweep(commands::sweep::Sweep),
    Target(commands::target::Target),
    Log(commands::log::Log),
    Credentials(commands::credentials::Credentials),
    Forget(commands::forget::Forget),
    Sandbox(commands::sandbox::Sandbox),
    Generate(commands::generate::Generate),
    Backup(commands::backup::Backup),
    Restore(commands::restore::Restore),
    Completions(commands::completions::Completions),
    #[cfg(feature = "aws")]
    Tenant(crate::aws::Tenant),
    #[cfg(feature = "aws")]
    Redrive(crate::aws::Redrive),
}

/// Reads the command line. `Err` is how the process ends where there is nothing to run: help was
/// asked for, or the command line makes no sense.
pub fn parse() -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|error| {
        if !error.use_stderr() {
            // Help and version; a closed pipe is no reason to fail.
            let _shown = error.print();
            return Exit::Done;
        }
        let json = std::env::args_os().any(|arg| arg == "--json");
        if !json {
            let _shown = error.print();
            return Exit::Usage;
        }
        let text = error.render().to_string();
        // What is wrong stands before the first empty line, on one or several.
        let wrong: Vec<&str> = text.lines().map(str::trim).take_while(|l| !l.is_empty()).collect();
        let wrong = wrong.join(" ");
        let message = wrong.strip_prefix("error: ").unwrap_or(&wrong);
        let failure = Failure::usage(message).hint("see `rollcall --help`");
        Console::json_only().fail(&failure)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    // The help of the program as it comes; what a feature adds is not part of it.
    #[cfg(not(feature = "aws"))]
    #[test]
    fn help_is_as_it_was_agreed() {
        let mut all = String::new();
        let mut command = Cli::command().term_width(100);
        command.build();
        all.push_str(&command.render_help().to_string());
        for sub in command.get_subcommands_mut() {
            all.push_str(&format!("\n──── {} ────\n", sub.get_name()));
            all.push_str(&sub.render_help().to_string());
        }
        insta::assert_snapshot!(all);
    }
}
