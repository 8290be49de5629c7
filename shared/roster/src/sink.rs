//! What a reader hands its records to.

use crate::{EnrollmentParts, Finding, FormerKey, Key, MemberParts, Origin, Record, Roles};

/// What absence from an export means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All there is, inside its scope: what is absent is gone.
    Full,
    /// What changed: what is absent is untouched, and deletes are explicit.
    Incremental,
}

/// An explicit delete in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which record.
    pub key: Key,
    /// For an enrollment: only these roles go; empty means all of it.
    pub roles: Roles,
}

/// Takes what a reader finds, in the order of the file. Nothing of it counts before the reader
/// has returned `Ok`: a truncated file may hand over a million records and then fail.
pub trait Sink {
    /// A record that the export carries.
    fn record(&mut self, record: Record, origin: Origin);
    /// A record that the export says is to be removed.
    fn removal(&mut self, removal: Removal, origin: Origin);
    /// A key that the export says has changed, beside what its records say themselves
    /// ([`Person::former_keys`](crate::Person::former_keys)).
    fn rekey(&mut self, change: FormerKey);
    /// Something wrong or odd.
    fn finding(&mut self, finding: Finding);

    /// An enrollment, by its parts: most of an export is these, so a sink that can do without the
    /// record may. The outcome is that of [`Sink::record`].
    fn enrollment(&mut self, parts: EnrollmentParts<'_>, origin: Origin) {
        self.record(parts.to_record(), origin);
    }

    /// A member of a group, by its parts; see [`Sink::enrollment`].
    fn group_member(&mut self, parts: MemberParts<'_>, origin: Origin) {
        self.record(parts.to_record(), origin);
    }
}
