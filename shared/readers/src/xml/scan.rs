//! From text to records.

mod content;

use memchr::{memchr_iter, memrchr};
use quick_xml::errors::SyntaxError;
use quick_xml::events::Event;
use quick_xml::{Error as XmlError, Reader};

use super::names::{NameTable, OTHER};
use super::shape::{Gap, Shapes};
use super::tree::{At, Tree};
use crate::codes::{self, Code};
use crate::encoding::TextSource;
use crate::{ReadError, ReadLimits};

/// What an element is to a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It holds records.
    Envelope,
    /// It is a record.
    Record,
}

/// What a format makes of its records.
pub(crate) trait Records {
    /// Its element names.
    fn table(&self) -> &'static NameTable;
    /// What an element is. `parent` is the envelope around it, `None` at the top of the file.
    fn place(
        &mut self,
        parent: Option<u8>,
        tag: &str,
        name: u8,
        line: u32,
    ) -> Result<Place, ReadError>;
    /// The end of an envelope.
    fn leave(&mut self, name: u8, line: u32) -> Result<(), ReadError>;
    /// A record, whole.
    fn record(&mut self, tree: &Tree, line: u32) -> Result<(), ReadError>;
    /// Something odd about the file.
    fn odd(&mut self, code: &'static Code, line: u32, message: String);
}

/// Reads all of `source`. `Ok` means: to the end, and well formed as far as it matters.
pub(crate) fn scan(
    source: &mut TextSource<'_>,
    limits: &ReadLimits,
    records: &mut dyn Records,
) -> Result<(), ReadError> {
    scan_with(source, limits, records, Shapes::default())
}

fn scan_with(
    source: &mut TextSource<'_>,
    limits: &ReadLimits,
    records: &mut dyn Records,
    shapes: Shapes,
) -> Result<(), ReadError> {
    let mut scanner = Scanner::new(limits, records.table(), shapes);
    let mut text = String::new();
    loop {
        let more = source.fill(&mut text)?;
        for issue in source.take_issues() {
            let line = scanner.line_at(&text, issue.at.min(text.len()));
            records.odd(issue.code, line, issue.message);
        }
        // A text that runs up to a `<` is whole. Where that `<` stands inside markup, the markup
        // is not closed in this window and waits for the next.
        let cut = match more {
            true => memrchr(b'<', text.as_bytes()).unwrap_or(0),
            false => text.len(),
        };
        let used = scanner.window(&text[..cut], more, records)?;
        if !more {
            return scanner.finish(&text);
        }
        if text.len() - used > limits.markup_bytes {
            return Err(scanner.markup_too_long(&text, used));
        }
        scanner.line_now(&text, used);
        scanner.counted = 0;
        scanner.begin = None;
        text.drain(..used);
    }
}

struct Scanner<'l> {
    limits: &'l ReadLimits,
    table: &'static NameTable,
    open: Vec<Open>,
    /// The tag names of `open`, one behind the other.
    names: String,
    tree: Tree,
    record: Option<u32>,
    too_large: bool,
    /// Blank text belongs to what stands before it: a reference, a comment, a CDATA section.
    keep_blanks: bool,
    seen_element: bool,
    seen_prolog: bool,
    /// Lines before `counted`, a byte of the window.
    lines: u32,
    counted: usize,
    shapes: Shapes,
    /// Where the record begins, if in this window and if nothing in it is out of the ordinary.
    begin: Option<usize>,
    /// The texts of the record, by their places in the window.
    gaps: Vec<Gap>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    what: What,
    name_at: u32,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Envelope(u8),
    Node(At),
    /// Part of a record that is too large.
    Skipped,
}

impl<'l> Scanner<'l> {
    fn new(limits: &'l ReadLimits, table: &'static NameTable, shapes: Shapes) -> Self {
        Self {
            limits,
            table,
            open: Vec::new(),
            names: String::new(),
            tree: Tree::default(),
            record: None,
            too_large: false,
            keep_blanks: false,
            seen_element: false,
            seen_prolog: false,
            lines: 0,
            counted: 0,
            shapes,
            begin: None,
            gaps: Vec::new(),
        }
    }

    /// Reads one window and says how much of it is used up.
    fn window(
        &mut self,
        window: &str,
        more: bool,
        records: &mut dyn Records,
    ) -> Result<usize, ReadError> {
        let mut keep = self.keep_blanks;
        let mut base = 0;
        let mut reader = tokens(window, keep);
        loop {
            let at = base + reader.buffer_position() as usize;
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) if more && is_unclosed(&error) => {
                    self.keep_blanks = keep;
                    return Ok(at);
                }
                Err(error) => return Err(self.broken(window, at, &error)),
            };
            let end = base + reader.buffer_position() as usize;
            let blanks = !matches!(event, Event::Start(_) | Event::End(_) | Event::Empty(_));
            match event {
                Event::Text(text) => self.text(&text, window, end - text.len(), records),
                Event::Start(tag) => {
                    let begin = end - tag.len() - "<>".len();
                    self.start(&tag, tag.name().0.len(), window, begin, records)?;
                }
                Event::End(tag) => self.end(&tag, window, end, records)?,
                Event::Empty(tag) => {
                    let (begin, name_len) = (end - tag.len() - "</>".len(), tag.name().0.len());
                    self.start(&tag, name_len, window, begin, records)?;
                    self.end(&tag[..name_len], window, end, records)?;
                }
                Event::Eof => {
                    self.keep_blanks = keep;
                    return Ok(window.len());
                }
                other => self.rare(&other, window, end, records),
            }
            if !blanks && self.is_in_envelope() {
                let next = self.known_shapes(window, end, records)?;
                if next > end {
                    base = next;
                    reader = tokens(&window[next..], false);
                    keep = false;
                    continue;
                }
            }
            if blanks != keep {
                keep = blanks;
                reader.config_mut().trim_text_start = !blanks;
            }
        }
    }

    /// Whether a record may begin here.
    #[inline]
    fn is_in_envelope(&self) -> bool {
        self.record.is_none()
            && matches!(self.open.last(), Some(Open { what: What::Envelope(_), .. }))
    }

    /// Reads records for as long as they have known shapes, and says where the next one begins.
    fn known_shapes(
        &mut self,
        window: &str,
        mut at: usize,
        records: &mut dyn Records,
    ) -> Result<usize, ReadError> {
        let Some(Open { what: What::Envelope(parent), .. }) = self.open.last() else {
            return Ok(at);
        };
        let parent = Some(*parent);
        loop {
            let rest = window[at..].trim_ascii_start();
            let begin = window.len() - rest.len();
            let Some((tree, len)) = self.shapes.fit(rest, self.open.len()) else {
                return Ok(at);
            };
            let passed = window.as_bytes().get(self.counted..begin).unwrap_or_default();
            self.lines = self.lines.saturating_add(memchr_iter(b'\n', passed).count() as u32);
            self.counted = begin;
            let line = self.lines.saturating_add(1);
            if records.place(parent, "", tree.name(Tree::ROOT), line)? != Place::Record {
                return Ok(at);
            }
            hand_over(tree, line, self.table, records)?;
            at = begin + len;
        }
    }

    #[inline]
    fn start(
        &mut self,
        tag: &str,
        name_len: usize,
        window: &str,
        at: usize,
        records: &mut dyn Records,
    ) -> Result<(), ReadError> {
        let name = &tag[..name_len];
        if self.open.len() >= self.limits.depth {
            let line = self.line_at(window, at);
            return Err(ReadError::TooDeep { line, limit: self.limits.depth });
        }
        let number = self.table.number(name);
        let what = if self.record.is_none() {
            let line = self.line_now(window, at);
            self.seen_element = true;
            let parent = match self.open.last() {
                Some(Open { what: What::Envelope(parent), .. }) => Some(*parent),
                _ => None,
            };
            match records.place(parent, tag, number, line)? {
                Place::Envelope => What::Envelope(number),
                Place::Record => {
                    self.record = Some(line);
                    self.begin = Some(at);
                    self.gaps.clear();
                    self.tree.clear();
                    self.too_large = false;
                    What::Node(self.tree.open(number, tag, name_len))
                }
            }
        } else if self.too_large || self.has_no_room(tag.len()) {
            self.too_large = true;
            What::Skipped
        } else {
            What::Node(self.tree.open(number, tag, name_len))
        };
        self.open.push(Open { what, name_at: self.names.len() as u32 });
        self.names.push_str(name);
        Ok(())
    }

    #[inline]
    fn end(
        &mut self,
        name: &str,
        window: &str,
        at: usize,
        records: &mut dyn Records,
    ) -> Result<(), ReadError> {
        let Some(open) = self.open.pop() else {
            return self.malformed(window, at, "an element ends that never began".into());
        };
        let expected = &self.names[open.name_at as usize..];
        if expected != name && expected != name.trim_ascii_end() {
            let (begun, ended) = (self.shown(expected), self.shown(name));
            let reason = format!("{begun} is open, but {ended} ends");
            return self.malformed(window, at, reason);
        }
        self.names.truncate(open.name_at as usize);
        match open.what {
            What::Node(node) => {
                self.tree.close(node);
                if node == Tree::ROOT {
                    self.learn(window, at);
                    self.end_record(records)?;
                }
            }
            What::Envelope(number) => {
                let line = self.line_now(window, at);
                records.leave(number, line)?;
            }
            What::Skipped => {}
        }
        Ok(())
    }

    /// Remembers the shape of the record that ends here.
    fn learn(&mut self, window: &str, end: usize) {
        let Some(begin) = self.begin.take().filter(|_| !self.too_large) else { return };
        if matches!(self.open.last(), Some(Open { what: What::Envelope(_), .. })) {
            for gap in &mut self.gaps {
                gap.start -= begin;
                gap.end -= begin;
            }
            self.shapes.learn(&window[begin..end], &self.gaps, &self.tree, self.open.len());
        }
    }

    fn end_record(&mut self, records: &mut dyn Records) -> Result<(), ReadError> {
        let line = self.record.take().unwrap_or_default();
        if self.too_large {
            let name = self.table.name(self.tree.name(Tree::ROOT));
            let message = format!("one `{name}` is larger than any real one; it is left out");
            records.odd(&codes::RECORD_TOO_LARGE, line, message);
            return Ok(());
        }
        hand_over(&self.tree, line, self.table, records)
    }

    /// The end of the file: everything must be closed.
    fn finish(&self, text: &str) -> Result<(), ReadError> {
        let line = self.line_at(text, text.len());
        match self.open.last() {
            None if !self.seen_element => Err(ReadError::Empty),
            None => Ok(()),
            Some(open) => {
                let name = self.shown(&self.names[open.name_at as usize..]);
                Err(ReadError::Truncated { line, inside: format!("{name} is not closed") })
            }
        }
    }

    fn broken(&self, window: &str, at: usize, error: &XmlError) -> ReadError {
        let rest = window.get(at..).unwrap_or_default();
        let left = rest.trim_ascii_start().len();
        let line = self.line_at(window, window.len() - left);
        match error {
            XmlError::Syntax(SyntaxError::InvalidBangMarkup) if left >= 9 => {
                ReadError::Malformed { line, reason: "`<!` begins nothing known".into() }
            }
            XmlError::Syntax(_) => {
                let line = self.line_at(window, window.len());
                ReadError::Truncated { line, inside: "markup is not closed".into() }
            }
            _ => ReadError::Malformed { line, reason: "markup that is none".into() },
        }
    }

    fn markup_too_long(&self, text: &str, at: usize) -> ReadError {
        let limit = self.limits.markup_bytes;
        let line = self.line_at(text, at);
        ReadError::Malformed {
            line,
            reason: format!("a tag, comment or text does not end within {limit} bytes"),
        }
    }

    fn malformed(&self, window: &str, at: usize, reason: String) -> Result<(), ReadError> {
        Err(ReadError::Malformed { line: self.line_at(window, at), reason })
    }

    /// A tag's name for an error text. Only known names show: anything may stand in a broken file.
    fn shown(&self, tag: &str) -> String {
        match self.table.number(tag.trim_ascii_end()) {
            OTHER => "an element".to_owned(),
            number => format!("`{}`", self.table.name(number)),
        }
    }

    #[inline]
    fn has_no_room(&self, more: usize) -> bool {
        self.tree.len() >= self.limits.record_elements
            || self.tree.size() + more > self.limits.record_bytes
    }

    /// The line of a place in the window. Places behind it are counted from there, so that a file
    /// full of oddities is not counted over and over.
    fn line_now(&mut self, window: &str, at: usize) -> u32 {
        if at > self.counted {
            self.lines = self.line_at(window, at) - 1;
            self.counted = at;
        }
        self.lines.saturating_add(1)
    }

    /// The line of a place in the window, not before the last one asked for.
    fn line_at(&self, window: &str, at: usize) -> u32 {
        let passed = window.as_bytes().get(self.counted..at).unwrap_or_default();
        self.lines.saturating_add(memchr_iter(b'\n', passed).count() as u32).saturating_add(1)
    }
}

/// A reader of markup that checks no names: names are compared across windows.
fn tokens(text: &str, keep_blanks: bool) -> Reader<&[u8]> {
    let mut reader = Reader::from_reader(text.as_bytes());
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    config.trim_text_start = !keep_blanks;
    reader
}

fn hand_over(
    tree: &Tree,
    line: u32,
    table: &NameTable,
    records: &mut dyn Records,
) -> Result<(), ReadError> {
    records.record(tree, line)?;
    if tree.has_bad_attributes() {
        let name = table.name(tree.name(Tree::ROOT));
        let message = format!("a tag in this `{name}` has an attribute that is not key=\"value\"");
        records.odd(&codes::BAD_ATTRIBUTE, line, message);
    }
    Ok(())
}

/// Whether the window ends inside of markup.
fn is_unclosed(error: &XmlError) -> bool {
    matches!(error, XmlError::Syntax(syntax) if *syntax != SyntaxError::InvalidBangMarkup)
}

#[cfg(test)]
mod tests;
