//! What schedules wake: sweeps, retries, files that waited.

use ambient::Timestamp;
use pipeline::{Arrival, SETTLE};
use serde::{Deserialize, Serialize};
use store::state::Scope;
use store_aws::Exports;
use tracing::{info, warn};

use crate::emf::{Metric, Metrics};
use crate::{Host, HostError, Open, Reach};

/// So long after its upload nobody will tell of a file any more.
const UNTOLD: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// What a schedule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Woken {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
    /// Why: `sweep`, `retry`, `rejected`, `settle-SOURCE`, ...
    pub reason: String,
}

impl Woken {
    /// Whom it wakes.
    pub fn scope(&self) -> Scope {
        Scope::new(&self.tenant, &self.integration)
    }
}

impl Host {
    /// Does what is due.
    pub async fn wake(
        &self,
        woken: &Woken,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let open = self.open(&woken.scope(), Reach::Never).await?;
        if let Some(source) = woken.reason.strip_prefix(SETTLE) {
            return open.settled(source, until, metrics).await;
        }
        for source in open.pipeline.integration.sources.clone() {
            open.look_for_untold(&source, until, metrics).await?;
        }
        open.count_overdue(self.clock.now(), metrics).await?;
        let swept = open.pipeline.sweep_step(until).await?;
        metrics.add(Metric::RunsStalled, swept.stalled.len() as u64);
        metrics.add(Metric::CircuitsOpen, u64::from(swept.circuit_open_until.is_some()));
        info!(due = swept.due.len(), segments = swept.segments_deleted, "swept");
        Ok(())
    }
}

impl Open {
    /// Looks again at files that wait for others.
    async fn settled(
        &self,
        source: &str,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        if let Some((source, _)) = self.source(source) {
            self.arrived(&source, None, until, metrics).await?;
        }
        // It is cleared once what it was set for is done; one that was moved meanwhile stays.
        let wake = &self.pipeline.stores.wake;
        let reason = format!("{SETTLE}{source}");
        let now = self.pipeline.clock.now();
        for due in wake.of(&self.pipeline.integration.scope.path()).await? {
            if due.reason == reason && due.due <= now {
                wake.clear(&due).await?;
            }
        }
        Ok(())
    }

    /// Takes in files whose event was lost: an upload is told at least once, as a rule.
    async fn look_for_untold(
        &self,
        source: &pipeline::Source,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let integration = self.pipeline.integration.scope.path();
        let listed = self.exports.list(&Exports::prefix(&integration, &source.name)).await?;
        let arrivals = listed.into_iter().map(|export| {
            let name = export.key.rsplit('/').next().unwrap_or(&export.key).to_owned();
            Arrival {
                key: export.key,
                name,
                version: export.version,
                sequencer: String::new(),
                bytes: export.len,
                at: export.modified,
            }
        });
        let arrivals = arrivals.collect();
        let mut untold = self.pipeline.untold(&source.name, arrivals, UNTOLD).await?;
        untold.sort_by_key(|file| file.at);
        for file in untold {
            warn!(source = %source.name, "an upload that nobody told of is taken in");
            self.arrived(source, Some(file), until, metrics).await?;
        }
        Ok(())
    }

    /// Sources from which an export is overdue.
    async fn count_overdue(&self, now: Timestamp, metrics: &mut Metrics) -> Result<(), HostError> {
        for source in &self.configured.sources {
            let Some(every) = source.expect_every else { continue };
            let newest = self.pipeline.newest_export(&source.name).await?;
            let Some(newest) = newest else { continue };
            let due = newest.saturating_add(every).unwrap_or(now);
            if due < now {
                warn!(source = %source.name, "an export is overdue");
            }
            metrics.add(Metric::ExportsOverdue, u64::from(due < now));
        }
        Ok(())
    }
}
