//! Data source keys by pattern: `{year}_{term}_{source}_{type}` is `2011_fall_SIS_courses`.
//!
//! | name | stands for |
//! |---|---|
//! | `{year}` | the year in which the course begins, or else its term |
//! | `{term}` | the key of the course's term |
//! | `{source}` | the source's name |
//! | `{type}` | the kind, in the plural: `courses`, `enrollments`, `persons` |
//!
//! What stands in a course has the course's year and term; a term its own. A name that says nothing
//! of a record is left out with the text on one side of it: persons have `SIS_persons`.
//!
//! ```
//! use roster::Kind;
//! use roster::mapping::{ScopeParts, ScopePattern};
//!
//! let pattern = ScopePattern::try_from("{year}_{term}_{source}_{type}".to_owned()).unwrap();
//! let of = |kind, year: Option<&str>, term| {
//!     let year = year.map(str::to_owned);
//!     pattern.make(&ScopeParts { year, term, source: "SIS", kind }).unwrap().to_string()
//! };
//! assert_eq!(of(Kind::Course, Some("2011"), Some("fall")), "2011_fall_SIS_courses");
//! assert_eq!(of(Kind::Course, None, Some("fall")), "fall_SIS_courses");
//! assert_eq!(of(Kind::Person, None, None), "SIS_persons");
//! ```

use serde::{Deserialize, Serialize};

use super::Template;
use crate::{Kind, Text};

/// The names that a pattern may have.
const NAMES: [&str; 4] = ["year", "term", "source", "type"];

/// How a data source key is made where the export has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopePattern(Template);

/// What a pattern makes a record's key of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeParts<'a> {
    /// The year in which it, its course or its term begins.
    pub year: Option<String>,
    /// The key of its term.
    pub term: Option<&'a str>,
    /// The source's name.
    pub source: &'a str,
    /// What it is.
    pub kind: Kind,
}

impl ScopePattern {
    /// The key of a record of these parts; `None` where nothing of it is known.
    pub fn make(&self, parts: &ScopeParts<'_>) -> Option<Text> {
        let value = |name: &str| match name {
            "year" => parts.year.clone(),
            "term" => parts.term.map(str::to_owned),
            "source" => Some(parts.source.to_owned()),
            _ => Some(format!("{}s", parts.kind.name())),
        };
        let made = self.0.fill(&value);
        (!made.is_empty()).then(|| Text::from(made))
    }

    /// Whether it reads what only a course or term tells.
    pub fn reads_course(&self) -> bool {
        self.0.names().any(|name| matches!(name, "year" | "term"))
    }

    /// Whether it reads the year.
    pub fn reads_year(&self) -> bool {
        self.0.names().any(|name| name == "year")
    }
}

impl TryFrom<String> for ScopePattern {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let template = Template::try_from(written)?;
        if let Some(name) = template.names().find(|name| !NAMES.contains(name)) {
            return Err(format!(
                "a data source key is made of {{year}}, {{term}}, {{source}} and {{type}}: there \
                 is no {{{name}}}"
            ));
        }
        if let Some(table) = template.tables().next() {
            return Err(format!(
                "there is no filter `{table}`: filters are lower, upper, ascii, slug and pad with \
                 a number"
            ));
        }
        if template.is_constant() {
            return Err(
                "all records would have one and the same data source key: use {year}, {term}, \
                 {source} or {type}"
                    .to_owned(),
            );
        }
        Ok(Self(template))
    }
}

impl From<ScopePattern> for String {
    fn from(pattern: ScopePattern) -> Self {
        pattern.0.into()
    }
}

impl std::fmt::Display for ScopePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(written: &str) -> Result<ScopePattern, String> {
        ScopePattern::try_from(written.to_owned())
    }

    #[test]
    fn what_is_not_known_goes_with_the_text_beside_it() {
        let check = |written: &str, year: Option<&str>, term: Option<&str>, expected: &str| {
            let year = year.map(str::to_owned);
            let parts = ScopeParts { year, term, source: "SIS", kind: Kind::OrgUnit };
            assert_eq!(pattern(written).unwrap().make(&parts).unwrap().as_str(), expected);
        };
        check(
            "{year}_{term}_{source}_{type}",
            Some("2011"),
            Some("fall"),
            "2011_fall_SIS_org_units",
        );
        check("{year}_{term}_{source}_{type}", None, None, "SIS_org_units");
        check("{source}_{year}_{type}", None, None, "SIS_org_units");
        check("{source}_{year}", None, None, "SIS");
        check("k12-{year}-{source}", None, None, "k12-SIS");
        check("k12-{year:2}-{source|lower}!", Some("2011"), None, "k12-20-sis!");
    }

    #[test]
    fn a_pattern_that_cannot_be() {
        for (written, says) in [
            ("{key}_{type}", "there is no {key}"),
            ("courses", "one and the same"),
            ("{term|season}", "no filter `season`"),
            ("{year", "`{` without"),
        ] {
            let error = pattern(written).unwrap_err();
            assert!(error.contains(says), "{written}: {error}");
        }
    }
}
