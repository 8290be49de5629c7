//! A backup of a data folder: one archive, taken also while a writer writes.
//!
//! It is a tar archive, compressed with zstd, so that `tar --zstd -tvf` can look into it:
//!
//! | entry | content |
//! |---|---|
//! | `rollcall-backup` | first: `rollcall backup, format 1` |
//! | `data/...` | the files: databases first, then the others by path |
//! | `rollcall-manifest` | last: a line `BLAKE3  LENGTH  PATH` for each file, paths without `data/` |
//!
//! An archive without its manifest, or with another content than it says, is refused by
//! [`super::restore()`]. The checksums find damage; they are no signature.
//!
//! The database is taken first, as one consistent state. Objects are never changed and are written
//! before anything refers to them, so all that this state refers to is there afterwards, unless it
//! is deleted in these moments. Other SQLite files (`*.sqlite`, such as the sandbox's) are taken as
//! consistent states too. Left out are locks, what is not finished (`~*`), links and special files.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{database, files, lock, objects};
use crate::port::StoreError;

/// The archive's first entry.
pub(super) const HEADER: &str = "rollcall-backup";
/// What it says before the version.
pub(super) const HEADER_TEXT: &str = "rollcall backup, format ";
/// The version that is written.
pub(super) const FORMAT: u32 = 1;
/// The archive's last entry.
pub(super) const MANIFEST: &str = "rollcall-manifest";
/// What the files' names begin with.
pub(super) const FILES: &str = "data/";
/// zstd's level: most of the content is compressed already.
const LEVEL: i32 = 3;

/// What a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backup {
    /// How many files.
    pub files: usize,
    /// Their length in bytes, before compression.
    pub bytes: u64,
}

/// Writes a backup of the data folder `data_dir` to `to_file`, which must not be there yet and not
/// be in the folder. It appears once it is whole and on the disk.
///
/// # Errors
///
/// [`StoreError::Unsupported`] where there is no data folder or `to_file` cannot be it,
/// [`StoreError::Unavailable`] where a file changed while it was read, and what reading and writing
/// can give.
pub fn backup(data_dir: &Path, to_file: &Path) -> Result<Backup, StoreError> {
    let doing = "write the backup";
    check_places(data_dir, to_file)?;
    let folder = files::parent(to_file);
    let written = |error| files::fault(doing, error);
    // Beside the archive, since the data folder may be on a full disk or not ours to write.
    let beside = files::passing_folder(folder, "~rollcall-backup-").map_err(written)?;
    let file = tempfile::NamedTempFile::new_in(folder).map_err(written)?;

    let compressed = compressor(file.as_file()).map_err(written)?;
    let mut archive = Archive::new(compressed);
    archive.text(HEADER, &format!("{HEADER_TEXT}{FORMAT}\n")).map_err(written)?;
    let (databases, others): (Vec<_>, Vec<_>) =
        found(data_dir)?.into_iter().partition(|path| is_database(path));
    for path in databases {
        let copy = beside.path().join("copy.sqlite");
        let connection = open_database(data_dir, &path)?;
        copy_database(&connection, &copy)?;
        archive.file(&path, &copy)?;
        fs::remove_file(&copy).map_err(written)?;
    }
    for path in others {
        archive.file(&path, &data_dir.join(&path))?;
    }
    let backup = archive.finish().map_err(written)?;

    file.as_file().sync_all().map_err(written)?;
    file.persist_noclobber(to_file).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => taken(to_file),
        _ => files::fault(doing, error.error),
    })?;
    files::sync_folder(folder).map_err(written)?;
    Ok(backup)
}

fn check_places(data_dir: &Path, to_file: &Path) -> Result<(), StoreError> {
    let unsupported = |what: &Path, reason: &str| StoreError::Unsupported {
        what: format!("`{}`", what.display()),
        reason: reason.to_owned(),
    };
    if !data_dir.join(database::FILE).is_file() {
        return Err(unsupported(data_dir, "there is no data folder of rollcall here"));
    }
    if fs::symlink_metadata(to_file).is_ok() {
        return Err(taken(to_file));
    }
    let real = |path: &Path| fs::canonicalize(path);
    match (real(data_dir), real(files::parent(to_file))) {
        (Ok(data), Ok(folder)) if folder.starts_with(&data) => {
            Err(unsupported(to_file, "it is in the data folder: keep backups outside of it"))
        }
        (Ok(_), Ok(_)) => Ok(()),
        (_, Err(_)) => Err(unsupported(to_file, "the folder for it does not exist")),
        (Err(error), _) => Err(files::fault("find the data folder", error)),
    }
}

fn taken(to_file: &Path) -> StoreError {
    let reason = "it is there already: name a new file".to_owned();
    StoreError::Unsupported { what: format!("`{}`", to_file.display()), reason }
}

/// The files that a backup holds, as paths with `/` from the data folder on, in order.
fn found(data_dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut paths = Vec::new();
    collect(data_dir, "", &mut paths)?;
    paths.sort_unstable();
    Ok(paths)
}

fn collect(folder: &Path, base: &str, paths: &mut Vec<String>) -> Result<(), StoreError> {
    let failed = |error| files::fault("list the data folder", error);
    let entries = match fs::read_dir(folder) {
        // Emptied and removed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound && !base.is_empty() => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.contains(char::is_control)) else {
            let reason = "a backup takes only names that are text: rename or remove it".to_owned();
            return Err(StoreError::Unsupported { what: format!("`{base}{name:?}`"), reason });
        };
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && !name.starts_with('~') {
            collect(&folder.join(name), &format!("{base}{name}/"), paths)?;
        } else if kind.is_file() && is_kept(base, name) {
            paths.push(format!("{base}{name}"));
        }
    }
    Ok(())
}

/// Whether a backup holds the file `name` in the folder `base`. Every object is one that it holds.
fn is_kept(base: &str, name: &str) -> bool {
    if name.starts_with('~') {
        return false;
    }
    if in_objects(base) {
        return true;
    }
    let is_lock = name == lock::FILE && base.matches('/').count() <= 1;
    let is_log = [".sqlite-wal", ".sqlite-shm", ".sqlite-journal"]
        .iter()
        .any(|ending| name.ends_with(ending));
    !is_lock && !is_log
}

fn is_database(path: &str) -> bool {
    path.ends_with(".sqlite") && !in_objects(path)
}

fn in_objects(path: &str) -> bool {
    path.strip_prefix(objects::FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// Opens a database of the data folder to read. The file itself is never opened but by SQLite:
/// closing it would end the locks that this process has on it.
fn open_database(data_dir: &Path, path: &str) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if path == database::FILE {
        return database::open(&data_dir.join(path), flags);
    }
    Connection::open_with_flags(data_dir.join(path), flags)
        .map_err(|error| database::fault("open a database", error))
}

/// Copies one consistent state, whoever writes meanwhile.
fn copy_database(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    connection
        .busy_timeout(database::PATIENCE)
        .and_then(|()| connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]))
        .map_err(|error| database::fault("copy the database", error))?;
    Ok(())
}

type Compressor<'a> = zstd::Encoder<'static, BufWriter<&'a File>>;

fn compressor(file: &File) -> io::Result<Compressor<'_>> {
    let mut compressor = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// An archive that is being written.
struct Archive<'a> {
    tar: tar::Builder<Compressor<'a>>,
    manifest: String,
    backup: Backup,
}

impl<'a> Archive<'a> {
    fn new(compressor: Compressor<'a>) -> Self {
        let tar = tar::Builder::new(compressor);
        Self { tar, manifest: String::new(), backup: Backup::default() }
    }

    /// Adds the file `from` as `path`. One that is gone meanwhile is left out.
    fn file(&mut self, path: &str, from: &Path) -> Result<(), StoreError> {
        let failed = |error| files::fault("copy a file into the backup", error);
        let file = match File::open(from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file.map_err(failed)?,
        };
        let len = file.metadata().map_err(failed)?.len();
        let mut content = Hashed { file: file.take(len), hasher: blake3::Hasher::new(), len: 0 };
        self.tar
            .append_data(&mut header(len), format!("{FILES}{path}"), &mut content)
            .map_err(failed)?;
        if content.len != len {
            let changed = io::Error::other(format!("`{path}` was cut while it was read"));
            return Err(failed(changed));
        }
        let sum = content.hasher.finalize();
        self.manifest.push_str(&format!("{}  {len}  {path}\n", sum.to_hex()));
        self.backup.files += 1;
        self.backup.bytes += len;
        Ok(())
    }

    fn text(&mut self, path: &str, text: &str) -> io::Result<()> {
        self.tar.append_data(&mut header(text.len() as u64), path, text.as_bytes())
    }

    fn finish(mut self) -> io::Result<Backup> {
        let manifest = std::mem::take(&mut self.manifest);
        self.text(MANIFEST, &manifest)?;
        self.tar.into_inner()?.finish()?.flush()?;
        Ok(self.backup)
    }
}

/// The same content always gives the same archive: no time and no owner is in it.
fn header(len: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(len);
    header
}

/// Reads and sums up.
struct Hashed {
    file: io::Take<File>,
    hasher: blake3::Hasher,
    len: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.len += read as u64;
        Ok(read)
    }
}
