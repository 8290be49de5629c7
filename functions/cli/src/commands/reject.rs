//! `rollcall reject`

use pipeline::Rejection;
use runtime::Exit;

use super::approve::{noted, who};
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
    pub run: String,
    /// Who says so [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

impl Reject {
    /// Rolls back.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let (home, run) = Home::with_run(setting, Access::Write, &self.run).await?;
        let by = self.by.unwrap_or_else(who);
        let rejection = home.pipeline.reject(&run.id, &by).await?;
        console.answer(&noted(&run.id, "rejected"))?;
        console.report(&told(&rejection, &run.id));
        Ok(Exit::Done)
    }
}

/// What a rejection came to.
pub fn told(rejection: &Rejection, run: &str) -> String {
    let Some(source) = &rejection.source else {
        return "Rejected. That run had no export.\n".to_owned();
    };
    let rolled_back = match rejection.rolled_back {
        true => format!("Source `{source}` says again what it said before run {run}."),
        false => format!("Source `{source}` said nothing new in that run."),
    };
    format!(
        "Rejected. {rolled_back}\nThe same export is refused from now on; a different one is taken \
         in. To allow it again: rollcall resume {source}\n"
    )
}
