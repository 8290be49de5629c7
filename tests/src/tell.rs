//! A day in the life of a school, told for people to read.

use std::fmt::Write as _;

use pipeline::SyncOutcome;
use plan::Counts;
use sandbox::moodle::Standing;

use crate::life::Day;
use crate::wire::Platform;
use crate::world::{Ended, Process};

/// What happened on a day.
pub fn day(day: &Day, process: &Process, ended: &Ended) -> String {
    let mut told = format!("== {}: {}\n", day.name, day.story);
    match ended {
        Ended::Killed => told.push_str("   the process died\n"),
        Ended::Came(Err(error)) => {
            let mut because = std::error::Error::source(error);
            told.push_str(&format!("   refused: {error}"));
            while let Some(source) = because {
                told.push_str(&format!(": {source}"));
                because = source.source();
            }
            told.push('\n');
        }
        Ended::Came(Ok(outcome)) => run(&mut told, outcome),
    }
    let (calls, writes) = (process.tap.lms_calls(), process.tap.lms_writes());
    told.push_str(&format!("   {calls} calls to the LMS, {writes} of them to change something\n"));
    told
}

fn run(told: &mut String, outcome: &SyncOutcome) {
    let run = &outcome.run;
    told.push_str(&format!("   {}", run.state.name().replace('_', " ")));
    if run.changes.is_empty() && run.held.is_empty() {
        told.push_str(": nothing changes");
    }
    told.push('\n');
    for (what, counts) in [("delivered", &run.changes), ("held", &run.held)] {
        for line in counted(counts) {
            told.push_str(&format!("   {what}: {line}\n"));
        }
    }
    let left = run.receipts;
    let open = left.accepted + left.rejected + left.deferred + left.retry + left.unknown;
    if open > 0 {
        told.push_str(&format!("   not applied: {open}\n"));
    }
    if let Some(approval) = &run.approval {
        told.push_str(&format!("   by the approval of {approval}\n"));
    }
}

fn counted(counts: &Counts) -> Vec<String> {
    let line =
        |(kind, actions): (&roster::Kind, &std::collections::BTreeMap<plan::Action, u64>)| {
            let actions: Vec<String> = actions
                .iter()
                .map(|(action, count)| format!("{} {count}", action.name()))
                .collect();
            format!("{kind} {}", actions.join(", "))
        };
    counts.iter().map(line).collect()
}

/// What the LMS holds: courses with their people by key, then accounts that are put aside.
pub fn lms(platform: &Platform) -> String {
    let site = &platform.site;
    let mut told = String::new();
    let counts = site.counts();
    let _infallible = writeln!(
        told,
        "   the LMS: {} accounts, {} courses, {} enrolments, {} groups",
        counts.accounts, counts.courses, counts.enrolments, counts.groups
    );
    for (id, course) in site.courses().skip(1) {
        let hidden = if course.visible { "" } else { " (hidden)" };
        let name = if course.idnumber.is_empty() {
            format!("{} (made by hand)", course.shortname)
        } else {
            format!("{} {}", course.idnumber, course.fullname)
        };
        told.push_str(&format!("     {name}{hidden}:"));
        for participant in site.participants(id) {
            let who = match participant.idnumber.as_str() {
                "" => format!("[account {}]", participant.user),
                key => key.to_owned(),
            };
            let role = if participant.roles.has(3) { "*" } else { "" };
            let aside = if participant.standing == Standing::Suspended { "-" } else { "" };
            let groups: Vec<&str> =
                participant.groups.iter().filter_map(|group| group.rsplit(' ').next()).collect();
            let groups =
                if groups.is_empty() { String::new() } else { format!("/{}", groups.join("+")) };
            told.push_str(&format!(" {aside}{who}{role}{groups}"));
        }
        told.push('\n');
    }
    let aside: Vec<&str> = site
        .users()
        .filter(|(_, user)| user.suspended)
        .map(|(_, user)| user.idnumber.as_str())
        .collect();
    if !aside.is_empty() {
        told.push_str(&format!("     suspended: {}\n", aside.join(" ")));
    }
    told
}
