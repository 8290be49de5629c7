//! The truth table: is this still the person that the account was made for?
//!
//! | names | born the same | not known | born otherwise |
//! |---|---|---|---|
//! | the same | same | same | same |
//! | alike | same | same | stranger, if the address differs too |
//! | given name alike (a marriage) | same | same, if the address is | same, if the address is |
//! | family name alike (a sibling) | same | same, if the address is | stranger |
//! | another name | same, if the address is | stranger | stranger |
//! | not known | same | same | stranger, if the address differs too |
//!
//! An address that is made of the key (`s12345@...`, a placeholder) goes with the key to whoever
//! has it, so that it says nothing when it stays the same.

use roster::likeness::{Likeness, Name, alike};
use roster::{Marks, Person};

use super::Identity;

/// What is known of the person whom an account was made for.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    person: &'a Person,
    marks: Marks,
    /// Nothing but marks is left of a person whose account was removed.
    in_clear: bool,
}

/// Whether they are one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing says that they are two.
    Same,
    /// They differ in too much.
    Stranger,
}

/// What two records say of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Same,
    Other,
    Nothing,
}

/// How two names relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Same,
    Alike,
    GivenAlike,
    FamilyAlike,
    Other,
    Unknown,
}

impl<'a> Known<'a> {
    /// The owner of an account that is there.
    pub fn account(person: &'a Person) -> Self {
        Self { person, marks: person.marks.unwrap_or_default(), in_clear: true }
    }

    /// The owner of one that was removed.
    pub fn tombstone(person: &'a Person) -> Self {
        Self { in_clear: false, ..Self::account(person) }
    }
}

/// Whether `wanted` is the person of whom `known` is known.
pub fn judge(identity: &Identity<'_>, known: Known<'_>, wanted: &Person) -> Verdict {
    let marks = identity.marks(wanted);
    let names = names(identity, known, wanted, marks);
    let born = says(known.marks.born, marks.born);
    let email = email(known, wanted, marks);
    let same = match (names, born) {
        (Names::Same, _) | (_, Says::Same) if names != Names::Other => true,
        (Names::Alike, Says::Nothing) | (Names::Unknown, Says::Nothing) => true,
        (Names::Alike | Names::Unknown, _) => email != Says::Other,
        (Names::GivenAlike, _) | (Names::FamilyAlike, Says::Nothing) => email == Says::Same,
        (Names::Other, Says::Same) => email == Says::Same,
        (Names::FamilyAlike | Names::Other | Names::Same, _) => false,
    };
    if same { Verdict::Same } else { Verdict::Stranger }
}

fn says<T: PartialEq>(before: Option<T>, after: Option<T>) -> Says {
    match before.zip(after) {
        None => Says::Nothing,
        Some((before, after)) if before == after => Says::Same,
        Some(_) => Says::Other,
    }
}

fn names(identity: &Identity<'_>, known: Known<'_>, wanted: &Person, marks: Marks) -> Names {
    let (given, family) =
        (says(known.marks.given, marks.given), says(known.marks.family, marks.family));
    if given == Says::Same && family == Says::Same {
        return Names::Same;
    }
    let likeness = if known.in_clear {
        alike(name(known.person), name(wanted))
    } else {
        match (given, family) {
            (Says::Nothing, Says::Nothing) => None,
            (given, family) => {
                let share = |says| if says == Says::Other { 0 } else { 100 };
                Some(Likeness { given: share(given), family: share(family) })
            }
        }
    };
    let Some(Likeness { given, family }) = likeness else { return Names::Unknown };
    let from = identity.rules.alike;
    match (given >= from, family >= from) {
        (true, true) if given == 100 && family == 100 => Names::Same,
        (true, true) => Names::Alike,
        (true, false) => Names::GivenAlike,
        (false, true) => Names::FamilyAlike,
        (false, false) => Names::Other,
    }
}

pub(super) fn name(person: &Person) -> Name<'_> {
    let full = person.full_name.as_deref().filter(|_| person.given.is_none());
    Name { given: person.given.as_deref(), family: person.family.as_deref().or(full) }
}

fn email(known: Known<'_>, wanted: &Person, marks: Marks) -> Says {
    let says = if known.in_clear {
        let small = |person: &Person| person.email.as_deref().map(str::to_lowercase);
        says(small(known.person), small(wanted))
    } else {
        says(known.marks.email, marks.email)
    };
    if says == Says::Same && is_made_of_key(wanted) { Says::Nothing } else { says }
}

/// Whether the address goes with the key: a placeholder, or one that holds the key.
fn is_made_of_key(person: &Person) -> bool {
    let Some(email) = person.email.as_deref().map(str::to_lowercase) else { return false };
    let key = person.sourced_id().to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    email.ends_with(".invalid") || (key.len() >= 3 && local.contains(&key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use roster::{MarkKey, PersonKey, Text};

    use super::*;
    use crate::IdentityRules;

    const ANNA: (&str, &str) = ("Anna", "Jansen");

    /// `born` and `email` are a day of May and the local part; empty where not known.
    fn person(name: (&str, &str), born: &str, email: &str) -> Person {
        let mut person = Person::new(PersonKey::new("4711"));
        let part = |part: &str| (!part.is_empty()).then(|| Text::new(part));
        (person.given, person.family) = (part(name.0), part(name.1));
        person.email = part(email).map(|local| Text::from(format!("{local}@oak.example")));
        let key = MarkKey::new([7; 32]);
        let day = (!born.is_empty()).then(|| format!("2010-05-{born}").parse().unwrap());
        person.marks = Some(Marks { born: day.and_then(|day| key.born(day)), ..Marks::default() });
        person
    }

    fn verdict(before: &Person, after: &Person) -> Verdict {
        let (rules, key) = (IdentityRules::default(), MarkKey::new([7; 32]));
        let different = BTreeSet::new();
        let identity = Identity {
            rules: &rules,
            key: &key,
            same: &different,
            different: &different,
            asked: &different,
            returned: &Default::default(),
            since: "",
            people: &|_| Ok(()),
        };
        let mut removed = Person::new(before.person().clone());
        removed.marks = Some(identity.marks(before));
        let account = judge(&identity, Known::account(before), after);
        let tombstone = judge(&identity, Known::tombstone(&removed), after);
        // Marks tell less, so they may call somebody a stranger; never the other way round.
        assert!(account == tombstone || tombstone == Verdict::Stranger);
        account
    }

    #[track_caller]
    fn check(name: (&str, &str), born: (&str, &str), email: (&str, &str), expected: Verdict) {
        let (before, after) = (person(ANNA, born.0, email.0), person(name, born.1, email.1));
        assert_eq!(verdict(&before, &after), expected, "{name:?} {born:?} {email:?}");
    }

    #[test]
    fn the_truth_table() {
        use Verdict::{Same, Stranger};
        let (same, none, other) = (("03", "03"), ("03", ""), ("03", "04"));
        let (mail, moved, nothing) = (("anna", "anna"), ("anna", "a.x"), ("anna", ""));
        for email in [mail, moved, nothing] {
            for born in [same, none, other] {
                check(ANNA, born, email, Same);
            }
            check(("Ann", "Jansen"), same, email, Same);
            check(("Ann", "Janssen"), none, email, Same);
            check(("Anna", "Wiebelink"), same, email, Same);
            check(("Jildert", "Jansen"), same, email, Same);
            check(("Jildert", "Jansen"), other, email, Stranger);
            check(("Jildert", "Okwuosa"), none, email, Stranger);
            check(("Jildert", "Okwuosa"), other, email, Stranger);
        }
        check(("Annie", "Jansen"), other, moved, Stranger);
        check(("Annie", "Jansen"), other, mail, Same);
        for born in [none, other] {
            check(("Anna", "Wiebelink"), born, mail, Same);
            check(("Anna", "Wiebelink"), born, moved, Stranger);
            check(("Anna", "Wiebelink"), born, nothing, Stranger);
        }
        check(("Jildert", "Jansen"), none, mail, Same);
        check(("Jildert", "Jansen"), none, moved, Stranger);
        check(("Jildert", "Okwuosa"), same, mail, Same);
        check(("Jildert", "Okwuosa"), same, moved, Stranger);
        check(("", ""), none, moved, Same);
        check(("", ""), other, moved, Stranger);
        check(("", ""), other, mail, Same);
    }

    #[test]
    fn an_address_that_is_made_of_the_key_says_nothing() {
        let of = |name, email: &str| person(name, "", email);
        let (stays, made) = ("teacher", "s4711");
        let married = ("Anna", "Wiebelink");
        assert_eq!(verdict(&of(ANNA, stays), &of(married, stays)), Verdict::Same);
        assert_eq!(verdict(&of(ANNA, made), &of(married, made)), Verdict::Stranger);
    }
}
