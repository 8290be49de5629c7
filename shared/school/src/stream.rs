//! The school as a stream of records, and as a stream of what has changed.

use std::collections::BTreeMap;

use roster::{Key, Record, Removal, Roles};

use crate::calendar::{LAST_DAY, Today};
use crate::catalogue::DEPARTMENTS;
use crate::class::Register;
use crate::course::{Courses, Track};
use crate::dice::Dice;
use crate::layout::{Layout, TRACKS};
use crate::life::Life;
use crate::people::People;
use crate::record::{calendar_year, course, org_units, template, terms, timeframe};
use crate::spec::SchoolSpec;

/// A school on one day of its life.
#[derive(Debug, Clone)]
pub struct School {
    spec: SchoolSpec,
    number: u32,
    today: Today,
    dice: Dice,
    life: Life,
    people: People,
}

/// What is different from an earlier day.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A record that is new or different.
    Record(Record),
    /// A record that is gone; of an enrollment, with all the roles that it had.
    Removal(Removal),
}

/// What is worked out, and compared, in one go: the largest is one track of one programme.
#[derive(Debug, Clone, Copy)]
enum Part {
    Terms,
    OrgUnits,
    Person(u64),
    Courses(u64),
    Classes(u64, u32),
}

impl School {
    /// The school on its first day, 1 August of the first year.
    pub fn new(spec: SchoolSpec) -> Self {
        let dice = Dice::new(spec.seed);
        let life = Life::new(Layout::new(spec.persons), dice, &spec.rates);
        let people = People::new(&life, dice);
        Self { today: Today::of(spec.year, 0), number: 0, dice, life, people, spec }
    }

    /// The same school `day` days after its first. The school year turns on day 365, and on each
    /// 1 August after that; the last day is the end of the 32nd year, and later ones are like it.
    pub fn on_day(&self, day: u32) -> Self {
        let number = day.min(LAST_DAY);
        Self { number, today: Today::of(self.spec.year, number), ..self.clone() }
    }

    /// Which day it is, 0 for the first.
    pub fn day(&self) -> u32 {
        self.number
    }

    /// What it was made from.
    pub fn spec(&self) -> &SchoolSpec {
        &self.spec
    }

    /// All records: terms, org units, persons, courses, then course by course its groups and
    /// enrollments, each enrollment followed by its group members. Every key comes once.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.parts().flat_map(|part| self.part(part))
    }

    /// What differs from the earlier `day`, in the order of [`records`](Self::records). An
    /// enrollment is there, too, where only the groups of the person have changed.
    pub fn changes_since(&self, day: u32) -> impl Iterator<Item = Change> + '_ {
        let earlier = self.on_day(day);
        self.parts().flat_map(move |part| differences(earlier.part(part), self.part(part)))
    }

    fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let Layout { persons, programmes, .. } = self.life.layout;
        let classes =
            move |programme| (0..TRACKS).map(move |track| Part::Classes(programme, track));
        [Part::Terms, Part::OrgUnits]
            .into_iter()
            .chain((0..persons).map(Part::Person))
            .chain((0..programmes).map(Part::Courses))
            .chain((0..programmes).flat_map(classes))
    }

    fn part(&self, part: Part) -> Vec<Record> {
        match part {
            Part::Terms => terms(&self.spec, self.today).into_iter().map(Record::from).collect(),
            Part::OrgUnits => {
                org_units(&self.spec, &self.life.layout).into_iter().map(Record::from).collect()
            }
            Part::Person(place) => {
                let resident = self.life.resident(place, self.today);
                let person = |resident| self.people.person(&self.spec, resident, self.today);
                resident.map(person).into_iter().map(Record::from).collect()
            }
            Part::Courses(programme) => self.courses(programme),
            Part::Classes(programme, track) => self.classes(programme, track),
        }
    }

    fn courses(&self, programme: u64) -> Vec<Record> {
        let mut records = Vec::new();
        // The first programme of a department brings the department's template along.
        if programme < DEPARTMENTS.len() as u64 {
            records.push(template(&self.spec, programme).into());
        }
        for track in 0..TRACKS {
            for found in &self.track(programme, track).all {
                if found.is_open(&self.spec.rates, self.today) {
                    records.push(course(&self.spec, found, self.today).into());
                }
            }
        }
        records
    }

    fn classes(&self, programme: u64, track: u32) -> Vec<Record> {
        let register = Register {
            life: &self.life,
            people: &self.people,
            rates: &self.spec.rates,
            dice: self.dice,
            today: self.today,
        };
        let courses = self.track(programme, track);
        let mut records = Vec::new();
        for found in &courses.all {
            if found.is_open(&self.spec.rates, self.today) {
                let key = found.key(calendar_year(&self.spec, self.today));
                let period = timeframe(&self.spec, self.today, found.track.period());
                records.extend(register.records(&courses, found, &key, &period));
            }
        }
        records
    }

    fn track(&self, programme: u64, number: u32) -> Courses {
        let track = Track { programme, number, year: self.today.year };
        Courses::of(track, &self.life, self.dice)
    }
}

/// What has changed within one part. All about one person in one course goes together: the
/// enrollment, then the groups that the person is in, then those that the person has left.
fn differences(earlier: Vec<Record>, now: Vec<Record>) -> Vec<Change> {
    let mut gone: BTreeMap<Key, Record> = BTreeMap::new();
    let mut groups: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
    for record in earlier {
        if let Some(enrollment) = enrollment_of(record.key()) {
            groups.entry(enrollment).or_default().push(record.key().clone());
        }
        gone.insert(record.key().clone(), record);
    }
    let mut changes = Vec::new();
    let mut now = now.into_iter().peekable();
    while let Some(first) = now.next() {
        let begin = changes.len();
        let left = groups.remove(first.key()).unwrap_or_default();
        let mut differs = gone.remove(first.key()).as_ref() != Some(&first);
        changes.push(Change::Record(first));
        while let Some(member) = now.next_if(|next| matches!(next, Record::GroupMember(_))) {
            differs |= gone.remove(member.key()).as_ref() != Some(&member);
            changes.push(Change::Record(member));
        }
        let left = left.into_iter().filter_map(|key| gone.remove(&key)).map(removal);
        let stayed = changes.len();
        changes.extend(left);
        if !differs && changes.len() == stayed {
            changes.truncate(begin);
        }
    }
    while let Some((key, record)) = gone.pop_first() {
        changes.push(removal(record));
        let left = groups.remove(&key).unwrap_or_default();
        changes.extend(left.into_iter().filter_map(|key| gone.remove(&key)).map(removal));
    }
    changes
}

/// The enrollment that a group member goes with.
fn enrollment_of(key: &Key) -> Option<Key> {
    match key {
        Key::GroupMember { course, person, .. } => {
            Some(Key::Enrollment { course: course.clone(), person: person.clone() })
        }
        _ => None,
    }
}

fn removal(record: Record) -> Change {
    let key = record.key().clone();
    let roles = match record {
        Record::Enrollment(enrollment) => enrollment.roles.unwrap_or_default(),
        _ => Roles::default(),
    };
    Change::Removal(Removal { key, roles })
}
