//! Files and folders for this user only, made durable; and what the system's errors mean.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::port::StoreError;

/// Makes the data folder where it is absent.
pub(super) fn make_root(root: &Path) -> Result<(), StoreError> {
    let unusable = |error: io::Error| {
        if is_full(&error) {
            return StoreError::Full { doing: "create the data folder" };
        }
        StoreError::Unsupported { what: "the data folder".to_owned(), reason: error.to_string() }
    };
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            let reason = "there is a file of that name".to_owned();
            return Err(StoreError::Unsupported { what: "the data folder".to_owned(), reason });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(error)),
    }
    private_folders().recursive(true).create(root).map_err(unusable)?;
    sync_folder(parent(root)).map_err(unusable)
}

/// The folder that `path` is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the folder `path`, whose parent is there, for this user only and durably. One that is
/// there already is left as it is; anything else there is an error.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match private_folders().create(path) {
        Ok(()) => sync_folder(parent(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if path.is_dir() {
                Ok(())
            } else {
                Err(ErrorKind::NotADirectory.into())
            }
        }
        Err(error) => Err(error),
    }
}

/// Makes folders for this user only.
fn private_folders() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has a mode to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Options that make files for this user only.
pub(super) fn private_files() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has a mode to set"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes an empty file for this user only; there must be none.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    private_files().write(true).create_new(true).open(path)
}

/// Makes a folder in `folder` for this user only, which is removed when it is dropped.
pub(super) fn passing_folder(folder: &Path, prefix: &str) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(folder)
}

/// Makes durable which files `folder` holds.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and its journal has to do.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes a file that may be there.
pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(fault("remove an unfinished file", error))
        }
        _ => Ok(()),
    }
}

/// The port's error for the system's.
pub(super) fn fault(doing: &'static str, error: io::Error) -> StoreError {
    if is_full(&error) {
        return StoreError::Full { doing };
    }
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            let what = "the data folder".to_owned();
            StoreError::Unsupported { what, reason: format!("failed to {doing}: {error}") }
        }
        _ => StoreError::Unavailable { doing, source: Box::new(error) },
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// Whether the file or folder is simply not there: also where what should be its folder is a file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_apart() {
        let error = fs::write("/dev/full", "more").unwrap_err();
        assert!(matches!(fault("try", error), StoreError::Full { doing: "try" }));
    }
}
