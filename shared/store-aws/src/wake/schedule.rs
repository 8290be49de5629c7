//! Schedules in one group of EventBridge Scheduler: they invoke the reconcile function.

use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;
use store::StoreError;

use crate::clients::Clients;
use crate::fault::{Call, store_error};
use crate::names::Names;
use crate::pace::{Pace, TRIES};

const PUT: Call = Call::new("set a schedule", "scheduler:CreateSchedule and UpdateSchedule");
const DELETE: Call = Call::new("delete a schedule", "scheduler:DeleteSchedule");

/// How long Scheduler tries to invoke the function: a day, at most 185 times.
const OLDEST_SECONDS: i32 = 86_400;
const INVOCATIONS: i32 = 185;
/// Readable part of a schedule's name; with the digest it is at most 64 characters.
const READABLE: usize = 47;
const DIGEST: usize = 16;

/// What a schedule hands to the reconcile function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Alarm {
    /// The tenant.
    pub tenant: String,
    /// Its integration.
    pub integration: String,
    /// Why: `retry`, `sweep`, `reconcile`.
    pub reason: String,
}

/// When a schedule invokes.
pub(crate) struct Timing<'a> {
    /// `at(...)`, `rate(...)` or `cron(...)`.
    pub expression: &'a str,
    /// The name of the zone that the expression is in.
    pub timezone: &'a str,
    /// What becomes of it after its last time.
    pub after: ActionAfterCompletion,
}

/// The schedules of one group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    client: aws_sdk_scheduler::Client,
    name: String,
    target: String,
    role: String,
    dead: Option<String>,
    pace: Pace,
}

impl Group {
    pub(crate) fn new(clients: &Clients, name: &str, names: &Names, pace: Pace) -> Self {
        let (target, role) = (&names.wake_target, &names.wake_role);
        Self {
            dead: names.wake_dead.clone(),
            client: clients.scheduler.clone(),
            name: name.to_owned(),
            target: target.to_owned(),
            role: role.to_owned(),
            pace,
        }
    }

    fn resource(&self) -> String {
        format!("schedule group {}", self.name)
    }

    /// Creates the schedule `name`, or changes all of it.
    pub(crate) async fn put(
        &self,
        name: &str,
        timing: &Timing<'_>,
        alarm: &Alarm,
    ) -> Result<(), StoreError> {
        let unbuilt =
            |error: BuildError| StoreError::Invalid { what: "schedule", reason: error.to_string() };
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off);
        let window = window.build().map_err(unbuilt)?;
        let input = serde_json::to_string(alarm)
            .map_err(|error| StoreError::Invalid { what: "schedule", reason: error.to_string() })?;
        let retries = RetryPolicy::builder()
            .maximum_event_age_in_seconds(OLDEST_SECONDS)
            .maximum_retry_attempts(INVOCATIONS);
        let target = Target::builder().arn(&self.target).role_arn(&self.role).input(input);
        let dead = self.dead.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = target.set_dead_letter_config(dead).retry_policy(retries.build());
        let target = target.build().map_err(unbuilt)?;
        for tried in 0..TRIES {
            let create = self.client.create_schedule().group_name(&self.name).name(name);
            let create = create
                .schedule_expression(timing.expression)
                .schedule_expression_timezone(timing.timezone)
                .flexible_time_window(window.clone())
                .action_after_completion(timing.after.clone())
                .target(target.clone());
            match create.send().await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some("ConflictException") => {}
                Err(error) => return Err(store_error(PUT, &self.resource(), error)),
            }
            let update = self.client.update_schedule().group_name(&self.name).name(name);
            let update = update
                .schedule_expression(timing.expression)
                .schedule_expression_timezone(timing.timezone)
                .flexible_time_window(window.clone())
                .action_after_completion(timing.after.clone())
                .target(target.clone());
            match update.send().await {
                Ok(_) => return Ok(()),
                // It has come to its end, or somebody else is at it, between the two.
                Err(error) if is_passing(&error) => self.pace.pause(tried).await,
                Err(error) => return Err(store_error(PUT, &self.resource(), error)),
            }
        }
        Err(StoreError::Throttled { retry_after: None })
    }

    /// Removes the schedule; without it nothing happens.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), StoreError> {
        for tried in 0..TRIES {
            match self.client.delete_schedule().group_name(&self.name).name(name).send().await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(()),
                Err(error) if is_passing(&error) => self.pace.pause(tried).await,
                Err(error) => return Err(store_error(DELETE, &self.resource(), error)),
            }
        }
        Err(StoreError::Throttled { retry_after: None })
    }

    /// The names of all schedules that begin with `prefix`.
    pub(crate) async fn names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        const LIST: Call = Call::new("list schedules", "scheduler:ListSchedules");
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let call = self.client.list_schedules().group_name(&self.name).name_prefix(prefix);
            let output = call.set_next_token(from).send().await;
            let output = output.map_err(|error| store_error(LIST, &self.resource(), error))?;
            found.extend(output.schedules.into_iter().filter_map(|schedule| schedule.name));
            from = output.next_token;
            if from.is_none() {
                return Ok(found);
            }
        }
    }
}

fn is_passing<E>(error: &E) -> bool
where
    E: ProvideErrorMetadata,
{
    matches!(error.code(), Some("ResourceNotFoundException" | "ConflictException"))
}

/// What a schedule of `integration` (`tenant/integration`) and `reason` is called: the tenant in
/// front and an underscore after it, so that a role can be fenced to its tenant's.
pub(crate) fn schedule_name(integration: &str, reason: &str) -> String {
    // A length in front, so that no two pairs are written the same.
    let written = format!("{}:{integration}{reason}", integration.len());
    let digest = blake3::hash(written.as_bytes()).to_hex();
    format!("{}-{}", schedule_prefix(integration), &digest[..DIGEST])
}

/// What the names of all schedules of `integration` begin with.
fn schedule_prefix(integration: &str) -> String {
    let letter = |letter: char| match letter {
        '/' => '_',
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => letter,
        _ => '.',
    };
    integration.chars().take(READABLE).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let long = format!("{}/{}", "t".repeat(60), "i".repeat(60));
        let pairs = [
            ("oakfield/sis", "retry"),
            ("oakfield/sis", "settle"),
            ("oakfield/sisr", "etry"),
            ("oakfield/si", "sretry"),
            (&long, "retry"),
            (&long, "settle"),
            ("caf\u{e9} \u{1f333}/x", "retry"),
            ("", ""),
        ];
        let names: std::collections::BTreeSet<_> =
            pairs.iter().map(|(integration, reason)| schedule_name(integration, reason)).collect();
        assert_eq!(names.len(), pairs.len());
        for name in &names {
            assert!(name.len() <= 64, "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            );
        }
        assert!(schedule_name("oakfield/sis", "retry").starts_with("oakfield_sis-"));
    }
}
