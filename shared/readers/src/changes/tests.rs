use proptest::prelude::*;
use roster::changes::{ChangeColumns, Of};
use roster::{Mode, SnapshotBuilder};

use super::*;
use crate::{Format, FormatChoice, read_export};

fn options(changes: ChangeColumns) -> ReadOptions {
    let format = FormatChoice::Named(Format::Changes);
    ReadOptions { format, changes, ..ReadOptions::default() }
}

/// The changes as `kind old new @line`, and the codes of what is wrong.
fn read(text: &str, changes: ChangeColumns) -> Result<(Vec<String>, Vec<&'static str>), ReadError> {
    let mut builder = SnapshotBuilder::new(Mode::Incremental);
    let bytes = std::io::Cursor::new(text.as_bytes());
    read_export(bytes, "changes.csv", &options(changes), &mut builder)?;
    let snapshot = builder.finish().unwrap();
    assert!(snapshot.is_empty());
    let shown = |change: &FormerKey| {
        let FormerKey { kind, former, current, origin } = change;
        format!("{kind} {former} {current} @{}", origin.line)
    };
    let codes = snapshot.findings().counts().map(|(_, code, _)| code).collect();
    Ok((snapshot.former_keys().iter().map(shown).collect(), codes))
}

#[test]
fn a_list_with_the_usual_headings() {
    let text = "Old_Key;date;NEW_KEY;kind\n 4711 ;2026-09-01;A-4711;Person\n\nC;;D;course\nx;;x;\n\
                y;;;\n4712;;\"A;4712\";";
    let (changes, codes) = read(text, ChangeColumns::default()).unwrap();
    let expected = ["person 4711 A-4711 @2", "person 4712 A;4712 @7", "course C D @4"];
    assert_eq!(changes, expected);
    assert_eq!(codes, [""; 0], "who keeps their key is no change");
    assert_eq!(read("old_key,new_key\n", ChangeColumns::default()).unwrap(), (vec![], vec![]));
}

#[test]
fn a_feed_with_the_key_and_the_new_key() {
    let text = "external_person_key|firstname|new_external_person_key\nu1|Ada|u2\nu3|Bob|\n";
    let (changes, codes) = read(text, ChangeColumns::default()).unwrap();
    assert_eq!((changes, codes.len()), (vec!["person u1 u2 @2".to_owned()], 0));
    let text = "external_course_key|new_external_course_key\nc1|c2\n";
    assert_eq!(read(text, ChangeColumns::default()).unwrap().0, ["course c1 c2 @2"]);
    let text = "external_person_key|new_external_course_key\nu1|c2\n";
    let error = read(text, ChangeColumns::default()).unwrap_err().to_string();
    assert!(error.contains("old key is one of a person"), "{error}");
}

#[test]
fn headings_can_be_named() {
    let named = |name: &str| Some(name.to_owned());
    let columns = ChangeColumns {
        old: named("oud"),
        new: named("nieuw"),
        kind: named("soort"),
        of: Of::Course,
    };
    let text = "old_key\toud\tnieuw\tsoort\nz\ta\tb\tperson\nz\tc\td\t\n";
    let (changes, _) = read(text, columns).unwrap();
    assert_eq!(changes, ["person a b @2", "course c d @3"]);
}

#[test]
fn what_is_wrong_is_said() {
    let missing = read("old_key;name\na;b\n", ChangeColumns::default()).unwrap_err().to_string();
    assert!(missing.contains("no column says which is the new key"), "{missing}");
    let twice = "old_key;former_key;new_key\na;b;c\n";
    let twice = read(twice, ChangeColumns::default()).unwrap_err().to_string();
    assert!(twice.contains("several columns say which is the old key"), "{twice}");
    let cut = read("old_key;new_key\na;b\nc", ChangeColumns::default()).unwrap_err();
    assert!(matches!(cut, ReadError::Truncated { line: 3, .. }), "{cut:?}");
    assert!(matches!(read("\n", ChangeColumns::default()), Err(ReadError::Empty)));
    let long = "x".repeat(300);
    let text = format!("old_key;new_key;kind\na;b;dog\n;b;\na;b\n{long};b;\n");
    let (changes, codes) = read(&text, ChangeColumns::default()).unwrap();
    let expected = ["id-too-long", "missing-sourcedid", "row-cells", "unreadable-cell"];
    let mut codes = codes;
    codes.sort_unstable();
    assert_eq!((changes.len(), codes), (0, expected.to_vec()));
}

#[test]
fn two_lists_are_one_by_what_they_say() {
    let digest = |text: &str| {
        let mut builder = SnapshotBuilder::new(Mode::Incremental);
        let bytes = std::io::Cursor::new(text.as_bytes());
        read_export(bytes, "c.csv", &options(ChangeColumns::default()), &mut builder).unwrap();
        builder.finish().unwrap().digest()
    };
    let one = digest("old_key;new_key\na;b\nc;d\n");
    assert_eq!(one, digest("new_key,old_key\nd,c\nb,a\n"));
    assert_ne!(one, digest("old_key;new_key\na;b\n"));
    assert_ne!(one, digest("old_key;new_key\nb;a\nd;c\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in "[a-c;,\n\"\t ]{0,60}") {
        let _ = read(&text, ChangeColumns::default());
        let _ = read(&format!("old_key;new_key\n{text}"), ChangeColumns::default());
    }
}
