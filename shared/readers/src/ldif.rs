//! Lists of persons from a directory: LDIF (RFC 2849), as `ldapsearch`, `slapcat`, `ldifde` and
//! others write it. Records of content, and of changes those that add or delete.
//!
//! ```text
//! version: 1
//!
//! # Folded, in base64, more than one value, with an option:
//! dn: uid=ada,ou=people,
//!  dc=school,dc=example
//! uid: ada
//! cn;lang-nl:: QWRhIFNtaXQ=
//! mail: ada@school.example
//! mail: a.smit@school.example
//! ```
//!
//! What the attributes say is configured as the columns of a table are
//! ([`Columns`](roster::columns::Columns)), by their names in any case; `dn` is one of them. A
//! column `cn` takes values with options (`cn;lang-nl`) where there is none without, and where no
//! column names those. Of several values a field takes the first, a list all.
//!
//! | what is wrong | then |
//! |---|---|
//! | no attribute tells who it is; a line is no attribute | the record is left out |
//! | a field gets two different values | the first counts |
//! | a value stands at an address (`:<`) | never fetched; the value is left out |
//! | a value in base64 is no text | the value is left out |
//! | it is a group, a folder, a machine (by `objectClass`) | the record is left out |
//! | `changetype` is modify, modrdn, moddn | the record is left out |
//! | a deletion, and `dn` does not tell whom this list means | the record is left out |
//!
//! **Cut off:** RFC 2849 ends every line, so a last line without its end is a cut, and so are a last
//! record of a name alone and a last value of half a base64; an answer of `ldapsearch` with its
//! comments says at its end how it went and how many entries it had. Such an export is refused.
//! A cut just behind a line, and so within a folded value or between two attributes, or between two
//! records, looks like the end of a complete file: nothing in the format tells. Let the directory
//! write its comments, or set limits.
//!
//! **Never:** no address is opened, and no more than one record is in memory.

mod lines;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roster::Sink;
use roster::columns::Column;

use crate::codes;
use crate::encoding::TextSource;
use crate::listed::{Cell, Listed, Words};
use crate::{Properties, ReadError, ReadOptions};
use lines::{Description, Line, Lines, Value, first_rdn};

const WORDS: Words = Words { line: "record", cell: "value" };

/// Object classes of what is nobody, in small letters.
const NOBODY: [&str; 19] = [
    "organizationalunit",
    "organization",
    "organizationalrole",
    "domain",
    "domaindns",
    "builtindomain",
    "container",
    "locality",
    "country",
    "group",
    "groupofnames",
    "groupofuniquenames",
    "groupofmembers",
    "posixgroup",
    "computer",
    "device",
    "room",
    "alias",
    "referral",
];

/// Reads all of `source`.
pub(crate) fn read(
    source: &mut TextSource<'_>,
    file: u32,
    options: &ReadOptions,
    sink: &mut dyn Sink,
) -> Result<Properties, ReadError> {
    let mut directory = Directory::new(Listed::new(file, options, sink, WORDS));
    let mut lines = Lines::new(options.limits.markup_bytes);
    let mut text = String::new();
    while source.fill(&mut text)? {
        for issue in source.take_issues() {
            let before = text.get(..issue.at).unwrap_or_default();
            let line = lines.number + before.matches('\n').count() as u32;
            directory.listed.find(issue.code, line, None, issue.message);
        }
        lines.take(&text, &mut |line| directory.line(&line))?;
        text.clear();
    }
    lines.end(&mut |line| directory.line(&line))?;
    directory.end(lines.number)?;
    Ok(Properties::default())
}

/// An attribute that is configured.
struct Wanted {
    description: Description,
    columns: Vec<Column>,
}

/// What a record's `changetype` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    Delete,
    /// Whatever else.
    Other,
}

/// The record that is being read.
struct Open {
    line: u32,
    dn: String,
    change: Change,
    /// Whether it has more than a name.
    has_lines: bool,
    /// What it says: of which wanted attribute, under just that description or another option, and
    /// what.
    values: Vec<(usize, bool, String)>,
    bytes: usize,
    is_nobody: bool,
    /// A line that is none.
    bad: Option<u32>,
    /// A value whose base64 does not come out.
    undecoded: Option<u32>,
}

struct Directory<'a> {
    listed: Listed<'a>,
    wanted: Vec<Wanted>,
    open: Option<Open>,
    /// In lines that belong to no record, up to the next empty one.
    is_aside: bool,
    /// Entries since the directory last said how many there are.
    entries: u64,
    /// It was written by a program that says at the end how it went.
    is_promised: bool,
    has_result: bool,
}

impl<'a> Directory<'a> {
    fn new(listed: Listed<'a>) -> Self {
        let of = listed.options().columns.of.iter();
        let wanted = of.filter_map(|(name, columns)| {
            // A name that no attribute can have has no values.
            let description = Description::read(name)?;
            Some(Wanted { description, columns: columns.clone() })
        });
        let wanted = wanted.collect();
        let (is_aside, is_promised, has_result) = (false, false, false);
        Self { listed, wanted, open: None, is_aside, entries: 0, is_promised, has_result }
    }

    fn line(&mut self, line: &Line) -> Result<(), ReadError> {
        if let Some(comment) = line.text.strip_prefix('#') {
            return self.comment(comment.trim(), line.number);
        }
        if line.text.is_empty() {
            self.is_aside = false;
            return self.close(None);
        }
        let attribute = lines::attribute(&line.text);
        if let Some((description, value)) = &attribute
            && description.whole == "dn"
        {
            self.close(None)?;
            self.begin(value, line.number);
            return Ok(());
        }
        match (&mut self.open, attribute) {
            (Some(open), None) => {
                // Between the parts of a change stands a hyphen.
                if open.change != Change::Other || line.text.trim() != "-" {
                    open.bad.get_or_insert(line.number);
                }
                open.has_lines = true;
            }
            (Some(_), Some((description, value))) => self.value(&description, &value, line.number),
            (None, Some((description, Value::Plain(value)))) => {
                return self.outside(&description.whole, value, line.number);
            }
            (None, _) => self.stray(line.number),
        }
        Ok(())
    }

    /// What programs say about their own work.
    fn comment(&mut self, comment: &str, line: u32) -> Result<(), ReadError> {
        if comment.eq_ignore_ascii_case("extended LDIF") {
            self.is_promised = true;
        } else if let Some(count) = comment.strip_prefix("numEntries:")
            && let Ok(count) = count.trim().parse::<u64>()
        {
            self.close(None)?;
            let there = std::mem::take(&mut self.entries);
            if there != count {
                let inside = format!("it says that it has {count} entries, and {there} are there");
                return Err(ReadError::Truncated { line, inside });
            }
        }
        Ok(())
    }

    /// A line outside of any record: the version, how a search went, or a reference.
    fn outside(&mut self, name: &str, value: &str, line: u32) -> Result<(), ReadError> {
        match name {
            "version" if value.trim() != "1" => {
                let reason = "it is a later version of LDIF than 1".to_owned();
                Err(ReadError::Malformed { line, reason })
            }
            "result" => {
                self.has_result = true;
                let code = value.split_whitespace().next().unwrap_or_default();
                if code == "0" {
                    return Ok(());
                }
                let inside = format!("the directory did not give all of it (result {code})");
                Err(ReadError::Truncated { line, inside })
            }
            "version" | "search" | "ref" | "matcheddn" | "text" | "control" | "pagedresults" => {
                Ok(())
            }
            _ => {
                self.stray(line);
                Ok(())
            }
        }
    }

    /// A line that is part of nothing, told once for all up to the next empty one.
    fn stray(&mut self, line: u32) {
        if !std::mem::replace(&mut self.is_aside, true) {
            let message = "here are lines that belong to no record: each begins with its `dn`; \
                           they are left out";
            self.listed.find(&codes::LDIF_LINE, line, None, message.to_owned());
        }
    }

    fn begin(&mut self, dn: &Value<'_>, line: u32) {
        let dn = match dn {
            Value::Plain(text) => Some((*text).to_owned()),
            Value::Base64(text) => decoded(text).and_then(|bytes| String::from_utf8(bytes).ok()),
            Value::Url => None,
        };
        let bad = dn.is_none().then_some(line);
        let dn = dn.unwrap_or_default();
        let mut open = Open {
            line,
            change: Change::Add,
            has_lines: false,
            values: Vec::new(),
            bytes: dn.len(),
            is_nobody: false,
            bad,
            undecoded: None,
            dn,
        };
        for (at, wanted) in self.wanted.iter().enumerate() {
            if wanted.description.whole == "dn" {
                open.values.push((at, true, open.dn.clone()));
            }
        }
        self.open = Some(open);
    }

    /// A value of the record that is open, where somebody wants it.
    fn value(&mut self, description: &Description, value: &Value<'_>, line: u32) {
        let Some(open) = &mut self.open else { return };
        let is_first = !std::mem::replace(&mut open.has_lines, true);
        if let ("changetype", Value::Plain(change)) = (description.whole.as_str(), value) {
            open.change = match change.trim().to_ascii_lowercase().as_str() {
                "add" => Change::Add,
                "delete" => Change::Delete,
                _ => Change::Other,
            };
            return;
        }
        if description.whole == "control" && is_first {
            // What the directory is to do with a change; more lines are to come.
            open.has_lines = false;
            return;
        }
        if open.change == Change::Other {
            return;
        }
        if *value == Value::Url {
            let message = format!(
                "the value of `{}` stands at an address: it is never fetched, and left out",
                description.whole
            );
            self.listed.find(&codes::LDIF_URL, line, None, message);
            return;
        }
        let is = |wanted: &&Wanted| wanted.description == *description;
        let is_exact = self.wanted.iter().any(|wanted| is(&wanted));
        let of: Vec<usize> = (0..self.wanted.len())
            .filter(|at| {
                let wanted = &self.wanted[*at].description;
                let falls_back = !wanted.has_options()
                    && wanted.attribute == description.attribute
                    && !description.is_binary();
                if is_exact { wanted == description } else { falls_back }
            })
            .collect();
        let is_class = description.attribute == "objectclass";
        if of.is_empty() && !is_class {
            return;
        }
        let Some(text) = self.text(value, line) else { return };
        let Some(open) = &mut self.open else { return };
        if is_class {
            let class = text.trim().to_ascii_lowercase();
            open.is_nobody |= NOBODY.contains(&class.as_str());
        }
        for at in of {
            self.keep(at, is_exact, &text, line);
        }
    }

    /// A value as text; what is none is told of.
    fn text(&mut self, value: &Value<'_>, line: u32) -> Option<String> {
        let coded = match value {
            Value::Plain(text) => return Some((*text).to_owned()),
            Value::Base64(coded) => coded,
            Value::Url => return None,
        };
        let Some(bytes) = decoded(coded) else {
            if let Some(open) = &mut self.open {
                open.undecoded = Some(line);
            }
            return None;
        };
        let text = String::from_utf8(bytes).ok();
        if text.is_none() {
            let message = "a value is no text, but bytes of another kind; it is left out";
            self.listed.find(&codes::LDIF_VALUE, line, None, message.to_owned());
        }
        text
    }

    fn keep(&mut self, at: usize, is_exact: bool, text: &str, line: u32) {
        let limits = &self.listed.options().limits;
        let Some(open) = &mut self.open else { return };
        open.bytes += text.len();
        let times = open.values.iter().filter(|(of, ..)| *of == at).count();
        if times < limits.attributes {
            // Beyond the limit the record is left out: what it says is not needed any more.
            if open.bytes <= limits.record_bytes {
                open.values.push((at, is_exact, text.to_owned()));
            }
        } else if times == limits.attributes {
            // One more, so that this is told once.
            open.values.push((at, is_exact, String::new()));
            let name = &self.wanted[at].description.whole;
            let message = format!(
                "the record has more than {times} values of `{name}`; the rest is left out"
            );
            self.listed.find(&codes::TOO_MANY_VALUES, line, None, message);
        }
    }

    /// The record has ended: at an empty line, or at the export's last line, `end`.
    fn close(&mut self, end: Option<u32>) -> Result<(), ReadError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.entries += 1;
        let cut_off = |inside: &str| {
            let line = end.unwrap_or(open.line);
            Err(ReadError::Truncated { line, inside: inside.to_owned() })
        };
        if end.is_some() && !open.has_lines {
            return cut_off("its last record has nothing but a name");
        }
        match open.undecoded {
            Some(_) if end.is_some() => return cut_off("a value of its last record"),
            Some(line) => {
                let message = "the base64 of a value does not come out; it is left out";
                self.listed.find(&codes::LDIF_VALUE, line, None, message.to_owned());
            }
            None => {}
        }
        self.record(&open);
        Ok(())
    }

    fn record(&mut self, open: &Open) {
        if let Some(line) = open.bad {
            let message = "a line of the record is no attribute and its value; the record is left \
                           out";
            return self.listed.find(&codes::LDIF_LINE, line, None, message.to_owned());
        }
        if open.change == Change::Other {
            let message = "the record changes or renames another one: only whole records and \
                           deletions are read; it is left out";
            return self.listed.find(&codes::LDIF_CHANGE, open.line, None, message.to_owned());
        }
        if open.change == Change::Delete {
            return self.deletion(open);
        }
        if open.is_nobody {
            let message = "the record is a group, a folder or a machine; it is left out";
            return self.listed.find(&codes::LDIF_NO_PERSON, open.line, None, message.to_owned());
        }
        if open.bytes > self.listed.options().limits.record_bytes {
            let message = "the record is larger than any real one; it is left out";
            return self.listed.find(&codes::RECORD_TOO_LARGE, open.line, None, message.to_owned());
        }
        let is_exact = |at: usize| open.values.iter().any(|(of, exact, _)| *of == at && *exact);
        let cells: Vec<Cell<'_>> = open
            .values
            .iter()
            .filter(|(at, exact, _)| *exact || !is_exact(*at))
            .map(|(at, _, text)| (self.wanted[*at].columns.as_slice(), text.as_str()))
            .collect();
        self.listed.row(open.line, &cells);
    }

    /// A deletion has a name and nothing else: whom it means is known where that tells.
    fn deletion(&mut self, open: &Open) {
        let mut named = first_rdn(&open.dn);
        named.push(("dn".to_owned(), open.dn.clone()));
        let cells: Vec<Cell<'_>> = named
            .iter()
            .flat_map(|(name, value)| {
                let of = self.wanted.iter().filter(move |of| of.description.whole == *name);
                of.map(move |wanted| (wanted.columns.as_slice(), value.as_str()))
            })
            .collect();
        if !self.listed.removal(open.line, &cells) {
            let message = "a deletion has nothing but its `dn`, and nothing in that is what this \
                           list tells persons by: let `columns` name `dn`, or the attribute that \
                           it begins with; the deletion is left out";
            self.listed.find(&codes::LDIF_CHANGE, open.line, None, message.to_owned());
        }
    }

    fn end(&mut self, line: u32) -> Result<(), ReadError> {
        self.close(Some(line))?;
        if self.is_promised && !self.has_result {
            let inside = "the directory does not say how its answer ended".to_owned();
            return Err(ReadError::Truncated { line, inside });
        }
        Ok(())
    }
}

/// Bytes of base64.
fn decoded(coded: &str) -> Option<Vec<u8>> {
    let coded: String = coded.chars().filter(|c| *c != ' ').collect();
    BASE64_STANDARD.decode(coded).ok()
}

#[cfg(test)]
mod tests;
