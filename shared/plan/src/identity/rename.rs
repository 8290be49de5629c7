//! One who vanished and one who is new, and much alike: proposed as one person with a new key.
//!
//! Persons whom the plan takes out of use because they are gone (*vanished*) and persons whom it
//! makes (*newcomers*) are compared with each other and, in a second pass over the applied state,
//! with those who are not in the plan at all:
//!
//! | in this plan | and | then |
//! |---|---|---|
//! | a newcomer | one who vanished in it | a question ([`HoldReason::Rename`]) |
//! | a newcomer | one whom an earlier export dropped, within the days that are looked back | the same |
//! | a newcomer | one who is there and stays, with the very same name and day of birth or address | a question ([`HoldReason::TwoKeys`]) |
//! | one who vanished | one who stays, and came within the days that are looked back | held ([`HoldReason::Merge`]): each has an account |
//!
//! Only pairs that share a day of birth, an address or a user name are looked at:
//!
//! | they share | and | then alike |
//! |---|---|---|
//! | the day of birth | the given name is alike | yes |
//! | the address | the given name is alike, or nothing says that they were born on two days | yes |
//! | the user name | a part of the name is alike, and nothing says that they were born on two days | yes |
//!
//! A person who is new is proposed as the one who is most alike; what was asked by the plan before
//! is asked until it is answered, however long ago.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use roster::likeness::alike;
use roster::{DecodeError, Key, Kind, Person, Record, Text};

use super::Identity;
use super::judge::name;
use super::sought::{Sought, born, is_the_very_same, same_text};
use crate::draft::{Board, DraftId};
use crate::known::{Known, Standing, id_hash};
use crate::{Absence, Action, Applied, Cause, Change, HoldReason, Ownership, Phase, Presence};

/// What is known of those who are compared.
pub(crate) struct Looking<'a> {
    pub identity: &'a Identity<'a>,
    /// Whether a record's absence says that it is gone.
    pub absence: &'a dyn Fn(&Applied) -> Absence,
    /// Whether the LMS is known to hold anybody.
    pub anybody: bool,
}

/// One who vanished beside one who has an account of their own, and may be the same person.
#[derive(Debug)]
pub(crate) struct Merge {
    draft: DraftId,
    old: Text,
    new: Text,
}

/// What a newcomer may be; the later, the likelier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum May {
    /// One who is there all the same.
    BeThere,
    /// One who is gone.
    BeGone,
}

/// The best that was found for one.
#[derive(Debug)]
struct Best {
    may: May,
    score: u32,
    key: Text,
    /// What takes that one out of use, where this plan does.
    draft: Option<DraftId>,
}

/// For one of the plan's persons, by place, the best that was found.
#[derive(Debug, Default)]
struct Found(BTreeMap<u32, Best>);

impl Found {
    /// Keeps the most alike; of those, the first in the order of keys.
    fn offer(&mut self, at: u32, best: Best) {
        let beats = |known: &Best| match (best.may, best.score).cmp(&(known.may, known.score)) {
            std::cmp::Ordering::Equal => best.key < known.key,
            order => order.is_gt(),
        };
        if self.0.get(&at).is_none_or(beats) {
            self.0.insert(at, best);
        }
    }
}

/// Holds each pair that may be one person, and what belongs to either. The answer is those of whom
/// each has an account of their own; nothing of theirs is held yet.
pub(crate) fn propose(
    looking: &Looking<'_>,
    board: &mut Board,
    known: &mut Known,
) -> Result<Vec<Merge>, DecodeError> {
    if !looking.identity.rules.rename || !looking.anybody {
        return Ok(Vec::new());
    }
    let newcomers = Sought::among(board, Action::Create, is_newcomer)?;
    let vanished = Sought::among(board, Action::Remove, is_vanished)?;
    let mut comparing = Comparing {
        looking,
        board,
        known,
        newcomers: &newcomers,
        vanished: &vanished,
        changed: HashMap::new(),
        found: Found::default(),
        merges: Found::default(),
    };
    comparing.within_the_plan()?;
    comparing.beyond_the_plan()?;
    let Comparing { found, merges, .. } = comparing;
    ask(found, &newcomers, board, known)?;
    let merge = |(at, best): (u32, Best)| {
        let old = vanished.key(at).clone();
        Merge { draft: vanished.draft(at), old, new: best.key }
    };
    Ok(merges.0.into_iter().map(merge).collect())
}

/// Holds what is a question.
fn ask(
    found: Found,
    newcomers: &Sought,
    board: &mut Board,
    known: &mut Known,
) -> Result<(), DecodeError> {
    let mut former = BTreeMap::new();
    for (at, best) in found.0 {
        let (new, old) = (newcomers.key(at).clone(), best.key);
        let mark = board.reason(match best.may {
            May::BeGone => HoldReason::Rename { old: old.clone(), new: new.clone() },
            May::BeThere => HoldReason::TwoKeys { old: old.clone(), new: new.clone() },
        });
        if !board.set(newcomers.draft(at), mark) {
            continue;
        }
        known.add(id_hash(Kind::Person, &new), Standing::STUCK);
        if let Some(draft) = best.draft {
            board.set(draft, mark);
        }
        if best.may == May::BeGone {
            former.insert(id_hash(Kind::Person, &old), old);
        }
    }
    hold_belongings(board, &former)
}

/// Holds what would put accounts aside whose owners may have another one by now.
pub(crate) fn hold_merges(merges: Vec<Merge>, board: &mut Board) -> Result<(), DecodeError> {
    let mut former = BTreeMap::new();
    for Merge { draft, old, new } in merges {
        let mark = board.reason(HoldReason::Merge { old: old.clone(), new });
        if board.set(draft, mark) {
            former.insert(id_hash(Kind::Person, &old), old);
        }
    }
    hold_belongings(board, &former)
}

/// The persons of the plan beside each other, and beside those whom the LMS holds.
struct Comparing<'a> {
    looking: &'a Looking<'a>,
    board: &'a Board,
    known: &'a Known,
    newcomers: &'a Sought,
    vanished: &'a Sought,
    /// Persons whom the plan changes, as hashes: they are compared as they are to be.
    changed: HashMap<u64, DraftId>,
    found: Found,
    merges: Found,
}

impl Comparing<'_> {
    fn within_the_plan(&mut self) -> Result<(), DecodeError> {
        if self.newcomers.is_empty() {
            return Ok(());
        }
        for draft in self.vanished.drafts() {
            let Some(old) = person_of(self.board.change(draft)?) else { continue };
            self.may_be_gone(&old, Some(draft), |_| true)?;
        }
        Ok(())
    }

    fn beyond_the_plan(&mut self) -> Result<(), DecodeError> {
        let Looking { identity, .. } = *self.looking;
        let nobody = self.newcomers.is_empty() && self.vanished.is_empty();
        if identity.rules.rename_days == 0 || nobody {
            return Ok(());
        }
        for draft in self.board.ids(Phase::of(Kind::Person, Action::Update, false)) {
            let (action, key) = self.board.head(draft)?;
            if action != Action::Create && self.board.is_live(draft) {
                self.changed.insert(id_hash(Kind::Person, key.owner().id), draft);
            }
        }
        let mut outcome = Ok(());
        (identity.people)(&mut |applied| {
            if outcome.is_ok() {
                outcome = self.beside(applied);
            }
        })?;
        outcome
    }

    /// One whom the LMS holds.
    fn beside(&mut self, applied: &Applied) -> Result<(), DecodeError> {
        let Record::Person(person) = &applied.record else { return Ok(()) };
        let Some(presence @ (Presence::Present | Presence::Suspended)) = applied.meta.presence
        else {
            return Ok(());
        };
        let key = person.person().text();
        if applied.meta.ownership == Ownership::Found || self.vanished.has(key) {
            return Ok(());
        }
        let Looking { identity, absence, .. } = *self.looking;
        let hash = id_hash(Kind::Person, key);
        if self.known.get(hash).has(Standing::WANTED) {
            let changed = self.changed.get(&hash).map(|draft| self.board.change(*draft));
            let changed = changed.transpose()?.and_then(person_of);
            let person = changed.as_deref().unwrap_or(person);
            self.may_be_there(person)?;
            return self.may_be_two_accounts(person, &applied.meta.first_run);
        }
        if absence(applied) != Absence::Removes {
            return Ok(());
        }
        // Where policy leaves an account as it is, nobody knows since when its owner is gone.
        let lately = presence == Presence::Present || *applied.meta.last_run >= *identity.since;
        let asked = |new: &Text| identity.asked.contains(&(key.clone(), new.clone()));
        self.may_be_gone(person, None, |new| lately || asked(new))
    }

    /// Newcomers who may be `old`, who is gone.
    fn may_be_gone(
        &mut self,
        old: &Person,
        draft: Option<DraftId>,
        counts: impl Fn(&Text) -> bool,
    ) -> Result<(), DecodeError> {
        for at in self.newcomers.like(old) {
            let new = self.newcomers.draft(at);
            let Some(new) = person_of(self.board.change(new)?) else { continue };
            let score = score(self.looking.identity, old, &new);
            if let Some(score) = score.filter(|_| counts(new.person().text())) {
                let key = old.person().text().clone();
                self.found.offer(at, Best { may: May::BeGone, score, key, draft });
            }
        }
        Ok(())
    }

    /// Newcomers who may be `old`, who stays.
    fn may_be_there(&mut self, old: &Person) -> Result<(), DecodeError> {
        for at in self.newcomers.very_like(old) {
            let new = self.newcomers.draft(at);
            let Some(new) = person_of(self.board.change(new)?) else { continue };
            let score = score(self.looking.identity, old, &new);
            if let Some(score) = score.filter(|_| is_the_very_same(old, &new)) {
                let key = old.person().text().clone();
                self.found.offer(at, Best { may: May::BeThere, score, key, draft: None });
            }
        }
        Ok(())
    }

    /// Those who vanished and may be `new`, who has had an account since `first_run`.
    fn may_be_two_accounts(&mut self, new: &Person, first_run: &Text) -> Result<(), DecodeError> {
        let identity = self.looking.identity;
        let key = new.person().text();
        let lately = **first_run >= *identity.since;
        for at in self.vanished.like(new) {
            let old = self.vanished.key(at);
            if !lately && !identity.asked.contains(&(old.clone(), key.clone())) {
                continue;
            }
            let draft = self.vanished.draft(at);
            let Some(old) = person_of(self.board.change(draft)?) else { continue };
            if let Some(score) = score(identity, &old, new) {
                let best = Best { may: May::BeThere, score, key: key.clone(), draft: None };
                self.merges.offer(at, best);
            }
        }
        Ok(())
    }
}

/// A person who is taken out of use because their source no longer has them.
fn is_vanished(change: &Change) -> bool {
    change.action.takes_away() && change.origin.is_none()
}

/// Somebody whom the plan makes and whom nobody knows yet: an account that may be there already
/// cannot become another's.
fn is_newcomer(change: &Change) -> bool {
    change.action == Action::Create && change.cause != Cause::InDoubt
}

/// The person whom a change is about.
pub(super) fn person_of(change: Change) -> Option<Box<Person>> {
    match change.after.or(change.before) {
        Some(Record::Person(person)) => Some(person),
        _ => None,
    }
}

/// How much says that they are one; `None` where it is not enough.
fn score(identity: &Identity<'_>, old: &Person, new: &Person) -> Option<u32> {
    let pair = (old.person().text().clone(), new.person().text().clone());
    if identity.different.contains(&pair) {
        return None;
    }
    let (email, username) =
        (same_text(&old.email, &new.email), same_text(&old.username, &new.username));
    let (same_day, other_day) = match born(old).zip(born(new)) {
        Some((old, new)) => (old == new, old != new),
        None => (false, false),
    };
    let likeness = alike(name(old), name(new));
    let from = identity.rules.alike;
    let (given, family) = match likeness {
        Some(likeness) => (likeness.given >= from, likeness.family >= from),
        None => (false, false),
    };
    let proposed = (same_day && given)
        || (email && (given || !other_day))
        || (username && (given || family) && !other_day);
    let names = likeness.map_or(0, |l| u32::from(l.given) + u32::from(l.family));
    let shared = [same_day, email, username].into_iter().map(u32::from).sum::<u32>();
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
