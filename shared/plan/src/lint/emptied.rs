//! Whether a plan takes a course all of its students.
//!
//! Who is a student stands in the records, which are not decoded for anything else: only the
//! enrollments of courses that lose somebody are looked into.
//!
//! A course of which the sources themselves say that everybody is inactive is left to the diff: from
//! here nobody can tell it from one that they do not have any more, whose people stay in it.

use hashbrown::{HashMap, HashSet};
use roster::{CourseKey, DecodeError, Key, Kind, Record};

use super::{Lint, Looking};
use crate::change::Outline;
use crate::course::is_student;
use crate::known::id_hash;
use crate::{Action, Change, Meta, Plan, Presence};

/// Courses from which a plan takes people away.
#[derive(Debug, Clone, Default)]
pub struct LosingCourses(HashSet<u64>);

impl LosingCourses {
    /// Those of `plan`'s part to deliver.
    ///
    /// # Errors
    /// Where a change does not decode.
    pub fn of(plan: &Plan) -> Result<Self, DecodeError> {
        let mut courses = HashSet::new();
        for outline in plan.deliver.outlines() {
            let Outline { key, action, .. } = outline?;
            if let (Key::Enrollment { course, .. }, true) = (&key, action.takes_away()) {
                courses.insert(id_hash(Kind::Course, course.as_str()));
            }
        }
        Ok(Self(courses))
    }

    /// Whether `key` is an enrollment in one of them.
    pub fn has(&self, key: &Key) -> bool {
        match key {
            Key::Enrollment { course, .. } if !self.0.is_empty() => {
                self.0.contains(&id_hash(Kind::Course, course.as_str()))
            }
            _ => false,
        }
    }
}

/// A record that the LMS holds, as far as a plan is looked at beside it.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Its key.
    pub key: Key,
    /// What is known of it.
    pub meta: Meta,
    /// It is the enrollment of a student; asked of [`LosingCourses`] alone.
    pub is_student: bool,
}

impl Looked {
    /// What is looked at of `record`.
    pub fn new(record: &Record, meta: Meta) -> Self {
        Self { key: record.key().clone(), meta, is_student: is_student(record) }
    }
}

/// What becomes of the students of courses that lose people.
#[derive(Debug, Default)]
pub(super) struct Emptying {
    courses: HashMap<u64, Losing>,
    /// Enrollments that are no student's afterwards, and how.
    leaving: HashMap<u64, Leaving>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// The source has it no more.
    Absent,
    /// The source says that it is inactive.
    Inactive,
    /// It has other roles.
    Changed,
}

#[derive(Debug)]
struct Losing {
    course: CourseKey,
    before: u64,
    staying: u64,
    /// Students whom the source has no more.
    absent: u64,
    /// Somebody becomes a student, or the course itself goes.
    is_excused: bool,
}

impl Emptying {
    /// What `plan` delivers.
    pub fn of(plan: &Plan) -> Result<Self, DecodeError> {
        let losing = LosingCourses::of(plan)?;
        let mut emptying = Self::default();
        if losing.0.is_empty() {
            return Ok(emptying);
        }
        for raw in plan.deliver.raw() {
            let raw = raw?;
            let Outline { key, action, .. } = Outline::decode(raw)?;
            if let (Key::Enrollment { course, .. }, true) = (&key, losing.has(&key)) {
                let course = course.clone();
                emptying.change(&key, course, action, &Change::decode(raw)?);
            }
        }
        for outline in plan.deliver.outlines().chain(plan.held.outlines()) {
            let Outline { key, action, .. } = outline?;
            if let (Key::Course(course), true) = (&key, action.takes_away()) {
                emptying.excuse(course);
            }
        }
        Ok(emptying)
    }

    fn change(&mut self, key: &Key, course: CourseKey, action: Action, change: &Change) {
        let at = id_hash(Kind::Course, course.as_str());
        let losing = self.courses.entry(at).or_insert_with(|| Losing {
            course,
            before: 0,
            staying: 0,
            absent: 0,
            is_excused: false,
        });
        let student = |record: &Option<Record>| record.as_ref().is_some_and(is_student);
        let leaving = match (action.takes_away(), student(&change.after), change.origin) {
            (true, _, None) => Leaving::Absent,
            (true, _, Some(_)) => Leaving::Inactive,
            (false, true, _) => {
                losing.is_excused |= !student(&change.before) || action == Action::Restore;
                return;
            }
            (false, false, _) => Leaving::Changed,
        };
        self.leaving.insert(key.hash64(), leaving);
    }

    fn excuse(&mut self, course: &CourseKey) {
        if let Some(losing) = self.courses.get_mut(&id_hash(Kind::Course, course.as_str())) {
            losing.is_excused = true;
        }
    }

    /// Looks at a record that the LMS holds.
    pub fn see(&mut self, row: &Looked) {
        if self.courses.is_empty() {
            return;
        }
        let course = match &row.key {
            Key::Course(course) if row.meta.presence != Some(Presence::Present) => {
                return self.excuse(course);
            }
            Key::Enrollment { course, .. } => course,
            _ => return,
        };
        let takes_part = row.is_student && row.meta.presence == Some(Presence::Present);
        let losing = self.courses.get_mut(&id_hash(Kind::Course, course.as_str()));
        let Some(losing) = losing.filter(|_| takes_part) else { return };
        losing.before += 1;
        match self.leaving.get(&row.key.hash64()) {
            None => losing.staying += 1,
            Some(Leaving::Absent) => losing.absent += 1,
            Some(Leaving::Inactive | Leaving::Changed) => {}
        }
    }
}

impl Looking<'_> {
    /// Courses that lose all their students.
    pub(super) fn emptied(&mut self) {
        let courses = std::mem::take(&mut self.emptied.courses);
        let mut emptied: Vec<Losing> = courses
            .into_values()
            .filter(|losing| losing.absent > 0 && losing.staying == 0 && !losing.is_excused)
            .collect();
        emptied.sort_by(|a, b| a.course.cmp(&b.course));
        for Losing { course, before, .. } in emptied {
            self.push(Lint::Emptied { course: Key::Course(course), students: before });
        }
    }
}
