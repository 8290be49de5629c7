//! Fields that may have become their user's: what Moodle holds of them, before anything is written.
//!
//! What Moodle shows is compared with what was told before and with what is to be told, each in the
//! form in which it is sent. What a caller may not see is left out by Moodle, and counts as not
//! changed.

use std::collections::HashMap;

use plan::FieldSet;
use roster::{Kind, Record};

use super::course_fields;
use super::requests::Form;
use super::responses::{Course, Courses, User};
use super::send::Task;
use super::session::{Refused, Session};
use super::user_fields;
use crate::Survey;

const USERS: &str = "core_user_get_users_by_field";
const COURSES: &str = "core_course_get_courses_by_field";
/// Ids in one call.
const AT_ONCE: usize = 200;

/// Our field and Moodle's.
type Pair = (&'static str, &'static str);

const USER_PAIRS: &[Pair] =
    &[("username", "username"), ("given", "firstname"), ("family", "lastname"), ("email", "email")];
const COURSE_PAIRS: &[Pair] = &[("title", "fullname"), ("short_name", "shortname")];

/// Looks at the accounts of `tasks`, each with its place in `surveys`.
pub(super) async fn users(
    session: &Session<'_>,
    tasks: &[(usize, Task<'_>)],
    surveys: &mut [Survey],
) -> Result<(), Refused> {
    let ids = ids(tasks);
    let mut shown: HashMap<String, User> = HashMap::new();
    for part in ids.chunks(AT_ONCE) {
        let form =
            Form::default().put("field", "id").values("values", part.iter().map(String::as_str));
        for user in session.read::<Vec<User>>(USERS, form).await? {
            shown.insert(user.id.to_string(), user);
        }
    }
    let sent = |record: &Record| match record {
        Record::Person(person) => user_fields::account(person).unwrap_or_default(),
        _ => Vec::new(),
    };
    for (at, task) in tasks {
        let Some(user) = of(task, &shown) else { continue };
        let value = |field: &str| match field {
            "username" => user.username.clone(),
            "firstname" => user.firstname.clone(),
            "lastname" => user.lastname.clone(),
            _ => user.email.clone(),
        };
        surveys[*at] = compared(task, Kind::Person, USER_PAIRS, sent, value);
    }
    Ok(())
}

/// Looks at the courses of `tasks`, each with its place in `surveys`.
pub(super) async fn courses(
    session: &Session<'_>,
    tasks: &[(usize, Task<'_>)],
    surveys: &mut [Survey],
) -> Result<(), Refused> {
    let ids = ids(tasks);
    let mut shown: HashMap<String, Course> = HashMap::new();
    for part in ids.chunks(AT_ONCE) {
        let form = Form::default().put("field", "ids").put("value", part.join(","));
        for course in session.read::<Courses>(COURSES, form).await?.courses {
            shown.insert(course.id.to_string(), course);
        }
    }
    let offset = session.site.config.utc_offset;
    let sent = |record: &Record| match record {
        Record::Course(course) => course_fields::whole(course, offset).unwrap_or_default(),
        _ => Vec::new(),
    };
    for (at, task) in tasks {
        let Some(course) = of(task, &shown) else { continue };
        let value = |field: &str| match field {
            "fullname" => course.fullname.clone(),
            _ => course.shortname.clone(),
        };
        surveys[*at] = compared(task, Kind::Course, COURSE_PAIRS, sent, value);
    }
    Ok(())
}

/// Takes out of what is to be sent what somebody has changed in Moodle.
pub(super) fn leave(task: Task<'_>, fields: &mut Vec<(&'static str, String)>) {
    let Survey::Changed { fields: theirs } = task.work.survey else { return };
    let names = theirs.names(task.work.change.kind());
    let pairs = USER_PAIRS.iter().chain(COURSE_PAIRS);
    let left: Vec<_> =
        pairs.filter(|(ours, _)| names.contains(ours)).map(|(_, moodles)| *moodles).collect();
    fields.retain(|(name, _)| !left.contains(name));
}

/// The ids that are asked for, each once.
fn ids(tasks: &[(usize, Task<'_>)]) -> Vec<String> {
    let id =
        |(_, task): &(usize, Task<'_>)| task.work.change.lms_id.as_ref().map(ToString::to_string);
    let mut ids: Vec<String> = tasks.iter().filter_map(id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn of<'s, T>(task: &Task<'_>, shown: &'s HashMap<String, T>) -> Option<&'s T> {
    shown.get(task.work.change.lms_id.as_deref()?)
}

/// Which of the fields that are asked for hold neither what was told nor what is to be told.
fn compared(
    task: &Task<'_>,
    kind: Kind,
    pairs: &[Pair],
    sent: impl Fn(&Record) -> Vec<(&'static str, String)>,
    value: impl Fn(&str) -> String,
) -> Survey {
    let change = &task.work.change;
    let known = [&change.before, &change.after].map(|record| record.as_ref().map(&sent));
    let mut fields = FieldSet::default();
    for spec in Record::specs(kind).iter().filter(|spec| task.work.read_back.has(**spec)) {
        let Some((_, name)) = pairs.iter().find(|(ours, _)| *ours == spec.name) else { continue };
        let shown = value(name).to_lowercase();
        let told = |fields: &Vec<(&'static str, String)>| {
            let told = fields.iter().find(|(field, _)| field == name);
            told.is_none_or(|(_, told)| told.to_lowercase() == shown)
        };
        if !shown.is_empty() && !known.iter().flatten().any(told) {
            fields.add(*spec);
        }
    }
    if fields.is_empty() { Survey::NotNeeded } else { Survey::Changed { fields } }
}
