//! One integration, opened for a piece of work.

use std::sync::Arc;

use home::{Nowhere, SealingVault, Shape};
use lms::Transport;
use pipeline::{NoProgress, Pipeline, Source};
use runtime::SecretRef;
use runtime::config::Connection;
use runtime::secrets::ExposeSecret as _;
use store::Stores;
use store::state::Scope;
use store_aws::{Exports, aws_stores};

use crate::{Host, HostError, Private, VAULT_KEY, configuration};

/// Whether a piece of work can come to talk to the LMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It never does: its token is not even fetched.
    Never,
    /// It may.
    Live,
}

/// An open integration.
pub struct Open {
    /// The steps.
    pub pipeline: Pipeline,
    /// Its configuration.
    pub configured: runtime::Integration,
    /// Its exports, as they were dropped off.
    pub exports: Exports,
}

impl Open {
    /// Its source of this name, as it is read and as it is configured.
    pub fn source(&self, name: &str) -> Option<(Source, &runtime::config::Source)> {
        let source = self.pipeline.integration.source(name)?.clone();
        let configured = self.configured.sources.iter().find(|source| source.name == name)?;
        Some((source, configured))
    }
}

impl Host {
    /// The stores of a tenant.
    pub async fn stores(&self, tenant: &str) -> Result<Stores, HostError> {
        let clients = self.clients_of(tenant).await?;
        Ok(aws_stores(&clients, &self.names, &self.ambience()))
    }

    /// Opens an integration.
    pub async fn open(&self, scope: &Scope, reach: Reach) -> Result<Open, HostError> {
        let clients = self.clients_of(&scope.tenant).await?;
        let stores = aws_stores(&clients, &self.names, &self.ambience());
        let configured = configuration::load(&stores, scope).await?;
        let target = self.target(scope, &configured, reach).await?;
        let integration = home::integration(
            &scope.tenant,
            &configured,
            &target,
            Shape { batch: self.knobs.lease },
        );
        let pipeline = Pipeline {
            stores,
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            integration: Arc::new(integration),
            lms: target.lms,
            vault: Arc::new(self.vault(&scope.tenant).await?),
            progress: Arc::new(NoProgress),
            holder: self.holder.clone(),
            sole_writer: false,
            stop: Arc::default(),
        };
        let exports = Exports::new(&clients, &self.names.bucket);
        Ok(Open { pipeline, configured, exports })
    }

    async fn target(
        &self,
        scope: &Scope,
        configured: &runtime::Integration,
        reach: Reach,
    ) -> Result<home::Target, HostError> {
        let not_here = |what: &str| HostError::NotHere { of: scope.path(), what: what.to_owned() };
        let Connection::Remote { url, token, ca_file, allow_private } =
            &configured.target.connection
        else {
            return Err(not_here("the sandbox is on one machine: name an LMS by its url"));
        };
        let SecretRef::Stored(name) = token else {
            return Err(not_here(
                "a token is in Secrets Manager: write token = { secret = \"NAME\" }",
            ));
        };
        if ca_file.is_some() {
            return Err(not_here("there are no files: `ca_file` cannot be read"));
        }
        if *allow_private && self.knobs.allow_private == Private::No {
            return Err(not_here(
                "private addresses are not open to tenants (parameter AllowPrivateTargets)",
            ));
        }
        let (transport, token): (Arc<dyn Transport>, String) = match reach {
            Reach::Never => (Arc::new(Nowhere), String::new()),
            Reach::Live => {
                let token = self.secret(&scope.tenant, name).await?;
                (Arc::new(self.http(*allow_private)?), token.expose_secret().trim().to_owned())
            }
        };
        let ambient = (&self.clock, &self.random);
        let made = home::target(configured, transport, url, token, None, ambient);
        made.map_err(|error| HostError::Configuration { of: scope.path(), source: Box::new(error) })
    }

    async fn vault(&self, tenant: &str) -> Result<SealingVault, HostError> {
        let text = self.secret(tenant, VAULT_KEY).await?;
        let key = unhex(text.expose_secret().trim()).ok_or_else(|| HostError::NotHere {
            of: tenant.to_owned(),
            what: format!("the secret `{VAULT_KEY}` is not 64 hexadecimal digits"),
        })?;
        Ok(SealingVault::new(key))
    }
}

fn unhex(text: &str) -> Option<[u8; home::KEY]> {
    let mut key = [0; home::KEY];
    if !text.is_ascii() || text.len() != key.len() * 2 {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}
