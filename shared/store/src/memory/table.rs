//! `Table` in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

use ambient::Timestamp;
use async_trait::async_trait;

use super::lock;
use crate::port::{
    Condition, Item, ItemKey, PAGE_BYTES, Page, StoreError, Table, Write, check_item_key,
    check_writes,
};

/// Items in memory. They expire only when [`MemoryTable::drop_expired`] says so.
#[derive(Debug, Default)]
pub struct MemoryTable {
    items: Mutex<BTreeMap<ItemKey, Item>>,
}

impl MemoryTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// All items, by key.
    pub fn items(&self) -> Vec<Item> {
        lock(&self.items).values().cloned().collect()
    }

    /// Takes an item as it is, version and all: a copy of what another table holds.
    pub fn seed(&self, item: Item) {
        lock(&self.items).insert(item.key.clone(), item);
    }

    /// A table of its own with the same content.
    pub fn fork(&self) -> Self {
        Self { items: Mutex::new(lock(&self.items).clone()) }
    }

    /// Drops what has expired at `now`; returns how many items that were.
    pub fn drop_expired(&self, now: Timestamp) -> usize {
        let mut items = lock(&self.items);
        let before = items.len();
        items.retain(|_, item| item.expires.is_none_or(|expires| expires > now));
        before - items.len()
    }

    /// Does all of `writes` or none; returns the version that each key has after it, 0 where it
    /// is absent.
    fn write(&self, writes: Vec<Write>) -> Result<Vec<u64>, StoreError> {
        check_writes(&writes)?;
        let mut items = lock(&self.items);
        let mut versions = Vec::with_capacity(writes.len());
        for (index, write) in writes.iter().enumerate() {
            let current = items.get(write.key()).map(|item| item.version);
            if !write.condition().holds(current) {
                return Err(StoreError::ConditionFailed { key: write.key().to_string(), index });
            }
            versions.push(match write {
                Write::Put { .. } => current.unwrap_or(0) + 1,
                Write::Delete { .. } => 0,
                Write::Check { .. } => current.unwrap_or(0),
            });
        }
        for (write, version) in writes.into_iter().zip(&versions) {
            match write {
                Write::Put { key, body, expires, .. } => {
                    let item = Item { key: key.clone(), version: *version, body, expires };
                    items.insert(key, item);
                }
                Write::Delete { key, .. } => {
                    items.remove(&key);
                }
                Write::Check { .. } => {}
            }
        }
        Ok(versions)
    }
}

#[async_trait]
impl Table for MemoryTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        check_item_key(key)?;
        Ok(lock(&self.items).get(key).cloned())
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(ItemKey::new(pk, after)),
            _ => Bound::Included(ItemKey::new(pk, prefix)),
        };
        let items = lock(&self.items);
        let mut found = items
            .range((from, Bound::Unbounded))
            .map(|(_, item)| item)
            .take_while(|item| item.key.pk == pk && item.key.sk.starts_with(prefix))
            .peekable();
        let mut page = Page::default();
        let mut bytes = 0;
        while let Some(item) = found.next() {
            bytes += item.size();
            page.items.push(item.clone());
            let fits = |next: &&Item| bytes + next.size() <= PAGE_BYTES;
            let full = page.items.len() >= limit.max(1) || !found.peek().is_none_or(fits);
            if full {
                page.next = found.peek().map(|_| item.key.sk.clone());
                break;
            }
        }
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.write(writes).map(drop)
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        let write = Write::Put { key: key.clone(), body, condition, expires: None };
        Ok(self.write(vec![write])?.into_iter().sum())
    }
}
