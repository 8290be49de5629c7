//! The twins on one machine: a data folder with one SQLite file and a folder of objects.
//!
//! ```text
//! rollcall-data/
//!   lock              held by the one writer, with its process id
//!   rollcall.sqlite   items, messages and wake-ups (and its -wal and -shm while in use)
//!   objects/          one file for each object, at its key
//!   objects/~tmp/     objects on their way; emptied by the next writer
//! ```
//!
//! There is one writer at a time, held off by a lock that ends with its process, however that
//! ends. Readers take no lock and read while it writes; a folder that is not there is an empty
//! store to them. What a put, a transaction or a send has returned for is on the disk: files and
//! their folders are synced, SQLite runs with a write-ahead log and full synchronisation.
//!
//! SQLite's calls are short, so they run where they are awaited, one at a time.
//!
//! **Never:** no reader creates or changes a file of the store (SQLite's own -wal and -shm aside);
//! no key leads out of `objects/`; nothing here reads a clock but the one handed in.

pub mod backup;
mod database;
mod files;
mod lock;
mod objects;
mod queue;
mod restore;
mod table;
mod wake;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Clock;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use backup::{Backup, backup};
pub use restore::restore;

use crate::port::{Objects, Queue, StoreError, Table, Wake};
use crate::stores::Stores;
use database::Fault;
use lock::Lock;
use objects::FolderObjects;
use queue::SqliteQueue;
use table::SqliteTable;
use wake::SqliteWake;

/// A data folder that is open. The lock of a writer lasts until the last handle on it, those of its
/// stores included, is dropped.
#[derive(Clone)]
pub struct DataDir {
    shared: Arc<Shared>,
}

/// What the stores of a data folder share.
struct Shared {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    /// A reader has none until the writer has made the file.
    database: Mutex<Option<Connection>>,
    /// One put or delete at a time makes and prunes folders.
    placing: Mutex<()>,
    /// Last, so that it outlives the connection when they are dropped.
    access: Access,
}

/// What a handle may do.
enum Access {
    Read,
    Write(#[expect(dead_code, reason = "held for its end: dropping it unlocks")] Lock),
}

impl DataDir {
    /// Opens the data folder at `path` to write and read, and makes it where it is absent (for this
    /// user only).
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] while another process (or handle) writes, [`StoreError::Damaged`]
    /// where the database is, [`StoreError::Unsupported`] where the path cannot be a data folder
    /// or was written by a newer version.
    pub fn open_writer(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let root = path.as_ref().to_owned();
        files::make_root(&root)?;
        let lock = Lock::take(&root)?;
        objects::prepare(&root)?;
        let connection = database::open_to_write(&root)?;
        Ok(Self::new(root, clock, Some(connection), Access::Write(lock)))
    }

    /// Opens the data folder at `path` to read. It takes no lock and creates nothing; where nothing
    /// is there, it is an empty store until something is.
    ///
    /// # Errors
    ///
    /// As [`DataDir::open_writer`], but never [`StoreError::Locked`]. What would write through it
    /// is [`StoreError::ReadOnly`].
    pub fn open_reader(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let root = path.as_ref().to_owned();
        let connection = database::open_to_read(&root)?;
        Ok(Self::new(root, clock, connection, Access::Read))
    }

    fn new(
        root: PathBuf,
        clock: Arc<dyn Clock>,
        connection: Option<Connection>,
        access: Access,
    ) -> Self {
        let database = Mutex::new(connection);
        let shared = Shared { root, clock, database, placing: Mutex::default(), access };
        Self { shared: Arc::new(shared) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.shared.root
    }

    /// Its objects.
    pub fn objects(&self) -> Arc<dyn Objects> {
        Arc::new(FolderObjects::new(self.shared.clone()))
    }

    /// Its table.
    pub fn table(&self) -> Arc<dyn Table> {
        Arc::new(SqliteTable::new(self.shared.clone()))
    }

    /// Its queue, on the clock that it was opened with.
    pub fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(SqliteQueue::new(self.shared.clone()))
    }

    /// Its wake-ups.
    pub fn wake(&self) -> Arc<dyn Wake> {
        Arc::new(SqliteWake::new(self.shared.clone()))
    }

    /// All four.
    pub fn stores(&self) -> Stores {
        Stores {
            objects: self.objects(),
            table: self.table(),
            queue: self.queue(),
            wake: self.wake(),
        }
    }

    /// Drops the items that have expired by now; returns how many those were. For the sweep:
    /// nothing else ever drops them.
    pub fn drop_expired(&self) -> Result<usize, StoreError> {
        let now = database::timestamp_text(self.shared.clock.now());
        self.shared.write("drop expired items", |transaction| {
            Ok(transaction.execute("DELETE FROM item WHERE expires <= ?1", [now])?)
        })
    }

    /// Overwrites what the database keeps of bytes that were deleted or replaced: free pages, the
    /// rest of used ones, its log. Takes the time and the room of writing the file once more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] while another process reads: the log still serves it.
    pub fn clear_deleted(&self) -> Result<(), StoreError> {
        let doing = "overwrite what was deleted";
        self.shared.may_write(doing)?;
        let database = lock(&self.shared.database);
        let Some(connection) = database.as_ref() else {
            return Err(StoreError::ReadOnly { doing });
        };
        database::clear_deleted(connection).map_err(|fault| fault.while_trying(doing))
    }

    /// Checks the whole database, as SQLite's `integrity_check` does: seconds for a large one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] with the first thing that does not fit.
    pub fn check_integrity(&self) -> Result<(), StoreError> {
        self.shared.read("check the database", database::check_integrity)
    }
}

impl std::fmt::Debug for DataDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataDir").field("path", &self.shared.root).finish_non_exhaustive()
    }
}

impl Shared {
    /// Whether something may be written.
    fn may_write(&self, doing: &'static str) -> Result<(), StoreError> {
        match self.access {
            Access::Write(_) => Ok(()),
            Access::Read => Err(StoreError::ReadOnly { doing }),
        }
    }

    /// Reads; nothing where there is no database yet.
    fn read<T: Default>(
        &self,
        doing: &'static str,
        reading: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut database = lock(&self.database);
        if database.is_none() {
            *database = database::open_to_read(&self.root)?;
        }
        let Some(connection) = database.as_ref() else { return Ok(T::default()) };
        reading(connection).map_err(|fault| fault.while_trying(doing))
    }

    /// Writes all that `writing` does, or, where it fails, nothing.
    fn write<T>(
        &self,
        doing: &'static str,
        writing: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.may_write(doing)?;
        let mut database = lock(&self.database);
        let Some(connection) = database.as_mut() else {
            return Err(StoreError::ReadOnly { doing });
        };
        transact(connection, writing).map_err(|fault| fault.while_trying(doing))
    }
}

fn transact<T>(
    connection: &mut Connection,
    writing: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = writing(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Locks. What a panicking thread began is rolled back when its transaction is dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
