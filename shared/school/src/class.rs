//! Who is in a course on a day, in which roles and groups.

use roster::{
    CourseKey, Enrollment, Group, GroupKey, GroupMember, PersonKey, Record, Role, Roles, Status,
    Text, Timeframe,
};

use crate::calendar::{Today, happened};
use crate::catalogue::GroupStyle;
use crate::course::{Course, Courses};
use crate::dice::{About, Dice};
use crate::life::{Life, Resident};
use crate::people::People;
use crate::spec::Rates;

/// Rates, in ten thousand, of what does not change during a year.
mod share {
    /// Students who study part-time, and take about half of the courses.
    pub(super) const PART_TIME: u32 = 800;
    /// Courses that a full-time student does not take.
    pub(super) const SKIPPED: u32 = 270;
    /// Enrollments that are inactive from the start.
    pub(super) const INACTIVE: u32 = 80;
    /// Enrollments with a first and last day of their own.
    pub(super) const DATED: u32 = 200;
    /// Students of a course with groups who are in none.
    pub(super) const UNGROUPED: u32 = 400;
    /// Courses that have groups, among those large enough.
    pub(super) const GROUPED: u32 = 6_500;
}

/// Works out class lists on a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Register<'a> {
    pub life: &'a Life,
    pub people: &'a People,
    pub rates: &'a Rates,
    pub dice: Dice,
    pub today: Today,
}

/// Somebody in a course.
struct Seat {
    resident: Resident,
    roles: Roles,
    status: Status,
    group: Option<u64>,
}

/// The groups of a course.
#[derive(Clone, Copy)]
struct Groups {
    style: GroupStyle,
    count: u64,
}

impl Register<'_> {
    /// The groups, enrollments and group members of one of `courses`. Each enrollment is followed
    /// by what it is a member of. `period` is for enrollments with dates of their own.
    pub(crate) fn records(
        &self,
        courses: &Courses,
        course: &Course,
        key: &CourseKey,
        period: &Timeframe,
    ) -> Vec<Record> {
        let groups = groups(course);
        let mut seats = self.teachers(course);
        let first_student = seats.len();
        self.add_students(&mut seats, courses, course, groups);
        self.add_assistants(&mut seats, course, first_student);

        let mut records = Vec::with_capacity(seats.len() * 2 + 8);
        if let Some(groups) = groups {
            // A group without members is nowhere in an export, so it does not exist.
            for index in 0..groups.count {
                if seats.iter().any(|seat| seat.group == Some(index)) {
                    let name = groups.style.name(index);
                    let mut group = Group::new(key.clone(), GroupKey::new(&name));
                    group.title = Some(Text::from(name));
                    records.push(group.into());
                }
            }
        }
        for seat in &seats {
            let person = self.people.key(seat.resident.uid);
            records.push(self.enrollment(course, key, person.clone(), seat, period).into());
            if let (Some(groups), Some(index)) = (groups, seat.group) {
                let group = GroupKey::new(groups.style.name(index));
                records.push(GroupMember::new(key.clone(), group, person).into());
            }
        }
        records
    }

    fn enrollment(
        &self,
        course: &Course,
        key: &CourseKey,
        person: PersonKey,
        seat: &Seat,
        period: &Timeframe,
    ) -> Enrollment {
        let mut enrollment = Enrollment::new(key.clone(), person);
        enrollment.roles = Some(seat.roles.clone());
        enrollment.status = Some(seat.status);
        if course.dice.about(About::Attend).of(seat.resident.uid).chance(share::DATED) {
            enrollment.timeframe = Some(period.clone());
        }
        enrollment
    }

    /// Students: those whose places the course has, without those who moved on to the next
    /// course, and with those who moved here from the one before.
    fn add_students(
        &self,
        seats: &mut Vec<Seat>,
        courses: &Courses,
        course: &Course,
        groups: Option<Groups>,
    ) {
        let count = courses.all.len();
        let at = course.index as usize;
        let before = &courses.all[(at + count - 1) % count];
        let own = courses.places[course.range.clone()].iter();
        let moved_here = courses.places[before.range.clone()].iter();
        let own =
            own.filter_map(|place| self.student(*place, course, |moved| count == 1 || !moved));
        seats.extend(own.map(|resident| self.student_seat(resident, course, groups)));
        if count > 1 {
            let moved = moved_here.filter_map(|place| self.student(*place, course, |moved| moved));
            seats.extend(moved.map(|resident| self.student_seat(resident, course, groups)));
        }
    }

    /// The student at `place`, where there is one who takes the course's track and of whom
    /// `belongs` is true, given whether the student has moved to the parallel course.
    fn student(
        &self,
        place: u64,
        course: &Course,
        belongs: impl Fn(bool) -> bool,
    ) -> Option<Resident> {
        let resident = self.life.resident(place, self.today)?;
        let track = u64::from(course.track.number);
        let branch = |about| {
            self.dice.about(about).of(resident.uid).of(u64::from(self.today.year)).of(track)
        };
        let part_time = self.dice.about(About::Role).of(resident.uid).chance(share::PART_TIME);
        let skipped = if part_time { 5_000 } else { share::SKIPPED };
        let attends = !branch(About::Attend).chance(skipped);
        let moved = happened(branch(About::Move), self.rates.course_move, self.today.day);
        (attends && belongs(moved)).then_some(resident)
    }

    fn student_seat(&self, resident: Resident, course: &Course, groups: Option<Groups>) -> Seat {
        let branch = |about| course.dice.about(about).of(resident.uid);
        let suspended = branch(About::Suspend);
        let inactive = suspended.of(9).chance(share::INACTIVE)
            || happened(suspended, self.rates.suspend, self.today.day);
        let group = groups.filter(|_| !branch(About::Group).of(1).chance(share::UNGROUPED));
        let group = group.map(|groups| {
            let first = branch(About::Group).of(2).below(groups.count);
            let dice = branch(About::GroupMove);
            let moved = happened(dice, self.rates.group_move, self.today.day);
            (first + u64::from(moved)) % groups.count
        });
        Seat {
            resident,
            roles: Roles::one(Role::Student),
            status: if inactive { Status::Inactive } else { Status::Active },
            group,
        }
    }

    /// One to three teachers of the programme.
    fn teachers(&self, course: &Course) -> Vec<Seat> {
        let dice = course.dice.about(About::Teach);
        let places = self.life.layout.teachers_of(course.track.programme);
        let wanted = match dice.of(0).below(10) {
            0..6 => 1,
            6..9 => 2,
            _ => 3,
        };
        let mut chosen: Vec<u64> = Vec::with_capacity(3);
        for n in 1..=wanted {
            if places.is_empty() {
                break;
            }
            let place = places.start + dice.of(n).below(places.end - places.start);
            if !chosen.contains(&place) {
                chosen.push(place);
            }
        }
        let here = chosen.into_iter().filter_map(|place| self.life.resident(place, self.today));
        here.enumerate()
            .map(|(at, resident)| {
                let mut roles = Roles::one(Role::Instructor);
                match dice.of(10 + at as u64).below(50) {
                    0 | 1 => roles.insert(Role::ContentDeveloper),
                    2 => roles.insert(Role::Manager),
                    _ => {}
                }
                Seat { resident, roles, status: Status::Active, group: None }
            })
            .collect()
    }

    /// Large courses have one or two students of the programme as assistants; one who also takes
    /// the course holds both roles.
    fn add_assistants(&self, seats: &mut Vec<Seat>, course: &Course, first_student: usize) {
        if course.range.len() <= 60 {
            return;
        }
        let dice = course.dice.about(About::Assist);
        let places = self.life.layout.students_of(course.track.programme);
        for n in 0..1 + dice.of(0).below(2) {
            let place = places.start + dice.of(1 + n).below(places.end - places.start);
            let Some(resident) = self.life.resident(place, self.today) else { continue };
            let there = seats[first_student..].iter_mut().find(|seat| seat.resident == resident);
            match there {
                Some(seat) => seat.roles.insert(Role::TeachingAssistant),
                None => seats.push(Seat {
                    resident,
                    roles: Roles::one(Role::TeachingAssistant),
                    status: Status::Active,
                    group: None,
                }),
            }
        }
    }
}

fn groups(course: &Course) -> Option<Groups> {
    let dice = course.dice.about(About::Group);
    let size = course.range.len() as u64;
    let grouped = size >= 18 && dice.of(0).chance(share::GROUPED);
    grouped.then(|| Groups {
        style: *dice.of(1).pick(&GroupStyle::ALL),
        count: size.div_ceil(10 + dice.of(2).below(7)),
    })
}
