//! From files that were dropped off to the newest state of their source.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Stopwatch, Timestamp};
use percent_encoding::percent_decode_str;
use pipeline::{
    Arrival, Arrived, ExportInput, NoProgress, PipelineError, ReadExport, Source, Wholeness,
};
use store::state::Scope;
use store::state::run::{ExportFile, Run};
use store_aws::ExportReader;
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::emf::{Metric, Metrics};
use crate::{Host, HostError, Open, Reach};

/// The folder in which files are dropped off.
const INCOMING: &str = "incoming";

/// An upload, as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Whose it is.
    pub scope: Scope,
    /// Of which source.
    pub source: String,
    /// The file.
    pub file: Arrival,
}

impl Upload {
    /// The upload of the object at `key`, which an event has form-encoded. `None` where the key is
    /// no place for an export, or a folder that somebody made by hand.
    pub fn of(
        encoded_key: &str,
        version: Option<String>,
        sequencer: String,
        bytes: u64,
        at: Timestamp,
    ) -> Option<Self> {
        let spaced = encoded_key.replace('+', " ");
        let key = percent_decode_str(&spaced).decode_utf8().ok()?.into_owned();
        let file = Arrival { name: String::new(), key, version, sequencer, bytes, at };
        Self::at(file)
    }

    /// The upload of a file whose key is as it is.
    pub fn at(file: Arrival) -> Option<Self> {
        let mut parts = file.key.splitn(5, '/');
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let (folder, tenant, integration, source, rest) =
            (part()?, part()?, part()?, part()?, part()?);
        if folder != INCOMING || rest.ends_with('/') {
            return None;
        }
        // A folder of the school's own below the source's does not matter.
        let name = rest.rsplit('/').next().unwrap_or(&rest).to_owned();
        let scope = Scope::new(tenant, integration);
        Some(Self { scope, source, file: Arrival { name, ..file } })
    }
}

impl Host {
    /// Takes in what an upload makes whole.
    pub async fn upload(
        &self,
        upload: Upload,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let open = self.open(&upload.scope, Reach::Never).await?;
        let Some((source, configured)) = open.source(&upload.source) else {
            warn!(source = %upload.source, "an upload for a source that there is not");
            metrics.add(Metric::ExportsRefused, 1);
            return Ok(());
        };
        let name = &upload.file.name;
        if configured.pattern.as_ref().is_some_and(|pattern| !pattern.matches(name))
            && !configured.files.iter().any(|pattern| pattern.matches(name))
        {
            let why = "its name does not fit `match` of the source: nothing was changed";
            let files = vec![upload.file];
            return open.refuse(&source, &files, why.to_owned(), until, metrics).await;
        }
        open.arrived(&source, Some(upload.file), until, metrics).await
    }
}

impl Open {
    /// Notes a file, or looks at those that wait, and takes in what is whole.
    pub(crate) async fn arrived(
        &self,
        source: &Source,
        file: Option<Arrival>,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let Some((_, configured)) = self.source(&source.name) else { return Ok(()) };
        let missing = |names: &[&str]| {
            let is_missing = |pattern: &&runtime::config::Pattern| {
                !names.iter().any(|name| pattern.matches(name))
            };
            configured
                .files
                .iter()
                .filter(is_missing)
                .map(|pattern| pattern.as_str().to_owned())
                .collect()
        };
        let wholeness = Wholeness {
            missing: &missing,
            is_set: !configured.files.is_empty(),
            settle: configured.settle,
        };
        match self.pipeline.arrive(&source.name, file, &wholeness).await? {
            Arrived::Known => {
                info!("this upload was taken in before");
                Ok(())
            }
            Arrived::Waits { missing } => {
                info!(missing = missing.len(), "waiting for the export's other files");
                Ok(())
            }
            Arrived::Whole(files) => self.take_in(source, &files, until, metrics).await,
            Arrived::Late(files) => {
                let why = "it was dropped off before one that has been taken in already: nothing \
                           was changed; drop it off again if it is the newer one";
                self.refuse(source, &files, why.to_owned(), until, metrics).await
            }
            Arrived::Incomplete { missing, files } => {
                let why = format!(
                    "the export is not whole: no file has come for {}; nothing was changed",
                    missing.join(", ")
                );
                self.refuse(source, &files, why, until, metrics).await
            }
            Arrived::Poison(files) => {
                let why = "reading it came to no end several times (out of memory or time): \
                           nothing was changed";
                self.refuse(source, &files, why.to_owned(), until, metrics).await
            }
        }
    }

    async fn take_in(
        &self,
        source: &Source,
        files: &[Arrival],
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let Some(export) = self.read(source, files).await? else {
            let why = "a file was deleted before it was read: nothing was changed";
            return self.refuse(source, files, why.to_owned(), until, metrics).await;
        };
        let export = match export {
            Ok(export) => export,
            Err(error @ (PipelineError::Unreadable { .. } | PipelineError::Refused { .. })) => {
                let why = HostError::Pipeline(error).chain();
                return self.refuse(source, files, why, until, metrics).await;
            }
            Err(error) => return Err(error.into()),
        };
        let taken = self.pipeline.take_in(source, export, until).await?;
        self.pipeline.send(&taken.next).await?;
        self.pipeline.taken(&source.name, files).await?;
        let run = &taken.run;
        info!(run = %run.id, state = run.state.name(), "export taken in");
        metrics.add(Metric::Records, run.records.values().sum());
        metrics.add(Metric::Bytes, files.iter().map(|file| file.bytes).sum());
        metrics.run(run);
        Ok(())
    }

    /// Reads files as one export. `None` where one of them is not there any more.
    async fn read(
        &self,
        source: &Source,
        files: &[Arrival],
    ) -> Result<Option<Result<ReadExport, PipelineError>>, HostError> {
        let broken = Arc::new(AtomicBool::new(false));
        let mut inputs = Vec::with_capacity(files.len());
        for file in files {
            let found = self.exports.find(&file.key, file.version.as_deref()).await?;
            let Some(found) = found else { return Ok(None) };
            let reader = self.exports.reader(&found, Handle::current());
            let reader = Box::new(Watched { reader, broken: Arc::clone(&broken) });
            inputs.push(ExportInput { name: file.name.clone(), reader });
        }
        let time = Stopwatch::start(&*self.pipeline.clock);
        let (source, vault) = (source.clone(), Arc::clone(&self.pipeline.vault));
        let reading = tokio::task::spawn_blocking(move || {
            pipeline::read(&source, source.mode, inputs, &*vault, &NoProgress)
        });
        let read = reading.await.map_err(|_| HostError::Died)?;
        if broken.load(Ordering::Relaxed) {
            // S3 is in trouble, which says nothing about the export.
            return Err(HostError::Reading(std::io::Error::other("S3 could not be read")));
        }
        let read_in = time.millis(&*self.pipeline.clock);
        Ok(Some(read.map(|read| ReadExport { read_in, ..read })))
    }

    /// Notes files that change nothing, and why.
    async fn refuse(
        &self,
        source: &Source,
        files: &[Arrival],
        why: String,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let as_file = |file: &Arrival| ExportFile {
            name: file.name.clone(),
            bytes: file.bytes,
            digest: String::new(),
        };
        let noted = files.iter().map(as_file).collect();
        let run: Run = self.pipeline.note_refused(source, noted, why, until).await?;
        self.pipeline.taken(&source.name, files).await?;
        warn!(run = %run.id, reason = run.reason.as_deref().unwrap_or_default(), "export refused");
        metrics.run(&run);
        Ok(())
    }
}

/// A reader that says whether S3 failed it.
struct Watched {
    reader: ExportReader,
    broken: Arc<AtomicBool>,
}

impl Watched {
    fn note<T>(&self, result: std::io::Result<T>) -> std::io::Result<T> {
        if result.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer);
        self.note(read)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        // A place before the start is the format's mistake and not S3's.
        self.reader.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(key: &str) -> Option<Upload> {
        Upload::of(key, None, "01".into(), 7, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_key_says_whose_export_it_is() {
        let found = upload("incoming/oak/sis/registrar/term+1/caf%C3%A9+%26+co.xml").unwrap();
        assert_eq!(found.scope, Scope::new("oak", "sis"));
        assert_eq!(found.source, "registrar");
        assert_eq!(found.file.name, "café & co.xml");
        assert_eq!(found.file.key, "incoming/oak/sis/registrar/term 1/café & co.xml");
        for none in [
            "plans/oak/sis/run/header",
            "incoming/oak/sis/registrar/",
            "incoming/oak/sis/registrar/folder/",
            "incoming/oak/sis/loose.xml",
            "incoming//sis/registrar/a.xml",
            "incoming/oak/sis/registrar/%FF.xml",
        ] {
            assert_eq!(upload(none), None, "{none}");
        }
    }
}
