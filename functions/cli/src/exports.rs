//! The files that a user names: opened, and given to the source that they belong to.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pipeline::ExportInput;
use runtime::{Exit, Integration};

use crate::failure::Failure;
use crate::progress::{Watch, Watched};

/// The EXPORT arguments of a command.
#[derive(Debug, Clone, clap::Args)]
pub struct Exports {
    /// The export: a file, plain or packed (.gz, .zst, .zip); several form one set
    #[arg(required = true, value_name = "EXPORT")]
    pub files: Vec<PathBuf>,
    /// Which source it is of [default: by `match` in the configuration, or the only one]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

impl Exports {
    /// The name of the source that all files belong to.
    pub fn source(&self, integration: &Integration) -> Result<String, Failure> {
        let mut of: Option<(String, String)> = None;
        for path in &self.files {
            let file = name(path)?;
            let source = &integration.source_of(&file, self.source.as_deref())?.name;
            match &of {
                None => of = Some((source.clone(), file)),
                Some((first, _)) if first == source => {}
                Some((first, of_first)) => {
                    return Err(Failure::usage(format!(
                        "`{of_first}` is an export of source `{first}` and `{file}` of `{source}`, \
                         and one set is of one source"
                    ))
                    .hint("sync them one after the other, or say --source NAME"));
                }
            }
        }
        let (source, _) = of.ok_or_else(|| Failure::usage("no EXPORT is named"))?;
        Ok(source)
    }

    /// Opens all files, before anything else is touched.
    pub fn open(&self) -> Result<Opened, Failure> {
        Ok(Opened(self.files.iter().map(|path| open(path)).collect::<Result<_, _>>()?))
    }
}

/// Files that are there and can be opened.
pub struct Opened(Vec<(String, File, u64)>);

impl Opened {
    /// As what the pipeline takes; `watch` sees how far they are read.
    pub fn watched(self, watch: &Watch) -> Vec<ExportInput> {
        let input = |(name, file, length)| {
            let reader = Box::new(Watched::new(file, length, watch.clone()));
            ExportInput { name, reader }
        };
        self.0.into_iter().map(input).collect()
    }
}

fn name(path: &Path) -> Result<String, Failure> {
    if path.as_os_str() == "-" {
        return Err(Failure::usage("an export is not read from standard input: it is read twice")
            .hint("write it to a file first"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| {
        unreadable(path, "export-unreadable", "is no file").hint("name a file, not a folder")
    })
}

fn open(path: &Path) -> Result<(String, File, u64), Failure> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (meta, file) = opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => unreadable(path, "export-missing", "is not there")
            .hint("check the path; relative paths count from the folder that you are in"),
        ErrorKind::PermissionDenied => unreadable(path, "export-unreadable", "may not be read")
            .hint("run it as a user who may, or change the file's permissions"),
        _ => unreadable(path, "export-unreadable", "cannot be opened").because(&error),
    })?;
    if meta.is_dir() {
        return Err(unreadable(path, "export-folder", "is a folder").hint(format!(
            "name the files in it, which then form one set: rollcall sync {}/*.xml",
            path.display().to_string().trim_end_matches('/')
        )));
    }
    if !meta.is_file() {
        return Err(unreadable(path, "export-unreadable", "is no plain file")
            .hint("it is read twice, so that a pipe does not do: write it to a file first"));
    }
    Ok((name(path)?, file, meta.len()))
}

fn unreadable(path: &Path, code: &str, what: &str) -> Failure {
    Failure::new(Exit::Unreadable, code, format!("`{}` {what}", path.display()))
}
