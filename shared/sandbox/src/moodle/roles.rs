//! Roles given and taken without touching enrolments. Only courses are simulated as contexts.

use super::answer::Out;
use super::call::{Call, row_id};
use super::enrol::course_role;
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::state::Change;
use super::{SITE_COURSE, course_of_context};

struct Given {
    role: i64,
    user: i64,
    course: Option<u32>,
}

fn read(fields: &mut Fields<'_>) -> Outcome<Given> {
    let role = fields.int("roleid")?;
    let user = fields.int("userid")?;
    let context = fields.opt_int("contextid")?;
    let level = fields.opt_text("contextlevel", Kind::Letters)?;
    let instance = fields.opt_int("instanceid")?;
    let course = match (context, level.as_deref(), instance) {
        (Some(context), ..) => course_of_context(context),
        (None, Some("course"), Some(instance)) => Some(row_id(instance)),
        _ => None,
    };
    Ok(Given { role, user, course })
}

/// The course and the role, where both can be used.
fn place(call: &Call<'_>, given: &Given) -> Outcome<(u32, u8)> {
    let course = given.course.filter(|id| call.state.courses.get(*id).is_some());
    match (course, course_role(given.role)) {
        (Some(course), Some(role)) if course != SITE_COURSE => Ok((course, role)),
        _ => Err(Refusal::parameter()),
    }
}

/// `core_role_assign_roles`: all or nothing. Who gets a role need not be enrolled.
pub(super) fn assign(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let assignments = fields.structures("assignments", read)?;
    fields.finish()?;
    for given in assignments {
        let (course, role) = place(call, &given)?;
        let Some((user, _)) = call.live_user(given.user) else {
            return Err(Refusal::coding("User ID does not exist or is deleted!"));
        };
        let mut member = call.state.member(course, user).cloned().unwrap_or_default();
        member.roles = member.roles.with(role);
        call.put(Change::Member(course, user, Some(member)))?;
    }
    Ok(Out::Null)
}

/// `core_role_unassign_roles`: all or nothing. Who does not have the role is no error.
pub(super) fn unassign(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let assignments = fields.structures("unassignments", read)?;
    fields.finish()?;
    for given in assignments {
        let (course, role) = place(call, &given)?;
        let user = row_id(given.user);
        let Some(member) = call.state.member(course, user) else { continue };
        let mut member = member.clone();
        member.roles = member.roles.without(role);
        let tied = member.is_enrolled() || !member.roles.is_empty();
        call.put(Change::Member(course, user, tied.then_some(member)))?;
    }
    Ok(Out::Null)
}
