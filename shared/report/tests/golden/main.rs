//! Golden files of everything a person reads, with invented people, and the bounds of a report.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod hostile;

use fixtures::{emptied, failed, first_sync, holds, nothing, over_limits, rejected, updates};
use report::text::holds as text_of_holds;
use report::text::{Colour, Fold, Look, digest, findings, records, run, table, write_changes};
use report::{RunView, html, json, rejects_csv};

const LOOK: Look = Look { colour: Colour::Plain, width: 96, fold: Fold::Short };

#[cfg(test)]
fn json(view: &RunView) -> String {
    let mut out = Vec::new();
    json::Answer::of(view).write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_first_sync() {
    let view = first_sync();
    insta::assert_snapshot!("first_sync_text", run(&view, &LOOK));
    insta::assert_snapshot!("first_sync_html", html::run(&view));
    insta::assert_snapshot!("first_sync_json", json(&view));
}

#[test]
fn nothing_to_do() {
    let view = nothing();
    insta::assert_snapshot!("nothing_text", run(&view, &LOOK));
    insta::assert_snapshot!("nothing_html", html::run(&view));
    insta::assert_snapshot!("nothing_json", json(&view));
}

#[test]
fn updates_are_shown_field_by_field() {
    let view = updates();
    insta::assert_snapshot!("updates_text", run(&view, &LOOK));
    insta::assert_snapshot!("updates_html", html::run(&view));
    insta::assert_snapshot!("updates_json", json(&view));
    let coloured = Look { colour: Colour::Ansi, ..LOOK };
    insta::assert_snapshot!("updates_colour", run(&view, &coloured).replace('\u{1b}', "ESC"));
    let narrow = Look { width: 44, ..LOOK };
    insta::assert_snapshot!("updates_narrow", run(&view, &narrow));
}

#[test]
fn what_is_held_says_why_and_how_to_go_on() {
    let view = emptied();
    insta::assert_snapshot!("held_text", run(&view, &LOOK));
    insta::assert_snapshot!("held_html", html::run(&view));
    insta::assert_snapshot!("held_json", json(&view));
}

#[test]
fn each_part_of_what_is_held_says_what_lets_it_go() {
    let view = holds();
    insta::assert_snapshot!("holds_text", text_of_holds(&view, &LOOK));
    let narrow = Look { width: 44, ..LOOK };
    insta::assert_snapshot!("holds_narrow", text_of_holds(&view, &narrow));
}

#[test]
fn what_was_refused_says_what_to_do() {
    let view = rejected();
    insta::assert_snapshot!("rejected_text", run(&view, &LOOK));
    insta::assert_snapshot!("rejected_html", html::run(&view));
    insta::assert_snapshot!("rejected_json", json(&view));
    let csv: String = rejects_csv(fixtures::refusals().into_iter()).collect();
    insta::assert_snapshot!("rejected_csv", csv.replace("\r\n", "\n"));
    assert_eq!(csv.lines().count() + 1, csv.split("\r\n").count(), "every line ends in CRLF");
}

#[test]
fn a_run_that_failed_says_what_next() {
    let view = failed();
    insta::assert_snapshot!("failed_text", run(&view, &LOOK));
    insta::assert_snapshot!("failed_html", html::run(&view));
    insta::assert_snapshot!("failed_json", json(&view));
}

#[test]
fn a_digest_says_what_is_open_and_names_nobody() {
    insta::assert_snapshot!("digest_text", digest(&fixtures::digest(), &LOOK));
    let mut calm = fixtures::digest();
    (calm.held, calm.refusals, calm.parked) = (None, Vec::new(), 0);
    calm.runs.truncate(3);
    insta::assert_snapshot!("digest_calm", digest(&calm, &LOOK));
    calm.runs.clear();
    assert!(digest(&calm, &LOOK).contains("There was no run. Nothing waits for you."));
}

#[test]
fn the_index_leads_to_every_page() {
    let page = html::index("oakfield / sis", &fixtures::past());
    insta::assert_snapshot!("index_html", page);
    for run in fixtures::past() {
        assert!(page.contains(&format!("href=\"{}/report.html\"", run.run)));
    }
}

#[test]
fn the_verdict_fits_the_run() {
    let mut trial = first_sync();
    trial.receipts = None;
    let mut waits = failed();
    waits.state = "waiting".into();
    let mut superseded = first_sync();
    superseded.state = "superseded".into();
    let verdicts = [
        first_sync(),
        nothing(),
        updates(),
        emptied(),
        rejected(),
        failed(),
        trial,
        waits,
        superseded,
    ]
    .map(|view| {
        let verdict = view.verdict();
        let next = verdict.next.iter().map(|step| {
            format!("\n    {} {}", step.what, step.command.as_deref().unwrap_or_default())
        });
        format!("{:?}: {}{}", verdict.tone, verdict.sentence, next.collect::<String>())
    });
    insta::assert_snapshot!("verdicts", verdicts.join("\n"));
}

#[test]
fn a_page_is_sound() {
    for view in [first_sync(), nothing(), updates(), emptied(), rejected(), failed()] {
        let page = html::run(&view);
        assert_eq!(page.matches("<h1>").count(), 1);
        for tag in [
            "div", "section", "details", "summary", "ul", "ol", "li", "table", "tr", "td", "th",
            "svg", "p", "dl", "dd", "dt", "nav", "header", "main", "footer", "span", "a", "pre",
            "code", "h2", "h3",
        ] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        // Each drawing says in words what is in it, and each table what its columns are.
        let drawings = page.matches("<svg").count();
        assert_eq!(page.matches("<title id=").count(), drawings);
        assert_eq!(page.matches("<desc id=").count(), drawings);
        assert_eq!(page.matches("<caption").count(), page.matches("<table").count());
        assert!(page.matches("scope=\"col\"").count() >= page.matches("<table").count());
        // What the navigation leads to is there.
        for place in page.split("href=\"#").skip(1) {
            let id = place.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "#{id}");
        }
    }
}

#[test]
fn the_unfolded_list_and_the_json_items_name_every_change() {
    let changes = fixtures::update_changes();
    let mut text = Vec::new();
    write_changes(&mut text, changes.iter().cloned().map(Ok), &fixtures::files(), &LOOK).unwrap();
    insta::assert_snapshot!("all_text", String::from_utf8(text).unwrap());
    let answer = json::Answer::of(&updates());
    let mut with_items = Vec::new();
    let items = changes.iter().map(|c| json::ChangeItem::of(c, &fixtures::files(), None));
    answer.write_with(&mut with_items, items).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&with_items).unwrap();
    assert_eq!(value["items"].as_array().unwrap().len(), changes.len());
    insta::assert_snapshot!("all_json", String::from_utf8(with_items).unwrap());
    let mut none = Vec::new();
    answer.write_with(&mut none, std::iter::empty::<u8>()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&none).unwrap();
    assert_eq!(value["items"], serde_json::json!([]));
}

#[test]
fn a_check_is_records_and_findings() {
    let view = rejected();
    let shown =
        records(&view.records, &LOOK) + "\n" + &findings(&view.findings, &view.files, &LOOK);
    insta::assert_snapshot!("check_text", shown);
}

#[test]
fn tables_are_aligned_by_what_is_seen() {
    let rows = [("Zoë", "7"), ("山田", "1,200"), ("Bo", "")]
        .map(|(name, count)| vec![name.to_owned(), count.to_owned(), "done".to_owned()]);
    insta::assert_snapshot!(table(&["name", "count", "state"], &rows, &LOOK), @r"
      name  count  state
      Zoë       7  done
      山田  1,200  done
      Bo        ·  done
    ");
}

#[test]
fn what_other_limits_hold_says_which_and_how_much() {
    let view = over_limits();
    insta::assert_snapshot!("limits_text", run(&view, &LOOK));
    insta::assert_snapshot!("limits_json", json(&view));
}
