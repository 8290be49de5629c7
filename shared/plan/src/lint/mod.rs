//! A second look at a finished plan, by rules that know nothing of how it was made.
//!
//! It streams: the plan is run over in its order and once more in the order of places, beside what
//! the LMS holds. Nothing is kept but hashes: of courses that go, of what is made and what is
//! referred to. Nothing of the records is decoded beyond their keys.

mod emptied;
mod fault;
mod places;
mod weigh;

use hashbrown::HashSet;
use roster::{DecodeError, Key, Kind, Place, Text, owner_hash};

use crate::change::Outline;
use crate::known::{id_hash, key_hash, reference_hashes, references};
use crate::{Action, HoldReason, Limits, Meta, Ownership, Past, Phase, Plan, Presence};
use emptied::Emptying;
pub use emptied::{Looked, LosingCourses};
pub use fault::Lint;
use places::{Merged, Stretch};
use weigh::Counted;

/// So many are told of at most: a plan with one is refused, whatever else is wrong with it.
const MOST: usize = 100;

/// Looks at `plan` with what the LMS holds: the records of `applied` in the order of places, with
/// what is known beside each. `limits` are those that hold now, with what earlier runs tell them; they
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
    A: IntoIterator<Item = Result<Looked, DecodeError>>,
{
    let mut looking = Looking { limits, ..Looking::default() };
    if plan.deliver.is_empty() {
        return Ok(looking.lints);
    }
    if limits.is_some_and(|(limits, _)| limits.hold_emptied_courses) {
        looking.emptied = Emptying::of(plan)?;
    }
    let runs = looking.in_order(plan)?;
    looking.beside(runs, applied)?;
    looking.dangling(plan)?;
    looking.over_limit();
    looking.over_parts();
    looking.emptied();
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
    counted: Counted,
    /// Courses that lose people, and what becomes of their students.
    emptied: Emptying,
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
        A: IntoIterator<Item = Result<Looked, DecodeError>>,
    {
        let mut merged = Merged::new(stretches)?;
        let mut next = merged.next()?;
        for row in applied {
            let row = row?;
            self.emptied.see(&row);
            let Looked { key, meta, .. } = row;
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
        let past = self.limits.map(|(_, past)| past);
        let parts = past.map_or(&[][..], |past| past.shares.of(&change.key, action));
        self.counted.count(kind, action, parts);
        let suspects = past.map(|past| &past.suspects);
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
