//! Lists of keys that change: which column says what.
//!
//! ```
//! use roster::Kind;
//! use roster::changes::{ChangeColumns, Says};
//!
//! let columns = ChangeColumns::default();
//! assert_eq!(columns.says("New_External_Person_Key"), Some(Says::New(Some(Kind::Person))));
//! assert_eq!(columns.says("remark"), None);
//! ```

use serde::Deserialize;

use crate::Kind;

/// The columns of a list of changed keys. A heading that is not configured is known by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeColumns {
    /// The heading of the key that was; by default one of [`OLD`].
    pub old: Option<String>,
    /// The heading of the key that is from now on; by default one of [`NEW`].
    pub new: Option<String>,
    /// The heading of the column that says whether a line is about a person or a course.
    pub kind: Option<String>,
    /// What a line is about that does not say so.
    #[serde(default)]
    pub of: Of,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A person.
    #[default]
    Person,
    /// A course.
    Course,
}

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The key that was, and of what, where the heading says that.
    Old(Option<Kind>),
    /// The key that is from now on.
    New(Option<Kind>),
    /// What the line is about.
    Kind,
}

/// Headings of the key that was, in small letters, and what they are about.
pub const OLD: &[(&str, Option<Kind>)] = &[
    ("old_key", None),
    ("former_key", None),
    ("external_person_key", Some(Kind::Person)),
    ("external_course_key", Some(Kind::Course)),
];

/// Headings of the key that is from now on.
pub const NEW: &[(&str, Option<Kind>)] = &[
    ("new_key", None),
    ("new_person_key", Some(Kind::Person)),
    ("new_course_key", Some(Kind::Course)),
    ("new_external_person_key", Some(Kind::Person)),
    ("new_external_course_key", Some(Kind::Course)),
];

impl ChangeColumns {
    /// What the column of this heading says; `None`: it is not read.
    pub fn says(&self, heading: &str) -> Option<Says> {
        let heading = heading.trim();
        let is = |configured: &Option<String>| configured.as_deref().map(|name| name == heading);
        let known = |names: &[(&str, Option<Kind>)]| {
            let found = names.iter().find(|(name, _)| heading.eq_ignore_ascii_case(name));
            found.map(|(_, kind)| *kind)
        };
        let named = |configured, names| match is(configured) {
            Some(named) => named.then_some(None),
            None => known(names),
        };
        let kind = is(&self.kind).unwrap_or_else(|| heading.eq_ignore_ascii_case("kind"));
        named(&self.old, OLD)
            .map(Says::Old)
            .or_else(|| named(&self.new, NEW).map(Says::New))
            .or_else(|| kind.then_some(Says::Kind))
    }

    /// What a line is about that does not say so.
    pub fn default_kind(&self) -> Kind {
        match self.of {
            Of::Person => Kind::Person,
            Of::Course => Kind::Course,
        }
    }
}
