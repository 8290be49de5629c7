//! Passwords that a source delivers, sealed on this machine until the account is made.
//!
//! XChaCha20-Poly1305 under a key of its own in the data folder. The nonce is derived from the
//! person and the password by a keyed hash, so that the same export seals to the same bytes and a
//! second run sees no change; who compares two seals learns at most that one person's password is
//! the same as before.
//!
//! **Never:** the key leaves its file, but in a backup of the data folder; no error and no debug
//! output shows key or password.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use ambient::Random;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use pipeline::Vault;
use roster::Text;
use runtime::Exit;

use crate::failure::Failure;

/// The key's file in the data folder.
const FILE: &str = "secret.key";
const KEY: usize = 32;
const NONCE: usize = 24;
/// The first byte of what is sealed.
const VERSION: u8 = 1;

/// Seals and opens.
pub struct SealingVault {
    cipher: XChaCha20Poly1305,
    nonces: [u8; KEY],
}

impl fmt::Debug for SealingVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingVault").finish_non_exhaustive()
    }
}

impl SealingVault {
    /// The vault of the data folder, for its writer: the first one makes the key.
    pub fn of_writer(data: &Path, random: &dyn Random) -> Result<Self, Failure> {
        match read(data)? {
            Some(key) => Ok(Self::new(key)),
            None => {
                let key = fresh(random);
                write(data, &key).map_err(|error| {
                    let path = data.join(FILE);
                    let message = format!("cannot write the key file `{}`", path.display());
                    Failure::new(Exit::Failed, "secret-key", message).because(&error)
                })?;
                Ok(Self::new(key))
            }
        }
    }

    /// The vault of the data folder, for somebody who only reads: where there is no key yet, one
    /// that ends with the process.
    pub fn of_reader(data: &Path, random: &dyn Random) -> Result<Self, Failure> {
        Ok(Self::new(read(data)?.unwrap_or_else(|| fresh(random))))
    }

    /// A vault that ends with the process.
    pub fn passing(random: &dyn Random) -> Self {
        Self::new(fresh(random))
    }

    fn new(key: [u8; KEY]) -> Self {
        let cipher_key = blake3::derive_key("rollcall vault 1: cipher", &key);
        Self {
            cipher: XChaCha20Poly1305::new(&cipher_key.into()),
            nonces: blake3::derive_key("rollcall vault 1: nonces", &key),
        }
    }

    fn nonce(&self, person: &str, plain: &str) -> [u8; NONCE] {
        let mut hasher = blake3::Hasher::new_keyed(&self.nonces);
        hasher.update(&(person.len() as u64).to_be_bytes());
        hasher.update(person.as_bytes());
        hasher.update(plain.as_bytes());
        let mut nonce = [0; NONCE];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

impl Vault for SealingVault {
    fn seal(&self, key: &str, plain: &str) -> Vec<u8> {
        let nonce = self.nonce(key, plain);
        let payload = Payload { msg: plain.as_bytes(), aad: key.as_bytes() };
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        // It fails only beyond 256 GiB; bytes that cannot be opened then stand for a password
        // that is made anew.
        let sealing = self.cipher.encrypt(XNonce::from_slice(&nonce), payload);
        sealed.extend(sealing.unwrap_or_default());
        sealed
    }

    fn open(&self, key: &str, sealed: &[u8]) -> Option<Text> {
        let (&VERSION, rest) = sealed.split_first()? else { return None };
        let (nonce, msg) = rest.split_at_checked(NONCE)?;
        let payload = Payload { msg, aad: key.as_bytes() };
        let plain = self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(Text::from)
    }
}

fn fresh(random: &dyn Random) -> [u8; KEY] {
    let mut key = [0; KEY];
    for piece in key.chunks_exact_mut(8) {
        piece.copy_from_slice(&random.next_u64().to_be_bytes());
    }
    key
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

    use super::*;

    #[test]
    fn the_same_seals_to_the_same_and_opens_for_its_person_alone() {
        let vault = SealingVault::passing(&SeededRandom::new(1));
        let sealed = vault.seal("p-1", "Geheim!23");
        assert_eq!(sealed, vault.seal("p-1", "Geheim!23"));
        assert_ne!(sealed, vault.seal("p-2", "Geheim!23"));
        assert_eq!(vault.open("p-1", &sealed).as_deref(), Some("Geheim!23"));
        assert_eq!(vault.open("p-2", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(vault.open("p-1", &changed), None);
        for cut in 0..sealed.len() {
            assert_eq!(vault.open("p-1", &sealed[..cut]), None);
        }
        let shown = format!("{vault:?}");
        assert!(!shown.contains("nonces"), "{shown}");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_lies_in_wait_does_not_get_the_key() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let taken = elsewhere.path().join("taken");
        fs::write(&taken, "").unwrap();
        symlink(&taken, folder.path().join("~secret.key")).unwrap();
        SealingVault::of_writer(folder.path(), &SeededRandom::new(3)).unwrap();
        assert_eq!(fs::read(&taken).unwrap(), b"", "nothing was written where the link led");
        let key = fs::symlink_metadata(folder.path().join(FILE)).unwrap();
        assert!(key.is_file() && key.permissions().mode() & 0o777 == 0o600);
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let random = SeededRandom::new(2);
        let one = SealingVault::of_writer(folder.path(), &random).unwrap();
        let two = SealingVault::of_reader(folder.path(), &random).unwrap();
        assert_eq!(one.seal("p", "x"), two.seal("p", "x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(SealingVault::of_reader(folder.path(), &random).is_err());
    }
}
