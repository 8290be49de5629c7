//! What undoing cannot restore, as findings of the run that undoes.

use std::collections::BTreeSet;

use plan::{Action, Change, OnRemove};
use roster::{Finding, Findings, Kind, Origin, Record, Severity, Text};
use store::state::ledger::{self, LineResult};
use store::state::run::Run;

use crate::{Pipeline, PipelineError};

/// How many runs are looked through.
const LOOKED_THROUGH: usize = 10_000;

impl Pipeline {
    /// What stays different from how it was before `asked`, though `taken` are taken back: looked
    /// up in what they, and the runs that went on with what they brought, did in the LMS.
    pub(super) async fn lost(
        &self,
        asked: &Run,
        taken: &[String],
    ) -> Result<Findings, PipelineError> {
        let mut findings = Findings::default();
        let mut touched = BTreeSet::new();
        let mut runs = self.runs(LOOKED_THROUGH).await?;
        runs.retain(|run| run.id >= asked.id && run.delivered > 0);
        runs.sort_by(|one, other| one.id.cmp(&other.id));
        for run in runs {
            let of_others = run.source.is_some() && !taken.contains(&run.id) && run.id != asked.id;
            for batch in 0..run.delivered {
                for change in self.done_in(&run, batch).await? {
                    if of_others {
                        note_changed_since(&change, &run.id, &touched, &mut findings);
                    } else {
                        touched.insert(fingerprint(&change));
                        self.note_lost(&change, &run.id, &mut findings);
                    }
                }
            }
        }
        Ok(findings)
    }

    /// The changes of a batch that the LMS took.
    async fn done_in(&self, run: &Run, number: u64) -> Result<Vec<Change>, PipelineError> {
        let scope = &self.integration.scope;
        let Some(stored) = ledger::load(&self.stores, scope, &run.id, number).await? else {
            return Ok(Vec::new());
        };
        let batch = delivery::load_batch(&self.stores, scope, &run.id, number).await?;
        let lines = stored.entry.lines.unwrap_or_default();
        let mut done = Vec::new();
        for (change, line) in batch.changes.iter().zip(&lines) {
            let change =
                change.map_err(|error| PipelineError::damaged("a plan's batch", &error))?;
            let took = line.result == LineResult::Applied && change.temporary.is_none();
            done.extend(took.then_some(change));
        }
        Ok(done)
    }

    fn note_lost(&self, change: &Change, run: &str, findings: &mut Findings) {
        let key = change.key();
        let mut note =
            |severity, code, message| findings.push(finding(change, severity, code, message));
        match (change.action, change.kind()) {
            (Action::Remove, Kind::Person) => note(
                Severity::Warning,
                "revert-account-deleted",
                format!(
                    "{key} was deleted in run {run}: the account is made anew; its content, grades \
                     and password do not come back"
                ),
            ),
            (Action::Remove, Kind::Course) => note(
                Severity::Warning,
                "revert-course-deleted",
                format!("{key} was deleted in run {run}: it is made anew and is empty"),
            ),
            (Action::Remove, Kind::Enrollment) => note(
                Severity::Note,
                "revert-enrollment-removed",
                format!(
                    "{key} was taken away in run {run}: it is made again; whether grades and posts \
                     come back with it is up to the LMS"
                ),
            ),
            (Action::Remove, Kind::Group) => note(
                Severity::Note,
                "revert-group-deleted",
                format!("{key} was deleted in run {run}: it is made anew"),
            ),
            (Action::Create, kind) => match self.integration.policy.of(kind).remove {
                OnRemove::Ignore => note(
                    Severity::Note,
                    "revert-stays",
                    format!(
                        "{key} was made in run {run} and stays: the policy takes no {kind} away"
                    ),
                ),
                OnRemove::Suspend | OnRemove::DeleteAfter { .. } => note(
                    Severity::Note,
                    "revert-put-aside",
                    format!(
                        "{key} was made in run {run}: it is put aside, as the policy says, and not deleted"
                    ),
                ),
                OnRemove::Delete => {}
            },
            (Action::Update | Action::Rekey | Action::Restore, _) => {
                let fields = learned(change);
                if !fields.is_empty() {
                    note(
                        Severity::Note,
                        "revert-field-unknown",
                        format!(
                            "{key}: what stood in {} before run {run} was never known; what it set \
                             there stays",
                            fields.join(", ")
                        ),
                    );
                }
            }
            _ => {}
        }
    }
}

/// The fields that the change set and of which nothing was known before.
fn learned(change: &Change) -> Vec<&'static str> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Vec::new() };
    let names = |record: &Record| -> Vec<&'static str> {
        record.fields().iter().map(|(spec, _)| spec.name).collect()
    };
    let known = names(before);
    // These are made to say what they meant when the export is taken back.
    let comes_back = ["status", "sourced_id"];
    names(after)
        .into_iter()
        .filter(|name| !known.contains(name) && !comes_back.contains(name))
        .collect()
}

fn note_changed_since(
    change: &Change,
    run: &str,
    touched: &BTreeSet<[u8; 16]>,
    findings: &mut Findings,
) {
    let key = change.key();
    if touched.contains(&fingerprint(change)) {
        let message =
            format!("{key} was changed again in run {run}, of another source: that stays");
        findings.push(finding(change, Severity::Note, "revert-changed-since", message));
    }
}

/// A record's key in a few bytes: an export of a million records may be taken back.
fn fingerprint(change: &Change) -> [u8; 16] {
    let mut short = [0; 16];
    let digest = blake3::hash(change.key().to_string().as_bytes());
    short.copy_from_slice(&digest.as_bytes()[..16]);
    short
}

fn finding(change: &Change, severity: Severity, code: &'static str, message: String) -> Finding {
    let key = Some(Text::from(change.key().to_string()));
    Finding { severity, code, message, origin: Origin::default(), key }
}
