//! Categories and courses.

use crate::{NOW, call, done, enrol, refused, school};
use sandbox::moodle::Site;
use serde_json::json;

fn warned(site: &mut Site, function: &str, fields: &str) -> Vec<String> {
    let answer = done(site, function, fields);
    let warnings = answer["warnings"].as_array().unwrap().clone();
    warnings.iter().map(|warning| warning["warningcode"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn categories_are_made_found_moved_and_deleted() {
    let mut site = school();
    let made = done(
        &mut site,
        "core_course_create_categories",
        "categories[0][name]=Term&categories[0][idnumber]=T&categories[1][name]=A %26 B&categories[1][parent]=1",
    );
    assert_eq!(made, json!([{"id": 2, "name": "Term"}, {"id": 3, "name": "A &amp; B"}]));
    refused(
        &mut site,
        "core_course_create_categories",
        &[
            ("categories[0][name]=X&categories[0][idnumber]=T", "categoryidnumbertaken"),
            ("categories[0][name]=X&categories[0][parent]=99", "unknowcategory"),
            ("categories[0][name]=", "categorynamerequired"),
            ("categories[0][idnumber]=Z", "invalidparameter"),
            (&format!("categories[0][name]={}", "x".repeat(256)), "categorytoolong"),
            (
                &format!("categories[0][name]=x&categories[0][idnumber]={}", "x".repeat(101)),
                "idnumbertoolong",
            ),
            (
                "categories[0][name]=X&categories[1][name]=Y&categories[1][idnumber]=T",
                "categoryidnumbertaken",
            ),
        ],
    );
    done(&mut site, "core_course_update_categories", "categories[0][id]=2&categories[0][parent]=3");
    refused(
        &mut site,
        "core_course_update_categories",
        &[
            ("categories[0][id]=99&categories[0][name]=x", "unknowncategory"),
            ("categories[0][id]=1&categories[0][parent]=2", "cannotmovecategory"),
            ("categories[0][id]=3&categories[0][idnumber]=T", "categoryidnumbertaken"),
        ],
    );
    let paths = |site: &mut Site, fields: &str| -> Vec<String> {
        let found = done(site, "core_course_get_categories", fields);
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&mut site, ""), ["/1", "/1/3", "/1/3/2"]);
    let third = "criteria[0][key]=id&criteria[0][value]=3";
    assert_eq!(paths(&mut site, third), ["/1/3", "/1/3/2"]);
    assert_eq!(paths(&mut site, &format!("{third}&addsubcategories=0")), ["/1/3"]);
    refused(
        &mut site,
        "core_course_get_categories",
        &[("criteria[0][key]=nosuch&criteria[0][value]=1", "criteriaerror")],
    );
    done(&mut site, "core_course_update_courses", "courses[0][id]=2&courses[0][categoryid]=3");
    refused(
        &mut site,
        "core_course_delete_categories",
        &[
            ("categories[0][id]=1&categories[0][recursive]=0", "movecatcontentstoroot"),
            ("categories[0][id]=99&categories[0][recursive]=1", "unknowncategory"),
            ("categories[0][id]=3&categories[0][newparent]=2", "youcannotdeletecategory"),
        ],
    );
    done(
        &mut site,
        "core_course_delete_categories",
        "categories[0][id]=3&categories[0][recursive]=0",
    );
    assert_eq!(site.course(2).unwrap().category, 1, "the content moves up");
    assert_eq!(site.category(2).unwrap().parent, 1);
    done(
        &mut site,
        "core_course_delete_categories",
        "categories[0][id]=1&categories[0][recursive]=1",
    );
    assert_eq!((site.counts().courses, site.counts().categories), (0, 0));
}

#[test]
fn courses_are_made_all_or_none_with_an_end_by_default() {
    let mut site = school();
    let base = "courses[0][fullname]=New&courses[0][shortname]=N1&courses[0][categoryid]=1";
    assert_eq!(
        done(&mut site, "core_course_create_courses", base),
        json!([{"id": 4, "shortname": "N1"}])
    );
    let course = site.course(4).unwrap();
    assert_eq!(course.start, NOW - NOW % 86_400);
    assert_eq!(course.end, course.start + 365 * 86_400);
    let with = |more: &str| format!("{base}&{more}");
    let other = "courses[0][shortname]=N2";
    for (fields, code) in [
        (with(""), "shortnametaken"),
        (with(&format!("{other}&courses[0][idnumber]=crs-2")), "courseidnumbertaken"),
        (with(&format!("{other}&courses[0][categoryid]=99")), "errorcatcontextnotvalid"),
        (with("courses[0][shortname]= "), "errorinvalidparam"),
        (with(&format!("{other}&courses[0][fullname]=")), "errorinvalidparam"),
        (with(&format!("{other}&courses[0][lang]=xx")), "errorinvalidparam"),
        (
            with(&format!("{other}&courses[0][startdate]=9&courses[0][enddate]=8")),
            "enddatebeforestartdate",
        ),
        (
            with(&format!("{other}&courses[0][startdate]=0&courses[0][enddate]=8")),
            "nostartdatenoenddate",
        ),
        (with(&format!("courses[0][shortname]={}", "x".repeat(256))), "dmlwriteexception"),
        (with(&format!("{other}&courses[0][fullname]={}", "x".repeat(1334))), "dmlwriteexception"),
        (with(&format!("{other}&courses[0][idnumber]={}", "x".repeat(101))), "dmlwriteexception"),
        (with(&format!("{other}&courses[0][nosuch]=1")), "invalidparameter"),
        ("courses[0][fullname]=X&courses[0][shortname]=X".to_owned(), "invalidparameter"),
        (with(&format!("{other}&{}", base.replace("[0]", "[1]"))), "shortnametaken"),
    ] {
        refused(&mut site, "core_course_create_courses", &[(&fields, code)]);
    }
    let lower = base.replace("N1", "n1");
    done(&mut site, "core_course_create_courses", &lower);
}

#[test]
fn courses_are_updated_and_deleted_one_by_one() {
    let mut site = school();
    let codes = warned(
        &mut site,
        "core_course_update_courses",
        "courses[0][id]=99&courses[0][fullname]=X&courses[1][id]=2&courses[1][fullname]=New\
         &courses[2][id]=3&courses[2][shortname]=C2&courses[3][id]=3&courses[3][idnumber]=crs-2\
         &courses[4][id]=3&courses[4][shortname]=",
    );
    assert_eq!(
        codes,
        ["invalidrecordunknown", "shortnametaken", "courseidnumbertaken", "errorinvalidparam"]
    );
    assert_eq!(site.course(2).unwrap().fullname, "New");

    let stray = "courses[0][id]=3&courses[0][fullname]=Stray&courses[0][categoryid]=99";
    assert_eq!(warned(&mut site, "core_course_update_courses", stray), ["invalidrecordunknown"]);
    let row = site.course(3).unwrap();
    assert_eq!(
        (row.fullname.as_str(), row.category, row.visible),
        ("Stray", 99, false),
        "stored all the same"
    );

    enrol(&mut site, 4, 2, 5);
    let codes = warned(
        &mut site,
        "core_course_delete_courses",
        "courseids[0]=2&courseids[1]=99&courseids[2]=1",
    );
    assert_eq!(codes, ["unknowncourseidnumber", "cannotdeletecategorycourse"]);
    assert!(site.course(2).is_none() && site.courses_of(4).is_empty());
    assert_eq!(site.counts().groups, 1);
}

#[test]
fn courses_are_found_by_field() {
    let mut site = school();
    let ids = |site: &mut Site, fields: &str| -> Vec<i64> {
        let found = done(site, "core_course_get_courses_by_field", fields);
        found["courses"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    for (fields, expected) in [
        ("", vec![1, 2, 3]),
        ("field=id&value=2", vec![2]),
        ("field=id&value=99", vec![]),
        ("field=ids&value=3,2", vec![3, 2]),
        ("field=shortname&value=C3", vec![3]),
        ("field=shortname&value=c3", vec![]),
        ("field=idnumber&value=crs-2", vec![2]),
        ("field=idnumber&value=", vec![1]),
        ("field=category&value=1", vec![2, 3]),
    ] {
        assert_eq!(ids(&mut site, fields), expected, "{fields}");
    }
    let crash = call(&mut site, "core_course_get_courses_by_field", "field=ids&value=2,99");
    assert_eq!(crash["exception"], "Error");
    assert!(crash.get("errorcode").is_none(), "this one has no code");
    refused(
        &mut site,
        "core_course_get_courses_by_field",
        &[("field=nosuch&value=1", "invalidparameter")],
    );
    let some = done(&mut site, "core_course_get_courses", "options[ids][0]=2&options[ids][1]=99");
    assert_eq!(some.as_array().unwrap().len(), 1);
}

#[test]
fn a_copy_has_everybody_unless_told_otherwise_and_no_number() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    enrol(&mut site, 5, 2, 3);
    done(&mut site, "core_group_add_group_members", "members[0][groupid]=1&members[0][userid]=4");
    let copy = |short: &str, more: &str| {
        format!("courseid=2&fullname=Copy&shortname={short}&categoryid=1&{more}")
    };
    let made = done(&mut site, "core_course_duplicate_course", &copy("K1", "visible=0"));
    assert_eq!(made, json!({"id": 4, "shortname": "K1"}));
    let course = site.course(4).unwrap();
    assert_eq!((course.idnumber.as_str(), course.visible), ("", false));
    assert_eq!(site.participants(4), site.participants(2));
    done(
        &mut site,
        "core_course_duplicate_course",
        &copy("K2", "options[0][name]=users&options[0][value]=0"),
    );
    assert!(site.participants(5).is_empty());
    assert_eq!(site.groups(5).len(), 2, "groups come along either way");
    for (fields, code) in [
        (copy("C3", ""), "shortnametaken"),
        (copy("K3", "options[0][name]=nosuch&options[0][value]=1"), "invalidextparam"),
        (
            copy("K3", "options[0][name]=enrolments&options[0][value]=0"),
            "setting_by_name_not_found",
        ),
        (copy("K3", "").replace("courseid=2", "courseid=99"), "invalidcourseid"),
        (copy("K3", "").replace("categoryid=1", "categoryid=99"), "invalidrecordunknown"),
    ] {
        refused(&mut site, "core_course_duplicate_course", &[(&fields, code)]);
    }
}

#[test]
fn an_import_brings_groups_and_moves_nobody() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    enrol(&mut site, 5, 3, 5);
    done(&mut site, "core_course_import_course", "importfrom=2&importto=3&deletecontent=0");
    let names = |site: &Site| -> Vec<(u32, String)> {
        site.groups(3).iter().map(|(id, group, _)| (*id, group.name.to_string())).collect()
    };
    assert_eq!(names(&site), [(3, "One".to_owned()), (4, "Two".to_owned())]);
    done(&mut site, "core_course_import_course", "importfrom=2&importto=3&deletecontent=1");
    assert_eq!(names(&site), [(5, "One".to_owned()), (6, "Two".to_owned())]);
    assert_eq!(site.participants(3).len(), 1);
    refused(
        &mut site,
        "core_course_import_course",
        &[
            ("importfrom=99&importto=3", "invalidcourseid"),
            ("importfrom=2&importto=99", "invalidcourseid"),
        ],
    );
}
