//! `rollcall backup`

use std::path::PathBuf;

use report::json::SCHEMA;
use runtime::Exit;
use serde::Serialize;
use store::embedded;

use crate::failure::Failure;
use crate::home::{Setting, shown};

/// Write a backup of the data folder, also while a sync runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It holds all that the folder holds, the sandbox and the key of delivered passwords included: keep
it as safe as the folder.

Example:
  rollcall backup rollcall-2026-11-22.backup")]
pub struct Backup {
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What a backup or restore came to.
#[derive(Debug, Serialize)]
pub struct Copied {
    schema: u32,
    file: String,
    files: usize,
    bytes: u64,
}

impl Copied {
    /// The object of `--json`.
    pub fn new(file: &std::path::Path, backup: embedded::Backup) -> Self {
        let embedded::Backup { files, bytes } = backup;
        Self { schema: SCHEMA, file: shown(file), files, bytes }
    }
}

impl Backup {
    /// Writes it.
    pub fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let backup = embedded::backup(&setting.global.data, &self.file)?;
        let copied = Copied::new(&self.file, backup);
        setting.console.object(&copied)?;
        let (files, bytes) = (copied.files, size(copied.bytes));
        setting.console.report(&format!("Wrote {}: {files} files, {bytes}\n", copied.file));
        Ok(Exit::Done)
    }
}

/// A size as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
