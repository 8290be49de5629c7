//! Course keys that are made of parts: `2012_fall_12345_CH_301`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How a course's key is made: parts in an order, each perhaps of one length, with one separator
/// between them. Written `{year:4}_{season}_{id:5}_{subject}_{number:3}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyParts {
    separator: char,
    /// Name and length; 0: any length.
    parts: Vec<(String, usize)>,
}

impl KeyParts {
    /// Whether there is such a part.
    pub fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|(name, _)| name == part)
    }

    /// The parts of `key` by name; `None` where it is not made so.
    pub fn split(&self, key: &str) -> Option<BTreeMap<&str, String>> {
        let given: Vec<&str> = key.split(self.separator).collect();
        if given.len() != self.parts.len() {
            return None;
        }
        let fits = |(part, (_, length)): (&&str, &(String, usize))| {
            let chars = part.chars().count();
            chars > 0 && (*length == 0 || chars == *length)
        };
        let all = given.iter().zip(&self.parts).all(fits);
        let named = self.parts.iter().zip(given);
        all.then(|| named.map(|((name, _), part)| (name.as_str(), part.to_owned())).collect())
    }
}

impl TryFrom<String> for KeyParts {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let mut parts: Vec<(String, usize)> = Vec::new();
        let mut separators = Vec::new();
        let mut rest = written.as_str();
        loop {
            let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (part, after) = inside.ok_or(
                "a key's parts are written `{year:4}_{season}_{id}`: each in braces, one \
                 character between them",
            )?;
            let (name, length) = part.split_once(':').unwrap_or((part, "0"));
            let length = length.parse().map_err(|_| {
                format!("`{{{part}}}`: behind `:` stands how many characters the part has")
            })?;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(format!("`{{{part}}}`: a part's name is made of a to z, 0 to 9 and _"));
            }
            if parts.iter().any(|(known, _)| known == name) {
                return Err(format!("there are two parts `{name}`"));
            }
            parts.push((name.to_owned(), length));
            let mut chars = after.chars();
            match chars.next() {
                None => break,
                Some(separator) => separators.push(separator),
            }
            rest = chars.as_str();
        }
        match separators.split_first() {
            None => Err("a key has at least two parts".to_owned()),
            Some((first, others)) if others.iter().all(|other| other == first) => {
                Ok(Self { separator: *first, parts })
            }
            Some(_) => Err("between a key's parts stands one separator, the same each time".into()),
        }
    }
}

impl From<KeyParts> for String {
    fn from(parts: KeyParts) -> Self {
        parts.to_string()
    }
}

impl fmt::Display for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, length)) in self.parts.iter().enumerate() {
            if at > 0 {
                write!(f, "{}", self.separator)?;
            }
            match length {
                0 => write!(f, "{{{name}}}")?,
                length => write!(f, "{{{name}:{length}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_apart_or_refused() {
        let written = "{year:4}_{season}_{id:5}_{subject}_{number:3}";
        let parts = KeyParts::try_from(written.to_owned()).unwrap();
        assert_eq!(parts.to_string(), written);
        let split = parts.split("2012_fall_12345_CH_301").unwrap();
        let order: Vec<_> = ["year", "season", "id", "subject", "number"]
            .iter()
            .map(|part| split[part].as_str())
            .collect();
        assert_eq!(order, ["2012", "fall", "12345", "CH", "301"]);
        for odd in ["2012_fall_12345_CH", "12_fall_12345_CH_301", "2012__12345_CH_301", ""] {
            assert_eq!(parts.split(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_pattern_that_is_none() {
        for bad in ["", "year", "{year}", "{a}_{b}-{c}", "{a}_{a}", "{A}_{b}", "{a:x}_{b}", "{a}_"]
        {
            assert!(KeyParts::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
