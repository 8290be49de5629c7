//! Keys as they stand in encoded records, compared without being decoded.

use std::cmp::Ordering;

use crate::{AssociationKind, DecodeError, Decoder, Kind};

/// The parts of an encoded key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawKey<'a> {
    pub(super) kind: u8,
    /// An association's kind; 0 for all others.
    tie: u8,
    /// The owner's id.
    pub(super) owner: &'a [u8],
    second: &'a [u8],
    third: &'a [u8],
    /// Bytes of the whole key.
    pub(super) len: usize,
}

impl<'a> RawKey<'a> {
    /// The key at the start of `bytes`.
    #[inline]
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let kind = from.byte()?;
        let tie = match kind == Kind::Association as u8 {
            true => from.byte()?,
            false => 0,
        };
        let owner = from.bytes()?;
        let parts = match Kind::from_u8(kind) {
            Some(Kind::Term | Kind::OrgUnit | Kind::Person | Kind::Course) => 1,
            Some(Kind::GroupMember) => 3,
            Some(_) => 2,
            None => return Err(from.expected("a kind")),
        };
        let second = if parts > 1 { from.bytes()? } else { &[] };
        let third = if parts > 2 { from.bytes()? } else { &[] };
        Ok(Self { kind, tie, owner, second, third, len: from.position() })
    }

    /// Whether both belong to one owner.
    pub(super) fn same_owner(&self, other: &Self) -> bool {
        self.owner == other.owner && self.owner_kind() == other.owner_kind()
    }

    /// Whether both are one key.
    pub(super) fn same(&self, other: &Self) -> bool {
        (self.kind, self.tie) == (other.kind, other.tie)
            && self.third == other.third
            && self.second == other.second
            && self.owner == other.owner
    }

    /// The order of [`Place`](crate::Place), where both have the same hash.
    pub(super) fn cmp_places(&self, other: &Self) -> Ordering {
        let owners = self.owner_kind().cmp(&other.owner_kind());
        owners.then_with(|| self.owner.cmp(other.owner)).then_with(|| self.cmp_within(other))
    }

    /// The order of [`Place`](crate::Place), where both belong to one owner.
    pub(super) fn cmp_within(&self, other: &Self) -> Ordering {
        (self.kind, self.tie, self.second, self.third).cmp(&(
            other.kind,
            other.tie,
            other.second,
            other.third,
        ))
    }

    /// A number that sorts like [`cmp_within`](Self::cmp_within) where two differ in it: the kinds
    /// and the first bytes of the second part.
    #[inline]
    pub(super) fn rank(&self) -> u128 {
        let mut bytes = [0; 16];
        bytes[0] = self.kind;
        bytes[1] = self.tie;
        let len = self.second.len().min(14);
        bytes[2..2 + len].copy_from_slice(&self.second[..len]);
        u128::from_be_bytes(bytes)
    }

    fn owner_kind(&self) -> Kind {
        const PERSON_TIE: u8 = AssociationKind::PersonOrgUnit as u8;
        match Kind::from_u8(self.kind) {
            Some(kind @ (Kind::Term | Kind::OrgUnit | Kind::Person)) => kind,
            Some(Kind::Observer) => Kind::Person,
            Some(Kind::Association) if self.tie == PERSON_TIE => Kind::Person,
            _ => Kind::Course,
        }
    }
}
