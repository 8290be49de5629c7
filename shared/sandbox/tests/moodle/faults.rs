//! Planned misbehaviour.

use std::time::Duration;

use crate::{call, now, request, school, user_fields};
use sandbox::moodle::Site;
use sandbox::{Fault, Reply, Rule, Service};

fn reply(site: &mut Site, fault: Fault, function: &str, fields: &str) -> Reply {
    site.faults_mut().add(Rule::next(1, fault).on(function));
    site.reply(&request(function, fields), now())
}

fn create(site: &mut Site, fault: Fault) -> (Reply, usize) {
    let before = site.counts().accounts;
    let fields = format!("{}&{}", user_fields(0, "e"), user_fields(1, "f"));
    let reply = reply(site, fault, "core_user_create_users", &fields);
    (reply, site.counts().accounts - before)
}

fn text(reply: &Reply) -> (u16, String) {
    match reply {
        Reply::Answer(response) | Reply::Delay(_, response) => {
            (response.status, response.text().into_owned())
        }
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn faults_before_the_call_do_nothing() {
    for (fault, status, part) in [
        (Fault::Status { status: 500 }, 500, "<h1>500"),
        (Fault::Status { status: 503 }, 503, "maintenance"),
        (Fault::Throttled { retry_after: 7 }, 429, "<h1>429"),
        (Fault::DatabaseDown, 200, "dbconnectionfailed"),
        (Fault::InvalidToken, 200, "invalidtoken"),
        (Fault::ReadOnly, 200, "dmlwriteexception"),
    ] {
        let mut site = school();
        let (reply, made) = create(&mut site, fault);
        let (got, body) = text(&reply);
        assert!(got == status && body.contains(part), "{fault:?}: {got} {body}");
        assert_eq!(made, 0, "{fault:?}");
        assert_eq!(site.calls().last().unwrap().fault, Some(fault.name()));
        assert_eq!(create(&mut site, Fault::Delay { ms: 0 }).1, 2, "the next call works");
    }
    let mut site = school();
    let (reply, made) = create(&mut site, Fault::DropBefore);
    assert_eq!((reply, made), (Reply::DropBefore, 0));
    let (reply, _) = create(&mut school(), Fault::Throttled { retry_after: 7 });
    assert!(matches!(reply, Reply::Answer(response) if response.retry_after == Some(7)));
}

#[test]
fn faults_after_the_call_leave_it_done() {
    let mut site = school();
    assert_eq!(create(&mut site, Fault::DropAfter), (Reply::DropAfter, 2));
    let (reply, made) = create(&mut school(), Fault::Delay { ms: 1500 });
    assert!(matches!(reply, Reply::Delay(wait, _) if wait == Duration::from_millis(1500)));
    assert_eq!(made, 2);
}

#[test]
fn an_answer_can_lie_in_both_directions() {
    let (reply, made) = create(&mut school(), Fault::ShortAnswer);
    assert_eq!((text(&reply).1.matches("\"id\"").count(), made), (1, 2));
    let (reply, made) = create(&mut school(), Fault::LoseRecord);
    assert_eq!((text(&reply).1.matches("\"id\"").count(), made), (2, 1));
}

#[test]
fn reads_work_on_a_read_only_site() {
    let mut site = school();
    let reply =
        reply(&mut site, Fault::ReadOnly, "core_user_get_users_by_field", "field=id&values[0]=4");
    assert!(text(&reply).1.contains("\"id\":4"));
}

#[test]
fn faults_do_not_touch_a_direct_call() {
    let mut site = school();
    site.faults_mut().add(Rule::every(Fault::DropBefore));
    assert_eq!(call(&mut site, "core_user_get_users_by_field", "field=id&values[0]=4")[0]["id"], 4);
}
