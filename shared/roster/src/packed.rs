//! Many records as bytes: one sorted run with something beside each record.
//!
//! A run is what a segment of a state holds. Records and what stands beside them (an origin, or
//! what is known of a record in the LMS) are kept apart, so that a digest over the records alone
//! tells whether a school's data changed, whatever moved around in its export.

use crate::{DecodeError, Decoder, Key, Origin, Record, put_bytes, put_varint};

/// A sorted run of encoded records, each with its side bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    count: u32,
    records: Vec<u8>,
    sides: Vec<u8>,
}

/// The version of [`Packed::to_bytes`].
const VERSION: u8 = 1;

impl Packed {
    /// Forgets all records but keeps the memory.
    pub fn clear(&mut self) {
        self.count = 0;
        self.records.clear();
        self.sides.clear();
    }

    /// The records' bytes, each behind its length.
    pub fn records(&self) -> &[u8] {
        &self.records
    }

    /// Appends a record that sorts behind the last one. The order is the caller's to keep.
    pub fn push(&mut self, record: &[u8], side: &[u8]) {
        self.count += 1;
        put_bytes(&mut self.records, record);
        put_bytes(&mut self.sides, side);
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes in memory.
    pub fn size(&self) -> usize {
        self.records.len() + self.sides.len()
    }

    /// The digest of the records, sides left out.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.records).as_bytes()
    }

    /// The records, in order.
    pub fn iter(&self) -> PackedIter<'_> {
        PackedIter {
            records: Decoder::new(&self.records),
            sides: Decoder::new(&self.sides),
            left: self.count,
        }
    }

    /// The run as one piece: version, count, records, sides.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 16);
        out.push(VERSION);
        put_varint(&mut out, u64::from(self.count));
        put_bytes(&mut out, &self.records);
        put_bytes(&mut out, &self.sides);
        out
    }

    /// Reads what [`Packed::to_bytes`] of this version or an earlier one wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(DecodeError { what: "a run of version 1", at: 0 });
        }
        let count = u32::try_from(from.varint()?).map_err(|_| from.expected("a count"))?;
        let packed = Self { count, records: from.bytes()?.to_vec(), sides: from.bytes()?.to_vec() };
        if from.is_done() { Ok(packed) } else { Err(from.expected("the end")) }
    }
}

/// One record of a run, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRecord<'a> {
    /// The record's bytes.
    pub record: &'a [u8],
    /// What stands beside it.
    pub side: &'a [u8],
}

impl PackedRecord<'_> {
    /// The record's key.
    pub fn key(&self) -> Result<Key, DecodeError> {
        Key::decode(&mut Decoder::new(self.record))
    }

    /// The record.
    pub fn decode(&self) -> Result<Record, DecodeError> {
        Record::from_bytes(self.record)
    }
}

/// Runs over a [`Packed`]. After an error it ends.
#[derive(Debug, Clone)]
pub struct PackedIter<'a> {
    records: Decoder<'a>,
    sides: Decoder<'a>,
    left: u32,
}

impl<'a> Iterator for PackedIter<'a> {
    type Item = Result<PackedRecord<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let mut read =
            || Ok(PackedRecord { record: self.records.bytes()?, side: self.sides.bytes()? });
        let next = read();
        if next.is_err() {
            self.left = 0;
        }
        Some(next)
    }
}

impl Origin {
    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.file));
        put_varint(out, u64::from(self.line));
    }

    /// Writes the bytes of [`Origin::encode`] and says how many they are.
    pub(crate) fn write(&self, out: &mut [u8; 10]) -> usize {
        let mut at = 0;
        for mut number in [self.file, self.line] {
            while number >= 0x80 {
                out[at] = number as u8 | 0x80;
                number >>= 7;
                at += 1;
            }
            out[at] = number as u8;
            at += 1;
        }
        at
    }

    /// Reads what [`Origin::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let mut number = || u32::try_from(from.varint()?).map_err(|_| from.expected("a number"));
        Ok(Self { file: number()?, line: number()? })
    }
}
