//! `<group>`: courses, terms and org units.

use std::io::{self, Write};

use roster::{Course, Key, OrgUnit, Record, Term, Text};

use super::super::xml::XmlOut;
use super::{RecStatus, path, sourced_id, sourced_ids, timeframe};
use crate::ims::{GroupIs, GroupTypes, same_word};

/// Writes a course, term or org unit; any other record is none of this element's.
pub(super) fn write<W: Write>(
    xml: &mut XmlOut<W>,
    record: &Record,
    default_source: Option<&Text>,
) -> io::Result<()> {
    match record {
        Record::Course(it) => course(xml, it, it.source.as_ref().or(default_source)),
        Record::Term(it) => term(xml, it, it.source.as_ref().or(default_source)),
        Record::OrgUnit(it) => org_unit(xml, it, it.source.as_ref().or(default_source)),
        other => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{other:?} is no group"))),
    }
}

/// Announces that a course, term or org unit is gone.
pub(super) fn remove<W: Write>(
    xml: &mut XmlOut<W>,
    key: &Key,
    source: Option<&Text>,
) -> io::Result<()> {
    let id = key.owner().id;
    xml.open("group", RecStatus::Delete.attributes())?;
    sourced_id(xml, source, id)?;
    match key {
        Key::Term(_) => group_type(xml, &[TERM])?,
        Key::OrgUnit(_) => group_type(xml, &[ORG_UNIT])?,
        _ => {}
    }
    description(xml, (None, None, None))?;
    xml.close()
}

const TERM: &str = "Term";
const ORG_UNIT: &str = "Org unit";
const ALIAS: &str = "also-known-as";

fn course<W: Write>(xml: &mut XmlOut<W>, course: &Course, source: Option<&Text>) -> io::Result<()> {
    xml.open("group", RecStatus::AsIs.attributes())?;
    sourced_ids(xml, source, course.key().owner().id, course.former_keys.as_ref())?;
    if let Some(kind) = course.course_type.as_deref().filter(|kind| is_course(kind)) {
        group_type(xml, &[kind])?;
    }
    let names = (course.short_name.as_ref(), course.title.as_ref(), course.description.as_ref());
    description(xml, names)?;
    timeframe(xml, course.timeframe.as_ref())?;
    if let Some(allowed) = course.self_enrollment {
        xml.open("enrollcontrol", &[])?;
        xml.leaf("enrollallowed", &[], if allowed { "1" } else { "0" })?;
        xml.close()?;
    }
    xml.maybe("email", course.email.as_ref())?;
    xml.maybe("url", course.url.as_ref())?;
    if let Some(term) = &course.term {
        parent(xml, source, term, TERM)?;
    }
    if let Some(unit) = &course.org_unit {
        parent(xml, source, unit, ORG_UNIT)?;
    }
    for alias in course.attributes.iter().flatten().filter(|it| *it.label == *ALIAS) {
        relationship(xml, source, ("3", &alias.value, ALIAS))?;
    }
    xml.maybe("datasource", course.data_source.as_ref())?;
    extension(xml, course, source)?;
    xml.close()
}

/// The template, and what the format has no element for.
fn extension<W: Write>(
    xml: &mut XmlOut<W>,
    course: &Course,
    source: Option<&Text>,
) -> io::Result<()> {
    let attributes = course.attributes.iter().flatten().filter(|it| *it.label != *ALIAS);
    let attributes: Vec<_> = attributes.filter_map(path).collect();
    if course.template.is_none() && attributes.is_empty() {
        return Ok(());
    }
    xml.open("extension", &[])?;
    if let Some(template) = &course.template {
        xml.open("template", &[])?;
        xml.open("sourcesection", &[])?;
        sourced_id(xml, source, template)?;
        xml.close()?;
        xml.close()?;
    }
    for (path, value) in attributes {
        xml.nested(&path, value)?;
    }
    xml.close()
}

/// Whether a group of this type is read as a course again.
fn is_course(kind: &str) -> bool {
    let rules = GroupTypes::default().rules;
    let mut fitting = rules.iter().filter(|rule| {
        let value = rule.value.as_deref().is_some_and(|value| same_word(value, kind));
        value && rule.scheme.is_none() && rule.level.is_none()
    });
    fitting.next().is_none_or(|rule| rule.is == GroupIs::Course)
}

fn term<W: Write>(xml: &mut XmlOut<W>, term: &Term, source: Option<&Text>) -> io::Result<()> {
    let id = term.key().owner().id;
    xml.open("group", RecStatus::AsIs.attributes())?;
    sourced_id(xml, source, id)?;
    group_type(xml, &[TERM])?;
    description(xml, (term.short_name.as_ref(), term.title.as_ref(), None))?;
    timeframe(xml, term.timeframe.as_ref())?;
    if let Some(of) = &term.parent {
        parent(xml, source, of, TERM)?;
    }
    xml.maybe("datasource", term.data_source.as_ref())?;
    xml.close()
}

fn org_unit<W: Write>(
    xml: &mut XmlOut<W>,
    unit: &OrgUnit,
    source: Option<&Text>,
) -> io::Result<()> {
    let id = unit.key().owner().id;
    xml.open("group", RecStatus::AsIs.attributes())?;
    sourced_id(xml, source, id)?;
    // Its own word first, and one by which any org unit is known.
    let types: Vec<&str> = unit.unit_type.as_deref().into_iter().chain([ORG_UNIT]).collect();
    group_type(xml, &types)?;
    description(xml, (unit.short_name.as_ref(), unit.title.as_ref(), None))?;
    if let Some(of) = &unit.parent {
        parent(xml, source, of, ORG_UNIT)?;
    }
    xml.maybe("datasource", unit.data_source.as_ref())?;
    xml.close()
}

fn group_type<W: Write>(xml: &mut XmlOut<W>, values: &[&str]) -> io::Result<()> {
    xml.open("grouptype", &[])?;
    for (level, value) in (1..).zip(values) {
        xml.leaf("typevalue", &[("level", &format!("{level}"))], value)?;
    }
    xml.close()
}

/// `<description>`: the schema demands a `short`, and a `short` alone is read as the title.
fn description<W: Write>(
    xml: &mut XmlOut<W>,
    (short, long, full): (Option<&Text>, Option<&Text>, Option<&Text>),
) -> io::Result<()> {
    let (short, long) = match (short, long) {
        (None, Some(title)) => (Some(title), None),
        both => both,
    };
    xml.open("description", &[])?;
    xml.leaf("short", &[], short.map_or("", Text::as_str))?;
    xml.maybe("long", long)?;
    xml.maybe("full", full)?;
    xml.close()
}

/// What this is part of.
fn parent<W: Write>(
    xml: &mut XmlOut<W>,
    source: Option<&Text>,
    id: &str,
    label: &str,
) -> io::Result<()> {
    relationship(xml, source, ("1", id, label))
}

/// `<relationship>`: its number, the other's id, and what it is called.
fn relationship<W: Write>(
    xml: &mut XmlOut<W>,
    source: Option<&Text>,
    (number, id, label): (&str, &str, &str),
) -> io::Result<()> {
    xml.open("relationship", &[("relation", number)])?;
    sourced_id(xml, source, id)?;
    xml.leaf("label", &[], label)?;
    xml.close()
}
