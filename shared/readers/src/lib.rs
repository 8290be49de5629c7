//! From an export's bytes to canonical records.
//!
//! [`read_export`] takes anything that reads and seeks, finds out how it is packed ([`Packing`]),
//! how it is encoded and what it is ([`Format`]), and hands its records, removals and findings to a
//! [`Sink`], in the order of the file and in constant memory.
//!
//! ```
//! use readers::{ReadOptions, read_export};
//! use roster::{Mode, SnapshotBuilder};
//!
//! let export = "<enterprise><person><sourcedid><id>p-1</id></sourcedid></person></enterprise>";
//! let mut builder = SnapshotBuilder::new(Mode::Full);
//! let info = read_export(
//!     std::io::Cursor::new(export),
//!     "registrar.xml",
//!     &ReadOptions::default(),
//!     &mut builder,
//! )?;
//! assert_eq!(info.format, readers::Format::ImsEnterprise);
//! let snapshot = builder.finish()?;
//! assert!(snapshot.persons().contains("p-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is wrong with single records becomes findings, each with one of the [`codes`]; a
//! [`ReadError`] is for an export that cannot be trusted as a whole, and then nothing of what the
//! sink has got counts.
//!
//! A further format is one module with a `read` like [`ims`]'s, and one line in `READERS`.
//!
//! **Never:** no file is opened, no clock asked, no network touched; and no export, whatever its
//! bytes, makes a reader panic.

mod archive;
mod changes;
pub mod codes;
mod date;
mod encoding;
mod error;
pub mod ims;
mod ldif;
mod listed;
mod options;
mod sniff;
mod table;
pub mod write;
mod xml;

pub use archive::Packing;
pub use error::ReadError;
pub use options::{ArchiveChoice, FormatChoice, ReadLimits, ReadOptions};
pub use sniff::{Dialect, Format};

use std::io::{Read, Seek};

use roster::{Sink, SnapshotBuilder, Text};

use encoding::TextSource;

/// The readers there are.
const READERS: &[(Format, ReadFormat)] = &[
    (Format::ImsEnterprise, ims::read),
    (Format::Table, table::read),
    (Format::Ldif, ldif::read),
    (Format::Changes, changes::read),
];

/// Reads a whole text of one format; `u32` is the file's number for origins.
type ReadFormat =
    fn(&mut TextSource<'_>, u32, &ReadOptions, &mut dyn Sink) -> Result<Properties, ReadError>;

/// Whether exports of this format can be read.
pub fn has_reader(format: Format) -> bool {
    READERS.iter().any(|(of, _)| *of == format)
}

/// What an export says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// The system that made it.
    pub datasource: Option<Text>,
    /// Whom it is meant for.
    pub targets: Vec<Text>,
    /// When it was made, as it says.
    pub datetime: Option<Text>,
    /// What kind of export it is, in its own words (IMS `type`).
    pub kind: Option<Text>,
    /// Which kind of its format it is.
    pub dialect: Dialect,
}

/// One export that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportInfo {
    /// What it is.
    pub format: Format,
    /// How it was packed.
    pub packing: Packing,
    /// What it says about itself; of a set, what its last file says.
    pub properties: Properties,
    /// How it is encoded, by the name that the WHATWG gives the encoding.
    pub encoding: &'static str,
    /// Bytes, unpacked.
    pub bytes: u64,
    /// The files in it, each with the number that its records' origins have.
    pub files: Vec<(u32, Text)>,
}

/// Where an export's records go: a [`Sink`] that gives each file its number.
pub trait ExportSink: Sink {
    /// The number of the next file, as [`Origin::file`](roster::Origin) has it.
    fn add_file(&mut self, name: &str) -> u32;
}

impl ExportSink for SnapshotBuilder {
    fn add_file(&mut self, name: &str) -> u32 {
        Self::add_file(self, name)
    }
}

/// Reads `input`, known as `name`, into `sink`.
///
/// # Errors
/// Where the export cannot be trusted as a whole; whatever the sink has got by then does not count.
pub fn read_export(
    input: impl Read + Seek,
    name: &str,
    options: &ReadOptions,
    sink: &mut dyn ExportSink,
) -> Result<ExportInfo, ReadError> {
    let mut info: Option<ExportInfo> = None;
    let packing = archive::for_each_export(input, options, &mut |bytes, member| {
        let shown = match member {
            Some(member) => format!("{name}/{member}"),
            None => name.to_owned(),
        };
        let file = sink.add_file(&shown);
        let read = read_text(bytes, file, &shown, options, sink)?;
        info = Some(match info.take() {
            None => read,
            Some(so_far) => join(so_far, read)?,
        });
        Ok(())
    })?;
    let mut info = info.ok_or(ReadError::Empty)?;
    info.packing = packing;
    Ok(info)
}

fn read_text(
    bytes: &mut dyn Read,
    file: u32,
    name: &str,
    options: &ReadOptions,
    sink: &mut dyn Sink,
) -> Result<ExportInfo, ReadError> {
    let mut source = TextSource::new(bytes, options.limits.export_bytes, encoding::CHUNK)?;
    let found = sniff::found(&source.peek(), options.format);
    let format = match (options.format, found) {
        (FormatChoice::Auto, found) => found?,
        (FormatChoice::Named(wanted), Ok(found)) if wanted == found => found,
        (FormatChoice::Named(wanted), found) => {
            let found = found?.title().to_owned();
            return Err(ReadError::NotThisFormat { found, wanted: wanted.title() });
        }
    };
    let reader = READERS.iter().find(|(of, _)| *of == format);
    let (_, read) = reader.ok_or(ReadError::NoReader { found: format.title() })?;
    let properties = read(&mut source, file, options, sink)?;
    Ok(ExportInfo {
        format,
        packing: Packing::Plain,
        properties,
        encoding: source.encoding(),
        bytes: source.bytes(),
        files: vec![(file, Text::new(name))],
    })
}

/// Two files of one set.
fn join(mut first: ExportInfo, second: ExportInfo) -> Result<ExportInfo, ReadError> {
    if first.format != second.format {
        return Err(ReadError::NotThisFormat {
            found: second.format.title().to_owned(),
            wanted: first.format.title(),
        });
    }
    first.bytes += second.bytes;
    first.files.extend(second.files);
    first.properties = second.properties;
    Ok(first)
}
