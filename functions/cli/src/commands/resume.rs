//! `rollcall resume`

use report::json::Answer;
use runtime::Exit;

use super::approve::who;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Let a source go on that rests after a rejection; also the refused export may come again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rollcall resume registrar")]
pub struct Resume {
    /// The source's name in the configuration
    #[arg(value_name = "SOURCE")]
    pub source: String,
}

impl Resume {
    /// Forgets the refusals.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write).await?;
        home.pipeline.resume(&self.source, &who()).await?;
        console.answer(&Answer::default())?;
        console.report(&format!("Source `{}` goes on; no export of it is refused.\n", self.source));
        Ok(Exit::Done)
    }
}
