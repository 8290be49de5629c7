//! The learning platforms: one port, one module per platform.
//!
//! An adapter turns changes into a platform's own requests and its answers into receipts. It
//! speaks over a [`Transport`], so that a seeded world can stand in for the network, and takes
//! its clock and randomness from `ambient`.
//!
//! **Never:** an adapter keeps no state of its own between calls, decides nothing about what is
//! wanted, and writes nothing outside [`Lms::apply`].

mod bisect;
mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod moodle;
mod port;
mod transport;

pub use bisect::{Bulk, bisect};
pub use error::{ErrorClass, LmsError};
pub use port::{
    Applying, Attempt, Lms, MatchedBy, Missing, Outcome, Place, Receipt, Refs, Site, Survey, Work,
};
pub use transport::{Request, Response, Transport, TransportError};
