//! Who has a place where: places of students, teachers and staff, and their departments.

use crate::catalogue::{CAMPUSES, DEPARTMENTS, Department};

/// Study years of a programme.
pub(crate) const STUDY_YEARS: u64 = 4;

/// Courses of a student in a year: four in each semester and a coaching class all year.
pub(crate) const TRACKS: u32 = 9;

/// The most places in a programme, which bounds the memory that a class list takes.
const LARGEST: u64 = 960;

/// The numbers of the school. A place is held by one person after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub students: u64,
    pub teachers: u64,
    pub persons: u64,
    /// Programmes: each a department at a campus, with its own students, teachers and courses.
    pub programmes: u64,
}

/// What a person is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Student,
    Teacher,
    Staff,
}

impl Layout {
    pub(crate) fn new(persons: u32) -> Self {
        let persons = u64::from(persons);
        let students = persons * 92 / 100;
        let teachers = (persons * 7 / 100).max(u64::from(persons > 1)).min(persons - students);
        let size = (students / 8).clamp(60, LARGEST);
        Self { students, teachers, persons, programmes: students.div_ceil(size).max(1) }
    }

    /// What the person at `place` is here for.
    pub(crate) fn post(&self, place: u64) -> Post {
        if place < self.students {
            Post::Student
        } else if place < self.students + self.teachers {
            Post::Teacher
        } else {
            Post::Staff
        }
    }

    /// The places of a programme's students.
    pub(crate) fn students_of(&self, programme: u64) -> std::ops::Range<u64> {
        share(self.students, self.programmes, programme)
    }

    /// The places of a programme's teachers; a programme without its own borrows from all.
    pub(crate) fn teachers_of(&self, programme: u64) -> std::ops::Range<u64> {
        let own = share(self.teachers, self.programmes, programme);
        let own = if own.is_empty() { 0..self.teachers } else { own };
        self.students + own.start..self.students + own.end
    }
}

/// Part `at` of `parts` almost equal parts of `0..all`.
fn share(all: u64, parts: u64, at: u64) -> std::ops::Range<u64> {
    all * at / parts..all * (at + 1) / parts
}

/// The department of a programme.
pub(crate) fn department(programme: u64) -> &'static Department {
    &DEPARTMENTS[(programme % DEPARTMENTS.len() as u64) as usize]
}

/// Where a programme is taught; programmes of one department are at different campuses, or in
/// different rounds of them.
pub(crate) fn campus(programme: u64) -> (&'static str, u64) {
    let round = programme / DEPARTMENTS.len() as u64;
    let count = CAMPUSES.len() as u64;
    (CAMPUSES[(round % count) as usize], round / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programmes_share_out_all_students_and_each_has_teachers() {
        for persons in [0, 1, 2, 30, 1_000, 200_000, 1_000_000] {
            let layout = Layout::new(persons);
            let mut next = 0;
            for programme in 0..layout.programmes {
                let places = layout.students_of(programme);
                assert_eq!(places.start, next);
                assert!(places.end - places.start <= LARGEST);
                next = places.end;
                let teachers = layout.teachers_of(programme);
                assert!(teachers.clone().all(|place| layout.post(place) == Post::Teacher));
                assert!(persons < 2 || !teachers.is_empty(), "{persons}");
            }
            assert_eq!(next, layout.students);
        }
    }
}
