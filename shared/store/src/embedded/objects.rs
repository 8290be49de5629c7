//! `Objects` in a folder: one file for each, at its key.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::NamedTempFile;

use super::{Shared, files, lock};
use crate::port::{ObjectMeta, Objects, StoreError, check_object_key, check_object_prefix};

/// The folder's name in the data folder.
pub(super) const FOLDER: &str = "objects";
/// The folder in it for what is not whole yet: no key has a `~`.
const UNFINISHED: &str = "~tmp";

/// Makes the folder ready for a writer, and removes what an earlier one did not finish.
pub(super) fn prepare(root: &Path) -> Result<(), StoreError> {
    let objects = root.join(FOLDER);
    let unfinished = objects.join(UNFINISHED);
    let prepare = || -> io::Result<()> {
        files::make_folder(&objects)?;
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        files::make_folder(&unfinished)
    };
    prepare().map_err(|error| files::fault("prepare the folder of objects", error))
}

/// Objects in a folder.
pub(super) struct FolderObjects {
    shared: Arc<Shared>,
    folder: PathBuf,
}

impl FolderObjects {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let folder = shared.root.join(FOLDER);
        Self { shared, folder }
    }

    /// The file of an object and its length.
    fn open(&self, key: &str) -> Result<Option<(File, u64)>, StoreError> {
        check_object_key(key)?;
        let open = || -> io::Result<Option<(File, u64)>> {
            let file = File::open(self.folder.join(key))?;
            let found = file.metadata()?;
            Ok(found.is_file().then_some((file, found.len())))
        };
        match open() {
            Err(error) if files::is_absent(&error) => Ok(None),
            result => result.map_err(|error| files::fault("open an object", error)),
        }
    }

    /// Writes beside, then moves into place: a reader or a crash sees all of it or none.
    fn place(&self, key: &str, body: &[u8], over: Over) -> Result<(), StoreError> {
        let doing = "write an object";
        check_object_key(key)?;
        self.shared.may_write(doing)?;
        let file = self.write_beside(body).map_err(|error| files::fault(doing, error))?;
        let placing = lock(&self.shared.placing);
        let target = self.folder.join(key);
        if target.is_dir() {
            return Err(within(key));
        }
        let place = || -> io::Result<()> {
            self.make_folders(key)?;
            match over {
                Over::Anything => file.persist(&target)?,
                Over::Nothing => file.persist_noclobber(&target)?,
            };
            files::sync_folder(files::parent(&target))
        };
        let placed = place();
        drop(placing);
        placed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                StoreError::ConditionFailed { key: key.to_owned(), index: 0 }
            }
            ErrorKind::NotADirectory => within(key),
            _ => files::fault(doing, error),
        })
    }

    fn write_beside(&self, body: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(self.folder.join(UNFINISHED))?;
        file.write_all(body)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn make_folders(&self, key: &str) -> io::Result<()> {
        key.match_indices('/')
            .try_for_each(|(at, _)| files::make_folder(&self.folder.join(&key[..at])))
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        let _placing = lock(&self.shared.placing);
        let target = self.folder.join(key);
        if !fs::symlink_metadata(&target)?.is_file() {
            return Ok(());
        }
        fs::remove_file(&target)?;
        files::sync_folder(files::parent(&target))?;
        // Folders that this emptied go too. That one is not empty, or cannot be removed, ends it.
        for (at, _) in key.rmatch_indices('/') {
            if fs::remove_dir(self.folder.join(&key[..at])).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// What a put may replace.
enum Over {
    Anything,
    Nothing,
}

fn within(key: &str) -> StoreError {
    let reason = format!("`{key}` is the folder of another object, or stands within one");
    StoreError::Invalid { what: "object key", reason }
}

#[async_trait]
impl Objects for FolderObjects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_range(key, 0..u64::MAX).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((mut file, len)) = self.open(key)? else { return Ok(None) };
        let end = range.end.min(len);
        let Some(wanted) = end.checked_sub(range.start) else { return Ok(Some(Vec::new())) };
        let mut body = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let read = || -> io::Result<usize> {
            file.seek(SeekFrom::Start(range.start))?;
            file.take(wanted).read_to_end(&mut body)
        };
        let read = read().map_err(|error| files::fault("read an object", error))?;
        if read as u64 != wanted {
            let reason = format!("it ends after {read} of {wanted} bytes");
            return Err(StoreError::Damaged { what: key.to_owned(), reason });
        }
        Ok(Some(body))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        let found = self.open(key)?;
        Ok(found.map(|(_, len)| ObjectMeta { key: key.to_owned(), len }))
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.place(key, body, Over::Anything)
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        self.place(key, body, Over::Nothing)
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        check_object_prefix(prefix)?;
        check_object_prefix(after.unwrap_or_default())?;
        let base = &prefix[..prefix.rfind('/').map_or(0, |slash| slash + 1)];
        if check_object_key(base.trim_end_matches('/')).is_err() && !base.is_empty()
            || base.ends_with("//")
        {
            // No key begins like this, though a path could.
            return Ok(Vec::new());
        }
        let mut listing =
            Listing { prefix, after: after.unwrap_or_default(), limit, found: vec![] };
        listing
            .collect(&self.folder.join(base), base)
            .map_err(|error| files::fault("list objects", error))?;
        Ok(listing.found)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let doing = "delete an object";
        check_object_key(key)?;
        self.shared.may_write(doing)?;
        match self.remove(key) {
            Err(error) if !files::is_absent(&error) => Err(files::fault(doing, error)),
            _ => Ok(()),
        }
    }
}

/// A listing on its way.
struct Listing<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<ObjectMeta>,
}

impl Listing<'_> {
    /// Adds what is in `folder`, whose keys begin with `base`.
    fn collect(&mut self, folder: &Path, base: &str) -> io::Result<()> {
        for key in entries(folder, base)? {
            if self.found.len() >= self.limit {
                break;
            }
            if key.ends_with('/') {
                if self.may_hold(&key) {
                    self.collect(&folder.join(&key[base.len()..]), &key)?;
                }
            } else if key.starts_with(self.prefix) && key.as_str() > self.after {
                // One that was deleted meanwhile is not in the listing.
                match fs::symlink_metadata(folder.join(&key[base.len()..])) {
                    Ok(found) => self.found.push(ObjectMeta { key, len: found.len() }),
                    Err(error) if files::is_absent(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Whether a folder can hold keys of the listing.
    fn may_hold(&self, folder: &str) -> bool {
        let in_prefix = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        let passed = folder < self.after && !self.after.starts_with(folder);
        in_prefix && !passed
    }
}

/// The keys in `folder`, those of folders with a slash at their end: so they sort as the keys do.
/// What no put has made, such as a link, is left out.
fn entries(folder: &Path, base: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if files::is_absent(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let Some(name) = name.to_str().filter(|name| check_object_key(name).is_ok()) else {
            continue;
        };
        if kind.is_dir() {
            keys.push(format!("{base}{name}/"));
        } else if kind.is_file() {
            keys.push(format!("{base}{name}"));
        }
    }
    keys.sort_unstable();
    Ok(keys)
}
