use proptest::prelude::*;
use roster::columns::{self, Columns};
use roster::{Findings, Mode, Record, Role, Snapshot, SnapshotBuilder, normal};

use super::*;
use crate::{FormatChoice, read_export};

fn options(columns: &[(&str, &[&str])]) -> ReadOptions {
    let column = |says: &&str| Column::try_from((*says).to_owned()).unwrap();
    let of = columns.iter();
    let of = of.map(|(name, says)| ((*name).to_owned(), says.iter().map(column).collect()));
    ReadOptions {
        format: FormatChoice::Named(crate::Format::Table),
        columns: Columns { of: of.collect(), ..Columns::default() },
        ..ReadOptions::default()
    }
}

fn two_columns() -> ReadOptions {
    options(&[("leerling", &["person.key"]), ("mail", &["person.email"])])
}

fn read(text: &str, options: &ReadOptions) -> Result<Snapshot, ReadError> {
    let mut builder = SnapshotBuilder::new(Mode::Full);
    read_export(std::io::Cursor::new(text.as_bytes()), "list.csv", options, &mut builder)?;
    Ok(builder.finish().unwrap())
}

fn shown(snapshot: &Snapshot) -> Vec<String> {
    let mut shown: Vec<String> = snapshot
        .entries()
        .map(|entry| {
            let entry = entry.unwrap();
            let fields = entry.record.fields().into_iter();
            let fields: Vec<_> = fields.map(|(field, value)| format!("{field}={value}")).collect();
            format!("{}:{} {}", entry.origin.line, entry.record.key(), fields.join(" "))
        })
        .collect();
    shown.sort();
    shown
}

fn codes(findings: &Findings) -> Vec<(&'static str, u64)> {
    findings.counts().map(|(_, code, count)| (code, count)).collect()
}

#[test]
fn a_list_of_two_columns() {
    let text = "leerling;mail;klas\r\n1001;ada@x.example;4V\r\n\r\n\"10\"\"02\"; \"b;ob@x.example\" ;\n1003;;x";
    let snapshot = read(text, &two_columns()).unwrap();
    let expected = [
        "2:person:1001 email=ada@x.example",
        "4:person:10\"02 email=b;ob@x.example",
        "5:person:1003 ",
    ];
    assert_eq!(shown(&snapshot), expected);
    assert!(snapshot.findings().is_empty());
}

#[test]
fn what_tells_persons_apart_without_a_key() {
    let options = options(&[
        ("user", &["person.username"]),
        ("card", &["person.user_id.card", "person.attribute.card"]),
        ("born", &["person.birth_date"]),
    ]);
    assert!(options.columns.tell_persons());
    let snapshot = read("card,born,user\n77,01-05-2010,Ada\n,,\n,never,bob\n", &options).unwrap();
    let expected = [
        "2:person:row:ada username=Ada birth_date=2010-05-01 user_ids=card=77 attributes=card=77",
        "4:person:row:bob username=bob",
    ];
    assert_eq!(shown(&snapshot), expected);
    assert_eq!(codes(snapshot.findings()), [("missing-sourcedid", 1), ("unreadable-cell", 1)]);
}

#[test]
fn a_list_that_cannot_be_trusted_is_refused() {
    let check = |text: &str, code: &str| {
        let error = read(text, &two_columns()).unwrap_err();
        assert_eq!(error.code(), code, "{text:?}: {error}");
    };
    check("", "export-empty");
    check("leerling\n1001\n", "export-malformed");
    check("leerling,mail,mail\n1,2,3\n", "export-malformed");
    check("leerling,mail\n1001,a@x.example\n1002", "export-truncated");
    check("leerling,mail\n1001,\"a@x.exam", "export-truncated");
    check("leerling,mail\n1001,\"a\"b\n", "export-malformed");
    check("<enterprise></enterprise>", "other-format");
    check("<html><body>login password</body></html>", "not-an-export");
}

#[test]
fn a_line_that_is_odd_is_left_out_alone() {
    let text = "leerling\tmail\n1001\ta@x.example\tmore\n1002\tb@x.example\n";
    let snapshot = read(text, &two_columns()).unwrap();
    assert_eq!(shown(&snapshot), ["3:person:1002 email=b@x.example"]);
    assert_eq!(codes(snapshot.findings()), [("row-cells", 1)]);
}

fn enrollments(columns: &[(&str, &[&str])]) -> ReadOptions {
    let mut options = options(columns);
    options.columns.rows = columns::Rows::Enrollments;
    options
}

#[test]
fn a_list_of_who_is_in_which_course_and_nothing_else() {
    let options = enrollments(&[("leerling", &["person.key"]), ("klas", &["course.key"])]);
    assert_eq!(options.columns.check(), Ok(()));
    let text = "klas,leerling\nMATH,1001\nMATH,1002\nART,1001\n,1001\nART,\nMATH,1001\n";
    let snapshot = read(text, &options).unwrap();
    let expected = [
        "2:enrollment:MATH/1001 roles=student",
        "2:person:1001 ",
        "3:enrollment:MATH/1002 roles=student",
        "3:person:1002 ",
        "4:enrollment:ART/1001 roles=student",
    ];
    assert_eq!(shown(&snapshot), expected);
    assert_eq!(codes(snapshot.findings()), [("missing-sourcedid", 2)]);
    let mut others = options;
    others.columns.role = Some(Role::Member);
    let snapshot = read("klas,leerling\nMATH,1001\n", &others).unwrap();
    assert_eq!(shown(&snapshot)[0], "2:enrollment:MATH/1001 roles=member");
}

#[test]
fn a_list_of_enrollments_with_all_that_it_can_say() {
    let options = enrollments(&[
        ("mail", &["person.email"]),
        ("klas", &["course.key"]),
        ("rol", &["enrollment.role"]),
        ("groep", &["enrollment.group"]),
        ("van", &["enrollment.begin"]),
        ("tot", &["enrollment.end"]),
        ("aan", &["enrollment.status"]),
        ("set", &["data_source"]),
    ]);
    let text = "mail;klas;rol;groep;van;tot;aan;set
A@x.example;MATH;Instructor;;1-9-2026;2027-07-01;1;2026
a@x.example;MATH;docent;lab 1;;soon;0;2026
b@x.example;MATH;;lab 1;;;maybe;
";
    let snapshot = read(text, &options).unwrap();
    let expected = [
        // In one course twice: both roles, and active as long as one is.
        "3:enrollment:MATH/row:a@x.example roles=instructor, docent status=active \
         timeframe=2026-09-01!..2027-07-01! data_source=2026",
        "3:group:MATH/lab 1 title=lab 1 data_source=2026",
        "3:group_member:MATH/lab 1/row:a@x.example data_source=2026",
        "3:person:row:a@x.example email=a@x.example",
        "4:enrollment:MATH/row:b@x.example roles=student",
        "4:group_member:MATH/lab 1/row:b@x.example ",
        "4:person:row:b@x.example email=b@x.example",
    ];
    assert_eq!(shown(&snapshot), expected);
    let expected = [("duplicate-record", 1), ("unreadable-cell", 2)];
    assert_eq!(codes(snapshot.findings()), expected);
}

#[test]
fn a_list_of_courses() {
    let mut options = options(&[
        ("code", &["course.key", "course.short_name"]),
        ("naam", &["course.title"]),
        ("naam2", &["course.title"]),
        ("school", &["course.org_unit"]),
        ("begin", &["course.begin"]),
        ("vak", &["course.attribute.subject"]),
        ("set", &["data_source"]),
    ]);
    options.columns.rows = columns::Rows::Courses;
    let text =
        "code,naam,naam2,school,begin,vak,set\nM-1,Maths,Sums,N,2026-09-01,M,2026\n,x,,,,,\n";
    let snapshot = read(text, &options).unwrap();
    let expected = ["2:course:M-1 short_name=M-1 title=Maths org_unit=N timeframe=2026-09-01.. \
         data_source=2026 attributes=subject=M"];
    assert_eq!(shown(&snapshot), expected);
    let expected = [("missing-sourcedid", 1), ("several-values", 1)];
    let mut found = codes(snapshot.findings());
    found.sort_unstable();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(("[a-z0-9]{1,6}", "[a-z\",;\n |]{0,12}"), 1..8)) {
        let mut text = "leerling,mail\n".to_owned();
        let mut wanted = std::collections::BTreeMap::new();
        for (key, value) in rows {
            text.push_str(&format!("{key},\"{}\"\n", value.replace('"', "\"\"")));
            if let Some(value) = normal::text(&value) {
                wanted.insert(key, value);
            }
        }
        let snapshot = read(&text, &two_columns()).unwrap();
        let mut found = std::collections::BTreeMap::new();
        for entry in snapshot.entries() {
            let Record::Person(person) = entry.unwrap().record else { panic!("a person") };
            if let Some(email) = person.email.clone() {
                found.insert(person.sourced_id().to_owned(), email);
            }
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn nothing_panics_and_pieces_change_nothing(text in "[a-z\",;\n\r ]{0,60}", cut in 0..60usize) {
        let _ = read(&text, &two_columns());
        let columns: &[(&str, &[&str])] =
            &[("a", &["person.key", "enrollment.group"]), ("b", &["course.key", "enrollment.end"])];
        let _ = read(&format!("a,b\n{text}"), &enrollments(columns));
        let rows = |pieces: &[&str]| {
            let mut rows = Rows::new(None, 1 << 20);
            for piece in pieces {
                rows.take(piece).ok()?;
            }
            let last = rows.end().ok()?;
            Some(rows.done.into_iter().chain(last).collect::<Vec<_>>())
        };
        let cut = cut.min(text.len());
        prop_assert_eq!(rows(&[&text]), rows(&[&text[..cut], &text[cut..]]));
    }
}

#[test]
fn a_line_with_a_new_key_says_whose_it_is() {
    let columns: &[(&str, &[&str])] = &[
        ("external_person_key", &["person.key"]),
        ("new_external_person_key", &["person.new_key"]),
        ("mail", &["person.email"]),
    ];
    let text = "external_person_key|new_external_person_key|mail\n\
                u1|v1|ada@x.example\nu2||bob@x.example\nu3|u3|\n";
    let snapshot = read(text, &options(columns)).unwrap();
    let expected = [
        "2:person:v1 email=ada@x.example former_keys=u1",
        "3:person:u2 email=bob@x.example",
        "4:person:u3 ",
    ];
    assert_eq!(shown(&snapshot), expected);
    let [change] = snapshot.former_keys() else { panic!("one key changes") };
    assert_eq!((change.former.as_str(), change.current.as_str()), ("u1", "v1"));
}
