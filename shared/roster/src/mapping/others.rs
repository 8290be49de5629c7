//! Courses, groups, terms, org units and enrollments.

use super::text::shortened;
use super::{Context, CourseRules, EnrollmentRules, ShortNameFrom, TitleFrom};
use crate::{Course, Enrollment, Group, Key, OrgUnit, Role, Roles, Term, Text, Timeframe};

/// The course's code and days; [`course_title`] comes when the code is final.
pub(super) fn course(course: &mut Course, rules: &CourseRules, context: &mut Context<'_>) {
    let key = Text::new(course.key().owner().id);
    if rules.short_name == ShortNameFrom::Key || course.short_name.is_none() {
        course.short_name = Some(key);
    }
    if rules.truncate_code > 0
        && let Some(short) = course.short_name.as_deref()
        && let Some(Some(cut)) = shortened(short, rules.truncate_code)
    {
        course.short_name = Some(cut);
    }
    in_order(&mut course.timeframe, context);
}

pub(super) fn course_title(course: &mut Course, rules: &CourseRules) {
    if rules.title == TitleFrom::ShortName || course.title.is_none() {
        course.title.clone_from(&course.short_name);
    }
}

pub(super) fn term(term: &mut Term, context: &mut Context<'_>) {
    if term.title.is_none() {
        let id = Text::new(term.key().owner().id);
        term.title = Some(term.short_name.clone().unwrap_or(id));
    }
    in_order(&mut term.timeframe, context);
}

pub(super) fn org_unit(unit: &mut OrgUnit) {
    if unit.title.is_none() {
        let id = Text::new(unit.key().owner().id);
        unit.title = Some(unit.short_name.clone().unwrap_or(id));
    }
}

pub(super) fn group(group: &mut Group) {
    if group.title.is_none()
        && let Key::Group { group: id, .. } = group.key()
    {
        let id = id.text().clone();
        group.title = Some(id);
    }
}

/// The enrollment as the target should hold it; `None` where no role is left, after an error.
pub(super) fn enrollment(
    enrollment: &mut Enrollment,
    rules: &EnrollmentRules,
    context: &mut Context<'_>,
) -> Option<()> {
    in_order(&mut enrollment.timeframe, context);
    if let Some(roles) = enrollment.roles.take() {
        let known = |role: &&Role| rules.roles.is_empty() || rules.roles.contains(role.name());
        let kept: Roles = roles.iter().filter(known).cloned().collect();
        for role in roles.iter().filter(|role| !kept.contains(role)) {
            context.warn("role-unknown", |key| {
                format!("{key}: the target has no role for `{}`; it is left out", role.name())
            });
        }
        enrollment.roles = (!kept.is_empty()).then_some(kept);
    }
    if enrollment.roles.is_none() && rules.role_required {
        context.error("enrollment-no-role", |key| {
            format!("{key} has no role that the target knows; it is left out")
        });
        return None;
    }
    Some(())
}

/// Drops the days of a timeframe that ends before it begins.
fn in_order(timeframe: &mut Option<Timeframe>, context: &mut Context<'_>) {
    let Some(frame) = timeframe else { return };
    if let (Some(begin), Some(end)) = (frame.begin, frame.end)
        && end < begin
    {
        frame.begin = None;
        frame.end = None;
        frame.restrict_begin = false;
        frame.restrict_end = false;
        if frame.is_empty() {
            *timeframe = None;
        }
        context.warn("timeframe-reversed", |key| {
            format!("{key} ends before it begins; both days are left out")
        });
    }
}
