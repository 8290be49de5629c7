//! Passwords of new accounts, from the sealed list to the file that is handed over.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod rollcall;

use std::fs;
use std::path::Path;

use rollcall::{Folder, MOODLE101};

const CONFIG: &str = "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
                      [[integration.source]]\nname = \"registrar\"\n\
                      [integration.target]\nkind = \"sandbox\"\npassword = \"list\"\n";

fn folder() -> Folder {
    let folder = Folder::with_moodle101();
    folder.write("rollcall.toml", CONFIG.as_bytes());
    folder
}

/// Every byte of every file below, its name included.
fn everything_below(path: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        all.extend(entry.file_name().as_encoded_bytes());
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(everything_below(&entry.path())),
            false => all.extend(fs::read(entry.path()).unwrap()),
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The passwords of a list, by person.
fn passwords(list: &str) -> Vec<(String, String)> {
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("key,username,given,family,password,standing"));
    let cell = |line: &str, at: usize| line.split(',').nth(at).unwrap().to_owned();
    lines.map(|line| (cell(line, 0), cell(line, 4))).collect()
}

#[test]
fn new_accounts_get_a_password_that_is_handed_over_once() {
    let folder = folder();
    let synced = folder.run(&["sync", "moodle101.xml", "-vv"]).exits(0);
    assert!(synced.stdout.contains("rollcall credentials export FILE"), "{}", synced.stdout);
    let listed = folder.run(&["credentials", "list", "--json"]).exits(0).json();
    let count = listed["count"].as_u64().unwrap();
    assert!(count > 0 && listed["items"][0]["standing"] == "set", "{listed}");

    let kept = folder.run(&["credentials", "export", "-", "--keep"]).exits(0).stdout;
    let handed = passwords(&kept);
    assert_eq!(handed.len() as u64, count);
    // Nowhere in clear: not in the state, plans, pages, the sandbox, nor in anything that was said.
    let below = everything_below(&folder.path().join("rollcall-data"));
    assert!(below.len() > 10_000);
    let shown = folder.run(&["show", "last", "--all", "--json"]).stdout
        + &folder.run(&["trace", &handed[0].0]).stdout
        + &folder.run(&["log"]).stdout;
    for (person, password) in &handed {
        assert_eq!(password.len(), 19, "{person}");
        for (place, bytes) in [
            ("the data folder", &below[..]),
            ("the output", synced.stdout.as_bytes()),
            ("the log", synced.stderr.as_bytes()),
            ("what is shown", shown.as_bytes()),
            ("the list without them", listed.to_string().as_bytes()),
        ] {
            assert!(!holds(bytes, password), "{place} shows a password");
        }
    }

    // A list overwrites nothing, and what was not handed over stays.
    folder.write("taken.csv", b"mine");
    let refused = folder.run(&["credentials", "export", "taken.csv", "--json"]).exits(1).json();
    assert_eq!(refused["error"]["code"], "output-exists");
    assert_eq!(folder.read("taken.csv"), "mine");
    folder.run(&["credentials", "export", "-"]).exits(64);

    let args = ["credentials", "export", "new.csv", "--by", "J. Doe", "--json"];
    let exported = folder.run(&args).exits(0).json();
    assert_eq!((&exported["count"], &exported["erased"]), (&count.into(), &count.into()));
    assert_eq!(passwords(&folder.read("new.csv")), handed, "the same ones");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join("new.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let empty = folder.run(&["credentials", "export", "more.csv", "--json"]).exits(0).json();
    assert_eq!((&empty["count"], &empty["file"]), (&0.into(), &serde_json::Value::Null));
    assert!(!folder.path().join("more.csv").exists());
    let audit = folder.run(&["log", "--code", "audit-*", "--json"]).exits(0).stdout;
    assert!(audit.contains("J. Doe") && audit.contains("handed over"), "{audit}");
    let again = folder.run(&["sync", "moodle101.xml", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0);
}

#[test]
fn passwords_that_nobody_wants_are_erased_and_forgotten_persons_are_on_no_list() {
    let folder = folder();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let listed = folder.run(&["credentials", "list", "--json"]).exits(0).json();
    let (count, person) = (listed["count"].as_u64().unwrap(), &listed["items"][0]["key"]);
    let person = person.as_str().unwrap();
    folder.run(&["forget", &format!("person:{person}")]).exits(0);
    let rest = folder.run(&["credentials", "list", "--json"]).exits(0).json();
    assert_eq!(rest["count"], count - 1);
    assert!(!rest.to_string().contains(person));
    let erased = folder.run(&["credentials", "erase", "--json"]).exits(0).json();
    assert_eq!(erased["erased"], count - 1);
    let none = folder.run(&["credentials", "list"]).exits(0).stdout;
    assert_eq!(none, "No password waits to be handed over.\n");
}

/// The platform mails its own where nothing else is configured.
#[test]
fn without_the_setting_there_is_no_list() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    assert!(MOODLE101.contains("<person>"));
    let listed = folder.run(&["credentials", "list", "--json"]).exits(0).json();
    assert_eq!(listed["count"], 0);
}
