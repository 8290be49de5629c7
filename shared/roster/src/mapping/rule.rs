//! One rule of a mapping: which field of which records becomes what, and when.

use serde::{Deserialize, Serialize};

use super::KeyParts;
use super::template::{Tables, Template};
use crate::{FieldSpec, Kind, Record};

/// A rule. Written with one of `set` (whatever the sources say), `default` (where they say
/// nothing) and `drop = true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rule {
    /// Of which kind the records are.
    pub kind: Kind,
    field: FieldSpec,
    how: How,
    when: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    Set(Template),
    Default(Template),
    Drop,
}

/// What a field must be, for a rule to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    field: FieldSpec,
    written: String,
}

/// As it stands in a configuration.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Kind,
    field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Template>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drop: bool,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    when: std::collections::BTreeMap<String, String>,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let kind = written.kind;
        let field = |name: &str| {
            Record::spec(kind, name).ok_or_else(|| {
                let known = Record::field_names(kind).join(", ");
                format!("{kind} has no field `{name}`: it has {known}")
            })
        };
        let how = match (written.set, written.default, written.drop) {
            (Some(template), None, false) => How::Set(template),
            (None, Some(template), false) => How::Default(template),
            (None, None, true) => How::Drop,
            _ => return Err("a rule has one of `set`, `default` and `drop = true`".to_owned()),
        };
        let to = field(&written.field)?;
        if matches!((kind, &how, to.name), (Kind::Person, How::Drop, "given" | "family")) {
            let problem = "a name is not dropped by a rule, for it would be split off full_name \
                           again: leave it out of `fields.person`";
            return Err(problem.to_owned());
        }
        if let How::Set(template) | How::Default(template) = &how {
            can_hold(kind, to, template)?;
        }
        let condition = |(name, written): (String, String)| {
            Ok::<_, String>(Condition { field: field(&name)?, written })
        };
        let when = written.when.into_iter().map(condition).collect::<Result<_, _>>()?;
        Ok(Self { kind, field: to, how, when })
    }
}

/// Whether a field can be what a template makes: tried on a record that knows nothing.
fn can_hold(kind: Kind, field: FieldSpec, template: &Template) -> Result<(), String> {
    let mut blank = Record::blank(kind);
    let constant = template.expand(&blank, &Tables::new(), None).filter(|_| template.is_constant());
    match constant {
        Some(value) if blank.set_field(field, &value) => Ok(()),
        Some(value) => Err(format!("`{value}` is nothing that {field} of {kind} can be")),
        // What fields give is text, which a day or a status takes where it fits.
        None if ["a", "yes", "active", "2026-01-01"].iter().any(|t| blank.set_field(field, t)) => {
            Ok(())
        }
        None => Err(format!("{field} of {kind} cannot be set by a rule")),
    }
}

impl From<Rule> for Written {
    fn from(rule: Rule) -> Self {
        let (set, default, drop) = match rule.how {
            How::Set(template) => (Some(template), None, false),
            How::Default(template) => (None, Some(template), false),
            How::Drop => (None, None, true),
        };
        let when = rule.when.into_iter();
        let when = when.map(|condition| (condition.field.name.to_owned(), condition.written));
        let field = rule.field.name.to_owned();
        Self { kind: rule.kind, field, set, default, drop, when: when.collect() }
    }
}

/// What a rule came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It says nothing about this record.
    Passed,
    /// The field is as the rule says.
    Set,
    /// What the rule makes is nothing that the field can be.
    Misfit,
}

impl Rule {
    /// The field that it writes.
    pub fn writes(&self) -> FieldSpec {
        self.field
    }

    /// The fields that it reads, its conditions on its own field aside: those do not keep it from
    /// coming to the same once more.
    ///
    /// # Errors
    /// A name or table that there is not.
    pub fn reads(
        &self,
        tables: &Tables,
        parts: Option<&KeyParts>,
    ) -> Result<Vec<FieldSpec>, String> {
        let mut fields = match &self.how {
            How::Set(template) | How::Default(template) => {
                template.reads(self.kind, tables, parts)?
            }
            How::Drop => Vec::new(),
        };
        if self.in_place().is_some() {
            fields.clear();
        }
        let when = self.when.iter().map(|condition| condition.field);
        fields.extend(when.filter(|field| *field != self.field));
        Ok(fields)
    }

    /// All fields that it looks at, its own included.
    ///
    /// # Errors
    /// As [`reads`](Self::reads).
    pub fn looks_at(
        &self,
        tables: &Tables,
        parts: Option<&KeyParts>,
    ) -> Result<Vec<FieldSpec>, String> {
        let mut fields = self.reads(tables, parts)?;
        fields.extend(self.when.iter().map(|condition| condition.field));
        if self.in_place().is_some() {
            fields.push(self.field);
        }
        Ok(fields)
    }

    /// The table that turns the field's value into another, where the rule is that.
    pub fn in_place(&self) -> Option<&str> {
        match &self.how {
            How::Set(template) => template.in_place(self.field.name),
            _ => None,
        }
    }

    pub(super) fn apply(
        &self,
        record: &mut Record,
        tables: &Tables,
        parts: Option<&KeyParts>,
    ) -> Outcome {
        if record.kind() != self.kind || !self.when.iter().all(|when| when.holds(record)) {
            return Outcome::Passed;
        }
        let template = match &self.how {
            How::Drop => {
                record.retain(|field| field != self.field);
                return Outcome::Set;
            }
            How::Default(_) if record.field(self.field).is_some() => return Outcome::Passed,
            How::Set(template) | How::Default(template) => template,
        };
        match template.expand(record, tables, parts) {
            None => Outcome::Passed,
            Some(value) if record.set_field(self.field, &value) => Outcome::Set,
            Some(_) => Outcome::Misfit,
        }
    }
}

impl Condition {
    fn holds(&self, record: &Record) -> bool {
        let shown = record.field(self.field);
        let (pattern, wanted) = match self.written.strip_prefix('!') {
            Some(pattern) => (pattern, false),
            None => (self.written.as_str(), true),
        };
        let holds = match shown {
            None => pattern.is_empty(),
            // A list holds where one of its items does.
            Some(shown) => {
                like(pattern, &shown) || shown.split(", ").any(|item| like(pattern, item))
            }
        };
        holds == wanted
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for any characters.
pub fn like(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(before) = last.replace(piece) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.ends_with(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, text, expected) in [
            ("staff", "staff", true),
            ("staff", "staffer", false),
            ("st*", "staff", true),
            ("*ff", "staff", true),
            ("s*a*f", "staff", true),
            ("s*x*f", "staff", false),
            ("*", "", true),
            ("*a", "a", true),
            ("a*a", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be() {
        let check = |json: &str, says: &str| {
            let error = serde_json::from_str::<Rule>(json).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        };
        check(r#"{"kind": "person", "field": "givn", "set": "a"}"#, "has no field `givn`");
        check(r#"{"kind": "person", "field": "given"}"#, "one of `set`");
        check(r#"{"kind": "person", "field": "family", "drop": true}"#, "not dropped");
        check(r#"{"kind": "person", "field": "given", "set": "a", "drop": true}"#, "one of `set`");
        check(r#"{"kind": "person", "field": "given", "set": "{family"}"#, "without its `}`");
        check(r#"{"kind": "person", "field": "status", "set": "gone"}"#, "`gone` is nothing");
        check(r#"{"kind": "person", "field": "password", "set": "{key}"}"#, "cannot be set");
        check(r#"{"kind": "person", "field": "given", "set": "a", "when": {"x": ""}}"#, "`x`");
    }
}
