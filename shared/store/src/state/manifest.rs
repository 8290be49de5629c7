//! The manifest: what a state consists of in one generation.

use std::collections::BTreeMap;

use ambient::Timestamp;
use roster::{DecodeError, Decoder, Kind, put_bytes, put_varint};
use serde::{Deserialize, Serialize};

use super::segment::{SegmentName, damaged};
use crate::StoreError;

/// The stored version of [`Manifest`].
const VERSION: u8 = 1;

/// One bucket: the records whose owner's hash begins with its number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketRef {
    /// Digest of its records, what stands beside them left out.
    pub digest: [u8; 16],
    /// Its segments, in order; none when it is empty.
    pub segments: Vec<SegmentName>,
}

/// What the head of a manifest says; stored as JSON in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// 1 for the first, one more with each publication.
    pub generation: u64,
    /// The run that published it.
    pub run: String,
    /// When.
    pub published: Timestamp,
    /// Records of each kind.
    pub counts: BTreeMap<Kind, u64>,
    /// For a source: the exports that its records came from. An origin's file is a place in here.
    pub files: Vec<FileRef>,
    /// For an applied state: how far each unfinished run has been folded into it (batches).
    pub folded: BTreeMap<String, u64>,
    /// For an applied state: its raw bytes, by which the number of buckets is chosen.
    /// For an index: its hints.
    #[serde(default)]
    pub raw: u64,
    /// For an index: the generation of its state that it speaks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub covers: u64,
    /// For an index: by which rules its hints were made. Under other rules it is as if there were
    /// none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hinted: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An export's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Its name, without its folder.
    pub name: String,
    /// The run that read it.
    pub run: String,
}

/// A state in one generation: its head and its buckets, in the order of the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// What it says of itself.
    pub head: Head,
    /// There are 2^`bits` buckets.
    pub bits: u8,
    /// The buckets.
    pub buckets: Vec<BucketRef>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { head: Head::default(), bits: 0, buckets: vec![BucketRef::default()] }
    }
}

impl Manifest {
    /// The bucket of a hash.
    pub fn bucket_of(&self, hash: u64) -> usize {
        bucket_of(hash, self.bits)
    }

    /// The lowest hash of a bucket.
    pub fn first_hash(&self, bucket: usize) -> u64 {
        first_hash(bucket, self.bits)
    }

    /// Every segment with its bucket's lowest hash.
    pub fn segments(&self) -> impl Iterator<Item = (u64, SegmentName)> + '_ {
        self.buckets.iter().enumerate().flat_map(move |(bucket, entry)| {
            entry.segments.iter().map(move |name| (self.first_hash(bucket), *name))
        })
    }

    /// Records of all kinds.
    pub fn total(&self) -> u64 {
        self.head.counts.values().sum()
    }

    /// Its stored form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let head = serde_json::to_vec(&self.head).map_err(|error| StoreError::Damaged {
            what: "manifest in memory".into(),
            reason: error.to_string(),
        })?;
        let mut out = vec![VERSION, self.bits];
        put_bytes(&mut out, &head);
        for bucket in &self.buckets {
            put_varint(&mut out, bucket.segments.len() as u64);
            if !bucket.segments.is_empty() {
                out.extend_from_slice(&bucket.digest);
            }
            for segment in &bucket.segments {
                out.extend_from_slice(&segment.0);
            }
        }
        Ok(out)
    }

    /// Reads what [`Manifest::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut from = Decoder::new(bytes);
        Self::read(&mut from).map_err(|error| damaged("manifest", &error))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if from.byte()? != VERSION {
            return Err(from.expected("a manifest of version 1"));
        }
        let bits = from.byte()?;
        if bits > MAX_BITS {
            return Err(from.expected("at most 4096 buckets"));
        }
        let head = serde_json::from_slice(from.bytes()?).map_err(|_| from.expected("a head"))?;
        let mut buckets = Vec::with_capacity(1 << bits);
        for _ in 0..1usize << bits {
            buckets.push(read_bucket(from)?);
        }
        if from.is_done() {
            Ok(Self { head, bits, buckets })
        } else {
            Err(from.expected("the end"))
        }
    }
}

fn read_bucket(from: &mut Decoder<'_>) -> Result<BucketRef, DecodeError> {
    let segments = from.varint()?;
    let mut bucket = BucketRef::default();
    if segments > 0 {
        bucket.digest = sixteen(from)?;
    }
    for _ in 0..segments {
        bucket.segments.push(SegmentName(sixteen(from)?));
    }
    Ok(bucket)
}

fn sixteen(from: &mut Decoder<'_>) -> Result<[u8; 16], DecodeError> {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(from.take(16)?);
    Ok(bytes)
}

/// No state has more than 2^12 buckets.
pub const MAX_BITS: u8 = 12;

/// Raw bytes per bucket that are aimed at: about 40 KB compressed.
const RAW_PER_BUCKET: usize = 160 * 1024;

/// The bucket of a hash among 2^`bits`.
pub fn bucket_of(hash: u64, bits: u8) -> usize {
    // A shift by 64 is no shift in hardware, so one bucket is its own case.
    if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize }
}

/// The lowest hash of a bucket among 2^`bits`.
pub fn first_hash(bucket: usize, bits: u8) -> u64 {
    if bits == 0 { 0 } else { (bucket as u64) << (64 - bits) }
}

/// How many bits a state of `raw` bytes wants, given that it has `now`: it changes only when the
/// buckets are four times too large or too small, so that a school that grows is not rewritten
/// every night.
pub fn wanted_bits(raw: usize, now: u8) -> u8 {
    let per_bucket = raw >> now;
    if per_bucket <= RAW_PER_BUCKET * 4 && (now == 0 || per_bucket >= RAW_PER_BUCKET / 4) {
        return now;
    }
    let mut bits = 0;
    while bits < MAX_BITS && raw >> bits > RAW_PER_BUCKET {
        bits += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_comes_back_and_a_damaged_one_does_not() {
        let mut manifest =
            Manifest { bits: 1, buckets: vec![BucketRef::default(); 2], ..Manifest::default() };
        manifest.head.generation = 7;
        manifest.head.counts.insert(Kind::Person, 3);
        manifest.buckets[1] = BucketRef {
            digest: [9; 16],
            segments: vec![SegmentName([1; 16]), SegmentName([2; 16])],
        };
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::from_bytes(&bytes).unwrap(), manifest);
        for cut in 0..bytes.len() {
            assert!(Manifest::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_manifest_of_this_version_is_an_error() {
        let bytes = Manifest::default().to_bytes().unwrap();
        assert_eq!(Manifest::from_bytes(&bytes).unwrap(), Manifest::default());
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            Manifest::from_bytes(&bytes)
        };
        assert!(with(0, VERSION + 1).is_err());
        assert!(with(1, 1).is_err(), "it has one bucket");
        assert!(with(1, 255).is_err(), "nobody has as many");
        assert!(Manifest::from_bytes(&[bytes.clone(), vec![0]].concat()).is_err());
        for (bits, good) in [(MAX_BITS, true), (MAX_BITS + 1, false)] {
            let buckets = vec![BucketRef::default(); 1 << bits];
            let bytes = Manifest { bits, buckets, ..Manifest::default() }.to_bytes().unwrap();
            assert_eq!(Manifest::from_bytes(&bytes).is_ok(), good, "{bits}");
        }
    }

    #[test]
    fn segments_come_with_the_bucket_that_they_are_in() {
        let mut manifest = Manifest { bits: 2, ..Manifest::default() };
        assert_eq!(manifest.total(), 0);
        manifest.head.counts = [(Kind::Person, 3), (Kind::Course, 40)].into();
        assert_eq!(manifest.total(), 43);
        let names = |names: &[u8]| names.iter().map(|name| SegmentName([*name; 16])).collect();
        let bucket = |segments| BucketRef { digest: [0; 16], segments };
        manifest.buckets = vec![
            bucket(names(&[1, 2])),
            bucket(names(&[])),
            bucket(names(&[3])),
            bucket(names(&[4])),
        ];
        let expected = [(0, 1), (0, 2), (2 << 62, 3), (3 << 62, 4)]
            .map(|(hash, name)| (hash, SegmentName([name; 16])));
        assert_eq!(manifest.segments().collect::<Vec<_>>(), expected);
        assert_eq!(manifest.bucket_of((2 << 62) - 1), 1);
        assert_eq!(manifest.bucket_of(2 << 62), 2);
        for bucket in 0..4 {
            assert_eq!(manifest.bucket_of(manifest.first_hash(bucket)), bucket);
        }
    }

    #[test]
    fn buckets_are_cut_anew_only_where_they_are_four_times_too_large_or_too_small() {
        let (large, small) = (RAW_PER_BUCKET * 4, RAW_PER_BUCKET / 4);
        assert_eq!(RAW_PER_BUCKET, 163_840);
        assert_eq!(wanted_bits(large, 0), 0);
        assert_eq!(wanted_bits(large + 1, 0), 2);
        assert_eq!(wanted_bits(small - 1, 0), 0, "there are never fewer than one");
        assert_eq!(wanted_bits(8 * large, 3), 3);
        assert_eq!(wanted_bits(8 * (large + 1), 3), 5);
        assert_eq!(wanted_bits(8 * small, 3), 3);
        assert_eq!(wanted_bits(8 * (small - 1), 3), 1);
        assert_eq!(wanted_bits(0, 3), 0);
        // Cut anew, no bucket is larger than it is aimed at, and half as many would be.
        for raw in [700_000, 1 << 22, 50_000_000, 1 << 29] {
            let bits = wanted_bits(raw, 0);
            assert!(raw >> bits <= RAW_PER_BUCKET && raw >> (bits - 1) > RAW_PER_BUCKET, "{raw}");
        }
    }

    #[test]
    fn buckets_are_ranges_of_the_hash_and_their_number_is_sluggish() {
        assert_eq!(bucket_of(u64::MAX, 0), 0);
        assert_eq!(bucket_of(u64::MAX, 3), 7);
        assert_eq!(first_hash(7, 3), 7 << 61);
        assert_eq!(wanted_bits(0, 0), 0);
        assert_eq!(wanted_bits(1 << 20, 0), 3, "1 MB in buckets of 160 KB");
        assert_eq!(wanted_bits(3 << 20, 3), 3, "three times as much changes nothing");
        assert_eq!(wanted_bits(100 << 20, 3), 10);
        assert_eq!(wanted_bits(usize::MAX, 0), MAX_BITS);
    }
}
