//! An export as a file that can be read and sought in.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::Export;
use crate::fault::{Call, chain, store_error};

const GET: Call = Call::new("read an export", "s3:GetObject and s3:GetObjectVersion");

/// What is asked for at once.
const BLOCK: u64 = 8 << 20;
/// How often a block is asked for whose answer breaks off.
const TRIES: u32 = 4;
/// Before the second try; each later wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// One version of an object as a file: two blocks of 8 MiB are in memory, the one that is read and
/// the one after it, which is fetched meanwhile.
///
/// An object that is replaced or deleted meanwhile is an error, never a mixture. Reading blocks the
/// thread: use it in `tokio::task::spawn_blocking` only.
pub struct ExportReader {
    source: Source,
    runtime: Handle,
    len: u64,
    place: u64,
    block: Option<Block>,
    ahead: Option<Ahead>,
}

/// What the blocks are of.
#[derive(Clone)]
struct Source {
    client: aws_sdk_s3::Client,
    bucket: String,
    export: Export,
}

struct Block {
    start: u64,
    bytes: Vec<u8>,
}

/// A block on its way.
struct Ahead {
    start: u64,
    block: Receiver<io::Result<Vec<u8>>>,
    task: AbortHandle,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ExportReader {
    pub(super) fn new(
        client: aws_sdk_s3::Client,
        bucket: String,
        export: Export,
        runtime: Handle,
    ) -> Self {
        let len = export.len;
        let source = Source { client, bucket, export };
        Self { source, runtime, len, place: 0, block: None, ahead: None }
    }

    /// The export's length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The block that begins at `start`.
    fn load(&mut self, start: u64) -> io::Result<()> {
        let before = self.block.take().map(|block| block.start);
        let coming = match self.ahead.take() {
            Some(ahead) if ahead.start == start => ahead,
            _ => self.begin(start),
        };
        let gone = || io::Error::other("the runtime that reads the export has ended");
        let bytes = coming.block.recv().map_err(|_| gone())??;
        self.block = Some(Block { start, bytes });
        // Whoever reads on wants the next one; whoever jumps about does not.
        let reads_on = before.is_none_or(|before| before + BLOCK == start) && start < self.len;
        if reads_on && start + BLOCK < self.len {
            self.ahead = Some(self.begin(start + BLOCK));
        }
        Ok(())
    }

    fn begin(&self, start: u64) -> Ahead {
        let (sender, block) = sync_channel(1);
        let (source, len) = (self.source.clone(), BLOCK.min(self.len - start));
        let task = self.runtime.spawn(async move {
            // Nobody waits for it any more where that fails.
            let _ = sender.send(source.fetch(start, len).await);
        });
        Ahead { start, block, task: task.abort_handle() }
    }
}

impl Read for ExportReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.place >= self.len {
            return Ok(0);
        }
        let start = self.place / BLOCK * BLOCK;
        if self.block.as_ref().is_none_or(|block| block.start != start) {
            self.load(start)?;
        }
        let Some(block) = &self.block else { return Ok(0) };
        let from = usize::try_from(self.place - start).unwrap_or(usize::MAX);
        let rest = block.bytes.get(from..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for ExportReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.place.checked_add_signed(offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the start");
        self.place = place.ok_or_else(before)?;
        Ok(self.place)
    }
}

impl fmt::Debug for ExportReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ExportReader");
        shown.field("key", &self.source.export.key).field("len", &self.len);
        shown.field("place", &self.place).finish_non_exhaustive()
    }
}

impl Source {
    /// `len` bytes from `start` on, all of them.
    async fn fetch(&self, start: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.fetch_once(start, len).await {
                // The answer broke off; the SDK's own tries end where it begins.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                other => return other,
            }
        }
        self.fetch_once(start, len).await
    }

    async fn fetch_once(&self, start: u64, len: u64) -> io::Result<Vec<u8>> {
        let Export { key, version, etag, len: whole, .. } = &self.export;
        let call = self.client.get_object().bucket(&self.bucket).key(key).if_match(etag);
        let call = call.set_version_id(version.clone());
        let output = match call.range(format!("bytes={start}-{}", start + len - 1)).send().await {
            Ok(output) => output,
            Err(error) => {
                return Err(match error.code() {
                    Some("PreconditionFailed" | "InvalidRange") => self.changed(),
                    Some("NoSuchKey" | "NoSuchVersion") => io::Error::new(
                        io::ErrorKind::NotFound,
                        format!("export `{key}` was deleted while it was read"),
                    ),
                    _ => io::Error::other(store_error(GET, &format!("export {key}"), error)),
                });
            }
        };
        let total = output.content_range().and_then(|range| range.rsplit('/').next());
        let total = total.map(str::to_owned);
        if total.as_ref().is_some_and(|total| *total != whole.to_string()) {
            return Err(self.changed());
        }
        let broke_off = |reason: String| {
            let reason = format!("export `{key}` broke off while it was read: {reason}");
            io::Error::new(io::ErrorKind::UnexpectedEof, reason)
        };
        let body = output.body.collect().await.map_err(|error| broke_off(chain(&error)))?.to_vec();
        let came = body.len() as u64;
        // Whoever does not know ranges answers with the whole: emulators do for old versions.
        let (part, expected) = match total {
            Some(_) => (body, len),
            None => (part(body, start, len), *whole),
        };
        if came != expected || part.len() as u64 != len {
            return Err(broke_off(format!("{came} of {expected} bytes came")));
        }
        Ok(part)
    }

    fn changed(&self) -> io::Error {
        io::Error::other(format!(
            "export `{}` was replaced while it was read: its next version is read on its own",
            self.export.key
        ))
    }
}

/// `len` bytes of `whole` from `start` on, as far as there are.
fn part(mut whole: Vec<u8>, start: u64, len: u64) -> Vec<u8> {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
    let (start, end) = (place(start), place(start.saturating_add(len)));
    whole.truncate(end);
    whole.drain(..start);
    whole
}
