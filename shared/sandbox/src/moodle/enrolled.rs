//! Who is in a course.

use super::SITE_COURSE;
use super::answer::Out;
use super::call::{Call, row_id};
use super::categories::number;
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::rows::{COURSE_ROLES, Detail, Manual, Member, Standing, User};
use super::user_reads::{names, pictures, push_detail};

/// Fields that may be asked for. The last ones are known, but never in this answer.
const KNOWN_FIELDS: [&str; 32] = [
    "id",
    "fullname",
    "username",
    "firstname",
    "lastname",
    "email",
    "address",
    "phone1",
    "phone2",
    "department",
    "institution",
    "idnumber",
    "interests",
    "firstaccess",
    "lastaccess",
    "lastcourseaccess",
    "description",
    "descriptionformat",
    "city",
    "country",
    "profileimageurl",
    "profileimageurlsmall",
    "customfields",
    "groups",
    "roles",
    "preferences",
    "enrolledcourses",
    "auth",
    "confirmed",
    "lang",
    "timezone",
    "suspended",
];

/// Whether an enrolment counts now: not suspended, begun, not over.
pub(super) fn is_active(member: &Member, now: i64) -> bool {
    member.standing == Standing::Active
        && member.start() <= now
        && (member.end() == 0 || member.end() > now)
}

#[derive(Default)]
struct Options {
    active: bool,
    suspended: bool,
    group: u32,
    fields: Vec<String>,
    from: i64,
    number: i64,
    backwards: bool,
}

impl Options {
    fn read(fields: &mut Fields<'_>) -> Outcome<Self> {
        let given = fields.optional_structures("options", |option| {
            Ok((option.text("name", Kind::Word)?, option.text("value", Kind::Raw)?))
        })?;
        let mut options = Self::default();
        for (name, value) in given {
            let yes = !matches!(value.as_ref(), "" | "0");
            match name.as_ref() {
                "onlyactive" => options.active = yes,
                "onlysuspended" => options.suspended = yes,
                "groupid" => options.group = row_id(number(&value)),
                "userfields" => options.fields.extend(value.split(',').map(|field| {
                    field
                        .chars()
                        .filter(|sign| sign.is_ascii_alphanumeric() || "_-".contains(*sign))
                        .collect()
                })),
                "limitfrom" => options.from = number(&value),
                "limitnumber" => options.number = number(&value),
                "sortby"
                    if !["id", "firstname", "lastname", "siteorder"].contains(&value.as_ref()) =>
                {
                    return Err(Refusal::parameter());
                }
                "sortdirection" => match value.to_ascii_uppercase().as_str() {
                    "ASC" => options.backwards = false,
                    "DESC" => options.backwards = true,
                    _ => return Err(Refusal::parameter()),
                },
                // Sorting by name and unknown options make no difference.
                _ => {}
            }
        }
        Ok(options)
    }

    fn wants(&self, field: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|wanted| wanted == field)
    }
}

/// `core_enrol_get_enrolled_users`: by id. Suspended enrolments are among them and look the same;
/// the front page has everybody.
pub(super) fn get(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let course = fields.int("courseid")?;
    let options = Options::read(&mut fields)?;
    fields.finish()?;
    let (course, row) = call.course(course).ok_or_else(Refusal::missing_record)?;
    if options.active && options.suspended {
        return Err(Refusal::coding("onlyactive and onlysuspended exclude each other"));
    }
    let manual = row.manual == Manual::Enabled;
    let chosen = |member: &Member| {
        let active = manual && is_active(member, call.now);
        member.is_enrolled() && (!options.active || active) && (!options.suspended || !active)
    };
    let in_group = |user: u32| {
        options.group == 0
            || call
                .state
                .groups
                .attached(options.group)
                .is_some_and(|squad| squad.members.contains(&user))
    };
    let mut ids: Vec<u32> = if course == SITE_COURSE {
        call.state.users.iter().filter(|(_, user)| !user.row.deleted).map(|(id, _)| id).collect()
    } else {
        let members = call.state.courses.attached(course).map(|room| &room.members);
        let members = members.into_iter().flatten();
        members.filter(|(_, member)| chosen(member)).map(|(user, _)| *user).collect()
    };
    ids.retain(|user| in_group(*user));
    if options.backwards {
        ids.reverse();
    }
    let from = usize::try_from(options.from).unwrap_or(0);
    let number = usize::try_from(options.number).ok().filter(|number| *number > 0);
    let page = ids.into_iter().skip(from).take(number.unwrap_or(usize::MAX));
    let mut shown = Vec::new();
    for id in page {
        // Only who asks for somebody learns that a field is unknown.
        if let Some(unknown) =
            options.fields.iter().find(|field| !KNOWN_FIELDS.contains(&field.as_str()))
        {
            return Err(Refusal::of("invaliduserfield", format!("Invalid user field: {unknown}")));
        }
        if let Some(user) = call.state.users.get(id) {
            shown.push(card(call, course, id, user, &options));
        }
    }
    Ok(Out::List(shown))
}

fn card(call: &Call<'_>, course: u32, id: u32, user: &User, options: &Options) -> Out {
    let always = |field: &str| matches!(field, "id" | "fullname");
    let mut shown = names(id, user);
    shown.retain(|(field, _)| always(field) || options.wants(field));
    let mut rest = vec![("email", Out::text(&user.email))];
    push_detail(&mut rest, "address", user.detail(Detail::Address));
    rest.push(("department", Out::text(user.detail(Detail::Department))));
    push_detail(&mut rest, "institution", user.detail(Detail::Institution));
    push_detail(&mut rest, "idnumber", &user.idnumber);
    push_detail(&mut rest, "interests", user.detail(Detail::Interests));
    for field in ["firstaccess", "lastaccess", "lastcourseaccess"] {
        rest.push((field, Out::Int(0)));
    }
    if !user.detail(Detail::Description).is_empty() {
        rest.push(("description", Out::Text(call.shown(user.detail(Detail::Description)))));
        rest.push(("descriptionformat", Out::Int(1)));
    }
    push_detail(&mut rest, "city", user.detail(Detail::City));
    push_detail(&mut rest, "country", user.detail(Detail::Country));
    rest.extend(pictures(call));
    shown.extend(rest.into_iter().filter(|(field, _)| options.wants(field)));
    if options.wants("groups") {
        let groups = groups_of(call, course, id);
        if !groups.is_empty() {
            shown.push(("groups", Out::List(groups)));
        }
    }
    if options.wants("roles") {
        shown.push(("roles", Out::List(roles_of(call, course, id))));
    }
    if options.wants("enrolledcourses") {
        shown.push(("enrolledcourses", Out::List(courses_of(call, id))));
    }
    Out::Object(shown)
}

fn roles_of(call: &Call<'_>, course: u32, user: u32) -> Vec<Out> {
    let roles = call.state.member(course, user).map(|member| member.roles).unwrap_or_default();
    COURSE_ROLES
        .iter()
        .filter(|(role, _)| roles.has(*role))
        .map(|(role, name)| {
            Out::Object(vec![
                ("roleid", Out::Int(i64::from(*role))),
                // Standard roles have no name of their own here.
                ("name", Out::text("")),
                ("shortname", Out::text(name)),
                ("sortorder", Out::Int(0)),
            ])
        })
        .collect()
}

fn groups_of(call: &Call<'_>, course: u32, user: u32) -> Vec<Out> {
    let groups = call.state.courses.attached(course).map(|room| &room.groups);
    groups
        .into_iter()
        .flatten()
        .filter_map(|group| Some((*group, call.state.groups.entry(*group)?)))
        .filter(|(_, group)| group.attached.members.contains(&user))
        .map(|(id, group)| {
            Out::Object(vec![
                ("id", Out::id(id)),
                ("name", Out::Text(call.shown(&group.row.name))),
                ("description", Out::Text(call.shown(&group.row.description))),
                ("descriptionformat", Out::Int(1)),
            ])
        })
        .collect()
}

fn courses_of(call: &Call<'_>, user: u32) -> Vec<Out> {
    let courses = call.state.users.attached(user);
    courses
        .into_iter()
        .flatten()
        .rev()
        .filter(|id| {
            call.state.member(**id, user).is_some_and(|member| is_active(member, call.now))
        })
        .filter_map(|id| Some((*id, call.state.courses.get(*id)?)))
        .map(|(id, course)| {
            Out::Object(vec![
                ("id", Out::id(id)),
                ("fullname", Out::Text(call.shown(&course.fullname))),
                ("shortname", Out::Text(call.shown(&course.shortname))),
            ])
        })
        .collect()
}
