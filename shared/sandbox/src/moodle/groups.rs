//! Groups in courses and their members.

use std::borrow::Cow;

use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::rows::{Group, Member};
use super::state::Change;

struct Given<'a> {
    name: Cow<'a, str>,
    description: Option<Cow<'a, str>>,
    idnumber: Option<Cow<'a, str>>,
    enrolmentkey: Option<Cow<'a, str>>,
    visibility: Option<i64>,
    participation: Option<bool>,
}

impl<'a> Given<'a> {
    fn read(fields: &mut Fields<'a>) -> Outcome<Self> {
        let given = Self {
            name: fields.text("name", Kind::Tagless)?,
            description: fields.opt_text("description", Kind::Raw)?,
            idnumber: fields.opt_text("idnumber", Kind::Raw)?,
            enrolmentkey: fields.opt_text("enrolmentkey", Kind::Raw)?,
            visibility: fields.opt_int("visibility")?,
            participation: fields.opt_bool("participation")?,
        };
        fields.opt_int("descriptionformat")?;
        fields.optional_structures("customfields", |field| {
            field.text("shortname", Kind::Word)?;
            field.text("value", Kind::Raw)
        })?;
        if given.visibility.is_some_and(|visibility| !(0..=3).contains(&visibility)) {
            return Err(Refusal::parameter());
        }
        Ok(given)
    }
}

pub(super) fn idnumber_taken() -> Refusal {
    Refusal::of("idnumbertaken", "This ID number is already in use")
}

pub(super) fn invalid_context(course: i64) -> Refusal {
    Refusal::of(
        "errorcoursecontextnotvalid",
        format!("The course (course id:{course}) cannot be used: Invalid parameter value detected"),
    )
}

/// Whether another group of the course meets `test`.
fn other(call: &Call<'_>, course: u32, own: u32, test: impl Fn(&Group) -> bool) -> bool {
    let groups = call.state.courses.attached(course).map(|room| &room.groups);
    groups
        .into_iter()
        .flatten()
        .any(|id| *id != own && call.state.groups.get(*id).is_some_and(&test))
}

fn check_row(call: &Call<'_>, id: u32, group: &Group) -> Outcome<()> {
    if !group.idnumber.is_empty()
        && other(call, group.course, id, |known| known.idnumber == group.idnumber)
    {
        return Err(idnumber_taken());
    }
    let widths =
        fits(&group.name, 254) && fits(&group.idnumber, 100) && fits(&group.enrolmentkey, 50);
    if widths { Ok(()) } else { Err(Refusal::write()) }
}

/// `core_group_create_groups`: all or nothing.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let groups = fields.structures("groups", |group| {
        let course = group.int("courseid")?;
        let given = Given::read(group)?;
        let description = given.description.clone().ok_or_else(Refusal::parameter)?;
        Ok((course, given, description))
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(groups.len());
    for (asked, given, description) in groups {
        if given.name.trim().is_empty() {
            return Err(Refusal::parameter());
        }
        let course = row_id(asked);
        if other(call, course, 0, |known| known.name == given.name.as_ref()) {
            return Err(Refusal::parameter());
        }
        if call.course(asked).is_none() {
            return Err(invalid_context(asked));
        }
        let group = Group {
            course,
            // Trimmed only now: a name with space around it slips past the check above.
            name: given.name.trim().into(),
            description: description.as_ref().into(),
            idnumber: given.idnumber.unwrap_or_default().trim().into(),
            enrolmentkey: given.enrolmentkey.unwrap_or_default().as_ref().into(),
            visibility: given.visibility.unwrap_or(0),
            participation: given.participation.unwrap_or(true),
        };
        check_row(call, 0, &group)?;
        let id = call.state.groups.next;
        made.push(card(
            id,
            &group,
            group.name.to_string(),
            group.description.to_string(),
            Out::text(&group.enrolmentkey),
        ));
        call.put(Change::Group(id, Some(Box::new(group))))?;
    }
    Ok(Out::List(made))
}

fn card(id: u32, group: &Group, name: String, description: String, key: Out) -> Out {
    Out::Object(vec![
        ("id", Out::id(id)),
        ("courseid", Out::id(group.course)),
        ("name", Out::Text(name)),
        ("description", Out::Text(description)),
        ("descriptionformat", Out::Int(1)),
        ("enrolmentkey", key),
        ("idnumber", Out::text(&group.idnumber)),
        ("visibility", Out::Int(group.visibility)),
        ("participation", Out::Bool(group.participation)),
    ])
}

/// A group as it is read: an empty key is absent there.
fn read_card(call: &Call<'_>, id: u32, group: &Group) -> Out {
    let key =
        if group.enrolmentkey.is_empty() { Out::Null } else { Out::text(&group.enrolmentkey) };
    card(id, group, call.shown(&group.name), call.shown(&group.description), key)
}

/// `core_group_update_groups`: all or nothing; the name must be sent.
pub(super) fn update(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let groups =
        fields.structures("groups", |group| Ok((group.int("id")?, Given::read(group)?)))?;
    fields.finish()?;
    for (id, given) in groups {
        let id = row_id(id);
        let entry = call.state.groups.entry(id);
        let Some(entry) = entry.filter(|_| !given.name.trim().is_empty()) else {
            return Err(Refusal::parameter());
        };
        let mut group = entry.row.clone();
        let has_members = !entry.attached.members.is_empty();
        let fixed = given.visibility.is_some_and(|visibility| visibility != group.visibility)
            || given.participation.is_some_and(|within| within != group.participation);
        if other(call, group.course, id, |known| known.name == given.name.as_ref())
            || has_members && fixed
        {
            return Err(Refusal::parameter());
        }
        group.name = given.name.trim().into();
        let set = |field: &mut compact_str::CompactString, value: Option<Cow<'_, str>>| {
            if let Some(value) = value {
                *field = value.as_ref().into();
            }
        };
        set(&mut group.description, given.description);
        set(&mut group.idnumber, given.idnumber);
        set(&mut group.enrolmentkey, given.enrolmentkey);
        group.visibility = given.visibility.unwrap_or(group.visibility);
        group.participation = given.participation.unwrap_or(group.participation);
        check_row(call, id, &group)?;
        call.put(Change::Group(id, Some(group)))?;
    }
    Ok(Out::Null)
}

/// `core_group_delete_groups`: unknown ones are no error.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("groupids")?;
    fields.finish()?;
    for id in ids {
        delete_one(call, row_id(id))?;
    }
    Ok(Out::Null)
}

/// Deletes a group, if it is there, with its members and its place in groupings.
pub(super) fn delete_one(call: &mut Call<'_>, id: u32) -> Outcome<()> {
    let Some(squad) = call.state.groups.attached(id) else { return Ok(()) };
    let members: Vec<u32> = squad.members.iter().copied().collect();
    let groupings: Vec<u32> = squad.groupings.iter().copied().collect();
    for user in members {
        call.put(Change::GroupMember(id, user, false))?;
    }
    for grouping in groupings {
        call.put(Change::GroupingGroup(grouping, id, false))?;
    }
    call.put(Change::Group(id, None))
}

/// `core_group_get_course_groups`.
pub(super) fn of_course(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let asked = fields.int("courseid")?;
    fields.finish()?;
    let (course, _) = call.course(asked).ok_or_else(|| invalid_context(asked))?;
    let groups = call.state.courses.attached(course).map(|room| &room.groups);
    let groups = groups.into_iter().flatten();
    Ok(Out::List(
        groups.filter_map(|id| Some(read_card(call, *id, call.state.groups.get(*id)?))).collect(),
    ))
}

/// `core_group_get_groups`: all of them must be there.
pub(super) fn get(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("groupids")?;
    fields.finish()?;
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        let id = row_id(id);
        let group = call.state.groups.get(id).ok_or_else(Refusal::missing_record)?;
        let mut card = read_card(call, id, group);
        if let Out::Object(fields) = &mut card {
            fields.push(("customfields", Out::List(Vec::new())));
        }
        shown.push(card);
    }
    Ok(Out::List(shown))
}

fn read_members(fields: &mut Fields<'_>) -> Outcome<Vec<(i64, i64)>> {
    fields.structures("members", |member| Ok((member.int("groupid")?, member.int("userid")?)))
}

/// `core_group_add_group_members`: all or nothing; only who is enrolled can be added.
pub(super) fn add_members(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let members = read_members(&mut fields)?;
    fields.finish()?;
    for (group, user) in members {
        let group = row_id(group);
        let course = call.state.groups.get(group).ok_or_else(Refusal::missing_record)?.course;
        let (user, _) = call.live_user(user).ok_or_else(Refusal::missing_record)?;
        if !call.state.member(course, user).is_some_and(Member::is_enrolled) {
            return Err(Refusal::parameter());
        }
        call.put(Change::GroupMember(group, user, true))?;
    }
    Ok(Out::Null)
}

/// `core_group_delete_group_members`: all or nothing; who is not in the group is no error.
pub(super) fn delete_members(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let members = read_members(&mut fields)?;
    fields.finish()?;
    for (group, user) in members {
        let group = row_id(group);
        call.state.groups.get(group).ok_or_else(Refusal::missing_record)?;
        let (user, _) = call.live_user(user).ok_or_else(Refusal::missing_record)?;
        call.put(Change::GroupMember(group, user, false))?;
    }
    Ok(Out::Null)
}

/// `core_group_get_group_members`.
pub(super) fn get_members(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("groupids")?;
    fields.finish()?;
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        let id = row_id(id);
        let squad = call.state.groups.attached(id).ok_or_else(Refusal::missing_record)?;
        let users = squad.members.iter().map(|user| Out::id(*user)).collect();
        shown.push(Out::Object(vec![("groupid", Out::id(id)), ("userids", Out::List(users))]));
    }
    Ok(Out::List(shown))
}
