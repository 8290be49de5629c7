//! What is read from each file in `fixtures/`, pinned: records, removals, findings.

mod listing;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use listing::Listing;
use readers::{Format, FormatChoice, ReadOptions, read_export};
use roster::Text;
use roster::columns::{Column, Columns, Rows};

fn list(name: &str, bytes: &[u8], options: &ReadOptions) -> String {
    let mut listing = Listing::default();
    let outcome = read_export(Cursor::new(bytes), name, options, &mut listing);
    let outcome = match outcome {
        Ok(info) => {
            let of = info.properties;
            format!(
                "{:?} {:?}, {}, from {:?} of {:?} to {:?}, type {:?}",
                info.format,
                of.dialect,
                info.encoding,
                of.datasource,
                of.datetime,
                of.targets,
                of.kind
            )
        }
        Err(error) => format!("{}: {error}", error.code()),
    };
    listing.into_text(&outcome)
}

#[test]
fn every_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    names.sort();
    assert!(names.len() > 15, "the fixtures are there");
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = list(name, &fs::read(&path).unwrap(), &ReadOptions::default());
        insta::assert_snapshot!(name, text);
    }
}

/// The columns of a list by name and what they say.
fn columns(of: &[(&str, &[&str])]) -> Columns {
    let says = |says: &&str| Column::try_from((*says).to_owned()).expect("a column");
    let of = of.iter().map(|(name, all)| ((*name).to_owned(), all.iter().map(says).collect()));
    Columns { of: of.collect(), ..Columns::default() }
}

#[test]
fn a_directory() {
    let columns = columns(&[
        ("employeeNumber", &["person.key"]),
        ("UID", &["person.username"]),
        ("cn", &["person.full_name"]),
        ("sn", &["person.family"]),
        ("givenName", &["person.given"]),
        ("mail", &["person.email"]),
        ("title", &["person.title"]),
        ("employeeType", &["person.institution_roles"]),
        ("accountExpires", &["person.graduation_date"]),
        ("objectGUID", &["person.attribute.guid"]),
        ("dn", &["person.attribute.dn"]),
    ]);
    let format = FormatChoice::Named(Format::Ldif);
    let options = ReadOptions { format, columns, ..ReadOptions::default() };
    let text = list("x", include_bytes!("fixtures/directory.ldif"), &options);
    insta::assert_snapshot!("directory", text);
}

#[test]
fn a_list_of_enrollments() {
    let mut columns = columns(&[
        ("Leerling", &["person.key"]),
        ("Klas", &["course.key"]),
        ("Rol", &["enrollment.role"]),
        ("Groep", &["enrollment.group"]),
        ("Vanaf", &["enrollment.begin"]),
        ("Set", &["data_source"]),
    ]);
    columns.rows = Rows::Enrollments;
    let format = FormatChoice::Named(Format::Table);
    let options = ReadOptions { format, columns, ..ReadOptions::default() };
    let text = list("x", include_bytes!("fixtures/enrollments.csv"), &options);
    insta::assert_snapshot!("enrollments", text);
}

#[test]
fn the_user_name_is_chosen_by_type() {
    let bytes = include_bytes!("fixtures/complete.xml");
    let check = |types: &[&str], expected: &str| {
        let username_types = types.iter().map(Text::new).collect();
        let text = list("x", bytes, &ReadOptions { username_types, ..ReadOptions::default() });
        assert!(text.contains(&format!("\n  username: {expected}\n")), "{types:?}: {text}");
    };
    check(&[], "N00099001");
    check(&["logon id"], "noor.vdlinden");
    check(&["none such", "Email ID", "SCTID"], "noor@brinkhorst.example");
    check(&["none such"], "N00099001");
}

#[test]
fn the_target_is_a_gate() {
    let bytes = include_bytes!("fixtures/complete.xml");
    let check = |target: &str, expected: &str| {
        let target = Some(Text::new(target));
        let text = list("x", bytes, &ReadOptions { target, ..ReadOptions::default() });
        assert!(text.lines().next().unwrap().starts_with(expected), "{text}");
    };
    check("library", "ImsEnterprise");
    check("gym", "other-target: the export is not meant for target `gym`");
}
