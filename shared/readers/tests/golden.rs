//! What is read from each file in `fixtures/`, pinned: records, removals, findings.

mod listing;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use listing::Listing;
use readers::{ReadOptions, read_export};
use roster::Text;

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
