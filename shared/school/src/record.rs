//! Terms, org units and courses as records.

use roster::{Course as CourseRecord, CourseKey, OrgUnit, OrgUnitKey, Term, Text, Timeframe};

use crate::calendar::{Today, happened};
use crate::catalogue::FACULTIES;
use crate::course::{Course, Period, programme_key};
use crate::dice::About;
use crate::layout::{Layout, campus, department};
use crate::spec::SchoolSpec;

/// The calendar year in which today's school year began.
pub(crate) fn calendar_year(spec: &SchoolSpec, today: Today) -> i32 {
    i32::from(spec.year) + today.year as i32
}

/// The first and last day of `period`, which the LMS is to keep to.
pub(crate) fn timeframe(spec: &SchoolSpec, today: Today, period: Period) -> Timeframe {
    let (first, last) = period.days();
    Timeframe {
        begin: Some(Today::date(spec.year, today.year, first)),
        end: Some(Today::date(spec.year, today.year, last)),
        restrict_begin: true,
        restrict_end: true,
        admin_period: None,
    }
}

/// The school year and its two semesters.
pub(crate) fn terms(spec: &SchoolSpec, today: Today) -> Vec<Term> {
    let year = calendar_year(spec, today);
    let term = |period: Period, title: String| {
        let mut term = Term::new(period.term_key(year));
        term.short_name = Some(Text::new(term_name(period, year)));
        term.title = Some(Text::from(title));
        term.timeframe = Some(timeframe(spec, today, period));
        term.source = Some(Text::new(&spec.source));
        term
    };
    let years = format!("{year}-{}", year + 1);
    let whole = term(Period::Year, format!("Studiejaar {years}"));
    let semesters = [(Period::First, 1), (Period::Second, 2)].map(|(period, number)| {
        let mut semester = term(period, format!("Studiejaar {years}, semester {number}"));
        semester.parent = Some(Text::new(Period::Year.term_key(year).as_str()));
        semester
    });
    std::iter::once(whole).chain(semesters).collect()
}

fn term_name(period: Period, year: i32) -> String {
    period.term_key(year).as_str().replace('_', "-")
}

/// The institution, its faculties, and their programmes; parents first.
pub(crate) fn org_units(spec: &SchoolSpec, layout: &Layout) -> Vec<OrgUnit> {
    let unit = |key: OrgUnitKey, title: &str, unit_type: &str, parent: Option<OrgUnitKey>| {
        let mut unit = OrgUnit::new(key.clone());
        unit.short_name = Some(key.text().clone());
        unit.title = Some(Text::new(title));
        unit.unit_type = Some(Text::new(unit_type));
        unit.parent = parent.map(|parent| parent.text().clone());
        unit.source = Some(Text::new(&spec.source));
        unit
    };
    let root = OrgUnitKey::new("ORG");
    let mut units = vec![unit(root.clone(), &spec.name, "institution", None)];
    for (at, name) in FACULTIES.iter().enumerate() {
        if (0..layout.programmes).any(|programme| department(programme).faculty == at) {
            units.push(unit(faculty_key(at), name, "faculty", Some(root.clone())));
        }
    }
    for programme in 0..layout.programmes {
        let of = department(programme);
        let title = format!("{} ({})", of.name, place_name(programme));
        let parent = Some(faculty_key(of.faculty));
        units.push(unit(programme_key(programme), &title, "department", parent));
    }
    units
}

fn faculty_key(faculty: usize) -> OrgUnitKey {
    OrgUnitKey::new(format!("FAC-{}", faculty + 1))
}

fn place_name(programme: u64) -> String {
    match campus(programme) {
        (campus, 0) => campus.to_owned(),
        (campus, round) => format!("{campus} {}", round + 1),
    }
}

/// The key of the course whose content new courses of a department start with.
pub(crate) fn template_key(programme: u64) -> CourseKey {
    CourseKey::new(format!("template_{}", department(programme).code))
}

/// That course itself; it stands outside any term.
pub(crate) fn template(spec: &SchoolSpec, programme: u64) -> CourseRecord {
    let key = template_key(programme);
    let mut record = CourseRecord::new(key.clone());
    record.short_name = Some(Text::new(key.as_str()));
    record.title = Some(Text::from(format!("Sjabloon {}", department(programme).name)));
    record.org_unit = Some(programme_key(programme).text().clone());
    record.source = Some(Text::new(&spec.source));
    record.data_source = Some(Text::new("sis_templates"));
    record
}

/// The record of `course`.
pub(crate) fn course(spec: &SchoolSpec, course: &Course, today: Today) -> CourseRecord {
    let year = calendar_year(spec, today);
    let period = course.track.period();
    let programme = course.track.programme;
    let mut record = CourseRecord::new(course.key(year));
    record.short_name = Some(Text::from(short_name(course, year)));
    record.title = Some(Text::from(title(spec, course, today)));
    if course.dice.about(About::Title).of(2).chance(3_000) {
        let level = course.level;
        let text = format!("Voor jaar {level} van {}.", department(programme).name);
        record.description = Some(Text::from(text));
    }
    record.org_unit = Some(programme_key(programme).text().clone());
    record.term = Some(period.term_key(year).text().clone());
    record.timeframe = Some(timeframe(spec, today, period));
    if course.dice.about(About::Template).chance(2_500) {
        record.template = Some(template_key(programme).text().clone());
    }
    record.source = Some(Text::new(&spec.source));
    record.data_source = Some(Text::from(format!("{year}_{}_sis_courses", period.code())));
    record
}

/// Unlike any other of the school, in this year and all others: `INF7-2013 (2026 S1)`.
fn short_name(course: &Course, year: i32) -> String {
    let track = course.track;
    let code = department(track.programme).code;
    let (number, index, period) = (track.number, course.index, track.period().code());
    format!("{code}{}-{number}{index:03} ({year} {period})", track.programme)
}

fn title(spec: &SchoolSpec, course: &Course, today: Today) -> String {
    let dice = course.dice.about(About::Title);
    let subject = match course.track.number {
        0 => "Studieloopbaanbegeleiding",
        _ => *dice.of(0).pick(department(course.track.programme).subjects),
    };
    let title = format!("{subject} {}", course.level);
    match happened(course.dice.about(About::Retitle), spec.rates.retitle, today.day) {
        true => format!("{title} (vernieuwd)"),
        false => title,
    }
}
