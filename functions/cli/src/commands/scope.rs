//! `rollcall scope`

use ambient::Stopwatch;
use clap::{Args, Subcommand};
use pipeline::{ScopeAct, ScopeCount, ScopeSaid};
use report::json::SCHEMA;
use report::text;
use runtime::Exit;
use serde::Serialize;

use super::approve::who;
use super::sync::Now;
use super::{plan, sync};
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Look at data source keys, and disable, remove or enable all that has one
#[derive(Debug, Args)]
#[command(after_help = "\
A data source key labels a set of records, for instance the courses of one term. What is said of a
key stands until it is lifted, whatever the next export says, and is a plan like any other: within
the limits, held and approved as ever.

Examples:
  rollcall scope list
  rollcall scope disable 2011_fall_SIS_courses --dry-run     what it would do
  rollcall scope disable 2011_fall_SIS_courses --by \"J. Doe\"
  rollcall scope enable 2011_fall_SIS_courses                as the sources say again

Exit codes: as `rollcall sync`; with --dry-run as `rollcall plan`.")]
pub struct Scope {
    #[command(subcommand)]
    pub what: What,
}

/// What is asked of the keys.
#[derive(Debug, Subcommand)]
pub enum What {
    List(List),
    /// Want all that has the key inactive: persons and enrollments suspended, courses hidden
    Disable(Word),
    /// Want all that has the key gone: what that means is policy's to say
    Remove(Word),
    /// Want all that has the key as the sources say it again
    Enable(Word),
}

/// Show every data source key, what has it, and what was decided about it
#[derive(Debug, Args)]
pub struct List {}

/// A word on one key.
#[derive(Debug, Args)]
pub struct Word {
    /// The data source key
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Who says so [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: show every change
    #[arg(long, requires = "dry_run")]
    pub all: bool,
    #[command(flatten)]
    pub now: Now,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    items: &'a [ScopeCount],
}

impl Scope {
    /// Shows the keys, or says something of one.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        match self.what {
            What::List(list) => list.run(setting).await,
            What::Disable(word) => word.run(setting, ScopeAct::Disable).await,
            What::Remove(word) => word.run(setting, ScopeAct::Remove).await,
            What::Enable(word) => word.run(setting, ScopeAct::Enable).await,
        }
    }
}

impl List {
    /// Shows the keys.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Read).await?;
        let items = home.pipeline.scopes().await?;
        console.object(&Shown { schema: SCHEMA, items: &items })?;
        if console.is_json() {
            return Ok(Exit::Done);
        }
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        console.print(&match rows.is_empty() {
            true => "No source has said anything yet.\n".to_owned(),
            false => text::table(&["key", "source", "records"], &rows, &console.look()),
        });
        Ok(Exit::Done)
    }
}

/// The key, whose it is, and what has it; of a key that somebody decided about, that first.
fn row(item: &ScopeCount) -> Vec<String> {
    let sources: Vec<&str> = item.sources.iter().map(String::as_str).collect();
    let name = item.key.as_deref().map_or_else(|| "(none)".to_owned(), report::harmless_text);
    let records = text::counted(&item.records);
    let records = match &item.decided {
        None => records,
        Some(decided) => {
            let by = report::harmless_text(&decided.by);
            let on = decided.at.strftime("%Y-%m-%d");
            format!("{} {on} by {by}: {records}", decided.verdict.name())
        }
    };
    vec![name, sources.join(", "), records]
}

impl Word {
    /// Notes it, then plans and delivers what it makes.
    async fn run(self, setting: &Setting, act: ScopeAct) -> Result<Exit, Failure> {
        let by = self.who();
        let time = Stopwatch::start(&*setting.clock);
        let access = if self.dry_run { Access::Preview } else { Access::Deliver };
        let mut home = Home::open(setting, access).await?;
        home.wait_unless(&self.now);
        if self.dry_run {
            let scoped = plan::quiet(&home).scope(act, &self.key, &by).await;
            home.watch.clear();
            return plan::show(setting, &home, &scoped?.outcome, &time, self.all);
        }
        let scoped = home.pipeline.scope(act, &self.key, &by).await;
        home.watch.clear();
        let scoped = scoped?;
        setting.console.report(&told(&scoped.said, act));
        sync::told(setting, &home, &scoped.outcome).await
    }

    /// Who says so.
    pub fn who(&self) -> String {
        self.by.clone().unwrap_or_else(who)
    }
}

/// What was noted, for people.
pub fn told(said: &ScopeSaid, act: ScopeAct) -> String {
    let (key, done) = (report::harmless_text(&said.key), act.done());
    match (said.is_new, act) {
        (false, ScopeAct::Enable) => format!(
            "Data source key {key} was neither disabled nor removed; what is left to do of it is \
             done now.\n"
        ),
        (false, _) => {
            format!("Data source key {key} was {done} before; what is left of it is done now.\n")
        }
        (true, ScopeAct::Enable) => {
            format!("Data source key {key} is enabled: what has it is as the sources say again.\n")
        }
        (true, _) => format!(
            "Data source key {key} is {done}, whatever the next export says, until `rollcall scope \
             enable {key}`.\n"
        ),
    }
}
