//! `rollcall revert`

use ambient::Stopwatch;
use pipeline::{Later, TakenBack};
use runtime::Exit;

use super::approve::who;
use super::sync::Now;
use super::{plan, sync};
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Undo a run: take its export back, then plan and deliver the inverse
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The source says again what it said before the run, and rests until a different export comes; the one
that was taken back is refused from then on (`rollcall resume SOURCE` allows it again). What the LMS
holds since is put back like any change: within the limits, held and approved as ever. Warnings and
notes say what cannot be restored.

Examples:
  rollcall revert last --plan                what would be done
  rollcall revert last
  rollcall revert 20261122T050738Z-3fa9c1 --and-later

Exit codes: as `rollcall sync`; with --plan as `rollcall plan`.")]
pub struct Revert {
    /// The run: its id, an end of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Who says so [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Also take back the later exports that stand on it
    #[arg(long)]
    pub and_later: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// With --plan: show every change
    #[arg(long, requires = "plan")]
    pub all: bool,
    #[command(flatten)]
    pub now: Now,
}

impl Revert {
    /// What is to become of later runs.
    pub fn later(&self) -> Later {
        if self.and_later { Later::TakenBackToo } else { Later::Refused }
    }

    /// Takes back, plans, delivers.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let by = self.by.clone().unwrap_or_else(who);
        let time = Stopwatch::start(&*setting.clock);
        let access = if self.plan { Access::Preview } else { Access::Deliver };
        let (mut home, run) = Home::with_run(setting, access, &self.run).await?;
        home.wait_unless(&self.now);
        if self.plan {
            let reverted = plan::quiet(&home).revert(&run.id, self.later(), &by).await;
            home.watch.clear();
            let reverted = reverted?;
            return plan::show(setting, &home, &reverted.outcome, &time, self.all);
        }
        let reverted = home.pipeline.revert(&run.id, self.later(), &by).await;
        home.watch.clear();
        let reverted = reverted?;
        setting.console.report(&told(&reverted.taken, &run.id));
        sync::told(setting, &home, &reverted.outcome).await
    }
}

/// What was taken back, for people.
pub fn told(taken: &TakenBack, asked: &str) -> String {
    if taken.runs.is_empty() {
        return format!("Run {asked} was taken back before; what is left of it is undone now.\n");
    }
    let sources: Vec<String> = taken.sources.iter().map(|source| format!("`{source}`")).collect();
    let (says, rests) = match sources.len() {
        1 => ("Source", "says again what it said before; it rests"),
        _ => ("Sources", "say again what they said before; they rest"),
    };
    format!(
        "Taken back: run {}.\n{says} {} {rests} until a different export comes.\n",
        taken.runs.join(", "),
        sources.join(", "),
    )
}
