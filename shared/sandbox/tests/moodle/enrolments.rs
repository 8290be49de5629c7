//! Enrolments, roles and who is in a course.

use crate::{NOW, done, enrol, enrol_fields, now, refused, school};
use sandbox::moodle::{Manual, Roles, Site, Standing};
use serde_json::{Value, json};

fn listed(site: &mut Site, course: u32, options: &[(&str, &str)]) -> Vec<i64> {
    let options: String = options
        .iter()
        .enumerate()
        .map(|(at, (name, value))| {
            format!("&options[{at}][name]={name}&options[{at}][value]={value}")
        })
        .collect();
    let found = done(site, "core_enrol_get_enrolled_users", &format!("courseid={course}{options}"));
    found.as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect()
}

#[test]
fn enrolling_again_adds_a_role_and_resets_state_and_dates() {
    let mut site = school();
    let first = format!(
        "{}&enrolments[0][suspend]=1&enrolments[0][timestart]=5&enrolments[0][timeend]=9",
        enrol_fields(0, 4, 2, 5)
    );
    done(&mut site, "enrol_manual_enrol_users", &first);
    let member = site.member(2, 4).unwrap();
    assert_eq!((member.standing, member.start(), member.end()), (Standing::Suspended, 5, 9));
    enrol(&mut site, 4, 2, 3);
    let member = site.member(2, 4).unwrap();
    assert_eq!((member.standing, member.start(), member.end()), (Standing::Active, 0, 0));
    assert_eq!(member.roles, Roles::default().with(5).with(3));
    assert_eq!(site.counts().enrolments, 1);
}

#[test]
fn enrolling_refuses_what_the_real_one_refuses_and_is_undone_as_a_whole() {
    let mut site = school();
    site.set_manual(3, Manual::Disabled, now()).unwrap();
    done(&mut site, "core_user_delete_users", "userids[0]=7");
    let with_good = |bad: String| format!("{}&{}", enrol_fields(1, 5, 2, 5), bad);
    for (fields, code) in [
        (enrol_fields(0, 4, 99, 5), "invalidparameter"),
        (enrol_fields(0, 99, 2, 5), "invalidrecordunknown"),
        (enrol_fields(0, 7, 2, 5), "userdeleted"),
        (enrol_fields(0, 1, 2, 5), "guestsarenotallowed"),
        (enrol_fields(0, 4, 2, 7), "wsusercannotassign"),
        (enrol_fields(0, 4, 2, 99), "wsusercannotassign"),
        (enrol_fields(0, 4, 1, 5), "wsnoinstance"),
        (enrol_fields(0, 4, 3, 5), "wsnoinstance"),
        ("enrolments[0][userid]=4&enrolments[0][courseid]=2".to_owned(), "invalidparameter"),
    ] {
        refused(&mut site, "enrol_manual_enrol_users", &[(&with_good(fields.clone()), code)]);
        refused(&mut site, "enrol_manual_enrol_users", &[(&fields, code)]);
    }
}

#[test]
fn a_suspended_account_can_be_enrolled_and_is_listed() {
    let mut site = school();
    done(&mut site, "core_user_update_users", "users[0][id]=4&users[0][suspended]=1");
    enrol(&mut site, 4, 2, 5);
    assert_eq!(listed(&mut site, 2, &[("onlyactive", "1")]), [4]);
}

#[test]
fn unenrolling_takes_roles_and_groups_and_minds_nobody_missing() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    enrol(&mut site, 4, 2, 3);
    enrol(&mut site, 4, 3, 5);
    done(
        &mut site,
        "core_group_add_group_members",
        "members[0][groupid]=1&members[0][userid]=4&members[1][groupid]=3&members[1][userid]=4",
    );
    done(
        &mut site,
        "enrol_manual_unenrol_users",
        "enrolments[0][userid]=4&enrolments[0][courseid]=2&enrolments[0][roleid]=5&enrolments[1][userid]=5&enrolments[1][courseid]=2",
    );
    assert!(site.member(2, 4).is_none());
    assert!(site.group_names(2, 4).is_empty());
    assert_eq!(site.group_names(3, 4), ["One"], "other courses keep theirs");
    enrol(&mut site, 4, 2, 5);
    assert!(site.group_names(2, 4).is_empty(), "memberships do not come back");
    site.set_manual(2, Manual::Missing, now()).unwrap();
    refused(
        &mut site,
        "enrol_manual_unenrol_users",
        &[
            ("enrolments[0][userid]=4&enrolments[0][courseid]=99", "invalidrecordunknown"),
            ("enrolments[0][userid]=99&enrolments[0][courseid]=3", "invalidrecordunknown"),
            ("enrolments[0][userid]=4&enrolments[0][courseid]=2", "wsnoinstance"),
            (
                "enrolments[0][userid]=4&enrolments[0][courseid]=3&enrolments[1][userid]=99&enrolments[1][courseid]=3",
                "invalidrecordunknown",
            ),
        ],
    );
}

#[test]
fn the_list_has_suspended_enrolments_unless_told_otherwise() {
    let mut site = school();
    for user in 4..8 {
        enrol(&mut site, user, 2, 5);
    }
    let later = NOW + 10;
    let changed = format!(
        "{}&enrolments[0][suspend]=1&{}&enrolments[1][timestart]={later}&{}&enrolments[2][timeend]={NOW}",
        enrol_fields(0, 4, 2, 5),
        enrol_fields(1, 5, 2, 5),
        enrol_fields(2, 6, 2, 5),
    );
    done(&mut site, "enrol_manual_enrol_users", &changed);
    for (options, expected) in [
        (vec![], vec![4, 5, 6, 7]),
        (vec![("onlyactive", "1")], vec![7]),
        (vec![("onlysuspended", "1")], vec![4, 5, 6]),
        (vec![("limitfrom", "1"), ("limitnumber", "2")], vec![5, 6]),
        (vec![("limitfrom", "9")], vec![]),
        (vec![("sortdirection", "desc")], vec![7, 6, 5, 4]),
        (vec![("nosuch", "1")], vec![4, 5, 6, 7]),
    ] {
        assert_eq!(listed(&mut site, 2, &options), expected, "{options:?}");
    }
    assert_eq!(listed(&mut site, 1, &[]).len(), 7, "the front page has everybody");
    done(&mut site, "core_group_add_group_members", "members[0][groupid]=2&members[0][userid]=6");
    assert_eq!(listed(&mut site, 2, &[("groupid", "2")]), [6]);
    refused(
        &mut site,
        "core_enrol_get_enrolled_users",
        &[
            ("courseid=99", "invalidrecordunknown"),
            ("courseid=x", "invalidparameter"),
            (
                "courseid=2&options[0][name]=userfields&options[0][value]=id,nosuch",
                "invaliduserfield",
            ),
            ("courseid=2&options[0][name]=sortby&options[0][value]=nosuch", "invalidparameter"),
        ],
    );
}

#[test]
fn chosen_fields_keep_id_and_full_name() {
    let mut site = school();
    enrol(&mut site, 4, 2, 3);
    enrol(&mut site, 4, 2, 5);
    done(&mut site, "core_user_update_users", "users[0][id]=4&users[0][idnumber]=");
    let found = done(
        &mut site,
        "core_enrol_get_enrolled_users",
        "courseid=2&options[0][name]=userfields&options[0][value]=id,idnumber,roles,suspended",
    );
    let role =
        |id: u8, name: &str| json!({"roleid": id, "name": "", "shortname": name, "sortorder": 0});
    assert_eq!(
        found,
        json!([{"id": 4, "fullname": "Given Family", "roles": [role(3, "editingteacher"), role(5, "student")]}])
    );
}

#[test]
fn a_persons_courses_are_the_active_ones() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    enrol(&mut site, 4, 3, 5);
    let ids = |found: &Value| -> Vec<i64> {
        found.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&done(&mut site, "core_enrol_get_users_courses", "userid=4")), [3, 2]);
    done(
        &mut site,
        "enrol_manual_enrol_users",
        &format!("{}&enrolments[0][suspend]=1", enrol_fields(0, 4, 3, 5)),
    );
    let found = done(&mut site, "core_enrol_get_users_courses", "userid=4");
    assert_eq!(ids(&found), [2]);
    assert_eq!(found[0]["enrolledusercount"], 1);
    assert_eq!(done(&mut site, "core_enrol_get_users_courses", "userid=99"), json!([]));
}

#[test]
fn roles_come_and_go_without_enrolments() {
    let mut site = school();
    let of = |what: &str, role: &str, user: u32, course: u32| {
        format!(
            "{what}[0][roleid]={role}&{what}[0][userid]={user}&{what}[0][contextlevel]=course\
             &{what}[0][instanceid]={course}"
        )
    };
    done(&mut site, "core_role_assign_roles", &of("assignments", "4", 5, 2));
    assert_eq!(site.member(2, 5).unwrap().standing, Standing::None);
    assert!(listed(&mut site, 2, &[]).is_empty(), "a role is no enrolment");
    enrol(&mut site, 4, 2, 5);
    done(&mut site, "core_role_unassign_roles", &of("unassignments", "5", 4, 2));
    assert!(site.member(2, 4).unwrap().roles.is_empty());
    assert_eq!(listed(&mut site, 2, &[]), [4], "enrolled without a role");
    done(&mut site, "core_role_unassign_roles", &of("unassignments", "4", 99, 2));
    done(&mut site, "core_role_unassign_roles", &of("unassignments", "4", 5, 2));
    assert!(site.member(2, 5).is_none());
    for (fields, code) in [
        (of("assignments", "99", 4, 2), "invalidparameter"),
        (of("assignments", "7", 4, 2), "invalidparameter"),
        (of("assignments", "4", 4, 99), "invalidparameter"),
        (of("assignments", "4", 99, 2), "codingerror"),
        ("assignments[0][roleid]=4&assignments[0][userid]=4".to_owned(), "invalidparameter"),
    ] {
        refused(&mut site, "core_role_assign_roles", &[(&fields, code)]);
    }
    refused(
        &mut site,
        "core_role_unassign_roles",
        &[(&of("unassignments", "99", 4, 2), "invalidparameter")],
    );
}

#[test]
fn people_change_things_by_hand() {
    let mut site = school();
    site.enrol_by_hand(2, 6, 3, now()).unwrap();
    site.edit_course(2, now(), |course| course.fullname = "Renamed".into()).unwrap();
    site.join_group(1, 6, now()).unwrap();
    let participant = &site.participants(2)[0];
    assert_eq!((participant.user, participant.idnumber.as_str()), (6, "n-c"));
    assert_eq!(participant.groups, ["One"]);
    site.unenrol_by_hand(2, 6, now()).unwrap();
    site.delete_user(5, now()).unwrap();
    site.delete_course(3, now()).unwrap();
    assert!(
        site.participants(2).is_empty()
            && site.user(5).unwrap().deleted
            && site.course(3).is_none()
    );
    assert!(site.edit_user(99, now(), |_| {}).is_err());
    assert!(site.enrol_by_hand(2, 99, 3, now()).is_err());
}
