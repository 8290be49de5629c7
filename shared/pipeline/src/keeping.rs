//! For how long what is stored is kept, and clearing what is older.
//!
//! | what | setting | cleared with it |
//! |---|---|---|
//! | plans | `retention.plans` | header and batches |
//! | reports | `retention.reports` | findings, pages, digests |
//! | history | `retention.history` | what a trace tells of runs before |
//! | runs | `log.keep` | the run, its ledger |
//! | audit trail | `retention.audit` | its entries |
//! | passwords of new accounts | `retention.credentials`, 14 days | what nobody handed over |
//!
//! What is not configured is kept. Where objects stand on AWS their lifecycle rules do the same for
//! plans and reports, sooner or later; nothing minds which of them comes first.
//!
//! **Never:** what a newer run still leans on goes: runs that are open, the newest run that was
//! planned and whatever holds something that can still be approved stay, however old.

use std::collections::BTreeSet;
use std::time::Duration;

use ambient::Timestamp;
use roster::Severity;
use store::state::hold::StoredApproval;
use store::state::lease::Lease;
use store::state::run::{OpenRuns, RunState};
use store::state::{States, audit, history};
use store::{Condition, ItemKey, Write};

use crate::drive::lease_lost;
use crate::{Pipeline, PipelineError};

const DAY: u64 = 86_400;
/// How often what is too old is looked for.
const EVERY: Duration = Duration::from_secs(DAY);
/// How many items are deleted in one transaction, the lease's check beside them.
const AT_ONCE: usize = 50;

/// For how long what is stored is kept, and what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The least severe that the log shows where nobody asks for more or less.
    pub log_level: Severity,
    /// For how long runs are kept, and with them what the log tells.
    pub log: Option<Duration>,
    /// Plans.
    pub plans: Option<Duration>,
    /// Findings and reports.
    pub reports: Option<Duration>,
    /// What was done to each record.
    pub history: Option<Duration>,
    /// Who approved, changed, reverted what.
    pub audit: Option<Duration>,
    /// For how long the school keeps backups of all this: what a receipt of forgetting dates.
    pub backups: Duration,
    /// For how long passwords of new accounts can be handed over.
    pub credentials: Duration,
}

impl Default for Keeping {
    /// Everything is kept; backups for 35 days, as the point-in-time recovery of DynamoDB is, and
    /// passwords of new accounts for a fortnight.
    fn default() -> Self {
        Self {
            log_level: Severity::Note,
            log: None,
            plans: None,
            reports: None,
            history: None,
            audit: None,
            backups: Duration::from_secs(35 * DAY),
            credentials: Duration::from_secs(14 * DAY),
        }
    }
}

impl Keeping {
    fn clears_something(&self) -> bool {
        let all = [self.log, self.plans, self.reports, self.history, self.audit];
        all.iter().any(Option::is_some)
    }
}

/// What was cleared because it was too old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Plans' and reports' objects.
    pub objects: u64,
    /// Items: runs, ledger entries, audit entries.
    pub items: u64,
    /// Entries of the history.
    pub history: u64,
}

impl Pipeline {
    /// Clears what is kept no longer, at most once a day.
    pub(crate) async fn clear_old(&self, lease: &mut Lease) -> Result<Cleared, PipelineError> {
        let (scope, now) = (&self.integration.scope, self.clock.now());
        let keeping = &self.integration.keeping;
        let done = ItemKey::new(scope.path(), "cleared");
        if !keeping.clears_something() || self.was_done(&done, now).await? {
            return Ok(Cleared::default());
        }
        let needed = self.needed_runs(now).await?;
        let mut cleared = Cleared::default();
        for (kind, keep) in [("plans", keeping.plans), ("reports", keeping.reports)] {
            let Some(before) = before(now, keep) else { continue };
            for key in self.objects_of(kind).await? {
                let run = key.split('/').nth(3).unwrap_or_default();
                if is_older(run, before) && !needed.contains(run) {
                    self.stores.objects.delete(&key).await?;
                    cleared.objects += 1;
                }
            }
            self.hold_on(lease).await?;
        }
        if let Some(before) = before(now, keeping.history) {
            for name in States::new(&self.stores, scope.clone()).names().await? {
                self.hold_on(lease).await?;
                let old = |run: &str| is_older(run, before) && !needed.contains(run);
                let check = lease.check(scope);
                cleared.history += history::clear(&self.stores, scope, &name, &old, &check).await?;
            }
        }
        let mut gone = Vec::new();
        if let Some(before) = before(now, keeping.log) {
            for prefix in ["run/", "ledger/"] {
                gone.extend(self.items_of_runs(prefix, before, &needed).await?);
            }
        }
        if let Some(before) = before(now, keeping.audit) {
            gone.extend(audit::older_than(&self.stores, scope, before).await?);
        }
        cleared.items = gone.len() as u64;
        self.delete_items(lease, gone).await?;
        let body = now.to_string().into_bytes();
        self.stores.table.put(&done, body, Condition::Any).await?;
        Ok(cleared)
    }

    async fn was_done(&self, key: &ItemKey, now: Timestamp) -> Result<bool, PipelineError> {
        let Some(item) = self.stores.table.get(key).await? else { return Ok(false) };
        let last = std::str::from_utf8(&item.body).ok().and_then(|text| text.parse().ok());
        let since = last.map(|last: Timestamp| now.duration_since(last));
        let since = since.and_then(|since| Duration::try_from(since).ok());
        Ok(since.is_some_and(|since| since < EVERY))
    }

    /// Runs that something still leans on.
    async fn needed_runs(&self, now: Timestamp) -> Result<BTreeSet<String>, PipelineError> {
        let scope = &self.integration.scope;
        let open = OpenRuns::load(&self.stores, scope).await?.ids;
        let mut needed: BTreeSet<String> = open.into_iter().collect();
        for stored in StoredApproval::unexpired(&self.stores, scope, now).await? {
            needed.insert(stored.approval.run);
            needed.extend(stored.approval.used_by);
        }
        // What is held now is what the newest plan holds.
        for run in self.runs(50).await? {
            let planned = run.checksum.is_some();
            needed.insert(run.id);
            if planned && run.state != RunState::Rejected {
                break;
            }
        }
        Ok(needed)
    }

    async fn items_of_runs(
        &self,
        prefix: &str,
        before: Timestamp,
        needed: &BTreeSet<String>,
    ) -> Result<Vec<ItemKey>, PipelineError> {
        let (pk, mut gone, mut after) = (self.integration.scope.path(), Vec::new(), None::<String>);
        loop {
            let page = self.stores.table.query(&pk, prefix, after.as_deref(), 1000).await?;
            for item in page.items {
                let run = item.key.sk.split('/').nth(1).unwrap_or_default();
                // Ids sort by time: nothing that follows is older.
                if !is_older(run, before) {
                    return Ok(gone);
                }
                if !needed.contains(run) {
                    gone.push(item.key);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(gone),
            }
        }
    }

    async fn delete_items(&self, lease: &Lease, keys: Vec<ItemKey>) -> Result<(), PipelineError> {
        let check = lease.check(&self.integration.scope);
        for part in keys.chunks(AT_ONCE) {
            let delete =
                |key: &ItemKey| Write::Delete { key: key.clone(), condition: Condition::Any };
            let writes = std::iter::once(check.clone()).chain(part.iter().map(delete));
            self.stores.table.transact(writes.collect()).await.map_err(lease_lost)?;
        }
        Ok(())
    }
}

fn before(now: Timestamp, keep: Option<Duration>) -> Option<Timestamp> {
    now.saturating_sub(keep?).ok()
}

/// Whether a run began before a time, by its id: `20261122T050738250Z-3fa9c1`. What is no run's id
/// is not older than anything.
fn is_older(run: &str, before: Timestamp) -> bool {
    let limit = before.strftime("%Y%m%dT%H%M%S").to_string();
    let digits = |at: usize| run.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let is_run = run.len() > 16 && (0..8).all(digits) && run.as_bytes().get(8) == Some(&b'T');
    is_run && run.get(..limit.len()).is_some_and(|time| time < limit.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_age_stands_in_its_id() {
        let before: Timestamp = "2026-11-22T05:07:38Z".parse().unwrap();
        for (run, older) in [
            ("20261122T050737999Z-3fa9c1", true),
            ("20261122T050738000Z-3fa9c1", false),
            ("20251231T235959000Z-3fa9c1", true),
            ("20270101T000000000Z-3fa9c1", false),
            ("header", false),
            ("", false),
        ] {
            assert_eq!(is_older(run, before), older, "{run}");
        }
    }
}
