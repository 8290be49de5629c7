//! Parts of what a plan holds: chosen by a person, each with a checksum of its own.
//!
//! | selector | chooses what is held |
//! |---|---|
//! | `enrollment`, `person`, ... | of that kind |
//! | `limit`, `sharp_drop`, ... ([`HoldReason::name`]) | for such a reason |
//! | `chem-101`, `course:chem-101` | of that course and in it |
//! | `alone` | for one reason: each that the plan has is such a part ([`held_parts`]) |
//!
//! What needs a chosen change goes with it, unless it needs something else that stays held. What
//! needs a change that is not chosen is not chosen either, whatever the selector says, nor is what
//! waits for an answer about keys.
//!
//! The checksum of a part is made as that of a plan ([`Checksum`]): over its changes, in their
//! order, and the version of the configuration. A part that is all of it has the checksum of all.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use hashbrown::{HashMap, HashSet};
use roster::{DecodeError, Kind, Record, Text};

use crate::checksum::Summing;
use crate::{Change, Checksum, HoldReason, Plan};

/// What a change does, in a few bytes: action, before, after and temporary name. The same change
/// asked for by another export, at another time or from another line has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Change {
    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        let bytes = |record: &Option<Record>| record.as_ref().map(Record::to_bytes);
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.action.name().as_bytes());
        let temporary = self.temporary.as_ref().map(|name| name.as_bytes().to_vec());
        for part in [bytes(&self.before), bytes(&self.after), temporary] {
            let part = part.unwrap_or_default();
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(&part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(short)
    }
}

/// Single changes on which there is a word already.
#[derive(Debug, Clone, Copy)]
pub struct Singled<'a> {
    /// Somebody approved them: none of them is held by itself. What they need may be.
    pub released: &'a HashSet<Fingerprint>,
    /// They stayed held when a part of their plan was approved: they are held again, for the reason
    /// that they had, though by themselves they might be within the limits.
    pub kept: &'a HashMap<Fingerprint, HoldReason>,
}

impl HoldReason {
    /// Its name, as selectors and programs know it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "limit",
            Self::EmptiesCourse { .. } => "empties_course",
            Self::GrantsSystemRole { .. } => "grants_system_role",
            Self::SuspectedReuse { .. } => "suspected_reuse",
            Self::Rename { .. } => "rename",
            Self::TwoKeys { .. } => "two_keys",
            Self::Merge { .. } => "merge",
            Self::FirstSync => "first_sync",
            Self::Reconfigured { .. } => "reconfigured",
            Self::Needs { .. } => "needs",
            Self::Over { .. } => "over",
            Self::SharpDrop { .. } => "sharp_drop",
            Self::PartLimit { .. } => "part_limit",
        }
    }

    /// Whether it lasts when another part of its plan was approved: the others are found again by
    /// themselves.
    pub fn outlasts_approval(&self) -> bool {
        matches!(
            self,
            Self::Limit { .. }
                | Self::EmptiesCourse { .. }
                | Self::Over { .. }
                | Self::SharpDrop { .. }
                | Self::PartLimit { .. }
        )
    }
}

/// The names of reasons that can be chosen.
const REASONS: [&str; 8] = [
    "limit",
    "part_limit",
    "over",
    "sharp_drop",
    "empties_course",
    "grants_system_role",
    "suspected_reuse",
    "merge",
];

/// What somebody chooses of what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// One kind.
    Kind(Kind),
    /// One sort of reason, by its name.
    Reason(&'static str),
    /// A course and all in it.
    Course(Text),
    /// One reason with its numbers: the checksum says which.
    Alone,
}

impl FromStr for Selector {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(course) = text.strip_prefix("course:") {
            return Ok(Self::Course(Text::new(course)));
        }
        let name = text.replace('-', "_");
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let reason = REASONS.into_iter().find(|reason| *reason == name);
        Ok(match (kind, reason) {
            _ if name == "alone" => Self::Alone,
            (Some(kind), _) => Self::Kind(kind),
            (None, Some(reason)) => Self::Reason(reason),
            (None, None) => Self::Course(Text::new(text)),
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => f.write_str(kind.name()),
            Self::Reason(reason) => f.write_str(reason),
            Self::Course(course) => write!(f, "course:{course}"),
            Self::Alone => f.write_str("alone"),
        }
    }
}

impl Selector {
    fn chooses(&self, change: &Change, reason: &HoldReason) -> bool {
        match self {
            Self::Kind(kind) => change.kind() == *kind,
            Self::Reason(name) => reason.name() == *name,
            Self::Course(course) => change.key().course().is_some_and(|key| key.text() == course),
            Self::Alone => false,
        }
    }
}

/// A part of what a plan holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPart {
    /// Why, where all of it but what follows is held for one reason.
    pub reason: Option<HoldReason>,
    /// Of which kind the first of it is.
    pub kind: Option<Kind>,
    /// How many changes are chosen.
    pub count: u64,
    /// How many go with them because they need them.
    pub follow: u64,
    /// Over all of them.
    pub checksum: Checksum,
    /// All of them.
    pub changes: HashSet<Fingerprint>,
}

/// What `selectors` choose of what `plan` holds; `None` where that is nothing.
///
/// # Errors
/// Where a change does not decode.
pub fn select(plan: &Plan, selectors: &[Selector]) -> Result<Option<HeldPart>, DecodeError> {
    let held = Held::of(plan)?;
    Ok(held.part(|at| {
        let (change, reason) = (&held.changes[at], &plan.reasons[at]);
        selectors.iter().any(|selector| selector.chooses(change, reason))
    }))
}

/// The parts of what `plan` holds, one for each reason that can be approved by itself: in the
/// order in which the first change of each comes.
///
/// # Errors
/// Where a change does not decode.
pub fn held_parts(plan: &Plan) -> Result<Vec<HeldPart>, DecodeError> {
    let held = Held::of(plan)?;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places: BTreeMap<(&HoldReason, Option<Kind>), usize> = BTreeMap::new();
    for (at, (change, reason)) in held.changes.iter().zip(&plan.reasons).enumerate() {
        if !can_be_chosen(reason) {
            continue;
        }
        // Limits are of a kind, and the reason does not name it.
        let of_kind = matches!(
            reason,
            HoldReason::Limit { .. } | HoldReason::Over { .. } | HoldReason::PartLimit { .. }
        );
        let group = (reason, of_kind.then(|| change.kind()));
        let place = *places.entry(group).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(at);
    }
    let part = |group: Vec<usize>| {
        let chosen: HashSet<usize> = group.into_iter().collect();
        held.part(|at| chosen.contains(&at))
    };
    Ok(groups.into_iter().filter_map(part).collect())
}

/// Whether a change that is held so can be chosen: not because of another one, nor for an answer,
/// nor as the whole of a plan.
fn can_be_chosen(reason: &HoldReason) -> bool {
    !matches!(
        reason,
        HoldReason::Needs { .. }
            | HoldReason::Rename { .. }
            | HoldReason::TwoKeys { .. }
            | HoldReason::FirstSync
            | HoldReason::Reconfigured { .. }
    )
}

/// What a plan holds, decoded.
struct Held<'a> {
    plan: &'a Plan,
    changes: Vec<Change>,
    /// The places of what is held because of a record, by that record.
    needing: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Held<'a> {
    fn of(plan: &'a Plan) -> Result<Self, DecodeError> {
        let changes = plan.held.iter().collect::<Result<Vec<_>, _>>()?;
        let mut needing: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, reason) in plan.reasons.iter().enumerate() {
            if let HoldReason::Needs { key } = reason {
                needing.entry(key.as_str()).or_default().push(at);
            }
        }
        Ok(Self { plan, changes, needing })
    }

    fn part(&self, chosen: impl Fn(usize) -> bool) -> Option<HeldPart> {
        let reasons = &self.plan.reasons;
        let can = |at: &usize| can_be_chosen(&reasons[*at]) && chosen(*at);
        let direct: Vec<usize> = (0..self.changes.len()).filter(can).collect();
        let first = *direct.first()?;
        let one = direct.iter().all(|at| reasons[*at] == reasons[first]);
        let mut all: HashSet<usize> = direct.iter().copied().collect();
        let mut next = direct;
        let count = all.len() as u64;
        while let Some(at) = next.pop() {
            let key = self.changes[at].key().to_string();
            for follower in self.needing.get(key.as_str()).into_iter().flatten() {
                if all.insert(*follower) {
                    next.push(*follower);
                }
            }
        }
        let mut summing = Summing::new(&self.plan.summary.config_version);
        let mut changes = HashSet::with_capacity(all.len());
        for (at, change) in self.changes.iter().enumerate() {
            if all.contains(&at) {
                summing.add(change);
                changes.insert(change.fingerprint());
            }
        }
        Some(HeldPart {
            reason: one.then(|| reasons[first].clone()),
            kind: Some(self.changes[first].kind()),
            count,
            follow: all.len() as u64 - count,
            checksum: summing.finish(),
            changes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_as_it_is_written() {
        for (text, expected) in [
            ("enrollment", Selector::Kind(Kind::Enrollment)),
            ("group-member", Selector::Kind(Kind::GroupMember)),
            ("sharp-drop", Selector::Reason("sharp_drop")),
            ("limit", Selector::Reason("limit")),
            ("chem-101", Selector::Course("chem-101".into())),
            ("course:person", Selector::Course("person".into())),
            ("alone", Selector::Alone),
        ] {
            let Ok(read) = text.parse::<Selector>();
            assert_eq!(read, expected);
            let Ok(again) = read.to_string().parse::<Selector>();
            assert_eq!(again, expected);
        }
    }
}
