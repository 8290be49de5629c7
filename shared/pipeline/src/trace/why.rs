//! The one sentence: why a record is as it is now.
//!
//! What holds a record back is looked for in this order; the first that fits is said:
//!
//! | in a source | in the LMS | said |
//! |---|---|---|
//! | yes | no | refused by the LMS; in doubt; held; dropped by the mapping; what it waits for; status `test`; LMS out of reach; planned |
//! | yes | yes | a refusal of its newest change; in doubt; held; as wanted |
//! | no | yes | was there before us; held; read with an error; source rests; left by policy |
//! | its data source key is disabled or removed | any | that, by whom and when, and what it waits for |
//! | no | suspended or removed | since when, and when it is deleted |
//! | no | no | read with an error; unknown |

use std::collections::BTreeMap;

use ambient::Timestamp;
use plan::{Applied, HoldReason, Meta, Ownership, Parked, Presence};
use roster::{Key, Kind, Severity};
use store::state::run::{Run, RunState};

use super::ruled::Ruled;
use super::{Holding, Noticed, TraceEvent};
use crate::Standing;

/// A record that another one stands on.
pub(super) struct Need {
    pub key: Key,
    pub wanted: bool,
    pub applied: Option<Applied>,
    pub held: Option<Holding>,
    pub findings: Vec<Noticed>,
}

impl Need {
    fn is_there(&self) -> bool {
        let presence = self.applied.as_ref().and_then(|applied| applied.meta.presence);
        presence.is_some_and(|presence| presence != Presence::Removed)
    }
}

/// All that the sentence is made of.
pub(super) struct Facts<'a> {
    pub key: &'a Key,
    pub wanted: bool,
    pub ruled: Option<&'a Ruled>,
    pub applied: Option<&'a Applied>,
    pub events: &'a [TraceEvent],
    pub held: Option<&'a Holding>,
    pub findings: &'a [Noticed],
    pub needs: &'a [Need],
    pub paused: Vec<(String, String)>,
    pub standing: Standing,
    pub newest: Option<&'a Run>,
    pub began: &'a BTreeMap<String, Timestamp>,
}

/// The sentence.
pub(super) fn conclude(facts: &Facts<'_>) -> String {
    let meta = facts.applied.map(|applied| &applied.meta);
    let presence = meta.and_then(|meta| meta.presence);
    let said = match (facts.wanted, presence) {
        (true, None | Some(Presence::Removed)) => {
            format!("{}: {}", words(facts.key).absent, absent(facts))
        }
        (true, Some(presence)) => wanted_and_there(facts, presence),
        (false, Some(Presence::Present)) => left_over(facts),
        (false, Some(Presence::Suspended)) => {
            let aside = words(facts.key).aside;
            format!("{aside} because {}{}{}", not_wanted(facts), done(facts), deletion(meta))
        }
        (false, Some(Presence::Removed)) => {
            let gone = words(facts.key).gone;
            format!("{gone} because {}{}", not_wanted(facts), done(facts))
        }
        (false, None) => match (facts.ruled, dropped(facts.findings)) {
            (Some(_), _) => format!("{} because {}", words(facts.key).absent, not_wanted(facts)),
            (None, Some(why)) => format!("{}: {why}", words(facts.key).absent),
            (None, None) => "it is neither in a source nor in the LMS".to_owned(),
        },
    };
    format!("{}: {said}", facts.key)
}

/// Why nothing asks for it.
fn not_wanted(facts: &Facts<'_>) -> String {
    match facts.ruled {
        Some(ruled) => ruled.said(),
        None => "no source has it any more".to_owned(),
    }
}

/// Why something that is wanted is not there.
fn absent(facts: &Facts<'_>) -> String {
    let meta = facts.applied.map(|applied| &applied.meta);
    if let Some(parked) = meta.and_then(|meta| meta.parked.as_ref()) {
        return refused("the LMS refused it", parked, facts.began);
    }
    if meta.is_some_and(|meta| meta.in_doubt) {
        return in_doubt();
    }
    if let Some(held) = facts.held {
        return held_back(held, facts.began);
    }
    if let Some(why) = dropped(facts.findings) {
        return why;
    }
    if let Some(need) = facts.needs.iter().find(|need| !need.is_there()) {
        return waits_for(need, facts.began);
    }
    if let Some(event) = facts.events.last()
        && event.entry.outcome.as_str() == "deferred"
    {
        let on = dated(&event.entry.run, facts.began);
        return format!("it waited for {}{on}; the next run tries again", event.entry.code);
    }
    not_delivered(facts)
}

/// Nothing is wrong with the record itself.
fn not_delivered(facts: &Facts<'_>) -> String {
    match facts.standing {
        Standing::Test => {
            return "the integration's status is `test`: runs plan it and deliver nothing".into();
        }
        Standing::Inactive => return "the integration is inactive".into(),
        Standing::Active => {}
    }
    match facts.newest {
        Some(run) if run.state == RunState::Waiting => format!(
            "the LMS has been out of reach{}; it goes on by itself",
            dated(&run.id, facts.began)
        ),
        Some(run) if matches!(run.state, RunState::Failed | RunState::Interrupted) => format!(
            "the newest run{} came to no end; the next sync or `rollcall sweep` plans it again",
            dated(&run.id, facts.began)
        ),
        _ => "the next sync or `rollcall sweep` plans it; `rollcall plan` shows how".into(),
    }
}

fn wanted_and_there(facts: &Facts<'_>, presence: Presence) -> String {
    let meta = facts.applied.map(|applied| &applied.meta);
    let there = match presence {
        Presence::Suspended => words(facts.key).aside,
        _ => words(facts.key).there,
    };
    if let Some(parked) = meta.and_then(|meta| meta.parked.as_ref()) {
        let what = refused("the LMS refused its newest change", parked, facts.began);
        return format!("{there}, but not as its source wants it: {what}");
    }
    if meta.is_some_and(|meta| meta.in_doubt) {
        return format!("{there} as far as is known: {}", in_doubt());
    }
    if let Some(held) = facts.held {
        let action = held.change.action.name();
        let ruled = facts.ruled.map(|ruled| format!(": {}", ruled.said())).unwrap_or_default();
        return format!("{there}; its {action} is {}{ruled}", held_back(held, facts.began));
    }
    if let Some(why) = dropped(facts.findings) {
        return format!("{there} as it was before: {why}");
    }
    if let Some(ruled) = facts.ruled {
        let said = ruled.said();
        return match presence {
            Presence::Suspended => format!("{there} because {said}{}", done(facts)),
            _ => format!("{there} though {said}: the next sync or `rollcall sweep` plans it"),
        };
    }
    let since = meta.map(|meta| dated(&meta.last_run, facts.began)).unwrap_or_default();
    match presence {
        Presence::Suspended => format!("{there} as its source wants it{since}"),
        _ => format!("{there} as its source wants it, last changed{since}"),
    }
}

/// It is in the LMS and in no source.
fn left_over(facts: &Facts<'_>) -> String {
    let meta = facts.applied.map(|applied| &applied.meta);
    let there = words(facts.key).there;
    if meta.is_some_and(|meta| meta.ownership == Ownership::Found) {
        return format!("{there} since before us, and stays as it is");
    }
    if let Some(held) = facts.held {
        let action = held.change.action.name();
        return format!(
            "{there} though {}: its {action} is {}",
            not_there(facts),
            held_back(held, facts.began)
        );
    }
    if let Some(why) = dropped(facts.findings) {
        return format!("{there} as it was before: {why}");
    }
    if let Some(parked) = meta.and_then(|meta| meta.parked.as_ref()) {
        let what = refused("the LMS refused to take it away", parked, facts.began);
        return format!("{there} though {}: {what}", not_there(facts));
    }
    if let Some(ruled) = facts.ruled {
        let said = ruled.said();
        return format!("{there} though {said}: policy leaves it, or the next run takes it away");
    }
    if let Some((source, why)) = facts.paused.first() {
        return format!("{there} though no source has it: source `{source}` rests, because {why}");
    }
    format!("{there} and in no source: policy leaves it, or the next run takes it away")
}

/// Why it should not be there.
fn not_there(facts: &Facts<'_>) -> String {
    facts.ruled.map_or_else(|| "no source has it".to_owned(), Ruled::said)
}

fn refused(what: &str, parked: &Parked, began: &BTreeMap<String, Timestamp>) -> String {
    let on = dated(&parked.run, began);
    let because =
        report::explain(&parked.answer).map(|meaning| format!(": {meaning}")).unwrap_or_default();
    format!(
        "{what}{on} with code `{}`{because}; it is tried again when the source says something \
         else, or by `rollcall sweep`",
        parked.answer
    )
}

fn in_doubt() -> String {
    "it was sent and the LMS never answered; the next run looks first".to_owned()
}

fn held_back(held: &Holding, began: &BTreeMap<String, Timestamp>) -> String {
    let since = began.get(&held.since).map(|at| format!(" ({})", day(*at))).unwrap_or_default();
    let why = if let HoldReason::Limit { count, of, allowed } = &held.reason {
        let kind = held.change.kind();
        format!("{count} of {of} {} would be taken away and the limit is {allowed}", plural(kind))
    } else if let HoldReason::EmptiesCourse { course, students } = &held.reason {
        format!("course {course} would lose all its {students} students")
    } else if let HoldReason::Needs { key } = &held.reason {
        format!("it needs what is held of {key}")
    } else if let HoldReason::GrantsSystemRole { role } = &held.reason {
        format!("it would give the system role `{role}`")
    } else if let HoldReason::Over { count, before, of, allowed, .. } = &held.reason {
        let kind = plural(held.change.kind());
        let lately = match before {
            0 => String::new(),
            before => format!(" after {before} in the days before"),
        };
        format!("{count} of {of} {kind} would change so{lately} and the limit is {allowed}")
    } else if let HoldReason::PartLimit { part, name, count, of, allowed, .. } = &held.reason {
        let (part, kind) = (part.name(), plural(held.change.kind()));
        format!(
            "{count} of {of} {kind} of {part} {name} would change so and its limit is {allowed}"
        )
    } else if let HoldReason::SharpDrop { part, name, kind, learned, now } = &held.reason {
        let (part, kind) = (part.name(), plural(*kind));
        format!("{part} {name} dropped from {learned} {kind} to {now}")
    } else {
        format!("`rollcall show {}` tells why", held.run)
    };
    format!("held since run {}{since}: {why}", held.since)
}

/// An error of the newest run that dropped the record.
fn dropped(findings: &[Noticed]) -> Option<String> {
    let error = findings.iter().find(|noticed| noticed.finding.severity == Severity::Error)?;
    let Noticed { run, finding, file } = error;
    let line = match finding.origin.line {
        0 => String::new(),
        line => format!(":{line}"),
    };
    let place = if file.is_empty() { String::new() } else { format!(" at {file}{line}") };
    Some(format!(
        "its record was dropped in run {run}{place} (`{}`): {}",
        finding.code, finding.message
    ))
}

fn waits_for(need: &Need, began: &BTreeMap<String, Timestamp>) -> String {
    let key = &need.key;
    let meta: Option<&Meta> = need.applied.as_ref().map(|applied| &applied.meta);
    if let Some(parked) = meta.and_then(|meta| meta.parked.as_ref()) {
        let what = format!("it waits for {key}, which the LMS refused");
        return refused(&what, parked, began);
    }
    if let Some(held) = &need.held {
        return format!("it waits for {key}, which is {}", held_back(held, began));
    }
    if let Some(why) = dropped(&need.findings) {
        return format!("it waits for {key}, which is not there: {why}");
    }
    if !need.wanted {
        return format!("it waits for {key}, which no source has");
    }
    format!("it waits for {key}, which is not in the LMS yet")
}

/// What happened last and when.
fn done(facts: &Facts<'_>) -> String {
    let last = facts.applied.map(|applied| applied.meta.last_run.to_string());
    last.map(|run| dated(&run, facts.began)).unwrap_or_default()
}

fn deletion(meta: Option<&Meta>) -> String {
    let at = meta.and_then(|meta| meta.delete_after);
    at.map(|at| format!("; it is deleted after {}", day(at))).unwrap_or_default()
}

/// ` on 3 September 2026 (run r)`.
fn dated(run: &str, began: &BTreeMap<String, Timestamp>) -> String {
    match began.get(run) {
        Some(at) => format!(" on {} (run {run})", day(*at)),
        None => format!(" in run {run}"),
    }
}

/// `3 September 2026`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}

struct Words {
    there: &'static str,
    absent: &'static str,
    aside: &'static str,
    gone: &'static str,
}

fn words(key: &Key) -> Words {
    match key.kind() {
        Kind::Enrollment => Words {
            there: "enrolled",
            absent: "not enrolled",
            aside: "enrolled and suspended",
            gone: "taken out of the course",
        },
        Kind::GroupMember => Words {
            there: "in the group",
            absent: "not in the group",
            aside: "in the group, suspended",
            gone: "taken out of the group",
        },
        Kind::Course => Words {
            there: "in the LMS",
            absent: "not in the LMS",
            aside: "hidden in the LMS",
            gone: "removed from the LMS",
        },
        _ => Words {
            there: "in the LMS",
            absent: "not in the LMS",
            aside: "suspended in the LMS",
            gone: "removed from the LMS",
        },
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Term => "terms",
        Kind::OrgUnit => "org units",
        Kind::Person => "persons",
        Kind::Course => "courses",
        Kind::Group => "groups",
        Kind::Enrollment => "enrollments",
        Kind::GroupMember => "group members",
        Kind::Association => "associations",
        Kind::Observer => "observers",
    }
}
