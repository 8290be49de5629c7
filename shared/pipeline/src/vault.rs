//! Passwords that a source delivers, sealed until the account is made.

use roster::{Finding, Origin, Password, PersonKey, Record, Severity, Text};

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

/// Seals a person's password anew, who was `from` and is called by their record's key now: what is
/// sealed opens for one key alone. `false` where it cannot be opened, and is left out.
pub(crate) fn reseal(vault: &dyn Vault, from: &PersonKey, record: &mut Record) -> bool {
    let Record::Person(person) = record else { return true };
    let Some(Password::Sealed(sealed)) = &person.password else { return true };
    // Of a record that was re-keyed it was sealed for the key that the source uses.
    let opened = vault.open(from.as_str(), sealed);
    let opened = opened.or_else(|| vault.open(person.sourced_id(), sealed));
    let anew = opened.map(|plain| vault.seal(person.person().as_str(), &plain));
    person.password = anew.map(Password::Sealed);
    person.password.is_some()
}

/// Says of a source that so many of its passwords had to be left out.
pub(crate) fn left_out(source: &str, passwords: u64) -> Option<Finding> {
    (passwords > 0).then(|| Finding {
        severity: Severity::Warning,
        code: "password-left-out",
        message: format!(
            "{passwords} passwords of `{source}` were sealed by another installation and cannot \
             be opened: they are left out; deliver the export again"
        ),
        origin: Origin::default(),
        key: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use roster::Person;

    /// Opens for the key that it was sealed for alone.
    struct Strict;

    impl Vault for Strict {
        fn seal(&self, key: &str, plain: &str) -> Vec<u8> {
            format!("{key}\n{plain}").into_bytes()
        }

        fn open(&self, key: &str, sealed: &[u8]) -> Option<Text> {
            let (of, plain) = std::str::from_utf8(sealed).ok()?.split_once('\n')?;
            (of == key).then(|| Text::new(plain))
        }
    }

    #[test]
    fn a_password_goes_along_to_another_key() {
        let from = PersonKey::new("hr-7");
        let check = |password: Password, expected: Option<Password>| {
            let mut person = Person::new(PersonKey::new("p-1"));
            person.password = Some(password);
            person.sourced_id = Some("now".into());
            let mut record = Record::from(person);
            assert_eq!(reseal(&Strict, &from, &mut record), expected.is_some());
            let Record::Person(person) = record else { panic!("a person") };
            assert_eq!(person.password, expected);
        };
        let sealed = |key: &str| Password::Sealed(Strict.seal(key, "Geheim!23"));
        check(sealed("hr-7"), Some(sealed("p-1")));
        check(sealed("hr-8"), None);
        // One who was re-keyed in their source, where it is `now`.
        check(sealed("now"), Some(sealed("p-1")));
        check(Password::Generated, Some(Password::Generated));
        let hashed = Password::Hashed { scheme: "SSHA".into(), value: "x".into() };
        check(hashed.clone(), Some(hashed));
        assert!(left_out("hr", 0).is_none());
        assert!(left_out("hr", 2).unwrap().message.starts_with("2 passwords of `hr`"));
    }
}
