//! Forgetting a person: `rollcall forget`.
//!
//! First a tombstone is set for every key that the person had, so that no export brings them back,
//! and an item that says whom. Then they are erased from source states and applied state with all
//! kept generations, from the identity map, the history, plans (the change stays in its place with
//! nothing in it, and the plan keeps its checksum), the ledger, findings, reports and uploads. The
//! item goes last: whoever dies in between is taken up by the next sweep.
//!
//! Where the LMS is to be rid of the account too, the source states go first and the rest waits:
//! the next run plans the removal, through limits and approval as any other, and the sweep erases
//! what is left once it is done.
//!
//! **Never:** without being asked nothing is removed from the LMS, and nothing here names anybody
//! in an error, a log or the audit trail.

mod objects;
mod redact;

use std::collections::BTreeSet;

use ambient::Timestamp;
use plan::{Ownership, Presence};
use roster::{Key, Kind, PersonKey, Severity, Snapshot, Text};
use store::state::audit;
use store::state::forget::{self, Erased, Forgetting, Forgotten, Marks};
use store::state::identity::Aliases;
use store::state::index::Term;
use store::state::lease::Lease;
use store::state::meta::decode_applied;
use store::state::run::OpenRuns;
use store::state::{StateName, States};
use tracing::info;

use crate::drive::lease_lost;
use crate::{Pipeline, PipelineError};
use redact::Redactor;

/// What happens to the account in the LMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// It stays as it is; Rollcall does not know it any more.
    Leave,
    /// Its removal is planned.
    Remove,
}

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Records in states, generations and entries of the history.
    pub states: Erased,
    /// Changes in plans that hold nothing any more.
    pub changes: u64,
    /// Findings.
    pub findings: u64,
    /// Items of the table in which the person was named.
    pub items: u64,
    /// Reports and uploads that were deleted.
    pub objects: u64,
}

/// What asking to forget somebody came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgot {
    /// The person's mark: what the audit trail and the tombstones know them by.
    pub mark: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// What was erased; `None` where something has to come first.
    pub erasure: Option<Erasure>,
}

impl Pipeline {
    /// Forgets the person that `query` names: by key, user name, address or LMS id.
    ///
    /// # Errors
    /// [`PipelineError::NotFound`] where nobody, something else or more than one is meant.
    pub async fn forget(
        &self,
        query: &str,
        by: &str,
        account: Account,
    ) -> Result<Forgot, PipelineError> {
        let mut lease = self.take_lease().await?;
        let forgot = self.forget_under(&mut lease, query, by, account).await;
        self.give_back(lease, forgot).await
    }

    async fn forget_under(
        &self,
        lease: &mut Lease,
        query: &str,
        by: &str,
        account: Account,
    ) -> Result<Forgot, PipelineError> {
        let scope = &self.integration.scope;
        // What an earlier run left must be finished while its plans still say what they said.
        let recovered = self.recover(lease).await?;
        let person = self.person_meant(query).await?;
        let marks = Marks::make(&self.stores, scope, &*self.random).await?;
        let now = self.clock.now();
        let mut who = Forgetting {
            mark: marks.of(person.as_str()),
            keys: self.keys_of(&person).await?,
            words: BTreeSet::new(),
            lms: account == Account::Remove,
            began: now,
        };
        // Whoever asked before may have died half-way: what was known of the person then is gone
        // in part, and stands in what they left.
        let begun = Forgetting::under_way(&self.stores, scope).await?;
        for earlier in begun.into_iter().filter(|earlier| earlier.mark == who.mark) {
            who.keys.extend(earlier.keys);
            who.words.extend(earlier.words);
            who.lms |= earlier.lms;
            who.began = who.began.min(earlier.began);
        }
        for name in States::new(&self.stores, scope.clone()).names().await? {
            who.words.extend(forget::words(&self.stores, scope, &name, &who).await?);
        }
        let mut entry = audit::Entry::new(now, by, "forgot").about(&who.mark);
        if who.lms {
            entry = entry.note("the account in the LMS is to be removed too");
        }
        let mut writes = vec![lease.check(scope), audit::write(scope, &entry)?];
        writes.extend(who.begin(scope, &marks)?);
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        if who.lms {
            for name in States::new(&self.stores, scope.clone()).names().await? {
                if matches!(name, StateName::Source(_)) {
                    self.hold_on(lease).await?;
                    forget::erase(&self.stores, scope, &name, &who, &lease.check(scope)).await?;
                }
            }
        }
        let erasure = match recovered.blocked {
            Some(_) => None,
            None => self.erase_where_due(lease, &who).await?,
        };
        Ok(Forgot { mark: who.mark, at: now, erasure })
    }

    /// Goes on with whoever is being forgotten, and where nothing has to come first, erases them.
    /// Returns the marks of those who are. The lease is asked for until `until`.
    pub async fn finish_forgetting(
        &self,
        until: Timestamp,
    ) -> Result<Vec<(String, Erasure)>, PipelineError> {
        let scope = &self.integration.scope;
        if Forgetting::under_way(&self.stores, scope).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut lease = self.lease_by(until).await?;
        let finished = async {
            let mut finished = Vec::new();
            for who in Forgetting::under_way(&self.stores, scope).await? {
                if let Some(erasure) = self.erase_where_due(&mut lease, &who).await? {
                    finished.push((who.mark, erasure));
                }
            }
            Ok(finished)
        };
        let finished = finished.await;
        self.give_back(lease, finished).await
    }

    /// Takes the tombstones of a forgotten person away: the next export brings them back. `person`
    /// is the key, since nothing else of them is known. Whether they were forgotten.
    pub async fn lift(&self, person: &str, by: &str) -> Result<Option<String>, PipelineError> {
        let scope = &self.integration.scope;
        let lease = self.take_lease().await?;
        let lifted = async {
            let person = person.strip_prefix("person:").unwrap_or(person);
            let Some(marks) = Marks::load(&self.stores, scope).await? else { return Ok(None) };
            let mark = marks.of(person);
            let entry = audit::Entry::new(self.clock.now(), by, "lifted").about(mark);
            let with = vec![lease.check(scope), audit::write(scope, &entry)?];
            Ok(forget::lift(&self.stores, scope, person, with).await?)
        };
        let lifted = lifted.await;
        self.give_back(lease, lifted).await
    }

    /// The one person whom `query` names.
    async fn person_meant(&self, query: &str) -> Result<PersonKey, PipelineError> {
        let aliases = Aliases::load(&self.stores, &self.integration.scope).await?;
        let mut looks = self.looks().await?;
        let mut whom = self.matched_persons(&looks).await?;
        if let Some(key) = query.strip_prefix("person:") {
            let key = PersonKey::from(aliases.record_id(Kind::Person, key));
            return whom.person(&mut looks, &key).await;
        }
        let mut persons = BTreeSet::new();
        for meant in looks.meant(query, &aliases).await? {
            if let Key::Person(person) = meant {
                persons.insert(whom.person(&mut looks, &person).await?);
            }
        }
        let mut persons = persons.into_iter();
        let first = persons.next().ok_or_else(|| {
            PipelineError::NotFound(
                "nobody is called so; `person:KEY` forgets a key of which nothing is known".into(),
            )
        })?;
        match persons.count() {
            0 => Ok(first),
            more => Err(PipelineError::NotFound(format!(
                "{} persons are called so: name one as `person:KEY`",
                more + 1
            ))),
        }
    }

    /// Every key that means the person.
    async fn keys_of(&self, person: &PersonKey) -> Result<BTreeSet<String>, PipelineError> {
        let aliases = Aliases::load(&self.stores, &self.integration.scope).await?;
        let others = aliases.iter().filter(|(kind, _, record)| {
            *kind == Kind::Person && record.as_str() == person.as_str()
        });
        let others = others.map(|(_, key, _)| key.to_owned());
        let mut looks = self.looks().await?;
        let mut whom = self.matched_persons(&looks).await?;
        let matched = whom.own_keys(&mut looks, person).await?;
        let matched = matched.into_iter().map(|(_, own)| own.as_str().to_owned());
        Ok(others.chain(matched).chain([person.as_str().to_owned()]).collect())
    }

    /// Erases a person of whom nothing is needed any more; `None` where a run is open, or the LMS
    /// is yet to be rid of the account.
    async fn erase_where_due(
        &self,
        lease: &mut Lease,
        who: &Forgetting,
    ) -> Result<Option<Erasure>, PipelineError> {
        let scope = &self.integration.scope;
        let open = OpenRuns::load(&self.stores, scope).await?;
        if !open.ids.is_empty() || (who.lms && self.is_in_lms(who).await?) {
            return Ok(None);
        }
        let mut erasure = Erasure::default();
        let redactor = Redactor::new(who);
        self.redact_plans(lease, who, &redactor, &mut erasure).await?;
        self.redact_reports(lease, &redactor, &mut erasure).await?;
        self.delete_uploads(&redactor, &mut erasure).await?;
        for name in States::new(&self.stores, scope.clone()).names().await? {
            self.hold_on(lease).await?;
            let check = lease.check(scope);
            erasure.states += forget::erase(&self.stores, scope, &name, who, &check).await?;
        }
        erasure.items += self.forget_credentials(lease, &who.keys).await?;
        self.redact_items(lease, &redactor, &mut erasure).await?;
        let mut writes = who.end(scope, self.clock.now());
        writes.push(lease.check(scope));
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        info!(mark = %who.mark, "a person was forgotten");
        Ok(Some(erasure))
    }

    /// Whether the LMS still has anything of the person that is ours to take away.
    async fn is_in_lms(&self, who: &Forgetting) -> Result<bool, PipelineError> {
        let mut looks = self.looks().await?;
        let mut there = false;
        let mut look = |packed: roster::PackedRecord<'_>| {
            if who.names(&packed.key()?) {
                let meta = decode_applied(packed)?.meta;
                let present =
                    matches!(meta.presence, Some(Presence::Present | Presence::Suspended));
                there |= meta.ownership != Ownership::Found && (present || meta.in_doubt);
            }
            Ok(())
        };
        for key in &who.keys {
            let person = Key::Person(PersonKey::new(key));
            looks.applied_mut().look_at(&person, &mut look).await?;
            looks.applied_mut().look_for(Term::Names(key), &mut look).await?;
        }
        Ok(there)
    }
}

/// The export without those who are forgotten, a note in their place.
pub(crate) fn without_forgotten(
    snapshot: Snapshot,
    forgotten: &Forgotten,
) -> Result<Snapshot, PipelineError> {
    if forgotten.is_empty() {
        return Ok(snapshot);
    }
    let mut notes = Vec::new();
    let mut mapped = snapshot
        .map(
            |entry| {
                let key = entry.record.key();
                if !forgotten.names(key) {
                    return Some(entry);
                }
                if key.kind() == Kind::Person {
                    notes.push(roster::Finding {
                        severity: Severity::Note,
                        code: "forgotten",
                        message: "a person who is forgotten was left out, with all that names \
                                  them; `rollcall forget person:KEY --lift` takes them in again"
                            .into(),
                        origin: entry.origin,
                        key: None,
                    });
                }
                None
            },
            |removal| (!forgotten.names(&removal.key)).then_some(removal),
        )
        .map_err(|error| PipelineError::damaged("the export in memory", &error))?;
    let found = std::mem::take(mapped.findings_mut());
    *mapped.findings_mut() = findings_without(found, forgotten);
    notes.into_iter().for_each(|note| mapped.findings_mut().push(note));
    Ok(mapped)
}

/// Findings that name nobody who is forgotten; their counts stay.
fn findings_without(findings: roster::Findings, forgotten: &Forgotten) -> roster::Findings {
    let says = |text: &str| {
        let words = text.split(|c: char| c.is_whitespace() || "`:/,;()\"".contains(c));
        words.filter(|word| !word.is_empty()).any(|word| forgotten.has(word))
    };
    let named = |finding: &roster::Finding| {
        says(&finding.message) || finding.key.as_ref().is_some_and(|key: &Text| says(key))
    };
    let kept = findings.kept().iter().filter(|finding| !named(finding)).cloned().collect();
    roster::Findings::restore(kept, findings.counts().collect::<Vec<_>>())
}
