//! The held part of a plan: why, how much, and examples.

use std::collections::BTreeMap;

use plan::{Change, HoldReason, Limited, Part, Span};
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
    /// They give somebody a role in the LMS itself.
    GrantsSystemRole {
        /// Which.
        role: Text,
    },
    /// One person vanished and one who is new is much like them.
    Rename {
        /// The key that vanished.
        old: Text,
        /// The key that is new.
        new: Text,
    },
    /// Nothing but the key tells one who is new from one who is there.
    TwoKeys {
        /// The key of the one who is there.
        old: Text,
        /// The key that is new.
        new: Text,
    },
    /// One person vanished, and one who came lately is much like them.
    Merge {
        /// The key that vanished.
        old: Text,
        /// The key that came lately.
        new: Text,
    },
    /// A person's key has come back as somebody else.
    SuspectedReuse {
        /// The key.
        key: Text,
    },
    /// Nothing has been delivered to this target before.
    FirstSync,
    /// The configuration changed.
    Reconfigured {
        /// What is different.
        what: Text,
    },
    /// They need the effect of something that is held.
    Needs,
    /// More of a kind would be done than another limit allows.
    Over {
        /// Which kind.
        kind: Kind,
        /// What the limit counts.
        limited: Limited,
        /// Over which time.
        span: Span,
        /// How many there are in this run.
        count: u64,
        /// How many there were before, within the time.
        before: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// A part of the export says much less than it did.
    SharpDrop {
        /// What dropped.
        part: Part,
        /// Which one.
        name: Text,
        /// Records of which kind it has fewer of.
        kind: Kind,
        /// How many it had.
        learned: u64,
        /// How many it has.
        now: u64,
    },
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
        let (why, needs) = match reason {
            HoldReason::Limit { count, of, allowed } => {
                let (kind, count, of, allowed) = (change.kind(), *count, *of, *allowed);
                (HoldWhy::Limit { kind, count, of, allowed }, None)
            }
            HoldReason::EmptiesCourse { course, students } => {
                let (course, students) = (course.clone(), *students);
                (HoldWhy::EmptiesCourse { course, students }, None)
            }
            HoldReason::GrantsSystemRole { role } => {
                (HoldWhy::GrantsSystemRole { role: role.clone() }, None)
            }
            HoldReason::Rename { old, new } => {
                (HoldWhy::Rename { old: old.clone(), new: new.clone() }, None)
            }
            HoldReason::TwoKeys { old, new } => {
                (HoldWhy::TwoKeys { old: old.clone(), new: new.clone() }, None)
            }
            HoldReason::Merge { old, new } => {
                (HoldWhy::Merge { old: old.clone(), new: new.clone() }, None)
            }
            HoldReason::SuspectedReuse { key } => {
                (HoldWhy::SuspectedReuse { key: key.clone() }, None)
            }
            HoldReason::FirstSync => (HoldWhy::FirstSync, None),
            HoldReason::Reconfigured { what } => {
                (HoldWhy::Reconfigured { what: what.clone() }, None)
            }
            HoldReason::Needs { key } => (HoldWhy::Needs, Some(key)),
            HoldReason::Over { limited, span, count, before, of, allowed } => {
                let (limited, span, kind) = (*limited, *span, change.kind());
                let (count, before, of, allowed) = (*count, *before, *of, *allowed);
                (HoldWhy::Over { kind, limited, span, count, before, of, allowed }, None)
            }
            HoldReason::SharpDrop { part, name, kind, learned, now } => {
                let (part, name, kind) = (*part, name.clone(), *kind);
                let (learned, now) = (*learned, *now);
                (HoldWhy::SharpDrop { part, name, kind, learned, now }, None)
            }
        };
        let (count, examples) = self.groups.entry(why).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            let mut line = line();
            if let Some(needs) = needs {
                line.note = Some(format!("needs {}", crate::label::clean(needs)));
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
        groups.sort_by(|a, b| rank(&a.why).cmp(&rank(&b.why)).then_with(|| a.why.cmp(&b.why)));
        let mut courses = 0;
        groups.retain(|group| {
            courses += usize::from(is_of_course(&group.why));
            courses <= COURSES || !is_of_course(&group.why)
        });
        let more_courses = courses.saturating_sub(COURSES) as u64;
        HeldView { count: self.count, groups, more_courses }
    }
}

/// Whether the reason itself says which course it is about.
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

/// Whether it is one course's: there can be thousands of these.
fn is_of_course(why: &HoldWhy) -> bool {
    matches!(why, HoldWhy::EmptiesCourse { .. } | HoldWhy::SharpDrop { part: Part::Course, .. })
}

fn rank(why: &HoldWhy) -> (u8, std::cmp::Reverse<u64>) {
    match why {
        HoldWhy::FirstSync | HoldWhy::Reconfigured { .. } => (0, std::cmp::Reverse(u64::MAX)),
        HoldWhy::Limit { count, .. } => (0, std::cmp::Reverse(*count)),
        HoldWhy::Over { count, .. } => (0, std::cmp::Reverse(*count)),
        HoldWhy::SharpDrop { part, learned, now, .. } if *part != Part::Course => {
            (1, std::cmp::Reverse(learned.saturating_sub(*now)))
        }
        HoldWhy::SharpDrop { learned, now, .. } => {
            (2, std::cmp::Reverse(learned.saturating_sub(*now)))
        }
        HoldWhy::EmptiesCourse { students, .. } => (2, std::cmp::Reverse(*students)),
        HoldWhy::Needs => (5, std::cmp::Reverse(0)),
        HoldWhy::GrantsSystemRole { .. } => (0, std::cmp::Reverse(u64::MAX)),
        HoldWhy::Rename { .. } | HoldWhy::TwoKeys { .. } => (3, std::cmp::Reverse(0)),
        HoldWhy::SuspectedReuse { .. } | HoldWhy::Merge { .. } => (4, std::cmp::Reverse(0)),
    }
}
