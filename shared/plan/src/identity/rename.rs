//! One who vanished and one who is new, and much alike: proposed as one person with a new key.
//!
//! Only persons whom the plan takes out of use because they are gone, and persons whom it makes,
//! are compared, and of those only pairs that share a day of birth, an address or a user name:
//!
//! | they share | and | then |
//! |---|---|---|
//! | the day of birth | the given name is alike | proposed |
//! | the address | a part of the name is alike, or nothing says that they were born on two days | proposed |
//! | the user name | a part of the name is alike, and nothing says that they were born on two days | proposed |
//!
//! A person who is new is proposed as one who vanished, the one who is most alike.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use roster::likeness::alike;
use roster::{DecodeError, Key, Kind, Person, Record, Text};

use super::Identity;
use super::judge::name;
use crate::draft::{Board, DraftId};
use crate::known::{Known, Standing, id_hash};
use crate::{Action, Cause, Change, HoldReason, Phase};

/// One of two who are compared.
struct Candidate {
    draft: DraftId,
    person: Person,
    born: Option<u32>,
}

impl Candidate {
    fn of(draft: DraftId, change: Change) -> Option<Self> {
        let Some(Record::Person(person)) = change.after.or(change.before) else { return None };
        let born = person.marks.and_then(|marks| marks.born);
        Some(Self { draft, person: *person, born })
    }

    /// What others are found by.
    fn shared(&self) -> impl Iterator<Item = (u8, String)> {
        let born = self.born.map(|born| (0, born.to_string()));
        // A placeholder address is made of the key, and says nothing of the person.
        let email = self.person.email.as_deref().map(str::to_lowercase);
        let email = email.filter(|email| !email.ends_with(".invalid"));
        let username = self.person.username.as_deref().map(str::to_lowercase);
        [born, email.map(|email| (1, email)), username.map(|name| (2, name))].into_iter().flatten()
    }
}

/// Holds each pair that may be one person, and what belongs to either. Says of how many pairs.
pub(crate) fn propose(
    identity: &Identity<'_>,
    board: &mut Board,
    known: &mut Known,
) -> Result<u64, DecodeError> {
    if !identity.rules.rename {
        return Ok(0);
    }
    let gone = gone(board)?;
    if gone.is_empty() {
        return Ok(0);
    }
    let mut by: HashMap<(u8, String), Vec<usize>> = HashMap::new();
    for (at, one) in gone.iter().enumerate() {
        one.shared().for_each(|shared| by.entry(shared).or_default().push(at));
    }
    let mut pairs = 0;
    let mut former = BTreeMap::new();
    for draft in board.ids(Phase::of(Kind::Person, Action::Create, false)) {
        let Some(new) = newcomer(board, draft)? else { continue };
        let found = new.shared().flat_map(|shared| by.get(&shared).into_iter().flatten());
        let likely = found.filter_map(|at| Some((score(identity, &gone[*at], &new)?, *at)));
        // The most alike; of those, the first in the order of keys.
        let best = likely.max_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        let Some((_, at)) = best else { continue };
        let (old, old_key) = (&gone[at], gone[at].person.person().text());
        let new_key = new.person.person().text();
        let reason = HoldReason::Rename { old: old_key.clone(), new: new_key.clone() };
        let mark = board.reason(reason);
        if !board.set(new.draft, mark) {
            continue;
        }
        board.set(old.draft, mark);
        known.add(id_hash(Kind::Person, new_key), Standing::STUCK);
        former.insert(id_hash(Kind::Person, old_key), old_key.clone());
        pairs += 1;
    }
    hold_belongings(board, &former)?;
    Ok(pairs)
}

/// Persons who are taken out of use because their source no longer has them, by key.
fn gone(board: &Board) -> Result<Vec<Candidate>, DecodeError> {
    let mut gone = Vec::new();
    for draft in board.ids(Phase::of(Kind::Person, Action::Remove, false)) {
        let change = board.change(draft)?;
        if change.origin.is_none() && board.is_live(draft) {
            gone.extend(Candidate::of(draft, change));
        }
    }
    gone.sort_by(|a, b| a.person.person().cmp(b.person.person()));
    Ok(gone)
}

/// Somebody whom the plan makes and whom nobody knows yet: an account that may be there already
/// cannot become another's.
fn newcomer(board: &Board, draft: DraftId) -> Result<Option<Candidate>, DecodeError> {
    if !board.is_live(draft) || board.head(draft)?.0 != Action::Create {
        return Ok(None);
    }
    let change = board.change(draft)?;
    let doubtful = change.cause == Cause::InDoubt;
    Ok(Candidate::of(draft, change).filter(|_| !doubtful))
}

/// How much says that they are one; `None` where it is not enough.
fn score(identity: &Identity<'_>, old: &Candidate, new: &Candidate) -> Option<u32> {
    let pair = (old.person.person().text().clone(), new.person.person().text().clone());
    if identity.different.contains(&pair) {
        return None;
    }
    let same = |what: fn(&Person) -> &Option<Text>| {
        let of = |person: &Person| what(person).as_deref().map(str::to_lowercase);
        of(&old.person).is_some_and(|old| Some(old) == of(&new.person))
    };
    let (born, born_otherwise) = match old.born.zip(new.born) {
        Some((old, new)) => (old == new, old != new),
        None => (false, false),
    };
    let (email, username) = (same(|p| &p.email), same(|p| &p.username));
    let likeness = alike(name(&old.person), name(&new.person));
    let from = identity.rules.alike;
    let (given, family) = match likeness {
        Some(likeness) => (likeness.given >= from, likeness.family >= from),
        None => (false, false),
    };
    let part = given || family;
    let proposed = (born && given)
        || (email && (part || !born_otherwise))
        || (username && part && !born_otherwise);
    let names = likeness.map_or(0, |l| u32::from(l.given) + u32::from(l.family));
    let shared = [born, email, username].into_iter().map(u32::from).sum::<u32>();
    proposed.then_some(shared * 1000 + names)
}

/// Holds what would be taken away of those who may only have another key.
fn hold_belongings(board: &mut Board, former: &BTreeMap<u64, Text>) -> Result<(), DecodeError> {
    if former.is_empty() {
        return Ok(());
    }
    for kind in [Kind::Enrollment, Kind::GroupMember, Kind::Association, Kind::Observer] {
        for id in board.ids(Phase::of(kind, Action::Remove, false)) {
            let (_, key) = board.head(id)?;
            let mut of = persons(&key).into_iter().flatten();
            let of = of.find_map(|person| former.get(&id_hash(Kind::Person, person)));
            if let Some(old) = of {
                board.hold_for(id, format!("{}:{old}", Kind::Person));
            }
        }
    }
    Ok(())
}

/// Holds what gives more rights, in a course that the account is in already, to somebody who may
/// be a stranger.
pub(crate) fn hold_roles(board: &mut Board, strangers: &HashSet<u64>) -> Result<(), DecodeError> {
    if strangers.is_empty() {
        return Ok(());
    }
    for kind in [Kind::Enrollment, Kind::Observer, Kind::Association] {
        for id in board.ids(Phase::of(kind, Action::Update, false)) {
            let (action, key) = board.head(id)?;
            let of = persons(&key).into_iter().flatten();
            let mut of = of.filter(|person| strangers.contains(&id_hash(Kind::Person, person)));
            if let (Action::Update, Some(person)) = (action, of.next()) {
                board.hold_for(id, format!("{}:{person}", Kind::Person));
            }
        }
    }
    Ok(())
}

/// The persons that something belongs to.
fn persons(key: &Key) -> [Option<&str>; 2] {
    match key {
        Key::Observer { person, observer } => [Some(person.as_str()), Some(observer.as_str())],
        Key::Association { kind: roster::AssociationKind::PersonOrgUnit, from, .. } => {
            [Some(from.as_str()), None]
        }
        key => [key.person().map(|person| person.as_str()), None],
    }
}
