//! Several sources and the mapping in the configuration: what is wrong is named with its line.

use std::path::Path;

use roster::changes::ChangeColumns;
use roster::columns::Rows;
use roster::matching::Selector;
use roster::merge::{PersonKeys, Rank};
use roster::{Kind, Role};
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
    let known =
        Known { formats: &["ims-enterprise", "table", "ldif", "changes"], targets: &["sandbox"] };
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
fn lists_of_all_sorts() {
    let text = r#"
[[integration.source]]
name = "directory"
format = "ldif"
match_by = ["username"]
columns = { UID = "person.username", mail = "person.email" }
[[integration.source]]
name = "members"
format = "table"
kind = "enrollments"
role = "member"
[integration.source.columns]
pupil = "person.key"
class = "course.key"
set = "data_source"
[[integration.source]]
name = "courses"
format = "table"
kind = "courses"
adds = true
columns = { code = ["course.key", "course.short_name"] }
"#;
    let config = parse(text).unwrap();
    let [_, directory, members, courses] = config.integrations[0].sources.as_slice() else {
        panic!()
    };
    assert!(!directory.part.adds && directory.part.adds_persons);
    assert_eq!(directory.columns.rows, Rows::Persons);
    // Enrollments are added, and persons are not.
    assert!(members.part.adds && !members.part.adds_persons);
    assert_eq!(
        (members.columns.rows, &members.columns.role),
        (Rows::Enrollments, &Some(Role::Member))
    );
    assert!(courses.part.adds && courses.columns.rows == Rows::Courses);
    let version = |text: &str| parse(text).unwrap().integrations[0].version();
    assert_ne!(version(text), version(&text.replace("\"member\"", "\"student\"")));
    assert_ne!(version(text), version(&text.replace("role = \"member\"", "adds = true")));
}

#[test]
fn a_version_is_what_it_was_before_there_were_other_lists() {
    let list = "[[integration.source]]\nname = \"list\"\nformat = \"table\"\n\
                columns = { leerling = [\"person.key\", \"person.username\"] }\n";
    let version = parse(list).unwrap().integrations[0].version();
    assert_eq!(version, "cecaf7c71cedb8d6def102e44e94f496");
}

#[test]
fn a_list_of_changed_keys() {
    let list = "[[integration.source]]\nname = \"keys\"\nformat = \"changes\"\nmode = \"full\"\n";
    let config = parse(list).unwrap();
    let plain = config.integrations[0].version();
    let source = config.integrations[0].sources.last().unwrap();
    assert!(!source.part.adds && source.changes == ChangeColumns::default());
    assert_eq!(source.mode, roster::Mode::Incremental, "who is not mentioned is not gone");
    let named = format!("{list}changes = {{ old = \"oud\", new = \"nieuw\", of = \"course\" }}\n");
    let config = parse(&named).unwrap();
    let source = config.integrations[0].sources.last().unwrap();
    assert_eq!(source.changes.old.as_deref(), Some("oud"));
    assert_eq!(source.changes.default_kind(), Kind::Course);
    assert_ne!(config.integrations[0].version(), plain);
}

#[test]
fn the_mapping_is_an_input_of_every_plan() {
    let version = |rest: &str| parse(rest).unwrap().integrations[0].version();
    let mapped =
        "[[integration.mapping.rule]]\nkind = \"person\"\nfield = \"locale\"\nset = \"nl\"\n";
    assert_ne!(version(mapped), version(""));
    assert_ne!(version(mapped), version(&mapped.replace("nl", "fr")));
    assert_eq!(version("[integration.mapping]\n"), version(""));
    let hidden = "[integration.mapping]\nhidden_key = \"{year:4}_{id}\"\n";
    assert_ne!(version(hidden), version(""));
    assert_ne!(version(hidden), version(&hidden.replace("year:4", "year:2")));
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
    check("kind = \"enrollments\"\n", 6, "goes with format");
    let list = |rest: &str| format!("format = \"table\"\n{rest}\n");
    check(&list("columns = { a = \"person.key\" }\nkind = \"shoes\""), 12, "enrollments");
    check(&list("columns = { a = \"person.key\" }\nkind = \"enrollments\""), 6, "course.key");
    check(&list("columns = { a = \"course.key\" }\nkind = \"enrollments\""), 6, "tells who");
    let unmatched =
        "columns = { a = \"course.key\", b = \"person.email\" }\nkind = \"enrollments\"";
    check(&list(unmatched), 6, "needs `match_by`");
    check(&list("columns = { a = \"person.key\" }\nrole = \"member\""), 6, "`role`");
    check(&list("columns = { a = \"person.key\", b = \"enrollment.shoe\" }"), 11, "nothing that");
    check("format = \"ldif\"\n", 6, "needs `columns`");
    let directory = "format = \"ldif\"\ncolumns = { uid = \"person.key\" }\nseparator = \";\"\n";
    check(directory, 6, "list of persons");
    check("changes = { old = \"a\" }\n", 6, "goes with format");
    check("format = \"changes\"\n", 6, "nothing would be wanted");
    check("format = \"changes\"\nscope = \"data_source\"\n", 6, "do not go with it");
    check("format = \"changes\"\nchanges = { odl = \"a\" }\n", 11, "did you mean `old`?");
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
