//! One course and what belongs to it, while the join passes over it.
//!
//! Everything that belongs to a course has the course as its owner, so it comes in one go: the
//! course, its groups, enrollments, group members, associations.

use hashbrown::HashMap;
use roster::{CourseKey, Key, Kind, Record, Role};

use crate::diff::Drafted;
use crate::draft::{Board, DraftId};
use crate::known::{group_hash, id_hash};
use crate::{Action, Applied, Ownership, Presence};

/// What becomes of the course itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays, or comes, or nobody speaks of it.
    #[default]
    Stays,
    /// It is gone from the source, and hidden or left alone: who is in it stays in it.
    PutAside,
    /// It is deleted.
    Deleted(DraftId),
}

/// The course that the join is at.
#[derive(Debug, Default)]
pub(crate) struct CourseAt {
    course: Option<CourseKey>,
    pub fate: Fate,
    /// By person: whether the LMS has or gets the enrollment, and the draft that takes it away.
    enrollments: HashMap<u64, (bool, Option<DraftId>)>,
    /// By group: the draft that takes it away.
    groups: HashMap<u64, DraftId>,
    students: Students,
}

/// The students of a course before and after.
#[derive(Debug, Default)]
struct Students {
    before: u64,
    staying: u64,
    lost: Vec<DraftId>,
    adds: Vec<DraftId>,
}

/// A course whose present students all go.
#[derive(Debug)]
pub(crate) struct Emptied {
    pub course: CourseKey,
    pub students: u64,
    /// The drafts that take them away.
    pub lost: Vec<DraftId>,
    /// The drafts that bring new ones: one that gets through keeps the course from being empty.
    pub adds: Vec<DraftId>,
}

/// A draft that must not be delivered while another one is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub need: DraftId,
    pub dependent: DraftId,
}

impl CourseAt {
    /// Comes to `key`. Where that is another course the one before is closed; the answer says if
    /// it lost all its students.
    pub(crate) fn enter(&mut self, key: &Key) -> Option<Emptied> {
        let owner = key.owner();
        let same = self
            .course
            .as_ref()
            .is_some_and(|course| owner.kind == Kind::Course && owner.id == course.as_str());
        if same {
            None
        } else {
            self.leave((owner.kind == Kind::Course).then(|| CourseKey::new(owner.id)))
        }
    }

    /// Closes the course at hand and opens `next`.
    pub(crate) fn leave(&mut self, next: Option<CourseKey>) -> Option<Emptied> {
        let Students { before, staying, lost, adds } = std::mem::take(&mut self.students);
        self.enrollments.clear();
        self.groups.clear();
        let fate = std::mem::take(&mut self.fate);
        let course = std::mem::replace(&mut self.course, next)?;
        let emptied = before > 0 && staying == 0 && !lost.is_empty() && fate == Fate::Stays;
        emptied.then_some(Emptied { course, students: before, lost, adds })
    }

    /// Takes note of an enrollment: as the LMS has it, and what is done with it.
    pub(crate) fn enrollment(&mut self, key: &Key, seen: Option<Seen>, done: &[Drafted]) {
        let Key::Enrollment { person, .. } = key else { return };
        let there = seen.is_some_and(|seen| seen.there);
        let taken = done.iter().find(|drafted| drafted.action.takes_away());
        let made = done.iter().any(|drafted| drafted.action == Action::Create);
        let removal = taken.map(|drafted| drafted.draft);
        self.enrollments.insert(id_hash(Kind::Person, person.as_str()), (there || made, removal));

        let students = &mut self.students;
        let was = seen.is_some_and(|seen| seen.student);
        students.before += u64::from(was);
        match (removal, done.first()) {
            (Some(draft), _) if was => students.lost.push(draft),
            (Some(_), _) => {}
            (None, None) => students.staying += u64::from(was),
            (None, Some(first)) => match first.action {
                Action::Create | Action::Restore if first.student => {
                    students.adds.push(first.draft);
                }
                Action::Create | Action::Restore => {}
                _ => students.staying += u64::from(first.student),
            },
        }
    }

    /// Takes note of a group that is taken away.
    pub(crate) fn group_goes(&mut self, key: &Key, draft: DraftId) {
        if let Key::Group { course, group } = key {
            self.groups.insert(group_hash(course.as_str(), group.as_str()), draft);
        }
    }

    /// Whether the LMS has, or gets in this run, the enrollment that a group member needs.
    pub(crate) fn is_enrolled(&self, key: &Key) -> bool {
        let person = key.person().map(|person| id_hash(Kind::Person, person.as_str()));
        person.and_then(|person| self.enrollments.get(&person)).is_some_and(|(there, _)| *there)
    }

    /// What a draft that takes something of this course away depends on.
    pub(crate) fn removal_edges(&self, key: &Key, dependent: DraftId, edges: &mut Vec<Edge>) {
        if let Fate::Deleted(need) = self.fate
            && need != dependent
        {
            edges.push(Edge { need, dependent });
        }
        let Key::GroupMember { course, group, person } = key else { return };
        let person = id_hash(Kind::Person, person.as_str());
        if let Some((_, Some(need))) = self.enrollments.get(&person) {
            edges.push(Edge { need: *need, dependent });
        }
        // A group whose member stays must stay as well.
        if let Some(group) = self.groups.get(&group_hash(course.as_str(), group.as_str())) {
            edges.push(Edge { need: dependent, dependent: *group });
        }
    }
}

/// What matters of an applied record once the decision has taken it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The LMS has it, taking part or put aside.
    pub there: bool,
    /// It is there and takes part.
    pub present: bool,
    /// It is ours.
    pub ours: bool,
    /// It is a student who takes part.
    pub student: bool,
}

impl Seen {
    pub(crate) fn of(applied: &Applied) -> Self {
        let presence = applied.meta.presence;
        let present = presence == Some(Presence::Present);
        Self {
            there: present || presence == Some(Presence::Suspended),
            present,
            ours: applied.meta.ownership != Ownership::Found,
            student: present && is_student(&applied.record),
        }
    }
}

/// Whether it is the enrollment of a student.
pub(crate) fn is_student(record: &Record) -> bool {
    match record {
        Record::Enrollment(enrollment) => {
            enrollment.roles.as_ref().is_some_and(|roles| roles.contains(&Role::Student))
        }
        _ => false,
    }
}

impl Emptied {
    /// Whether no new student gets in.
    pub(crate) fn stands(&self, board: &Board) -> bool {
        !self.adds.iter().any(|add| board.is_live(*add))
    }
}
