//! An integration as the pipeline takes it.

use std::time::Duration;

use pipeline::{FOLD_EVERY, FirstSync, Integration, Keeping, Safety, Source, Speaks, Standing};
use readers::{Format, FormatChoice, ReadOptions};
use runtime::config::{Connection, Status};
use store::state::Scope;

use crate::Target;

/// How long an approval can be used.
const APPROVAL_LASTS: Duration = Duration::from_secs(7 * 86_400);
/// How much longer than a request a lease usually is: the time in which those of one batch may
/// start, while each still ends within it.
pub const BATCH: Duration = Duration::from_secs(60);

/// What a home decides about an integration beside its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How much longer than a request the lease is.
    pub batch: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        Self { batch: BATCH }
    }
}

/// The formats that can be read, by name: what a configuration may ask for.
pub fn known() -> Vec<&'static str> {
    Format::ALL
        .into_iter()
        .filter(|format| readers::has_reader(*format))
        .map(Format::name)
        .collect()
}

/// How a source is read.
pub fn source(source: &runtime::config::Source) -> Source {
    // A name that is unknown here was refused when the configuration was loaded.
    let named = Format::from_name(source.format.name()).map(FormatChoice::Named);
    let read = ReadOptions {
        format: named.unwrap_or_default(),
        username_types: source.username_types.iter().map(roster::Text::new).collect(),
        target: source.only_target.as_ref().map(roster::Text::new),
        columns: source.columns.clone(),
        ..ReadOptions::default()
    };
    let precedence = i64::from(source.precedence);
    let (name, part) = (source.name.clone(), source.part.clone());
    let scope = match source.scope {
        runtime::config::SourceScope::Source => Speaks::ForSource,
        runtime::config::SourceScope::DataSource => Speaks::ForItsDataSources,
    };
    Source { name, mode: source.mode, scope, precedence, read, part }
}

/// When and how it is careful. The simulated LMS of this machine is there to try things out.
fn safety(configured: &runtime::Integration) -> Safety {
    let is_sandbox = matches!(configured.target.connection, Connection::Sandbox);
    let first_sync = match configured.first_sync {
        runtime::config::FirstSync::Approve if !is_sandbox => FirstSync::Approve,
        _ => FirstSync::Deliver,
    };
    Safety { first_sync, keys: String::new(), quiet: configured.quiet.clone() }
}

/// The integration of `tenant` with its target.
pub fn integration(
    tenant: &str,
    configured: &runtime::Integration,
    target: &Target,
    shape: Shape,
) -> Integration {
    Integration {
        scope: Scope::new(tenant, &configured.name),
        standing: match configured.status {
            Status::Test => Standing::Test,
            Status::Inactive => Standing::Inactive,
            Status::Active => Standing::Active,
        },
        sources: configured.sources.iter().map(source).collect(),
        policy: configured.policy.clone(),
        limits: configured.limits.clone(),
        identity: configured.identity,
        safety: safety(configured),
        rules: target.rules.clone(),
        mapping: configured.mapping.clone(),
        config_version: configured.version(),
        target_kind: configured.target.kind.clone(),
        target_url: target.address.clone(),
        request_timeout: target.timeout,
        lease: target.timeout + shape.batch,
        approval_lasts: APPROVAL_LASTS,
        fold_every: FOLD_EVERY,
        keeping: keeping(&configured.keeping),
    }
}

/// For how long what is stored is kept.
fn keeping(configured: &runtime::config::Keeping) -> Keeping {
    let default = Keeping::default();
    Keeping {
        log_level: configured.log_level.unwrap_or(default.log_level),
        log: configured.log,
        plans: configured.plans,
        reports: configured.reports,
        history: configured.history,
        audit: configured.audit,
        backups: configured.backups.unwrap_or(default.backups),
    }
}
