//! `Wake`: rows in the table are the truth, EventBridge Scheduler is the alarm clock.
//!
//! A row (`pk` = `tenant/integration`, `sk` = `wake/<reason>`) holds when its wake-up is due; a
//! one-time schedule, named after both, invokes the reconcile function then, which looks at the
//! rows. The row is written first and the schedule follows it; whoever has changed a schedule
//! looks at the row again and corrects it until both agree, so that of several at once none leaves
//! an alarm that is later than its row. A process that dies between the two leaves that to the
//! integration's recurring sweep.

mod expression;
mod recurring;
mod schedule;

use std::time::Duration;

use ambient::Timestamp;
use async_trait::async_trait;
use aws_sdk_scheduler::types::ActionAfterCompletion;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::{Condition, Item, ItemKey, StoreError, Table, Wake, WakeUp};

pub use recurring::{Recurring, Schedules};
pub use schedule::Alarm;

use crate::clients::Clients;
use crate::names::Names;
use crate::pace::{Pace, TRIES};
use crate::table::DynamoTable;
use schedule::{Group, Timing, schedule_name};

/// The version of what a row holds.
const FORMAT: u32 = 1;
/// A schedule is never set earlier than this from now: AWS refuses what has passed.
const SOON: Duration = Duration::from_secs(5);
/// What the sort keys of the rows begin with.
const ROW: &str = "wake/";

/// Wake-ups as rows and schedules.
#[derive(Debug, Clone)]
pub struct ScheduledWake {
    table: DynamoTable,
    group: Group,
    pace: Pace,
}

/// What a row holds.
#[derive(Serialize, Deserialize)]
struct Row {
    format: u32,
    due: Timestamp,
}

impl ScheduledWake {
    pub(crate) fn new(clients: &Clients, names: &Names, pace: Pace) -> Self {
        let table = DynamoTable::new(clients, &names.table, pace.clone());
        let group = Group::new(clients, &names.wake_group, names, pace.clone());
        Self { table, group, pace }
    }

    async fn due(&self, key: &ItemKey) -> Result<Option<Timestamp>, StoreError> {
        self.table.get(key).await?.map(|item| decode(&item)).transpose()
    }

    /// Makes the schedule of a row as the row is, which was last seen to be due at `seen`.
    async fn align(&self, wake: &WakeUp, mut seen: Option<Timestamp>) -> Result<(), StoreError> {
        let key = row_key(&wake.integration, &wake.reason);
        let name = schedule_name(&wake.integration, &wake.reason);
        for tried in 0..TRIES {
            match seen {
                Some(due) => self.arm(&name, wake, due).await?,
                None => self.group.delete(&name).await?,
            }
            let now = self.due(&key).await?;
            if now == seen {
                return Ok(());
            }
            seen = now;
            self.pace.pause(tried).await;
        }
        // The row is right; the schedule is what a next call or the sweep corrects.
        Err(StoreError::Throttled { retry_after: None })
    }

    async fn arm(&self, name: &str, wake: &WakeUp, due: Timestamp) -> Result<(), StoreError> {
        let soon = self.pace.clock.now().saturating_add(SOON).unwrap_or(Timestamp::MAX);
        let expression = at(due.max(soon));
        let timing = Timing {
            expression: &expression,
            timezone: "UTC",
            after: ActionAfterCompletion::Delete,
        };
        let (tenant, integration) =
            wake.integration.split_once('/').unwrap_or((&wake.integration, ""));
        let alarm = Alarm {
            tenant: tenant.to_owned(),
            integration: integration.to_owned(),
            reason: wake.reason.clone(),
        };
        self.group.put(name, &timing, &alarm).await
    }
}

#[async_trait]
impl Wake for ScheduledWake {
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError> {
        let key = row_key(&wake.integration, &wake.reason);
        let row = Row { format: FORMAT, due: wake.due };
        let body = serde_json::to_vec(&row)
            .map_err(|error| StoreError::Invalid { what: "wake-up", reason: error.to_string() })?;
        self.table.put(&key, body, Condition::Any).await?;
        self.align(&wake, Some(wake.due)).await
    }

    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.table.query(integration, ROW, after.as_deref(), 1000).await?;
            for item in &page.items {
                let reason = item.key.sk.strip_prefix(ROW).unwrap_or_default().to_owned();
                let integration = integration.to_owned();
                found.push(WakeUp { due: decode(item)?, integration, reason });
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort();
        Ok(found)
    }

    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError> {
        let key = row_key(&wake.integration, &wake.reason);
        let Some(item) = self.table.get(&key).await? else { return Ok(()) };
        if decode(&item)? != wake.due {
            return Ok(());
        }
        match self.table.delete(&key, Condition::Version(item.version)).await {
            Ok(()) => self.align(wake, None).await,
            Err(error) if error.is_condition_failed() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn row_key(integration: &str, reason: &str) -> ItemKey {
    ItemKey::new(integration, format!("{ROW}{reason}"))
}

fn decode(item: &Item) -> Result<Timestamp, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { what: item.key.to_string(), reason };
    let row: Row =
        serde_json::from_slice(&item.body).map_err(|error| damaged(error.to_string()))?;
    match row.format {
        FORMAT => Ok(row.due),
        other => Err(StoreError::Unsupported {
            what: format!("wake-up `{}`", item.key),
            reason: format!("it is of format {other}: use the newer program that wrote it"),
        }),
    }
}

/// A time as Scheduler takes it: UTC, rounded up to the second.
fn at(time: Timestamp) -> String {
    let up = Duration::from_nanos(999_999_999);
    let time = time.saturating_add(up).unwrap_or(Timestamp::MAX);
    let time = time.to_zoned(TimeZone::UTC).datetime();
    format!(
        "at({:04}-{:02}-{:02}T{:02}:{:02}:{:02})",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_alarm_never_rings_early() {
        for (time, expected) in [
            ("2026-11-22T05:07:38Z", "at(2026-11-22T05:07:38)"),
            ("2026-11-22T05:07:38.000000001Z", "at(2026-11-22T05:07:39)"),
            ("2026-12-31T23:59:59.5Z", "at(2027-01-01T00:00:00)"),
        ] {
            assert_eq!(at(time.parse().unwrap()), expected);
        }
    }
}
