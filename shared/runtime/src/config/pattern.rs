//! Which files are a source's exports.

use std::fmt;

use serde::Deserialize;

/// A pattern for file names: `*` is any run of characters, `?` is any one, all else is itself.
/// Upper and lower case differ.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(pattern: String) -> Result<Self, &'static str> {
        match () {
            () if pattern.is_empty() => Err("an empty pattern matches no file"),
            () if pattern.contains(['/', '\\']) => {
                Err("a pattern is for the file's name alone, without folders")
            }
            () if pattern.contains(['[', ']', '{', '}']) => {
                Err("a pattern knows * and ? only: write one source for each other name")
            }
            () => Ok(Self(pattern)),
        }
    }
}

impl Pattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a file of this name is meant. A compressed export (`.gz`, `.zst`) is meant by the
    /// name that it has when unpacked, too.
    pub fn matches(&self, file_name: &str) -> bool {
        let unpacked = [".gz", ".zst"].into_iter().find_map(|end| file_name.strip_suffix(end));
        glob(self.0.as_bytes(), file_name.as_bytes())
            || unpacked.is_some_and(|name| glob(self.0.as_bytes(), name.as_bytes()))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Matches in linear space and without recursion: after a mismatch the last `*` takes one more.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            // One character can be several bytes: `?` takes all that continue it.
            Some(b'?') => {
                p += 1;
                n += 1;
                while name.get(n).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    n += 1;
                }
            }
            Some(byte) if *byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_question_mark_and_compression() {
        for (pattern, name, expected) in [
            ("registrar-*.xml", "registrar-2026.xml", true),
            ("registrar-*.xml", "registrar-.xml", true),
            ("registrar-*.xml", "registrar-2026.xml.gz", true),
            ("registrar-*.xml", "registrar-2026.xml.zip", false),
            ("registrar-*.xml", "hr-2026.xml", false),
            ("*", "anything", true),
            ("*a*b*c", "xaybzbc", true),
            ("*a*b*c", "xaybzb", false),
            ("?.xml", "é.xml", true),
            ("?.xml", ".xml", false),
            ("A.xml", "a.xml", false),
        ] {
            let parsed = Pattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(parsed.matches(name), expected, "{pattern} {name}");
        }
        assert!(Pattern::try_from("in/*.xml".to_owned()).is_err());
        assert!(Pattern::try_from("[ab].xml".to_owned()).is_err());
    }
}
