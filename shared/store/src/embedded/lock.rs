//! The lock that keeps a data folder to one writer.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use fs4::{FileExt, TryLockError};

use super::files;
use crate::port::StoreError;

/// The file's name in the data folder. It is never removed: a lock on a removed file locks nothing.
pub(super) const FILE: &str = "lock";

/// A lock that is held. The system ends it with the process, however that ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the data folder `root`.
    pub(super) fn take(root: &Path) -> Result<Self, StoreError> {
        let doing = "lock the data folder";
        let mut file = files::private_files()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join(FILE))
            .map_err(|error| files::fault(doing, error))?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { pid: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(files::fault(doing, error)),
        }
        note_holder(&mut file).map_err(|error| files::fault(doing, error))?;
        Ok(Self { _file: file })
    }
}

/// Who holds it; 0 where that is not known, or not yet.
fn holder(file: &mut File) -> u32 {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => text.trim().parse().unwrap_or(0),
        Err(_) => 0,
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}
