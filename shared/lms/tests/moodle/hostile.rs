//! What an attacker could try: values that look like form variables, answers that mean harm, and
//! secrets that might be shown.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, SeededRandom, Timestamp};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{
    Attempt, ErrorClass, Lms, LmsError, Outcome, Request, Response, Survey, Transport,
    TransportError, Work,
};
use roster::{Password, Text};
use sandbox::{Fault, Rule};

use crate::world::{create, person, world, world_with};

/// Values that would become variables of their own if they were not encoded.
const INJECTIONS: [&str; 5] = [
    "x&users[0][auth]=nologin",
    "x&wsfunction=core_user_delete_users&userids[0]=2",
    "users[1][username]=admin",
    "%26users%5B0%5D%5Bsuspended%5D%3D1",
    "a;b=c#d?e+f",
];

#[tokio::test]
async fn a_value_never_becomes_a_variable() {
    for (at, evil) in INJECTIONS.into_iter().enumerate() {
        let world = world();
        let mut victim = person(at);
        victim.given = Some(Text::new(evil));
        victim.family = Some(Text::new(evil));
        let work = Work { survey: Survey::Absent, ..create(victim) };
        let applying = world.apply(&[work], Attempt::First).await;
        assert_eq!(applying.receipts[0].outcome, Outcome::Applied, "{evil}: {applying:?}");
        assert_eq!(world.sent(), ["core_user_create_users"]);
        assert_eq!(world.site().counts().accounts, 4, "{evil}: one account, nobody deleted");
        let held = world.by_hand(
            "core_user_get_users_by_field",
            &format!("field=idnumber&values[0]=P{at}&moodlewssettingraw=1"),
        );
        assert_eq!(held[0]["firstname"], evil);
        assert_eq!((&held[0]["auth"], &held[0]["suspended"]), (&"manual".into(), &false.into()));
    }
}

/// A site that answers everything in one way.
struct Answers(fn() -> Response);

#[async_trait::async_trait]
impl Transport for Answers {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Ok((self.0)())
    }
}

fn json(status: u16, retry_after: Option<Duration>, body: impl Into<Vec<u8>>) -> Response {
    Response { status, content_type: "application/json".into(), retry_after, body: body.into() }
}

async fn applied_to(answer: fn() -> Response, config: MoodleConfig) -> lms::Applying {
    let access = MoodleAccess { url: "https://m.invalid".into(), token: SECRET.into() };
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let random = Arc::new(SeededRandom::new(1));
    let moodle = Moodle::new(Arc::new(Answers(answer)), clock, random, access, config);
    let work = [Work { survey: Survey::Absent, ..create(person(1)) }];
    let deadline = Timestamp::from_second(600).unwrap();
    moodle.apply(&work, Attempt::First, deadline).await
}

#[tokio::test]
async fn a_site_that_asks_to_wait_forever_stops_the_work_and_nothing_else() {
    let endless = || json(429, Some(Duration::MAX), "");
    let applying = applied_to(endless, MoodleConfig::default()).await;
    assert_eq!(applying.calls, 1);
    assert_eq!(applying.stopped.unwrap().class, ErrorClass::Throttled);
}

#[tokio::test]
async fn answers_that_mean_harm_are_odd_and_not_obeyed() {
    let deep = || json(200, None, "[".repeat(1 << 20));
    let escapes = || {
        let code = "\\u001b]0;owned\\u0007";
        json(200, None, format!(r#"{{"exception":"{code}","errorcode":"{code}","message":"x"}}"#))
    };
    let wide = || json(200, None, r#"[{"id":18446744073709551616}]"#);
    for answer in [deep, escapes, wide] as [fn() -> Response; 3] {
        let applying = applied_to(answer, MoodleConfig::default()).await;
        assert_ne!(applying.receipts[0].outcome, Outcome::Applied);
        let said = format!("{applying:?}");
        assert!(!said.contains("owned") && !said.contains(char::is_control), "{said}");
    }
}

#[tokio::test]
async fn no_number_in_the_configuration_ends_the_process() {
    let extreme = MoodleConfig {
        timeout: u64::MAX,
        rate: Some(f64::MIN_POSITIVE),
        concurrency: usize::MAX,
        batch: 0,
        max_vars: 0,
        max_body: 0,
        ..MoodleConfig::default()
    };
    assert_eq!(extreme.timeout(), Duration::from_secs(3600));
    let world = world_with(MoodleConfig { timeout: 0, ..extreme });
    let work = [Work { survey: Survey::Absent, ..create(person(1)) }];
    let first = world.apply(&work, Attempt::First).await;
    assert_eq!(first.receipts[0].outcome, Outcome::Applied, "{first:?}");
    let second = world.apply(&work, Attempt::Again).await;
    assert!(second.stopped.unwrap().is_out_of_time(), "the next call is centuries away");
}

const SECRET: &str = "5ec2e7-t0ken";
const PRIVATE: [&str; 5] = [SECRET, "Geheim!23", "First7", "Last7", "user7@school.invalid"];

/// Everything that could show a value: `Debug` in both forms.
fn shows_nothing(what: &dyn Debug) {
    for shown in [format!("{what:?}"), format!("{what:#?}")] {
        for private in PRIVATE {
            assert!(!shown.contains(private), "{private} is in {shown}");
        }
    }
}

fn says_nothing(error: &LmsError) {
    shows_nothing(error);
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        shows_nothing(&error.to_string());
        cause = error.source();
    }
}

#[tokio::test]
async fn secrets_and_people_are_in_no_debug_output_and_no_error() {
    let access = || MoodleAccess { url: "https://m.invalid".into(), token: SECRET.into() };
    shows_nothing(&access());
    let mut secretive = person(7);
    secretive.password = Some(Password::Delivered("Geheim!23".into()));
    shows_nothing(&secretive.password);
    let work = Work { survey: Survey::Absent, ..create(secretive) };
    shows_nothing(&work);
    let body = format!("wstoken={SECRET}&users[0][password]=Geheim!23");
    shows_nothing(&Request {
        method: "POST",
        url: format!("https://m.invalid/?wstoken={SECRET}"),
        headers: vec![("authorization", format!("Bearer {SECRET}"))],
        body: body.clone().into_bytes(),
        timeout: Duration::from_secs(1),
    });
    shows_nothing(&json(200, None, body));
    // What a site says of us, and what it quotes.
    let quotes = || {
        let quote = "First7 Last7 user7@school.invalid Geheim!23 5ec2e7-t0ken";
        let body = format!(
            r#"{{"exception":"{quote}","errorcode":"{quote}","message":"{quote}","debuginfo":"{quote}"}}"#
        );
        json(200, None, body)
    };
    let applying = applied_to(quotes, MoodleConfig::default()).await;
    shows_nothing(&applying);
    let world = world();
    for fault in [Fault::InvalidToken, Fault::DatabaseDown, Fault::Status { status: 403 }] {
        world.fault(Rule::next(4, fault));
        says_nothing(&world.moodle.identify().await.unwrap_err());
        world.site().faults_mut().clear();
    }
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let random = Arc::new(SeededRandom::new(1));
    let transport = Arc::new(Answers(quotes));
    shows_nothing(&Moodle::new(transport, clock, random, access(), MoodleConfig::default()));
}
