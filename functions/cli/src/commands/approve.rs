//! `rollcall approve`

use std::convert::Infallible;

use ambient::Timestamp;
use pipeline::Approved;
use plan::{HeldPart, Selector};
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
ask for something else by then, that is held again. What is approved can be a part: `rollcall holds`
lists each with its checksum, and --only chooses another one. The rest stays held, and with it what
needs something of it.

Example (`sync` and `show` print it ready to be copied):
  rollcall approve 20261122T050738Z-3fa9c1 --checksum 5f0c63f1f1b24bd1a2b3c4d5e6f70819
  rollcall approve last --only chem-101                what that is, and its checksum
  rollcall approve last --only chem-101 --checksum ... --by \"J. Doe\"")]
pub struct Approve {
    /// The run that holds something
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The held part's checksum, as the run shows it
    #[arg(long, value_name = "CHECKSUM", required_unless_present = "only")]
    pub checksum: Option<String>,
    /// A part of it: a kind (person, enrollment, ...), a course, or a reason (limit, sharp_drop, ...)
    #[arg(long, value_name = "WHAT", value_parser = selector)]
    pub only: Vec<Selector>,
    /// Who approves [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
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

#[derive(Serialize)]
struct Part<'a> {
    schema: u32,
    run: &'a str,
    held_checksum: &'a str,
    count: u64,
    follow: u64,
}

impl Approve {
    /// Notes the approval, then delivers.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let access = match &self.checksum {
            None => Access::Read,
            Some(_) if self.later => Access::Write,
            Some(_) => Access::Deliver,
        };
        let (mut home, run) = Home::with_run(setting, access, &self.run).await?;
        home.wait_unless(&self.now);
        let Some(approved) = self.give(setting, &home, &run.id).await? else {
            return Ok(Exit::Held);
        };
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

impl Approve {
    /// Notes the approval. `None` where no checksum was named: then the part is shown with it.
    pub async fn give(
        &self,
        setting: &Setting,
        home: &Home,
        run: &str,
    ) -> Result<Option<Approved>, Failure> {
        let by = self.by.clone().unwrap_or_else(who);
        let Some(checksum) = &self.checksum else {
            let part = home.pipeline.held_part(run, &self.only).await?;
            self.show(setting, run, &part)?;
            return Ok(None);
        };
        Ok(Some(match self.only.as_slice() {
            [] => home.pipeline.approve(run, checksum, &by).await?,
            only => home.pipeline.approve_part(run, only, checksum, &by).await?,
        }))
    }

    fn show(&self, setting: &Setting, run: &str, part: &HeldPart) -> Result<(), Failure> {
        let console = &setting.console;
        let checksum = part.checksum.to_string();
        let (count, follow) = (part.count, part.follow);
        let held_checksum = checksum.as_str();
        console.object(&Part { schema: SCHEMA, run, held_checksum, count, follow })?;
        let only: Vec<String> = self.only.iter().map(|one| format!("--only {one} ")).collect();
        console.report(&format!(
            "That is {count} of the held changes, and {follow} that need them. Nothing is approved \
             yet:\n  rollcall {}approve {run} {}--checksum {checksum}\n",
            console.flags(),
            report::harmless_text(&only.concat()),
        ));
        Ok(())
    }
}

fn selector(text: &str) -> Result<Selector, Infallible> {
    text.parse()
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
