//! The integrations' configurations, in the table: the text of a `rollcall.toml` with one
//! integration each, under `tenant/integration` and [`CONFIG`].

use std::path::Path;

use home::KINDS;
use runtime::config::{Config, Known};
use store::state::Scope;
use store::{Condition, ItemKey, Stores};

use crate::HostError;

/// The sort key of a configuration.
pub const CONFIG: &str = "config";
/// The secret under which a tenant's key for delivered passwords stands: 64 hexadecimal digits.
pub const VAULT_KEY: &str = "vault-key";

/// Checks the text of a configuration: the integrations in it, and its tenant.
pub fn integrations(text: &str, of: &str) -> Result<Config, HostError> {
    let known = Known { formats: &home::known(), targets: KINDS };
    let wrong = |error| HostError::Configuration { of: of.to_owned(), source: Box::new(error) };
    Config::parse(text, Path::new("rollcall.toml"), known).map_err(wrong)
}

/// The configuration of an integration.
pub async fn load(stores: &Stores, scope: &Scope) -> Result<runtime::Integration, HostError> {
    let unknown = || HostError::Unknown {
        tenant: scope.tenant.clone(),
        integration: scope.integration.clone(),
    };
    let item = stores.table.get(&key(scope)).await?.ok_or_else(unknown)?;
    let text = String::from_utf8_lossy(&item.body);
    let config = integrations(&text, &scope.path())?;
    if config.tenant != scope.tenant {
        return Err(unknown());
    }
    config.integration(Some(&scope.integration)).cloned().map_err(|_| unknown())
}

/// Stores the text for one of its integrations, over the one before.
pub async fn save(stores: &Stores, scope: &Scope, text: &str) -> Result<(), HostError> {
    stores.table.put(&key(scope), text.as_bytes().to_vec(), Condition::Any).await?;
    Ok(())
}

/// Forgets an integration's configuration: it is not served any more. Its state stays.
pub async fn remove(stores: &Stores, scope: &Scope) -> Result<(), HostError> {
    Ok(stores.table.delete(&key(scope), Condition::Any).await?)
}

fn key(scope: &Scope) -> ItemKey {
    ItemKey::new(scope.path(), CONFIG)
}
