//! Write, then read: the same roster.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::collections::BTreeMap;
use std::io::Cursor;

use proptest::prelude::*;
use readers::write::ims::{Entry, ImsOptions, Written, export};
use readers::write::{Encoding, Layout};
use readers::{ReadOptions, read_export};
use roster::{Key, Kind, Mode, Person, Record, Removal, Roles, Snapshot, SnapshotBuilder, Text};
use school::{Change, Rates, School, SchoolSpec};

type Roster = BTreeMap<Key, Record>;

fn write<E: Into<Entry>>(
    entries: impl IntoIterator<Item = E>,
    encoding: Encoding,
    layout: Layout,
) -> (Vec<u8>, Written) {
    let source = Some(Text::new("NoordermeerSIS"));
    let options = ImsOptions { source, encoding, layout, ..ImsOptions::default() };
    let mut bytes = Vec::new();
    let written = export(entries, options, &mut bytes).unwrap();
    (bytes, written)
}

fn read(bytes: Vec<u8>, mode: Mode) -> Snapshot {
    let mut builder = SnapshotBuilder::new(mode);
    read_export(Cursor::new(bytes), "x.xml", &ReadOptions::default(), &mut builder).unwrap();
    builder.finish().unwrap()
}

fn roster(snapshot: &Snapshot) -> Roster {
    let records = snapshot.entries().map(|entry| entry.unwrap().record);
    records.map(|record| (record.key().clone(), record)).collect()
}

fn all(school: &School) -> Roster {
    school.records().map(|record| (record.key().clone(), record)).collect()
}

/// Compares record by record, so that a failure names the first that differs, and its fields.
fn assert_same(read: &Roster, written: &Roster) {
    let keys = |roster: &Roster| roster.keys().cloned().collect::<Vec<_>>();
    for (key, record) in written {
        let found = read.get(key).unwrap_or_else(|| panic!("{key} is missing"));
        assert!(found == record, "{key}:\n{:?}\n{:?}", found.fields(), record.fields());
    }
    assert_eq!(keys(read), keys(written));
}

#[test]
fn a_school_comes_back_as_it_was_in_any_encoding() {
    let school = School::new(SchoolSpec { persons: 400, ..SchoolSpec::default() });
    for (day, encoding, layout) in [
        (0, Encoding::Utf8, Layout::Indented),
        (1, Encoding::Utf8, Layout::OneLine),
        (200, Encoding::Latin1, Layout::Indented),
        (366, Encoding::Utf16Le, Layout::OneLine),
        (800, Encoding::Utf16Be, Layout::Indented),
    ] {
        let today = school.on_day(day);
        let (bytes, written) = write(today.records(), encoding, layout);
        assert!(written.left_out.is_empty() && written.removals.is_empty(), "{written:?}");
        let snapshot = read(bytes, Mode::Full);
        assert!(snapshot.findings().is_empty(), "{:?}", snapshot.findings().kept());
        let found = roster(&snapshot);
        assert_same(&found, &all(&today));
        let counted: u64 = written.records.values().sum();
        assert_eq!(counted, found.len() as u64);
    }
}

/// What an incremental export says, put on top of an earlier day, gives today.
#[test]
fn changes_of_a_day_come_back_as_they_were() {
    let rates = Rates { group_move: 4_000, course_move: 2_000, ..Rates::default() };
    let school = School::new(SchoolSpec { persons: 400, rates, ..SchoolSpec::default() });
    for (from, to) in [(0, 1), (20, 90), (360, 370)] {
        let today = school.on_day(to);
        let changes = today.changes_since(from).map(|change| match change {
            Change::Record(record) => Entry::from(record),
            Change::Removal(removal) => Entry::from(removal),
        });
        let (bytes, written) = write(changes, Encoding::Utf8, Layout::Indented);
        assert!(written.left_out.keys().all(|kind| *kind == Kind::Group), "{written:?}");
        let delta = read(bytes, Mode::Incremental);
        assert!(delta.findings().is_empty(), "{:?}", delta.findings().kept());
        let mut state = all(&school.on_day(from));
        for (Removal { key, roles }, _) in delta.removals() {
            take(&mut state, key, roles);
        }
        state.extend(roster(&delta));
        // A group that nobody is in any more is nowhere, so nothing says that it is gone.
        let empty = |state: &Roster, key: &Key| {
            let Key::Group { course, group } = key else { return false };
            !state.keys().any(|other| {
                matches!(other, Key::GroupMember { course: c, group: g, .. } if c == course && g == group)
            })
        };
        let gone: Vec<Key> = state.keys().filter(|key| empty(&state, key)).cloned().collect();
        gone.iter().for_each(|key| drop(state.remove(key)));
        assert_same(&state, &all(&today));
    }
}

fn take(state: &mut Roster, key: &Key, roles: &Roles) {
    let Some(Record::Enrollment(enrollment)) = state.get_mut(key) else {
        state.remove(key);
        return;
    };
    let held = enrollment.roles.get_or_insert_default();
    roles.iter().for_each(|role| held.remove(role));
    if roles.is_empty() || held.is_empty() {
        state.remove(key);
    }
}

/// In the order that the writer wants, all about one person in one course together.
fn in_order(roster: &Roster) -> Vec<Record> {
    let place = |record: &Record| {
        let key = record.key();
        match record.kind() {
            Kind::Person => (0, None, None, 0),
            Kind::Term | Kind::OrgUnit | Kind::Course => (1, None, None, 0),
            Kind::Group => (2, key.course().cloned(), None, 0),
            Kind::Enrollment => (2, key.course().cloned(), key.person().cloned(), 0),
            Kind::GroupMember => (2, key.course().cloned(), key.person().cloned(), 1),
            Kind::Association | Kind::Observer => (3, None, None, 0),
        }
    };
    let mut records: Vec<Record> = roster.values().cloned().collect();
    records.sort_by_key(place);
    records
}

/// What a person's name, address and the like must come back as.
fn person_words(person: &Person) -> Vec<Option<Text>> {
    let words = [
        &person.username,
        &person.given,
        &person.family,
        &person.family_prefix,
        &person.nickname,
        &person.email,
    ];
    words.into_iter().map(|word| word.as_deref().and_then(roster::normal::text)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is written is read without complaint; keys and what matters most about a person
    /// are what they were; and what was read once stays the same when written and read again.
    #[test]
    fn any_roster_settles_at_once(school in roster::arbitrary::school(), latin in any::<bool>()) {
        let encoding = if latin { Encoding::Latin1 } else { Encoding::Utf8 };
        let (bytes, written) = write(in_order(&school.0), encoding, Layout::Indented);
        let snapshot = read(bytes, Mode::Full);
        prop_assert_eq!(snapshot.findings().count(roster::Severity::Error), 0);
        let once = roster(&snapshot);
        for kind in [Kind::Person, Kind::Term, Kind::OrgUnit, Kind::Course, Kind::Enrollment] {
            let keys = |roster: &Roster| {
                roster.keys().filter(|key| key.kind() == kind).cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(keys(&once), keys(&school.0));
            prop_assert!(!written.left_out.contains_key(&kind));
        }
        for (key, record) in &school.0 {
            if let (Record::Person(was), Some(Record::Person(is))) = (record, once.get(key)) {
                let (mut was, is) = (person_words(was), person_words(is));
                if was[0].is_none() {
                    // The first of any user ids is taken for the user name.
                    was[0].clone_from(&is[0]);
                }
                prop_assert_eq!(was, is);
            }
        }
        let (bytes, _) = write(in_order(&once), encoding, Layout::OneLine);
        assert_same(&roster(&read(bytes, Mode::Full)), &once);
    }
}
