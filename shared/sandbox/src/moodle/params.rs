//! Parameters as the platform's external functions take them: typed, complete, nothing extra.

use std::borrow::Cow;

use super::errors::{Outcome, Refusal};
use crate::form::{Key, List, Value};

/// The parameters of a call, or the fields of one structure in it. Each is taken once; what is
/// left at the end is refused.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    entries: Vec<(Key<'a>, Value<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(list: List<'a>) -> Self {
        Self { entries: list.entries }
    }

    /// Takes a parameter by name, whatever its kind.
    pub(super) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let known = |(key, _): &(Key<'_>, Value<'_>)| matches!(key, Key::Name(key) if key == name);
        let at = self.entries.iter().position(known)?;
        Some(self.entries.swap_remove(at).1)
    }

    /// Refuses whatever was not taken.
    pub(super) fn finish(self) -> Outcome<()> {
        if self.entries.is_empty() { Ok(()) } else { Err(Refusal::parameter()) }
    }

    /// An array of structures, all read before any is acted on.
    pub(super) fn structures<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields<'a>) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let value = self.take(name).ok_or_else(Refusal::parameter)?;
        list(value)?.entries.into_iter().map(|(_, item)| structure(item, &mut read)).collect()
    }

    /// The same; empty where it was not sent.
    pub(super) fn optional_structures<T>(
        &mut self,
        name: &str,
        read: impl FnMut(&mut Fields<'a>) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        if self.has(name) { self.structures(name, read) } else { Ok(Vec::new()) }
    }

    /// One structure inside this one.
    pub(super) fn nested<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Fields<'a>) -> Outcome<T>,
    ) -> Outcome<T> {
        structure(self.take(name).ok_or_else(Refusal::parameter)?, &mut read)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| matches!(key, Key::Name(key) if key == name))
    }

    /// An array of numbers.
    pub(super) fn ints(&mut self, name: &str) -> Outcome<Vec<i64>> {
        let value = self.take(name).ok_or_else(Refusal::parameter)?;
        list(value)?.entries.into_iter().map(|(_, item)| int(&text(item)?)).collect()
    }

    /// An array of texts of any kind.
    pub(super) fn raws(&mut self, name: &str) -> Outcome<Vec<Cow<'a, str>>> {
        let value = self.take(name).ok_or_else(Refusal::parameter)?;
        list(value)?.entries.into_iter().map(|(_, item)| text(item)).collect()
    }

    /// A number that must be there.
    pub(super) fn int(&mut self, name: &str) -> Outcome<i64> {
        self.opt_int(name)?.ok_or_else(Refusal::parameter)
    }

    /// A number.
    pub(super) fn opt_int(&mut self, name: &str) -> Outcome<Option<i64>> {
        self.take(name).map(|value| int(&text(value)?)).transpose()
    }

    /// A yes or no, sent as 1 or 0.
    pub(super) fn opt_bool(&mut self, name: &str) -> Outcome<Option<bool>> {
        self.take(name)
            .map(|value| match text(value)?.as_ref() {
                "0" => Ok(false),
                "1" => Ok(true),
                _ => Err(Refusal::parameter()),
            })
            .transpose()
    }

    /// A text of the given kind that must be there.
    pub(super) fn text(&mut self, name: &str, kind: Kind) -> Outcome<Cow<'a, str>> {
        self.opt_text(name, kind)?.ok_or_else(Refusal::parameter)
    }

    /// A text of the given kind.
    pub(super) fn opt_text(&mut self, name: &str, kind: Kind) -> Outcome<Option<Cow<'a, str>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = text(value)?;
        if kind.accepts(&text) { Ok(Some(text)) } else { Err(Refusal::parameter()) }
    }
}

fn structure<'a, T>(
    value: Value<'a>,
    read: &mut impl FnMut(&mut Fields<'a>) -> Outcome<T>,
) -> Outcome<T> {
    let mut fields = Fields::new(list(value)?);
    let read = read(&mut fields)?;
    fields.finish()?;
    Ok(read)
}

fn list(value: Value<'_>) -> Outcome<List<'_>> {
    match value {
        Value::List(list) => Ok(list),
        Value::Text(_) | Value::Broken => Err(Refusal::parameter()),
    }
}

/// Any text; bytes that are not UTF-8, and NUL, change when the platform cleans them, and what
/// changes is refused.
fn text(value: Value<'_>) -> Outcome<Cow<'_, str>> {
    match value {
        Value::Text(text) if !text.contains('\0') => Ok(text),
        _ => Err(Refusal::parameter()),
    }
}

/// A number in the one form in which the platform would write it back.
fn int(text: &str) -> Outcome<i64> {
    let value: i64 = text.parse().map_err(|_| Refusal::parameter())?;
    let plain = matches!(text.as_bytes(), [b'0'] | [b'-', b'1'..=b'9', ..] | [b'1'..=b'9', ..]);
    if plain { Ok(value) } else { Err(Refusal::parameter()) }
}

/// What a text may contain. A text that cleaning would change is refused, not cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything.
    Raw,
    /// Anything without space around it.
    Trimmed,
    /// No tags: `a < b` is well, `a <b` is not.
    Tagless,
    /// Lower case letters, digits and `-._@`.
    Username,
    /// Letters.
    Letters,
    /// Letters, digits, `_` and `-`.
    Word,
    /// Letters, digits and `_`, beginning with a letter; or empty.
    Plugin,
}

impl Kind {
    fn accepts(self, text: &str) -> bool {
        let all = |allowed: fn(u8) -> bool| text.bytes().all(allowed);
        match self {
            Self::Raw => true,
            Self::Trimmed => text.trim() == text,
            Self::Tagless => !has_tag(text),
            Self::Username => is_username(text),
            Self::Letters => all(|byte| byte.is_ascii_alphabetic()),
            Self::Word => all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
            Self::Plugin => {
                !text.starts_with(|first: char| first.is_ascii_digit() || first == '_')
                    && all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            }
        }
    }
}

/// Whether `text` could be a user name.
pub(super) fn is_username(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'@'))
}

/// Whether PHP would strip something: a `<` that no white space follows begins a tag.
fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let next = text.as_bytes().get(at + 1);
        !next.is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for good in ["0", "7", "-7", "9223372036854775807"] {
            assert!(int(good).is_ok(), "{good}");
        }
        for bad in ["", " 1", "01", "+1", "1.0", "-0", "-", "abc", "9223372036854775808"] {
            assert!(int(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_accept_what_cleaning_leaves_alone() {
        for (kind, text, accepted) in [
            (Kind::Tagless, "a < b > c & d", true),
            (Kind::Tagless, "a <b", false),
            (Kind::Tagless, "a<", false),
            (Kind::Username, "j.doe-1_x@y", true),
            (Kind::Username, "J", false),
            (Kind::Username, "a+b", false),
            (Kind::Username, "josé", false),
            (Kind::Trimmed, " a", false),
            (Kind::Raw, " a ", true),
        ] {
            assert_eq!(kind.accepts(text), accepted, "{kind:?} {text}");
        }
    }
}
