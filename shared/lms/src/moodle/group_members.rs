//! People in groups. Nobody is ever moved out of a group that we did not fill: a member who was
//! there before us is `Found`, and adding to one group takes nobody out of another.

use std::collections::{BTreeSet, HashSet};

use plan::{Action, Cause, Ownership};
use roster::{CourseKey, Key, PersonKey};

use super::requests::Entry;
use super::rooms;
use super::send::{self, Answer, Bulky, Slots, Task, is_gone};
use super::session::{Refused, Session};
use crate::{MatchedBy, Outcome, Receipt, Survey};

const ADD: Bulky = Bulky {
    function: "core_group_add_group_members",
    list: "members",
    answer: Answer::Nothing,
    repeatable: true,
    serial: false,
    batch: usize::MAX,
};
const DELETE: Bulky = Bulky { function: "core_group_delete_group_members", ..ADD };

pub(super) async fn apply(session: &Session<'_>, tasks: &[Task<'_>], slots: &mut Slots) {
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.work.change.action {
            Action::Create | Action::Adopt | Action::Restore => adds.push(*task),
            Action::Remove => removes.push(*task),
            // A membership has no fields and no key of its own.
            Action::Update | Action::Rekey => slots.applied(task.index),
            Action::Suspend => slots.rejected(task.index, "group-members-cannot-be-suspended"),
        }
    }
    add(session, adds, slots).await;
    remove(session, removes, slots).await;
}

/// The group's and the person's ids.
fn ids(task: &Task<'_>) -> Option<(String, String)> {
    let refs = &task.work.refs;
    Some((refs.group.as_ref()?.to_string(), refs.person.as_ref()?.to_string()))
}

fn course(task: &Task<'_>) -> String {
    task.work.refs.course.as_deref().unwrap_or_default().to_owned()
}

pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let groups: BTreeSet<String> = tasks.iter().filter_map(ids).map(|(group, _)| group).collect();
    let members = rooms::group_members(session, &groups).await?;
    let one = |task: &Task<'_>| {
        let Some((group, person)) = ids(task) else { return Survey::Absent };
        let there = group.parse().ok().and_then(|group: u64| members.get(&group));
        match there.is_some_and(|there| there.iter().any(|id| id.to_string() == person)) {
            true => Survey::Found { lms_id: person.into(), by: MatchedBy::Key },
            false => Survey::Absent,
        }
    };
    Ok(tasks.iter().map(one).collect())
}

async fn add(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    let grouped = match session.site.config.only_if_ungrouped {
        true => Some(grouped(session, &tasks, slots).await),
        false => None,
    };
    for task in &tasks {
        let Some((group, person)) = ids(task) else {
            slots.rejected(task.index, "no-lms-id");
            continue;
        };
        let was_there = matches!(task.work.survey, Survey::Found { .. });
        if was_there && task.work.change.cause != Cause::InDoubt {
            let ownership = Some(Ownership::Found);
            slots.settle(task.index, Receipt { ownership, ..Receipt::of(Outcome::Applied) });
            continue;
        }
        let elsewhere = grouped.as_ref().is_some_and(|grouped| {
            grouped.iter().any(|(of, at, in_group)| {
                *of == course(task) && *at == person && *in_group != group
            })
        });
        if elsewhere {
            slots.rejected(task.index, "already-grouped");
        } else if slots.is_well(task.index) {
            entries.push(Entry::new(task.index, vec![("groupid", group), ("userid", person)]));
        }
    }
    let mut refused_adds = Vec::new();
    for (entry, sent) in send::send(session, ADD, entries).await {
        match sent {
            Ok(_) => {
                let ownership = Some(Ownership::Created);
                slots.settle(entry.index, Receipt { ownership, ..Receipt::of(Outcome::Applied) });
            }
            Err(Refused::Failed(error)) if error.code == "invalidparameter" => {
                refused_adds.push((entry, Refused::Failed(error)));
            }
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
    explain(session, &tasks, refused_adds, slots).await;
}

/// Course, person and group of everybody who is in a group of these courses.
async fn grouped(
    session: &Session<'_>,
    tasks: &[Task<'_>],
    slots: &mut Slots,
) -> HashSet<(String, String, String)> {
    let courses: BTreeSet<String> = tasks.iter().map(course).collect();
    let mut grouped = HashSet::new();
    for (of, members) in rooms::members_of(session, courses, "id,groups").await {
        match members {
            Ok(members) => {
                for member in members {
                    let groups = member.groups.into_iter().flatten();
                    grouped
                        .extend(groups.map(|group| {
                            (of.clone(), member.id.to_string(), group.id.to_string())
                        }));
                }
            }
            Err(refused) => {
                let here = tasks.iter().filter(|task| course(task) == of);
                here.for_each(|task| slots.refused(task.index, &refused));
            }
        }
    }
    grouped
}

/// Moodle says the same of everything that is wrong with a member. That the person is not in the
/// course is what will mend itself, so it is told apart.
async fn explain(
    session: &Session<'_>,
    tasks: &[Task<'_>],
    refused_adds: Vec<(Entry, Refused)>,
    slots: &mut Slots,
) {
    let of = |entry: &Entry| tasks.iter().find(|task| task.index == entry.index);
    let courses: BTreeSet<String> =
        refused_adds.iter().filter_map(|(entry, _)| of(entry)).map(course).collect();
    let members = rooms::members_of(session, courses, "id").await;
    for (entry, refused) in refused_adds {
        let Some(task) = of(&entry) else { continue };
        let enrolled = match members.get(&course(task)) {
            Some(Ok(members)) => members
                .iter()
                .any(|member| Some(member.id.to_string().as_str()) == entry.field("userid")),
            _ => true,
        };
        match needed(task.work.key()).filter(|_| !enrolled) {
            Some(needs) => slots.settle(task.index, Receipt::of(Outcome::Deferred { needs })),
            None => slots.refused(task.index, &refused),
        }
    }
}

/// The enrollment that a membership needs.
fn needed(key: &Key) -> Option<Key> {
    let (course, person) = (key.course()?, key.person()?);
    Some(Key::Enrollment {
        course: CourseKey::new(course.as_str()),
        person: PersonKey::new(person.as_str()),
    })
}

async fn remove(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in &tasks {
        match ids(task) {
            Some((group, person)) => {
                entries.push(Entry::new(task.index, vec![("groupid", group), ("userid", person)]));
            }
            None => slots.rejected(task.index, "no-lms-id"),
        }
    }
    for (entry, sent) in send::send(session, DELETE, entries).await {
        match sent {
            Ok(_) => slots.applied(entry.index),
            Err(refused) if is_gone(&refused) => slots.applied(entry.index),
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
}
