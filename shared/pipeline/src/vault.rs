//! Passwords that a source delivers, sealed until the account is made.

use roster::{Password, Record, Text};

/// Seals and opens delivered passwords. Sealing is deterministic for one key and person, so that
/// the same export gives the same bytes.
pub trait Vault: Send + Sync {
    /// Encrypts `plain` for the person `key`.
    fn seal(&self, key: &str, plain: &str) -> Vec<u8>;
    /// What [`Vault::seal`] was given. `None` where the bytes are not from this vault.
    fn open(&self, key: &str, sealed: &[u8]) -> Option<Text>;
}

/// Encrypts nothing: for tests only.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenVault;

impl Vault for OpenVault {
    fn seal(&self, _: &str, plain: &str) -> Vec<u8> {
        plain.as_bytes().to_vec()
    }

    fn open(&self, _: &str, sealed: &[u8]) -> Option<Text> {
        std::str::from_utf8(sealed).ok().map(Text::new)
    }
}

/// Seals the password of a person's record.
pub(crate) fn seal(vault: &dyn Vault, record: &mut Record) {
    if let Record::Person(person) = record
        && let Some(Password::Delivered(plain)) = &person.password
    {
        let sealed = vault.seal(person.person().as_str(), plain);
        person.password = Some(Password::Sealed(sealed));
    }
}
