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
    /// By person: what becomes of the enrollment.
    enrollments: HashMap<u64, Seat>,
    /// By group: the draft that takes it away.
    groups: HashMap<u64, DraftId>,
    students: Students,
    seats: Seats,
}

/// The enrollments of ours in a course that take part, and the drafts that take some away.
#[derive(Debug, Default)]
struct Seats {
    before: u64,
    lost: Vec<DraftId>,
}

/// A course that the join has left.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// It lost all its students.
    pub emptied: Option<Emptied>,
    /// It lost some of its people.
    pub losing: Option<Losing>,
}

/// A course that loses people.
#[derive(Debug)]
pub(crate) struct Losing {
    pub course: CourseKey,
    /// Enrollments of ours that took part.
    pub before: u64,
    /// The drafts that take some of them away.
    pub lost: Vec<DraftId>,
}

/// What becomes of an enrollment.
#[derive(Debug, Clone, Copy)]
struct Seat {
    /// The LMS has it, or gets it.
    taken: bool,
    /// The draft that takes it away.
    removal: Option<DraftId>,
    /// The draft that makes it.
    creation: Option<DraftId>,
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
    /// Comes to `key`. Where that is another course the one before is closed; the answer says what
    /// it lost.
    pub(crate) fn enter(&mut self, key: &Key) -> Left {
        let owner = key.owner();
        let same = self
            .course
            .as_ref()
            .is_some_and(|course| owner.kind == Kind::Course && owner.id == course.as_str());
        if same {
            Left::default()
        } else {
            self.leave((owner.kind == Kind::Course).then(|| CourseKey::new(owner.id)))
        }
    }

    /// Closes the course at hand and opens `next`.
    pub(crate) fn leave(&mut self, next: Option<CourseKey>) -> Left {
        let Students { before, staying, lost, adds } = std::mem::take(&mut self.students);
        let seats = std::mem::take(&mut self.seats);
        self.enrollments.clear();
        self.groups.clear();
        let fate = std::mem::take(&mut self.fate);
        let Some(course) = std::mem::replace(&mut self.course, next) else {
            return Left::default();
        };
        if fate != Fate::Stays {
            return Left::default();
        }
        let losing = (!seats.lost.is_empty()).then(|| Losing {
            course: course.clone(),
            before: seats.before,
            lost: seats.lost,
        });
        let emptied = before > 0 && staying == 0 && !lost.is_empty();
        let emptied = emptied.then_some(Emptied { course, students: before, lost, adds });
        Left { emptied, losing }
    }

    /// Takes note of an enrollment: as the LMS has it, and what is done with it.
    pub(crate) fn enrollment(&mut self, key: &Key, seen: Option<Seen>, done: &[Drafted]) {
        let Key::Enrollment { person, .. } = key else { return };
        let there = seen.is_some_and(|seen| seen.there);
        let taken = done.iter().find(|drafted| drafted.action.takes_away());
        let made = done.iter().find(|drafted| drafted.action == Action::Create);
        let removal = taken.map(|drafted| drafted.draft);
        let creation = made.map(|drafted| drafted.draft);
        let seat = Seat { taken: there || made.is_some(), removal, creation };
        self.enrollments.insert(id_hash(Kind::Person, person.as_str()), seat);

        if seen.is_some_and(|seen| seen.present && seen.ours) {
            self.seats.before += 1;
            self.seats.lost.extend(removal);
        }
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
        self.seat(key).is_some_and(|seat| seat.taken)
    }

    fn seat(&self, key: &Key) -> Option<Seat> {
        let person = key.person().map(|person| id_hash(Kind::Person, person.as_str()));
        person.and_then(|person| self.enrollments.get(&person)).copied()
    }

    /// What a draft that puts a person into a group depends on: the one that enrolls the person.
    pub(crate) fn creation_edge(&self, key: &Key, dependent: DraftId, edges: &mut Vec<Edge>) {
        if let Some(need) = self.seat(key).and_then(|seat| seat.creation) {
            edges.push(Edge { need, dependent });
        }
    }

    /// What a draft that takes something of this course away depends on.
    pub(crate) fn removal_edges(&self, key: &Key, dependent: DraftId, edges: &mut Vec<Edge>) {
        if let Fate::Deleted(need) = self.fate
            && need != dependent
        {
            edges.push(Edge { need, dependent });
        }
        let Key::GroupMember { course, group, .. } = key else { return };
        if let Some(need) = self.seat(key).and_then(|seat| seat.removal) {
            edges.push(Edge { need, dependent });
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
