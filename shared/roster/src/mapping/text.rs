//! The text fields that people read: cleaning and cutting.

use super::{Context, TargetRules};
use crate::{Kind, Record, Text, normal};

/// The text fields of a record that people read, by name.
fn shown(record: &mut Record) -> Vec<(&'static str, &mut Option<Text>)> {
    match record {
        Record::Term(term) => {
            vec![("short_name", &mut term.short_name), ("title", &mut term.title)]
        }
        Record::OrgUnit(unit) => {
            vec![("short_name", &mut unit.short_name), ("title", &mut unit.title)]
        }
        Record::Person(person) => vec![
            ("given", &mut person.given),
            ("family", &mut person.family),
            ("family_prefix", &mut person.family_prefix),
            ("middle", &mut person.middle),
            ("full_name", &mut person.full_name),
            ("nickname", &mut person.nickname),
            ("title", &mut person.title),
            ("suffix", &mut person.suffix),
            ("sort_name", &mut person.sort_name),
        ],
        Record::Course(course) => {
            vec![("short_name", &mut course.short_name), ("title", &mut course.title)]
        }
        Record::Group(group) => {
            vec![("title", &mut group.title), ("group_set", &mut group.group_set)]
        }
        _ => Vec::new(),
    }
}

/// Takes out what the target refuses. What is empty then is not known.
pub(super) fn clean(record: &mut Record, rules: &TargetRules, context: &mut Context<'_>) {
    for (name, slot) in shown(record) {
        let Some(raw) = slot.take() else { continue };
        let kept = cleaned(&raw, &rules.forbidden);
        if raw.contains(|c| rules.forbidden.contains(c)) {
            context.warn("characters-removed", |key| {
                format!(
                    "{name} of {key} holds characters that the target refuses; they are left out"
                )
            });
        }
        *slot = kept;
    }
}

/// Cuts what is too long.
pub(super) fn cut(record: &mut Record, rules: &TargetRules, context: &mut Context<'_>) {
    let kind = record.kind();
    let Some(lengths) = rules.lengths.get(&kind) else { return };
    for (name, slot) in shown(record) {
        let Some(max) = lengths.get(name).copied().filter(|max| *max > 0) else { continue };
        let Some(short) = slot.as_deref().and_then(|long| shortened(long, max)) else { continue };
        *slot = short;
        context.warn("text-cut", |key| {
            format!("{name} of {key} is longer than the {max} characters that the target holds; it is cut")
        });
    }
}

/// `text` without `forbidden` and in order; `None` where nothing remains.
fn cleaned(text: &str, forbidden: &str) -> Option<Text> {
    let mut text = normal::text(text)?;
    // Taking one character out can join two others to a new one, or leave blanks at the ends.
    loop {
        let kept: String = text.chars().filter(|c| !forbidden.contains(*c)).collect();
        let next = normal::text(&kept)?;
        if next == text {
            return Some(next);
        }
        text = next;
    }
}

/// The first `max` characters of what has more, without a blank at the end. `None`: it fits.
pub(super) fn shortened(long: &str, max: usize) -> Option<Option<Text>> {
    let (end, _) = long.char_indices().nth(max)?;
    Some(cleaned(&long[..end], ""))
}

/// Whether `kind` keeps `field` in the target.
pub(super) fn takes(rules: &TargetRules, kind: Kind, field: &str) -> bool {
    rules.fields.get(&kind).is_none_or(|fields| fields.contains(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_is_done_when_it_is_done() {
        let check = |raw: &str, expected: Option<&str>| {
            assert_eq!(cleaned(raw, "<>").as_deref(), expected, "{raw:?}");
        };
        check("a<b>c", Some("abc"));
        check("e<\u{301}", Some("é"));
        check(" < > ", None);
        check("a <b", Some("a b"));
        check("a < b", Some("a b"));
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(shortened("éé é", 4), None);
        assert_eq!(shortened("éé é", 3), Some(Some(Text::new("éé"))));
        assert_eq!(shortened("éé", 0), Some(None));
    }
}
