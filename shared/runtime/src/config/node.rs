//! A parsed file as a tree whose every value knows its line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the line it begins on.
#[derive(Clone, PartialEq)]
pub(super) struct Node {
    pub line: u32,
    pub value: Value,
}

#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, with its line, and what it holds.
#[derive(Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub line: u32,
    pub node: Node,
}

/// What is wrong with a text that is not TOML at all.
pub(super) struct NotToml {
    pub line: u32,
    pub message: String,
}

impl Node {
    /// An empty table.
    pub fn empty() -> Self {
        Self { line: 0, value: Value::Table(Vec::new()) }
    }

    /// Parses a whole file. The parser's own rendering of an error quotes the file, which may hold
    /// a secret that does not belong there, so only its message and place are taken.
    pub fn parse(text: &str) -> Result<Self, NotToml> {
        let lines = Lines::of(text);
        let not_toml = |at: usize, message: String| NotToml { line: lines.at(at), message };
        let table = DeTable::parse(text)
            .map_err(|e| not_toml(e.span().map_or(0, |span| span.start), e.message().to_owned()))?;
        let span = table.span();
        node(&DeValue::Table(table.into_inner()), span.start, &lines)
            .map_err(|at| not_toml(at, "this number is too large".to_owned()))
    }

    /// The nodes under `key`; of a list, those under its items.
    pub fn under(&self, key: &str) -> Vec<&Self> {
        match &self.value {
            Value::Table(entries) => {
                entries.iter().filter(|e| e.key == key).map(|e| &e.node).collect()
            }
            Value::List(items) => items.iter().flat_map(|item| item.under(key)).collect(),
            _ => Vec::new(),
        }
    }

    /// Takes the entries out that are not among `keys`; the line stays.
    pub fn split_off(&mut self, keys: &[&str]) -> Self {
        let line = self.line;
        let Value::Table(entries) = &mut self.value else { return Self::empty() };
        let (kept, rest) = std::mem::take(entries)
            .into_iter()
            .partition(|entry| keys.contains(&entry.key.as_str()));
        *entries = kept;
        Self { line, value: Value::Table(rest) }
    }
}

/// Converts; the error is where a number does not fit.
fn node(value: &DeValue<'_>, at: usize, lines: &Lines) -> Result<Node, usize> {
    let child =
        |spanned: &Spanned<DeValue<'_>>| node(spanned.get_ref(), spanned.span().start, lines);
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            Value::Integer(i64::from_str_radix(digits, number.radix()).map_err(|_| at)?)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().map_err(|_| at)?),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(child).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let mut entries = Vec::with_capacity(table.len());
            for (key, value) in table {
                let line = lines.at(key.span().start);
                entries.push(Entry { key: key.get_ref().to_string(), line, node: child(value)? });
            }
            Value::Table(entries)
        }
    };
    Ok(Node { line: lines.at(at), value })
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of the byte at `at`, counted from 1.
    fn at(&self, at: usize) -> u32 {
        let before = self.0.partition_point(|end| *end < at);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}
