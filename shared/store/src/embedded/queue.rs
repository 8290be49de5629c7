//! `Queue` in SQLite.

use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};

use super::Shared;
use super::database::{Fault, timestamp_text};
use crate::port::{
    DEDUP_WINDOW, Message, Queue, QueueName, StoreError, check_message, check_visibility,
};

/// A queue in SQLite.
pub(super) struct SqliteQueue {
    shared: Arc<Shared>,
}

impl SqliteQueue {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(
        &self,
        queue: QueueName,
        group: &str,
        dedup: &str,
        body: &str,
    ) -> Result<(), StoreError> {
        check_message(group, dedup, body)?;
        let now = self.now();
        let forgotten = now.saturating_sub(DEDUP_WINDOW).unwrap_or(Timestamp::MIN);
        self.shared.write("send a message", |transaction| {
            transaction
                .prepare_cached("DELETE FROM sent WHERE first <= ?1")?
                .execute([timestamp_text(forgotten)])?;
            let now = timestamp_text(now);
            let is_first = transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO sent (queue, dedup, first) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![name(queue), dedup, now])?;
            if is_first == 1 {
                let sql = "
                    INSERT INTO message (queue, name, dedup, body, receive_count, visible)
                    VALUES (?1, ?2, ?3, ?4, 0, ?5)";
                let mut statement = transaction.prepare_cached(sql)?;
                statement.execute(params![name(queue), group, dedup, body, now])?;
            }
            Ok(())
        })
    }

    async fn receive(
        &self,
        queue: QueueName,
        visibility: Duration,
        max_receives: u32,
    ) -> Result<Option<Message>, StoreError> {
        check_visibility(visibility)?;
        let now = self.now();
        // Without a write lock first: a worker looks far more often than it finds.
        let any: bool = self.shared.read("look for a message", |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE queue = ?1)";
            Ok(connection.prepare_cached(sql)?.query_row([name(queue)], |row| row.get(0))?)
        })?;
        if !any {
            return Ok(None);
        }
        self.shared.write("receive a message", |transaction| {
            while let Some((number, mut message)) = next_visible(transaction, queue, now)? {
                if queue != QueueName::DeadLetter && message.receive_count >= max_receives {
                    bury(transaction, number)?;
                    continue;
                }
                message.receive_count += 1;
                message.receipt = format_receipt(number, message.receive_count);
                let visible = timestamp_text(later(now, visibility));
                let sql = "UPDATE message SET receive_count = ?2, visible = ?3 WHERE number = ?1";
                let mut statement = transaction.prepare_cached(sql)?;
                statement.execute(params![number, message.receive_count, visible])?;
                return Ok(Some(message));
            }
            Ok(None)
        })
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), StoreError> {
        let Some((number, count)) = parse_receipt(receipt) else { return Ok(()) };
        self.shared.write("acknowledge a message", |transaction| {
            let sql = "DELETE FROM message WHERE number = ?1 AND queue = ?2 AND receive_count = ?3";
            transaction.prepare_cached(sql)?.execute(params![number, name(queue), count])?;
            Ok(())
        })
    }

    async fn extend(
        &self,
        queue: QueueName,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), StoreError> {
        check_visibility(visibility)?;
        let now = self.now();
        let lapsed = || StoreError::ConditionFailed { key: receipt.to_owned(), index: 0 };
        let (number, count) = parse_receipt(receipt).ok_or_else(lapsed)?;
        self.shared.write("extend a visibility", |transaction| {
            let sql = "
                UPDATE message SET visible = ?5
                WHERE number = ?1 AND queue = ?2 AND receive_count = ?3 AND visible > ?4";
            let visible = timestamp_text(later(now, visibility));
            let now = timestamp_text(now);
            let mut statement = transaction.prepare_cached(sql)?;
            match statement.execute(params![number, name(queue), count, now, visible])? {
                0 => Err(Fault::Store(lapsed())),
                _ => Ok(()),
            }
        })
    }
}

/// The first visible message whose group has none before it: only such a one can be received or
/// out. Its receipt is still empty.
fn next_visible(
    transaction: &Transaction<'_>,
    queue: QueueName,
    now: Timestamp,
) -> Result<Option<(i64, Message)>, Fault> {
    let sql = "
        SELECT number, name, dedup, body, receive_count FROM message AS this
        WHERE queue = ?1 AND visible <= ?2 AND NOT EXISTS (
            SELECT 1 FROM message AS earlier
            WHERE earlier.queue = ?1 AND earlier.name = this.name AND earlier.number < this.number
        )
        ORDER BY number LIMIT 1";
    let mut statement = transaction.prepare_cached(sql)?;
    let found = statement.query_row(params![name(queue), timestamp_text(now)], |row| {
        let message = Message {
            receipt: String::new(),
            group: row.get(1)?,
            dedup: row.get(2)?,
            body: row.get(3)?,
            receive_count: row.get(4)?,
        };
        Ok((row.get(0)?, message))
    });
    Ok(found.optional()?)
}

/// Moves a message to the end of the dead-letter queue.
fn bury(transaction: &Transaction<'_>, number: i64) -> Result<(), Fault> {
    let sql = "
        INSERT INTO message (queue, name, dedup, body, receive_count, visible)
        SELECT ?2, name, dedup, body, receive_count, visible FROM message WHERE number = ?1";
    let dead = name(QueueName::DeadLetter);
    transaction.prepare_cached(sql)?.execute(params![number, dead])?;
    transaction.prepare_cached("DELETE FROM message WHERE number = ?1")?.execute([number])?;
    Ok(())
}

/// What the file calls a queue.
fn name(queue: QueueName) -> &'static str {
    match queue {
        QueueName::Plan => "plan",
        QueueName::Deliver => "deliver",
        QueueName::DeadLetter => "dead-letter",
    }
}

/// `time` and `duration`, or the end of time.
fn later(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// A receipt names the message and which of its receptions it was.
fn format_receipt(number: i64, count: u32) -> String {
    format!("{number}.{count}")
}

fn parse_receipt(receipt: &str) -> Option<(i64, u32)> {
    let (number, count) = receipt.split_once('.')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}
