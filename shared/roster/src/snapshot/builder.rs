//! From a reader's findings to a snapshot.

use super::log::Log;
use super::raw::RawKey;
use super::sort::{self, Sorted};
use super::{EnrollmentParts, FormerKey, KeySet, MemberParts, Snapshot};
use crate::{
    DecodeError, Finding, Findings, Kind, Mode, Origin, Owner, Packed, Record, Removal, Sink, Text,
    Value, owner_hash,
};

/// Packs records as they come. Nothing of it counts before [`finish`](Self::finish).
pub struct SnapshotBuilder {
    mode: Mode,
    files: Vec<Text>,
    log: Log,
    findings: Findings,
    former_keys: Vec<FormerKey>,
    /// Those of them that no record says.
    rekeys: Vec<FormerKey>,
    buckets: Option<u32>,
    /// Reused from record to record.
    bytes: Vec<u8>,
    /// The course that came last, and its hash.
    course: String,
    course_hash: u64,
}

/// What a bucket holds at most, in the mean, before it is compressed: buckets are between half of
/// this and this.
const BUCKET_BYTES: usize = 64 << 10;

impl SnapshotBuilder {
    /// Begins a snapshot.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            files: Vec::new(),
            log: Log::default(),
            findings: Findings::default(),
            former_keys: Vec::new(),
            rekeys: Vec::new(),
            buckets: None,
            bytes: Vec::new(),
            course: String::new(),
            course_hash: owner_hash(Owner { kind: Kind::Course, id: "" }),
        }
    }

    /// Asks for so many buckets, rounded up to a power of two, at most 65,536, instead of as many
    /// as make them 32 to 64 KB large.
    pub fn with_buckets(mut self, buckets: u32) -> Self {
        self.buckets = Some(buckets.clamp(1, 1 << 16).next_power_of_two());
        self
    }

    /// Names the next file; its place in the list is what [`Origin::file`] says.
    pub fn add_file(&mut self, name: &str) -> u32 {
        self.files.push(Text::new(name));
        self.files.len() as u32 - 1
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Sorts and merges everything.
    ///
    /// # Errors
    /// None that can happen: what this builder encoded, it decodes.
    pub fn finish(self) -> Result<Snapshot, DecodeError> {
        let count = self.buckets.unwrap_or_else(|| {
            let count = self.log.size().div_ceil(BUCKET_BYTES).clamp(1, 1 << 16);
            (count as u32).next_power_of_two()
        });
        let mut packer = Packer::new(self.mode, count, self.findings);
        for part in self.log.into_parts() {
            sort::sort_part(part, &mut packer)?;
        }
        packer.finish(self.mode, self.files, (self.former_keys, self.rekeys))
    }

    fn push(&mut self, hash: u64, removal: bool, origin: Origin) {
        let mut side = [0; 10];
        let len = origin.write(&mut side);
        self.log.push(hash, removal, &self.bytes, &side[..len]);
    }

    fn course_hash(&mut self, course: &str) -> u64 {
        if self.course != course {
            self.course.clear();
            self.course.push_str(course);
            self.course_hash = owner_hash(Owner { kind: Kind::Course, id: course });
        }
        self.course_hash
    }

    fn note_former_keys(&mut self, record: &Record, origin: Origin) {
        let former = match record {
            Record::Person(person) => &person.former_keys,
            Record::Course(course) => &course.former_keys,
            _ => return,
        };
        let key = record.key();
        for former in former.iter().flatten() {
            self.former_keys.push(FormerKey {
                kind: key.kind(),
                former: former.clone(),
                current: Text::new(key.owner().id),
                origin,
            });
        }
    }
}

impl Sink for SnapshotBuilder {
    fn record(&mut self, record: Record, origin: Origin) {
        self.bytes.clear();
        record.encode(&mut self.bytes);
        self.note_former_keys(&record, origin);
        self.push(owner_hash(record.key().owner()), false, origin);
    }

    fn removal(&mut self, removal: Removal, origin: Origin) {
        self.bytes.clear();
        removal.key.encode(&mut self.bytes);
        removal.roles.encode(&mut self.bytes);
        self.push(owner_hash(removal.key.owner()), true, origin);
    }

    fn rekey(&mut self, change: FormerKey) {
        self.rekeys.push(change);
    }

    fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn enrollment(&mut self, parts: EnrollmentParts<'_>, origin: Origin) {
        self.bytes.clear();
        parts.encode(&mut self.bytes);
        let hash = self.course_hash(parts.course);
        self.push(hash, false, origin);
    }

    fn group_member(&mut self, parts: MemberParts<'_>, origin: Origin) {
        self.bytes.clear();
        parts.encode(&mut self.bytes);
        let hash = self.course_hash(parts.course);
        self.push(hash, false, origin);
    }
}

/// Takes records in order and fills one bucket after the other.
pub(super) struct Packer {
    bits: u32,
    bucket: usize,
    open: Packed,
    buckets: Vec<Packed>,
    removals: Vec<(Removal, Origin)>,
    findings: Findings,
    counts: [u64; 10],
    persons: KeySet,
    courses: KeySet,
    digest: blake3::Hasher,
}

impl Packer {
    fn new(mode: Mode, count: u32, findings: Findings) -> Self {
        let mut digest = blake3::Hasher::new();
        digest.update(&[1, u8::from(mode == Mode::Full)]);
        Self {
            bits: count.trailing_zeros(),
            bucket: 0,
            open: Packed::default(),
            buckets: Vec::with_capacity(count as usize),
            removals: Vec::new(),
            findings,
            counts: [0; 10],
            persons: KeySet::new(Kind::Person),
            courses: KeySet::new(Kind::Course),
            digest,
        }
    }

    fn seal(&mut self) {
        self.digest.update(self.open.records());
        // A copy is exactly as large as it needs to be.
        self.buckets.push(self.open.clone());
        self.open.clear();
        self.bucket += 1;
    }

    fn finish(
        mut self,
        mode: Mode,
        files: Vec<Text>,
        (mut former_keys, mut rekeys): (Vec<FormerKey>, Vec<FormerKey>),
    ) -> Result<Snapshot, DecodeError> {
        while self.buckets.len() < 1 << self.bits {
            self.seal();
        }
        let mut bytes = Vec::new();
        for (removal, _) in &self.removals {
            bytes.push(0xff);
            removal.key.encode(&mut bytes);
            bytes.push(0xff);
            removal.roles.encode(&mut bytes);
        }
        rekeys.sort();
        rekeys.dedup();
        for FormerKey { kind, former, current, .. } in &rekeys {
            bytes.extend_from_slice(&[0xfe, *kind as u8]);
            [former, current]
                .into_iter()
                .for_each(|key| crate::put_bytes(&mut bytes, key.as_bytes()));
        }
        self.digest.update(&bytes);
        former_keys.extend(rekeys.iter().cloned());
        former_keys.sort();
        former_keys.dedup();
        let counts = Kind::ALL.iter().map(|kind| (*kind, self.counts[*kind as usize]));
        Ok(Snapshot {
            mode,
            files,
            buckets: self.buckets,
            removals: self.removals,
            findings: self.findings,
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            former_keys,
            rekeys,
            persons: self.persons,
            courses: self.courses,
            digest: *self.digest.finalize().as_bytes(),
        })
    }
}

impl Sorted for Packer {
    #[inline]
    fn record(&mut self, hash: u64, key: &RawKey<'_>, bytes: &[u8], side: &[u8]) {
        // Shifting by all 64 bits would be none at all.
        let bucket = hash.checked_shr(64 - self.bits).unwrap_or(0) as usize;
        while self.bucket < bucket {
            self.seal();
        }
        self.open.push(bytes, side);
        self.counts[usize::from(key.kind)] += 1;
        if key.kind == Kind::Person as u8 {
            self.persons.insert_hash(hash);
        } else if key.kind == Kind::Course as u8 {
            self.courses.insert_hash(hash);
        }
    }

    fn removal(&mut self, removal: Removal, origin: Origin) {
        self.removals.push((removal, origin));
    }

    fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
