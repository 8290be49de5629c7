//! What is wanted: all source states, merged by precedence, mapped for the target.

use std::cell::RefCell;
use std::iter::Peekable;

use plan::Wanted;
use roster::mapping::{TargetRules, UniqueEmails, map};
use roster::{DecodeError, Findings, Origin, Place, Placed, Record, Text};
use store::StoreError;
use store::state::{Loaded, Published};

use crate::learned::Tally;

/// One source's state, loaded.
pub(crate) struct LoadedSource {
    /// Its name.
    pub name: String,
    /// Higher wins.
    pub precedence: i64,
    /// The manifest that `loaded` is of.
    pub published: Published,
    /// Its segments.
    pub loaded: Loaded,
}

/// The files of all sources, in the order in which their origins count them.
pub(crate) fn files(sources: &[LoadedSource]) -> Vec<Text> {
    let files = sources.iter().flat_map(|source| &source.published.manifest.head.files);
    files.map(|file| Text::new(&file.name)).collect()
}

/// Where a stream that cannot carry a store error leaves it.
pub(crate) type Broken = RefCell<Option<StoreError>>;

/// Ends a stream at the first store error and keeps the error aside.
pub(crate) fn until_broken<T>(
    items: impl Iterator<Item = Result<T, StoreError>>,
    broken: &Broken,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    items.map(|item| {
        item.map_err(|error| {
            *broken.borrow_mut() = Some(error);
            DecodeError { what: "a readable state", at: 0 }
        })
    })
}

/// The merged and mapped records, in order. `sources` come with the lowest precedence first.
pub(crate) fn wanted<'a>(
    sources: &'a [LoadedSource],
    rules: &'a TargetRules,
    findings: &'a RefCell<Findings>,
    broken: &'a Broken,
    tally: Option<&'a RefCell<Tally>>,
) -> impl Iterator<Item = Result<Wanted, DecodeError>> + 'a {
    let mut file_base = 0;
    let streams: Vec<_> = sources
        .iter()
        .enumerate()
        .map(|(place, source)| {
            let base = file_base;
            file_base += source.published.manifest.head.files.len() as u32;
            let records = source.loaded.iter(move |packed| {
                let mut origin = Origin::decode(packed.side)?;
                let record = packed.decode()?;
                if let Some(tally) = tally {
                    tally.borrow_mut().count(place, &record, origin);
                }
                origin.file += base;
                Ok(Wanted { record, origin })
            });
            until_broken(records, broken).peekable()
        })
        .collect();
    let mut addresses = UniqueEmails::default();
    Merge { streams }.filter_map(move |wanted| match wanted {
        Err(error) => Some(Err(error)),
        Ok(Wanted { record, origin }) => {
            let mut find = |finding| findings.borrow_mut().push(finding);
            let mapped = map(record, rules, origin, &mut find)?;
            let mapped = addresses.take(mapped, rules, origin, &mut find)?;
            Some(Ok(Wanted { record: mapped, origin }))
        }
    })
}

/// Runs over several ordered streams at once. Where more than one has a key, the later stream's
/// known fields lie over the earlier one's.
struct Merge<I: Iterator<Item = Result<Wanted, DecodeError>>> {
    streams: Vec<Peekable<I>>,
}

impl<I: Iterator<Item = Result<Wanted, DecodeError>>> Iterator for Merge<I> {
    type Item = Result<Wanted, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let [only] = self.streams.as_mut_slice() {
            return only.next();
        }
        let mut least: Option<Record> = None;
        for stream in &mut self.streams {
            match stream.peek() {
                None => {}
                Some(Err(_)) => return stream.next(),
                Some(Ok(wanted)) => {
                    let smaller =
                        least.as_ref().is_none_or(|least| wanted.place() < Place::of(least.key()));
                    if smaller {
                        least = Some(wanted.record.clone());
                    }
                }
            }
        }
        let key = least?.key().clone();
        let mut merged: Option<Wanted> = None;
        for stream in &mut self.streams {
            let same = |next: &Result<Wanted, DecodeError>| {
                next.as_ref().is_ok_and(|next| *next.record.key() == key)
            };
            let Some(Ok(next)) = stream.next_if(same) else { continue };
            match &mut merged {
                None => merged = Some(next),
                Some(merged) => {
                    merged.record.overlay(&next.record);
                    merged.origin = next.origin;
                }
            }
        }
        merged.map(Ok)
    }
}
