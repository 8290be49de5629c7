//! `rollcall pause` and `rollcall unpause`

use ambient::Timestamp;
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;

use super::approve::who;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Deliver nothing until further notice: plans are made, and wait
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exports are taken in and planned as ever; their runs wait. `rollcall unpause` ends it.

Examples:
  rollcall pause
  rollcall pause --until 2026-12-01T06:00:00Z")]
pub struct Pause {
    /// Until when; without it until `rollcall unpause`
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
}

/// End a pause: the next sync or sweep delivers what waits
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rollcall unpause && rollcall sweep")]
pub struct Unpause {}

/// How it stands now, as one object.
#[derive(Serialize)]
struct Stands<'a> {
    schema: u32,
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
}

impl Pause {
    /// Notes the pause.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        if self.until.is_some_and(|until| until <= setting.clock.now()) {
            return Err(Failure::usage("that time is over already")
                .hint("name one to come, for instance --until 2026-12-01T06:00:00Z"));
        }
        let home = Home::open(setting, Access::Write).await?;
        let pause = home.pipeline.pause(self.until, &who()).await?;
        let (since, until, by) = (Some(pause.since), pause.until, Some(pause.by.as_str()));
        console.object(&Stands { schema: SCHEMA, paused: true, since, until, by })?;
        let end = match pause.until {
            Some(until) => format!("Paused until {until:.0}."),
            None => "Paused.".to_owned(),
        };
        console.report(&format!("{end} Nothing is delivered; `rollcall unpause` ends it.\n"));
        Ok(Exit::Done)
    }
}

impl Unpause {
    /// Ends it.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write).await?;
        let ended = home.pipeline.unpause(&who()).await?;
        let (since, until, by) = (None, None, None);
        console.object(&Stands { schema: SCHEMA, paused: false, since, until, by })?;
        console.report(match ended {
            Some(_) => "Goes on: the next sync, or `rollcall sweep`, delivers what waits.\n",
            None => "There was no pause.\n",
        });
        Ok(Exit::Done)
    }
}
