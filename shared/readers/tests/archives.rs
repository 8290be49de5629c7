//! Packed exports, and files that are none.
#![expect(clippy::unwrap_used, reason = "a test that cannot pack has failed")]

mod listing;

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use listing::Listing;
use readers::{
    ArchiveChoice, Format, FormatChoice, Packing, ReadError, ReadLimits, ReadOptions, read_export,
};
use roster::columns::{Column, Columns, Rows};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const EXPORT: &[u8] = include_bytes!("fixtures/moodle101.xml");
const OTHER: &[u8] = include_bytes!("fixtures/one-line.xml");

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// How it was packed and the names of its files, or the code of the error.
fn outcome(bytes: &[u8], options: &ReadOptions) -> Result<(Packing, Vec<String>), ReadError> {
    let mut listing = Listing::default();
    let info = read_export(Cursor::new(bytes), "in", options, &mut listing)?;
    assert!(listing.into_text("").contains("enrollment:"), "records came");
    let names = info.files.iter().map(|(_, name)| name.to_string()).collect();
    Ok((info.packing, names))
}

fn check(bytes: &[u8], expected: Result<(Packing, &[&str]), &str>) {
    check_with(bytes, &ReadOptions::default(), expected);
}

fn check_with(bytes: &[u8], options: &ReadOptions, expected: Result<(Packing, &[&str]), &str>) {
    let found = outcome(bytes, options).map_err(|error| error.to_string());
    match (&found, expected) {
        (Ok((packing, names)), Ok((wanted, wanted_names))) => {
            assert_eq!(
                (*packing, names.as_slice()),
                (wanted, wanted_names.iter().map(|n| n.to_string()).collect::<Vec<_>>().as_slice())
            );
        }
        (Err(error), Err(wanted)) => assert_eq!(error, wanted),
        _ => panic!("{found:?} is not {expected:?}"),
    }
}

#[test]
fn packed_in_any_way() {
    check(EXPORT, Ok((Packing::Plain, &["in"])));
    check(&gz(EXPORT), Ok((Packing::Gzip, &["in"])));
    check(&[gz(&EXPORT[..100]), gz(&EXPORT[100..])].concat(), Ok((Packing::Gzip, &["in"])));
    check(&zstd(EXPORT), Ok((Packing::Zstd, &["in"])));
    check(&zip(&[("a/b.xml", EXPORT)]), Ok((Packing::Zip, &["in/a/b.xml"])));
    let with_more = zip(&[("read me.txt", b"hello"), ("x.png", b"\x89PNG"), ("e.dat", EXPORT)]);
    check(&with_more, Ok((Packing::Zip, &["in/e.dat"])));
}

#[test]
fn a_list_in_an_archive() {
    let column = |says: &str| vec![Column::try_from(says.to_owned()).unwrap()];
    let list = |format, of: [(&str, &str); 2]| {
        let of = of.map(|(name, says)| (name.to_owned(), column(says))).into();
        let rows = if format == Format::Table { Rows::Enrollments } else { Rows::Persons };
        ReadOptions {
            format: FormatChoice::Named(format),
            columns: Columns { of, rows, ..Columns::default() },
            ..ReadOptions::default()
        }
    };
    let table = list(Format::Table, [("who", "person.key"), ("where", "course.key")]);
    let lines = b"\nwho,where\n1,2\n".as_slice();
    check_with(&gz(lines), &table, Ok((Packing::Gzip, &["in"])));
    let packed = zip(&[("read me.txt", b"who is where"), ("list.csv", lines)]);
    check_with(&packed, &table, Ok((Packing::Zip, &["in/list.csv"])));
    let several = zip(&[("a.csv", lines), ("b.csv", lines)]);
    check_with(&several, &table, Err("the archive holds several exports: a.csv, b.csv"));
    let other = zip(&[("a.csv", b"wer,wo\n1,2\n".as_slice()), ("b.txt", b"hello")]);
    let none = "the file is not an export: none of the archive's members is one";
    check_with(&other, &table, Err(none));

    let directory = list(Format::Ldif, [("dn", "person.key"), ("mail", "person.email")]);
    let persons = b"dn: uid=1\nmail: a@x.example\n".as_slice();
    let packed = zip(&[("read me.txt", b"hello"), ("people.ldif", persons)]);
    let mut listing = Listing::default();
    read_export(Cursor::new(packed), "in", &directory, &mut listing).unwrap();
    assert!(listing.into_text("").contains("person:uid=1"));
}

#[test]
fn a_zip_of_several_exports_is_a_set_only_if_one_says_so() {
    let two = zip(&[("b.xml", OTHER), ("a.xml", EXPORT)]);
    check(&two, Err("the archive holds several exports: a.xml, b.xml"));
    let set = ReadOptions { archive: ArchiveChoice::Set, ..ReadOptions::default() };
    check_with(&two, &set, Ok((Packing::Zip, &["in/a.xml", "in/b.xml"])));
}

#[test]
fn damaged_and_nested_archives_are_refused() {
    let packed = gz(EXPORT);
    check(&packed[..packed.len() / 2], Err("the archive cannot be unpacked: it ends early"));
    let packed = zstd(EXPORT);
    let cut = outcome(&packed[..packed.len() / 2], &ReadOptions::default()).unwrap_err();
    assert_eq!(cut.code(), "archive-damaged", "{cut}");
    let packed = zip(&[("a.xml", EXPORT)]);
    let cut = outcome(&packed[..packed.len() / 2], &ReadOptions::default()).unwrap_err();
    assert_eq!(cut.code(), "archive-damaged", "{cut}");

    check(&gz(&gz(EXPORT)), Err("there is an archive inside the archive"));
    check(&zstd(&zip(&[("a", EXPORT)])), Err("there is an archive inside the archive"));
    check(&zip(&[("a.gz", &gz(EXPORT))]), Err("there is an archive inside the archive: a.gz"));
    let many: Vec<_> = (0..1001).map(|at| format!("{at}.xml")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), EXPORT)).collect();
    check(&zip(&many), Err("the archive's list of members is larger than 1000"));
    check(&zip(&[]), Err("the export is empty"));
    check(
        &zip(&[("x", b"\x89PNG")]),
        Err("the file is not an export: the archive holds a PNG image"),
    );
    check(
        &zip(&[("manifest.csv", b"a,b,c\n"), ("users.csv", b"a,b,c\n")]),
        Err("the export is OneRoster CSV, which cannot be read yet"),
    );
}

#[test]
fn bombs_are_stopped() {
    let mut bomb = EXPORT.to_vec();
    for _ in 0..48 {
        bomb.extend_from_slice(b"<!--");
        bomb.resize(bomb.len() + (1 << 20), b' ');
        bomb.extend_from_slice(b"-->");
    }
    let limits = ReadLimits { unpack_ratio: 100, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let expected = "unpacked, the export is more than 100 times as large as packed";
    for packed in [gz(&bomb), zstd(&bomb), zip(&[("a.xml", &bomb)])] {
        check_with(&packed, &options, Err(expected));
    }
    let limits = ReadLimits { export_bytes: 1000, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    check_with(EXPORT, &options, Err("the export, in bytes, is larger than 1000"));
}

#[test]
fn a_list_of_members_cannot_be_hidden_behind_another() {
    let members: Vec<(String, &[u8])> = (0..20).map(|n| (format!("{n}.xml"), EXPORT)).collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (n.as_str(), *b)).collect();
    let limits = ReadLimits { archive_members: 10, ..ReadLimits::default() };
    let options = ReadOptions { limits, archive: ArchiveChoice::Set, ..ReadOptions::default() };
    let honest = zip(&members);
    let too_many = "the archive's list of members is larger than 10";
    check_with(&honest, &options, Err(too_many));
    // A second end of the archive in the comment of the first, which says that there is one member.
    let mut hidden = honest.clone();
    let decoy = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\xff\xff";
    let comment = hidden.len() - 2;
    hidden[comment..].copy_from_slice(&u16::try_from(decoy.len()).unwrap().to_le_bytes());
    hidden.extend_from_slice(decoy);
    check_with(&hidden, &options, Err(too_many));
}

#[test]
fn what_is_no_export_says_what_it_is() {
    for (bytes, expected) in [
        (&b""[..], "the export is empty"),
        (b"\xef\xbb\xbf \n", "the export is empty"),
        (b"\x89PNG\r\n\x1a\n", "the file is not an export: a PNG image"),
        (b"%PDF-1.7", "the file is not an export: a PDF document"),
        (
            b"<!DOCTYPE html><title>Login</title>",
            "the file is not an export: a web page, by its looks a login page",
        ),
        (b"{\"error\": 1}", "the file is not an export: JSON"),
        (b"<bulkDataRecord/>", "the export is IMS LIS, which cannot be read yet"),
        (b"<enterprise>", "the export ends early, at line 1: `enterprise` is not closed"),
        (
            b"<enterprise><person></enterprise>",
            "the export is not well formed at line 1: `person` is open, but `enterprise` ends",
        ),
        (
            b"<enterprise></enterprise></person>",
            "the export is not well formed at line 1: an element ends that never began",
        ),
        (
            b"<enterprise>\n<!x y z a b></enterprise>",
            "the export is not well formed at line 2: `<!` begins nothing known",
        ),
    ] {
        check(bytes, Err(expected));
    }
}

#[test]
fn a_named_format_must_be_it() {
    let options =
        ReadOptions { format: FormatChoice::Named(Format::Edexml), ..ReadOptions::default() };
    check_with(EXPORT, &options, Err("the export is IMS Enterprise, not EDEXML"));
    let options = ReadOptions {
        format: FormatChoice::Named(Format::ImsEnterprise),
        ..ReadOptions::default()
    };
    check_with(EXPORT, &options, Ok((Packing::Plain, &["in"])));
}

#[test]
fn limits_hold() {
    let check = |export: &str, limits: ReadLimits, expected: &str| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let mut listing = Listing::default();
        let text = match read_export(Cursor::new(export), "x", &options, &mut listing) {
            Ok(_) => listing.into_text(""),
            Err(error) => error.to_string(),
        };
        assert!(text.contains(expected), "{text}");
    };
    let limits = ReadLimits::default;
    let deep = format!("<enterprise>{}", "<x>".repeat(1000));
    check(&deep, limits(), "elements are nested deeper than 64 at line 1");
    let person = |inside: &str| {
        format!(
            "<enterprise><person><sourcedid><id>p</id></sourcedid>{inside}</person></enterprise>"
        )
    };
    let many = person(&"<x/>".repeat(500));
    check(&many, ReadLimits { record_elements: 100, ..limits() }, "error record-too-large @1");
    let large = person(&format!("<x>{}</x>", "a".repeat(5000)));
    check(&large, ReadLimits { record_bytes: 1000, ..limits() }, "error record-too-large @1");
    let long = person(&format!("<email>{}</email>", "é".repeat(300)));
    check(&long, ReadLimits { value_chars: 299, ..limits() }, "warning value-too-long @1 person:p");
    check(&long, ReadLimits { value_chars: 300, ..limits() }, "  email: éé");
    let id = person("").replace(">p<", &format!(">{}<", "9".repeat(256)));
    check(&id, limits(), "error id-too-long @1");
    let roles = "<institutionrole institutionroletype=\"x\"/>".repeat(65);
    check(&person(&roles), limits(), "warning too-many-values @1 person:p");
    let endless = person(&format!("<!-- {}", "x".repeat(6 << 20)));
    check(&endless, limits(), "does not end within 4194304 bytes");
}
