//! `rollcall completions`

use clap::CommandFactory as _;
use clap_complete::Shell;
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;

use crate::args::Cli;
use crate::failure::Failure;
use crate::home::Setting;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall
  rollcall completions zsh > ~/.zfunc/_rollcall
  rollcall completions fish > ~/.config/fish/completions/rollcall.fish")]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Serialize)]
struct Script {
    schema: u32,
    shell: String,
    script: String,
}

impl Completions {
    /// Prints it.
    pub fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "rollcall", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        setting.console.print(&script);
        let shell = self.shell.to_string();
        setting.console.object(&Script { schema: SCHEMA, shell, script })?;
        Ok(Exit::Done)
    }
}
