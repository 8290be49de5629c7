//! A report stays small whatever the plan's size, and its numbers stay exact.

use plan::{Action, HoldReason};
use report::text::{Fold, Look, run};
use report::{PlanView, html};
use roster::Role;

use crate::LOOK;
use crate::fixtures::{change, create, emptied, enrollment, first_sync, person, summary};

/// Many persons, many courses of which the last are the largest, many held.
fn large() -> PlanView {
    let persons = (0..60_000).map(|n| create(person(n), 1));
    let enrollments = (0..4_000usize).flat_map(|course| {
        let id = format!("c-{course:04}");
        (0..1 + course / 100).map(move |n| create(enrollment(&id, n, Role::Student), 2))
    });
    let held = (0..5_000usize).map(|n| {
        let gone = enrollment(&format!("e-{:03}", n / 10), n, Role::Student);
        let course = format!("e-{:03}", n / 10).as_str().into();
        let reason = HoldReason::EmptiesCourse { course, students: 10 };
        Ok((change(Action::Remove, Some(gone.into()), None, 0), reason))
    });
    PlanView::collect(summary(&[], &[]), persons.chain(enrollments).map(Ok), held).unwrap()
}

#[test]
fn a_large_plan_makes_a_small_report() {
    let view = large();
    assert_eq!(view.courses, 4_000);
    assert_eq!(view.top_courses.len(), 100);
    let first = &view.top_courses[0];
    assert_eq!((first.id.as_str(), first.total, first.lines.len()), ("c-3900", 40, 25));
    assert!(view.top_courses.iter().all(|course| course.total == 40), "the largest are kept");
    let (count, lines) = &view.kinds[0].actions[&Action::Create];
    assert_eq!((*count, lines.len()), (60_000, 100));
    assert_eq!((view.held.count, view.held.groups.len(), view.held.more_courses), (5_000, 50, 450));

    let mut of_run = first_sync();
    of_run.plan = Some(view);
    let page = html::run(&of_run);
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(page.contains("… and 59,900 more"));
    let text = run(&of_run, &LOOK);
    assert!(text.lines().count() < 200, "{} lines", text.lines().count());
    let long = run(&of_run, &Look { fold: Fold::Long, ..LOOK });
    assert!(long.lines().count() < 6_000, "{} lines", long.lines().count());
}

#[test]
fn no_line_is_wider_than_the_terminal_but_commands() {
    for width in [40, 60, 96, 200] {
        for view in [first_sync(), emptied()] {
            for line in run(&view, &Look { width, ..LOOK }).lines() {
                let command = line.contains("rollcall ") || line.starts_with("Report: ");
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(command || columns <= width, "{columns} > {width}: {line}");
                assert_eq!(line.trim_end(), line, "no space at the end");
            }
        }
    }
}
