//! Manual enrolments: in and out.

use super::answer::Out;
use super::call::{Call, row_id};
use super::errors::{Outcome, Refusal};
use super::params::Fields;
use super::rows::{COURSE_ROLES, Manual, Member, Standing};
use super::state::Change;
use super::{GUEST, SITE_COURSE};

struct Given {
    role: i64,
    user: i64,
    course: i64,
    start: i64,
    end: i64,
    suspend: bool,
}

/// A role that the service account may give in a course.
pub(super) fn course_role(role: i64) -> Option<u8> {
    COURSE_ROLES.iter().map(|(id, _)| *id).find(|id| i64::from(*id) == role)
}

/// `enrol_manual_enrol_users`: all or nothing. Who is enrolled already gets one more role, and
/// **state and dates as they are sent now**, so that leaving them out resets them.
pub(super) fn enrol(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let enrolments = fields.structures("enrolments", |enrolment| {
        Ok(Given {
            role: enrolment.int("roleid")?,
            user: enrolment.int("userid")?,
            course: enrolment.int("courseid")?,
            start: enrolment.opt_int("timestart")?.unwrap_or(0),
            end: enrolment.opt_int("timeend")?.unwrap_or(0),
            suspend: enrolment.opt_int("suspend")?.unwrap_or(0) != 0,
        })
    })?;
    fields.finish()?;
    for given in enrolments {
        enrol_one(call, &given)?;
    }
    Ok(Out::Null)
}

fn enrol_one(call: &mut Call<'_>, given: &Given) -> Outcome<()> {
    let (course, row) = call.course(given.course).ok_or_else(Refusal::parameter)?;
    let manual = row.manual;
    let user = active_user(call, given.user)?;
    let Some(role) = course_role(given.role) else {
        return Err(Refusal::of(
            "wsusercannotassign",
            format!(
                "The role ({}) cannot be given to this user ({user}) in this course ({course}).",
                given.role
            ),
        ));
    };
    if manual != Manual::Enabled || course == SITE_COURSE {
        return Err(no_instance(course));
    }
    let mut member = call.state.member(course, user).cloned().unwrap_or_default();
    if !member.is_enrolled() {
        member.since = u32::try_from(call.now).unwrap_or(0);
    }
    member.standing = if given.suspend { Standing::Suspended } else { Standing::Active };
    member.roles = member.roles.with(role);
    let dates = (given.start, given.end);
    member.dates = (dates != (0, 0)).then(|| Box::new(dates));
    call.put(Change::Member(course, user, Some(member)))
}

/// `enrol_manual_unenrol_users`: all or nothing. Takes every role and group, whatever role is
/// named; who is not enrolled is no error.
pub(super) fn unenrol(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let enrolments = fields.structures("enrolments", |enrolment| {
        let pair = (enrolment.int("userid")?, enrolment.int("courseid")?);
        enrolment.opt_int("roleid")?;
        Ok(pair)
    })?;
    fields.finish()?;
    for (user, course) in enrolments {
        let (course, row) = call.course(course).ok_or_else(Refusal::missing_record)?;
        if row.manual == Manual::Missing || course == SITE_COURSE {
            return Err(no_instance(course));
        }
        let user = active_user(call, user)?;
        if call.state.member(course, user).is_some_and(Member::is_enrolled) {
            drop_member(call, course, user)?;
        }
    }
    Ok(Out::Null)
}

/// An account that can be enrolled. A suspended one can.
fn active_user(call: &Call<'_>, id: i64) -> Outcome<u32> {
    let id = row_id(id);
    match call.state.users.get(id) {
        None => Err(Refusal::missing_record()),
        Some(user) if user.deleted => Err(Refusal::untold("userdeleted")),
        Some(_) if id == GUEST => Err(Refusal::untold("guestsarenotallowed")),
        Some(_) => Ok(id),
    }
}

fn no_instance(course: u32) -> Refusal {
    Refusal::of(
        "wsnoinstance",
        format!("There is no manual enrolment in this course, or it is disabled (id = {course})"),
    )
}

/// Takes a person out of a course: groups, roles, enrolment.
pub(super) fn drop_member(call: &mut Call<'_>, course: u32, user: u32) -> Outcome<()> {
    let Some(room) = call.state.courses.attached(course) else { return Ok(()) };
    let groups: Vec<u32> = room
        .groups
        .iter()
        .copied()
        .filter(|group| {
            call.state.groups.attached(*group).is_some_and(|squad| squad.members.contains(&user))
        })
        .collect();
    for group in groups {
        call.put(Change::GroupMember(group, user, false))?;
    }
    call.put(Change::Member(course, user, None))
}
