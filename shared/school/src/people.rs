//! A person's particulars, from the number of the person.

use roster::{Address, Labelled, Person, PersonKey, Text, normal};

use crate::calendar::{Today, YEARS, event_day, ymd};
use crate::dice::{About, Dice, Numbers};
use crate::layout::{Layout, Post, STUDY_YEARS};
use crate::life::{Life, Resident};
use crate::naming::{Gender, Name, name};
use crate::spec::SchoolSpec;

/// Data source key of all persons.
const DATA_SOURCE: &str = "sis_users";

/// Makes persons.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    dice: Dice,
    layout: Layout,
    keys: Numbers,
    student_numbers: Numbers,
    staff_numbers: Numbers,
}

impl People {
    pub(crate) fn new(life: &Life, dice: Dice) -> Self {
        let layout = life.layout;
        let staff = (layout.persons - layout.students) * 2 * YEARS;
        Self {
            dice,
            layout,
            keys: Numbers::new(life.uids(), 7, dice.about(About::Key)),
            student_numbers: Numbers::new(life.uids(), 7, dice.about(About::Account)),
            // Students and staff can have the same number: only names of staff hold a dot.
            staff_numbers: Numbers::new(staff, 3, dice.about(About::StaffNumber)),
        }
    }

    /// The key: a number that says nothing about the person.
    pub(crate) fn key(&self, uid: u64) -> PersonKey {
        PersonKey::new(self.keys.of(uid).to_string())
    }

    /// All that the school knows about `resident` on this day.
    pub(crate) fn person(&self, spec: &SchoolSpec, resident: Resident, today: Today) -> Person {
        let mut name = name(self.dice.about(About::Name).of(resident.uid));
        if let Some(year) = self.renamed_in(spec, resident, today) {
            name = name.married(self.dice.about(About::Rename).of(resident.uid).of(year.into()));
        }
        let mut person = Person::new(self.key(resident.uid));
        self.put_account(&mut person, spec, resident, today, &name);
        self.put_biography(&mut person, spec, resident, today);
        self.put_contact(&mut person, resident);
        put_name(&mut person, &name);
        person.source = Some(Text::new(&spec.source));
        person.data_source = Some(Text::new(DATA_SOURCE));
        person
    }

    fn renamed_in(&self, spec: &SchoolSpec, resident: Resident, today: Today) -> Option<u32> {
        let dice = self.dice.about(About::Rename).of(resident.uid);
        first_year(resident, today, |year| event_day(dice.of(year.into()), spec.rates.rename))
    }

    fn put_account(
        &self,
        person: &mut Person,
        spec: &SchoolSpec,
        resident: Resident,
        today: Today,
        name: &Name,
    ) {
        let dice = self.dice.about(About::Username).of(resident.uid);
        let rate = spec.rates.new_username;
        let changed = first_year(resident, today, |year| event_day(dice.of(year.into()), rate));
        let (given, family) = (letters(name.given), letters(&name.family));
        let (username, host) = match resident.post {
            Post::Student => {
                let number = self.student_numbers.of(resident.uid);
                let username = match changed {
                    None => format!("{}{}{number}", initial(&given), initial(&family)),
                    Some(_) => format!("{}{number}", initial(&given)),
                };
                (username, "student.")
            }
            Post::Teacher | Post::Staff => {
                let number = self.staff_numbers.of(self.staff_uid(resident));
                let prefix = letters(name.prefix.as_deref().unwrap_or(""));
                let first = if changed.is_some() { given.as_str() } else { initial(&given) };
                let last: String = prefix.chars().chain(family.chars()).take(24).collect();
                (format!("{first}.{last}{number}"), "")
            }
        };
        person.email = Some(Text::from(format!("{username}@{host}{}", spec.domain)));
        let username = Text::from(username);
        person.user_ids = Some(vec![Labelled { label: Text::default(), value: username.clone() }]);
        person.username = Some(username);
    }

    /// [`Resident::uid`], counted among staff only, so that their numbers are short.
    fn staff_uid(&self, resident: Resident) -> u64 {
        let (round, place) =
            (resident.uid / self.layout.persons, resident.uid % self.layout.persons);
        round * (self.layout.persons - self.layout.students) + place - self.layout.students
    }

    fn put_biography(
        &self,
        person: &mut Person,
        spec: &SchoolSpec,
        resident: Resident,
        today: Today,
    ) {
        let dice = self.dice.about(About::Body).of(resident.uid);
        let came = i64::from(spec.year) + i64::from(resident.since);
        let age = match resident.post {
            // Most come at 17 or 18; some later, some much later.
            Post::Student => match dice.of(0).below(20) {
                0 => 23 + dice.of(1).below(20) as i64,
                1..=4 => 19 + dice.of(1).below(4) as i64,
                _ => 17 + dice.of(1).below(2) as i64,
            },
            Post::Teacher | Post::Staff => 24 + dice.of(1).below(36) as i64,
        };
        let born = came - i64::from(resident.began_at) - age;
        let (month, day) = (1 + dice.of(2).below(12) as i8, 1 + dice.of(3).below(28) as i8);
        person.birth_date = Some(ymd(born as i16, month, day));

        let mut roles: Vec<Text> = Vec::with_capacity(2);
        match resident.post {
            Post::Student => {
                let studied = resident.began_at + today.year - resident.since;
                let years_left = STUDY_YEARS as i64 - i64::from(resident.began_at);
                person.school_year = Some(Text::from((studied + 1).to_string()));
                person.graduation_date = Some(ymd((came + years_left) as i16, 7, 15));
                roles.push(Text::new("Student"));
                if dice.of(4).chance(150) {
                    roles.push(Text::new("Staff"));
                }
            }
            Post::Teacher => {
                roles.push(Text::new("Faculty"));
                if dice.of(4).chance(200) {
                    roles.push(Text::new("Student"));
                }
            }
            Post::Staff => roles.push(Text::new(match dice.of(4).below(10) {
                0 => "Administrator",
                _ => "Staff",
            })),
        }
        person.institution_roles = Some(roles);
    }

    fn put_contact(&self, person: &mut Person, resident: Resident) {
        const STREETS: [&str; 8] = [
            "Dorpsstraat",
            "Kerkweg",
            "Molenlaan",
            "Burgemeester Van Noordplein",
            "Korte Gracht",
            "Prinsenhof",
            "Oude Dijk",
            "’t Zand",
        ];
        const TOWNS: [&str; 6] = [
            "Noordermeer",
            "Oudezijl",
            "Vlietburg",
            "Heideveen",
            "Sint-Annapoort",
            "’s-Gravenbrug",
        ];
        let dice = self.dice.about(About::Contact).of(resident.uid);
        let mut phones = Vec::new();
        // No Dutch number begins with 06-00, and none with 099.
        if dice.of(0).chance(3_000) {
            phones.push(("mobile", format!("06-00{:06}", dice.of(1).below(1_000_000))));
        }
        if resident.post != Post::Student && dice.of(2).chance(6_000) {
            phones.push(("voice", format!("099-{:07}", dice.of(3).below(10_000_000))));
        }
        if !phones.is_empty() {
            let labelled =
                |(label, value)| Labelled { label: Text::new(label), value: Text::from(value) };
            person.phones = Some(phones.into_iter().map(labelled).collect());
        }
        if dice.of(4).chance(2_000) {
            let street = format!("{} {}", dice.of(5).pick(&STREETS), 1 + dice.of(6).below(180));
            let letter = |n| char::from(b'A' + dice.of(n).below(26) as u8);
            let code = format!("{} {}{}", 1_000 + dice.of(7).below(9_000), letter(8), letter(9));
            person.address = Some(Address {
                street: vec![Text::from(street)],
                locality: Some(Text::new(dice.of(10).pick(&TOWNS))),
                region: None,
                postal_code: Some(Text::from(code)),
                country: Some(Text::new("NL")),
            });
        }
    }
}

fn put_name(person: &mut Person, name: &Name) {
    person.given = Some(Text::new(name.given));
    person.family = Some(Text::new(&name.family));
    person.family_prefix = name.prefix.as_ref().map(Text::new);
    person.middle = name.middle.map(Text::new);
    person.nickname = name.nickname.map(Text::new);
    person.full_name = Some(Text::from(name.full()));
    person.sort_name = Some(Text::from(name.sorted()));
    person.gender = Some(Text::new(match name.gender {
        Gender::Female => "female",
        Gender::Male => "male",
        Gender::Unknown => "unknown",
    }));
}

/// The first school year of the stay in which the event has happened by today.
fn first_year(
    resident: Resident,
    today: Today,
    event_day: impl Fn(u32) -> Option<u32>,
) -> Option<u32> {
    (resident.since..=today.year).find(|year| {
        let seen = if *year == today.year { today } else { Today::end_of(*year) };
        event_day(*year).is_some_and(|day| day <= seen.day)
    })
}

/// The lower-case ASCII letters of a name.
fn letters(name: &str) -> String {
    let mut plain = normal::to_ascii(name);
    plain.retain(|c| c.is_ascii_alphabetic());
    plain.make_ascii_lowercase();
    plain
}

/// The first letter; a name without any gives an `x`.
fn initial(letters: &str) -> &str {
    letters.get(..1).unwrap_or("x")
}
