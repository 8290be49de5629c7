//! What the limits remember: what was delivered in the last days, what somebody allowed for a
//! while, and how much the parts of the export hold when all is well.

use std::collections::BTreeMap;

use ambient::Timestamp;
use plan::{Allowance, Counts, Part};
use roster::Kind;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, StoreError, Stores, Write};

/// So many allowances are kept, ended ones among them: who gave them is not forgotten at once.
const KEPT: usize = 50;

/// What was delivered lately and counts in a week's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lately {
    /// By day, `2026-11-22`: seven of them at most.
    pub days: BTreeMap<String, Counts>,
    /// The run that was counted last.
    pub run: String,
    /// How much of it is in `days`.
    pub counted: Counts,
}

impl Lately {
    /// What was delivered in the seven days that end with `now`.
    pub fn week(&self, now: Timestamp) -> Counts {
        let mut week = Counts::new();
        for (_, counts) in self.days.range(plan::week(now)) {
            add(&mut week, counts);
        }
        week
    }

    /// Counts what a run did: `done` of it just now, of which no more than `counting` in all counts.
    /// Where some of a run's changes do not count, those that do are taken to be done first, so
    /// that a run that is done in part is never counted short.
    pub fn count(&mut self, run: &str, counting: &Counts, done: &Counts, now: Timestamp) {
        if self.run != run {
            self.run = run.to_owned();
            self.counted.clear();
        }
        let mut new = Counts::new();
        for (kind, actions) in done {
            for (action, done) in actions {
                let of = |counts: &Counts| -> u64 {
                    counts.get(kind).and_then(|of| of.get(action)).copied().unwrap_or(0)
                };
                let counts = of(counting).saturating_sub(of(&self.counted)).min(*done);
                if counts > 0 {
                    new.entry(*kind).or_default().insert(*action, counts);
                }
            }
        }
        if new.is_empty() {
            return;
        }
        add(&mut self.counted, &new);
        let week = plan::week(now);
        self.days.retain(|day, _| day >= week.start());
        add(self.days.entry(week.end().clone()).or_default(), &new);
    }
}

fn add(to: &mut Counts, counts: &Counts) {
    for (kind, actions) in counts {
        for (action, count) in actions {
            *to.entry(*kind).or_default().entry(*action).or_default() += count;
        }
    }
}

/// An allowance that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What is allowed, and until when.
    #[serde(flatten)]
    pub allowance: Allowance,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The allowances of an integration, the oldest first; those that have ended among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowances {
    /// All of them.
    pub given: Vec<Given>,
}

impl Allowances {
    /// Adds one; it takes the place of those of the same kind and action, which end now.
    pub fn give(&mut self, given: Given) {
        let same = |other: &Allowance| {
            (other.kind, other.limited) == (given.allowance.kind, given.allowance.limited)
        };
        for other in self.given.iter_mut().filter(|other| same(&other.allowance)) {
            other.allowance.until = other.allowance.until.min(given.at);
        }
        self.given.push(given);
        let over = self.given.len().saturating_sub(KEPT);
        self.given.drain(..over);
    }

    /// Those that hold at `now`.
    pub fn standing(&self, now: Timestamp) -> Vec<Allowance> {
        let standing = self.given.iter().filter(|given| given.allowance.until > now);
        standing.map(|given| given.allowance.clone()).collect()
    }
}

/// A part of what the sources say, and how many records of each kind it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LearnedPart {
    /// What it is.
    pub part: Part,
    /// The source, where it is a file of one; empty else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Which one.
    pub name: String,
    /// Its records.
    pub counts: BTreeMap<Kind, u64>,
}

/// What was learned when nothing was held last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// The generation of each source that the counts are of.
    pub generations: BTreeMap<String, u64>,
    /// The parts, sorted.
    pub parts: Vec<LearnedPart>,
    /// Courses whose removals are held because they dropped, and how many enrollments each had
    /// then: what comes to a course meanwhile makes no room for what is held.
    #[serde(default)]
    pub courses: BTreeMap<String, u64>,
}

/// One item of an integration with its version: [`Lately`], [`Allowances`], [`Learned`], ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// What it says.
    pub value: T,
    version: u64,
}

/// What is stored under a name of its own.
pub trait Remembered: Default + Serialize + serde::de::DeserializeOwned {
    /// The sort key.
    const KEY: &'static str;
    /// What it is, in errors.
    const WHAT: &'static str;
}

impl Remembered for Lately {
    const KEY: &'static str = "lately";
    const WHAT: &'static str = "what was delivered lately";
}

impl Remembered for Allowances {
    const KEY: &'static str = "allowances";
    const WHAT: &'static str = "allowances";
}

impl Remembered for Learned {
    const KEY: &'static str = "learned";
    const WHAT: &'static str = "learned counts";
}

impl<T: Remembered> Stored<T> {
    /// What is stored; the default where nothing is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn load(stores: &Stores, scope: &Scope) -> Result<Self, StoreError> {
        match stores.table.get(&scope.item(T::KEY)).await? {
            None => Ok(Self { value: T::default(), version: 0 }),
            Some(item) => {
                Ok(Self { value: from_json(T::WHAT, &item.body)?, version: item.version })
            }
        }
    }

    /// The write that stores it: it fails where somebody else wrote since.
    ///
    /// # Errors
    /// Where it cannot be encoded.
    pub fn write(&self, scope: &Scope) -> Result<Write, StoreError> {
        Ok(Write::Put {
            key: scope.item(T::KEY),
            body: to_json(T::WHAT, &self.value)?,
            condition: match self.version {
                0 => Condition::Absent,
                version => Condition::Version(version),
            },
            expires: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use plan::{Action, Limited};

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_788_242_400 + day * 86_400).expect("a time")
    }

    fn gone(count: u64) -> Counts {
        [(Kind::Person, [(Action::Suspend, count)].into())].into()
    }

    fn week(lately: &Lately, now: Timestamp) -> u64 {
        Limited::Removals.sum(&lately.week(now), Kind::Person)
    }

    #[test]
    fn seven_days_count_and_no_more() {
        let mut lately = Lately::default();
        for day in 0..10 {
            lately.count(&format!("run {day}"), &gone(3), &gone(3), at(day));
            let days = (day + 1).min(7) as u64;
            assert_eq!(week(&lately, at(day)), 3 * days, "day {day}");
            assert_eq!(lately.days.len() as u64, days);
        }
        assert_eq!(week(&lately, at(15)), 3);
        assert_eq!(week(&lately, at(16)), 0);
    }

    #[test]
    fn no_more_counts_than_the_plan_said_however_it_is_folded() {
        let mut lately = Lately::default();
        // Of ten that went, four count: the others were approved.
        for done in [3, 3, 4] {
            lately.count("run", &gone(4), &gone(done), at(0));
        }
        assert_eq!(week(&lately, at(0)), 4);
        lately.count("other", &gone(4), &gone(1), at(0));
        assert_eq!(week(&lately, at(0)), 5);
        lately.count("approved", &Counts::new(), &gone(9), at(0));
        assert_eq!(week(&lately, at(0)), 5);
    }

    #[test]
    fn a_newer_allowance_takes_the_place_of_the_older() {
        let give = |allowances: &mut Allowances, percent, from: i64, limited| {
            let (percent, count, until) = (Some(percent), None, at(from + 2));
            let allowance = Allowance { kind: Kind::Enrollment, limited, percent, count, until };
            allowances.give(Given { allowance, by: "registrar".into(), at: at(from) });
        };
        let mut all = Allowances::default();
        give(&mut all, 40, 0, Limited::Removals);
        give(&mut all, 20, 0, Limited::Create);
        give(&mut all, 60, 1, Limited::Removals);
        let standing = |now| -> Vec<_> {
            all.standing(now).into_iter().map(|one| (one.limited, one.percent)).collect()
        };
        assert_eq!(standing(at(1)), [(Limited::Create, Some(20)), (Limited::Removals, Some(60))]);
        assert_eq!(standing(at(2)), [(Limited::Removals, Some(60))]);
        assert_eq!(standing(at(3)), []);
        for _ in 0..100 {
            give(&mut all, 1, 5, Limited::Update);
        }
        assert_eq!(all.given.len(), KEPT);
    }
}
