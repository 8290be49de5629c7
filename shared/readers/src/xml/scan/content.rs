//! What stands inside of elements and around them.

use quick_xml::events::Event;

use super::super::refs;
use super::super::shape::Gap;
use super::{Open, Records, Scanner, What};
use crate::codes;

impl Scanner<'_> {
    #[inline]
    pub(super) fn text(&mut self, text: &str, window: &str, at: usize, records: &mut dyn Records) {
        if text.starts_with('&') {
            self.begin = None;
            let line = self.line_now(window, at);
            let message = "an `&` stands alone; it is taken as it stands, write `&amp;`".into();
            records.odd(&codes::RAW_AMPERSAND, line, message);
        }
        self.add(text, window, at, records);
    }

    #[inline]
    fn add(&mut self, text: &str, window: &str, at: usize, records: &mut dyn Records) {
        let node = match self.open.last() {
            Some(Open { what: What::Node(node), .. }) => *node,
            Some(Open { what: What::Skipped, .. }) => return,
            _ => return self.outside(text, window, at, records),
        };
        if self.too_large || self.has_no_room(text.len()) {
            self.too_large = true;
            return;
        }
        let is_blank = text.as_bytes().first().is_none_or(u8::is_ascii_whitespace)
            && text.trim_ascii().is_empty();
        if is_blank && !self.tree.has_text(node) {
            return;
        }
        let is_first = !self.tree.has_text(node);
        let is_added = self.tree.add_text(node, text);
        if is_added && is_first {
            self.gaps.push(Gap { start: at, end: at + text.len(), node });
        } else {
            self.begin = None;
        }
        if !is_added && !is_blank {
            let line = self.line_now(window, at);
            let message = "text stands between elements; it is left out".into();
            records.odd(&codes::STRAY_TEXT, line, message);
        }
    }

    fn outside(&mut self, text: &str, window: &str, at: usize, records: &mut dyn Records) {
        let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0' | '\u{1a}');
        if !text.trim_matches(is_blank).is_empty() {
            let line = self.line_now(window, at);
            let message = "text stands outside of any record; it is left out".into();
            records.odd(&codes::STRAY_TEXT, line, message);
        }
    }

    fn reference(&mut self, inside: &str, window: &str, at: usize, records: &mut dyn Records) {
        if let Some(c) = refs::character(inside) {
            return self.add(c.encode_utf8(&mut [0; 4]), window, at, records);
        }
        let line = self.line_now(window, at);
        let is_name = inside.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
        let (code, message) = match is_name {
            true => (
                &codes::UNKNOWN_ENTITY,
                "an entity that is none of XML's own five; it is taken as it stands".to_owned(),
            ),
            false => (
                &codes::RAW_AMPERSAND,
                "an `&` stands alone; it is taken as it stands, write `&amp;`".to_owned(),
            ),
        };
        records.odd(code, line, message);
        self.add("&", window, at, records);
        self.add(inside, window, at, records);
        self.add(";", window, at, records);
    }

    fn declaration(&mut self, window: &str, at: usize, records: &mut dyn Records) {
        let misplaced = self.seen_element || self.seen_prolog || at > 0 || self.lines > 0;
        if misplaced {
            let line = self.line_now(window, at);
            let message = "the XML declaration does not stand at the very beginning".into();
            records.odd(&codes::DECLARATION_MISPLACED, line, message);
        }
        self.seen_prolog = true;
    }

    fn doctype(&mut self, doctype: &str, window: &str, at: usize, records: &mut dyn Records) {
        self.seen_prolog = true;
        let line = self.line_now(window, at);
        if doctype.contains("<!ENTITY") {
            let message = "the export declares entities of its own; they are never expanded".into();
            records.odd(&codes::ENTITY_DECLARED, line, message);
        } else if doctype.contains("SYSTEM") || doctype.contains("PUBLIC") {
            let message = "the export names a DTD; it is never fetched".into();
            records.odd(&codes::DTD_NOT_FETCHED, line, message);
        }
    }

    /// Markup that hardly ever stands inside of a record.
    pub(super) fn rare(
        &mut self,
        event: &Event<'_>,
        window: &str,
        end: usize,
        records: &mut dyn Records,
    ) {
        self.begin = None;
        match event {
            Event::CData(text) => self.add(text, window, end, records),
            Event::GeneralRef(inside) => self.reference(inside, window, end, records),
            Event::Decl(tag) => {
                let begin = end - tag.len() - "<??>".len();
                self.declaration(window, begin, records);
            }
            Event::DocType(doctype) => {
                self.doctype(doctype, window, end - doctype.len() - 1, records);
            }
            _ => self.seen_prolog = true,
        }
    }
}
