//! The examples of docs/mapping.md are loaded, and come out as the page says.

#![expect(clippy::unwrap_used, reason = "these are tests: a panic is how they fail")]

use std::fs;
use std::path::Path;

use roster::mapping::{MappingRules, SplitNames};
use roster::{Course, CourseKey, Enrollment, Origin, Person, PersonKey, Record};
use runtime::config::{Config, Known};

const HEAD: &str = "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\n[integration.target]\n\
                    kind = \"sandbox\"\n[[integration.source]]\nname = \"registrar\"\n";

fn load(block: &str) -> MappingRules {
    let formats = home::known();
    let known = Known { formats: &formats, targets: home::KINDS };
    let text = format!("{HEAD}{block}");
    let config = Config::parse(&text, Path::new("rollcall.toml"), known);
    let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    config.integrations[0].mapping.clone()
}

fn blank(kind: &str, key: &str) -> Record {
    match kind {
        "person" => Person::new(PersonKey::new(key)).into(),
        "course" => Course::new(CourseKey::new(key)).into(),
        "enrollment" => {
            let (course, person) = key.split_once('/').unwrap();
            Enrollment::new(CourseKey::new(course), PersonKey::new(person)).into()
        }
        other => panic!("no example of a {other}"),
    }
}

fn values(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let items = list.split(';').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| item.split_once('=').unwrap())
}

/// `KIND KEY: field=value; ... -> field=value; ...`, where `-` is unknown.
fn run(line: &str, rules: &MappingRules) {
    let (before, after) = line.split_once("->").unwrap();
    let (head, fields) = before.split_once(": ").unwrap();
    let (kind, key) = head.split_once(' ').unwrap();
    let mut record = blank(kind, key);
    for (field, value) in values(fields) {
        let spec = Record::spec(record.kind(), field).unwrap();
        assert!(record.set_field(spec, value), "{line}: {field}");
    }
    rules.apply(&mut record, SplitNames::LastIsFamily, Origin::default(), &mut |_| {});
    for (field, value) in values(after) {
        let spec = Record::spec(record.kind(), field).unwrap();
        let shown = record.field(spec).map_or_else(|| "-".to_owned(), |shown| shown.into_owned());
        assert_eq!(shown, value, "{line}: {field}");
    }
}

#[test]
fn every_example_is_as_it_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mapping.md");
    let page = fs::read_to_string(page).unwrap();
    let (mut loaded, mut ran) = (0, 0);
    let mut rules = MappingRules::default();
    for piece in page.split("\n```").skip(1).step_by(2) {
        let (language, block) = piece.split_once('\n').unwrap();
        match language {
            "toml" => {
                rules = load(block);
                loaded += 1;
            }
            "text" => {
                for line in block.lines() {
                    run(line, &rules);
                    ran += 1;
                }
            }
            other => panic!("a block of {other}"),
        }
    }
    assert!(loaded >= 9 && ran >= 12, "{loaded} loaded, {ran} run");
}
