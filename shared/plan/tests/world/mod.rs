//! A small world for tests: what an LMS holds for us, a diff over it, and an LMS that refuses a
//! name that is taken.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;
use plan::{
    Absence, Applied, Applying, Capabilities, Cause, Change, Checksum, DiffInput, Diffed, Effect,
    Fingerprint, HoldReason, Identity, IdentityRules, KindPolicy, KindSupport, Limit, Limits,
    Looked, Meta, OnRemove, Ownership, Past, Plan, Policy, Presence, Refused, Singled, Wanted,
    apply, diff,
};
use roster::arbitrary::School;
use roster::{
    Course, CourseKey, DecodeError, Enrollment, Key, Kind, MarkKey, Origin, Person, PersonKey,
    Place, Record, Role, Roles, Text,
};

pub fn capabilities() -> Capabilities {
    let fields = |kind| -> &'static [&'static str] {
        match kind {
            Kind::Person => &["username", "given", "family", "email", "status"],
            Kind::Course => &["short_name", "title", "status", "template", "org_unit"],
            Kind::Enrollment => &["roles", "status", "timeframe"],
            Kind::GroupMember => &[],
            _ => &["title", "parent", "primary", "relation"],
        }
    };
    Capabilities {
        target: "test",
        kinds: Kind::ALL.map(|kind| KindSupport::Full { fields: fields(kind) }),
        batch: 10,
        concurrency: 1,
        unique_usernames: true,
        unique_short_names: true,
        renames_courses: true,
        shows: Kind::ALL.map(|kind| match kind {
            Kind::Person => &["email"][..],
            _ => &[],
        }),
        millis_per_change: [10; 9],
        changes_per_call: [5; 9],
    }
}

/// Limits that never hold anything.
pub fn no_limits() -> Limits {
    Limits::none()
}

/// Limits that let so many removals of each kind through.
pub fn at_most(count: u64) -> Limits {
    let removals = Limit { percent: None, count: Some(count), minimum: 0 };
    Limits { removals, hold_emptied_courses: true, ..Limits::none() }
}

/// What the LMS holds for us, and by what rules plans are made.
#[derive(Clone)]
pub struct World {
    pub applied: BTreeMap<Key, Applied>,
    pub policy: Policy,
    pub limits: Limits,
    pub capabilities: Capabilities,
    pub now: Timestamp,
    pub refused: Refused,
    pub approved: Option<Checksum>,
    pub released: HashSet<Fingerprint>,
    pub kept: HashMap<Fingerprint, HoldReason>,
    pub config_version: String,
    pub outside: BTreeSet<Key>,
    pub weighed: BTreeMap<Kind, u64>,
    pub past: Past,
    /// Whether identities are looked at.
    pub identity: bool,
    pub rules: IdentityRules,
    pub same: BTreeSet<(Text, Text)>,
    pub different: BTreeSet<(Text, Text)>,
    pub asked: BTreeSet<(Text, Text)>,
    pub returned: BTreeSet<Text>,
    /// The day: every run's id is its number, and so many days are looked back.
    pub day: u16,
}

impl Default for World {
    fn default() -> Self {
        Self {
            applied: BTreeMap::new(),
            policy: Policy::default(),
            limits: no_limits(),
            capabilities: capabilities(),
            now: Timestamp::UNIX_EPOCH,
            refused: Refused::Wait,
            approved: None,
            released: HashSet::new(),
            kept: HashMap::new(),
            config_version: "1".to_owned(),
            outside: BTreeSet::new(),
            weighed: BTreeMap::new(),
            past: Past::default(),
            identity: false,
            rules: IdentityRules::default(),
            same: BTreeSet::new(),
            different: BTreeSet::new(),
            asked: BTreeSet::new(),
            returned: BTreeSet::new(),
            day: 0,
        }
    }
}

impl World {
    pub fn in_order(&self) -> Vec<Applied> {
        let mut all: Vec<_> = self.applied.values().cloned().collect();
        all.sort_by(|a, b| Place::of(a.record.key()).cmp(&Place::of(b.record.key())));
        all
    }

    /// The plan that makes `records` of this world.
    pub fn diff(&self, records: &[Record]) -> Diffed {
        let at = |line: usize| Origin { file: 0, line: line as u32 + 1 };
        let wanted: Vec<_> =
            records.iter().enumerate().map(|(line, r)| (r.clone(), at(line)).into()).collect();
        self.diff_wanted(wanted)
    }

    pub fn diff_wanted(&self, mut wanted: Vec<Wanted>) -> Diffed {
        wanted.sort_by(|a, b| Place::of(a.record.key()).cmp(&Place::of(b.record.key())));
        let absence = |applied: &Applied| {
            if self.outside.contains(applied.record.key()) {
                Absence::SaysNothing
            } else {
                Absence::Removes
            }
        };
        let key = mark_key();
        let since = run_of(self.day.saturating_sub(self.rules.rename_days));
        let each = |take: &mut dyn FnMut(&Applied)| {
            self.in_order().iter().for_each(take);
            Ok(())
        };
        let identity = Identity {
            rules: &self.rules,
            key: &key,
            same: &self.same,
            different: &self.different,
            asked: &self.asked,
            returned: &self.returned,
            since: &since,
            people: &each,
        };
        let input = DiffInput {
            weighed_before: &self.weighed,
            past: &self.past,
            policy: &self.policy,
            limits: &self.limits,
            capabilities: &self.capabilities,
            config_version: &self.config_version,
            files: &[],
            now: self.now,
            because: Cause::Source,
            refused: self.refused,
            approved: self.approved,
            singled: Some(Singled { released: &self.released, kept: &self.kept }),
            absence: &absence,
            identity: self.identity.then_some(identity),
        };
        let wanted = wanted.into_iter().map(Ok);
        diff(&input, self.in_order().into_iter().map(Ok), wanted).expect("sorted, and never stored")
    }

    pub fn diff_school(&self, school: &School) -> Diffed {
        self.diff(&school.in_order())
    }

    /// One change had this effect.
    pub fn fold(&mut self, change: &Change, effect: &Effect) {
        let run = Text::from(run_of(self.day));
        let applying = Applying { run: &run, now: self.now, policy: &self.policy };
        let key = change.key().clone();
        let before = self.applied.remove(&key);
        if let Some(after) = apply(before, change, effect, &applying) {
            self.applied.insert(key, after);
        }
    }

    /// All of the plan is done.
    pub fn deliver(&mut self, plan: &Plan) {
        for change in changes(plan) {
            self.fold(&change, &done());
        }
    }

    /// A world that holds `school`, as far as it can.
    pub fn holding(records: &[Record]) -> Self {
        let mut world = Self::default();
        let plan = world.diff(records).plan;
        world.deliver(&plan);
        world
    }

    pub fn meta(&mut self, key: &Key) -> &mut Meta {
        &mut self.applied.get_mut(key).expect("the record is there").meta
    }

    pub fn presence(&self, key: &Key) -> Option<Presence> {
        self.applied.get(key).and_then(|applied| applied.meta.presence)
    }

    /// Records of ours of `kind` that take part.
    pub fn taking_part(&self, kind: Kind) -> u64 {
        let of = self.applied.values().filter(|a| a.record.kind() == kind);
        let present = of.filter(|a| {
            a.meta.presence == Some(Presence::Present) && a.meta.ownership != Ownership::Found
        });
        present.count() as u64
    }

    pub fn lints(&self, plan: &Plan) -> Vec<plan::Lint> {
        plan::lint(plan, self.rows(), Some((&self.limits, &self.past))).expect("decodes")
    }

    /// The same for a plan of which somebody approved a part.
    pub fn lints_without_limits(&self, plan: &Plan) -> Vec<plan::Lint> {
        plan::lint(plan, self.rows(), None).expect("decodes")
    }

    /// Its keys and what is known beside each, as the linter takes them.
    pub fn rows(&self) -> Vec<Result<Looked, DecodeError>> {
        let rows = self.in_order().into_iter();
        rows.map(|applied| Ok(Looked::new(&applied.record, applied.meta))).collect()
    }
}

/// The id of the run of a day.
pub fn run_of(day: u16) -> String {
    format!("day-{day:04}")
}

/// The key of the marks of every world.
pub fn mark_key() -> MarkKey {
    MarkKey::new([3; 32])
}

pub fn done() -> Effect {
    Effect::Done { lms_id: None, ownership: None }
}

pub fn changes(plan: &Plan) -> Vec<Change> {
    plan.deliver.iter().map(|change| change.expect("decodes")).collect()
}

pub fn held(plan: &Plan) -> Vec<Change> {
    plan.held.iter().map(|change| change.expect("decodes")).collect()
}

/// `create person:p1`, in the order of the list.
pub fn lines(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| {
        let temporary = if change.temporary.is_some() { " (temporary)" } else { "" };
        format!("{} {}{temporary}", change.action.name(), change.key())
    };
    changes.iter().map(line).collect()
}

/// A person with a user name.
pub fn person(key: &str, username: &str) -> Person {
    let mut person = Person::new(PersonKey::new(key));
    person.username = Some(Text::new(username));
    person
}

/// A course whose code is its key.
pub fn course(key: &str) -> Course {
    let mut course = Course::new(CourseKey::new(key));
    course.short_name = Some(Text::new(key));
    course
}

/// A student of a course.
pub fn student(course: &str, person: &str) -> Enrollment {
    let mut student = Enrollment::new(CourseKey::new(course), PersonKey::new(person));
    student.roles = Some(Roles::one(Role::Student));
    student
}

/// What is delivered to make `wanted` of `world`, as [`lines`].
pub fn plan_of(world: &World, wanted: &[Record]) -> Vec<String> {
    lines(&changes(&world.diff(wanted).plan))
}

/// The default, but for what happens to records of `kind` that are gone.
pub fn on_remove(kind: Kind, remove: OnRemove) -> Policy {
    let mut policy = Policy::default();
    policy.set(kind, KindPolicy { remove, ..policy.of(kind) });
    policy
}

/// An LMS in which no two persons have one user name, and no two courses one code.
#[derive(Default)]
pub struct Unique {
    names: BTreeMap<(Kind, Text), Key>,
}

impl Unique {
    /// One that holds what `world` holds.
    pub fn of(world: &World) -> Self {
        let mut unique = Self::default();
        for applied in world.applied.values() {
            let there =
                matches!(applied.meta.presence, Some(Presence::Present | Presence::Suspended));
            if let Some(name) = name(&applied.record).filter(|_| there) {
                let key = applied.record.key();
                unique.names.insert((key.kind(), name.clone()), key.clone());
            }
        }
        unique
    }

    /// Does `change`, or says whose the name is.
    pub fn apply(&mut self, change: &Change) -> Result<(), Key> {
        let key = change.key();
        if !matches!(key.kind(), Kind::Person | Kind::Course) {
            return Ok(());
        }
        if change.action == plan::Action::Remove {
            self.names.retain(|_, holder| holder != key);
            return Ok(());
        }
        if change.action == plan::Action::Suspend {
            return Ok(());
        }
        let Some(wanted) = change.after.as_ref().and_then(name) else { return Ok(()) };
        let slot = (key.kind(), wanted.clone());
        match self.names.get(&slot) {
            Some(holder) if holder != key => Err(holder.clone()),
            _ => {
                self.names.retain(|(kind, _), holder| *kind != key.kind() || holder != key);
                self.names.insert(slot, key.clone());
                Ok(())
            }
        }
    }
}

fn name(record: &Record) -> Option<&Text> {
    match record {
        Record::Person(person) => person.username.as_ref(),
        Record::Course(course) => course.short_name.as_ref(),
        _ => None,
    }
}
