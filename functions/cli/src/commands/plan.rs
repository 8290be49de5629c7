//! `rollcall plan`

use std::time::Duration;

use ambient::Stopwatch;
use pipeline::SyncOutcome;
use report::json::{Answer, ChangeItem};
use report::{PlanView, RunView, text};
use runtime::Exit;

use crate::exports::Exports;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Show what a sync would change, like a diff; changes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It takes the very steps of a sync, on a copy in memory, and makes no LMS call.

Examples:
  rollcall plan registrar.xml
  rollcall plan registrar.xml --all | less      every change, one a line
  rollcall plan registrar.xml --json | jq '.items[] | select(.action == \"remove\")'

Exit codes: 0 nothing would change, 3 something would, 4 something would be held.")]
pub struct Plan {
    #[command(flatten)]
    exports: Exports,
    /// Show every change
    #[arg(long)]
    all: bool,
}

impl Plan {
    /// Plans beside the data folder.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let time = Stopwatch::start(&*setting.clock);
        let configured = setting.config()?;
        let source = configured.source(&self.exports.source(&configured.integration)?)?;
        let files = self.exports.open()?;
        let home = Home::open(setting, Access::Preview).await?;
        let quiet = quiet(&home);
        let inputs = files.watched(&home.watch);
        let export = pipeline::read(&source, source.mode, inputs, &*quiet.vault, &home.watch)?;
        let outcome = quiet.sync(&source, export).await;
        home.watch.clear();
        show(setting, &home, &outcome?, &time, self.all)
    }
}

/// The pipeline of a preview, whose plan is shown at the end.
pub fn quiet(home: &Home) -> pipeline::Pipeline {
    let progress = std::sync::Arc::new(OnlyBars(home.watch.clone()));
    pipeline::Pipeline { progress, ..home.pipeline.clone() }
}

/// Shows what would be done; every change of it where `all` is asked for.
pub fn show(
    setting: &Setting,
    home: &Home,
    outcome: &SyncOutcome,
    time: &Stopwatch,
    all: bool,
) -> Result<Exit, Failure> {
    let console = &setting.console;
    let Some(planned) = &outcome.planned else {
        return Err(Failure::new(Exit::Failed, "no-plan", "no plan was made"));
    };
    let plan = &planned.plan;
    let view = PlanView::of(plan)?;
    let exit = match (view.summary.held_checksum, plan.deliver.is_empty()) {
        (Some(_), _) => Exit::Held,
        (None, false) => Exit::Changes,
        (None, true) => Exit::Done,
    };
    let files = &plan.summary.files;
    let view = RunView {
        run: None,
        state: "planned".into(),
        took: time.elapsed(&*setting.clock).max(Duration::from_millis(1)),
        plan: Some(view),
        ..home.subject().view(&outcome.run, outcome.findings.clone(), files)
    };
    if console.is_json() {
        let changes = plan.deliver.iter().map(|change| (change, None));
        let held = plan.held.iter().zip(plan.reasons.iter().map(Some));
        // All of them were decoded for the view, where an error would have shown.
        let items = changes.chain(held).filter_map(|(change, held)| {
            change.ok().map(|change| ChangeItem::of(&change, files, held))
        });
        console.stream(|out| Answer::of(&view).write_with(out, items))?;
    } else if all {
        let look = console.look();
        console.stream(|out| {
            text::write_changes(out, plan.deliver.iter(), files, &look)?;
            if !plan.held.is_empty() {
                writeln!(out, "\nHeld:")?;
                text::write_changes(out, plan.held.iter(), files, &look)?;
            }
            Ok(())
        })?;
    } else {
        console.print(&text::run(&view, &console.look()));
    }
    Ok(exit)
}

/// Watches without showing the plan: here that comes at the end.
struct OnlyBars(crate::progress::Watch);

impl pipeline::Progress for OnlyBars {
    fn at(&self, stage: pipeline::Stage, done: u64, total: u64) {
        // Nothing of a preview is worth finishing, so it does not make Ctrl-C patient.
        if stage == pipeline::Stage::Planning {
            self.0.at(stage, done, total);
        }
    }
}
