//! `rollcall forget` and `rollcall log`, as they are typed.

#![expect(clippy::unwrap_used, reason = "these are tests: a panic is how they fail")]

mod rollcall;

use std::fs;
use std::path::Path;

use rollcall::Folder;

/// Every file but the simulated LMS's own, which nobody asked to be changed.
fn bytes(folder: &Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("sandbox") {
            continue;
        }
        if path.is_dir() {
            bytes(&path, out);
        } else {
            out.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn named(folder: &Folder, words: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    bytes(&folder.path().join("rollcall-data"), &mut files);
    let mut found = Vec::new();
    for (file, bytes) in files {
        for word in words {
            if bytes.windows(word.len()).any(|part| part == word.as_bytes()) {
                found.push(format!("{word} in {file}"));
            }
        }
    }
    found
}

#[test]
fn a_person_is_forgotten_with_a_receipt_and_comes_back_when_it_is_lifted() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let words = ["jmoodle", "Moodle JOE", "JOE"];
    assert!(!named(&folder, &words).is_empty());
    let receipt = folder.run(&["forget", "jmoodle", "--json"]).exits(0).json();
    assert_eq!(receipt["state"], "erased");
    assert_eq!(receipt["mark"].as_str().unwrap().len(), 32);
    assert!(receipt["records"].as_u64().unwrap() >= 4, "{receipt}");
    assert!(receipt["backups_lapse"].as_str().unwrap() > receipt["at"].as_str().unwrap());
    assert_eq!(named(&folder, &words), Vec::<String>::new());
    folder.run(&["trace", "jmoodle"]).exits(1);
    // The same export names them, and goes on without.
    let again = folder.run(&["sync", "moodle101.xml", "--json"]).exits(0).json();
    assert_eq!(again["findings"]["note"], 1, "{again}");
    assert_eq!(named(&folder, &words), Vec::<String>::new());
    folder.run(&["forget", "jmoodle"]).exits(1);
    let log = folder.run(&["log", "--code", "audit-*", "--json"]).exits(0).json();
    assert_eq!(log["items"][0]["code"], "audit-forgot");
    folder.run(&["forget", "somebody", "--lift"]).exits(1);
    folder.run(&["forget", "person:jmoodle", "--lift"]).exits(0);
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.run(&["trace", "jmoodle"]).exits(0);
}

#[test]
fn the_lms_is_rid_of_the_account_when_asked() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let receipt = folder.run(&["forget", "jmoodle", "--lms", "--json"]);
    let ended = receipt.stdout.clone();
    // A course that loses its only students is held: then somebody's word comes first.
    if ended.contains("\"erased\"") {
        folder.run(&["trace", "jmoodle"]).exits(1);
    } else {
        let run = folder.run(&["runs", "--limit", "1", "--json"]).exits(0).json();
        let id = run["items"][0]["run"].as_str().unwrap().to_owned();
        let shown = folder.run(&["show", &id, "--json"]).exits(0).json();
        let checksum = shown["held_checksum"].as_str().unwrap().to_owned();
        folder.run(&["approve", &id, "--checksum", &checksum]);
        folder.run(&["sweep"]).exits(0);
        folder.run(&["trace", "jmoodle"]).exits(1);
    }
}

#[test]
fn the_log_is_searched_by_level_code_kind_time_and_run() {
    let folder = Folder::with_moodle101();
    folder.run(&["log"]).exits(0);
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let all = folder.run(&["log", "--json"]).exits(0).json();
    let count = all["items"].as_array().unwrap().len();
    assert!(count >= 2, "{all}");
    assert_eq!(all["integration"], "sandbox");
    let of_run = folder.run(&["log", "--run", "last", "--json"]).exits(0).json();
    assert_eq!(of_run["items"].as_array().unwrap().len(), count);
    let old = folder.run(&["log", "--until", "1d", "--json"]).exits(0).json();
    assert_eq!(old["items"].as_array().unwrap().len(), 0);
    let few = folder.run(&["log", "-n", "1", "--json"]).exits(0).json();
    assert_eq!(few["more"].as_u64().unwrap() as usize, count - 1);
    assert!(folder.run(&["log"]).exits(0).stdout.contains("run-done"));
    for wrong in [["--severity", "loud"], ["--kind", "pupil"], ["--since", "soon"]] {
        folder.run(&["log", wrong[0], wrong[1]]).exits(64);
    }
}
