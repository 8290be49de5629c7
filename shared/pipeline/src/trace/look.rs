//! Looking into one state for one record, through its index.

use std::collections::BTreeMap;

use roster::{Key, Packed, PackedRecord, Place};
use store::Stores;
use store::state::index::{Index, Term};
use store::state::manifest::Manifest;
use store::state::{Scope, StateName, States};

use crate::PipelineError;

/// So many buckets are kept decoded; a state without an index has more than fit.
const KEPT: usize = 64;
/// So many buckets can be looked through with every question: they stay decoded.
const UNKNOWN: usize = 16;

/// One state, opened for looking.
pub(crate) struct Looked {
    /// What it consists of.
    pub manifest: Manifest,
    states: States,
    name: StateName,
    index: Index,
    decoded: BTreeMap<usize, Packed>,
}

impl Looked {
    /// Opens the newest generation of `name`.
    pub async fn open(
        stores: &Stores,
        scope: &Scope,
        name: StateName,
    ) -> Result<Self, PipelineError> {
        let states = States::new(stores, scope.clone());
        let manifest = states.newest(&name).await?.manifest;
        let index = Index::open(&states, &name, &manifest).await?;
        Ok(Self { manifest, states, name, index, decoded: BTreeMap::new() })
    }

    /// The record of `key`, made into something by `take`.
    pub async fn get<T>(
        &mut self,
        key: &Key,
        take: impl Fn(PackedRecord<'_>) -> Result<T, roster::DecodeError>,
    ) -> Result<Option<T>, PipelineError> {
        let bucket = self.manifest.bucket_of(Place::of(key).hash);
        let mut found = None;
        self.each(bucket, |record| {
            if record.key()? == *key {
                found = Some(take(record)?);
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// The record of `key`, as it stands, where there is one.
    pub async fn look_at(
        &mut self,
        key: &Key,
        mut each: impl FnMut(PackedRecord<'_>) -> Result<(), roster::DecodeError>,
    ) -> Result<(), PipelineError> {
        let bucket = self.manifest.bucket_of(Place::of(key).hash);
        self.each(bucket, |record| if record.key()? == *key { each(record) } else { Ok(()) }).await
    }

    /// Every record that stands in the bucket of `key`.
    pub async fn look_beside(
        &mut self,
        key: &Key,
        each: impl FnMut(PackedRecord<'_>) -> Result<(), roster::DecodeError>,
    ) -> Result<(), PipelineError> {
        self.each(self.manifest.bucket_of(Place::of(key).hash), each).await
    }

    /// Every record for which the index has `term`, handed to `each` together with whatever else
    /// stands beside it: whoever asks looks whether it is the one.
    pub async fn look_for(
        &mut self,
        term: Term<'_>,
        mut each: impl FnMut(PackedRecord<'_>) -> Result<(), roster::DecodeError>,
    ) -> Result<(), PipelineError> {
        for bucket in self.index.buckets(term).await? {
            self.each(bucket, &mut each).await?;
        }
        Ok(())
    }

    /// Whether few enough buckets are without an index that a question can be asked many times.
    pub fn is_indexed(&self) -> bool {
        self.index.unknown() <= UNKNOWN
    }

    async fn each(
        &mut self,
        bucket: usize,
        mut each: impl FnMut(PackedRecord<'_>) -> Result<(), roster::DecodeError>,
    ) -> Result<(), PipelineError> {
        if !self.decoded.contains_key(&bucket) {
            if self.decoded.len() >= KEPT {
                self.decoded.clear();
            }
            let packed = self.states.load_bucket(&self.name, &self.manifest, bucket).await?;
            self.decoded.insert(bucket, packed);
        }
        for record in self.decoded.get(&bucket).into_iter().flat_map(Packed::iter) {
            record
                .and_then(&mut each)
                .map_err(|error| PipelineError::damaged("a state's record", &error))?;
        }
        Ok(())
    }
}
