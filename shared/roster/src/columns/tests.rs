use super::*;

fn column(written: &str) -> Column {
    Column::try_from(written.to_owned()).unwrap()
}

fn columns(rows: Rows, says: &[&str]) -> Columns {
    let of = says.iter().map(|says| (format!("the {says}"), vec![column(says)]));
    Columns { of: of.collect(), rows, ..Columns::default() }
}

#[test]
fn what_a_column_can_say() {
    for says in [
        "person.key",
        "person.email",
        "person.user_id.card",
        "person.attribute.a b",
        "person.data_source",
        "person.birth_date",
        "course.key",
        "course.title",
        "course.begin",
        "course.self_enrollment",
        "course.attribute.x",
        "enrollment.roles",
        "enrollment.sub_role",
        "enrollment.status",
        "enrollment.end",
        "enrollment.group",
        "data_source",
    ] {
        assert_eq!(column(says).to_string(), says);
    }
    assert_eq!(column("enrollment.role"), column("enrollment.roles"));
    assert_eq!(column("person.sourced_id"), column("person.key"));
    for none in [
        "",
        "email",
        "person",
        "person.",
        "person.shoe",
        "person.password",
        "person.begin",
        "person.address",
        "enrollment.key",
        "course.user_id.x",
        "term.key",
        "person.user_id.",
    ] {
        assert!(Column::try_from(none.to_owned()).is_err(), "{none}");
    }
}

#[test]
fn what_a_list_needs() {
    let check = |rows, says: &[&str], wrong: &str| {
        let outcome = columns(rows, says).check();
        match wrong {
            "" => assert_eq!(outcome, Ok(()), "{says:?}"),
            wrong => assert!(outcome.unwrap_err().contains(wrong), "{says:?}: {wrong}"),
        }
    };
    check(Rows::Persons, &["person.key", "data_source"], "");
    check(Rows::Persons, &["person.given"], "tells who");
    check(Rows::Persons, &["person.key", "course.key"], "set `kind`");
    check(Rows::Enrollments, &["person.key", "course.key"], "");
    check(Rows::Enrollments, &["person.email", "course.key", "enrollment.group"], "");
    check(Rows::Enrollments, &["course.key"], "tells who");
    check(Rows::Enrollments, &["person.key"], "needs a column that is course.key");
    check(Rows::Enrollments, &["person.key", "course.key", "course.title"], "course.title");
    check(Rows::Courses, &["course.key", "course.title", "course.term", "data_source"], "");
    check(Rows::Courses, &["course.title"], "course.key");
    check(Rows::Courses, &["course.key", "person.key"], "of courses");
    let role = Some(Role::Member);
    let wrong = Columns { role, ..columns(Rows::Courses, &["course.key"]) };
    assert!(wrong.check().unwrap_err().contains("`role`"));
}

#[test]
fn a_field_stays_with_what_it_was_told_first() {
    let mut person = Record::blank(Kind::Person);
    let email = column("person.email");
    assert_eq!(email.put(&mut person, "a@x.example"), Put::Done);
    assert_eq!(email.put(&mut person, " a@x.example "), Put::Done);
    assert_eq!(email.put(&mut person, "b@x.example"), Put::Taken);
    assert_eq!(column("person.birth_date").put(&mut person, "soon"), Put::Unreadable);
    for role in ["staff", "pupil", "staff"] {
        assert_eq!(column("person.institution_roles").put(&mut person, role), Put::Done);
    }
    let shown: Vec<_> = person.fields().into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(shown, ["a@x.example", "staff, pupil"]);

    let mut member = Record::blank(Kind::Enrollment);
    for (says, cell) in [
        ("enrollment.role", "Instructor"),
        ("enrollment.role", "docent"),
        ("enrollment.begin", "2026-09-01"),
        ("data_source", "2026"),
    ] {
        assert_eq!(column(says).put(&mut member, cell), Put::Done, "{says}");
    }
    assert_eq!(column("enrollment.begin").put(&mut member, "2026-09-02"), Put::Taken);
    assert_eq!(column("person.email").put(&mut member, "x"), Put::Done, "not about it");
    let shown: Vec<_> = member.fields().into_iter().map(|(_, shown)| shown).collect();
    assert_eq!(shown, ["instructor, docent", "2026-09-01!..", "2026"]);
}

#[test]
fn what_lists_of_persons_say_is_written_as_ever() {
    let columns = columns(Rows::Persons, &["person.email"]);
    let written = "{\"the person.email\": [Field(FieldSpec { number: 11, name: \"email\" })]}";
    assert_eq!(format!("{:?}", columns.of), written);
}
