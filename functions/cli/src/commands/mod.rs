//! The commands, one module each: its options, its help, and `run`.

pub mod approve;
pub mod backup;
pub mod check;
pub mod completions;
pub mod credentials;
pub mod digest;
pub mod forget;
pub mod generate;
pub mod holds;
pub mod limits;
pub mod log;
pub mod pause;
pub mod plan;
pub mod reject;
pub mod rename;
pub mod restore;
pub mod resume;
pub mod revert;
pub mod runs;
pub mod sandbox;
pub mod scope;
pub mod show;
pub mod sweep;
pub mod sync;
pub mod target;
pub mod trace;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use ambient::SystemClock;
use report::text::Colour;
use runtime::Exit;
use runtime::logging::{self, Shape, Verbosity};

use crate::args::{Cli, Command, Global};
use crate::console::Console;
use crate::failure::Failure;
use crate::home::Setting;

/// Runs a command; says on the way what went wrong.
pub fn run(cli: Cli) -> ExitCode {
    let console = Console::new(&cli.global);
    let ended = prepared(cli, &console);
    ended.unwrap_or_else(|failure| console.fail(&failure)).into()
}

fn prepared(cli: Cli, console: &Console) -> Result<Exit, Failure> {
    log(&cli.global, console)?;
    let setting = Setting::new(cli.global, console.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    let ended = runtime.block_on(dispatch(cli.command, &setting));
    // A sandbox of this process has nothing left to answer.
    runtime.shutdown_background();
    ended
}

async fn dispatch(command: Command, setting: &Setting) -> Result<Exit, Failure> {
    #[cfg(feature = "aws")]
    match setting.global.stack() {
        Some(_) => return crate::aws::run(command, setting).await,
        None => setting.global.aws.check_unused()?,
    }
    match command {
        Command::Check(command) => command.run(setting),
        Command::Plan(command) => command.run(setting).await,
        Command::Sync(command) => command.run(setting).await,
        Command::Runs(command) => command.run(setting).await,
        Command::Show(command) => command.run(setting).await,
        Command::Digest(command) => command.run(setting).await,
        Command::Holds(command) => command.run(setting).await,
        Command::Trace(command) => command.run(setting).await,
        Command::Approve(command) => command.run(setting).await,
        Command::Reject(command) => command.run(setting).await,
        Command::Revert(command) => command.run(setting).await,
        Command::Resume(command) => command.run(setting).await,
        Command::Limits(command) => command.run(setting).await,
        Command::Scope(command) => command.run(setting).await,
        Command::Rename(command) => command.run(setting).await,
        Command::Pause(command) => command.run(setting).await,
        Command::Unpause(command) => command.run(setting).await,
        Command::Sweep(command) => command.run(setting).await,
        Command::Target(command) => command.run(setting).await,
        Command::Log(command) => command.run(setting).await,
        Command::Credentials(command) => command.run(setting).await,
        Command::Forget(command) => command.run(setting).await,
        Command::Sandbox(command) => command.run(setting).await,
        Command::Generate(command) => command.run(setting),
        Command::Backup(command) => command.run(setting),
        Command::Restore(command) => command.run(setting),
        Command::Completions(command) => command.run(setting),
        #[cfg(feature = "aws")]
        Command::Tenant(_) => Err(crate::aws::needed("tenant")),
        #[cfg(feature = "aws")]
        Command::Redrive(_) => Err(crate::aws::needed("redrive")),
    }
}

fn log(global: &Global, console: &Console) -> Result<(), Failure> {
    let verbosity = match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::Debug,
    };
    let shape = match console.error_colour() {
        Colour::Ansi => Shape::Coloured,
        Colour::Plain => Shape::Plain,
    };
    let directives = std::env::var("RUST_LOG").ok();
    let settings = logging::Settings { verbosity, shape, directives };
    let bars = console.bars().clone();
    let writer = move || Beside(bars.clone());
    let set_up = logging::init(&settings, Arc::new(SystemClock), writer);
    set_up.map_err(|error| Failure::usage(error.to_string()))
}

/// Writes log lines around a progress bar.
struct Beside(indicatif::MultiProgress);

impl Write for Beside {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
