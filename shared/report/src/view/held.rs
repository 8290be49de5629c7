//! The held part of a plan: why, how much, and examples.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use plan::{Change, HoldReason, Part};
use roster::{Key, Kind, Text};

use super::Line;

/// Why a group of changes is held. What a change needs is said of each, and not of the group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldWhy {
    /// The kind of the changes, where a limit on it is the reason.
    pub kind: Option<Kind>,
    /// The reason.
    pub reason: HoldReason,
}

impl HoldWhy {
    /// Why changes of `kind` are held for `reason`, together with others.
    pub fn of(kind: Kind, reason: &HoldReason) -> Self {
        let (reason, kind) = match reason {
            HoldReason::Limit { .. } | HoldReason::Over { .. } | HoldReason::PartLimit { .. } => {
                (reason.clone(), Some(kind))
            }
            HoldReason::Needs { .. } => (HoldReason::Needs { key: Text::new("") }, None),
            reason => (reason.clone(), None),
        };
        Self { reason, kind }
    }
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
    /// The reasons: limits first, then what dropped, then the courses with the most students.
    pub groups: Vec<HoldGroup>,
    /// How many courses that are emptied or dropped are not among the groups.
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
        let why = HoldWhy::of(change.kind(), reason);
        let (count, examples) = self.groups.entry(why).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            let mut line = line();
            if let HoldReason::Needs { key } = reason {
                line.note = Some(format!("needs {}", crate::label::clean(key)));
            } else if let (false, Some(course)) = (names_course(reason), course_of(&line.key)) {
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
        groups.sort_by(|a, b| {
            rank(&a.why.reason).cmp(&rank(&b.why.reason)).then_with(|| a.why.cmp(&b.why))
        });
        let mut courses = 0;
        groups.retain(|group| {
            courses += usize::from(names_course(&group.why.reason));
            courses <= COURSES || !names_course(&group.why.reason)
        });
        let more_courses = courses.saturating_sub(COURSES) as u64;
        HeldView { count: self.count, groups, more_courses }
    }
}

/// Whether the reason itself says which course it is about: there can be thousands of these.
fn names_course(reason: &HoldReason) -> bool {
    matches!(
        reason,
        HoldReason::EmptiesCourse { .. } | HoldReason::SharpDrop { part: Part::Course, .. }
    )
}

/// The course that something in a course belongs to.
fn course_of(key: &Key) -> Option<&str> {
    match key {
        Key::Course(_) => None,
        key => key.course().map(|course| course.as_str()),
    }
}

/// In which order reasons are shown: by what they are, then by how much they hold.
fn rank(reason: &HoldReason) -> (u8, Reverse<u64>) {
    match reason {
        HoldReason::FirstSync
        | HoldReason::Reconfigured { .. }
        | HoldReason::GrantsSystemRole { .. } => (0, Reverse(u64::MAX)),
        HoldReason::Limit { count, .. }
        | HoldReason::Over { count, .. }
        | HoldReason::PartLimit { count, .. } => (0, Reverse(*count)),
        HoldReason::SharpDrop { part, learned, now, .. } => {
            (1 + u8::from(*part == Part::Course), Reverse(learned.saturating_sub(*now)))
        }
        HoldReason::EmptiesCourse { students, .. } => (2, Reverse(*students)),
        HoldReason::Rename { .. } | HoldReason::TwoKeys { .. } => (3, Reverse(0)),
        HoldReason::SuspectedReuse { .. } | HoldReason::Merge { .. } => (4, Reverse(0)),
        HoldReason::Needs { .. } => (5, Reverse(0)),
    }
}
