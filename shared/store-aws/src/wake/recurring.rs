//! Schedules that come again: an integration's sweep, its nightly sync.

use aws_sdk_scheduler::types::ActionAfterCompletion;
use store::StoreError;

use super::expression::{check_expression, check_timezone};
use super::schedule::{Alarm, Group, Timing, schedule_name};
use crate::clients::Clients;
use crate::names::Names;
use crate::pace::Pace;

/// A schedule that comes again. An integration has at most one for each reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// Whom it wakes: `tenant/integration`.
    pub integration: String,
    /// Why: `sweep`, `reconcile`.
    pub reason: String,
    /// When: `rate(15 minutes)`, or `cron(0 5 ? * MON-FRI *)` (minute, hour, day of month, month,
    /// day of week, year).
    pub expression: String,
    /// The zone that a cron expression is in: `Europe/Dublin`.
    pub timezone: String,
}

/// The recurring schedules of a stack.
#[derive(Debug, Clone)]
pub struct Schedules {
    group: Group,
}

impl Schedules {
    pub(crate) fn new(clients: &Clients, names: &Names, pace: Pace) -> Self {
        Self { group: Group::new(clients, &names.recurring_group, names, pace) }
    }

    /// Sets or changes the schedule of its integration and reason. One that AWS would not take is
    /// [`StoreError::Invalid`] and says what does not fit.
    pub async fn put(&self, recurring: &Recurring) -> Result<(), StoreError> {
        let Recurring { integration, reason, expression, timezone } = recurring;
        check_expression(expression)?;
        check_timezone(timezone)?;
        let Some((tenant, own)) = integration.split_once('/') else {
            return Err(StoreError::Invalid {
                what: "integration",
                reason: "it is not written `tenant/integration`".to_owned(),
            });
        };
        let timing = Timing { expression, timezone, after: ActionAfterCompletion::None };
        let alarm = Alarm {
            tenant: tenant.to_owned(),
            integration: own.to_owned(),
            reason: reason.clone(),
        };
        self.group.put(&schedule_name(integration, reason), &timing, &alarm).await
    }

    /// Removes the schedule of `integration` and `reason`; without it nothing happens.
    pub async fn delete(&self, integration: &str, reason: &str) -> Result<(), StoreError> {
        self.group.delete(&schedule_name(integration, reason)).await
    }

    /// Whether `integration` has a schedule for `reason`.
    pub async fn exists(&self, integration: &str, reason: &str) -> Result<bool, StoreError> {
        let name = schedule_name(integration, reason);
        Ok(self.group.names(&name).await?.contains(&name))
    }
}
