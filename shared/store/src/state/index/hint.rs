//! A hint: what is looked for, as part of its hash, and where it is, as part of the hash by which
//! records are put into buckets.
//!
//! It is one number of 56 bits: twelve by which the index itself is put into buckets, 32 more of
//! the hash of what is looked for, and the first twelve of the hash of the record's owner. Those
//! name its bucket whatever number of buckets the state has. Sorted, hints are close together, and
//! are stored as what lies between them.

use roster::{DecodeError, Decoder, Key, Kind, Packed, PackedRecord, Place, Record, Text};
use roster::{Labelled, put_varint};

use crate::StoreError;
use crate::state::meta;
use crate::state::segment::damaged;

/// How many hints stand in one piece, so that a bucket can be cut between pieces.
const PER_PIECE: usize = 4096;
/// Bits of the owner's hash.
const PLACE_BITS: u32 = 12;
/// Bits of the hash of what is looked for beside those that make the bucket.
const PRINT_BITS: u32 = 32;

/// The rules by which hints are made: another number with each change of them, so that an index
/// which does not have all that is looked for is made anew. 1: what is a record's key as well has
/// a hint where it is not written in small letters.
pub const RULES: u64 = 1;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term<'a> {
    /// What a record is called: a user name, an address, a key of the source, a short name.
    /// Whether it is written in capitals makes no difference.
    Called(&'a str),
    /// The LMS's own id of a record.
    LmsId(&'a str),
    /// The person of this key, where records that stand elsewhere name it: enrollments, members of
    /// groups, those who observe.
    Names(&'a str),
}

impl Term<'_> {
    /// Its hash.
    pub fn hash(self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        match self {
            Self::Called(name) => {
                hasher.update(b"c").update(plain(name).as_bytes());
            }
            Self::LmsId(id) => {
                hasher.update(b"l").update(id.as_bytes());
            }
            Self::Names(person) => {
                hasher.update(b"p").update(person.as_bytes());
            }
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_be_bytes(first)
    }
}

/// What is called, however it is written.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The hint that `term` is in the bucket of `place`, the hash of a record's owner.
fn hint(term: Term<'_>, place: u64) -> u64 {
    (print(term) << PLACE_BITS) | (place >> (64 - PLACE_BITS))
}

/// The first 44 bits of a term's hash.
fn print(term: Term<'_>) -> u64 {
    term.hash() >> (64 - PLACE_BITS - PRINT_BITS)
}

/// Whether a hint is for `term`, as far as can be told.
pub fn is_for(hint: u64, term: Term<'_>) -> bool {
    hint >> PLACE_BITS == print(term)
}

/// The owner's hash, as far as a hint knows it: enough to say which bucket.
pub fn place(hint: u64) -> u64 {
    hint << (64 - PLACE_BITS)
}

/// The hash by which a hint is put into a bucket of the index.
pub fn home(hint: u64) -> u64 {
    hint << (64 - 2 * PLACE_BITS - PRINT_BITS)
}

/// Whether a state keeps LMS ids beside its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// It does: an applied state.
    Meta,
    /// It keeps origins: a source state.
    Origins,
}

/// Adds the hints of one record.
pub fn of(packed: PackedRecord<'_>, sides: Sides, out: &mut Vec<u64>) -> Result<(), DecodeError> {
    let key = packed.key()?;
    let place = Place::of(&key).hash;
    match &key {
        Key::Enrollment { person, .. } | Key::GroupMember { person, .. } => {
            out.push(hint(Term::Names(person.as_str()), place));
            return Ok(());
        }
        Key::Observer { observer, .. } => {
            out.push(hint(Term::Names(observer.as_str()), place));
            return Ok(());
        }
        _ => {}
    }
    let id = key.owner().id;
    // Whoever looks for a record's own key in small letters finds it without a hint.
    let found_by_key = plain(id) == id;
    let mut called = |name: &str| {
        if name != id || !found_by_key {
            out.push(hint(Term::Called(name), place));
        }
    };
    if matches!(key.kind(), Kind::Person | Kind::Course) {
        names(&packed.decode()?, &mut called);
    }
    if sides == Sides::Meta
        && let Some(id) = meta::decode(packed.side)?.lms_id
    {
        out.push(hint(Term::LmsId(&id), place));
    }
    Ok(())
}

/// Hands over everything that a person or course is called, beside its key.
pub fn names(record: &Record, each: &mut dyn FnMut(&str)) {
    let mut some = |text: &Option<Text>| text.iter().for_each(|text| each(text));
    match record {
        Record::Person(person) => {
            let texts =
                [&person.username, &person.email, &person.institution_email, &person.sourced_id];
            texts.into_iter().for_each(&mut some);
            let ids: &[Labelled] = person.user_ids.as_deref().unwrap_or_default();
            ids.iter().for_each(|id| each(&id.value));
        }
        Record::Course(course) => {
            [&course.short_name, &course.sourced_id].into_iter().for_each(&mut some);
        }
        _ => {}
    }
}

/// Sorted hints as the pieces of a bucket.
pub fn pack(hints: &[u64]) -> Packed {
    let mut packed = Packed::default();
    for piece in hints.chunks(PER_PIECE) {
        let (mut bytes, mut last) = (Vec::with_capacity(piece.len() * 5), 0);
        for hint in piece {
            put_varint(&mut bytes, hint - last);
            last = *hint;
        }
        packed.push(&bytes, &[]);
    }
    packed
}

/// Hands over every hint of a bucket.
pub fn each(packed: &Packed, each: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
    let mut read = || {
        for piece in packed.iter() {
            let (mut from, mut last) = (Decoder::new(piece?.record), 0u64);
            while !from.is_done() {
                let next = last.checked_add(from.varint()?);
                last = next.ok_or_else(|| from.expected("a hint"))?;
                each(last);
            }
        }
        Ok(())
    };
    read().map_err(|error| damaged("an index", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_knows_its_term_and_its_place_and_nothing_else() {
        let (term, other) = (Term::Called("Ada@Example.org"), Term::LmsId("ada@example.org"));
        let place_of = 0xabc0_1234_5678_9abc;
        let one = hint(term, place_of);
        assert!(is_for(one, term) && is_for(one, Term::Called(" ada@example.ORG ")));
        assert!(!is_for(one, other) && !is_for(one, Term::Names("Ada@Example.org")));
        assert_eq!(place(one), 0xabc0_0000_0000_0000);
        assert_eq!(home(one) >> 52, term.hash() >> 52, "it is found where it is looked for");
        assert!(one < 1 << 56);
    }

    #[test]
    fn hints_come_back_and_damaged_ones_are_an_error() {
        let hints: Vec<u64> = (0..10_000).map(|n| n * n * 7).collect();
        let packed = pack(&hints);
        assert_eq!(packed.len(), 3);
        let mut back = Vec::new();
        each(&packed, &mut |hint| back.push(hint)).unwrap();
        assert_eq!(back, hints);
        let mut damaged = Packed::default();
        damaged.push(&[0x80], &[]);
        assert!(each(&damaged, &mut |_| {}).is_err());
        let mut beyond = Packed::default();
        let mut bytes = Vec::new();
        put_varint(&mut bytes, u64::MAX);
        put_varint(&mut bytes, 1);
        beyond.push(&bytes, &[]);
        assert!(each(&beyond, &mut |_| {}).is_err());
    }
}
