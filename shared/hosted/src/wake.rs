//! What schedules wake: sweeps, retries, files that waited.

use std::time::Duration;

use ambient::Timestamp;
use pipeline::{Arrival, SETTLE};
use serde::{Deserialize, Serialize};
use store::state::Scope;
use store_aws::Exports;
use tracing::{info, warn};

use crate::emf::{Metric, Metrics};
use crate::{Host, HostError, Open, Reach, Upload};

/// So long after its upload nobody will tell of a file any more.
const UNTOLD: Duration = Duration::from_secs(15 * 60);

/// Why somebody wakes an integration whose uploads or wake-ups were given up: files that nobody took
/// in are looked for whatever their age.
pub const REDRIVE: &str = "redrive";

/// What a schedule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Woken {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
    /// Why: `sweep`, `retry`, `rejected`, `settle-SOURCE`, [`REDRIVE`], ...
    pub reason: String,
}

impl Woken {
    /// The wake-up that does again what `event` asked for: an upload's event, what a schedule said,
    /// or Lambda's account of a call with either of them. `None` where it is neither.
    pub fn again(event: &str) -> Option<Self> {
        let event: serde_json::Value = serde_json::from_str(event).ok()?;
        let event = event.get("requestPayload").unwrap_or(&event);
        if let Some(key) = event.pointer("/Records/0/s3/object/key") {
            let upload = Upload::of(key.as_str()?, None, String::new(), 0, Timestamp::UNIX_EPOCH)?;
            let Scope { tenant, integration } = upload.scope;
            return Some(Self { tenant, integration, reason: REDRIVE.to_owned() });
        }
        let woken: Self = serde_json::from_value(event.clone()).ok()?;
        // Files that wait for others are looked at by whoever is woken for that.
        let settles = woken.reason.starts_with(SETTLE);
        Some(if settles { woken } else { Self { reason: REDRIVE.to_owned(), ..woken } })
    }

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
            let age = if woken.reason == REDRIVE { Duration::ZERO } else { UNTOLD };
            open.look_for_untold(&source, age, until, metrics).await?;
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
        age: Duration,
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
        let mut untold = self.pipeline.untold(&source.name, arrivals, age).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_wakes_its_integration() {
        let upload =
            r#"{"Records":[{"s3":{"object":{"key":"incoming/oak/sis/registrar/a+b.xml"}}}]}"#;
        let schedule = r#"{"tenant":"oak","integration":"sis","reason":"sweep"}"#;
        let settle = r#"{"tenant":"oak","integration":"sis","reason":"settle-registrar"}"#;
        for (event, reason) in
            [(upload, REDRIVE), (schedule, REDRIVE), (settle, "settle-registrar")]
        {
            let account = format!(r#"{{"version":"1.0","requestPayload":{event}}}"#);
            for body in [event, &account] {
                let woken = Woken::again(body).unwrap();
                assert_eq!((woken.scope(), &*woken.reason), (Scope::new("oak", "sis"), reason));
            }
        }
        for foreign in ["", "by hand", "{}", r#"{"requestPayload":{}}"#] {
            assert_eq!(Woken::again(foreign), None, "{foreign}");
        }
    }
}
