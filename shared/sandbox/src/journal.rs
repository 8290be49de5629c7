//! An append-only file that a simulated platform keeps its data in.
//!
//! The file begins with a line that names its kind and version, then holds frames: length (u32,
//! little-endian), checksum (u64, xxh3 of the payload), payload. A frame is written in one piece
//! before the answer goes out, so what was answered survives the end of the process. What the
//! machine had not yet put on its disk when the power failed may be missing at the end.
//!
//! | found on opening | what happens |
//! |---|---|
//! | a last frame that is cut off or does not match its checksum | it is dropped: nobody got an answer for it |
//! | a broken frame with whole ones behind it | refused: the file was damaged |
//! | another kind or version | refused: it is never read by other rules than its own |
//! | a folder that another process uses | refused |
//!
//! [`Journal::rewrite`] replaces the frames by fewer that say the same; it swaps whole files, so
//! there is no moment at which a crash leaves less than one complete journal.
//!
//! Folder and files are made for this user only: what a school tried out here are real people.
//!
//! **Never:** the journal does not know what its payloads mean.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a frame before its payload.
const HEADER: usize = 12;
/// No frame is longer; a length beyond it is damage.
const FRAME_LIMIT: usize = 1 << 30;
/// A journal below this size is never rewritten.
const SMALL: u64 = 4 << 20;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process has the folder open.
    #[error("the sandbox folder is in use by another process; stop that one first")]
    Locked,
    /// The file was written by a different kind of platform or another version.
    #[error(
        "the sandbox data is of the kind `{found}`, not `{wanted}`; use the version that wrote it, or delete the folder"
    )]
    OtherVersion {
        /// What the file says it is.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The file is broken before its end.
    #[error(
        "the sandbox data is damaged at byte {at}; restore it from a backup, or delete the folder"
    )]
    Damaged {
        /// Offset of the first bad frame in bytes.
        at: u64,
    },
    /// An earlier failed write could not be undone, so nothing more is written.
    #[error("the sandbox journal has a half-written record; restart the sandbox")]
    Stuck,
    /// The file system refused.
    #[error("failed to read or write the sandbox data")]
    Io(#[from] io::Error),
}

/// An open journal. The folder stays locked until it is dropped.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    kind: &'static str,
    length: u64,
    /// Length right after the last rewrite, which decides when the next one is due.
    base: u64,
    stuck: bool,
    _lock: File,
}

impl Journal {
    /// Opens the journal `name` in `folder`, makes both where they are missing, and hands every
    /// payload to `replay` in order. `kind` names content and version, without a line break.
    pub fn open(
        folder: &Path,
        name: &str,
        kind: &'static str,
        mut replay: impl FnMut(&[u8]) -> bool,
    ) -> Result<Self, JournalError> {
        make_private_folders(folder)?;
        let lock = private_files()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(format!("{name}.lock")))?;
        FileExt::try_lock(&lock).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::Locked,
            TryLockError::Error(error) => error.into(),
        })?;
        let path = folder.join(format!("{name}.journal"));
        let mut file =
            private_files().create(true).truncate(false).read(true).write(true).open(&path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let title = format!("{kind}\n");
        if content.len() < title.len() && title.as_bytes().starts_with(&content) {
            // New, or the very first write was cut off.
            content.clear();
            content.extend_from_slice(title.as_bytes());
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&content)?;
        }
        if !content.starts_with(title.as_bytes()) {
            let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let found = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            return Err(JournalError::OtherVersion { found, wanted: kind });
        }
        let end = read_frames(&content, title.len(), &mut replay)?;
        file.set_len(end as u64)?;
        file.seek(SeekFrom::Start(end as u64))?;
        let length = end as u64;
        Ok(Self { file, path, kind, length, base: length, stuck: false, _lock: lock })
    }

    /// Adds one payload. On an error the file is as it was before.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), JournalError> {
        if self.stuck {
            return Err(JournalError::Stuck);
        }
        let frame = frame(payload);
        if let Err(error) = self.file.write_all(&frame) {
            let undone = self
                .file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            self.stuck = undone.is_err();
            return Err(error.into());
        }
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Whether so much was appended that a rewrite pays.
    pub fn is_grown(&self) -> bool {
        self.length > SMALL && self.length / 3 > self.base
    }

    /// Lets the journal grow again before the next rewrite, after one that failed.
    pub fn postpone(&mut self) {
        self.base = self.length;
    }

    /// Replaces all frames by those of `payloads`, at once or not at all.
    pub fn rewrite(&mut self, payloads: impl Iterator<Item = Vec<u8>>) -> Result<(), JournalError> {
        let beside = self.path.with_extension("journal.new");
        let mut writer = io::BufWriter::new(
            private_files().create(true).truncate(true).read(true).write(true).open(&beside)?,
        );
        let mut length = self.kind.len() as u64 + 1;
        writer.write_all(self.kind.as_bytes())?;
        writer.write_all(b"\n")?;
        for payload in payloads {
            let frame = frame(&payload);
            writer.write_all(&frame)?;
            length += frame.len() as u64;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        self.file = file;
        self.length = length;
        self.base = length;
        self.stuck = false;
        Ok(())
    }

    /// Makes every further write fail, as on a full disk.
    #[cfg(test)]
    pub(crate) fn make_unwritable(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }

    /// The journal's length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// Makes a folder and those above it that are missing, for this user only.
fn make_private_folders(folder: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has a mode to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Options that make files for this user only.
fn private_files() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has a mode to set"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + payload.len());
    // A payload is at most one request's changes, far below the four gigabytes of a length.
    frame.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend_from_slice(&xxh3_64(payload).to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Replays all whole frames and returns where they end.
fn read_frames(
    content: &[u8],
    start: usize,
    replay: &mut impl FnMut(&[u8]) -> bool,
) -> Result<usize, JournalError> {
    let mut at = start;
    while at < content.len() {
        let Some(payload) = payload_at(content, at) else {
            return if is_torn_end(content, at) {
                Ok(at)
            } else {
                Err(JournalError::Damaged { at: at as u64 })
            };
        };
        if !replay(payload) {
            return Err(JournalError::Damaged { at: at as u64 });
        }
        at += HEADER + payload.len();
    }
    Ok(at)
}

/// The payload of the frame that begins at `at`, if it is whole and matches its checksum.
fn payload_at(content: &[u8], at: usize) -> Option<&[u8]> {
    let (length, rest) = content.get(at..)?.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let payload = rest.get(..length)?;
    (length > 0 && xxh3_64(payload) == u64::from_le_bytes(*checksum)).then_some(payload)
}

/// Whether the bad frame at `at` is the last thing that was written: it reaches beyond the end,
/// ends exactly there, or is followed by zeros only, as a file system may leave after a crash.
fn is_torn_end(content: &[u8], at: usize) -> bool {
    let rest = &content[at..];
    let Some((length, _)) = rest.split_first_chunk::<4>() else { return true };
    let length = u32::from_le_bytes(*length) as usize;
    if rest.iter().all(|byte| *byte == 0) {
        return true;
    }
    if length > FRAME_LIMIT {
        return false;
    }
    let end = HEADER + length;
    end >= rest.len() || rest[end..].iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "rollcall-sandbox test 1";

    fn reopen(folder: &Path) -> Result<(Journal, Vec<Vec<u8>>), JournalError> {
        let mut seen = Vec::new();
        let journal = Journal::open(folder, "t", KIND, |payload| {
            seen.push(payload.to_vec());
            true
        })?;
        Ok((journal, seen))
    }

    fn written(folder: &Path, payloads: &[&[u8]]) -> PathBuf {
        let (mut journal, _) = reopen(folder).unwrap();
        for payload in payloads {
            journal.append(payload).unwrap();
        }
        folder.join("t.journal")
    }

    #[test]
    fn what_was_appended_is_replayed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), &[b"one", b"two"]);
        written(folder.path(), &[b"three"]);
        let (_, seen) = reopen(folder.path()).unwrap();
        assert_eq!(seen, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
    }

    #[test]
    fn a_cut_off_last_record_is_dropped_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &[b"first", b"second"]);
        let whole = fs::read(&path).unwrap();
        let first_end = KIND.len() + 1 + HEADER + 5;
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, seen) = reopen(folder.path()).unwrap();
            assert_eq!(seen.len(), usize::from(cut >= first_end), "cut at {cut}");
            journal.append(b"after").unwrap();
            drop(journal);
            let (_, seen) = reopen(folder.path()).unwrap();
            assert_eq!(seen.last().map(Vec::as_slice), Some(&b"after"[..]));
        }
    }

    #[test]
    fn zeros_behind_the_end_are_dropped_and_damage_in_the_middle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &[b"first", b"second"]);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), &[0; 40]].concat()).unwrap();
        assert_eq!(reopen(folder.path()).unwrap().1.len(), 2);

        let mut bad = whole.clone();
        bad[KIND.len() + 1 + HEADER] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(matches!(reopen(folder.path()), Err(JournalError::Damaged { .. })));
    }

    #[test]
    fn another_version_and_a_second_process_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = reopen(folder.path()).unwrap();
        assert!(matches!(reopen(folder.path()), Err(JournalError::Locked)));
        drop(journal);
        fs::write(folder.path().join("t.journal"), "rollcall-sandbox test 2\nxxxx").unwrap();
        let Err(JournalError::OtherVersion { found, .. }) = reopen(folder.path()) else {
            panic!("a newer journal was read")
        };
        assert_eq!(found, "rollcall-sandbox test 2");
    }

    #[test]
    fn a_failed_write_is_told_and_so_is_every_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(folder.path()).unwrap();
        journal.append(b"good").unwrap();
        journal.make_unwritable();
        assert!(matches!(journal.append(b"lost"), Err(JournalError::Io(_))));
        assert!(matches!(journal.append(b"lost"), Err(JournalError::Stuck)));
        drop(journal);
        assert_eq!(reopen(folder.path()).unwrap().1, [b"good".to_vec()]);
    }

    #[test]
    #[cfg(unix)]
    fn what_is_made_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("data/sandbox");
        let (mut journal, _) = reopen(&inside).unwrap();
        journal.rewrite([b"new".to_vec()].into_iter()).unwrap();
        let mode = |path: &str| {
            fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777
        };
        let folders = ["data", "data/sandbox"].map(mode);
        let files = ["data/sandbox/t.journal", "data/sandbox/t.lock"].map(mode);
        assert_eq!((folders, files), ([0o700; 2], [0o600; 2]));
    }

    #[test]
    fn a_rewrite_replaces_everything_and_can_be_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(folder.path()).unwrap();
        journal.append(b"old").unwrap();
        journal.rewrite([b"new".to_vec()].into_iter()).unwrap();
        journal.append(b"newer").unwrap();
        drop(journal);
        let (_, seen) = reopen(folder.path()).unwrap();
        assert_eq!(seen, [b"new".to_vec(), b"newer".to_vec()]);
    }
}
