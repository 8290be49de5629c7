//! The log of an integration: what happened in its runs, what was found, what the LMS refused, who
//! did what. It is made from what is stored already (runs, findings, ledger, audit trail), so
//! nothing is written twice and nothing can say something else than what was done.

use ambient::Timestamp;
use roster::{Kind, Severity};
use store::state::audit;
use store::state::ledger::{self, Line, LineResult};
use store::state::run::{Run, RunState, StoredRun};

use crate::{Pipeline, PipelineError};

/// So many runs are looked through.
const RUNS: usize = 100_000;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// How bad.
    pub severity: Severity,
    /// A stable code: a finding's, the LMS's, `run-failed`, `held`, `audit-approved`.
    pub code: String,
    /// Of which kind of record.
    pub kind: Option<Kind>,
    /// In which run.
    pub run: Option<String>,
    /// About which record, as `kind:id`.
    pub key: Option<String>,
    /// File and line.
    pub origin: Option<String>,
    /// What.
    pub message: String,
}

/// What is looked for; what is `None` does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// At least so bad; without it what the configuration says.
    pub severity: Option<Severity>,
    /// With this code; one that ends in `*` fits all that begin so.
    pub code: Option<String>,
    /// About this kind.
    pub kind: Option<Kind>,
    /// About this record: `kind:id`, or an id.
    pub key: Option<String>,
    /// In this run.
    pub run: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

impl LogFilter {
    fn wants(&self, entry: &LogEntry, level: Severity) -> bool {
        let code = |wanted: &String| match wanted.strip_suffix('*') {
            Some(begin) => entry.code.starts_with(begin),
            None => entry.code == *wanted,
        };
        entry.severity <= self.severity.unwrap_or(level)
            && self.code.as_ref().is_none_or(code)
            && self.kind.is_none_or(|kind| entry.kind == Some(kind))
            && self.key.as_ref().is_none_or(|key| entry.is_about(key))
            && self.run.as_ref().is_none_or(|run| entry.run.as_ref() == Some(run))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }

    /// Whether anything of a run can be wanted.
    fn wants_run(&self, run: &Run) -> bool {
        let ended = run.ended.unwrap_or(Timestamp::MAX);
        self.run.as_ref().is_none_or(|wanted| *wanted == run.id)
            && self.since.is_none_or(|since| ended >= since)
            && self.until.is_none_or(|until| run.started < until)
    }
}

impl LogEntry {
    fn is_about(&self, wanted: &str) -> bool {
        let Some(key) = self.key.as_deref() else { return false };
        let ids = key.split_once(':').map_or(key, |(_, ids)| ids);
        key == wanted || ids == wanted || ids.split('/').any(|id| id == wanted)
    }
}

impl Pipeline {
    /// What happened, the newest first.
    pub async fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, PipelineError> {
        let scope = &self.integration.scope;
        let keeping = &self.integration.keeping;
        let mut all = Vec::new();
        let mut keep = |entry: LogEntry| {
            if filter.wants(&entry, keeping.log_level) {
                all.push(entry);
            }
        };
        for stored in StoredRun::list(&self.stores, scope, RUNS).await? {
            let run = stored.run;
            if !filter.wants_run(&run) {
                continue;
            }
            of_run(&run).into_iter().for_each(&mut keep);
            for entry in self.found(&run).await? {
                keep(entry);
            }
            for entry in self.refused(&run).await? {
                keep(entry);
            }
        }
        for entry in audit::list(&self.stores, scope, filter.since, filter.until).await? {
            keep(of_audit(entry));
        }
        all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.severity.cmp(&b.severity)));
        Ok(all)
    }

    async fn found(&self, run: &Run) -> Result<Vec<LogEntry>, PipelineError> {
        if run.findings.iter().sum::<u64>() == 0 {
            return Ok(Vec::new());
        }
        let (findings, files) = self.stored_findings(&run.id).await?;
        let entry = |finding: &roster::Finding| {
            let file = files.get(finding.origin.file as usize);
            let origin = file.map(|file| match finding.origin.line {
                0 => file.to_string(),
                line => format!("{file}:{line}"),
            });
            let key = finding.key.as_ref().map(ToString::to_string);
            LogEntry {
                at: run.started,
                severity: finding.severity,
                code: finding.code.to_owned(),
                kind: key.as_deref().and_then(kind_of),
                run: Some(run.id.clone()),
                key,
                origin,
                message: finding.message.clone(),
            }
        };
        Ok(findings.kept().iter().map(entry).collect())
    }

    /// What the LMS did not simply do.
    async fn refused(&self, run: &Run) -> Result<Vec<LogEntry>, PipelineError> {
        let (scope, left) = (&self.integration.scope, run.receipts);
        let mut entries = Vec::new();
        if left.rejected + left.deferred + left.retry + left.unknown + left.accepted == 0 {
            return Ok(entries);
        }
        for number in 0..run.delivered {
            let entry = ledger::load(&self.stores, scope, &run.id, number).await?;
            let Some(lines) = entry.and_then(|stored| stored.entry.lines) else { continue };
            if lines.iter().all(|line| line.result == LineResult::Applied) {
                continue;
            }
            let object = scope.object("plans", &format!("{}/batch-{number:08}", run.id));
            let Some(bytes) = self.stores.objects.get(&object).await? else { continue };
            let damaged = |error| PipelineError::damaged("a plan's batch", &error);
            let batch = plan::Batch::from_bytes(&bytes).map_err(damaged)?;
            for (change, line) in batch.changes.iter().zip(&lines) {
                let change = change.map_err(damaged)?;
                let Some((severity, code, message)) = told(line) else { continue };
                entries.push(LogEntry {
                    at: run.ended.unwrap_or(run.started),
                    severity,
                    code,
                    kind: Some(change.kind()),
                    run: Some(run.id.clone()),
                    key: Some(change.key().to_string()),
                    origin: None,
                    message: format!("{} {message}", change.action.name()),
                });
            }
        }
        Ok(entries)
    }
}

/// What a line of the ledger says beyond "done".
fn told(line: &Line) -> Option<(Severity, String, String)> {
    let explained = |code: &str| report::explain(code).map(|why| format!(": {why}"));
    Some(match &line.result {
        LineResult::Applied | LineResult::NotSent => return None,
        LineResult::Rejected(code) => {
            let why = explained(code).unwrap_or_default();
            (Severity::Error, code.to_string(), format!("was refused by the LMS{why}"))
        }
        LineResult::Deferred(needs) => {
            (Severity::Warning, "deferred".into(), format!("waits for {needs}"))
        }
        LineResult::Unknown => {
            (Severity::Warning, "unknown".into(), "was sent and never answered".into())
        }
        LineResult::Retry(code) => {
            (Severity::Note, code.to_string(), "is tried again by the next run".into())
        }
        LineResult::Accepted => {
            (Severity::Note, "accepted".into(), "was taken and is not yet confirmed".into())
        }
    })
}

/// How a run went, and what it holds.
fn of_run(run: &Run) -> Vec<LogEntry> {
    let severity = match run.state {
        RunState::Failed | RunState::Rejected => Severity::Error,
        RunState::Waiting | RunState::Interrupted | RunState::PartlyHeld => Severity::Warning,
        _ => Severity::Note,
    };
    let state = run.state.name();
    let entry = |at, severity, code: String, kind, message| LogEntry {
        at,
        severity,
        code,
        kind,
        run: Some(run.id.clone()),
        key: None,
        origin: None,
        message,
    };
    let source = run.source.as_deref();
    let began = source.map_or_else(
        || "a run without an export began".to_owned(),
        |source| format!("an export of `{source}` was taken up"),
    );
    let mut entries = vec![entry(run.started, Severity::Note, "run-began".into(), None, began)];
    for (kind, actions) in &run.held {
        for (action, count) in actions {
            let message = format!("{count} of {kind} {} are held", action.name());
            entries.push(entry(
                run.started,
                Severity::Warning,
                "held".into(),
                Some(*kind),
                message,
            ));
        }
    }
    let code = format!("run-{}", state.replace('_', "-"));
    let why = run.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let message = format!("the run is {}{why}", state.replace('_', " "));
    entries.push(entry(run.ended.unwrap_or(run.started), severity, code, None, message));
    entries
}

fn of_audit(entry: audit::Entry) -> LogEntry {
    let mut message = format!("{} {}", entry.who, entry.what);
    for (word, value) in
        [("", &entry.about), ("run ", &entry.run), ("", &entry.checksum), ("", &entry.note)]
    {
        if let Some(value) = value {
            message.push_str(&format!(" {word}{value}"));
        }
    }
    LogEntry {
        at: entry.at,
        severity: Severity::Note,
        code: format!("audit-{}", entry.what),
        kind: None,
        run: entry.run,
        key: None,
        origin: None,
        message,
    }
}

fn kind_of(key: &str) -> Option<Kind> {
    let (kind, _) = key.split_once(':')?;
    Kind::ALL.into_iter().find(|known| known.name() == kind)
}
