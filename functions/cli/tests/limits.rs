//! `rollcall limits`: what may change, and what somebody allows for a while.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod rollcall;

use rollcall::Folder;
use serde_json::Value;

/// The limit of what `action` counts of `kind` over `span`.
fn limit<'a>(shown: &'a Value, kind: &str, action: &str, span: &str) -> &'a Value {
    let items = shown["items"].as_array().unwrap();
    let found = items
        .iter()
        .find(|item| item["kind"] == kind && item["action"] == action && item["span"] == span);
    found.unwrap_or(&Value::Null)
}

fn without_every_third_member(export: &str) -> String {
    let (mut out, mut inside, mut number) = (String::new(), false, 0);
    for line in export.lines() {
        if line.trim_start().starts_with("<member>") {
            (inside, number) = (true, number + 1);
        }
        if !inside || number % 3 != 0 {
            out.push_str(line);
            out.push('\n');
        }
        inside &= !line.trim_start().starts_with("</member>");
    }
    out
}

#[test]
fn an_allowance_lets_go_what_was_held_and_says_who_gave_it() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(0);
    folder.write("few.xml", without_every_third_member(&folder.read("all.xml")).as_bytes());
    let held = folder.run(&["sync", "few.xml", "--json"]).exits(4).json();
    assert!(held["receipts"]["held"].as_u64() > Some(0));
    let shown = folder.run(&["limits", "--json"]).exits(0).json();
    assert_eq!(limit(&shown, "enrollment", "removals", "run")["percent"], 10);
    assert_eq!(limit(&shown, "enrollment", "removals", "week")["percent"], 25);
    assert_eq!(*limit(&shown, "enrollment", "create", "run"), Value::Null);
    let allow =
        ["limits", "allow", "--kind", "enrollment", "--percent", "100", "--for", "24h", "--by"];
    let given = folder.run(&[&allow[..], &["J. Doe", "--json"]].concat()).exits(0).json();
    assert_eq!((&given["by"], &given["limited"]), (&"J. Doe".into(), &"removals".into()));
    let more = ["limits", "allow", "--kind", "group_member", "--count", "5000", "--for", "90m"];
    folder.run(&more).exits(0);
    let shown = folder.run(&["limits", "--json"]).exits(0).json();
    for span in ["run", "week"] {
        let allowed = limit(&shown, "enrollment", "removals", span);
        assert_eq!((&allowed["percent"], allowed["until"].is_string()), (&100.into(), true));
    }
    assert_eq!(shown["allowances"].as_array().map(Vec::len), Some(2));
    let told = folder.run(&["limits"]).exits(0).stdout;
    assert!(told.contains("removals of enrollment allowed by J. Doe on "), "{told}");
    // What was held goes with the next plan.
    let after = folder.run(&["sync", "few.xml", "--json"]).exits(0).json();
    assert_eq!(after["receipts"]["applied"], held["receipts"]["held"], "{after}");
    let shown = folder.run(&["limits", "--json"]).exits(0).json();
    assert!(shown["week"]["enrollment"]["remove"].is_null(), "it counts for nothing afterwards");
}

#[test]
fn what_an_allowance_cannot_say_is_refused() {
    let folder = Folder::new();
    let allow = |args: &str| {
        let args: Vec<&str> = ["limits", "allow"].into_iter().chain(args.split(' ')).collect();
        folder.run(&args).exits(64)
    };
    for wrong in [
        "--kind pupil --percent 40 --for 24h",
        "--kind person --for 24h",
        "--kind person --percent 140 --for 24h",
        "--kind person --percent 40",
        "--kind person --percent 40 --for 1y",
        "--kind person --percent 40 --for 40d",
        "--kind person --action forget --percent 40 --for 1d",
    ] {
        allow(wrong);
    }
    let shown = folder.run(&["limits", "--json"]).exits(0).json();
    assert_eq!(shown["allowances"], Value::Array(Vec::new()));
}

#[test]
fn a_source_and_a_key_have_numbers_of_their_own() {
    let folder = Folder::new();
    let config = "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
                  [[integration.source]]\nname = \"registrar\"\n\
                  [integration.target]\nkind = \"sandbox\"\n\
                  [integration.limits.source.registrar.person]\ncreate_count = 5\n\
                  [integration.limits.data_source.\"2011_*\"]\nremove_percent = 5\n";
    folder.write("rollcall.toml", config.as_bytes());
    let shown = folder.run(&["limits", "--json"]).exits(0).json();
    let parts = shown["parts"].as_array().unwrap();
    assert_eq!((&parts[0]["part"], &parts[0]["name"]), (&"source".into(), &"registrar".into()));
    assert_eq!((&parts[0]["kind"], &parts[0]["count"]), (&"person".into(), &5.into()));
    assert_eq!((&parts[1]["name"], &parts[1]["percent"]), (&"2011_*".into(), &5.into()));
    let told = folder.run(&["limits"]).exits(0).stdout;
    assert!(
        told.contains("data source key  2011_*     every   removals  5 %, from 10 up"),
        "{told}"
    );
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    let held = folder.run(&["sync", "all.xml"]).exits(4);
    let reason = "persons of source registrar would be created; its limit is 5";
    assert!(held.stdout.contains(reason), "{}", held.stdout);
}
