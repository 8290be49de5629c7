use proptest::prelude::*;
use roster::columns::Columns;
use roster::{Findings, Mode, Record, Snapshot, SnapshotBuilder};

use super::*;
use crate::{FormatChoice, read_export};

fn options(columns: &[(&str, &[&str])]) -> ReadOptions {
    let column = |says: &&str| PersonColumn::try_from((*says).to_owned()).unwrap();
    let of = columns.iter();
    let of = of.map(|(name, says)| ((*name).to_owned(), says.iter().map(column).collect()));
    ReadOptions {
        format: FormatChoice::Named(crate::Format::Table),
        columns: Columns { of: of.collect(), separator: None },
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
