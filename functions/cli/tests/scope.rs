//! Data source keys from the command line.

mod rollcall;

use rollcall::{Folder, MOODLE101};

/// The example with a data source key for its persons and one for its courses.
fn labelled() -> String {
    MOODLE101
        .replace("</person>", "<datasource>SIS_persons</datasource></person>")
        .replace("</group>", "<datasource>2026_fall_SIS_courses</datasource></group>")
}

fn synced() -> Folder {
    let folder = Folder::new();
    let config = "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
                  [[integration.source]]\nname = \"registrar\"\n\
                  [integration.target]\nkind = \"sandbox\"\n\
                  [integration.limits]\nremove_percent = 100\n";
    folder.write("rollcall.toml", config.as_bytes());
    folder.write("all.xml", labelled().as_bytes());
    folder.run(&["sync", "all.xml"]).exits(0);
    folder
}

#[test]
fn a_key_is_listed_disabled_and_enabled() {
    let folder = synced();
    insta::assert_snapshot!(folder.run(&["scope", "list"]).exits(0).normal());
    let shown = folder.run(&["scope", "disable", "SIS_persons", "--dry-run"]).exits(3);
    assert!(shown.stdout.contains("suspend"), "{}", shown.stdout);
    folder.run(&["plan", "all.xml"]).exits(0);

    let args = ["scope", "disable", "SIS_persons", "--by", "J. Doe"];
    let said = folder.run(&args).exits(0);
    assert!(said.stdout.contains("whatever the next export says"), "{}", said.stdout);
    let listed = folder.run(&["scope", "list", "--json"]).exits(0).json();
    let of = |key: &str| {
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["key"] == key).unwrap().clone()
    };
    let persons = of("SIS_persons");
    assert_eq!(persons["decided"]["verdict"], "disabled");
    assert_eq!(persons["decided"]["by"], "J. Doe");
    assert_eq!(persons["sources"], serde_json::json!(["registrar"]));
    assert!(of("2026_fall_SIS_courses")["decided"].is_null());
    let again = folder.run(&["sync", "all.xml", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0);
    let log = folder.run(&["log"]).exits(0);
    assert!(
        log.stdout.contains("disabled") && log.stdout.contains("SIS_persons"),
        "{}",
        log.stdout
    );

    let back = folder.run(&["scope", "enable", "SIS_persons", "--json"]).exits(0).json();
    assert_eq!(back["changes"]["person"]["restore"], persons["records"]["person"]);
    assert_eq!(back["scope"], serde_json::json!({"key": "SIS_persons"}));
    let runs = folder.run(&["runs"]).exits(0).stdout;
    assert!(
        runs.contains("disabled SIS_persons") && runs.contains("enabled SIS_persons"),
        "{runs}"
    );
    let runs = folder.run(&["runs", "--json"]).exits(0).json();
    let disabled = serde_json::json!({"key": "SIS_persons", "verdict": "disabled"});
    assert!(runs["items"].as_array().unwrap().iter().any(|run| run["scope"] == disabled));
}

#[test]
fn a_mistyped_key_and_a_revert_say_what_to_do() {
    let folder = synced();
    let refused = folder.run(&["scope", "remove", "sis_person", "--json"]).exits(1).json();
    assert_eq!(refused["error"]["code"], "not-found");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("did you mean `SIS_persons`"), "{message}");
    folder.run(&["scope", "disable", "2026_fall_SIS_courses"]).exits(0);
    let refused = folder.run(&["revert", "last", "--json"]).exits(1).json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("rollcall scope enable 2026_fall_SIS_courses"), "{message}");
    folder.run(&["scope", "disable"]).exits(64);
}
