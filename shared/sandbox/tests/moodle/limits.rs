//! What PHP drops without a word.

use crate::{call, done, enrol_fields, now, school};
use sandbox::Request;
use sandbox::moodle::{SERVER, Site, TOKEN};

/// `count` people of six variables each, the number last.
fn people(count: usize) -> String {
    let one = |at: usize| {
        format!(
            "users[{at}][username]=u{at}&users[{at}][firstname]=F&users[{at}][lastname]=L\
             &users[{at}][email]=u{at}@x.invalid&users[{at}][createpassword]=1&users[{at}][idnumber]={at}"
        )
    };
    (0..count).map(one).collect::<Vec<_>>().join("&")
}

#[test]
fn a_cut_before_an_optional_field_commits_the_rest() {
    let mut site = Site::in_memory();
    // With the control variables in the address, the body keeps 1001: 166 people of six, and
    // five variables of the next.
    let mut post = Request::post(SERVER, people(250));
    post.query =
        format!("wstoken={TOKEN}&wsfunction=core_user_create_users&moodlewsrestformat=json");
    let answer = site.handle(&post, now());
    let made: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(made.as_array().unwrap().len(), 167);
    assert_eq!(site.user_by_username("u166").unwrap().1.idnumber, "", "the last one is cut short");
    assert!(site.calls().last().unwrap().cut);
}

#[test]
fn a_cut_before_a_required_field_fails_the_call() {
    let mut site = Site::in_memory();
    let answer = call(&mut site, "core_user_create_users", &people(250));
    assert_eq!(answer["errorcode"], "invalidparameter");
    assert_eq!(site.counts().accounts, 3);
}

#[test]
fn a_cut_between_records_looks_like_success() {
    let mut site = school();
    let fields: Vec<String> =
        (0..400).map(|at| enrol_fields(at, 4 + (at as u32 % 4), 2, 5)).collect();
    // 998 variables are left: 332 enrolments and two variables of the next.
    assert_eq!(
        call(&mut site, "enrol_manual_enrol_users", &fields.join("&"))["errorcode"],
        "invalidparameter"
    );
    let values: Vec<String> = (0..1100).map(|at| format!("userids[{at}]={}", at + 100)).collect();
    let mut big = Site::in_memory();
    big.settings_mut().max_input_vars = 100_000;
    done(&mut big, "core_user_create_users", &people(1300));
    big.settings_mut().max_input_vars = 1000;
    assert!(done(&mut big, "core_user_delete_users", &values.join("&")).is_null());
    assert_eq!(big.counts().deleted, 998, "the last hundred are silently left");
}

#[test]
fn a_token_behind_the_limit_is_no_token() {
    let mut site = Site::in_memory();
    let control =
        format!("wstoken={TOKEN}&wsfunction=core_user_create_users&moodlewsrestformat=json");
    let post = Request::post(SERVER, format!("{}&{control}", people(250)));
    let answer = site.handle(&post, now());
    assert!(answer.text().contains("<ERRORCODE>invalidtoken"), "and as XML");
}

#[test]
fn under_the_limit_nothing_is_dropped() {
    let mut site = Site::in_memory();
    done(&mut site, "core_user_create_users", &people(166));
    assert_eq!(site.counts().accounts, 169);
    assert!(!site.calls().last().unwrap().cut);
}
