//! A course as Moodle's fields, within what Moodle takes.

use roster::{Course, Status};

use super::config::UtcOffset;
use super::moments;
use super::user_fields::{has_tag, usable_key};

pub(super) type CourseFields = Vec<(&'static str, String)>;

/// The fields of our records that end up in a course.
pub(super) const COURSE_FIELDS: &[&str] = &[
    "short_name",
    "title",
    "description",
    "org_unit",
    "timeframe",
    "status",
    "template",
    "sourced_id",
];

/// Everything that a course is to have, but its category. `Err` is a code that says why Moodle
/// would refuse it.
pub(super) fn whole(course: &Course, offset: UtcOffset) -> Result<CourseFields, &'static str> {
    let mut fields = vec![
        ("fullname", course.title.as_deref().unwrap_or(short_name(course)).to_owned()),
        ("shortname", short_name(course).to_owned()),
        ("idnumber", usable_key(course.sourced_id())?.to_owned()),
    ];
    if let Some(about) = course.description.as_deref() {
        fields.push(("summary", about.to_owned()));
        // Plain text: what looks like HTML in it was not meant as such.
        fields.push(("summaryformat", "2".to_owned()));
    }
    let frame = course.timeframe.clone().unwrap_or_default();
    if let (Some(begin), Some(end)) = (frame.begin, frame.end)
        && end < begin
    {
        return Err("ends-before-it-begins");
    }
    if let Some(begin) = frame.begin {
        fields.push(("startdate", moments::first_second(begin, offset).to_string()));
    }
    // Left out, Moodle would set an end a year from now.
    let end = frame.end.map_or(0, |end| moments::last_second(end, offset));
    fields.push(("enddate", end.to_string()));
    if let Some(status) = course.status {
        fields.push(visible(status));
    }
    check(&fields)?;
    Ok(fields)
}

/// Whether students see the course.
pub(super) fn visible(status: Status) -> (&'static str, String) {
    ("visible", u8::from(status == Status::Active).to_string())
}

/// The course's short name, which Moodle keeps unique.
pub(super) fn short_name(course: &Course) -> &str {
    course.short_name.as_deref().unwrap_or_else(|| course.key().owner().id)
}

fn check(fields: &CourseFields) -> Result<(), &'static str> {
    for (name, value) in fields {
        let length = value.chars().count();
        match *name {
            "fullname" | "shortname" if has_tag(value) => return Err("tag-in-text"),
            "fullname" if length > 1333 => return Err("name-too-long"),
            "shortname" if length > 255 => return Err("short-name-too-long"),
            "idnumber" if length > 100 => return Err("key-too-long"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use roster::{CourseKey, Date, Text, Timeframe};

    use super::*;

    fn course() -> Course {
        let mut course = Course::new(CourseKey::new("C-1"));
        course.short_name = Some(Text::new("MA1"));
        course.title = Some(Text::new("Maths & more"));
        course
    }

    fn field<'a>(fields: &'a CourseFields, name: &str) -> Option<&'a str> {
        fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_course_without_an_end_says_so() {
        let fields = whole(&course(), UtcOffset(0)).unwrap();
        assert_eq!(field(&fields, "enddate"), Some("0"));
        assert_eq!(field(&fields, "startdate"), None);
        assert_eq!(field(&fields, "visible"), None);
        assert_eq!(field(&fields, "fullname"), Some("Maths & more"));
    }

    #[test]
    fn a_course_without_names_has_its_key() {
        let fields = whole(&Course::new(CourseKey::new("C-2")), UtcOffset(0)).unwrap();
        assert_eq!(
            (field(&fields, "shortname"), field(&fields, "fullname")),
            (Some("C-2"), Some("C-2"))
        );
    }

    #[test]
    fn what_moodle_would_refuse_is_refused_with_a_code() {
        type Change = fn(&mut Course);
        let cases: [(Change, &str); 5] = [
            (|c| c.title = Some(Text::new("a <b>bold</b>")), "tag-in-text"),
            (|c| c.short_name = Some(Text::new("s".repeat(256))), "short-name-too-long"),
            (|c| c.sourced_id = Some(Text::new("i".repeat(101))), "key-too-long"),
            (|c| c.sourced_id = Some(Text::new("0")), "unusable-key"),
            (
                |c| {
                    let (begin, end) = (Date::new(2027, 1, 1).ok(), Date::new(2026, 1, 1).ok());
                    c.timeframe = Some(Timeframe { begin, end, ..Timeframe::default() });
                },
                "ends-before-it-begins",
            ),
        ];
        for (change, code) in cases {
            let mut course = course();
            change(&mut course);
            assert_eq!(whole(&course, UtcOffset(0)), Err(code));
        }
    }
}
