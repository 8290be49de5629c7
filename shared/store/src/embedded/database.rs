//! The SQLite file: how it is made, opened and checked, and what its errors mean.

use std::path::Path;
use std::time::Duration;

use ambient::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files;
use crate::port::StoreError;

/// The file's name in the data folder.
pub(super) const FILE: &str = "rollcall.sqlite";
/// A new file until it is whole.
const NEW_FILE: &str = "~new.sqlite";
/// Marks the file as ours: `Roll`.
const APPLICATION_ID: i32 = 0x526f_6c6c;
/// The version of [`SCHEMA`].
const SCHEMA_VERSION: i32 = 1;

/// Times are texts like `2026-11-22T05:07:38.000000000Z`, which sort by time and can be read.
/// Message numbers are never used twice (`AUTOINCREMENT`), since receipts are made of them.
const SCHEMA: &str = "
    CREATE TABLE item (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        version INTEGER NOT NULL,
        expires TEXT,
        body BLOB NOT NULL,
        PRIMARY KEY (pk, sk)
    ) STRICT;
    CREATE INDEX item_expires ON item (expires) WHERE expires IS NOT NULL;

    CREATE TABLE message (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        name TEXT NOT NULL,
        dedup TEXT NOT NULL,
        body TEXT NOT NULL,
        receive_count INTEGER NOT NULL,
        visible TEXT NOT NULL
    ) STRICT;
    CREATE INDEX message_group ON message (queue, name, number);

    CREATE TABLE sent (
        queue TEXT NOT NULL,
        dedup TEXT NOT NULL,
        first TEXT NOT NULL,
        PRIMARY KEY (queue, dedup)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sent_first ON sent (first);

    CREATE TABLE wake (
        integration TEXT NOT NULL,
        reason TEXT NOT NULL,
        due TEXT NOT NULL,
        PRIMARY KEY (integration, reason)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX wake_due ON wake (due);
";

/// How long a call waits for another process, for instance one that ends its log.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The write-ahead log is cut back to this size, in bytes, once it has been larger.
const LOG_SIZE: i64 = 64 << 20;
/// Statements that stay prepared: more than there are different ones.
const STATEMENTS: usize = 32;

/// Opens the file of the data folder `root`, made where it is absent. The caller holds the lock.
pub(super) fn open_to_write(root: &Path) -> Result<Connection, StoreError> {
    let doing = "open the database";
    if !is_there(root)? {
        create(root)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(&root.join(FILE), flags)?;
    make_durable(&connection).map_err(|fault| fault.while_trying(doing))?;
    Ok(connection)
}

/// Opens the file of the data folder `root`; `None` where there is none.
pub(super) fn open_to_read(root: &Path) -> Result<Option<Connection>, StoreError> {
    if !is_there(root)? {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(&root.join(FILE), flags).map(Some)
}

/// Whether the file is there. Its log without it would be replayed over a new file, and an empty
/// file is none that this program has made.
fn is_there(root: &Path) -> Result<bool, StoreError> {
    let len = |path: &Path| match std::fs::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if files::is_absent(&error) => Ok(None),
        Err(error) => Err(files::fault("look for the database", error)),
    };
    let damaged = |reason: String| {
        let reason = format!("{reason}: restore it from a backup");
        Err(StoreError::Damaged { what: FILE.to_owned(), reason })
    };
    match len(&root.join(FILE))? {
        Some(0) => damaged("it is empty".to_owned()),
        Some(_) => Ok(true),
        None if len(&root.join(format!("{FILE}-wal")))?.is_some() => {
            damaged(format!("only its log, {FILE}-wal, is there"))
        }
        None => Ok(false),
    }
}

/// Makes the file under another name and moves it into place once it is whole, so that neither a
/// crash nor a reader ever meets half of one.
fn create(root: &Path) -> Result<(), StoreError> {
    let doing = "create the database";
    let new = root.join(NEW_FILE);
    for rest in ["", "-wal", "-shm", "-journal"] {
        files::remove_if_there(&root.join(format!("{NEW_FILE}{rest}")))?;
    }
    files::create_private(&new).map_err(|error| files::fault(doing, error))?;
    let connection = Connection::open(&new).map_err(|error| fault(doing, error))?;
    let build = || -> Result<(), Fault> {
        make_durable(&connection)?;
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        Ok(())
    };
    build().map_err(|fault| fault.while_trying(doing))?;
    // The last connection takes the log into the file and removes it.
    connection.close().map_err(|(_, error)| fault(doing, error))?;
    std::fs::rename(&new, root.join(FILE)).map_err(|error| files::fault(doing, error))?;
    files::sync_folder(root).map_err(|error| files::fault(doing, error))
}

fn make_durable(connection: &Connection) -> Result<(), Fault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let reason = "its file system does not allow a write-ahead log: keep it on a local disk";
        let what = FILE.to_owned();
        return Err(Fault::Store(StoreError::Unsupported { what, reason: reason.to_owned() }));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", LOG_SIZE)?;
    Ok(())
}

/// Opens the file at `path`, which must be one of ours and of a version that we know.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let doing = "open the database";
    let connection = Connection::open_with_flags(path, flags).map_err(|e| fault(doing, e))?;
    let check = || -> Result<(), Fault> {
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        check_version(number("application_id")?, number("user_version")?).map_err(Fault::Store)
    };
    check().map_err(|fault| fault.while_trying(doing))?;
    Ok(connection)
}

fn check_version(application_id: i32, version: i32) -> Result<(), StoreError> {
    let reason = if application_id != APPLICATION_ID {
        "it is a database of another program".to_owned()
    } else if version > SCHEMA_VERSION {
        format!(
            "it has schema version {version} and this program knows {SCHEMA_VERSION}: use a newer \
             rollcall"
        )
    } else if version < SCHEMA_VERSION {
        format!("it has schema version {version}, which no rollcall has written")
    } else {
        return Ok(());
    };
    Err(StoreError::Unsupported { what: FILE.to_owned(), reason })
}

/// Has SQLite check the whole file.
pub(super) fn check_integrity(connection: &Connection) -> Result<(), Fault> {
    let first: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if first == "ok" {
        return Ok(());
    }
    Err(Fault::Store(StoreError::Damaged { what: FILE.to_owned(), reason: first }))
}

/// Writes the whole file anew, and takes the log into it until nothing is left of that.
pub(super) fn clear_deleted(connection: &Connection) -> Result<(), Fault> {
    // The copy that is written on the way holds all of it: it stays in memory.
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch("VACUUM")?;
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let source = "another process is reading; the next sweep tries again".into();
        let doing = "cut back the database's log";
        return Err(Fault::Store(StoreError::Unavailable { doing, source }));
    }
    Ok(())
}

/// `time` as the file holds it.
pub(super) fn timestamp_text(time: Timestamp) -> String {
    format!("{time:.9}")
}

/// The time in a column.
pub(super) fn timestamp(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// What ends a reading or writing early.
pub(super) enum Fault {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// We say so.
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// The port's error for it.
    pub(super) fn while_trying(self, doing: &'static str) -> StoreError {
        match self {
            Self::Sqlite(error) => fault(doing, error),
            Self::Store(error) => error,
        }
    }
}

/// The port's error for SQLite's.
pub(super) fn fault(doing: &'static str, error: rusqlite::Error) -> StoreError {
    use rusqlite::Error as Sql;
    use rusqlite::ffi;

    let damaged = |reason: String| StoreError::Damaged { what: FILE.to_owned(), reason };
    match &error {
        Sql::FromSqlConversionFailure(..)
        | Sql::IntegralValueOutOfRange(..)
        | Sql::InvalidColumnType(..)
        | Sql::Utf8Error(..) => return damaged(error.to_string()),
        // A table or column that the schema of this version has is missing.
        Sql::SqliteFailure(failure, Some(text))
            if failure.code == ErrorCode::Unknown && text.starts_with("no such") =>
        {
            return damaged(text.clone());
        }
        _ => {}
    }
    match error.sqlite_error() {
        Some(failure) if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
            StoreError::Full { doing }
        }
        Some(failure) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full { doing },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => damaged(error.to_string()),
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
                let reason = format!("{error}: check who owns it and the folder it is in");
                StoreError::Unsupported { what: FILE.to_owned(), reason }
            }
            _ => StoreError::Unavailable { doing, source: Box::new(error) },
        },
        None => StoreError::Unavailable { doing, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE fill (body BLOB); PRAGMA max_page_count = 4")
            .unwrap();
        let error = connection
            .execute("INSERT INTO fill VALUES (zeroblob(100000))", [])
            .expect_err("four pages cannot hold it");
        assert!(matches!(fault("try", error), StoreError::Full { doing: "try" }));
    }

    #[test]
    fn what_cannot_be_read_is_damaged() {
        let connection = Connection::open_in_memory().unwrap();
        let column = connection.query_row("SELECT 'soon'", [], |row| timestamp(row, 0));
        assert!(matches!(fault("try", column.unwrap_err()), StoreError::Damaged { .. }));
        let table = connection.execute("DELETE FROM item", []).unwrap_err();
        assert!(matches!(fault("try", table), StoreError::Damaged { .. }));
    }

    #[test]
    fn time_texts_sort_by_time_and_keep_it() {
        let times = [0, 1, 999_999_999, 1_000_000_000, 1_795_000_000_000_000_001_i128]
            .map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap());
        let texts = times.map(timestamp_text);
        assert!(texts.is_sorted());
        assert_eq!(texts.map(|text| text.parse::<Timestamp>().unwrap()), times);
    }
}
