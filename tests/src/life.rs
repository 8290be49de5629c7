//! A week of a small school, and the turn of its school year.

use roster::Role;

use crate::town::{Town, course_key, person_key};

/// What arrives on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The registrar's export.
    Export(Vec<u8>),
    /// An export that must be refused whole.
    Broken(Vec<u8>),
    /// Somebody approves what is held, and the export of the day before comes again.
    Approval(Vec<u8>),
    /// The list of the second source.
    List(Vec<u8>),
    /// Somebody asks that the person of this key be forgotten; the export names them all the same.
    Forgetting(String, Vec<u8>),
    /// Whoever was forgotten under this key may come back, and the export has them.
    Lifting(String, Vec<u8>),
    /// The newest export is taken back.
    Reverting,
    /// The registrar's export, by which `who` move to other courses and are in one at every moment;
    /// the LMS may still hold `meanwhile`, while the old places wait.
    Moves {
        /// The export.
        export: Vec<u8>,
        /// Keys of those who move.
        who: Vec<String>,
        /// With the old places, where these go a run later.
        meanwhile: Town,
    },
}

impl Event {
    /// The export that comes in the end, where one does that is taken in.
    pub fn export(&self) -> Option<&[u8]> {
        match self {
            Self::Export(bytes)
            | Self::Approval(bytes)
            | Self::List(bytes)
            | Self::Forgetting(_, bytes)
            | Self::Lifting(_, bytes)
            | Self::Moves { export: bytes, .. } => Some(bytes),
            Self::Broken(_) | Self::Reverting => None,
        }
    }
}

/// Something that people do in the LMS itself, before the day's export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    /// Nothing.
    Nothing,
    /// A guest teacher gets an account and is enrolled in our first course; a teacher of ours opens
    /// a course of their own and takes a pupil of ours into it, and makes a group in our second.
    GuestTeacher,
    /// Pupil 20 enters another address of their own.
    OwnAddress,
}

/// What pupil 20 enters.
pub const OWN_ADDRESS: &str = "twenty@home.example";

/// A day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its name, for people.
    pub name: &'static str,
    /// What happens, for people.
    pub story: &'static str,
    /// What is done in the LMS by hand.
    pub by_hand: ByHand,
    /// What arrives.
    pub event: Event,
    /// What the LMS must hold of the school at the end of the day.
    pub lms: Town,
}

/// All days: a week and the turn of the school year.
pub fn days() -> Vec<Day> {
    let mut days = week();
    days.extend(turn_of_the_year());
    days
}

/// A week.
pub fn week() -> Vec<Day> {
    let monday = Town::founded();
    let tuesday = tuesday(&monday);
    let wednesday = wednesday(&tuesday);
    let friday = friday(&wednesday);
    let whole = friday.export();
    let truncated = whole[..whole.len() / 3].to_vec();
    let foreign = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    let day = |name, story, event, lms: &Town| Day {
        name,
        story,
        by_hand: ByHand::Nothing,
        event,
        lms: lms.clone(),
    };
    let exports = |town: &Town| Event::Export(town.export());
    vec![
        day("monday", "the first export of a school of thirty", exports(&monday), &monday),
        day(
            "tuesday",
            "one joins, one leaves, one goes to another group, one to another course",
            exports(&tuesday),
            &tuesday,
        ),
        Day {
            by_hand: ByHand::GuestTeacher,
            ..day(
                "wednesday",
                "a guest teacher is enrolled by hand; one marries, two swap user names, one \
                 course gets another title",
                exports(&wednesday),
                &wednesday,
            )
        },
        day("thursday", "a file that ends early", Event::Broken(truncated), &wednesday),
        day("thursday noon", "an empty file", Event::Broken(Vec::new()), &wednesday),
        day("thursday evening", "a picture", Event::Broken(foreign), &wednesday),
        day(
            "friday",
            "one gets another key, one is enrolled and not active",
            exports(&friday),
            &friday,
        ),
        day(
            "friday evening",
            "a key is given to somebody else, who is in one course less; another one's key changes \
             and nobody says so: both are held, and the course is left",
            exports(&reissued(&friday)),
            &without_a_seat(&friday),
        ),
        day("saturday", "monday's export comes again", exports(&monday), &monday),
    ]
}

/// The turn of the school year after the week: the export, what is held of it, its approval.
pub fn turn_of_the_year() -> Vec<Day> {
    let before = Town::founded();
    let after = next_year(&before);
    let day = |name, story, event, lms| Day { name, story, by_hand: ByHand::Nothing, event, lms };
    vec![
        day(
            "new year",
            "last year's courses and six pupils are gone, new ones come; the losses are held",
            Event::Export(after.export()),
            both(&before, &after),
        ),
        day(
            "new year, approved",
            "somebody looks at what is held and approves it",
            Event::Approval(after.export()),
            after.clone(),
        ),
        day("first week", "everything as on the day before", Event::Export(after.export()), after),
    ]
}

fn tuesday(monday: &Town) -> Town {
    let mut town = monday.clone();
    town.person_comes(31);
    town.sits(&course_key(2026, 1), &person_key(31), Role::Student);
    town.sits(&course_key(2026, 2), &person_key(31), Role::Student);
    town.leaves(&person_key(30));
    let (course, who) = grouped(&town, 0);
    let groups = &mut town.seat(&course, &who).groups;
    let other = match groups.pop_first().as_deref() {
        Some("tutor group 1") => "tutor group 2",
        _ => "tutor group 1",
    };
    groups.insert(other.to_owned());
    let (from, who) = grouped(&town, 3);
    town.stands_up(&from, &who);
    let elsewhere = (1..=6).map(|number| course_key(2026, number));
    let to = elsewhere
        .into_iter()
        .find(|to| *to != from && !town.seats.contains_key(&(to.clone(), who.clone())));
    town.sits(&to.expect("nobody is in every course"), &who, Role::Student);
    town
}

/// A pupil who sits in a group, and the course.
fn grouped(town: &Town, skip: usize) -> (String, String) {
    let mut seats = town.seats.iter().filter(|(_, seat)| !seat.groups.is_empty());
    seats.nth(skip).map(|(key, _)| key.clone()).expect("some pupils are in groups")
}

fn wednesday(tuesday: &Town) -> Town {
    let mut town = tuesday.clone();
    town.person(&person_key(12)).family = "Hoogkamer-Wiebelink".into();
    let one = town.person(&person_key(13)).username.clone();
    let other = std::mem::replace(&mut town.person(&person_key(14)).username, one);
    town.person(&person_key(13)).username = other;
    let class = town.courses.get_mut(&course_key(2026, 3)).expect("the third course is there");
    class.title = "Kurs 3, renewed".into();
    town
}

fn friday(wednesday: &Town) -> Town {
    let mut town = wednesday.clone();
    town.rekey(&person_key(15), "Q015");
    let (course, who) = grouped(&town, 5);
    town.seat(&course, &who).active = false;
    town
}

/// The key of a pupil now stands for somebody else, and another pupil has another key.
fn reissued(friday: &Town) -> Town {
    let mut town = without_a_seat(friday);
    *town.person(&person_key(16)) = Town::somebody(53);
    town.rekey_in_silence(&person_key(17), "N017");
    town
}

/// Pupil 16 leaves the first of their courses.
fn without_a_seat(friday: &Town) -> Town {
    let mut town = friday.clone();
    let first = town.seats.keys().find(|(_, who)| *who == person_key(16)).cloned();
    let (course, who) = first.expect("the pupil is in some course");
    town.stands_up(&course, &who);
    town
}

/// Six pupils are done, six come; every course is followed by one of the new year.
fn next_year(town: &Town) -> Town {
    let mut next = town.clone();
    for number in 5..=10 {
        next.leaves(&person_key(number));
    }
    for number in 41..=46 {
        next.person_comes(number);
    }
    for number in 1..=6 {
        next.closes(&course_key(2026, number));
        next.course_opens(2027, number);
    }
    let people: Vec<String> = next.people.keys().cloned().collect();
    for (at, person) in people.iter().enumerate() {
        let role = if at < 4 { Role::Instructor } else { Role::Student };
        next.sits(&course_key(2027, at % 6 + 1), person, role);
        if at % 3 == 0 && at >= 4 {
            next.sits(&course_key(2027, (at + 2) % 6 + 1), person, Role::Student);
        }
    }
    next
}

/// What the LMS holds while everything that would be lost is held: both.
fn both(before: &Town, after: &Town) -> Town {
    let mut both = before.clone();
    both.people.extend(after.people.clone());
    both.courses.extend(after.courses.clone());
    both.seats.extend(after.seats.clone());
    both
}
