//! From what somebody types to the record that they mean.

use plan::Applied;
use roster::{CourseKey, GroupKey, Key, Kind, OrgUnitKey, PersonKey, Record, TermKey};
use store::state::identity::Aliases;
use store::state::index::{Term, names};
use store::state::meta::decode_applied;

use super::Looks;
use crate::PipelineError;

/// `kind:id`, with `/` between the ids of an enrollment or group. A course key may hold slashes
/// itself, so the last ones count.
pub(super) fn parse(query: &str) -> Option<Key> {
    let (kind, id) = query.split_once(':')?;
    Some(match kind {
        "person" => Key::Person(PersonKey::new(id)),
        "course" => Key::Course(CourseKey::new(id)),
        "org_unit" => Key::OrgUnit(OrgUnitKey::new(id)),
        "term" => Key::Term(TermKey::new(id)),
        "enrollment" => {
            let (course, person) = id.rsplit_once('/')?;
            Key::Enrollment { course: CourseKey::new(course), person: PersonKey::new(person) }
        }
        "group" => {
            let (course, group) = id.rsplit_once('/')?;
            Key::Group { course: CourseKey::new(course), group: GroupKey::new(group) }
        }
        "group_member" => {
            let (rest, person) = id.rsplit_once('/')?;
            let (course, group) = rest.rsplit_once('/')?;
            Key::GroupMember {
                course: CourseKey::new(course),
                group: GroupKey::new(group),
                person: PersonKey::new(person),
            }
        }
        "observer" => {
            let (person, observer) = id.rsplit_once('/')?;
            Key::Observer { person: PersonKey::new(person), observer: PersonKey::new(observer) }
        }
        _ => return None,
    })
}

/// The keys that a bare word can be: of a person, a course, an org unit, a term; with a slash in it
/// a person in a course, or a group.
fn keys(query: &str) -> Vec<Key> {
    let mut keys = vec![
        Key::Person(PersonKey::new(query)),
        Key::Course(CourseKey::new(query)),
        Key::OrgUnit(OrgUnitKey::new(query)),
        Key::Term(TermKey::new(query)),
    ];
    for (at, _) in query.match_indices('/') {
        let (course, rest) = (CourseKey::new(&query[..at]), &query[at + 1..]);
        keys.push(Key::Enrollment { course: course.clone(), person: PersonKey::new(rest) });
        keys.push(Key::Group { course, group: GroupKey::new(rest) });
    }
    keys
}

impl Looks {
    /// Every record that `query` can mean, the likeliest first.
    pub(crate) async fn meant(
        &mut self,
        query: &str,
        aliases: &Aliases,
    ) -> Result<Vec<Key>, PipelineError> {
        let mut meant: Vec<Key> = Vec::new();
        let mut add = |key: Key| {
            if !meant.contains(&key) {
                meant.push(key);
            }
        };
        for key in keys(query) {
            if self.is_known(&key).await? {
                add(key);
            }
        }
        for kind in [Kind::Person, Kind::Course] {
            let Some(record) = aliases.resolve(kind, query) else { continue };
            add(match kind {
                Kind::Person => Key::Person(PersonKey::from(record.clone())),
                _ => Key::Course(CourseKey::from(record.clone())),
            });
        }
        let mut called = Vec::new();
        for (_, source) in &mut self.sources {
            let term = Term::Called(query);
            source
                .look_for(term, |packed| {
                    let key = packed.key()?;
                    if has_names(&key) && is_called(&packed.decode()?, query) {
                        called.push(key);
                    }
                    Ok(())
                })
                .await?;
        }
        for term in [Term::Called(query), Term::LmsId(query)] {
            self.applied
                .look_for(term, |packed| {
                    let key = packed.key()?;
                    if matches!(key.kind(), Kind::Enrollment | Kind::GroupMember) {
                        return Ok(());
                    }
                    let Applied { record, meta } = decode_applied(packed)?;
                    let fits = match term {
                        Term::LmsId(id) => meta.lms_id.as_deref() == Some(id),
                        _ => is_called(&record, query),
                    };
                    if fits {
                        called.push(key);
                    }
                    Ok(())
                })
                .await?;
        }
        // A person is meant sooner than a course, and a course sooner than what is in it.
        let rank = |key: &Key| match key.kind() {
            Kind::Person => 0,
            Kind::Course => 1,
            _ => 2,
        };
        called.sort_by_key(rank);
        called.into_iter().for_each(&mut add);
        Ok(meant)
    }
}

fn has_names(key: &Key) -> bool {
    matches!(key.kind(), Kind::Person | Kind::Course)
}

fn is_called(record: &Record, query: &str) -> bool {
    let query = query.trim().to_lowercase();
    let mut is = false;
    names(record, &mut |name| is |= name.trim().to_lowercase() == query);
    is
}

/// A person in a course, from `COURSE/PERSON` where either stands under another key than the one
/// that was typed.
pub(super) fn renamed(key: Key, aliases: &Aliases) -> Key {
    let person = |key: &PersonKey| PersonKey::from(aliases.record_id(Kind::Person, key.as_str()));
    let course = |key: &CourseKey| CourseKey::from(aliases.record_id(Kind::Course, key.as_str()));
    match key {
        Key::Person(key) => Key::Person(person(&key)),
        Key::Course(key) => Key::Course(course(&key)),
        Key::Enrollment { course: of, person: who } => {
            Key::Enrollment { course: course(&of), person: person(&who) }
        }
        Key::Group { course: of, group } => Key::Group { course: course(&of), group },
        Key::GroupMember { course: of, group, person: who } => {
            Key::GroupMember { course: course(&of), group, person: person(&who) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_with_its_kind_is_taken_by_its_word() {
        for text in [
            "person:p-1",
            "course:2026/MATH",
            "org_unit:u",
            "term:t",
            "enrollment:2026/MATH/p-1",
            "group:2026/MATH/g",
            "group_member:2026/MATH/g/p-1",
            "observer:p-1/p-2",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in ["p-1", "MATH/p-1", "http://x", "enrollment:MATH", "group:g"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_slash_can_stand_anywhere_in_a_course_and_a_person() {
        let all: Vec<String> = keys("2026/MATH/p-1").iter().map(ToString::to_string).collect();
        assert!(all.contains(&"enrollment:2026/MATH/p-1".to_owned()));
        let enrollments = keys("2026/MATH/p-1");
        let people: Vec<_> = enrollments
            .iter()
            .filter(|key| key.kind() == Kind::Enrollment)
            .filter_map(|key| key.person().map(|person| person.as_str().to_owned()))
            .collect();
        assert_eq!(people, ["MATH/p-1", "p-1"]);
    }
}
