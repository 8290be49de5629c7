//! Courses: create, update, delete.

use std::borrow::Cow;

use super::SITE_COURSE;
use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::enrol::drop_member;
use super::errors::{Outcome, Refusal, warnings};
use super::params::{Fields, Kind};
use super::rows::{Course, Manual};
use super::state::Change;

/// A course without an end gets one this many seconds after its start.
const DEFAULT_LENGTH: i64 = 365 * 86_400;

struct Given<'a> {
    id: Option<i64>,
    fullname: Option<Cow<'a, str>>,
    shortname: Option<Cow<'a, str>>,
    category: Option<i64>,
    idnumber: Option<Cow<'a, str>>,
    summary: Option<Cow<'a, str>>,
    format: Option<Cow<'a, str>>,
    lang: Option<Cow<'a, str>>,
    start: Option<i64>,
    end: Option<i64>,
    /// In the order of [`NUMBERS`].
    numbers: [Option<i64>; NUMBERS.len()],
}

/// A parameter that is a plain number, and where it goes.
type Number = (&'static str, fn(&mut Course, i64));

const NUMBERS: [Number; 13] = [
    ("visible", |course, value| course.visible = value != 0),
    ("summaryformat", |course, value| course.summaryformat = value),
    ("showgrades", |course, value| course.showgrades = value),
    ("newsitems", |course, value| course.newsitems = value),
    ("numsections", |course, value| course.sections = value),
    ("maxbytes", |course, value| course.maxbytes = value),
    ("showreports", |course, value| course.showreports = value),
    ("hiddensections", |_, _| {}),
    ("groupmode", |course, value| course.groupmode = value),
    ("groupmodeforce", |course, value| course.groupmodeforce = value),
    ("defaultgroupingid", |course, value| course.defaultgroupingid = value),
    ("enablecompletion", |course, value| course.enablecompletion = value),
    ("completionnotify", |course, value| course.completionnotify = value),
];

impl<'a> Given<'a> {
    fn read(fields: &mut Fields<'a>) -> Outcome<Self> {
        let mut numbers = [None; NUMBERS.len()];
        for (place, (name, _)) in numbers.iter_mut().zip(NUMBERS) {
            *place = fields.opt_int(name)?;
        }
        let given = Self {
            id: fields.opt_int("id")?,
            fullname: fields.opt_text("fullname", Kind::Tagless)?,
            shortname: fields.opt_text("shortname", Kind::Tagless)?,
            category: fields.opt_int("categoryid")?,
            idnumber: fields.opt_text("idnumber", Kind::Raw)?,
            summary: fields.opt_text("summary", Kind::Raw)?,
            format: fields.opt_text("format", Kind::Plugin)?,
            lang: fields.opt_text("lang", Kind::Word)?,
            start: fields.opt_int("startdate")?,
            end: fields.opt_int("enddate")?,
            numbers,
        };
        fields.opt_text("forcetheme", Kind::Plugin)?;
        fields.optional_structures("courseformatoptions", |option| {
            option.text("name", Kind::Word)?;
            option.text("value", Kind::Raw)
        })?;
        // Custom fields that are not defined are ignored, and a fresh site defines none.
        fields.optional_structures("customfields", |field| {
            field.text("shortname", Kind::Word)?;
            field.text("value", Kind::Raw)
        })?;
        Ok(given)
    }

    /// The checks of texts, which come before those against other courses.
    fn check_texts(&self) -> Outcome<()> {
        for (name, value) in [("fullname", &self.fullname), ("shortname", &self.shortname)] {
            if value.as_deref().is_some_and(|value| value.trim().is_empty()) {
                return Err(invalid(name));
            }
        }
        if self.lang.as_deref().is_some_and(|lang| lang != "en") {
            return Err(invalid("lang"));
        }
        Ok(())
    }

    fn write_to(self, course: &mut Course, now: i64) {
        let set = |field: &mut compact_str::CompactString, value: Option<Cow<'_, str>>| {
            if let Some(value) = value {
                *field = value.as_ref().into();
            }
        };
        set(&mut course.fullname, self.fullname);
        set(&mut course.shortname, self.shortname);
        set(&mut course.idnumber, self.idnumber);
        set(&mut course.summary, self.summary);
        set(&mut course.format, self.format);
        set(&mut course.lang, self.lang);
        for (value, (_, put)) in self.numbers.into_iter().zip(NUMBERS) {
            if let Some(value) = value {
                put(course, value);
            }
        }
        course.start = self.start.unwrap_or(course.start);
        course.end = self.end.unwrap_or(course.end);
        course.modified = now;
    }
}

fn invalid(name: &str) -> Refusal {
    Refusal::of("errorinvalidparam", format!("The param \"{name}\" is invalid."))
}

pub(super) fn shortname_taken(name: &str) -> Refusal {
    Refusal::of("shortnametaken", format!("Short name is already used for another course ({name})"))
}

/// A course as it is before anything is said about it.
pub(super) fn blank(now: i64) -> Course {
    Course {
        fullname: "".into(),
        shortname: "".into(),
        idnumber: "".into(),
        category: 0,
        visible: true,
        start: 0,
        end: 0,
        summary: "".into(),
        summaryformat: 1,
        format: "topics".into(),
        lang: "".into(),
        sections: 0,
        groupmode: 0,
        groupmodeforce: 0,
        newsitems: 5,
        showgrades: 1,
        showreports: 0,
        maxbytes: 0,
        enablecompletion: 1,
        completionnotify: 0,
        defaultgroupingid: 0,
        manual: Manual::Enabled,
        created: now,
        modified: now,
    }
}

/// The checks against other courses, of dates and of widths.
fn check_row(call: &Call<'_>, course: &Course, own: Option<u32>) -> Outcome<()> {
    if call.state.course_named(&course.shortname).is_some_and(|other| Some(other) != own) {
        return Err(shortname_taken(&course.shortname));
    }
    if !course.idnumber.is_empty()
        && call.state.courses_numbered(&course.idnumber).iter().any(|other| Some(*other) != own)
    {
        return Err(Refusal::of(
            "courseidnumbertaken",
            format!("ID number is already used for another course ({})", course.idnumber),
        ));
    }
    if course.end != 0 && course.start == 0 {
        return Err(Refusal::of("nostartdatenoenddate", "A course with an end needs a start."));
    }
    if course.end != 0 && course.end < course.start {
        return Err(Refusal::of(
            "enddatebeforestartdate",
            "The course end date must be after the start date.",
        ));
    }
    if !fits(&course.fullname, 1333)
        || !fits(&course.shortname, 255)
        || !fits(&course.idnumber, 100)
        || !fits(&course.format, 21)
    {
        return Err(Refusal::write());
    }
    Ok(())
}

/// `core_course_create_courses`: all or nothing.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let courses = fields.structures("courses", |course| {
        let given = Given::read(course)?;
        let complete =
            given.fullname.is_some() && given.shortname.is_some() && given.category.is_some();
        if !complete || given.id.is_some() {
            return Err(Refusal::parameter());
        }
        Ok(given)
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(courses.len());
    for mut given in courses {
        let category = given.category.unwrap_or(0);
        if call.state.categories.get(row_id(category)).is_none() {
            return Err(Refusal::of(
                "errorcatcontextnotvalid",
                format!(
                    "The category (category id:{category}) cannot be used: \
                         Invalid parameter value detected"
                ),
            ));
        }
        given.check_texts()?;
        let start = given.start.unwrap_or(call.now - call.now.rem_euclid(86_400));
        given.start = Some(start);
        given.end = Some(given.end.unwrap_or(start + DEFAULT_LENGTH));
        let mut course = Box::new(blank(call.now));
        course.category = row_id(category);
        given.write_to(&mut course, call.now);
        check_row(call, &course, None)?;
        let id = call.state.courses.next;
        let shortname = Out::text(&course.shortname);
        call.put(Change::Course(id, Some(course)))?;
        made.push(Out::Object(vec![("id", Out::id(id)), ("shortname", shortname)]));
    }
    Ok(Out::List(made))
}

/// `core_course_update_courses`: each course by itself; what fails is a warning.
pub(super) fn update(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let courses = fields.structures("courses", |course| {
        let given = Given::read(course)?;
        Ok((given.id.ok_or_else(Refusal::parameter)?, given))
    })?;
    fields.finish()?;
    let mut told = Vec::new();
    for (id, given) in courses {
        if let Err(refusal) = update_one(call, id, given) {
            told.push(refusal.warning("course", id));
        }
    }
    Ok(warnings(told))
}

fn update_one(call: &mut Call<'_>, id: i64, given: Given<'_>) -> Outcome<()> {
    let (id, course) = call.course(id).ok_or_else(Refusal::missing_record)?;
    given.check_texts()?;
    let mut changed = Box::new(course.clone());
    let category = given.category.map_or(course.category, row_id);
    let moves = category != course.category;
    let known = call.state.categories.get(category).is_some();
    given.write_to(&mut changed, call.now);
    changed.category = category;
    check_row(call, &changed, Some(id))?;
    // The real one has stored the row, hidden as an unknown category is, by the time it misses
    // the category.
    changed.visible &= known || !moves;
    call.put(Change::Course(id, Some(changed)))?;
    if known || !moves { Ok(()) } else { Err(Refusal::missing_record()) }
}

/// `core_course_delete_courses`: each course by itself; what fails is a warning.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let ids = fields.ints("courseids")?;
    fields.finish()?;
    let mut told = Vec::new();
    for asked in ids {
        match call.course(asked).map(|(id, _)| id) {
            None => {
                let message = format!("Unknown course ID {asked}");
                told.push(Refusal::of("unknowncourseidnumber", message).warning("course", asked));
            }
            Some(SITE_COURSE) => {
                let message = format!("Course {asked} failed to be deleted");
                let refusal = Refusal::of("cannotdeletecategorycourse", message);
                told.push(refusal.warning("course", asked));
            }
            Some(id) => delete_one(call, id)?,
        }
    }
    Ok(warnings(told))
}

/// Deletes a course with its groups, groupings and enrolments.
pub(super) fn delete_one(call: &mut Call<'_>, id: u32) -> Outcome<()> {
    delete_groups(call, id)?;
    let Some(room) = call.state.courses.attached(id) else { return Ok(()) };
    let members: Vec<u32> = room.members.keys().copied().collect();
    for user in members {
        drop_member(call, id, user)?;
    }
    call.put(Change::Course(id, None))
}

/// Deletes the groups and groupings of a course.
pub(super) fn delete_groups(call: &mut Call<'_>, course: u32) -> Outcome<()> {
    let Some(room) = call.state.courses.attached(course) else { return Ok(()) };
    let groupings: Vec<u32> = room.groupings.iter().copied().collect();
    let groups: Vec<u32> = room.groups.iter().copied().collect();
    for grouping in groupings {
        super::groupings::delete_one(call, grouping)?;
    }
    for group in groups {
        super::groups::delete_one(call, group)?;
    }
    Ok(())
}
