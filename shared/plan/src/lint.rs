//! A second look at a finished plan, by rules that know nothing of how it was made.
//!
//! It streams: the plan is run over in its order and once more in the order of places, beside what
//! the LMS holds. Nothing is kept but hashes: of courses that go, of what is made and what is
//! referred to. Nothing of the records is decoded beyond their keys.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashSet;
use roster::{DecodeError, Key, Kind, Place, Text, owner_hash};

use crate::change::{Outline, Outlines};
use crate::known::{id_hash, key_hash, reference_hashes, references};
use crate::{
    Action, Counts, HoldReason, Limited, Limits, Meta, Ownership, Past, Phase, Plan, Presence, Span,
};

/// So many are told of at most: a plan with one is refused, whatever else is wrong with it.
const MOST: usize = 100;

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
    /// More is taken away than the limit of a run allows.
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
    /// More is done than another limit allows.
    #[error("{count} of {of} records of kind {kind} ({}, {span:?}), {allowed} are allowed", limited.name())]
    Over {
        /// Which kind.
        kind: Kind,
        /// What the limit counts.
        limited: Limited,
        /// Over which time.
        span: Span,
        /// How many there are, with those before in this time.
        count: u64,
        /// Of how many.
        of: u64,
        /// How many may be.
        allowed: u64,
    },
    /// Something is taken away from a part of the export that dropped sharply.
    #[error("{key}: {} of a record whose part of the export dropped", action.name())]
    Suspect {
        /// Which record.
        key: Key,
        /// What would be done.
        action: Action,
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

impl Lint {
    /// The rule that is broken.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Order { .. } => "order",
            Self::Twice { .. } => "twice",
            Self::NotOurs { .. } => "not-ours",
            Self::Baseless { .. } => "baseless",
            Self::Dangling { .. } => "dangling",
            Self::Limit { .. } | Self::Over { .. } => "limit",
            Self::Suspect { .. } => "suspect",
            Self::Idle { .. } => "idle",
        }
    }
}

/// Looks at `plan` with what the LMS holds: the keys of `applied` in the order of places, with what
/// is known beside each. `limits` are those that hold now, with what earlier runs tell them; they
/// are left out for a plan whose held part was released.
///
/// # Errors
///
/// Where a change does not decode.
pub fn lint<A>(
    plan: &Plan,
    applied: A,
    limits: Option<(&Limits, &Past)>,
) -> Result<Vec<Lint>, DecodeError>
where
    A: IntoIterator<Item = Result<(Key, Meta), DecodeError>>,
{
    let mut looking = Looking { limits, ..Looking::default() };
    if plan.deliver.is_empty() {
        return Ok(looking.lints);
    }
    let runs = looking.in_order(plan)?;
    looking.beside(runs, applied)?;
    looking.dangling(plan)?;
    looking.over_limit();
    looking.lints.truncate(MOST);
    Ok(looking.lints)
}

/// What is gathered on the way.
#[derive(Default)]
struct Looking<'a> {
    limits: Option<(&'a Limits, &'a Past)>,
    lints: Vec<Lint>,
    /// Courses that the plan deletes, or holds the deletion of.
    deleted: HashSet<u64>,
    /// Referred to, and not made before: must be there.
    needed: HashSet<u64>,
    /// Records of ours that take part, by kind.
    present: [u64; 9],
    /// What is done and counts.
    counts: Counts,
}

/// A stretch of a plan in the order of places.
struct Stretch<'a> {
    changes: Outlines<'a>,
    left: u64,
}

impl<'a> Looking<'a> {
    fn push(&mut self, lint: Lint) {
        if self.lints.len() < MOST {
            self.lints.push(lint);
        }
    }

    /// Runs over the plan in its order. The answer is its stretches that are in order of places.
    fn in_order<'p>(&mut self, plan: &'p Plan) -> Result<Vec<Stretch<'p>>, DecodeError> {
        self.deleted = deleted_courses(plan)?;
        let waited_for: HashSet<&Text> = plan.reasons.iter().filter_map(waits_for).collect();
        let mut idle: HashSet<Text> = HashSet::new();
        let (mut coming, mut stretches) = (HashSet::new(), Vec::new());
        let (mut last, mut before): (Phase, Option<(u64, Key)>) = (Phase(0), None);
        let mut outlines = plan.deliver.outlines();
        loop {
            let here = outlines.clone();
            let Some(outline) = outlines.next().transpose()? else { break };
            let (phase, key) = (outline.phase(), &outline.key);
            if phase < last {
                self.push(Lint::Order { key: key.clone(), phase, after: last });
            }
            let hash = owner_hash(key.owner());
            let follows = before.as_ref().is_some_and(|(hash_before, before)| {
                phase == last && Place { hash: *hash_before, key: before } <= Place { hash, key }
            });
            last = phase;
            match stretches.last_mut() {
                Some(Stretch { left, .. }) if follows => *left += 1,
                _ => stretches.push(Stretch { changes: here, left: 1 }),
            }
            if comes(outline.action) {
                let hashes = reference_hashes(key).into_iter().flatten();
                self.needed.extend(hashes.filter(|hash| !coming.contains(hash)));
                coming.extend(key_hash(key));
            }
            if outline.action == Action::Create && !waited_for.is_empty() {
                let name = Text::from(key.to_string());
                if waited_for.contains(&name) {
                    idle.insert(name);
                }
            }
            before = Some((hash, outline.key));
        }
        self.idle(plan, &idle)?;
        Ok(stretches)
    }

    /// Held changes that wait for a record which the plan makes.
    fn idle(&mut self, plan: &Plan, made: &HashSet<Text>) -> Result<(), DecodeError> {
        if made.is_empty() {
            return Ok(());
        }
        for (change, reason) in plan.held.outlines().zip(&plan.reasons) {
            let key = change?.key;
            if let Some(needs) = waits_for(reason).filter(|needs| made.contains(*needs)) {
                self.push(Lint::Idle { key, needs: needs.to_string() });
            }
        }
        Ok(())
    }

    /// Runs over the plan and what the LMS holds, both in the order of places.
    fn beside<A>(&mut self, stretches: Vec<Stretch<'_>>, applied: A) -> Result<(), DecodeError>
    where
        A: IntoIterator<Item = Result<(Key, Meta), DecodeError>>,
    {
        let mut merged = Merged::new(stretches)?;
        let mut next = merged.next()?;
        for row in applied {
            let (key, meta) = row?;
            let hash = owner_hash(key.owner());
            let here = Place { hash, key: &key };
            let mut last = None;
            while let Some((change_hash, change)) = &next {
                let place = Place { hash: *change_hash, key: &change.key };
                if place > here {
                    break;
                }
                let same = place == here;
                self.change(change, same.then_some(&meta), &mut last);
                next = merged.next()?;
            }
            let kind = key.kind();
            let ours = meta.ownership != Ownership::Found;
            self.present[kind as usize - 1] +=
                u64::from(ours && meta.presence == Some(Presence::Present));
            if !self.needed.is_empty()
                && is_there(meta.presence)
                && let Some(hash) = key_hash(&key)
            {
                self.needed.remove(&hash);
            }
        }
        let mut last = None;
        while let Some((_, change)) = &next {
            self.change(change, None, &mut last);
            next = merged.next()?;
        }
        Ok(())
    }

    /// Looks at one change beside what is known of its record.
    fn change(&mut self, change: &Outline, meta: Option<&Meta>, last: &mut Option<(Key, Phase)>) {
        let this = (change.key.clone(), change.phase());
        if last.as_ref() == Some(&this) {
            self.push(Lint::Twice { key: change.key.clone() });
        }
        *last = Some(this);
        if let Some(lint) = misfit(change, meta) {
            self.push(lint);
        }
        let (kind, action) = (change.key.kind(), change.action);
        let counts = if action.takes_away() {
            self.counts_as_loss(change, meta)
        } else {
            !change.is_temporary && crate::hold::makes(action, change.cause)
        };
        if !counts {
            return;
        }
        *self.counts.entry(kind).or_default().entry(action).or_default() += 1;
        let suspects = self.limits.map(|(_, past)| &past.suspects);
        if action.takes_away() && suspects.is_some_and(|parts| parts.of(&change.key).is_some()) {
            self.push(Lint::Suspect { key: change.key.clone(), action });
        }
    }

    /// Whether somebody loses something now: what goes with its course is counted there.
    fn counts_as_loss(&self, change: &Outline, meta: Option<&Meta>) -> bool {
        let key = &change.key;
        let course = key.course().filter(|_| key.kind() != Kind::Course);
        let follows = course
            .is_some_and(|course| self.deleted.contains(&id_hash(Kind::Course, course.as_str())));
        meta.and_then(|meta| meta.presence) == Some(Presence::Present) && !follows
    }

    /// What refers to something that is neither there nor made before it.
    fn dangling(&mut self, plan: &Plan) -> Result<(), DecodeError> {
        if self.needed.is_empty() {
            return Ok(());
        }
        let mut made = HashSet::new();
        for outline in plan.deliver.outlines() {
            let outline = outline?;
            if !comes(outline.action) {
                continue;
            }
            for other in references(&outline.key) {
                let hash = key_hash(&other);
                if hash.is_some_and(|hash| self.needed.contains(&hash) && !made.contains(&hash)) {
                    self.push(Lint::Dangling { key: outline.key.clone(), other });
                }
            }
            made.extend(key_hash(&outline.key));
        }
        Ok(())
    }

    /// Weighs what is done against the limits.
    fn over_limit(&mut self) {
        let Some((limits, past)) = self.limits else { return };
        for kind in Kind::ALL {
            for limited in Limited::ALL {
                let now = limited.sum(&self.counts, kind);
                for span in [Span::Run, Span::Week] {
                    let Some(limit) = limits.limit(kind, limited, span) else { continue };
                    let week = |limited: Limited| match span {
                        Span::Run => 0,
                        Span::Week => limited.sum(&past.week, kind),
                    };
                    let of = self.present[kind as usize - 1] + week(Limited::Removals);
                    let (count, allowed) = (now + week(limited), limit.allowed(of));
                    if now == 0 || count <= allowed {
                        continue;
                    }
                    self.push(match (limited, span) {
                        (Limited::Removals, Span::Run) => Lint::Limit { kind, count, of, allowed },
                        _ => Lint::Over { kind, limited, span, count, of, allowed },
                    });
                }
            }
        }
    }
}

/// What a held change waits for.
fn waits_for(reason: &HoldReason) -> Option<&Text> {
    match reason {
        HoldReason::Needs { key } => Some(key),
        _ => None,
    }
}

/// Whether the record is there afterwards and needs what it refers to.
fn comes(action: Action) -> bool {
    matches!(action, Action::Create | Action::Restore | Action::Adopt)
}

fn deleted_courses(plan: &Plan) -> Result<HashSet<u64>, DecodeError> {
    let mut deleted = HashSet::new();
    for outline in plan.deliver.outlines().chain(plan.held.outlines()) {
        let outline = outline?;
        if let (Action::Remove, Key::Course(course)) = (outline.action, &outline.key) {
            deleted.insert(id_hash(Kind::Course, course.as_str()));
        }
    }
    Ok(deleted)
}

/// All stretches as one, in the order of places; of one record in the order of the plan.
struct Merged<'a> {
    stretches: Vec<Stretch<'a>>,
    heads: BinaryHeap<Reverse<Head>>,
}

#[derive(PartialEq, Eq)]
struct Head {
    hash: u64,
    change: Outline,
    stretch: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = Place { hash: self.hash, key: &self.change.key };
        let other_place = Place { hash: other.hash, key: &other.change.key };
        place.cmp(&other_place).then(self.stretch.cmp(&other.stretch))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Merged<'a> {
    fn new(stretches: Vec<Stretch<'a>>) -> Result<Self, DecodeError> {
        let mut merged = Self { heads: BinaryHeap::with_capacity(stretches.len()), stretches };
        for stretch in 0..merged.stretches.len() {
            merged.refill(stretch)?;
        }
        Ok(merged)
    }

    fn refill(&mut self, stretch: usize) -> Result<(), DecodeError> {
        let from = &mut self.stretches[stretch];
        if from.left == 0 {
            return Ok(());
        }
        from.left -= 1;
        if let Some(change) = from.changes.next().transpose()? {
            let hash = owner_hash(change.key.owner());
            self.heads.push(Reverse(Head { hash, change, stretch }));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(u64, Outline)>, DecodeError> {
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(None) };
        self.refill(head.stretch)?;
        Ok(Some((head.hash, head.change)))
    }
}

fn is_there(presence: Option<Presence>) -> bool {
    matches!(presence, Some(Presence::Present | Presence::Suspended))
}

/// What of a change does not fit the record that it changes.
fn misfit(change: &Outline, meta: Option<&Meta>) -> Option<Lint> {
    let (key, action) = (change.key.clone(), change.action);
    let presence = meta.and_then(|meta| meta.presence);
    let there = is_there(presence);
    let doubt = meta.is_some_and(|meta| meta.in_doubt);
    if there && meta.is_some_and(|meta| meta.ownership == Ownership::Found) {
        return Some(Lint::NotOurs { key, action });
    }
    let (before, after) = (change.has_before, change.has_after);
    let fits = match action {
        Action::Create | Action::Adopt => !there && !before,
        Action::Update | Action::Rekey => there && before && after,
        Action::Restore => presence == Some(Presence::Suspended) && after,
        Action::Suspend => (there || doubt) && after,
        Action::Remove => (there || doubt) && !after,
    };
    (!fits).then_some(Lint::Baseless { key, action })
}
