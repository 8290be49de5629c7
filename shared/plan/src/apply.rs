//! What one change's outcome makes of the applied record: the one place that says so.

use jiff::{SignedDuration, Timestamp};
use roster::{Key, Kind, Person, Record, Status, Text};

use crate::fields;
use crate::{
    Action, Applied, Change, FieldSet, Meta, OnRemove, Ownership, Parked, Policy, Presence,
};

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The LMS did it.
    Done {
        /// The record's LMS id, where the answer told it.
        lms_id: Option<Text>,
        /// Whose the record is, where the answer settled it; [`Ownership::Found`] where it was
        /// there already and no rule makes it ours.
        ownership: Option<Ownership>,
    },
    /// The LMS refused it; its error code.
    Rejected {
        /// The code.
        code: Text,
    },
    /// It was sent and nobody knows, or it was taken and not yet confirmed.
    Unknown,
    /// It was not done and changes nothing: deferred, to be tried again, never sent.
    NotDone,
}

/// When, in which run and under which policy a change had its effect.
#[derive(Debug, Clone, Copy)]
pub struct Applying<'a> {
    /// The run.
    pub run: &'a Text,
    /// The time, from which a delayed delete counts.
    pub now: Timestamp,
    /// The policy that the plan was made with.
    pub policy: &'a Policy,
}

/// The applied record after `change` had `effect`. `None`: nothing is known of the record any
/// more.
///
/// | effect | what it makes of the record |
/// |---|---|
/// | done: create, adopt | present (suspended where wanted inactive), as `after` |
/// | done: update, rekey | as `after`; its presence stays |
/// | done: update to a temporary name | takes that name; doubt and refusal stay |
/// | done: restore | present, as `after` |
/// | done: suspend | suspended, with the status of `after`; nothing else changes. A delayed delete is set |
/// | done: remove | a person leaves a tombstone that holds the key and the marks alone; others are forgotten |
/// | rejected | parked by [`wanted_digest`]; what is there stays |
/// | unknown | in doubt; what is there stays |
/// | not done | nothing |
///
/// Passwords end here: the applied state holds none of them.
pub fn apply(
    applied: Option<Applied>,
    change: &Change,
    effect: &Effect,
    applying: &Applying<'_>,
) -> Option<Applied> {
    match effect {
        Effect::NotDone => applied,
        Effect::Done { lms_id, ownership } => {
            let mut applied = applied.unwrap_or_else(|| blank(change, applying.run));
            applied.meta.last_run = applying.run.clone();
            if lms_id.is_some() {
                applied.meta.lms_id.clone_from(lms_id);
            }
            if let Some(ownership) = ownership {
                applied.meta.ownership = *ownership;
            }
            done(applied, change, *ownership, applying)
        }
        Effect::Rejected { .. } | Effect::Unknown if change.temporary.is_some() => {
            let mut applied = applied?;
            // A refused temporary name needs no memory: what needed it is refused as well. One
            // without an answer may stand, so that the name must be asserted.
            applied.meta.in_doubt |= *effect == Effect::Unknown;
            Some(applied)
        }
        Effect::Rejected { code } => {
            let mut applied = applied.unwrap_or_else(|| blank(change, applying.run));
            let wanted = wanted_digest(change);
            let run = applying.run.clone();
            applied.meta.parked = Some(Parked { wanted, answer: code.clone(), run });
            applied.meta.in_doubt = false;
            Some(applied)
        }
        Effect::Unknown => {
            let mut applied = applied.unwrap_or_else(|| blank(change, applying.run));
            applied.meta.in_doubt = true;
            applied.meta.last_run = applying.run.clone();
            Some(applied)
        }
    }
}

/// Digest of what `change` asks for: a refusal stands while it is the same.
///
/// Passwords are left out, so that sealing one again is nothing new.
pub fn wanted_digest(change: &Change) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[change.action as u8]);
    if let Some(record) = change.after.as_ref().or(change.before.as_ref()) {
        hasher.update(&without_password(record.clone()).to_bytes());
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

/// Whether nobody can be in it yet: a course that we made, and not from a template.
fn is_made_empty(change: &Change, ownership: Option<Ownership>) -> bool {
    let found = matches!(ownership, Some(Ownership::Found | Ownership::Adopted));
    match &change.after {
        Some(Record::Course(course)) => {
            change.action == Action::Create && !found && course.template.is_none()
        }
        _ => false,
    }
}

fn done(
    mut applied: Applied,
    change: &Change,
    ownership: Option<Ownership>,
    applying: &Applying<'_>,
) -> Option<Applied> {
    let meta = &mut applied.meta;
    let after = change.after.as_ref();
    if change.temporary.is_some() {
        if let Some(after) = after {
            applied.record.overlay(after);
        }
        return Some(applied);
    }
    meta.parked = None;
    meta.in_doubt = false;
    match change.action {
        Action::Create | Action::Adopt => {
            if !matches!(meta.presence, Some(Presence::Present | Presence::Suspended)) {
                meta.first_run = applying.run.clone();
                meta.members_read = is_made_empty(change, ownership);
            }
            if ownership.is_none() {
                let adopt = change.action == Action::Adopt;
                meta.ownership = if adopt { Ownership::Adopted } else { Ownership::Created };
            }
            let inactive = after.and_then(fields::status) == Some(Status::Inactive);
            let put_aside = inactive && fields::can_be_inactive(change.kind());
            meta.presence = Some(if put_aside { Presence::Suspended } else { Presence::Present });
            meta.delete_after = None;
        }
        Action::Update | Action::Rekey => {}
        Action::Restore => {
            meta.presence = Some(Presence::Present);
            meta.delete_after = None;
        }
        Action::Suspend => {
            meta.presence = Some(Presence::Suspended);
            meta.delete_after = delete_after(change, applying);
            // The update that goes before it may be held, so that `after` says more than is done.
            if let Some(after) = after {
                fields::set_status(&mut applied.record, fields::status(after));
            }
            return Some(applied);
        }
        Action::Remove => return tombstone(applied, change),
    }
    if let Some(after) = after {
        applied.record = without_password(after.clone());
    }
    Some(applied)
}

/// When a record that is put aside now will be deleted: only where absence put it aside.
fn delete_after(change: &Change, applying: &Applying<'_>) -> Option<Timestamp> {
    match applying.policy.of(change.kind()).remove {
        OnRemove::DeleteAfter { days } if change.origin.is_none() => {
            let wait = SignedDuration::from_hours(24 * i64::from(days));
            applying.now.checked_add(wait).ok()
        }
        _ => None,
    }
}

/// What remains of a removed record: of a person the key and the marks, so that the person is
/// known when the key returns, and a stranger is noticed.
fn tombstone(mut applied: Applied, change: &Change) -> Option<Applied> {
    let Key::Person(key) = applied.record.key() else { return None };
    let mut person = Person::new(key.clone());
    person.marks = change.before.as_ref().and_then(fields::marks);
    applied.record = person.into();
    applied.meta.presence = Some(Presence::Removed);
    applied.meta.lms_id = None;
    applied.meta.delete_after = None;
    applied.meta.user_fields = FieldSet::default();
    Some(applied)
}

/// A record of which nothing is known yet.
fn blank(change: &Change, run: &Text) -> Applied {
    let record = match (&change.after, &change.before) {
        (Some(record), _) | (None, Some(record)) => without_password(record.clone()),
        (None, None) => unreachable!("a change without before and after"),
    };
    let meta = Meta {
        presence: None,
        ownership: Ownership::Created,
        lms_id: None,
        first_run: run.clone(),
        last_run: run.clone(),
        parked: None,
        in_doubt: false,
        members_read: false,
        delete_after: None,
        user_fields: FieldSet::default(),
    };
    Applied { record, meta }
}

fn without_password(mut record: Record) -> Record {
    if record.kind() == Kind::Person
        && let Record::Person(person) = &mut record
    {
        person.password = None;
    }
    record
}
