//! Undoing a run from the command line.

mod rollcall;

use rollcall::{Folder, MOODLE101};

fn renamed() -> String {
    MOODLE101.replace("JOE", "JOSEPH")
}

#[test]
fn a_run_is_undone_and_its_export_does_not_come_again() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.write("wrong.xml", renamed().as_bytes());
    let run = folder.run(&["sync", "wrong.xml", "--json"]).exits(0).json();
    let run = run["run"].as_str().unwrap().to_owned();

    let shown = folder.run(&["revert", &run, "--plan"]).exits(3);
    assert!(shown.stdout.contains("update"), "{}", shown.stdout);
    folder.run(&["plan", "wrong.xml"]).exits(0);

    let undone = folder.run(&["revert", &run, "--json"]).exits(0).json();
    assert_eq!(undone["reverts"], serde_json::json!([run]));
    assert_eq!(undone["receipts"]["applied"], 1);
    let again = folder.run(&["revert", &run]).exits(0);
    assert!(again.stdout.contains("was taken back before"), "{}", again.stdout);

    let refused = folder.run(&["sync", "wrong.xml", "--json"]).exits(2).json();
    assert_eq!(refused["error"]["code"], "export-refused");
    // Nor under another name, with another comment in it.
    let other = renamed().replace("</enterprise>", "<!-- made later --></enterprise>");
    folder.write("later.xml", other.as_bytes());
    folder.run(&["sync", "later.xml"]).exits(2);
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.run(&["plan", "wrong.xml"]).exits(2);
    folder.run(&["resume", "sis"]).exits(0);
    folder.run(&["sync", "wrong.xml"]).exits(0);
}

#[test]
fn later_runs_are_listed_first() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.write("wrong.xml", renamed().as_bytes());
    let first = folder.run(&["sync", "wrong.xml", "--json"]).exits(0).json();
    folder.write("more.xml", renamed().replace("JOSEPH", "JOSEF").as_bytes());
    let second = folder.run(&["sync", "more.xml", "--json"]).exits(0).json();
    let (first, second) = (first["run"].as_str().unwrap(), second["run"].as_str().unwrap());
    let refused = folder.run(&["revert", first, "--json"]).exits(1).json();
    assert_eq!(refused["error"]["code"], "later-runs");
    assert!(refused["error"]["message"].as_str().unwrap().contains(second), "{refused}");
    assert!(refused["error"]["hint"].as_str().unwrap().contains("--and-later"), "{refused}");
    let both = folder.run(&["revert", first, "--and-later", "--json"]).exits(0).json();
    assert_eq!(both["reverts"], serde_json::json!([first, second]));
    let same = folder.run(&["sync", "moodle101.xml", "--json"]).exits(0).json();
    assert_eq!(same["calls"], 0);
    folder.run(&["revert", "nothing-like-it"]).exits(1);
}

/// What an undoing takes away goes by the limits like anything else.
#[test]
fn an_undoing_beyond_the_limits_is_held() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    let run = folder.run(&["sync", "all.xml", "--json"]).exits(0).json();
    let run = run["run"].as_str().unwrap();
    let held = folder.run(&["revert", run, "--json"]).exits(4).json();
    let (undoing, checksum) = (&held["run"], &held["held_checksum"]);
    let (undoing, checksum) = (undoing.as_str().unwrap(), checksum.as_str().unwrap());
    let notes = folder.run(&["show", undoing]).stdout;
    assert!(notes.contains("revert-put-aside"), "{notes}");
    folder.run(&["approve", undoing, "--checksum", checksum]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(2);
}
