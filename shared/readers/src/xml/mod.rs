//! XML as a stream of records: what every XML format's reader stands on.
//!
//! [`scan`] runs quick-xml over the text, keeps count of lines, depth and sizes, and hands each
//! record to format as a [`Tree`](tree::Tree). Memory is one window of text and one record.
//!
//! **Never:** no DTD is fetched, and no entity is expanded but the five.

pub(crate) mod names;
pub(crate) mod refs;
mod scan;
mod shape;
pub(crate) mod tree;

pub(crate) use scan::{Place, Records, scan};
