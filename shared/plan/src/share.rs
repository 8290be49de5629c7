//! Limits of a source's or a data source key's own: only what is over in that part is held.
//!
//! Which of a plan's changes belong to which part is told from outside ([`Shares`]), for the LMS
//! knows of no sources: whoever made the plan looks the changed records up in what the sources say
//! and said, and has it made once more.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roster::mapping::like;
use roster::{DecodeError, Key, Kind, Text};
use serde::{Deserialize, Serialize};

use crate::draft::{Board, DraftId};
use crate::hold::{Weights, makes, makes_of, stick};
use crate::known::Known;
use crate::{Action, ChangeList, HoldReason, LimitTable, Limited, Part, Plan};

/// The limits of one source, or of each data source key that is like a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartLimits {
    /// [`Part::Source`] or [`Part::DataSource`].
    pub part: Part,
    /// The source's name, or the data source key, in which `*` stands for any characters.
    pub name: Text,
    /// Its limits in a run.
    pub table: LimitTable,
}

/// The limits of parts: of one part the first that names it whole holds, else of the patterns that
/// it is like the longest.
pub(crate) fn limits_of<'a>(
    all: &'a [PartLimits],
    part: Part,
    name: &str,
) -> Option<&'a LimitTable> {
    let of = all.iter().filter(|limits| limits.part == part);
    let whole = of.clone().find(|limits| limits.name.as_str() == name);
    let alike = || {
        of.filter(|limits| part == Part::DataSource && like(&limits.name, name))
            .max_by_key(|limits| (limits.name.len(), std::cmp::Reverse(&limits.name)))
    };
    whole.or_else(alike).map(|limits| &limits.table)
}

/// A part with limits of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What it is.
    pub part: Part,
    /// Which one.
    pub name: Text,
    /// Its limits in a run.
    pub table: LimitTable,
    /// Records of each kind that it had: what a share in percent is of.
    pub records: [u64; 9],
}

/// Which changes of a plan belong to parts that have limits of their own.
///
/// Keys are kept as hashes, and those alone that a plan changes: one that is taken for another is
/// held for nothing, and never lost.
#[derive(Debug, Clone, Default)]
pub struct Shares {
    limits: Vec<PartLimits>,
    shares: Vec<Share>,
    places: HashMap<(Part, Text), Option<u32>>,
    /// What is asked for, and whether it takes something away that nobody was seen to have.
    asked: HashMap<u64, bool>,
    of: HashMap<u64, Vec<u32>>,
    /// How many of what takes something away are yet to be found.
    missing: u64,
    /// Parts of which nobody knows any more what they had.
    unknown: Vec<u32>,
}

impl Shares {
    /// What has to be known of the changes of `plan`, whether they are delivered or held.
    ///
    /// # Errors
    /// Where a change does not decode.
    pub fn asking(plan: &Plan, limits: &[PartLimits]) -> Result<Self, DecodeError> {
        let mut shares = Self { limits: limits.to_vec(), ..Self::default() };
        let counts = |kind: Kind, action: Action| {
            limits.iter().any(|limits| limits.table.counts(kind, action))
        };
        let mut ask = |changes: &ChangeList| {
            for outline in changes.outlines() {
                let outline = outline?;
                let (takes, hash) = (outline.action.takes_away(), outline.key.hash64());
                if counts(outline.key.kind(), outline.action)
                    && shares.asked.insert(hash, takes).is_none()
                {
                    shares.missing += u64::from(takes);
                }
            }
            Ok::<_, DecodeError>(())
        };
        ask(&plan.deliver)?;
        ask(&plan.held)?;
        Ok(shares)
    }

    /// Whether nothing has to be known.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The place of a part; `None` where it has no limits of its own.
    pub fn place(&mut self, part: Part, name: &Text) -> Option<u32> {
        if let Some(place) = self.places.get(&(part, name.clone())) {
            return *place;
        }
        let table = limits_of(&self.limits, part, name).cloned();
        let place = table.map(|table| {
            self.shares.push(Share { part, name: name.clone(), table, records: [0; 9] });
            self.shares.len() as u32 - 1
        });
        self.places.insert((part, name.clone()), place);
        place
    }

    /// Counts a record that the part at `place` had.
    pub fn count(&mut self, place: u32, kind: Kind) {
        self.shares[place as usize].records[kind as usize - 1] += 1;
    }

    /// The record of `key` belongs to the parts at `places`, and to no others of its source.
    pub fn see(&mut self, key: &Key, places: impl IntoIterator<Item = u32>) {
        let hash = key.hash64();
        let Some(missing) = self.asked.get_mut(&hash) else { return };
        self.missing -= u64::from(std::mem::take(missing));
        for place in places {
            let of = self.of.entry(hash).or_default();
            if !of.contains(&place) {
                of.push(place);
            }
        }
    }

    /// Whether anything is taken away that nobody was seen to have.
    pub fn lacks_any(&self) -> bool {
        self.missing > 0
    }

    /// Nobody knows any more what the part at `place` had: whatever is taken away and belongs to
    /// no part that is known is taken for its.
    pub fn unknown(&mut self, place: u32) {
        if !self.unknown.contains(&place) {
            self.unknown.push(place);
        }
    }

    /// The parts to which a change of the record of `key` belongs.
    pub(crate) fn of(&self, key: &Key, action: Action) -> &[u32] {
        if self.shares.is_empty() {
            return &[];
        }
        match self.of.get(&key.hash64()) {
            Some(parts) => parts,
            None if action.takes_away() && self.is_missing(key) => &self.unknown,
            None => &[],
        }
    }

    fn is_missing(&self, key: &Key) -> bool {
        self.asked.get(&key.hash64()).copied().unwrap_or(false)
    }

    /// The parts, by place.
    pub(crate) fn parts(&self) -> &[Share] {
        &self.shares
    }
}

/// Holds every change of a kind in a part that has more of them than a limit of its own allows.
pub(crate) fn hold_over(
    weights: &Weights,
    shares: &Shares,
    (board, known): (&mut Board, &mut Known),
) -> Result<(), DecodeError> {
    if shares.parts().is_empty() {
        return Ok(());
    }
    for kind in Kind::ALL {
        let mut any = false;
        for (place, drafts) in drafts_by_part(kind, weights, shares, board)? {
            let share = &shares.parts()[place as usize];
            for limited in Limited::ALL {
                let Some(limit) = share.table.of(kind, limited) else { continue };
                let of = share.records[kind as usize - 1];
                let is_over = |(id, action): &&(DraftId, Action)| {
                    limited.counts(*action) && board.is_live(*id)
                };
                let over: Vec<DraftId> = drafts.iter().filter(is_over).map(|(id, _)| *id).collect();
                let (count, allowed) = (over.len() as u64, limit.allowed(of));
                if count == 0 || count <= allowed {
                    continue;
                }
                let (part, name) = (share.part, share.name.clone());
                let reason = HoldReason::PartLimit { part, name, limited, count, of, allowed };
                let mark = board.reason(reason);
                over.iter().for_each(|draft| any |= board.set(*draft, mark));
            }
        }
        if any {
            stick(kind, board, known)?;
        }
    }
    Ok(())
}

/// The live drafts of a kind that count, by the parts that they belong to.
fn drafts_by_part(
    kind: Kind,
    weights: &Weights,
    shares: &Shares,
    board: &Board,
) -> Result<BTreeMap<u32, Vec<(DraftId, Action)>>, DecodeError> {
    let mut drafts = BTreeMap::<u32, Vec<(DraftId, Action)>>::new();
    let counted = weights.counted[kind as usize - 1].iter().copied();
    for id in counted.chain(makes_of(kind, board)).filter(|id| board.is_live(*id)) {
        let (action, key) = board.head(id)?;
        let parts = shares.of(&key, action);
        if !parts.is_empty() && (action.takes_away() || makes(action, board.change(id)?.cause)) {
            parts.iter().for_each(|part| drafts.entry(*part).or_default().push((id, action)));
        }
    }
    Ok(drafts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_comes_before_the_longest_pattern() {
        let limits = |part, name: &str, percent| {
            let limit = crate::Limit { percent: Some(percent), ..crate::Limit::default() };
            let all = [(Limited::Removals, limit)].into();
            let table = LimitTable { all, ..LimitTable::default() };
            PartLimits { part, name: name.into(), table }
        };
        let all = [
            limits(Part::DataSource, "*", 1),
            limits(Part::DataSource, "2011_*", 2),
            limits(Part::DataSource, "2011_fall", 3),
            limits(Part::Source, "hr", 4),
            limits(Part::Source, "*", 5),
        ];
        let percent = |part, name: &str| {
            let table = limits_of(&all, part, name)?;
            table.of(Kind::Person, Limited::Removals)?.percent
        };
        for (part, name, expected) in [
            (Part::DataSource, "2011_fall", Some(3)),
            (Part::DataSource, "2011_spring", Some(2)),
            (Part::DataSource, "guests", Some(1)),
            (Part::Source, "hr", Some(4)),
            (Part::Source, "registrar", None),
        ] {
            assert_eq!(percent(part, name), expected, "{name}");
        }
    }
}
