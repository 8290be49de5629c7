use proptest::prelude::*;
use roster::columns::Columns;
use roster::{Findings, Mode, Snapshot, SnapshotBuilder};

use super::*;
use crate::{FormatChoice, read_export};

fn options(columns: &[(&str, &[&str])]) -> ReadOptions {
    let column = |says: &&str| Column::try_from((*says).to_owned()).unwrap();
    let of = columns.iter();
    let of = of.map(|(name, says)| ((*name).to_owned(), says.iter().map(column).collect()));
    ReadOptions {
        format: FormatChoice::Named(crate::Format::Ldif),
        columns: Columns { of: of.collect(), ..Columns::default() },
        ..ReadOptions::default()
    }
}

fn usual() -> ReadOptions {
    options(&[
        ("employeeNumber", &["person.key"]),
        ("UID", &["person.username"]),
        ("mail", &["person.email"]),
        ("cn", &["person.full_name"]),
        ("sn;lang-nl", &["person.family"]),
        ("modifyTimestamp", &["person.graduation_date"]),
        ("card", &["person.user_id.card"]),
    ])
}

fn read(text: &str, options: &ReadOptions) -> Result<Snapshot, ReadError> {
    read_bytes(text.as_bytes(), options)
}

fn read_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Snapshot, ReadError> {
    let mut builder = SnapshotBuilder::new(Mode::Incremental);
    read_export(std::io::Cursor::new(bytes), "list.ldif", options, &mut builder)?;
    Ok(builder.finish().unwrap())
}

fn shown(snapshot: &Snapshot) -> Vec<String> {
    let record = |entry: Result<roster::Entry, _>| {
        let entry = entry.unwrap();
        let fields = entry.record.fields().into_iter();
        let fields: Vec<_> = fields.map(|(field, value)| format!("{field}={value}")).collect();
        format!("{}:{} {}", entry.origin.line, entry.record.key(), fields.join(" "))
    };
    let mut shown: Vec<String> = snapshot.entries().map(record).collect();
    let removals = snapshot.removals().iter();
    shown.extend(removals.map(|(removal, origin)| format!("{}:-{}", origin.line, removal.key)));
    shown.sort();
    shown
}

fn codes(findings: &Findings) -> Vec<(&'static str, u64)> {
    findings.counts().map(|(_, code, count)| (code, count)).collect()
}

const PEOPLE: &str = "version: 1

# A comment
#  that is folded
dn: cn=Ada Smit,ou=people,
 dc=school,dc=example
objectClass: person
objectClass: inetOrgPerson
employeenumber: 1001
uid: ada
cn;lang-en: Ada Smith
cn:: QWRhIFNtacOp
sn;LANG-NL: Smit
mail: ada@school
 .example
mail: ADA@school.example
mail: ada@school.example
card: 7
card: 8
modifyTimestamp: 20260901063000Z
jpegPhoto:: /9j/4AAQ

dn: ou=people,dc=school,dc=example
objectClass: organizationalUnit
ou: people

dn:: Y249QsOpYSxvdT1wZW9wbGU=
employeeNumber: 1002
cn;lang-nl: Bea van Dam
cn;lang-en: Bea Dam
mail:< file:///etc/passwd
description: nobody asks
";

#[test]
fn a_list_of_persons() {
    for text in [PEOPLE.to_owned(), PEOPLE.replace('\n', "\r\n"), format!("\u{feff}{PEOPLE}\n\n")] {
        let snapshot = read(&text, &usual()).unwrap();
        let expected = [
            "27:person:1002 full_name=Bea van Dam",
            "5:person:1001 username=ada family=Smit full_name=Ada Smié email=ada@school.example \
             graduation_date=2026-09-01 user_ids=card=7, card=8",
        ];
        assert_eq!(shown(&snapshot), expected);
        let expected = [("ldif-url", 1), ("several-values", 2), ("ldif-no-person", 1)];
        assert_eq!(codes(snapshot.findings()), expected);
        let told = snapshot.findings().kept().iter().map(|finding| &finding.message);
        assert!(!told.into_iter().any(|said| said.contains("ada@") || said.contains("passwd")));
    }
}

#[test]
fn other_encodings_are_read_as_well() {
    let text = "dn: uid=1\nemployeeNumber: 1\ncn: Renée\n";
    let expected = ["1:person:1 full_name=Renée"];
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let snapshot = read_bytes(&latin, &usual()).unwrap();
    assert_eq!(shown(&snapshot), expected);
    assert_eq!(codes(snapshot.findings()), [("encoding-not-as-declared", 1)]);
    let mut wide = vec![0xff, 0xfe];
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(shown(&read_bytes(&wide, &usual()).unwrap()), expected);
}

#[test]
fn changes_that_add_or_delete_and_others() {
    let text = "dn: employeeNumber=1001+uid=ada,ou=people
control: 1.2.840.113556.1.4.805 true
changetype: delete

dn: employeeNumber=10\\2C02,ou=people
changetype: add
employeeNumber: 10,02

dn: uid=bob,ou=people
changetype: delete

dn: employeeNumber=1003,ou=people
changetype: modify
replace: mail
mail: x@school.example
-
delete: uid
-

dn: employeeNumber=1004,ou=people
changetype: modrdn
newrdn: employeeNumber=1005
deleteoldrdn: 1
";
    let snapshot = read(text, &usual()).unwrap();
    assert_eq!(shown(&snapshot), ["1:-person:1001", "5:person:10,02 "]);
    assert_eq!(codes(snapshot.findings()), [("ldif-change", 3)]);
    // Where the whole name is the key.
    let by_name = options(&[("dn", &["person.key"]), ("mail", &["person.email"])]);
    let text = "dn: uid=ada,ou=x\nmail: a@x.example\n\ndn: uid=bob,ou=x\nchangetype: delete\n";
    let snapshot = read(text, &by_name).unwrap();
    let expected = ["1:person:uid=ada,ou=x email=a@x.example", "4:-person:uid=bob,ou=x"];
    assert_eq!(shown(&snapshot), expected);
    // Where nobody has a key, but a user name.
    let by_username = options(&[("uid", &["person.username"]), ("mail", &["person.email"])]);
    let snapshot = read("dn: uid=Ada\nchangetype: delete\n", &by_username).unwrap();
    assert_eq!(shown(&snapshot), ["1:-person:row:ada"]);
}

#[test]
fn a_record_that_is_odd_is_left_out_alone() {
    let text = "dn: uid=1
employeeNumber: 1
this is no attribute

dn: uid=2
cn: nobody

stray: 1
stray: 2

dn: uid=3
employeeNumber: 3
card:: /w==
mail:: ####
dn: uid=4
employeeNumber: 4

 
dn: uid=5
employeeNumber: 5
";
    let snapshot = read(text, &usual()).unwrap();
    assert_eq!(shown(&snapshot), ["11:person:3 ", "15:person:4 ", "19:person:5 "]);
    let expected = [("ldif-line", 2), ("missing-sourcedid", 1), ("ldif-value", 2)];
    assert_eq!(codes(snapshot.findings()), expected);
}

#[test]
fn more_than_any_record_has() {
    let mut options = usual();
    options.limits.attributes = 2;
    options.limits.record_bytes = 100;
    let cards = "card: 1\ncard: 2\ncard: 3\ncard: 4\n";
    let long = "x".repeat(120);
    let text =
        format!("dn: a\nemployeeNumber: 1\n{cards}\ndn: b\nemployeeNumber: 2\nmail: {long}\n");
    let snapshot = read(&text, &options).unwrap();
    assert_eq!(shown(&snapshot), ["1:person:1 user_ids=card=1, card=2"]);
    assert_eq!(codes(snapshot.findings()), [("record-too-large", 1), ("too-many-values", 1)]);
    options.limits.markup_bytes = 50;
    assert_eq!(read(&text, &options).unwrap_err().code(), "too-large");
}

#[test]
fn an_export_that_cannot_be_trusted_is_refused() {
    let check = |text: &str, code: &str| {
        let error = read(text, &usual()).unwrap_err();
        assert_eq!(error.code(), code, "{text:?}: {error}");
    };
    check("", "export-empty");
    check("id;mail;name\n1;2;3\n", "not-an-export");
    check("<enterprise></enterprise>", "other-format");
    check("version: 2\ndn: a\nmail: b\n", "export-malformed");
    check("dn: a\nemployeeNumber: 1\nmail: a@x.exam", "export-truncated");
    check("dn: a\nemployeeNumber: 1\n\ndn: b\n", "export-truncated");
    check("dn: a\nemployeeNumber: 1\nmail:: QWR\n", "export-truncated");
    check("# extended LDIF\n#\n\ndn: a\nemployeeNumber: 1\n\n", "export-truncated");
    let answer = |result: &str, entries: u64| {
        format!(
            "# extended LDIF\n\ndn: a\nemployeeNumber: 1\n\n# search result\nsearch: 2\n\
             result: {result}\n\n# numResponses: 2\n# numEntries: {entries}\n"
        )
    };
    check(&answer("4 Size limit exceeded", 1), "export-truncated");
    check(&answer("0 Success", 2), "export-truncated");
    let whole = read(&answer("0 Success", 1), &usual()).unwrap();
    assert_eq!((shown(&whole).len(), whole.findings().is_empty()), (1, true));
    let auto = ReadOptions { format: FormatChoice::Auto, ..usual() };
    let error = read(PEOPLE, &auto).unwrap_err();
    assert!(error.to_string().contains("`columns`"), "{error}");
}

/// What can be known of a cut, and what is read where it cannot: whole lines, no half ones.
#[test]
fn every_beginning_is_refused_or_made_of_whole_lines() {
    let whole: Vec<String> = PEOPLE.lines().map(str::to_owned).collect();
    for cut in 1..PEOPLE.len() {
        let text = &PEOPLE[..PEOPLE.floor_char_boundary(cut)];
        let outcome = read(text, &usual());
        // Blanks alone at the end are nothing that was cut.
        let said = text.trim_end_matches(' ');
        let last = said.lines().last().unwrap_or_default();
        let known =
            !said.ends_with('\n') || last.starts_with("dn:") || last == " dc=school,dc=example";
        if text.starts_with("version:") {
            assert_eq!(outcome.is_err(), known, "cut at {cut}: {last:?}");
        }
        assert!(outcome.is_err() || last.is_empty() || whole.iter().any(|line| line == last));
    }
}

#[test]
fn the_first_part_of_a_name() {
    let check = |dn: &str, expected: &[(&str, &str)]| {
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(first_rdn(dn), expected, "{dn}");
    };
    check("UID=ada , ou=people", &[("uid", "ada")]);
    check("cn=Smit\\, Ada+uid=a=b,ou=x", &[("cn", "Smit, Ada"), ("uid", "a=b")]);
    check("cn=Ren\\C3\\A9e", &[("cn", "Renée")]);
    check("", &[]);
    check("cn=\\", &[("cn", "")]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Folded anywhere, plain or in base64: it comes out as it went in.
    #[test]
    fn what_is_written_is_read(
        people in proptest::collection::btree_map("[a-z0-9]{1,6}", "[a-zé:<# ]{0,20}", 1..8),
        width in 1usize..30,
        coded in any::<bool>(),
    ) {
        let mut text = String::new();
        for (key, name) in &people {
            let plain = name.is_ascii() && !name.starts_with([' ', ':', '<']);
            let name = match plain && !coded {
                true => format!("cn: {name}"),
                false => format!("cn:: {}", BASE64_STANDARD.encode(name)),
            };
            for line in [&format!("dn: uid={key},ou=x"), &format!("employeeNumber: {key}"), &name] {
                let chars: Vec<char> = line.chars().collect();
                let pieces: Vec<String> =
                    chars.chunks(width.max(4)).map(|piece| piece.iter().collect()).collect();
                text.push_str(&pieces.join("\n "));
                text.push('\n');
            }
            text.push('\n');
        }
        let snapshot = read(&text, &usual()).unwrap();
        let mut found = std::collections::BTreeMap::new();
        for entry in snapshot.entries() {
            let roster::Record::Person(person) = entry.unwrap().record else { panic!("a person") };
            found.insert(person.sourced_id().to_owned(), person.full_name.clone());
        }
        let wanted: std::collections::BTreeMap<_, _> = people
            .into_iter()
            .map(|(key, name)| (key, roster::normal::text(&name)))
            .collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_bytes(&bytes, &usual());
        let mut behind = b"dn: uid=1\nemployeeNumber: 1\n".to_vec();
        behind.extend(bytes);
        let _ = read_bytes(&behind, &usual());
    }

    #[test]
    fn words_in_any_order_never_panic_and_pieces_change_nothing(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "dn: uid=1,ou=x", "dn:: dWlkPTE=", "dn:", "\n", "\n", "\n\n", "\r\n", " ", "version: 1",
                "changetype: add", "changetype: delete", "changetype: modify", "-", "control: 1",
                "employeeNumber: 1", "employeeNumber: 2", "mail: a@x.example", "mail:< file:///x",
                "mail:: QQ==", "mail:: Q", "cn;lang-nl: A", "cn;lang-en;x-y: B", "cn;binary:: QQ==",
                "objectClass: group", "# extended LDIF", "# numEntries: 1", "result: 0 Success",
                "result: 4", "search: 2", ":", ";:", "=,+\\", "é", "\u{feff}", "\0",
            ]),
            0..40,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = words.concat();
        let _ = read(&text, &usual());
        let lines = |pieces: &[&str]| {
            let (mut lines, mut all) = (Lines::new(1 << 20), Vec::new());
            let mut to = |line: Line| { all.push(line); Ok(()) };
            let outcome = pieces.iter().try_for_each(|piece| lines.take(piece, &mut to));
            let ended = outcome.and_then(|()| lines.end(&mut to)).is_ok();
            (ended, all)
        };
        let cut = text.floor_char_boundary(cut.index(text.len() + 1));
        prop_assert_eq!(lines(&[&text]), lines(&[&text[..cut], &text[cut..]]));
    }

    #[test]
    fn names_never_panic(dn in any::<String>()) {
        let _ = (first_rdn(&dn), lines::attribute(&dn), crate::sniff::found(&dn, FormatChoice::Named(crate::Format::Ldif)).is_ok());
    }
}
