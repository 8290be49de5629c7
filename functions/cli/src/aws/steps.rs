//! What is asked of a run or a source: noted in the table at once, worked on by the functions.

use std::time::Duration;

use ambient::Timestamp;
use pipeline::{Ask, Next, ScopeAct};
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;
use store::state::Scope as Of;

use super::Installation;
use crate::commands::approve::{Approve, who};
use crate::commands::forget::Forget;
use crate::commands::reject::{Reject, told};
use crate::commands::rename::Rename;
use crate::commands::resume::Resume;
use crate::commands::revert::{self, Revert};
use crate::commands::scope::{self, Scope, What, Word};
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// How long a rejection waits for whoever is at work on the integration.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of it, as one object.
#[derive(Serialize)]
struct Asked<'a> {
    schema: u32,
    tenant: &'a str,
    integration: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_checksum: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    /// Whether the functions were told to plan and deliver.
    sent: bool,
}

impl<'a> Asked<'a> {
    fn of(scope: &'a Of, sent: bool) -> Self {
        let (tenant, integration) = (scope.tenant.as_str(), scope.integration.as_str());
        let (run, source, state, held_checksum, expires) = (None, None, None, None, None);
        Self {
            schema: SCHEMA,
            tenant,
            integration,
            run,
            source,
            state,
            held_checksum,
            expires,
            sent,
        }
    }
}

/// Notes an approval, and has it delivered.
pub async fn approve(command: Approve, setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let (home, run) = Home::with_run(setting, Access::Write, &command.run).await?;
    let Some(approved) = command.give(setting, &home, &run.id).await? else {
        return Ok(Exit::Held);
    };
    let expires = approved.expires;
    console.report(&format!("Approved until {expires:.0}.\n"));
    if command.later {
        console.report("The next export or `rollcall sweep` delivers it.\n");
    } else {
        plan_again(setting, &home, "the approval is noted").await?;
    }
    console.object(&Asked {
        run: Some(&run.id),
        held_checksum: Some(&approved.checksum),
        expires: Some(expires),
        ..Asked::of(&home.pipeline.integration.scope, !command.later)
    })?;
    Ok(Exit::Done)
}

/// Rejects a run, and has planned what its source says now.
pub async fn reject(command: Reject, setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let (home, run) = Home::with_run(setting, Access::Write, &command.run).await?;
    let now = setting.clock.now();
    let until = now.saturating_add(PATIENCE).unwrap_or(now);
    let by = command.by.clone().unwrap_or_else(who);
    let rejection = home.pipeline.reject_by(&run.id, &by, until).await?;
    console.report(&told(&rejection, &run.id));
    plan_again(setting, &home, "the run is rejected").await?;
    console.object(&Asked {
        run: Some(&run.id),
        source: rejection.source.as_deref(),
        state: Some("rejected"),
        ..Asked::of(&home.pipeline.integration.scope, true)
    })?;
    Ok(Exit::Done)
}

/// Takes a run's export back, and has the inverse planned and delivered.
pub async fn revert(command: Revert, setting: &Setting) -> Result<Exit, Failure> {
    if command.plan {
        return Err(Failure::usage("`--plan` does not work against an installation on AWS").hint(
            "set `status = \"test\"` in the tenant's configuration first: then it is planned and \
             nothing is delivered",
        ));
    }
    let console = &setting.console;
    let (home, run) = Home::with_run(setting, Access::Write, &command.run).await?;
    let now = setting.clock.now();
    let until = now.saturating_add(PATIENCE).unwrap_or(now);
    let by = command.by.clone().unwrap_or_else(who);
    let taken = home.pipeline.begin_revert(&run.id, command.later(), &by, until).await?;
    console.report(&revert::told(&taken, &run.id));
    send(setting, &home, &taken.next(), "the export is taken back").await?;
    console.object(&Asked {
        run: Some(&taken.run),
        source: taken.sources.first().map(String::as_str),
        state: Some("parsed"),
        ..Asked::of(&home.pipeline.integration.scope, true)
    })?;
    Ok(Exit::Done)
}

/// Notes an answer about keys of persons, and has planned what it makes of the next plan.
pub async fn rename(command: Rename, setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let home = command.home(setting, Access::Write).await?;
    let now = setting.clock.now();
    let until = now.saturating_add(PATIENCE).unwrap_or(now);
    let renamed = command.answer(&home, until).await?;
    console.report(&command.told(&renamed));
    if !command.later {
        plan_again(setting, &home, "the answer is noted").await?;
    }
    console.object(&Asked::of(&home.pipeline.integration.scope, !command.later))?;
    Ok(Exit::Done)
}

/// Shows data source keys, or notes a word on one and has planned what it makes.
pub async fn scope(command: Scope, setting: &Setting) -> Result<Exit, Failure> {
    match command.what {
        What::List(list) => list.run(setting).await,
        What::Disable(word) => say_of_scope(word, ScopeAct::Disable, setting).await,
        What::Remove(word) => say_of_scope(word, ScopeAct::Remove, setting).await,
        What::Enable(word) => say_of_scope(word, ScopeAct::Enable, setting).await,
    }
}

async fn say_of_scope(word: Word, act: ScopeAct, setting: &Setting) -> Result<Exit, Failure> {
    if word.dry_run {
        return Err(Failure::usage("`--dry-run` does not work against an installation on AWS").hint(
            "set `status = \"test\"` in the tenant's configuration first: then it is planned and \
             nothing is delivered",
        ));
    }
    let console = &setting.console;
    let home = Home::open(setting, Access::Write).await?;
    let now = setting.clock.now();
    let until = now.saturating_add(PATIENCE).unwrap_or(now);
    let said = home.pipeline.begin_scope(act, &word.key, &word.who(), until).await?;
    console.report(&scope::told(&said, act));
    send(setting, &home, &said.next(), "the word is noted").await?;
    console.object(&Asked {
        run: Some(&said.run),
        state: Some("parsed"),
        ..Asked::of(&home.pipeline.integration.scope, true)
    })?;
    Ok(Exit::Done)
}

/// Lets a source go on.
pub async fn resume(command: Resume, setting: &Setting) -> Result<Exit, Failure> {
    let console = &setting.console;
    let installation = Installation::connect(setting).await?;
    let scope = installation.one(&setting.global).await?;
    let home = installation.home(setting, &scope).await?;
    home.pipeline.resume(&command.source, &who()).await?;
    let (source, folder) = (&command.source, installation.folder(&scope, &command.source));
    console.report(&format!(
        "Source `{source}` goes on; no export of it is refused. Drop the next one, or the same \
         again, into {folder}\n"
    ));
    console.object(&Asked { source: Some(source), ..Asked::of(&scope, false) })?;
    Ok(Exit::Done)
}

/// Forgets a person. Where the LMS is to be rid of the account, the functions plan that.
pub async fn forget(command: Forget, setting: &Setting) -> Result<Exit, Failure> {
    let plans = command.plans_removal();
    let ended = command.run(setting).await?;
    if plans {
        let home = Home::open(setting, Access::Write).await?;
        plan_again(setting, &home, "the person is kept out").await?;
    }
    Ok(ended)
}

/// Has planned what the sources say now, and tried again what was refused.
pub async fn sweep(setting: &Setting) -> Result<Exit, Failure> {
    let home = Home::open(setting, Access::Write).await?;
    plan_again(setting, &home, "nothing was changed").await?;
    setting.console.object(&Asked::of(&home.pipeline.integration.scope, true))?;
    Ok(Exit::Done)
}

/// Asks the functions for a plan. `so_far`: what is done already, should that fail.
async fn plan_again(setting: &Setting, home: &Home, so_far: &str) -> Result<(), Failure> {
    send(setting, home, &Next::Plan(Ask::Resync), so_far).await
}

/// Tells the functions what is to be done.
async fn send(setting: &Setting, home: &Home, next: &Next, so_far: &str) -> Result<(), Failure> {
    let sent = home.pipeline.send(next).await;
    if let Err(error) = sent {
        let failure = super::failure::on_aws(error.into());
        let what = format!("{so_far}, but the functions were not told: {}", failure.message);
        let hint = "once that is mended: rollcall sweep";
        return Err(Failure { message: what, ..failure }.hint(hint));
    }
    setting.console.report("Sent: the plan follows within a minute. To see it: rollcall runs\n");
    Ok(())
}
