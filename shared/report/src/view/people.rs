//! What a plan changes for persons: who joins and leaves which courses.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use plan::{Action, Change};
use roster::{Kind, PersonKey, Text};

/// The courses that a person joins or leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    /// How many courses the person joins.
    pub joins: u64,
    /// The first of them.
    pub joined: Vec<Text>,
    /// How many courses the person leaves.
    pub leaves: u64,
    /// The first of them.
    pub left: Vec<Text>,
    /// How many enrollments change otherwise, and changes in groups.
    pub others: u64,
}

/// A person for whom only courses change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoverView {
    /// Who.
    pub key: PersonKey,
    /// What the person is called, where that is known.
    pub name: Option<String>,
    /// What changes.
    pub ties: Ties,
}

/// What a plan changes for persons, the held part left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleView {
    /// How many persons have a change at all: their own record, a course, a group.
    pub touched: u64,
    /// How many of them have changes of courses and groups alone.
    pub moving: u64,
    /// Those of these with the most changes, the most first.
    pub movers: Vec<MoverView>,
    /// The courses of persons whose own record changes, for the lines that are shown.
    pub ties: BTreeMap<PersonKey, Ties>,
}

/// How many courses of a person are named.
const COURSES: usize = 4;
/// How many persons' courses are remembered. Beyond that persons are counted and no more.
const TRACKED: usize = 20_000;
/// How many movers are shown.
const MOVERS: usize = 100;

/// Collects what changes for persons. It grows with their number by 16 bytes each, beyond the
/// [`TRACKED`] ones.
#[derive(Default)]
pub(super) struct Gathering {
    tracked: HashMap<PersonKey, Ties>,
    /// Persons by their hash: of a million, two are one with a chance of 1 to 30 million.
    own: HashSet<u64>,
    tied: HashSet<u64>,
    hasher: DefaultHashBuilder,
}

impl Gathering {
    /// Takes a change to deliver.
    pub fn push(&mut self, change: &Change) {
        let Some(person) = change.key().person() else { return };
        let hash = self.hasher.hash_one(person.as_str());
        match change.kind() {
            Kind::Person => {
                self.own.insert(hash);
            }
            Kind::Enrollment | Kind::GroupMember => {
                self.tied.insert(hash);
                if self.tracked.len() < TRACKED || self.tracked.contains_key(person) {
                    tie(self.tracked.entry(person.clone()).or_default(), change);
                }
            }
            _ => {}
        }
    }

    /// What there is to show; `shown` are the persons that have a line of their own.
    pub fn finish<'a>(mut self, shown: impl Iterator<Item = &'a PersonKey>) -> PeopleView {
        let mut view = PeopleView {
            touched: self.own.union(&self.tied).count() as u64,
            moving: self.tied.difference(&self.own).count() as u64,
            ..PeopleView::default()
        };
        for person in shown {
            if let Some(ties) = self.tracked.remove(person) {
                view.ties.insert(person.clone(), ties);
            }
        }
        let (own, hasher) = (&self.own, &self.hasher);
        let mut movers: Vec<(PersonKey, Ties)> = self
            .tracked
            .into_iter()
            .filter(|(person, _)| !own.contains(&hasher.hash_one(person.as_str())))
            .collect();
        movers.sort_unstable_by(|a, b| b.1.total().cmp(&a.1.total()).then_with(|| a.0.cmp(&b.0)));
        movers.truncate(MOVERS);
        view.movers =
            movers.into_iter().map(|(key, ties)| MoverView { key, name: None, ties }).collect();
        view
    }
}

impl Ties {
    fn total(&self) -> u64 {
        self.joins + self.leaves + self.others
    }
}

fn tie(ties: &mut Ties, change: &Change) {
    let (count, named) = match (change.kind(), change.action) {
        (Kind::Enrollment, Action::Create | Action::Restore | Action::Adopt) => {
            (&mut ties.joins, &mut ties.joined)
        }
        (Kind::Enrollment, Action::Remove | Action::Suspend) => (&mut ties.leaves, &mut ties.left),
        _ => {
            ties.others += 1;
            return;
        }
    };
    *count += 1;
    if named.len() < COURSES
        && let Some(course) = change.key().course()
    {
        named.push(course.text().clone());
    }
}
