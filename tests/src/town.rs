//! A small school: who is in which course, as its registrar knows it. It writes exports, and the
//! oracle compares the LMS with it. Nothing here knows how Rollcall works.

use std::collections::{BTreeMap, BTreeSet};

use readers::write::ims::{Entry, ImsOptions, ImsProperties, export};
use roster::{
    Course, CourseKey, Enrollment, GroupKey, GroupMember, OrgUnit, OrgUnitKey, Person, PersonKey,
    Record, Role, Roles, Status, Text,
};

/// Given names; everybody here is invented, and no name is a word that the code uses.
pub const GIVEN: [&str; 16] = [
    "Wendelmoet",
    "Sjoukje",
    "Öykü",
    "Anneliesbeth",
    "Quirijn",
    "Żaneta",
    "Fokkelien",
    "Hryhorij",
    "Teuntje",
    "Mbaïkoua",
    "Dieuwertje",
    "Ştefănel",
    "Gerbrich",
    "Xiomárita",
    "Jildert",
    "Nanoushka",
];

/// Family names.
pub const FAMILY: [&str; 13] = [
    "Terbruggen",
    "Yıldızhan",
    "Ooijevaar",
    "Szczepaniak",
    "Hoogkamer",
    "Okwuosa",
    "Lindqvistsson",
    "Vandersypen",
    "Brouwershof",
    "Ñíguez",
    "Kruithofsma",
    "Đorđevski",
    "Wiebelink",
];

/// Somebody at the school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Login name.
    pub username: String,
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// E-mail address.
    pub email: String,
    /// Day of birth, where the registrar tells it.
    pub born: Option<String>,
    /// The key that this person had before, where the export announces it.
    pub former: Option<String>,
}

/// A course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Visible code.
    pub code: String,
    /// Title.
    pub title: String,
    /// The department that it stands in.
    pub unit: String,
}

/// A person in a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// As what.
    pub role: Role,
    /// Whether it counts.
    pub active: bool,
    /// In which groups of the course.
    pub groups: BTreeSet<String>,
}

/// The school on a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Town {
    /// By key.
    pub people: BTreeMap<String, Somebody>,
    /// By key.
    pub courses: BTreeMap<String, Class>,
    /// By course and person.
    pub seats: BTreeMap<(String, String), Seat>,
    /// Departments by key, with their titles.
    pub units: BTreeMap<String, String>,
}

impl Town {
    /// The school on its first day: 26 pupils, 4 teachers, 6 courses, groups in three of them.
    pub fn founded() -> Self {
        let mut town = Self::default();
        town.units.insert("DEP-A".into(), "Languages".into());
        town.units.insert("DEP-B".into(), "Sciences".into());
        for number in 1..=30 {
            town.person_comes(number);
        }
        for number in 1..=6 {
            town.course_opens(2026, number);
        }
        for person in 1..=30 {
            for course in 1..=6 {
                if person <= 4 && (person + course) % 3 == 0 {
                    town.sits(&course_key(2026, course), &person_key(person), Role::Instructor);
                } else if person > 4 && (person * 7 + course * 3) % 5 < 2 {
                    town.sits(&course_key(2026, course), &person_key(person), Role::Student);
                }
            }
        }
        town
    }

    /// The same, of which the registrar tells the days of birth.
    pub fn founded_with_days_of_birth() -> Self {
        let mut town = Self::founded();
        for (number, person) in town.people.values_mut().enumerate() {
            person.born = Some(format!("2011-{:02}-{:02}", number % 12 + 1, number % 27 + 1));
        }
        town
    }

    /// A person comes to the school.
    pub fn person_comes(&mut self, number: usize) {
        self.people.insert(person_key(number), Self::somebody(number));
    }

    /// Whoever would be the person with this number.
    pub fn somebody(number: usize) -> Somebody {
        let given = GIVEN[number % GIVEN.len()];
        let family = FAMILY[number % FAMILY.len()];
        let login = format!("{}{number}", plain(family));
        Somebody {
            email: format!("{login}@oakfield.example"),
            username: login,
            given: given.into(),
            family: family.into(),
            born: None,
            former: None,
        }
    }

    /// A person leaves, and every course with it.
    pub fn leaves(&mut self, person: &str) {
        self.people.remove(person);
        self.seats.retain(|(_, who), _| who != person);
    }

    /// A course opens.
    pub fn course_opens(&mut self, year: u32, number: usize) {
        let unit = if number.is_multiple_of(2) { "DEP-A" } else { "DEP-B" };
        let class = Class {
            code: format!("KUR{number}-{year}"),
            title: format!("Kurs {number} ({year})"),
            unit: unit.into(),
        };
        self.courses.insert(course_key(year, number), class);
    }

    /// A course closes, and everybody in it goes.
    pub fn closes(&mut self, course: &str) {
        self.courses.remove(course);
        self.seats.retain(|(which, _), _| which != course);
    }

    /// A person takes a seat in a course; in every other course also in a group.
    pub fn sits(&mut self, course: &str, person: &str, role: Role) {
        let number: usize = digits(course) + digits(person);
        let grouped = digits(course) % 2 == 1 && role == Role::Student;
        let groups = grouped.then(|| format!("tutor group {}", number % 2 + 1));
        let seat = Seat { role, active: true, groups: groups.into_iter().collect() };
        self.seats.insert((course.to_owned(), person.to_owned()), seat);
    }

    /// A person leaves a course.
    pub fn stands_up(&mut self, course: &str, person: &str) {
        self.seats.remove(&(course.to_owned(), person.to_owned()));
    }

    /// The person of this key, who must be there.
    pub fn person(&mut self, key: &str) -> &mut Somebody {
        self.people.get_mut(key).expect("somebody of this key is at the school")
    }

    /// The seat of a person in a course, which must be taken.
    pub fn seat(&mut self, course: &str, person: &str) -> &mut Seat {
        let key = (course.to_owned(), person.to_owned());
        self.seats.get_mut(&key).expect("the person sits in the course")
    }

    /// A person gets another key; exports announce it.
    pub fn rekey(&mut self, old: &str, new: &str) {
        self.rekey_in_silence(old, new);
        self.person(new).former = Some(old.to_owned());
    }

    /// A person gets another key, and no export says so.
    pub fn rekey_in_silence(&mut self, old: &str, new: &str) {
        let somebody = self.people.remove(old).expect("somebody of this key is there");
        self.people.insert(new.to_owned(), somebody);
        let moved: Vec<_> = self.seats.extract_if(.., |(_, who), _| who == old).collect();
        self.seats
            .extend(moved.into_iter().map(|((course, _), seat)| ((course, new.into()), seat)));
    }

    /// The groups of a course.
    pub fn groups(&self, course: &str) -> BTreeSet<&str> {
        let of = self.seats.iter().filter(|((which, _), _)| which == course);
        of.flat_map(|(_, seat)| seat.groups.iter().map(String::as_str)).collect()
    }

    /// Its records, in the order of an export.
    pub fn records(&self) -> Vec<Record> {
        let units = self.units.iter().map(|(key, title)| {
            let mut unit = OrgUnit::new(OrgUnitKey::new(key));
            unit.short_name = Some(Text::new(key));
            unit.title = Some(Text::new(title));
            Record::from(unit)
        });
        let people = self.people.iter().map(|(key, who)| Record::from(person(key, who)));
        let courses = self.courses.iter().map(|(key, class)| Record::from(course(key, class)));
        let seats = self.seats.iter().flat_map(|((course, who), seat)| {
            let (course, who) = (CourseKey::new(course), PersonKey::new(who));
            let mut enrollment = Enrollment::new(course.clone(), who.clone());
            enrollment.roles = Some(Roles::one(seat.role.clone()));
            enrollment.status = Some(if seat.active { Status::Active } else { Status::Inactive });
            let member = move |group: &String| {
                let group = GroupKey::new(group);
                Record::from(GroupMember::new(course.clone(), group, who.clone()))
            };
            let members: Vec<_> = seat.groups.iter().map(member).collect();
            std::iter::once(Record::from(enrollment)).chain(members)
        });
        units.chain(people).chain(courses).chain(seats).collect()
    }

    /// Its export, as IMS Enterprise.
    pub fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let properties = ImsProperties {
            datasource: Text::new("oakfield-registrar"),
            datetime: Text::new("2026-09-01T06:00:00Z"),
            ..ImsProperties::default()
        };
        let options = ImsOptions { properties, ..ImsOptions::default() };
        export(self.records().into_iter().map(Entry::from), options, &mut bytes)
            .expect("records in order are written to memory");
        bytes
    }
}

fn person(key: &str, who: &Somebody) -> Person {
    let mut person = Person::new(PersonKey::new(key));
    person.username = Some(Text::new(&who.username));
    person.given = Some(Text::new(&who.given));
    person.family = Some(Text::new(&who.family));
    person.email = Some(Text::new(&who.email));
    person.birth_date = who.born.as_ref().and_then(|day| day.parse().ok());
    person.former_keys = who.former.as_ref().map(|former| vec![Text::new(former)]);
    person
}

fn course(key: &str, class: &Class) -> Course {
    let mut course = Course::new(CourseKey::new(key));
    course.short_name = Some(Text::new(&class.code));
    course.title = Some(Text::new(&class.title));
    course.org_unit = Some(Text::new(&class.unit));
    course
}

/// The key of the person with this number.
pub fn person_key(number: usize) -> String {
    format!("P{number:03}")
}

/// The key of the course with this number in a school year.
pub fn course_key(year: u32, number: usize) -> String {
    format!("C{year}-{number}")
}

fn digits(key: &str) -> usize {
    key.bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
}

/// The name as it stands in a login: its plain letters.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}
