//! The held part of a plan: why, how much, and examples.

use std::collections::BTreeMap;

use plan::{Change, HoldReason};
use roster::{Key, Kind, Text};

use super::Line;

/// Why a group of changes is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldWhy {
    /// Too many of a kind would be taken away.
    Limit {
        /// Which kind.
        kind: Kind,
        /// How many would be taken away.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// A course would lose all its students.
    EmptiesCourse {
        /// Which course.
        course: Text,
        /// How many students it has.
        students: u64,
    },
    /// They need the effect of something that is held.
    Needs,
}

/// Changes held for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldGroup {
    /// Why.
    pub why: HoldWhy,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Line>,
}

/// The held part of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldView {
    /// How many changes.
    pub count: u64,
    /// The reasons: limits first, then the courses with the most students.
    pub groups: Vec<HoldGroup>,
    /// How many emptied courses are not among the groups.
    pub more_courses: u64,
}

/// How many examples a group shows.
const EXAMPLES: usize = 3;
/// How many emptied courses are shown one by one.
const COURSES: usize = 50;

/// Collects held changes.
#[derive(Debug, Default)]
pub(super) struct Holding {
    count: u64,
    groups: BTreeMap<HoldWhy, (u64, Vec<Line>)>,
}

impl Holding {
    /// Takes one; `line` is made only where it is kept.
    pub fn push(&mut self, change: &Change, reason: &HoldReason, line: impl FnOnce() -> Line) {
        self.count += 1;
        let (why, needs) = match reason {
            HoldReason::Limit { count, of, allowed } => {
                let (kind, count, of, allowed) = (change.kind(), *count, *of, *allowed);
                (HoldWhy::Limit { kind, count, of, allowed }, None)
            }
            HoldReason::EmptiesCourse { course, students } => {
                let (course, students) = (course.clone(), *students);
                (HoldWhy::EmptiesCourse { course, students }, None)
            }
            HoldReason::Needs { key } => (HoldWhy::Needs, Some(key)),
        };
        let (count, examples) = self.groups.entry(why).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            let mut line = line();
            if let Some(needs) = needs {
                line.note = Some(format!("needs {}", crate::label::clean(needs)));
            } else if let (HoldReason::Limit { .. }, Some(course)) = (reason, course_of(&line.key))
            {
                // Unlike everywhere else no course stands above it.
                let place = format!("in course {}", crate::label::clean(course));
                line.note = Some(match line.note {
                    Some(note) => format!("{note} {place}"),
                    None => place,
                });
            }
            examples.push(line);
        }
    }

    /// What there is to show.
    pub fn finish(self) -> HeldView {
        let groups = self.groups.into_iter();
        let mut groups: Vec<HoldGroup> =
            groups.map(|(why, (count, examples))| HoldGroup { why, count, examples }).collect();
        groups.sort_by(|a, b| rank(&a.why).cmp(&rank(&b.why)).then_with(|| a.why.cmp(&b.why)));
        let mut courses = 0;
        groups.retain(|group| {
            courses += usize::from(matches!(group.why, HoldWhy::EmptiesCourse { .. }));
            courses <= COURSES || !matches!(group.why, HoldWhy::EmptiesCourse { .. })
        });
        let more_courses = courses.saturating_sub(COURSES) as u64;
        HeldView { count: self.count, groups, more_courses }
    }
}

/// The course that something in a course belongs to.
fn course_of(key: &Key) -> Option<&str> {
    match key {
        Key::Course(_) => None,
        key => key.course().map(|course| course.as_str()),
    }
}

fn rank(why: &HoldWhy) -> (u8, std::cmp::Reverse<u64>) {
    match why {
        HoldWhy::Limit { count, .. } => (0, std::cmp::Reverse(*count)),
        HoldWhy::EmptiesCourse { students, .. } => (1, std::cmp::Reverse(*students)),
        HoldWhy::Needs => (2, std::cmp::Reverse(0)),
    }
}
