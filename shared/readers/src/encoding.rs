//! Bytes to text, whatever the export claims to be written in.
//!
//! | the export says | its bytes are | read as |
//! |---|---|---|
//! | a byte order mark | | what the mark says |
//! | UTF-8, or nothing | UTF-8 | UTF-8, nothing but checked |
//! | UTF-8, or nothing | here and there not UTF-8 | UTF-8, the odd bytes in the guessed encoding, finding |
//! | a single-byte encoding | UTF-8 beyond ASCII | UTF-8, finding |
//! | any other | | as it says |
//!
//! **Never:** the whole file in memory. Guesses look ahead a fixed distance, so that the outcome
//! does not depend on how the bytes arrive.

use std::io::Read;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::ReadError;
use crate::codes::{self, Code};

/// Bytes that are read at once.
pub(crate) const CHUNK: usize = 256 << 10;

/// How far a guess looks ahead from the first byte that is not ASCII.
const LOOK_AHEAD: usize = 16 << 10;

/// The text of an export, piece by piece.
pub(crate) struct TextSource<'r> {
    raw: Box<dyn Read + 'r>,
    /// Bytes that were read and not decoded.
    carry: Vec<u8>,
    ended: bool,
    how: How,
    chunk: usize,
    bytes: u64,
    limit: u64,
    issues: Vec<Issue>,
}

/// Something odd about the encoding, at a byte of the text that [`TextSource::fill`] filled.
pub(crate) struct Issue {
    pub(crate) code: &'static Code,
    pub(crate) at: usize,
    pub(crate) message: String,
}

enum How {
    /// ASCII so far; the encoding is the declared one, or UTF-8 where the first bytes beyond ASCII
    /// are UTF-8.
    Undecided(&'static Encoding),
    /// UTF-8, the odd bytes in `fallback`.
    Utf8 { fallback: Option<&'static Encoding>, declared: bool },
    /// Anything else.
    Decoding(Box<Decoder>),
}

impl<'r> TextSource<'r> {
    /// Reads `raw`, at most `limit` bytes of it, `chunk` at once.
    pub(crate) fn new(
        raw: impl Read + 'r,
        limit: u64,
        chunk: usize,
    ) -> Result<TextSource<'r>, ReadError> {
        let mut source = TextSource {
            raw: Box::new(raw),
            carry: Vec::new(),
            ended: false,
            how: How::Utf8 { fallback: None, declared: false },
            chunk: chunk.max(1),
            bytes: 0,
            limit,
            issues: Vec::new(),
        };
        source.carry_at_least(16 << 10)?;
        source.begin();
        Ok(source)
    }

    /// The encoding's name, as far as it is known by now.
    pub(crate) fn encoding(&self) -> &'static str {
        match &self.how {
            How::Undecided(declared) => declared.name(),
            How::Utf8 { .. } => "UTF-8",
            How::Decoding(decoder) => decoder.encoding().name(),
        }
    }

    /// The start of the text, well enough to know what it is.
    pub(crate) fn peek(&self) -> String {
        let head = &self.carry[..self.carry.len().min(16 << 10)];
        match &self.how {
            How::Decoding(decoder) => {
                decoder.encoding().decode_without_bom_handling(head).0.into_owned()
            }
            _ => String::from_utf8_lossy(head).into_owned(),
        }
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What was odd since the last call.
    pub(crate) fn take_issues(&mut self) -> Vec<Issue> {
        std::mem::take(&mut self.issues)
    }

    /// Appends the next piece of text to `out`. `false`: there is no more.
    pub(crate) fn fill(&mut self, out: &mut String) -> Result<bool, ReadError> {
        if self.ended && self.carry.is_empty() {
            return Ok(false);
        }
        match &self.how {
            How::Utf8 { .. } => self.fill_utf8(out)?,
            How::Undecided(_) => self.fill_undecided(out)?,
            How::Decoding(_) => self.fill_decoded(out)?,
        }
        Ok(true)
    }

    /// Looks for a byte order mark and a declaration.
    fn begin(&mut self) {
        if let Some((encoding, mark)) = Encoding::for_bom(&self.carry) {
            self.carry.drain(..mark);
            self.how = match encoding {
                utf8 if utf8 == UTF_8 => How::Utf8 { fallback: None, declared: true },
                other => How::Decoding(Box::new(other.new_decoder_without_bom_handling())),
            };
            return;
        }
        let head = self.carry.trim_ascii_start();
        let bare = match head {
            [b'<', 0, ..] => Some(UTF_16LE),
            [0, b'<', ..] => Some(UTF_16BE),
            _ => None,
        };
        if let Some(encoding) = bare {
            self.how = How::Decoding(Box::new(encoding.new_decoder_without_bom_handling()));
            return;
        }
        let label = declared_label(head);
        let declared = label.and_then(Encoding::for_label);
        self.how = match declared {
            None => How::Utf8 { fallback: None, declared: false },
            // A declaration that one can read byte by byte is no UTF-16.
            Some(e) if e == UTF_8 || e == UTF_16LE || e == UTF_16BE => {
                How::Utf8 { fallback: None, declared: true }
            }
            Some(single) if single.is_single_byte() => How::Undecided(single),
            Some(other) => How::Decoding(Box::new(other.new_decoder_without_bom_handling())),
        };
        if let (Some(label), None) = (label, declared) {
            let shown = String::from_utf8_lossy(&label[..label.len().min(40)]);
            self.issues.push(Issue {
                code: &codes::ENCODING_NOT_AS_DECLARED,
                at: 0,
                message: format!(
                    "the export declares the unknown encoding `{shown}`; it is read as UTF-8"
                ),
            });
        }
    }

    fn fill_utf8(&mut self, out: &mut String) -> Result<(), ReadError> {
        let checked = out.len();
        let mut bytes = std::mem::take(out).into_bytes();
        bytes.append(&mut self.carry);
        self.read_chunk(&mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => *out = text,
            Err(error) => {
                let odd = error.utf8_error();
                let mut bytes = error.into_bytes();
                self.carry = bytes.split_off(odd.valid_up_to());
                *out = String::from_utf8(bytes)
                    .map_err(|error| std::io::Error::other(error.utf8_error()))?;
                let cut_off = odd.error_len().is_none() && !self.ended;
                if !cut_off {
                    self.mend(out)?;
                }
            }
        }
        debug_assert!(out.len() >= checked);
        Ok(())
    }

    /// Decodes `carry`, which begins with a byte that is not UTF-8.
    fn mend(&mut self, out: &mut String) -> Result<(), ReadError> {
        self.carry_at_least(LOOK_AHEAD)?;
        let guess = match self.how {
            How::Utf8 { fallback: Some(known), .. } => known,
            How::Utf8 { declared, .. } => {
                let guess = guess(&self.carry[..self.carry.len().min(LOOK_AHEAD)]);
                self.how = How::Utf8 { fallback: Some(guess), declared };
                let claim = match declared {
                    true => "the export says that it is UTF-8, but some of it is not",
                    false => "the export names no encoding and is not all UTF-8",
                };
                let name = guess.name();
                self.issues.push(Issue {
                    code: &codes::ENCODING_NOT_AS_DECLARED,
                    at: out.len(),
                    message: format!("{claim}; from here on such bytes are read as {name}"),
                });
                guess
            }
            How::Undecided(declared) => declared,
            How::Decoding(_) => return Ok(()),
        };
        let carry = std::mem::take(&mut self.carry);
        let mut rest = carry.as_slice();
        while !rest.is_empty() {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => {
                    out.push_str(text);
                    return Ok(());
                }
                Err(error) => error,
            };
            let (text, odd) = rest.split_at(error.valid_up_to());
            out.push_str(&String::from_utf8_lossy(text));
            if error.error_len().is_none() && !self.ended {
                self.carry = odd.to_vec();
                return Ok(());
            }
            out.push_str(&guess.decode_without_bom_handling(&odd[..1]).0);
            rest = &odd[1..];
        }
        Ok(())
    }

    fn fill_undecided(&mut self, out: &mut String) -> Result<(), ReadError> {
        let mut bytes = std::mem::take(&mut self.carry);
        self.read_chunk(&mut bytes)?;
        self.carry = bytes;
        let How::Undecided(declared) = self.how else { return Ok(()) };
        let ascii = Encoding::ascii_valid_up_to(&self.carry);
        let text = self.carry.drain(..ascii).collect::<Vec<_>>();
        out.push_str(&String::from_utf8_lossy(&text));
        if self.carry.is_empty() {
            return Ok(());
        }
        self.carry_at_least(LOOK_AHEAD)?;
        let ahead = &self.carry[..self.carry.len().min(LOOK_AHEAD)];
        let is_utf8 = match std::str::from_utf8(ahead) {
            Ok(_) => true,
            // The last character may be cut by the distance, or by the end of the file.
            Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
        };
        self.how = match is_utf8 {
            true => How::Utf8 { fallback: Some(declared), declared: false },
            false => How::Decoding(Box::new(declared.new_decoder_without_bom_handling())),
        };
        if is_utf8 {
            let name = declared.name();
            self.issues.push(Issue {
                code: &codes::ENCODING_NOT_AS_DECLARED,
                at: out.len(),
                message: format!(
                    "the export says that it is {name}, but is UTF-8; it is read as UTF-8"
                ),
            });
        }
        Ok(())
    }

    fn fill_decoded(&mut self, out: &mut String) -> Result<(), ReadError> {
        let mut bytes = std::mem::take(&mut self.carry);
        self.read_chunk(&mut bytes)?;
        let How::Decoding(decoder) = &mut self.how else { return Ok(()) };
        let start = out.len();
        let mut odd = false;
        let mut rest = bytes.as_slice();
        loop {
            let room = decoder.max_utf8_buffer_length(rest.len());
            out.reserve(room.unwrap_or(rest.len()).max(16));
            let (result, read, replaced) = decoder.decode_to_string(rest, out, self.ended);
            odd |= replaced;
            rest = &rest[read..];
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if odd {
            let found = out[start..].find('\u{fffd}').unwrap_or(0);
            self.issues.push(Issue {
                code: &codes::BYTES_NOT_IN_ENCODING,
                at: start + found,
                message: format!(
                    "some bytes are nothing in {}; they show as \u{fffd}",
                    decoder.encoding().name()
                ),
            });
        }
        Ok(())
    }

    fn carry_at_least(&mut self, wanted: usize) -> Result<(), ReadError> {
        let mut carry = std::mem::take(&mut self.carry);
        while carry.len() < wanted && !self.ended {
            self.read_chunk(&mut carry)?;
        }
        self.carry = carry;
        Ok(())
    }

    fn read_chunk(&mut self, into: &mut Vec<u8>) -> Result<(), ReadError> {
        if self.ended {
            return Ok(());
        }
        into.reserve(self.chunk);
        let read = self.raw.by_ref().take(self.chunk as u64).read_to_end(into)?;
        self.ended = read < self.chunk;
        self.bytes += read as u64;
        match self.bytes > self.limit {
            true => Err(ReadError::TooLarge { what: "the export, in bytes,", limit: self.limit }),
            false => Ok(()),
        }
    }
}

/// The encoding in an XML declaration at the start of `head`.
fn declared_label(head: &[u8]) -> Option<&[u8]> {
    let declaration = head.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..memchr::memchr(b'>', declaration)?];
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value = declaration[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = memchr::memchr(*quote, value)?;
    matches!(quote, b'"' | b'\'').then_some(&value[..end])
}

/// The single-byte encoding that `bytes` are most likely in.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    if guess.is_single_byte() { guess } else { WINDOWS_1252 }
}

/// The start of a file as text, well enough to know what it is.
pub(crate) fn decode_head(head: &[u8]) -> String {
    // Reading from memory does not fail.
    TextSource::new(head, u64::MAX, head.len() + 1).map(|source| source.peek()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], chunk: usize) -> (String, Vec<(&'static str, usize)>) {
        let mut source = TextSource::new(bytes, u64::MAX, chunk).unwrap();
        let mut text = String::new();
        let mut issues = Vec::new();
        loop {
            let more = source.fill(&mut text).unwrap();
            issues.extend(source.take_issues().iter().map(|i| (i.code.name, i.at)));
            if !more {
                return (text, issues);
            }
        }
    }

    #[test]
    fn what_is_declared_and_what_is_there() {
        let check = |bytes: &[u8], expected: &str, codes: &[&str]| {
            let (text, issues) = read(bytes, CHUNK);
            assert_eq!(text, expected);
            assert_eq!(issues.iter().map(|(code, _)| *code).collect::<Vec<_>>(), codes);
        };
        check(
            b"<?xml encoding='nonsense'?>a",
            "<?xml encoding='nonsense'?>a",
            &["encoding-not-as-declared"],
        );
        check(b"<?xml encoding='utf-16'?>\xc3\xa9", "<?xml encoding='utf-16'?>é", &[]);
        check(b"<?xml encoding='shift_jis'?>\x82\xa0", "<?xml encoding='shift_jis'?>あ", &[]);
        check(b"\xff\xfea\0\x00\xd8b\0", "a\u{fffd}b", &["bytes-not-in-encoding"]);
        check(b"a\xe9", "aé", &["encoding-not-as-declared"]);
        check(b"", "", &[]);
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(
            declaration in prop::sample::select(vec![
                "", "<?xml version='1.0' encoding='UTF-8'?>", "<?xml encoding=\"iso-8859-1\"?>",
                "\u{feff}", "<?xml encoding='gbk'?>",
            ]),
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    &b"abc <x>"[..], "é".as_bytes(), "€".as_bytes(), "😀".as_bytes(), b"\xe9",
                    b"\xe2\x82", b"\xff", b"\n",
                ]),
                0..40,
            ),
            chunk in 1usize..50,
        ) {
            let bytes = [declaration.as_bytes(), &pieces.concat()].concat();
            let (text, issues) = read(&bytes, chunk);
            let (expected, all_issues) = read(&bytes, CHUNK);
            prop_assert_eq!(text, expected);
            prop_assert_eq!(issues.first(), all_issues.first());
        }
    }
}
