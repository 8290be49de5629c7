//! Random calls, reopened.

use proptest::prelude::*;

use crate::durability::content;
use crate::{enrol_fields, now, request, user_fields};
use sandbox::moodle::Site;

/// Calls over few names and ids, so that many meet and some are refused.
fn any_call() -> impl Strategy<Value = (&'static str, String)> {
    let user = 3_u32..10;
    let course = 1_u32..6;
    let group = 1_u32..6;
    prop_oneof![
        (0_u32..8, 0_u32..8).prop_map(|(one, two)| (
            "core_user_create_users",
            format!(
                "{}&{}",
                user_fields(0, &format!("u{one}")),
                user_fields(1, &format!("u{two}"))
            ),
        )),
        (user.clone(), 0_u32..8, 0_u32..2).prop_map(|(id, name, suspended)| (
            "core_user_update_users",
            format!("users[0][id]={id}&users[0][username]=u{name}&users[0][suspended]={suspended}"),
        )),
        (user.clone(), user.clone()).prop_map(|(one, two)| (
            "core_user_delete_users",
            format!("userids[0]={one}&userids[1]={two}")
        )),
        (0_u32..5).prop_map(|name| (
            "core_course_create_courses",
            format!(
                "courses[0][fullname]=C&courses[0][shortname]=C{name}&courses[0][categoryid]=1"
            ),
        )),
        course.clone().prop_map(|id| ("core_course_delete_courses", format!("courseids[0]={id}"))),
        (course.clone(), 0_u32..3).prop_map(|(id, name)| (
            "core_course_duplicate_course",
            format!("courseid={id}&fullname=D&shortname=D{name}&categoryid=1"),
        )),
        (user.clone(), course.clone(), 1_u32..6, user.clone()).prop_map(
            |(user, course, role, other)| (
                "enrol_manual_enrol_users",
                format!(
                    "{}&{}",
                    enrol_fields(0, user, course, role),
                    enrol_fields(1, other, course, 5)
                ),
            )
        ),
        (user.clone(), course.clone()).prop_map(|(user, course)| (
            "enrol_manual_unenrol_users",
            format!("enrolments[0][userid]={user}&enrolments[0][courseid]={course}"),
        )),
        (course, 0_u32..3).prop_map(|(course, name)| (
            "core_group_create_groups",
            format!("groups[0][courseid]={course}&groups[0][name]=G{name}&groups[0][description]="),
        )),
        (group.clone(), user).prop_map(|(group, user)| (
            "core_group_add_group_members",
            format!("members[0][groupid]={group}&members[0][userid]={user}"),
        )),
        group.prop_map(|group| ("core_group_delete_groups", format!("groupids[0]={group}"))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is called, a refused call changes nothing, and the journal says exactly what the
    /// memory says, also after it was compacted on the way.
    #[test]
    fn reopening_gives_the_same_site(
        calls in prop::collection::vec(any_call(), 1..40),
        compact_at in 0_usize..40,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Site::open(folder.path()).unwrap();
        let mut plain = Site::in_memory();
        for (at, (function, fields)) in calls.iter().enumerate() {
            let before = content(&mut plain);
            let answer = plain.handle(&request(function, fields), now());
            prop_assert_eq!(&answer, &kept.handle(&request(function, fields), now()));
            if answer.text().contains("\"exception\"") {
                prop_assert_eq!(before, content(&mut plain), "{} {}", function, fields);
            }
            if at == compact_at {
                kept.compact().unwrap();
            }
        }
        drop(kept);
        let mut reopened = Site::open(folder.path()).unwrap();
        prop_assert_eq!(content(&mut reopened), content(&mut plain));
        // The next ids agree, too.
        let next = request("core_user_create_users", &user_fields(0, "last"));
        prop_assert_eq!(reopened.handle(&next, now()), plain.handle(&next, now()));
    }

    /// No body makes the site panic.
    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut site = Site::in_memory();
        let mut form = b"wstoken=sandbox&wsfunction=core_user_create_users&users[0]".to_vec();
        form.extend(body);
        let answer = site.handle(&sandbox::Request::post(sandbox::moodle::SERVER, form), now());
        prop_assert_eq!(answer.status, 200);
    }
}
