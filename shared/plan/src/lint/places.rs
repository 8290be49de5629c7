//! A plan in the order of places: its stretches that are in that order, merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use roster::{DecodeError, Place, owner_hash};

use crate::change::{Outline, Outlines};

/// A stretch of a plan in the order of places.
pub(super) struct Stretch<'a> {
    pub changes: Outlines<'a>,
    pub left: u64,
}

/// All stretches as one, in the order of places; of one record in the order of the plan.
pub(super) struct Merged<'a> {
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
    pub fn new(stretches: Vec<Stretch<'a>>) -> Result<Self, DecodeError> {
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

    pub fn next(&mut self) -> Result<Option<(u64, Outline)>, DecodeError> {
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(None) };
        self.refill(head.stretch)?;
        Ok(Some((head.hash, head.change)))
    }
}
