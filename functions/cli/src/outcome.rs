//! What a run came to: as a view, as a report, as an exit code.

use std::time::Duration;

use pipeline::SyncOutcome;
use plan::ChangeList;
use report::{
    Outcome, PlanView, ReceiptCounts, ReceiptLine, ReceiptsView, RunError, RunView, html,
};
use roster::{CourseKey, Findings, GroupKey, Key, OrgUnitKey, PersonKey, TermKey, Text};
use runtime::Exit;
use store::state::ledger::{self, Line, LineResult};
use store::state::run::{Run, RunState};

use crate::failure::Failure;
use crate::home::{Home, Setting};

/// Who a run is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The tenant.
    pub tenant: String,
    /// The integration.
    pub integration: String,
    /// The target, for people.
    pub target: String,
}

impl Subject {
    /// The view of a run that has come as far as `run` says, without plan and receipts.
    pub fn view(&self, run: &Run, findings: Findings, files: &[Text]) -> RunView {
        let took = run.ended.map(|ended| ended.duration_since(run.started)).unwrap_or_default();
        let read: Vec<Text> = run.files.iter().map(|file| Text::new(&file.name)).collect();
        let files = if files.is_empty() { read.clone() } else { files.to_vec() };
        RunView {
            run: Some(Text::new(&run.id)),
            tenant: Text::new(&self.tenant),
            integration: Text::new(&self.integration),
            target: self.target.clone(),
            state: Text::new(run.state.name()),
            started: run.started,
            took: Duration::try_from(took).unwrap_or_default(),
            read,
            files,
            records: run.records.clone(),
            findings,
            plan: None,
            receipts: None,
            calls: run.calls,
            report: None,
            error: None,
        }
    }
}

/// Where a run's page is in the object store.
pub fn page_key(home: &Home, run: &str) -> String {
    home.pipeline.integration.scope.object("reports", &format!("{run}/report.html"))
}

/// The page as a path, for people.
pub fn page_path(home: &Home, run: &str) -> String {
    home.place.of_object(&page_key(home, run))
}

/// The view of a run that has just come to rest; its page is written beside it.
pub async fn finished(
    setting: &Setting,
    home: &Home,
    outcome: &SyncOutcome,
) -> Result<RunView, Failure> {
    let run = &outcome.run;
    let empty = ChangeList::default();
    let planned = outcome.planned.as_ref();
    let deliver = planned.map_or(&empty, |planned| &planned.plan.deliver);
    let files = outcome.files.as_slice();
    let mut view = home.subject().view(run, outcome.findings.clone(), files);
    if run.ended.is_none() {
        let took = setting.clock.now().duration_since(run.started);
        view.took = Duration::try_from(took).unwrap_or_default();
    }
    view.plan = match (home.watch.take_plan(), planned) {
        (Some(view), _) => Some(view),
        (None, Some(planned)) => Some(PlanView::of(&planned.plan)?),
        (None, None) => None,
    };
    if run.batches > 0 && run.delivered > 0 {
        view.receipts = Some(receipts(home, run, deliver, files).await?);
    }
    view.error = outcome.stopped.clone().map(|error| waiting(run, error.into()));
    let page = page_key(home, &run.id);
    home.pipeline.stores.objects.put(&page, html::run(&view).as_bytes()).await?;
    view.report = Some(page_path(home, &run.id));
    Ok(view)
}

/// A run that waits is no lost run.
fn waiting(run: &Run, failure: Failure) -> RunError {
    let mut error = failure.to_run_error();
    let goes_on = match run.delivered {
        0 => "nothing was sent",
        _ => "what was sent is recorded",
    };
    let hint = error.hint.take().map(|hint| format!("{hint}; ")).unwrap_or_default();
    error.hint = Some(format!(
        "{hint}{goes_on}, the rest is planned again by the next sync or by `rollcall sweep`"
    ));
    error
}

/// Everything of a run that was not simply done, read from the ledger batch by batch.
pub async fn receipt_lines(
    home: &Home,
    run: &Run,
    deliver: &ChangeList,
    files: &[Text],
) -> Result<Vec<ReceiptLine>, Failure> {
    let mut odd = odd_lines(home, run).await?.into_iter().peekable();
    let mut lines = Vec::new();
    for (at, change) in deliver.iter().enumerate() {
        if odd.peek().is_none() {
            break;
        }
        let change = change?;
        if let Some((_, line)) = odd.next_if(|(place, _)| *place == at as u64) {
            lines.push(receipt(&change, line, files));
        }
    }
    Ok(lines)
}

/// What became of a run's changes.
pub async fn receipts(
    home: &Home,
    run: &Run,
    deliver: &ChangeList,
    files: &[Text],
) -> Result<ReceiptsView, Failure> {
    let lines = receipt_lines(home, run, deliver, files).await?;
    let held: u64 = run.held.values().flat_map(|actions| actions.values()).sum();
    let mut view = ReceiptsView::collect(lines.into_iter(), held);
    let counts = run.receipts;
    view.counts = ReceiptCounts {
        applied: counts.applied,
        accepted: counts.accepted,
        rejected: counts.rejected,
        deferred: counts.deferred,
        retry: counts.retry,
        unknown: counts.unknown,
        held,
    };
    Ok(view)
}

/// The ledger's lines that say more than "done", each with its change's place in the plan.
async fn odd_lines(home: &Home, run: &Run) -> Result<Vec<(u64, Line)>, Failure> {
    let pipeline = &home.pipeline;
    let (mut odd, mut place) = (Vec::new(), 0);
    for number in 0..run.delivered {
        let entry =
            ledger::load(&pipeline.stores, &pipeline.integration.scope, &run.id, number).await?;
        let Some(lines) = entry.and_then(|stored| stored.entry.lines) else { break };
        for line in lines {
            if line.result != LineResult::Applied || line.remark.is_some() {
                odd.push((place, line));
            }
            place += 1;
        }
    }
    Ok(odd)
}

fn receipt(change: &plan::Change, line: Line, files: &[Text]) -> ReceiptLine {
    let (outcome, code, needs) = match line.result {
        LineResult::Applied => (Outcome::Applied, None, None),
        LineResult::Accepted => (Outcome::Accepted, None, None),
        LineResult::Rejected(code) => (Outcome::Rejected, Some(code), None),
        LineResult::Deferred(needs) => (Outcome::Deferred, None, key_of(&needs)),
        LineResult::Retry(code) => (Outcome::Retry, Some(code), None),
        LineResult::Unknown => (Outcome::Unknown, None, None),
        LineResult::NotSent => (Outcome::Retry, Some(Text::new("not-sent")), None),
    };
    let origin = change.origin.and_then(|origin| {
        let file = files.get(usize::try_from(origin.file).ok()?)?;
        Some(if origin.line == 0 { file.to_string() } else { format!("{file}:{}", origin.line) })
    });
    let (key, action) = (change.key().clone(), change.action);
    ReceiptLine { key, action, outcome, code, needs, remark: line.remark, origin }
}

/// The ledger keeps the key of what is waited for as `kind:id`.
fn key_of(text: &str) -> Option<Key> {
    let (kind, id) = text.split_once(':')?;
    Some(match kind {
        "person" => Key::Person(PersonKey::new(id)),
        "course" => Key::Course(CourseKey::new(id)),
        "org_unit" => Key::OrgUnit(OrgUnitKey::new(id)),
        "term" => Key::Term(TermKey::new(id)),
        "group" => {
            let (course, group) = id.rsplit_once('/')?;
            Key::Group { course: CourseKey::new(course), group: GroupKey::new(group) }
        }
        _ => return None,
    })
}

/// How a command ends whose run came to this.
pub fn exit_of(run: &Run) -> Exit {
    let held = if run.held.is_empty() { Exit::Done } else { Exit::Held };
    let left = run.receipts;
    let open = left.rejected + left.deferred + left.retry + left.unknown + left.accepted;
    let remaining = match open + run.parked + run.deferred {
        0 => Exit::Done,
        _ => Exit::Remaining,
    };
    let state = match run.state {
        RunState::Waiting => Exit::Lms,
        RunState::Interrupted => Exit::Interrupted,
        RunState::Failed | RunState::Rejected => Exit::Failed,
        _ => Exit::Done,
    };
    state.and(held).and(remaining)
}
