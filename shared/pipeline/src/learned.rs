//! What the parts of the export usually hold: schools, files, data source keys. A part that says
//! much less than it did when nothing was held last keeps what it would lose; the rest goes on.
//!
//! Of a course the diff itself sees what it loses; what is learned of the others is counted while
//! the sources are read for a plan.
//!
//! **Never:** nothing is learned while something is held.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use plan::{Dropped, Part, SharpDrop, Suspects};
use roster::{AssociationKind, DecodeError, Key, Kind, Mode, Origin, Record, Text};
use store::state::limits::{Learned, LearnedPart};
use store::state::manifest::Manifest;
use store::state::scoped::KeyOf;
use store::state::{StateName, States};

use crate::desired::LoadedSource;
use crate::{Integration, Pipeline, PipelineError};

/// Of more parts of one sort than this nothing is learned: they are no schools any more, and the
/// item that holds the counts has to stay small.
const MOST_PARTS: usize = 1000;

type ByKind = [u64; 9];

/// Counts the parts of what the sources say.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sources: Vec<Files>,
    units: HashMap<Text, ByKind>,
    keys: HashMap<Text, ByKind>,
}

/// The files of a source, by name without what changes from day to day.
#[derive(Debug, Default)]
struct Files {
    source: String,
    counted: bool,
    /// Tells the data source keys of the source's records, in their order.
    of: KeyOf,
    /// For each file that origins count: its place in `names`.
    places: Vec<usize>,
    names: Vec<String>,
    counts: Vec<ByKind>,
}

impl Files {
    fn of(source: &str, counted: bool, manifest: &Manifest) -> Self {
        let mut files = Self { source: source.to_owned(), counted, ..Self::default() };
        for file in &manifest.head.files {
            let name = pattern(&file.name);
            let known = files.names.iter().position(|known| *known == name);
            files.places.push(known.unwrap_or(files.names.len()));
            if known.is_none() {
                files.names.push(name);
                files.counts.push(ByKind::default());
            }
        }
        files
    }

    fn name(&self, origin: Origin) -> Option<&str> {
        let place = *self.places.get(origin.file as usize)?;
        self.names.get(place).map(String::as_str)
    }
}

impl Tally {
    /// A tally of `sources`, which have the places that they have in the list.
    pub(crate) fn new(sources: &[LoadedSource], integration: &Integration) -> Self {
        // Where an incremental export says something again it is of another file from then on, so
        // that files of such a source shrink by themselves.
        let full = |name: &str| integration.source(name).is_some_and(|s| s.mode == Mode::Full);
        let files = sources
            .iter()
            .map(|source| Files::of(&source.name, full(&source.name), &source.published.manifest));
        Self { sources: files.collect(), ..Self::default() }
    }

    /// Counts a record of the source at `place`, with its origin as that source has it.
    pub(crate) fn count(&mut self, place: usize, record: &Record, origin: Origin) {
        let kind = record.kind() as usize - 1;
        if let Some((unit, kind)) = unit_of(record) {
            count(&mut self.units, unit, kind);
        }
        let Some(files) = self.sources.get_mut(place) else { return };
        if let Some(place) = files.places.get(origin.file as usize).filter(|_| files.counted) {
            files.counts[*place][kind] += 1;
        }
        if let Some(key) = files.of.record(record) {
            count(&mut self.keys, key, record.kind());
        }
    }

    /// The parts, sorted.
    pub(crate) fn parts(self) -> Vec<LearnedPart> {
        let mut parts = Vec::new();
        for files in self.sources.iter().filter(|files| files.counted) {
            for (name, counts) in files.names.iter().zip(&files.counts) {
                parts.push(part(Part::File, &files.source, name, counts));
            }
        }
        for (sort, of) in [(Part::OrgUnit, &self.units), (Part::DataSource, &self.keys)] {
            if of.len() <= MOST_PARTS {
                parts.extend(of.iter().map(|(name, counts)| part(sort, "", name, counts)));
            }
        }
        parts.retain(|part| !part.counts.is_empty());
        parts.sort();
        parts
    }
}

fn part(part: Part, source: &str, name: &str, counts: &ByKind) -> LearnedPart {
    let counts = Kind::ALL.into_iter().zip(*counts).filter(|(_, count)| *count > 0).collect();
    LearnedPart { part, source: source.to_owned(), name: name.to_owned(), counts }
}

fn count(of: &mut HashMap<Text, ByKind>, name: &Text, kind: Kind) {
    let at = kind as usize - 1;
    if let Some(counts) = of.get_mut(name) {
        counts[at] += 1;
    } else if of.len() <= MOST_PARTS {
        // One more than are learned says that there are too many.
        let mut counts = ByKind::default();
        counts[at] = 1;
        of.insert(name.clone(), counts);
    }
}

/// A file's name without what changes from day to day: `registrar-2026-11-22.xml` is
/// `registrar-*-*-*.xml`.
fn pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        match c.is_ascii_digit() {
            true if pattern.ends_with('*') => {}
            true => pattern.push('*'),
            false => pattern.push(c),
        }
    }
    pattern
}

/// The org unit that a record puts something into, and what: a course, or a person.
fn unit_of(record: &Record) -> Option<(&Text, Kind)> {
    match record {
        Record::Course(course) => course.org_unit.as_ref().map(|unit| (unit, Kind::Course)),
        Record::Association(_) => match record.key() {
            Key::Association { kind: AssociationKind::PersonOrgUnit, to, .. } => {
                Some((to, Kind::Person))
            }
            _ => None,
        },
        _ => None,
    }
}

/// A part that dropped, as it was and as it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fallen<'a> {
    part: &'a LearnedPart,
    dropped: Dropped,
}

/// The parts that say so much less than was learned that it is a sharp drop. Of several kinds the
/// one that lost the most is named.
pub(crate) fn fallen<'a>(
    learned: &'a Learned,
    now: &[LearnedPart],
    drop: SharpDrop,
) -> Vec<Fallen<'a>> {
    let of = |part: &LearnedPart, kind: Kind| -> u64 {
        let same = |other: &&LearnedPart| {
            (other.part, &other.source, &other.name) == (part.part, &part.source, &part.name)
        };
        now.iter().find(same).and_then(|part| part.counts.get(&kind)).copied().unwrap_or(0)
    };
    // A file that has another name today takes its records along: then its source says no less.
    let whole = |parts: &[LearnedPart], like: &LearnedPart, kind: Kind| -> u64 {
        let files = parts.iter().filter(|p| p.part == Part::File && p.source == like.source);
        files.filter_map(|part| part.counts.get(&kind)).sum()
    };
    let mut fallen = Vec::new();
    for part in &learned.parts {
        let lost = part.counts.iter().filter_map(|(kind, was)| {
            let is = of(part, *kind);
            let moved = part.part == Part::File && {
                let (before, after) = (whole(&learned.parts, part, *kind), whole(now, part, *kind));
                before.saturating_sub(after) * 2 < was.saturating_sub(is)
            };
            (drop.is(*was, is) && !moved).then_some((*kind, *was, is))
        });
        let most = lost.max_by_key(|(kind, was, is)| (was - is, std::cmp::Reverse(*kind)));
        if let Some((kind, learned, now)) = most {
            let name = match part.source.is_empty() {
                true => Text::new(&part.name),
                false => Text::from(format!("{} of source {}", part.name, part.source)),
            };
            let dropped = Dropped { part: part.part, name, kind, learned, now };
            fallen.push(Fallen { part, dropped });
        }
    }
    fallen
}

impl Pipeline {
    /// The records that belonged to the parts which dropped, as the sources said when the counts
    /// were learned. Where a source's state of then is not kept any more, everything of the kinds
    /// that the part had is suspect.
    pub(crate) async fn suspects(
        &self,
        learned: &Learned,
        fallen: &[Fallen<'_>],
    ) -> Result<Suspects, PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let mut suspects = Suspects::default();
        let mut marks = BTreeMap::new();
        for Fallen { part, dropped } in fallen {
            let mark = suspects.add(dropped.clone());
            marks.insert((part.part, part.source.as_str(), part.name.as_str()), mark);
        }
        for (source, generation) in &learned.generations {
            let name = StateName::Source(source.clone());
            let Some(manifest) = states.generation(&name, *generation).await? else {
                let of = |part: &LearnedPart| part.source.is_empty() || part.source == *source;
                for Fallen { part, .. } in fallen.iter().filter(|fallen| of(fallen.part)) {
                    let mark = marks[&(part.part, part.source.as_str(), part.name.as_str())];
                    part.counts.keys().for_each(|kind| suspects.add_kind(*kind, mark));
                }
                continue;
            };
            let files = Files::of(source, true, &manifest);
            let loaded = states.load(&name, &manifest).await?;
            let mut of = KeyOf::default();
            loaded.for_each(|packed| {
                let (record, origin) = (packed.decode()?, Origin::decode(packed.side)?);
                let (file, key) = (files.name(origin), of.record(&record));
                suspect(&record, (source, file, key), &marks, &mut suspects);
                Ok::<(), DecodeError>(())
            })?;
        }
        Ok(suspects)
    }
}

/// Adds a record to the parts that dropped and had it.
fn suspect(
    record: &Record,
    (source, file, data_source): (&str, Option<&str>, Option<&Text>),
    marks: &BTreeMap<(Part, &str, &str), u32>,
    suspects: &mut Suspects,
) {
    let key = record.key();
    let file = file.and_then(|file| marks.get(&(Part::File, source, file)));
    let by_key = data_source.and_then(|key| marks.get(&(Part::DataSource, "", key)));
    for mark in [file, by_key].into_iter().flatten() {
        suspects.add_record(key, *mark);
    }
    let unit = unit_of(record).and_then(|(unit, _)| marks.get(&(Part::OrgUnit, "", unit)));
    let Some(mark) = unit.copied() else { return };
    suspects.add_record(key, mark);
    match key {
        Key::Course(course) => suspects.add_course(course, mark),
        Key::Association { from, .. } => {
            suspects.add_record(&Key::Person(from.clone().into()), mark);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, persons: u64) -> LearnedPart {
        part(Part::File, "sis", name, &{
            let mut counts = ByKind::default();
            counts[Kind::Person as usize - 1] = persons;
            counts
        })
    }

    fn names(learned: Vec<LearnedPart>, now: &[LearnedPart]) -> Vec<String> {
        let learned = Learned { parts: learned, ..Learned::default() };
        let fallen = fallen(&learned, now, SharpDrop::default());
        fallen.into_iter().map(|fallen| fallen.part.name.clone()).collect()
    }

    #[test]
    fn a_file_is_known_again_under_the_name_of_the_next_day() {
        for (name, known) in [
            ("registrar-2026-11-22.xml", "registrar-*-*-*.xml"),
            ("north.csv", "north.csv"),
            ("export20261122T0507.zip/persons.csv", "export*T*.zip/persons.csv"),
            ("", ""),
        ] {
            assert_eq!(pattern(name), known);
        }
    }

    #[test]
    fn a_file_that_says_less_has_dropped_and_one_that_has_another_name_has_not() {
        let learned = || vec![file("north.csv", 40), file("south.csv", 60)];
        assert_eq!(names(learned(), &[file("north.csv", 20), file("south.csv", 60)]), [""; 0]);
        assert_eq!(
            names(learned(), &[file("north.csv", 19), file("south.csv", 60)]),
            ["north.csv"]
        );
        assert_eq!(names(learned(), &[file("south.csv", 61)]), ["north.csv"]);
        assert_eq!(names(learned(), &[file("nord.csv", 40), file("south.csv", 60)]), [""; 0]);
        assert_eq!(names(learned(), &[]), ["north.csv", "south.csv"]);
    }

    #[test]
    fn of_too_many_parts_nothing_is_learned() {
        let mut tally = Tally { sources: vec![Files::default()], ..Tally::default() };
        for number in 0..=MOST_PARTS {
            let mut person = roster::Person::new(roster::PersonKey::new("p"));
            person.data_source = Some(Text::from(format!("key {number}")));
            tally.count(0, &person.into(), Origin::default());
        }
        assert!(tally.parts().is_empty());
    }
}
