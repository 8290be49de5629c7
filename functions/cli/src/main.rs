//! `rollcall`: roster sync on one machine.
//!
//! This binary is a home for the pipeline: it opens the data folder, builds the integration from
//! the configuration, runs one command and says what came of it, in words or as one JSON object.
//! Built with the feature `aws` it does the same with an installation on AWS, where that is named.
//!
//! **Never:** no decision about records is taken here, and no personal data goes into an error or
//! a log; what a report shows goes to standard output and to the report file alone.

mod args;
#[cfg(feature = "aws")]
mod aws;
mod commands;
mod console;
mod exports;
mod failure;
mod home;
mod interrupt;
mod outcome;
mod pages;
mod progress;
mod site;
mod target;
mod vault;

use std::process::ExitCode;

fn main() -> ExitCode {
    match args::parse() {
        Ok(cli) => commands::run(cli),
        Err(exit) => exit.into(),
    }
}
