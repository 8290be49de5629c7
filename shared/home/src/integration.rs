//! An integration as the pipeline takes it.

use std::time::Duration;

use pipeline::{FOLD_EVERY, FirstSync, Integration, Keeping, Safety, Source, Speaks, Standing};
use readers::{Format, FormatChoice, ReadOptions};
use roster::merge::PersonKeys;
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
        data_source_key: source.data_source_key.clone(),
        changes: source.changes.clone(),
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
    Safety { first_sync, keys: keys(configured), quiet: configured.quiet.clone() }
}

/// By what persons are known, as a digest; empty where every source has keys of its own. Somebody
/// who is known by another key is somebody else, as far as a plan can tell.
fn keys(configured: &runtime::Integration) -> String {
    let mut sources: Vec<_> = configured.sources.iter().collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    let rules: Vec<String> = sources
        .into_iter()
        .filter(|source| source.part.keys != PersonKeys::Source || !source.part.match_by.is_empty())
        // Names of fields and lists of them, so that their debug output is their content.
        .map(|source| format!("{} {:?} {:?}", source.name, source.part.keys, source.part.match_by))
        .collect();
    match rules.is_empty() {
        true => String::new(),
        false => blake3::hash(rules.join("\n").as_bytes()).to_hex()[..32].to_owned(),
    }
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
        credentials: configured.credentials.unwrap_or(default.credentials),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use runtime::config::{Config, Known};

    use super::*;

    /// The digest of an integration whose source has these keys beside its name.
    fn of(source: &str) -> String {
        let text = format!(
            "tenant = \"oak\"\n[[integration]]\nname = \"sis\"\n[[integration.source]]\n\
             name = \"registrar\"\n{source}\n[integration.target]\nkind = \"sandbox\"\n"
        );
        let formats = known();
        let known = Known { formats: &formats, targets: crate::KINDS };
        keys(&Config::parse(&text, Path::new("rollcall.toml"), known).unwrap().integrations[0])
    }

    #[test]
    fn what_persons_are_known_by_has_a_digest() {
        assert_eq!(of(""), "");
        assert_eq!(of("precedence = 3"), "", "who is believed is not who somebody is");
        let random = of("keys = \"random\"\nnatural_key = \"email\"");
        assert_eq!(random.len(), 32);
        assert_ne!(random, of("keys = \"random\"\nnatural_key = \"username\""));
    }
}
