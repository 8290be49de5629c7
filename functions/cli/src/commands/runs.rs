//! `rollcall runs`

use ambient::Timestamp;
use plan::Counts;
use report::json::Answer;
use report::text;
use runtime::Exit;
use serde::Serialize;
use store::state::decided::Verdict;
use store::state::run::{ReceiptCounts, Run, ScopeRun};

use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// List the runs, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall runs
  rollcall runs --limit 1 --json | jq -r '.items[0].state'")]
pub struct Runs {
    /// How many
    #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
}

/// A run in a list.
#[derive(Debug, Serialize)]
pub struct Item<'a> {
    run: &'a str,
    state: &'static str,
    started: Timestamp,
    ended: Option<Timestamp>,
    source: Option<&'a str>,
    /// The word on a data source key that it carries out.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a ScopeRun>,
    changes: &'a Counts,
    held: &'a Counts,
    receipts: ReceiptCounts,
    calls: u64,
    reason: Option<&'a str>,
}

impl<'a> Item<'a> {
    /// The run `run`.
    pub fn of(run: &'a Run) -> Self {
        Self {
            run: &run.id,
            state: run.state.name(),
            started: run.started,
            ended: run.ended,
            source: run.source.as_deref(),
            scope: run.scope.as_ref(),
            changes: &run.changes,
            held: &run.held,
            receipts: run.receipts,
            calls: run.calls,
            reason: run.reason.as_deref(),
        }
    }
}

impl Runs {
    /// Lists.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Read).await?;
        let runs = home.runs(self.limit.max(1)).await?;
        if console.is_json() {
            let items = runs.iter().map(Item::of);
            console.stream(|out| Answer::default().write_with(out, items))?;
            return Ok(Exit::Done);
        }
        if runs.is_empty() {
            console.print("There has been no run yet: rollcall sync EXPORT makes the first.\n");
            return Ok(Exit::Done);
        }
        let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
        console.print(&text::table(&HEAD, &rows, &console.look()));
        Ok(Exit::Done)
    }
}

/// What stands above the list.
pub const HEAD: [&str; 8] =
    ["run", "state", "source", "planned", "applied", "rejected", "held", "calls"];

/// What a run without an export carries out: `disabled 2011_fall_SIS_courses`.
fn said(run: &Run) -> Option<String> {
    let ScopeRun { key, verdict } = run.scope.as_ref()?;
    let what = verdict.map_or("enabled", Verdict::name);
    Some(format!("{what} {}", report::harmless_text(key)))
}

/// A run's line in the list.
pub fn row(run: &Run) -> Vec<String> {
    let total = |counts: &Counts| -> u64 { counts.values().flat_map(|of| of.values()).sum() };
    let number = |count: u64| if count == 0 { String::new() } else { count.to_string() };
    vec![
        run.id.clone(),
        run.state.name().replace('_', " "),
        run.source.clone().or_else(|| said(run)).unwrap_or_else(|| "-".to_owned()),
        number(total(&run.changes)),
        number(run.receipts.applied),
        number(run.receipts.rejected),
        number(total(&run.held)),
        number(run.calls),
    ]
}
