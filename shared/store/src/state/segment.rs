//! Segments: immutable compressed pieces of one bucket, named by their content.
//!
//! A name is the digest of the bytes, so writing the same piece twice is the same write, and a
//! piece can belong to any number of generations.

use roster::{DecodeError, Packed};

use crate::StoreError;
use crate::port::MAX_BODY;

/// How much of a bucket goes into one segment before compression. Compression makes a third of
/// it on real rosters; what still does not fit [`MAX_BODY`] is split again.
const RAW_PER_SEGMENT: usize = 512 * 1024;

/// A segment's name: half of a blake3 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName(pub [u8; 16]);

impl SegmentName {
    /// 32 hexadecimal digits.
    pub fn hex(self) -> String {
        hex(&self.0)
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A compressed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name.
    pub name: SegmentName,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Compresses a bucket into as many segments as it needs: none for an empty one.
pub fn compress(bucket: &Packed) -> Result<Vec<Segment>, StoreError> {
    let mut segments = Vec::new();
    if bucket.size() > RAW_PER_SEGMENT {
        for part in split(bucket, RAW_PER_SEGMENT)? {
            segments.extend(compress_fitting(&part)?);
        }
    } else if !bucket.is_empty() {
        segments.extend(compress_fitting(bucket)?);
    }
    Ok(segments)
}

fn compress_fitting(part: &Packed) -> Result<Vec<Segment>, StoreError> {
    let bytes = zstd::bulk::compress(&part.to_bytes(), 3).map_err(|source| {
        StoreError::Unavailable { doing: "compress a segment", source: Box::new(source) }
    })?;
    if bytes.len() <= MAX_BODY {
        let digest = blake3::hash(&bytes);
        let mut name = [0; 16];
        name.copy_from_slice(&digest.as_bytes()[..16]);
        return Ok(vec![Segment { name: SegmentName(name), bytes }]);
    }
    if part.len() <= 1 {
        return Err(StoreError::TooLarge { what: "a single record", limit: MAX_BODY });
    }
    let mut segments = Vec::new();
    for half in split(part, part.size() / 2)? {
        segments.extend(compress_fitting(&half)?);
    }
    Ok(segments)
}

/// Cuts a run into pieces of about `size` raw bytes, at least one record each.
fn split(bucket: &Packed, size: usize) -> Result<Vec<Packed>, StoreError> {
    let mut parts = Vec::new();
    let mut part = Packed::default();
    for record in bucket.iter() {
        let record = record.map_err(|error| damaged("bucket in memory", &error))?;
        if !part.is_empty() && part.size() + record.record.len() + record.side.len() > size {
            parts.push(std::mem::take(&mut part));
        }
        part.push(record.record, record.side);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    Ok(parts)
}

/// The run that a segment holds.
pub fn decompress(name: SegmentName, bytes: &[u8]) -> Result<Packed, StoreError> {
    let what = || format!("segment {}", name.hex());
    if blake3::hash(bytes).as_bytes()[..16] != name.0 {
        return Err(StoreError::Damaged { what: what(), reason: "its digest differs".into() });
    }
    let raw = zstd::stream::decode_all(bytes)
        .map_err(|error| StoreError::Damaged { what: what(), reason: error.to_string() })?;
    Packed::from_bytes(&raw).map_err(|error| damaged(&what(), &error))
}

pub(crate) fn damaged(what: &str, error: &DecodeError) -> StoreError {
    StoreError::Damaged { what: what.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(records: usize, len: usize) -> Packed {
        let mut packed = Packed::default();
        let mut state = 1u64;
        for _ in 0..records {
            let noise: Vec<u8> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            packed.push(&noise, &[]);
        }
        packed
    }

    #[test]
    fn a_bucket_of_any_size_comes_back_and_every_segment_fits() {
        for (records, len) in [(0, 0), (1, 10), (100, 1000), (5000, 400), (3, 300_000)] {
            let bucket = bucket(records, len);
            let segments = compress(&bucket).unwrap();
            assert!(segments.iter().all(|segment| segment.bytes.len() <= MAX_BODY));
            let mut back = Packed::default();
            for segment in &segments {
                for record in decompress(segment.name, &segment.bytes).unwrap().iter() {
                    let record = record.unwrap();
                    back.push(record.record, record.side);
                }
            }
            assert_eq!(back, bucket, "{records} records of {len} bytes");
        }
    }

    #[test]
    fn a_bucket_is_cut_only_where_it_is_too_large() {
        let plain = |records: usize, len: usize| {
            let mut packed = Packed::default();
            for at in 0..records {
                // Compresses well, so that only the raw size says where it is cut.
                packed.push(format!("{at:0>len$}").as_bytes(), b"side");
            }
            packed
        };
        let segments = |bucket: &Packed| compress(bucket).unwrap().len();
        assert_eq!(segments(&Packed::default()), 0);
        assert_eq!(segments(&plain(1, 10)), 1);
        assert_eq!(segments(&plain(500, 1000)), 1, "500 KB");
        assert_eq!(segments(&plain(600, 1000)), 2, "600 KB");
        assert_eq!(segments(&plain(1600, 1000)), 4, "1.6 MB");
        // What does not compress is cut where it does not fit, and where it needs no more.
        let noise = bucket(400, 1000);
        assert_eq!(segments(&noise), 2, "400 KB of noise are too large for one body");
        let parts = split(&plain(1000, 1000), 100_000).unwrap();
        let sizes: Vec<_> = parts.iter().map(Packed::size).collect();
        assert!(sizes.iter().all(|size| *size <= 101_000), "{sizes:?}");
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size > 98_000), "{sizes:?}");
        // At least one record each, however small the pieces are to be.
        assert_eq!(split(&plain(5, 1000), 1).unwrap().len(), 5);
    }

    #[test]
    fn a_name_is_the_digest_of_the_content() {
        let one = compress(&bucket(10, 10)).unwrap().remove(0);
        assert_eq!(one, compress(&bucket(10, 10)).unwrap().remove(0));
        assert_ne!(one.name, compress(&bucket(11, 10)).unwrap()[0].name);
        assert_eq!(SegmentName([0xab; 16]).hex(), "ab".repeat(16));
        assert_eq!(SegmentName([1; 16]).hex(), "01".repeat(16));
        let error = decompress(SegmentName([1; 16]), &one.bytes).unwrap_err();
        assert!(error.to_string().contains(&"01".repeat(16)), "{error}");
    }

    #[test]
    fn a_record_that_fits_nowhere_and_a_damaged_segment_are_errors() {
        let error = compress(&bucket(1, 500_000)).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
        let mut segment = compress(&bucket(10, 10)).unwrap().remove(0);
        segment.bytes[5] ^= 1;
        let error = decompress(segment.name, &segment.bytes).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}
