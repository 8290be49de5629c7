//! `rollcall --aws STACK tenant secret`

use std::io::{self, IsTerminal as _, Read as _};

use report::json::SCHEMA;
use runtime::secrets::{SecretString, resolve};
use runtime::{Exit, SecretRef};
use serde::Serialize;

use super::rules;
use crate::aws::{Installation, registry};
use crate::failure::Failure;
use crate::home::Setting;

/// The longest secret in bytes.
const LONGEST: u64 = 65_536;

/// Store a tenant's secret: the one line on standard input
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Typed at a terminal it is not shown. It is never an argument, which other users of the machine
could see. The functions use a new value within five minutes.

Examples:
  rollcall --aws rollcall tenant secret oakfield lms-token              type or paste it
  rollcall --aws rollcall tenant secret oakfield lms-token < token.txt
  rollcall --aws rollcall tenant secret oakfield lms-token --from-env LMS_TOKEN")]
pub struct Secret {
    /// Whose it is
    #[arg(value_name = "TENANT")]
    whose: String,
    /// Its name in the configuration: token = { secret = \"NAME\" }
    #[arg(value_name = "NAME")]
    name: String,
    /// Take it from this environment variable
    #[arg(long, value_name = "VAR")]
    from_env: Option<String>,
}

#[derive(Serialize)]
struct Stored<'a> {
    schema: u32,
    tenant: &'a str,
    secret: &'a str,
    id: &'a str,
    /// Whether an integration of the tenant names it.
    named: bool,
}

impl Secret {
    /// Reads and stores it.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        rules::secret_name(&self.name).map_err(Failure::usage)?;
        let installation = Installation::connect(setting).await?;
        let value = match &self.from_env {
            Some(variable) => resolve(&SecretRef::Env(variable.clone()))?,
            None => typed(&self.name)?,
        };
        let (tenant, secret) = (&self.whose, &self.name);
        installation.host.secrets().put(tenant, secret, &value).await?;
        let id = installation.host.secrets().id(tenant, secret);
        console.report(&format!("Stored as {id}. It is used within five minutes.\n"));
        let named = is_named(&installation, tenant, secret).await?;
        if !named {
            console.say(&format!("No integration of `{tenant}` names a secret `{secret}` so far."));
        }
        console.object(&Stored { schema: SCHEMA, tenant, secret, id: &id, named })?;
        Ok(Exit::Done)
    }
}

/// What somebody types, or what comes through a pipe.
fn typed(name: &str) -> Result<SecretString, Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(Exit::Usage, "secret", "cannot read the secret").because(&error)
    };
    if io::stdin().is_terminal() {
        let prompt = format!("{name} (not shown): ");
        let typed = rpassword::prompt_password(prompt).map_err(unreadable)?;
        return one_line(&typed);
    }
    let mut text = String::new();
    io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    one_line(&text)
}

/// The secret in `text`, of which no error repeats anything.
fn one_line(text: &str) -> Result<SecretString, Failure> {
    let line = text.trim();
    let wrong = |what: &str| {
        Failure::new(Exit::Usage, "secret", format!("what was given {what}"))
            .hint("a secret is one line of text: rollcall tenant secret TENANT NAME < FILE")
    };
    if line.is_empty() {
        return Err(wrong("is empty"));
    }
    if line.contains(['\n', '\r']) {
        return Err(wrong("has several lines"));
    }
    if text.len() as u64 > LONGEST {
        return Err(wrong("is too long"));
    }
    Ok(SecretString::from(line))
}

/// Whether an integration of the tenant names the secret.
async fn is_named(
    installation: &Installation,
    tenant: &str,
    secret: &str,
) -> Result<bool, Failure> {
    for scope in registry::list(&*installation.stores.table, Some(tenant)).await? {
        // One that cannot be used names nothing.
        if let Ok(configured) = hosted::load(&installation.stores, &scope).await
            && rules::secrets(&configured).contains(&secret)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use runtime::secrets::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(one_line("  5ec2e7 \r\n").unwrap().expose_secret(), "5ec2e7");
        for text in ["", " \n", "5ec2e7\n5ec2e8\n", &"5".repeat(65_537)] {
            let failure = one_line(text).unwrap_err();
            assert!(!failure.message.contains('5'), "{failure:?}");
        }
    }
}
