//! Report pages in the object store: one for each run, the list of what it did not do, and an
//! index of the last runs.
//!
//! **Never:** a page is not read back: everything in it stands in the run, its plan and its ledger.

use std::time::Duration;

use report::{Beside, PastRun, ReceiptLine, RunView, TimeSpent, html, rejects_csv};
use roster::{Findings, Text};
use store::state::run::{Run, RunState, Times};

use crate::failure::Failure;
use crate::home::{Home, Setting};
use crate::outcome::{error_of, past_run};

/// How many runs the index lists.
const INDEXED: usize = 200;
/// How many runs a page shows beside its own.
const BESIDE: usize = 14;
/// What is left of a run's time is waiting from here on; less is spent between the steps.
const WAITS: Duration = Duration::from_secs(1);

/// Where a run's page is in the object store.
pub fn page_key(home: &Home, run: &str) -> String {
    home.pipeline.integration.scope.object("reports", &format!("{run}/report.html"))
}

/// The page as a path, for people.
pub fn page_path(home: &Home, run: &str) -> String {
    home.place.of_object(&page_key(home, run))
}

/// Writes the page of `run`, whose view is `view`, and the index; fills in what the view says of
/// other runs and files.
pub async fn write(
    setting: &Setting,
    home: &Home,
    run: &Run,
    (view, receipts): (&mut RunView, &[ReceiptLine]),
) -> Result<(), Failure> {
    let (scope, objects) = (&home.pipeline.integration.scope, &home.pipeline.stores.objects);
    let mut past = past(home, INDEXED).await?;
    for other in &mut past {
        other.has_page = other.run.as_str() == run.id
            || objects.head(&page_key(home, &other.run)).await?.is_some();
    }
    view.past = up_to(&past, run);
    let before = view.past.iter().rev().skip(1).find(|other| other.has_page);
    view.beside = Beside {
        index: true,
        previous: before.map(|other| other.run.clone()),
        rejects: !receipts.is_empty(),
    };
    view.flags = setting.console.flags().to_owned();
    if !receipts.is_empty() {
        let list: String = rejects_csv(receipts.iter().cloned()).collect();
        let key = scope.object("reports", &format!("{}/rejects.csv", run.id));
        objects.put(&key, list.as_bytes()).await?;
    }
    objects.put(&page_key(home, &run.id), html::run(view).as_bytes()).await?;
    let title = format!("{} / {}", view.tenant, view.integration);
    let index = html::index(&title, &past);
    objects.put(&scope.object("reports", "index.html"), index.as_bytes()).await?;
    view.report = Some(page_path(home, &run.id));
    Ok(())
}

/// Writes the page of the run that has just been refused or has failed, where there is one: its
/// export was read, and went no further. Whoever called has an error to tell already, so that one
/// is not kept from being told by another.
pub async fn of_refused(setting: &Setting, home: &Home) {
    let written = async {
        let Some(run) = home.runs(1).await?.into_iter().next() else { return Ok(()) };
        let is_over = matches!(run.state, RunState::Rejected | RunState::Failed);
        let objects = &home.pipeline.stores.objects;
        if !is_over || objects.head(&page_key(home, &run.id)).await?.is_some() {
            return Ok(());
        }
        let mut view = home.subject().view(&run, Findings::default(), &[]);
        view.error = error_of(&run);
        write(setting, home, &run, (&mut view, &[])).await
    };
    let written: Result<(), Failure> = written.await;
    if let Err(failure) = written {
        setting.console.say(&format!("its report could not be written: {}", failure.message));
    }
}

/// The last of `past`, oldest first, up to `run`: those that its page shows beside its own.
pub fn up_to(past: &[PastRun], run: &Run) -> Vec<PastRun> {
    let upto = past.iter().position(|other| other.run.as_str() == run.id);
    let upto = upto.map_or(past.len(), |at| at + 1);
    past[upto.saturating_sub(BESIDE)..upto].to_vec()
}

/// The newest `limit` runs, oldest first, without their pages.
pub async fn past(home: &Home, limit: usize) -> Result<Vec<PastRun>, Failure> {
    let mut runs = home.runs(limit).await?;
    runs.reverse();
    Ok(runs.iter().map(past_run).collect())
}

/// Where a run's time went.
pub fn spent(run: &Run) -> TimeSpent {
    let Times { reading, taking_in, planning, delivering, recording } = run.times;
    let worked = Duration::from_millis(taking_in + planning + delivering + recording);
    let millis = Duration::from_millis;
    let mut spent = TimeSpent {
        reading: millis(reading + taking_in),
        planning: millis(planning),
        delivering: millis(delivering),
        recording: millis(recording),
        waiting: Duration::ZERO,
    };
    if let Some(ended) = run.ended.filter(|_| spent.total() > Duration::ZERO) {
        let took = Duration::try_from(ended.duration_since(run.started)).unwrap_or_default();
        spent.waiting =
            Some(took.saturating_sub(worked)).filter(|w| *w >= WAITS).unwrap_or_default();
    }
    spent
}

/// The names of files as the report has them.
pub fn names(run: &Run) -> Vec<Text> {
    run.files.iter().map(|file| Text::new(&file.name)).collect()
}
