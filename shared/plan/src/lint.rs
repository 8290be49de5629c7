//! A second look at a finished plan, by rules that know nothing of how it was made.

use std::collections::{BTreeMap, BTreeSet};

use roster::{CourseKey, DecodeError, Key, Kind};

use crate::known::references;
use crate::{Action, Applied, Change, HoldReason, Limits, Ownership, Phase, Plan, Presence};

/// What is wrong with a plan. A plan that [`crate::diff`] made has none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lint {
    /// A phase comes after a later one.
    #[error("{key}: phase {phase:?} comes after phase {after:?}")]
    Order {
        /// Which change.
        key: Key,
        /// Its phase.
        phase: Phase,
        /// The phase before it.
        after: Phase,
    },
    /// A record is changed twice where once says it all.
    #[error("{key}: two changes do the same")]
    Twice {
        /// Which record.
        key: Key,
    },
    /// Something is changed or taken away that is not ours.
    #[error("{key}: {} of a record that is not ours", action.name())]
    NotOurs {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
    },
    /// A change is based on something that the LMS does not hold.
    #[error("{key}: {} does not fit what the LMS holds", action.name())]
    Baseless {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
    },
    /// A record refers to one that is neither there nor made before it.
    #[error("{key}: refers to {other}, which is neither there nor made before it")]
    Dangling {
        /// Which record.
        key: Key,
        /// The other one.
        other: Key,
    },
    /// More is delivered than the limit allows.
    #[error("{count} of {of} records of kind {kind} are taken away, {allowed} are allowed")]
    Limit {
        /// Which kind.
        kind: Kind,
        /// How many are taken away.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// A held change waits for a record that the plan makes.
    #[error("{key}: held for {needs}, which the plan makes")]
    Idle {
        /// Which record.
        key: Key,
        /// What it waits for.
        needs: String,
    },
}

/// Looks at `plan` with what the LMS holds, found by `applied`; `limits` are the limits and, per
/// kind, how many records of ours take part. They are left out for a plan whose held part was
/// released.
///
/// # Errors
///
/// Where a change does not decode.
pub fn lint(
    plan: &Plan,
    applied: impl Fn(&Key) -> Option<Applied>,
    limits: Option<(&Limits, &dyn Fn(Kind) -> u64)>,
) -> Result<Vec<Lint>, DecodeError> {
    let deleted = deleted_courses(plan)?;
    let mut lints = Vec::new();
    let mut coming: BTreeSet<Key> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut last = Phase(0);
    let mut taken: BTreeMap<Kind, u64> = BTreeMap::new();
    for change in plan.deliver.iter() {
        let change = change?;
        let (key, phase) = (change.key().clone(), change.phase());
        if phase < last {
            lints.push(Lint::Order { key: key.clone(), phase, after: last });
        }
        last = phase;
        if !seen.insert((key.clone(), phase)) {
            lints.push(Lint::Twice { key: key.clone() });
        }
        let before = applied(&key);
        lints.extend(misfit(&change, before.as_ref()));
        if change.action.takes_away() {
            // What goes with its course is counted there.
            let follows = change.kind() != Kind::Course
                && key.course().is_some_and(|course| deleted.contains(course));
            let present = presence(before.as_ref()) == Some(Presence::Present);
            *taken.entry(change.kind()).or_default() += u64::from(present && !follows);
        }
        if matches!(change.action, Action::Create | Action::Restore | Action::Adopt) {
            for other in references(&key) {
                let there = is_there(presence(applied(&other).as_ref()));
                if !there && !coming.contains(&other) {
                    lints.push(Lint::Dangling { key: key.clone(), other });
                }
            }
            coming.insert(key);
        }
    }
    if let Some((limits, held)) = limits {
        for (kind, count) in taken {
            let (of, allowed) = (held(kind), limits.of(kind).allowed(held(kind)));
            if count > allowed {
                lints.push(Lint::Limit { kind, count, of, allowed });
            }
        }
    }
    lints.extend(idle(plan)?);
    Ok(lints)
}

/// The courses that the plan deletes, or holds the deletion of.
fn deleted_courses(plan: &Plan) -> Result<BTreeSet<CourseKey>, DecodeError> {
    let mut deleted = BTreeSet::new();
    for change in plan.deliver.iter().chain(plan.held.iter()) {
        let change = change?;
        if let (Action::Remove, Key::Course(course)) = (change.action, change.key()) {
            deleted.insert(course.clone());
        }
    }
    Ok(deleted)
}

fn presence(applied: Option<&Applied>) -> Option<Presence> {
    applied.and_then(|applied| applied.meta.presence)
}

fn is_there(presence: Option<Presence>) -> bool {
    matches!(presence, Some(Presence::Present | Presence::Suspended))
}

/// What of a change does not fit the record that it changes.
fn misfit(change: &Change, applied: Option<&Applied>) -> Option<Lint> {
    let key = change.key().clone();
    let action = change.action;
    let meta = applied.map(|applied| &applied.meta);
    let presence = presence(applied);
    let there = is_there(presence);
    let doubt = meta.is_some_and(|meta| meta.in_doubt);
    if there && meta.is_some_and(|meta| meta.ownership == Ownership::Found) {
        return Some(Lint::NotOurs { key, action });
    }
    let fits = match action {
        Action::Create | Action::Adopt => !there && change.before.is_none(),
        Action::Update | Action::Rekey => {
            there && change.before.is_some() && change.after.is_some()
        }
        Action::Restore => presence == Some(Presence::Suspended) && change.after.is_some(),
        Action::Suspend => (there || doubt) && change.after.is_some(),
        Action::Remove => (there || doubt) && change.after.is_none(),
    };
    (!fits).then_some(Lint::Baseless { key, action })
}

/// Held changes that wait for a record which the plan makes.
fn idle(plan: &Plan) -> Result<Vec<Lint>, DecodeError> {
    let mut made = BTreeSet::new();
    for change in plan.deliver.iter() {
        let change = change?;
        if change.action == Action::Create {
            made.insert(change.key().to_string());
        }
    }
    let mut lints = Vec::new();
    for (change, reason) in plan.held.iter().zip(&plan.reasons) {
        let change = change?;
        if let HoldReason::Needs { key } = reason
            && made.contains(key.as_str())
        {
            lints.push(Lint::Idle { key: change.key().clone(), needs: key.to_string() });
        }
    }
    Ok(lints)
}
