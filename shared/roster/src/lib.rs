//! What a school consists of, in one vocabulary for every source and every LMS.
//!
//! - [`Record`] and its nine kinds, each with a typed [`Key`] and optional fields. A field that is
//!   `None` is *unknown*: the source does not carry it. It never clears what is there.
//! - [`Value`] and the codec: records as bytes, tagged by field number, so that a field added
//!   later leaves stored records readable.
//! - [`Placed`] order: by the hash of a record's owner (a person; a course with its groups and
//!   enrollments), so that two sides can be merge-joined without holding either in memory.
//! - [`Finding`]: what is wrong or odd in an input, with file, line and record key.
//! - [`likeness`] and [`Marks`]: whether two records can be one person.
//! - [`normal`]: the rules for ids, e-mail addresses and user names.
//!
//! ```
//! use roster::{Person, PersonKey, Record, Text};
//!
//! let mut person = Person::new(PersonKey::new("p-1001"));
//! person.given = Some(Text::new("Ada"));
//! let record = Record::from(person);
//! let bytes = record.to_bytes();
//! assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
//! // A person's debug output names the key and nothing else.
//! assert_eq!(format!("{record:?}"), "person:p-1001");
//! ```
//!
//! **Never:** no I/O, no clock, no randomness here; the same input gives the same output.

#[cfg(feature = "arbitrary")]
pub mod arbitrary;
pub mod changes;
mod codec;
pub mod columns;
mod date;
mod finding;
mod key;
pub mod likeness;
pub mod mapping;
mod marks;
pub mod matching;
pub mod merge;
pub mod normal;
mod order;
mod packed;
mod record;
mod sink;
mod snapshot;
mod text;
mod value;

pub use codec::{DecodeError, Decoder, put_bytes, put_varint};
pub use date::{Date, Timeframe};
pub use finding::{Finding, Findings, Origin, Severity};
pub use key::{
    AssociationKind, CourseKey, GroupKey, Key, Kind, OrgUnitKey, Owner, PersonKey, TermKey,
};
pub use marks::{MarkKey, Marks};
pub use order::{Place, Placed, owner_hash};
pub use packed::{Packed, PackedIter, PackedRecord};
pub use record::{
    Association, Course, Enrollment, FieldSpec, Fields, Group, GroupMember, Observer, OrgUnit,
    Person, Record, Term,
};
pub use sink::{Mode, Removal, Sink};
pub use snapshot::{
    EnrollmentParts, Entry, FormerKey, KeySet, MemberParts, Snapshot, SnapshotBuilder,
};
pub use text::Text;
pub use value::{Address, Labelled, Password, Role, Roles, Status, Value};
