//! From a checked configuration to what the steps take: the same for one machine and for a host of
//! many schools.
//!
//! - [`source`], [`integration`]: what the pipeline needs of a configuration;
//! - [`target`]: the adapter of an LMS, over a transport that the home provides;
//! - [`SealingVault`]: delivered passwords, sealed under a key that the home keeps.
//!
//! The one place that knows the adapters by name.
//!
//! **Never:** it opens no store, fetches no secret and reads no environment.

mod integration;
mod target;
mod vault;

pub use integration::{BATCH, Shape, integration, known, source};
pub use target::{KINDS, Nowhere, Target, target};
pub use vault::{KEY, SealingVault};
