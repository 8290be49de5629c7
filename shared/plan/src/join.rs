//! The merge-join of what the LMS holds and what is wanted.

use std::cmp::Ordering;
use std::iter::Peekable;

use roster::{DecodeError, Key, Origin, Place, Placed, Record};

use crate::Applied;

/// A record as it should be, and where the export says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The record, mapped for the target.
    pub record: Record,
    /// Where it stands.
    pub origin: Origin,
}

impl From<(Record, Origin)> for Wanted {
    fn from((record, origin): (Record, Origin)) -> Self {
        Self { record, origin }
    }
}

impl Placed for Wanted {
    fn place(&self) -> Place<'_> {
        self.record.place()
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// A stored record does not decode.
    #[error("failed to compare what is wanted with what the LMS holds")]
    Decode(#[from] DecodeError),
    /// A side is not in the order of places, or has a key twice.
    #[error("the {side} records are not in order at `{key}`: sort them by place, each key once")]
    Order {
        /// Which side.
        side: &'static str,
        /// Where.
        key: Key,
    },
}

/// What both sides say of one key. At least one of them says something.
#[derive(Debug)]
pub(crate) struct Pair {
    pub applied: Option<Applied>,
    pub wanted: Option<Wanted>,
}

/// Joins two sides that are each in the order of places.
pub(crate) fn join<A, W>(applied: A, wanted: W) -> impl Iterator<Item = Result<Pair, DiffError>>
where
    A: Iterator<Item = Result<Applied, DecodeError>>,
    W: Iterator<Item = Result<Wanted, DecodeError>>,
{
    let mut applied = Side::new("applied", applied);
    let mut wanted = Side::new("wanted", wanted);
    std::iter::from_fn(move || next(&mut applied, &mut wanted).transpose())
}

fn next<A, W>(applied: &mut Side<A>, wanted: &mut Side<W>) -> Result<Option<Pair>, DiffError>
where
    A: Iterator<Item = Result<Applied, DecodeError>>,
    W: Iterator<Item = Result<Wanted, DecodeError>>,
{
    let order = match (applied.peek()?, wanted.peek()?) {
        (None, None) => return Ok(None),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(applied), Some(wanted)) => applied.cmp(&wanted),
    };
    let applied = if order.is_le() { applied.take()? } else { None };
    let wanted = if order.is_ge() { wanted.take()? } else { None };
    Ok(Some(Pair { applied, wanted }))
}

/// One side of the join, watched for order.
struct Side<I: Iterator> {
    name: &'static str,
    items: Peekable<I>,
    /// The hash of the last owner; keys need comparing only where it stays the same.
    last: Option<(u64, Key)>,
}

impl<T: Placed, I: Iterator<Item = Result<T, DecodeError>>> Side<I> {
    fn new(name: &'static str, items: I) -> Self {
        Self { name, items: items.peekable(), last: None }
    }

    fn peek<'a>(&'a mut self) -> Result<Option<Place<'a>>, DiffError>
    where
        T: 'a,
    {
        match self.items.peek() {
            None => Ok(None),
            Some(Ok(item)) => Ok(Some(item.place())),
            Some(Err(error)) => Err(error.clone().into()),
        }
    }

    fn take(&mut self) -> Result<Option<T>, DiffError> {
        let Some(item) = self.items.next().transpose()? else { return Ok(None) };
        let place = item.place();
        if let Some((hash, key)) = &self.last
            && place <= (Place { hash: *hash, key })
        {
            return Err(DiffError::Order { side: self.name, key: place.key.clone() });
        }
        let next = (place.hash, place.key.clone());
        self.last = Some(next);
        Ok(Some(item))
    }
}
