//! How much may change before it is held for a person to look at.
//!
//! | what is limited | over | default |
//! |---|---|---|
//! | removals: suspensions and removals together | one run | 10 % of the kind, from 10 records up |
//! | the same | seven days | 25 % of the kind, from 10 records up |
//! | creations, updates, suspensions, restorations, deletions | either | no limit |
//!
//! A limit is per kind of record. What was approved by a person, or delivered while a window or an
//! allowance stood for it, does not count in the seven days.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use roster::{Kind, Text};
use serde::{Deserialize, Serialize};

use crate::{Action, Counts, PartLimits};

/// A limit on one kind's changes. The stricter of the two numbers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Share of the records of the kind that the LMS is known to hold for us, in percent.
    pub percent: Option<u8>,
    /// Absolute number.
    pub count: Option<u64>,
    /// With so few of the kind or fewer, the percentage does not apply.
    pub minimum: u64,
}

impl Default for Limit {
    /// 10 % from 10 records up.
    fn default() -> Self {
        Self { percent: Some(10), count: None, minimum: 10 }
    }
}

impl Limit {
    /// How many of `held` records may be changed.
    pub fn allowed(&self, held: u64) -> u64 {
        let percent = match self.percent {
            Some(percent) if held >= self.minimum => held * u64::from(percent) / 100,
            _ => u64::MAX,
        };
        percent.min(self.count.unwrap_or(u64::MAX))
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Limited {
    /// Suspensions and removals together: whoever loses something.
    Removals = 1,
    /// Suspensions alone.
    Suspend = 2,
    /// Removals for good alone.
    Delete = 3,
    /// What is made or taken over.
    Create = 4,
    /// What is changed, re-keyed included.
    Update = 5,
    /// What is taken back into use.
    Restore = 6,
}

impl Limited {
    /// All of them, in the order in which they are weighed.
    pub const ALL: [Self; 6] =
        [Self::Removals, Self::Suspend, Self::Delete, Self::Create, Self::Update, Self::Restore];

    /// Its name, as the command line and the configuration have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Removals => "removals",
            Self::Suspend => "suspend",
            Self::Delete => "delete",
            Self::Create => "create",
            Self::Update => "update",
            Self::Restore => "restore",
        }
    }

    /// Whether it counts `action`.
    pub fn counts(self, action: Action) -> bool {
        match self {
            Self::Removals => action.takes_away(),
            Self::Suspend => action == Action::Suspend,
            Self::Delete => action == Action::Remove,
            Self::Create => matches!(action, Action::Create | Action::Adopt),
            Self::Update => matches!(action, Action::Update | Action::Rekey),
            Self::Restore => action == Action::Restore,
        }
    }

    /// How many of `counts` it counts of `kind`.
    pub fn sum(self, counts: &Counts, kind: Kind) -> u64 {
        let actions = counts.get(&kind).into_iter().flatten();
        actions.filter(|(action, _)| self.counts(**action)).map(|(_, count)| count).sum()
    }
}

/// The time over which a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Span {
    /// One run.
    Run = 1,
    /// Seven days: today and the six days before, by the calendar of UTC.
    Week = 2,
}

/// Limits by what they count: a kind's own over those for every kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitTable {
    /// For every kind that has none of its own.
    pub all: BTreeMap<Limited, Limit>,
    /// By kind.
    pub kinds: BTreeMap<Kind, BTreeMap<Limited, Limit>>,
}

impl LimitTable {
    /// The limit of one kind, where there is one.
    pub fn of(&self, kind: Kind, limited: Limited) -> Option<Limit> {
        let own = self.kinds.get(&kind).and_then(|own| own.get(&limited));
        own.or_else(|| self.all.get(&limited)).copied()
    }

    /// Whether any limit of it counts `action` of `kind`.
    pub fn counts(&self, kind: Kind, action: Action) -> bool {
        let mut of = Limited::ALL.into_iter().filter(|limited| limited.counts(action));
        of.any(|limited| self.of(kind, limited).is_some())
    }

    /// Sets the limit of one kind.
    pub fn set(&mut self, kind: Kind, limited: Limited, limit: Limit) {
        self.kinds.entry(kind).or_default().insert(limited, limit);
    }
}

/// When an export says so much less of a school, a course or a file than it did before that what
/// it takes away there is held, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharpDrop {
    /// By more than so many percent.
    pub percent: u8,
    /// Where there were fewer before, no drop is sharp.
    pub minimum: u64,
}

impl Default for SharpDrop {
    /// Half of at least 20.
    fn default() -> Self {
        Self { percent: 50, minimum: 20 }
    }
}

impl SharpDrop {
    /// Whether coming from `learned` to `now` is one.
    pub fn is(self, learned: u64, now: u64) -> bool {
        let lost = learned.saturating_sub(now);
        learned >= self.minimum && lost * 100 > learned * u64::from(self.percent)
    }
}

/// Days on which other limits hold: the turn of a school year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its name.
    pub name: Text,
    /// Its first day, by the calendar of UTC.
    pub from: Date,
    /// Its last day.
    pub until: Date,
    /// The limits that hold in it, whole; windows among them mean nothing.
    pub limits: Limits,
}

impl Window {
    /// Whether it is open.
    pub fn is_open(&self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&day(now))
    }
}

/// The calendar day of a time: what days of limits go by.
pub fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The seven days that end with `now`, from the first to the last, as `2026-11-22`.
pub fn week(now: Timestamp) -> RangeInclusive<String> {
    let last = day(now);
    let first = last.saturating_sub(jiff::Span::new().days(6));
    first.to_string()..=last.to_string()
}

/// Somebody's word that more may change for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Of which kind.
    pub kind: Kind,
    /// What.
    pub limited: Limited,
    /// The share that is allowed, in percent.
    pub percent: Option<u8>,
    /// The number that is allowed.
    pub count: Option<u64>,
    /// Until when; it ends by itself.
    pub until: Timestamp,
}

/// The limits of an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of removals in a run, for every kind that has none of its own.
    pub removals: Limit,
    /// Of removals in a run, by kind.
    pub kinds: BTreeMap<Kind, Limit>,
    /// A course that would lose all its students keeps them until somebody approves.
    pub hold_emptied_courses: bool,
    /// Of anything else in a run.
    pub actions: LimitTable,
    /// Of anything over seven days.
    pub week: LimitTable,
    /// What an export may say less of one school, course or file; `None`: anything.
    pub sharp_drop: Option<SharpDrop>,
    /// Limits of a source's or a data source key's own, in a run: beside those of its kinds.
    #[serde(default)]
    pub parts: Vec<PartLimits>,
    /// Days on which other limits hold. No two are open at once.
    pub windows: Vec<Window>,
}

impl Default for Limits {
    fn default() -> Self {
        let week = Limit { percent: Some(25), ..Limit::default() };
        Self {
            removals: Limit::default(),
            kinds: BTreeMap::new(),
            hold_emptied_courses: true,
            actions: LimitTable::default(),
            week: LimitTable { all: [(Limited::Removals, week)].into(), kinds: BTreeMap::new() },
            sharp_drop: Some(SharpDrop::default()),
            parts: Vec::new(),
            windows: Vec::new(),
        }
    }
}

impl Limits {
    /// Limits that hold nothing.
    pub fn none() -> Self {
        Self {
            removals: Limit { percent: None, count: None, minimum: 0 },
            kinds: BTreeMap::new(),
            hold_emptied_courses: false,
            actions: LimitTable::default(),
            week: LimitTable::default(),
            sharp_drop: None,
            parts: Vec::new(),
            windows: Vec::new(),
        }
    }

    /// The limit of `kind`'s removals in a run.
    pub fn of(&self, kind: Kind) -> Limit {
        self.kinds.get(&kind).copied().unwrap_or(self.removals)
    }

    /// The limit of what `limited` counts of `kind` over `span`, where there is one.
    pub fn limit(&self, kind: Kind, limited: Limited, span: Span) -> Option<Limit> {
        match (span, limited) {
            (Span::Week, _) => self.week.of(kind, limited),
            (Span::Run, Limited::Removals) => Some(self.of(kind)),
            (Span::Run, _) => self.actions.of(kind, limited),
        }
    }

    /// Whether anything that is made of `kind` can be held by a limit.
    pub(crate) fn limits_making(&self, kind: Kind) -> bool {
        [Limited::Create, Limited::Restore].into_iter().any(|limited| {
            let tables = self.parts.iter().map(|part| &part.table);
            tables.chain([&self.actions, &self.week]).any(|table| table.of(kind, limited).is_some())
        })
    }

    /// The window that is open.
    pub fn window(&self, now: Timestamp) -> Option<&Window> {
        self.windows.iter().find(|window| window.is_open(now))
    }

    /// The limits that hold at `now`: those of the open window, and over them what `allowances`
    /// say, for the run and for the seven days.
    pub fn at(&self, now: Timestamp, allowances: &[Allowance]) -> Self {
        let window = self.window(now);
        let mut limits = window.map_or_else(|| self.clone(), |window| window.limits.clone());
        limits.windows.clear();
        for allowance in allowances.iter().filter(|allowance| allowance.until > now) {
            let Allowance { kind, limited, percent, count, .. } = *allowance;
            let minimum = limits.limit(kind, limited, Span::Run).unwrap_or_default().minimum;
            let allowed = Limit { percent, count, minimum };
            if limited == Limited::Removals {
                limits.kinds.insert(kind, allowed);
            } else {
                limits.actions.set(kind, limited, allowed);
            }
            limits.week.set(kind, limited, allowed);
        }
        limits
    }

    /// Whether a change counts in the seven days: where `limits`, which hold now, are as usual for
    /// it. What a window or an allowance lets through is not to stand in the way of later days.
    pub fn counts_in_week(&self, limits: &Self, kind: Kind, action: Action) -> bool {
        Limited::ALL.into_iter().filter(|limited| limited.counts(action)).all(|limited| {
            [Span::Run, Span::Week]
                .into_iter()
                .all(|span| self.limit(kind, limited, span) == limits.limit(kind, limited, span))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().expect("a time")
    }

    #[test]
    fn a_window_is_open_from_its_first_to_its_last_day() {
        let inside = Limits::none();
        let window = Window {
            name: "rollover".into(),
            from: jiff::civil::date(2027, 7, 1),
            until: jiff::civil::date(2027, 8, 15),
            limits: inside.clone(),
        };
        let limits = Limits { windows: vec![window], ..Limits::default() };
        for (date, open) in [
            ("2027-06-30", false),
            ("2027-07-01", true),
            ("2027-08-15", true),
            ("2027-08-16", false),
            ("2028-07-02", false),
        ] {
            let now = limits.at(at(date), &[]);
            assert_eq!(now == inside, open, "{date}");
            let counts = limits.counts_in_week(&now, Kind::Person, Action::Suspend);
            assert_eq!(counts, !open, "{date}");
        }
    }

    #[test]
    fn an_allowance_ends_by_itself_and_is_for_one_thing() {
        let limits = Limits::default();
        let allowance = Allowance {
            kind: Kind::Enrollment,
            limited: Limited::Removals,
            percent: Some(40),
            count: None,
            until: at("2027-07-02"),
        };
        let now = limits.at(at("2027-07-01"), std::slice::from_ref(&allowance));
        for span in [Span::Run, Span::Week] {
            let limit = now.limit(Kind::Enrollment, Limited::Removals, span);
            assert_eq!(limit, Some(Limit { percent: Some(40), count: None, minimum: 10 }));
            let other = now.limit(Kind::Person, Limited::Removals, span);
            assert_eq!(other, limits.limit(Kind::Person, Limited::Removals, span));
        }
        assert!(!limits.counts_in_week(&now, Kind::Enrollment, Action::Remove));
        assert!(limits.counts_in_week(&now, Kind::Enrollment, Action::Create));
        assert!(limits.counts_in_week(&now, Kind::Person, Action::Remove));
        assert_eq!(limits.at(at("2027-07-02"), &[allowance]), limits);
    }

    #[test]
    fn a_drop_is_sharp_by_more_than_its_share_of_enough() {
        let drop = SharpDrop { percent: 50, minimum: 20 };
        for (learned, now, sharp) in
            [(20, 10, false), (20, 9, true), (19, 0, false), (20, 30, false), (1000, 499, true)]
        {
            assert_eq!(drop.is(learned, now), sharp, "{learned} to {now}");
        }
    }
}
