//! The simulated Moodle seen from outside, function by function: what it does and what it
//! refuses. The expected codes are those that a real Moodle 5.1 gave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod courses;
mod durability;
mod enrolments;
mod faults;
mod groups;
mod limits;
mod pages;
mod randomly;
mod transport;
mod users;

use jiff::Timestamp;
use sandbox::moodle::{SERVER, Site, TOKEN};
use sandbox::{Request, Response};
use serde_json::Value;

/// The time of all calls unless a test says otherwise: 2026-09-01 08:00 UTC.
const NOW: i64 = 1_788_249_600;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// A call with the fields as written, names and values undecoded.
fn request(function: &str, fields: &str) -> Request {
    let fields = fields.replace(' ', "%20");
    Request::post(
        SERVER,
        format!("wstoken={TOKEN}&wsfunction={function}&moodlewsrestformat=json&{fields}"),
    )
}

fn respond(site: &mut Site, function: &str, fields: &str) -> Response {
    site.handle(&request(function, fields), now())
}

fn call(site: &mut Site, function: &str, fields: &str) -> Value {
    let response = respond(site, function, fields);
    assert_eq!(response.status, 200);
    serde_json::from_slice(&response.body).unwrap()
}

/// Calls and expects success.
fn done(site: &mut Site, function: &str, fields: &str) -> Value {
    let answer = call(site, function, fields);
    assert!(answer.get("exception").is_none(), "{function} {fields}: {answer}");
    answer
}

/// Calls that must be refused with a code, each leaving everything as it was.
fn refused(site: &mut Site, function: &str, cases: &[(&str, &str)]) {
    for (fields, code) in cases {
        let before = (site.counts(), members_of_all(site));
        let answer = call(site, function, fields);
        assert_eq!(answer["errorcode"], **code, "{function} {fields}: {answer}");
        assert_eq!((site.counts(), members_of_all(site)), before, "{function} {fields}");
    }
}

fn members_of_all(site: &Site) -> Vec<sandbox::moodle::Participant> {
    let courses: Vec<u32> = site.courses().map(|(id, _)| id).collect();
    courses.into_iter().flat_map(|id| site.participants(id)).collect()
}

fn user_fields(at: usize, name: &str) -> String {
    format!(
        "users[{at}][username]={name}&users[{at}][firstname]=Given&users[{at}][lastname]=Family\
         &users[{at}][email]={name}@school.invalid&users[{at}][idnumber]=n-{name}\
         &users[{at}][createpassword]=1"
    )
}

/// A site with the people `a` to `d` (ids 4 to 7), courses `C2` and `C3` (ids 2 and 3), and the
/// groups 1 and 2 in the first, 3 in the second.
fn school() -> Site {
    let mut site = Site::in_memory();
    let users: Vec<String> =
        ["a", "b", "c", "d"].iter().enumerate().map(|(at, name)| user_fields(at, name)).collect();
    done(&mut site, "core_user_create_users", &users.join("&"));
    let courses: Vec<String> = (0..2)
        .map(|at| {
            format!(
                "courses[{at}][fullname]=Course {n}&courses[{at}][shortname]=C{n}\
                 &courses[{at}][categoryid]=1&courses[{at}][idnumber]=crs-{n}",
                n = at + 2
            )
        })
        .collect();
    done(&mut site, "core_course_create_courses", &courses.join("&"));
    done(
        &mut site,
        "core_group_create_groups",
        "groups[0][courseid]=2&groups[0][name]=One&groups[0][description]=&groups[0][idnumber]=g1\
         &groups[1][courseid]=2&groups[1][name]=Two&groups[1][description]=\
         &groups[2][courseid]=3&groups[2][name]=One&groups[2][description]=&groups[2][idnumber]=g1",
    );
    site
}

fn enrol_fields(at: usize, user: u32, course: u32, role: u32) -> String {
    format!(
        "enrolments[{at}][roleid]={role}&enrolments[{at}][userid]={user}\
         &enrolments[{at}][courseid]={course}"
    )
}

fn enrol(site: &mut Site, user: u32, course: u32, role: u32) {
    done(site, "enrol_manual_enrol_users", &enrol_fields(0, user, course, role));
}
