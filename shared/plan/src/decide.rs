//! The truth table: what to do with one record, from what the LMS holds and what is wanted.
//!
//! The LMS holds (`presence`, for records that are ours):
//!
//! | wanted | never there, or removed | present | suspended |
//! |---|---|---|---|
//! | active | create | update or rekey where it differs | restore |
//! | inactive (person, course, enrollment) | create, inactive | update where it differs, then suspend | update where it differs |
//! | not, absence counts, policy `ignore` | - | - | - |
//! | not, absence counts, policy `suspend` | - | suspend | - |
//! | not, absence counts, policy `delete` | - | remove | remove |
//! | not, absence counts, policy `delete_after` | - | suspend | remove once it is due |
//! | not, absence deletes | - | remove | remove |
//! | not, absence does not count | - | - | - |
//!
//! - A record that is **found** (there before us, not adopted) is never touched, whatever is
//!   wanted.
//! - A record **in doubt** gets the same action with [`Cause::InDoubt`], and where the table says
//!   nothing an assertion of what it should be: an update of a wanted one; of one that is gone the
//!   suspension or removal that policy asks for, also where it may never have been there.
//! - A change that the LMS has refused (**parked**) is left out while it is the same to the byte,
//!   unless [`Refused::TryAgain`]; doubt comes first.
//! - Where policy has `restore = false`, what is put aside stays so and nothing of it is changed; a
//!   finding says so.
//! - A status that is not known is neither active nor inactive: what the source made inactive
//!   stays so, what absence put aside comes back.
//! - A person who is not the one whom the account was made for (module `identity`) gets the same
//!   changes, and all of them are held.
//! - `suspend` tells the LMS nothing but that: where a record is wanted inactive and differs, an
//!   update goes before it.
//! - A person who is gone and whose re-key was taken back gets the own key back first.
//! - A field that policy tells at creation only, or until somebody changes it in the LMS and
//!   somebody did, is no difference any more.
//! - `rekey` and `restore` carry every other difference as well. Only the status and the key in
//!   use are taken over where policy forbids updates.

use jiff::Timestamp;
use roster::{Marks, Record, Status};

use crate::fields::{self, Masks};
use crate::join::{Pair, Wanted};
use crate::{
    Action, Applied, Capabilities, Cause, Change, Meta, OnRemove, Ownership, Policy, Presence,
    apply::wanted_digest, identity::Identity,
};

/// What becomes of changes that the LMS has refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refused {
    /// They wait until something else is wanted.
    #[default]
    Wait,
    /// They are planned again: on the sweep.
    TryAgain,
}

/// Whether a record that its source does not mention is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It is.
    Removes,
    /// It is, and nothing of it is to stay: it is deleted, whatever policy says (a person who is
    /// to be forgotten).
    Deletes,
    /// The source does not speak for it: outside the scope of a full export.
    SaysNothing,
}

/// What decisions go by.
pub(crate) struct Rules<'a> {
    pub policy: &'a Policy,
    pub capabilities: &'a Capabilities,
    pub masks: Masks,
    pub now: Timestamp,
    pub refused: Refused,
    /// Why there are differences: the source, or drift of the LMS.
    pub because: Cause,
    /// What tells one person from another, where that is looked at.
    pub identity: Option<Identity<'a>>,
}

/// Whether a change that takes away counts against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Somebody loses something now.
    Counts,
    /// It was counted when it was put aside, or is asserted once more.
    Counted,
}

/// What is to be done with one record: nothing, one change, or an update and a suspension.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    pub changes: [Option<(Change, Counting)>; 2],
    /// How many changes were left out because the LMS has refused them.
    pub parked: u64,
    /// A password was left out because it was not sealed.
    pub open_password: bool,
    /// It is wanted again and stays put aside, because policy restores nothing of its kind.
    pub stays_aside: bool,
    /// The person is not the one whom the account was made for, as far as one can tell.
    pub stranger: bool,
}

impl Decision {
    /// Adds `change`, unless the LMS has refused just that.
    fn add(&mut self, rules: &Rules<'_>, meta: Option<&Meta>, change: Change, counting: Counting) {
        let parked = meta.and_then(|meta| meta.parked.as_ref());
        let same = parked.is_some_and(|parked| parked.wanted == wanted_digest(&change));
        if same && change.cause != Cause::InDoubt && rules.refused == Refused::Wait {
            self.parked += 1;
            return;
        }
        let cause = if same && change.cause == rules.because { Cause::Retry } else { change.cause };
        let slot = usize::from(self.changes[0].is_some());
        self.changes[slot] = Some((Change { cause, ..change }, counting));
    }
}

/// Decides.
pub(crate) fn decide(rules: &Rules<'_>, mut pair: Pair, absence: Absence) -> Decision {
    let stranger = match (&pair.applied, &mut pair.wanted, &rules.identity) {
        (Some(applied), Some(wanted), Some(identity)) => {
            let stranger = identity.is_stranger(applied, wanted);
            // Once somebody says that it is the same person, all that is known says so.
            if let (true, Record::Person(person)) = (stranger, &mut wanted.record) {
                person.marks = Some(identity.marks(person));
            }
            stranger
        }
        _ => false,
    };
    Decision { stranger, ..decide_one(rules, pair, absence) }
}

fn decide_one(rules: &Rules<'_>, pair: Pair, absence: Absence) -> Decision {
    match (pair.applied, pair.wanted) {
        (None, None) => Decision::default(),
        (None, Some(wanted)) => create(rules, None, wanted),
        (Some(applied), None) => match absence {
            Absence::Removes => {
                let policy = rules.policy.of(applied.record.kind()).remove;
                gone(rules, applied, policy)
            }
            Absence::Deletes => gone(rules, applied, OnRemove::Delete),
            Absence::SaysNothing => Decision::default(),
        },
        (Some(applied), Some(wanted)) => match applied.meta.presence {
            None | Some(Presence::Removed) => create(rules, Some(applied.meta), wanted),
            Some(_) if applied.meta.ownership == Ownership::Found => Decision::default(),
            Some(presence) => keep(rules, applied, presence, wanted),
        },
    }
}

fn cause(rules: &Rules<'_>, meta: Option<&Meta>) -> Cause {
    if meta.is_some_and(|meta| meta.in_doubt) { Cause::InDoubt } else { rules.because }
}

fn create(rules: &Rules<'_>, meta: Option<Meta>, wanted: Wanted) -> Decision {
    let mut decision = Decision::default();
    if !rules.policy.of(wanted.record.kind()).create {
        return decision;
    }
    let mut after = wanted.record;
    rules.masks.apply(&mut after);
    decision.open_password = fields::drop_open_password(&mut after);
    let change = Change {
        action: Action::Create,
        before: None,
        after: Some(after),
        cause: cause(rules, meta.as_ref()),
        origin: Some(wanted.origin),
        lms_id: None,
        temporary: None,
    };
    decision.add(rules, meta.as_ref(), change, Counting::Counted);
    decision
}

/// Keeps in step what is there and wanted.
fn keep(rules: &Rules<'_>, applied: Applied, presence: Presence, mut wanted: Wanted) -> Decision {
    let mut decision = Decision::default();
    let Applied { record, meta } = applied;
    let marks = marks_to_keep(&record, &mut wanted.record);
    let inactive = is_inactive(&record, &wanted.record);
    let settled = inactive == (presence == Presence::Suspended);
    if settled && !meta.in_doubt && record.satisfies(&wanted.record) {
        return decision;
    }
    let policy = rules.policy.of(record.kind());
    if presence == Presence::Suspended && !inactive && !policy.restore {
        return stay_aside(rules, record, meta);
    }
    leave_fields(rules, &meta, &mut wanted.record);
    let mut merged = merged(rules, &record, wanted.record, policy.update);
    fields::set_marks(&mut merged, marks);
    let steady = if fields::sourced_id(&merged) == fields::sourced_id(&record) {
        Action::Update
    } else {
        Action::Rekey
    };
    let cause = cause(rules, Some(&meta));
    let change = |action, before: &Record, after: Record| Change {
        action,
        before: Some(before.clone()),
        after: Some(after),
        cause,
        origin: Some(wanted.origin),
        lms_id: meta.lms_id.clone(),
        temporary: None,
    };
    match (presence, inactive) {
        (Presence::Present, true) => {
            let mut active = merged.clone();
            fields::set_status(&mut active, fields::status(&record));
            if active != record {
                let first = change(steady, &record, active.clone());
                decision.add(rules, Some(&meta), first, Counting::Counted);
            }
            if policy.update {
                let second = change(Action::Suspend, &active, merged);
                decision.add(rules, Some(&meta), second, Counting::Counts);
            }
        }
        (Presence::Suspended, false) => {
            let restore = change(Action::Restore, &record, merged);
            decision.add(rules, Some(&meta), restore, Counting::Counted);
        }
        _ if merged != record || meta.in_doubt => {
            let update = change(steady, &record, merged);
            decision.add(rules, Some(&meta), update, Counting::Counted);
        }
        _ => {}
    }
    decision
}

/// Leaves a record put aside that is wanted again: policy restores none of its kind.
fn stay_aside(rules: &Rules<'_>, record: Record, meta: Meta) -> Decision {
    let mut decision = Decision { stays_aside: true, ..Decision::default() };
    if meta.in_doubt {
        let again = Change {
            action: Action::Suspend,
            after: Some(record.clone()),
            before: Some(record),
            cause: Cause::InDoubt,
            origin: None,
            lms_id: meta.lms_id.clone(),
            temporary: None,
        };
        decision.add(rules, Some(&meta), again, Counting::Counted);
    }
    decision
}

/// Forgets what is told at creation only, and what is its user's by now.
fn leave_fields(rules: &Rules<'_>, meta: &Meta, wanted: &mut Record) {
    let fields = &rules.policy.fields;
    if fields.is_empty() {
        return;
    }
    let kind = wanted.kind();
    let until_changed = fields.until_changed(kind);
    let shown = rules.capabilities.shown(kind, until_changed);
    let on_create = fields.on_create(kind);
    wanted.retain(|spec| {
        let unseen = until_changed.has(spec) && !shown.has(spec);
        let theirs = until_changed.has(spec) && meta.user_fields.has(spec);
        !on_create.has(spec) && !unseen && !theirs
    });
}

/// What the person is to be known by from now on. Marks that the record lacks are no difference
/// of their own: they are noted with the next change.
fn marks_to_keep(record: &Record, wanted: &mut Record) -> Option<Marks> {
    let (held, new) = (fields::marks(record), fields::marks(wanted));
    let differ = held.zip(new).is_some_and(|(held, new)| held.contradicts(&new));
    let known = held.is_some_and(|held| held.given.is_some());
    let first = new.is_some_and(|new| new.given.is_some()) && !known;
    let both = match (held, new) {
        (Some(held), Some(new)) => Some(held.over(new)),
        (held, new) => held.or(new),
    };
    fields::set_marks(wanted, both.filter(|_| differ || first));
    both
}

/// The record as it should be: what is there, and over it what is wanted and may be told.
fn merged(rules: &Rules<'_>, record: &Record, mut wanted: Record, update: bool) -> Record {
    rules.masks.apply(&mut wanted);
    fields::drop_creation_only(&mut wanted);
    fields::drop_same_sourced_id(&mut wanted, record);
    if let Record::Course(course) = &mut wanted
        && !rules.capabilities.renames_courses
    {
        course.short_name = None;
    }
    let mut merged = record.clone();
    if update {
        merged.overlay(&wanted);
        return merged;
    }
    if fields::can_be_inactive(wanted.kind()) && fields::status(&wanted) == Some(Status::Active) {
        fields::set_status(&mut merged, Some(Status::Active));
    }
    fields::copy_sourced_id(&mut merged, &wanted);
    merged
}

/// Whether the record is to be there and take no part.
fn is_inactive(record: &Record, wanted: &Record) -> bool {
    fields::can_be_inactive(record.kind())
        && fields::status(wanted).or(fields::status(record)) == Some(Status::Inactive)
}

/// Gives the account of somebody who is gone its own key back, where what made it another's was
/// taken back: that key is to be somebody else's.
fn own_key_first(
    rules: &Rules<'_>,
    decision: &mut Decision,
    record: Record,
    meta: &Meta,
) -> Record {
    let Record::Person(person) = &record else { return record };
    let id = person.person().text();
    let goes_back = rules.identity.is_some_and(|identity| identity.returned.contains(id));
    let there = matches!(meta.presence, Some(Presence::Present | Presence::Suspended));
    if !there || !goes_back || person.sourced_id() == id.as_str() {
        return record;
    }
    let mut after = person.clone();
    after.sourced_id = Some(id.clone());
    let after = Record::Person(after);
    let change = Change {
        action: Action::Rekey,
        before: Some(record),
        after: Some(after.clone()),
        cause: cause(rules, Some(meta)),
        origin: None,
        lms_id: meta.lms_id.clone(),
        temporary: None,
    };
    decision.add(rules, Some(meta), change, Counting::Counted);
    after
}

/// Takes away what its source no longer has.
fn gone(rules: &Rules<'_>, applied: Applied, policy: OnRemove) -> Decision {
    let mut decision = Decision::default();
    let Applied { record, meta } = applied;
    if meta.presence.is_some() && meta.ownership == Ownership::Found {
        return decision;
    }
    let there = matches!(meta.presence, Some(Presence::Present | Presence::Suspended));
    if !there && !meta.in_doubt {
        return decision;
    }
    if policy == OnRemove::Ignore {
        own_key_first(rules, &mut decision, record, &meta);
        return decision;
    }
    let record = own_key_first(rules, &mut decision, record, &meta);
    let suspended = meta.presence == Some(Presence::Suspended);
    let due = meta.delete_after.is_some_and(|due| due <= rules.now);
    let waits = meta.delete_after.is_some() && !due;
    let (action, counting) = match policy {
        OnRemove::Ignore => return decision,
        OnRemove::Delete => (Action::Remove, Counting::Counts),
        OnRemove::DeleteAfter { .. } if suspended && due => (Action::Remove, Counting::Counted),
        // Said once more it starts the time, for a record that its source had made inactive.
        OnRemove::DeleteAfter { .. } if suspended && !waits => (Action::Suspend, Counting::Counted),
        _ if suspended && !meta.in_doubt => return decision,
        _ if suspended => (Action::Suspend, Counting::Counted),
        _ => (Action::Suspend, Counting::Counts),
    };
    let mut before = record.clone();
    if let (Action::Remove, Some(identity), Record::Person(person)) =
        (action, &rules.identity, &mut before)
    {
        // What remains of the person is the key and this.
        person.marks = Some(identity.marks(person));
    }
    let change = Change {
        action,
        after: (action == Action::Suspend).then_some(record),
        before: Some(before),
        cause: cause(rules, Some(&meta)),
        origin: None,
        lms_id: meta.lms_id.clone(),
        temporary: None,
    };
    decision.add(rules, Some(&meta), change, counting);
    decision
}
