//! Batches: slices of a plan, what one message of the queue points to.

use std::collections::BTreeSet;
use std::iter::Peekable;

use roster::{DecodeError, Decoder, Text, put_bytes, put_varint};

use crate::assemble::parent;
use crate::{Change, ChangeList, Phase, Plan};

/// A slice of a plan. All of it is of one phase, and nothing in it needs anything else in it, so
/// that an adapter may send it in any order and in parallel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its place among the plan's batches, from 0.
    pub number: u32,
    /// Its phase.
    pub phase: Phase,
    /// The changes.
    pub changes: ChangeList,
}

/// The version of [`Batch::to_bytes`].
const VERSION: u8 = 1;

impl Batch {
    /// Its bytes: version, number, phase, count, changes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.changes.bytes.len() + 16);
        out.push(VERSION);
        put_varint(&mut out, u64::from(self.number));
        out.push(self.phase.0);
        self.changes.encode(&mut out);
        out
    }

    /// Reads what [`Batch::to_bytes`] of this version or an earlier one wrote.
    ///
    /// # Errors
    ///
    /// Where the bytes are something else. A change that does not decode shows when the list is
    /// run over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(DecodeError { what: "a batch of version 1", at: 0 });
        }
        let number = u32::try_from(from.varint()?).map_err(|_| from.expected("a number"))?;
        let phase = Phase(from.byte()?);
        let changes = ChangeList::decode(&mut from)?;
        if from.is_done() {
            Ok(Self { number, phase, changes })
        } else {
            Err(from.expected("the end"))
        }
    }
}

impl ChangeList {
    /// Appends count and changes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.count);
        put_bytes(out, &self.bytes);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { count: from.varint()?, bytes: from.bytes()?.to_vec() })
    }
}

impl Plan {
    /// The part to deliver, in batches of at most `size` changes (at least one), in order. A batch
    /// is delivered when the one before it is; a term or org unit never stands in one batch with
    /// what it is part of. After an error it ends.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Result<Batch, DecodeError>> + '_ {
        let mut changes = self.deliver.iter().peekable();
        let mut number = 0;
        std::iter::from_fn(move || {
            let batch = next(&mut changes, size.max(1), number).transpose()?;
            number += 1;
            Some(batch)
        })
    }
}

fn next<I>(
    changes: &mut Peekable<I>,
    size: usize,
    number: u32,
) -> Result<Option<Batch>, DecodeError>
where
    I: Iterator<Item = Result<Change, DecodeError>>,
{
    let Some(first) = changes.next().transpose()? else { return Ok(None) };
    let phase = first.phase();
    let mut batch = Batch { number, phase, changes: ChangeList::default() };
    let mut inside = Nested::default();
    inside.take(&first);
    batch.changes.push(&first);
    while batch.changes.len() < size as u64 {
        let fits = |next: &Result<Change, DecodeError>| match next {
            Ok(change) => change.phase() == phase && !inside.touches(change),
            Err(_) => true,
        };
        let Some(change) = changes.next_if(fits).transpose()? else { break };
        inside.take(&change);
        batch.changes.push(&change);
    }
    Ok(Some(batch))
}

/// The terms and org units of a batch, and what they are part of.
#[derive(Default)]
struct Nested {
    ids: BTreeSet<Text>,
    parents: BTreeSet<Text>,
}

impl Nested {
    fn take(&mut self, change: &Change) {
        if let Some(parent) = parent(change) {
            self.parents.insert(Text::new(parent));
        }
        if is_nested(change) {
            self.ids.insert(Text::new(change.key().owner().id));
        }
    }

    fn touches(&self, change: &Change) -> bool {
        is_nested(change)
            && (self.parents.contains(change.key().owner().id)
                || parent(change).is_some_and(|parent| self.ids.contains(parent)))
    }
}

fn is_nested(change: &Change) -> bool {
    matches!(change.kind(), roster::Kind::Term | roster::Kind::OrgUnit)
}
