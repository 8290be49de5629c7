//! Where a secret is, and how to fetch it.
//!
//! A configuration holds references only. What [`resolve`] returns cannot be printed: its `Debug`
//! is redacted and it is wiped from memory when dropped.
//!
//! **Never:** no error here repeats a value, and none repeats a name that looks like a value.

use std::fmt;
use std::fs;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use tracing::warn;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable: `{ env = "MOODLE_TOKEN" }`.
    Env(String),
    /// In a file of its own: `{ file = "moodle.token" }`. Space around it does not count.
    File(PathBuf),
    /// In the secret store of the cloud, by name: `{ secret = "name" }`.
    Stored(String),
}

/// A secret that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no such variable.
    #[error(
        "the environment variable `{name}` is not set: set it to the secret (export {name}=...), \
         or name another one in the configuration"
    )]
    NotSet {
        /// Its name.
        name: String,
    },
    /// The variable or file holds nothing.
    #[error("{place} is empty: put the secret there")]
    Empty {
        /// What is empty.
        place: String,
    },
    /// The variable or file holds something that is not one line of text.
    #[error("{place} does not hold one line of UTF-8 text: a secret is that and nothing more")]
    NotText {
        /// What holds it.
        place: String,
    },
    /// The file cannot be read.
    #[error("cannot read the secret file `{}`: check that it exists and may be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no secret store here.
    #[error(
        "the secret `{name}` is in the cloud's secret store, which this program does not read: \
         use {{ env = \"...\" }} or {{ file = \"...\" }} in the configuration"
    )]
    NoStore {
        /// Its name.
        name: String,
    },
}

/// Fetches a secret from this process's environment or from a file.
pub fn resolve(secret: &SecretRef) -> Result<SecretString, SecretError> {
    resolve_in(secret, |name| std::env::var_os(name).map(|value| value.into_encoded_bytes()))
}

/// The same, with the environment given: what `env` returns for a variable's name.
pub fn resolve_in(
    secret: &SecretRef,
    env: impl FnOnce(&str) -> Option<Vec<u8>>,
) -> Result<SecretString, SecretError> {
    match secret {
        SecretRef::Env(name) => {
            let value = env(name).ok_or_else(|| SecretError::NotSet { name: name.clone() })?;
            one_line(value, || format!("the environment variable `{name}`"))
        }
        SecretRef::File(path) => {
            one_line(read(path)?, || format!("the secret file `{}`", path.display()))
        }
        SecretRef::Stored(name) => Err(SecretError::NoStore { name: name.clone() }),
    }
}

/// Longer than any token; a file beyond it was named by mistake.
const LONGEST: u64 = 64 * 1024;

fn read(path: &Path) -> Result<Vec<u8>, SecretError> {
    let mut bytes = Vec::new();
    let mut read = || -> io::Result<()> {
        let file = fs::File::open(path)?;
        if is_open_to_others(&file.metadata()?) {
            // Not refused: where containers mount secrets, the mode says nothing.
            let path = path.display();
            warn!(%path, "every user of this machine can read this secret file: chmod 600 mends it");
        }
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(())
    };
    read().map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(unix)]
fn is_open_to_others(file: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o004 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

fn one_line(bytes: Vec<u8>, place: impl Fn() -> String) -> Result<SecretString, SecretError> {
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText { place: place() })?;
    let secret = SecretString::from(text);
    let trimmed = secret.expose_secret().trim();
    if trimmed.is_empty() {
        return Err(SecretError::Empty { place: place() });
    }
    if trimmed.chars().any(char::is_control) {
        return Err(SecretError::NotText { place: place() });
    }
    Ok(SecretString::from(trimmed.to_owned()))
}

const KEYS: &[&str] = &["env", "file", "secret"];

const LITERAL: &str = "a secret is never written into this file: put it into an environment \
                       variable and write { env = \"NAME\" }, or into a file of its own and \
                       write { file = \"PATH\" }";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RefVisitor)
    }
}

struct RefVisitor;

impl<'de> Visitor<'de> for RefVisitor {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("where the secret is, as { env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<SecretRef, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::missing_field("env"));
        };
        if !KEYS.contains(&key.as_str()) {
            return Err(A::Error::unknown_field(&key, KEYS));
        }
        let value: String = map.next_value()?;
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("a secret is in one place: keep one key of these"));
        }
        match key.as_str() {
            "env" if !is_variable(&value) || looks_like_secret(&value) => Err(A::Error::custom(
                "`env` takes the name of an environment variable, for instance MOODLE_TOKEN, \
                 not the secret itself",
            )),
            // Errors name the place, so the secret itself must not be taken for one.
            "file" | "secret" if looks_like_secret(&value) => Err(A::Error::custom(
                "`file` takes a path and `secret` a name, not the secret itself: a file whose name \
                 looks like one can be written as ./NAME",
            )),
            "env" => Ok(SecretRef::Env(value)),
            "file" => Ok(SecretRef::File(value.into())),
            _ => Ok(SecretRef::Stored(value)),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a name is more likely a pasted token: long, in one word, with digits and small letters.
pub(crate) fn looks_like_secret(name: &str) -> bool {
    name.len() >= 20
        && !name.contains(['_', '/', '\\', '.', ' '])
        && name.contains(|c: char| c.is_ascii_digit())
        && name.contains(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_env(value: Option<&[u8]>) -> Result<String, String> {
        let secret = SecretRef::Env("LMS_TOKEN".into());
        let resolved = resolve_in(&secret, |name| {
            assert_eq!(name, "LMS_TOKEN");
            value.map(<[u8]>::to_vec)
        });
        resolved.map(|s| s.expose_secret().to_owned()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_variable_is_trimmed_and_what_is_wrong_with_it_is_said() {
        assert_eq!(from_env(Some(b" abc\n")), Ok("abc".into()));
        assert!(from_env(None).unwrap_err().contains("export LMS_TOKEN=..."));
        assert!(from_env(Some(b" \n")).unwrap_err().contains("is empty"));
        assert!(from_env(Some(b"two\nlines")).unwrap_err().contains("one line"));
        assert!(from_env(Some(b"\xff")).unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn a_file_is_read_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lms.token");
        let secret = SecretRef::File(path.clone());
        assert!(!format!("{secret:?}").contains("s3cret"));
        let missing = resolve(&secret).unwrap_err();
        assert!(missing.to_string().contains("lms.token"), "{missing}");
        fs::write(&path, "s3cret\n").unwrap();
        let resolved = resolve(&secret).unwrap();
        assert_eq!(resolved.expose_secret(), "s3cret");
        assert!(!format!("{resolved:?}").contains("s3cret"));
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_everybody_can_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            file.as_file().set_permissions(fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_others(&file.as_file().metadata().unwrap()), open, "{mode:o}");
        }
    }

    #[test]
    fn a_stored_secret_says_what_to_do_instead() {
        let error = resolve(&SecretRef::Stored("moodle".into())).unwrap_err().to_string();
        assert!(error.contains("{ env = \"...\" }"), "{error}");
    }

    #[test]
    fn a_pasted_token_is_no_variable() {
        assert!(looks_like_secret("a7b1f0c2d3e4958671fedcba98765432"));
        assert!(!looks_like_secret("MOODLE_PRODUCTION_TOKEN_2"));
        assert!(!looks_like_secret("/run/secrets/moodle2026.token"));
        assert!(!is_variable("2token") && !is_variable("") && !is_variable("a-b"));
    }
}
