//! Courses made or filled from other courses.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;

use super::answer::Out;
use super::call::{Call, row_id};
use super::categories::number;
use super::courses::{delete_groups, shortname_taken};
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::rows::{Course, Group};
use super::state::Change;

/// Settings that a duplication takes, of which only `users` shows in what is simulated.
const SETTINGS: [&str; 10] = [
    "activities",
    "blocks",
    "filters",
    "users",
    "enrolments",
    "role_assignments",
    "comments",
    "userscompletion",
    "logs",
    "grade_histories",
];

/// `core_course_duplicate_course`. Unless `users` is 0, **everybody is copied with their roles**;
/// the groups are copied either way, and the number is left empty.
pub(super) fn duplicate(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let source = fields.int("courseid")?;
    let fullname = fields.text("fullname", Kind::Tagless)?;
    let shortname = fields.text("shortname", Kind::Tagless)?;
    let category = row_id(fields.int("categoryid")?);
    let visible = fields.opt_int("visible")?.unwrap_or(1) != 0;
    let options = fields.optional_structures("options", |option| {
        Ok((option.text("name", Kind::Word)?, option.text("value", Kind::Raw)?))
    })?;
    fields.finish()?;
    let Some((source, row)) = call.course(source) else { return Err(invalid_course()) };
    if call.state.categories.get(category).is_none() {
        return Err(Refusal::missing_record());
    }
    let mut users = true;
    for (name, value) in &options {
        if !SETTINGS.contains(&name.as_ref()) || !matches!(number(value), 0 | 1) {
            let message = format!("Invalid external api parameter: {name}");
            return Err(Refusal::of("invalidextparam", message));
        }
        users = if name == "users" { number(value) == 1 } else { users };
    }
    if let Some(holder) = call.state.course_named(&shortname) {
        // The message names the holder's title, not the short name.
        let holder = call.state.courses.get(holder).map_or("", |row| row.fullname.as_str());
        return Err(shortname_taken(holder));
    }
    // This setting is documented, but a duplication has none of the name.
    if options.iter().any(|(name, _)| name == "enrolments") {
        return Err(Refusal {
            exception: "base_plan_exception",
            ..Refusal::untold("setting_by_name_not_found")
        });
    }
    let copy = Course {
        fullname: fullname.as_ref().into(),
        shortname: shortname.as_ref().into(),
        idnumber: "".into(),
        category,
        visible,
        created: call.now,
        modified: call.now,
        ..row.clone()
    };
    let id = call.state.courses.next;
    call.put(Change::Course(id, Some(Box::new(copy))))?;
    copy_people(call, source, id, users)?;
    Ok(Out::Object(vec![("id", Out::id(id)), ("shortname", Out::text(&shortname))]))
}

/// Copies groups and groupings, and with `users` the members, of one course to another. What
/// the other has under the same name stays as it is.
fn copy_people(call: &mut Call<'_>, from: u32, to: u32, users: bool) -> Outcome<()> {
    let (Some(room), Some(there)) =
        (call.state.courses.attached(from), call.state.courses.attached(to))
    else {
        return Ok(());
    };
    let members: Vec<_> = room
        .members
        .iter()
        .filter(|(_, member)| users && member.is_enrolled())
        .map(|(user, member)| (*user, member.clone()))
        .collect();
    let groups: Vec<u32> = room.groups.iter().copied().collect();
    let groupings: Vec<u32> = room.groupings.iter().copied().collect();
    let names = |id: &u32| call.state.groups.get(*id).map(|row| (row.name.clone(), *id));
    let known: HashMap<CompactString, u32> = there.groups.iter().filter_map(names).collect();
    let names = |id: &u32| call.state.groupings.get(*id).map(|row| row.name.clone());
    let known_groupings: HashSet<CompactString> =
        there.groupings.iter().filter_map(names).collect();
    for (user, member) in members {
        call.put(Change::Member(to, user, Some(member)))?;
    }
    let mut copied: HashMap<u32, u32> = HashMap::new();
    for group in groups {
        let Some(entry) = call.state.groups.entry(group) else { continue };
        if let Some(same) = known.get(&entry.row.name) {
            copied.insert(group, *same);
            continue;
        }
        let row = Group { course: to, ..(*entry.row).clone() };
        let within: Vec<u32> = entry.attached.members.iter().copied().filter(|_| users).collect();
        let id = call.state.groups.next;
        copied.insert(group, id);
        call.put(Change::Group(id, Some(Box::new(row))))?;
        for user in within {
            call.put(Change::GroupMember(id, user, true))?;
        }
    }
    for grouping in groupings {
        let Some(entry) = call.state.groupings.entry(grouping) else { continue };
        if known_groupings.contains(&entry.row.name) {
            continue;
        }
        let mut row = entry.row.clone();
        row.course = to;
        let within: Vec<u32> =
            entry.attached.iter().filter_map(|group| copied.get(group).copied()).collect();
        let id = call.state.groupings.next;
        call.put(Change::Grouping(id, Some(row)))?;
        for group in within {
            call.put(Change::GroupingGroup(id, group, true))?;
        }
    }
    Ok(())
}

/// `core_course_import_course`: activities are not simulated, so only groups and groupings come
/// over. With `deletecontent` those of the target go first, members and all; enrolments stay.
pub(super) fn import(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let from = fields.int("importfrom")?;
    let to = fields.int("importto")?;
    let delete = fields.opt_int("deletecontent")?.unwrap_or(0);
    let options = fields.optional_structures("options", |option| {
        Ok((option.text("name", Kind::Letters)?, option.text("value", Kind::Raw)?))
    })?;
    fields.finish()?;
    let refuse = |name: &str| {
        Err(Refusal::of("invalidextparam", format!("Invalid external api parameter: {name}")))
    };
    if !matches!(delete, 0 | 1) {
        return refuse(&delete.to_string());
    }
    if call.course(from).is_none() {
        return Err(invalid_course());
    }
    let Some((to, row)) = call.course(to) else { return Err(invalid_course()) };
    for (name, value) in options {
        if !["activities", "blocks", "filters"].contains(&name.as_ref())
            || !matches!(number(&value), 0 | 1)
        {
            return refuse(&name);
        }
    }
    let touched = Course { modified: call.now, ..row.clone() };
    let (from, _) = call.course(from).ok_or_else(invalid_course)?;
    if delete == 1 {
        delete_groups(call, to)?;
    }
    call.put(Change::Course(to, Some(Box::new(touched))))?;
    copy_people(call, from, to, false)?;
    Ok(Out::Null)
}

fn invalid_course() -> Refusal {
    Refusal::of("invalidcourseid", "You are trying to use an invalid course ID")
}
