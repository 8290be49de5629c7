//! `rollcall forget`

use std::time::Duration;

use ambient::Timestamp;
use pipeline::{Account, Erasure};
use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;
use store::state::forget;

use super::approve::who;
use super::sync::told;
use crate::failure::Failure;
use crate::home::{Access, Home, Place, Setting};

/// Erase a person: from state, history, plans, reports and logs, and keep them out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is kept is a keyed mark of the person's key: no export brings them back, and the key is never
given to anybody else, until it is lifted. The account in the LMS stays as it is unless --lms is
given: then its removal is planned, through limits and approval, and the rest is erased once it is
done. Exports outside the data folder and backups are not reached; the receipt says until when those
hold the person.

Examples:
  rollcall forget p-4711
  rollcall forget ada@school.example --lms      remove the account in the LMS too
  rollcall forget person:p-4711 --lift          take the person in again from the next export on")]
pub struct Forget {
    /// Whom: a key, user name, e-mail address or LMS id
    #[arg(value_name = "PERSON")]
    person: String,
    /// Plan the removal of the account in the LMS, too
    #[arg(long, conflicts_with = "lift")]
    lms: bool,
    /// Take the mark away: the next export brings the person back. PERSON is the key
    #[arg(long)]
    lift: bool,
}

/// The receipt.
#[derive(Serialize)]
struct Receipt {
    schema: u32,
    mark: String,
    state: &'static str,
    at: Timestamp,
    records: u64,
    generations: u64,
    history: u64,
    changes: u64,
    findings: u64,
    items: u64,
    objects: u64,
    /// Until when backups that were made before hold the person.
    backups_lapse: Timestamp,
}

#[derive(Serialize)]
struct Lifted {
    schema: u32,
    mark: String,
    state: &'static str,
}

impl Forget {
    /// Whether the LMS is to be rid of the account.
    #[cfg(feature = "aws")]
    pub fn plans_removal(&self) -> bool {
        self.lms
    }

    /// Erases, or says what has to come first.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        if self.lift {
            return self.lifted(setting).await;
        }
        let console = &setting.console;
        let access = if self.lms { Access::Deliver } else { Access::Write };
        let home = Home::open(setting, access).await?;
        let account = if self.lms { Account::Remove } else { Account::Leave };
        let forgot = home.pipeline.forget(&self.person, &who(), account).await?;
        let mut erasure = forgot.erasure;
        if self.lms && erasure.is_none() && home.place.is_folder() {
            let outcome = home.pipeline.resync().await;
            home.watch.clear();
            let outcome = outcome?;
            let finished = home.pipeline.finish_forgetting(setting.clock.now()).await?;
            erasure = finished.into_iter().find(|(mark, _)| *mark == forgot.mark).map(|(_, e)| e);
            if erasure.is_none() {
                // The run says what is held or waits; the sweep does the rest.
                console.report(&waiting(&forgot.mark));
                return told(setting, &home, &outcome).await;
            }
        }
        home.clear_forgotten().await?;
        let keeps = home.pipeline.integration.keeping.backups;
        let receipt = receipt(forgot.mark, forgot.at, keeps, erasure);
        console.object(&receipt)?;
        console.report(&written(&receipt, erasure, keeps, &home.place));
        Ok(if erasure.is_some() { Exit::Done } else { Exit::Remaining })
    }

    async fn lifted(&self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let home = Home::open(setting, Access::Write).await?;
        let Some(mark) = home.pipeline.lift(&self.person, &who()).await? else {
            let message = "nobody of that key is forgotten";
            return Err(Failure::new(Exit::Failed, "not-found", message)
                .hint("name the key as the source has it: nothing else is known of them"));
        };
        console.report("Lifted. The next export that has the person takes them in again.\n");
        console.object(&Lifted { schema: SCHEMA, mark, state: "lifted" })?;
        Ok(Exit::Done)
    }
}

impl Home {
    /// Where somebody was erased: overwrites what the database still keeps of the bytes.
    pub async fn clear_forgotten(&self) -> Result<(), Failure> {
        let (stores, scope) = (&self.pipeline.stores, &self.pipeline.integration.scope);
        if forget::is_to_clear(stores, scope).await? {
            self.place.clear_deleted()?;
            forget::cleared(stores, scope).await?;
        }
        Ok(())
    }
}

fn receipt(mark: String, at: Timestamp, keeps: Duration, erasure: Option<Erasure>) -> Receipt {
    let state = if erasure.is_some() { "erased" } else { "waiting" };
    let of = erasure.unwrap_or_default();
    Receipt {
        schema: SCHEMA,
        mark,
        state,
        at,
        records: of.states.records,
        generations: of.states.generations,
        history: of.states.history,
        changes: of.changes,
        findings: of.findings,
        items: of.items,
        objects: of.objects,
        backups_lapse: at.saturating_add(keeps).unwrap_or(at),
    }
}

fn waiting(mark: &str) -> String {
    format!(
        "No export brings the person back from now on (mark {mark}). The rest is erased once \
         nothing is under way and the LMS is rid of the account: `rollcall sweep` does it by \
         itself.\n"
    )
}

fn written(receipt: &Receipt, erasure: Option<Erasure>, keeps: Duration, place: &Place) -> String {
    if erasure.is_none() {
        return waiting(&receipt.mark);
    }
    let days = keeps.as_secs() / 86_400;
    let (at, lapse) = (receipt.at.strftime("%F"), receipt.backups_lapse.strftime("%F"));
    let pages = match place.is_folder() {
        true => "The database's free pages and its log were overwritten.\n",
        false => "",
    };
    format!(
        "Forgotten on {at} (mark {mark}).\n\
         \x20 {records} records in {generations} generations of the states, {history} entries of \
         their history\n\
         \x20 {changes} changes in plans, which keep their checksums\n\
         \x20 {findings} findings, {items} other items, {objects} reports and uploads\n\
         {pages}\
         Not reached: exports outside of it, and backups made before {at}. Kept for {days} days, \
         the last of those lapses on {lapse}; after restoring one, forget the person again.\n\
         To take the person in again: rollcall forget person:KEY --lift\n",
        mark = receipt.mark,
        records = receipt.records,
        generations = receipt.generations,
        history = receipt.history,
        changes = receipt.changes,
        findings = receipt.findings,
        items = receipt.items,
        objects = receipt.objects,
    )
}
