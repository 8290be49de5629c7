//! Fills a Moodle with an invented school and says how long it took; for trying an adapter
//! against a real site by hand.
//!
//! ```text
//! MOODLE_URL=http://127.0.0.1:8080 MOODLE_TOKEN=... \
//!     cargo run --example fill_moodle -- 500 20 2000
//! ```
//!
//! The numbers are persons, courses and enrollments. Run twice, the second run finds everything
//! there. With `remove` for a fourth argument it takes all of it away again.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Stopwatch, SystemClock, SystemRandom};
use lms::http::{HttpConfig, HttpTransport};
use lms::moodle::{Moodle, MoodleAccess, MoodleConfig};
use lms::{Attempt, Lms, Outcome, Refs, Survey, Work};
use plan::{Action, Cause, Change};
use roster::{
    Course, CourseKey, Enrollment, Group, GroupKey, GroupMember, Person, PersonKey, Record, Role,
    Text,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [persons, courses, enrollments] = numbers[..] else {
        return Err("give three numbers: persons, courses, enrollments".into());
    };
    let school = School { moodle: moodle()?, clock: SystemClock };
    println!("{:?}", school.moodle.identify().await?);
    for missing in school.moodle.check_setup().await? {
        println!("missing: {missing:?}");
    }
    let people = school.make("persons", (0..persons).map(person).collect()).await?;
    let rooms = school.make("courses", (0..courses).map(course).collect()).await?;
    // Course by course, as a plan has them.
    let each = enrollments.div_ceil(courses.max(1)).max(1);
    let spot = |n: usize| (n / each, (n % each + 7 * (n / each)) % persons);
    let at = |course: usize, person: usize, group: Option<&Text>| Refs {
        course: Some(rooms[course].clone()),
        person: Some(people[person].clone()),
        group: group.cloned(),
        org_unit: None,
    };
    let teams: Vec<Work> = (0..courses).map(|c| with(group(c), at(c, 0, None))).collect();
    let teams = school.make("groups", teams).await?;
    let enrol = |n: usize| {
        let (course, person) = spot(n);
        with(enrollment(course, person), at(course, person, None))
    };
    school.make("enrollments", (0..enrollments).map(enrol).collect()).await?;
    let join = |n: usize| {
        let (course, person) = spot(n);
        with(member(course, person), at(course, person, Some(&teams[course])))
    };
    school.make("group members", (0..enrollments).map(join).collect()).await?;
    if std::env::args().any(|arg| arg == "remove") {
        school.make("group members out", (0..enrollments).map(join).map(out).collect()).await?;
        school.make("enrollments out", (0..enrollments).map(enrol).map(out).collect()).await?;
        let gone = |(make, id): (Work, &Text)| {
            let mut work = out(make);
            work.change.lms_id = Some(id.clone());
            work
        };
        let all = (0..courses).map(course).zip(&rooms).map(gone).collect();
        school.make("courses out", all).await?;
        let all = (0..persons).map(person).zip(&people).map(gone).collect();
        school.make("persons out", all).await?;
    }
    Ok(())
}

fn moodle() -> Result<Moodle, Box<dyn Error>> {
    let access = MoodleAccess {
        url: std::env::var("MOODLE_URL")?.trim().to_owned(),
        token: std::env::var("MOODLE_TOKEN")?.trim().to_owned(),
    };
    let transport = Arc::new(HttpTransport::new(HttpConfig::default())?);
    let config = MoodleConfig::default();
    Ok(Moodle::new(transport, Arc::new(SystemClock), Arc::new(SystemRandom), access, config))
}

struct School {
    moodle: Moodle,
    clock: SystemClock,
}

impl School {
    /// Surveys and applies in batches, as delivery does; gives the ids.
    async fn make(&self, what: &str, work: Vec<Work>) -> Result<Vec<Text>, Box<dyn Error>> {
        let watch = Stopwatch::start(&self.clock);
        let (mut ids, mut calls, mut odd) = (Vec::new(), 0, 0);
        let count = work.len();
        let mut looking = Duration::ZERO;
        for batch in work.chunks(self.moodle.capabilities().batch) {
            let mut batch = batch.to_vec();
            let look = Stopwatch::start(&self.clock);
            let surveys = self.moodle.survey(&batch).await?;
            looking += look.elapsed(&self.clock);
            batch.iter_mut().zip(surveys).for_each(|(work, survey)| work.survey = survey);
            let deadline = self.clock.now().saturating_add(Duration::from_secs(900))?;
            let applying = self.moodle.apply(&batch, Attempt::First, deadline).await;
            calls += applying.calls;
            if let Some(stopped) = applying.stopped {
                return Err(stopped.into());
            }
            for receipt in applying.receipts {
                if receipt.outcome != Outcome::Applied || receipt.remark.is_some() {
                    odd += 1;
                    println!("  {receipt:?}");
                }
                ids.push(receipt.lms_id.unwrap_or_default());
            }
        }
        let took = watch.elapsed(&self.clock).as_secs_f64();
        println!(
            "{what:18} {count:6} in {took:6.1} s, {:6.0}/s, {calls:4} calls, {:.1} s looking, {odd} odd",
            count as f64 / took,
            looking.as_secs_f64(),
        );
        Ok(ids)
    }
}

fn create(record: impl Into<Record>) -> Work {
    let change = Change {
        action: Action::Create,
        before: None,
        after: Some(record.into()),
        cause: Cause::Source,
        origin: None,
        lms_id: None,
        temporary: None,
    };
    Work {
        change,
        refs: Refs::default(),
        members_read: false,
        read_back: Default::default(),
        survey: Survey::NotNeeded,
        issued: None,
    }
}

fn with(mut work: Work, refs: Refs) -> Work {
    work.refs = refs;
    work
}

fn out(mut work: Work) -> Work {
    work.change.action = Action::Remove;
    work.change.before = work.change.after.take();
    work
}

fn person(n: usize) -> Work {
    let mut person = Person::new(PersonKey::new(format!("fill-{n}")));
    person.username = Some(Text::new(format!("fill.{n}")));
    person.given = Some(Text::new(format!("Zoë {n}")));
    person.family = Some(Text::new("O'Neil & Søn"));
    person.email = Some(Text::new(format!("fill{n}@school.invalid")));
    create(person)
}

fn course(n: usize) -> Work {
    let mut course = Course::new(CourseKey::new(format!("fill-{n}")));
    course.title = Some(Text::new(format!("Filled & full {n}")));
    create(course)
}

fn group(course: usize) -> Work {
    let mut group = Group::new(key(course), GroupKey::new("team"));
    group.group_set = Some(Text::new("Teams"));
    create(group)
}

fn key(course: usize) -> CourseKey {
    CourseKey::new(format!("fill-{course}"))
}

fn enrollment(course: usize, person: usize) -> Work {
    let mut enrollment = Enrollment::new(key(course), PersonKey::new(format!("fill-{person}")));
    let role = if person.is_multiple_of(20) { Role::Instructor } else { Role::Student };
    enrollment.roles = Some([role].into_iter().collect());
    create(enrollment)
}

fn member(course: usize, person: usize) -> Work {
    let person = PersonKey::new(format!("fill-{person}"));
    create(GroupMember::new(key(course), GroupKey::new("team"), person))
}
