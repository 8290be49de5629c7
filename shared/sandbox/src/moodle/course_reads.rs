//! Courses: how they are found and shown.

use super::answer::Out;
use super::call::{Call, row_id};
use super::categories::number;
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::rows::{Course, Manual};
use super::{SITE_COURSE, course_context};

/// `core_course_get_courses_by_field`.
pub(super) fn by_field(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let field = fields.opt_text("field", Kind::Letters)?.unwrap_or_default();
    let value = fields.opt_text("value", Kind::Raw)?.unwrap_or_default();
    fields.finish()?;
    let state = &call.state;
    let ids: Vec<u32> = match field.as_ref() {
        "" => state.courses.iter().map(|(id, _)| id).collect(),
        "id" => vec![row_id(number(&value))],
        "ids" => {
            let ids: Vec<u32> = value.split(',').map(|id| row_id(number(id))).collect();
            if ids.iter().any(|id| state.courses.get(*id).is_none()) {
                return Err(Refusal::crash(
                    "Attempt to assign property \"contextvalidated\" on null",
                ));
            }
            ids
        }
        "shortname" => state.course_named(&value).into_iter().collect(),
        // An empty number is a number like any other here, and the front page has it.
        "idnumber" => state.courses_numbered(&value),
        "category" => {
            let category = row_id(number(&value));
            let inside = state.courses.iter().filter(|(_, course)| course.row.category == category);
            inside.map(|(id, _)| id).collect()
        }
        // Sections are not simulated.
        "sectionid" => Vec::new(),
        _ => return Err(Refusal::parameter()),
    };
    let shown = ids
        .into_iter()
        .filter_map(|id| Some(by_field_card(call, id, state.courses.get(id)?)))
        .collect();
    Ok(Out::Object(vec![("courses", Out::List(shown)), ("warnings", Out::List(Vec::new()))]))
}

fn by_field_card(call: &Call<'_>, id: u32, course: &Course) -> Out {
    let category = call.state.categories.get(course.category);
    let mut shown = vec![("id", Out::id(id))];
    shown.extend(titles(call, course));
    shown.extend([
        ("courseimage", Out::Text(image(call, id))),
        ("categoryid", Out::id(course.category)),
        ("categoryname", Out::Text(category.map_or(String::new(), |row| call.shown(&row.name)))),
        ("sortorder", Out::Int(sort_order(id, course))),
        ("summary", Out::Text(call.shown(&course.summary))),
        ("summaryformat", Out::Int(course.summaryformat)),
        ("summaryfiles", Out::List(Vec::new())),
        ("overviewfiles", Out::List(Vec::new())),
        ("showactivitydates", Out::Bool(true)),
        ("showcompletionconditions", Out::Bool(true)),
        ("contacts", Out::List(Vec::new())),
        ("enrollmentmethods", methods(id, course)),
        ("idnumber", Out::text(&course.idnumber)),
        ("format", Out::text(&course.format)),
        ("showgrades", Out::Int(course.showgrades)),
        ("newsitems", Out::Int(course.newsitems)),
        ("startdate", Out::Int(course.start)),
        ("enddate", Out::Int(course.end)),
        ("maxbytes", Out::Int(course.maxbytes)),
        ("showreports", Out::Int(course.showreports)),
        ("visible", Out::Int(i64::from(course.visible))),
        ("groupmode", Out::Int(course.groupmode)),
        ("groupmodeforce", Out::Int(course.groupmodeforce)),
        ("defaultgroupingid", Out::Int(course.defaultgroupingid)),
        ("enablecompletion", Out::Int(course.enablecompletion)),
        ("completionnotify", Out::Int(course.completionnotify)),
        ("lang", Out::text(&course.lang)),
        ("theme", Out::text("")),
        ("marker", Out::Int(0)),
        ("legacyfiles", Out::Int(0)),
        ("calendartype", Out::text("")),
        ("timecreated", Out::Int(course.created)),
        ("timemodified", Out::Int(course.modified)),
        ("requested", Out::Int(0)),
        ("cacherev", Out::Int(course.modified)),
        ("filters", Out::List(Vec::new())),
        ("courseformatoptions", format_options()),
    ]);
    Out::Object(shown)
}

/// `core_course_get_courses`: unknown ids are left out.
pub(super) fn get(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = if fields.has("options") {
        fields.nested("options", |options| {
            if options.has("ids") { options.ints("ids").map(Some) } else { Ok(None) }
        })?
    } else {
        None
    };
    fields.finish()?;
    let ids: Vec<u32> = match ids {
        Some(ids) => ids.into_iter().map(row_id).collect(),
        None => call.state.courses.iter().map(|(id, _)| id).collect(),
    };
    let shown = ids
        .into_iter()
        .filter_map(|id| Some(get_card(call, id, call.state.courses.get(id)?)))
        .collect();
    Ok(Out::List(shown))
}

fn get_card(call: &Call<'_>, id: u32, course: &Course) -> Out {
    let [fullname, displayname, shortname] = titles(call, course);
    Out::Object(vec![
        ("id", Out::id(id)),
        shortname,
        ("categoryid", Out::id(course.category)),
        ("categorysortorder", Out::Int(sort_order(id, course))),
        fullname,
        displayname,
        ("idnumber", Out::text(&course.idnumber)),
        ("summary", Out::Text(call.shown(&course.summary))),
        ("summaryformat", Out::Int(course.summaryformat)),
        ("format", Out::text(&course.format)),
        ("showgrades", Out::Int(course.showgrades)),
        ("newsitems", Out::Int(course.newsitems)),
        ("startdate", Out::Int(course.start)),
        ("enddate", Out::Int(course.end)),
        ("numsections", Out::Int(course.sections)),
        ("maxbytes", Out::Int(course.maxbytes)),
        ("showreports", Out::Int(course.showreports)),
        ("visible", Out::Int(i64::from(course.visible))),
        ("hiddensections", Out::Int(1)),
        ("groupmode", Out::Int(course.groupmode)),
        ("groupmodeforce", Out::Int(course.groupmodeforce)),
        ("defaultgroupingid", Out::Int(course.defaultgroupingid)),
        ("timecreated", Out::Int(course.created)),
        ("timemodified", Out::Int(course.modified)),
        ("enablecompletion", Out::Int(course.enablecompletion)),
        ("completionnotify", Out::Int(course.completionnotify)),
        ("lang", Out::text(&course.lang)),
        ("forcetheme", Out::text("")),
        ("courseformatoptions", format_options()),
        ("showactivitydates", Out::Bool(true)),
        ("showcompletionconditions", Out::Bool(true)),
    ])
}

/// `core_enrol_get_users_courses`: the courses in which a person's enrolment is active, the
/// newest first; nothing for an unknown person.
pub(super) fn of_user(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let user = fields.int("userid")?;
    fields.opt_bool("returnusercount")?;
    fields.finish()?;
    let Some((user, _)) = call.live_user(user) else { return Ok(Out::List(Vec::new())) };
    let courses = call.state.users.attached(user).cloned().unwrap_or_default();
    let shown = courses
        .into_iter()
        .rev()
        .filter(|id| {
            call.state
                .member(*id, user)
                .is_some_and(|member| super::enrolled::is_active(member, call.now))
        })
        .filter_map(|id| Some(of_user_card(call, id, call.state.courses.get(id)?)))
        .collect();
    Ok(Out::List(shown))
}

fn of_user_card(call: &Call<'_>, id: u32, course: &Course) -> Out {
    let [fullname, displayname, shortname] = titles(call, course);
    let enrolled = call.state.courses.attached(id).map_or(0, |room| room.enrolled);
    Out::Object(vec![
        ("id", Out::id(id)),
        shortname,
        fullname,
        displayname,
        ("enrolledusercount", Out::Int(enrolled as i64)),
        ("idnumber", Out::text(&course.idnumber)),
        ("visible", Out::Int(i64::from(course.visible))),
        ("summary", Out::Text(call.shown(&course.summary))),
        ("summaryformat", Out::Int(course.summaryformat)),
        ("format", Out::text(&course.format)),
        ("courseimage", Out::Text(image(call, id))),
        ("showgrades", Out::Bool(course.showgrades != 0)),
        ("lang", Out::text(&course.lang)),
        ("enablecompletion", Out::Bool(course.enablecompletion != 0)),
        ("completionhascriteria", Out::Bool(false)),
        ("completionusertracked", Out::Bool(true)),
        ("category", Out::id(course.category)),
        ("progress", Out::Null),
        ("completed", Out::Bool(false)),
        ("startdate", Out::Int(course.start)),
        ("enddate", Out::Int(course.end)),
        ("marker", Out::Int(0)),
        ("lastaccess", Out::Null),
        ("isfavourite", Out::Bool(false)),
        ("hidden", Out::Bool(false)),
        ("overviewfiles", Out::List(Vec::new())),
        ("showactivitydates", Out::Bool(true)),
        ("showcompletionconditions", Out::Bool(true)),
        ("timemodified", Out::Int(course.modified)),
    ])
}

fn titles(call: &Call<'_>, course: &Course) -> [(&'static str, Out); 3] {
    let fullname = call.shown(&course.fullname);
    [
        ("fullname", Out::Text(fullname.clone())),
        ("displayname", Out::Text(fullname)),
        ("shortname", Out::Text(call.shown(&course.shortname))),
    ]
}

fn image(call: &Call<'_>, id: u32) -> String {
    let context = course_context(id);
    format!("{}/pluginfile.php/{context}/course/generated/course.svg", call.address)
}

fn methods(id: u32, course: &Course) -> Out {
    let manual = course.manual == Manual::Enabled && id != SITE_COURSE;
    Out::List(manual.then(|| Out::text("manual")).into_iter().collect())
}

/// Newer courses come first in their category, as in the real one; the numbers are not its own.
fn sort_order(id: u32, course: &Course) -> i64 {
    if id == SITE_COURSE {
        1
    } else {
        i64::from(course.category) * 10_000 + 9_999 - i64::from(id % 9_999)
    }
}

fn format_options() -> Out {
    let option =
        |name, value| Out::Object(vec![("name", Out::text(name)), ("value", Out::Int(value))]);
    Out::List(vec![option("hiddensections", 1), option("coursedisplay", 0)])
}
