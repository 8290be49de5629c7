//! From canonical records to an export's bytes: the way back of each reader.
//!
//! **Never:** no clock, no network, no files: a writer writes to the `io::Write` it is given and
//! hands back its errors.

pub mod ims;
mod xml;

pub use xml::{Encoding, Layout};
