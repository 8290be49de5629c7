//! What an integration holds, part by part, each with what lets it go.

use jiff::Timestamp;
use plan::{Checksum, HeldPart, Plan, held_parts};
use roster::{DecodeError, Key, Record, Text};

use super::{HoldGroup, HoldWhy, PlanView};

/// All that an integration holds.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldsView {
    /// The tenant.
    pub tenant: Text,
    /// The integration.
    pub integration: Text,
    /// The run that shows it: what is held now is what the newest plan holds.
    pub run: Text,
    /// When that run began.
    pub since: Timestamp,
    /// Whether it has an export that can be refused.
    pub of_export: bool,
    /// How many changes.
    pub count: u64,
    /// What an approval of all of it names.
    pub checksum: Option<Checksum>,
    /// The parts: limits first, then what dropped, then the courses with the most students.
    pub parts: Vec<HoldPart>,
    /// How many courses that are emptied or dropped are not among the parts.
    pub more_courses: u64,
    /// Options that commands shown for copying have to repeat, each with a space behind it.
    pub flags: String,
}

/// What is held for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldPart {
    /// Why, how much, and examples.
    pub group: HoldGroup,
    /// What an approval of this part alone names; `None` where it has no word of its own: it needs
    /// something else, waits for an answer, or the plan is held whole.
    pub checksum: Option<Checksum>,
    /// How many other changes need one of it, and go with it.
    pub follow: u64,
}

impl HoldsView {
    /// What `plan` holds, which `run` made at `since`.
    ///
    /// # Errors
    /// Where a change does not decode.
    pub fn of(
        (tenant, integration): (&str, &str),
        (run, since, of_export): (&str, Timestamp, bool),
        plan: &Plan,
    ) -> Result<Self, DecodeError> {
        let held = PlanView::of(plan)?.held;
        let parts = held_parts(plan)?;
        let why = |part: &HeldPart| {
            part.reason.as_ref().zip(part.kind).map(|(reason, kind)| HoldWhy::of(kind, reason))
        };
        let part = |group: HoldGroup| {
            let found = parts.iter().find(|part| why(part).as_ref() == Some(&group.why));
            let follow = found.map_or(0, |part| part.follow);
            HoldPart { checksum: found.map(|part| part.checksum), follow, group }
        };
        Ok(Self {
            tenant: Text::new(tenant),
            integration: Text::new(integration),
            run: Text::new(run),
            since,
            of_export,
            count: held.count,
            checksum: plan.summary.held_checksum,
            parts: held.groups.into_iter().map(part).collect(),
            more_courses: held.more_courses,
            flags: String::new(),
        })
    }

    /// The keys of what examples do not name themselves: persons and courses.
    pub fn nameless(&self) -> Vec<Key> {
        let lines = self.parts.iter().flat_map(|part| &part.group.examples);
        let of = lines.filter(|line| line.name.is_none()).flat_map(|line| {
            let person = line.key.person().map(|person| Key::Person(person.clone()));
            let course = line.key.course().map(|course| Key::Course(course.clone()));
            [person.or(course)].into_iter().flatten()
        });
        of.collect()
    }

    /// Fills in what they are called, as far as `name_of` knows.
    pub fn name_with(&mut self, mut name_of: impl FnMut(&Key) -> Option<Record>) {
        for line in self.parts.iter_mut().flat_map(|part| &mut part.group.examples) {
            if line.name.is_none() {
                let person = line.key.person().map(|person| Key::Person(person.clone()));
                let course = line.key.course().map(|course| Key::Course(course.clone()));
                let record = person.or(course).and_then(|key| name_of(&key));
                line.name = record.as_ref().and_then(crate::label::name);
            }
        }
    }
}
