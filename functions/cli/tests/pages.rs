//! The report page of a run, made anew where there is none: an older run whose page was cleared, or
//! a run on AWS, where no page is written by itself. Both go the same way.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod rollcall;

use std::fs;

use rollcall::{Folder, MOODLE101};

/// The page without its links to others, which a page that stands alone does not have.
fn alone(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some(at) = rest.find("<a href=\"../") {
        out.push_str(&rest[..at]);
        let (text, after) = rest[at..].split_once('>').unwrap().1.split_once("</a>").unwrap();
        if text.contains("run before") || text.contains("All runs") {
            // Its line goes with it.
            rest = after.trim_start();
        } else {
            out.push_str(text);
            rest = after;
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ").replace("> <", "><")
}

#[test]
fn a_page_is_made_anew_from_what_is_stored() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    // One record is refused, so that receipts are on the page, too.
    let more = MOODLE101.replace("JOE", "JOSEPH").replace("jmoodle@", "not-an-address ");
    folder.write("more.xml", more.as_bytes());
    let second = folder.run(&["sync", "more.xml"]);
    let page = folder.path().join(second.report_path());
    let written = fs::read_to_string(&page).unwrap();
    folder.run(&["sync", "moodle101.xml"]);
    assert!(written.contains("JOSEPH"), "it shows what changed");
    fs::remove_file(&page).unwrap();

    let runs = folder.run(&["runs", "--json"]).exits(0).json();
    let run = runs["items"][1]["run"].as_str().unwrap();
    let shown = folder.run(&["show", run, "--html", "again.html", "--json"]).exits(0).json();
    assert!(shown["report"].is_null(), "its own page is gone");
    assert_eq!(alone(&folder.read("again.html")), alone(&written));
    assert!(!folder.read("again.html").contains("<a href=\"../"), "it stands alone");
    // Asked for twice it is the same to the byte.
    folder.run(&["show", run, "--html", "twice.html"]).exits(0);
    assert_eq!(folder.read("again.html"), folder.read("twice.html"));
}
