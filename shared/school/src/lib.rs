//! An invented school of any size, and every later day of its life, from a seed.
//!
//! A [`School`] is a function, not a data structure: who sits in which class on which day is
//! worked out from the seed when it is asked for. A million persons therefore stream in the
//! memory of one class, and any day can be had without living through those before it.
//!
//! ```
//! use roster::Kind;
//! use school::{School, SchoolSpec};
//!
//! let school = School::new(SchoolSpec { persons: 200, ..SchoolSpec::default() });
//! let persons = school.records().filter(|record| record.kind() == Kind::Person).count();
//! assert_eq!(persons, 200);
//! // A month later somebody has joined, somebody has left, somebody is in another group.
//! let later = school.on_day(30);
//! assert!(later.changes_since(0).count() > 0);
//! assert_eq!(later.changes_since(30).count(), 0);
//! ```
//!
//! Records come in the order that the IMS Enterprise schema wants: terms, org units, persons,
//! courses, and then course by course its groups, enrollments and group members.
//!
//! **Never:** no I/O, no clock, no source of randomness but the seed, no floating point: the same
//! [`SchoolSpec`] gives the same records on every machine. Nobody in it exists, and every address
//! stands under `.example`.

mod calendar;
mod catalogue;
mod class;
mod course;
mod dice;
mod layout;
mod life;
mod naming;
mod people;
mod record;
mod spec;
mod stream;

pub use spec::{Rates, SchoolSpec};
pub use stream::{Change, School};
