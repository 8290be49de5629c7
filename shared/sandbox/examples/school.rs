//! Hosts a sandbox with an invented school in it, made through the web service like any client
//! would: `cargo run -p sandbox --example school`. Stops with Ctrl-C; nothing is kept.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ambient::{Clock, Random, SeededRandom, SystemClock};
use sandbox::moodle::{SERVER, Site, TOKEN};
use sandbox::{Request, http};

const GIVEN: [&str; 24] = [
    "Anouk", "Bram", "Céline", "Daan", "Eva", "Fatima", "Gijs", "Hanna", "Ilse", "Jasper", "Kübra",
    "Lars", "Maud", "Niels", "Olga", "Pieter", "Rosa", "Sem", "Tess", "Umut", "Vera", "Wout",
    "Yara", "Zoë",
];
const FAMILY: [&str; 20] = [
    "Bakker",
    "de Boer",
    "van Dijk",
    "Eriksen",
    "Fernández",
    "de Graaf",
    "Hoekstra",
    "Jansen",
    "Kowalski",
    "van der Laan",
    "Meijer",
    "Nguyen",
    "Öztürk",
    "Peters",
    "de Ruiter",
    "Schouten",
    "Timmermans",
    "Vermeulen",
    "Willems",
    "El Amrani",
];
const SUBJECTS: [&str; 10] = [
    "Biology",
    "Chemistry",
    "Dutch",
    "English",
    "French",
    "Geography",
    "History",
    "Mathematics",
    "Music",
    "Physics",
];
const STUDENTS: usize = 600;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let clock = SystemClock;
    let mut site = Site::in_memory();
    fill(&mut site, &clock);
    let address: SocketAddr = ([127, 0, 0, 1], 8095).into();
    let server = http::serve(Arc::new(Mutex::new(site)), address, Arc::new(clock)).await?;
    writeln!(std::io::stdout(), "{}", server.url())?;
    std::future::pending::<()>().await;
    Ok(())
}

fn call(site: &mut Site, clock: &dyn Clock, function: &str, fields: &str) {
    let form = format!("wstoken={TOKEN}&wsfunction={function}&moodlewsrestformat=json&{fields}");
    let response = site.handle(&Request::post(SERVER, form), clock.now());
    assert!(!response.text().contains("exception"), "{function}: {}", response.text());
}

fn fill(site: &mut Site, clock: &dyn Clock) {
    let random = SeededRandom::new(11);
    site.settings_mut().max_input_vars = 100_000;
    let categories: Vec<String> = ["Lower school", "Upper school"]
        .iter()
        .enumerate()
        .map(|(at, name)| format!("categories[{at}][name]={name}&categories[{at}][parent]=1"))
        .collect();
    call(site, clock, "core_course_create_categories", &categories.join("&"));
    let users: Vec<String> = (0..STUDENTS + 40).map(|at| user(at, &random)).collect();
    call(site, clock, "core_user_create_users", &users.join("&"));
    let begin = clock.now().as_second() - 80 * 86_400;
    let courses: Vec<String> = (0..60)
        .map(|at| {
            let (subject, year) = (SUBJECTS[at % 10], at / 10 + 1);
            format!(
                "courses[{at}][fullname]={subject} {year}&courses[{at}][shortname]={}{year}\
                 &courses[{at}][categoryid]={}&courses[{at}][idnumber]=C{at:03}\
                 &courses[{at}][startdate]={begin}&courses[{at}][visible]={}",
                &subject[..3].to_uppercase(),
                if year <= 3 { 2 } else { 3 },
                u8::from(at % 17 != 16),
            )
        })
        .collect();
    call(site, clock, "core_course_create_courses", &courses.join("&"));
    for at in 0..60 {
        fill_course(site, clock, at, &random);
    }
    call(site, clock, "core_user_update_users", "users[0][id]=9&users[0][suspended]=1");
    call(site, clock, "core_enrol_get_enrolled_users", "courseid=3");
    let bad = Request::post(
        SERVER,
        format!(
            "wstoken={TOKEN}&wsfunction=core_user_create_users&moodlewsrestformat=json&users[0][username]=X"
        ),
    );
    site.handle(&bad, clock.now());
}

fn user(at: usize, random: &dyn Random) -> String {
    let pick = |names: &[&str]| names[random.below(names.len() as u64) as usize].to_owned();
    let (given, family) = (pick(&GIVEN), pick(&FAMILY));
    let (kind, number) = if at < STUDENTS { ('s', 240_000 + at) } else { ('t', at - STUDENTS) };
    format!(
        "users[{at}][username]={kind}{number}&users[{at}][firstname]={given}\
         &users[{at}][lastname]={family}&users[{at}][email]={kind}{number}@oakfield.invalid\
         &users[{at}][idnumber]={number}&users[{at}][createpassword]=1&users[{at}][city]=Utrecht\
         &users[{at}][country]=NL"
    )
}

fn fill_course(site: &mut Site, clock: &dyn Clock, at: usize, random: &dyn Random) {
    let course = at + 2;
    let year = at / 10;
    let mut people: Vec<(usize, u8, u8)> = (0..STUDENTS / 6)
        .filter(|_| random.below(10) < 8)
        .map(|place| (4 + year * (STUDENTS / 6) + place, 5, u8::from(random.below(40) == 0)))
        .collect();
    people.push((4 + STUDENTS + at % 40, 3, 0));
    if at.is_multiple_of(4) {
        people.push((4 + STUDENTS + (at + 7) % 40, 4, 0));
    }
    let enrolments: Vec<String> = people
        .iter()
        .enumerate()
        .map(|(place, (user, role, suspend))| {
            format!(
                "enrolments[{place}][roleid]={role}&enrolments[{place}][userid]={user}\
                 &enrolments[{place}][courseid]={course}&enrolments[{place}][suspend]={suspend}\
                 &enrolments[{place}][timeend]={}",
                if place % 9 == 0 { 1_815_000_000 } else { 0 }
            )
        })
        .collect();
    call(site, clock, "enrol_manual_enrol_users", &enrolments.join("&"));
    let groups: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .enumerate()
        .map(|(place, name)| {
            format!(
                "groups[{place}][courseid]={course}&groups[{place}][name]=Class {}{name}\
                 &groups[{place}][description]=",
                year + 1
            )
        })
        .collect();
    call(site, clock, "core_group_create_groups", &groups.join("&"));
    let members: Vec<String> = people
        .iter()
        .enumerate()
        .map(|(place, (user, ..))| {
            let group = at * 4 + place % 4 + 1;
            format!("members[{place}][groupid]={group}&members[{place}][userid]={user}")
        })
        .collect();
    call(site, clock, "core_group_add_group_members", &members.join("&"));
}
