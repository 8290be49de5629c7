//! Courses.

use futures::StreamExt;
use plan::{Action, Cause, Ownership};
use roster::{Course, Record, Status};

use super::course_fields::{self, CourseFields};
use super::requests::{Entry, Form};
use super::responses::{self, Courses};
use super::send::{self, Answer, Bulky, Sent, Slots, Task, is_gone, is_unknown};
use super::session::{Refused, Session};
use super::{categories, copies, read_back};
use crate::{Attempt, MatchedBy, Outcome, Receipt, Survey};

const CREATE: Bulky = Bulky {
    function: "core_course_create_courses",
    list: "courses",
    answer: Answer::Rows(Some("shortname")),
    repeatable: false,
    // Made side by side, courses come at a tenth of the speed.
    serial: true,
    batch: 10,
};
const UPDATE: Bulky = Bulky {
    function: "core_course_update_courses",
    answer: Answer::Warnings,
    repeatable: true,
    ..CREATE
};
const DELETE: Bulky = Bulky { function: "core_course_delete_courses", list: "courseids", ..UPDATE };
const BY_FIELD: &str = "core_course_get_courses_by_field";
/// Moodle's own course, the front page: nothing is ever done to it.
const FRONT_PAGE: &str = "1";

/// What is there of a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundCourse {
    Absent,
    /// A course that can be this one.
    One {
        id: u64,
        by: MatchedBy,
    },
    /// A course that has the short name and another key.
    Taken {
        id: u64,
    },
}

pub(super) type Job<'a> = (Task<'a>, &'a Course);

pub(super) async fn apply(
    session: &Session<'_>,
    tasks: &[Task<'_>],
    attempt: Attempt,
    slots: &mut Slots,
) {
    let (mut creates, mut updates, mut removes) = (Vec::new(), Vec::new(), Vec::new());
    for task in tasks {
        match task.work.change.action {
            Action::Create | Action::Adopt => creates.push(*task),
            Action::Remove => removes.push(*task),
            _ => updates.push(*task),
        }
    }
    create(session, creates, attempt, slots).await;
    update(session, updates, slots).await;
    remove(session, removes, slots).await;
}

fn course(record: Option<&Record>) -> Option<&Course> {
    match record {
        Some(Record::Course(course)) => Some(course),
        _ => None,
    }
}

pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let mut surveys = vec![Survey::NotNeeded; tasks.len()];
    let makes = |at: &usize| super::makes(tasks[*at].work);
    let (new, known): (Vec<usize>, Vec<usize>) = (0..tasks.len()).partition(makes);
    let jobs: Vec<(usize, &Course)> = new
        .into_iter()
        .filter_map(|at| Some((at, course(tasks[at].work.change.after.as_ref())?)))
        .collect();
    let courses: Vec<&Course> = jobs.iter().map(|(_, course)| *course).collect();
    let found = find(session, &courses).await?;
    for ((at, _), found) in jobs.into_iter().zip(found) {
        surveys[at] = match found {
            FoundCourse::Absent => Survey::Absent,
            FoundCourse::One { id, by } => Survey::Found { lms_id: id.to_string().into(), by },
            FoundCourse::Taken { id } => {
                Survey::Found { lms_id: id.to_string().into(), by: MatchedBy::ShortName }
            }
        };
    }
    let known: Vec<(usize, Task<'_>)> = known.into_iter().map(|at| (at, tasks[at])).collect();
    read_back::courses(session, &known, &mut surveys).await?;
    Ok(surveys)
}

/// The fields that courses show as they are.
pub(super) const SHOWN: &[&str] = &["title", "short_name"];

/// Looks up `courses`, one answer for each, in order. By short name only where that can matter:
/// where it is a rule, and where a copy may have been left half done, without its key.
async fn find(session: &Session<'_>, courses: &[&Course]) -> Result<Vec<FoundCourse>, Refused> {
    let config = &session.site.config;
    let one = |course: &Course| {
        let (key, short) =
            (course.sourced_id().to_owned(), course_fields::short_name(course).to_owned());
        let by_name = config.adopt.short_name || copies::template(course, config).is_some();
        async move {
            // An empty key would find the front page.
            if super::user_fields::usable_key(&key).is_err() {
                return Ok(FoundCourse::Absent);
            }
            let found = by_field(session, "idnumber", &key).await?;
            if let Some(found) = found.iter().find(|found| found.idnumber == key) {
                return Ok(FoundCourse::One { id: found.id, by: MatchedBy::Key });
            }
            if !by_name {
                return Ok(FoundCourse::Absent);
            }
            let found = by_field(session, "shortname", &short).await?;
            Ok(match found.iter().find(|found| found.shortname == short) {
                Some(found) if found.idnumber.is_empty() => {
                    FoundCourse::One { id: found.id, by: MatchedBy::ShortName }
                }
                Some(found) => FoundCourse::Taken { id: found.id },
                None => FoundCourse::Absent,
            })
        }
    };
    let looking = courses.iter().map(|course| one(course)).collect::<Vec<_>>();
    let found: Vec<_> =
        futures::stream::iter(looking).buffered(config.concurrency.max(1)).collect().await;
    found.into_iter().collect()
}

/// Courses with this idnumber or short name, the front page left out.
pub(super) async fn by_field(
    session: &Session<'_>,
    field: &str,
    value: &str,
) -> Result<Vec<responses::Course>, Refused> {
    let form = Form::default().put("field", field).put("value", value);
    let found = session.read::<Courses>(BY_FIELD, form).await?;
    Ok(found.courses.into_iter().filter(|course| course.id.to_string() != FRONT_PAGE).collect())
}

async fn create(session: &Session<'_>, tasks: Vec<Task<'_>>, attempt: Attempt, slots: &mut Slots) {
    let config = &session.site.config;
    let (mut fresh, mut open): (Vec<Job<'_>>, Vec<Job<'_>>) = (Vec::new(), Vec::new());
    for task in tasks {
        let Some(course) = course(task.work.change.after.as_ref()) else { continue };
        match (attempt, &task.work.survey) {
            (Attempt::First, Survey::Absent) => fresh.push((task, course)),
            _ => open.push((task, course)),
        }
    }
    let wanted: Vec<&Course> = open.iter().map(|(_, course)| *course).collect();
    let mut known = Vec::new();
    match find(session, &wanted).await {
        Err(refused) => open.iter().for_each(|(task, _)| slots.refused(task.index, &refused)),
        Ok(found) => {
            for ((task, course), found) in open.into_iter().zip(found) {
                let change = &task.work.change;
                let ours = task.work.survey == Survey::Absent || change.cause == Cause::InDoubt;
                let asked = change.action == Action::Adopt;
                match found {
                    FoundCourse::Absent => fresh.push((task, course)),
                    FoundCourse::Taken { .. } => slots.rejected(task.index, "short-name-taken"),
                    FoundCourse::One { id, .. } if ours => {
                        known.push((task, course, id, Ownership::Created));
                    }
                    FoundCourse::One { id, by: MatchedBy::Key }
                        if config.adopt.idnumber || asked =>
                    {
                        known.push((task, course, id, Ownership::Adopted));
                    }
                    FoundCourse::One { by: MatchedBy::Key, .. } => {
                        slots.rejected(task.index, "not-adopted");
                    }
                    FoundCourse::One { id, .. } if config.adopt.short_name || asked => {
                        known.push((task, course, id, Ownership::Adopted));
                    }
                    FoundCourse::One { .. } => slots.rejected(task.index, "short-name-taken"),
                }
            }
        }
    }
    let (copied, plain): (Vec<Job<'_>>, Vec<Job<'_>>) =
        fresh.into_iter().partition(|(_, course)| copies::template(course, config).is_some());
    let (copied, missing) = copies::make(session, copied, slots).await;
    known.extend(
        copied.into_iter().map(|(task, course, id)| (task, course, id, Ownership::Created)),
    );
    make(session, plain.into_iter().chain(missing).collect(), slots).await;

    let mut entries = Vec::new();
    for (task, course, id, ownership) in known {
        slots.known(task.index, id, ownership);
        match course_fields::whole(course, config.utc_offset) {
            Ok(mut fields) => {
                if ownership == Ownership::Adopted {
                    keep_unknown_end(course, &mut fields);
                }
                if ownership == Ownership::Created || task.work.refs.org_unit.is_some() {
                    fields.push(("categoryid", category(session, task)));
                }
                entries.push(entry(task.index, &id.to_string(), fields));
            }
            Err(code) => slots.rejected(task.index, code),
        }
    }
    send_updates(session, entries, slots).await;
}

/// Makes courses that are copies of nothing.
async fn make(session: &Session<'_>, jobs: Vec<Job<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for (task, course) in &jobs {
        match course_fields::whole(course, session.site.config.utc_offset) {
            Ok(mut fields) => {
                fields.push(("categoryid", category(session, *task)));
                entries.push(Entry::new(task.index, fields));
            }
            Err(code) => slots.rejected(task.index, code),
        }
    }
    let mut silent = Vec::new();
    for (entry, sent) in send::send(session, CREATE, entries).await {
        match sent {
            Ok(Some(id)) => slots.known(entry.index, id, Ownership::Created),
            Err(refused) if is_unknown(&refused) => silent.push((entry.index, refused)),
            Err(refused) => slots.refused(entry.index, &refused),
            Ok(None) => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
    let of = |index: &usize| jobs.iter().find(|(task, _)| task.index == *index);
    let silent: Vec<(Job<'_>, Refused)> =
        silent.into_iter().filter_map(|(index, refused)| Some((*of(&index)?, refused))).collect();
    let courses: Vec<&Course> = silent.iter().map(|((_, course), _)| *course).collect();
    let found = find(session, &courses).await;
    for (at, ((task, _), refused)) in silent.iter().enumerate() {
        match found.as_ref().map(|found| found[at]) {
            Ok(FoundCourse::One { id, by: MatchedBy::Key }) => {
                slots.known(task.index, id, Ownership::Created);
            }
            Ok(FoundCourse::Absent) => {
                slots.settle(task.index, Receipt::of(send::not_found_after(refused)));
            }
            _ => slots.settle(task.index, Receipt::of(Outcome::Unknown)),
        }
    }
}

/// Where the course stands.
pub(super) fn category(session: &Session<'_>, task: Task<'_>) -> String {
    let default = || session.site.config.category.to_string();
    task.work.refs.org_unit.as_ref().map_or_else(default, ToString::to_string)
}

async fn update(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in tasks {
        let id = task.work.change.lms_id.as_deref();
        match (id, wanted(session, task)) {
            (None, _) => slots.rejected(task.index, "no-lms-id"),
            (Some(FRONT_PAGE), _) => slots.rejected(task.index, "front-page"),
            (_, Err(code)) => slots.rejected(task.index, code),
            (_, Ok(fields)) if fields.is_empty() => slots.applied(task.index),
            (Some(id), Ok(fields)) => entries.push(entry(task.index, id, fields)),
        }
    }
    send_updates(session, entries, slots).await;
}

fn wanted(session: &Session<'_>, task: Task<'_>) -> Result<CourseFields, &'static str> {
    let (change, config) = (&task.work.change, &session.site.config);
    if let Some(name) = &change.temporary {
        return Ok(vec![("shortname", name.to_string())]);
    }
    if change.action == Action::Suspend {
        return Ok(vec![course_fields::visible(Status::Inactive)]);
    }
    let Some(after) = course(change.after.as_ref()) else { return Ok(Vec::new()) };
    let before = course(change.before.as_ref()).filter(|_| change.cause != Cause::InDoubt);
    let known =
        before.map(|before| course_fields::whole(before, config.utc_offset).unwrap_or_default());
    let mut fields = course_fields::whole(after, config.utc_offset)?;
    fields.retain(|field| known.as_ref().is_none_or(|known| !known.contains(field)));
    if before.is_some_and(|before| before.timeframe == after.timeframe) {
        fields.retain(|(name, _)| *name != "enddate");
    }
    keep_unknown_end(after, &mut fields);
    read_back::leave(task, &mut fields);
    if change.action == Action::Restore {
        fields.retain(|(name, _)| *name != "visible");
        fields.push(course_fields::visible(after.status.unwrap_or(Status::Active)));
    }
    if after.org_unit.is_some() && before.is_none_or(|before| before.org_unit != after.org_unit) {
        fields.push(("categoryid", category(session, task)));
    }
    Ok(fields)
}

/// An end that the source says nothing about is not taken away from a course that is there.
fn keep_unknown_end(course: &Course, fields: &mut CourseFields) {
    if course.timeframe.is_none() {
        fields.retain(|(name, _)| *name != "enddate");
    }
}

async fn send_updates(session: &Session<'_>, entries: Vec<Entry>, slots: &mut Slots) {
    let mut moves: Vec<String> =
        entries.iter().filter_map(|entry| entry.field("categoryid")).map(str::to_owned).collect();
    moves.sort_unstable();
    moves.dedup();
    let existing = match moves.is_empty() {
        true => Ok(Vec::new()),
        false => categories::existing(session, &moves).await,
    };
    let existing = match existing {
        Ok(existing) => existing,
        Err(refused) => {
            return entries.iter().for_each(|entry| slots.refused(entry.index, &refused));
        }
    };
    let stands = |entry: &Entry| {
        entry.field("categoryid").is_none_or(|id| id.parse().is_ok_and(|id| existing.contains(&id)))
    };
    let (sound, astray): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(stands);
    astray.iter().for_each(|entry| slots.rejected(entry.index, "no-such-category"));
    for (entry, sent) in send::send(session, UPDATE, sound).await {
        settle(&entry, sent, slots);
    }
}

fn settle(entry: &Entry, sent: Sent, slots: &mut Slots) {
    match sent {
        Ok(_) => slots.applied(entry.index),
        Err(refused) => slots.refused(entry.index, &refused),
    }
}

async fn remove(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in tasks {
        match task.work.change.lms_id.as_deref() {
            None => slots.rejected(task.index, "no-lms-id"),
            Some(FRONT_PAGE) => slots.rejected(task.index, "front-page"),
            Some(id) => entries.push(Entry::new(task.index, vec![("", id.to_owned())])),
        }
    }
    for (entry, sent) in send::send(session, DELETE, entries).await {
        match sent {
            Err(refused) if is_gone(&refused) => slots.applied(entry.index),
            sent => settle(&entry, sent, slots),
        }
    }
}

fn entry(index: usize, id: &str, fields: CourseFields) -> Entry {
    let mut all = vec![("id", id.to_owned())];
    all.extend(fields);
    Entry::new(index, all)
}
