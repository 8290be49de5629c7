//! Taking a person out of what stands beside the states: plans with their ledger, findings,
//! reports, uploads, and every other item of the integration.

use plan::{Batch, Plan};
use serde_json::Value;
use store::state::forget::Forgetting;
use store::state::lease::Lease;
use store::state::ledger::{self, Sight};
use store::{Condition, Item, StoreError, Write};

use super::Erasure;
use super::redact::Redactor;
use crate::drive::lease_lost;
use crate::{Pipeline, PipelineError};

/// How many objects are listed at a time.
const LISTED: usize = 1000;
/// Items that hold no text, or name the person to the end.
const PASSED_OVER: [&str; 7] =
    ["manifest/", "old-manifest/", "forgetting/", "forgotten", "lease", "config", "audit/"];

impl Pipeline {
    /// The keys of all objects under `kind` of the integration.
    pub(crate) async fn objects_of(&self, kind: &str) -> Result<Vec<String>, PipelineError> {
        let prefix = self.integration.scope.object(kind, "");
        let (mut keys, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.stores.objects.list(&prefix, after.as_deref(), LISTED).await?;
            let last = page.len() < LISTED;
            after = page.last().map(|meta| meta.key.clone());
            keys.extend(page.into_iter().map(|meta| meta.key));
            if last {
                return Ok(keys);
            }
        }
    }

    /// Plans keep their changes' places and their checksums; the ledger forgets whose ids it saw.
    pub(super) async fn redact_plans(
        &self,
        lease: &mut Lease,
        who: &Forgetting,
        redactor: &Redactor<'_>,
        erasure: &mut Erasure,
    ) -> Result<(), PipelineError> {
        let damaged = |what: &'static str| move |error| PipelineError::damaged(what, &error);
        for (done, key) in self.objects_of("plans").await?.into_iter().enumerate() {
            if done % 100 == 0 {
                self.hold_on(lease).await?;
            }
            let Some(bytes) = self.stores.objects.get(&key).await? else { continue };
            let name = key.rsplit('/').next().unwrap_or_default();
            if name == "header" {
                let mut plan = Plan::from_bytes(&bytes).map_err(damaged("a plan's header"))?;
                let emptied = redactor.plan(&mut plan).map_err(damaged("a plan's header"))?;
                if emptied > 0 {
                    erasure.changes += emptied;
                    self.stores.objects.put(&key, &plan.to_bytes()).await?;
                }
            } else if name.starts_with("batch-") {
                let mut batch = Batch::from_bytes(&bytes).map_err(damaged("a plan's batch"))?;
                let places = redactor.batch(&mut batch).map_err(damaged("a plan's batch"))?;
                if !places.is_empty() {
                    let run = key.rsplit('/').nth(1).unwrap_or_default();
                    self.redact_ledger(lease, run, u64::from(batch.number), &places).await?;
                    erasure.changes += places.len() as u64;
                    self.stores.objects.put(&key, &batch.to_bytes()).await?;
                }
            } else if redactor.is_in(&bytes) {
                self.stores.objects.delete(&key).await?;
                erasure.objects += 1;
            }
        }
        tracing::debug!(mark = %who.mark, changes = erasure.changes, "plans were redacted");
        Ok(())
    }

    /// The ids that the LMS has for the person. It comes before the batch, which says where.
    async fn redact_ledger(
        &self,
        lease: &Lease,
        run: &str,
        batch: u64,
        places: &[usize],
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let Some(mut stored) = ledger::load(&self.stores, scope, run, batch).await? else {
            return Ok(());
        };
        for place in places {
            if let Some(sight) = stored.entry.sights.get_mut(*place) {
                *sight = Sight::NotNeeded;
            }
            if let Some(line) = stored.entry.lines.as_mut().and_then(|l| l.get_mut(*place)) {
                line.lms_id = None;
            }
        }
        let writes = vec![lease.check(scope), stored.write(scope, run, batch)?];
        self.stores.table.transact(writes).await.map_err(lease_lost)
    }

    /// Findings lose what names the person. Pages and digests that show them are deleted:
    /// `rollcall show` makes them anew from the plan.
    pub(super) async fn redact_reports(
        &self,
        lease: &mut Lease,
        redactor: &Redactor<'_>,
        erasure: &mut Erasure,
    ) -> Result<(), PipelineError> {
        for (done, key) in self.objects_of("reports").await?.into_iter().enumerate() {
            if done % 100 == 0 {
                self.hold_on(lease).await?;
            }
            let mut parts = key.rsplit('/');
            let (name, run) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if name == crate::findings::ALL || name == crate::findings::READ {
                erasure.findings += self.redact_findings(run, name, redactor).await?;
                continue;
            }
            let Some(bytes) = self.stores.objects.get(&key).await? else { continue };
            if redactor.is_in(&bytes) {
                self.stores.objects.delete(&key).await?;
                erasure.objects += 1;
            }
        }
        Ok(())
    }

    async fn redact_findings(
        &self,
        run: &str,
        which: &str,
        redactor: &Redactor<'_>,
    ) -> Result<u64, PipelineError> {
        let (findings, files) = self.stored_findings_of(run, which).await?;
        let names = |finding: &roster::Finding| {
            let key = finding.key.as_ref().is_some_and(|key| redactor.is_in(key.as_bytes()));
            key || redactor.is_in(finding.message.as_bytes())
        };
        let kept: Vec<_> = findings.kept().iter().filter(|f| !names(f)).cloned().collect();
        let gone = (findings.kept().len() - kept.len()) as u64;
        if gone > 0 {
            let counts: Vec<_> = findings.counts().collect();
            let rest = roster::Findings::restore(kept, counts);
            self.store_findings_of(run, which, &rest, &files).await?;
        }
        Ok(gone)
    }

    /// Uploads that were taken in and name the person, or are packed so that nobody can tell.
    pub(super) async fn delete_uploads(
        &self,
        redactor: &Redactor<'_>,
        erasure: &mut Erasure,
    ) -> Result<(), PipelineError> {
        let taken = self.uploads_taken().await?;
        for key in self.objects_of("incoming").await? {
            if !taken.contains(&key) {
                continue;
            }
            let packed = [".gz", ".zst", ".zip"].iter().any(|end| key.ends_with(end));
            let names = match packed {
                true => true,
                false => {
                    self.stores.objects.get(&key).await?.is_some_and(|bytes| redactor.is_in(&bytes))
                }
            };
            if names {
                self.stores.objects.delete(&key).await?;
                erasure.objects += 1;
            }
        }
        Ok(())
    }

    /// Every other item: the identity map, what the ledger says is waited for, runs.
    pub(super) async fn redact_items(
        &self,
        lease: &Lease,
        redactor: &Redactor<'_>,
        erasure: &mut Erasure,
    ) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        let mut after: Option<String> = None;
        loop {
            let page = self.stores.table.query(&scope.path(), "", after.as_deref(), 1000).await?;
            for item in page.items {
                if PASSED_OVER.iter().any(|prefix| item.key.sk.starts_with(prefix)) {
                    continue;
                }
                let Some(body) = redacted(&item, redactor)? else { continue };
                let condition = Condition::Version(item.version);
                let put = Write::Put { key: item.key, body, condition, expires: item.expires };
                let writes = vec![lease.check(scope), put];
                self.stores.table.transact(writes).await.map_err(lease_lost)?;
                erasure.items += 1;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// An item's body without the person; `None` where it does not name them.
fn redacted(item: &Item, redactor: &Redactor<'_>) -> Result<Option<Vec<u8>>, PipelineError> {
    if !redactor.is_in(&item.body) {
        return Ok(None);
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&item.body) else { return Ok(None) };
    if !redactor.value(&mut value) {
        return Ok(None);
    }
    let body = serde_json::to_vec(&value).map_err(|error| StoreError::Damaged {
        what: item.key.sk.clone(),
        reason: error.to_string(),
    })?;
    Ok(Some(body))
}
