//! Which courses there are in a school year, and which places each of them has.
//!
//! In every track of a programme the places of all its students are dealt out once, in an order
//! of their own, sorted by year of study, and cut into courses of uneven size. A student so gets
//! one course a track, and both who is in a course and which courses a student has can be worked
//! out from one programme alone.

use std::ops::Range;

use roster::{CourseKey, OrgUnitKey, TermKey};

use crate::calendar::{Today, event_day, happened};
use crate::dice::{About, Dice};
use crate::layout::department;
use crate::life::Life;
use crate::spec::Rates;

/// A track of a programme in one school year.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    pub programme: u64,
    /// 0 runs all year, 1 to 4 in the first semester, 5 to 8 in the second.
    pub number: u32,
    pub year: u32,
}

/// The part of the year in which a course runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Year,
    First,
    Second,
}

/// A course and its places.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub track: Track,
    /// Place in the track.
    pub index: u64,
    /// Which of [`Courses::places`] it has.
    pub range: Range<usize>,
    /// Year of study that it is meant for, from 1.
    pub level: u32,
    /// Everything else about it is decided by this.
    pub dice: Dice,
}

/// All courses of a track.
#[derive(Debug, Clone)]
pub(crate) struct Courses {
    /// The places of the programme's students, in the order in which they were dealt out.
    pub places: Vec<u64>,
    pub all: Vec<Course>,
}

impl Courses {
    pub(crate) fn of(track: Track, life: &Life, dice: Dice) -> Self {
        let branch = |about| dice.about(about).of(track.programme).of(track.seed());
        let mut places: Vec<u64> = life.layout.students_of(track.programme).collect();
        branch(About::Order).shuffle(&mut places);
        places.sort_by_key(|place| life.study_year(*place, track.year));

        let mut all = Vec::new();
        let mut begin = 0;
        while begin < places.len() {
            let index = all.len() as u64;
            let dice = branch(About::Sizes).of(index);
            let left = places.len() - begin;
            let size = size(dice.of(0)).min(left);
            // A rest too small for a course of its own goes along with the last one.
            let end = if left - size < 6 { places.len() } else { begin + size };
            let level = life.study_year(places[begin], track.year) + 1;
            all.push(Course { track, index, range: begin..end, level, dice: dice.of(1) });
            begin = end;
        }
        Self { places, all }
    }
}

/// Most courses have 15 to 30 places, some a handful, a few several hundred.
fn size(dice: Dice) -> usize {
    let (from, to) = match dice.of(0).below(1_000) {
        0..120 => (6, 14),
        120..790 => (15, 30),
        790..940 => (31, 60),
        940..990 => (61, 140),
        _ => (180, 480),
    };
    (from + dice.of(1).below(to - from + 1)) as usize
}

impl Track {
    fn seed(self) -> u64 {
        u64::from(self.year) << 8 | u64::from(self.number)
    }

    pub(crate) fn period(self) -> Period {
        match self.number {
            0 => Period::Year,
            1..=4 => Period::First,
            _ => Period::Second,
        }
    }
}

impl Period {
    /// `YR`, `S1`, `S2`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Year => "YR",
            Self::First => "S1",
            Self::Second => "S2",
        }
    }

    /// First and last day, in days since the school year began.
    pub(crate) fn days(self) -> (u32, u32) {
        match self {
            Self::Year => (31, 348),
            Self::First => (31, 183),
            Self::Second => (184, 348),
        }
    }

    /// The key of the term in the school year that begins in `calendar_year`.
    pub(crate) fn term_key(self, calendar_year: i32) -> TermKey {
        match self {
            Self::Year => TermKey::new(format!("{calendar_year}")),
            Self::First | Self::Second => TermKey::new(format!("{calendar_year}_{}", self.code())),
        }
    }
}

impl Course {
    /// Whether it is there today.
    pub(crate) fn is_open(&self, rates: &Rates, today: Today) -> bool {
        let opens = event_day(self.dice.about(About::Open), rates.course_opens);
        let closed = happened(self.dice.about(About::Close), rates.course_closes, today.day);
        opens.is_none_or(|day| day <= today.day) && !closed
    }

    /// Year, term, programme, number; all parts of equal length: `2026_S1_INF0007_2013`.
    pub(crate) fn key(&self, calendar_year: i32) -> CourseKey {
        let Track { programme, number, .. } = self.track;
        let code = department(programme).code;
        let period = self.track.period().code();
        let index = self.index;
        CourseKey::new(format!("{calendar_year}_{period}_{code}{programme:04}_{number}{index:03}"))
    }
}

/// The key of a programme's org unit.
pub(crate) fn programme_key(programme: u64) -> OrgUnitKey {
    OrgUnitKey::new(format!("DEP-{}{programme:04}", department(programme).code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    #[test]
    fn every_place_is_in_one_course_of_a_track() {
        let dice = Dice::new(1);
        let life = Life::new(Layout::new(3_000), dice, &Rates::NONE);
        for number in 0..9 {
            let track = Track { programme: 3, number, year: 2 };
            let courses = Courses::of(track, &life, dice);
            let mut next = 0;
            for course in &courses.all {
                assert_eq!(course.range.start, next);
                assert!(course.range.len() >= 6, "{course:?}");
                next = course.range.end;
            }
            assert_eq!(next, courses.places.len());
            let mut sorted = courses.places.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, life.layout.students_of(3).collect::<Vec<_>>());
        }
    }
}
