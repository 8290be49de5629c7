//! `rollcall approve`

use ambient::Timestamp;
use report::json::{Answer, SCHEMA};
use runtime::Exit;
use serde::Serialize;

use super::sync::{Now, told};
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Let the held part of a run go, and deliver it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The checksum says what exactly is approved. An approval works once and for a week; if the sources
ask for something else by then, that is held again.

Example (`sync` and `show` print it ready to be copied):
  rollcall approve 20261122T050738Z-3fa9c1 --checksum 5f0c63f1f1b24bd1a2b3c4d5e6f70819")]
pub struct Approve {
    /// The run that holds something
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The held part's checksum, as the run shows it
    #[arg(long, value_name = "CHECKSUM")]
    pub checksum: String,
    /// Note the approval and leave the delivery to the next sync or sweep
    #[arg(long)]
    pub later: bool,
    #[command(flatten)]
    pub now: Now,
}

#[derive(Serialize)]
struct Noted<'a> {
    schema: u32,
    run: &'a str,
    held_checksum: &'a str,
    expires: Timestamp,
}

impl Approve {
    /// Notes the approval, then delivers.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let access = if self.later { Access::Write } else { Access::Deliver };
        let (mut home, run) = Home::with_run(setting, access, &self.run).await?;
        home.wait_unless(&self.now);
        let approved = home.pipeline.approve(&run.id, &self.checksum, &who()).await?;
        if self.later {
            let (held_checksum, expires) = (approved.checksum.as_str(), approved.expires);
            console.object(&Noted { schema: SCHEMA, run: &run.id, held_checksum, expires })?;
            console.report(&format!(
                "Approved until {expires}. The next sync or `rollcall sweep` delivers it.\n"
            ));
            return Ok(Exit::Done);
        }
        let outcome = home.pipeline.resync().await;
        home.watch.clear();
        told(setting, &home, &outcome?).await
    }
}

/// Who approves, as the machine calls them.
pub fn who() -> String {
    let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    name("USER").or_else(|| name("LOGNAME")).unwrap_or_else(|| "unknown".to_owned())
}

/// The answer of a command that only notes something about a run.
pub fn noted(run: &str, state: &str) -> Answer {
    Answer { run: Some(run.into()), state: Some(state.into()), ..Answer::default() }
}
