//! Who a site is and whether it is ready.

use std::sync::Arc;

use ambient::{ManualClock, SeededRandom, Timestamp};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{ErrorClass, Lms, Request, Response, Transport, TransportError};
use sandbox::{Fault, Rule};

use crate::world::world;

#[tokio::test]
async fn a_site_says_who_it_is() {
    let world = world();
    let site = world.moodle.identify().await.unwrap();
    assert_eq!((site.kind, site.id.as_str()), ("moodle", ""));
    assert!(!site.url.ends_with('/') && site.url.starts_with("http"), "{}", site.url);
    assert!(site.version.starts_with('5'), "{}", site.version);
    world.fault(Rule::every(Fault::InvalidToken));
    let error = world.moodle.identify().await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Auth, "invalidtoken"));
    assert!(error.to_string().contains("make a new one"), "{error}");
}

#[tokio::test]
async fn a_fresh_site_lacks_nothing() {
    assert_eq!(world().moodle.check_setup().await.unwrap(), []);
}

/// A site whose service has three functions, and whose role can see but not do.
struct Bare;

#[async_trait::async_trait]
impl Transport for Bare {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let form = String::from_utf8(request.body).unwrap();
        let body = match form.rsplit_once("wsfunction=").unwrap().1 {
            "core_webservice_get_site_info" => {
                r#"{"siteurl":"https://m.invalid","userid":3,"functions":[
                    {"name":"core_user_update_users"},{"name":"core_user_get_users_by_field"},
                    {"name":"core_course_get_categories"}]}"#
            }
            "core_user_update_users" => {
                r#"{"exception":"x","errorcode":"nopermissions","message":"Update users"}"#
            }
            "core_user_get_users_by_field" => r#"[{"id":3,"fullname":"Roll Call"}]"#,
            "core_course_get_categories" => "[]",
            other => panic!("{other} was called, which is not in the service"),
        };
        Ok(Response {
            status: 200,
            content_type: "application/json".into(),
            retry_after: None,
            body: body.into(),
        })
    }
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_to_do() {
    let access = MoodleAccess { url: "https://m.invalid".into(), token: "t".into() };
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let random = Arc::new(SeededRandom::new(1));
    let moodle = Moodle::new(Arc::new(Bare), clock, random, access, MoodleConfig::default());
    let missing = moodle.check_setup().await.unwrap();
    let what: Vec<_> = missing.iter().map(|missing| missing.what.as_str()).collect();
    assert_eq!(what[0], "core_user_create_users");
    assert!(missing[0].fix.contains("External services"));
    assert!(!what.contains(&"core_user_update_users"));
    assert!(what.contains(&"enrol_manual_enrol_users"));
    let rights = ["moodle/user:update", "moodle/user:viewalldetails", "category 1"];
    assert_eq!(what[what.len() - 3..], rights);
}
