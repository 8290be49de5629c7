//! `rollcall rename`, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod rollcall;

use rollcall::Folder;

/// The key of the first person of an export.
fn first_key(export: &str) -> String {
    let person = &export[export.find("<person").unwrap()..];
    let from = person.find("<id>").unwrap() + 4;
    person[from..from + person[from..].find("</id>").unwrap()].to_owned()
}

/// A school, and the same school in which one person has another key.
fn folder() -> (Folder, String) {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "60", "--out", "all.xml"]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(0);
    let all = folder.read("all.xml");
    let key = first_key(&all);
    let moved = all.replace(&format!("<id>{key}</id>"), "<id>NEW-1</id>");
    folder.write("moved.xml", moved.as_bytes());
    (folder, key)
}

#[test]
fn a_person_under_a_new_key_is_asked_about_and_kept() {
    let (folder, key) = folder();
    let held = folder.run(&["sync", "moved.xml"]).exits(4).stdout;
    assert!(held.contains(&format!("rollcall rename {key} NEW-1")), "{held}");
    let shown = folder.run(&["show", "last", "--json"]).exits(0).json();
    let checksum = shown["held_checksum"].as_str().unwrap().to_owned();
    let no = folder.run(&["approve", "last", "--checksum", &checksum, "--json"]).exits(1).json();
    assert!(no["error"]["message"].as_str().unwrap().contains("rollcall rename"), "{no}");
    let done = folder.run(&["rename", "--asked", "last", "--json"]).exits(0).json();
    assert_eq!(done["changes"]["person"]["rekey"], 1, "{done}");
    assert_eq!(done["receipts"]["held"], 0);
    let again = folder.run(&["sync", "moved.xml", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0);
    let none = folder.run(&["rename", "--asked", "last", "--json"]).exits(1).json();
    assert_eq!(none["error"]["code"], "not-found");
}

#[test]
fn who_is_said_to_be_another_is_not_asked_about_again() {
    let (folder, key) = folder();
    folder.run(&["sync", "moved.xml"]).exits(4);
    let noted =
        folder.run(&["rename", &key, "NEW-1", "--different", "--later", "--json"]).exits(0).json();
    assert_eq!(noted["items"][0]["same"], false);
    let plan = folder.run(&["plan", "moved.xml"]);
    assert!(!plan.stdout.contains("rollcall rename"), "{}", plan.stdout);
}

#[test]
fn what_was_said_is_taken_back_and_asked_again() {
    let (folder, key) = folder();
    let nothing = folder.run(&["rename", &key, "NEW-1", "--undo", "--json"]).exits(1).json();
    assert_eq!(nothing["error"]["code"], "not-found");
    folder.run(&["sync", "moved.xml"]).exits(4);
    folder.run(&["rename", &key, "NEW-1"]).exits(0);
    let back = folder.run(&["rename", &key, "NEW-1", "--undo", "--json"]).exits(4).json();
    assert_eq!(back["changes"]["person"]["rekey"], 1, "{back}");
    let shown = folder.run(&["show", "last"]).exits(0).stdout;
    assert!(shown.contains(&format!("rollcall rename {key} NEW-1")), "{shown}");
    let noted = ["rename", &key, "NEW-1", "--undo", "--later", "--json"];
    assert!(folder.run(&noted).exits(0).json()["items"][0]["same"].is_null());
    folder.run(&["rename", "--asked", "last"]).exits(0);
}

/// Both answers of a story begin with the key that was asked for; what happened is the same.
#[test]
fn the_former_and_the_new_key_tell_one_story() {
    let (folder, key) = folder();
    folder.run(&["sync", "moved.xml"]).exits(4);
    folder.run(&["rename", "--asked", "last"]).exits(0);
    let story = |key: &str| folder.run(&["trace", key]).exits(0).stdout;
    assert_eq!(story(&key), story("NEW-1"));
    assert!(story(&key).contains("rekey"), "{}", story(&key));
}

#[test]
fn a_list_of_changed_keys_answers_what_was_asked() {
    let (folder, key) = folder();
    let config = "tenant = \"default\"\n[[integration]]\nname = \"sandbox\"\nstatus = \"active\"\n\
                  [[integration.source]]\nname = \"sis\"\nmatch = \"*.xml\"\n\
                  [[integration.source]]\nname = \"keys\"\nmatch = \"*.csv\"\n\
                  format = \"changes\"\n[integration.target]\nkind = \"sandbox\"\n";
    folder.write("rollcall.toml", config.as_bytes());
    folder.run(&["sync", "moved.xml"]).exits(4);
    let list = format!("old_key;new_key\n{key};NEW-1\n");
    folder.write("changes.csv", list.as_bytes());
    let done = folder.run(&["sync", "changes.csv", "--json"]).exits(0).json();
    assert_eq!(done["changes"]["person"]["rekey"], 1, "{done}");
    let story = folder.run(&["trace", "NEW-1"]).exits(0).stdout;
    assert!(story.contains("rekey"), "{story}");
}

#[test]
fn it_needs_two_keys_or_a_run() {
    let folder = Folder::with_moodle101();
    folder.run(&["rename"]).exits(64);
    folder.run(&["rename", "one"]).exits(64);
    folder.run(&["rename", "one", "two", "--asked", "last"]).exits(64);
    folder.run(&["rename", "one", "two", "--undo", "--different"]).exits(64);
    folder.run(&["rename", "--undo", "--asked", "last"]).exits(64);
}
