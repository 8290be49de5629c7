//! `Wake` in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::Shared;
use super::database::{Fault, timestamp, timestamp_text};
use crate::port::{StoreError, Wake, WakeUp};

/// Wake-ups in SQLite.
pub(super) struct SqliteWake {
    shared: Arc<Shared>,
}

impl SqliteWake {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl Wake for SqliteWake {
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError> {
        self.shared.write("set a wake-up", |transaction| {
            let sql = "
                INSERT INTO wake (integration, reason, due) VALUES (?1, ?2, ?3)
                ON CONFLICT (integration, reason) DO UPDATE SET due = excluded.due";
            let due = timestamp_text(wake.due);
            let mut statement = transaction.prepare_cached(sql)?;
            statement.execute(params![wake.integration, wake.reason, due])?;
            Ok(())
        })
    }

    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError> {
        let sql = "
            SELECT due, integration, reason FROM wake WHERE integration = ?1
            ORDER BY due, integration, reason";
        self.shared.read("read wake-ups", |connection| matching(connection, sql, integration))
    }

    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError> {
        self.shared.write("clear a wake-up", |transaction| {
            let sql = "DELETE FROM wake WHERE integration = ?1 AND reason = ?2 AND due = ?3";
            let due = timestamp_text(wake.due);
            let mut statement = transaction.prepare_cached(sql)?;
            statement.execute(params![wake.integration, wake.reason, due])?;
            Ok(())
        })
    }
}

fn matching(connection: &Connection, sql: &str, value: &str) -> Result<Vec<WakeUp>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let wakes = statement.query_map([value], |row| {
        Ok(WakeUp { due: timestamp(row, 0)?, integration: row.get(1)?, reason: row.get(2)? })
    })?;
    Ok(wakes.collect::<Result<_, _>>()?)
}
