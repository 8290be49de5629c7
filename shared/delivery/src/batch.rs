//! One batch, from its object to its line in the ledger.

mod issue;
mod lines;

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Stopwatch, Timestamp};
use lms::{Applying, Attempt, Lms, LmsError, Outcome, Receipt, Survey, Work};
use plan::{Batch, Capabilities, Change, FieldPolicies, FieldSet};
use roster::{Key, Password, Person, Record, Text};
use store::state::Scope;
use store::state::credentials::{Issue, StoredIssue};
use store::state::lease::Lease;
use store::state::ledger::{self, Entry, Line, LineResult, Sight, StoredEntry};
use store::state::run::{ReceiptCounts, StoredRun};
use store::{Stores, Write};
use tracing::{info, warn};

use crate::{DeliveryError, Resolver};
pub use issue::{Handed, Issuing, SealPassword, hand_over, sealing_key};

use issue::Issued;
use lines::{add, count, is_begun, keep_begun, line_of, plain, sight_of, survey_of};

/// How a courier works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long a lease is taken for; it is renewed before every batch.
    pub lease: Duration,
    /// The longest that one request can take.
    pub request_timeout: Duration,
    /// What is known of whoever claimed a batch and left no outcome.
    pub predecessor: Predecessor,
}

/// What is known of a process that claimed a batch and left no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predecessor {
    /// It can still be at work until its lease has run out.
    MayLive,
    /// It is dead (it no longer holds the data folder's lock): it starts nothing any more, and
    /// only a request that it had under way can still have its effect.
    IsDead,
}

/// Opens a sealed password: the person's key, the sealed bytes.
pub type OpenPassword<'a> = dyn Fn(&str, &[u8]) -> Option<Text> + Send + Sync + 'a;

/// Delivers the batches of one run.
pub struct Courier<'a> {
    /// The store.
    pub stores: &'a Stores,
    /// Whose batches.
    pub scope: &'a Scope,
    /// The LMS.
    pub lms: Arc<dyn Lms>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens a sealed password of the person with this key, at the last moment. It is asked for the
    /// record's key, then for the one that the source uses now.
    pub open: Box<OpenPassword<'a>>,
    /// Makes the passwords that somebody hands over.
    pub issuing: Issuing<'a>,
    /// When which field is told.
    pub fields: &'a FieldPolicies,
    /// How it works.
    pub settings: Settings,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Delivered {
    /// What became of its changes.
    pub receipts: ReceiptCounts,
    /// What stopped it before its end: delivery cannot go on now.
    pub stopped: Option<LmsError>,
}

impl Courier<'_> {
    /// Delivers batch `number` of `run`, and records it in the ledger and in the run. A batch that
    /// is recorded already is left alone.
    ///
    /// # Errors
    /// The store's, a lost lease, a damaged plan. What the LMS says is never an error here.
    pub async fn deliver(
        &self,
        lease: &mut Lease,
        run: &mut StoredRun,
        number: u64,
        resolver: &mut Resolver,
    ) -> Result<Delivered, DeliveryError> {
        let time = Stopwatch::start(&*self.clock);
        let id = run.run.id.clone();
        let calls_before = self.lms.calls();
        let batch = load_batch(self.stores, self.scope, &id, number).await?;
        let changes = decode(&batch, &id, number)?;
        let found = ledger::load(self.stores, self.scope, &id, number).await?;
        if let Some(lines) = found.as_ref().and_then(|found| found.entry.lines.as_ref()) {
            changes.iter().zip(lines).for_each(|(change, line)| resolver.note(change, line));
            return Ok(Delivered { receipts: count(lines), stopped: None });
        }
        if let Some(claimed) = &found {
            self.wait_until(self.quiet_after(&claimed.entry)).await;
        }
        lease
            .renew(self.stores, self.scope, &*self.clock, self.settings.lease)
            .await
            .map_err(DeliveryError::under_lease)?;

        let mut prepared = Prepared::new(&changes, resolver).await?;
        prepared.ask(self.fields, self.lms.capabilities());
        prepared.open_passwords(&*self.open);
        let attempt = match &found {
            Some(claimed) => {
                prepared.recall(&claimed.entry.sights);
                Attempt::Again
            }
            None => match self.lms.survey(&prepared.work).await {
                Ok(surveys) => {
                    prepared.take_surveys(surveys);
                    Attempt::First
                }
                Err(stopped) => {
                    warn!(run = %id, batch = number, error = %stopped, "lms survey failed");
                    return Ok(Delivered {
                        receipts: ReceiptCounts::default(),
                        stopped: Some(stopped),
                    });
                }
            },
        };
        prepared.leave_what_is_theirs();
        let mut issued = self.issue(&id, number, attempt, &mut prepared).await?;
        let mut entry = self.claim((lease, &id, number), found, &prepared, &mut issued).await?;
        let sent = self.send(lease, &id, number, &mut entry, &prepared, attempt).await?;
        prepared.note_members_read(resolver);
        let lines = prepared.lines(sent.receipts);
        let receipts = count(&lines);
        changes.iter().zip(&lines).for_each(|(change, line)| resolver.note(change, line));
        let calls = self.lms.calls() - calls_before;
        entry.entry.calls += calls;
        entry.entry.lines = Some(lines);
        run.run.calls += calls;
        run.run.times.delivering += time.millis(&*self.clock);
        let also = match (&issued, &entry.entry.lines) {
            (Some(issued), Some(lines)) => issued.record(&prepared, lines)?,
            _ => Vec::new(),
        };
        self.record(lease, run, (number, &entry, receipts), also).await?;
        info!(run = %id, batch = number, applied = receipts.applied, rejected = receipts.rejected, "batch recorded");
        Ok(Delivered { receipts, stopped: sent.stopped })
    }

    /// Sends the work, under as many renewals of the lease as it takes: what there was no time
    /// for goes out in the next round. Ends early where the LMS stops it or a round sends nothing.
    ///
    /// What was begun goes on first, as after a crash: a part of it is there and is looked up, for
    /// made once more it would be in its own way.
    async fn send(
        &self,
        lease: &mut Lease,
        run: &str,
        number: u64,
        entry: &mut StoredEntry,
        prepared: &Prepared,
        attempt: Attempt,
    ) -> Result<Applying, DeliveryError> {
        let mut sent = self.lms.apply(&prepared.work, attempt, lease.until).await;
        loop {
            let is_left = |(_, receipt): &(usize, &Receipt)| receipt.outcome == Outcome::NotSent;
            let receipts = sent.receipts.iter().enumerate();
            let left: Vec<usize> = receipts.filter(is_left).map(|(at, _)| at).collect();
            if left.is_empty() || sent.stopped.as_ref().is_some_and(|error| !error.is_out_of_time())
            {
                return Ok(sent);
            }
            let renewed =
                lease.renew(self.stores, self.scope, &*self.clock, self.settings.lease).await;
            renewed.map_err(DeliveryError::under_lease)?;
            self.write_claim((lease, run, number), entry, None).await?;
            let (begun, untouched): (Vec<usize>, Vec<usize>) =
                left.into_iter().partition(|at| is_begun(&sent.receipts[*at]));
            let (left, attempt) = match begun.is_empty() {
                true => (untouched, attempt),
                false => (begun, Attempt::Again),
            };
            let work: Vec<Work> = left.iter().map(|at| prepared.work[*at].clone()).collect();
            let more = self.lms.apply(&work, attempt, lease.until).await;
            sent.stopped = more.stopped;
            let idle = more.receipts.iter().all(|receipt| receipt.outcome == Outcome::NotSent);
            for (at, receipt) in left.into_iter().zip(more.receipts) {
                let before = std::mem::replace(&mut sent.receipts[at], receipt);
                keep_begun(&mut sent.receipts[at], before);
            }
            if idle {
                return Ok(sent);
            }
        }
    }

    /// When nothing of an earlier claim can be under way any more.
    fn quiet_after(&self, claimed: &Entry) -> Timestamp {
        match self.settings.predecessor {
            Predecessor::MayLive => claimed.quiet_after,
            Predecessor::IsDead => {
                let now = self.clock.now();
                let ended = now.saturating_add(self.settings.request_timeout).unwrap_or(now);
                claimed.quiet_after.min(ended)
            }
        }
    }

    async fn wait_until(&self, time: Timestamp) {
        let left = Duration::try_from(time.duration_since(self.clock.now())).unwrap_or_default();
        if !left.is_zero() {
            info!(seconds = left.as_secs(), "waiting for requests of an interrupted run to end");
            self.clock.sleep(left).await;
        }
    }

    /// The passwords that the batch's new accounts are to have, where they are handed over: those
    /// that were decided when it was claimed first, else new ones.
    async fn issue(
        &self,
        run: &str,
        number: u64,
        attempt: Attempt,
        prepared: &mut Prepared,
    ) -> Result<Option<Issued>, DeliveryError> {
        if attempt == Attempt::Again {
            // Whatever the configuration says by now: they may have been sent.
            let stored = StoredIssue::load(self.stores, self.scope, run, number).await?;
            return Ok(stored.map(|stored| Issued::again(stored, prepared, &*self.open)));
        }
        if !prepared.makes_accounts_with_issued(&*self.lms) {
            return Ok(None);
        }
        let earlier = match prepared.has_doubts() {
            true => StoredIssue::all(self.stores, self.scope).await?,
            false => Vec::new(),
        };
        let now = self.clock.now();
        let none = Issue { at: now, expires: now, credentials: Vec::new() };
        let stored = StoredIssue::new(self.scope, run, number, none);
        let with = (&self.issuing, &*self.open);
        Issued::new((stored, now), earlier, prepared, &*self.lms, with)
    }

    async fn claim(
        &self,
        (lease, run, number): (&Lease, &str, u64),
        found: Option<StoredEntry>,
        prepared: &Prepared,
        issued: &mut Option<Issued>,
    ) -> Result<StoredEntry, DeliveryError> {
        let mut stored = found.unwrap_or_else(|| StoredEntry {
            entry: Entry {
                fence: 0,
                attempts: 0,
                quiet_after: Timestamp::MIN,
                sights: prepared.sights(),
                lines: None,
                calls: 0,
            },
            version: 0,
        });
        stored.entry.attempts += 1;
        let also = issued.as_ref().map(Issued::claim).transpose()?.flatten();
        self.write_claim((lease, run, number), &mut stored, also).await?;
        issued.iter_mut().for_each(Issued::claimed);
        Ok(stored)
    }

    /// Says under the lease that requests may start now.
    async fn write_claim(
        &self,
        (lease, run, number): (&Lease, &str, u64),
        stored: &mut StoredEntry,
        also: Option<Write>,
    ) -> Result<(), DeliveryError> {
        stored.entry.fence = lease.fence;
        stored.entry.quiet_after = lease.until;
        let mut writes = vec![lease.check(self.scope), stored.write(self.scope, run, number)?];
        writes.extend(also);
        self.stores.table.transact(writes).await.map_err(DeliveryError::under_lease)?;
        stored.version += 1;
        Ok(())
    }

    async fn record(
        &self,
        lease: &Lease,
        run: &mut StoredRun,
        (number, entry, receipts): (u64, &StoredEntry, ReceiptCounts),
        also: Vec<Write>,
    ) -> Result<(), DeliveryError> {
        run.run.delivered = run.run.delivered.max(number + 1);
        add(&mut run.run.receipts, receipts);
        let mut writes = vec![
            lease.check(self.scope),
            entry.write(self.scope, &run.run.id, number)?,
            run.write(self.scope)?,
        ];
        writes.extend(also);
        self.stores.table.transact(writes).await.map_err(DeliveryError::under_lease)?;
        run.saved();
        Ok(())
    }
}

/// A batch of a plan, from its object.
pub async fn load_batch(
    stores: &Stores,
    scope: &Scope,
    run: &str,
    batch: u64,
) -> Result<Batch, DeliveryError> {
    let wrong = |reason: String| DeliveryError::Plan { run: run.to_owned(), batch, reason };
    let key = scope.object("plans", &format!("{run}/batch-{batch:08}"));
    let bytes = stores.objects.get(&key).await?.ok_or_else(|| wrong("is missing".into()))?;
    Batch::from_bytes(&bytes).map_err(|error| wrong(format!("is damaged: {error}")))
}

fn decode(batch: &Batch, run: &str, number: u64) -> Result<Vec<Change>, DeliveryError> {
    let changes: Result<Vec<_>, _> = batch.changes.iter().collect();
    changes.map_err(|error| DeliveryError::Plan {
        run: run.to_owned(),
        batch: number,
        reason: format!("is damaged: {error}"),
    })
}

/// The changes of a batch that can be sent, and those that wait.
struct Prepared {
    work: Vec<Work>,
    /// For each change of the batch: its place in `work`, or what it waits for.
    places: Vec<Result<usize, Key>>,
}

impl Prepared {
    async fn new(changes: &[Change], resolver: &mut Resolver) -> Result<Self, DeliveryError> {
        let mut prepared = Self { work: Vec::with_capacity(changes.len()), places: Vec::new() };
        for change in changes {
            let place = match resolver.refs(change).await? {
                Err(missing) => Err(missing),
                Ok(refs) => {
                    let mut change = change.clone();
                    if change.lms_id.is_none()
                        && let crate::Known::Id(id) = resolver.find(change.key()).await?
                    {
                        change.lms_id = Some(id);
                    }
                    let members_read = match change.key() {
                        Key::Enrollment { course, .. } => resolver.members_read(course).await?,
                        _ => true,
                    };
                    let read_back = FieldSet::default();
                    let (survey, issued) = (Survey::NotNeeded, None);
                    let work = Work { change, refs, members_read, read_back, survey, issued };
                    prepared.work.push(work);
                    Ok(prepared.work.len() - 1)
                }
            };
            prepared.places.push(place);
        }
        Ok(prepared)
    }

    /// Notes which fields are to be read back: those that may have become somebody else's.
    fn ask(&mut self, fields: &FieldPolicies, capabilities: &Capabilities) {
        for work in &mut self.work {
            let asked = fields.to_read_back(&work.change);
            work.read_back = capabilities.shown(work.change.kind(), asked);
        }
    }

    /// Takes out of the changes what somebody has changed in the LMS.
    fn leave_what_is_theirs(&mut self) {
        for work in &mut self.work {
            if let Survey::Changed { fields } = work.survey {
                work.change.leave(fields);
            }
        }
    }

    /// Puts delivered passwords where the adapter finds them. Only the work in memory holds them.
    fn open_passwords(&mut self, open: &OpenPassword<'_>) {
        for work in &mut self.work {
            if let Some(Record::Person(person)) = &mut work.change.after
                && let Some(Password::Sealed(sealed)) = &person.password
            {
                let plain = opened(person, sealed, open);
                person.password = Some(plain.map_or(Password::Generated, Password::Delivered));
            }
        }
    }

    /// Whether it makes an account whose password is handed over.
    fn makes_accounts_with_issued(&self, lms: &dyn Lms) -> bool {
        self.work.iter().any(|work| match &work.change.after {
            Some(Record::Person(person)) if work.change.action == plan::Action::Create => {
                lms.takes_issued(person)
            }
            _ => false,
        })
    }

    /// Whether something in it was sent before and never answered.
    fn has_doubts(&self) -> bool {
        self.work.iter().any(|work| work.change.cause == plan::Cause::InDoubt)
    }

    fn take_surveys(&mut self, surveys: Vec<Survey>) {
        debug_assert_eq!(surveys.len(), self.work.len(), "one survey for each piece of work");
        self.work.iter_mut().zip(surveys).for_each(|(work, survey)| work.survey = survey);
    }

    /// What each change's survey saw, in the order of the batch.
    fn sights(&self) -> Vec<Sight> {
        let sight = |place: &Result<usize, Key>| match place {
            Ok(at) => sight_of(&self.work[*at].survey),
            Err(_) => Sight::NotNeeded,
        };
        self.places.iter().map(sight).collect()
    }

    /// Takes back what the survey of an earlier claim saw.
    fn recall(&mut self, sights: &[Sight]) {
        for (place, sight) in self.places.iter().zip(sights) {
            if let Ok(at) = place {
                self.work[*at].survey = survey_of(sight);
            }
        }
    }

    fn note_members_read(&self, resolver: &mut Resolver) {
        for work in self.work.iter().filter(|work| work.survey != Survey::NotNeeded) {
            if let Key::Enrollment { course, .. } = work.key() {
                resolver.set_members_read(course);
            }
        }
    }

    fn lines(&self, receipts: Vec<Receipt>) -> Vec<Line> {
        let mut receipts: Vec<Option<Receipt>> = receipts.into_iter().map(Some).collect();
        let line = |place: &Result<usize, Key>| match place {
            Err(missing) => plain(LineResult::Deferred(Text::from(missing.to_string()))),
            Ok(at) => match receipts.get_mut(*at).and_then(Option::take) {
                Some(receipt) => {
                    let mut line = line_of(receipt);
                    if let (Survey::Changed { fields }, None) =
                        (&self.work[*at].survey, &line.remark)
                    {
                        let names = fields.names(self.work[*at].change.kind()).join(", ");
                        line.remark = Some(Text::from(format!("left to its user: {names}")));
                    }
                    line
                }
                // An adapter that loses count leaves doubt, never a false "done".
                None => plain(LineResult::Unknown),
            },
        };
        self.places.iter().map(line).collect()
    }
}

/// A password in clear. It was sealed under the key that the source used when it was read, which is
/// another one than the record's where the person was re-keyed.
fn opened(person: &Person, sealed: &[u8], open: &OpenPassword<'_>) -> Option<Text> {
    open(person.person().as_str(), sealed).or_else(|| open(person.sourced_id(), sealed))
}

#[cfg(test)]
mod tests {
    use roster::PersonKey;

    use super::*;

    #[test]
    fn a_password_opens_for_either_key_of_its_person() {
        let open =
            |key: &str, sealed: &[u8]| (key.as_bytes() == sealed).then(|| Text::from("Geheim!23"));
        let mut person = Person::new(PersonKey::new("first"));
        let mut check = |sealed: &str, opens: bool| {
            assert_eq!(opened(&person, sealed.as_bytes(), &open).is_some(), opens, "{sealed}");
            person.sourced_id = Some("now".into());
        };
        check("first", true);
        check("now", true);
        check("first", true);
        check("other", false);
    }
}
