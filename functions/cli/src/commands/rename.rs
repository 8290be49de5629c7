//! `rollcall rename`

use ambient::Timestamp;
use pipeline::{Renamed, Said};
use report::json::SCHEMA;
use roster::Text;
use runtime::Exit;
use serde::Serialize;

use super::approve::who;
use super::sync::told;
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Say that a person who is gone and one who is new are the same, under a new key
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Account, enrollments and history stay with the person; the former key is never given to anybody
else. What a run asks about is held until it is answered: an approval does not let it go.

Examples:
  rollcall rename 4711 A-4711                  they are one person
  rollcall rename 4711 A-4711 --different      they are two, and it is not asked again
  rollcall rename 4711 A-4711 --undo           take back what was said; it is asked again
  rollcall rename --asked last                 all that the newest run asks about are one person
  rollcall rename --asked last --different     they all are two")]
pub struct Rename {
    /// The key that is gone
    #[arg(value_name = "OLD", requires = "new", required_unless_present = "asked")]
    pub old: Option<String>,
    /// The key that is new
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    /// They are two persons
    #[arg(long)]
    pub different: bool,
    /// Take back what was said of the two: it is asked again
    #[arg(long, conflicts_with_all = ["different", "asked"])]
    pub undo: bool,
    /// All pairs that this run asks about: its id, an end of it, or `last`
    #[arg(long, value_name = "RUN", conflicts_with = "old")]
    pub asked: Option<String>,
    /// Note the answer and leave the delivery to the next sync or sweep
    #[arg(long)]
    pub later: bool,
}

#[derive(Serialize)]
struct Noted<'a> {
    schema: u32,
    items: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct Pair<'a> {
    old: &'a str,
    new: &'a str,
    /// Nothing where what was said is taken back.
    same: Option<bool>,
}

impl Rename {
    /// Notes the answer, then delivers what it lets go.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let access = if self.later { Access::Write } else { Access::Deliver };
        let home = self.home(setting, access).await?;
        let renamed = self.answer(&home, setting.clock.now()).await?;
        if self.later {
            let same = (!self.undo).then_some(!self.different);
            let item = |(old, new)| Pair { old, new, same };
            let pairs = renamed.pairs.iter().map(|(old, new)| (old.as_str(), new.as_str()));
            console.object(&Noted { schema: SCHEMA, items: pairs.map(item).collect() })?;
            console.report(&self.told(&renamed));
            return Ok(Exit::Done);
        }
        if !console.is_json() {
            console.report(&self.told(&renamed));
        }
        let outcome = home.pipeline.resync().await;
        home.watch.clear();
        told(setting, &home, &outcome?).await
    }

    /// The home that is meant.
    pub async fn home(&self, setting: &Setting, access: Access) -> Result<Home, Failure> {
        match &self.asked {
            Some(run) => Ok(Home::with_run(setting, access, run).await?.0),
            None => Home::open(setting, access).await,
        }
    }

    /// Notes the answer; asks for the lease until `until`.
    pub async fn answer(&self, home: &Home, until: Timestamp) -> Result<Renamed, Failure> {
        let said = if self.different { Said::Different } else { Said::Same };
        let pairs = self.pairs(home, said).await?;
        if self.undo {
            return Ok(home.pipeline.take_rename_back(&pairs, &who(), until).await?);
        }
        Ok(home.pipeline.rename(&pairs, said, &who(), until).await?)
    }

    async fn pairs(&self, home: &Home, said: Said) -> Result<Vec<(Text, Text)>, Failure> {
        if let (Some(old), Some(new)) = (&self.old, &self.new) {
            return Ok(vec![(Text::new(old), Text::new(new))]);
        }
        let name = self.asked.as_deref().unwrap_or("last");
        let run = crate::home::fitting(name, home.runs(10_000).await?, |run| &run.id)?;
        let pairs = home.pipeline.questions(&run.id, said).await?;
        if pairs.is_empty() {
            let message = format!("run {} asks about no keys", run.id);
            return Err(Failure::new(Exit::Failed, "not-found", message));
        }
        Ok(pairs)
    }

    /// What was noted.
    pub fn told(&self, renamed: &Renamed) -> String {
        let mut lines = String::new();
        for (old, new) in &renamed.pairs {
            lines.push_str(&match self.different {
                _ if self.undo => {
                    format!("What was said of {old} and {new} is taken back.\n")
                }
                true => format!("{old} and {new} are two persons: it is not asked again.\n"),
                false => format!("{new} is the key of the person who was {old}.\n"),
            });
        }
        lines
    }
}
