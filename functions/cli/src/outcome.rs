//! What a run came to: as a view, as a report, as an exit code.

use std::time::Duration;

use pipeline::SyncOutcome;
use plan::ChangeList;
use report::{
    Beside, Outcome, PastRun, PlanView, ReceiptCounts, ReceiptLine, ReceiptsView, RunError, RunView,
};
use roster::{CourseKey, Findings, GroupKey, Key, OrgUnitKey, PersonKey, TermKey, Text};
use runtime::Exit;
use store::state::ledger::{self, Line, LineResult};
use store::state::run::{Run, RunState};

use crate::failure::Failure;
use crate::home::{Home, Setting};
use crate::pages;

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
        let read = pages::names(run);
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
            spent: pages::spent(run),
            past: Vec::new(),
            beside: Beside::default(),
            flags: String::new(),
            report: None,
            error: None,
        }
    }
}

/// A run in a list of runs. Whether it has a page is for the caller to find out.
pub fn past_run(run: &Run) -> PastRun {
    let took = run.ended.map(|ended| ended.duration_since(run.started));
    let mut planned = std::collections::BTreeMap::new();
    for (action, count) in run.changes.values().flatten() {
        *planned.entry(*action).or_default() += count;
    }
    PastRun {
        run: Text::new(&run.id),
        state: Text::new(run.state.name()),
        started: run.started,
        took: took.and_then(|took| Duration::try_from(took).ok()),
        source: run.source.as_ref().map(Text::new),
        planned,
        receipts: counts(run),
        held_checksum: run.held_checksum.clone(),
        calls: run.calls,
        findings: run.findings,
        reason: run.reason.clone(),
        has_page: false,
    }
}

/// A run that waits or failed says why.
pub fn error_of(run: &Run) -> Option<RunError> {
    let message = run.reason.clone()?;
    let (code, hint) = match run.state {
        RunState::Waiting if run.rests => ("rests", Some("`rollcall sweep` delivers it then")),
        RunState::Waiting => ("lms", Some("the next sync or `rollcall sweep` goes on with it")),
        RunState::Failed => ("failed", None),
        RunState::Rejected => ("rejected", None),
        _ => return None,
    };
    Some(RunError { code: code.into(), message, hint: hint.map(ToOwned::to_owned) })
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
    name(home, &mut view).await?;
    let mut lines = Vec::new();
    if run.batches > 0 && run.delivered > 0 {
        lines = receipt_lines(home, run, deliver, files).await?;
        view.receipts = Some(collected(run, &lines));
    }
    view.error = outcome.stopped.clone().map(|error| waiting(run, error.into()));
    lines.retain(|line| !matches!(line.outcome, Outcome::Applied | Outcome::Accepted));
    pages::write(setting, home, run, (&mut view, &lines)).await?;
    Ok(view)
}

/// Fills in what the courses and persons of a plan are called that it does not say itself, from
/// what the LMS is known to hold.
pub async fn name(home: &Home, view: &mut RunView) -> Result<(), Failure> {
    /// So many are looked up.
    const LOOKED_UP: usize = 1_000;
    if let Some(plan) = &mut view.plan {
        let known = home.pipeline.applied_records(&plan.nameless(LOOKED_UP)).await?;
        plan.name_with(|key| known.get(key).cloned());
    }
    Ok(())
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
    Ok(collected(run, &receipt_lines(home, run, deliver, files).await?))
}

fn collected(run: &Run, lines: &[ReceiptLine]) -> ReceiptsView {
    let counts = counts(run);
    let mut view = ReceiptsView::collect(lines.iter().cloned(), counts.held);
    view.counts = counts;
    view
}

fn counts(run: &Run) -> ReceiptCounts {
    let counts = run.receipts;
    ReceiptCounts {
        applied: counts.applied,
        accepted: counts.accepted,
        rejected: counts.rejected,
        deferred: counts.deferred,
        retry: counts.retry,
        unknown: counts.unknown,
        held: run.held.values().flat_map(|actions| actions.values()).sum(),
    }
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
        RunState::Waiting if run.rests => Exit::Changes,
        RunState::Waiting => Exit::Lms,
        RunState::Interrupted => Exit::Interrupted,
        RunState::Failed | RunState::Rejected => Exit::Failed,
        _ => Exit::Done,
    };
    state.and(held).and(remaining)
}
