//! Lists of persons: which column of a table says what of a person.
//!
//! ```
//! use roster::columns::PersonColumn;
//! use roster::{Person, PersonKey};
//!
//! let mut person = Person::new(PersonKey::new("p-1"));
//! let column = PersonColumn::try_from("person.email".to_owned()).unwrap();
//! assert!(column.put(&mut person, "ada@school.example"));
//! assert_eq!(person.email.as_deref(), Some("ada@school.example"));
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{FieldSpec, Kind, Labelled, Person, Record, Text, normal};

/// The columns of a table by their headings, and what stands between them. A column that is not
/// named is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// What each says.
    pub of: BTreeMap<String, Vec<PersonColumn>>,
    /// What stands between two; found out by the headings where it is not said.
    pub separator: Option<char>,
}

impl Columns {
    /// Whether a person can be told from others by them: by key, user name or e-mail address.
    pub fn tell_persons(&self) -> bool {
        let names = |field: &PersonColumn| match field {
            PersonColumn::Key => true,
            PersonColumn::Field(field) => matches!(field.name, "username" | "email"),
            _ => false,
        };
        self.of.values().flatten().any(names)
    }
}

/// What a column says of a person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PersonColumn {
    /// The key.
    Key,
    /// A field.
    Field(FieldSpec),
    /// The user id of this type.
    UserId(Text),
    /// The free attribute of this name.
    Attribute(Text),
}

impl TryFrom<String> for PersonColumn {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{written}` is nothing that a column can be: person.key, a field like \
                 person.email, person.user_id.TYPE or person.attribute.LABEL"
            )
        };
        let name = written.strip_prefix("person.").ok_or_else(wrong)?;
        if matches!(name, "key" | "sourced_id") {
            return Ok(Self::Key);
        }
        match name.split_once('.') {
            Some(("user_id", label)) if !label.is_empty() => return Ok(Self::UserId(label.into())),
            Some(("attribute", label)) if !label.is_empty() => {
                return Ok(Self::Attribute(label.into()));
            }
            _ => {}
        }
        let field = Record::spec(Kind::Person, name).ok_or_else(wrong)?;
        let mut blank = Record::blank(Kind::Person);
        let can = ["a", "active", "2026-01-01"].iter().any(|text| blank.set_field(field, text));
        if can { Ok(Self::Field(field)) } else { Err(wrong()) }
    }
}

impl PersonColumn {
    /// Notes what a cell says. `false` where it says nothing that the field can be.
    pub fn put(&self, person: &mut Person, cell: &str) -> bool {
        let list = match self {
            Self::Key => return true,
            Self::Field(field) => {
                let mut record =
                    Record::from(std::mem::replace(person, Person::new(person.person().clone())));
                let put = record.set_field(*field, cell);
                if let Record::Person(changed) = record {
                    *person = *changed;
                }
                return put;
            }
            Self::UserId(label) => (&mut person.user_ids, label),
            Self::Attribute(label) => (&mut person.attributes, label),
        };
        let (list, label) = list;
        let Some(value) = normal::text(cell) else { return false };
        list.get_or_insert_default().push(Labelled { label: label.clone(), value });
        true
    }
}
