//! `rollcall restore`

use std::path::PathBuf;

use runtime::Exit;
use store::embedded;

use super::backup::{Copied, size};
use crate::failure::Failure;
use crate::home::{Setting, shown};

/// Make a data folder out of a backup
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The folder, which --data names, must not be there yet or be empty. The backup is checked in full
before anything appears in it.

Example:
  rollcall restore rollcall-2026-11-22.backup --data ./restored
  rollcall runs --data ./restored")]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Restore {
    /// Restores it.
    pub fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let backup = embedded::restore(&self.file, &setting.global.data)?;
        setting.console.object(&Copied::new(&self.file, backup))?;
        let (data, bytes) = (shown(&setting.global.data), size(backup.bytes));
        setting.console.report(&format!("Restored {} files, {bytes}, into {data}\n", backup.files));
        Ok(Exit::Done)
    }
}
