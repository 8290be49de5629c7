//! The sources of an integration, and which of them an export belongs to.

use std::time::Duration;

use roster::Mode;
use serde::Deserialize;

use super::time::Span;
use super::{Integration, Name, Pattern, check_names};

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, unique in the integration.
    pub name: String,
    /// Which files are its exports.
    pub pattern: Option<Pattern>,
    /// What they are.
    pub format: Format,
    /// What absence from one means.
    pub mode: Mode,
    /// Where two sources know the same field of a record, the higher wins.
    pub precedence: i32,
    /// Which user id becomes the user name, by its type (IMS `useridtype`): the first that a
    /// person has. Empty: the first user id there is.
    pub username_types: Vec<String>,
    /// Only exports that name this target are taken in (IMS `<target>`).
    pub only_target: Option<String>,
    /// Where exports are dropped off: one is whole when each of these has a file. Empty: each file
    /// is an export of its own.
    pub files: Vec<Pattern>,
    /// Where exports are dropped off: so long after the last file of one has come it is whole.
    pub settle: Duration,
    /// How often an export is expected, where somebody is to be told that none has come.
    pub expect_every: Option<Duration>,
}

/// What an export is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Format {
    /// Found out from its content.
    #[default]
    Auto,
    /// The format of this name.
    Named(String),
}

impl Format {
    /// As it stands in the file.
    pub fn name(&self) -> &str {
        match self {
            Self::Auto => "auto",
            Self::Named(name) => name,
        }
    }
}

impl From<String> for Format {
    fn from(name: String) -> Self {
        if name == "auto" { Self::Auto } else { Self::Named(name) }
    }
}

/// Which integration or source is meant cannot be told. A usage error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No such name.
    #[error("there is no {what} named \"{name}\": the configuration has {}", known.join(", "))]
    Unknown {
        /// `integration` or `source`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several would do.
    #[error("there are several {what}s, {}: say which with {flag} NAME", known.join(", "))]
    Several {
        /// `integration` or `source`.
        what: &'static str,
        /// The flag that says which.
        flag: &'static str,
        /// Those that would do.
        known: Vec<String>,
    },
    /// The file's name fits no source.
    #[error(
        "no source's `match` fits \"{file}\": say which it belongs to with --source NAME ({}), \
         or mend `match` in the configuration", known.join(", ")
    )]
    NoMatch {
        /// The file's name.
        file: String,
        /// The sources.
        known: Vec<String>,
    },
}

impl Integration {
    /// The source that an export belongs to: the one that is `named`; else those whose `match`
    /// fits the file's name, if that is one; else the only one, if it has no `match`.
    pub fn source_of(&self, file_name: &str, named: Option<&str>) -> Result<&Source, SelectError> {
        if named.is_some() {
            return select("source", "--source", named, &self.sources, |source| &source.name);
        }
        let fits = |source: &&Source| {
            source.pattern.as_ref().is_some_and(|pattern| pattern.matches(file_name))
        };
        let matching: Vec<&Source> = self.sources.iter().filter(fits).collect();
        match (&matching[..], &self.sources[..]) {
            ([one], _) => Ok(one),
            ([], [only]) if only.pattern.is_none() => Ok(only),
            ([], all) => Err(SelectError::NoMatch {
                file: file_name.to_owned(),
                known: all.iter().map(|source| source.name.clone()).collect(),
            }),
            (several, _) => Err(SelectError::Several {
                what: "source",
                flag: "--source",
                known: several.iter().map(|source| source.name.clone()).collect(),
            }),
        }
    }
}

/// The one of this name; without a name, the only one.
pub(super) fn select<'a, T>(
    what: &'static str,
    flag: &'static str,
    name: Option<&str>,
    all: &'a [T],
    name_of: impl Fn(&T) -> &String,
) -> Result<&'a T, SelectError> {
    let known = || all.iter().map(|one| name_of(one).clone()).collect();
    match (name, all) {
        (Some(name), _) => all
            .iter()
            .find(|one| name_of(one) == name)
            .ok_or_else(|| SelectError::Unknown { what, name: name.to_owned(), known: known() }),
        (None, [only]) => Ok(only),
        (None, _) => Err(SelectError::Several { what, flag, known: known() }),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceSection {
    name: Name,
    #[serde(rename = "match")]
    pattern: Option<Pattern>,
    #[serde(default)]
    format: Format,
    #[serde(default = "full")]
    mode: Mode,
    #[serde(default)]
    precedence: i32,
    #[serde(default)]
    username_types: Vec<String>,
    only_target: Option<String>,
    #[serde(default)]
    files: Vec<Pattern>,
    settle: Option<Span>,
    expect_every: Option<Span>,
}

fn full() -> Mode {
    Mode::Full
}

/// The sources of one integration.
#[derive(Deserialize)]
#[serde(try_from = "Vec<SourceSection>")]
pub(super) struct Sources(pub Vec<Source>);

impl TryFrom<Vec<SourceSection>> for Sources {
    type Error = String;

    fn try_from(sections: Vec<SourceSection>) -> Result<Self, String> {
        check_names("source", sections.iter().map(|section| section.name.0.as_str()))?;
        let source = |section: SourceSection| Source {
            name: section.name.0,
            pattern: section.pattern,
            format: section.format,
            mode: section.mode,
            precedence: section.precedence,
            username_types: section.username_types,
            only_target: section.only_target,
            files: section.files,
            settle: section.settle.map(|span| span.0).unwrap_or_default(),
            expect_every: section.expect_every.map(|span| span.0),
        };
        Ok(Self(sections.into_iter().map(source).collect()))
    }
}
