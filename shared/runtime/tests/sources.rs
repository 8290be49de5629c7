//! Several sources and the mapping in the configuration: what is wrong is named with its line.

use std::path::Path;

use roster::Kind;
use roster::matching::Selector;
use roster::merge::{PersonKeys, Rank};
use runtime::config::{Config, ConfigError, Known};

/// Lines 1 to 9; what is given begins on line 10.
const HEAD: &str = r#"tenant = "oakfield"
[[integration]]
name = "sis"
[integration.target]
kind = "sandbox"
[[integration.source]]
name = "registrar"
precedence = 10
# -
"#;

fn parse(rest: &str) -> Result<Config, ConfigError> {
    let known = Known { formats: &["ims-enterprise", "table"], targets: &["sandbox"] };
    Config::parse(&format!("{HEAD}{rest}"), Path::new("rollcall.toml"), known)
}

#[test]
fn sources_beside_each_other() {
    let config = parse(
        r#"
[[integration.source]]
name = "hr"
match_by = ["username", "user_id:card=sourced_id"]
keys = "random"
natural_key = "user_id:card"
[integration.source.fields.person]
email = 20
family = "never"
[[integration.source]]
name = "list"
format = "table"
separator = ";"
[integration.source.columns]
leerling = ["person.key", "person.username"]
mail = "person.email"
"#,
    )
    .unwrap();
    let [registrar, hr, list] = config.integrations[0].sources.as_slice() else { panic!() };
    assert!(registrar.part.adds && hr.part.adds && !list.part.adds);
    assert_eq!(hr.part.fields[&Kind::Person]["email"], Rank::At(20));
    assert_eq!(hr.part.fields[&Kind::Person]["family"], Rank::Never);
    assert_eq!(hr.part.match_by.len(), 2);
    let natural = Selector::UserId("card".into());
    assert_eq!(hr.part.keys, PersonKeys::Random { natural });
    assert_eq!(list.columns.of["leerling"].len(), 2);
    assert_eq!(list.columns.separator, Some(';'));
    let plain = parse("").unwrap();
    assert_ne!(config.integrations[0].version(), plain.integrations[0].version());
}

#[test]
fn the_mapping_is_an_input_of_every_plan() {
    let version = |rest: &str| parse(rest).unwrap().integrations[0].version();
    let mapped =
        "[[integration.mapping.rule]]\nkind = \"person\"\nfield = \"locale\"\nset = \"nl\"\n";
    assert_ne!(version(mapped), version(""));
    assert_ne!(version(mapped), version(&mapped.replace("nl", "fr")));
    assert_eq!(version("[integration.mapping]\n"), version(""));
}

#[test]
fn every_mistake_has_its_line() {
    let check = |rest: &str, line: u32, says: &str| {
        let error = parse(rest).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(says), "{rest}\n{said}");
        assert_eq!(error.line, line, "{rest}\n{said}");
    };
    check("[integration.source.fields.person]\nemial = 3\n", 11, "did you mean `email`?");
    check("[integration.source.fields.persons]\n", 10, "persons");
    check("[integration.source.fields.person]\nemail = \"always\"\n", 11, "never");
    check("match_by = [\"username\"]\n", 6, "there is none");
    check("match_by = [\"shoe\"]\n", 10, "a person is told from others by");
    check("keys = \"random\"\n", 6, "natural_key");
    check("natural_key = \"email\"\n", 6, "goes with");
    check("adds = false\n", 6, "nothing would be wanted");
    check("format = \"table\"\n", 6, "needs `columns`");
    check("format = \"table\"\ncolumns = { a = \"person.given\" }\n", 6, "tells who");
    check("format = \"table\"\ncolumns = { a = \"given\" }\n", 11, "nothing that a column can be");
    check("columns = { a = \"person.email\" }\n", 6, "goes with format");
    check("[integration.mapping.fields]\nperson = [\"givn\"]\n", 11, "did you mean `given`?");
    check("[integration.mapping]\nfeilds = 1\n", 11, "did you mean `fields`?");
    check("[integration.mapping]\ncourse_key = \"{a}\"\n", 11, "at least two parts");
    let rule = |field: &str, set: &str| {
        format!(
            "[[integration.mapping.rule]]\nkind = \"person\"\nfield = \"{field}\"\nset = \"{set}\"\n"
        )
    };
    check(&rule("given", "{family"), 13, "without its `}`");
    check(&rule("givn", "x"), 10, "has no field `givn`");
    check("[integration.mapping.roles]\na = \"b\"\nb = \"c\"\n", 10, "another one again");
    check(
        "[[integration.source]]\nname = \"hr\"\nmatch_by = [\"email\"]\n\
         [integration.mapping.fields]\nperson = [\"given\"]\n",
        2,
        "does not keep",
    );
}
