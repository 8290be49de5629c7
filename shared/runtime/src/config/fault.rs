//! What is wrong at a place in a configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Error, Expected, Unexpected};

use crate::secrets::looks_like_secret;

/// A configuration that cannot be used: the file, the line, the key and what to do.
///
/// Shown as `rollcall.toml:14: integration.source.precedense: there is no such key (did you mean
/// `precedence`?)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {}{problem}{}", file.display(), Line(*line), KeyPath(path), Hint(hint))]
pub struct ConfigError {
    /// Which file.
    pub file: PathBuf,
    /// Which line, counted from 1; 0 where it does not apply.
    pub line: u32,
    /// Which key, from the top: `integration.source.precedence`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
}

struct Line(u32);
struct KeyPath<'a>(&'a str);
struct Hint<'a>(&'a Option<String>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 { write!(f, ":{}", self.0) } else { Ok(()) }
    }
}

impl fmt::Display for KeyPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{}: ", self.0) }
    }
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// A fault on its way up the tree: it learns its path and line as it goes.
#[derive(Debug)]
pub(super) struct Fault {
    /// From the innermost key outwards.
    path: Vec<String>,
    line: Option<u32>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    UnknownKey { key: String, known: Vec<String> },
    UnknownWord { word: String, known: Vec<String> },
    MissingKey(&'static str),
    Other(String),
}

impl Fault {
    /// The fault of a value that is not one of the words `known`.
    pub fn unknown_word(word: &str, known: &[&str]) -> Self {
        let known = known.iter().map(ToString::to_string).collect();
        Self::of(Problem::UnknownWord { word: word.to_owned(), known })
    }

    fn of(problem: Problem) -> Self {
        Self { path: Vec::new(), line: None, problem }
    }

    /// The same, found on `line` unless it was found deeper down.
    pub fn on(mut self, line: u32) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// The same, found under `key`.
    pub fn under(mut self, key: impl Into<String>) -> Self {
        self.path.push(key.into());
        self
    }

    /// A fault in a key, not in what it holds: a word that is unknown there is an unknown key.
    pub fn in_key(mut self) -> Self {
        if let Problem::UnknownWord { word, known } = self.problem {
            self.problem = Problem::UnknownKey { key: word, known };
        }
        self
    }

    /// Further keys that an unknown one may have meant.
    pub fn or_known(mut self, more: &[&str]) -> Self {
        if let (Problem::UnknownKey { known, .. }, true) = (&mut self.problem, self.path.is_empty())
        {
            known.extend(more.iter().map(ToString::to_string));
        }
        self
    }

    /// The error of a file.
    pub fn into_error(mut self, file: &Path) -> ConfigError {
        let (problem, hint) = match self.problem {
            Problem::UnknownKey { key, known } => {
                let hint = nearest(&key, &known);
                self.path.insert(0, key);
                ("there is no such key".to_owned(), Some(hint))
            }
            // What is or may be a secret is not repeated, not even to say that it is wrong here.
            Problem::UnknownWord { word, known }
                if self.path.first().is_some_and(|key| key.contains("password"))
                    || looks_like_secret(&word) =>
            {
                (
                    "this is not possible here".to_owned(),
                    Some(format!("it takes {}", known.join(", "))),
                )
            }
            Problem::UnknownWord { word, known } => (
                format!("\"{}\" is not possible here", word.escape_debug()),
                Some(nearest(&word, &known)),
            ),
            Problem::MissingKey(key) => (format!("the key \"{key}\" is missing"), None),
            Problem::Other(problem) => (problem, None),
        };
        self.path.reverse();
        let (file, line) = (file.to_owned(), self.line.unwrap_or_default());
        ConfigError { file, line, path: self.path.join(".").replace(".[", "["), problem, hint }
    }
}

/// `did you mean "x"?`, or all that is possible.
fn nearest(word: &str, known: &[String]) -> String {
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= known.chars().count().max(6) / 3)
        .min();
    match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it takes no key".to_owned(),
        None => format!("it takes {}", known.join(", ")),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.problem, f)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of(Problem::Other(message.to_string()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown_word(field, expected).in_key()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown_word(variant, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Problem::MissingKey(field))
    }

    /// Says of which type the value is, never what it is: a secret may stand where it should not.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!(
            "{} stands where {} belongs",
            sort(&unexpected),
            plainly(expected)
        ))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("{} is not {}", sort(&unexpected), plainly(expected)))
    }
}

fn sort(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(_) => "text".to_owned(),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Bool(yes) => format!("{yes}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// What serde expects, without Rust's names for it.
fn plainly(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    let plain = match expected.as_str() {
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 up",
        "f32" | "f64" => "a number",
        "a string" | "a character" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") || other.starts_with("variant ") => "a word",
        other => other,
    };
    plain.to_owned()
}
