//! `rollcall reject`

use runtime::Exit;

use super::approve::noted;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Refuse a run's export: the source goes back to what it said before
#[derive(Debug, clap::Args)]
#[command(after_help = "\
That very export is not taken in again, and what was held is dropped. What was delivered already
stays until the next export says otherwise.

Example:
  rollcall reject last
  rollcall sync corrected.xml          a different export is taken in as ever
  rollcall resume registrar            or allow the refused one again")]
pub struct Reject {
    /// The run: its id, an end of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
}

impl Reject {
    /// Rolls back.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write)?;
        let run = home.run(&self.run).await?;
        let rejection = home.pipeline.reject(&run.id).await?;
        console.answer(&noted(&run.id, "rejected"))?;
        let rolled_back = match (&rejection.source, rejection.rolled_back) {
            (Some(source), true) => {
                format!("Source `{source}` says again what it said before run {}.", run.id)
            }
            (Some(source), false) => format!("Source `{source}` said nothing new in that run."),
            (None, _) => "That run had no export.".to_owned(),
        };
        console.report(&format!("Rejected. {rolled_back}\n"));
        if let Some(source) = rejection.source {
            console.report(&format!(
                "The same export is refused from now on; a different one is taken in. To allow it \
                 again: rollcall resume {source}\n"
            ));
        }
        Ok(Exit::Done)
    }
}
