//! Which fields count: what the target can be told, and what is told at creation only.

use roster::{Kind, Marks, Password, Record, Status};

use crate::{Capabilities, KindSupport};

/// The fields of each kind that a plan may carry, as bits by field number.
#[derive(Debug, Clone)]
pub(crate) struct Masks([u64; 9]);

impl Masks {
    /// What `capabilities` names, and what the plan itself works with: the key that the source
    /// uses now, whether a record takes part, how a person gets a
    /// password, and what a person is known by.
    pub(crate) fn new(capabilities: &Capabilities) -> Self {
        Self(Kind::ALL.map(|kind| {
            match capabilities.support(kind) {
                KindSupport::Unsupported { .. } => 0,
                KindSupport::Full { fields } => Record::specs(kind)
                    .iter()
                    .filter(|spec| {
                        fields.contains(&spec.name)
                            || spec.name == "sourced_id"
                            || (spec.name == "status" && can_be_inactive(kind))
                            || spec.name == "password"
                            || spec.name == "marks"
                    })
                    .fold(0, |mask, spec| mask | 1 << spec.number),
            }
        }))
    }

    /// Forgets what the target cannot be told.
    pub(crate) fn apply(&self, record: &mut Record) {
        let mask = self.0[record.kind() as usize - 1];
        record.retain(|spec| mask & (1 << spec.number) != 0);
    }
}

/// Forgets what is told at creation only: a password, and the course to copy content from.
pub(crate) fn drop_creation_only(record: &mut Record) {
    match record {
        Record::Person(person) => person.password = None,
        Record::Course(course) => course.template = None,
        _ => {}
    }
}

/// Forgets a password that anybody could read: plans carry sealed ones only. Says whether there
/// was one.
pub(crate) fn drop_open_password(record: &mut Record) -> bool {
    let Record::Person(person) = record else { return false };
    let open = matches!(
        person.password,
        Some(Password::Delivered(_) | Password::Hashed { .. } | Password::Digest(_))
    );
    if open {
        person.password = None;
    }
    open
}

/// Whether an inactive record of `kind` is one that the LMS holds suspended or hidden. For other
/// kinds the status is a field like any other.
pub(crate) fn can_be_inactive(kind: Kind) -> bool {
    matches!(kind, Kind::Person | Kind::Course | Kind::Enrollment)
}

/// The status of a record whose kind [`can_be_inactive`].
pub(crate) fn status(record: &Record) -> Option<Status> {
    match record {
        Record::Person(person) => person.status,
        Record::Course(course) => course.status,
        Record::Enrollment(enrollment) => enrollment.status,
        _ => None,
    }
}

/// Sets the status of a record whose kind [`can_be_inactive`].
pub(crate) fn set_status(record: &mut Record, status: Option<Status>) {
    match record {
        Record::Person(person) => person.status = status,
        Record::Course(course) => course.status = status,
        Record::Enrollment(enrollment) => enrollment.status = status,
        _ => {}
    }
}

/// The key that the source uses now, for kinds that can be re-keyed.
pub(crate) fn sourced_id(record: &Record) -> Option<&str> {
    match record {
        Record::Person(person) => Some(person.sourced_id()),
        Record::Course(course) => Some(course.sourced_id()),
        _ => None,
    }
}

/// Takes over the key that the source uses now, where `from` says it.
pub(crate) fn copy_sourced_id(to: &mut Record, from: &Record) {
    match (to, from) {
        (Record::Person(to), Record::Person(from)) if from.sourced_id.is_some() => {
            to.sourced_id.clone_from(&from.sourced_id);
        }
        (Record::Course(to), Record::Course(from)) if from.sourced_id.is_some() => {
            to.sourced_id.clone_from(&from.sourced_id);
        }
        _ => {}
    }
}

/// What a person is known by, where the record says it.
pub(crate) fn marks(record: &Record) -> Option<Marks> {
    match record {
        Record::Person(person) => person.marks,
        _ => None,
    }
}

/// Sets what a person is known by.
pub(crate) fn set_marks(record: &mut Record, marks: Option<Marks>) {
    if let Record::Person(person) = record {
        person.marks = marks.filter(|marks| !marks.is_empty());
    }
}

/// Forgets `wanted`'s key where `held` is known by the same one already, so that it is no
/// difference.
pub(crate) fn drop_same_sourced_id(wanted: &mut Record, held: &Record) {
    if sourced_id(wanted) != sourced_id(held) {
        return;
    }
    match wanted {
        Record::Person(person) => person.sourced_id = None,
        Record::Course(course) => course.sourced_id = None,
        _ => {}
    }
}
