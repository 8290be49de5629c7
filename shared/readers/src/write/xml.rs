//! Elements onto an `io::Write`: indented or in one line, in any of four encodings.

use std::io::{self, Write};

use roster::Text;

/// How text becomes bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// What everybody should write.
    #[default]
    Utf8,
    /// ISO-8859-1; what it lacks is written as a character reference.
    Latin1,
    /// UTF-16, low byte first, with a byte order mark.
    Utf16Le,
    /// UTF-16, high byte first, with a byte order mark.
    Utf16Be,
}

/// How elements are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// One element a line, indented by depth.
    #[default]
    Indented,
    /// All in one line.
    OneLine,
}

/// Bytes of text that are kept before they are encoded and written.
const CHUNK: usize = 64 << 10;

/// An element's attributes: name and value.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

/// Writes elements. It keeps count of what is open and never writes a byte out of order.
pub(super) struct XmlOut<W: Write> {
    out: W,
    text: String,
    bytes: Vec<u8>,
    open: Vec<&'static str>,
    encoding: Encoding,
    layout: Layout,
}

impl<W: Write> XmlOut<W> {
    /// Begins a document: byte order mark where the encoding has one, and the XML declaration.
    pub(super) fn new(out: W, encoding: Encoding, layout: Layout) -> Self {
        let mut text = String::with_capacity(CHUNK + 4096);
        let name = match encoding {
            Encoding::Utf8 => "UTF-8",
            Encoding::Latin1 => "ISO-8859-1",
            Encoding::Utf16Le | Encoding::Utf16Be => {
                text.push('\u{feff}');
                "UTF-16"
            }
        };
        text.push_str("<?xml version=\"1.0\" encoding=\"");
        text.push_str(name);
        text.push_str("\"?>");
        if layout == Layout::Indented {
            text.push('\n');
        }
        Self { out, text, bytes: Vec::new(), open: Vec::new(), encoding, layout }
    }

    /// `<name attributes>`, to be closed by [`close`](Self::close).
    pub(super) fn open(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
    ) -> io::Result<()> {
        self.indent();
        self.tag(name, attributes);
        self.text.push('>');
        self.end_line();
        self.open.push(name);
        self.spill()
    }

    /// Closes what was opened last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let Some(name) = self.open.pop() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no element is open"));
        };
        self.indent();
        self.end_tag(name);
        self.spill()
    }

    /// `<name attributes>text</name>`.
    pub(super) fn leaf(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        text: &str,
    ) -> io::Result<()> {
        self.indent();
        self.tag(name, attributes);
        if text.is_empty() {
            self.text.push_str("/>");
            self.end_line();
        } else {
            self.text.push('>');
            self.escape(text);
            self.end_tag(name);
        }
        self.spill()
    }

    /// A [`leaf`](Self::leaf) without attributes, where there is a value.
    pub(super) fn maybe(&mut self, name: &'static str, text: Option<&Text>) -> io::Result<()> {
        match text {
            Some(text) => self.leaf(name, &[], text),
            None => Ok(()),
        }
    }

    /// `<a><b>text</b></a>` for the path `a`, `b`; only the innermost has text.
    pub(super) fn nested(&mut self, path: &[&str], text: &str) -> io::Result<()> {
        self.indent();
        path.iter().for_each(|name| self.tag_alone(name));
        self.escape(text);
        for name in path.iter().rev() {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
        self.end_line();
        self.spill()
    }

    /// Closes what is open, writes out what is left, and gives the output back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        while !self.open.is_empty() {
            self.close()?;
        }
        if self.layout == Layout::OneLine {
            self.text.push('\n');
        }
        self.write_out()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn tag(&mut self, name: &str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value);
            self.text.push('"');
        }
    }

    fn tag_alone(&mut self, name: &str) {
        self.tag(name, &[]);
        self.text.push('>');
    }

    fn end_tag(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        self.end_line();
    }

    fn indent(&mut self) {
        if self.layout == Layout::Indented {
            (0..self.open.len()).for_each(|_| self.text.push_str("  "));
        }
    }

    fn end_line(&mut self) {
        if self.layout == Layout::Indented {
            self.text.push('\n');
        }
    }

    /// Appends `text` as it may stand in content and in a quoted attribute. Control characters,
    /// which XML cannot carry and no reader keeps, are left out.
    fn escape(&mut self, text: &str) {
        let plain = |b: u8| (0x20..0x7f).contains(&b) && !b"&<>\"".contains(&b);
        if text.bytes().all(plain) {
            self.text.push_str(text);
            return;
        }
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // As themselves they would be read as blanks or line ends.
                '\t' | '\n' | '\r' => self.reference(c),
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
                '\u{7f}'..='\u{9f}' => self.reference(c),
                '\u{100}'.. if self.encoding == Encoding::Latin1 => self.reference(c),
                c => self.text.push(c),
            }
        }
    }

    fn reference(&mut self, c: char) {
        self.text.push_str("&#x");
        self.text.push_str(&format!("{:X}", u32::from(c)));
        self.text.push(';');
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.text.len() >= CHUNK { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.bytes.clear();
        let written = match self.encoding {
            Encoding::Utf8 => self.out.write_all(self.text.as_bytes()),
            Encoding::Latin1 => {
                // Everything beyond it has become a reference in `escape`.
                self.bytes.extend(self.text.chars().map(|c| c as u8));
                self.out.write_all(&self.bytes)
            }
            Encoding::Utf16Le => {
                self.bytes.extend(self.text.encode_utf16().flat_map(u16::to_le_bytes));
                self.out.write_all(&self.bytes)
            }
            Encoding::Utf16Be => {
                self.bytes.extend(self.text.encode_utf16().flat_map(u16::to_be_bytes));
                self.out.write_all(&self.bytes)
            }
        };
        self.text.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(encoding: Encoding, layout: Layout) -> Vec<u8> {
        let mut xml = XmlOut::new(Vec::new(), encoding, layout);
        xml.open("a", &[("k", "1 < \"2\"")]).unwrap();
        xml.leaf("b", &[], "R & D\nŁódź é").unwrap();
        xml.leaf("c", &[("x", "y")], "").unwrap();
        xml.finish().unwrap()
    }

    #[test]
    fn elements_are_escaped_and_laid_out() {
        let indented = String::from_utf8(write(Encoding::Utf8, Layout::Indented)).unwrap();
        let expected = concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<a k=\"1 &lt; &quot;2&quot;\">\n",
            "  <b>R &amp; D&#xA;Łódź é</b>\n",
            "  <c x=\"y\"/>\n",
            "</a>\n",
        );
        assert_eq!(indented, expected);
        let line = String::from_utf8(write(Encoding::Utf8, Layout::OneLine)).unwrap();
        assert_eq!(line.replace('\n', ""), expected.replace("\n  ", "").replace('\n', ""));
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn encodings() {
        let latin = write(Encoding::Latin1, Layout::Indented);
        let latin: String = latin.into_iter().map(char::from).collect();
        assert!(latin.contains("encoding=\"ISO-8859-1\""));
        assert!(latin.contains("&#x141;ód&#x17A; é"), "{latin}");
        let units = |bytes: Vec<u8>, from: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks(2).map(|c| from([c[0], c[1]])).collect();
            String::from_utf16(&units).unwrap()
        };
        let low = units(write(Encoding::Utf16Le, Layout::OneLine), u16::from_le_bytes);
        let high = units(write(Encoding::Utf16Be, Layout::OneLine), u16::from_be_bytes);
        assert_eq!(low, high);
        assert!(low.starts_with("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-16\"?>"));
    }

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        let mut xml = XmlOut::new(Vec::new(), Encoding::Utf8, Layout::OneLine);
        xml.leaf("a", &[("b", "\u{0}1")], "x\u{1}y\u{ffff}").unwrap();
        let text = String::from_utf8(xml.finish().unwrap()).unwrap();
        assert!(text.ends_with("<a b=\"1\">xy</a>\n"), "{text}");
    }
}
