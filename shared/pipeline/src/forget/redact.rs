//! What a forgotten person is replaced by, where a place has to be kept.

use plan::{Batch, Change, ChangeList, HoldReason, Plan};
use roster::{DecodeError, Key, Record, Text};
use serde_json::Value;
use store::state::forget::Forgetting;

/// What stands in place of a name.
const REDACTED: &str = "forgotten";
/// What the text of a key begins with that can name a person.
const KEYS: [&str; 6] =
    ["person:", "person/", "enrollment:", "group_member:", "observer:", "association:"];

/// Takes a person out of changes and texts.
pub(super) struct Redactor<'a> {
    who: &'a Forgetting,
}

impl<'a> Redactor<'a> {
    pub fn new(who: &'a Forgetting) -> Self {
        Self { who }
    }

    /// The plan's header without the person, and how many changes that emptied.
    pub fn plan(&self, plan: &mut Plan) -> Result<u64, DecodeError> {
        let (held, places) = self.changes(&plan.held)?;
        plan.held = held;
        let mut touched = places.len() as u64;
        for reason in &mut plan.reasons {
            if let HoldReason::Needs { key } = reason
                && let Some(rest) = self.text(key)
            {
                *key = Text::from(rest);
                touched += 1;
            }
        }
        Ok(touched)
    }

    /// The batch without the person, and the places that hold nothing any more.
    pub fn batch(&self, batch: &mut Batch) -> Result<Vec<usize>, DecodeError> {
        let (changes, places) = self.changes(&batch.changes)?;
        batch.changes = changes;
        Ok(places)
    }

    fn changes(&self, list: &ChangeList) -> Result<(ChangeList, Vec<usize>), DecodeError> {
        let (mut rest, mut places) = (ChangeList::default(), Vec::new());
        for (place, change) in list.iter().enumerate() {
            let change = change?;
            if self.who.names(change.key()) {
                places.push(place);
                rest.push(&self.change(change));
            } else {
                rest.push(&change);
            }
        }
        Ok((rest, places))
    }

    /// The same action on nobody.
    fn change(&self, change: Change) -> Change {
        let nobody = |record: Record| {
            let key = self.key(record.key());
            let mut record = record.with_key(key)?;
            record.retain(|_| false);
            Some(record)
        };
        Change {
            before: change.before.and_then(nobody),
            after: change.after.and_then(nobody),
            lms_id: None,
            temporary: change.temporary.map(|_| Text::new(REDACTED)),
            ..change
        }
    }

    fn key(&self, key: &Key) -> Key {
        let nobody = self.who.stand_in();
        let or_nobody = |person: &roster::PersonKey| match self.who.keys.contains(person.as_str()) {
            true => nobody.clone(),
            false => person.clone(),
        };
        match key.clone() {
            Key::Person(person) => Key::Person(or_nobody(&person)),
            Key::Enrollment { course, person } => {
                Key::Enrollment { course, person: or_nobody(&person) }
            }
            Key::GroupMember { course, group, person } => {
                Key::GroupMember { course, group, person: or_nobody(&person) }
            }
            Key::Observer { person, observer } => {
                Key::Observer { person: or_nobody(&person), observer: or_nobody(&observer) }
            }
            Key::Association { kind, to, .. } => {
                Key::Association { kind, from: nobody.text().clone(), to }
            }
            other => other,
        }
    }

    /// The text without the person; `None` where it does not name them. A key of digits alone counts
    /// only where a key stands: elsewhere it can be a day or a number.
    pub fn text(&self, text: &str) -> Option<String> {
        let mut out = text.to_owned();
        for word in &self.who.words {
            if has_letter(word) {
                out = replaced(&out, word, |_| true);
            }
        }
        for key in &self.who.keys {
            out = replaced(&out, key, |before| has_letter(key) || is_key(before));
        }
        (out != text).then_some(out)
    }

    /// Whether the person is named in these bytes, as far as can be told.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        let shown = as_shown(&text);
        let mut all = self.who.words.iter().chain(&self.who.keys);
        all.any(|word| find(&text, word, 0).is_some() || find(&shown, word, 0).is_some())
    }

    /// Takes the person out of everything in `value`. Whether there was anything.
    pub fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) if self.is_whole(text) => self.replace(text),
            Value::String(text) => match self.text(text) {
                None => false,
                Some(rest) => {
                    *text = rest;
                    true
                }
            },
            Value::Array(values) => values.iter_mut().fold(false, |any, v| self.value(v) | any),
            Value::Object(fields) => {
                let before = fields.len();
                fields.retain(|name, _| self.text(name).is_none() && !self.is_whole(name));
                let fewer = fields.len() < before;
                fields.values_mut().fold(fewer, |any, v| self.value(v) | any)
            }
            _ => false,
        }
    }

    /// A key that stands for the person stays one that stands for somebody who is forgotten: a key
    /// that was made at random must not be made anew.
    fn replace(&self, text: &mut String) -> bool {
        self.who.stand_in().as_str().clone_into(text);
        true
    }

    /// Whether a text is nothing but a key.
    fn is_whole(&self, text: &str) -> bool {
        self.who.keys.contains(text)
    }
}

fn has_letter(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// Whether what stands before a place, back to the last space or quote, begins a key.
fn is_key(before: &str) -> bool {
    let from = before.rfind(|c: char| c.is_whitespace() || "`\"'(,;".contains(c));
    let token = &before[from.map_or(0, |at| at + 1)..];
    KEYS.iter().any(|kind| token.starts_with(kind))
}

/// Where `word` stands in `text` with nothing of another word at its ends.
fn find(text: &str, word: &str, from: usize) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let mut from = from;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(word)) {
        let at = from + at;
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[at + word.len()..].chars().next().is_some_and(char::is_alphanumeric);
        if !before && !after {
            return Some(at);
        }
        from = at + word.chars().next().map_or(1, char::len_utf8);
    }
    None
}

fn replaced(text: &str, word: &str, counts: impl Fn(&str) -> bool) -> String {
    let (mut out, mut done, mut from) = (String::new(), 0, 0);
    while let Some(at) = find(text, word, from) {
        from = at + word.len();
        if counts(&text[..at]) {
            out.push_str(&text[done..at]);
            out.push_str(REDACTED);
            done = from;
        }
    }
    out.push_str(&text[done..]);
    out
}

/// The text of a report page as its reader sees it: a page writes `O'Brien` as `O&#39;Brien`.
fn as_shown(text: &str) -> String {
    const ESCAPED: [(&str, &str); 5] =
        [("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    ESCAPED.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn who(keys: &[&str], words: &[&str]) -> Forgetting {
        let set = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        Forgetting {
            mark: "0123456789abcdef".repeat(2),
            keys: set(keys),
            words: set(words),
            lms: false,
            began: ambient::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_name_goes_and_what_only_looks_like_one_stays() {
        let who = who(&["P-7", "30"], &["ada@x.example", "Lovelace"]);
        let redactor = Redactor::new(&who);
        for (text, expected) in [
            ("waits for person:P-7", Some("waits for person:forgotten")),
            ("waits for enrollment:M/P-7", Some("waits for enrollment:M/forgotten")),
            ("person:P-77 is another", None),
            ("person:30, at 09:30", Some("person:forgotten, at 09:30")),
            ("2026-11-30T05:30:00Z", None),
            ("30 batches", None),
            ("<ada@x.example> Lovelace's", Some("<forgotten> forgotten's")),
            ("Lovelacester", None),
        ] {
            assert_eq!(redactor.text(text).as_deref(), expected, "{text}");
        }
        assert!(redactor.is_in(b"<td>30</td>") && !redactor.is_in(b"<td>300</td>"));
    }

    #[test]
    fn a_name_is_found_in_a_page_that_escapes_it() {
        let who = who(&["a&b"], &["O'Brien"]);
        let redactor = Redactor::new(&who);
        assert!(redactor.is_in(b"<td>O&#39;Brien</td>"));
        assert!(redactor.is_in(b"<code>a&amp;b</code>"));
        assert!(!redactor.is_in(b"<td>O&#39;Brian</td>"));
    }

    #[test]
    fn json_keeps_its_form() {
        let who = who(&["old", "new"], &[]);
        let redactor = Redactor::new(&who);
        let mut value =
            json!({"means": {"person/new": "old", "person/x": "y"}, "n": 3, "l": ["old"]});
        assert!(redactor.value(&mut value));
        assert_eq!(value, json!({"means": {"person/x": "y"}, "n": 3, "l": ["forgotten-01234567"]}));
        assert!(!redactor.value(&mut value));
    }
}
