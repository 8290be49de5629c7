//! A data folder out of a backup, or nothing at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path};

use super::backup::{Backup, FILES, FORMAT, HEADER, HEADER_TEXT, MANIFEST};
use super::{database, files};
use crate::port::StoreError;

/// The most bytes of the two entries that say what an archive is: a manifest has a line for each
/// file, and a million files are far beyond what one machine holds.
const MAX_TEXT: u64 = 1 << 30;
/// What is copied at once.
const BUFFER: usize = 128 << 10;

/// Makes the data folder `into_dir`, which must be absent or empty, out of the backup `from_file`.
/// Everything is unpacked beside it and checked against the manifest first; then the folder appears
/// as a whole.
///
/// # Errors
///
/// [`StoreError::Damaged`] where the archive is cut, changed or none, [`StoreError::Unsupported`]
/// where `into_dir` is not empty or the archive is of a newer format; nothing is changed then.
pub fn restore(from_file: &Path, into_dir: &Path) -> Result<Backup, StoreError> {
    let doing = "restore the backup";
    let written = |error| files::fault(doing, error);
    let file = File::open(from_file).map_err(|error| unusable(from_file, &error.to_string()))?;
    check_empty(into_dir)?;
    let folder = files::parent(into_dir);
    fs::create_dir_all(folder).map_err(written)?;
    let mut beside = files::passing_folder(folder, "~rollcall-restore-").map_err(written)?;

    let backup = unpack(file, beside.path())?;
    // What is whole may still be of a schema that this program does not know.
    if database::open_to_read(beside.path())?.is_none() {
        return Err(damaged("it has no database"));
    }
    sync_folders(beside.path()).map_err(written)?;

    check_empty(into_dir)?;
    if into_dir.exists() {
        fs::remove_dir(into_dir).map_err(written)?;
    }
    fs::rename(beside.path(), into_dir).map_err(written)?;
    beside.disable_cleanup(true);
    files::sync_folder(folder).map_err(written)?;
    Ok(backup)
}

fn check_empty(into_dir: &Path) -> Result<(), StoreError> {
    match fs::read_dir(into_dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(unusable(into_dir, "it is not empty: name a new folder")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unusable(into_dir, &error.to_string())),
    }
}

fn unusable(path: &Path, reason: &str) -> StoreError {
    let what = format!("`{}`", path.display());
    StoreError::Unsupported { what, reason: reason.to_owned() }
}

fn damaged(reason: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: "backup".to_owned(), reason: reason.into() }
}

/// An archive that cannot be read on.
fn unreadable(error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return damaged("it ends early: copy it again, or take another backup");
    }
    damaged(format!("it was changed, or is no backup of rollcall ({error})"))
}

/// Unpacks and checks the archive `file` into the empty folder `into`.
fn unpack(file: File, into: &Path) -> Result<Backup, StoreError> {
    let decompressor = zstd::Decoder::new(BufReader::new(file)).map_err(unreadable)?;
    let mut archive = tar::Archive::new(decompressor);
    let mut found = BTreeMap::new();
    let mut manifest = None;
    let entries = archive.entries().map_err(unreadable)?;
    for (index, entry) in entries.enumerate() {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| damaged("it has a file whose name is not text"))?;
        if manifest.is_some() {
            return Err(damaged("it goes on after its manifest"));
        }
        if index == 0 {
            check_header(&name, &mut entry)?;
        } else if name == MANIFEST {
            manifest = Some(text(&mut entry)?);
        } else {
            let path = checked_path(&name, entry.header().entry_type())?;
            if found.contains_key(path) {
                return Err(damaged(format!("it has `{path}` twice")));
            }
            found.insert(path.to_owned(), unpack_file(&mut entry, into, path)?);
        }
    }
    // The compressor's own checksum stands at the very end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    let manifest = manifest.ok_or_else(|| damaged("it ends before its manifest"))?;
    check_manifest(&manifest, &found)?;
    let bytes = found.values().map(|(_, len)| len).sum();
    Ok(Backup { files: found.len(), bytes })
}

fn check_header(name: &str, entry: &mut impl Read) -> Result<(), StoreError> {
    let text = if name == HEADER { text(entry)? } else { String::new() };
    let version = text.strip_prefix(HEADER_TEXT).and_then(|rest| rest.trim_end().parse().ok());
    match version {
        None => Err(damaged("it is no backup of rollcall")),
        Some(FORMAT) => Ok(()),
        Some(version) => {
            let reason = format!(
                "it has format {version} and this program knows {FORMAT}: use the rollcall that \
                 wrote it, or a newer one"
            );
            Err(StoreError::Unsupported { what: "the backup".to_owned(), reason })
        }
    }
}

fn text(entry: &mut impl Read) -> Result<String, StoreError> {
    let mut text = String::new();
    entry.take(MAX_TEXT).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// The path of a file in the data folder: it goes down only, by plain names.
fn checked_path(name: &str, kind: tar::EntryType) -> Result<&str, StoreError> {
    let path = name.strip_prefix(FILES).filter(|_| kind.is_file());
    let goes_down = |path: &&str| {
        !path.split('/').any(|part| part.is_empty() || part.contains(['\\', ':', '\0']))
            && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
    };
    path.filter(goes_down)
        .ok_or_else(|| damaged(format!("it has `{name}`, which no backup of rollcall has")))
}

type Sum = (blake3::Hash, u64);

fn unpack_file(entry: &mut impl Read, into: &Path, path: &str) -> Result<Sum, StoreError> {
    let written = |error| files::fault("unpack the backup", error);
    for (at, _) in path.match_indices('/') {
        files::make_folder(&into.join(&path[..at])).map_err(written)?;
    }
    let mut file = files::create_private(&into.join(path)).map_err(written)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = entry.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(written)?;
    }
    file.sync_all().map_err(written)?;
    Ok((hasher.finalize(), hasher.count()))
}

/// Whether what was found is what the manifest says, neither more nor less.
fn check_manifest(manifest: &str, found: &BTreeMap<String, Sum>) -> Result<(), StoreError> {
    let mut listed = 0;
    for line in manifest.lines() {
        let (sum, len, path) =
            parse_line(line).ok_or_else(|| damaged("its manifest cannot be read"))?;
        match found.get(path) {
            None => return Err(damaged(format!("`{path}` is missing from it"))),
            Some(is) if *is != (sum, len) => {
                return Err(damaged(format!("`{path}` in it was changed")));
            }
            Some(_) => listed += 1,
        }
    }
    if listed != found.len() {
        return Err(damaged("it has files that its manifest does not have"));
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<(blake3::Hash, u64, &str)> {
    let (sum, rest) = line.split_once("  ")?;
    let (len, path) = rest.split_once("  ")?;
    Some((blake3::Hash::from_hex(sum).ok()?, len.parse().ok()?, path))
}

/// Makes durable what the folders from `folder` down hold.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    files::sync_folder(folder)
}
