//! Lists of persons as tables of text: a line of headings, then a line for each person.
//!
//! What the columns say is configured ([`Columns`](roster::columns::Columns)); a column that is
//! not named there is not read, and an empty cell says nothing. A cell may stand in double quotes,
//! and then hold separators, line ends and doubled quotes.
//!
//! | what is wrong | then |
//! |---|---|
//! | a configured column is missing, or stands there twice | the export is refused |
//! | the last line stops before its last cell, or inside quotes | the export is refused: cut off |
//! | a line has more or fewer cells than the headings | the line is left out |
//! | no cell tells who it is | the line is left out |
//! | a cell is no day, no status, too long | the cell is left out |
//!
//! **Never:** the whole file in memory, and no guess at what a column means.

use roster::columns::PersonColumn;
use roster::{Finding, Origin, Person, PersonKey, Sink, Text, normal};

use crate::codes::{self, Code};
use crate::encoding::TextSource;
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
    let mut table = Table { file, options, sink, columns: None };
    let mut rows = Rows::new(options.columns.separator, options.limits.markup_bytes);
    let mut text = String::new();
    while source.fill(&mut text)? {
        for issue in source.take_issues() {
            let before = text.get(..issue.at).unwrap_or_default();
            let line = rows.line + before.matches('\n').count() as u32;
            table.find(issue.code, line, None, issue.message);
        }
        rows.take(&text)?;
        text.clear();
        for row in rows.done.drain(..) {
            table.row(&row)?;
        }
    }
    if let Some(last) = rows.end()? {
        let width = table.columns.as_ref().map_or(0, Vec::len);
        if last.cells.len() < width {
            return Err(cut_off(last.line));
        }
        table.row(&last)?;
    }
    match table.columns {
        None => Err(ReadError::Empty),
        Some(_) => Ok(Properties::default()),
    }
}

fn cut_off(line: u32) -> ReadError {
    ReadError::Truncated { line, inside: "the last line of the table".to_owned() }
}

struct Table<'a> {
    file: u32,
    options: &'a ReadOptions,
    sink: &'a mut dyn Sink,
    /// What each cell of a line says; known from the headings on.
    columns: Option<Vec<Vec<PersonColumn>>>,
}

impl Table<'_> {
    fn row(&mut self, row: &Row) -> Result<(), ReadError> {
        match &self.columns {
            None => {
                self.columns = Some(self.headings(row)?);
                Ok(())
            }
            Some(columns) if columns.len() != row.cells.len() => {
                let (has, wanted) = (row.cells.len(), columns.len());
                let message = format!(
                    "the line has {has} cells where the headings have {wanted}; it is left out"
                );
                self.find(&codes::ROW_CELLS, row.line, None, message);
                Ok(())
            }
            Some(_) => {
                self.person(row);
                Ok(())
            }
        }
    }

    fn headings(&self, row: &Row) -> Result<Vec<Vec<PersonColumn>>, ReadError> {
        let wanted = &self.options.columns.of;
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

    fn person(&mut self, row: &Row) {
        let Some(columns) = self.columns.take() else { return };
        if let Some(key) = self.key(&columns, row) {
            let mut person = Person::new(key);
            for (columns, cell) in columns.iter().zip(&row.cells) {
                let cell = cell.trim();
                if !cell.is_empty() && !columns.is_empty() {
                    self.cell(&mut person, columns, cell, row.line);
                }
            }
            let origin = Origin { file: self.file, line: row.line };
            self.sink.record(person.into(), origin);
        }
        self.columns = Some(columns);
    }

    /// The key of the line's person: as it says, else made of what tells them from others in this
    /// list.
    fn key(&mut self, columns: &[Vec<PersonColumn>], row: &Row) -> Option<PersonKey> {
        let cell = |is: &dyn Fn(&PersonColumn) -> bool| {
            let at = columns.iter().position(|columns| columns.iter().any(is))?;
            normal::id(&row.cells[at])
        };
        let named = |name: &'static str| move |column: &PersonColumn| matches!(column, PersonColumn::Field(f) if f.name == name);
        let has_key = columns.iter().flatten().any(|column| *column == PersonColumn::Key);
        let id = if has_key {
            cell(&|column| *column == PersonColumn::Key)
        } else {
            // Not taken for anybody's own key.
            let other = cell(&named("username")).or_else(|| cell(&named("email")));
            other.map(|value| Text::from(format!("row:{}", value.to_lowercase())))
        };
        match id {
            None => {
                let message = "nothing in the line tells who it is; it is left out".to_owned();
                self.find(&codes::MISSING_SOURCEDID, row.line, None, message);
                None
            }
            Some(id) if id.chars().count() > self.options.limits.id_chars => {
                let message = "the line has an id longer than any real one; it is left out";
                self.find(&codes::ID_TOO_LONG, row.line, None, message.to_owned());
                None
            }
            Some(id) => Some(PersonKey::from(id)),
        }
    }

    fn cell(&mut self, person: &mut Person, columns: &[PersonColumn], cell: &str, line: u32) {
        let key = Text::from(person.key().to_string());
        if cell.chars().count() > self.options.limits.value_chars {
            let message = "a cell is longer than any real value; it is left out".to_owned();
            self.find(&codes::VALUE_TOO_LONG, line, Some(key), message);
            return;
        }
        for column in columns {
            let mut put = column.put(person, cell);
            if !put && let Some(day) = crate::date::day(cell) {
                put = column.put(person, &day.to_string());
            }
            if !put {
                let what = match column {
                    PersonColumn::Field(field) => field.name,
                    _ => "a list",
                };
                let message = format!("a cell is nothing that {what} can be; it is left out");
                self.find(&codes::UNREADABLE_CELL, line, Some(key.clone()), message);
            }
        }
    }

    fn find(&mut self, code: &'static Code, line: u32, key: Option<Text>, message: String) {
        let origin = Origin { file: self.file, line };
        let (severity, code) = (code.severity, code.name);
        self.sink.finding(Finding { severity, code, message, origin, key });
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// Where it begins.
    line: u32,
    cells: Vec<String>,
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
