//! `Objects` in memory.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::port::{ObjectMeta, Objects, StoreError, check_object_key, check_object_prefix};

/// Objects in memory.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    objects: Mutex<Content>,
}

type Content = BTreeMap<String, Arc<[u8]>>;

impl MemoryObjects {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// All objects, by key.
    pub fn objects(&self) -> BTreeMap<String, Arc<[u8]>> {
        lock(&self.objects).clone()
    }

    /// A store of its own with the same content.
    pub fn fork(&self) -> Self {
        Self { objects: Mutex::new(self.objects()) }
    }

    fn insert(&self, key: &str, body: &[u8], over: Over) -> Result<(), StoreError> {
        check_object_key(key)?;
        let mut objects = lock(&self.objects);
        if matches!(over, Over::Nothing) && objects.contains_key(key) {
            return Err(StoreError::ConditionFailed { key: key.to_owned(), index: 0 });
        }
        refuse_folder(&objects, key)?;
        objects.insert(key.to_owned(), body.into());
        Ok(())
    }
}

/// What a put may replace.
enum Over {
    Anything,
    Nothing,
}

/// A folder on disk cannot do it, so code that was tested in memory must not lean on it.
fn refuse_folder(objects: &Content, key: &str) -> Result<(), StoreError> {
    let folder = format!("{key}/");
    let is_folder = objects
        .range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded))
        .next()
        .is_some_and(|(next, _)| next.starts_with(&folder));
    let in_object = key.match_indices('/').any(|(at, _)| objects.contains_key(&key[..at]));
    if is_folder || in_object {
        let reason = format!("`{key}` is the folder of another object, or stands within one");
        return Err(StoreError::Invalid { what: "object key", reason });
    }
    Ok(())
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_object_key(key)?;
        Ok(lock(&self.objects).get(key).map(|body| body.to_vec()))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        check_object_key(key)?;
        let objects = lock(&self.objects);
        let Some(body) = objects.get(key) else { return Ok(None) };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
        let (start, end) = (place(range.start), place(range.end));
        Ok(Some(body.get(start..end).unwrap_or_default().to_vec()))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        check_object_key(key)?;
        Ok(lock(&self.objects).get_key_value(key).map(meta))
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.insert(key, body, Over::Anything)
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.insert(key, body, Over::Nothing)
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        check_object_prefix(prefix)?;
        check_object_prefix(after.unwrap_or_default())?;
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        Ok(lock(&self.objects)
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(meta)
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        check_object_key(key)?;
        lock(&self.objects).remove(key);
        Ok(())
    }
}

fn meta((key, body): (&String, &Arc<[u8]>)) -> ObjectMeta {
    ObjectMeta { key: key.clone(), len: body.len() as u64 }
}
