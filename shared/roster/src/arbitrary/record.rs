//! One record of each kind.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{
    Address, Association, AssociationKind, Course, CourseKey, Date, Enrollment, Group, GroupKey,
    GroupMember, Labelled, Observer, OrgUnit, OrgUnitKey, Password, Person, PersonKey, Record,
    Role, Roles, Status, Term, TermKey, Text, Timeframe,
};

/// Text as files have it: plain, or with what makes trouble.
pub fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => "[A-Za-z]{1,8}",
        2 => "[A-Z]{2,8}( [A-Z]{2,8}){0,2}",
        2 => "[a-zéüøßÆłİ'.,<> &-]{1,12}",
        1 => any::<String>(),
    ]
    .prop_map(Text::from)
}

/// An id from a pool of `many` with this prefix.
pub(super) fn id(prefix: &'static str, many: usize) -> impl Strategy<Value = Text> {
    (0..many).prop_map(move |number| Text::from(format!("{prefix}{number}")))
}

fn status() -> impl Strategy<Value = Option<Status>> {
    prop_oneof![
        3 => Just(None),
        5 => Just(Some(Status::Active)),
        1 => Just(Some(Status::Inactive)),
    ]
}

fn date() -> impl Strategy<Value = Date> {
    (2020i16..2030, 1i8..=12, 1i8..=28)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap_or(Date::MIN))
}

fn timeframe() -> impl Strategy<Value = Timeframe> {
    (option::of(date()), option::of(date()), any::<bool>(), any::<bool>(), option::of(text()))
        .prop_map(|(begin, end, restrict_begin, restrict_end, admin_period)| Timeframe {
            begin,
            end,
            restrict_begin,
            restrict_end,
            admin_period,
        })
}

fn labelled() -> impl Strategy<Value = Vec<Labelled>> {
    vec((text(), text()).prop_map(|(label, value)| Labelled { label, value }), 0..3)
}

fn address() -> impl Strategy<Value = Address> {
    (vec(text(), 0..2), option::of(text()), option::of("[a-zA-Z]{2,3}")).prop_map(
        |(street, locality, country)| Address {
            street,
            locality,
            country: country.map(Text::from),
            ..Address::default()
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        6 => Just(Role::Student),
        2 => (0..Role::IMS.len()).prop_map(|at| Role::IMS[at].clone()),
        1 => "[a-z]{3,6}".prop_map(|name| Role::from_name(&name)),
    ]
}

fn password() -> impl Strategy<Value = Password> {
    prop_oneof![
        Just(Password::Generated),
        Just(Password::External),
        vec(any::<u8>(), 1..8).prop_map(Password::Sealed),
        text().prop_map(Password::Delivered),
    ]
}

/// A person with one of `keys` keys and one of `names` user names.
pub fn person(keys: usize, names: usize) -> impl Strategy<Value = Person> {
    let who = (id("p", keys), option::weighted(0.9, id("user", names)));
    let name = (option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let mail = prop_oneof![
        3 => "[a-z]{1,6}@[a-z]{1,6}\\.(example|Test)".prop_map(|mail| Some(Text::from(mail))),
        1 => text().prop_map(Some),
        1 => Just(None),
    ];
    let rest = (
        mail,
        option::weighted(0.1, text()),
        option::weighted(0.2, address()),
        option::weighted(0.2, labelled()),
        option::weighted(0.3, password()),
        option::weighted(0.1, id("sourced", keys)),
        status(),
        option::weighted(0.2, date()),
    );
    (who, name, rest).prop_map(|((key, username), (given, family, prefix, full), rest)| {
        let mut person = Person::new(PersonKey::from(key));
        person.username = username;
        person.given = given;
        person.family = family;
        person.family_prefix = prefix;
        person.full_name = full;
        let (email, nickname, address, ids, password, sourced, status, birth) = rest;
        person.email = email;
        person.nickname = nickname;
        person.address = address;
        person.user_ids = ids;
        person.password = password;
        person.sourced_id = sourced;
        person.status = status;
        person.birth_date = birth;
        person
    })
}

/// A course with one of `keys` keys and one of `names` codes.
pub fn course(keys: usize, names: usize) -> impl Strategy<Value = Course> {
    let named = (id("c", keys), option::weighted(0.9, id("CODE", names)), option::of(text()));
    let rest = (
        option::of(id("unit", 4)),
        option::weighted(0.3, timeframe()),
        option::weighted(0.2, id("template", 2)),
        option::weighted(0.1, id("sourced", keys)),
        status(),
    );
    (named, rest).prop_map(|((key, short_name, title), rest)| {
        let mut course = Course::new(CourseKey::from(key));
        course.short_name = short_name;
        course.title = title;
        let (org_unit, timeframe, template, sourced, status) = rest;
        course.org_unit = org_unit;
        course.timeframe = timeframe;
        course.template = template;
        course.sourced_id = sourced;
        course.status = status;
        course
    })
}

/// An enrollment of one of `persons` in one of `courses`.
pub fn enrollment(courses: usize, persons: usize) -> impl Strategy<Value = Enrollment> {
    let roles = vec(role(), 1..3).prop_map(|roles| roles.into_iter().collect::<Roles>());
    let key = (id("c", courses), id("p", persons));
    (key, roles, status(), option::weighted(0.1, timeframe())).prop_map(
        |((course, person), roles, status, timeframe)| {
            let mut enrollment = Enrollment::new(course.into(), person.into());
            enrollment.roles = Some(roles);
            enrollment.status = status;
            enrollment.timeframe = timeframe;
            enrollment
        },
    )
}

/// A group in one of `courses`.
pub fn group(courses: usize) -> impl Strategy<Value = Group> {
    (id("c", courses), id("g", 3), option::of(text())).prop_map(|(course, group, title)| {
        let mut group = Group::new(course.into(), GroupKey::from(group));
        group.title = title;
        group
    })
}

/// One of `persons` in a group of one of `courses`.
pub fn group_member(courses: usize, persons: usize) -> impl Strategy<Value = GroupMember> {
    (id("c", courses), id("g", 3), id("p", persons)).prop_map(|(course, group, person)| {
        GroupMember::new(course.into(), group.into(), person.into())
    })
}

/// A term, perhaps part of another.
pub fn term() -> impl Strategy<Value = Term> {
    (id("term", 4), option::of(text()), option::of(id("term", 4)), option::of(timeframe()))
        .prop_map(|(key, title, parent, timeframe)| {
            let mut term = Term::new(TermKey::from(key));
            term.title = title;
            term.parent = parent;
            term.timeframe = timeframe;
            term
        })
}

/// An org unit, perhaps part of another.
pub fn org_unit() -> impl Strategy<Value = OrgUnit> {
    (id("unit", 4), option::of(text()), option::of(id("unit", 4))).prop_map(
        |(key, title, parent)| {
            let mut unit = OrgUnit::new(OrgUnitKey::from(key));
            unit.title = title;
            unit.parent = parent;
            unit
        },
    )
}

/// An association of any kind.
pub fn association(courses: usize, persons: usize) -> impl Strategy<Value = Association> {
    let ends = prop_oneof![
        (id("c", courses), id("unit", 4)).prop_map(|(a, b)| (AssociationKind::CourseOrgUnit, a, b)),
        (id("c", courses), id("c", courses)).prop_map(|(a, b)| (
            AssociationKind::CourseCourse,
            a,
            b
        )),
        (id("p", persons), id("unit", 4)).prop_map(|(a, b)| (AssociationKind::PersonOrgUnit, a, b)),
    ];
    (ends, option::of(any::<bool>())).prop_map(|((kind, from, to), primary)| {
        let mut association = Association::new(kind, from, to);
        association.primary = primary;
        association
    })
}

/// One of `persons` who observes another.
pub fn observer(persons: usize) -> impl Strategy<Value = Observer> {
    (id("p", persons), id("p", persons), option::of(text())).prop_map(
        |(person, observer, relation)| {
            let mut tie = Observer::new(person.into(), observer.into());
            tie.relation = relation;
            tie
        },
    )
}

/// A record of any kind.
pub fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        1 => term().prop_map(Record::from),
        1 => org_unit().prop_map(Record::from),
        4 => person(12, 12).prop_map(Record::from),
        2 => course(6, 6).prop_map(Record::from),
        1 => group(6).prop_map(Record::from),
        4 => enrollment(6, 12).prop_map(Record::from),
        1 => group_member(6, 12).prop_map(Record::from),
        1 => association(6, 12).prop_map(Record::from),
        1 => observer(12).prop_map(Record::from),
    ]
}
