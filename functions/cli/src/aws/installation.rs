//! An installation on AWS, as somebody at a terminal reaches it.

use std::sync::Arc;

use hosted::{Host, Knobs, Private, Reach};
use pipeline::Pipeline;
use runtime::Exit;
use store::Stores;
use store::state::Scope;
use store::state::run::{Run, StoredRun};
use store_aws::{Ambience, Clients, Names, Schedules};
use tokio::task::{JoinError, JoinSet};

use super::registry;
use crate::args::Global;
use crate::commands::approve::who;
use crate::failure::Failure;
use crate::home::{Home, Place, Setting, fitting};
use crate::outcome::Subject;
use crate::progress::Watch;

/// How many integrations are asked at once.
const AT_ONCE: usize = 16;

/// A run and whose it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose.
    pub scope: Scope,
    /// The run.
    pub run: Run,
}

/// An installation. What is done goes out in the operator's own role, over all tenants: IAM says
/// which of them they may touch.
pub struct Installation {
    /// Connections and names.
    pub host: Host,
    /// Its stores.
    pub stores: Stores,
}

impl Installation {
    /// Looks the stack up in the account and region of the usual AWS environment.
    pub async fn connect(setting: &Setting) -> Result<Self, Failure> {
        let stack = setting.global.stack().unwrap_or_default();
        let clients = Clients::from_env().await?;
        let names = Names::of_stack(&clients, stack).await?;
        // Whether private addresses are open to tenants is the functions' to enforce: from here no
        // LMS is called, and an integration that has one can be looked at.
        let knobs = Knobs { allow_private: Private::Networks, ..Knobs::from_lookup(|_| None)? };
        let holder = format!("{} {}", who(), std::process::id());
        let host = Host::new(clients, names, knobs, None, holder);
        let stores = host.stores("").await?;
        Ok(Self { host, stores })
    }

    /// The recurring schedules.
    pub fn schedules(&self) -> Schedules {
        store_aws::schedules(&self.host.clients, &self.host.names, &Ambience::system())
    }

    /// Where exports of a source are dropped off.
    pub fn folder(&self, scope: &Scope, source: &str) -> String {
        format!("s3://{}/incoming/{}/{source}/", self.host.names.bucket, scope.path())
    }

    /// The integrations that `--tenant` and `--integration` leave, at least one.
    pub async fn scopes(&self, global: &Global) -> Result<Vec<Scope>, Failure> {
        let (tenant, integration) =
            (global.aws.of_tenant.as_deref(), global.integration.as_deref());
        if let (Some(tenant), Some(integration)) = (tenant, integration) {
            // Also one that was put into the table by other hands and is not on the list.
            return Ok(vec![Scope::new(tenant, integration)]);
        }
        let mut scopes = registry::list(&*self.stores.table, tenant).await?;
        scopes.retain(|scope| integration.is_none_or(|name| scope.integration == name));
        if !scopes.is_empty() {
            return Ok(scopes);
        }
        let of = match (tenant, integration) {
            (Some(tenant), _) => format!(" of `{tenant}`"),
            (None, Some(integration)) => format!(" `{integration}`"),
            (None, None) => " yet".to_owned(),
        };
        let stack = &self.host.names.stack;
        let none = format!("installation `{stack}` has no integration{of}");
        Err(Failure::new(Exit::Usage, "unknown-integration", none)
            .hint("rollcall tenant add --config FILE"))
    }

    /// The one integration that is meant.
    pub async fn one(&self, global: &Global) -> Result<Scope, Failure> {
        let mut scopes = self.scopes(global).await?;
        match scopes.len() {
            1 => Ok(scopes.swap_remove(0)),
            more => Err(Failure::usage(format!("{more} integrations could be meant"))
                .hint(format!("name one with --tenant and --integration: {}", listed(&scopes)))),
        }
    }

    /// The newest `limit` runs of all of `scopes` together, newest first.
    pub async fn runs(&self, scopes: &[Scope], limit: usize) -> Result<Vec<Found>, Failure> {
        let (mut asked, mut rest) = (JoinSet::new(), scopes.iter().cloned());
        let mut found = Vec::new();
        loop {
            while asked.len() < AT_ONCE
                && let Some(scope) = rest.next()
            {
                let stores = self.stores.clone();
                asked.spawn(async move {
                    let runs = StoredRun::list(&stores, &scope, limit).await?;
                    Ok::<_, Failure>((scope, runs))
                });
            }
            let Some(done) = asked.join_next().await else { break };
            let died = |error: JoinError| {
                Failure::new(Exit::Failed, "died", "listing the runs came to no end")
                    .because(&error)
            };
            let (scope, runs) = done.map_err(died)??;
            let of = |stored: StoredRun| Found { scope: scope.clone(), run: stored.run };
            found.extend(runs.into_iter().map(of));
        }
        found.sort_by(|a, b| (b.run.started, &b.run.id).cmp(&(a.run.started, &a.run.id)));
        found.truncate(limit);
        Ok(found)
    }

    /// The run that `name` means, of whichever integration it is: its id, an end of it, or `last`.
    pub async fn find(&self, global: &Global, name: &str) -> Result<Found, Failure> {
        const LOOKED_THROUGH: usize = 10_000;
        let scopes = self.scopes(global).await?;
        // Alarms and reports give the whole id: that is one question for each integration.
        for scope in &scopes {
            if let Some(stored) = StoredRun::load(&self.stores, scope, name).await? {
                return Ok(Found { scope: scope.clone(), run: stored.run });
            }
        }
        let limit = if name == "last" { 1 } else { LOOKED_THROUGH };
        fitting(name, self.runs(&scopes, limit).await?, |found| &found.run.id)
    }

    /// The integration, opened for its steps.
    pub async fn home(&self, setting: &Setting, scope: &Scope) -> Result<Home, Failure> {
        let open = self.host.open(scope, Reach::Never).await?;
        let integration = &open.pipeline.integration;
        let subject = Subject {
            tenant: scope.tenant.clone(),
            integration: scope.integration.clone(),
            target: format!("{} {}", integration.target_kind, integration.target_url),
        };
        let watch = Watch::new(&setting.console, &setting.interrupt, subject);
        let pipeline = Pipeline {
            progress: Arc::new(watch.clone()),
            stop: Arc::clone(&setting.interrupt.stop),
            ..open.pipeline
        };
        Ok(Home { pipeline, watch, place: Place::Bucket(self.host.names.bucket.clone()) })
    }
}

/// The first few of them in one line.
fn listed(scopes: &[Scope]) -> String {
    const SHOWN: usize = 12;
    let mut text = scopes.iter().take(SHOWN).map(Scope::path).collect::<Vec<_>>().join(", ");
    if scopes.len() > SHOWN {
        text.push_str(&format!(" and {} more (`rollcall tenant list`)", scopes.len() - SHOWN));
    }
    text
}
