//! What people are called, by where their families come from.

use crate::dice::Dice;

mod lists;

use lists::{NICKNAMES, ORIGINS};

/// A person's name in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub given: &'static str,
    pub middle: Option<&'static str>,
    pub nickname: Option<&'static str>,
    pub prefix: Option<String>,
    pub family: String,
    pub gender: Gender,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gender {
    Female,
    Male,
    Unknown,
}

/// Given and family names that go together.
pub(crate) struct Origin {
    /// How many of a thousand persons.
    share: u64,
    female: &'static [&'static str],
    male: &'static [&'static str],
    /// Prefix, if any, and family name.
    families: &'static [(&'static str, &'static str)],
    /// The rate, in ten thousand, of a second given name.
    middle: u32,
}

/// The name that `dice` gives.
pub(crate) fn name(dice: Dice) -> Name {
    let origin = origin(dice.of(0));
    let gender = match dice.of(1).below(1_000) {
        0..=492 => Gender::Female,
        493..=985 => Gender::Male,
        _ => Gender::Unknown,
    };
    let givens = match (gender, dice.of(2).below(2)) {
        (Gender::Female, _) | (Gender::Unknown, 0) => origin.female,
        _ => origin.male,
    };
    let given = *dice.of(3).pick(givens);
    let middle = dice.of(4).chance(origin.middle).then(|| *dice.of(5).pick(givens));
    let nickname = NICKNAMES.iter().find(|(formal, _)| *formal == given).map(|(_, short)| *short);
    let (prefix, family) = family(dice.of(6), origin);
    Name {
        given,
        middle: middle.filter(|middle| *middle != given),
        nickname,
        prefix,
        family,
        gender,
    }
}

impl Name {
    /// The name after a marriage: the partner's, or the partner's before one's own.
    pub(crate) fn married(mut self, dice: Dice) -> Self {
        let (prefix, family) = family(dice.of(1), origin(dice.of(0)));
        let own = match &self.prefix {
            Some(own) => format!("{own} {}", self.family),
            None => self.family.clone(),
        };
        self.family = if dice.of(2).chance(5_000) { format!("{family}-{own}") } else { family };
        self.prefix = prefix;
        self
    }

    /// `Sanne van den Berg`.
    pub(crate) fn full(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{} {prefix} {}", self.given, self.family),
            None => format!("{} {}", self.given, self.family),
        }
    }

    /// `Berg, Sanne van den`.
    pub(crate) fn sorted(&self) -> String {
        match &self.prefix {
            Some(prefix) => format!("{}, {} {prefix}", self.family, self.given),
            None => format!("{}, {}", self.family, self.given),
        }
    }
}

fn origin(dice: Dice) -> &'static Origin {
    let mut left = dice.below(ORIGINS.iter().map(|origin| origin.share).sum());
    for origin in &ORIGINS {
        match left.checked_sub(origin.share) {
            Some(rest) => left = rest,
            None => return origin,
        }
    }
    &ORIGINS[0]
}

/// Common names are more common: the lower of two picks.
fn family(dice: Dice, origin: &Origin) -> (Option<String>, String) {
    let count = origin.families.len() as u64;
    let at = dice.of(0).below(count).min(dice.of(1).below(count));
    let (prefix, family) = origin.families[at as usize];
    ((!prefix.is_empty()).then(|| prefix.to_owned()), family.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn every_name_is_already_normal() {
        for origin in &ORIGINS {
            let families = origin.families.iter().flat_map(|(prefix, family)| [prefix, family]);
            for name in origin.female.iter().chain(origin.male).chain(families) {
                let normal = roster::normal::text(name);
                assert_eq!(normal.as_deref().unwrap_or(""), *name);
            }
        }
    }

    #[test]
    fn a_marriage_keeps_the_given_name() {
        let name = name(Dice::new(3));
        let married = name.clone().married(Dice::new(4));
        assert_eq!(married.given, name.given);
        assert_ne!(married.family, name.family);
    }

    #[test]
    fn the_prefix_stands_before_the_family_name_and_sorts_behind() {
        let name = Name {
            given: "Sanne",
            middle: None,
            nickname: None,
            prefix: Some("van den".to_owned()),
            family: "Berg".to_owned(),
            gender: Gender::Female,
        };
        assert_eq!(name.full(), "Sanne van den Berg");
        assert_eq!(name.sorted(), "Berg, Sanne van den");
    }
}
