//! A simulated Moodle and an adapter that speaks to it without sockets.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ambient::{ManualClock, SeededRandom, Timestamp};
use async_trait::async_trait;
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{
    Applying, Attempt, Lms, Outcome, Receipt, Refs, Request, Response, Survey, Transport,
    TransportError, Work,
};
use plan::{Action, Cause, Change};
use roster::{
    Course, CourseKey, Enrollment, Group, GroupKey, GroupMember, Person, PersonKey, Record, Role,
    Text,
};
use sandbox::moodle::Site;
use sandbox::{Reply, Rule, Service};

pub struct World {
    pub site: Arc<Mutex<Site>>,
    pub clock: Arc<ManualClock>,
    pub moodle: Moodle,
    wire: Arc<Wire>,
}

/// Hands requests to the site; `sent` remembers which functions were called.
struct Wire {
    site: Arc<Mutex<Site>>,
    clock: Arc<ManualClock>,
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.strip_prefix("https://moodle.invalid").unwrap().to_owned();
        let body = String::from_utf8(request.body.clone()).unwrap();
        let function = body.rsplit_once("wsfunction=").unwrap().1.to_owned();
        self.sent.lock().unwrap().push(function);
        let asked = sandbox::Request::post(&path, request.body);
        let reply = self.site.lock().unwrap().reply(&asked, ambient::Clock::now(&*self.clock));
        let silence = |reason: &str| Err(TransportError::NoAnswer { reason: reason.to_owned() });
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::DropBefore | Reply::DropAfter => return silence("connection closed"),
            Reply::Delay(wait, answer) => {
                self.clock.advance(wait.min(request.timeout));
                if wait > request.timeout {
                    return silence("timeout");
                }
                answer
            }
        };
        Ok(Response {
            status: answer.status,
            content_type: answer.content_type.to_ascii_lowercase(),
            retry_after: answer.retry_after.map(|seconds| Duration::from_secs(u64::from(seconds))),
            body: answer.body,
        })
    }
}

pub const START: i64 = 1_790_000_000;

pub fn world() -> World {
    world_with(MoodleConfig::default())
}

pub fn world_with(config: MoodleConfig) -> World {
    let site = Arc::new(Mutex::new(Site::in_memory()));
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(START).unwrap()));
    let wire = Wire { site: site.clone(), clock: clock.clone(), sent: Mutex::default() };
    let wire = Arc::new(wire);
    let access = MoodleAccess { url: "https://moodle.invalid/".into(), token: "sandbox".into() };
    let random = Arc::new(SeededRandom::new(1));
    let moodle = Moodle::new(wire.clone(), clock.clone(), random, access, config);
    World { site, clock, moodle, wire }
}

impl World {
    pub fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap()
    }

    /// Plans a fault.
    pub fn fault(&self, rule: Rule) {
        self.site().faults_mut().add(rule);
    }

    /// The functions called since the last time, in order.
    pub fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.wire.sent.lock().unwrap())
    }

    pub fn now(&self) -> Timestamp {
        ambient::Clock::now(&*self.clock)
    }

    /// A call past the adapter, as an administrator might make it.
    pub fn by_hand(&self, function: &str, form: &str) -> serde_json::Value {
        let body = format!("wstoken=sandbox&moodlewsrestformat=json&{form}&wsfunction={function}");
        let request = sandbox::Request::post("/webservice/rest/server.php", body);
        let answer = self.site().handle(&request, self.now());
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(answer.get("exception").is_none(), "{function}: {answer}");
        answer
    }

    pub async fn apply(&self, work: &[Work], attempt: Attempt) -> Applying {
        let deadline = self.now().saturating_add(Duration::from_secs(600)).unwrap();
        self.moodle.apply(work, attempt, deadline).await
    }

    /// Surveys and applies, as delivery does.
    pub async fn deliver(&self, mut work: Vec<Work>) -> Vec<Receipt> {
        let surveys = self.moodle.survey(&work).await.unwrap();
        for (work, survey) in work.iter_mut().zip(surveys) {
            work.survey = survey;
        }
        let applying = self.apply(&work, Attempt::First).await;
        assert!(applying.stopped.is_none(), "{:?}", applying.stopped);
        applying.receipts
    }

    /// Delivers what must work and gives the ids.
    pub async fn ids(&self, work: Vec<Work>) -> Vec<Text> {
        let receipts = self.deliver(work).await;
        let id = |receipt: Receipt| {
            assert_eq!(receipt.outcome, Outcome::Applied, "{receipt:?}");
            receipt.lms_id.unwrap()
        };
        receipts.into_iter().map(id).collect()
    }
}

pub fn work(action: Action, before: Option<Record>, after: Option<Record>, refs: Refs) -> Work {
    let change = Change {
        action,
        before,
        after,
        cause: Cause::Source,
        origin: None,
        lms_id: None,
        temporary: None,
    };
    Work {
        change,
        refs,
        members_read: false,
        read_back: Default::default(),
        survey: Survey::NotNeeded,
        issued: None,
    }
}

pub fn create(record: impl Into<Record>) -> Work {
    work(Action::Create, None, Some(record.into()), Refs::default())
}

/// A change of something that the LMS holds as `id`.
pub fn change(
    action: Action,
    id: &Text,
    before: impl Into<Record>,
    after: impl Into<Record>,
) -> Work {
    let mut work = work(action, Some(before.into()), Some(after.into()), Refs::default());
    work.change.lms_id = Some(id.clone());
    work
}

pub fn remove(id: &Text, before: impl Into<Record>) -> Work {
    let mut work = work(Action::Remove, Some(before.into()), None, Refs::default());
    work.change.lms_id = Some(id.clone());
    work
}

pub fn person(number: usize) -> Person {
    let mut person = Person::new(PersonKey::new(format!("P{number}")));
    person.username = Some(Text::new(format!("user{number}")));
    person.given = Some(Text::new(format!("First{number}")));
    person.family = Some(Text::new(format!("Last{number}")));
    person.email = Some(Text::new(format!("user{number}@school.invalid")));
    person
}

pub fn course(number: usize) -> Course {
    let mut course = Course::new(CourseKey::new(format!("C{number}")));
    course.short_name = Some(Text::new(format!("code{number}")));
    course.title = Some(Text::new(format!("Course & {number}")));
    course
}

pub fn group(course: usize, number: usize) -> Group {
    let key = GroupKey::new(format!("G{number}"));
    let mut group = Group::new(CourseKey::new(format!("C{course}")), key);
    group.title = Some(Text::new(format!("Group {number}")));
    group
}

pub fn enrollment(course: usize, person: usize, roles: &[Role]) -> Enrollment {
    let course = CourseKey::new(format!("C{course}"));
    let mut enrollment = Enrollment::new(course, PersonKey::new(format!("P{person}")));
    enrollment.roles = Some(roles.iter().cloned().collect());
    enrollment
}

pub fn group_member(course: usize, group: usize, person: usize) -> GroupMember {
    GroupMember::new(
        CourseKey::new(format!("C{course}")),
        GroupKey::new(format!("G{group}")),
        PersonKey::new(format!("P{person}")),
    )
}

pub fn refs(course: &Text, person: &Text) -> Refs {
    Refs { course: Some(course.clone()), person: Some(person.clone()), ..Refs::default() }
}

pub fn with(mut work: Work, refs: Refs) -> Work {
    work.refs = refs;
    work
}

pub fn number(id: &Text) -> u32 {
    id.parse().unwrap()
}

pub fn rejected(receipt: &Receipt) -> &str {
    match &receipt.outcome {
        Outcome::Rejected { code } => code,
        other => panic!("{other:?}"),
    }
}
