//! Taking exports back: a source says again what it said in an earlier generation.
//!
//! What an export leaves out is unknown, and what is unknown asks for nothing. An earlier
//! generation that never spoke of a record's status would therefore not undo that a later one made
//! it inactive, nor its key that it was re-keyed; so it is made to say what it meant: active, and
//! the record's own key.
//!
//! **Never:** nothing is published here, and no generation is changed.

use ambient::Timestamp;
use roster::{Key, PackedRecord, Place, Record, Status};

use super::manifest::Manifest;
use super::names::StateName;
use super::rewrite::{Rewriter, Unchanged};
use super::segment::damaged;
use super::states::{Published, States};
use crate::StoreError;

/// Writes the generation after `newest` in which the source says what it said in `earlier`.
/// Segments that say so already are named again.
pub async fn roll_back(
    states: &States,
    name: &StateName,
    newest: &Published,
    earlier: &Manifest,
    now: Timestamp,
) -> Result<Manifest, StoreError> {
    let later = states.load(name, &newest.manifest).await?;
    let loaded = states.load(name, earlier).await?;
    let mut later = later.iter(|record| record.decode()).peekable();
    let mut writer = Rewriter::new(states, name, earlier, earlier.bits);
    for bucket in 0..earlier.buckets.len() {
        for record in loaded.bucket(bucket)?.iter() {
            let record = record.map_err(|error| damaged("a segment", &error))?;
            let key = record.key().map_err(|error| damaged("a segment", &error))?;
            let said = take_up_to(&mut later, &key)?;
            let explicit = match said {
                None => None,
                Some(later) => {
                    let before = record.decode().map_err(|error| damaged("a segment", &error))?;
                    explicit(before, &later)
                }
            };
            let bytes = explicit.as_ref().map(Record::to_bytes);
            let bytes = bytes.as_deref().unwrap_or(record.record);
            let pushed = PackedRecord { record: bytes, side: record.side };
            writer.push(pushed, record.side, Unchanged::ByRecords).await?;
        }
    }
    let finished = writer.finish(Unchanged::ByRecords).await?;
    let mut head = earlier.head.clone();
    head.generation = newest.manifest.head.generation + 1;
    head.published = now;
    Ok(finished.into_manifest(head))
}

/// The record of `key`, where there is one; those that come before it are passed over.
fn take_up_to(
    records: &mut std::iter::Peekable<impl Iterator<Item = Result<Record, StoreError>>>,
    key: &Key,
) -> Result<Option<Record>, StoreError> {
    let before = |next: &Result<Record, StoreError>| {
        next.as_ref().is_ok_and(|next| Place::of(next.key()) < Place::of(key))
    };
    while records.next_if(before).is_some() {}
    records.next_if(|next| next.as_ref().map_or(true, |next| next.key() == key)).transpose()
}

/// The record with what it left unsaid and `later` said otherwise; `None` where that is nothing.
fn explicit(mut before: Record, later: &Record) -> Option<Record> {
    let status = |status: &mut Option<Status>, later: Option<Status>| {
        let turned = status.is_none() && later == Some(Status::Inactive);
        if turned {
            *status = Some(Status::Active);
        }
        turned
    };
    let changed = match (&mut before, later) {
        (Record::Person(before), Record::Person(later)) => {
            let rekeyed = before.sourced_id.is_none() && later.sourced_id.is_some();
            if rekeyed {
                before.sourced_id = Some(before.sourced_id().into());
            }
            status(&mut before.status, later.status) | rekeyed
        }
        (Record::Course(before), Record::Course(later)) => {
            let rekeyed = before.sourced_id.is_none() && later.sourced_id.is_some();
            if rekeyed {
                before.sourced_id = Some(before.sourced_id().into());
            }
            status(&mut before.status, later.status) | rekeyed
        }
        (Record::Enrollment(before), Record::Enrollment(later)) => {
            status(&mut before.status, later.status)
        }
        _ => false,
    };
    changed.then_some(before)
}

#[cfg(test)]
mod tests {
    use roster::{Course, Enrollment, Mode, Origin, Person, Sink as _, SnapshotBuilder};

    use super::super::names::Scope;
    use super::super::source::{Export, fold};
    use super::*;
    use crate::Stores;

    async fn publish(states: &States, name: &StateName, records: Vec<Record>) -> Published {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        records.into_iter().for_each(|record| builder.record(record, Origin::default()));
        let snapshot = builder.finish().unwrap();
        let base = states.newest(name).await.unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let (mode, buckets) = (Mode::Full, snapshot.buckets());
        let export = Export { mode, files: &[], buckets, removals: &[], run: "r", now };
        let next = fold(states, name, &base, export).await.unwrap().unwrap();
        states.publish(name, &base, &next).await.unwrap();
        states.newest(name).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_left_unsaid_is_said_where_a_later_export_said_otherwise() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(Timestamp::UNIX_EPOCH));
        let states = States::new(&Stores::memory(clock), Scope::new("oak", "sis"));
        let name = StateName::Source("registrar".into());
        let person = |key: &str| Person::new(roster::PersonKey::new(key));
        let course = || Course::new(roster::CourseKey::new("c"));
        let seat = || Enrollment::new(roster::CourseKey::new("c"), roster::PersonKey::new("a"));
        let silent: Vec<Record> =
            vec![person("a").into(), person("b").into(), course().into(), seat().into()];
        let first = publish(&states, &name, silent.clone()).await;
        let (mut a, mut hidden, mut out) = (person("a"), course(), seat());
        a.sourced_id = Some("new".into());
        (hidden.status, out.status) = (Some(Status::Inactive), Some(Status::Inactive));
        let turned = vec![a.into(), person("z").into(), hidden.into(), out.into()];
        let second = publish(&states, &name, turned).await;

        let earlier = &first.manifest;
        let now = Timestamp::UNIX_EPOCH;
        let back = roll_back(&states, &name, &second, earlier, now).await.unwrap();
        assert_eq!((back.head.generation, &back.head.counts), (3, &earlier.head.counts));
        let loaded = states.load(&name, &back).await.unwrap();
        let records = loaded.iter(|record| record.decode());
        let shown: Vec<String> = records
            .map(|record| {
                let record = record.unwrap();
                let fields = record.fields();
                let fields = fields.iter().map(|(spec, shown)| format!(" {spec}={shown}"));
                format!("{}{}", record.key(), fields.collect::<String>())
            })
            .collect();
        let mut shown = shown;
        shown.sort();
        assert_eq!(
            shown,
            [
                "course:c status=active",
                "enrollment:c/a status=active",
                "person:a sourced_id=a",
                "person:b",
            ]
        );
    }

    #[tokio::test]
    async fn before_the_first_export_there_was_nothing_and_what_did_not_change_is_named_again() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(Timestamp::UNIX_EPOCH));
        let states = States::new(&Stores::memory(clock), Scope::new("oak", "sis"));
        let name = StateName::Source("registrar".into());
        let person = |key: &str| Record::from(Person::new(roster::PersonKey::new(key)));
        let first = publish(&states, &name, vec![person("a")]).await;
        let second = publish(&states, &name, vec![person("a"), person("b")]).await;
        let now = Timestamp::UNIX_EPOCH;
        let none = roll_back(&states, &name, &second, &Manifest::default(), now).await.unwrap();
        assert_eq!((none.total(), none.head.generation), (0, 3));
        let back = roll_back(&states, &name, &second, &first.manifest, now).await.unwrap();
        assert_eq!(back.buckets, first.manifest.buckets);
    }
}
