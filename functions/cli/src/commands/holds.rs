//! `rollcall holds`

use ambient::Timestamp;
use report::json::SCHEMA;
use report::{HoldPart, HoldsView, text};
use runtime::Exit;
use serde::Serialize;
use store::state::run::{Run, RunState};

#[cfg(feature = "aws")]
use crate::aws::Installation;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// As many of the newest runs are looked through for one that came to a plan.
const LOOKED_THROUGH: usize = 1_000;

/// List what is held: why, how much, examples, and what lets it go
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each part can be approved by itself; what needs it goes with it.

Examples:
  rollcall holds
  rollcall holds --json | jq -r '.items[] | \"\\(.checksum) \\(.text)\"'

Exit codes: 0 nothing is held, 4 something is.")]
pub struct Holds {}

#[derive(Serialize)]
struct Told<'a> {
    schema: u32,
    count: u64,
    /// Of how many emptied or dropped courses no item tells.
    more_courses: u64,
    items: Vec<Item<'a>>,
}

/// One part of what is held.
#[derive(Serialize)]
struct Item<'a> {
    tenant: &'a str,
    integration: &'a str,
    run: &'a str,
    since: Timestamp,
    /// What an approval of all that the run holds names.
    held_checksum: Option<String>,
    reason: &'static str,
    text: String,
    count: u64,
    /// How many other changes go with it.
    follow: u64,
    /// What an approval of this part names.
    checksum: Option<String>,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    action: &'static str,
    key: String,
}

impl Holds {
    /// Lists.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let home = Home::open(setting, Access::Read).await?;
        tell(setting, &of(setting, &home).await?.into_iter().collect::<Vec<_>>())
    }

    /// Lists over all integrations that are meant.
    #[cfg(feature = "aws")]
    pub async fn of_installation(self, setting: &Setting) -> Result<Exit, Failure> {
        let installation = Installation::connect(setting).await?;
        let mut views = Vec::new();
        for scope in installation.scopes(&setting.global).await? {
            let home = installation.home(setting, &scope).await?;
            let view = of(setting, &home).await?;
            // Where the command line does not say whose it is, the commands for copying do.
            let mut more = String::new();
            if setting.global.aws.of_tenant.is_none() {
                more.push_str(&format!("--tenant {} ", scope.tenant));
            }
            if setting.global.integration.is_none() {
                more.push_str(&format!("--integration {} ", scope.integration));
            }
            let flags = |view: &HoldsView| format!("{}{more}", view.flags);
            views.extend(view.map(|view| HoldsView { flags: flags(&view), ..view }));
        }
        tell(setting, &views)
    }
}

/// What the newest plan holds; `None` where that is nothing.
async fn of(setting: &Setting, home: &Home) -> Result<Option<HoldsView>, Failure> {
    let runs = home.runs(LOOKED_THROUGH).await?;
    let planned = |run: &&Run| run.checksum.is_some() && run.state != RunState::Rejected;
    let Some(run) = runs.iter().find(planned).filter(|run| !run.held.is_empty()) else {
        return Ok(None);
    };
    let Some(plan) = home.pipeline.plan_header(&run.id).await? else {
        let message = format!("what run {} holds is not kept any more", run.id);
        return Err(
            Failure::new(Exit::Failed, "not-found", message).hint("`rollcall sweep` plans it anew")
        );
    };
    let subject = home.subject();
    let of_run = (run.id.as_str(), run.started, run.source.is_some());
    let mut view = HoldsView::of((&subject.tenant, &subject.integration), of_run, &plan)?;
    let known = home.pipeline.applied_records(&view.nameless()).await?;
    view.name_with(|key| known.get(key).cloned());
    setting.console.flags().clone_into(&mut view.flags);
    Ok(Some(view))
}

fn tell(setting: &Setting, views: &[HoldsView]) -> Result<Exit, Failure> {
    let console = &setting.console;
    let held = views.iter().any(|view| view.count > 0);
    let exit = if held { Exit::Held } else { Exit::Done };
    if console.is_json() {
        console.object(&Told {
            schema: SCHEMA,
            count: views.iter().map(|view| view.count).sum(),
            more_courses: views.iter().map(|view| view.more_courses).sum(),
            items: views.iter().flat_map(items).collect(),
        })?;
        return Ok(exit);
    }
    if !held {
        console.print("Nothing is held.\n");
    }
    for (at, view) in views.iter().enumerate() {
        if at > 0 {
            console.print("\n");
        }
        console.print(&text::holds(view, &console.look()));
    }
    Ok(exit)
}

fn items(view: &HoldsView) -> impl Iterator<Item = Item<'_>> {
    let example =
        |line: &report::Line| Example { action: line.action.name(), key: line.key.to_string() };
    view.parts.iter().map(move |HoldPart { group, checksum, follow }| Item {
        tenant: &view.tenant,
        integration: &view.integration,
        run: &view.run,
        since: view.since,
        held_checksum: view.checksum.map(|checksum| checksum.to_string()),
        reason: group.why.reason.name(),
        text: group.reason(),
        count: group.count,
        follow: *follow,
        checksum: checksum.map(|checksum| checksum.to_string()),
        examples: group.examples.iter().map(example).collect(),
    })
}
