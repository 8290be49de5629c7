//! Lists: which column of a table, or attribute of a directory, says what of a person, a course or
//! an enrollment.
//!
//! ```
//! use roster::columns::{Column, Put};
//! use roster::{Person, PersonKey, Record};
//!
//! let mut person = Record::from(Person::new(PersonKey::new("p-1")));
//! let column = Column::try_from("person.email".to_owned()).unwrap();
//! assert_eq!(column.put(&mut person, "ada@school.example"), Put::Done);
//! let Record::Person(person) = person else { panic!("a person") };
//! assert_eq!(person.email.as_deref(), Some("ada@school.example"));
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::{Date, FieldSpec, Kind, Labelled, Record, Role, Roles, Text, Timeframe, normal};

/// The columns of a list by their headings, and what stands between them. A column that is not
/// named is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// What each says.
    pub of: BTreeMap<String, Vec<Column>>,
    /// What stands between two; found out by the headings where it is not said.
    pub separator: Option<char>,
    /// What a line is.
    pub rows: Rows,
    /// The role in an enrollment where the line says none; student where it is not said.
    pub role: Option<Role>,
}

/// What a line of a list is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// A person.
    #[default]
    Persons,
    /// A person in a course.
    Enrollments,
    /// A course.
    Courses,
}

impl Rows {
    /// The kinds of which its columns can say something.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Persons => &[Kind::Person],
            Self::Enrollments => &[Kind::Person, Kind::Course, Kind::Enrollment],
            Self::Courses => &[Kind::Course],
        }
    }

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Enrollments => "enrollments",
            Self::Courses => "courses",
        }
    }
}

impl Columns {
    /// Whether a column says this.
    pub fn say(&self, column: &Column) -> bool {
        self.of.values().flatten().any(|says| says == column)
    }

    /// Whether a person can be told from others by them: by key, user name or e-mail address.
    pub fn tell_persons(&self) -> bool {
        let tells = |column: &Column| match column {
            Column::Of(Kind::Person, Says::Key) => true,
            Column::Of(Kind::Person, Says::Field(field)) => {
                matches!(field.name, "username" | "email")
            }
            _ => false,
        };
        self.of.values().flatten().any(tells)
    }

    /// What is wrong with them for lines of this sort, in a sentence that says what to do.
    pub fn check(&self) -> Result<(), String> {
        let rows = self.rows.name();
        for column in self.of.values().flatten() {
            let fits = match column {
                Column::Of(Kind::Course, says) if self.rows == Rows::Enrollments => {
                    *says == Says::Key
                }
                Column::Of(_, Says::NewKey) if self.rows == Rows::Enrollments => false,
                Column::Of(kind, _) => self.rows.kinds().contains(kind),
                Column::Group => self.rows == Rows::Enrollments,
                Column::DataSource => true,
            };
            if !fits {
                return Err(format!(
                    "a list of kind \"{rows}\" cannot say `{column}`: {}",
                    match self.rows {
                        Rows::Persons => "its columns are of persons; set `kind`",
                        Rows::Enrollments => {
                            "of a course it names the key (course.key), and nobody's new one; a \
                             list of kind \"courses\" says the rest"
                        }
                        Rows::Courses => "its columns are of courses",
                    }
                ));
            }
        }
        if self.rows != Rows::Courses && !self.tell_persons() {
            return Err("`columns` names nothing that tells who a line is about: one of \
                        person.key, person.username and person.email"
                .to_owned());
        }
        if self.rows != Rows::Persons && !self.say(&Column::Of(Kind::Course, Says::Key)) {
            return Err(format!(
                "a list of kind \"{rows}\" needs a column that is course.key: which course a \
                 line is about"
            ));
        }
        match &self.role {
            Some(_) if self.rows != Rows::Enrollments => {
                Err("`role` goes with kind = \"enrollments\"".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// What a column says.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Column {
    /// Something of a person, course or enrollment.
    Of(Kind, Says),
    /// A group of the course that the person is in.
    Group,
    /// The data source key of the line's own record, whatever that is.
    DataSource,
}

/// What is said of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Its key.
    Key,
    /// The key that it has from now on, where that is another one.
    NewKey,
    /// A field.
    Field(FieldSpec),
    /// A person's user id of this type.
    UserId(Text),
    /// The free attribute of this name.
    Attribute(Text),
    /// The first day of a course or enrollment.
    Begin,
    /// The last day of a course or enrollment.
    End,
}

/// What became of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is noted, or was known already.
    Done,
    /// It is nothing that the field can be.
    Unreadable,
    /// The field has another value, and keeps it.
    Taken,
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{written}` is nothing that a column can be: person.key, a field like \
                 person.email, person.user_id.TYPE, person.attribute.LABEL, course.key, \
                 course.title, enrollment.role, enrollment.group, enrollment.begin or data_source"
            )
        };
        if written == "data_source" {
            return Ok(Self::DataSource);
        }
        let (kind, name) = written.split_once('.').ok_or_else(wrong)?;
        let kind = match kind {
            "person" => Kind::Person,
            "course" => Kind::Course,
            "enrollment" => Kind::Enrollment,
            _ => return Err(wrong()),
        };
        let has_key = kind != Kind::Enrollment;
        let has_days = kind != Kind::Person;
        let says = match (name, name.split_once('.')) {
            ("key" | "sourced_id", _) if has_key => Says::Key,
            ("new_key", _) if has_key => Says::NewKey,
            ("begin", _) if has_days => Says::Begin,
            ("end", _) if has_days => Says::End,
            ("group", _) if kind == Kind::Enrollment => return Ok(Self::Group),
            (_, Some(("user_id", label))) if kind == Kind::Person && !label.is_empty() => {
                Says::UserId(label.into())
            }
            (_, Some(("attribute", label))) if !label.is_empty() => Says::Attribute(label.into()),
            _ => {
                let name = if (kind, name) == (Kind::Enrollment, "role") { "roles" } else { name };
                let field = Record::spec(kind, name).ok_or_else(wrong)?;
                let mut blank = Record::blank(kind);
                let forms = ["a", "active", "2026-01-01", "yes"];
                if !forms.iter().any(|text| blank.set_field(field, text)) {
                    return Err(wrong());
                }
                Says::Field(field)
            }
        };
        Ok(Self::Of(kind, says))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group => f.write_str("enrollment.group"),
            Self::DataSource => f.write_str("data_source"),
            Self::Of(kind, says) => {
                write!(f, "{kind}.")?;
                match says {
                    Says::Key => f.write_str("key"),
                    Says::NewKey => f.write_str("new_key"),
                    Says::Field(field) => write!(f, "{field}"),
                    Says::UserId(label) => write!(f, "user_id.{label}"),
                    Says::Attribute(label) => write!(f, "attribute.{label}"),
                    Says::Begin => f.write_str("begin"),
                    Says::End => f.write_str("end"),
                }
            }
        }
    }
}

impl fmt::Debug for Column {
    /// A configuration's version is a digest over this, and lists of persons came first: what they
    /// say is written as it was then.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(Kind::Person, says) => says.fmt(f),
            other => fmt::Display::fmt(other, f),
        }
    }
}

impl Column {
    /// Notes in `record` what a cell says of it. A column that is about another kind of record
    /// changes nothing.
    pub fn put(&self, record: &mut Record, cell: &str) -> Put {
        match self {
            Self::Of(kind, says) if *kind == record.kind() => says.put(record, cell),
            Self::DataSource => match Record::spec(record.kind(), "data_source") {
                Some(field) => put_field(record, field, cell),
                None => Put::Done,
            },
            Self::Of(..) | Self::Group => Put::Done,
        }
    }
}

impl Says {
    fn put(&self, record: &mut Record, cell: &str) -> Put {
        match self {
            Self::Key | Self::NewKey => Put::Done,
            Self::Field(field) => put_field(record, *field, cell),
            Self::UserId(label) => match record {
                Record::Person(person) => put_labelled(&mut person.user_ids, label, cell),
                _ => Put::Unreadable,
            },
            Self::Attribute(label) => match record {
                Record::Person(person) => put_labelled(&mut person.attributes, label, cell),
                Record::Course(course) => put_labelled(&mut course.attributes, label, cell),
                Record::Enrollment(member) => put_labelled(&mut member.attributes, label, cell),
                _ => Put::Unreadable,
            },
            Self::Begin | Self::End => put_day(record, *self == Self::Begin, cell),
        }
    }
}

/// A list takes what is new to it, in the order in which it comes; anything else stays with what it
/// was told first.
fn put_field(record: &mut Record, field: FieldSpec, cell: &str) -> Put {
    let list = match (&mut *record, field.name) {
        (Record::Enrollment(member), "roles") => {
            let Some(name) = normal::text(cell) else { return Put::Unreadable };
            member.roles.get_or_insert_with(Roles::default).insert(role(&name));
            return Put::Done;
        }
        (Record::Person(person), "institution_roles") => &mut person.institution_roles,
        (Record::Person(person), "former_keys") => &mut person.former_keys,
        (Record::Course(course), "former_keys") => &mut course.former_keys,
        _ => return put_first(record, field, cell),
    };
    let Some(value) = normal::text(cell) else { return Put::Unreadable };
    let list = list.get_or_insert_default();
    if !list.contains(&value) {
        list.push(value);
    }
    Put::Done
}

fn put_first(record: &mut Record, field: FieldSpec, cell: &str) -> Put {
    let mut other = Record::blank(record.kind());
    if !other.set_field(field, cell) {
        Put::Unreadable
    } else if record.field(field).is_none() {
        record.copy_field(field, &other);
        Put::Done
    } else if record.agrees(field, &other) {
        Put::Done
    } else {
        Put::Taken
    }
}

/// One of the eight however it is written, any other as it stands.
fn role(name: &str) -> Role {
    match Role::from_name(&name.to_lowercase()) {
        Role::Other(_) => Role::from_name(name),
        known => known,
    }
}

fn put_labelled(list: &mut Option<Vec<Labelled>>, label: &Text, cell: &str) -> Put {
    let Some(value) = normal::text(cell) else { return Put::Unreadable };
    let item = Labelled { label: label.clone(), value };
    let list = list.get_or_insert_default();
    if !list.contains(&item) {
        list.push(item);
    }
    Put::Done
}

/// Whoever gives an enrollment days means that it holds on these; a course's only inform.
fn put_day(record: &mut Record, begins: bool, cell: &str) -> Put {
    let restrict = matches!(record, Record::Enrollment(_));
    let frame = match record {
        Record::Course(course) => &mut course.timeframe,
        Record::Enrollment(member) => &mut member.timeframe,
        _ => return Put::Unreadable,
    };
    let Ok(day) = cell.parse::<Date>() else { return Put::Unreadable };
    let frame = frame.get_or_insert_with(Timeframe::default);
    let (known, enforced) = match begins {
        true => (&mut frame.begin, &mut frame.restrict_begin),
        false => (&mut frame.end, &mut frame.restrict_end),
    };
    match known {
        Some(known) if *known != day => Put::Taken,
        _ => {
            (*known, *enforced) = (Some(day), restrict);
            Put::Done
        }
    }
}

#[cfg(test)]
mod tests;
