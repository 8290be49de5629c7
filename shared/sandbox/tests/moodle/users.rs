//! Accounts.

use crate::{call, done, enrol, refused, school, user_fields};
use sandbox::moodle::{Detail, Site};
use serde_json::json;

#[test]
fn create_makes_all_or_none() {
    let mut site = school();
    let made = done(
        &mut site,
        "core_user_create_users",
        &format!(
            "{}&{}&users[1][city]=Gouda&users[1][country]=NL",
            user_fields(0, "e"),
            user_fields(1, "f")
        ),
    );
    assert_eq!(made, json!([{"id": 8, "username": "e"}, {"id": 9, "username": "f"}]));
    let user = site.user(9).unwrap();
    assert_eq!((user.detail(Detail::City), user.detail(Detail::Country)), ("Gouda", "NL"));

    let half = format!("{}&{}", user_fields(0, "g"), user_fields(1, "a"));
    refused(&mut site, "core_user_create_users", &[(&half, "invalidparameter")]);
    assert!(site.user_by_username("g").is_none());
    let made = done(&mut site, "core_user_create_users", &user_fields(0, "h"));
    assert_eq!(made[0]["id"], 11, "a rolled back account keeps its id used up");
}

#[test]
fn create_refuses_what_the_real_one_refuses() {
    let mut site = school();
    let with = |name: &str, more: &str| format!("{}&{more}", user_fields(0, name));
    let long = "x".repeat(101);
    let bad = "invalidparameter";
    let cases = [
        (String::new(), bad),
        (user_fields(0, "a"), bad),
        (user_fields(0, "Upper"), bad),
        (user_fields(0, "a b"), bad),
        (user_fields(0, "jos%C3%A9"), bad),
        (user_fields(0, "a%2Bb"), bad),
        (with("e", "users[0][email]=A@SCHOOL.invalid"), bad),
        (with("e", "users[0][email]=e@localhost"), bad),
        (with("e", "users[0][email]="), bad),
        (with("e", "users[0][lastname]= "), bad),
        (with("e", "users[0][lastname]=a <b"), bad),
        (with("e", "users[0][createpassword]=0"), bad),
        (with("e", "users[0][createpassword]=yes"), bad),
        (with("e", "users[0][auth]=nosuch"), bad),
        (with("e", "users[0][lang]=xx"), bad),
        (with("e", "users[0][suspended]=0"), bad),
        (with("e", "users[0][firstname]=%FF"), bad),
        (with("e", "more=1"), bad),
        ("users[0]=x".to_owned(), bad),
        ("users=x".to_owned(), bad),
        ("users[0][username]=e&users[0][firstname]=E&users[0][createpassword]=1".to_owned(), bad),
        (format!("{}&{}", user_fields(0, "e"), user_fields(1, "e")), bad),
        (with("e", &format!("users[0][firstname]={long}")), "dmlwriteexception"),
        (with("e", &format!("users[0][username]={long}")), "dmlwriteexception"),
        (with("e", &format!("users[0][idnumber]={}", "x".repeat(256))), "dmlwriteexception"),
        (with("e", &format!("users[0][city]={}", "x".repeat(121))), "dmlwriteexception"),
    ];
    for (fields, code) in &cases {
        refused(&mut site, "core_user_create_users", &[(fields, code)]);
    }
    let weak = call(
        &mut site,
        "core_user_create_users",
        &with("e", "users[0][createpassword]=0&users[0][password]=abc"),
    );
    assert!(weak["errorcode"].as_str().unwrap().starts_with("<div>"), "{weak}");
}

#[test]
fn create_accepts_what_the_real_one_accepts() {
    let mut site = school();
    for fields in [
        format!("{}&users[0][idnumber]=n-a", user_fields(0, "same-number")),
        format!("{}&users[0][country]=ZZ", user_fields(0, "odd-country")),
        format!(
            "{}&users[0][createpassword]=0&users[0][auth]=oauth2",
            user_fields(0, "no-password")
        ),
        format!("{}&users[0][firstname]= Sp &users[0][idnumber]= 7 ", user_fields(0, "spaces")),
    ] {
        done(&mut site, "core_user_create_users", &fields);
    }
    let (_, odd) = site.user_by_username("odd-country").unwrap();
    assert_eq!(odd.detail(Detail::Country), "0");
    assert_eq!(site.users_by_idnumber("n-a").len(), 2);
    assert_eq!(site.users_by_idnumber(" 7 ").len(), 1, "numbers are not trimmed");
}

#[test]
fn update_goes_person_by_person() {
    let mut site = school();
    let answer = done(
        &mut site,
        "core_user_update_users",
        "users[0][id]=99&users[0][lastname]=X&users[1][id]=4&users[1][lastname]=New\
         &users[2][id]=5&users[2][username]=a&users[3][id]=6&users[3][suspended]=1\
         &users[4][id]=7&users[4][email]=A@school.invalid&users[5][id]=2&users[5][city]=X\
         &users[6][id]=1&users[6][city]=X&users[7][id]=7&users[7][email]=bad",
    );
    let told: Vec<_> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| {
            (warning["itemid"].as_i64().unwrap(), warning["warningcode"].as_str().unwrap())
        })
        .collect();
    let expected = [
        (99, "invaliduserid"),
        (5, "dmlwriteexception"),
        (7, "useremailduplicate"),
        (2, "usernotupdatedadmin"),
        (1, "usernotupdatedguest"),
        (7, "useremailinvalid"),
    ];
    assert_eq!(told, expected);
    assert_eq!(site.user(4).unwrap().lastname, "New");
    assert!(site.user(6).unwrap().suspended);

    done(
        &mut site,
        "core_user_update_users",
        "users[0][id]=4&users[0][firstname]=&users[0][username]=",
    );
    assert_eq!(
        (site.user(4).unwrap().username.as_str(), site.user(4).unwrap().firstname.as_str()),
        ("", "")
    );
    assert!(site.user_by_username("a").is_none(), "the index follows");

    refused(
        &mut site,
        "core_user_update_users",
        &[
            (
                "users[0][id]=4&users[0][lastname]=Z&users[1][id]=5&users[1][username]=UPPER",
                "invalidparameter",
            ),
            ("users[0][lastname]=Z", "invalidparameter"),
        ],
    );
    assert_eq!(site.user(4).unwrap().lastname, "New", "nothing of a malformed call is done");
}

#[test]
fn a_bad_password_fails_the_answer_though_the_others_are_done() {
    let mut site = school();
    let answer = call(
        &mut site,
        "core_user_update_users",
        "users[0][id]=4&users[0][password]=abc&users[0][city]=X&users[1][id]=5&users[1][lastname]=Done",
    );
    assert_eq!(answer["errorcode"], "invalidresponse");
    assert_eq!(site.user(5).unwrap().lastname, "Done");
    assert_eq!(site.user(4).unwrap().detail(Detail::City), "");
}

#[test]
fn delete_frees_name_address_and_number() {
    let mut site = school();
    enrol(&mut site, 4, 2, 5);
    refused(
        &mut site,
        "core_user_delete_users",
        &[
            ("userids[0]=4&userids[1]=99", "invalidrecordunknown"),
            ("userids[0]=2", "useradminodelete"),
            ("userids[0]=3", "usernotdeletederror"),
            ("userids[0]=abc", "invalidparameter"),
        ],
    );
    assert!(done(&mut site, "core_user_delete_users", "userids[0]=4").is_null());
    refused(&mut site, "core_user_delete_users", &[("userids[0]=4", "invalidrecordunknown")]);
    assert!(site.participants(2).is_empty());
    let shown = done(&mut site, "core_user_get_users_by_field", "field=id&values[0]=4");
    assert_eq!(shown[0]["username"], format!("a@school.invalid.{}", crate::NOW));
    assert!(shown[0].get("idnumber").is_none());
    let warned = done(&mut site, "core_user_update_users", "users[0][id]=4&users[0][city]=X");
    assert_eq!(warned["warnings"][0]["warningcode"], "usernotupdateddeleted");
    assert_eq!(done(&mut site, "core_user_create_users", &user_fields(0, "a"))[0]["id"], 8);
}

#[test]
fn people_are_found_by_field() {
    let mut site = school();
    let ids = |site: &mut Site, fields: &str| -> Vec<i64> {
        let found = done(site, "core_user_get_users_by_field", fields);
        found.as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect()
    };
    for (fields, expected) in [
        ("field=idnumber&values[0]=n-b&values[1]=none&values[2]=n-a", vec![4, 5]),
        ("field=idnumber&values[0]=", vec![]),
        ("field=idnumber&values[0]=N-A", vec![]),
        ("field=username&values[0]=a&values[1]=nobody", vec![4]),
        ("field=email&values[0]=a@school.invalid", vec![4]),
        ("field=email&values[0]=A@school.invalid", vec![]),
        ("field=id&values[0]=7&values[1]=99", vec![7]),
    ] {
        assert_eq!(ids(&mut site, fields), expected, "{fields}");
    }
    refused(
        &mut site,
        "core_user_get_users_by_field",
        &[
            ("field=username&values[0]=a&values[1]=A", "invalidparameter"),
            ("field=id&values[0]=x", "invalidparameter"),
            ("field=lastname&values[0]=x", "codingerror"),
            ("field=id", "invalidparameter"),
        ],
    );
}

#[test]
fn people_are_found_by_criteria() {
    let mut site = school();
    let found = done(
        &mut site,
        "core_user_get_users",
        "criteria[0][key]=email&criteria[0][value]=%25@SCHOOL.%25",
    );
    assert_eq!(found["users"].as_array().unwrap().len(), 4);
    let both = "criteria[0][key]=lastname&criteria[0][value]=family&criteria[1][key]=username&criteria[1][value]=c";
    assert_eq!(done(&mut site, "core_user_get_users", both)["users"][0]["id"], 6);
    refused(
        &mut site,
        "core_user_get_users",
        &[
            ("", "invalidparameter"),
            ("criteria[0][key]=city&criteria[0][value]=x", "invalidparameter"),
        ],
    );
}
