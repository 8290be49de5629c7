//! Groups in courses, and the groupings that sets of groups become.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plan::{Action, Cause, Ownership};
use roster::{Group, Key, Record};

use super::requests::{Entry, Form};
use super::responses;
use super::rooms;
use super::send::{self, Answer, Bulky, Slots, Task, is_gone, is_unknown};
use super::session::{Refused, Session};
use super::user_fields::{has_tag, usable_key};
use crate::{Attempt, MatchedBy, Outcome, Receipt, Survey};

const CREATE: Bulky = Bulky {
    function: "core_group_create_groups",
    list: "groups",
    answer: Answer::Rows(Some("idnumber")),
    repeatable: false,
    serial: false,
    batch: usize::MAX,
};
const UPDATE: Bulky = Bulky {
    function: "core_group_update_groups",
    answer: Answer::Nothing,
    repeatable: true,
    ..CREATE
};
const DELETE: Bulky = Bulky { function: "core_group_delete_groups", list: "groupids", ..UPDATE };
const ASSIGN: Bulky =
    Bulky { function: "core_group_assign_grouping", list: "assignments", ..UPDATE };
const UNASSIGN: Bulky =
    Bulky { function: "core_group_unassign_grouping", list: "unassignments", ..UPDATE };

/// The fields of our records that end up in a group.
pub(super) const GROUP_FIELDS: &[&str] = &["title", "description", "group_set"];

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
            Action::Update | Action::Rekey | Action::Restore => updates.push(*task),
            Action::Remove => removes.push(*task),
            Action::Suspend => slots.rejected(task.index, "groups-cannot-be-suspended"),
        }
    }
    let mut sets = Sets::default();
    create(session, creates, attempt, slots, &mut sets).await;
    update(session, updates, slots, &mut sets).await;
    sets.put(session, slots).await;
    remove(session, removes, slots).await;
}

fn group(record: Option<&Record>) -> Option<&Group> {
    match record {
        Some(Record::Group(group)) => Some(group),
        _ => None,
    }
}

/// The group's id within its course.
fn key<'a>(task: &Task<'a>) -> &'a str {
    match task.work.key() {
        Key::Group { group, .. } => group.as_str(),
        other => other.owner().id,
    }
}

fn name(task: &Task<'_>) -> String {
    let title = group(task.work.change.after.as_ref()).and_then(|group| group.title.as_deref());
    title.unwrap_or(key(task)).chars().take(254).collect()
}

fn course(task: &Task<'_>) -> String {
    task.work.refs.course.as_deref().unwrap_or_default().to_owned()
}

/// What is there of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FoundGroup {
    Absent,
    One {
        id: u64,
        by: MatchedBy,
    },
    /// A group that has the name and another key.
    Taken {
        id: u64,
    },
}

pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let found = find(session, tasks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let surveyed = |found| match found {
        FoundGroup::Absent => Survey::Absent,
        FoundGroup::One { id, by } => Survey::Found { lms_id: id.to_string().into(), by },
        FoundGroup::Taken { id } => {
            Survey::Found { lms_id: id.to_string().into(), by: MatchedBy::Name }
        }
    };
    Ok(found.into_iter().map(surveyed).collect())
}

async fn find(session: &Session<'_>, tasks: &[Task<'_>]) -> Vec<Result<FoundGroup, Refused>> {
    let courses: BTreeSet<String> = tasks.iter().map(course).collect();
    let groups = rooms::groups_of(session, courses).await;
    let one = |task: &Task<'_>| {
        let none = Ok(Vec::new());
        let there = groups.get(&course(task)).unwrap_or(&none).as_ref().map_err(Clone::clone)?;
        let by_key = there.iter().find(|group| group.idnumber() == key(task));
        let by_name = || there.iter().find(|group| group.name == name(task));
        Ok(match (by_key, by_key.map_or_else(by_name, |_| None)) {
            (Some(group), _) => FoundGroup::One { id: group.id, by: MatchedBy::Key },
            (None, Some(group)) if group.idnumber().is_empty() => {
                FoundGroup::One { id: group.id, by: MatchedBy::Name }
            }
            (None, Some(group)) => FoundGroup::Taken { id: group.id },
            (None, None) => FoundGroup::Absent,
        })
    };
    tasks.iter().map(one).collect()
}

fn fields(task: &Task<'_>) -> Result<Vec<(&'static str, String)>, &'static str> {
    let (key, name) = (usable_key(key(task))?, name(task));
    let about = group(task.work.change.after.as_ref())
        .and_then(|group| group.description.as_deref())
        .unwrap_or_default();
    match () {
        () if key.chars().count() > 100 => Err("key-too-long"),
        () if name.trim().is_empty() => Err("no-name"),
        () if has_tag(&name) => Err("tag-in-text"),
        () => Ok(vec![
            ("name", name),
            // Moodle demands it, be it empty.
            ("description", about.to_owned()),
            ("idnumber", key.to_owned()),
        ]),
    }
}

async fn create(
    session: &Session<'_>,
    tasks: Vec<Task<'_>>,
    attempt: Attempt,
    slots: &mut Slots,
    sets: &mut Sets,
) {
    let adopt = session.site.config.adopt;
    let (new, open): (Vec<Task<'_>>, Vec<Task<'_>>) = tasks
        .iter()
        .partition(|task| attempt == Attempt::First && task.work.survey == Survey::Absent);
    let found = find(session, &open).await;
    let (mut fresh, mut known) = (new, Vec::new());
    for (task, found) in open.into_iter().zip(found) {
        let change = &task.work.change;
        let ours = task.work.survey == Survey::Absent || change.cause == Cause::InDoubt;
        let asked = change.action == Action::Adopt;
        match found {
            Err(refused) => slots.refused(task.index, &refused),
            Ok(FoundGroup::Absent) => fresh.push(task),
            Ok(FoundGroup::Taken { .. }) => slots.rejected(task.index, "group-name-taken"),
            Ok(FoundGroup::One { id, by: MatchedBy::Key }) if ours => {
                known.push((task, id, Ownership::Created));
            }
            Ok(FoundGroup::One { id, by: MatchedBy::Key }) if adopt.idnumber || asked => {
                known.push((task, id, Ownership::Adopted));
            }
            Ok(FoundGroup::One { by: MatchedBy::Key, .. }) => {
                slots.rejected(task.index, "not-adopted");
            }
            Ok(FoundGroup::One { id, .. }) if adopt.group_name || asked => {
                known.push((task, id, Ownership::Adopted));
            }
            Ok(FoundGroup::One { .. }) => slots.rejected(task.index, "group-name-taken"),
        }
    }
    let made = make(session, fresh, slots).await;
    let mut entries = Vec::new();
    for (task, id, ownership) in &known {
        slots.known(task.index, *id, *ownership);
        match fields(task) {
            Ok(fields) => entries.push(entry(task.index, &id.to_string(), fields)),
            Err(code) => slots.rejected(task.index, code),
        }
    }
    settle(send::send(session, UPDATE, entries).await, slots);
    for (task, id) in
        known.iter().map(|(task, id, _)| (task, *id)).chain(made.iter().map(|(t, id)| (t, *id)))
    {
        sets.want(task, id.to_string(), None);
    }
}

async fn make<'a>(
    session: &Session<'_>,
    tasks: Vec<Task<'a>>,
    slots: &mut Slots,
) -> Vec<(Task<'a>, u64)> {
    let mut entries = Vec::new();
    for task in &tasks {
        match fields(task) {
            Ok(mut fields) => {
                fields.insert(0, ("courseid", course(task)));
                entries.push(Entry::new(task.index, fields));
            }
            Err(code) => slots.rejected(task.index, code),
        }
    }
    let of = |index: usize| tasks.iter().copied().find(|task| task.index == index);
    let (mut made, mut silent) = (Vec::new(), Vec::new());
    for (entry, sent) in send::send(session, CREATE, entries).await {
        match (of(entry.index), sent) {
            (Some(task), Ok(Some(id))) => made.push((task, id)),
            (Some(task), Err(refused)) if is_unknown(&refused) => silent.push((task, refused)),
            (_, Err(refused)) => slots.refused(entry.index, &refused),
            (_, Ok(_)) => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
    let looked: Vec<Task<'_>> = silent.iter().map(|(task, _)| *task).collect();
    for ((task, refused), found) in silent.into_iter().zip(find(session, &looked).await) {
        match found {
            Ok(FoundGroup::One { id, by: MatchedBy::Key }) => made.push((task, id)),
            Ok(FoundGroup::Absent) => {
                slots.settle(task.index, Receipt::of(send::not_found_after(&refused)));
            }
            _ => slots.settle(task.index, Receipt::of(Outcome::Unknown)),
        }
    }
    made.iter().for_each(|(task, id)| slots.known(task.index, *id, Ownership::Created));
    made
}

async fn update(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots, sets: &mut Sets) {
    let mut entries = Vec::new();
    for task in &tasks {
        let change = &task.work.change;
        let before = group(change.before.as_ref());
        match (&change.lms_id, fields(task)) {
            (None, _) => slots.rejected(task.index, "no-lms-id"),
            (_, Err(code)) => slots.rejected(task.index, code),
            (Some(id), Ok(mut fields)) => {
                let after = group(change.after.as_ref());
                if after.is_none_or(|after| after.description.is_none()) {
                    fields.retain(|(name, _)| *name != "description");
                }
                entries.push(entry(task.index, id, fields));
                sets.want(
                    task,
                    id.to_string(),
                    before.and_then(|before| before.group_set.as_deref()),
                );
            }
        }
    }
    settle(send::send(session, UPDATE, entries).await, slots);
}

async fn remove(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in tasks {
        match &task.work.change.lms_id {
            Some(id) => entries.push(Entry::new(task.index, vec![("", id.to_string())])),
            None => slots.rejected(task.index, "no-lms-id"),
        }
    }
    settle(send::send(session, DELETE, entries).await, slots);
}

fn settle(sent: Vec<(Entry, send::Sent)>, slots: &mut Slots) {
    for (entry, sent) in sent {
        let removal = entry.field("").is_some();
        match sent {
            Ok(_) => slots.applied(entry.index),
            Err(refused) if removal && is_gone(&refused) => slots.applied(entry.index),
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
}

fn entry(index: usize, id: &str, fields: Vec<(&'static str, String)>) -> Entry {
    let mut all = vec![("id", id.to_owned())];
    all.extend(fields);
    Entry::new(index, all)
}

/// Which groups go into which sets, and out of which. Per course and name of the set.
#[derive(Default)]
struct Sets {
    put: BTreeMap<(String, String), Vec<(usize, String)>>,
    take: BTreeMap<(String, String), Vec<(usize, String)>>,
}

impl Sets {
    fn want(&mut self, task: &Task<'_>, id: String, before: Option<&str>) {
        let after =
            group(task.work.change.after.as_ref()).and_then(|group| group.group_set.as_deref());
        let Some(after) = after.filter(|set| before != Some(*set)) else { return };
        let at = |set: &str| (course(task), set.to_owned());
        if let Some(before) = before {
            self.take.entry(at(before)).or_default().push((task.index, id.clone()));
        }
        self.put.entry(at(after)).or_default().push((task.index, id));
    }

    async fn put(self, session: &Session<'_>, slots: &mut Slots) {
        let mut known: HashMap<String, Vec<responses::Group>> = HashMap::new();
        let (mut assign, mut unassign) = (Vec::new(), Vec::new());
        for ((course, set), groups) in self.put {
            match grouping(session, &mut known, &course, &set).await {
                Ok(id) => assign.extend(groups.into_iter().map(|(at, group)| pair(at, &id, group))),
                Err(refused) => groups.iter().for_each(|(at, _)| slots.refused(*at, &refused)),
            }
        }
        for ((course, set), groups) in self.take {
            let there =
                known.get(&course).and_then(|known| known.iter().find(|one| one.name == set));
            if let Some(there) = there {
                let id = there.id.to_string();
                unassign.extend(groups.into_iter().map(|(at, group)| pair(at, &id, group)));
            }
        }
        settle(send::send(session, ASSIGN, assign).await, slots);
        settle(send::send(session, UNASSIGN, unassign).await, slots);
    }
}

fn pair(index: usize, grouping: &str, group: String) -> Entry {
    Entry::new(index, vec![("groupingid", grouping.to_owned()), ("groupid", group)])
}

/// The grouping of this name in the course, made where there is none.
async fn grouping(
    session: &Session<'_>,
    known: &mut HashMap<String, Vec<responses::Group>>,
    course: &str,
    set: &str,
) -> Result<String, Refused> {
    if !known.contains_key(course) {
        let form = Form::default().put("courseid", course);
        let there = session.read("core_group_get_course_groupings", form).await?;
        known.insert(course.to_owned(), there);
    }
    let there = known.entry(course.to_owned()).or_default();
    let name: String = set.chars().take(254).collect();
    if let Some(found) = there.iter().find(|grouping| grouping.name == name) {
        return Ok(found.id.to_string());
    }
    let form = Form::default()
        .put("groupings[0][courseid]", course)
        .put("groupings[0][name]", &name)
        .put("groupings[0][description]", "")
        // Left out, Moodle makes the grouping and answers with an error.
        .put("groupings[0][idnumber]", "");
    let answer = session.write("core_group_create_groupings", form).await?;
    let made = serde_json::from_value::<Vec<responses::Group>>(answer).unwrap_or_default();
    let Some(made) = made.into_iter().next() else {
        let error = crate::LmsError::new(
            crate::ErrorClass::Unknown,
            "core_group_create_groupings",
            "odd-answer",
        );
        return Err(Refused::Failed(error));
    };
    let id = made.id.to_string();
    there.push(made);
    Ok(id)
}
