//! `rollcall sync`

use ambient::Stopwatch;
use pipeline::{Standing, SyncOutcome};
use report::json::Answer;
use report::text;
use runtime::Exit;
use serde::Serialize;
use store::state::run::RunState;

use super::approve::who;
use super::credentials;
use crate::exports::Exports;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};
use crate::outcome::{exit_of, finished};
use crate::pages;

/// Read an export, plan, and deliver to the LMS
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Several EXPORTs form one set. Without a configuration file the LMS is a simulated one on this
machine. The same export again changes nothing, and a sync that was interrupted, in whatever way,
goes on where it was when it is started again.

Examples:
  rollcall sync examples/moodle101.xml
  rollcall sync persons.xml courses.xml         two files that are one export
  rollcall sync --source hr staff.xml.gz        where `match` does not tell the source

Exit codes: 0 done, 2 unreadable export, 4 something is held, 5 some records remain,
6 LMS or network, 7 another one is at work.")]
pub struct Sync {
    #[command(flatten)]
    exports: Exports,
    /// Deliver a first plan for this target without holding it for approval
    #[arg(long)]
    approve_first: bool,
    #[command(flatten)]
    now: Now,
}

/// Whether quiet hours are waited for.
#[derive(Debug, clap::Args)]
pub struct Now {
    /// Do not wait for the end of quiet hours
    #[arg(long)]
    pub now: bool,
}

impl Sync {
    /// Opens the files, then the data folder, then runs all steps.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let configured = setting.config()?;
        let name = self.exports.source(&configured.integration)?;
        let source = configured.source(&name)?;
        if configured.integration.status == runtime::config::Status::Inactive {
            return Err(Failure::usage(format!(
                "the integration `{}` is inactive",
                configured.integration.name
            ))
            .hint("set `status = \"active\"` in the configuration to use it"));
        }
        let files = self.exports.open()?;
        let mut home = Home::open(setting, Access::Deliver).await?;
        home.wait_unless(&self.now);
        if self.approve_first {
            home.pipeline.approve_first(&who()).await?;
        }
        let inputs = files.watched(&home.watch);
        let pipeline = &home.pipeline;
        let time = Stopwatch::start(&*setting.clock);
        let mut export =
            pipeline::read(&source, source.mode, inputs, &*pipeline.vault, &home.watch)?;
        export.read_in = time.millis(&*setting.clock);
        home.watch.clear();
        let outcome = pipeline.sync(&source, export).await;
        home.watch.clear();
        if outcome.is_err() {
            pages::of_refused(setting, &home).await;
        }
        told(setting, &home, &outcome?).await
    }
}

/// Says what a run came to; for every command that delivers.
pub async fn told(setting: &Setting, home: &Home, outcome: &SyncOutcome) -> Result<Exit, Failure> {
    let console = &setting.console;
    let run = &outcome.run;
    let view = finished(setting, home, outcome).await?;
    // An integration in test status has planned, and no more.
    let planned_only = home.pipeline.integration.standing == Standing::Test;
    let exit = match planned_only && !run.changes.is_empty() {
        true => exit_of(run).and(Exit::Changes),
        false => exit_of(run),
    };
    if console.is_json() {
        let mut answer = Answer::of(&view);
        answer.receipts = answer.receipts.or_else(|| Some(held_only(run)));
        let (calls, report, reverts) = (run.calls, view.report.as_deref(), run.reverts.as_slice());
        let scope = run.scope.as_ref();
        console.object(&Told { answer, calls, report, reverts, scope })?;
    } else if !console.is_quiet() || exit != Exit::Done {
        console.print(&text::closing(&view, &console.look()));
        for hint in next_steps(home, outcome) {
            console.print(&format!("{hint}\n"));
        }
        if let Some(hint) = credentials::waiting(home).await? {
            console.print(&format!("{hint}\n"));
        }
    }
    Ok(exit)
}

/// What a run came to, as one object.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    answer: Answer,
    calls: u64,
    report: Option<&'a str>,
    /// The runs that it takes back.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reverts: &'a [String],
    /// The word on a data source key that it carries out.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a store::state::run::ScopeRun>,
}

/// The receipts of a run that sent nothing.
fn held_only(run: &store::state::run::Run) -> report::ReceiptCounts {
    let held = run.held.values().flat_map(|actions| actions.values()).sum();
    report::ReceiptCounts { held, ..report::ReceiptCounts::default() }
}

/// What somebody may want to do now.
fn next_steps(home: &Home, outcome: &SyncOutcome) -> Vec<String> {
    let run = &outcome.run;
    let mut steps = Vec::new();
    if !outcome.recovered.is_empty() {
        steps.push(format!("Finished first: what run {} had left.", outcome.recovered.join(", ")));
    }
    if home.pipeline.integration.standing == Standing::Test {
        steps.push(
            "Nothing was delivered: the integration is on trial. Set `status = \"active\"` in the \
             configuration to deliver."
                .to_owned(),
        );
    }
    // Where nothing was delivered, the plan's own last lines say it and are still in sight.
    if let Some(checksum) = run.held_checksum.as_ref().filter(|_| !run.changes.is_empty()) {
        steps.push(format!("Held. Let it go:   rollcall approve {} --checksum {checksum}", run.id));
        if run.source.is_some() {
            steps.push(format!("      Refuse it:   rollcall reject {}", run.id));
        }
    }
    if run.receipts.rejected + run.receipts.deferred > 0 {
        steps.push(format!(
            "What was not done, as a list: rollcall show {} --rejects rejects.csv",
            run.id
        ));
    }
    if run.receipts.retry + run.receipts.unknown + run.receipts.accepted > 0 {
        steps.push("Some of it is tried again by: rollcall sweep".to_owned());
    }
    if run.old_places > 0 && run.receipts.applied > 0 {
        steps.push("Old places of people who moved are taken away by: rollcall sweep".to_owned());
    }
    if let Some(why) = run.reason.as_ref().filter(|_| run.rests) {
        steps.push(format!("Not delivered yet: {why}. `rollcall sweep` delivers it then."));
    }
    if run.state == RunState::Interrupted {
        steps.push(
            "Stopped. What was sent is recorded; run the same command again to go on.".to_owned(),
        );
    }
    steps
}
