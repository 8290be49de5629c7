//! Org units: Moodle's course categories.

use std::collections::HashMap;

use plan::{Action, Cause, Ownership};
use roster::{OrgUnit, Record};

use super::requests::{Entry, Form};
use super::responses::Category;
use super::send::{self, Answer, Bulky, Slots, Task, is_gone, is_unknown};
use super::session::{Refused, Session};
use super::user_fields::{has_tag, usable_key};
use crate::{Attempt, MatchedBy, Outcome, Receipt, Survey};

const GET: &str = "core_course_get_categories";
const CREATE: Bulky = Bulky {
    function: "core_course_create_categories",
    list: "categories",
    answer: Answer::Rows(None),
    repeatable: false,
    // The tree is one long list to Moodle, renumbered at each change.
    serial: true,
    batch: usize::MAX,
};
const UPDATE: Bulky = Bulky {
    function: "core_course_update_categories",
    answer: Answer::Nothing,
    repeatable: true,
    ..CREATE
};
const DELETE: Bulky = Bulky { function: "core_course_delete_categories", ..UPDATE };

/// The fields of our records that end up in a category.
pub(super) const ORG_UNIT_FIELDS: &[&str] = &["title", "short_name", "parent"];

/// With more look-ups than this the whole tree is read at once.
const SINGLE_LOOKUPS: usize = 8;

pub(super) async fn apply(
    session: &Session<'_>,
    tasks: &[Task<'_>],
    attempt: Attempt,
    slots: &mut Slots,
) {
    let mut creates = Vec::new();
    for task in tasks {
        match task.work.change.action {
            Action::Create | Action::Adopt => creates.push(*task),
            Action::Update | Action::Rekey | Action::Restore => {}
            Action::Remove => remove(session, *task, slots).await,
            // Moodle's functions can neither hide nor show a category.
            Action::Suspend => slots.rejected(task.index, "categories-cannot-be-hidden"),
        }
    }
    create(session, creates, attempt, slots).await;
    let updates: Vec<Task<'_>> = tasks
        .iter()
        .copied()
        .filter(|task| {
            matches!(task.work.change.action, Action::Update | Action::Rekey | Action::Restore)
        })
        .collect();
    update(session, updates, slots).await;
}

fn org_unit(record: Option<&Record>) -> Option<&OrgUnit> {
    match record {
        Some(Record::OrgUnit(unit)) => Some(unit),
        _ => None,
    }
}

fn key(task: Task<'_>) -> &str {
    task.work.key().owner().id
}

pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let keys: Vec<&str> = tasks.iter().map(|task| key(*task)).collect();
    let found = find(session, &keys).await?;
    let one = |key: &&str| match found.get(*key) {
        Some(id) => Survey::Found { lms_id: id.to_string().into(), by: MatchedBy::Key },
        None => Survey::Absent,
    };
    Ok(keys.iter().map(one).collect())
}

/// Ids of the categories that have one of `keys`; Moodle keeps them unique.
async fn find(session: &Session<'_>, keys: &[&str]) -> Result<HashMap<String, u64>, Refused> {
    let mut found = HashMap::new();
    let mut forms = vec![Form::default()];
    if keys.len() <= SINGLE_LOOKUPS {
        let by_key = |key: &&str| {
            Form::default()
                .put("criteria[0][key]", "idnumber")
                .put("criteria[0][value]", key)
                .put("addsubcategories", "0")
        };
        forms = keys.iter().filter(|key| usable_key(key).is_ok()).map(by_key).collect();
    }
    for form in forms {
        for category in session.read::<Vec<Category>>(GET, form).await? {
            if let Some(key) = category.idnumber.filter(|key| keys.contains(&key.as_str())) {
                found.insert(key, category.id);
            }
        }
    }
    Ok(found)
}

/// Which of these categories exist. A course that is moved into one that does not is left
/// hanging in the air by Moodle, which answers with a warning and writes it all the same.
pub(super) async fn existing(session: &Session<'_>, ids: &[String]) -> Result<Vec<u64>, Refused> {
    let form = Form::default()
        .put("criteria[0][key]", "ids")
        .put("criteria[0][value]", ids.join(","))
        .put("addsubcategories", "0");
    let found = session.read::<Vec<Category>>(GET, form).await?;
    Ok(found.into_iter().map(|category| category.id).collect())
}

async fn create(session: &Session<'_>, tasks: Vec<Task<'_>>, attempt: Attempt, slots: &mut Slots) {
    let config = &session.site.config;
    let is_new = |task: &Task<'_>| attempt == Attempt::First && task.work.survey == Survey::Absent;
    let keys: Vec<&str> =
        tasks.iter().filter(|task| !is_new(task)).map(|task| key(*task)).collect();
    let found = match find(session, &keys).await {
        Ok(found) => found,
        Err(refused) => return tasks.iter().for_each(|task| slots.refused(task.index, &refused)),
    };
    let (mut fresh, mut known) = (Vec::new(), Vec::new());
    for task in tasks {
        let change = &task.work.change;
        let ours = task.work.survey == Survey::Absent || change.cause == Cause::InDoubt;
        match (found.get(key(task)), fields(session, task)) {
            (_, Err(code)) => slots.rejected(task.index, code),
            (None, Ok(mut fields)) => {
                fields.push(("idnumber", key(task).to_owned()));
                fresh.push(Entry::new(task.index, fields));
            }
            (Some(id), Ok(fields)) if ours => {
                slots.known(task.index, *id, Ownership::Created);
                // What was sent when it was made is not known.
                if change.cause == Cause::InDoubt {
                    known.push(entry(task.index, &id.to_string(), fields));
                }
            }
            (Some(id), Ok(fields)) if config.adopt.idnumber || change.action == Action::Adopt => {
                slots.known(task.index, *id, Ownership::Adopted);
                known.push(entry(task.index, &id.to_string(), fields));
            }
            (Some(_), Ok(_)) => slots.rejected(task.index, "not-adopted"),
        }
    }
    settle(send::send(session, UPDATE, known).await, slots);
    let mut silent = Vec::new();
    for (entry, sent) in send::send(session, CREATE, fresh).await {
        match sent {
            Ok(Some(id)) => slots.known(entry.index, id, Ownership::Created),
            Err(refused) if is_unknown(&refused) => silent.push((entry, refused)),
            Err(refused) => slots.refused(entry.index, &refused),
            Ok(None) => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
    let keys: Vec<&str> = silent.iter().filter_map(|(entry, _)| entry.field("idnumber")).collect();
    let found = find(session, &keys).await;
    for (entry, refused) in &silent {
        let key = entry.field("idnumber").unwrap_or_default();
        match &found {
            Ok(found) => match found.get(key) {
                Some(id) => slots.known(entry.index, *id, Ownership::Created),
                None => slots.settle(entry.index, Receipt::of(send::not_found_after(refused))),
            },
            Err(_) => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
}

async fn update(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in tasks {
        match (&task.work.change.lms_id, fields(session, task)) {
            (None, _) => slots.rejected(task.index, "no-lms-id"),
            (_, Err(code)) => slots.rejected(task.index, code),
            (Some(id), Ok(fields)) => entries.push(entry(task.index, id, fields)),
        }
    }
    settle(send::send(session, UPDATE, entries).await, slots);
}

/// Removes a category that holds nothing. One that does is left: what is in it is not ours, or
/// not gone yet.
async fn remove(session: &Session<'_>, task: Task<'_>, slots: &mut Slots) {
    let Some(id) = &task.work.change.lms_id else {
        return slots.rejected(task.index, "no-lms-id");
    };
    let form = Form::default().put("criteria[0][key]", "id").put("criteria[0][value]", id);
    match session.read::<Vec<Category>>(GET, form).await {
        Err(refused) => return slots.refused(task.index, &refused),
        Ok(found) if found.is_empty() => return slots.applied(task.index),
        Ok(found) if found.len() > 1 || found.iter().any(|category| category.coursecount > 0) => {
            return slots.rejected(task.index, "category-not-empty");
        }
        Ok(_) => {}
    }
    let fields = vec![("recursive", "0".to_owned())];
    settle(send::send(session, DELETE, vec![entry(task.index, id, fields)]).await, slots);
}

fn settle(sent: Vec<(Entry, send::Sent)>, slots: &mut Slots) {
    for (entry, sent) in sent {
        match sent {
            Ok(_) => slots.applied(entry.index),
            Err(refused) if is_gone(&refused) && entry.field("recursive").is_some() => {
                slots.applied(entry.index);
            }
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
}

fn fields(
    session: &Session<'_>,
    task: Task<'_>,
) -> Result<Vec<(&'static str, String)>, &'static str> {
    let key = usable_key(key(task))?;
    let unit = org_unit(task.work.change.after.as_ref());
    let name =
        unit.and_then(|unit| unit.title.as_deref().or(unit.short_name.as_deref())).unwrap_or(key);
    match () {
        () if key.chars().count() > 100 => Err("key-too-long"),
        () if has_tag(name) => Err("tag-in-text"),
        () => {
            let root = session.site.config.root_category.to_string();
            let parent = task.work.refs.org_unit.as_ref().map_or(root, ToString::to_string);
            Ok(vec![("name", name.chars().take(255).collect()), ("parent", parent)])
        }
    }
}

fn entry(index: usize, id: &str, fields: Vec<(&'static str, String)>) -> Entry {
    let mut all = vec![("id", id.to_owned())];
    all.extend(fields);
    Entry::new(index, all)
}
