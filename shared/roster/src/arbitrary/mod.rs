//! Strategies for property tests: records, whole rosters, and what becomes of a roster by the
//! next day. Feature `arbitrary`.
//!
//! Ids come from small pools, so that records refer to one another, collide and return; texts are
//! partly plain and partly odd (diacritics, blanks, characters that LMSs refuse).
//!
//! **Never:** nothing here is used outside tests.

mod day;
mod record;

pub use day::{School, next_day, school};
pub use record::{
    association, course, enrollment, group, group_member, observer, org_unit, person, record, term,
    text,
};
