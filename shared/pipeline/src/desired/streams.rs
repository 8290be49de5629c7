//! All sources at once, in one order: for each key what every one of them says.

use std::cell::RefCell;
use std::iter::Peekable;

use roster::merge::Said;
use roster::{DecodeError, Entry, Origin, PackedRecord, Place};

use super::{Broken, Sides, until_broken};
use crate::learned::Tally;

type Stream<'a> = Peekable<Box<dyn Iterator<Item = Result<Entry, DecodeError>> + 'a>>;

/// Runs over several ordered streams at once; each knows which source it is of. A source whose
/// persons are known by other keys has two.
pub(super) struct Streams<'a> {
    streams: Vec<(usize, Stream<'a>)>,
}

impl<'a> Streams<'a> {
    pub fn new(sides: Sides<'a>, broken: &'a Broken, tally: Option<&'a RefCell<Tally>>) -> Self {
        let mut streams = Vec::with_capacity(sides.sources.len());
        let mut file_base = 0;
        for (at, source) in sides.sources.iter().enumerate() {
            let base = file_base;
            file_base += source.published.manifest.head.files.len() as u32;
            let entry = move |packed: PackedRecord<'_>| {
                let mut origin = Origin::decode(packed.side)?;
                let record = packed.decode()?;
                if let Some(tally) = tally {
                    tally.borrow_mut().count(at, &record, origin);
                }
                origin.file += base;
                Ok(Entry { record, origin })
            };
            let own = until_broken(source.loaded.iter(entry), broken);
            let own: Box<dyn Iterator<Item = _>> = match sides.matched.get(at) {
                None => Box::new(own),
                Some(matched) if matched.is_empty() => Box::new(own),
                Some(matched) => {
                    let moved: Box<dyn Iterator<Item = _>> =
                        Box::new(matched.moved().map(entry_of(base)));
                    streams.push((at, moved.peekable()));
                    Box::new(own.filter(|entry| match entry {
                        Ok(entry) => !matched.moves(entry.record.key()),
                        Err(_) => true,
                    }))
                }
            };
            streams.push((at, own.peekable()));
        }
        Self { streams }
    }
}

/// Moves origins behind `base` other files.
fn entry_of(base: u32) -> impl Fn(Result<Entry, DecodeError>) -> Result<Entry, DecodeError> {
    move |entry| {
        entry.map(|mut entry| {
            entry.origin.file += base;
            entry
        })
    }
}

impl Iterator for Streams<'_> {
    type Item = Result<Vec<Said>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let [(source, only)] = self.streams.as_mut_slice() {
            let next = only.next()?;
            return Some(next.map(|entry| vec![said(*source, entry)]));
        }
        let mut least: Option<Place<'_>> = None;
        let mut broken = None;
        for (at, (_, stream)) in self.streams.iter_mut().enumerate() {
            match stream.peek() {
                None => {}
                Some(Err(_)) => broken = Some(at),
                Some(Ok(entry)) => {
                    let place = Place::of(entry.record.key());
                    if least.is_none_or(|least| place < least) {
                        least = Some(place);
                    }
                }
            }
        }
        if let Some(at) = broken {
            return Some(Err(self.streams[at].1.next()?.err()?));
        }
        let key = least?.key.clone();
        let mut all: Vec<Said> = Vec::with_capacity(self.streams.len());
        for (source, stream) in &mut self.streams {
            let same = |next: &Result<Entry, DecodeError>| {
                next.as_ref().is_ok_and(|next| *next.record.key() == key)
            };
            let Some(Ok(entry)) = stream.next_if(same) else { continue };
            match all.last_mut() {
                // One source under two keys that are one person's.
                Some(last) if last.source == *source => last.record.overlay(&entry.record),
                _ => all.push(said(*source, entry)),
            }
        }
        Some(Ok(all))
    }
}

fn said(source: usize, entry: Entry) -> Said {
    Said { source, record: entry.record, origin: entry.origin }
}
