//! Persons of a plan, found by what two persons share: hashes, so that nothing of anybody is kept.

use std::hash::{DefaultHasher, Hasher as _};

use hashbrown::HashSet;
use roster::likeness::normal_name;
use roster::{DecodeError, Kind, Person, Text};

use super::rename::person_of;
use crate::draft::{Board, DraftId};
use crate::known::id_hash;
use crate::{Action, Change, Phase};

/// Some persons of a plan.
pub(super) struct Sought {
    persons: Vec<(DraftId, Text)>,
    keys: HashSet<u64>,
    /// What somebody shares with one of them, as a hash, and the place of that one; sorted.
    by: Vec<(u64, u32)>,
}

impl Sought {
    /// Those whose changes are as `fits` says, of the phase in which `action` stands.
    pub(super) fn among(
        board: &Board,
        action: Action,
        fits: fn(&Change) -> bool,
    ) -> Result<Self, DecodeError> {
        let mut sought = Self { persons: Vec::new(), keys: HashSet::new(), by: Vec::new() };
        for draft in board.ids(Phase::of(Kind::Person, action, false)) {
            if !board.is_live(draft) {
                continue;
            }
            let change = board.change(draft)?;
            let Some(person) = fits(&change).then(|| person_of(change)).flatten() else { continue };
            let at = sought.persons.len() as u32;
            let shared = shared(&person).into_iter().chain(exact(&person)).flatten();
            sought.by.extend(shared.map(|hash| (hash, at)));
            let key = person.person().text();
            sought.keys.insert(id_hash(Kind::Person, key));
            sought.persons.push((draft, key.clone()));
        }
        sought.by.sort_unstable();
        Ok(sought)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// Whether the person of `key` is one of them.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(&id_hash(Kind::Person, key))
    }

    pub(super) fn drafts(&self) -> impl Iterator<Item = DraftId> + use<'_> {
        self.persons.iter().map(|(draft, _)| *draft)
    }

    pub(super) fn draft(&self, at: u32) -> DraftId {
        self.persons[at as usize].0
    }

    pub(super) fn key(&self, at: u32) -> &Text {
        &self.persons[at as usize].1
    }

    /// The places of those who share something with `person`, in order.
    pub(super) fn like(&self, person: &Person) -> Vec<u32> {
        self.sharing(shared(person))
    }

    /// The places of those who seem to have all of the name and something else of `person`.
    pub(super) fn very_like(&self, person: &Person) -> Vec<u32> {
        // Names are put in order only of the few who share something at all.
        let shares = shared(person).into_iter().flatten().any(|hash| self.with(hash).is_some());
        if shares { self.sharing(exact(person)) } else { Vec::new() }
    }

    fn sharing<const N: usize>(&self, hashes: [Option<u64>; N]) -> Vec<u32> {
        let mut places = Vec::new();
        for hash in hashes.into_iter().flatten() {
            let Some(first) = self.with(hash) else { continue };
            let same = self.by[first..].iter().take_while(|(other, _)| *other == hash);
            places.extend(same.map(|(_, at)| *at));
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Where those begin that share what `hash` stands for.
    fn with(&self, hash: u64) -> Option<usize> {
        let first = self.by.partition_point(|(other, _)| *other < hash);
        self.by.get(first).filter(|(other, _)| *other == hash).map(|_| first)
    }
}

/// The mark of the day of birth.
pub(super) fn born(person: &Person) -> Option<u32> {
    person.marks.and_then(|marks| marks.born)
}

/// Whether both have the text, and it is one but for capitals.
pub(super) fn same_text(a: &Option<Text>, b: &Option<Text>) -> bool {
    let (a, b) = (a.as_deref().map(str::to_lowercase), b.as_deref().map(str::to_lowercase));
    a.is_some() && a == b
}

/// Whether nothing tells the two apart but their keys: all of the name is the same, and the day of
/// birth or, where that is not known of both, the address.
pub(super) fn is_the_very_same(a: &Person, b: &Person) -> bool {
    let names = whole_name(a).is_some_and(|name| whole_name(b) == Some(name));
    let same = match born(a).zip(born(b)) {
        Some((a, b)) => a == b,
        None => email(a).is_some_and(|address| email(b) == Some(address)),
    };
    names && same
}

/// What two who are alike share: the day of birth, the address, the user name.
fn shared(person: &Person) -> [Option<u64>; 3] {
    let born = born(person).map(|born| hash(0, &[&born.to_string()]));
    let email = email(person).map(|email| hash(1, &[&email]));
    let username = person.username.as_deref().map(|name| hash(2, &[&name.to_lowercase()]));
    [born, email, username]
}

/// What two share whom nothing but the key tells apart.
fn exact(person: &Person) -> [Option<u64>; 2] {
    let Some(name) = whole_name(person) else { return [None, None] };
    let born = born(person).map(|born| hash(3, &[&name, &born.to_string()]));
    let email = email(person).map(|email| hash(4, &[&name, &email]));
    [born, email]
}

/// The address, unless it is a placeholder: that is made of the key, and says nothing of the
/// person.
fn email(person: &Person) -> Option<String> {
    let email = person.email.as_deref().map(str::to_lowercase);
    email.filter(|email| !email.ends_with(".invalid"))
}

/// All of the name in whatever order; `None` where it is one word alone.
fn whole_name(person: &Person) -> Option<String> {
    let parts = [&person.given, &person.family].map(|part| part.as_deref().unwrap_or_default());
    let parts = parts.join(" ");
    let whole = match (parts.trim(), person.full_name.as_deref()) {
        ("", Some(full)) => normal_name(full),
        _ => normal_name(&parts),
    };
    whole.contains(' ').then_some(whole)
}

/// The same in every process, as a plan is to be.
fn hash(what: u8, parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u8(what);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part.as_bytes());
    }
    hasher.finish()
}
