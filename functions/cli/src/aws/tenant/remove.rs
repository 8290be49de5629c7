//! `rollcall --aws STACK tenant remove`

use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;

use super::show::stored_text;
use super::{SWEEP, scope};
use crate::aws::{Installation, registry};
use crate::failure::Failure;
use crate::home::Setting;

/// Stop serving an integration; its state and its secrets stay
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Its configuration and its place on the timetable go: exports that are dropped off are not taken in
any more. Nothing is done to the LMS. With `tenant add` it goes on where it was.

Example:
  rollcall --aws rollcall tenant show oakfield/sis --toml > oakfield.toml
  rollcall --aws rollcall tenant remove oakfield/sis")]
pub struct Remove {
    /// The integration
    #[arg(value_name = "TENANT/INTEGRATION")]
    which: String,
}

#[derive(Serialize)]
struct Removed<'a> {
    schema: u32,
    tenant: &'a str,
    integration: &'a str,
    removed: bool,
}

impl Remove {
    /// Removes. It goes off the list last, so that what was begun can be ended.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let scope = scope(&self.which)?;
        let installation = Installation::connect(setting).await?;
        let stores = &installation.stores;
        let listed = registry::entry(&*stores.table, &scope).await?.is_some();
        if !listed && stored_text(&installation, &scope).await?.is_none() {
            let (tenant, integration) = (scope.tenant, scope.integration);
            return Err(hosted::HostError::Unknown { tenant, integration }.into());
        }
        let path = scope.path();
        installation.schedules().delete(&path, SWEEP).await?;
        for wake in stores.wake.of(&path).await? {
            stores.wake.clear(&wake).await?;
        }
        hosted::remove(stores, &scope).await?;
        registry::remove(&*stores.table, &scope).await?;
        let bucket = &installation.host.names.bucket;
        console.report(&format!(
            "{path} is not served any more. Its state stays in the table, its files in s3://{bucket} \
             and its secrets in Secrets Manager.\n"
        ));
        let (tenant, integration) = (&scope.tenant, &scope.integration);
        console.object(&Removed { schema: SCHEMA, tenant, integration, removed: true })?;
        Ok(Exit::Done)
    }
}
