//! `rollcall --aws STACK tenant add`

use std::fs;
use std::path::{Path, PathBuf};

use hosted::VAULT_KEY;
use report::json::SCHEMA;
use runtime::Exit;
use runtime::config::{Config, FILE, Integration, Known};
use runtime::secrets::SecretString;
use serde::Serialize;
use store::state::Scope;
use store_aws::{Recurring, SecretError};

use super::show::{Shown, stored_text};
use super::{SWEEP, rules};
use crate::aws::{Installation, registry};
use crate::failure::Failure;
use crate::home::Setting;
use crate::target::{Reach, target};

/// How often an integration is swept: retries, files that nobody told of, runs that stand still.
const EVERY: &str = "rate(15 minutes)";

/// Add a tenant's integrations, or change them: --config names the file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each integration of the file gets its configuration, a folder for each source and a place on the
timetable; the tenant gets its key for delivered passwords, once. The same command with a changed
file changes them; an integration that is no longer in the file stays until it is removed.

Example:
  rollcall --aws rollcall tenant add --config oakfield.toml
  rollcall --aws rollcall tenant secret oakfield lms-token < lms-token.txt")]
pub struct Add {}

/// What was done, as one object.
#[derive(Serialize)]
struct Added<'a> {
    schema: u32,
    tenant: &'a str,
    items: Vec<Item>,
    /// Integrations of the tenant that the file does not name.
    others: Vec<String>,
}

#[derive(Serialize)]
struct Item {
    action: &'static str,
    #[serde(flatten)]
    shown: Shown,
}

impl Add {
    /// Checks the file, then writes.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let (text, config) = checked(setting)?;
        let wanted = wanted(&config, setting.global.integration.as_deref())?;
        let tenant = config.tenant.as_str();
        if setting.global.aws.of_tenant.as_deref().is_some_and(|named| named != tenant) {
            return Err(Failure::usage(format!("the file is of tenant `{tenant}`"))
                .hint("leave out `--tenant`: the file says whose it is"));
        }
        let installation = Installation::connect(setting).await?;
        make_key(setting, &installation, tenant).await?;
        let mut items = Vec::new();
        for integration in wanted {
            let scope = Scope::new(tenant, &integration.name);
            let action = put(setting, &installation, &scope, &text).await?;
            let shown = Shown::of(&installation, &scope, integration).await?;
            console.report(&format!("{action}: {}", shown.text()));
            items.push(Item { action, shown });
        }
        let mut others = registry::list(&*installation.stores.table, Some(tenant)).await?;
        others.retain(|scope| config.integrations.iter().all(|of| of.name != scope.integration));
        let others: Vec<String> = others.iter().map(Scope::path).collect();
        for other in &others {
            console.report(&format!(
                "{other} is not in the file and stays. To remove it: rollcall tenant remove {other}\n"
            ));
        }
        let stack = &installation.host.names.stack;
        console.report(&door(stack, tenant));
        console.object(&Added { schema: SCHEMA, tenant, items, others })?;
        Ok(Exit::Done)
    }
}

/// The file, if all of it can be used.
fn checked(setting: &Setting) -> Result<(String, Config), Failure> {
    let file = match &setting.global.config {
        Some(file) => file.clone(),
        None => PathBuf::from(FILE),
    };
    if setting.global.config.is_none() && !file.exists() {
        return Err(Failure::usage("no configuration is named")
            .hint("rollcall tenant add --config FILE; docs/deploy.md has one to begin with"));
    }
    let text = fs::read_to_string(&file).map_err(|error| {
        let message = format!("cannot read the configuration `{}`", file.display());
        Failure::new(Exit::Usage, "configuration", message).because(&error)
    })?;
    let known = Known { formats: &home::known(), targets: home::KINDS };
    let config = Config::parse(&text, &file, known)?;
    let broken = rules::broken(&config);
    if !broken.is_empty() {
        let message = format!("`{}` asks for what is not to be had on AWS", file.display());
        let mut failure = Failure::new(Exit::Usage, "configuration", message);
        failure.causes = broken;
        return Err(failure);
    }
    for integration in &config.integrations {
        // The adapter's own settings; no LMS is called.
        target(integration, Path::new(""), Reach::Never, &setting.clock, &setting.random)?;
    }
    Ok((text, config))
}

fn wanted<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a Integration>, Failure> {
    match name {
        Some(name) => Ok(vec![config.integration(Some(name))?]),
        None => Ok(config.integrations.iter().collect()),
    }
}

/// Makes the tenant's key for delivered passwords, where there is none. One that is there is never
/// replaced: what is sealed under it could not be opened any more.
async fn make_key(
    setting: &Setting,
    installation: &Installation,
    tenant: &str,
) -> Result<(), Failure> {
    let secrets = installation.host.secrets();
    match secrets.get(tenant, VAULT_KEY).await {
        Ok(_) => Ok(()),
        Err(SecretError::Missing { .. }) => {
            let key = home::SealingVault::fresh_key(&*setting.random);
            let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            // Where two add the tenant at once, the key that was first is both's.
            secrets.create(tenant, VAULT_KEY, &SecretString::from(text)).await?;
            Ok(())
        }
        Err(SecretError::Deleted { id }) => {
            let message = format!("the key `{id}` was deleted");
            Err(Failure::new(Exit::Usage, "secret", message)
                .hint(format!("have it back: aws secretsmanager restore-secret --secret-id {id}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes all that belongs to an integration; what an attempt before this one wrote is found and
/// left. On the list it stands first, so that nothing of it can be overlooked.
async fn put(
    setting: &Setting,
    installation: &Installation,
    scope: &Scope,
    text: &str,
) -> Result<&'static str, Failure> {
    let stores = &installation.stores;
    let before = stored_text(installation, scope).await?;
    registry::add(&*stores.table, scope, setting.clock.now()).await?;
    hosted::save(stores, scope, text).await?;
    let sweep = Recurring {
        integration: scope.path(),
        reason: SWEEP.to_owned(),
        expression: EVERY.to_owned(),
        timezone: "UTC".to_owned(),
    };
    installation.schedules().put(&sweep).await?;
    Ok(match before.as_deref() {
        None => "added",
        Some(before) if before == text => "unchanged",
        Some(_) => "changed",
    })
}

/// How a school gets to upload by itself.
fn door(stack: &str, tenant: &str) -> String {
    format!(
        "To let {tenant} upload by itself, give it a door that only takes files in (docs/deploy.md \
         has one without an AWS account, too):\n  \
         aws cloudformation deploy --template-file infra/door.yaml --stack-name {stack}-door-{tenant} \
         --capabilities CAPABILITY_IAM --parameter-overrides Stack={stack} Tenant={tenant} \
         TrustedAccount=ACCOUNT ExternalId=WORD\n"
    )
}
