//! Full exports that speak for a part of their source: the data source keys that they contain.
//!
//! | record | in the export | its data source key is in the export | becomes |
//! |---|---|---|---|
//! | any | yes | - | as the export says |
//! | known | no | yes | gone |
//! | known | no | no | as it was |
//!
//! What has no key of its own and stands in a course goes by the course's; records without any are
//! a set of their own, for which an export speaks that has such records.

use std::collections::BTreeSet;

use roster::{CourseKey, Key, Packed, PackedRecord, Place, Record, Text};

use super::manifest::{Manifest, wanted_bits};
use super::names::StateName;
use super::rewrite::{Rewriter, Unchanged};
use super::segment::damaged;
use super::source::{Export, next_head, shift};
use super::states::{Published, States};
use crate::StoreError;

/// Like [`super::source::fold`] for a full export that speaks for its data source keys alone.
pub async fn fold_scoped(
    states: &States,
    name: &StateName,
    base: &Published,
    export: Export<'_>,
) -> Result<Option<Manifest>, StoreError> {
    let base = &base.manifest;
    let spoken_for = keys_of(export.buckets)?;
    let loaded = states.load(name, base).await?;
    let mut raw: usize = export.buckets.iter().map(Packed::size).sum();
    for bucket in 0..base.buckets.len() {
        raw += loaded.bucket(bucket)?.size();
    }
    let file_base = base.head.files.len() as u32;
    let mut writer = Rewriter::new(states, name, base, wanted_bits(raw, base.bits));
    let mut news = export.buckets.iter().flat_map(Packed::iter).peekable();
    let (mut of, mut side) = (KeyOf::default(), Vec::with_capacity(8));
    for bucket in 0..base.buckets.len() {
        for old in loaded.bucket(bucket)?.iter() {
            let old = old.map_err(|error| damaged("a segment", &error))?;
            let record = old.decode().map_err(|error| damaged("a segment", &error))?;
            let key = record.key();
            let before = |new: &Result<PackedRecord<'_>, _>| match new {
                Ok(new) => new.key().map_or(true, |new| Place::of(&new) < Place::of(key)),
                Err(_) => true,
            };
            while let Some(new) = news.next_if(before) {
                let new = new.map_err(|error| damaged("a snapshot", &error))?;
                push(&mut writer, new, file_base, &mut side).await?;
            }
            let same = |new: &Result<PackedRecord<'_>, _>| {
                new.as_ref().is_ok_and(|new| new.key().is_ok_and(|new| new == *key))
            };
            let belongs = of.record(&record).cloned();
            match news.next_if(same).transpose() {
                Err(error) => return Err(damaged("a snapshot", &error)),
                // What it repeats unchanged keeps the line where it was first read so.
                Ok(Some(new)) if new.record == old.record => {
                    writer.push(old, old.side, Unchanged::ByRecords).await?;
                }
                Ok(Some(new)) => push(&mut writer, new, file_base, &mut side).await?,
                Ok(None) if spoken_for.contains(&belongs) => {}
                Ok(None) => writer.push(old, old.side, Unchanged::ByRecords).await?,
            }
        }
    }
    for new in news {
        let new = new.map_err(|error| damaged("a snapshot", &error))?;
        push(&mut writer, new, file_base, &mut side).await?;
    }
    let finished = writer.finish(Unchanged::ByRecords).await?;
    if finished.equals(base) && base.head.generation > 0 {
        return Ok(None);
    }
    let mut head = next_head(base, export, false);
    head.counts = finished.counts.clone();
    Ok(Some(finished.into_manifest(head)))
}

async fn push(
    writer: &mut Rewriter<'_>,
    new: PackedRecord<'_>,
    file_base: u32,
    side: &mut Vec<u8>,
) -> Result<(), StoreError> {
    shift(new.side, file_base, side).map_err(|error| damaged("an origin", &error))?;
    writer.push(new, side, Unchanged::ByRecords).await
}

/// The data source keys that an export contains; `None` stands for records without one.
fn keys_of(buckets: &[Packed]) -> Result<BTreeSet<Option<Text>>, StoreError> {
    let (mut keys, mut of) = (BTreeSet::new(), KeyOf::default());
    for record in buckets.iter().flat_map(Packed::iter) {
        let record = record.and_then(|record| record.decode());
        let record = record.map_err(|error| damaged("a snapshot", &error))?;
        keys.insert(of.record(&record).cloned());
    }
    Ok(keys)
}

/// Tells the data source key of each of a run of records, in their order: a course comes before
/// what stands in it.
#[derive(Debug, Clone, Default)]
pub struct KeyOf {
    course: Option<(CourseKey, Option<Text>)>,
    own: Option<Text>,
}

impl KeyOf {
    /// The key that `record` belongs to: its own, or its course's. Each record is to be shown once,
    /// in the order of places.
    pub fn record(&mut self, record: &Record) -> Option<&Text> {
        self.own = data_source(record).cloned();
        let key = record.key();
        if let Key::Course(course) = key {
            self.course = Some((course.clone(), self.own.clone()));
        }
        match &self.own {
            Some(own) => Some(own),
            None => self.of_course(key.course()?),
        }
    }

    fn of_course(&self, course: &CourseKey) -> Option<&Text> {
        self.course.as_ref().filter(|(at, _)| at == course).and_then(|(_, of)| of.as_ref())
    }
}

/// The data source key of a record.
pub fn data_source(record: &Record) -> Option<&Text> {
    match record {
        Record::Term(term) => term.data_source.as_ref(),
        Record::OrgUnit(unit) => unit.data_source.as_ref(),
        Record::Person(person) => person.data_source.as_ref(),
        Record::Course(course) => course.data_source.as_ref(),
        Record::Group(group) => group.data_source.as_ref(),
        Record::Enrollment(enrollment) => enrollment.data_source.as_ref(),
        Record::GroupMember(member) => member.data_source.as_ref(),
        Record::Association(association) => association.data_source.as_ref(),
        Record::Observer(observer) => observer.data_source.as_ref(),
    }
}

#[cfg(test)]
mod tests {
    use ambient::Timestamp;
    use roster::{
        Course, CourseKey, Enrollment, Mode, Origin, Person, PersonKey, Sink as _, SnapshotBuilder,
    };

    use super::super::names::Scope;
    use super::*;
    use crate::Stores;

    async fn deliver(states: &States, name: &StateName, records: Vec<Record>) -> bool {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        records.into_iter().for_each(|record| builder.record(record, Origin::default()));
        let snapshot = builder.finish().unwrap();
        let base = states.newest(name).await.unwrap();
        let (mode, buckets, now) = (Mode::Full, snapshot.buckets(), Timestamp::UNIX_EPOCH);
        let export = Export { mode, files: &[], buckets, removals: &[], run: "r", now };
        let Some(next) = fold_scoped(states, name, &base, export).await.unwrap() else {
            return false;
        };
        states.publish(name, &base, &next).await.unwrap();
        true
    }

    async fn keys(states: &States, name: &StateName) -> Vec<String> {
        let newest = states.newest(name).await.unwrap().manifest;
        let loaded = states.load(name, &newest).await.unwrap();
        let mut keys: Vec<String> =
            loaded.iter(|record| record.key()).map(|key| key.unwrap().to_string()).collect();
        keys.sort();
        keys
    }

    fn person(key: &str, scope: Option<&str>) -> Record {
        let mut person = Person::new(PersonKey::new(key));
        person.data_source = scope.map(Text::new);
        person.into()
    }

    /// A course with one in it; the enrollment has no key of its own.
    fn course(key: &str, scope: &str, who: &str) -> Vec<Record> {
        let mut course = Course::new(CourseKey::new(key));
        course.data_source = Some(Text::new(scope));
        let seat = Enrollment::new(CourseKey::new(key), PersonKey::new(who));
        vec![course.into(), seat.into()]
    }

    #[tokio::test]
    async fn absence_removes_nothing_outside_the_keys_of_an_export() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(Timestamp::UNIX_EPOCH));
        let states = States::new(&Stores::memory(clock), Scope::new("oak", "sis"));
        let name = StateName::Source("registrar".into());
        let people = vec![person("a", Some("people")), person("b", Some("people"))];
        assert!(deliver(&states, &name, people.clone()).await);
        let autumn = [course("c1", "autumn", "a"), course("c2", "autumn", "b")].concat();
        assert!(deliver(&states, &name, autumn).await);
        let all = [
            "course:c1",
            "course:c2",
            "enrollment:c1/a",
            "enrollment:c2/b",
            "person:a",
            "person:b",
        ];
        assert_eq!(keys(&states, &name).await, all);
        // The same again is nothing new, whichever part comes.
        assert!(!deliver(&states, &name, people).await);
        // A course of autumn goes with who is in it; the rest stays.
        assert!(deliver(&states, &name, course("c1", "autumn", "b")).await);
        assert_eq!(
            keys(&states, &name).await,
            ["course:c1", "enrollment:c1/b", "person:a", "person:b"]
        );
        // Another key, and records without one, are sets of their own.
        let other = vec![person("x", None), person("y", Some("guests"))];
        assert!(deliver(&states, &name, other).await);
        assert!(deliver(&states, &name, vec![person("z", None)]).await);
        assert_eq!(
            keys(&states, &name).await,
            ["course:c1", "enrollment:c1/b", "person:a", "person:b", "person:y", "person:z"]
        );
        // A record that goes over to another key is not there twice.
        assert!(deliver(&states, &name, vec![person("y", Some("people"))]).await);
        assert_eq!(
            keys(&states, &name).await,
            ["course:c1", "enrollment:c1/b", "person:y", "person:z"]
        );
    }
}
