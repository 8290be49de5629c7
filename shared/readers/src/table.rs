//! Lists as tables of text: a line of headings, then a line for each person, enrollment or course.
//!
//! What a line is and what its columns say is configured
//! ([`Columns`](roster::columns::Columns)); a column that is
//! not named there is not read, and an empty cell says nothing. A cell may stand in double quotes,
//! and then hold separators, line ends and doubled quotes.
//!
//! | what is wrong | then |
//! |---|---|
//! | a configured column is missing, or stands there twice | the export is refused |
//! | the last line stops before its last cell, or inside quotes | the export is refused: cut off |
//! | a line has more or fewer cells than the headings | the line is left out |
//! | no cell tells who it is, or in which course | the line is left out |
//! | a cell is no day, no status, too long | the cell is left out |
//! | two cells say different things of one field | the first counts |
//!
//! **Never:** the whole file in memory, and no guess at what a column means.

use roster::Sink;
use roster::columns::{Column, Columns};

use crate::codes;
use crate::encoding::{Issue, TextSource};
use crate::listed::{Listed, Words};
use crate::{Properties, ReadError, ReadOptions};

/// What can stand between two cells.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// Reads all of `source`.
pub(crate) fn read(
    source: &mut TextSource<'_>,
    file: u32,
    options: &ReadOptions,
    sink: &mut dyn Sink,
) -> Result<Properties, ReadError> {
    let mut table = Table { listed: Listed::new(file, options, sink, WORDS), columns: None };
    rows(source, options.columns.separator, options.limits.markup_bytes, &mut table)?;
    match table.columns {
        None => Err(ReadError::Empty),
        Some(_) => Ok(Properties::default()),
    }
}

/// Takes the lines of a table one by one.
pub(crate) trait TakesRows {
    /// How many cells a line has; 0 before the headings.
    fn width(&self) -> usize;
    /// Something odd about the encoding.
    fn issue(&mut self, line: u32, issue: Issue);
    /// The next line; the first is the headings.
    fn row(&mut self, row: &Row) -> Result<(), ReadError>;
}

/// Hands the lines of a table over. A line has `most` bytes at most.
pub(crate) fn rows(
    source: &mut TextSource<'_>,
    separator: Option<char>,
    most: usize,
    to: &mut dyn TakesRows,
) -> Result<(), ReadError> {
    let mut rows = Rows::new(separator, most);
    let mut text = String::new();
    while source.fill(&mut text)? {
        for issue in source.take_issues() {
            let before = text.get(..issue.at).unwrap_or_default();
            to.issue(rows.line + before.matches('\n').count() as u32, issue);
        }
        rows.take(&text)?;
        text.clear();
        for row in rows.done.drain(..) {
            to.row(&row)?;
        }
    }
    if let Some(last) = rows.end()? {
        if last.cells.len() < to.width() {
            return Err(cut_off(last.line));
        }
        to.row(&last)?;
    }
    Ok(())
}

/// Whether `head`, the start of a file, begins with the headings of these columns.
pub(crate) fn begins(head: &str, columns: &Columns) -> bool {
    let mut rows = Rows::new(columns.separator, usize::MAX);
    // What cannot be read behind them does not count here.
    let _ = rows.take(head);
    let last = rows.done.is_empty().then(|| rows.end()).and_then(Result::ok).flatten();
    let headings = rows.done.first().or(last.as_ref());
    let has = |row: &Row, name: &String| row.cells.iter().any(|cell| cell.trim() == name);
    headings.is_some_and(|row| columns.of.keys().all(|name| has(row, name)))
}

fn cut_off(line: u32) -> ReadError {
    ReadError::Truncated { line, inside: "the last line of the table".to_owned() }
}

const WORDS: Words = Words { line: "line", cell: "cell" };

struct Table<'a> {
    listed: Listed<'a>,
    /// What each cell of a line says; known from the headings on.
    columns: Option<Vec<Vec<Column>>>,
}

impl TakesRows for Table<'_> {
    fn width(&self) -> usize {
        self.columns.as_ref().map_or(0, Vec::len)
    }

    fn issue(&mut self, line: u32, issue: Issue) {
        self.listed.find(issue.code, line, None, issue.message);
    }

    fn row(&mut self, row: &Row) -> Result<(), ReadError> {
        let Some(columns) = &self.columns else {
            self.columns = Some(self.headings(row)?);
            return Ok(());
        };
        let (has, wanted) = (row.cells.len(), columns.len());
        if has == wanted {
            let cells = columns.iter().map(Vec::as_slice).zip(row.cells.iter().map(String::as_str));
            let cells: Vec<_> = cells.filter(|(columns, _)| !columns.is_empty()).collect();
            self.listed.row(row.line, &cells);
        } else {
            let message = format!(
                "the line has {has} cells where the headings have {wanted}; it is left out"
            );
            self.listed.find(&codes::ROW_CELLS, row.line, None, message);
        }
        Ok(())
    }
}

impl Table<'_> {
    fn headings(&self, row: &Row) -> Result<Vec<Vec<Column>>, ReadError> {
        let wanted = &self.listed.options().columns.of;
        for name in wanted.keys() {
            let times = row.cells.iter().filter(|cell| cell.trim() == name).count();
            if times != 1 {
                let how = if times == 0 { "is missing" } else { "stands there more than once" };
                return Err(ReadError::Malformed {
                    line: row.line,
                    reason: format!("the column `{name}` {how}"),
                });
            }
        }
        let says = |cell: &String| wanted.get(cell.trim()).cloned().unwrap_or_default();
        Ok(row.cells.iter().map(says).collect())
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where it begins.
    pub(crate) line: u32,
    pub(crate) cells: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the start of a cell.
    Start,
    /// In a cell without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// Behind quotes that were closed, or are doubled.
    Closed,
}

/// Text to lines of cells, whatever its pieces are.
struct Rows {
    separator: Option<char>,
    most: usize,
    /// The headings, until the separator is known.
    head: String,
    at: At,
    /// The line that is being read, counted from 1, and the one that the row began on.
    line: u32,
    began: u32,
    size: usize,
    cell: String,
    cells: Vec<String>,
    done: Vec<Row>,
}

impl Rows {
    fn new(separator: Option<char>, most: usize) -> Self {
        let (head, cell, cells, done) = (String::new(), String::new(), Vec::new(), Vec::new());
        Self { separator, most, head, at: At::Start, line: 1, began: 1, size: 0, cell, cells, done }
    }

    fn take(&mut self, text: &str) -> Result<(), ReadError> {
        if self.separator.is_some() {
            return self.parse(text);
        }
        self.head.push_str(text);
        let first = self.head.trim_start_matches(['\u{feff}', '\r', '\n']);
        if first.contains('\n') || self.head.len() > self.most {
            self.find_separator();
            let head = std::mem::take(&mut self.head);
            return self.parse(&head);
        }
        Ok(())
    }

    /// The separator that stands most often in the headings.
    fn find_separator(&mut self) {
        let headings = self.head.trim_start_matches(['\u{feff}', '\r', '\n']);
        let headings = headings.lines().next().unwrap_or_default();
        let count = |separator: &char| headings.matches(*separator).count();
        // Of several that stand equally often the first in the list.
        let most = SEPARATORS.into_iter().rev().max_by_key(count);
        self.separator = most.filter(|most| count(most) > 0).or(Some(','));
    }

    fn parse(&mut self, text: &str) -> Result<(), ReadError> {
        let separator = self.separator.unwrap_or(',');
        for c in text.chars() {
            self.size += c.len_utf8();
            if self.size > self.most {
                let what = "one line of the table";
                return Err(ReadError::TooLarge { what, limit: self.most as u64 });
            }
            match (self.at, c) {
                (At::Quoted, '"') => self.at = At::Closed,
                (At::Quoted, c) => self.cell.push(c),
                (At::Closed, '"') => {
                    self.cell.push('"');
                    self.at = At::Quoted;
                }
                (_, '\n') => self.end_row(),
                (_, '\r' | '\u{feff}') => {}
                (_, c) if c == separator => self.end_cell(),
                (At::Start, '"') => self.at = At::Quoted,
                (At::Start, ' ') => {}
                (At::Closed, ' ') => {}
                (At::Closed, _) => {
                    let reason = "text behind a closing quote: a quote in a cell is doubled";
                    return Err(ReadError::Malformed { line: self.line, reason: reason.into() });
                }
                (_, c) => {
                    self.cell.push(c);
                    self.at = At::Plain;
                }
            }
            if c == '\n' {
                self.line += 1;
                if self.at == At::Start && self.cells.is_empty() {
                    self.began = self.line;
                }
            }
        }
        Ok(())
    }

    fn end_cell(&mut self) {
        self.cells.push(std::mem::take(&mut self.cell));
        self.at = At::Start;
    }

    fn end_row(&mut self) {
        let blank = self.cells.is_empty() && self.cell.is_empty() && self.at == At::Start;
        self.size = 0;
        if blank {
            return;
        }
        self.end_cell();
        let cells = std::mem::take(&mut self.cells);
        self.done.push(Row { line: self.began, cells });
    }

    /// The last line, where no line end stands behind it.
    fn end(&mut self) -> Result<Option<Row>, ReadError> {
        if self.separator.is_none() {
            self.find_separator();
            let head = std::mem::take(&mut self.head);
            self.parse(&head)?;
        }
        if self.at == At::Quoted {
            return Err(cut_off(self.line));
        }
        self.end_row();
        Ok(self.done.pop())
    }
}

#[cfg(test)]
mod tests;
