use super::*;
use crate::Text;

fn person(key: &str, email: Option<&str>, username: Option<&str>) -> Person {
    let mut person = Person::new(PersonKey::new(key));
    person.email = email.map(Text::new);
    person.username = username.map(Text::new);
    person
}

fn by(text: &str) -> MatchBy {
    MatchBy::try_from(text.to_owned()).unwrap()
}

fn key(key: &str) -> PersonKey {
    PersonKey::new(key)
}

fn matched(rules: &[MatchBy], asking: &[Person], above: &[Person]) -> Matches {
    let mut matcher = Matcher::new(rules);
    asking.iter().for_each(|person| matcher.ask(person));
    above.iter().for_each(|person| matcher.offer(person));
    matcher.finish()
}

#[test]
fn one_hit_is_a_match_and_none_is_oneself() {
    let rules = [by("email"), by("username")];
    let above = [person("p-1", Some("a@x.example"), Some("ada")), person("p-2", None, Some("bob"))];
    let asking = [
        person("h-1", Some("A@x.example"), None),
        person("h-2", None, Some("bob")),
        person("h-3", Some("nobody@x.example"), Some("nobody")),
        person("h-4", None, None),
    ];
    let matches = matched(&rules, &asking, &above);
    assert_eq!(matches.of(&key("h-1")), Some(&Meaning::One(key("p-1"))));
    assert_eq!(matches.of(&key("h-2")), Some(&Meaning::One(key("p-2"))));
    assert_eq!(matches.of(&key("h-3")), None);
    assert_eq!(matches.of(&key("h-4")), None);
}

#[test]
fn a_key_that_is_known_above_is_not_matched_by_anything_else() {
    let above =
        [person("p-1", Some("one@x.example"), None), person("p-2", Some("two@x.example"), None)];
    let matches = matched(&[by("email")], &[person("p-1", Some("two@x.example"), None)], &above);
    assert!(matches.is_empty());
}

#[test]
fn nobody_is_guessed() {
    let rules = [by("email"), by("username")];
    let twins =
        [person("p-1", Some("t@x.example"), None), person("p-2", Some("t@x.example"), None)];
    let matches = matched(&rules, &[person("h", Some("t@x.example"), None)], &twins);
    assert_eq!(matches.of(&key("h")), Some(&Meaning::Several(vec![key("p-1"), key("p-2")])));
    // Two values that name two persons are no match either.
    let above = [person("p-1", Some("t@x.example"), None), person("p-2", None, Some("t"))];
    let matches = matched(&rules, &[person("h", Some("t@x.example"), Some("t"))], &above);
    assert_eq!(matches.of(&key("h")), Some(&Meaning::Several(vec![key("p-1"), key("p-2")])));
    // One person in two sources above is one person.
    let above = [person("p-1", Some("t@x.example"), None), person("p-1", None, Some("t"))];
    let matches = matched(&rules, &[person("h", Some("t@x.example"), Some("t"))], &above);
    assert_eq!(matches.of(&key("h")), Some(&Meaning::One(key("p-1"))));
}

#[test]
fn two_of_one_source_are_not_one_person() {
    let above = [person("p-1", Some("a@x.example"), Some("ada"))];
    let asking = [person("h-1", Some("a@x.example"), None), person("h-2", None, Some("ada"))];
    let matches = matched(&[by("email"), by("username")], &asking, &above);
    assert_eq!(matches.of(&key("h-1")), Some(&Meaning::Shared(key("p-1"))));
    assert_eq!(matches.of(&key("h-2")), Some(&Meaning::Shared(key("p-1"))));
    // Nor where one of them has the key itself.
    let asking = [person("p-1", None, None), person("h-2", None, Some("ada"))];
    let matches = matched(&[by("username")], &asking, &above);
    assert_eq!(matches.of(&key("p-1")), None);
    assert_eq!(matches.of(&key("h-2")), Some(&Meaning::Shared(key("p-1"))));
}

#[test]
fn a_value_here_can_be_another_value_there() {
    let mut asking = person("h-1", None, None);
    asking.user_ids = Some(vec![Labelled { label: "reg".into(), value: "p-1".into() }]);
    let matches = matched(&[by("user_id:reg=sourced_id")], &[asking], &[person("p-1", None, None)]);
    assert_eq!(matches.of(&key("h-1")), Some(&Meaning::One(key("p-1"))));
    for bad in ["", "name", "user_id:", "email=shoe"] {
        assert!(MatchBy::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    assert_eq!(String::from(by("user_id:reg = sourced_id")), "user_id:reg=sourced_id");
}

#[test]
fn who_is_only_named_is_found_by_key() {
    let rules = [by("sourced_id=username"), by("email")];
    let mut matcher = Matcher::new(&rules);
    matcher.ask(&person("ada", Some("b@x.example"), None));
    // Whoever has a record is asked for by it, and nobody else is by their key twice.
    ["ada", "bob", "bob", "eve"].iter().for_each(|named| matcher.name(&key(named)));
    for above in [("p-1", "x@x.example", "bob"), ("p-2", "b@x.example", "cas")] {
        matcher.offer(&person(above.0, Some(above.1), Some(above.2)));
    }
    let matches = matcher.finish();
    assert_eq!(matches.of(&key("ada")), Some(&Meaning::One(key("p-2"))));
    assert_eq!(matches.of(&key("bob")), Some(&Meaning::One(key("p-1"))));
    assert_eq!(matches.of(&key("eve")), None);
}
