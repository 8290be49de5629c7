//! Limits: of a run and of seven days, by kind and action, and in windows of the calendar.

use std::collections::BTreeMap;

use plan::{Day, Limit, LimitTable, Limited, Limits, Part, PartLimits, SharpDrop, Window};
use roster::{Kind, Text};
use serde::Deserialize;

/// Limits of one kind, or of every kind, as the configuration has them.
trait Says {
    /// What it says of each.
    fn says(&self) -> [(Limited, Say); 6];
}

/// Makes a table of the configuration: the numbers that all have, and `$field`s of its own.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            remove_percent: Option<Percent>,
            remove_count: Option<u64>,
            remove_minimum: Option<u64>,
            suspend_percent: Option<Percent>,
            suspend_count: Option<u64>,
            suspend_minimum: Option<u64>,
            delete_percent: Option<Percent>,
            delete_count: Option<u64>,
            delete_minimum: Option<u64>,
            create_percent: Option<Percent>,
            create_count: Option<u64>,
            create_minimum: Option<u64>,
            update_percent: Option<Percent>,
            update_count: Option<u64>,
            update_minimum: Option<u64>,
            restore_percent: Option<Percent>,
            restore_count: Option<u64>,
            restore_minimum: Option<u64>,
            $($(#[$of])* $field: $type,)*
        }

        impl Says for $name {
            fn says(&self) -> [(Limited, Say); 6] {
                [
                    (Limited::Removals, Say::of(self.remove_percent, self.remove_count, self.remove_minimum)),
                    (Limited::Suspend, Say::of(self.suspend_percent, self.suspend_count, self.suspend_minimum)),
                    (Limited::Delete, Say::of(self.delete_percent, self.delete_count, self.delete_minimum)),
                    (Limited::Create, Say::of(self.create_percent, self.create_count, self.create_minimum)),
                    (Limited::Update, Say::of(self.update_percent, self.update_count, self.update_minimum)),
                    (Limited::Restore, Say::of(self.restore_percent, self.restore_count, self.restore_minimum)),
                ]
            }
        }
    };
}

/// Makes such a table with one below it for each kind.
macro_rules! tables {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        table! {
            $(#[$meta])*
            $name {
                term: Option<KindTable>,
                org_unit: Option<KindTable>,
                person: Option<KindTable>,
                course: Option<KindTable>,
                group: Option<KindTable>,
                enrollment: Option<KindTable>,
                group_member: Option<KindTable>,
                association: Option<KindTable>,
                observer: Option<KindTable>,
                $($(#[$of])* $field: $type,)*
            }
        }

        impl $name {
            /// What it says of single kinds.
            fn kinds(&self) -> impl Iterator<Item = (Kind, &KindTable)> {
                let kinds = [
                    (Kind::Term, &self.term),
                    (Kind::OrgUnit, &self.org_unit),
                    (Kind::Person, &self.person),
                    (Kind::Course, &self.course),
                    (Kind::Group, &self.group),
                    (Kind::Enrollment, &self.enrollment),
                    (Kind::GroupMember, &self.group_member),
                    (Kind::Association, &self.association),
                    (Kind::Observer, &self.observer),
                ];
                kinds.into_iter().filter_map(|(kind, own)| Some((kind, own.as_ref()?)))
            }
        }
    };
}

table! {
    /// `[integration.limits.KIND]`, and below `week` and a window.
    KindTable {}
}

tables! {
    /// `[integration.limits.week]`, also below a window; `[integration.limits.source.NAME]` and
    /// `[integration.limits.data_source."KEY"]`.
    WeekTable {}
}

tables! {
    /// `[integration.limits]`
    #[derive(Default)]
    LimitsSection {
        hold_emptied_courses: Option<bool>,
        drop_percent: Option<Percent>,
        drop_minimum: Option<u64>,
        week: Option<WeekTable>,
        window: Option<Windows>,
        #[serde(default)]
        source: BTreeMap<String, WeekTable>,
        #[serde(default)]
        data_source: BTreeMap<String, WeekTable>,
    }
}

tables! {
    /// One of `[[integration.limits.window]]`.
    WindowTable {
        name: String,
        from: CalendarDay,
        until: CalendarDay,
        hold_emptied_courses: Option<bool>,
        drop_percent: Option<Percent>,
        drop_minimum: Option<u64>,
        week: Option<WeekTable>,
    }
}

/// What is said of one limit.
#[derive(Clone, Copy)]
struct Say {
    percent: Option<Percent>,
    count: Option<u64>,
    minimum: Option<u64>,
}

impl Say {
    fn of(percent: Option<Percent>, count: Option<u64>, minimum: Option<u64>) -> Self {
        Self { percent, count, minimum }
    }

    fn is_silent(self) -> bool {
        self.percent.is_none() && self.count.is_none() && self.minimum.is_none()
    }

    fn over(self, base: Limit) -> Limit {
        Limit {
            percent: self.percent.map_or(base.percent, |percent| Some(percent.0)),
            count: self.count.or(base.count),
            minimum: self.minimum.unwrap_or(base.minimum),
        }
    }
}

/// A limit of which only what is said holds.
const UNSAID: Limit = Limit { percent: None, count: None, minimum: 10 };

/// Lays what a table and those of its kinds say over `base`. What it says of every kind stands
/// over what `base` says of single ones.
fn over<'a>(
    base: &LimitTable,
    all: &dyn Says,
    kinds: impl Iterator<Item = (Kind, &'a KindTable)>,
) -> LimitTable {
    let mut table = base.clone();
    for (limited, say) in all.says().into_iter().filter(|(_, say)| !say.is_silent()) {
        let before = table.all.get(&limited).copied().unwrap_or(UNSAID);
        table.all.insert(limited, say.over(before));
        for own in table.kinds.values_mut() {
            own.remove(&limited);
        }
    }
    for (kind, own) in kinds {
        for (limited, say) in own.says().into_iter().filter(|(_, say)| !say.is_silent()) {
            let before = table.of(kind, limited).unwrap_or(UNSAID);
            table.set(kind, limited, say.over(before));
        }
    }
    table.kinds.retain(|_, own| !own.is_empty());
    table
}

/// The limits of a run as one table, removals among them, and back.
fn run_table(limits: &Limits) -> LimitTable {
    let mut table = limits.actions.clone();
    table.all.insert(Limited::Removals, limits.removals);
    for (kind, limit) in &limits.kinds {
        table.set(*kind, Limited::Removals, *limit);
    }
    table
}

fn with_run_table(limits: Limits, mut table: LimitTable) -> Limits {
    let removals = table.all.remove(&Limited::Removals).unwrap_or(limits.removals);
    let mut kinds = BTreeMap::new();
    for (kind, own) in &mut table.kinds {
        kinds.extend(own.remove(&Limited::Removals).map(|limit| (*kind, limit)));
    }
    table.kinds.retain(|_, own| !own.is_empty());
    Limits { removals, kinds, actions: table, ..limits }
}

/// What a section says beside its tables.
struct Beside<'a> {
    hold_emptied_courses: Option<bool>,
    drop_percent: Option<Percent>,
    drop_minimum: Option<u64>,
    week: Option<&'a WeekTable>,
}

impl Beside<'_> {
    fn over(self, base: Limits) -> Limits {
        let drop = base.sharp_drop.unwrap_or_default();
        let drop = SharpDrop {
            percent: self.drop_percent.map_or(drop.percent, |percent| percent.0),
            minimum: self.drop_minimum.unwrap_or(drop.minimum),
        };
        let week = self.week.map(|week| over(&base.week, week, week.kinds()));
        Limits {
            hold_emptied_courses: self.hold_emptied_courses.unwrap_or(base.hold_emptied_courses),
            sharp_drop: Some(drop),
            week: week.unwrap_or_else(|| base.week.clone()),
            ..base
        }
    }
}

impl LimitsSection {
    /// The limits: a kind's own over those of the integration over the defaults.
    pub fn into_limits(self) -> Limits {
        let base = Limits::default();
        let table = over(&run_table(&base), &self, self.kinds());
        let beside = Beside {
            hold_emptied_courses: self.hold_emptied_courses,
            drop_percent: self.drop_percent,
            drop_minimum: self.drop_minimum,
            week: self.week.as_ref(),
        };
        let mut limits = with_run_table(beside.over(base), table);
        limits.parts = parts(Part::Source, &self.source);
        limits.parts.extend(parts(Part::DataSource, &self.data_source));
        let windows = self.window.map(|windows| windows.0).unwrap_or_default();
        limits.windows = windows.into_iter().map(|window| window.over(&limits)).collect();
        limits
    }
}

/// Limits of parts' own. Of a part only what is said of it holds.
fn parts(part: Part, own: &BTreeMap<String, WeekTable>) -> Vec<PartLimits> {
    let of = |(name, said): (&String, &WeekTable)| PartLimits {
        part,
        name: Text::new(name),
        table: over(&LimitTable::default(), said, said.kinds()),
    };
    own.iter().map(of).collect()
}

impl LimitsSection {
    /// The sources that have limits of their own.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.source.keys().map(String::as_str)
    }
}

impl WindowTable {
    /// The window, whose limits stand over those of the integration.
    fn over(self, base: &Limits) -> Window {
        let table = over(&run_table(base), &self, self.kinds());
        let beside = Beside {
            hold_emptied_courses: self.hold_emptied_courses,
            drop_percent: self.drop_percent,
            drop_minimum: self.drop_minimum,
            week: self.week.as_ref(),
        };
        let limits = with_run_table(beside.over(base.clone()), table);
        let (from, until) = (self.from.0, self.until.0);
        Window { name: Text::from(self.name), from, until, limits }
    }
}

/// The windows: each ends no sooner than it begins, and no two are open at once.
#[derive(Deserialize)]
#[serde(try_from = "Vec<WindowTable>")]
pub(super) struct Windows(Vec<WindowTable>);

impl TryFrom<Vec<WindowTable>> for Windows {
    type Error = String;

    fn try_from(windows: Vec<WindowTable>) -> Result<Self, String> {
        for (at, window) in windows.iter().enumerate() {
            let WindowTable { name, from, until, .. } = window;
            if until.0 < from.0 {
                return Err(format!(
                    "window \"{name}\" ends on {}, before it begins on {}",
                    until.0, from.0
                ));
            }
            for other in &windows[..at] {
                if other.name == *name {
                    return Err(format!("two windows have the name \"{name}\": give one another"));
                }
                if other.from.0 <= until.0 && from.0 <= other.until.0 {
                    return Err(format!(
                        "windows \"{}\" and \"{name}\" are open on the same days: only one may be",
                        other.name
                    ));
                }
            }
        }
        Ok(Self(windows))
    }
}

/// A day, as a date or a text.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "super::de::DateText")]
pub(super) struct CalendarDay(Day);

impl TryFrom<super::de::DateText> for CalendarDay {
    type Error = &'static str;

    fn try_from(text: super::de::DateText) -> Result<Self, &'static str> {
        let day = text.0.parse::<Day>().map(Self);
        day.map_err(|_| "a day is a date, for instance 2027-07-01")
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Percent(u8);

impl TryFrom<i64> for Percent {
    type Error = &'static str;

    fn try_from(percent: i64) -> Result<Self, &'static str> {
        let fits = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
        fits.map(Self).ok_or("a share is a whole number from 0 to 100")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Known};
    use super::*;

    fn limits(section: &str) -> Result<Limits, String> {
        let text = format!(
            "tenant = \"oak\"\n[[integration]]\nname = \"sis\"\n[[integration.source]]\n\
             name = \"registrar\"\n[integration.target]\nkind = \"sandbox\"\n{section}"
        );
        let known = Known { formats: &[], targets: &["sandbox"] };
        let config = Config::parse(&text, Path::new("rollcall.toml"), known);
        config.map(|config| config.integrations[0].limits.clone()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_source_and_a_data_source_key_have_limits_of_their_own() {
        let said = limits(
            "[integration.limits]\nremove_percent = 20\n\
             [integration.limits.source.registrar]\nremove_count = 5\n\
             [integration.limits.source.registrar.person]\ncreate_count = 9\n\
             [integration.limits.data_source.\"2011_*\"]\nremove_percent = 3\n",
        );
        let parts = said.unwrap().parts;
        let of = |at: usize, kind, limited| parts[at].table.of(kind, limited);
        assert_eq!((parts[0].part, parts[0].name.as_str()), (Part::Source, "registrar"));
        let five = Limit { count: Some(5), ..UNSAID };
        assert_eq!(of(0, Kind::Course, Limited::Removals), Some(five));
        assert_eq!(of(0, Kind::Person, Limited::Removals), Some(five));
        assert_eq!(of(0, Kind::Course, Limited::Create), None);
        let nine = Limit { count: Some(9), ..UNSAID };
        assert_eq!(of(0, Kind::Person, Limited::Create), Some(nine));
        assert_eq!((parts[1].part, parts[1].name.as_str()), (Part::DataSource, "2011_*"));
        let three = Limit { percent: Some(3), ..UNSAID };
        assert_eq!(of(1, Kind::Enrollment, Limited::Removals), Some(three));
    }

    #[test]
    fn limits_of_a_source_that_there_is_not_are_a_mistake() {
        let wrong = limits("[integration.limits.source.hr]\nremove_count = 5\n").unwrap_err();
        assert!(wrong.contains("\"hr\"") && wrong.contains("registrar"), "{wrong}");
        let wrong = limits("[integration.limits.source.registrar]\nremove_cuont = 5\n");
        assert!(wrong.unwrap_err().contains("did you mean `remove_count`?"));
    }
}
