//! Passwords that a source delivers, sealed until the account is made.
//!
//! XChaCha20-Poly1305 under a key that the home keeps. The nonce is derived from the person and
//! the password by a keyed hash, so that the same export seals to the same bytes and a second run
//! sees no change; who compares two seals learns at most that one person's password is the same as
//! before.
//!
//! **Never:** no error and no debug output shows key or password.

use std::fmt;

use ambient::Random;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use pipeline::Vault;
use roster::Text;

/// The length of a key in bytes.
pub const KEY: usize = 32;
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
    /// A vault that ends with the process.
    pub fn passing(random: &dyn Random) -> Self {
        Self::new(Self::fresh_key(random))
    }

    /// A key that nobody has had.
    pub fn fresh_key(random: &dyn Random) -> [u8; KEY] {
        let mut key = [0; KEY];
        for piece in key.chunks_exact_mut(8) {
            piece.copy_from_slice(&random.next_u64().to_be_bytes());
        }
        key
    }

    /// The vault under this key.
    pub fn new(key: [u8; KEY]) -> Self {
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
}
