//! Changes while a plan is being made: encoded, one list per phase, each with a mark.

use std::collections::BTreeMap;

use roster::{DecodeError, Decoder, Key, Text};

use crate::{Action, Change, ChangeList, HoldReason, Phase};

/// A change in the making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DraftId {
    pub phase: Phase,
    pub at: u32,
}

/// What is to become of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Deliver,
    /// Somebody approved this very change: it is held with what it needs, and for nothing else.
    Released,
    /// The place of its reason.
    Held(u32),
    /// Left out of the plan: it waits for another record.
    Dropped,
}

/// Reasons that an approval does not do away with: those from the first up to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Questions {
    pub first: u32,
    pub end: u32,
}

impl Questions {
    /// Whether a draft that is held for this reason stays held when the rest is let go.
    pub(crate) fn has(self, reason: u32) -> bool {
        (self.first..self.end).contains(&reason)
    }
}

/// The drafts of one phase, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    bytes: Vec<u8>,
    /// Where each begins, and what becomes of it.
    marks: Vec<(usize, Mark)>,
}

impl Drafts {
    pub(crate) fn len(&self) -> u32 {
        self.marks.len() as u32
    }

    pub(crate) fn mark(&self, at: u32) -> Mark {
        self.marks[at as usize].1
    }

    /// The bytes of one, without their length.
    pub(crate) fn raw(&self, at: u32) -> Result<&[u8], DecodeError> {
        Decoder::new(&self.bytes[self.marks[at as usize].0..]).bytes()
    }
}

/// All drafts.
#[derive(Debug, Default)]
pub(crate) struct Board {
    phases: BTreeMap<Phase, Drafts>,
    reasons: Vec<HoldReason>,
    scratch: Vec<u8>,
}

impl Board {
    /// Adds a change.
    pub(crate) fn push(&mut self, change: &Change) -> DraftId {
        let phase = change.phase();
        self.scratch.clear();
        change.encode(&mut self.scratch);
        let drafts = self.phases.entry(phase).or_default();
        let at = drafts.len();
        drafts.marks.push((drafts.bytes.len(), Mark::Deliver));
        roster::put_bytes(&mut drafts.bytes, &self.scratch);
        DraftId { phase, at }
    }

    /// The phases that have drafts, in order.
    pub(crate) fn phases(&self) -> impl Iterator<Item = (Phase, &Drafts)> {
        self.phases.iter().map(|(phase, drafts)| (*phase, drafts))
    }

    /// The drafts of a phase, in the order in which they came.
    pub(crate) fn ids(&self, phase: Phase) -> impl Iterator<Item = DraftId> + use<> {
        let len = self.phases.get(&phase).map_or(0, Drafts::len);
        (0..len).map(move |at| DraftId { phase, at })
    }

    pub(crate) fn mark(&self, id: DraftId) -> Mark {
        self.phases[&id.phase].mark(id.at)
    }

    pub(crate) fn raw(&self, id: DraftId) -> Result<&[u8], DecodeError> {
        self.phases[&id.phase].raw(id.at)
    }

    pub(crate) fn change(&self, id: DraftId) -> Result<Change, DecodeError> {
        Change::decode(self.raw(id)?)
    }

    /// Action and key, without decoding the rest.
    pub(crate) fn head(&self, id: DraftId) -> Result<(Action, Key), DecodeError> {
        Change::decode_head(self.raw(id)?)
    }

    /// Whether it is to be delivered, as far as is known by now.
    pub(crate) fn is_live(&self, id: DraftId) -> bool {
        matches!(self.mark(id), Mark::Deliver | Mark::Released)
    }

    /// Notes that somebody approved it.
    pub(crate) fn release(&mut self, id: DraftId) {
        self.set(id, Mark::Released);
    }

    /// Adds a reason that many drafts can share.
    pub(crate) fn reason(&mut self, reason: HoldReason) -> Mark {
        self.reasons.push(reason);
        Mark::Held(self.reasons.len() as u32 - 1)
    }

    /// How many reasons there are.
    pub(crate) fn reasons(&self) -> u32 {
        self.reasons.len() as u32
    }

    pub(crate) fn reason_of(&self, at: u32) -> &HoldReason {
        &self.reasons[at as usize]
    }

    /// Marks a draft that has no mark yet. Says whether it had none. One that was released can wait
    /// for another record, and is held for no reason of its own.
    pub(crate) fn set(&mut self, id: DraftId, mark: Mark) -> bool {
        match (self.mark(id), mark) {
            (Mark::Deliver, _) | (Mark::Released, Mark::Dropped) => self.put(id, mark),
            _ => false,
        }
    }

    fn put(&mut self, id: DraftId, mark: Mark) -> bool {
        let slot = self.phases.get_mut(&id.phase).and_then(|d| d.marks.get_mut(id.at as usize));
        slot.map(|(_, slot)| *slot = mark).is_some()
    }

    /// Holds a draft because of another that is held.
    pub(crate) fn hold_for(&mut self, id: DraftId, key: impl AsRef<str>) -> bool {
        if !self.is_live(id) {
            return false;
        }
        let mark = self.reason(HoldReason::Needs { key: Text::new(key) });
        self.put(id, mark)
    }
}

impl ChangeList {
    /// Appends `change`. The order is the caller's to keep.
    pub fn push(&mut self, change: &Change) {
        let mut bytes = Vec::with_capacity(128);
        change.encode(&mut bytes);
        self.push_raw(&bytes);
    }

    pub(crate) fn push_raw(&mut self, bytes: &[u8]) {
        roster::put_bytes(&mut self.bytes, bytes);
        self.count += 1;
    }
}
