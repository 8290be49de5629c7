use proptest::prelude::*;

use super::*;
use crate::arbitrary::person;
use crate::{Person, PersonKey};

fn email() -> FieldSpec {
    Record::spec(Kind::Person, "email").unwrap()
}

fn says(source: usize, email: Option<&str>, given: Option<&str>) -> Said {
    let mut person = Person::new(PersonKey::new("p-1"));
    person.email = email.map(Text::new);
    person.given = given.map(Text::new);
    Said { source, record: person.into(), origin: Origin { file: source as u32, line: 1 } }
}

fn shown(merged: &Merged) -> (Option<String>, Option<String>) {
    let Record::Person(person) = &merged.record else { panic!("a person") };
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
    (text(&person.email), text(&person.given))
}

#[test]
fn the_truth_table() {
    let check = |ranks: [Rank; 2], emails: [Option<&str>; 2], expected: Settled| {
        let rules: Vec<_> = ranks
            .into_iter()
            .enumerate()
            .map(|(at, rank)| {
                let mut rules = SourceRules::new(format!("s{at}"), 0);
                rules.part.fields.entry(Kind::Person).or_default().insert("email".into(), rank);
                rules
            })
            .collect();
        let said = [says(0, emails[0], None), says(1, emails[1], None)];
        assert_eq!(settle(&said, &rules, email()), expected, "{ranks:?} {emails:?}");
    };
    use Rank::{At, Never};
    check([At(0), At(0)], [None, None], Settled::Unknown);
    check([At(0), At(9)], [Some("a"), None], Settled::By(0));
    check([At(0), At(9)], [Some("a"), Some("b")], Settled::By(1));
    check([At(9), At(0)], [Some("a"), Some("b")], Settled::By(0));
    check([At(0), At(0)], [Some("a"), Some("a")], Settled::By(0));
    check([At(0), At(0)], [Some("a"), Some("b")], Settled::Disputed(vec![0, 1]));
    check([Never, At(0)], [Some("a"), Some("b")], Settled::By(1));
    check([Never, At(0)], [Some("a"), None], Settled::Unknown);
    check([At(-5), Never], [Some("a"), Some("b")], Settled::By(0));
}

#[test]
fn what_a_source_does_not_carry_is_filled_from_below_and_never_cleared() {
    let rules = [SourceRules::new("sis", 0), SourceRules::new("hr", 10)];
    let merged =
        merge(&[says(0, Some("a@x.example"), Some("Ada")), says(1, None, Some("A."))], &rules);
    let merged = merged.unwrap();
    assert_eq!(shown(&merged), (Some("a@x.example".into()), Some("A.".into())));
    assert_eq!(merged.origin.file, 1, "the one that is believed most");
}

#[test]
fn a_field_has_a_rank_of_its_own() {
    let mut hr = SourceRules::new("hr", 10);
    hr.part.fields.entry(Kind::Person).or_default().insert("email".into(), Rank::At(-1));
    let rules = [SourceRules::new("sis", 0), hr];
    let merged =
        merge(&[says(0, Some("sis@x"), Some("Sis")), says(1, Some("hr@x"), Some("Hr"))], &rules);
    assert_eq!(shown(&merged.unwrap()), (Some("sis@x".into()), Some("Hr".into())));
}

#[test]
fn what_only_a_list_has_is_not_wanted() {
    let mut list = SourceRules::new("list", 10);
    list.part.adds = false;
    let rules = [SourceRules::new("sis", 0), list];
    assert_eq!(merge(&[says(1, Some("a"), None)], &rules), None);
    let both = merge(&[says(0, None, Some("Ada")), says(1, Some("a"), None)], &rules).unwrap();
    assert_eq!(shown(&both), (Some("a".into()), Some("Ada".into())));
    assert_eq!(merge(&[], &rules), None);
}

#[test]
fn findings_are_grouped_by_field_and_name_no_value() {
    let rules = [SourceRules::new("sis", 0), SourceRules::new("hr", 0)];
    let said = [says(0, Some("secret-one"), None), says(1, Some("secret-two"), None)];
    let merged = merge(&said, &rules).unwrap();
    let [disputed] = merged.disputed.as_slice() else { panic!("{:?}", merged.disputed) };
    let finding =
        dispute(merged.record.key(), disputed.field, (&rules[0], &rules[1]), Origin::default());
    assert_eq!(finding.code, "sources-differ-person-email");
    assert!(!finding.message.contains("secret"), "{}", finding.message);
    assert!(finding.message.contains("`sis` and `hr`"), "{}", finding.message);
    assert_eq!(shown(&merged), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever is listed or delivered first decides nothing, but for where a record is from.
    #[test]
    fn order_decides_nothing(a in person(1, 1), b in person(1, 1), c in person(1, 1), ranks in proptest::array::uniform3(0i64..3)) {
        let rules: Vec<_> = ranks.iter().map(|rank| SourceRules::new("s", *rank)).collect();
        let key = Key::Person(PersonKey::new("p"));
        let said: Vec<_> = [a, b, c].into_iter().enumerate().map(|(source, person)| {
            let record = Record::from(person).with_key(key.clone()).unwrap();
            Said { source, record, origin: Origin::default() }
        }).collect();
        let backwards: Vec<_> = said.iter().rev().cloned().collect();
        let known = |said: &[Said]| {
            let mut record = merge(said, &rules).unwrap().record;
            record.retain(|field| !is_bookkeeping(field));
            record
        };
        prop_assert!(known(&said) == known(&backwards));
    }

    /// A source without an opinion changes nothing, and one alone is taken as it is.
    #[test]
    fn alone_is_as_it_is(a in person(1, 1)) {
        let rules = [SourceRules::new("a", 0), SourceRules::new("b", 5)];
        let record = Record::from(a);
        let nothing = Record::blank(Kind::Person).with_key(record.key().clone()).unwrap();
        let one = Said { source: 0, record: record.clone(), origin: Origin::default() };
        let other = Said { source: 1, record: nothing, origin: Origin::default() };
        prop_assert!(merge(std::slice::from_ref(&one), &rules).unwrap().record == record);
        prop_assert!(merge(&[one, other], &rules).unwrap().record == record);
    }
}
