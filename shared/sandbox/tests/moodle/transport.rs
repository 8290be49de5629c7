//! Tokens, formats and what stands around a call.

use crate::{done, now, school};
use sandbox::moodle::{SERVER, Site, TOKEN};
use sandbox::{Request, Response};

fn code(response: &Response) -> String {
    let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    answer["errorcode"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn token_and_function_are_checked_in_this_order() {
    let mut site = Site::in_memory();
    site.settings_mut().withheld = vec!["core_course_get_courses".to_owned()];
    for (form, expected) in [
        ("wstoken=bad&wsfunction=nosuch", "invalidtoken"),
        ("wsfunction=core_course_get_categories", "invalidtoken"),
        ("wstoken[]=sandbox&wsfunction=core_course_get_categories", "invalidtoken"),
        ("wstoken=sandbox", "invalidparameter"),
        ("wstoken=sandbox&wsfunction=nosuch", "invalidrecordunknown"),
        ("wstoken=sandbox&wsfunction=core_course_get_courses", "accessexception"),
        ("wstoken=sandbox&wsfunction=core_course_get_categories&x=1", "invalidparameter"),
        ("wstoken=sandbox&wsfunction=core_course_get_categories", "none"),
    ] {
        let form = format!("{form}&moodlewsrestformat=json");
        let answer = site.handle(&Request::post(SERVER, form.clone()), now());
        assert_eq!((answer.status, code(&answer).as_str()), (200, expected), "{form}");
    }
}

#[test]
fn without_a_known_format_the_answer_is_xml() {
    let mut site = Site::in_memory();
    for format in ["", "&moodlewsrestformat=yaml"] {
        let form = format!("wstoken={TOKEN}&wsfunction=core_course_get_categories{format}");
        let answer = site.handle(&Request::post(SERVER, form), now());
        assert_eq!(answer.content_type, "application/xml; charset=utf-8");
        assert!(
            answer.text().contains("<KEY name=\"idnumber\"><VALUE null=\"null\"/>"),
            "{}",
            answer.text()
        );
        let answer = site.handle(&Request::post(SERVER, "wstoken=x"), now());
        assert!(answer.text().contains("<ERRORCODE>invalidtoken</ERRORCODE>"));
    }
}

#[test]
fn a_query_works_and_a_body_of_another_type_is_not_read() {
    let mut site = school();
    let query = format!(
        "{SERVER}?wstoken={TOKEN}&wsfunction=core_user_get_users_by_field&moodlewsrestformat=json&field=id&values[]=4"
    );
    assert!(site.handle(&Request::get(&query), now()).text().starts_with("[{\"id\":4,"));
    let mut json = Request::post(SERVER, format!("wstoken={TOKEN}&moodlewsrestformat=json"));
    json.content_type = Some("application/json".to_owned());
    assert!(site.handle(&json, now()).text().contains("<ERRORCODE>invalidtoken"));
}

#[test]
fn names_are_escaped_unless_raw_is_asked_for() {
    let mut site = school();
    done(
        &mut site,
        "core_course_update_courses",
        "courses[0][id]=2&courses[0][fullname]=A %26 B&courses[0][idnumber]=1 %26 2",
    );
    done(&mut site, "core_user_update_users", "users[0][id]=4&users[0][lastname]=R%26D");
    for (raw, shown) in [
        ("", "A &amp; B"),
        ("&moodlewssettingraw=0", "A &amp; B"),
        ("&moodlewssettingraw=1", "A & B"),
        ("&moodlewssettingraw=true", "A & B"),
    ] {
        let found =
            done(&mut site, "core_course_get_courses_by_field", &format!("field=id&value=2{raw}"));
        assert_eq!(found["courses"][0]["fullname"], shown, "{raw}");
        assert_eq!(found["courses"][0]["idnumber"], "1 & 2", "numbers are never escaped");
        let found =
            done(&mut site, "core_user_get_users_by_field", &format!("field=id&values[0]=4{raw}"));
        assert_eq!(found[0]["lastname"], "R&D", "names of people neither");
    }
}

#[test]
fn a_body_beyond_the_limit_is_413_and_does_nothing() {
    let mut site = school();
    site.settings_mut().body_limit = 200;
    let form = format!(
        "wstoken={TOKEN}&wsfunction=core_user_delete_users&moodlewsrestformat=json&userids[0]=4&{}",
        "x".repeat(200)
    );
    let answer = site.handle(&Request::post(SERVER, form), now());
    assert_eq!(answer.status, 413);
    assert!(!site.user(4).unwrap().deleted);
}

#[test]
fn the_site_tells_about_itself() {
    let mut site = Site::in_memory();
    let info = done(&mut site, "core_webservice_get_site_info", "");
    assert_eq!(
        (info["userid"].as_i64(), info["release"].as_str()),
        (Some(3), Some("5.1+ (Build: 20251017)"))
    );
    let functions = info["functions"].as_array().unwrap();
    assert!(functions.iter().any(|one| one["name"] == "core_group_create_groups"));
}

#[test]
fn only_the_whole_token_opens_and_nothing_shows_it() {
    let mut site = Site::in_memory();
    site.settings_mut().token = "5ec2e7-t0ken".to_owned();
    let mut ask = |token: &str| {
        let form = format!(
            "wstoken={token}&moodlewsrestformat=json&wsfunction=core_webservice_get_site_info"
        );
        let request = Request::post("/webservice/rest/server.php", form);
        site.handle(&request, now()).text().contains("invalidtoken")
    };
    for wrong in ["", "5", "5ec2e7-t0ke", "5ec2e7-t0keN", "5ec2e7-t0ken0", "sandbox"] {
        assert!(ask(wrong), "{wrong}");
    }
    assert!(!ask("5ec2e7-t0ken"));
    for shown in [format!("{site:?}"), format!("{:#?}", site.settings())] {
        assert!(!shown.contains("5ec2e7"), "{shown}");
    }
}
