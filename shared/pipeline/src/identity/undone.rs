//! Taking back what somebody said of two keys.
//!
//! | what was said | then |
//! |---|---|
//! | they are two persons | it is asked again |
//! | they are one person | the new key means nothing any more; what sources say under it is somebody's own again. If the LMS has the account under the new key, it gets its former one back with the next delivery, and whoever the new key belongs to waits until it has. Then it is asked again |
//!
//! Names and addresses that the account got by then stay as they are, as long as no source says
//! otherwise: its owner is in none.

use std::collections::BTreeSet;

use ambient::Timestamp;
use roster::{Entry, Kind, Record, Text};
use store::Write;
use store::state::answers::Answer;
use store::state::identity::Aliases;
use store::state::lease::Lease;
use store::state::{StateName, States};
use tracing::info;

use super::person;
use crate::desired::LoadedSource;
use crate::drive::lease_lost;
use crate::ingest::under_record_id;
use crate::{Pipeline, PipelineError, Renamed};

impl Pipeline {
    /// Takes back what was said of each pair of a former and a new key; all of it, or nothing. The
    /// lease is asked for until `until`; `by` is who does so.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where nothing was said of a pair, or later keys stand on it.
    pub async fn take_rename_back(
        &self,
        pairs: &[(Text, Text)],
        by: &str,
        until: Timestamp,
    ) -> Result<Renamed, PipelineError> {
        let lease = self.lease_by(until).await?;
        let taken = self.take_rename_back_under(&lease, pairs, by).await;
        self.give_back(lease, taken).await
    }

    async fn take_rename_back_under(
        &self,
        lease: &Lease,
        pairs: &[(Text, Text)],
        by: &str,
    ) -> Result<Renamed, PipelineError> {
        let scope = &self.integration.scope;
        let stored = Aliases::load(&self.stores, scope).await?;
        let answers = Answer::all(&self.stores, scope).await?;
        let mut aliases = stored.clone();
        let mut writes = vec![lease.check(scope)];
        let mut returned = Vec::new();
        for (old, new) in pairs {
            let record = stored.record_id(Kind::Person, old);
            let said = answers.iter().find(|said| said.old == record && said.new == *new);
            let Some(said) = said else {
                return Err(PipelineError::NotFound(format!(
                    "nobody has said anything of {old} and {new} that could be taken back"
                )));
            };
            if said.same.is_none() {
                // It was taken back before.
                continue;
            }
            if said.same == Some(true) {
                take_key_back(&mut aliases, &record, new)?;
                returned.push((record.clone(), new.clone()));
            }
            info!(old = %record, new = %new, "what was said of two keys was taken back");
            let taken_back = said.taken_back || said.same == Some(true);
            let (by, at) = (by.to_owned(), self.clock.now());
            let answer = Answer { same: None, taken_back, by, at, ..said.clone() };
            writes.push(answer.write(scope)?);
        }
        writes.extend(aliases.writes(&stored, scope)?);
        let mut sources = 0;
        if !returned.is_empty() {
            let states = States::new(&self.stores, scope.clone());
            for source in self.load_sources().await? {
                let more = self.under_own_keys(&states, &source, &returned).await?;
                sources += usize::from(!more.is_empty());
                writes.extend(more);
            }
        }
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        Ok(Renamed { pairs: pairs.to_vec(), sources })
    }

    /// The writes by which a source says of whoever has a new key what it said of the former one's
    /// record because of it.
    async fn under_own_keys(
        &self,
        states: &States,
        source: &LoadedSource,
        returned: &[(Text, Text)],
    ) -> Result<Vec<Write>, PipelineError> {
        // To be read as a re-key the other way round: the record means the new key.
        let mut back = Aliases::default();
        let mut own = BTreeSet::new();
        for (record, new) in returned {
            let said = person(&source.published, &source.loaded, record)?;
            let theirs =
                |said: &Record| matches!(said, Record::Person(p) if p.sourced_id() == new.as_str());
            if said.is_some_and(|said| theirs(&said))
                && back.rekey(Kind::Person, new, record).is_ok()
            {
                own.insert(new.clone());
            }
        }
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let name = StateName::Source(source.name.clone());
        let own_key = |entry: Entry| {
            let mut entry = under_record_id(entry, &back);
            if let Record::Person(person) = &mut entry.record
                && own.contains(person.person().text())
            {
                person.sourced_id = None;
            }
            Some(entry)
        };
        self.rewritten(states, &name, source, own_key).await
    }
}

fn take_key_back(aliases: &mut Aliases, record: &Text, new: &Text) -> Result<(), PipelineError> {
    let is_later = |kind: Kind, key: &str, of: &Text| {
        kind == Kind::Person && of == record && key != new.as_str()
    };
    let later = aliases.iter().find(|(kind, key, of)| is_later(*kind, key, of));
    if let Some(later) = later.map(|(_, later, _)| later.to_owned()) {
        return Err(PipelineError::NotFound(format!(
            "the person who was {record} has the key {later} as well: take that one back first, or \
             say in the source who is who"
        )));
    }
    if !aliases.take_key_back(Kind::Person, new, record) {
        return Err(PipelineError::NotFound(format!("{new} is not the key of {record} any more")));
    }
    Ok(())
}
