//! The IMS Enterprise writer: what it writes, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::io::{self, ErrorKind};

use readers::write::ims::{Entry, ImsOptions, ImsProperties, ImsWriter, export};
use readers::write::{Encoding, Layout};
use roster::{
    Address, Association, AssociationKind, Course, CourseKey, Date, Enrollment, Group, GroupKey,
    GroupMember, Key, Kind, Labelled, Observer, OrgUnit, OrgUnitKey, Password, Person, PersonKey,
    Record, Removal, Role, Roles, Status, Term, TermKey, Text, Timeframe,
};

fn text(text: &str) -> Option<Text> {
    Some(Text::new(text))
}

fn options() -> ImsOptions {
    ImsOptions {
        properties: ImsProperties {
            datasource: Text::new("OakfieldSIS"),
            targets: vec![Text::new("LMS")],
            kind: text("full"),
            datetime: Text::new("2026-11-22T05:30:00Z"),
        },
        source: text("OakfieldSIS"),
        encoding: Encoding::Utf8,
        layout: Layout::Indented,
    }
}

fn person() -> Person {
    let mut person = Person::new(PersonKey::new("4711"));
    person.full_name = text("Zoë van ’t Hof & Co");
    person.given = text("Zoë");
    person.family = text("Hof & Co");
    person.family_prefix = text("van ’t");
    person.username = text("zh4711");
    person.password =
        Some(Password::Hashed { scheme: Text::new("SSHA"), value: Text::new("{SSHA}x=") });
    person.user_ids = Some(vec![
        Labelled { label: Text::new("login"), value: Text::new("zh4711") },
        Labelled { label: Text::new("card"), value: Text::new("0099") },
    ]);
    person.email = text("zoe@oakfield.example");
    person.phones =
        Some(vec![Labelled { label: Text::new("mobile"), value: Text::new("06-00123456") }]);
    person.address = Some(Address {
        street: vec![Text::new("Kerkweg 1")],
        locality: text("Oudezijl"),
        region: None,
        postal_code: text("1234 AB"),
        country: text("NL"),
    });
    person.gender = text("female");
    person.birth_date = Date::new(2004, 2, 29).ok();
    person.institution_roles = Some(vec![Text::new("Student"), Text::new("Staff")]);
    person.former_keys = Some(vec![Text::new("old-1")]);
    person.school_year = text("2");
    person
}

fn course() -> Course {
    let mut course = Course::new(CourseKey::new("MATH/1"));
    course.short_name = text("MATH1");
    course.title = text("Mathematics <1>");
    course.term = text("2026");
    course.org_unit = text("DEP");
    course.template = text("template_MATH");
    course.timeframe = Some(Timeframe {
        begin: Date::new(2026, 9, 1).ok(),
        end: Date::new(2027, 1, 31).ok(),
        restrict_begin: true,
        restrict_end: false,
        admin_period: text("semester 1"),
    });
    course
}

fn all() -> Vec<Record> {
    let key = CourseKey::new("MATH/1");
    let mut term = Term::new(TermKey::new("2026"));
    term.title = text("School year 2026-2027");
    let mut unit = OrgUnit::new(OrgUnitKey::new("DEP"));
    unit.title = text("Department of Mathematics");
    unit.unit_type = text("department");
    let enrollment = |person: &str, roles: &[Role], status| {
        let mut enrollment = Enrollment::new(key.clone(), PersonKey::new(person));
        enrollment.roles = Some(roles.iter().cloned().collect());
        enrollment.status = Some(status);
        enrollment
    };
    let group = GroupKey::new("unit 2");
    let member = GroupMember::new(key.clone(), group.clone(), PersonKey::new("4711"));
    let (from, to) = ("MATH/1", "MATH/all");
    vec![
        term.into(),
        unit.into(),
        person().into(),
        course().into(),
        Group::new(key.clone(), group).into(),
        enrollment("4711", &[Role::Student, Role::TeachingAssistant], Status::Active).into(),
        member.into(),
        enrollment("4712", &[Role::Other(Text::new("Auditor"))], Status::Inactive).into(),
        Association::new(AssociationKind::CourseCourse, from, to).into(),
    ]
}

fn write<E: Into<Entry>>(entries: impl IntoIterator<Item = E>) -> String {
    let mut out = Vec::new();
    export(entries, options(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_export_of_everything() {
    insta::assert_snapshot!(write(all()));
}

#[test]
fn an_export_of_removals() {
    let course = CourseKey::new("MATH/1");
    let enrollment =
        |person: &str| Key::Enrollment { course: course.clone(), person: PersonKey::new(person) };
    let member = |person: &str, group: &str| Key::GroupMember {
        course: course.clone(),
        group: GroupKey::new(group),
        person: PersonKey::new(person),
    };
    let gone = |key: Key, roles: Roles| Entry::from(Removal { key, roles });
    let all_of = |key: Key| gone(key, Roles::default());
    let mut stays = Enrollment::new(course.clone(), PersonKey::new("4713"));
    stays.roles = Some(Roles::one(Role::Student));
    insta::assert_snapshot!(write([
        all_of(Key::Person(PersonKey::new("4711"))),
        all_of(Key::Term(TermKey::new("2026"))),
        all_of(Key::Course(course.clone())),
        gone(enrollment("4711"), Roles::one(Role::Student)),
        all_of(member("4711", "unit 2")),
        all_of(enrollment("4712")),
        Entry::from(Record::from(stays)),
        all_of(member("4713", "unit 1")),
    ]));
}

#[test]
fn records_out_of_order_are_refused() {
    let mut writer = ImsWriter::new(Vec::new(), options()).unwrap();
    writer.record(&course().into()).unwrap();
    let error = writer.record(&person().into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!error.to_string().contains("Hof"), "{error}");
}

#[test]
fn what_the_format_cannot_say_is_counted() {
    let course = CourseKey::new("C");
    let (one, two) = (PersonKey::new("1"), PersonKey::new("2"));
    let records: Vec<Record> = vec![
        Enrollment::new(course.clone(), one.clone()).into(),
        GroupMember::new(course.clone(), GroupKey::new("g"), two.clone()).into(),
        Observer::new(one.clone(), two).into(),
    ];
    let written = export(records, options(), io::sink()).unwrap();
    assert!(written.records.is_empty(), "{written:?}");
    let left_out: Vec<_> = written.left_out.into_iter().collect();
    assert_eq!(left_out, [(Kind::Enrollment, 1), (Kind::GroupMember, 1), (Kind::Observer, 1)]);
}

#[test]
fn errors_of_the_output_come_back() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = export(all(), options(), Full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}
