//! Records that look like one before them, but for their texts.
//!
//! An export is written by a program: a million members have the same tags, blanks and attributes,
//! and differ in a few texts. The shape of a record that quick-xml has read is remembered, as its
//! bytes with gaps where the texts were; a record whose bytes fit is not tokenised again, and its
//! texts go straight into a copy of that record's tree. Whatever does not fit to the byte goes
//! through quick-xml, so that the outcome is the same with and without shapes.

use memchr::memchr2;

use super::tree::{At, Tree};

/// Shapes that are remembered at once.
const KEPT: usize = 8;

/// Longer records are rare, and not worth a shape.
const LONGEST: usize = 8 << 10;

/// After so many records in a row that fit no shape, only every so many are looked at.
const PATIENCE: u32 = 32;
const SELDOM: u32 = 16;

/// The shapes of the last kinds of records.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    kept: Vec<Shape>,
    last: usize,
    oldest: usize,
    /// Records in a row that fit no shape.
    misses: u32,
    /// Whether the record that is being read was compared with the shapes.
    looked: bool,
    off: bool,
}

#[derive(Debug)]
struct Shape {
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
    tree: Tree,
    /// The size of the tree's memory without the texts of the gaps.
    base: usize,
    depth: usize,
}

/// A text of a record: its place in the record's bytes, and its element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) node: At,
}

impl Shapes {
    /// No shapes: everything goes through quick-xml.
    #[cfg(test)]
    pub(super) fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// The record at the start of `text`, if it has a known shape: its tree and its length.
    /// `depth` is how many elements are open around it.
    #[inline]
    pub(super) fn fit(&mut self, text: &str, depth: usize) -> Option<(&Tree, usize)> {
        self.looked = self.is_worth_looking();
        if !self.looked {
            self.miss();
            return None;
        }
        let count = self.kept.len();
        let mut found = None;
        for at in 0..count {
            let shape = (self.last + at) % count;
            if self.kept[shape].depth == depth
                && let Some(len) = self.kept[shape].fit(text)
            {
                found = Some((shape, len));
                break;
            }
        }
        let Some((shape, len)) = found else {
            self.miss();
            return None;
        };
        self.misses = 0;
        self.last = shape;
        Some((&self.kept[shape].tree, len))
    }

    /// Remembers the record with these bytes.
    pub(super) fn learn(&mut self, bytes: &str, gaps: &[Gap], tree: &Tree, depth: usize) {
        if !self.looked || bytes.len() > LONGEST {
            return;
        }
        let shape = Shape {
            bytes: bytes.as_bytes().to_vec(),
            gaps: gaps.to_vec(),
            base: tree.size(),
            tree: tree.clone(),
            depth,
        };
        if self.kept.len() < KEPT {
            self.kept.push(shape);
        } else {
            self.kept[self.oldest] = shape;
            self.oldest = (self.oldest + 1) % KEPT;
        }
    }

    fn is_worth_looking(&self) -> bool {
        !self.off && (self.misses < PATIENCE || self.misses.is_multiple_of(SELDOM))
    }

    fn miss(&mut self) {
        self.misses = if self.misses < PATIENCE + SELDOM { self.misses + 1 } else { PATIENCE + 1 };
    }
}

impl Shape {
    /// Whether `text` begins with a record of this shape; then the tree holds its texts, and this
    /// is how long it is.
    #[inline]
    fn fit(&mut self, text: &str) -> Option<usize> {
        let from = text.as_bytes();
        self.tree.truncate(self.base);
        let (mut at, mut passed) = (0, 0);
        for gap in &self.gaps {
            let fixed = &self.bytes[passed..gap.start];
            if !from.get(at..)?.starts_with(fixed) {
                return None;
            }
            at += fixed.len();
            let len = memchr2(b'<', b'&', &from[at..])?;
            // A text that is empty, begins with a blank or holds a reference is read otherwise.
            let value = &text[at..at + len];
            if from[at + len] == b'&' || value.as_bytes().first()?.is_ascii_whitespace() {
                return None;
            }
            self.tree.set_text(gap.node, value);
            at += len;
            passed = gap.end;
        }
        let rest = &self.bytes[passed..];
        from[at..].starts_with(rest).then_some(at + rest.len())
    }
}
