//! What came in, in the order it came, in parts by owner: the ground that a snapshot is sorted on.

use crate::put_varint;

/// How many parts. A part is sorted and given back before the next, so that the whole is never in
/// memory twice.
pub(super) const PARTS: usize = 64;

const FIRST_CHUNK: usize = 2 << 10;
const LAST_CHUNK: usize = 256 << 10;

/// Encoded records and removals by the top bits of their owners' hashes.
#[derive(Default)]
pub(super) struct Log {
    parts: Vec<Part>,
    /// Where the last entry went: a course's enrollments stand together.
    last: Option<(u64, usize)>,
}

/// Entries whose owners' hashes begin alike.
#[derive(Default)]
pub(super) struct Part {
    chunks: Vec<Vec<u8>>,
    runs: Vec<Run>,
}

/// Entries of one owner that came one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) hash: u64,
    chunk: u32,
    start: u32,
    count: u32,
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogEntry<'a> {
    /// Whether it is a removal: its bytes are a key and roles.
    pub(super) removal: bool,
    pub(super) bytes: &'a [u8],
    pub(super) side: &'a [u8],
}

impl Log {
    /// Appends an entry of the owner with this hash.
    #[inline]
    pub(super) fn push(&mut self, hash: u64, removal: bool, bytes: &[u8], side: &[u8]) {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Part::default);
        }
        let part = match self.last {
            Some((last, part)) if last == hash => part,
            _ => (hash >> (64 - PARTS.trailing_zeros())) as usize,
        };
        let same_owner = self.last.is_some_and(|(last, _)| last == hash);
        self.last = Some((hash, part));
        self.parts[part].push(hash, same_owner, removal, bytes, side);
    }

    /// The parts, in the order of their hashes.
    pub(super) fn into_parts(self) -> impl Iterator<Item = Part> {
        self.parts.into_iter()
    }

    /// Bytes of all entries.
    pub(super) fn size(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.chunks).map(Vec::len).sum()
    }
}

impl Part {
    fn push(&mut self, hash: u64, same_owner: bool, removal: bool, bytes: &[u8], side: &[u8]) {
        let needed = bytes.len() + side.len() + 12;
        let full = self.chunks.last().is_none_or(|c| c.capacity() - c.len() < needed);
        if full {
            let size = (FIRST_CHUNK << self.chunks.len().min(20)).min(LAST_CHUNK).max(needed);
            self.chunks.push(Vec::with_capacity(size));
        }
        let at = self.chunks.len() - 1;
        let chunk = &mut self.chunks[at];
        let start = chunk.len() as u32;
        put_varint(chunk, (bytes.len() as u64) << 1 | u64::from(removal));
        chunk.push(side.len() as u8);
        chunk.extend_from_slice(side);
        chunk.extend_from_slice(bytes);
        match self.runs.last_mut() {
            Some(run) if same_owner && !full => run.count += 1,
            _ => self.runs.push(Run { hash, chunk: at as u32, start, count: 1 }),
        }
    }

    /// The runs by hash; runs of one owner in the order they came.
    pub(super) fn sort_runs(&mut self) {
        self.runs.sort_by_key(|run| run.hash);
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// A run's entries, in the order they came.
    pub(super) fn entries(&self, run: &Run) -> Entries<'_> {
        Entries { rest: &self.chunks[run.chunk as usize][run.start as usize..], left: run.count }
    }
}

/// Runs over the entries of one [`Run`].
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = LogEntry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let (mut header, mut shift, mut at) = (0u64, 0, 0);
        loop {
            let byte = self.rest[at];
            header |= u64::from(byte & 0x7f) << shift;
            at += 1;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        let side_len = usize::from(self.rest[at]);
        let side_at = at + 1;
        let at = side_at + side_len;
        let end = at + (header >> 1) as usize;
        let entry = LogEntry {
            removal: header & 1 == 1,
            bytes: &self.rest[at..end],
            side: &self.rest[side_at..at],
        };
        self.rest = &self.rest[end..];
        Some(entry)
    }
}
