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
    use super::*;

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
}
