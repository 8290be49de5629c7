//! Source states: what a source says now.
//!
//! A full export replaces all of it; an incremental one is folded in. What stays the same keeps
//! its segments, and with them the file and line where it was first read in this form.

use ambient::Timestamp;
use roster::{DecodeError, Key, Mode, Origin, Packed, PackedRecord, Place, Record, Removal, Roles};

use super::manifest::{FileRef, Head, Manifest, wanted_bits};
use super::names::StateName;
use super::rewrite::{Rewriter, Unchanged};
use super::segment::damaged;
use super::states::{Published, States};
use crate::StoreError;

/// After so many files a full export writes every bucket anew, so that the list of files that
/// origins point into does not grow for ever.
const MAX_FILES: usize = 500;

/// One export, read: runs of records in the order of [`Place`], an [`Origin`] beside each, whose
/// `file` is a place in `files`.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// What absence means.
    pub mode: Mode,
    /// Its files' names.
    pub files: &'a [String],
    /// Its records: buckets in order, sorted within; keys are record ids already.
    pub buckets: &'a [Packed],
    /// Its explicit removals.
    pub removals: &'a [Removal],
    /// The run that read it.
    pub run: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Writes the segments that `export` makes of `base`, and the manifest that names them. Nothing
/// is published. `None` where nothing would change.
pub async fn fold(
    states: &States,
    name: &StateName,
    base: &Published,
    export: Export<'_>,
) -> Result<Option<Manifest>, StoreError> {
    match export.mode {
        Mode::Full => full(states, name, &base.manifest, export).await,
        Mode::Incremental => incremental(states, name, &base.manifest, export).await,
    }
}

/// Writes the segments of a state that holds the same records under other keys: `buckets`, in
/// order, each record with the origin that it had. Nothing is published. `None` where nothing
/// would change.
pub async fn rewrite(
    states: &States,
    name: &StateName,
    base: &Published,
    buckets: &[Packed],
    now: Timestamp,
) -> Result<Option<Manifest>, StoreError> {
    let base = &base.manifest;
    let raw = buckets.iter().map(Packed::size).sum();
    let mut writer = Rewriter::new(states, name, base, wanted_bits(raw, base.bits));
    for record in buckets.iter().flat_map(Packed::iter) {
        let record = record.map_err(|error| damaged("a state in memory", &error))?;
        writer.push(record, record.side, Unchanged::ByRecords).await?;
    }
    let finished = writer.finish(Unchanged::ByRecords).await?;
    if finished.equals(base) {
        return Ok(None);
    }
    let counts = finished.counts.clone();
    let generation = base.head.generation + 1;
    let head = Head { generation, published: now, counts, ..base.head.clone() };
    Ok(Some(finished.into_manifest(head)))
}

pub(super) fn next_head(base: &Manifest, export: Export<'_>, fresh: bool) -> Head {
    let mut files = if fresh { Vec::new() } else { base.head.files.clone() };
    let run = export.run.to_owned();
    files.extend(export.files.iter().map(|name| FileRef { name: name.clone(), run: run.clone() }));
    Head {
        generation: base.head.generation + 1,
        run,
        published: export.now,
        files,
        ..Head::default()
    }
}

async fn full(
    states: &States,
    name: &StateName,
    base: &Manifest,
    export: Export<'_>,
) -> Result<Option<Manifest>, StoreError> {
    let raw = export.buckets.iter().map(Packed::size).sum();
    let fresh = base.head.files.len() >= MAX_FILES;
    let unchanged = if fresh { Unchanged::Never } else { Unchanged::ByRecords };
    let file_base = if fresh { 0 } else { base.head.files.len() as u32 };
    let mut writer = Rewriter::new(states, name, base, wanted_bits(raw, base.bits));
    let mut side = Vec::with_capacity(8);
    for record in export.buckets.iter().flat_map(Packed::iter) {
        let record = record.map_err(|error| damaged("a snapshot", &error))?;
        shift(record.side, file_base, &mut side).map_err(|error| damaged("an origin", &error))?;
        writer.push(record, &side, unchanged).await?;
    }
    let finished = writer.finish(unchanged).await?;
    // Nothing at all in it is a state too: the first empty export publishes generation 1.
    if finished.equals(base) && base.head.generation > 0 {
        return Ok(None);
    }
    let mut head = next_head(base, export, fresh);
    head.counts = finished.counts.clone();
    Ok(Some(finished.into_manifest(head)))
}

/// Moves an origin's file behind the files that the state knows already.
pub(super) fn shift(side: &[u8], file_base: u32, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let origin = Origin::decode(side)?;
    out.clear();
    Origin { file: origin.file + file_base, line: origin.line }.encode(out);
    Ok(())
}

async fn incremental(
    states: &States,
    name: &StateName,
    base: &Manifest,
    export: Export<'_>,
) -> Result<Option<Manifest>, StoreError> {
    let file_base = base.head.files.len() as u32;
    let loaded = states.load(name, base).await?;
    let added: usize = export.buckets.iter().map(Packed::size).sum();
    let mut raw = added;
    for bucket in 0..base.buckets.len() {
        raw += loaded.bucket(bucket)?.size();
    }
    let mut writer = Rewriter::new(states, name, base, wanted_bits(raw, base.bits));
    let removals = Removals::new(export.removals);
    let mut news = export.buckets.iter().flat_map(Packed::iter).peekable();
    for bucket in 0..base.buckets.len() {
        let packed = loaded.bucket(bucket)?;
        for old in packed.iter() {
            let old = old.map_err(|error| damaged("a segment", &error))?;
            let old_key = old.key().map_err(|error| damaged("a segment", &error))?;
            // What the export has and the state does not yet comes before it in the order.
            while let Some(new) = take_before(&mut news, &old_key)? {
                push_new(&mut writer, new, &removals, file_base).await?;
            }
            match take_equal(&mut news, &old_key)? {
                Some(new) => push_merged(&mut writer, old, new, &removals, file_base).await?,
                None => push_old(&mut writer, old, &old_key, &removals).await?,
            }
        }
    }
    for new in news {
        let new = new.map_err(|error| damaged("a snapshot", &error))?;
        push_new(&mut writer, new, &removals, file_base).await?;
    }
    let finished = writer.finish(Unchanged::ByRecords).await?;
    if finished.equals(base) && base.head.generation > 0 {
        return Ok(None);
    }
    let mut head = next_head(base, export, false);
    head.counts = finished.counts.clone();
    Ok(Some(finished.into_manifest(head)))
}

type News<'a, I> = std::iter::Peekable<I>;

fn take_before<'a, I>(
    news: &mut News<'a, I>,
    old: &Key,
) -> Result<Option<PackedRecord<'a>>, StoreError>
where
    I: Iterator<Item = Result<PackedRecord<'a>, DecodeError>>,
{
    take_if(news, |new| Place::of(new) < Place::of(old))
}

fn take_equal<'a, I>(
    news: &mut News<'a, I>,
    old: &Key,
) -> Result<Option<PackedRecord<'a>>, StoreError>
where
    I: Iterator<Item = Result<PackedRecord<'a>, DecodeError>>,
{
    take_if(news, |new| new == old)
}

fn take_if<'a, I>(
    news: &mut News<'a, I>,
    wanted: impl Fn(&Key) -> bool,
) -> Result<Option<PackedRecord<'a>>, StoreError>
where
    I: Iterator<Item = Result<PackedRecord<'a>, DecodeError>>,
{
    let fits = match news.peek() {
        None => false,
        Some(Ok(new)) => wanted(&new.key().map_err(|error| damaged("a snapshot", &error))?),
        Some(Err(_)) => true,
    };
    if !fits {
        return Ok(None);
    }
    news.next().transpose().map_err(|error| damaged("a snapshot", &error))
}

async fn push_old(
    writer: &mut Rewriter<'_>,
    old: PackedRecord<'_>,
    key: &Key,
    removals: &Removals,
) -> Result<(), StoreError> {
    if !removals.touches(key) {
        return writer.push(old, old.side, Unchanged::ByRecords).await;
    }
    let record = old.decode().map_err(|error| damaged("a segment", &error))?;
    if let Some(rest) = removals.apply(record) {
        let bytes = rest.to_bytes();
        let rest = PackedRecord { record: &bytes, side: old.side };
        writer.push(rest, old.side, Unchanged::ByRecords).await?;
    }
    Ok(())
}

async fn push_new(
    writer: &mut Rewriter<'_>,
    new: PackedRecord<'_>,
    removals: &Removals,
    file_base: u32,
) -> Result<(), StoreError> {
    let mut side = Vec::with_capacity(8);
    shift(new.side, file_base, &mut side).map_err(|error| damaged("an origin", &error))?;
    let record = new.decode().map_err(|error| damaged("a snapshot", &error))?;
    if let Some(kept) = removals.apply(record) {
        let bytes = kept.to_bytes();
        let kept = PackedRecord { record: &bytes, side: &side };
        writer.push(kept, &side, Unchanged::ByRecords).await?;
    }
    Ok(())
}

async fn push_merged(
    writer: &mut Rewriter<'_>,
    old: PackedRecord<'_>,
    new: PackedRecord<'_>,
    removals: &Removals,
    file_base: u32,
) -> Result<(), StoreError> {
    let before = old.decode().map_err(|error| damaged("a segment", &error))?;
    let after = new.decode().map_err(|error| damaged("a snapshot", &error))?;
    let merged = merge(before.clone(), &after);
    let same = merged == before && !removals.touches(before.key());
    let mut side = Vec::with_capacity(8);
    shift(new.side, file_base, &mut side).map_err(|error| damaged("an origin", &error))?;
    // A record that a delta repeats unchanged keeps the line where it was first read so.
    let side: &[u8] = if same { old.side } else { &side };
    if let Some(kept) = removals.apply(merged) {
        let bytes = kept.to_bytes();
        writer.push(PackedRecord { record: &bytes, side }, side, Unchanged::ByRecords).await?;
    }
    Ok(())
}

/// What a delta says on top of what is known: its fields win; roles of an enrollment are added,
/// since a delta names the roles that it takes away.
fn merge(mut before: Record, delta: &Record) -> Record {
    let roles = match (&before, delta) {
        (Record::Enrollment(a), Record::Enrollment(b)) => {
            let held = a.roles.iter().flat_map(Roles::iter);
            Some(held.chain(b.roles.iter().flat_map(Roles::iter)).cloned().collect::<Roles>())
        }
        _ => None,
    };
    before.overlay(delta);
    if let (Record::Enrollment(enrollment), Some(roles)) = (&mut before, roles) {
        enrollment.roles = (!roles.is_empty()).then_some(roles);
    }
    before
}

/// An export's removals, sorted by key.
struct Removals {
    by_key: Vec<(Key, Roles)>,
}

impl Removals {
    fn new(removals: &[Removal]) -> Self {
        let mut by_key: Vec<_> =
            removals.iter().map(|removal| (removal.key.clone(), removal.roles.clone())).collect();
        by_key.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { by_key }
    }

    fn of(&self, key: &Key) -> impl Iterator<Item = &Roles> {
        let from = self.by_key.partition_point(|(known, _)| known < key);
        let key = key.clone();
        self.by_key[from..]
            .iter()
            .take_while(move |(known, _)| *known == key)
            .map(|(_, roles)| roles)
    }

    /// Whether a removal names this record or the course that it is part of.
    fn touches(&self, key: &Key) -> bool {
        self.of(key).next().is_some() || self.removes_course_of(key)
    }

    fn removes_course_of(&self, key: &Key) -> bool {
        let course = key.course().map(|course| Key::Course(course.clone()));
        course.is_some_and(|course| self.of(&course).next().is_some())
    }

    /// What is left of a record: nothing where it or its course is removed, fewer roles where
    /// only some are.
    fn apply(&self, mut record: Record) -> Option<Record> {
        if self.removes_course_of(record.key()) {
            return None;
        }
        let key = record.key().clone();
        for gone in self.of(&key) {
            let Record::Enrollment(enrollment) = &mut record else { return None };
            if gone.is_empty() {
                return None;
            }
            let mut left = enrollment.roles.clone().unwrap_or_default();
            gone.iter().for_each(|role| left.remove(role));
            if left.is_empty() {
                return None;
            }
            enrollment.roles = Some(left);
        }
        Some(record)
    }
}
