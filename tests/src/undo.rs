//! Undoing: schools that change at random, and what of the LMS is in use before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, SeededRandom};
use pipeline::{Later, PipelineError, Reverted};
use plan::Limits;
use roster::Role;

use crate::tap::Crash;
use crate::town::{Town, course_key, person_key};
use crate::wire::Platform;
use crate::world::{Process, World};

/// A world in which nothing is too much at once.
pub fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    let mut integration = (*world.integration).clone();
    integration.limits = Limits::none();
    world.integration = Arc::new(integration);
    world
}

/// What becomes of a school: between one and eight things happen, of which something is seen.
pub fn next_day(town: &Town, seed: u64) -> Town {
    let random = SeededRandom::new(seed);
    loop {
        let mut next = town.clone();
        for _ in 0..1 + random.below(8) {
            happens(&mut next, &random);
        }
        if next != *town {
            return next;
        }
    }
}

fn happens(town: &mut Town, random: &SeededRandom) {
    let people: Vec<String> = town.people.keys().cloned().collect();
    let courses: Vec<String> = town.courses.keys().cloned().collect();
    let seats: Vec<(String, String)> = town.seats.keys().cloned().collect();
    let at = |len: usize| random.below(len.max(1) as u64) as usize;
    let (who, course) = (people[at(people.len())].clone(), courses[at(courses.len())].clone());
    match random.below(11) {
        0 => {
            let number = 100 + at(400);
            town.person_comes(number);
            town.sits(&course, &person_key(number), Role::Student);
        }
        1 if people.len() > 5 => town.leaves(&who),
        2 => {
            let number = 10 + at(80);
            town.course_opens(2026, number);
            town.sits(&course_key(2026, number), &who, Role::Student);
        }
        3 if courses.len() > 2 => town.closes(&course),
        4 => town.sits(&course, &who, Role::Student),
        5 if !seats.is_empty() => {
            let (course, who) = &seats[at(seats.len())];
            town.stands_up(course, who);
        }
        6 if !seats.is_empty() => {
            let (course, who) = &seats[at(seats.len())];
            let seat = town.seat(course, who);
            seat.active = !seat.active;
        }
        7 if !seats.is_empty() => {
            let (course, who) = &seats[at(seats.len())];
            let seat = town.seat(course, who);
            seat.role = if seat.role == Role::Student { Role::Instructor } else { Role::Student };
            seat.groups = match seat.groups.is_empty() {
                true => BTreeSet::from(["tutor group 1".to_owned()]),
                false => BTreeSet::new(),
            };
        }
        8 => {
            let other = people[at(people.len())].clone();
            let name = town.person(&who).username.clone();
            let name = std::mem::replace(&mut town.person(&other).username, name);
            town.person(&who).username = name;
        }
        9 => town.rekey(&who, &format!("Q{}", random.below(1 << 40))),
        _ => {
            town.person(&who).family = format!("Anders-{}", random.below(1000));
            if let Some(class) = town.courses.get_mut(&course) {
                class.title = format!("Kurs, renewed {}", random.below(1000));
            }
        }
    }
}

/// What is in use in the LMS: accounts that are not suspended, courses that are not hidden, and who
/// is in them as what. What was made and is put aside again does not count.
pub fn in_use(platform: &Platform) -> BTreeMap<String, String> {
    let site = &platform.site;
    let mut found = BTreeMap::new();
    for (id, user) in site.users().filter(|(_, user)| !user.suspended && !user.deleted) {
        let shown = format!(
            "{} {} {} {} {}",
            user.username, user.firstname, user.lastname, user.email, user.idnumber
        );
        found.insert(format!("account {id}"), shown);
    }
    for (id, course) in site.courses().filter(|(_, course)| course.visible) {
        let unit = site.category(course.category).and_then(|unit| unit.idnumber.clone());
        let shown =
            format!("{} {} {} {unit:?}", course.idnumber, course.shortname, course.fullname);
        found.insert(format!("course {id}"), shown);
        for one in site.participants(id) {
            let roles: Vec<_> = one.roles.iter().collect();
            let shown = format!("{roles:?} {:?} {:?}", one.standing, one.groups);
            found.insert(format!("course {id} account {}", one.user), shown);
        }
    }
    found
}

/// A new process takes `run` back; `None` where it died at `crash`.
pub async fn revert(
    world: &mut World,
    run: &str,
    later: Later,
    crash: Option<Crash>,
) -> (Process, Option<Result<Reverted, PipelineError>>) {
    // Runs are told apart, and put in order, by the time.
    world.clock.advance(Duration::from_secs(60));
    let process = world.process(crash, None, true);
    let ended = tokio::select! {
        biased;
        ended = process.pipeline.revert(run, later, "the head") => Some(ended),
        () = process.tap.killed() => None,
    };
    (process, ended)
}
