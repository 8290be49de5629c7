//! Templates: text made of a record's fields.
//!
//! | written | stands for |
//! |---|---|
//! | `{given}` | the field; nothing at all comes of the template where it is unknown |
//! | `{nickname/given}` | the first of them that is known |
//! | `{given:1}` | its first character; `{begin:4}` is the year of a first day |
//! | `{family\|slug}` | small ASCII letters and digits alone; also `lower`, `upper`, `ascii` |
//! | `{number\|pad4}` | with zeros in front, four characters at least |
//! | `{term\|season}` | what the table `season` has for it; nothing where it has nothing |
//! | `{key}` | the record's key |
//! | `{part.year}` | a part of a course's key, see [`KeyParts`](super::KeyParts) |
//! | `{begin}`, `{end}` | first and last day: `2026-09-01` |
//! | `{user_id.TYPE}`, `{attribute.LABEL}` | one item of a list |
//! | `{{`, `}}` | a brace |

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::KeyParts;
use crate::{FieldSpec, Key, Kind, Labelled, Record, Timeframe, normal};

/// Tables that templates look values up in. `*` stands for every value that has no entry.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// A template as it is written and as it is read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    written: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Of { names: Vec<String>, first: usize, filters: Vec<Filter> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Lower,
    Upper,
    Ascii,
    Slug,
    Pad(usize),
    Table(String),
}

impl Template {
    /// What it makes of `record`; `None` where it needs what is not known.
    pub fn expand(
        &self,
        record: &Record,
        tables: &Tables,
        parts: Option<&KeyParts>,
    ) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Of { names, first, filters } => {
                    let found = names.iter().find_map(|name| value(record, name, parts))?;
                    let mut found = match first {
                        0 => found,
                        first => found.chars().take(*first).collect(),
                    };
                    for filter in filters {
                        found = filter.apply(found, tables)?;
                    }
                    if found.is_empty() {
                        return None;
                    }
                    text.push_str(&found);
                }
            }
        }
        Some(text)
    }

    /// Whether it reads nothing: then it is a constant.
    pub fn is_constant(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// What it makes of what `value` knows of each name. A name of which nothing is known is left
    /// out with the text before it, or where nothing stands before it with the text behind.
    pub(super) fn fill(&self, value: &dyn Fn(&str) -> Option<String>) -> String {
        let (mut text, mut gap, mut lost) = (String::new(), None, false);
        for piece in &self.pieces {
            let known = match piece {
                Piece::Text(plain) => {
                    if gap.is_none() && !(lost && text.is_empty()) {
                        gap = Some(plain.as_str());
                        lost = false;
                    }
                    continue;
                }
                Piece::Of { names, first, filters } => {
                    let found = names.iter().find_map(|name| value(name));
                    let found = found.map(|found| match first {
                        0 => found,
                        first => found.chars().take(*first).collect(),
                    });
                    filters.iter().try_fold(found, |found, filter| {
                        found.map(|found| filter.apply(found, &Tables::new()))
                    })
                }
            };
            match known.flatten() {
                Some(found) => {
                    text.push_str(gap.take().unwrap_or_default());
                    text.push_str(&found);
                    lost = false;
                }
                None => lost = true,
            }
        }
        if !lost {
            text.push_str(gap.unwrap_or_default());
        }
        text
    }

    /// The tables that it looks values up in.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        let filters = self.pieces.iter().flat_map(|piece| match piece {
            Piece::Text(_) => &[][..],
            Piece::Of { filters, .. } => filters.as_slice(),
        });
        filters.filter_map(|filter| match filter {
            Filter::Table(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The names that it reads.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.pieces.iter().flat_map(|piece| match piece {
            Piece::Text(_) => &[][..],
            Piece::Of { names, .. } => names.as_slice(),
        });
        names.map(String::as_str)
    }

    /// The fields of `kind` that it reads.
    ///
    /// # Errors
    /// A name that `kind` does not have, or a table that there is not.
    pub fn reads(
        &self,
        kind: Kind,
        tables: &Tables,
        parts: Option<&KeyParts>,
    ) -> Result<Vec<FieldSpec>, String> {
        for piece in &self.pieces {
            let Piece::Of { filters, .. } = piece else { continue };
            for filter in filters {
                if let Filter::Table(name) = filter
                    && !tables.contains_key(name)
                {
                    return Err(format!(
                        "there is no filter and no table `{name}`: filters are lower, upper, \
                         ascii, slug and pad with a number"
                    ));
                }
            }
        }
        let mut fields = Vec::new();
        for name in self.names() {
            match readable(kind, name, parts)? {
                Some(field) if !fields.contains(&field) => fields.push(field),
                _ => {}
            }
        }
        Ok(fields)
    }

    /// The table that turns `field` into another value of itself, where the template is that and
    /// nothing else.
    pub fn in_place(&self, field: &str) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Of { names, first: 0, filters }] if names.as_slice() == [field] => {
                match filters.as_slice() {
                    [Filter::Table(table)] => Some(table),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Filter {
    fn apply(&self, value: String, tables: &Tables) -> Option<String> {
        Some(match self {
            Self::Lower => value.to_lowercase(),
            Self::Upper => value.to_uppercase(),
            Self::Ascii => normal::to_ascii(&value),
            Self::Slug => {
                let mut slug = normal::to_ascii(&value).to_lowercase();
                slug.retain(|c| c.is_ascii_alphanumeric());
                slug
            }
            Self::Pad(width) => {
                let missing = width.saturating_sub(value.chars().count());
                format!("{}{value}", "0".repeat(missing))
            }
            Self::Table(name) => {
                let table = tables.get(name)?;
                table.get(&value).or_else(|| table.get("*"))?.clone()
            }
        })
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "ascii" => Self::Ascii,
            "slug" => Self::Slug,
            "" => return None,
            other => match other.strip_prefix("pad").map(str::parse) {
                Some(Ok(width)) if width <= 64 => Self::Pad(width),
                Some(Ok(_)) => return None,
                _ => Self::Table(other.to_owned()),
            },
        })
    }
}

/// The field that `name` reads of records of `kind`; `Ok(None)` where it reads no field.
fn readable(kind: Kind, name: &str, parts: Option<&KeyParts>) -> Result<Option<FieldSpec>, String> {
    let of = |field: &str| Record::spec(kind, field);
    let unknown = || format!("{kind} has no field `{name}` that a template can read");
    if let Some(part) = name.strip_prefix("part.") {
        let known = kind == Kind::Course && parts.is_some_and(|parts| parts.has(part));
        return if known { Ok(None) } else { Err(format!("course keys have no part `{part}`")) };
    }
    match name.split_once('.') {
        Some(("user_id", _)) => return of("user_ids").map(Some).ok_or_else(unknown),
        Some(("attribute", _)) => return of("attributes").map(Some).ok_or_else(unknown),
        _ => {}
    }
    match name {
        "key" => Ok(None),
        "begin" | "end" => of("timeframe").map(Some).ok_or_else(unknown),
        "password" => Err("a password goes into no template".to_owned()),
        field => of(field).map(Some).ok_or_else(unknown),
    }
}

/// What `name` is in `record`.
fn value(record: &Record, name: &str, parts: Option<&KeyParts>) -> Option<String> {
    if let Some(part) = name.strip_prefix("part.") {
        return parts?.split(record.key().owner().id)?.remove(part);
    }
    let listed = |list: Option<&Vec<Labelled>>, label: &str| {
        let item = list?.iter().find(|item| item.label.as_str() == label)?;
        Some(item.value.to_string())
    };
    match name.split_once('.') {
        Some(("user_id", label)) => {
            let Record::Person(person) = record else { return None };
            return listed(person.user_ids.as_ref(), label);
        }
        Some(("attribute", label)) => return listed(attributes(record), label),
        _ => {}
    }
    match name {
        "key" => Some(match record.key() {
            Key::Group { group, .. } => group.to_string(),
            key => key.owner().id.to_owned(),
        }),
        "begin" => timeframe(record)?.begin.map(|day| day.to_string()),
        "end" => timeframe(record)?.end.map(|day| day.to_string()),
        field => {
            let spec = Record::spec(record.kind(), field)?;
            record.field(spec).map(|shown| shown.into_owned())
        }
    }
}

fn attributes(record: &Record) -> Option<&Vec<Labelled>> {
    match record {
        Record::Person(person) => person.attributes.as_ref(),
        Record::Course(course) => course.attributes.as_ref(),
        Record::Enrollment(enrollment) => enrollment.attributes.as_ref(),
        _ => None,
    }
}

fn timeframe(record: &Record) -> Option<&Timeframe> {
    match record {
        Record::Term(term) => term.timeframe.as_ref(),
        Record::Course(course) => course.timeframe.as_ref(),
        Record::Enrollment(enrollment) => enrollment.timeframe.as_ref(),
        _ => None,
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = written.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let behind = &rest[at + 1..];
            if let Some(after) = behind.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err("a `}` without its `{`: write `}}` for a brace".to_owned());
            }
            let (inside, after) = behind.split_once('}').ok_or("a `{` without its `}`")?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece(inside)?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if pieces.is_empty() {
            return Err("an empty template makes nothing".to_owned());
        }
        Ok(Self { written, pieces })
    }
}

fn piece(inside: &str) -> Result<Piece, String> {
    let mut words = inside.split('|').map(str::trim);
    let names = words.next().unwrap_or_default();
    let (names, first) = match names.split_once(':') {
        None => (names, 0),
        Some((names, first)) => match first.trim().parse() {
            Ok(first) if first > 0 => (names, first),
            _ => return Err(format!("`{{{inside}}}`: behind `:` stands how many characters")),
        },
    };
    let names: Vec<String> = names.split('/').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err(format!("`{{{inside}}}` names no field"));
    }
    let filter = |name: &str| {
        Filter::named(name).ok_or_else(|| format!("`{{{inside}}}`: `{name}` is no filter"))
    };
    let filters = words.map(filter).collect::<Result<_, _>>()?;
    Ok(Piece::Of { names, first, filters })
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.written
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}
