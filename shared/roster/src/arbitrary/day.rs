//! A whole roster, and what becomes of it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::record::{
    association, course, enrollment, group, group_member, observer, org_unit, person, record, term,
};
use crate::{Key, Place, Record, Status, Text};

/// A roster: each key once, in the order of keys. [`School::in_order`] gives it as a join wants it.
#[derive(Clone, Default, PartialEq)]
pub struct School(pub BTreeMap<Key, Record>);

impl std::fmt::Debug for School {
    /// All of it: these are invented people, and a failing test must show what fails.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut map = f.debug_map();
        for (key, record) in &self.0 {
            let fields: Vec<_> =
                record.fields().iter().map(|(spec, shown)| format!("{spec}={shown}")).collect();
            map.entry(key, &fields.join(" "));
        }
        map.finish()
    }
}

impl School {
    /// The records in the order of their places.
    pub fn in_order(&self) -> Vec<Record> {
        let mut records: Vec<_> = self.0.values().cloned().collect();
        records.sort_by(|a, b| Place::of(a.key()).cmp(&Place::of(b.key())));
        records
    }

    fn add(&mut self, record: Record) {
        self.0.insert(record.key().clone(), record);
    }

    /// The key of the record of `kind` that `at` points to.
    fn pick(&self, kind: crate::Kind, at: Index) -> Option<Key> {
        let keys: Vec<_> = self.0.keys().filter(|key| key.kind() == kind).collect();
        (!keys.is_empty()).then(|| (*at.get(&keys)).clone())
    }

    /// Gives what is without one a user name or course code of its own, and takes double ones
    /// away, as a source in order would have it.
    fn settle_names(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        for record in self.0.values_mut() {
            let kind = record.kind();
            if let Some(name) = name_of(record)
                && let Some(text) = name
                && !seen.insert((kind, text.clone()))
            {
                *name = None;
            }
        }
    }
}

fn name_of(record: &mut Record) -> Option<&mut Option<Text>> {
    match record {
        Record::Person(person) => Some(&mut person.username),
        Record::Course(course) => Some(&mut course.short_name),
        _ => None,
    }
}

/// A school of a few dozen records. Most of what refers to something finds it.
pub fn school() -> impl Strategy<Value = School> {
    let people = vec(person(12, 16).prop_map(Record::from), 4..12);
    let courses = vec(course(6, 8).prop_map(Record::from), 2..6);
    let places = vec(
        prop_oneof![
            8 => enrollment(6, 12).prop_map(Record::from),
            2 => group(6).prop_map(Record::from),
            2 => group_member(6, 12).prop_map(Record::from),
            1 => term().prop_map(Record::from),
            1 => org_unit().prop_map(Record::from),
            1 => association(6, 12).prop_map(Record::from),
            1 => observer(12).prop_map(Record::from),
        ],
        0..40,
    );
    (people, courses, places).prop_map(|(people, courses, places)| {
        let mut school = School::default();
        people.into_iter().chain(courses).chain(places).for_each(|record| school.add(record));
        school.settle_names();
        school
    })
}

/// Something that happens at a school.
#[derive(Debug, Clone)]
enum Event {
    /// A record comes, or is there with other fields.
    Comes(Box<Record>),
    /// A person or course leaves, with everything that belongs to it.
    Leaves(crate::Kind, Index),
    /// A record goes alone.
    Goes(Index),
    /// A person or course is inactive from now on, or active.
    Turns(crate::Kind, Index, Status),
    /// Two persons or courses swap names.
    Swaps(crate::Kind, Index, Index),
    /// All of them pass their names round.
    PassRound(crate::Kind),
    /// A student moves to another course.
    Moves(Index, Index),
}

fn event() -> impl Strategy<Value = Event> {
    let kind = || prop_oneof![Just(crate::Kind::Person), Just(crate::Kind::Course)];
    let status = prop_oneof![Just(Status::Active), Just(Status::Inactive)];
    let at = any::<Index>;
    prop_oneof![
        6 => record().prop_map(|record| Event::Comes(Box::new(record))),
        2 => (kind(), at()).prop_map(|(kind, at)| Event::Leaves(kind, at)),
        3 => at().prop_map(Event::Goes),
        2 => (kind(), at(), status).prop_map(|(kind, at, status)| Event::Turns(kind, at, status)),
        3 => (kind(), at(), at()).prop_map(|(kind, a, b)| Event::Swaps(kind, a, b)),
        1 => kind().prop_map(Event::PassRound),
        3 => (at(), at()).prop_map(|(who, to)| Event::Moves(who, to)),
    ]
}

/// What becomes of `school` by the next day: joiners, leavers, moves, renames, swaps of names.
pub fn next_day(school: School) -> impl Strategy<Value = School> {
    vec(event(), 0..8).prop_map(move |events| {
        let mut next = school.clone();
        events.into_iter().for_each(|event| happens(&mut next, event));
        next.settle_names();
        next
    })
}

fn happens(school: &mut School, event: Event) {
    match event {
        Event::Comes(record) => school.add(*record),
        Event::Leaves(kind, at) => {
            let Some(leaver) = school.pick(kind, at) else { return };
            school.0.retain(|key, _| match &leaver {
                Key::Person(person) => key.person() != Some(person),
                other => key != other && key.owner() != other.owner(),
            });
        }
        Event::Goes(at) => {
            let keys: Vec<_> = school.0.keys().cloned().collect();
            if !keys.is_empty() {
                school.0.remove(at.get(&keys));
            }
        }
        Event::Turns(kind, at, status) => {
            let key = school.pick(kind, at);
            match key.and_then(|key| school.0.get_mut(&key)) {
                Some(Record::Person(person)) => person.status = Some(status),
                Some(Record::Course(course)) => course.status = Some(status),
                _ => {}
            }
        }
        Event::Swaps(kind, a, b) => {
            if let (Some(a), Some(b)) = (school.pick(kind, a), school.pick(kind, b)) {
                pass_round(school, &[a, b]);
            }
        }
        Event::PassRound(kind) => {
            let keys: Vec<_> = school.0.keys().filter(|key| key.kind() == kind).cloned().collect();
            pass_round(school, &keys);
        }
        Event::Moves(who, to) => {
            let from = school.pick(crate::Kind::Enrollment, who);
            let to = school.pick(crate::Kind::Course, to);
            let (Some(from), Some(Key::Course(course))) = (from, to) else { return };
            let Some(person) = from.person().cloned() else { return };
            let Some(record) = school.0.remove(&from) else { return };
            if let Some(moved) = record.with_key(Key::Enrollment { course, person }) {
                school.add(moved);
            }
        }
    }
}

/// Each of `keys` gets the name of the one before it.
fn pass_round(school: &mut School, keys: &[Key]) {
    let mut names: Vec<_> = keys
        .iter()
        .map(|key| school.0.get_mut(key).and_then(name_of).and_then(|name| name.clone()))
        .collect();
    if !names.is_empty() {
        names.rotate_right(1);
    }
    for (key, name) in keys.iter().zip(names) {
        if let (Some(slot), Some(name)) = (school.0.get_mut(key).and_then(name_of), name) {
            *slot = Some(name);
        }
    }
}
