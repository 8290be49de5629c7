//! A plan of any size as a view of bounded size, in one pass.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use plan::{Action, Change, HoldReason, Plan, Summary};
use roster::{DecodeError, Key, Kind, PersonKey, Record, Text};

use super::held::Holding;
use super::people::{Gathering, PeopleView};
use super::{HeldView, Line};
use crate::label;

/// What a plan says.
///
/// Made in one pass. Its size does not grow with the plan; making it takes about a hundred bytes
/// for each course that has changes.
#[derive(Debug, Clone)]
pub struct PlanView {
    /// Counts, checksums, estimates.
    pub summary: Summary,
    /// How many courses have changes to deliver.
    pub courses: u64,
    /// Those with the most changes, the most first.
    pub top_courses: Vec<CourseView>,
    /// Kinds that stand outside courses: persons first.
    pub kinds: Vec<KindView>,
    /// What changes for whom.
    pub people: PeopleView,
    /// What is held.
    pub held: HeldView,
}

/// What changes in one course: itself, its groups, its people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseView {
    /// Its id.
    pub id: Text,
    /// Its code and title, where they are known.
    pub name: Option<String>,
    /// How many changes.
    pub total: u64,
    /// How many of each kind and action.
    pub counts: BTreeMap<(Kind, Action), u64>,
    /// The first of them, in the order of delivery.
    pub lines: Vec<Line>,
}

/// What changes of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindView {
    /// The kind.
    pub kind: Kind,
    /// For each action: how many, and the first of them.
    pub actions: BTreeMap<Action, (u64, Vec<Line>)>,
}

/// How many courses are shown.
pub(super) const COURSES: usize = 100;
/// How many lines of one course: of what comes, and again of what changes or goes, so that a few
/// removals are seen beside many additions.
const COURSE_LINES: usize = 25;
/// How many lines of one action on one kind.
const KIND_LINES: usize = 100;
/// How many lines of courses are held at a time before those of the smallest are given up.
const LINES: usize = 20_000;
/// How many persons' names are remembered for lines that know only a key.
const NAMES: usize = 5_000;

impl PlanView {
    /// The view of a plan. An error where its stored bytes do not decode.
    pub fn of(plan: &Plan) -> Result<Self, DecodeError> {
        let held = plan.held.iter().zip(&plan.reasons);
        let held = held.map(|(change, reason)| Ok((change?, reason.clone())));
        Self::collect(plan.summary.clone(), plan.deliver.iter(), held)
    }

    /// The same from the parts of a plan.
    pub fn collect(
        summary: Summary,
        deliver: impl Iterator<Item = Result<Change, DecodeError>>,
        held: impl Iterator<Item = Result<(Change, HoldReason), DecodeError>>,
    ) -> Result<Self, DecodeError> {
        let mut collecting = Collecting { files: summary.files.clone(), ..Collecting::default() };
        for change in deliver {
            collecting.push(&change?);
        }
        let mut holding = Holding::default();
        for next in held {
            let (change, reason) = next?;
            holding.push(&change, &reason, || collecting.line(&change));
        }
        Ok(collecting.finish(summary, holding.finish()))
    }

    /// The courses and persons whose names the plan itself does not say: at most `limit`, those
    /// that are read first. See [`PlanView::name_with`].
    pub fn nameless(&self, limit: usize) -> Vec<Key> {
        let course = |course: &CourseView| Key::Course(roster::CourseKey::new(&course.id));
        let person = |line: &Line| match &line.name {
            None => line.key.person().map(|person| Key::Person(person.clone())),
            Some(_) => None,
        };
        let courses = self.top_courses.iter().filter(|view| view.name.is_none()).map(course);
        let movers = self.people.movers.iter().filter(|mover| mover.name.is_none());
        let movers = movers.map(|mover| Key::Person(mover.key.clone()));
        let of_held = self.held.groups.iter().flat_map(|group| &group.examples);
        let of_courses = self.top_courses.iter().flat_map(|course| &course.lines);
        let persons = of_held.chain(of_courses).filter_map(person);
        let mut keys: Vec<Key> = Vec::new();
        let mut known = HashSet::new();
        for key in courses.chain(movers).chain(persons) {
            if keys.len() >= limit {
                break;
            }
            if known.insert(key.clone()) {
                keys.push(key);
            }
        }
        keys
    }

    /// Fills in what courses and persons are called that the plan itself does not say, for the
    /// lines that are kept.
    pub fn name_with(&mut self, mut name_of: impl FnMut(&Key) -> Option<Record>) {
        let mut name = |key: &Key| name_of(key).as_ref().and_then(label::name);
        for course in &mut self.top_courses {
            if course.name.is_none() {
                course.name = name(&Key::Course(roster::CourseKey::new(&course.id)));
            }
        }
        let of_courses = self.top_courses.iter_mut().flat_map(|course| &mut course.lines);
        let of_held = self.held.groups.iter_mut().flat_map(|group| &mut group.examples);
        for line in of_courses.chain(of_held).filter(|line| line.name.is_none()) {
            line.name = line.key.person().and_then(|person| name(&Key::Person(person.clone())));
        }
        for mover in self.people.movers.iter_mut().filter(|mover| mover.name.is_none()) {
            mover.name = name(&Key::Person(mover.key.clone()));
        }
    }

    /// How many changes there are to deliver.
    pub fn deliverable(&self) -> u64 {
        self.summary.counts.values().flat_map(BTreeMap::values).sum()
    }

    /// Whether it asks for nothing at all.
    pub fn is_empty(&self) -> bool {
        self.deliverable() == 0 && self.held.count == 0
    }
}

#[derive(Default)]
struct Collecting {
    files: Vec<Text>,
    courses: HashMap<Text, Tally>,
    /// Lines held in `courses`.
    lines: usize,
    kinds: BTreeMap<Kind, BTreeMap<Action, (u64, Vec<Line>)>>,
    names: HashMap<PersonKey, String>,
    people: Gathering,
}

/// What one course has come to so far.
#[derive(Default)]
struct Tally {
    name: Option<String>,
    total: u64,
    counts: Vec<(Kind, Action, u64)>,
    lines: Vec<Line>,
}

impl Collecting {
    fn push(&mut self, change: &Change) {
        self.people.push(change);
        if let Some(Record::Person(person)) = change.after.as_ref().or(change.before.as_ref())
            && self.names.len() < NAMES
            && let Some(name) = label::person_name(person)
        {
            self.names.insert(person.person().clone(), name);
        }
        match change.key().course() {
            Some(course) => {
                let course = course.text().clone();
                self.push_in_course(course, change);
            }
            None => {
                let actions = self.kinds.entry(change.kind()).or_default();
                let (count, lines) = actions.entry(change.action).or_default();
                *count += 1;
                if lines.len() < KIND_LINES {
                    lines.push(short_line(change, &self.files));
                }
            }
        }
    }

    fn push_in_course(&mut self, course: Text, change: &Change) {
        let comes = comes(change.action);
        let of_its_sort = |tally: &Tally| {
            tally.lines.iter().filter(|line| self::comes(line.action) == comes).count()
        };
        let room = self.courses.get(&course).is_none_or(|it| of_its_sort(it) < COURSE_LINES);
        let line = room.then(|| self.line(change));
        let tally = self.courses.entry(course).or_default();
        tally.total += 1;
        let (kind, action) = (change.kind(), change.action);
        match tally.counts.iter_mut().find(|known| (known.0, known.1) == (kind, action)) {
            Some(known) => known.2 += 1,
            None => tally.counts.push((kind, action, 1)),
        }
        if let Some(line) = line {
            if kind == Kind::Course {
                tally.name.clone_from(&line.name);
            }
            tally.lines.push(line);
            self.lines += 1;
        }
        if self.lines > LINES {
            self.give_up_lines();
        }
    }

    /// The line of a change, with a person's name where the plan said it before.
    fn line(&self, change: &Change) -> Line {
        let mut line = short_line(change, &self.files);
        if line.name.is_none() {
            line.name = line.key.person().and_then(|person| self.names.get(person)).cloned();
        }
        line
    }

    /// Drops the lines of the smaller half of the courses: they are the last to be shown.
    fn give_up_lines(&mut self) {
        let with_lines = self.courses.iter().filter(|(_, tally)| !tally.lines.is_empty());
        let mut by_size: Vec<(u64, Text)> =
            with_lines.map(|(id, tally)| (tally.total, id.clone())).collect();
        by_size.sort_unstable();
        for (_, id) in &by_size[..by_size.len() / 2] {
            if let Some(tally) = self.courses.get_mut(id) {
                self.lines -= tally.lines.len();
                tally.lines = Vec::new();
            }
        }
    }

    fn finish(self, summary: Summary, held: HeldView) -> PlanView {
        let courses = self.courses.len() as u64;
        let mut all: Vec<(Text, Tally)> = self.courses.into_iter().collect();
        let most_first = |a: &(Text, Tally), b: &(Text, Tally)| {
            b.1.total.cmp(&a.1.total).then_with(|| a.0.cmp(&b.0))
        };
        all.sort_unstable_by(most_first);
        all.truncate(COURSES);
        let top_courses = all.into_iter().map(|(id, tally)| CourseView {
            id,
            name: tally.name,
            total: tally.total,
            counts: tally.counts.into_iter().map(|(k, a, count)| ((k, a), count)).collect(),
            lines: tally.lines,
        });
        let mut kinds: Vec<KindView> =
            self.kinds.into_iter().map(|(kind, actions)| KindView { kind, actions }).collect();
        kinds.sort_by_key(|view| (view.kind != Kind::Person, view.kind));
        let persons = kinds.iter().flat_map(|view| view.actions.values());
        let persons = persons.flat_map(|(_, lines)| lines).filter_map(|line| match &line.key {
            Key::Person(person) => Some(person),
            _ => None,
        });
        let people = self.people.finish(persons);
        PlanView { summary, courses, top_courses: top_courses.collect(), kinds, people, held }
    }
}

/// Whether a change brings something, as against changing or taking it.
fn comes(action: Action) -> bool {
    matches!(action, Action::Create | Action::Restore | Action::Adopt)
}

/// The line of a change, its place as `line 20` where there is only one file that could be meant.
fn short_line(change: &Change, files: &[Text]) -> Line {
    let mut line = Line::of(change, files);
    if files.len() == 1 && line.origin.is_some() {
        let at = change.origin.map(|origin| origin.line).filter(|line| *line > 0);
        line.origin = at.map(|at| format!("line {at}"));
    }
    line
}
