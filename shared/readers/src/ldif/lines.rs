//! The lines of LDIF: unfolded, and taken apart.

use crate::ReadError;

/// A line with what was folded behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins, counted from 1.
    pub(super) number: u32,
    /// All of it, without its end.
    pub(super) text: String,
}

/// Text to lines, whatever its pieces are.
pub(super) struct Lines {
    most: usize,
    /// The line of the file that is being read, counted from 1.
    pub(super) number: u32,
    /// What there is of it.
    piece: String,
    /// The line that may go on.
    open: Option<Line>,
}

impl Lines {
    pub(super) fn new(most: usize) -> Self {
        Self { most, number: 1, piece: String::new(), open: None }
    }

    /// Hands over each line that is known to have ended.
    pub(super) fn take(
        &mut self,
        text: &str,
        to: &mut dyn FnMut(Line) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for piece in text.split_inclusive('\n') {
            let end = piece.strip_suffix('\n');
            self.piece.push_str(end.unwrap_or(piece));
            let open = self.open.as_ref().map_or(0, |open| open.text.len());
            if open + self.piece.len() > self.most {
                let what = "one line of the directory's list";
                return Err(ReadError::TooLarge { what, limit: self.most as u64 });
            }
            if end.is_some() {
                self.end_piece(to)?;
            }
        }
        Ok(())
    }

    fn end_piece(
        &mut self,
        to: &mut dyn FnMut(Line) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let number = self.number;
        self.number += 1;
        let piece = std::mem::take(&mut self.piece);
        let text = piece.strip_suffix('\r').unwrap_or(&piece);
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if let (Some(rest), Some(open)) = (text.strip_prefix(' '), &mut self.open) {
            // Blanks alone, behind what is no value, are an empty line to whoever wrote them.
            if !(open.text.is_empty() && rest.trim().is_empty()) {
                open.text.push_str(rest);
            }
            return Ok(());
        }
        self.flush(to)?;
        self.open = Some(Line { number, text: text.to_owned() });
        Ok(())
    }

    fn flush(
        &mut self,
        to: &mut dyn FnMut(Line) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.open.take().map_or(Ok(()), to)
    }

    /// Hands over the last line. Every line has an end, so one without is cut off.
    pub(super) fn end(
        &mut self,
        to: &mut dyn FnMut(Line) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if !self.piece.trim().is_empty() {
            let inside = "its last line has no end".to_owned();
            return Err(ReadError::Truncated { line: self.number, inside });
        }
        self.flush(to)
    }
}

/// What stands before a value: `cn;lang-nl`, in small letters, its options in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    /// All of it.
    pub(super) whole: String,
    /// The attribute alone.
    pub(super) attribute: String,
}

impl Description {
    /// `None` where it is none.
    pub(super) fn read(written: &str) -> Option<Self> {
        let small = written.trim().to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let mut parts = small.split(';');
        let attribute = parts.next().filter(|name| !name.is_empty())?.to_owned();
        let mut options: Vec<&str> = parts.collect();
        let all = std::iter::once(attribute.as_str()).chain(options.iter().copied());
        if !all.into_iter().all(|part| !part.is_empty() && part.chars().all(plain)) {
            return None;
        }
        options.sort_unstable();
        let mut whole = attribute.clone();
        for option in &options {
            whole.push(';');
            whole.push_str(option);
        }
        Some(Self { whole, attribute })
    }

    pub(super) fn has_options(&self) -> bool {
        self.whole.len() > self.attribute.len()
    }

    /// Whether its values are bytes and no text.
    pub(super) fn is_binary(&self) -> bool {
        self.whole.split(';').skip(1).any(|option| option == "binary")
    }
}

/// The value behind the first colon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'l> {
    Plain(&'l str),
    Base64(&'l str),
    Url,
}

/// What a line says of which attribute; `None` where it is no such line.
pub(super) fn attribute(line: &str) -> Option<(Description, Value<'_>)> {
    let (description, value) = line.split_once(':')?;
    let description = Description::read(description)?;
    let value = match value.as_bytes().first() {
        Some(b':') => Value::Base64(value[1..].trim()),
        Some(b'<') => Value::Url,
        _ => Value::Plain(value.trim_start_matches(' ')),
    };
    Some((description, value))
}

/// The attributes in the first part of a name, with their values: `uid=ada` of
/// `uid=ada,ou=people`.
pub(super) fn first_rdn(dn: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let (mut name, mut value) = (None, Vec::new());
    let mut bytes = dn.bytes();
    loop {
        let byte = bytes.next();
        match (byte, &name) {
            (None | Some(b',' | b'+' | b';'), _) => {
                if let Some(name) = name.take() {
                    let text = String::from_utf8_lossy(&value).trim().to_owned();
                    pairs.push((name, text));
                }
                value.clear();
                if byte != Some(b'+') {
                    return pairs;
                }
            }
            (Some(b'='), None) => {
                name = Some(String::from_utf8_lossy(&value).trim().to_ascii_lowercase());
                value.clear();
            }
            (Some(b'\\'), _) => value.extend(escaped(&mut bytes)),
            (Some(other), _) => value.push(other),
        }
    }
}

/// What stands behind a backslash: two hexadecimal digits, or the character itself.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    let digits = [first, bytes.clone().next().unwrap_or(b'x')];
    let hex = std::str::from_utf8(&digits).ok().filter(|hex| !hex.starts_with('+'));
    match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        None => Some(first),
        Some(byte) => {
            bytes.next();
            Some(byte)
        }
    }
}
