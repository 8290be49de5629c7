//! A school is the same for the same seed, plausible, and lives on day by day.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Key, Kind, Person, Record, Role, Status, normal};
use school::{Change, Rates, School, SchoolSpec};

fn school(persons: u32) -> School {
    School::new(SchoolSpec { persons, ..SchoolSpec::default() })
}

fn digest(records: impl Iterator<Item = Record>) -> String {
    let mut hasher = blake3::Hasher::new();
    records.for_each(|record| {
        hasher.update(&record.to_bytes());
    });
    hasher.finalize().to_hex()[..32].to_owned()
}

fn persons(school: &School) -> impl Iterator<Item = Person> + '_ {
    school.records().filter_map(|record| match record {
        Record::Person(person) => Some(*person),
        _ => None,
    })
}

fn count(school: &School, kind: Kind) -> usize {
    school.records().filter(|record| record.kind() == kind).count()
}

/// What a seed means must not change: people keep generated schools, and compare runs on them.
#[test]
fn a_seed_means_the_same_school_for_ever() {
    let of = |day| digest(school(300).on_day(day).records());
    assert_eq!(
        [of(0), of(100), of(500)],
        [
            "a21c9b54dab7abe47489f95589e868f3",
            "6bcfce8faf468be7fede05796a142c15",
            "55d06c33c72880edc2a64d8e9f9e900a",
        ]
    );
}

#[test]
fn other_seeds_are_other_schools() {
    let of = |seed| {
        let spec = SchoolSpec { seed, persons: 50, ..SchoolSpec::default() };
        digest(School::new(spec).records())
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}

#[test]
fn nothing_is_given_out_twice_among_fifty_thousand() {
    let school = school(50_000);
    let (mut usernames, mut emails) = (BTreeSet::new(), BTreeSet::new());
    for person in persons(&school) {
        let (username, email) = (person.username.unwrap(), person.email.unwrap());
        assert!(normal::is_email(&email) && email.ends_with(".example"), "{email}");
        assert!(
            username.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.')
        );
        assert!(usernames.insert(username));
        assert!(emails.insert(email));
    }
    let mut keys = BTreeSet::new();
    let mut names = BTreeSet::new();
    for record in school.records() {
        assert!(keys.insert(record.key().clone()), "{record:?}");
        if let Record::Course(course) = record {
            assert!(names.insert(course.short_name.unwrap()));
        }
    }
    assert_eq!(usernames.len(), 50_000);
}

/// Over the years, too: a key, user name or address never passes to somebody else.
#[test]
fn nobody_inherits_a_key_or_an_account() {
    let rates = Rates { leave: 1_500, rename: 500, new_username: 800, ..Rates::default() };
    let school = School::new(SchoolSpec { persons: 1_000, rates, ..SchoolSpec::default() });
    let mut birth_dates = BTreeMap::new();
    let mut accounts: BTreeMap<_, Key> = BTreeMap::new();
    for day in (0..365 * 6).step_by(61) {
        for person in persons(&school.on_day(day)) {
            let key = person.key().clone();
            let birth_date = birth_dates.entry(key.clone()).or_insert(person.birth_date);
            assert_eq!(*birth_date, person.birth_date, "{key}");
            for account in [person.username.clone().unwrap(), person.email.clone().unwrap()] {
                assert_eq!(*accounts.entry(account).or_insert(key.clone()), key);
            }
        }
    }
    assert!(birth_dates.len() > 2_000, "{}", birth_dates.len());
}

#[test]
fn it_has_the_proportions_of_a_school() {
    let school = school(20_000);
    let mut sizes: BTreeMap<_, u32> = BTreeMap::new();
    let (mut enrollments, mut inactive, mut several, mut members) = (0u32, 0, 0, 0);
    let mut teachers: BTreeMap<_, u32> = BTreeMap::new();
    for record in school.records() {
        match record {
            Record::Enrollment(enrollment) => {
                enrollments += 1;
                let course = enrollment.key().course().unwrap().clone();
                let roles = enrollment.roles.clone().unwrap();
                inactive += u32::from(enrollment.status == Some(Status::Inactive));
                several += u32::from(roles.iter().count() > 1);
                if roles.contains(&Role::Student) {
                    *sizes.entry(course).or_default() += 1;
                } else if roles.contains(&Role::Instructor) {
                    *teachers.entry(course).or_default() += 1;
                }
            }
            Record::GroupMember(_) => members += 1,
            _ => {}
        }
    }
    assert_eq!(count(&school, Kind::Person), 20_000);
    assert!((155_000..170_000).contains(&enrollments), "{enrollments}");
    assert!(inactive > enrollments / 200 && inactive < enrollments / 50, "{inactive}");
    assert!(several > 100, "{several}");
    assert!(members > enrollments / 3, "{members}");
    assert!(teachers.values().all(|count| (1..=3).contains(count)));
    assert!(teachers.values().any(|count| *count == 3));

    let usual = sizes.values().filter(|size| (12..=32).contains(*size)).count();
    let huge = sizes.values().filter(|size| **size >= 150).count();
    assert!(usual * 2 > sizes.len(), "{usual} of {}", sizes.len());
    assert!(huge > 5 && huge * 20 < sizes.len(), "{huge} of {}", sizes.len());
}

#[test]
fn people_have_the_names_of_a_dutch_town() {
    let school = school(5_000);
    let people: Vec<Person> = persons(&school).collect();
    let share = |test: fn(&Person) -> bool| {
        people.iter().filter(|person| test(person)).count() * 100 / people.len()
    };
    let prefixes = share(|person| person.family_prefix.is_some());
    assert!((20..50).contains(&prefixes), "{prefixes}");
    let diacritics = share(|person| !person.full_name.as_ref().unwrap().is_ascii());
    assert!((10..50).contains(&diacritics), "{diacritics}");
    assert!((2..30).contains(&share(|person| person.nickname.is_some())));
    assert!((15..60).contains(&share(|person| person.phones.is_some())));
    let roles = |person: &Person| person.institution_roles.clone().unwrap();
    assert!(people.iter().any(|person| roles(person).len() == 2));
    for role in ["Student", "Faculty", "Staff", "Administrator"] {
        assert!(people.iter().any(|person| *roles(person)[0] == *role), "{role}");
    }
}

/// Whatever a record names is there on the same day.
#[test]
fn every_reference_leads_somewhere() {
    for day in [0, 120, 364, 365, 800] {
        let school = school(2_000).on_day(day);
        let keys: BTreeSet<Key> = school.records().map(|record| record.key().clone()).collect();
        let person = |key: &Key| keys.contains(&Key::Person(key.person().unwrap().clone()));
        let course = |key: &Key| keys.contains(&Key::Course(key.course().unwrap().clone()));
        for record in school.records() {
            match &record {
                Record::Enrollment(it) => assert!(person(it.key()) && course(it.key())),
                Record::GroupMember(it) => {
                    let Key::GroupMember { course, group, person } = it.key().clone() else {
                        panic!("{record:?}");
                    };
                    let enrollment = Key::Enrollment { course: course.clone(), person };
                    assert!(keys.contains(&enrollment), "{record:?}");
                    assert!(keys.contains(&Key::Group { course, group }), "{record:?}");
                }
                Record::Course(it) => {
                    let unit = it.org_unit.clone().unwrap();
                    assert!(keys.contains(&Key::OrgUnit(unit.into())));
                    let term = it.term.clone();
                    assert!(term.is_none_or(|term| keys.contains(&Key::Term(term.into()))));
                    let template = it.template.clone();
                    assert!(template.is_none_or(|key| keys.contains(&Key::Course(key.into()))));
                }
                _ => {}
            }
        }
    }
}

/// Changes since a day, applied to the records of that day, give the records of today.
#[test]
fn changes_lead_from_one_day_to_another() {
    let school = school(1_500);
    for (from, to) in [(0, 1), (10, 40), (40, 10), (300, 380)] {
        let map = |day| {
            let records = school.on_day(day);
            records.records().map(|it| (it.key().clone(), it)).collect::<BTreeMap<_, _>>()
        };
        let mut state = map(from);
        let today = school.on_day(to);
        for change in today.changes_since(from) {
            match change {
                Change::Record(record) => {
                    state.insert(record.key().clone(), record);
                }
                Change::Removal(removal) => {
                    assert!(state.remove(&removal.key).is_some(), "{}", removal.key);
                }
            }
        }
        assert!(state == map(to), "{from} to {to}");
    }
}

#[test]
fn a_day_changes_little_and_the_turn_of_the_year_changes_every_course() {
    let school = school(5_000);
    let all = school.records().count();
    for day in [5, 100, 200] {
        let changed = school.on_day(day + 1).changes_since(day).count();
        assert!((5..all / 50).contains(&changed), "{changed} of {all} on day {day}");
    }
    let courses = |day| {
        let today = school.on_day(day);
        let keys = today.records().filter(|it| {
            it.kind() == Kind::Course
                && it.key().course().is_some_and(|key| !key.as_str().starts_with("template"))
        });
        keys.map(|it| it.key().clone()).collect::<BTreeSet<_>>()
    };
    assert!(courses(364).is_disjoint(&courses(365)));
    let people = |day| {
        let today = school.on_day(day);
        persons(&today).map(|person| person.key().clone()).collect::<BTreeSet<_>>()
    };
    let (before, after) = (people(364), people(365));
    let stayed = before.intersection(&after).count() * 100 / before.len();
    assert!((70..85).contains(&stayed), "a quarter of the students graduates: {stayed} %");
}

/// Every kind of event of a year can be seen happening.
#[test]
fn a_year_holds_every_kind_of_event() {
    let school = school(5_000);
    let (mut seen, mut renamed, mut accounts) = (BTreeMap::new(), 0, 0);
    let before: BTreeMap<Key, Person> =
        persons(&school).map(|person| (person.key().clone(), person)).collect();
    for change in school.on_day(250).changes_since(0) {
        let (word, key) = match &change {
            Change::Record(record) => ("here", record.key()),
            Change::Removal(removal) => ("gone", &removal.key),
        };
        *seen.entry((key.kind(), word)).or_insert(0u32) += 1;
        let Change::Record(Record::Person(person)) = &change else { continue };
        let Some(was) = before.get(person.key()) else { continue };
        assert_eq!(was.given, person.given);
        renamed += u32::from(was.family != person.family);
        accounts += u32::from(was.username != person.username);
    }
    assert!(renamed > 5 && accounts > 5, "{renamed} {accounts}");
    for kind in [Kind::Person, Kind::Course, Kind::Enrollment, Kind::GroupMember] {
        for word in ["here", "gone"] {
            assert!(seen.get(&(kind, word)).is_some_and(|count| *count > 5), "{kind} {word}");
        }
    }
}

#[test]
fn a_school_of_any_size_works() {
    for size in [0, 1, 2, 5, 17, 59, 60, 61] {
        let school = school(size);
        assert_eq!(count(&school, Kind::Person), size as usize);
        assert!(school.on_day(u32::MAX).records().count() > 0);
    }
}

#[test]
fn without_events_only_the_year_turns() {
    let spec = SchoolSpec { persons: 500, rates: Rates::NONE, ..SchoolSpec::default() };
    let school = School::new(spec);
    assert_eq!(school.on_day(364).changes_since(0).count(), 0);
    assert!(school.on_day(365).changes_since(364).count() > 1_000);
}
