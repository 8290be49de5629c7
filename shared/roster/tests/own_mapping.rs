//! The school's own mapping: once is enough, and nobody gets a right by it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use proptest::prelude::*;
use roster::arbitrary::record;
use roster::mapping::{MappingRules, SplitNames};
use roster::{
    Course, CourseKey, Enrollment, Findings, Kind, Labelled, Origin, Person, PersonKey, Record,
    Role, Roles, Text,
};

fn rules(json: serde_json::Value) -> MappingRules {
    serde_json::from_value(json).unwrap()
}

fn refused(json: serde_json::Value) -> String {
    serde_json::from_value::<MappingRules>(json).unwrap_err().to_string()
}

fn mapped(record: impl Into<Record>, rules: &MappingRules) -> (Record, Findings) {
    let mut record = record.into();
    let mut findings = Findings::default();
    rules.apply(&mut record, SplitNames::LastIsFamily, Origin::default(), &mut |f| {
        findings.push(f);
    });
    (record, findings)
}

fn field(record: &Record, name: &str) -> Option<String> {
    record.field(Record::spec(record.kind(), name).unwrap()).map(|shown| shown.into_owned())
}

fn ada() -> Person {
    let mut person = Person::new(PersonKey::new("p-1"));
    person.given = Some(Text::new("Adá"));
    person.family = Some(Text::new("van Dam"));
    person
}

#[test]
fn templates() {
    let check = |template: &str, expected: Option<&str>| {
        let rules = rules(serde_json::json!({
            "tables": {"who": {"p-1": "first", "*": "other"}, "few": {"x": "y"}},
            "rule": [{"kind": "person", "field": "url", "set": template}],
        }));
        let mut person = ada();
        person.user_ids = Some(vec![Labelled { label: "card".into(), value: "77".into() }]);
        let (record, _) = mapped(person, &rules);
        assert_eq!(field(&record, "url").as_deref(), expected, "{template}");
    };
    check("{given:1|slug}{family|slug}", Some("avandam"));
    check("{nickname/given}", Some("Adá"));
    check("{given|ascii} {family|upper}", Some("Ada VAN DAM"));
    check("{given}.{nickname}", None);
    check("{key|who}", Some("first"));
    check("{family|who}", Some("other"));
    check("{family|few}", None);
    check("{user_id.card|pad4}", Some("0077"));
    check("{{{key}}}", Some("{p-1}"));
    check("fixed", Some("fixed"));
}

#[test]
fn set_default_drop_and_when() {
    let rules = rules(serde_json::json!({"rule": [
        {"kind": "person", "field": "locale", "set": "nl"},
        {"kind": "person", "field": "email", "default": "{given|slug}@school.example"},
        {"kind": "person", "field": "nickname", "drop": true},
        {"kind": "person", "field": "school_year", "set": "staff", "when": {"institution_roles": "staff"}},
        {"kind": "person", "field": "gender", "default": "unknown", "when": {"suffix": "", "title": "!Dr*"}},
    ]}));
    let mut person = ada();
    person.locale = Some(Text::new("fr"));
    person.nickname = Some(Text::new("Addie"));
    person.institution_roles = Some(vec![Text::new("parent"), Text::new("staff")]);
    let (record, findings) = mapped(person.clone(), &rules);
    assert!(findings.is_empty());
    let all =
        ["locale", "email", "nickname", "school_year", "gender"].map(|name| field(&record, name));
    let expected = [Some("nl"), Some("ada@school.example"), None, Some("staff"), Some("unknown")];
    assert_eq!(all, expected.map(|value| value.map(str::to_owned)));
    person.title = Some(Text::new("Dr."));
    person.email = Some(Text::new("own@school.example"));
    let (record, _) = mapped(person, &rules);
    assert_eq!(field(&record, "gender"), None);
    assert_eq!(field(&record, "email").as_deref(), Some("own@school.example"));
}

#[test]
fn course_keys_by_parts() {
    let rules = rules(serde_json::json!({
        "course_key": "{year:4}_{season}_{id:5}_{subject}_{number:3}",
        "tables": {"month": {"spring": "2", "fall": "9"}},
        "rule": [
            {"kind": "course", "field": "short_name",
             "set": "{part.year}_{part.season|month}_{part.id}_{part.subject}_{part.number}"},
            {"kind": "course", "field": "sourced_id", "set": "{part.id}_{part.subject}_{part.number}"},
        ],
    }));
    let (course, findings) =
        mapped(Course::new(CourseKey::new("2010_fall_12345_CHEM_301")), &rules);
    assert_eq!(field(&course, "short_name").as_deref(), Some("2010_9_12345_CHEM_301"));
    assert_eq!(field(&course, "sourced_id").as_deref(), Some("12345_CHEM_301"));
    assert!(findings.is_empty());
    let (course, findings) = mapped(Course::new(CourseKey::new("MATH-1")), &rules);
    assert_eq!(field(&course, "short_name"), None);
    assert_eq!(findings.count_code("course-key-pattern"), 1);
}

#[test]
fn roles_in_our_words() {
    let rules = rules(serde_json::json!({
        "roles": {"docent": "instructor", "student/auditor": "member"},
        "rule": [{"kind": "enrollment", "field": "roles", "default": "docent"}],
    }));
    let mut member = Enrollment::new(CourseKey::new("c"), PersonKey::new("p"));
    member.roles = Some([Role::from_name("docent"), Role::Student].into_iter().collect::<Roles>());
    assert_eq!(
        field(&mapped(member.clone(), &rules).0, "roles").as_deref(),
        Some("student, instructor")
    );
    member.sub_role = Some(Text::new("auditor"));
    assert_eq!(
        field(&mapped(member.clone(), &rules).0, "roles").as_deref(),
        Some("instructor, member")
    );
    member.roles = None;
    assert_eq!(field(&mapped(member, &rules).0, "roles").as_deref(), Some("instructor"));
}

#[test]
fn nobody_becomes_an_administrator_by_an_export() {
    let mut person = ada();
    person.system_role = Some(Text::new("administrator"));
    let (record, findings) = mapped(person.clone(), &MappingRules::default());
    assert_eq!(field(&record, "system_role").as_deref(), Some("none"));
    assert_eq!(findings.count_code("system-role-refused"), 1);
    // Nor by a rule.
    let by_rule = rules(serde_json::json!({"system_roles": ["support"], "rule": [
        {"kind": "person", "field": "system_role", "set": "administrator"}]}));
    assert_eq!(field(&mapped(ada(), &by_rule).0, "system_role").as_deref(), Some("none"));
    let allowed = rules(serde_json::json!({"system_roles": ["administrator"]}));
    let (record, findings) = mapped(person, &allowed);
    assert_eq!(field(&record, "system_role").as_deref(), Some("administrator"));
    assert!(findings.is_empty(), "it waits for approval in the plan");
    // What no source carries stays unknown.
    assert_eq!(field(&mapped(ada(), &MappingRules::default()).0, "system_role"), None);
}

#[test]
fn what_is_not_listed_is_gone() {
    let list = rules(serde_json::json!({"fields": {"person": ["given"]}}));
    let (record, _) = mapped(ada(), &list);
    assert_eq!((field(&record, "given").as_deref(), field(&record, "family")), (Some("Adá"), None));
}

#[test]
fn mappings_that_cannot_be() {
    let check = |json: serde_json::Value, says: &str| {
        let error = refused(json);
        assert!(error.contains(says), "{error}");
    };
    let one = |rule: serde_json::Value| serde_json::json!({"rule": [rule]});
    let set = |field: &str, template: &str| serde_json::json!({"kind": "person", "field": field, "set": template});
    check(one(set("given", "{givn}")), "no field `givn`");
    check(one(set("given", "{given} x")), "writes");
    check(one(set("url", "{given|shout}")), "no filter and no table `shout`");
    check(one(set("full_name", "x")), "split before");
    check(one(set("url", "{part.year}")), "no part `year`");
    check(one(set("url", "{password}")), "password");
    check(
        serde_json::json!({"rule": [set("url", "{email}"), set("email", "a@b.example")]}),
        "later rule",
    );
    check(serde_json::json!({"roles": {"a": "b", "b": "c"}}), "another one again");
    check(
        serde_json::json!({"tables": {"t": {"a": "b", "b": "c"}}, "rule": [set("gender", "{gender|t}")]}),
        "something else of `b`",
    );
    check(
        serde_json::json!({"fields": {"person": ["given"]}, "rule": [set("given", "{family}")]}),
        "does not keep",
    );
    check(
        serde_json::json!({"fields": {"person": ["given"]}, "rule": [set("family", "x")]}),
        "does not keep",
    );
    check(serde_json::json!({"shout": true}), "shout");
}

/// Rules of which some are refused; what is taken maps twice as once.
fn any_rules() -> impl Strategy<Value = serde_json::Value> {
    const FIELDS: [&str; 8] =
        ["given", "family", "email", "url", "gender", "locale", "system_role", "nickname"];
    let field = || proptest::sample::select(FIELDS.to_vec());
    let template = (field(), field()).prop_flat_map(|(a, b)| {
        proptest::sample::select(vec![
            "support".to_owned(),
            "administrator".to_owned(),
            format!("{{{a}}}-{{{b}:2|upper}}"),
            format!("{{{a}/{b}}}"),
            format!("{{{a}|sex}}"),
            format!("{{{a}|slug}}"),
        ])
    });
    let when = proptest::option::of((
        field(),
        proptest::sample::select(vec!["", "!", "*a*", "!*a*", "x"]),
    ));
    let rule = (field(), template, 0..3u8, when).prop_map(|(field, template, how, when)| {
        let mut rule = serde_json::json!({"kind": "person", "field": field});
        match how {
            0 => rule["set"] = template.into(),
            1 => rule["default"] = template.into(),
            _ => rule["drop"] = true.into(),
        }
        if let Some((field, pattern)) = when {
            rule["when"] = serde_json::json!({field: pattern});
        }
        rule
    });
    let roles = proptest::sample::subsequence(vec!["support", "x"], 0..=2);
    (proptest::collection::vec(rule, 0..5), roles).prop_map(|(rule, system_roles)| {
        serde_json::json!({
            "tables": {"sex": {"m": "male", "male": "male", "x": "x"}},
            "roles": {"student": "member", "docent": "instructor"},
            "system_roles": system_roles,
            "rule": rule,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twice_is_once(record in record(), json in any_rules()) {
        let Ok(rules) = serde_json::from_value::<MappingRules>(json) else { return Ok(()) };
        let (once, findings) = mapped(record.clone(), &rules);
        let (twice, _) = mapped(once.clone(), &rules);
        let shown = |record: &Record| format!("{:?}", record.fields());
        prop_assert!(twice == once, "{} {}", shown(&once), shown(&twice));
        prop_assert_eq!(mapped(record, &rules).1, findings);
        if let Record::Person(person) = once
            && let Some(role) = person.system_role
        {
            prop_assert!(role.as_str() == "none" || rules.system_roles.contains(role.as_str()));
        }
    }
}

#[test]
fn kinds_keep_to_themselves() {
    let rules =
        rules(serde_json::json!({"rule": [{"kind": "course", "field": "title", "set": "x"}]}));
    assert_eq!(mapped(ada(), &rules).0, Record::from(ada()));
    assert_eq!(rules.rule[0].kind, Kind::Course);
}
