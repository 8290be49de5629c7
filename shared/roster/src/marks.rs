//! What a person is known by without saying it: keyed hashes of name, day of birth and e-mail
//! address.
//!
//! They let a key that comes back be told from one that is given to somebody else, also where the
//! LMS holds no day of birth and where nothing but the key is left of a person. 32 bits of each
//! are enough to compare two persons, and too few to say much else.
//!
//! **Never:** no mark without a key that the integration keeps to itself.

use std::borrow::Cow;
use std::fmt;

use crate::likeness::normal_name;
use crate::{Date, DecodeError, Decoder, Person, Value};

/// Keyed hashes of what a person is known by; what is not known has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of the given name.
    pub given: Option<u32>,
    /// Of the family name.
    pub family: Option<u32>,
    /// Of the day of birth.
    pub born: Option<u32>,
    /// Of the e-mail address.
    pub email: Option<u32>,
}

/// The key of an integration's marks.
#[derive(Clone)]
pub struct MarkKey([u8; 32]);

impl fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkKey")
    }
}

impl MarkKey {
    /// The key of these bytes, which nobody else has.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The mark of a day of birth. A day that stands for "not known" (1900 and before) has none.
    pub fn born(&self, day: Date) -> Option<u32> {
        (day.year() > 1900).then(|| self.mark("born", &day.to_string()))
    }

    /// The marks of what a record says in clear: names and address.
    pub fn of(&self, person: &Person) -> Marks {
        let name = |what, name: Option<&str>| {
            let name = name.map(normal_name).filter(|name| !name.is_empty());
            name.map(|name| self.mark(what, &name))
        };
        let email = person.email.as_deref().map(|email| self.mark("email", &email.to_lowercase()));
        Marks {
            given: name("given", person.given.as_deref()),
            family: name("family", person.family.as_deref()),
            born: None,
            email,
        }
    }

    fn mark(&self, what: &str, text: &str) -> u32 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(what.as_bytes());
        hasher.update(&[0]);
        hasher.update(text.as_bytes());
        let mut mark = [0; 4];
        mark.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
        u32::from_le_bytes(mark)
    }
}

impl Marks {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and over them those that `other` has.
    pub fn over(self, other: Self) -> Self {
        Self {
            given: other.given.or(self.given),
            family: other.family.or(self.family),
            born: other.born.or(self.born),
            email: other.email.or(self.email),
        }
    }

    /// Whether both have a mark of the same thing and the marks differ.
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ = |a: Option<u32>, b: Option<u32>| a.zip(b).is_some_and(|(a, b)| a != b);
        differ(self.given, other.given)
            || differ(self.family, other.family)
            || differ(self.born, other.born)
            || differ(self.email, other.email)
    }
}

/// A byte that says which there are, then four bytes of each.
impl Value for Marks {
    fn encode(&self, out: &mut Vec<u8>) {
        let all = [self.given, self.family, self.born, self.email];
        out.push((0..4).fold(0, |flags, at| flags | u8::from(all[at].is_some()) << at));
        for mark in all.into_iter().flatten() {
            out.extend_from_slice(&mark.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let flags = from.byte()?;
        let mut mark = |at: u8| -> Result<Option<u32>, DecodeError> {
            if flags & 1 << at == 0 {
                return Ok(None);
            }
            let mut mark = [0; 4];
            mark.copy_from_slice(from.take(4)?);
            Ok(Some(u32::from_le_bytes(mark)))
        };
        Ok(Self { given: mark(0)?, family: mark(1)?, born: mark(2)?, email: mark(3)? })
    }

    fn show(&self) -> Cow<'_, str> {
        "•••".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PersonKey, Text};

    fn person(given: &str, family: &str, email: &str) -> Person {
        let mut person = Person::new(PersonKey::new("p"));
        person.given = Some(Text::new(given));
        person.family = Some(Text::new(family));
        person.email = Some(Text::new(email));
        person
    }

    #[test]
    fn one_person_has_one_set_of_marks_under_one_key() {
        let (key, other) = (MarkKey::new([1; 32]), MarkKey::new([2; 32]));
        let marks = key.of(&person("Xiomárita", "Ñíguez", "X@oak.example"));
        assert_eq!(marks, key.of(&person("xiomarita", "NIGUEZ", "x@oak.example")));
        assert_ne!(marks, other.of(&person("Xiomárita", "Ñíguez", "X@oak.example")));
        assert!(marks.contradicts(&key.of(&person("Jildert", "Ñíguez", "x@oak.example"))));
        let born = |day: &str| key.born(day.parse().unwrap());
        assert_ne!(born("2010-05-01"), born("2010-05-02"));
        assert_eq!(born("1900-01-01"), None);
        assert_eq!(format!("{key:?}"), "MarkKey");
    }

    #[test]
    fn every_combination_comes_back() {
        for flags in 0..16u8 {
            let mark = |at: u8| (flags & 1 << at != 0).then_some(u32::from(at) + 7);
            let marks = Marks { given: mark(0), family: mark(1), born: mark(2), email: mark(3) };
            let mut bytes = Vec::new();
            marks.encode(&mut bytes);
            assert_eq!(Marks::decode(&bytes).unwrap(), marks);
            assert_eq!(Marks::default().over(marks), marks);
            assert!(!marks.contradicts(&Marks::default()));
            for cut in 0..bytes.len() {
                assert!(Marks::decode(&bytes[..cut]).is_err());
            }
        }
    }
}
