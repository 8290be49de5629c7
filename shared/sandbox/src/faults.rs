//! Planned misbehaviour: what fails, when, how often.
//!
//! Rules are tried in order; the first that matches a call decides it. Chance is drawn from a
//! seed, so that the same calls meet the same faults again.
//!
//! ```
//! use sandbox::{Fault, Faults, Rule};
//!
//! let mut faults = Faults::seeded(7);
//! faults.add(Rule::next(2, Fault::Status { status: 503 }).on("core_user_create_users"));
//! assert_eq!(faults.decide("core_user_get_users"), None);
//! assert_eq!(faults.decide("core_user_create_users"), Some(Fault::Status { status: 503 }));
//! ```

use std::time::Duration;

use ambient::{Random, SeededRandom};
use serde::{Deserialize, Serialize};

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// An HTML page with this status in place of an answer; 503 is the maintenance page.
    Status {
        /// The HTTP status, for instance 500, 502 or 503.
        status: u16,
    },
    /// Status 429 with `Retry-After`.
    Throttled {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The platform cannot reach its database.
    DatabaseDown,
    /// The token is refused.
    InvalidToken,
    /// The connection is closed before anything is done.
    DropBefore,
    /// The connection is closed after everything was done.
    DropAfter,
    /// The answer comes late.
    Delay {
        /// Milliseconds to wait.
        ms: u64,
    },
    /// The answer's list lacks its last row, though it was made.
    ShortAnswer,
    /// The answer says that all was done, but the last change was not.
    LoseRecord,
    /// Calls that change something are refused; reads work.
    ReadOnly,
}

/// When a fault strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The function it concerns; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many more calls it strikes; without end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How likely it strikes a matching call, from 0 to 1.
    #[serde(default = "always")]
    pub chance: f64,
    /// What happens.
    pub fault: Fault,
}

fn always() -> f64 {
    1.0
}

impl Rule {
    /// The fault strikes every call.
    pub fn every(fault: Fault) -> Self {
        Self { function: None, after: 0, times: None, chance: always(), fault }
    }

    /// The fault strikes the next `times` calls.
    pub fn next(times: u32, fault: Fault) -> Self {
        Self { times: Some(times), ..Self::every(fault) }
    }

    /// The fault strikes a call with the likelihood `chance`, from 0 to 1.
    pub fn sometimes(chance: f64, fault: Fault) -> Self {
        Self { chance, ..Self::every(fault) }
    }

    /// The same, for one function only.
    pub fn on(self, function: &str) -> Self {
        Self { function: Some(function.to_owned()), ..self }
    }

    /// The same, after `calls` matching calls have passed.
    pub fn after(self, calls: u32) -> Self {
        Self { after: calls, ..self }
    }
}

/// The plan of faults; empty by default.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<Rule>,
    random: SeededRandom,
}

impl Default for Faults {
    fn default() -> Self {
        Self::seeded(0)
    }
}

impl Faults {
    /// A plan without rules, whose chances come from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self { rules: Vec::new(), random: SeededRandom::new(seed) }
    }

    /// Adds a rule behind the others.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Drops all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that can still strike.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens to the call of `function` that comes in now. Counts it.
    pub fn decide(&mut self, function: &str) -> Option<Fault> {
        let mut struck = None;
        for rule in &mut self.rules {
            if rule.function.as_deref().is_some_and(|wanted| wanted != function) {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            if rule.times == Some(0) || !strikes(rule.chance, &self.random) {
                continue;
            }
            rule.times = rule.times.map(|left| left - 1);
            struck = Some(rule.fault);
            break;
        }
        self.rules.retain(|rule| rule.times != Some(0));
        struck
    }
}

fn strikes(chance: f64, random: &dyn Random) -> bool {
    // No draw for a certainty: adding a sure rule does not shift the chances of the others.
    chance >= 1.0 || (random.below(1_000_000) as f64) < chance * 1_000_000.0
}

impl Fault {
    /// The wait of a [`Fault::Delay`].
    pub(crate) fn delay(self) -> Option<Duration> {
        match self {
            Self::Delay { ms } => Some(Duration::from_millis(ms)),
            _ => None,
        }
    }

    /// The fault in a word, for the list of calls.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Throttled { .. } => "throttled",
            Self::DatabaseDown => "database_down",
            Self::InvalidToken => "invalid_token",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::Delay { .. } => "delay",
            Self::ShortAnswer => "short_answer",
            Self::LoseRecord => "lose_record",
            Self::ReadOnly => "read_only",
        }
    }
}

/// A plan as it is sent to the admin address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    rules: Vec<Rule>,
}

impl From<Plan> for Faults {
    fn from(plan: Plan) -> Self {
        Self { rules: plan.rules, random: SeededRandom::new(plan.seed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_only_the_calls_it_concerns() {
        let mut faults = Faults::default();
        faults.add(Rule::next(2, Fault::DropBefore).on("a").after(1));
        let decided: Vec<bool> =
            ["a", "b", "a", "b", "a", "a"].map(|name| faults.decide(name).is_some()).to_vec();
        assert_eq!(decided, [false, false, true, false, true, false]);
        assert!(faults.rules().is_empty(), "a spent rule is dropped");
    }

    #[test]
    fn chance_follows_the_seed_and_its_share() {
        let draw = |seed| {
            let mut faults = Faults::seeded(seed);
            faults.add(Rule::sometimes(0.25, Fault::DropAfter));
            (0..4000).map(|_| faults.decide("a").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let share = draw(1).iter().filter(|struck| **struck).count();
        assert!((900..1100).contains(&share), "{share} of 4000");
    }

    #[test]
    fn a_plan_is_read_from_json_and_an_unknown_field_is_refused() {
        let plan: Plan = serde_json::from_str(
            r#"{"seed":3,"rules":[{"fault":{"kind":"throttled","retry_after":9},"times":1}]}"#,
        )
        .unwrap();
        let mut faults = Faults::from(plan);
        assert_eq!(faults.decide("x"), Some(Fault::Throttled { retry_after: 9 }));
        assert!(serde_json::from_str::<Plan>(r#"{"rule":[]}"#).is_err());
    }
}
