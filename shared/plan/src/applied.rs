//! What the LMS is known to hold because we put it there, per record.

use jiff::Timestamp;
use roster::{Place, Placed, Record, Text};

use crate::FieldSet;

/// How a record is present in the LMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there and takes part.
    Present,
    /// It is there, put aside by us: a suspended account or enrollment, a hidden course.
    Suspended,
    /// We removed it. Kept as a tombstone for persons, so that a key that returns is recognised.
    Removed,
}

/// Whose a record in the LMS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// We created it.
    Created,
    /// It was there and a rule says that it is ours to keep in step.
    Adopted,
    /// It was there before us and stays as it is: never changed, suspended or removed.
    Found,
}

/// What the LMS refused, by the hash of what was wanted: not tried again until that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Digest of the wanted record (its bytes), action included.
    pub wanted: [u8; 16],
    /// The LMS's own answer, without personal data: an error code.
    pub answer: Text,
    /// In which run.
    pub run: Text,
}

/// What we know of a record in the LMS beside its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// How it is present. `None`: it never was; only `parked` or `in_doubt` says something.
    pub presence: Option<Presence>,
    /// Whose it is.
    pub ownership: Ownership,
    /// The LMS's own id of it, where it has one.
    pub lms_id: Option<Text>,
    /// The run that first put it there.
    pub first_run: Text,
    /// The run that last changed it.
    pub last_run: Text,
    /// A refusal that stands.
    pub parked: Option<Parked>,
    /// Sent without an answer: the next plan verifies it, whatever the diff says.
    pub in_doubt: bool,
    /// For a course: those who were in it before us are known.
    pub members_read: bool,
    /// For a suspended record: when policy deletes it.
    pub delete_after: Option<Timestamp>,
    /// Fields that somebody has changed in the LMS and that are theirs from then on.
    pub user_fields: FieldSet,
}

/// One record of the applied state. `record` is what the LMS holds as far as we know; where
/// `meta.presence` is `None` it holds the key and what was last wanted, where it is `Removed` the
/// key alone. Its status says what the source wants, `meta.presence` what is.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The record.
    pub record: Record,
    /// What is known beside it.
    pub meta: Meta,
}

impl Placed for Applied {
    fn place(&self) -> Place<'_> {
        self.record.place()
    }
}
