//! What records are called, and how numbers and times are written.

use std::time::Duration;

use roster::{Key, Kind, Person, Record};

/// Longer values are cut: a report is not where an essay is read.
const LONGEST: usize = 160;

/// Text of an export made fit to be shown: on one line, not too long, and without characters that
/// a terminal or a browser would obey.
pub(crate) fn clean(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).map(harmless).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Text made fit to be shown on a terminal, whole and on one line: no character in it is obeyed.
pub fn harmless_text(text: &str) -> String {
    text.chars().map(harmless).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => ' ',
        // Marks that turn the direction of writing could make a line read as another.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A person's name as people write it; `None` where the record knows none.
pub(crate) fn person_name(person: &Person) -> Option<String> {
    let given = person.nickname.as_ref().or(person.given.as_ref());
    let parts: Vec<&str> = [given, person.family_prefix.as_ref(), person.family.as_ref()]
        .into_iter()
        .flatten()
        .map(roster::Text::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    match parts.is_empty() {
        false => Some(clean(&parts.join(" "))),
        true => person.full_name.as_ref().map(|name| clean(name)),
    }
}

/// What a record is called beside its key; `None` where it has no name.
pub(crate) fn name(record: &Record) -> Option<String> {
    let name = match record {
        Record::Person(person) => return person_name(person),
        Record::Course(course) => {
            return course_name(course.short_name.as_deref(), course.title.as_deref());
        }
        Record::Term(term) => term.title.as_ref().or(term.short_name.as_ref()),
        Record::OrgUnit(unit) => unit.title.as_ref().or(unit.short_name.as_ref()),
        Record::Group(group) => group.title.as_ref(),
        Record::Observer(tie) => tie.relation.as_ref(),
        Record::Association(tie) => tie.label.as_ref(),
        Record::Enrollment(_) | Record::GroupMember(_) => None,
    };
    name.map(|name| clean(name))
}

/// `BIO-3H · Biology 3H`, or the one that is known.
fn course_name(short: Option<&str>, title: Option<&str>) -> Option<String> {
    match (short, title) {
        (Some(short), Some(title)) if short != title => {
            Some(format!("{} · {}", clean(short), clean(title)))
        }
        (Some(name), _) | (None, Some(name)) => Some(clean(name)),
        (None, None) => None,
    }
}

/// What stands beside the name: roles of an enrollment, a person's user name.
pub(crate) fn note(record: &Record) -> Option<String> {
    match record {
        Record::Enrollment(enrollment) => {
            let roles = enrollment.roles.as_ref()?;
            Some(clean(&roster::Value::show(roles)))
        }
        Record::Person(person) => person.username.as_ref().map(|name| clean(name)),
        _ => None,
    }
}

/// A record's id within its course, or in full where it stands alone.
pub(crate) fn short_id(key: &Key) -> String {
    clean(&match key {
        Key::Term(id) => id.to_string(),
        Key::OrgUnit(id) => id.to_string(),
        Key::Person(id) => id.to_string(),
        Key::Course(id) => id.to_string(),
        Key::Group { group, .. } => group.to_string(),
        Key::Enrollment { person, .. } => person.to_string(),
        Key::GroupMember { group, person, .. } => format!("{person} in {group}"),
        Key::Association { from, to, .. } => format!("{from} in {to}"),
        Key::Observer { person, observer } => format!("{observer} of {person}"),
    })
}

/// A kind in words: `group member`, `3 group members`.
pub(crate) fn kind_words(kind: Kind, count: u64) -> String {
    let word = kind.name().replace('_', " ");
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {word}{plural}", number(count))
}

/// `12 changes`, `1 change`.
pub(crate) fn many(count: u64, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {word}{plural}", number(count))
}

/// A sentence with its first letter large.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// A number with its thousands apart: `1,600,000`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A time span as people say it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration < Duration::from_millis(50) => "under 0.1 s".to_owned(),
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_read_well() {
        let numbers = [0, 7, 999, 1000, 1_600_000].map(number);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "1,600,000"]);
        let spans =
            [40, 400, 9_949, 12_000, 200_000, 7_500_000].map(Duration::from_millis).map(span);
        assert_eq!(spans, ["under 0.1 s", "0.4 s", "9.9 s", "12 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
        assert_eq!(clean(&"x".repeat(200)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_prefix_stands_before_the_family_name() {
        let mut person = Person::new(roster::PersonKey::new("p-1"));
        assert_eq!(person_name(&person), None);
        person.full_name = Some("VAN DEN BERG, ANNA".into());
        assert_eq!(person_name(&person).as_deref(), Some("VAN DEN BERG, ANNA"));
        (person.given, person.family) = (Some("Anna".into()), Some("Berg".into()));
        (person.family_prefix, person.nickname) = (Some("van den".into()), Some("An".into()));
        assert_eq!(person_name(&person).as_deref(), Some("An van den Berg"));
    }
}
