//! `Table` in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Shared;
use super::database::{Fault, timestamp, timestamp_text};
use crate::port::{
    Condition, Item, ItemKey, PAGE_BYTES, Page, StoreError, Table, Write, check_item_key,
    check_writes,
};

/// Items in SQLite.
pub(super) struct SqliteTable {
    shared: Arc<Shared>,
}

impl SqliteTable {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn write(&self, writes: &[Write]) -> Result<u64, StoreError> {
        check_writes(writes)?;
        self.shared.write("write items", |transaction| {
            let mut version = 0;
            for (index, write) in writes.iter().enumerate() {
                version = apply(transaction, index, write)?;
            }
            Ok(version)
        })
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        check_item_key(key)?;
        self.shared.read("read an item", |connection| {
            let sql = "SELECT sk, version, expires, body FROM item WHERE pk = ?1 AND sk = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_row([&key.pk, &key.sk], |row| item(&key.pk, row));
            Ok(found.optional()?)
        })
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.shared.read("query items", |connection| page(connection, pk, prefix, after, limit))
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.write(&writes).map(drop)
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.write(&[Write::Put { key: key.clone(), body, condition, expires: None }])
    }
}

/// Does one write; returns the version that the item has after it, 0 where it is absent.
fn apply(transaction: &Transaction<'_>, index: usize, write: &Write) -> Result<u64, Fault> {
    let key = write.key();
    let current: Option<u64> = transaction
        .prepare_cached("SELECT version FROM item WHERE pk = ?1 AND sk = ?2")?
        .query_row([&key.pk, &key.sk], |row| version(row, 0))
        .optional()?;
    if !write.condition().holds(current) {
        let key = key.to_string();
        return Err(Fault::Store(StoreError::ConditionFailed { key, index }));
    }
    match write {
        Write::Put { body, expires, .. } => {
            let version = current.unwrap_or(0).saturating_add(1);
            let sql = "
                INSERT INTO item (pk, sk, version, expires, body) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (pk, sk) DO UPDATE
                SET version = excluded.version, expires = excluded.expires, body = excluded.body";
            let stored = i64::try_from(version).unwrap_or(i64::MAX);
            let expires = expires.map(timestamp_text);
            let mut statement = transaction.prepare_cached(sql)?;
            statement.execute(params![key.pk, key.sk, stored, expires, body])?;
            Ok(version)
        }
        Write::Delete { .. } => {
            let sql = "DELETE FROM item WHERE pk = ?1 AND sk = ?2";
            transaction.prepare_cached(sql)?.execute([&key.pk, &key.sk])?;
            Ok(0)
        }
        Write::Check { .. } => Ok(current.unwrap_or(0)),
    }
}

fn page(
    connection: &Connection,
    pk: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, Fault> {
    // Two statements, so that each is one range of the index. Neither has an upper end: the rows
    // are taken one by one until one no longer begins with the prefix.
    let (sql, from) = match after {
        Some(after) if after >= prefix => (
            "SELECT sk, version, expires, body FROM item WHERE pk = ?1 AND sk > ?2 ORDER BY sk",
            after,
        ),
        _ => (
            "SELECT sk, version, expires, body FROM item WHERE pk = ?1 AND sk >= ?2 ORDER BY sk",
            prefix,
        ),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([pk, from])?;
    let mut page = Page::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let item = item(pk, row)?;
        if !item.key.sk.starts_with(prefix) {
            break;
        }
        bytes += item.size();
        if let Some(last) = page.items.last()
            && (page.items.len() >= limit || bytes > PAGE_BYTES)
        {
            page.next = Some(last.key.sk.clone());
            break;
        }
        page.items.push(item);
    }
    Ok(page)
}

fn item(pk: &str, row: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
    let expires = match row.get_ref(2)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(timestamp(row, 2)?),
    };
    let key = ItemKey::new(pk, row.get::<_, String>(0)?);
    Ok(Item { key, version: version(row, 1)?, body: row.get(3)?, expires })
}

fn version(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let stored: i64 = row.get(column)?;
    u64::try_from(stored).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, stored))
}
