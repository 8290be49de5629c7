//! Persons: Moodle's accounts.

use plan::{Action, Cause, Ownership};
use roster::{Person, Record, Status};

use super::read_back;
use super::requests::Entry;
use super::send::{self, Answer, Bulky, Sent, Slots, Task, is_gone, is_unknown};
use super::session::{Refused, Session};
use super::user_fields::{self, UserFields};
use super::user_lookup::{self, FoundUser};
use crate::{Attempt, MatchedBy, Outcome, Receipt, Survey};

const CREATE: Bulky = Bulky {
    function: "core_user_create_users",
    list: "users",
    answer: Answer::Rows(Some("username")),
    repeatable: false,
    serial: false,
    batch: usize::MAX,
};
const UPDATE: Bulky = Bulky {
    function: "core_user_update_users",
    answer: Answer::Warnings,
    repeatable: true,
    ..CREATE
};
const DELETE: Bulky = Bulky {
    function: "core_user_delete_users",
    list: "userids",
    answer: Answer::Nothing,
    ..CREATE
};

pub(super) async fn apply(
    session: &Session<'_>,
    tasks: &[Task<'_>],
    attempt: Attempt,
    slots: &mut Slots,
) {
    let of = |wanted: fn(Action) -> bool| -> Vec<Task<'_>> {
        tasks.iter().copied().filter(|task| wanted(task.work.change.action)).collect()
    };
    create(session, of(|a| matches!(a, Action::Create | Action::Adopt)), attempt, slots).await;
    update(session, of(|a| !matches!(a, Action::Create | Action::Adopt | Action::Remove)), slots)
        .await;
    remove(session, of(|a| a == Action::Remove), slots).await;
}

fn person(record: Option<&Record>) -> Option<&Person> {
    match record {
        Some(Record::Person(person)) => Some(person),
        _ => None,
    }
}

/// What is there of people that are to be made.
pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let mut surveys = vec![Survey::NotNeeded; tasks.len()];
    let makes = |at: &usize| super::makes(tasks[*at].work);
    let (new, known): (Vec<usize>, Vec<usize>) = (0..tasks.len()).partition(makes);
    let jobs: Vec<(usize, &Person)> = new
        .into_iter()
        .filter_map(|at| Some((at, person(tasks[at].work.change.after.as_ref())?)))
        .collect();
    let people: Vec<&Person> = jobs.iter().map(|(_, person)| *person).collect();
    let found = user_lookup::find(session, &people).await?;
    for ((at, _), found) in jobs.into_iter().zip(found) {
        surveys[at] = surveyed(found);
    }
    let known: Vec<(usize, Task<'_>)> = known.into_iter().map(|at| (at, tasks[at])).collect();
    read_back::users(session, &known, &mut surveys).await?;
    Ok(surveys)
}

/// The fields that accounts show as they are, to whoever may see them.
pub(super) const SHOWN: &[&str] = &["username", "given", "family", "email"];

fn surveyed(found: FoundUser) -> Survey {
    match found {
        FoundUser::Absent => Survey::Absent,
        FoundUser::One { id, by } | FoundUser::Taken { id, by } => {
            Survey::Found { lms_id: id.to_string().into(), by }
        }
        FoundUser::Many { count } => Survey::Ambiguous { count },
    }
}

async fn create(session: &Session<'_>, tasks: Vec<Task<'_>>, attempt: Attempt, slots: &mut Slots) {
    let (mut fresh, mut known, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
    for task in tasks {
        let Some(person) = person(task.work.change.after.as_ref()) else { continue };
        match (attempt, &task.work.survey) {
            (Attempt::First, Survey::Absent) => fresh.push((task, person)),
            // What is not its key's account is looked at again, for whose else it may be.
            _ => doubtful.push((task, person)),
        }
    }
    let people: Vec<&Person> = doubtful.iter().map(|(_, person)| *person).collect();
    match user_lookup::find(session, &people).await {
        Ok(found) => {
            for ((task, person), found) in doubtful.into_iter().zip(found) {
                match decide(session, task, found) {
                    Decision::Make => fresh.push((task, person)),
                    Decision::Ours(id) => known.push((task, person, id, Ownership::Created)),
                    Decision::TakeOver(id) => known.push((task, person, id, Ownership::Adopted)),
                    Decision::Refuse(code) => slots.rejected(task.index, code),
                }
            }
        }
        Err(refused) => doubtful.iter().for_each(|(task, _)| slots.refused(task.index, &refused)),
    }
    let found_there = known.len();
    let made = make(session, fresh, slots).await;
    let mut entries = Vec::new();
    for (at, (task, person, id, ownership)) in known.into_iter().chain(made).enumerate() {
        slots.known(task.index, id, ownership);
        // What was sent when it was made, or was to be when it was taken over, is not known.
        let doubtful = task.work.change.cause == Cause::InDoubt && at < found_there;
        let fields = match ownership {
            _ if ownership == Ownership::Adopted || doubtful => match whole(person) {
                Ok(fields) => fields,
                Err(code) => {
                    slots.rejected(task.index, code);
                    continue;
                }
            },
            // An account cannot be born suspended.
            _ if person.status == Some(Status::Inactive) => vec![suspended(true)],
            _ => continue,
        };
        entries.push(entry(task.index, &id.to_string(), fields));
    }
    settle_updates(send::send(session, UPDATE, entries).await, slots);
}

enum Decision {
    Make,
    Ours(u64),
    TakeOver(u64),
    Refuse(&'static str),
}

/// | found | what |
/// |---|---|
/// | nothing | made |
/// | by key, and nothing before our claim | ours, as it was made |
/// | by key, in doubt | ours, and told everything |
/// | by key, user name, address, with the rule for it | taken over |
/// | without the rule, or with another key | refused |
fn decide(session: &Session<'_>, task: Task<'_>, found: FoundUser) -> Decision {
    let adopt = session.site.config.adopt;
    let change = &task.work.change;
    let before_us = task.work.survey != Survey::Absent && change.cause != Cause::InDoubt;
    let asked = change.action == Action::Adopt;
    match found {
        FoundUser::Absent => Decision::Make,
        FoundUser::Many { .. } => Decision::Refuse("ambiguous-match"),
        FoundUser::Taken { by: MatchedBy::Email, .. } => Decision::Refuse("email-taken"),
        FoundUser::Taken { .. } => Decision::Refuse("username-taken"),
        FoundUser::One { id, by: MatchedBy::Key } if !before_us => Decision::Ours(id),
        FoundUser::One { id, by } => match by {
            MatchedBy::Key if adopt.idnumber || asked => Decision::TakeOver(id),
            MatchedBy::Username if adopt.username || asked => Decision::TakeOver(id),
            MatchedBy::Email if adopt.email || asked => Decision::TakeOver(id),
            MatchedBy::Username => Decision::Refuse("username-taken"),
            MatchedBy::Email => Decision::Refuse("email-taken"),
            _ => Decision::Refuse("not-adopted"),
        },
    }
}

type Made<'a> = (Task<'a>, &'a Person, u64, Ownership);

/// Makes accounts; one whose delivered password the site refuses gets one that nobody knows. One
/// whose password we made for a list is refused with it.
async fn make<'a>(
    session: &Session<'_>,
    people: Vec<(Task<'a>, &'a Person)>,
    slots: &mut Slots,
) -> Vec<Made<'a>> {
    let config = &session.site.config;
    let mut entries = Vec::new();
    for (task, person) in &people {
        match user_fields::account(person) {
            Ok(mut fields) => {
                let issued = task.work.issued.as_ref();
                let (login, odd) =
                    user_fields::login(person, issued, config, &*session.site.random);
                fields.extend(login);
                if let Some(odd) = odd {
                    slots.remark(task.index, odd);
                }
                entries.push(Entry::new(task.index, fields));
            }
            Err(code) => slots.rejected(task.index, code),
        }
    }
    let mut sent = send::send(session, CREATE, entries).await;
    let again: Vec<Entry> = sent
        .extract_if(.., |(entry, sent)| is_password_refusal(sent) && !is_issued(entry))
        .map(|(entry, _)| entry)
        .collect();
    let again = again.into_iter().map(|mut entry| {
        slots.remark(entry.index, "password-refused");
        entry.fields.retain(|(name, _)| *name != "password");
        entry.fields.push(("password", user_fields::random_password(&*session.site.random)));
        entry
    });
    let again = again.collect();
    sent.extend(send::send(session, CREATE, again).await);

    let mut made = Vec::new();
    let mut silent = Vec::new();
    let of = |entry: &Entry| people.iter().find(|(task, _)| task.index == entry.index);
    for (entry, sent) in sent {
        match (of(&entry), sent) {
            (Some((task, person)), Ok(Some(id))) => {
                made.push((*task, *person, id, Ownership::Created))
            }
            (Some((task, person)), Err(refused)) if is_unknown(&refused) => {
                silent.push((*task, *person, refused));
            }
            (_, Err(refused)) => slots.refused(entry.index, &refused),
            (_, Ok(_)) => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
    made.extend(look_back(session, silent, slots).await);
    made
}

/// After silence: what is there now and was not before is ours.
async fn look_back<'a>(
    session: &Session<'_>,
    silent: Vec<(Task<'a>, &'a Person, Refused)>,
    slots: &mut Slots,
) -> Vec<Made<'a>> {
    let people: Vec<&Person> = silent.iter().map(|(_, person, _)| *person).collect();
    let found = match user_lookup::find(session, &people).await {
        Ok(found) => found,
        Err(_) => vec![FoundUser::Many { count: 0 }; silent.len()],
    };
    let mut made = Vec::new();
    for ((task, person, refused), found) in silent.into_iter().zip(found) {
        match found {
            FoundUser::One { id, by: MatchedBy::Key } => {
                made.push((task, person, id, Ownership::Created));
            }
            FoundUser::Absent => {
                slots.settle(task.index, Receipt::of(send::not_found_after(&refused)));
            }
            _ => slots.settle(task.index, Receipt::of(Outcome::Unknown)),
        }
    }
    made
}

/// Whether its password is on a list: no other one can take its place, for the list would be wrong.
fn is_issued(entry: &Entry) -> bool {
    entry.field(user_fields::FORCED_CHANGE[0].0).is_some()
}

fn is_password_refusal(sent: &Sent) -> bool {
    matches!(sent, Err(Refused::Failed(error)) if error.code == "password-refused")
}

async fn update(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let ids = ids(session, &tasks, slots).await;
    let mut entries = Vec::new();
    for (task, id) in tasks.into_iter().zip(ids) {
        let Some(id) = id else { continue };
        match wanted(task) {
            Ok(fields) if fields.is_empty() => slots.applied(task.index),
            Ok(fields) => entries.push(entry(task.index, &id, fields)),
            Err(code) => slots.rejected(task.index, code),
        }
    }
    settle_updates(send::send(session, UPDATE, entries).await, slots);
}

/// What an update, suspension, restoration or re-key sends. Where Moodle's state is not known for
/// sure, everything; else what differs.
fn wanted(task: Task<'_>) -> Result<UserFields, &'static str> {
    let change = &task.work.change;
    if let Some(name) = &change.temporary {
        return Ok(vec![("username", name.to_lowercase())]);
    }
    if change.action == Action::Suspend {
        return Ok(vec![suspended(true)]);
    }
    let Some(after) = person(change.after.as_ref()) else { return Ok(Vec::new()) };
    let before = person(change.before.as_ref()).filter(|_| change.cause != Cause::InDoubt);
    let mut fields = match before {
        Some(before) => {
            let known = user_fields::account(before).unwrap_or_default();
            user_fields::changed(&known, user_fields::account(after)?)
        }
        None => user_fields::account(after)?,
    };
    read_back::leave(task, &mut fields);
    let restored = change.action == Action::Restore;
    if restored || before.is_none_or(|before| before.status != after.status) {
        match after.status {
            Some(Status::Inactive) => fields.push(suspended(true)),
            Some(Status::Active) => fields.push(suspended(false)),
            None if restored => fields.push(suspended(false)),
            None => {}
        }
    }
    Ok(fields)
}

/// Everything that an account is to have, for one that is taken over.
fn whole(person: &Person) -> Result<UserFields, &'static str> {
    let mut fields = user_fields::account(person)?;
    if let Some(status) = person.status {
        fields.push(suspended(status == Status::Inactive));
    }
    Ok(fields)
}

/// The accounts' ids: known from the plan, else looked up by key.
async fn ids(session: &Session<'_>, tasks: &[Task<'_>], slots: &mut Slots) -> Vec<Option<String>> {
    let known = |task: &Task<'_>| task.work.change.lms_id.as_ref().map(ToString::to_string);
    let mut ids: Vec<Option<String>> = tasks.iter().map(known).collect();
    let open: Vec<usize> = (0..tasks.len()).filter(|at| ids[*at].is_none()).collect();
    let record = |task: Task<'_>| {
        let change = &task.work.change;
        // A re-key is looked for by the key that Moodle still has.
        person(change.before.as_ref()).or(person(change.after.as_ref())).cloned()
    };
    let people: Vec<Person> = open.iter().filter_map(|at| record(tasks[*at])).collect();
    let people: Vec<&Person> = people.iter().collect();
    match user_lookup::find(session, &people).await {
        Ok(found) => {
            for (at, found) in open.into_iter().zip(found) {
                match found {
                    FoundUser::One { id, by: MatchedBy::Key } => ids[at] = Some(id.to_string()),
                    FoundUser::Many { .. } => slots.rejected(tasks[at].index, "ambiguous-match"),
                    _ => slots.rejected(tasks[at].index, "not-there"),
                }
            }
        }
        Err(refused) => open.iter().for_each(|at| slots.refused(tasks[*at].index, &refused)),
    }
    ids
}

fn settle_updates(sent: Vec<(Entry, Sent)>, slots: &mut Slots) {
    for (entry, sent) in sent {
        match sent {
            Ok(_) => slots.applied(entry.index),
            Err(Refused::Failed(error))
                if error.code == "dmlwriteexception" && entry.field("username").is_some() =>
            {
                slots.rejected(entry.index, "username-taken")
            }
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
}

async fn remove(session: &Session<'_>, tasks: Vec<Task<'_>>, slots: &mut Slots) {
    let mut entries = Vec::new();
    for task in tasks {
        match &task.work.change.lms_id {
            Some(id) => entries.push(Entry::new(task.index, vec![("", id.to_string())])),
            // Without an id nobody can say which account is ours to delete.
            None => slots.rejected(task.index, "no-lms-id"),
        }
    }
    let mut silent = Vec::new();
    for (entry, sent) in send::send(session, DELETE, entries).await {
        match sent {
            Ok(_) => slots.applied(entry.index),
            Err(refused) if is_gone(&refused) => slots.applied(entry.index),
            Err(refused) if is_unknown(&refused) => silent.push(entry),
            Err(refused) => slots.refused(entry.index, &refused),
        }
    }
    let ids: Vec<String> =
        silent.iter().filter_map(|entry| entry.field("").map(str::to_owned)).collect();
    let alive = user_lookup::alive(session, &ids).await;
    for entry in silent {
        let id = entry.field("").and_then(|id| id.parse::<u64>().ok());
        match &alive {
            Ok(alive) if id.is_some_and(|id| !alive.contains(&id)) => slots.applied(entry.index),
            _ => slots.settle(entry.index, Receipt::of(Outcome::Unknown)),
        }
    }
}

fn entry(index: usize, id: &str, fields: UserFields) -> Entry {
    let mut all = vec![("id", id.to_owned())];
    all.extend(fields);
    Entry::new(index, all)
}

fn suspended(yes: bool) -> (&'static str, String) {
    ("suspended", u8::from(yes).to_string())
}
