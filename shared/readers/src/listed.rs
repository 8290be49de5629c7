//! What the lines of a table, or the records of a directory, say: brought into records by their
//! [`Columns`](roster::columns::Columns).
//!
//! A line of a list of enrollments names its person beside its course. The person is handed over
//! too, as far as the line knows them, so that whoever they are in another source can be found.

use std::collections::HashSet;

use roster::columns::{Column, Put, Rows, Says};
use roster::{
    Course, CourseKey, Enrollment, Finding, Group, GroupKey, GroupMember, Key, Kind, Origin,
    Person, PersonKey, Record, Removal, Role, Roles, Sink, Text, normal,
};

use crate::codes::{self, Code};
use crate::{ReadOptions, date};

/// Persons and groups that are remembered as handed over; beyond them they come again, which costs
/// time and changes nothing.
const REMEMBERED: usize = 1 << 18;

/// What something is called in findings: a line has cells, a directory's record has values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) line: &'static str,
    pub(crate) cell: &'static str,
}

/// A cell, and what it says.
pub(crate) type Cell<'v> = (&'v [Column], &'v str);

/// Where what a list says goes.
pub(crate) struct Listed<'a> {
    file: u32,
    options: &'a ReadOptions,
    sink: &'a mut dyn Sink,
    words: Words,
    remembered: HashSet<u64>,
}

impl<'a> Listed<'a> {
    pub(crate) fn new(
        file: u32,
        options: &'a ReadOptions,
        sink: &'a mut dyn Sink,
        words: Words,
    ) -> Self {
        Self { file, options, sink, words, remembered: HashSet::new() }
    }

    pub(crate) fn options(&self) -> &'a ReadOptions {
        self.options
    }

    /// Takes a line.
    pub(crate) fn row(&mut self, line: u32, cells: &[Cell<'_>]) {
        match self.options.columns.rows {
            Rows::Persons => {
                if let Some((id, former)) = self.key_now(Kind::Person, line, cells) {
                    let mut person = Person::new(PersonKey::from(id));
                    person.former_keys = former;
                    self.emit(person.into(), line, cells);
                }
            }
            Rows::Courses => {
                if let Some((id, former)) = self.key_now(Kind::Course, line, cells) {
                    let mut course = Course::new(CourseKey::from(id));
                    course.former_keys = former;
                    self.emit(course.into(), line, cells);
                }
            }
            Rows::Enrollments => {
                if let Some(person) = self.key(Kind::Person, line, cells)
                    && let Some(course) = self.key(Kind::Course, line, cells)
                {
                    self.enrollment(
                        &PersonKey::from(person),
                        &CourseKey::from(course),
                        line,
                        cells,
                    );
                }
            }
        }
    }

    /// Takes a person who is to go. `false` where nothing tells who it is.
    pub(crate) fn removal(&mut self, line: u32, cells: &[Cell<'_>]) -> bool {
        let id = self.id(Kind::Person, cells);
        let is_known = id.is_some();
        if is_known && let Some(id) = self.fitting(id, Kind::Person, line) {
            let key = Key::Person(PersonKey::from(id));
            self.sink.removal(Removal { key, roles: Roles::default() }, self.origin(line));
        }
        is_known
    }

    pub(crate) fn find(
        &mut self,
        code: &'static Code,
        line: u32,
        key: Option<Text>,
        message: String,
    ) {
        let origin = self.origin(line);
        let (severity, code) = (code.severity, code.name);
        self.sink.finding(Finding { severity, code, message, origin, key });
    }

    fn origin(&self, line: u32) -> Origin {
        Origin { file: self.file, line }
    }

    fn emit(&mut self, mut record: Record, line: u32, cells: &[Cell<'_>]) {
        self.fill(&mut record, line, cells);
        self.sink.record(record, self.origin(line));
    }

    fn enrollment(
        &mut self,
        person: &PersonKey,
        course: &CourseKey,
        line: u32,
        cells: &[Cell<'_>],
    ) {
        self.named(person, line, cells);
        let mut record = Record::from(Enrollment::new(course.clone(), person.clone()));
        self.fill(&mut record, line, cells);
        if let Record::Enrollment(enrollment) = &mut record
            && enrollment.roles.is_none()
        {
            let role = self.options.columns.role.clone().unwrap_or(Role::Student);
            enrollment.roles = Some(Roles::one(role));
        }
        self.sink.record(record, self.origin(line));
        let groups = cells.iter().filter(|(columns, _)| columns.contains(&Column::Group));
        for (_, cell) in groups {
            if let Some(group) = self.group_id(person, course, cell, line) {
                self.group(course, &group, line, cells);
                let member = GroupMember::new(course.clone(), group, person.clone());
                self.emit(member.into(), line, cells);
            }
        }
    }

    /// Hands over the person of an enrollment, once for all lines that say the same of them.
    fn named(&mut self, key: &PersonKey, line: u32, cells: &[Cell<'_>]) {
        let mut person = Record::from(Person::new(key.clone()));
        for (columns, cell) in cells {
            // The data source key is the enrollment's.
            let own = columns.iter().filter(|column| matches!(column, Column::Of(..)));
            own.for_each(|column| self.cell(&mut person, column, cell, line));
        }
        if self.is_new(person.hash64()) {
            self.sink.record(person, self.origin(line));
        }
    }

    fn group(&mut self, course: &CourseKey, group: &GroupKey, line: u32, cells: &[Cell<'_>]) {
        let mut record = Group::new(course.clone(), group.clone());
        record.title = Some(group.text().clone());
        if self.is_new(record.key().hash64()) {
            self.emit(record.into(), line, cells);
        }
    }

    fn is_new(&mut self, hash: u64) -> bool {
        self.remembered.len() >= REMEMBERED || self.remembered.insert(hash)
    }

    fn group_id(
        &mut self,
        person: &PersonKey,
        course: &CourseKey,
        cell: &str,
        line: u32,
    ) -> Option<GroupKey> {
        let id = normal::id(cell)?;
        if id.chars().count() <= self.options.limits.id_chars {
            return Some(GroupKey::from(id));
        }
        let key = Key::Enrollment { course: course.clone(), person: person.clone() };
        let message = "a group's name is longer than any real one; it is left out".to_owned();
        self.find(&codes::VALUE_TOO_LONG, line, Some(Text::from(key.to_string())), message);
        None
    }

    /// The key of the line's person or course, after a finding where it has none.
    fn key(&mut self, kind: Kind, line: u32, cells: &[Cell<'_>]) -> Option<Text> {
        self.fitting(self.id(kind, cells), kind, line)
    }

    /// The key that the line's record has from now on, and the one that it had where that is
    /// another.
    fn key_now(
        &mut self,
        kind: Kind,
        line: u32,
        cells: &[Cell<'_>],
    ) -> Option<(Text, Option<Vec<Text>>)> {
        let id = self.key(kind, line, cells)?;
        let says = Column::Of(kind, Says::NewKey);
        let mut of = cells.iter().filter(|(columns, _)| columns.contains(&says));
        match of.find_map(|(_, cell)| normal::id(cell)).filter(|new| *new != id) {
            None => Some((id, None)),
            Some(new) => Some((self.fitting(Some(new), kind, line)?, Some(vec![id]))),
        }
    }

    /// The key as the line says it; else, of a person, made of what tells them from others in this
    /// list.
    fn id(&self, kind: Kind, cells: &[Cell<'_>]) -> Option<Text> {
        let cell = |is: &dyn Fn(&Column) -> bool| {
            let mut of = cells.iter().filter(|(columns, _)| columns.iter().any(is));
            of.find_map(|(_, cell)| normal::id(cell))
        };
        let key = Column::Of(kind, Says::Key);
        if kind == Kind::Course || self.options.columns.say(&key) {
            return cell(&|column| *column == key);
        }
        let named = |name: &'static str| move |column: &Column| matches!(column, Column::Of(Kind::Person, Says::Field(f)) if f.name == name);
        // Not taken for anybody's own key.
        let other = cell(&named("username")).or_else(|| cell(&named("email")));
        other.map(|value| Text::from(format!("row:{}", value.to_lowercase())))
    }

    /// The id, where there is one and it is no longer than any real one.
    fn fitting(&mut self, id: Option<Text>, kind: Kind, line: u32) -> Option<Text> {
        let what = self.words.line;
        let Some(id) = id else {
            let whom = if kind == Kind::Course { "which course it is about" } else { "who it is" };
            let message = format!("nothing in the {what} tells {whom}; it is left out");
            self.find(&codes::MISSING_SOURCEDID, line, None, message);
            return None;
        };
        if id.chars().count() > self.options.limits.id_chars {
            let message = format!("the {what} has an id longer than any real one; it is left out");
            self.find(&codes::ID_TOO_LONG, line, None, message);
            return None;
        }
        Some(id)
    }

    fn fill(&mut self, record: &mut Record, line: u32, cells: &[Cell<'_>]) {
        for (columns, cell) in cells {
            columns.iter().for_each(|column| self.cell(record, column, cell, line));
        }
    }

    /// Notes what a cell says of `record`; an empty one says nothing.
    fn cell(&mut self, record: &mut Record, column: &Column, cell: &str, line: u32) {
        let is_about = match column {
            Column::Of(kind, says) => {
                *kind == record.kind() && !matches!(says, Says::Key | Says::NewKey)
            }
            Column::DataSource => true,
            Column::Group => false,
        };
        let cell = cell.trim();
        if !is_about || cell.is_empty() {
            return;
        }
        let what = self.words.cell;
        let (code, message) = if cell.chars().count() > self.options.limits.value_chars {
            let message = format!("a {what} is longer than any real value; it is left out");
            (&codes::VALUE_TOO_LONG, message)
        } else {
            match put(record, column, cell) {
                Put::Done => return,
                Put::Unreadable => (
                    &codes::UNREADABLE_CELL,
                    format!("a {what} is nothing that `{column}` can be; it is left out"),
                ),
                Put::Taken => (
                    &codes::SEVERAL_VALUES,
                    format!(
                        "the {} has two values for `{column}`; the first counts",
                        self.words.line
                    ),
                ),
            }
        };
        self.find(code, line, Some(Text::from(record.key().to_string())), message);
    }
}

/// Notes a cell as it stands, else the day that it is, else the status that it means.
fn put(record: &mut Record, column: &Column, cell: &str) -> Put {
    let mut put = column.put(record, cell);
    if put == Put::Unreadable
        && let Some(day) = date::day(cell)
    {
        put = column.put(record, &day.to_string());
    }
    for word in words(cell) {
        if put == Put::Unreadable {
            put = column.put(record, word);
        }
    }
    put
}

/// What a yes or no can stand for, as a status and as itself.
fn words(cell: &str) -> &'static [&'static str] {
    let is_one_of = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    if is_one_of(&["1", "yes", "true", "active"]) {
        &["active", "yes"]
    } else if is_one_of(&["0", "no", "false", "inactive"]) {
        &["inactive", "no"]
    } else {
        &[]
    }
}
