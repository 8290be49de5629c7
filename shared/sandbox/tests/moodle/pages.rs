//! Pages and the addresses that steer the sandbox.

use crate::{done, enrol, now, school, user_fields};
use sandbox::moodle::Site;
use sandbox::{Fault, Request, Response, Rule};

fn get(site: &mut Site, target: &str) -> Response {
    site.handle(&Request::get(target), now())
}

#[test]
fn pages_show_courses_people_and_calls() {
    let mut site = school();
    enrol(&mut site, 4, 2, 3);
    done(&mut site, "core_group_add_group_members", "members[0][groupid]=2&members[0][userid]=4");
    for (target, parts) in [
        ("/", vec!["Course 2", "Course 3", "<strong>2</strong><span>courses"]),
        ("/?q=crs-3", vec!["Course 3"]),
        ("/courses/2", vec!["Given Family", "Teacher", "Two <b>1</b>", "crs-2"]),
        ("/people?q=N-B", vec!["b@school.invalid"]),
        ("/people/4", vec!["Course 2", "n-a"]),
        ("/calls", vec!["core_group_add_group_members", "done"]),
    ] {
        let page = get(&mut site, target);
        assert_eq!(page.status, 200, "{target}");
        for part in parts {
            assert!(page.text().contains(part), "{target} lacks {part}");
        }
    }
    assert!(!get(&mut site, "/?q=crs-3").text().contains("Course 2"));
    for target in ["/courses/99", "/courses/x", "/people/99", "/nosuch", "/sandbox/nosuch"] {
        assert_eq!(get(&mut site, target).status, 404, "{target}");
    }
}

#[test]
fn what_people_are_called_is_no_markup() {
    let mut site = Site::in_memory();
    let fields = format!("{}&users[0][idnumber]=\"><script>alert(1)</script>", user_fields(0, "x"));
    done(&mut site, "core_user_create_users", &fields.replace("><", "%3E%3C"));
    for target in ["/people", "/people/4", "/people?q=\"><script>"] {
        assert!(!get(&mut site, target).text().contains("<script"), "{target}");
    }
}

#[test]
fn long_lists_have_pages() {
    let mut site = Site::in_memory();
    let users: Vec<String> = (0..120).map(|at| user_fields(at, &format!("p{at:03}"))).collect();
    site.settings_mut().max_input_vars = 10_000;
    done(&mut site, "core_user_create_users", &users.join("&"));
    let second = get(&mut site, "/people?q=p&page=2").text().into_owned();
    assert!(
        second.contains("p050@") && !second.contains("p049@") && second.contains("51 to 100 of")
    );
    assert!(second.contains("page=3&amp;q=p"));
    assert_eq!(get(&mut site, "/people?page=999999").status, 200);
}

#[test]
fn faults_are_set_over_the_wire_from_this_machine_only() {
    let mut site = school();
    let plan = r#"{"seed":1,"rules":[{"fault":{"kind":"status","status":503},"times":2}]}"#;
    let mut post = Request::post("/sandbox/faults", plan);
    assert_eq!(site.handle(&post, now()).status, 415, "a form cannot send it");
    post.content_type = Some("application/json".to_owned());
    post.host = Some("evil.example".to_owned());
    assert_eq!(site.handle(&post, now()).status, 403, "nor a page under another name");
    assert!(site.faults().rules().is_empty());
    post.host = Some("127.0.0.1:8095".to_owned());
    assert_eq!(site.handle(&post, now()).status, 200);
    assert_eq!(site.faults().rules(), [Rule::next(2, Fault::Status { status: 503 })]);
    assert!(get(&mut site, "/sandbox/faults").text().contains("\"status\":503"));
    post.body = b"{\"rules\":[{\"fault\":\"nosuch\"}]}".to_vec();
    assert_eq!(site.handle(&post, now()).status, 400);
    let calls: serde_json::Value =
        serde_json::from_slice(&get(&mut site, "/sandbox/calls").body).unwrap();
    assert_eq!(calls["calls"][0]["function"], "core_user_create_users");
    let mut read = Request::get("/people");
    read.host = Some("localhost.evil.example".to_owned());
    assert_eq!(site.handle(&read, now()).status, 403);
}
