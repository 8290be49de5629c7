//! Why a part of a plan is held, in one sentence with its numbers.

use plan::{HoldReason, Limited, Span};

use crate::label::{clean, kind_words, many, number};
use crate::{HoldGroup, HoldWhy};

impl HoldGroup {
    /// Why it is held, with its numbers.
    pub fn reason(&self) -> String {
        why(self)
    }
}

/// Why a group is held, with its numbers.
pub(crate) fn why(group: &HoldGroup) -> String {
    let HoldWhy { reason, kind } = &group.why;
    let of_kind = |of: u64| match kind {
        Some(kind) => kind_words(*kind, of),
        None => many(of, "record"),
    };
    match reason {
        HoldReason::Limit { count, of, allowed } => {
            let (count, allowed) = (number(*count), number(*allowed));
            format!("{count} of {} would be taken away; the limit is {allowed}", of_kind(*of))
        }
        HoldReason::PartLimit { part, name, limited, count, of, allowed } => {
            let (count, allowed, what) = (number(*count), number(*allowed), does(*limited));
            let (part, of) = (format!("{} {}", part.name(), clean(name)), of_kind(*of));
            format!("{count} of {of} of {part} would be {what}; its limit is {allowed}")
        }
        HoldReason::EmptiesCourse { course, students } => {
            let course = clean(course);
            match students {
                1 => format!("course {course} would lose its only student"),
                _ => {
                    format!("course {course} would lose all of its {} students", number(*students))
                }
            }
        }
        HoldReason::Over { limited, span, count, before, of, allowed } => {
            let (count, allowed, what) = (number(*count), number(*allowed), does(*limited));
            let of = of_kind(*of);
            match span {
                Span::Run => format!("{count} of {of} would be {what}; the limit is {allowed}"),
                Span::Week => format!(
                    "{count} of {of} would be {what}, {} were lately; the limit in 7 days is {allowed}",
                    number(*before)
                ),
            }
        }
        HoldReason::SharpDrop { part, name, kind, learned, now } => {
            let (part, name) = (part.name(), clean(name));
            let (learned, now) = (number(*learned), kind_words(*kind, *now));
            format!("{part} {name} has {now} left, of {learned}: what it would lose waits")
        }
        HoldReason::GrantsSystemRole { role } => format!(
            "the system role {} is given to {}: nobody gets one without approval",
            clean(role),
            many(group.count, "person")
        ),
        HoldReason::Rename { old, new } => {
            let (old, new) = (clean(old), clean(new));
            format!(
                "person {old} is gone and {new} is new and much alike: `rollcall rename {old} {new}` \
                 if they are one person, with `--different` behind it if they are two"
            )
        }
        HoldReason::TwoKeys { old, new } => {
            let (old, new) = (clean(old), clean(new));
            format!(
                "person {new} is new, and nothing but the key tells them from {old}, who is there: \
                 leave one of the keys out of the source if they are one person, \
                 `rollcall rename {old} {new} --different` if they are two"
            )
        }
        HoldReason::Merge { old, new } => {
            let (old, new) = (clean(old), clean(new));
            format!(
                "person {old} is gone, and {new}, who came lately and has an account too, is much \
                 alike: if they are one person, take over in the LMS what the account of {old} \
                 holds, then approve; if they are two, `rollcall rename {old} {new} --different`"
            )
        }
        HoldReason::SuspectedReuse { key } => {
            let key = clean(key);
            format!(
                "key {key} seems to have come to somebody else: approve it if it is the same \
                 person, else give the newcomer a new key in the source"
            )
        }
        HoldReason::FirstSync => format!(
            "{} to a target that nothing was delivered to before: look at them once",
            many(group.count, "change")
        ),
        HoldReason::Reconfigured { what } => format!(
            "{} after a change of the configuration: {}",
            many(group.count, "change"),
            clean(what)
        ),
        HoldReason::Needs { .. } if group.count == 1 => {
            "1 change needs something that is held".to_owned()
        }
        HoldReason::Needs { .. } => {
            format!("{} need something that is held", many(group.count, "change"))
        }
    }
}

/// What is done to what a limit counts.
fn does(limited: Limited) -> &'static str {
    match limited {
        Limited::Removals => "taken away",
        Limited::Suspend => "suspended",
        Limited::Delete => "removed for good",
        Limited::Create => "created",
        Limited::Update => "changed",
        Limited::Restore => "restored",
    }
}

#[cfg(test)]
mod tests {
    use plan::Part;
    use roster::Kind;

    use super::*;

    #[test]
    fn a_limit_of_a_part_is_told_with_its_numbers() {
        let of = |part, name: &str, limited| {
            let (name, count, of, allowed) = (name.into(), 1_400, 10_000, 200);
            let reason = HoldReason::PartLimit { part, name, limited, count, of, allowed };
            let why = HoldWhy { reason, kind: Some(Kind::Enrollment) };
            why_of(why)
        };
        assert_eq!(
            of(Part::Source, "hr", Limited::Removals),
            "1,400 of 10,000 enrollments of source hr would be taken away; its limit is 200"
        );
        assert_eq!(
            of(Part::DataSource, "2011_fall", Limited::Create),
            "1,400 of 10,000 enrollments of data source key 2011_fall would be created; its limit \
             is 200"
        );
    }

    fn why_of(why: HoldWhy) -> String {
        HoldGroup { why, count: 1_400, examples: Vec::new() }.reason()
    }
}
