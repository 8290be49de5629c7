//! Checksums of plans.

use std::fmt;
use std::str::FromStr;

use crate::{Change, Checksum};

/// Computes a [`Checksum`] over changes in their order.
///
/// What counts is key, action, before, after and temporary name of each change, and the version
/// of the configuration; cause, origin, LMS ids and time do not, so that an export that says the
/// same in another order of lines has the same checksum.
#[derive(Debug, Clone)]
pub(crate) struct Summing(blake3::Hasher);

impl Summing {
    pub(crate) fn new(config_version: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"rollcall plan 1");
        let mut summing = Self(hasher);
        summing.part(config_version.as_bytes());
        summing
    }

    pub(crate) fn add(&mut self, change: &Change) {
        self.0.update(&[change.action as u8]);
        for record in [&change.before, &change.after] {
            let bytes = record.as_ref().map(roster::Record::to_bytes);
            self.part(&bytes.unwrap_or_default());
        }
        self.part(change.temporary.as_deref().unwrap_or_default().as_bytes());
    }

    /// Length first, so that two parts never read as one.
    fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(&self) -> Checksum {
        let mut sum = [0; 16];
        sum.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        Checksum(sum)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checksum: expected 32 hexadecimal digits, as `rollcall plan` shows them")]
pub struct NotAChecksum;

impl FromStr for Checksum {
    type Err = NotAChecksum;

    fn from_str(text: &str) -> Result<Self, NotAChecksum> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAChecksum);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| NotAChecksum)?;
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use roster::{Origin, Person, PersonKey, Record, Text};

    use super::*;
    use crate::{Action, Cause};

    #[test]
    fn shown_and_read_back() {
        let sum = Summing::new("v1").finish();
        assert_eq!(sum.to_string().parse(), Ok(sum));
        assert_ne!(sum, Summing::new("v2").finish());
        for bad in ["", "12", "+1234567890123456789012345678901", &"g".repeat(32), &"é".repeat(16)]
        {
            assert_eq!(bad.parse::<Checksum>(), Err(NotAChecksum), "{bad}");
        }
    }

    #[test]
    fn it_is_over_what_is_done_and_nothing_else() {
        let person = |name: &str| -> Option<Record> {
            let mut person = Person::new(PersonKey::new("p"));
            person.username = Some(Text::new(name));
            Some(person.into())
        };
        let of = |changes: &[&Change]| {
            let mut summing = Summing::new("v1");
            changes.iter().for_each(|change| summing.add(change));
            summing.finish()
        };
        let change = Change {
            action: Action::Update,
            before: person("a"),
            after: person("b"),
            cause: Cause::Source,
            origin: None,
            lms_id: None,
            temporary: None,
        };
        let same = Change {
            cause: Cause::InDoubt,
            origin: Some(Origin { file: 1, line: 2 }),
            lms_id: Some(Text::new("7")),
            ..change.clone()
        };
        assert_eq!(of(&[&change]), of(&[&same]));
        let others = [
            Change { action: Action::Rekey, ..change.clone() },
            Change { before: person("c"), ..change.clone() },
            Change { after: person("c"), ..change.clone() },
            Change { temporary: Some(Text::new("tmp-1")), ..change.clone() },
            // The same records, the one where the other was.
            Change { before: None, after: person("a"), ..change.clone() },
            Change { before: person("a"), after: None, ..change.clone() },
        ];
        let mut sums: Vec<_> = others.iter().map(|other| of(&[other])).collect();
        sums.extend([of(&[]), of(&[&change]), of(&[&change, &change])]);
        sums.extend([of(&[&others[0], &others[1]]), of(&[&others[1], &others[0]])]);
        let count = sums.len();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), count, "two different lists of changes have one checksum");
    }
}
