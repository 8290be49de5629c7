//! A plan, like a good diff.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use anstyle::Style;
use plan::{Action, Change, Counts};
use roster::{DecodeError, Kind, Text};
use unicode_width::UnicodeWidthStr as _;

use super::findings::wrap;
use super::look::{BOLD, DIM, Fold, Look, ODD, sign_style};
use super::table;
use super::why::why;
use crate::label::{clean, harmless_text, kind_words, many, number, short_id, span};
use crate::{CourseView, KindView, Line, PlanView};

/// How many courses, changes of a course and changes of a kind are shown.
const COURSES: usize = 10;
const COURSE_LINES: usize = 5;
const KIND_LINES: usize = 8;
/// How many new records of a kind, where there are more than [`KIND_LINES`].
const NEW_LINES: usize = 3;

/// The run that keeps a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    /// Its id, by which it is shown and approved.
    pub run: &'a str,
    /// Whether it is of an export, which can be rejected.
    pub of_export: bool,
}

/// A plan: counts, what is held, then courses and persons.
pub(super) fn write(out: &mut String, view: &PlanView, kept: Option<Kept<'_>>, look: &Look) {
    counts(out, view, look);
    held(out, view, kept, look);
    for kind in view.kinds.iter().filter(|kind| kind.kind == Kind::Person) {
        one_kind(out, kind, look);
    }
    courses(out, view, look);
    for kind in view.kinds.iter().filter(|kind| kind.kind != Kind::Person) {
        one_kind(out, kind, look);
    }
    if let Some(Kept { run, .. }) = kept.filter(|_| folded(view)) {
        out.push('\n');
        look.line(
            out,
            0,
            &[(DIM, &format!("All of it: rollcall show {} --all", harmless_text(run)))],
        );
    }
}

/// Every change, one after another, nothing folded. Streams.
pub fn write_changes(
    to: &mut dyn io::Write,
    changes: impl Iterator<Item = Result<Change, DecodeError>>,
    files: &[Text],
    look: &Look,
) -> io::Result<()> {
    let mut text = String::new();
    for change in changes {
        let line = Line::of(&change.map_err(io::Error::other)?, files);
        text.clear();
        look.change(&mut text, 0, &line, &clean(&line.key.to_string()));
        to.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn counts(out: &mut String, view: &PlanView, look: &Look) {
    let summary = &view.summary;
    if view.is_empty() {
        look.line(out, 0, &[(BOLD, "Nothing changes.")]);
    } else {
        let held = if view.held.count > 0 { "held" } else { "" };
        count_table(out, &summary.counts, &summary.held_counts, held, look);
        out.push('\n');
        let estimate = format!(
            ": about {} and {}",
            many(summary.calls, "LMS call"),
            span(Duration::from_millis(summary.millis)),
        );
        let total = format!("{} to deliver", many(view.deliverable(), "change"));
        let estimate = if view.deliverable() > 0 { estimate.as_str() } else { "" };
        look.line(out, 0, &[(BOLD, &total), (Style::new(), estimate)]);
    }
    for what in standing(view) {
        look.line(out, 0, &[(ODD, &what)]);
    }
}

/// What stands beside the changes: records that nothing is done about now.
pub(crate) fn standing(view: &PlanView) -> Vec<String> {
    let summary = &view.summary;
    let beside = [
        (summary.parked, "refused by the LMS before and unchanged since: not tried again"),
        (summary.deferred, "waiting for another record that the LMS does not hold"),
        (summary.kept, "left as they are: their course is gone from the source and was put aside"),
    ];
    let beside = beside.into_iter().filter(|(count, _)| *count > 0);
    let mut all: Vec<_> = beside.map(|(count, what)| format!("{} {what}", number(count))).collect();
    for (kind, count) in &summary.unsupported {
        all.push(format!("{} left out: the target holds none", kind_words(*kind, *count)));
    }
    all
}

fn count_table(out: &mut String, deliver: &Counts, held: &Counts, held_head: &str, look: &Look) {
    let (head, rows) = count_rows(deliver, held, held_head);
    let names: Vec<&str> = head.iter().map(String::as_str).collect();
    if table::width(&names, &rows) + 2 <= look.width {
        table::write(out, 2, &names, &rows, look);
        return;
    }
    // Too narrow for a table: no number is cut off, each kind has a line.
    for row in rows {
        let counts = row.iter().zip(&head).skip(1).filter(|(count, _)| !count.is_empty());
        let counts: Vec<_> = counts.map(|(count, action)| format!("{action} {count}")).collect();
        for (at, text) in wrap(&counts.join(", "), &row[0], look.width).iter().enumerate() {
            let kind = if at == 0 { row[0].as_str() } else { "" };
            look.line(out, 2, &[(BOLD, kind), (Style::new(), "  "), (Style::new(), text)]);
        }
    }
}

/// Kind x action, with a column for what is held.
pub(crate) fn count_rows(
    deliver: &Counts,
    held: &Counts,
    held_head: &str,
) -> (Vec<String>, Vec<Vec<String>>) {
    let actions: BTreeSet<Action> = deliver.values().flat_map(|of| of.keys().copied()).collect();
    let mut kinds: Vec<Kind> = deliver.keys().chain(held.keys()).copied().collect();
    kinds.sort_by_key(|kind| (*kind != Kind::Person, *kind));
    kinds.dedup();
    let mut head = vec![String::new()];
    head.extend(actions.iter().map(|action| action.name().to_owned()));
    if !held_head.is_empty() {
        head.push(held_head.to_owned());
    }
    let shown = |count: u64| if count == 0 { String::new() } else { number(count) };
    let rows = kinds.into_iter().map(|kind| {
        let of = |action| deliver.get(&kind).and_then(|of| of.get(action)).copied();
        let mut row = vec![kind.name().replace('_', " ")];
        row.extend(actions.iter().map(|action| shown(of(action).unwrap_or_default())));
        if !held_head.is_empty() {
            row.push(shown(held.get(&kind).map_or(0, |of| of.values().sum())));
        }
        row
    });
    let rows = rows.collect();
    (head, rows)
}

fn held(out: &mut String, view: &PlanView, kept: Option<Kept<'_>>, look: &Look) {
    if view.held.count == 0 {
        return;
    }
    let count = format!("{} for a person to look at", many(view.held.count, "change"));
    look.heading(out, "Held", &count);
    let groups = view.held.groups.iter().take(look.fold.of(COURSES));
    for group in groups {
        look.line(out, 2, &[(ODD, &why(group))]);
        for line in &group.examples {
            look.change(out, 4, line, &short_id(&line.key));
        }
        look.more(out, 4, group.count, group.examples.len());
    }
    let more = view.held.groups.len().saturating_sub(look.fold.of(COURSES)) as u64;
    let more = more + view.held.more_courses;
    if more > 0 {
        look.line(out, 2, &[(DIM, &format!("… and {} more", many(more, "reason")))]);
    }
    if let (Some(kept), Some(checksum)) = (kept, view.summary.held_checksum) {
        let run = harmless_text(kept.run);
        let approve = format!("rollcall approve {run} --checksum {checksum}");
        out.push('\n');
        // Commands are for copying: they are never cut.
        let look = &Look { width: usize::MAX, ..*look };
        look.line(out, 2, &[(DIM, "If this is meant:  "), (BOLD, &approve)]);
        if kept.of_export {
            let reject = format!("rollcall reject {run}");
            look.line(out, 2, &[(DIM, "If it is not:      "), (BOLD, &reject)]);
        }
    }
}

fn courses(out: &mut String, view: &PlanView, look: &Look) {
    if view.courses == 0 {
        return;
    }
    let shown = view.top_courses.len().min(look.fold.of(COURSES));
    let beside = match view.courses > shown as u64 {
        true => {
            format!("{} with changes, the {shown} with the most of them:", number(view.courses))
        }
        false => format!("{} with changes", number(view.courses)),
    };
    look.heading(out, "Courses", &beside);
    let shown_courses = &view.top_courses[..shown];
    let columns =
        Columns::of(shown_courses.iter().filter(|course| is_one_line(course, look)), look);
    for course in shown_courses {
        match is_one_line(course, look) {
            true => columns.write(out, course, look),
            false => one_course(out, course, look),
        }
    }
    look.more(out, 2, view.courses, shown);
}

/// Whether a course says all on one line: it is made with all that is in it, and that is too much
/// to list.
fn is_one_line(course: &CourseView, look: &Look) -> bool {
    let is_new = course.counts.contains_key(&(Kind::Course, Action::Create));
    let only_new = course.counts.keys().all(|(_, action)| *action == Action::Create);
    look.fold == Fold::Short && is_new && only_new && course.total > COURSE_LINES as u64 + 1
}

/// Courses of one line each, one below the other: id, name, what is in it. Where there is too
/// little room the name is cut, never a number.
struct Columns {
    id: usize,
    name: usize,
}

impl Columns {
    fn of<'a>(courses: impl Iterator<Item = &'a CourseView>, look: &Look) -> Self {
        let (mut id, mut name, mut counts) = (0, 0, 0);
        for course in courses {
            id = id.max(clean(&course.id).width());
            name = name.max(course.name.as_deref().unwrap_or_default().width());
            counts = counts.max(new_counts(course).width());
        }
        let left = look.width.saturating_sub(2 + 2 + id + 2 + 2 + counts);
        Self { id, name: name.min(left) }
    }

    fn write(&self, out: &mut String, course: &CourseView, look: &Look) {
        let padded = |text: &str, width: usize| {
            let cut = match text.width() > width {
                true => format!("{}…", super::look::cut(text, width.saturating_sub(1))),
                false => text.to_owned(),
            };
            let gap = " ".repeat(width.saturating_sub(cut.width()));
            cut + &gap
        };
        let id = padded(&clean(&course.id), self.id);
        let name = course.name.as_deref().unwrap_or_default();
        let name = match self.name {
            0 => String::new(),
            width => format!("  {}", padded(name, width)),
        };
        let counts = format!("  {}", new_counts(course));
        let style = sign_style('+');
        let pieces = [(style, "+ "), (style, &*id), (Style::new(), &*name), (DIM, &*counts)];
        look.line(out, 2, &pieces);
    }
}

/// `57 enrollments, 5 groups` of a course that is made with them.
fn new_counts(course: &CourseView) -> String {
    let mut within: Vec<(Kind, u64)> = course.counts.iter().map(|((k, _), n)| (*k, *n)).collect();
    within.retain(|(kind, _)| *kind != Kind::Course);
    within.sort_by_key(|(kind, _)| (*kind != Kind::Enrollment, *kind));
    let words = within.into_iter().map(|(kind, count)| kind_words(kind, count));
    words.collect::<Vec<_>>().join(", ")
}

fn one_course(out: &mut String, course: &CourseView, look: &Look) {
    let id = clean(&course.id);
    let own = course.lines.iter().find(|line| line.kind() == Kind::Course);
    match own {
        Some(line) => look.change(out, 2, line, &id),
        None => {
            let name = course.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
            look.line(out, 2, &[(DIM, "  "), (BOLD, &id), (Style::new(), &name)]);
        }
    }
    look.line(out, 6, &[(DIM, &course_counts(course))]);
    // What changes or goes is looked at first; what comes stands behind it.
    let (comes, others): (Vec<_>, Vec<_>) = course
        .lines
        .iter()
        .filter(|line| line.kind() != Kind::Course)
        .partition(|line| line.sign() == '+');
    let lines = others.into_iter().chain(comes);
    let mut shown = u64::from(own.is_some());
    for line in lines.take(look.fold.of(COURSE_LINES)) {
        shown += 1;
        look.change(out, 6, line, &course_line_id(line));
    }
    look.more(out, 6, course.total, usize::try_from(shown).unwrap_or(usize::MAX));
}

/// The id within the course, with the word `group` where it is one.
pub(crate) fn course_line_id(line: &Line) -> String {
    match line.kind() {
        Kind::Group => format!("group {}", short_id(&line.key)),
        _ => short_id(&line.key),
    }
}

/// `31 enrollments created, 2 removed; 2 groups created`; the course itself is not counted.
pub(crate) fn course_counts(course: &CourseView) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for ((kind, action), count) in &course.counts {
        if *kind == Kind::Course {
            continue;
        }
        let done = done(*action);
        match (last == Some(*kind), parts.last_mut()) {
            (true, Some(part)) => part.push_str(&format!(", {} {done}", number(*count))),
            _ => parts.push(format!("{} {done}", kind_words(*kind, *count))),
        }
        last = Some(*kind);
    }
    parts.join("; ")
}

pub(crate) fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Suspend => "suspended",
        Action::Restore => "restored",
        Action::Remove => "removed",
        Action::Rekey => "re-keyed",
        Action::Adopt => "adopted",
    }
}

fn one_kind(out: &mut String, view: &KindView, look: &Look) {
    let words: Vec<_> = view
        .actions
        .iter()
        .map(|(action, (count, _))| format!("{} {}", number(*count), done(*action)))
        .collect();
    look.heading(out, title(view.kind), &words.join(", "));
    for (action, (count, lines)) in &view.actions {
        // Of many new ones a few tell all.
        let few = match action {
            Action::Create if *count > KIND_LINES as u64 => NEW_LINES,
            _ => KIND_LINES,
        };
        let shown = lines.len().min(look.fold.of(few));
        for line in &lines[..shown] {
            look.change(out, 2, line, &short_id(&line.key));
        }
        look.more(out, 2, *count, shown);
    }
}

pub(crate) fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Term => "Terms",
        Kind::OrgUnit => "Org units",
        Kind::Person => "Persons",
        Kind::Course => "Courses",
        Kind::Group => "Groups",
        Kind::Enrollment => "Enrollments",
        Kind::GroupMember => "Group members",
        Kind::Association => "Associations",
        Kind::Observer => "Observers",
    }
}

/// Whether the folded rendering leaves anything out.
fn folded(view: &PlanView) -> bool {
    view.courses > COURSES as u64
        || view.top_courses.iter().any(|course| course.total > COURSE_LINES as u64)
        || view.kinds.iter().flat_map(|k| k.actions.values()).any(|(n, _)| *n > KIND_LINES as u64)
        || view.held.groups.iter().any(|group| group.count > group.examples.len() as u64)
}
