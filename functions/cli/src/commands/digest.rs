//! `rollcall digest`

use std::collections::BTreeMap;
use std::time::Duration;

use ambient::Timestamp;
use report::json::Answer;
use report::{Digest as View, Outcome, PlanView, Refusal, Standing, explain, text};
use roster::{Kind, Text};
use runtime::Exit;
use serde::Serialize;
use store::state::run::{Run, RunState};

use super::runs::Item;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};
use crate::outcome::{past_run, receipts};

/// As many of the newest runs are looked at.
const LOOKED_THROUGH: usize = 10_000;
/// In as many of the newest runs in which something was not done the reasons are looked up: each
/// is a plan to read.
const REASONS_OF: usize = 5;

/// Sum up the last runs, what is held and what was refused (for a mail)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It names no person, so that it may go by mail.

Examples:
  rollcall digest
  rollcall digest --since 24h | mail -s \"Rollcall\" registrar@school.example
  rollcall digest --since 2026-11-01 --json")]
pub struct Digest {
    /// From when on: so many hours, days or weeks ago (24h, 7d, 2w), or a date
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: String,
}

impl Digest {
    /// Sums up.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let until = setting.clock.now();
        let since = since(&self.since, until)?;
        let home = Home::open(setting, Access::Read).await?;
        let all = home.runs(LOOKED_THROUGH).await?;
        let runs: Vec<&Run> = all.iter().take_while(|run| run.started >= since).collect();
        let subject = home.subject();
        let view = View {
            tenant: Text::new(&subject.tenant),
            integration: Text::new(&subject.integration),
            target: subject.target,
            since,
            until,
            runs: runs.iter().rev().map(|run| past_run(run)).collect(),
            held: held(&home, &all).await?,
            refusals: refusals(&home, &runs).await?,
            parked: planned(&all).map_or(0, |run| run.parked),
            flags: console.flags().to_owned(),
        };
        if console.is_json() {
            return json(setting, &view, &runs);
        }
        console.print(&text::digest(&view, &console.look()));
        Ok(Exit::Done)
    }
}

/// The newest run that came to a plan and was not taken back.
fn planned(runs: &[Run]) -> Option<&Run> {
    runs.iter().find(|run| run.checksum.is_some() && run.state != RunState::Rejected)
}

/// What is held now: what the newest plan holds.
async fn held(home: &Home, runs: &[Run]) -> Result<Option<Standing>, Failure> {
    let Some(run) = planned(runs).filter(|run| !run.held.is_empty()) else { return Ok(None) };
    let mut reasons = Vec::new();
    if let Some(stored) = home.pipeline.stored_plan(run).await? {
        let view = PlanView::of(&stored.plan)?;
        reasons = view.held.groups.iter().map(report::HoldGroup::reason).collect();
    }
    Ok(Some(Standing {
        run: Text::new(&run.id),
        count: run.held.values().flat_map(BTreeMap::values).sum(),
        checksum: run.held_checksum.clone(),
        of_export: run.source.is_some(),
        reasons,
    }))
}

/// What was not done, by its reason, each with the number of the newest run that it came up in.
async fn refusals(home: &Home, runs: &[&Run]) -> Result<Vec<Refusal>, Failure> {
    let is_open = |run: &&&Run| {
        let of = run.receipts;
        of.rejected + of.deferred + of.retry + of.unknown > 0
    };
    let mut found: BTreeMap<(Outcome, Text, Kind), Refusal> = BTreeMap::new();
    for run in runs.iter().filter(is_open).take(REASONS_OF) {
        let Some(stored) = home.pipeline.stored_plan(run).await? else { continue };
        let files = &stored.plan.summary.files;
        let groups = receipts(home, run, &stored.plan.deliver, files).await?.groups;
        for group in groups.into_iter().filter(|group| group.outcome < Outcome::Accepted) {
            let (outcome, code, kind) = (group.outcome, group.code, group.kind);
            found.entry((outcome, code.clone(), kind)).or_insert_with(|| Refusal {
                outcome,
                code,
                kind,
                count: group.count,
                run: Text::new(&run.id),
            });
        }
    }
    Ok(found.into_values().collect())
}

/// `24h`, `7d`, `2w` before `now`, or a date at its beginning (UTC).
fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage(format!("`{}` is no time", report::harmless_text(text)))
            .hint("say how long ago, as 24h, 7d or 2w, or a date, as 2026-11-01")
    };
    if let Ok(date) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(date);
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let back = number.checked_mul(hours * 3600).map(Duration::from_secs).ok_or_else(wrong)?;
    Ok(now.saturating_sub(back).unwrap_or(Timestamp::MIN))
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    answer: Answer,
    since: Timestamp,
    until: Timestamp,
    parked: u64,
    standing: Option<Held<'a>>,
    refusals: Vec<Refused<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Held<'a> {
    run: &'a str,
    count: u64,
    held_checksum: Option<&'a str>,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct Refused<'a> {
    outcome: Outcome,
    code: &'a str,
    kind: Kind,
    count: u64,
    run: &'a str,
    what_to_do: &'static str,
}

fn json(setting: &Setting, view: &View, runs: &[&Run]) -> Result<Exit, Failure> {
    let standing = view.held.as_ref().map(|held| Held {
        run: &held.run,
        count: held.count,
        held_checksum: held.checksum.as_deref(),
        reasons: &held.reasons,
    });
    let refused = |of| {
        let Refusal { outcome, code, kind, count, run }: &Refusal = of;
        let what_to_do = explain(code).unwrap_or_else(|| outcome.meaning());
        Refused { outcome: *outcome, code, kind: *kind, count: *count, run, what_to_do }
    };
    setting.console.object(&Told {
        answer: Answer::default(),
        since: view.since,
        until: view.until,
        parked: view.parked,
        standing,
        refusals: view.refusals.iter().map(refused).collect(),
        items: runs.iter().map(|run| Item::of(run)).collect(),
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spans_or_dates() {
        let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("24h", "2026-11-21T06:00:00Z"),
            ("7d", "2026-11-15T06:00:00Z"),
            ("2w", "2026-11-08T06:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
        ] {
            assert_eq!(since(text, now).unwrap(), expected.parse().unwrap(), "{text}");
        }
        for text in ["", "d", "7", "-1d", "7y", "yesterday", "ä", "99999999999999999999d"] {
            assert_eq!(since(text, now).unwrap_err().exit, Exit::Usage, "{text}");
        }
        assert_eq!(since("9999999999w", now).unwrap(), Timestamp::MIN);
    }
}
