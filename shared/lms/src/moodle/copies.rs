//! Courses that are made as copies of a template. Only at creation: what teachers did to a course
//! later is theirs.

use std::collections::HashMap;

use roster::Course;

use super::config::{MissingTemplate, MoodleConfig};
use super::courses::{Job, by_field, category};
use super::requests::Form;
use super::send::{Slots, Task, is_unknown};
use super::session::{Refused, Session};
use super::{course_fields, rooms};
use crate::{Outcome, Receipt};

const DUPLICATE: &str = "core_course_duplicate_course";

/// The idnumber or short name of the course that `course` is to be a copy of.
pub(super) fn template(course: &Course, config: &MoodleConfig) -> Option<String> {
    let name = course.template.as_deref().or(config.template.default.as_deref())?;
    Some(format!("{}{name}", config.template.prefix))
}

/// A copy: its task, the course and its id.
pub(super) type Copied<'a> = (Task<'a>, &'a Course, u64);

/// Makes copies, without key and dates still; those whose template is missing come back, to be
/// made plain.
pub(super) async fn make<'a>(
    session: &Session<'_>,
    jobs: Vec<Job<'a>>,
    slots: &mut Slots,
) -> (Vec<Copied<'a>>, Vec<Job<'a>>) {
    let config = &session.site.config;
    let (mut copied, mut plain) = (Vec::new(), Vec::new());
    let mut templates: HashMap<String, Option<u64>> = HashMap::new();
    for (task, course) in jobs {
        let Some(name) = template(course, config) else { continue };
        if let Err(code) = course_fields::whole(course, config.utc_offset) {
            slots.rejected(task.index, code);
            continue;
        }
        let found = match templates.get(&name) {
            Some(found) => *found,
            None => match find(session, &name).await {
                Ok(found) => found,
                Err(refused) => {
                    slots.refused(task.index, &refused);
                    continue;
                }
            },
        };
        templates.insert(name, found);
        match found {
            None if config.template.missing == MissingTemplate::Reject => {
                slots.rejected(task.index, "no-such-template");
            }
            None => {
                slots.remark(task.index, "no-such-template");
                plain.push((task, course));
            }
            Some(id) => {
                if let Some(id) = copy(session, task, course, id, slots).await {
                    copied.push((task, course, id));
                }
            }
        }
    }
    (copied, plain)
}

async fn find(session: &Session<'_>, name: &str) -> Result<Option<u64>, Refused> {
    for field in ["idnumber", "shortname"] {
        if let Some(course) = by_field(session, field, name).await?.first() {
            return Ok(Some(course.id));
        }
    }
    Ok(None)
}

async fn copy(
    session: &Session<'_>,
    task: Task<'_>,
    course: &Course,
    template: u64,
    slots: &mut Slots,
) -> Option<u64> {
    let config = &session.site.config;
    let fields = course_fields::whole(course, config.utc_offset).ok()?;
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let short = field("shortname");
    let form = Form::default()
        .put("courseid", template.to_string())
        .put("fullname", field("fullname"))
        .put("shortname", &short)
        .put("categoryid", category(session, task))
        .put("visible", "1")
        // Left out, Moodle copies the template's people with their roles.
        .options(&[("users", "0")]);
    let id = match session.write(DUPLICATE, form).await {
        Ok(answer) => answer.get("id").and_then(serde_json::Value::as_u64),
        Err(refused) if is_unknown(&refused) => {
            // The survey saw no course of this name, so one without a key is our copy. Moodle may
            // still be filling it: the key goes in when the next attempt looks again.
            slots.settle(task.index, Receipt::of(Outcome::Unknown));
            return None;
        }
        Err(refused) => {
            slots.refused(task.index, &refused);
            return None;
        }
    };
    let Some(id) = id else {
        slots.settle(task.index, Receipt::of(Outcome::Unknown));
        return None;
    };
    // The receipt of a new course lets delivery take it for empty: say so where it is not.
    match rooms::members(session, &id.to_string(), "id").await {
        Ok(members) if members.is_empty() => {}
        _ => slots.remark(task.index, "template-copied-people"),
    }
    Some(id)
}
