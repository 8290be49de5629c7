//! Groups, groupings and cohorts.

use crate::{call, done, enrol, refused, school};
use serde_json::json;

#[test]
fn groups_are_unique_by_name_and_number_in_their_course() {
    let mut site = school();
    let group = |course: u32, name: &str, more: &str| {
        format!(
            "groups[0][courseid]={course}&groups[0][name]={name}&groups[0][description]=&{more}"
        )
    };
    let made = done(&mut site, "core_group_create_groups", &group(2, "one", ""));
    assert_eq!((&made[0]["id"], &made[0]["enrolmentkey"]), (&json!(4), &json!("")));
    for (fields, code) in [
        (group(2, "One", ""), "invalidparameter"),
        (group(2, "", ""), "invalidparameter"),
        (group(2, "New", "groups[0][idnumber]=g1"), "idnumbertaken"),
        (group(99, "New", ""), "errorcoursecontextnotvalid"),
        (group(2, &"x".repeat(255), ""), "dmlwriteexception"),
        ("groups[0][courseid]=2&groups[0][name]=New".to_owned(), "invalidparameter"),
        (
            format!("{}&{}", group(2, "New", ""), group(2, "Two", "").replace("[0]", "[1]")),
            "invalidparameter",
        ),
    ] {
        refused(&mut site, "core_group_create_groups", &[(&fields, code)]);
    }
    done(&mut site, "core_group_update_groups", "groups[0][id]=1&groups[0][name]=Uno");
    refused(
        &mut site,
        "core_group_update_groups",
        &[
            ("groups[0][id]=1&groups[0][name]=Two", "invalidparameter"),
            ("groups[0][id]=99&groups[0][name]=X", "invalidparameter"),
            ("groups[0][id]=1", "invalidparameter"),
            ("groups[0][id]=2&groups[0][name]=Two&groups[0][idnumber]=g1", "idnumbertaken"),
        ],
    );
    let read = done(&mut site, "core_group_get_course_groups", "courseid=2");
    assert_eq!((&read[0]["name"], &read[0]["enrolmentkey"]), (&json!("Uno"), &json!(null)));
    refused(
        &mut site,
        "core_group_get_course_groups",
        &[("courseid=99", "errorcoursecontextnotvalid")],
    );
    refused(
        &mut site,
        "core_group_get_groups",
        &[("groupids[0]=1&groupids[1]=99", "invalidrecordunknown")],
    );
    assert_eq!(
        done(&mut site, "core_group_delete_groups", "groupids[0]=1&groupids[1]=99"),
        json!(null)
    );
    assert_eq!(site.groups(2).len(), 2);
}

#[test]
fn only_who_is_enrolled_joins_a_group() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    done(&mut site, "core_group_add_group_members", "members[0][groupid]=1&members[0][userid]=4");
    done(&mut site, "core_group_add_group_members", "members[0][groupid]=1&members[0][userid]=4");
    refused(
        &mut site,
        "core_group_add_group_members",
        &[
            (
                "members[0][groupid]=2&members[0][userid]=4&members[1][groupid]=2&members[1][userid]=5",
                "invalidparameter",
            ),
            ("members[0][groupid]=99&members[0][userid]=4", "invalidrecordunknown"),
            ("members[0][groupid]=1&members[0][userid]=99", "invalidrecordunknown"),
        ],
    );
    let members = done(&mut site, "core_group_get_group_members", "groupids[0]=1&groupids[1]=2");
    assert_eq!(members, json!([{"groupid": 1, "userids": [4]}, {"groupid": 2, "userids": []}]));
    refused(
        &mut site,
        "core_group_get_group_members",
        &[("groupids[0]=99", "invalidrecordunknown")],
    );
    refused(
        &mut site,
        "core_group_delete_group_members",
        &[
            (
                "members[0][groupid]=1&members[0][userid]=4&members[1][groupid]=99&members[1][userid]=4",
                "invalidrecordunknown",
            ),
            ("members[0][groupid]=1&members[0][userid]=99", "invalidrecordunknown"),
        ],
    );
    done(
        &mut site,
        "core_group_delete_group_members",
        "members[0][groupid]=1&members[0][userid]=4&members[1][groupid]=1&members[1][userid]=5",
    );
    assert!(site.groups(2)[0].2.is_empty());
}

#[test]
fn groupings_hold_groups_of_any_course() {
    let mut site = school();
    let grouping = |name: &str, more: &str| {
        format!(
            "groupings[0][courseid]=2&groupings[0][name]={name}&groupings[0][description]=&{more}"
        )
    };
    done(&mut site, "core_group_create_groupings", &grouping("Set", "groupings[0][idnumber]=s1"));
    let failed = call(&mut site, "core_group_create_groupings", &grouping("Numberless", ""));
    assert_eq!(failed["errorcode"], "invalidresponse");
    let read = done(&mut site, "core_group_get_course_groupings", "courseid=2");
    assert_eq!(read[1]["name"], "Numberless", "it is there in spite of the answer");
    refused(
        &mut site,
        "core_group_create_groupings",
        &[
            (&grouping("Set", "groupings[0][idnumber]="), "invalidparameter"),
            (&grouping("Other", "groupings[0][idnumber]=s1"), "idnumbertaken"),
        ],
    );
    done(
        &mut site,
        "core_group_assign_grouping",
        "assignments[0][groupingid]=1&assignments[0][groupid]=3",
    );
    refused(
        &mut site,
        "core_group_assign_grouping",
        &[
            ("assignments[0][groupingid]=1&assignments[0][groupid]=99", "invalidrecordunknown"),
            ("assignments[0][groupingid]=99&assignments[0][groupid]=1", "invalidrecordunknown"),
        ],
    );
    done(&mut site, "core_group_delete_groups", "groupids[0]=3");
    done(&mut site, "core_group_delete_groupings", "groupingids[0]=1&groupingids[1]=99");
    let left = done(&mut site, "core_group_get_course_groupings", "courseid=2");
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[test]
fn cohorts_take_whom_they_can() {
    let mut site = school();
    let cohort = |kind: &str, value: &str, idnumber: &str| {
        format!(
            "cohorts[0][categorytype][type]={kind}&cohorts[0][categorytype][value]={value}\
             &cohorts[0][name]=Year&cohorts[0][idnumber]={idnumber}"
        )
    };
    done(&mut site, "core_cohort_create_cohorts", &cohort("system", "", "y1"));
    for (fields, code) in [
        (cohort("system", "", "y1"), "invalidparameter"),
        (cohort("id", "99", "y2"), "invalidparameter"),
        (cohort("nosuch", "1", "y2"), "invalidparameter"),
        ("cohorts[0][name]=Year&cohorts[0][idnumber]=y2".to_owned(), "invalidparameter"),
    ] {
        refused(&mut site, "core_cohort_create_cohorts", &[(&fields, code)]);
    }
    let member = |at: usize, cohort: &str, user: &str| {
        format!(
            "members[{at}][cohorttype][type]=idnumber&members[{at}][cohorttype][value]={cohort}\
             &members[{at}][usertype][type]=username&members[{at}][usertype][value]={user}"
        )
    };
    let fields = [
        member(0, "y1", "a"),
        member(1, "y1", "nobody"),
        member(2, "none", "a"),
        member(3, "y1", "a"),
    ]
    .join("&");
    let answer = done(&mut site, "core_cohort_add_cohort_members", &fields);
    let codes: Vec<_> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["warningcode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["2", "2", "3"]);
    assert_eq!(site.cohort_by_idnumber("y1"), Some((1, vec![4])));
    done(&mut site, "core_user_delete_users", "userids[0]=4");
    assert_eq!(site.cohort_by_idnumber("y1"), Some((1, vec![])), "deleting a person ends it");
    refused(
        &mut site,
        "core_cohort_delete_cohorts",
        &[("cohortids[0]=1&cohortids[1]=99", "invalidrecordunknown")],
    );
    done(&mut site, "core_cohort_delete_cohorts", "cohortids[0]=1");
    assert_eq!(site.counts().cohorts, 0);
}
