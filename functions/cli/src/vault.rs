//! The key under which delivered passwords are sealed, in its file of the data folder.
//!
//! **Never:** the key leaves its file, but in a backup of the data folder.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ambient::Random;
use home::{KEY, SealingVault};
use runtime::Exit;

use crate::failure::Failure;

/// The key's file in the data folder.
const FILE: &str = "secret.key";

/// The vault of the data folder, for its writer: the first one makes the key.
pub fn of_writer(data: &Path, random: &dyn Random) -> Result<SealingVault, Failure> {
    match read(data)? {
        Some(key) => Ok(SealingVault::new(key)),
        None => {
            let key = SealingVault::fresh_key(random);
            write(data, &key).map_err(|error| {
                let path = data.join(FILE);
                let message = format!("cannot write the key file `{}`", path.display());
                Failure::new(Exit::Failed, "secret-key", message).because(&error)
            })?;
            Ok(SealingVault::new(key))
        }
    }
}

/// The vault of the data folder, for somebody who only reads: where there is no key yet, one that
/// ends with the process.
pub fn of_reader(data: &Path, random: &dyn Random) -> Result<SealingVault, Failure> {
    Ok(match read(data)? {
        Some(key) => SealingVault::new(key),
        None => SealingVault::passing(random),
    })
}

fn read(data: &Path) -> Result<Option<[u8; KEY]>, Failure> {
    let path = data.join(FILE);
    let failed = |code: &str, message: &str| {
        Failure::new(Exit::Failed, code, format!("the key file `{}` {message}", path.display()))
    };
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("secret-key", "cannot be read").because(&error)),
        Ok(bytes) => match <[u8; KEY]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(failed("secret-key", "is damaged")
                .hint("put it back from a backup of the data folder")),
        },
    }
}

/// Beside first, then in its place: a key that is half written would lock passwords away.
fn write(data: &Path, key: &[u8]) -> std::io::Result<()> {
    let beside = data.join("~secret.key");
    // What is there already may be somebody else's file, or lead elsewhere.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&beside, data.join(FILE))
}

#[cfg(test)]
mod tests {
    use ambient::SeededRandom;
    use pipeline::Vault as _;

    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_file_that_lies_in_wait_does_not_get_the_key() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let taken = elsewhere.path().join("taken");
        fs::write(&taken, "").unwrap();
        symlink(&taken, folder.path().join("~secret.key")).unwrap();
        of_writer(folder.path(), &SeededRandom::new(3)).unwrap();
        assert_eq!(fs::read(&taken).unwrap(), b"", "nothing was written where the link led");
        let key = fs::symlink_metadata(folder.path().join(FILE)).unwrap();
        assert!(key.is_file() && key.permissions().mode() & 0o777 == 0o600);
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let random = SeededRandom::new(2);
        let one = of_writer(folder.path(), &random).unwrap();
        let two = of_reader(folder.path(), &random).unwrap();
        assert_eq!(one.seal("p", "x"), two.seal("p", "x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(of_reader(folder.path(), &random).is_err());
    }
}
