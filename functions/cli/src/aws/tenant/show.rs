//! `rollcall --aws STACK tenant list` and `tenant show`

use ambient::Timestamp;
use hosted::{CONFIG, VAULT_KEY};
use report::json::{Answer, SCHEMA};
use report::text;
use runtime::Exit;
use runtime::config::{Connection, Integration, Status};
use serde::Serialize;
use store::ItemKey;
use store::state::Scope;
use store_aws::SecretError;

use super::{SWEEP, rules, scope};
use crate::aws::failure::is_refusal;
use crate::aws::{Installation, registry};
use crate::failure::Failure;
use crate::home::Setting;

/// List the integrations that the installation serves
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rollcall --aws rollcall tenant list")]
pub struct List {}

/// Show a tenant's integrations: where to drop exports, which secrets are missing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall --aws rollcall tenant show oakfield
  rollcall --aws rollcall tenant show oakfield/sis --toml > oakfield.toml   to change it, then `add` it")]
pub struct Show {
    /// The tenant, or one of its integrations
    #[arg(value_name = "TENANT[/INTEGRATION]")]
    whose: String,
    /// Print the configuration as it was added
    #[arg(long)]
    toml: bool,
}

/// An integration, for people and programs.
#[derive(Debug, Serialize)]
pub struct Shown {
    tenant: String,
    integration: String,
    status: &'static str,
    target: String,
    /// When it was added first.
    added: Option<Timestamp>,
    /// Whether it is swept on a schedule.
    swept: bool,
    sources: Vec<Folder>,
    secrets: Vec<SecretState>,
    #[serde(skip)]
    is_private: bool,
}

#[derive(Debug, Serialize)]
struct Folder {
    source: String,
    folder: String,
}

#[derive(Debug, Serialize)]
struct SecretState {
    name: String,
    state: &'static str,
}

/// What is told of a list's line.
#[derive(Serialize)]
struct Line {
    tenant: String,
    integration: String,
    status: &'static str,
    target: String,
    sources: Vec<String>,
}

impl List {
    /// Lists.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let installation = Installation::connect(setting).await?;
        let mut lines = Vec::new();
        for scope in installation.scopes(&setting.global).await? {
            let configured = hosted::load(&installation.stores, &scope).await;
            lines.push(match configured {
                Ok(configured) => Line {
                    status: status(configured.status),
                    target: target(&configured),
                    sources: configured.sources.into_iter().map(|source| source.name).collect(),
                    tenant: scope.tenant,
                    integration: scope.integration,
                },
                // One that cannot be used must not hide the others.
                Err(hosted::HostError::Unknown { .. }) => broken(scope, "not configured"),
                Err(hosted::HostError::Configuration { .. }) => broken(scope, "unusable"),
                Err(error) => return Err(error.into()),
            });
        }
        if console.is_json() {
            console.stream(|out| Answer::default().write_with(out, lines.iter()))?;
            return Ok(Exit::Done);
        }
        let row = |line: Line| {
            let Line { tenant, integration, status, target, sources } = line;
            vec![format!("{tenant}/{integration}"), status.to_owned(), target, sources.join(", ")]
        };
        let rows: Vec<_> = lines.into_iter().map(row).collect();
        let head = ["integration", "status", "LMS", "sources"];
        console.print(&text::table(&head, &rows, &console.look()));
        Ok(Exit::Done)
    }
}

fn broken(scope: Scope, status: &'static str) -> Line {
    let Scope { tenant, integration } = scope;
    Line { tenant, integration, status, target: String::new(), sources: Vec::new() }
}

impl Show {
    /// Shows.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let installation = Installation::connect(setting).await?;
        let scopes = match self.whose.contains('/') {
            true => vec![scope(&self.whose)?],
            false => registry::list(&*installation.stores.table, Some(&self.whose)).await?,
        };
        let Some(first) = scopes.first() else {
            let message = format!("there is no tenant `{}` here", self.whose);
            return Err(Failure::new(Exit::Usage, "unknown-integration", message)
                .hint("`rollcall tenant list` shows which there are"));
        };
        if self.toml {
            return print_toml(setting, &installation, first).await;
        }
        let mut all = Vec::new();
        for scope in &scopes {
            let configured = hosted::load(&installation.stores, scope).await?;
            all.push(Shown::of(&installation, scope, &configured).await?);
        }
        if console.is_json() {
            console.stream(|out| Answer::default().write_with(out, all.iter()))?;
        }
        for shown in &all {
            console.print(&shown.text());
        }
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct Stored<'a> {
    schema: u32,
    tenant: &'a str,
    integration: &'a str,
    toml: &'a str,
}

async fn print_toml(
    setting: &Setting,
    installation: &Installation,
    scope: &Scope,
) -> Result<Exit, Failure> {
    let Some(text) = stored_text(installation, scope).await? else {
        let Scope { tenant, integration } = scope.clone();
        return Err(hosted::HostError::Unknown { tenant, integration }.into());
    };
    let (tenant, integration) = (&scope.tenant, &scope.integration);
    setting.console.object(&Stored { schema: SCHEMA, tenant, integration, toml: &text })?;
    // As it was written: nothing of it is a command to be completed.
    if !setting.console.is_json() {
        setting.console.stream(|out| out.write_all(text.as_bytes()))?;
    }
    Ok(Exit::Done)
}

/// The text of an integration's configuration.
pub async fn stored_text(
    installation: &Installation,
    scope: &Scope,
) -> Result<Option<String>, Failure> {
    let key = ItemKey::new(scope.path(), CONFIG);
    let item = installation.stores.table.get(&key).await?;
    Ok(item.map(|item| String::from_utf8_lossy(&item.body).into_owned()))
}

impl Shown {
    /// What there is to say of an integration.
    pub async fn of(
        installation: &Installation,
        scope: &Scope,
        configured: &Integration,
    ) -> Result<Self, Failure> {
        let folder = |source: &runtime::config::Source| Folder {
            source: source.name.clone(),
            folder: installation.folder(scope, &source.name),
        };
        let mut secrets = Vec::new();
        for name in rules::secrets(configured).into_iter().chain([VAULT_KEY]) {
            let state = match installation.host.secrets().get(&scope.tenant, name).await {
                Ok(_) => "set",
                Err(SecretError::Missing { .. } | SecretError::Deleted { .. }) => "missing",
                Err(SecretError::NoText { .. }) => "no text",
                // Who may set secrets need not be allowed to read them.
                Err(error) if is_refusal(&error) => "unknown",
                Err(error) => return Err(error.into()),
            };
            secrets.push(SecretState { name: name.to_owned(), state });
        }
        let entry = registry::entry(&*installation.stores.table, scope).await?;
        Ok(Self {
            tenant: scope.tenant.clone(),
            integration: scope.integration.clone(),
            status: status(configured.status),
            target: target(configured),
            added: entry.map(|entry| entry.added),
            swept: installation.schedules().exists(&scope.path(), SWEEP).await?,
            sources: configured.sources.iter().map(folder).collect(),
            secrets,
            is_private: rules::is_private(configured),
        })
    }

    /// In words.
    pub fn text(&self) -> String {
        let Self { tenant, integration, status, target, .. } = self;
        let mut out = format!("{tenant}/{integration}  {status}  {target}\n");
        out.push_str("  drop exports into\n");
        let longest = self.sources.iter().map(|of| of.source.len()).max().unwrap_or_default();
        for Folder { source, folder } in &self.sources {
            out.push_str(&format!("    {source:longest$}  {folder}\n"));
        }
        for SecretState { name, state } in &self.secrets {
            match (*state, name.as_str()) {
                ("set", _) => {}
                (_, VAULT_KEY) => out.push_str(&format!(
                    "  secret {name} is {state}: rollcall tenant add --config FILE makes it\n"
                )),
                ("unknown", _) => out.push_str(&format!(
                    "  secret {name}: this role may not look (secretsmanager:GetSecretValue)\n"
                )),
                _ => out.push_str(&format!(
                    "  secret {name} is {state}: rollcall tenant secret {tenant} {name}\n"
                )),
            }
        }
        if !self.swept {
            out.push_str(
                "  not on the timetable: rollcall tenant add --config FILE puts it there\n",
            );
        }
        if self.is_private {
            out.push_str(
                "  its LMS may be at a private address: that needs AllowPrivateTargets=true\n",
            );
        }
        if self.status == "test" {
            out.push_str(
                "  status `test`: exports are planned and reported, nothing is delivered\n",
            );
        }
        out
    }
}

/// As it is written in the configuration.
fn status(status: Status) -> &'static str {
    match status {
        Status::Test => "test",
        Status::Inactive => "inactive",
        Status::Active => "active",
    }
}

fn target(configured: &Integration) -> String {
    match &configured.target.connection {
        Connection::Sandbox => configured.target.kind.clone(),
        Connection::Remote { url, .. } => format!("{} {url}", configured.target.kind),
    }
}
