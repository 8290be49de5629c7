//! Who holds a place on a day: people come, stay a while, and go.

use crate::calendar::{Today, YEARS, event_day};
use crate::dice::{About, Dice};
use crate::layout::{Layout, Post, STUDY_YEARS};
use crate::spec::Rates;

/// A person who is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resident {
    pub place: u64,
    pub post: Post,
    /// This person's number: never given to another, the same as long as the person is here.
    pub uid: u64,
    /// The school year in which the person came.
    pub since: u32,
    /// How far the person had studied on coming, 0 for a first-year student.
    pub began_at: u32,
}

/// When a place changes hands within a school year.
#[derive(Debug, Clone, Copy)]
struct Handover {
    leaves: u32,
    successor_joins: u32,
}

/// Works out who is here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub layout: Layout,
    dice: Dice,
    leave: u32,
}

impl Life {
    pub(crate) fn new(layout: Layout, dice: Dice, rates: &Rates) -> Self {
        Self { layout, dice, leave: rates.leave }
    }

    /// How many numbers [`Resident::uid`] can have.
    pub(crate) fn uids(&self) -> u64 {
        self.layout.persons * 2 * YEARS
    }

    /// Who holds `place`; `None` in the days between a leaver and the successor.
    pub(crate) fn resident(&self, place: u64, today: Today) -> Option<Resident> {
        if let Some(handover) = self.handover(place, today.year) {
            if today.day >= handover.successor_joins {
                return Some(self.came(place, today.year, Entry::Within));
            }
            if today.day >= handover.leaves {
                return None;
            }
        }
        // Nobody came this year: it is whoever came last before.
        let mut year = today.year;
        loop {
            if year == 0 || self.graduates_before(place, year) {
                return Some(self.came(place, year, Entry::AtTurn));
            }
            year -= 1;
            if self.handover(place, year).is_some() {
                return Some(self.came(place, year, Entry::Within));
            }
        }
    }

    /// Years of study that whoever holds the place of a student has done by `year`.
    pub(crate) fn study_year(&self, place: u64, year: u32) -> u32 {
        let start = self.dice.about(About::StartYear).of(place).below(STUDY_YEARS);
        ((start + u64::from(year)) % STUDY_YEARS) as u32
    }

    fn graduates_before(&self, place: u64, year: u32) -> bool {
        self.layout.post(place) == Post::Student && self.study_year(place, year) == 0
    }

    fn handover(&self, place: u64, year: u32) -> Option<Handover> {
        let dice = self.dice.about(About::Leave).of(place).of(u64::from(year));
        let leaves = event_day(dice, self.leave)?;
        Some(Handover { leaves, successor_joins: leaves + 1 + dice.of(2).below(21) as u32 })
    }

    fn came(&self, place: u64, since: u32, entry: Entry) -> Resident {
        let post = self.layout.post(place);
        let began_at = match post {
            Post::Student => self.study_year(place, since),
            Post::Teacher | Post::Staff => 0,
        };
        let round = 2 * u64::from(since) + entry as u64;
        Resident { place, post, uid: round * self.layout.persons + place, since, began_at }
    }
}

/// How a person took a place.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// When the school year turned, or as one of the first.
    AtTurn = 0,
    /// As the successor of somebody who left within the year.
    Within = 1,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn life(leave: u32) -> Life {
        let rates = Rates { leave, ..Rates::NONE };
        Life::new(Layout::new(500), Dice::new(5), &rates)
    }

    #[test]
    fn without_leavers_students_stay_until_they_graduate_and_teachers_for_ever() {
        let life = life(0);
        for place in 0..500 {
            let first = life.resident(place, Today { year: 0, day: 0 }).unwrap();
            assert_eq!(first.uid, place);
            let later = life.resident(place, Today { year: 4, day: 10 }).unwrap();
            assert_eq!(first.uid == later.uid, first.post != Post::Student, "{first:?}");
        }
    }

    #[test]
    fn a_number_belongs_to_one_stay_without_a_gap() {
        let life = life(3_000);
        for place in 0..500 {
            let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
            let mut last = None;
            for day in (0..365 * 5).step_by(3) {
                let Some(here) = life.resident(place, Today::of(2026, day)) else { continue };
                assert!(here.uid < life.uids());
                if last != Some(here.uid) {
                    assert_eq!(seen.insert(here.uid, day), None, "came back: {here:?}");
                    last = Some(here.uid);
                }
            }
        }
    }

    #[test]
    fn leavers_are_as_many_as_asked_for_and_their_places_are_filled() {
        let life = life(1_000);
        let here = |day| {
            let all = (0..500).filter_map(|place| life.resident(place, Today { year: 0, day }));
            all.map(|resident| resident.uid).collect::<Vec<_>>()
        };
        assert_eq!(here(0), (0..500).collect::<Vec<_>>());
        let stayed = here(364).iter().filter(|uid| **uid < 500).count();
        assert!((420..480).contains(&stayed), "{stayed}");
        assert_eq!(here(364).len(), 500);
    }
}
