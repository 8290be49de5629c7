//! Lists of keys that change: a line of headings, then a line with the old and the new key of each
//! person or course.
//!
//! ```text
//! old_key;new_key;kind;date
//! 4711;A-4711;person;2026-09-01
//! C-12;BIO-12;course;2026-09-01
//! ```
//!
//! Which column says what is known by its heading or configured
//! ([`ChangeColumns`](roster::changes::ChangeColumns)); any other is not read. The order of lines
//! does not matter: what follows on what is seen by the keys.
//!
//! | what is wrong | then |
//! |---|---|
//! | no column, or more than one, says the old key; the same of the new one | the export is refused |
//! | the last line stops before its last cell, or inside quotes | the export is refused: cut off |
//! | a line has more or fewer cells than the headings, or lacks a key, or has one longer than any | the line is left out |
//! | a line is about neither a person nor a course | the line is left out |
//! | a line has no new key, or the same | nothing: the key stays |
//!
//! **Never:** no record is made here. A list of changes says nothing of who is there.

use roster::changes::Says;
use roster::{Finding, FormerKey, Kind, Origin, Sink, Text, normal};

use crate::codes::{self, Code};
use crate::encoding::{Issue, TextSource};
use crate::table::{Row, TakesRows, rows};
use crate::{Properties, ReadError, ReadOptions};

/// Reads all of `source`.
pub(crate) fn read(
    source: &mut TextSource<'_>,
    file: u32,
    options: &ReadOptions,
    sink: &mut dyn Sink,
) -> Result<Properties, ReadError> {
    let mut list = List { file, options, sink, columns: None };
    rows(source, options.columns.separator, options.limits.markup_bytes, &mut list)?;
    match list.columns {
        None => Err(ReadError::Empty),
        Some(_) => Ok(Properties::default()),
    }
}

struct List<'a> {
    file: u32,
    options: &'a ReadOptions,
    sink: &'a mut dyn Sink,
    columns: Option<Places>,
}

/// Where in a line stands what.
#[derive(Debug, Clone, Copy)]
struct Places {
    width: usize,
    old: usize,
    new: usize,
    kind: Option<usize>,
    /// What every line is about, where the headings say that.
    of: Option<Kind>,
}

impl TakesRows for List<'_> {
    fn width(&self) -> usize {
        self.columns.map_or(0, |columns| columns.width)
    }

    fn issue(&mut self, line: u32, issue: Issue) {
        self.find(issue.code, line, None, issue.message);
    }

    fn row(&mut self, row: &Row) -> Result<(), ReadError> {
        match self.columns {
            None => self.columns = Some(self.headings(row)?),
            Some(columns) if columns.width != row.cells.len() => {
                let (has, wanted) = (row.cells.len(), columns.width);
                let message = format!(
                    "the line has {has} cells where the headings have {wanted}; it is left out"
                );
                self.find(&codes::ROW_CELLS, row.line, None, message);
            }
            Some(columns) => self.change(columns, row),
        }
        Ok(())
    }
}

impl List<'_> {
    fn headings(&self, row: &Row) -> Result<Places, ReadError> {
        let says = row.cells.iter().map(|cell| self.options.changes.says(cell));
        let (mut old, mut new, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for (at, says) in says.enumerate() {
            match says {
                Some(Says::Old(of)) => old.push((at, of)),
                Some(Says::New(of)) => new.push((at, of)),
                Some(Says::Kind) => kinds.push(at),
                None => {}
            }
        }
        let one = |found: &[(usize, Option<Kind>)], what: &str| match found {
            [one] => Ok(*one),
            found => {
                let how = if found.is_empty() { "no column says" } else { "several columns say" };
                let reason = format!(
                    "{how} which is the {what} key: call one `{what}_key`, or name it in the \
                     source's `changes`"
                );
                Err(ReadError::Malformed { line: row.line, reason })
            }
        };
        let ((old, old_of), (new, new_of)) = (one(&old, "old")?, one(&new, "new")?);
        if let (Some(one), Some(other)) = (old_of, new_of)
            && one != other
        {
            let reason = format!("the old key is one of a {one}, the new key one of a {other}");
            return Err(ReadError::Malformed { line: row.line, reason });
        }
        let (width, kind) = (row.cells.len(), kinds.first().copied());
        Ok(Places { width, old, new, kind, of: old_of.or(new_of) })
    }

    fn change(&mut self, columns: Places, row: &Row) {
        let Some(kind) = self.kind(columns, row) else { return };
        let (Some(old), new) =
            (normal::id(&row.cells[columns.old]), normal::id(&row.cells[columns.new]))
        else {
            let message = "nothing in the line tells whose key changes; it is left out".to_owned();
            return self.find(&codes::MISSING_SOURCEDID, row.line, None, message);
        };
        let Some(new) = new.filter(|new| *new != old) else { return };
        let most = self.options.limits.id_chars;
        if [&old, &new].into_iter().any(|key| key.chars().count() > most) {
            let message = "the line has an id longer than any real one; it is left out".to_owned();
            return self.find(&codes::ID_TOO_LONG, row.line, None, message);
        }
        let origin = Origin { file: self.file, line: row.line };
        self.sink.rekey(FormerKey { kind, former: old, current: new, origin });
    }

    fn kind(&mut self, columns: Places, row: &Row) -> Option<Kind> {
        let cell = columns.kind.map(|at| row.cells[at].trim().to_lowercase());
        let otherwise = columns.of.unwrap_or(self.options.changes.default_kind());
        match cell.as_deref() {
            None | Some("") => Some(otherwise),
            Some("person" | "user") => Some(Kind::Person),
            Some("course" | "section") => Some(Kind::Course),
            Some(_) => {
                let message = "the line is about neither a person nor a course; it is left out";
                self.find(&codes::UNREADABLE_CELL, row.line, None, message.to_owned());
                None
            }
        }
    }

    fn find(&mut self, code: &'static Code, line: u32, key: Option<Text>, message: String) {
        let origin = Origin { file: self.file, line };
        let (severity, code) = (code.severity, code.name);
        self.sink.finding(Finding { severity, code, message, origin, key });
    }
}

#[cfg(test)]
mod tests;
