//! The state above the ports: log-structured source states and applied state, the ledger, runs,
//! holds, lease and history. Written once, for every twin.
//!
//! A state is a set of immutable, compressed segments, each a piece of one bucket (records whose
//! owner's hash begins alike), and a manifest that names them, published by one conditional
//! write. What was published before stays readable for a while.
//!
//! **Never:** nothing here talks to an LMS, reads the clock by itself or decides what is wanted.

pub mod answers;
pub mod applied;
pub mod audit;
pub mod credentials;
pub mod decided;
pub mod forget;
pub mod history;
pub mod hold;
pub mod identity;
pub mod index;
pub mod lease;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod meta;
mod names;
mod rewrite;
pub mod rollback;
pub mod run;
pub mod scoped;
mod segment;
pub mod source;
mod states;

pub use names::{Scope, StateName};
pub use states::{KEPT_GENERATIONS, Loaded, Published, States};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

pub(crate) fn to_json(what: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::Damaged { what: what.into(), reason: error.to_string() })
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Damaged { what: what.into(), reason: error.to_string() })
}
