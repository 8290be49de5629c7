//! What a binary needs around the pipeline: its configuration, its secrets, its log, its exit
//! code.
//!
//! - [`Config`]: `rollcall.toml`, checked as it is loaded; every mistake is named with its line.
//! - [`SecretRef`]: where a secret is; [`secrets::resolve`] fetches it.
//! - [`logging`]: calm lines for a person or JSON for a machine.
//! - [`Exit`]: the exit codes of all commands.
//!
//! **Never:** no secret is kept in a [`Config`], shown in an error or written to a log; nothing
//! here knows an LMS or a format by name, except the sandbox.

pub mod config;
mod exit;
pub mod logging;
pub mod secrets;

pub use config::{Config, ConfigError, Integration};
pub use exit::Exit;
pub use secrets::SecretRef;
