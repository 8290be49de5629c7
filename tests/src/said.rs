//! What sources say, record by record, for tests that are about a few records.

use std::io::Cursor;
use std::sync::Arc;

use pipeline::{ExportInput, NoProgress, PipelineError, Source, Speaks, SyncOutcome, read};
use readers::write::ims::{Entry, ImsOptions, ImsProperties, export};
use roster::{
    Course, CourseKey, Enrollment, Mode, Person, PersonKey, Record, Role, Roles, Term, TermKey,
    Text,
};

use crate::world::{Process, World};

/// A world whose integration has these sources, and no limits but those of `limits`.
pub fn world(sources: Vec<Source>, limits: plan::Limits) -> World {
    let mut world = World::new(1);
    let mut integration = (*world.integration).clone();
    integration.sources = sources;
    integration.limits = limits;
    world.integration = Arc::new(integration);
    world
}

/// A source of full exports.
pub fn source(name: &str, scope: Speaks) -> Source {
    Source { name: name.to_owned(), scope, ..crate::world::source() }
}

/// Somebody with an address.
pub fn person(key: &str, data_source: Option<&str>) -> Record {
    let mut person = Person::new(PersonKey::new(key));
    person.username = Some(Text::new(key));
    person.given = Some(Text::new("Ada"));
    person.family = Some(Text::new("Smit"));
    person.email = Some(Text::from(format!("{key}@x.example")));
    person.data_source = data_source.map(Text::new);
    person.into()
}

/// A course, perhaps in a term.
pub fn course(key: &str, term: Option<&str>, data_source: Option<&str>) -> Record {
    let mut course = Course::new(CourseKey::new(key));
    course.title = Some(Text::from(format!("Course {key}")));
    course.term = term.map(Text::new);
    course.data_source = data_source.map(Text::new);
    course.into()
}

/// A term that begins on a day: `2011-08-29`.
pub fn term(key: &str, begin: &str) -> Record {
    let mut term = Term::new(TermKey::new(key));
    let begin = begin.parse().ok();
    term.timeframe = Some(roster::Timeframe { begin, ..roster::Timeframe::default() });
    term.into()
}

/// A student of a course.
pub fn student(course: &str, person: &str, data_source: Option<&str>) -> Record {
    let mut enrollment = Enrollment::new(CourseKey::new(course), PersonKey::new(person));
    enrollment.roles = Some(Roles::one(Role::Student));
    enrollment.data_source = data_source.map(Text::new);
    enrollment.into()
}

/// An export of these records.
pub fn bytes(mut records: Vec<Record>) -> Vec<u8> {
    // Enrollments and memberships of one course stand together.
    records.sort_by(|a, b| (part(a), a.key()).cmp(&(part(b), b.key())));
    let mut bytes = Vec::new();
    let datetime = Text::new("2026");
    let properties = ImsProperties { datetime, ..ImsProperties::default() };
    let options = ImsOptions { properties, ..ImsOptions::default() };
    export(records.into_iter().map(Entry::from), options, &mut bytes).expect("in memory");
    bytes
}

/// Where a record stands in an export.
fn part(record: &Record) -> u8 {
    match record {
        Record::Person(_) => 0,
        Record::Term(_) | Record::OrgUnit(_) => 1,
        Record::Course(_) | Record::Group(_) => 2,
        _ => 3,
    }
}

/// A new process takes in what `source` says.
pub async fn sync(world: &mut World, source: &str, records: Vec<Record>) -> SyncOutcome {
    world.clock.advance(std::time::Duration::from_secs(60));
    let process = world.process(None, None, true);
    take_in(&process, source, bytes(records)).await.expect("it comes to an end")
}

/// A process takes in an export of `source`.
///
/// # Errors
/// Where it is not taken in.
pub async fn take_in(
    process: &Process,
    source: &str,
    bytes: Vec<u8>,
) -> Result<SyncOutcome, PipelineError> {
    let input = ExportInput { name: format!("{source}.xml"), reader: Box::new(Cursor::new(bytes)) };
    let integration = Arc::clone(&process.pipeline.integration);
    let source = integration.source(source).expect("a source of this name");
    let vault = &*process.pipeline.vault;
    let export = read(source, Mode::Full, vec![input], vault, &NoProgress)?;
    process.pipeline.sync(source, export).await
}
