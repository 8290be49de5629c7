//! The port `Lms`: what delivery asks of a platform.

use ambient::Timestamp;
use async_trait::async_trait;
use plan::{Capabilities, Change, FieldSet, Ownership};
use roster::{Key, Password, Person, Text};

use crate::LmsError;

/// Which platform this is: the applied state is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `moodle`, ...
    pub kind: &'static str,
    /// Its address, without a trailing slash.
    pub url: String,
    /// What the platform calls itself, where it has an id that survives a move; else empty.
    pub id: String,
    /// Its version, for people.
    pub version: String,
}

/// LMS ids of the records that a change refers to, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// Of the person in an enrollment, group member or observer.
    pub person: Option<Text>,
    /// Of the course.
    pub course: Option<Text>,
    /// Of the group.
    pub group: Option<Text>,
    /// Of the org unit that a course stands in, or the parent of an org unit.
    pub org_unit: Option<Text>,
}

/// Whether a batch is sent for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has sent any of it.
    First,
    /// Somebody claimed it and left no outcome: every change is looked up before it is written,
    /// and what [`Work::survey`] says is from before that claim.
    Again,
}

/// By what an existing record was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// Its own key (Moodle: idnumber).
    Key,
    /// Its user name.
    Username,
    /// Its e-mail address.
    Email,
    /// Its visible code.
    ShortName,
    /// Its name within its course or parent.
    Name,
}

/// What the LMS held of a record before the first write of its batch. Stored with the claim, so
/// that what is found after a crash can be told from what was there before us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Survey {
    /// Nothing had to be looked up for this change.
    #[default]
    NotNeeded,
    /// It is not there.
    Absent,
    /// It is there.
    Found {
        /// Its LMS id; for an enrollment, the person's.
        lms_id: Text,
        /// How it was recognised.
        by: MatchedBy,
    },
    /// It is there, and somebody has changed these of the fields that were asked for.
    Changed {
        /// The fields: they hold neither what was told before nor what is to be told.
        fields: FieldSet,
    },
    /// More than one record fits: nobody can tell which.
    Ambiguous {
        /// How many.
        count: u32,
    },
}

/// One change with what is needed to send it.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The change.
    pub change: Change,
    /// What it refers to. Delivery defers a change whose prerequisite has no id; an adapter sees
    /// only such that are complete.
    pub refs: Refs,
    /// For enrollments: we made the course empty or have read its members before, so nobody can
    /// be in it whom we do not know of.
    pub members_read: bool,
    /// Fields that may have become their user's: they are read back before anything is written.
    pub read_back: FieldSet,
    /// What the survey of this batch said; `NotNeeded` before it was made.
    pub survey: Survey,
    /// A password that was made for this account and will be handed over: the adapter sends this
    /// one and no other. `None` where there is none.
    pub issued: Option<Password>,
}

impl Work {
    /// The record's key.
    pub fn key(&self) -> &Key {
        self.change.key()
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Applied,
    /// The platform took it and will tell later.
    Accepted,
    /// It will not work as it is; the platform's error code.
    Rejected {
        /// The platform's code, or ours (`ambiguous-match`, `not-adopted`, `no-email`).
        code: Text,
    },
    /// It waits for another record.
    Deferred {
        /// Which.
        needs: Key,
    },
    /// It was not done and can be tried again as it is.
    Retry {
        /// Why.
        code: Text,
    },
    /// It was sent and nobody knows.
    Unknown,
    /// It was never sent.
    NotSent,
}

/// What became of a change, and what the LMS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What became of it.
    pub outcome: Outcome,
    /// The record's LMS id, where it is known now.
    pub lms_id: Option<Text>,
    /// Whose the record is, where this change settled it.
    pub ownership: Option<Ownership>,
    /// What is odd about it though it worked, as a code: `password-refused`, `other-roles-kept`.
    pub remark: Option<Text>,
}

impl Receipt {
    /// A receipt that says this and nothing more.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, lms_id: None, ownership: None, remark: None }
    }
}

/// What came of applying a batch.
#[derive(Debug)]
pub struct Applying {
    /// One receipt for each piece of work, in its order.
    pub receipts: Vec<Receipt>,
    /// What stopped it, where it did not get to the end: the rest is `NotSent`, `Retry` or
    /// `Unknown`.
    pub stopped: Option<LmsError>,
    /// How many requests were made.
    pub calls: u64,
}

/// Something that a platform lacks for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What: a function of its service, or a right of the service's user.
    pub what: String,
    /// What cannot be done without it.
    pub costs: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Who can do that.
    pub place: Place,
}

/// Where something is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the platform, by its administrator.
    Platform,
    /// In the configuration.
    Configuration,
}

/// A platform. `work` of one call is always of one [`plan::Phase`].
#[async_trait]
pub trait Lms: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// How many requests have been made to it since it was made, failed ones included.
    fn calls(&self) -> u64;

    /// Asks the platform who it is; also proves that address and credentials work.
    async fn identify(&self) -> Result<Site, LmsError>;

    /// What the platform still lacks for us, and what to do about it. Changes nothing. A platform
    /// that cannot be asked lacks nothing that is known.
    async fn check_setup(&self) -> Result<Vec<Missing>, LmsError> {
        Ok(Vec::new())
    }

    /// Whether a new account for `person` is to have a password that we make and somebody hands over
    /// ([`Work::issued`]).
    fn takes_issued(&self, person: &Person) -> bool {
        let _ = person;
        false
    }

    /// Looks up what is there of the records in `work` that need it: creates, enrollments in
    /// courses whose members have not been read, and what is to be read back. Reads only. One answer
    /// for each, in order.
    async fn survey(&self, work: &[Work]) -> Result<Vec<Survey>, LmsError>;

    /// Sends `work`. Starts no request that could outlast `deadline`. Never fails as a whole:
    /// what went wrong is in the receipts and in `stopped`.
    async fn apply(&self, work: &[Work], attempt: Attempt, deadline: Timestamp) -> Applying;
}
