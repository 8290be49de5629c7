//! Mapping for targets: once is enough, and it is right.

use proptest::prelude::*;
use roster::arbitrary::{person, record};
use roster::mapping::*;
use roster::{
    Address, Course, CourseKey, Enrollment, Finding, Findings, Key, Kind, Labelled, Origin,
    Password, Person, PersonKey, Record, Role, Roles, Severity, Text, normal, owner_hash,
};

fn mapped(record: impl Into<Record>, rules: &TargetRules) -> (Option<Record>, Findings) {
    let mut findings = Findings::default();
    let mut note = |finding: Finding| findings.push(finding);
    let mapped = map(record.into(), rules, Origin { file: 0, line: 7 }, &mut note);
    (mapped, findings)
}

fn mapped_person(person: Person, rules: &TargetRules) -> Person {
    match mapped(person, rules) {
        (Some(Record::Person(person)), _) => *person,
        (other, findings) => panic!("{other:?} {findings:?}"),
    }
}

fn named(key: &str) -> Person {
    let mut person = Person::new(PersonKey::new(key));
    person.given = Some(Text::new("Ada"));
    person.family = Some(Text::new("Smit"));
    person
}

fn rules() -> impl Strategy<Value = TargetRules> {
    let flags = proptest::collection::vec(any::<bool>(), 10);
    let split = prop_oneof![
        Just(SplitNames::No),
        Just(SplitNames::FirstIsGiven),
        Just(SplitNames::LastIsFamily)
    ];
    let missing = prop_oneof![
        Just(MissingEmail::Allowed),
        Just(MissingEmail::Finding),
        Just(MissingEmail::Placeholder { template: "{key}@example.invalid".into() }),
        Just(MissingEmail::Placeholder { template: "not an address".into() }),
    ];
    (flags, split, missing, 0..9usize).prop_map(|(flag, split, missing, max)| {
        let mut rules = TargetRules::moodle();
        if flag[0] {
            rules.fields.clear();
        }
        if flag[1] {
            let short = |field: &str| (field.to_owned(), max);
            let person = ["given", "family", "nickname", "full_name"].map(short).into();
            let course = ["short_name", "title"].map(short).into();
            rules.lengths = [(Kind::Person, person), (Kind::Course, course)].into();
        }
        rules.names = NameRules {
            required: flag[2],
            missing_part: if flag[3] { "-".into() } else { String::new() },
            split,
            fix_case: flag[4],
            prefer_nickname: flag[5],
        };
        rules.username.strip_diacritics = flag[6];
        rules.username.max = max * 3;
        rules.username.fallback = vec![UsernameFrom::Email, UsernameFrom::UserId("logon".into())];
        rules.email.missing = missing;
        rules.email.prefer_institution = flag[7];
        rules.course.truncate_code = max;
        rules.course.short_name =
            if flag[8] { ShortNameFrom::Key } else { ShortNameFrom::ShortName };
        rules.course.title = if flag[9] { TitleFrom::ShortName } else { TitleFrom::Title };
        rules
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twice_is_once(record in record(), rules in rules()) {
        let (once, findings) = mapped(record.clone(), &rules);
        match once {
            None => prop_assert!(findings.count(Severity::Error) == 1, "one error says why"),
            Some(once) => {
                prop_assert_eq!(findings.count(Severity::Error), 0);
                let (twice, _) = mapped(once.clone(), &rules);
                let shown = |record: &Option<Record>| format!("{:?}", record.as_ref().map(Record::fields));
                prop_assert!(twice.as_ref() == Some(&once), "{} {}", shown(&Some(once.clone())), shown(&twice));
            }
        }
        let first_of = record.clone();
        let (again, same) = mapped(record, &rules);
        prop_assert_eq!(same, findings);
        let (first, _) = mapped(first_of, &rules);
        prop_assert!(again == first);
    }

    #[test]
    fn moodle_takes_what_comes_out(person in person(9, 9)) {
        let secrets: Vec<_> = [&person.given, &person.family, &person.email].into_iter().flatten()
            .filter(|text| text.len() > 5).cloned().collect();
        let (mapped, findings) = mapped(person, &TargetRules::moodle());
        for finding in findings.kept() {
            prop_assert!(secrets.iter().all(|secret| !finding.message.contains(&**secret)), "{}", finding.message);
            prop_assert_eq!(finding.origin.line, 7);
        }
        if let Some(Record::Person(person)) = mapped {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
            let username = person.username.as_deref().unwrap_or_default();
            prop_assert!(!username.is_empty() && username.len() <= 100 && username.chars().all(plain));
            prop_assert!(person.email.as_deref().is_some_and(normal::is_email));
            for name in [&person.given, &person.family] {
                let name = name.as_deref().unwrap_or_default();
                prop_assert!(!name.is_empty() && name.chars().count() <= 100);
                prop_assert!(!name.contains(['<', '>']));
            }
        }
    }
}

#[test]
fn names_of_persons() {
    let rules = TargetRules::moodle();
    let mut dutch = named("p");
    dutch.family_prefix = Some(Text::new("van den"));
    assert_eq!(mapped_person(dutch, &rules).family.as_deref(), Some("van den Smit"));

    let mut loud = Person::new(PersonKey::new("p"));
    loud.full_name = Some(Text::new("JOE VAN DER MOODLE"));
    let mut fixing = rules.clone();
    fixing.names.fix_case = true;
    let fixed = mapped_person(loud, &fixing);
    assert_eq!(fixed.given.as_deref(), Some("Joe"));
    assert_eq!(fixed.family.as_deref(), Some("van der Moodle"));

    let mut nick = named("p");
    nick.nickname = Some(Text::new("Addie"));
    let mut preferring = rules.clone();
    preferring.names.prefer_nickname = true;
    assert_eq!(mapped_person(nick, &preferring).given.as_deref(), Some("Addie"));

    let mut half = Person::new(PersonKey::new("p"));
    half.full_name = Some(Text::new("Cher"));
    let (cher, findings) = mapped(half, &rules);
    let Some(Record::Person(cher)) = cher else { panic!("a person") };
    assert_eq!((cher.given.as_deref(), cher.family.as_deref()), (Some("-"), Some("Cher")));
    assert_eq!(findings.count_code("person-half-name"), 1);

    let (nobody, findings) = mapped(Person::new(PersonKey::new("p")), &rules);
    assert_eq!(nobody, None);
    assert_eq!(findings.count_code("person-no-name"), 1);
}

#[test]
fn user_names() {
    let rules = TargetRules::moodle();
    let check = |username: Option<&str>, expected: &str, code: Option<&str>| {
        let mut person = named("P-1/x");
        person.username = username.map(Text::new);
        let (mapped, findings) = mapped(person, &rules);
        let Some(Record::Person(person)) = mapped else { panic!("a person") };
        assert_eq!(person.username.as_deref(), Some(expected));
        assert_eq!(findings.counts().map(|(_, code, _)| code).next(), code);
    };
    check(Some("JMoodle"), "jmoodle", None);
    check(Some("josé.müller"), "jose.muller", None);
    check(Some("j moodle!"), "jmoodle", Some("username-changed"));
    check(None, "p-1x", None);
    check(Some("Ωμέγα"), "p-1x", Some("username-replaced"));
    check(Some(&"a".repeat(101)), "p-1x", Some("username-replaced"));

    let mut by_type = rules.clone();
    by_type.username.fallback = vec![UsernameFrom::UserId("logon".into())];
    let mut person = named("p");
    let logon = Labelled { label: Text::new("logon"), value: Text::new("jm") };
    person.user_ids = Some(vec![logon]);
    assert_eq!(mapped_person(person, &by_type).username.as_deref(), Some("jm"));
    let (none, findings) = mapped(named("p"), &by_type);
    assert_eq!((none, findings.count_code("person-no-username")), (None, 1));
}

#[test]
fn addresses() {
    let rules = TargetRules::moodle();
    let mail = |person: Person| mapped_person(person, &rules).email.map(|mail| mail.to_string());
    assert_eq!(mail(named("p-1")).as_deref(), Some("p-1@example.invalid"));
    // A key that is none for an address is hashed, so that no two keys make one address.
    let odd = [mail(named("p 1")), mail(named("P 1")), mail(named("p/1")), mail(named("P-1"))];
    let different: std::collections::BTreeSet<_> = odd.iter().collect();
    assert_eq!(different.len(), 4);
    assert!(odd.iter().flatten().all(|mail| normal::is_email(mail)));

    let mut two = named("p");
    two.institution_email = Some(Text::new("ada@School.EXAMPLE"));
    assert_eq!(mail(two.clone()).as_deref(), Some("p@example.invalid"), "it is never mailed to");
    let mut preferring = rules.clone();
    preferring.email.prefer_institution = true;
    let preferred = mapped_person(two.clone(), &preferring).email;
    assert_eq!(preferred.as_deref(), Some("ada@school.example"));
    two.email = Some(Text::new("ada@home.example"));
    assert_eq!(mail(two).as_deref(), Some("ada@home.example"));

    let mut bad = named("p");
    bad.email = Some(Text::new("not an address"));
    let (_, findings) = mapped(bad.clone(), &rules);
    assert_eq!(findings.count_code("email-invalid"), 1);
    let mut strict = rules.clone();
    strict.email.missing = MissingEmail::Finding;
    let (none, findings) = mapped(bad, &strict);
    assert_eq!((none, findings.count_code("person-no-email")), (None, 1));
}

#[test]
fn no_two_persons_share_an_address() {
    let rules = TargetRules::moodle();
    let mut unique = UniqueEmails::default();
    let mut findings = Findings::default();
    let who = |hash: u64| {
        let keys = ["a", "b", "c", "d"].map(PersonKey::new);
        keys.into_iter().find(|key| owner_hash(Key::Person(key.clone()).owner()) == hash)
    };
    let mut take = |key: &str, mail: &str, rules: &TargetRules| {
        let mut person = named(key);
        person.email = Some(Text::new(mail));
        let taken =
            unique.take(person.into(), rules, Origin::default(), &who, &mut |f| findings.push(f));
        taken.map(|record| match record {
            Record::Person(person) => person.email.map(|mail| mail.to_string()).unwrap_or_default(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(take("a", "ada@x.example", &rules).as_deref(), Some("ada@x.example"));
    assert_eq!(take("a", "ada@x.example", &rules).as_deref(), Some("ada@x.example"));
    assert_eq!(take("b", "Ada@x.example", &rules).as_deref(), Some("b@example.invalid"));
    let mut strict = rules.clone();
    strict.email.missing = MissingEmail::Finding;
    assert_eq!(take("c", "ada@x.example", &strict), None);
    strict.email.unique = false;
    assert_eq!(take("d", "ada@x.example", &strict).as_deref(), Some("ada@x.example"));
    assert_eq!(findings.count_code("email-taken"), 2);
    let said = &findings.kept()[0].message;
    assert!(said.contains("person:b has the same") && said.contains("as person:a;"), "{said}");
}

#[test]
fn the_institutions_address_is_the_email_and_nobody_elses() {
    let mut rules = TargetRules::moodle();
    rules.fields.clear();
    let mut one = named("a");
    one.email = Some(Text::new("ada@x.example"));
    let one = mapped_person(one, &rules);
    assert_eq!(
        one.institution_email.as_deref(),
        Some("ada@x.example"),
        "it defaults to the e-mail"
    );
    let mut two = named("b");
    two.institution_email = Some(Text::new("ADA@x.example"));
    let two = mapped_person(two, &rules);
    let (mut unique, mut findings) = (UniqueEmails::default(), Findings::default());
    let who = |_| Some(PersonKey::new("a"));
    let mut take = |person: Person| {
        unique.take(person.into(), &rules, Origin::default(), &who, &mut |f| findings.push(f))
    };
    assert!(take(one).is_some());
    assert_eq!(take(two), None);
    assert_eq!(findings.count(Severity::Error), 1);
    let said = &findings.kept()[0].message;
    assert!(said.contains("person:b") && said.contains("person:a"), "{said}");
    assert!(!said.contains("ada@"), "{said}");
}

#[test]
fn courses_enrollments_and_the_rest() {
    let rules = TargetRules::moodle();
    let course = |course: Course, rules: &TargetRules| match mapped(course, rules) {
        (Some(Record::Course(course)), _) => {
            (course.short_name.unwrap_or_default(), course.title.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    };
    let bare = Course::new(CourseKey::new("2026/MATH-101"));
    let key = Text::new("2026/MATH-101");
    assert_eq!(course(bare.clone(), &rules), (key.clone(), key));
    let mut cutting = rules.clone();
    cutting.course.truncate_code = 9;
    assert_eq!(course(bare, &cutting), (Text::new("2026/MATH"), Text::new("2026/MATH")));

    let (none, findings) = mapped(Course::new(CourseKey::new("c".repeat(101))), &rules);
    assert_eq!((none, findings.count_code("key-too-long")), (None, 1));

    let mut member = Enrollment::new(CourseKey::new("c"), PersonKey::new("p"));
    member.roles = Some([Role::Student, Role::Mentor].into_iter().collect::<Roles>());
    let mut few = rules.clone();
    few.enrollment.roles = ["student".to_owned()].into();
    let (Some(Record::Enrollment(only)), findings) = mapped(member.clone(), &few) else { panic!() };
    assert_eq!(only.roles, Some(Roles::one(Role::Student)));
    assert_eq!(findings.count_code("role-unknown"), 1);
    few.enrollment.roles = ["instructor".to_owned()].into();
    assert_eq!(mapped(member, &few).0, None);

    let mut abroad = named("p");
    abroad.address =
        Some(Address { country: Some(Text::new("Netherlands")), ..Address::default() });
    abroad.gender = Some(Text::new("female"));
    let there = mapped_person(abroad, &rules);
    assert_eq!(there.address.and_then(|address| address.country), None);
    assert_eq!(there.gender, None, "Moodle has no such field");
}

#[test]
fn rules_are_data() {
    let rules = TargetRules::moodle();
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<TargetRules>(&json).unwrap(), rules);
    let error = serde_json::from_str::<TargetRules>(r#"{"usernames": {}}"#).unwrap_err();
    assert!(error.to_string().contains("usernames"));
    // The default changes nothing of a plain person.
    let mut person = named("p");
    person.gender = Some(Text::new("female"));
    let before = Record::from(person);
    assert_eq!(
        mapped(before.clone(), &TargetRules::default()),
        (Some(before), Findings::default())
    );
}

#[test]
fn a_hash_goes_only_to_a_target_that_takes_its_type() {
    let mut person = named("p-1");
    let hash = Password::Hashed { scheme: "ssha".into(), value: "{SSHA}abc".into() };
    person.password = Some(hash.clone());
    let (record, findings) = mapped(person.clone(), &TargetRules::moodle());
    let Some(Record::Person(without)) = record else { panic!("a person") };
    assert_eq!(without.password, None);
    assert_eq!(findings.count_code("password-hash-not-taken"), 1);

    let takes = ["SSHA".to_owned()].into();
    let rules = TargetRules { fields: [].into(), password_hashes: takes, ..TargetRules::moodle() };
    assert_eq!(mapped_person(person, &rules).password, Some(hash));
}
