//! A store that reads another and writes beside it: what `rollcall plan` runs on, so that a
//! preview takes the very steps of a sync and leaves no trace.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Clock;
use async_trait::async_trait;

use crate::{
    Condition, Item, ItemKey, MemoryObjects, MemoryTable, ObjectMeta, Objects, Page, StoreError,
    Stores, Table, Write,
};

/// `base`, to be read; every write goes into memory. Queue and wake-ups start empty.
pub fn overlay(base: &Stores, clock: Arc<dyn Clock>) -> Stores {
    let memory = Stores::memory(clock);
    Stores {
        objects: Arc::new(OverlayObjects {
            base: Arc::clone(&base.objects),
            top: MemoryObjects::default(),
            gone: Mutex::default(),
        }),
        table: Arc::new(OverlayTable {
            base: Arc::clone(&base.table),
            top: MemoryTable::default(),
            touched: Mutex::default(),
        }),
        queue: memory.queue,
        wake: memory.wake,
    }
}

/// A key that was written is copied up first and lives in memory from then on.
struct OverlayTable {
    base: Arc<dyn Table>,
    top: MemoryTable,
    touched: Mutex<BTreeSet<ItemKey>>,
}

impl OverlayTable {
    fn is_touched(&self, key: &ItemKey) -> bool {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Brings the item of `key` up as it is, version and all, before its first write.
    async fn copy_up(&self, key: &ItemKey) -> Result<(), StoreError> {
        if self.is_touched(key) {
            return Ok(());
        }
        if let Some(item) = self.base.get(key).await? {
            self.top.seed(item);
        }
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Ok(())
    }
}

#[async_trait]
impl Table for OverlayTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        if self.is_touched(key) { self.top.get(key).await } else { self.base.get(key).await }
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let below = self.base.query(pk, prefix, after, limit).await?;
        let above = self.top.query(pk, prefix, after, limit).await?;
        // Past the end of a page that goes on, this page cannot speak for its side.
        let end = [&below.next, &above.next].into_iter().flatten().min().cloned();
        let kept = below.items.into_iter().filter(|item| !self.is_touched(&item.key));
        let mut items: Vec<Item> = kept.chain(above.items).collect();
        items.sort_by(|a, b| a.key.sk.cmp(&b.key.sk));
        items.retain(|item| end.as_ref().is_none_or(|end| item.key.sk <= *end));
        let cut = items.len() > limit;
        items.truncate(limit);
        let next = if cut { items.last().map(|item| item.key.sk.clone()) } else { end };
        Ok(Page { items, next })
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        for write in &writes {
            let (Write::Put { key, .. } | Write::Delete { key, .. } | Write::Check { key, .. }) =
                write;
            self.copy_up(key).await?;
        }
        self.top.transact(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.copy_up(key).await?;
        self.top.put(key, body, condition).await
    }
}

struct OverlayObjects {
    base: Arc<dyn Objects>,
    top: MemoryObjects,
    gone: Mutex<BTreeSet<String>>,
}

impl OverlayObjects {
    fn is_gone(&self, key: &str) -> bool {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
}

#[async_trait]
impl Objects for OverlayObjects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.top.get(key).await? {
            None if self.is_gone(key) => Ok(None),
            None => self.base.get(key).await,
            found => Ok(found),
        }
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        match self.top.get_range(key, range.clone()).await? {
            None if self.is_gone(key) => Ok(None),
            None => self.base.get_range(key, range).await,
            found => Ok(found),
        }
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        match self.top.head(key).await? {
            None if self.is_gone(key) => Ok(None),
            None => self.base.head(key).await,
            found => Ok(found),
        }
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.top.put(key, body).await
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        if self.head(key).await?.is_some() {
            return Err(StoreError::ConditionFailed { key: key.into(), index: 0 });
        }
        self.top.put_if_absent(key, body).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let above = self.top.list(prefix, after, limit).await?;
        let mut below = Vec::new();
        let mut from = after.map(str::to_owned);
        // Removed objects do not count, so the base may have to be asked again.
        while below.len() < limit {
            let page = self.base.list(prefix, from.as_deref(), limit).await?;
            let Some(last) = page.last() else { break };
            from = Some(last.key.clone());
            below.extend(page.into_iter().filter(|meta| !self.is_gone(&meta.key)));
        }
        below.retain(|meta| above.iter().all(|other| other.key != meta.key));
        let mut all: Vec<ObjectMeta> = above.into_iter().chain(below).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all.truncate(limit);
        Ok(all)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        self.top.delete(key).await
    }
}
