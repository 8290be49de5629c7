//! Compressed files and archives, known by their first bytes and unpacked on the way.
//!
//! **Never:** an archive inside an archive, more bytes than allowed, or a name of an archive used
//! as a path.

use std::cell::Cell;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::{
    ArchiveChoice, Format, FormatChoice, ReadError, ReadLimits, ReadOptions, encoding, sniff, table,
};

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// zip.
    Zip,
}

/// Bytes of a file that are looked at to know what it is.
const HEAD: usize = 4 << 10;

/// Up to this many unpacked bytes the ratio is not looked at: little files may shrink a lot.
const RATIO_FROM: u64 = 32 << 20;

/// zstd's largest window, as a power of two: it is memory that the unpacking takes.
const ZSTD_WINDOW: u32 = 23;

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// Takes an export's bytes, and its name inside the archive where it is in one.
pub(crate) type ReadEach<'r> =
    &'r mut dyn FnMut(&mut dyn Read, Option<&str>) -> Result<(), ReadError>;

/// Hands each export in `input` to `read`.
pub(crate) fn for_each_export<R: Read + Seek>(
    mut input: R,
    options: &ReadOptions,
    read: ReadEach<'_>,
) -> Result<Packing, ReadError> {
    let limits = &options.limits;
    let head = head_of(&mut input)?;
    input.seek(SeekFrom::Start(0))?;
    let packing = Packing::of(&head);
    match packing {
        Packing::Plain => {
            refuse_other(&head, None)?;
            read(&mut input, None)?;
        }
        Packing::Gzip => {
            let packed = Counted::new(input);
            let passed = packed.passed.clone();
            let unpacked = MultiGzDecoder::new(BufReader::new(packed));
            read(&mut Unpacked::new(unpacked, passed, limits)?, None)?;
        }
        Packing::Zstd => {
            let packed = Counted::new(input);
            let passed = packed.passed.clone();
            let mut unpacked = zstd::stream::read::Decoder::new(packed).map_err(damaged)?;
            unpacked.window_log_max(ZSTD_WINDOW).map_err(damaged)?;
            read(&mut Unpacked::new(unpacked, passed, limits)?, None)?;
        }
        Packing::Zip => read_zip(input, options, read)?,
    }
    Ok(packing)
}

fn read_zip<R: Read + Seek>(
    mut input: R,
    options: &ReadOptions,
    read: ReadEach<'_>,
) -> Result<(), ReadError> {
    let limits = &options.limits;
    let check = |members: usize| match members > limits.archive_members {
        true => Err(ReadError::TooLarge {
            what: "the archive's list of members",
            limit: limits.archive_members as u64,
        }),
        false => Ok(()),
    };
    check(announced_members(&mut input)?)?;
    let packed = Counted::new(input);
    let passed = packed.passed.clone();
    let mut zip = ZipArchive::new(packed).map_err(zip_damaged)?;
    // What the end announced need not be the list that counts: another end can hide behind it.
    check(zip.len())?;
    let mut exports = Vec::new();
    let mut seen = Seen::default();
    for at in 0..zip.len() {
        let mut member = zip.by_index(at).map_err(zip_damaged)?;
        if !member.is_file() {
            continue;
        }
        let name = member.name().map_err(zip_damaged)?.into_owned();
        let head = head_of(&mut member).map_err(damaged)?;
        seen.look(&name, &head);
        if is_export(&head, options) {
            exports.push((name, at));
        }
    }
    exports.sort();
    match (exports.len(), options.archive) {
        (0, _) => return Err(seen.why_none()),
        (2.., ArchiveChoice::One) => {
            let names = exports.into_iter().map(|(name, _)| name).collect();
            return Err(ReadError::SeveralExports { names });
        }
        _ => {}
    }
    for (name, at) in exports {
        let member = zip.by_index(at).map_err(zip_damaged)?;
        // What the archive says of a member's size is not to be believed.
        passed.set(0);
        read(&mut Unpacked::new(member, passed.clone(), limits)?, Some(&name))?;
    }
    Ok(())
}

/// How many members the end of a zip says that there are, before its list of them is read. An
/// archive of more than 65,534 says 65,535 here.
fn announced_members<R: Read + Seek>(input: &mut R) -> Result<usize, ReadError> {
    /// The record at the end, and the longest comment behind it.
    const END: u64 = 22 + 65_535;
    let length = input.seek(SeekFrom::End(0))?;
    input.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut tail = Vec::new();
    input.by_ref().take(END).read_to_end(&mut tail)?;
    input.seek(SeekFrom::Start(0))?;
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").and_then(|at| tail.get(at + 10..at + 12));
    // Without one it is no zip, and says so when it is opened.
    Ok(end.map_or(0, |count| usize::from(u16::from_le_bytes([count[0], count[1]]))))
}

/// What was in a zip, for the case that no export was.
#[derive(Default)]
struct Seen {
    members: usize,
    archive: Option<String>,
    oneroster: bool,
    only: Option<&'static str>,
}

impl Seen {
    fn look(&mut self, name: &str, head: &[u8]) {
        self.members += 1;
        if Packing::of(head) != Packing::Plain && self.archive.is_none() {
            self.archive = Some(name.to_owned());
        }
        let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        self.oneroster |= matches!(base.as_str(), "manifest.csv" | "orgs.csv" | "enrollments.csv");
        self.only = sniff::binary(head);
    }

    fn why_none(self) -> ReadError {
        if let Some(name) = self.archive {
            return ReadError::NestedArchive { name: Some(name) };
        }
        if self.oneroster {
            return ReadError::NoReader { found: Format::OneRoster.title() };
        }
        let found = match (self.members, self.only) {
            (0, _) => return ReadError::Empty,
            (1, Some(what)) => format!("the archive holds {what}"),
            _ => "none of the archive's members is one".to_owned(),
        };
        ReadError::NotAnExport { found }
    }
}

/// Whether a member of an archive is to be read. One of a known format without a reader is: the
/// error then says so.
fn is_export(head: &[u8], options: &ReadOptions) -> bool {
    if Packing::of(head) != Packing::Plain || sniff::binary(head).is_some() {
        return false;
    }
    let text = encoding::decode_head(head);
    match options.format {
        // A note beside a table is plain text as well, without its headings.
        FormatChoice::Named(Format::Table) => table::begins(&text, &options.columns),
        format => sniff::found(&text, format).is_ok(),
    }
}

/// Refuses what is neither plain nor packed text.
fn refuse_other(head: &[u8], name: Option<&str>) -> Result<(), ReadError> {
    if Packing::of(head) != Packing::Plain {
        return Err(ReadError::NestedArchive { name: name.map(str::to_owned) });
    }
    match sniff::binary(head) {
        Some(what) => Err(ReadError::NotAnExport { found: what.to_owned() }),
        None => Ok(()),
    }
}

fn head_of(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    input.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn damaged(error: io::Error) -> ReadError {
    match error.kind() {
        // What the disk says is not the archive's fault.
        io::ErrorKind::UnexpectedEof => {
            ReadError::BadArchive { reason: "it ends early".to_owned() }
        }
        _ if error.raw_os_error().is_some() => ReadError::Io(error),
        _ => match error.downcast::<ReadError>() {
            Ok(own) => own,
            Err(error) => ReadError::BadArchive { reason: error.to_string() },
        },
    }
}

fn zip_damaged(error: ZipError) -> ReadError {
    match error {
        ZipError::Io(error) => damaged(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            ReadError::BadArchive { reason: "it is encrypted".to_owned() }
        }
        other => ReadError::BadArchive { reason: other.to_string() },
    }
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    passed: Rc<Cell<u64>>,
}

impl<R> Counted<R> {
    fn new(inner: R) -> Self {
        Self { inner, passed: Rc::default() }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.passed.set(self.passed.get() + read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What comes out of a decompressor: bounded, and no archive again.
struct Unpacked<R> {
    head: io::Cursor<Vec<u8>>,
    inner: R,
    packed: Rc<Cell<u64>>,
    out: u64,
    ratio: u64,
}

impl<R: Read> Unpacked<R> {
    fn new(mut inner: R, packed: Rc<Cell<u64>>, limits: &ReadLimits) -> Result<Self, ReadError> {
        let head = head_of(&mut inner).map_err(damaged)?;
        refuse_other(&head, None)?;
        let ratio = limits.unpack_ratio;
        Ok(Self { head: io::Cursor::new(head), inner, packed, out: 0, ratio })
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from_head = self.head.read(into)?;
        if from_head > 0 {
            return Ok(from_head);
        }
        let read = self.inner.read(into).map_err(|error| io::Error::other(damaged(error)))?;
        self.out += read as u64;
        let allowed = self.packed.get().saturating_mul(self.ratio);
        if self.out > RATIO_FROM && self.out > allowed {
            return Err(io::Error::other(ReadError::Bomb { ratio: self.ratio }));
        }
        Ok(read)
    }
}
