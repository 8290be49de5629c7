//! What an export holds never becomes markup, and never reaches a terminal as a command.

use plan::Action;
use proptest::prelude::*;
use report::text::{digest, run};
use report::{ReceiptsView, RunError, html, rejects_csv};
use roster::{Course, CourseKey, Enrollment, Finding, Origin, Person, PersonKey, Severity};

use crate::LOOK;
use crate::fixtures::{change, create, first_sync, plan_view, refusals};

fn view_with(text: &str) -> report::RunView {
    let mut view = first_sync();
    let mut person = Person::new(PersonKey::new(text));
    person.given = Some(text.into());
    person.username = Some(text.into());
    let mut after = person.clone();
    after.email = Some(text.into());
    let mut course = Course::new(CourseKey::new(text));
    course.title = Some(text.into());
    let enrollment = Enrollment::new(CourseKey::new(text), PersonKey::new(text));
    let changed = change(Action::Update, Some(person.clone().into()), Some(after.into()), 3);
    view.plan = Some(plan_view(&[changed, create(course, 4), create(enrollment, 5)], &[]));
    view.findings.push(Finding {
        severity: Severity::Error,
        code: "x",
        message: text.into(),
        origin: Origin { file: 0, line: 1 },
        key: None,
    });
    view.files = vec![text.into()];
    view.read = view.files.clone();
    view.tenant = text.into();
    view.target = text.into();
    let mut refused = refusals();
    refused.truncate(1);
    refused[0].code = Some(text.into());
    refused[0].needs = Some(roster::Key::Person(PersonKey::new(text)));
    refused[0].origin = Some(text.into());
    view.receipts = Some(ReceiptsView::collect(refused.into_iter(), 0));
    view.report = Some(text.into());
    view.run = Some(text.into());
    view.state = text.into();
    view.flags = text.into();
    view.beside.previous = Some(text.into());
    for run in &mut view.past {
        (run.run, run.state) = (text.into(), text.into());
        run.reason = Some(text.into());
    }
    view.error = Some(RunError { code: "x".into(), message: text.into(), hint: Some(text.into()) });
    view
}

#[test]
fn markup_is_text() {
    let page = html::run(&view_with("<script>alert(1)</script>\" onload='x'"));
    assert!(page.contains("&lt;script&gt;alert(1)"), "it is shown");
    assert!(!page.contains("<script"), "and is no element");
    assert!(!page.contains("\" onload"), "and ends no attribute");
}

fn digest_with(text: &str) -> report::Digest {
    let mut digest = crate::fixtures::digest();
    (digest.tenant, digest.integration, digest.target) = (text.into(), text.into(), text.into());
    for run in &mut digest.runs {
        (run.run, run.state, run.reason) = (text.into(), text.into(), Some(text.into()));
    }
    for refusal in &mut digest.refusals {
        refusal.code = text.into();
    }
    digest
}

#[test]
fn a_run_that_is_no_plain_name_is_linked_nowhere() {
    for evil in ["\" onclick=\"x", "javascript:alert(1)//", "../../etc", "a/b", "х"] {
        let view = view_with(evil);
        for page in [html::run(&view), html::index("x", &view.past)] {
            for link in page.split("href=\"").skip(1) {
                let link = link.split('"').next().unwrap();
                let ours =
                    link.starts_with('#') || ["../index.html", "rejects.csv"].contains(&link);
                assert!(ours, "{link}");
            }
        }
    }
}

#[test]
fn a_very_long_name_neither_widens_nor_fills_the_page() {
    let long = "W".repeat(100_000);
    let mut view = view_with(&long);
    // What stands in commands is ours, and never cut.
    (view.run, view.flags) = (None, String::new());
    let page = html::run(&view);
    assert!(page.len() < 120_000, "{} bytes", page.len());
}

#[test]
fn the_page_loads_nothing() {
    let page = html::run(&first_sync());
    for word in ["<script", "<link", "<img", "src=", "url(", "@import", "<use", "<iframe"] {
        assert!(!page.contains(word), "{word}");
    }
    // Its links lead to other pages of ours, beside it.
    for link in page.split("href=\"").skip(1) {
        let link = link.split('"').next().unwrap();
        let ours = link.starts_with('#')
            || link == "rejects.csv"
            || link == "../index.html"
            || (link.starts_with("../") && link.ends_with("/report.html"));
        assert!(ours, "{link}");
    }
}

#[test]
fn a_formula_in_a_key_is_no_formula() {
    let mut lines = refusals();
    lines.truncate(1);
    lines[0].code = Some("=1+1".into());
    let csv: String = rejects_csv(lines.into_iter()).collect();
    assert!(csv.contains(",'=1+1,"), "{csv}");
}

/// Cells as a spreadsheet would split a line, whatever it takes for the separator.
fn begins_a_formula(csv: &str) -> bool {
    csv.split(['\n', '\r', '\t', ',', ';', '|'])
        .map(|cell| cell.trim_start_matches(['"', ' ']))
        .any(|cell| cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']))
}

#[test]
fn no_separator_of_any_country_begins_a_formula() {
    for evil in [
        "=1+1",
        " =1+1",
        "\t=1+1",
        "\"=1+1",
        "x;=1+1",
        "x; \"=1+1",
        "x,@SUM(A1)",
        "x|+1",
        "＝1+1",
        "-2+3",
    ] {
        let mut lines = refusals();
        lines.truncate(1);
        lines[0].code = Some(evil.into());
        lines[0].key = roster::Key::Person(PersonKey::new(evil));
        lines[0].origin = Some(evil.into());
        let csv: String = rejects_csv(lines.into_iter()).collect();
        assert!(!begins_a_formula(&csv), "{evil}: {csv}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_a_rendering(text in "(\\PC|[\\x00-\\x1f<>&\"'\u{202e}]){1,40}") {
        let view = view_with(&text);
        let page = html::run(&view);
        // Our own pages use these elements; every `<` that is not one of theirs came from outside.
        prop_assert_eq!(page.matches("<script").count(), 0);
        prop_assert_eq!(page.matches("<del").count(), page.matches("</del>").count());
        let shown = run(&view, &LOOK);
        let index = html::index(&text, &view.past);
        prop_assert_eq!(index.matches("<script").count(), 0);
        prop_assert_eq!(index.matches("<td").count(), index.matches("</td>").count());
        let mail = digest(&digest_with(&text), &LOOK);
        let obeyed = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        prop_assert!(!shown.contains(obeyed) && !page.contains(obeyed));
        prop_assert!(!index.contains(obeyed) && !mail.contains(obeyed));
    }
}
