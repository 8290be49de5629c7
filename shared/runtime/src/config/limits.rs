//! Policy and limits, kind by kind.

use std::collections::BTreeMap;

use plan::{KindPolicy, Limit, Limits, OnRemove, Policy};
use roster::Kind;
use serde::Deserialize;

/// A number of days: `"90d"`, or `"12w"` for weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Days(u16);

impl TryFrom<String> for Days {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "a time is a number of days or weeks, for instance \"90d\" or \"12w\", at \
                     least a day and at most ten years";
        let (number, days) = match text.char_indices().next_back() {
            Some((at, 'd')) => (&text[..at], 1),
            Some((at, 'w')) => (&text[..at], 7),
            _ => return Err(wrong),
        };
        let days = number.parse::<u16>().ok().and_then(|number| number.checked_mul(days));
        days.filter(|days| (1..=3653).contains(days)).map(Self).ok_or(wrong)
    }
}

#[derive(Default, Deserialize)]
pub(super) struct PolicySection(BTreeMap<Kind, KindSection>);

#[derive(Deserialize)]
#[serde(try_from = "KindKeys")]
struct KindSection(KindKeys);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindKeys {
    create: Option<bool>,
    update: Option<bool>,
    remove: Option<Removal>,
    after: Option<Days>,
}

/// The words for it in the configuration; `after` stands beside them.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Removal {
    Ignore,
    Suspend,
    Delete,
}

impl TryFrom<KindKeys> for KindSection {
    type Error = &'static str;

    fn try_from(keys: KindKeys) -> Result<Self, &'static str> {
        match (keys.after, keys.remove) {
            (Some(_), Some(Removal::Ignore | Removal::Suspend) | None) => {
                Err("`after` says when a record is deleted: it goes with remove = \"delete\"")
            }
            _ => Ok(Self(keys)),
        }
    }
}

impl PolicySection {
    pub fn into_policy(self) -> Policy {
        let mut policy = Policy::default();
        for (kind, KindSection(keys)) in self.0 {
            let default = policy.of(kind);
            let remove = match (keys.remove, keys.after) {
                (None, _) => default.remove,
                (Some(Removal::Ignore), _) => OnRemove::Ignore,
                (Some(Removal::Suspend), _) => OnRemove::Suspend,
                (Some(Removal::Delete), None) => OnRemove::Delete,
                (Some(Removal::Delete), Some(Days(days))) => OnRemove::DeleteAfter { days },
            };
            let create = keys.create.unwrap_or(default.create);
            let update = keys.update.unwrap_or(default.update);
            policy.set(kind, KindPolicy { create, update, remove });
        }
        policy
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    remove_percent: Option<Percent>,
    remove_count: Option<u64>,
    remove_minimum: Option<u64>,
    hold_emptied_courses: Option<bool>,
    term: Option<LimitSection>,
    org_unit: Option<LimitSection>,
    person: Option<LimitSection>,
    course: Option<LimitSection>,
    group: Option<LimitSection>,
    enrollment: Option<LimitSection>,
    group_member: Option<LimitSection>,
    association: Option<LimitSection>,
    observer: Option<LimitSection>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitSection {
    remove_percent: Option<Percent>,
    remove_count: Option<u64>,
    remove_minimum: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
struct Percent(u8);

impl TryFrom<i64> for Percent {
    type Error = &'static str;

    fn try_from(percent: i64) -> Result<Self, &'static str> {
        let fits = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
        fits.map(Self).ok_or("a share is a whole number from 0 to 100")
    }
}

impl LimitSection {
    fn over(self, base: Limit) -> Limit {
        Limit {
            percent: self.remove_percent.map_or(base.percent, |percent| Some(percent.0)),
            count: self.remove_count.or(base.count),
            minimum: self.remove_minimum.unwrap_or(base.minimum),
        }
    }
}

impl LimitsSection {
    /// The limits: a kind's own over those of the integration over the defaults.
    pub fn into_limits(self) -> Limits {
        let default = Limits::default();
        let all = LimitSection {
            remove_percent: self.remove_percent,
            remove_count: self.remove_count,
            remove_minimum: self.remove_minimum,
        };
        let removals = all.over(default.removals);
        let kinds = [
            (Kind::Term, self.term),
            (Kind::OrgUnit, self.org_unit),
            (Kind::Person, self.person),
            (Kind::Course, self.course),
            (Kind::Group, self.group),
            (Kind::Enrollment, self.enrollment),
            (Kind::GroupMember, self.group_member),
            (Kind::Association, self.association),
            (Kind::Observer, self.observer),
        ];
        let kinds = kinds.into_iter().filter_map(|(kind, own)| Some((kind, own?.over(removals))));
        Limits {
            removals,
            kinds: kinds.collect(),
            hold_emptied_courses: self.hold_emptied_courses.unwrap_or(default.hold_emptied_courses),
        }
    }
}
