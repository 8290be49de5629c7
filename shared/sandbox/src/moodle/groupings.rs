//! Groupings: sets of groups in a course.

use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::errors::{Outcome, Refusal};
use super::groups::{idnumber_taken, invalid_context};
use super::params::{Fields, Kind};
use super::rows::Grouping;
use super::state::Change;

/// `core_group_create_groupings`: all or nothing, but without an `idnumber` the answer fails
/// after everything was done.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let groupings = fields.structures("groupings", |grouping| {
        let course = grouping.int("courseid")?;
        let name = grouping.text("name", Kind::Tagless)?;
        let description = grouping.text("description", Kind::Raw)?;
        grouping.opt_int("descriptionformat")?;
        grouping.optional_structures("customfields", |field| {
            field.text("shortname", Kind::Word)?;
            field.text("value", Kind::Raw)
        })?;
        let idnumber = grouping.opt_text("idnumber", Kind::Raw)?;
        Ok((course, name, description, idnumber))
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(groupings.len());
    let mut answerable = true;
    for (asked, name, description, idnumber) in groupings {
        let course = row_id(asked);
        if name.trim().is_empty() || other(call, course, |known| known.name == name.as_ref()) {
            return Err(Refusal::parameter());
        }
        if call.course(asked).is_none() {
            return Err(invalid_context(asked));
        }
        let idnumber = idnumber.as_deref().map(str::trim);
        if idnumber.is_some_and(|idnumber| {
            !idnumber.is_empty()
                && other(call, course, |known| known.idnumber.as_deref() == Some(idnumber))
        }) {
            return Err(idnumber_taken());
        }
        if !fits(&name, 255) || !fits(idnumber.unwrap_or_default(), 100) {
            return Err(Refusal::write());
        }
        answerable &= idnumber.is_some();
        let grouping = Grouping {
            course,
            name: name.trim().into(),
            description: description.as_ref().into(),
            idnumber: idnumber.map(Into::into),
        };
        let id = call.state.groupings.next;
        made.push(card(id, &grouping, description.into_owned()));
        call.put(Change::Grouping(id, Some(Box::new(grouping))))?;
    }
    if answerable { Ok(Out::List(made)) } else { Err(Refusal::response()) }
}

/// Whether a grouping of the course meets `test`.
fn other(call: &Call<'_>, course: u32, test: impl Fn(&Grouping) -> bool) -> bool {
    let groupings = call.state.courses.attached(course).map(|room| &room.groupings);
    groupings.into_iter().flatten().any(|id| call.state.groupings.get(*id).is_some_and(&test))
}

fn card(id: u32, grouping: &Grouping, description: String) -> Out {
    Out::Object(vec![
        ("id", Out::id(id)),
        ("courseid", Out::id(grouping.course)),
        ("name", Out::text(&grouping.name)),
        ("description", Out::Text(description)),
        ("descriptionformat", Out::Int(1)),
        ("idnumber", Out::text(grouping.idnumber.as_deref().unwrap_or_default())),
    ])
}

/// `core_group_get_course_groupings`.
pub(super) fn of_course(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let asked = fields.int("courseid")?;
    fields.finish()?;
    let (course, _) = call.course(asked).ok_or_else(|| invalid_context(asked))?;
    let groupings = call.state.courses.attached(course).map(|room| &room.groupings);
    let shown = groupings.into_iter().flatten().filter_map(|id| {
        let grouping = call.state.groupings.get(*id)?;
        Some(card(*id, grouping, call.shown(&grouping.description)))
    });
    Ok(Out::List(shown.collect()))
}

/// `core_group_assign_grouping`: all or nothing. The group's course is not looked at.
pub(super) fn assign(call: &mut Call<'_>, fields: Fields<'_>) -> Outcome {
    switch(call, fields, "assignments", true)
}

/// `core_group_unassign_grouping`: all or nothing.
pub(super) fn unassign(call: &mut Call<'_>, fields: Fields<'_>) -> Outcome {
    switch(call, fields, "unassignments", false)
}

fn switch(call: &mut Call<'_>, mut fields: Fields<'_>, name: &str, within: bool) -> Outcome {
    let pairs =
        fields.structures(name, |pair| Ok((pair.int("groupingid")?, pair.int("groupid")?)))?;
    fields.finish()?;
    for (grouping, group) in pairs {
        let (grouping, group) = (row_id(grouping), row_id(group));
        if call.state.groupings.get(grouping).is_none() || call.state.groups.get(group).is_none() {
            return Err(Refusal::missing_record());
        }
        call.put(Change::GroupingGroup(grouping, group, within))?;
    }
    Ok(Out::Null)
}

/// `core_group_delete_groupings`: unknown ones are no error.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("groupingids")?;
    fields.finish()?;
    for id in ids {
        delete_one(call, row_id(id))?;
    }
    Ok(Out::Null)
}

/// Deletes a grouping, if it is there; its groups stay.
pub(super) fn delete_one(call: &mut Call<'_>, id: u32) -> Outcome<()> {
    let Some(groups) = call.state.groupings.attached(id) else { return Ok(()) };
    let groups: Vec<u32> = groups.iter().copied().collect();
    for group in groups {
        call.put(Change::GroupingGroup(id, group, false))?;
    }
    call.put(Change::Grouping(id, None))
}
