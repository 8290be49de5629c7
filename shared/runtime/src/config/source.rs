//! The sources of an integration, and which of them an export belongs to.

use std::collections::BTreeMap;
use std::time::Duration;

use roster::changes::ChangeColumns;
use roster::columns::{Column, Columns, Rows};
use roster::mapping::{FieldMap, ScopePattern};
use roster::matching::{MatchBy, Selector};
use roster::merge::{Part, PersonKeys, Rank};
use roster::{Mode, Role};
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
    /// What a full export of it speaks for.
    pub scope: SourceScope,
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
    /// How it takes part beside others.
    pub part: Part,
    /// For a list: what its columns say.
    pub columns: Columns,
    /// How data source keys are made where an export has none.
    pub data_source_key: Option<ScopePattern>,
    /// For a list of changed keys: what its columns say.
    pub changes: ChangeColumns,
}

/// What a full export speaks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceScope {
    /// All of its source.
    #[default]
    Source,
    /// The data source keys that it contains: absence removes nothing of others.
    DataSource,
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
#[serde(try_from = "SourceKeys")]
struct SourceSection(Source);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceKeys {
    name: Name,
    #[serde(rename = "match")]
    pattern: Option<Pattern>,
    #[serde(default)]
    format: Format,
    #[serde(default = "full")]
    mode: Mode,
    #[serde(default)]
    scope: SourceScope,
    #[serde(default)]
    precedence: i32,
    #[serde(default)]
    username_types: Vec<String>,
    only_target: Option<String>,
    #[serde(default)]
    files: Vec<Pattern>,
    settle: Option<Span>,
    expect_every: Option<Span>,
    #[serde(default)]
    fields: FieldMap<Rank>,
    #[serde(default)]
    match_by: Vec<MatchBy>,
    adds: Option<bool>,
    #[serde(default)]
    keys: KeysFrom,
    natural_key: Option<Selector>,
    #[serde(default)]
    columns: BTreeMap<String, OneOrSeveral>,
    separator: Option<Separator>,
    kind: Option<Rows>,
    role: Option<String>,
    data_source_key: Option<ScopePattern>,
    changes: Option<ChangeColumns>,
}

/// What one column says: one thing, or a list of several.
struct OneOrSeveral(Vec<Column>);

impl<'de> Deserialize<'de> for OneOrSeveral {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ReadColumns)
    }
}

struct ReadColumns;

impl<'de> serde::de::Visitor<'de> for ReadColumns {
    type Value = OneOrSeveral;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("what the column says, for instance \"person.email\", or a list of such")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<OneOrSeveral, E> {
        let column = Column::try_from(name.to_owned()).map_err(E::custom)?;
        Ok(OneOrSeveral(vec![column]))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(
        self,
        mut items: A,
    ) -> Result<OneOrSeveral, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = items.next_element()? {
            columns.push(column);
        }
        Ok(OneOrSeveral(columns))
    }
}

/// What stands between two columns.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Separator(char);

impl TryFrom<String> for Separator {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.as_str() {
            "," | ";" | "|" | "\t" => Ok(Self(text.chars().next().unwrap_or(','))),
            _ => Err("between columns stands one of , ; | and \"\\t\""),
        }
    }
}

/// The words for where a source's person keys come from.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeysFrom {
    #[default]
    Source,
    Random,
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
        let sources: Vec<Source> = sections.into_iter().map(|section| section.0).collect();
        check_names("source", sources.iter().map(|source| source.name.as_str()))?;
        for source in &sources {
            let above = |other: &Source| other.precedence > source.precedence;
            if !source.part.match_by.is_empty() && !sources.iter().any(above) {
                return Err(format!(
                    "match_by of \"{}\" looks for its persons in sources of a higher precedence, \
                     and there is none",
                    source.name
                ));
            }
        }
        if !sources.iter().any(|source| source.part.adds) {
            return Err("every source has adds = false: nothing would be wanted at all".to_owned());
        }
        Ok(Self(sources))
    }
}

impl TryFrom<SourceKeys> for SourceSection {
    type Error = String;

    fn try_from(mut section: SourceKeys) -> Result<Self, String> {
        let keys = match (section.keys, section.natural_key.take()) {
            (KeysFrom::Source, None) => PersonKeys::Source,
            (KeysFrom::Random, Some(natural)) => PersonKeys::Random { natural },
            (KeysFrom::Random, None) => {
                return Err("keys = \"random\" needs a `natural_key`: what its persons are \
                            recognised by, for instance \"username\""
                    .to_owned());
            }
            (KeysFrom::Source, Some(_)) => {
                return Err("`natural_key` goes with keys = \"random\"".to_owned());
            }
        };
        let list = List::of(&section.format);
        let columns = columns(&mut section, list)?;
        let lists_changes = section.format.name() == "changes";
        let of_records = keys != PersonKeys::Source
            || !section.match_by.is_empty()
            || section.adds.is_some()
            || section.scope != SourceScope::Source;
        match (lists_changes, &section.changes) {
            (false, Some(_)) => {
                return Err("`changes` goes with format = \"changes\"".to_owned());
            }
            (true, _) if of_records => {
                return Err("format = \"changes\" says which keys change and nothing of who is \
                            there: `keys`, `match_by`, `adds` and `scope` do not go with it"
                    .to_owned());
            }
            _ => {}
        }
        let part = Part {
            fields: section.fields.0,
            match_by: section.match_by,
            // A list adds to persons that there are, unless somebody says otherwise: one of
            // enrollments to those and to courses.
            adds: section
                .adds
                .unwrap_or(!lists_changes && (list.is_none() || columns.rows == Rows::Enrollments)),
            adds_persons: section.adds.unwrap_or(columns.rows != Rows::Enrollments),
            keys,
        };
        Ok(Self(Source {
            name: section.name.0,
            pattern: section.pattern,
            format: section.format,
            // What a list of changes does not mention stays as it is, always.
            mode: if lists_changes { Mode::Incremental } else { section.mode },
            scope: section.scope,
            precedence: section.precedence,
            username_types: section.username_types,
            only_target: section.only_target,
            files: section.files,
            settle: section.settle.map(|span| span.0).unwrap_or_default(),
            expect_every: section.expect_every.map(|span| span.0),
            part,
            columns,
            data_source_key: section.data_source_key,
            changes: section.changes.unwrap_or_default(),
        }))
    }
}

/// The formats whose columns or attributes have to be named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Table,
    Directory,
}

impl List {
    fn of(format: &Format) -> Option<Self> {
        match format.name() {
            "table" => Some(Self::Table),
            "ldif" => Some(Self::Directory),
            _ => None,
        }
    }
}

/// What the columns of a list say, checked; nothing for other formats.
fn columns(section: &mut SourceKeys, list: Option<List>) -> Result<Columns, String> {
    let of = std::mem::take(&mut section.columns).into_iter();
    let columns = Columns {
        of: of.map(|(name, says)| (name, says.0)).collect(),
        separator: section.separator.map(|separator| separator.0),
        rows: section.kind.unwrap_or_default(),
        role: section.role.as_deref().map(Role::from_name),
    };
    let own = [
        ("columns", !columns.of.is_empty()),
        ("separator", columns.separator.is_some()),
        ("kind", section.kind.is_some()),
        ("role", columns.role.is_some()),
    ];
    let Some(list) = list else {
        return match own.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => Err(format!(
                "`{key}` goes with format = \"table\" or \"ldif\"; the format is \"{}\"",
                section.format.name()
            )),
            None => Ok(columns),
        };
    };
    if columns.of.is_empty() {
        return Err(match list {
            List::Table => {
                "format = \"table\" needs `columns`: what each column says, by its heading"
            }
            List::Directory => {
                "format = \"ldif\" needs `columns`: what each attribute says, by its name"
            }
        }
        .to_owned());
    }
    if list == List::Directory && (columns.rows != Rows::Persons || columns.separator.is_some()) {
        return Err("format = \"ldif\" is a list of persons: `kind` and `separator` go with \
                    format = \"table\""
            .to_owned());
    }
    columns.check()?;
    if columns.rows == Rows::Enrollments
        && section.match_by.is_empty()
        && !columns.say(&Column::Of(roster::Kind::Person, roster::columns::Says::Key))
    {
        return Err("a list of enrollments without a column that is person.key needs `match_by`: \
                    by which value its persons are found in other sources"
            .to_owned());
    }
    Ok(columns)
}
