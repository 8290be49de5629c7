//! Why an export cannot be read at all. Whatever it is, nothing of that export counts.

use std::io;

/// An export that cannot be trusted as a whole. Single bad records are findings instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in it.
    #[error("the export is empty")]
    Empty,
    /// It stops before its end.
    #[error("the export ends early, at line {line}: {inside}")]
    Truncated {
        /// The last line there is.
        line: u32,
        /// What was still open.
        inside: String,
    },
    /// The archive or compressed file around it stops before its end or is damaged.
    #[error("the archive cannot be unpacked: {reason}")]
    BadArchive {
        /// What is wrong with it.
        reason: String,
    },
    /// From this line on it is not XML, and nothing behind can be trusted.
    #[error("the export is not well formed at line {line}: {reason}")]
    Malformed {
        /// Where.
        line: u32,
        /// What is wrong there.
        reason: String,
    },
    /// It is something else altogether.
    #[error("the file is not an export: {found}")]
    NotAnExport {
        /// What it is, as far as one can tell.
        found: String,
    },
    /// It is another format than the one that was asked for.
    #[error("the export is {found}, not {wanted}")]
    NotThisFormat {
        /// What it is.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// Its format is known, but there is no reader for it.
    #[error("the export is {found}, which cannot be read yet")]
    NoReader {
        /// The format.
        found: &'static str,
    },
    /// It is meant for another target.
    #[error("the export is not meant for target `{wanted}`")]
    OtherTarget {
        /// The target that it should name.
        wanted: String,
    },
    /// An archive with several exports, where one was expected.
    #[error("the archive holds several exports: {}", names.join(", "))]
    SeveralExports {
        /// Their names.
        names: Vec<String>,
    },
    /// An archive in an archive.
    #[error("there is an archive inside the archive{}", name.as_ref().map(|n| format!(": {n}")).unwrap_or_default())]
    NestedArchive {
        /// Its name, where it has one.
        name: Option<String>,
    },
    /// Elements inside elements, deeper than any export needs.
    #[error("elements are nested deeper than {limit} at line {line}")]
    TooDeep {
        /// Where.
        line: u32,
        /// How deep is allowed.
        limit: usize,
    },
    /// More bytes than allowed: the whole, one member of it, or one piece of markup.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it may be: bytes, or members.
        limit: u64,
    },
    /// Unpacked it grows out of all proportion.
    #[error("unpacked, the export is more than {ratio} times as large as packed")]
    Bomb {
        /// How many times is allowed.
        ratio: u64,
    },
    /// The bytes could not be had.
    #[error("the export could not be read")]
    Io(#[source] io::Error),
}

impl ReadError {
    /// A stable name for JSON and exit texts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "export-empty",
            Self::Truncated { .. } => "export-truncated",
            Self::BadArchive { .. } => "archive-damaged",
            Self::Malformed { .. } => "export-malformed",
            Self::NotAnExport { .. } => "not-an-export",
            Self::NotThisFormat { .. } => "other-format",
            Self::NoReader { .. } => "format-without-reader",
            Self::OtherTarget { .. } => "other-target",
            Self::SeveralExports { .. } => "several-exports",
            Self::NestedArchive { .. } => "nested-archive",
            Self::TooDeep { .. } => "too-deep",
            Self::TooLarge { .. } => "too-large",
            Self::Bomb { .. } => "decompression-bomb",
            Self::Io(_) => "export-unreadable",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "the administration wrote an empty file; let it make the export again",
            Self::Truncated { .. } => {
                "the export was cut off, often because it was copied while it was being written; \
                 wait until it is complete, or let it be made again"
            }
            Self::BadArchive { .. } => {
                "copy the archive again, and try to unpack it with another program"
            }
            Self::Malformed { .. } => {
                "look at that line; the program that writes the export has to mend it"
            }
            Self::NotAnExport { .. } => {
                "check the path, and that the download was not a login page or an error"
            }
            Self::NotThisFormat { .. } => {
                "set the source's format to `auto` or to what the export is"
            }
            Self::NoReader { .. } => "let the administration export IMS Enterprise 1.1 instead",
            Self::OtherTarget { .. } => {
                "check that this is the right export, or change the source's `target`"
            }
            Self::SeveralExports { .. } => {
                "unpack the archive and name the files, which then form one set"
            }
            Self::NestedArchive { .. } => "unpack the outer archive first",
            Self::TooDeep { .. } | Self::TooLarge { .. } | Self::Bomb { .. } => {
                "no real export looks like this: have the administration write it anew"
            }
            Self::Io(_) => "check that the file is there and may be read",
        }
    }
}

impl From<io::Error> for ReadError {
    /// An error that one of this crate's own readers passed through `std::io` comes out as it
    /// went in.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::Io(error),
        }
    }
}
