//! What goes in comes out: sorted, once, and the same whatever the order it came in.

use super::log::{Log, PARTS};
use super::*;
use crate::{
    Association, AssociationKind, Course, CourseKey, Enrollment, Finding, Group, GroupKey,
    GroupMember, Key, Observer, OrgUnit, OrgUnitKey, Person, PersonKey, Role, Roles, Status, Term,
    TermKey, Timeframe,
};

fn at(line: u32) -> Origin {
    Origin { file: 0, line }
}

fn person(id: &str, given: &str) -> Record {
    let mut person = Person::new(PersonKey::new(id));
    person.given = Some(Text::new(given));
    person.into()
}

fn enrollment(course: &str, person: &str, roles: &[Role], status: Option<Status>) -> Record {
    let mut enrollment = Enrollment::new(CourseKey::new(course), PersonKey::new(person));
    enrollment.roles = Some(roles.iter().cloned().collect());
    enrollment.status = status;
    enrollment.into()
}

fn removal(key: Key, roles: &[Role]) -> Removal {
    Removal { key, roles: roles.iter().cloned().collect() }
}

enum In {
    Record(Record),
    Removal(Removal),
}

/// The snapshot of `input`, each with its place as its line: its records, removals and codes.
fn built(input: Vec<In>) -> (Snapshot, Vec<String>) {
    let mut builder = SnapshotBuilder::new(Mode::Full);
    builder.add_file("a.xml");
    for (line, item) in input.into_iter().enumerate() {
        match item {
            In::Record(record) => builder.record(record, at(line as u32 + 1)),
            In::Removal(removal) => builder.removal(removal, at(line as u32 + 1)),
        }
    }
    let snapshot = builder.finish().unwrap();
    let mut shown = Vec::new();
    for entry in snapshot.entries() {
        let Entry { record, origin } = entry.unwrap();
        let fields: Vec<_> =
            record.fields().iter().map(|(field, value)| format!("{field}={value}")).collect();
        shown.push(format!("{record:?} {} @{}", fields.join(" "), origin.line));
    }
    for (removal, origin) in snapshot.removals() {
        let roles: Vec<_> = removal.roles.iter().map(Role::name).collect();
        shown.push(format!("-{:?} {} @{}", removal.key, roles.join(" "), origin.line));
    }
    shown.extend(
        snapshot.findings().kept().iter().map(|f| format!("{} @{}", f.code, f.origin.line)),
    );
    (snapshot, shown)
}

#[test]
fn one_key_is_one_record() {
    use In::{Record as R, Removal as D};
    let check = |input: Vec<In>, expected: &[&str]| assert_eq!(built(input).1, expected);
    let key = || Key::Enrollment { course: CourseKey::new("c"), person: PersonKey::new("p") };
    let (student, teacher) = (Role::Student, Role::Instructor);
    let s = || enrollment("c", "p", &[Role::Student], Some(Status::Inactive));
    let t = || enrollment("c", "p", &[Role::Instructor], Some(Status::Active));

    check(vec![R(person("p", "A")), R(person("p", "A"))], &["person:p given=A @1"]);
    check(
        vec![R(person("p", "A")), R(person("p", "B"))],
        &["person:p given=B @2", "duplicate-record @2"],
    );
    // Roles unite, and one of them in force is enough.
    check(vec![R(s()), R(t())], &["enrollment:c/p roles=student, instructor status=active @2"]);
    check(vec![R(t()), R(s())], &["enrollment:c/p roles=student, instructor status=active @2"]);
    // A removal counts against what came before it, and gives way to what comes behind.
    check(vec![R(s()), D(removal(key(), &[]))], &["-enrollment:c/p  @2"]);
    check(
        vec![D(removal(key(), &[])), R(s())],
        &["enrollment:c/p roles=student status=inactive @2"],
    );
    check(
        vec![R(s()), R(t()), D(removal(key(), std::slice::from_ref(&student)))],
        &["enrollment:c/p roles=instructor status=active @2", "-enrollment:c/p student @3"],
    );
    check(
        vec![R(s()), D(removal(key(), std::slice::from_ref(&student)))],
        &["-enrollment:c/p student @2"],
    );
    check(
        vec![
            D(removal(key(), std::slice::from_ref(&student))),
            D(removal(key(), std::slice::from_ref(&teacher))),
            R(t()),
        ],
        &["enrollment:c/p roles=instructor status=active @3", "-enrollment:c/p student @2"],
    );
    let gone = Key::Person(PersonKey::new("p"));
    check(
        vec![R(person("p", "A")), D(removal(gone.clone(), &[])), D(removal(gone, &[]))],
        &["-person:p  @3"],
    );
}

/// A bit of everything, of many owners.
fn school() -> Vec<Record> {
    let mut records: Vec<Record> = vec![
        Term::new(TermKey::new("t")).into(),
        OrgUnit::new(OrgUnitKey::new("c1")).into(),
        Observer::new(PersonKey::new("p1"), PersonKey::new("p2")).into(),
        Association::new(AssociationKind::PersonOrgUnit, "p1", "u").into(),
        Association::new(AssociationKind::CourseCourse, "c1", "c2").into(),
        Association::new(AssociationKind::CourseOrgUnit, "c1", "u").into(),
    ];
    for course in 0..40 {
        let key = CourseKey::new(format!("c{course}"));
        records.push(Course::new(key.clone()).into());
        let group = GroupKey::new("a very long name of a group, the 1st");
        records.push(Group::new(key.clone(), group.clone()).into());
        for number in 0..course * 5 {
            let person = format!("a-key-longer-than-its-rank-{}", number * 7919 % 1000);
            records.push(enrollment(key.as_str(), &person, &[Role::Student], None));
            if number % 3 == 0 {
                let person = PersonKey::new(person);
                records.push(GroupMember::new(key.clone(), group.clone(), person).into());
            }
        }
    }
    records.extend((0..500).map(|number| person(&format!("p{number}"), "A")));
    records
}

#[test]
fn records_come_in_the_order_of_their_places() {
    let records = school();
    let mut expected = records.clone();
    expected.sort_by(|a, b| a.place().cmp(&b.place()));
    for buckets in [None, Some(1), Some(3), Some(256)] {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        if let Some(count) = buckets {
            builder = builder.with_buckets(count);
        }
        let mut shuffled: Vec<_> = records.iter().enumerate().collect();
        shuffled.sort_by_key(|(number, _)| number * 7919 % 1013);
        for (number, record) in shuffled {
            builder.record(record.clone(), at(number as u32));
        }
        let snapshot = builder.finish().unwrap();
        assert!(snapshot.buckets().len().is_power_of_two());
        let entries: Vec<_> = snapshot.entries().map(Result::unwrap).collect();
        assert_eq!(entries.iter().map(|e| e.record.clone()).collect::<Vec<_>>(), expected);
        for entry in &entries {
            assert_eq!(records[entry.origin.line as usize], entry.record);
        }
        let bits = snapshot.buckets().len().trailing_zeros();
        for (number, bucket) in snapshot.buckets().iter().enumerate() {
            for packed in bucket.iter() {
                let hash = Place::of(&packed.unwrap().key().unwrap()).hash;
                assert_eq!(hash.checked_shr(64 - bits).unwrap_or(0), number as u64);
            }
        }
        assert_eq!(snapshot.len(), records.len() as u64);
        assert_eq!(snapshot.counts()[&Kind::Course], 40);
        assert!(snapshot.courses().contains("c7") && !snapshot.courses().contains("p7"));
        assert!(snapshot.persons().contains("p7") && !snapshot.persons().contains("c7"));
        assert_eq!(snapshot.persons().len(), 500);
    }
}

#[test]
fn the_digest_is_of_what_is_said() {
    let build = |records: Vec<Record>, mode: Mode, removals: Vec<Removal>, buckets: u32| {
        let mut builder = SnapshotBuilder::new(mode).with_buckets(buckets);
        for (line, record) in records.into_iter().enumerate() {
            builder.record(record, at(line as u32));
        }
        removals.into_iter().for_each(|removal| builder.removal(removal, at(0)));
        builder.finish().unwrap().digest()
    };
    let digest = build(school(), Mode::Full, Vec::new(), 1);
    let mut other_order = school();
    other_order.reverse();
    assert_eq!(build(other_order, Mode::Full, Vec::new(), 64), digest);
    assert_ne!(build(school(), Mode::Incremental, Vec::new(), 1), digest);
    let gone = removal(Key::Person(PersonKey::new("x")), &[]);
    assert_ne!(build(school(), Mode::Full, vec![gone], 1), digest);
    let mut changed = school();
    changed[0] = person("p-new", "A");
    assert_ne!(build(changed, Mode::Full, Vec::new(), 1), digest);
}

#[test]
fn parts_encode_as_their_records_do() {
    let periods = [None, Some(Text::new("x".repeat(200)))];
    let timeframes = periods.into_iter().map(|admin_period| Timeframe {
        begin: crate::Date::new(2026, 8, 31).ok(),
        restrict_begin: true,
        admin_period,
        ..Timeframe::default()
    });
    let timeframes: Vec<_> = timeframes.map(Some).chain([None]).collect();
    let roles = [
        Roles::one(Role::Student),
        [Role::Mentor, Role::Other(Text::new("Auditor"))].into_iter().collect(),
    ];
    let texts = [None, Some(Text::new("a")), Some(Text::new("é".repeat(100)))];
    for ((timeframe, roles), text) in
        timeframes.iter().flat_map(|t| roles.iter().map(move |r| (t, r))).zip(texts.iter().cycle())
    {
        for status in [None, Some(Status::Active), Some(Status::Inactive)] {
            let parts = EnrollmentParts {
                course: "c",
                person: "p",
                roles,
                sub_role: text.as_ref(),
                status,
                timeframe: timeframe.as_ref(),
                data_source: text.as_ref(),
            };
            let mut bytes = Vec::new();
            parts.encode(&mut bytes);
            assert_eq!(bytes, parts.to_record().to_bytes());
            let member =
                MemberParts { course: "c", group: "g", person: "p", data_source: text.as_ref() };
            bytes.clear();
            member.encode(&mut bytes);
            assert_eq!(bytes, member.to_record().to_bytes());
        }
    }
}

#[test]
fn parts_and_records_build_the_same() {
    let roles = Roles::one(Role::Student);
    let parts = |course, person| EnrollmentParts {
        course,
        person,
        roles: &roles,
        sub_role: None,
        status: None,
        timeframe: None,
        data_source: None,
    };
    let (mut by_parts, mut by_records) =
        (SnapshotBuilder::new(Mode::Full), SnapshotBuilder::new(Mode::Full));
    for (line, (course, who)) in [("b", "2"), ("a", "1"), ("b", "1"), ("a", "1")].iter().enumerate()
    {
        by_parts.enrollment(parts(course, who), at(line as u32));
        by_records.record(parts(course, who).to_record(), at(line as u32));
    }
    assert_eq!(by_parts.finish().unwrap(), by_records.finish().unwrap());
}

#[test]
fn former_keys_and_map() {
    let mut new = Person::new(PersonKey::new("new"));
    new.former_keys = Some(vec![Text::new("old")]);
    let mut builder = SnapshotBuilder::new(Mode::Incremental);
    builder.add_file("a.xml");
    builder.record(new.into(), at(3));
    builder.record(enrollment("c", "old", &[Role::Student], None), at(4));
    builder.record(person("x", "X"), at(5));
    builder.removal(removal(Key::Person(PersonKey::new("y")), &[]), at(6));
    builder.finding(Finding {
        severity: crate::Severity::Note,
        code: "some-note",
        message: String::new(),
        origin: at(1),
        key: None,
    });
    let snapshot = builder.finish().unwrap();
    let [former] = snapshot.former_keys() else { panic!("one former key") };
    assert_eq!((former.former.as_str(), former.current.as_str()), ("old", "new"));

    let mapped = snapshot
        .map(
            |mut entry| {
                let key = match entry.record.key() {
                    Key::Person(key) if key.as_str() == "x" => return None,
                    Key::Enrollment { course, .. } => {
                        Key::Enrollment { course: course.clone(), person: PersonKey::new("new") }
                    }
                    other => other.clone(),
                };
                entry.record = entry.record.with_key(key)?;
                Some(entry)
            },
            |_| None,
        )
        .unwrap();
    let shown: Vec<_> = mapped.entries().map(|e| format!("{:?}", e.unwrap())).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown.iter().any(|entry| entry.contains("enrollment:c/new")));
    assert!(mapped.removals().is_empty());
    assert_eq!(mapped.mode(), Mode::Incremental);
    assert_eq!(mapped.files(), ["a.xml".into()]);
    assert_eq!(mapped.findings().count_code("some-note"), 1);
}

/// No two short ids are known to have one hash, so the case is made by hand.
#[test]
fn owners_of_one_hash_keep_apart() {
    use super::raw::RawKey;

    #[derive(Default)]
    struct Keys(Vec<Key>);
    impl sort::Sorted for Keys {
        fn record(&mut self, _: u64, _: &RawKey<'_>, bytes: &[u8], _: &[u8]) {
            self.0.push(Record::from_bytes(bytes).unwrap().key().clone());
        }
        fn removal(&mut self, _: Removal, _: Origin) {}
        fn finding(&mut self, _: Finding) {}
    }

    let records: Vec<Record> = vec![
        enrollment("b", "1", &[Role::Student], None),
        Course::new(CourseKey::new("b")).into(),
        enrollment("a", "2", &[Role::Student], None),
        person("b", "A"),
        Observer::new(PersonKey::new("a"), PersonKey::new("z")).into(),
        Course::new(CourseKey::new("a")).into(),
    ];
    let mut log = Log::default();
    for record in &records {
        log.push(7, false, &record.to_bytes(), &[0, 1]);
    }
    let mut keys = Keys::default();
    let parts: Vec<_> = log.into_parts().collect();
    assert_eq!(parts.len(), PARTS);
    for part in parts {
        sort::sort_part(part, &mut keys).unwrap();
    }
    let mut expected: Vec<Key> = records.iter().map(|record| record.key().clone()).collect();
    expected.sort_by(|a, b| Place { hash: 7, key: a }.cmp(&Place { hash: 7, key: b }));
    assert_eq!(keys.0, expected);
}
