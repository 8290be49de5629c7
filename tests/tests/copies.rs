//! Courses that are copies of a template, on a platform so slow that time runs out between a copy
//! and its key.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::Clock;
use async_trait::async_trait;
use end_to_end::wire::{Platform, URL};
use end_to_end::world::{TIMEOUT, World};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{Request, Response, Transport, TransportError};
use pipeline::{ExportInput, NoProgress, OpenVault, Pipeline, SyncOutcome, read};
use readers::write::ims::{ImsOptions, export};
use roster::{Course, CourseKey, Mode, Record, Text};
use sandbox::moodle::SERVER;
use sandbox::{Fault, Reply, Rule, Service as _};
use store::state::run::RunState;

/// As many courses are copies: more than there is time for in one round.
const COPIES: usize = 30;

/// A platform that takes its time for every request.
struct Slow {
    platform: Arc<Mutex<Platform>>,
    clock: Arc<dyn Clock>,
    takes: Duration,
}

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.clock.sleep(self.takes).await;
        let path = request.url.strip_prefix(URL).unwrap_or(SERVER).to_owned();
        let asked = sandbox::Request::post(&path, request.body);
        let mut platform = self.platform.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match platform.site.reply(&asked, self.clock.now()) {
            Reply::Answer(answer) | Reply::Delay(_, answer) => answer,
            Reply::DropBefore | Reply::DropAfter => {
                return Err(TransportError::NoAnswer { reason: "dropped".to_owned() });
            }
        };
        Ok(Response {
            status: answer.status,
            content_type: answer.content_type.to_ascii_lowercase(),
            retry_after: None,
            body: answer.body,
        })
    }
}

/// A process of `world` whose platform takes so long for a request.
fn slow(world: &mut World, takes: Duration) -> Pipeline {
    let pipeline = world.process(None, None, true).pipeline;
    let clock = Arc::clone(&pipeline.clock);
    let transport =
        Slow { platform: Arc::clone(&world.platform), clock: Arc::clone(&clock), takes };
    let access = MoodleAccess { url: URL.into(), token: sandbox::moodle::TOKEN.into() };
    let config = MoodleConfig { timeout: TIMEOUT.as_secs(), ..MoodleConfig::default() };
    let random = Arc::clone(&pipeline.random);
    let lms = Arc::new(Moodle::new(Arc::new(transport), clock, random, access, config));
    Pipeline { lms, ..pipeline }
}

fn copies() -> Vec<u8> {
    let course = |number: usize| {
        let mut course = Course::new(CourseKey::new(format!("course-{number:02}")));
        course.short_name = Some(Text::from(format!("C{number:02}")));
        course.title = Some("A copy".into());
        course.template = Some("pattern".into());
        Record::from(course)
    };
    let mut out = Vec::new();
    export((0..COPIES).map(course), ImsOptions::default(), &mut out).unwrap();
    out
}

async fn sync(pipeline: &Pipeline) -> SyncOutcome {
    let source = pipeline.integration.sources[0].clone();
    let reader = Box::new(Cursor::new(copies()));
    let input = ExportInput { name: "copies.xml".to_owned(), reader };
    let export = read(&source, Mode::Full, vec![input], &OpenVault, &NoProgress).unwrap();
    pipeline.sync(&source, export).await.unwrap()
}

/// A world with a template.
fn world() -> World {
    let world = World::new(7);
    let form = "courses[0][fullname]=Pattern&courses[0][shortname]=pattern\
                &courses[0][categoryid]=1";
    let made = world.platform().call("core_course_create_courses", form, world.clock.now());
    assert!(made.contains("\"id\""), "{made}");
    world
}

fn whole(world: &World) -> usize {
    let platform = world.platform();
    let is_whole =
        |number: &usize| platform.site.course_by_idnumber(&format!("course-{number:02}")).is_some();
    (0..COPIES).filter(is_whole).count()
}

#[tokio::test]
async fn a_copy_that_time_ran_out_on_is_finished_and_not_made_once_more() {
    let mut world = world();
    let pipeline = slow(&mut world, Duration::from_secs(5));
    let run = sync(&pipeline).await.run;
    assert_eq!((run.receipts.rejected, run.state), (0, RunState::Done), "{:?}", run.receipts);
    // Whatever there was no time for is done by what follows.
    for _ in 0..4 {
        let now = world.clock.now();
        world.clock.reach(now + Duration::from_secs(3600));
        pipeline.resync().await.unwrap();
    }
    assert_eq!(whole(&world), COPIES);
    let last = sync(&pipeline).await.run;
    assert_eq!((last.calls, last.parked), (0, 0), "nothing is left to do");
}

#[tokio::test]
async fn a_copy_whose_key_the_platform_did_not_take_is_found_again() {
    let mut world = world();
    let pipeline = slow(&mut world, Duration::from_millis(300));
    let down = Rule::every(Fault::Status { status: 503 }).on("core_course_update_courses");
    world.platform().site.faults_mut().add(down);
    let run = sync(&pipeline).await.run;
    assert_eq!((run.receipts.rejected, run.receipts.applied), (0, 0), "{:?}", run.receipts);
    world.platform().site.faults_mut().clear();
    world.clock.reach(world.clock.now() + Duration::from_secs(3600));
    let run = pipeline.resync().await.unwrap().run;
    assert_eq!(run.receipts.applied, COPIES as u64, "{:?}", run.receipts);
    assert_eq!(whole(&world), COPIES);
}
