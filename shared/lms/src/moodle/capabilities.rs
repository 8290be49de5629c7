//! What a Moodle can be told, and how fast it takes it.

use plan::{Capabilities, KindSupport};
use roster::Kind;

use super::config::MoodleConfig;
use super::{categories, course_fields, courses, enrol, groups, user_fields, users};

/// The fields of each kind that Moodle can be told.
pub(super) const FIELDS: &[(Kind, &[&str])] = &[
    (Kind::OrgUnit, categories::ORG_UNIT_FIELDS),
    (Kind::Person, user_fields::PERSON_FIELDS),
    (Kind::Course, course_fields::COURSE_FIELDS),
    (Kind::Group, groups::GROUP_FIELDS),
    (Kind::Enrollment, enrol::ENROLLMENT_FIELDS),
    (Kind::GroupMember, &[]),
];

/// Measured on two shared cores: floors, in milliseconds a record with 2 to 4 calls at a time.
const MILLIS: [u32; 9] = [0, 20, 10, 45, 10, 11, 5, 0, 0];

pub(super) fn capabilities(config: &MoodleConfig) -> Capabilities {
    let full = |fields| KindSupport::Full { fields };
    let not = |why| KindSupport::Unsupported { why };
    let batch = u32::try_from(config.batch).unwrap_or(u32::MAX).max(1);
    Capabilities {
        target: "moodle",
        kinds: [
            not("Moodle has no terms: their dates go into the courses"),
            full(categories::ORG_UNIT_FIELDS),
            full(user_fields::PERSON_FIELDS),
            full(course_fields::COURSE_FIELDS),
            full(groups::GROUP_FIELDS),
            full(enrol::ENROLLMENT_FIELDS),
            full(&[]),
            not("a Moodle course stands in one category and is never merged into another"),
            not("Moodle's functions can give nobody a role over another person"),
        ],
        batch: 200,
        concurrency: config.concurrency.max(1),
        unique_usernames: true,
        unique_short_names: true,
        renames_courses: true,
        shows: Kind::ALL.map(|kind| match kind {
            Kind::Person => users::SHOWN,
            Kind::Course => courses::SHOWN,
            _ => &[],
        }),
        millis_per_change: MILLIS,
        changes_per_call: [1, batch, batch, batch.min(10), batch, batch, batch, 1, 1],
    }
}

#[cfg(test)]
mod tests {
    use roster::{Course, Enrollment, Fields, Group, OrgUnit, Person};

    use super::*;

    #[test]
    fn every_field_is_one_of_the_record() {
        let capabilities = capabilities(&MoodleConfig::default());
        let check = |kind: Kind, known: &[roster::FieldSpec]| match capabilities.support(kind) {
            KindSupport::Full { fields } => {
                for field in *fields {
                    assert!(
                        known.iter().any(|known| known.name == *field),
                        "{kind} has no {field}"
                    );
                }
            }
            KindSupport::Unsupported { why } => panic!("{kind}: {why}"),
        };
        check(Kind::OrgUnit, OrgUnit::SPECS);
        check(Kind::Person, Person::SPECS);
        check(Kind::Course, Course::SPECS);
        check(Kind::Group, Group::SPECS);
        check(Kind::Enrollment, Enrollment::SPECS);
        for kind in [Kind::Term, Kind::Association, Kind::Observer] {
            assert!(!capabilities.holds(kind));
        }
    }
}
