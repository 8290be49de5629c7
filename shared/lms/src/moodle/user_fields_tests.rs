use ambient::SeededRandom;
use roster::{Address, Labelled, Password, PersonKey};

use super::*;

fn person() -> Person {
    let mut person = Person::new(PersonKey::new("p-1"));
    person.username = Some(Text::new("ada.vries"));
    person.given = Some(Text::new("Ada"));
    person.family = Some(Text::new("Vries"));
    person.email = Some(Text::new("ada@school.invalid"));
    person
}

fn field<'a>(fields: &'a UserFields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_person_becomes_an_account() {
    let mut person = person();
    person.phones = Some(vec![Labelled { label: "mobile".into(), value: "0612345678".into() }]);
    person.address = Some(Address {
        street: vec!["Kerkstraat 1".into(), "2e".into()],
        locality: Some("Utrecht".into()),
        country: Some("Netherlands".into()),
        ..Address::default()
    });
    let fields = account(&person).unwrap();
    for (name, expected) in [
        ("username", Some("ada.vries")),
        ("lastname", Some("Vries")),
        ("idnumber", Some("p-1")),
        ("phone2", Some("0612345678")),
        ("address", Some("Kerkstraat 1, 2e")),
        ("city", Some("Utrecht")),
        ("country", None),
        ("middlename", None),
    ] {
        assert_eq!(field(&fields, name), expected, "{name}");
    }
}

#[test]
fn what_moodle_would_refuse_is_refused_with_a_code() {
    type Change = fn(&mut Person);
    let cases: [(Change, &str); 14] = [
        (|p| p.username = Some(Text::new("Ada")), "bad-username"),
        (|p| p.email = None, "no-email"),
        (|p| p.given = None, "no-name"),
        (|p| p.family = Some(Text::new(" ")), "no-name"),
        (|p| p.username = None, "no-username"),
        (|p| p.username = Some(Text::new("a b")), "bad-username"),
        (|p| p.username = Some(Text::new("josé")), "bad-username"),
        (|p| p.username = Some(Text::new("x".repeat(101))), "username-too-long"),
        (|p| p.email = Some(Text::new("not-an-email")), "bad-email"),
        (|p| p.email = Some(Text::new("a@localhost")), "bad-email"),
        (|p| p.given = Some(Text::new("A<b>x</b>")), "tag-in-text"),
        (|p| p.family = Some(Text::new("x".repeat(101))), "name-too-long"),
        (|p| p.sourced_id = Some(Text::new("0")), "unusable-key"),
        (|p| p.sourced_id = Some(Text::new("k".repeat(256))), "key-too-long"),
    ];
    for (change, code) in cases {
        let mut person = person();
        change(&mut person);
        assert_eq!(account(&person), Err(code));
    }
    assert!(!has_tag("a < b > c & d"));
}

#[test]
fn new_accounts_log_in_as_configured() {
    let random = SeededRandom::new(1);
    let check = |auth: &str, given: Option<Password>, policy, expected: &[&str], odd| {
        let config = MoodleConfig { auth: auth.into(), password: policy, ..Default::default() };
        let mut person = person();
        person.password = given;
        let (fields, remark) = login(&person, None, &config, &random);
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!((names.as_slice(), remark), (expected, odd));
    };
    use NewPassword::{List, Mail, Random};
    let delivered = || Some(Password::Delivered(Text::new("Passw0rd!x")));
    let hashed = Some(Password::Hashed { scheme: "MD5".into(), value: "x".into() });
    check("manual", None, Mail, &["auth", "createpassword"], None);
    check("manual", None, Random, &["auth", "password"], None);
    check("manual", delivered(), Mail, &["auth", "password"], None);
    check("manual", Some(Password::External), Mail, &["auth", "password"], None);
    check("manual", hashed, Mail, &["auth", "createpassword"], Some("password-hash-not-taken"));
    check("oidc", delivered(), Mail, &["auth"], None);
    check("manual", None, List, &["auth", "createpassword"], None);
    assert_ne!(random_password(&random), random_password(&random));
    assert_eq!(random_password(&random).len(), 24);
}

#[test]
fn only_what_changed_is_sent() {
    let before = account(&person()).unwrap();
    let mut after = person();
    after.family = Some(Text::new("Berg"));
    let fields = changed(&before, account(&after).unwrap());
    assert_eq!(fields, [("lastname", "Berg".to_owned())]);
    assert!(changed(&before, account(&person()).unwrap()).is_empty());
    // What the source does not carry any more is unknown, not empty.
    let mut lost = person();
    lost.middle = Some(Text::new("M"));
    let with = account(&lost).unwrap();
    assert!(changed(&with, account(&person()).unwrap()).is_empty());
}

#[test]
fn a_password_for_a_list_is_sent_as_it_is_and_changed_at_the_first_login() {
    let random = SeededRandom::new(1);
    let config = MoodleConfig { password: NewPassword::List, ..MoodleConfig::default() };
    let issued = Password::Delivered(Text::new("aB2x-cD3y"));
    let (fields, remark) = login(&person(), Some(&issued), &config, &random);
    let body: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let [force, on] = FORCED_CHANGE;
    assert_eq!(body, [("auth", "manual"), ("password", "aB2x-cD3y"), force, on]);
    assert_eq!(remark, None);
    let takes = |given: Option<Password>, auth: &str, policy| {
        let mut person = person();
        person.password = given;
        takes_issued(
            &person,
            &MoodleConfig { auth: auth.into(), password: policy, ..config.clone() },
        )
    };
    let hashed = Password::Hashed { scheme: "MD5".into(), value: "x".into() };
    assert!(takes(None, "manual", NewPassword::List));
    assert!(takes(Some(Password::Generated), "email", NewPassword::List));
    assert!(takes(Some(hashed), "manual", NewPassword::List));
    assert!(!takes(Some(Password::External), "manual", NewPassword::List));
    assert!(!takes(Some(Password::Delivered("x".into())), "manual", NewPassword::List));
    assert!(!takes(None, "oidc", NewPassword::List));
    assert!(!takes(None, "manual", NewPassword::Mail));
}
