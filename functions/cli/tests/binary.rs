//! The built binary, as a user runs it: in a folder of its own, by its exit codes and its output.

mod rollcall;

use std::fs;

use rollcall::{Ended, Folder, MOODLE101};
use serde_json::Value;

#[test]
fn the_first_sync_fills_the_sandbox_and_the_second_changes_nothing() {
    let folder = Folder::with_moodle101();
    let first = folder.run(&["sync", "moodle101.xml"]).exits(0);
    insta::assert_snapshot!("first_sync", first.normal());
    assert!(folder.path().join(first.report_path()).is_file());

    let second = folder.run(&["sync", "moodle101.xml"]).exits(0);
    insta::assert_snapshot!("second_sync", second.normal());

    let json = folder.run(&["sync", "moodle101.xml", "--json"]).exits(0).json();
    assert_eq!((&json["schema"], &json["calls"]), (&1.into(), &0.into()));
    assert_eq!(json["records"]["person"], 1);
    assert_eq!(json["changes"], Value::Object(serde_json::Map::new()));
    assert_eq!(json["receipts"]["applied"], 0);
}

#[test]
fn an_unchanged_sync_does_not_touch_the_sandbox() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    // Whoever opened the sandbox now would have to make it anew.
    fs::remove_dir_all(folder.path().join("rollcall-data/sandbox")).unwrap();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    assert!(!folder.path().join("rollcall-data/sandbox").exists());
}

#[test]
fn a_plan_says_that_there_are_changes_and_leaves_no_trace() {
    let folder = Folder::with_moodle101();
    let plan = folder.run(&["plan", "moodle101.xml"]).exits(3);
    insta::assert_snapshot!("plan", plan.normal());
    assert!(!folder.path().join("rollcall-data").exists());
    let json = folder.run(&["plan", "moodle101.xml", "--json"]).exits(3).json();
    assert_eq!(json["changes"]["enrollment"]["create"], 1);
    assert_eq!(json["items"].as_array().map(Vec::len), Some(5));
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.run(&["plan", "moodle101.xml"]).exits(0);
}

#[test]
fn what_was_done_is_listed_shown_and_traced() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    insta::assert_snapshot!("runs", folder.run(&["runs"]).exits(0).normal());
    let show = folder.run(&["show", "last", "--all"]).exits(0);
    insta::assert_snapshot!("show_all", show.normal());
    insta::assert_snapshot!("trace", folder.run(&["trace", "jmoodle"]).exits(0).normal());
    let story = folder.run(&["trace", "jmoodle", "--json"]).exits(0).json();
    assert_eq!(story["key"], "person:jmoodle");
    assert_eq!(story["enrollments"][0]["course"], "MOODLE101");
    assert_eq!(story["items"][0]["action"], "create");
    let nobody = folder.run(&["trace", "nobody", "--json"]).exits(1).json();
    assert_eq!(nobody["error"]["code"], "not-found");
    folder.run(&["show", "last", "--html", "page.html", "--rejects", "rejects.csv"]).exits(0);
    assert!(folder.read("page.html").starts_with("<!doctype html>"));
    assert!(folder.read("rejects.csv").starts_with("outcome,code,"));
}

#[test]
fn what_cannot_be_read_changes_nothing_and_says_so() {
    let folder = Folder::with_moodle101();
    fs::create_dir(folder.path().join("folder")).unwrap();
    folder.write("empty.xml", b"");
    folder.write("png.xml", b"\x89PNG\r\n\x1a\n0000");
    folder.write("half.xml", &MOODLE101.as_bytes()[..600]);
    folder.write("two.zip", &rollcall::zip(&[("a.xml", MOODLE101), ("b.xml", MOODLE101)]));
    let mut told = String::new();
    for (file, code) in [
        ("missing.xml", "export-missing"),
        ("folder", "export-folder"),
        ("empty.xml", "export-empty"),
        ("png.xml", "not-an-export"),
        ("half.xml", "export-truncated"),
        ("two.zip", "several-exports"),
    ] {
        for command in ["check", "plan", "sync"] {
            let json = folder.run(&[command, file, "--json"]).exits(2).json();
            assert_eq!(json["error"]["code"], code, "{command} {file}");
            assert!(json["error"]["hint"].is_string(), "{command} {file}");
        }
        let ended = folder.run(&["sync", file]).exits(2);
        assert_eq!(ended.stdout, "");
        told.push_str(&ended.stderr);
    }
    insta::assert_snapshot!("unreadable", told);
    assert_eq!(folder.run(&["runs", "--json"]).exits(0).json()["items"], Value::Array(vec![]));
}

#[test]
fn bad_records_are_found_by_check() {
    let folder = Folder::with_moodle101();
    let check = folder.run(&["check", "moodle101.xml"]).exits(0);
    assert_eq!(
        check.stdout,
        "1 person, 1 course, 1 group, 1 enrollment, 1 group member\nNo findings.\n"
    );
    let bad = MOODLE101.replacen("<id>jmoodle</id>", "<id></id>", 1);
    folder.write("bad.xml", bad.as_bytes());
    let check = folder.run(&["check", "bad.xml", "--json"]).exits(1).json();
    assert!(check["findings"]["error"].as_u64() > Some(0), "{check}");
    assert!(check["items"][0]["origin"].as_str().is_some_and(|at| at.starts_with("bad.xml:")));
}

#[test]
fn one_writer_at_a_time() {
    let folder = Folder::with_moodle101();
    let sandbox = folder.sandbox();
    sandbox.faults(r#"{"seed":1,"rules":[{"fault":{"kind":"delay","ms":400}}]}"#);
    let first = folder.start(&["sync", "moodle101.xml"]);
    sandbox.wait_for_calls(1);
    let second = folder.run(&["sync", "moodle101.xml"]).exits(7);
    assert!(second.stderr.contains("is at work in this data folder"), "{}", second.stderr);
    let json = folder.run(&["sweep", "--json"]).exits(7).json();
    assert_eq!(json["error"]["code"], "locked");
    // Who only reads is not kept out.
    let runs = folder.run(&["runs", "--json"]).exits(0).json();
    assert_eq!(runs["items"][0]["ended"], Value::Null);
    folder.run(&["plan", "moodle101.xml"]).exits(3);
    first.ended().exits(0);
    folder.run(&["sync", "moodle101.xml"]).exits(0);
}

#[test]
fn what_is_held_waits_for_a_word() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(0);
    folder.write(
        "few.xml",
        rollcall::without_half_of_the_members(&folder.read("all.xml")).as_bytes(),
    );
    folder.run(&["plan", "few.xml"]).exits(4);
    let held = folder.run(&["sync", "few.xml", "--json"]).exits(4).json();
    let (run, checksum) = (text(&held["run"]), text(&held["held_checksum"]));
    assert_eq!(held["state"], "partly_held");
    assert!(held["receipts"]["held"].as_u64() > Some(0));
    let wrong = folder.run(&["approve", &run, "--checksum", "0123", "--json"]).exits(1).json();
    assert_eq!(wrong["error"]["code"], "not-found");
    let done = folder.run(&["approve", &run, "--checksum", &checksum, "--json"]).exits(0).json();
    assert_eq!(done["receipts"]["applied"], held["receipts"]["held"]);
    folder.run(&["sync", "few.xml"]).exits(0);
}

#[test]
fn a_rejected_export_is_refused_until_somebody_resumes_the_source() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let more = MOODLE101.replace("JOE", "JOSEPH");
    folder.write("more.xml", more.as_bytes());
    folder.run(&["sync", "more.xml"]).exits(0);
    folder.run(&["reject", "last"]).exits(0);
    let refused = folder.run(&["sync", "more.xml", "--json"]).exits(2).json();
    assert_eq!(refused["error"]["code"], "export-refused");
    folder.run(&["resume", "sis"]).exits(0);
    folder.run(&["sync", "more.xml"]).exits(0);
}

#[test]
fn a_backup_comes_back_as_it_was() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.run(&["backup", "all.backup"]).exits(0);
    folder.run(&["backup", "all.backup"]).exits(64);
    folder.run(&["restore", "all.backup", "--data", "other"]).exits(0);
    folder.run(&["restore", "all.backup", "--data", "other"]).exits(64);
    let (ours, theirs) =
        (folder.run(&["runs"]).exits(0), folder.run(&["runs", "--data", "other"]).exits(0));
    assert_eq!(ours.stdout, theirs.stdout);
    let again = folder.run(&["sync", "moodle101.xml", "--data", "other", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0);
}

/// A data folder as the first version wrote it, with all its stored formats: table, segments,
/// manifests, plan, findings, history, sandbox. Later versions must go on with it.
#[test]
fn what_the_first_version_stored_is_gone_on_with() {
    let folder = Folder::with_moodle101();
    folder.write("old.backup", include_bytes!("samples/data-1.backup"));
    folder.run(&["restore", "old.backup"]).exits(0);
    let story = folder.run(&["trace", "jmoodle"]).exits(0).stdout;
    assert!(story.contains("moodle101.xml:8"), "{story}");
    assert!(story.contains("create applied"), "{story}");
    let shown = folder.run(&["show", "last", "--json"]).exits(0).json();
    assert_eq!(shown["receipts"]["applied"], 5);
    let again = folder.run(&["sync", "moodle101.xml", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0, "nothing is new");
}

#[test]
fn a_running_sandbox_is_used_and_its_address_is_said() {
    let folder = Folder::with_moodle101();
    let sandbox = folder.sandbox();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let again = folder.run(&["sandbox", "--port", "0"]).exits(7);
    assert!(again.stderr.contains(&sandbox.url), "{}", again.stderr);
    assert!(sandbox.get("/").contains("Moodle 101"));
    assert_eq!(sandbox.interrupt(), Some(0));
    // What it holds is kept.
    folder.run(&["sync", "moodle101.xml"]).exits(0);
}

#[test]
fn a_wrong_token_and_a_site_that_is_down_lose_nothing() {
    let folder = Folder::with_moodle101();
    let sandbox = folder.sandbox();
    let config = |url: &str| {
        format!(
            "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
             first_sync = \"deliver\"\n\
             [[integration.source]]\nname = \"registrar\"\nmatch = \"moodle*.xml\"\n\
             [integration.target]\nkind = \"moodle\"\nurl = \"{url}\"\n\
             token = {{ env = \"ROLLCALL_TEST_TOKEN\" }}\n"
        )
    };
    folder.write("rollcall.toml", config(&sandbox.url).as_bytes());
    let data = ["--data", "elsewhere"];
    let sync = [&["sync", "moodle101.xml"], &data[..]].concat();
    let unset = folder.run(&sync).exits(64);
    assert!(unset.stderr.contains("ROLLCALL_TEST_TOKEN"), "{}", unset.stderr);
    let token = |value: &'static str| [("ROLLCALL_TEST_TOKEN", value)];
    let wrong = folder.run_with(&[&sync[..], &["--json"]].concat(), &token("nonsense")).exits(6);
    let wrong = wrong.json();
    assert_eq!((&wrong["state"], &wrong["error"]["code"]), (&"waiting".into(), &"lms-auth".into()));
    assert!(!wrong.to_string().contains("nonsense"));
    folder.write("moodle-other.xml", MOODLE101.as_bytes());
    folder.run_with(&[&["sweep"], &data[..]].concat(), &token("sandbox")).exits(0);
    folder.write("other.xml", MOODLE101.as_bytes());
    folder.run_with(&[&["sync", "other.xml"], &data[..]].concat(), &token("sandbox")).exits(64);
    assert_eq!(sandbox.interrupt(), Some(0));

    let changed = MOODLE101.replace("JOE", "JOSEPH");
    folder.write("moodle102.xml", changed.as_bytes());
    let down = [&["sync", "moodle102.xml", "--json"], &data[..]].concat();
    let down = folder.run_with(&down, &token("sandbox")).exits(6).json();
    assert_eq!(down["error"]["code"], "lms-outage");
    let nothing = folder.run_with(&[&["plan", "moodle102.xml"], &data[..]].concat(), &[]);
    nothing.exits(3);
}

#[test]
fn a_site_that_goes_down_half_way_is_gone_on_with() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "60", "--out", "s.xml"]).exits(0);
    let sandbox = folder.sandbox();
    sandbox.faults(r#"{"seed":1,"rules":[{"after":9,"fault":{"kind":"status","status":503}}]}"#);
    let half = folder.run(&["sync", "s.xml", "--json"]).exits(6).json();
    let applied = half["receipts"]["applied"].as_u64();
    assert!(applied > Some(0), "{half}");
    sandbox.faults(r#"{"seed":1,"rules":[]}"#);
    let rest = folder.run(&["sync", "s.xml", "--json"]).exits(0).json();
    assert!(rest["receipts"]["applied"].as_u64() > Some(0), "{rest}");
    let again = folder.run(&["sync", "s.xml", "--json"]).exits(0).json();
    assert_eq!(again["changes"], Value::Object(serde_json::Map::new()));
}

#[test]
fn after_several_outages_the_sweep_leaves_the_site_alone_and_a_sync_tries() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "30", "--out", "s.xml"]).exits(0);
    let sandbox = folder.sandbox();
    sandbox.faults(r#"{"seed":1,"rules":[{"fault":{"kind":"status","status":503}}]}"#);
    for _ in 0..3 {
        folder.run(&["sync", "s.xml"]).exits(6);
    }
    let before = sandbox.calls();
    let left = folder.run(&["sweep", "--json"]).exits(6).json();
    assert_eq!(left["error"]["code"], "circuit-open");
    assert_eq!(sandbox.calls(), before, "nothing was sent");
    sandbox.faults(r#"{"seed":1,"rules":[]}"#);
    folder.run(&["sync", "s.xml"]).exits(0);
    folder.run(&["sweep"]).exits(0);
    assert!(sandbox.calls() > before);
}

#[test]
fn ctrl_c_finishes_what_is_being_sent_and_twice_ends_at_once() {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "60", "--out", "s.xml"]).exits(0);
    let sandbox = folder.sandbox();
    sandbox.faults(r#"{"seed":1,"rules":[{"fault":{"kind":"delay","ms":150}}]}"#);
    let stopped = folder.start(&["sync", "s.xml", "--json"]);
    sandbox.wait_for_calls(6);
    let stopped = stopped.interrupted(1).exits(130).json();
    assert_eq!(stopped["state"], "interrupted");
    assert!(stopped["receipts"]["applied"].as_u64() > Some(0), "{stopped}");

    let before = sandbox.calls();
    let killed = folder.start(&["sync", "s.xml", "--json"]);
    sandbox.wait_for_calls(before + 4);
    let killed = killed.interrupted(2).exits(130).json();
    assert_eq!(killed["error"]["code"], "interrupted");

    sandbox.faults(r#"{"seed":1,"rules":[]}"#);
    folder.run(&["sync", "s.xml"]).exits(0);
    folder.run(&["plan", "s.xml"]).exits(0);
}

#[test]
fn generated_schools_are_the_same_for_the_same_numbers() {
    let folder = Folder::new();
    let to_stdout = folder.run(&["generate", "--persons", "50", "--quiet"]).exits(0);
    folder.run(&["generate", "--persons", "50", "--out", "s.xml"]).exits(0);
    assert_eq!(to_stdout.stdout, folder.read("s.xml"));
    folder.run(&["generate", "--persons", "50", "--out", "s.xml"]).exits(1);
    folder.run(&["generate", "--json"]).exits(64);
    folder.run(&["check", "s.xml"]).exits(0);
}

#[test]
fn a_wrong_command_line_or_configuration_is_named() {
    let folder = Folder::with_moodle101();
    folder.run(&[]).exits(64);
    folder.run(&["--help"]).exits(0);
    folder.run(&["--version"]).exits(0);
    let json = folder.run(&["sync", "--json"]).exits(64).json();
    assert!(text(&json["error"]["message"]).contains("<EXPORT>"), "{json}");
    folder.run(&["sync", "-"]).exits(64);
    folder.run(&["sync", "moodle101.xml", "--source", "nope"]).exits(64);
    folder.write("rollcall.toml", b"tenant = \"x\"\n[[integration]]\nnme = \"y\"\n");
    let wrong = folder.run(&["sync", "moodle101.xml"]).exits(64);
    assert!(wrong.stderr.contains("rollcall.toml:3: integration.nme"), "{}", wrong.stderr);
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.run(&["completions", shell]).exits(0).stdout.contains("approve"));
    }
}

#[test]
fn a_quiet_sync_that_went_well_says_nothing() {
    let folder = Folder::with_moodle101();
    let Ended { stdout, stderr, .. } = folder.run(&["sync", "moodle101.xml", "--quiet"]).exits(0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A configuration whose target is a sandbox that runs.
fn with_target(folder: &Folder, url: &str, category: u32) {
    let config = format!(
        "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n\
         [[integration.source]]\nname = \"registrar\"\n[integration.target]\nkind = \"moodle\"\n\
         url = \"{url}\"\ntoken = {{ env = \"ROLLCALL_TEST_TOKEN\" }}\ncategory = {category}\n"
    );
    folder.write("rollcall.toml", config.as_bytes());
}

#[test]
fn a_target_says_whether_it_is_ready() {
    let folder = Folder::new();
    let sandbox = folder.sandbox();
    with_target(&folder, &sandbox.url, 1);
    // The secret that is named is not there.
    let json = folder.run(&["target", "check", "--json"]).exits(64).json();
    assert_eq!(json["error"]["code"], "secret");
    let check = |token: &str, args: &[&str]| {
        folder.run_with(&[&["target", "check"], args].concat(), &[("ROLLCALL_TEST_TOKEN", token)])
    };
    let good = sandbox_token();
    let ready = check(&good, &[]).exits(0);
    assert!(ready.stdout.ends_with("\nReady.\n"), "{}", ready.stdout);
    let json = check(&good, &["--json"]).exits(0).json();
    assert_eq!((&json["ready"], &json["items"]), (&true.into(), &Value::Array(vec![])));
    let json = check("wrong", &["--json"]).exits(6).json();
    assert_eq!(json["error"]["code"], "lms-auth");
    with_target(&folder, &sandbox.url, 777);
    let json = check(&good, &["--json"]).exits(64).json();
    assert_eq!(json["items"][0]["what"], "category 777");
    let told = check(&good, &[]).exits(64);
    assert!(told.stdout.contains("put the id of an existing category"), "{}", told.stdout);
    // It looked, and made nothing: no account beside those of a new site, no run.
    assert!(folder.run(&["runs"]).exits(0).stdout.contains("no run yet"));
}

/// The token of a sandbox that was not told another one.
fn sandbox_token() -> String {
    sandbox::moodle::TOKEN.to_owned()
}

#[test]
fn the_embedded_sandbox_is_ready_as_it_is() {
    let folder = Folder::new();
    let ready = folder.run(&["target", "check"]).exits(0);
    assert!(ready.stdout.starts_with("the sandbox\n"), "{}", ready.stdout);
}

#[test]
fn a_digest_sums_up_what_is_open_and_names_nobody() {
    let folder = Folder::new();
    let none = folder.run(&["digest"]).exits(0);
    assert!(none.stdout.contains("There was no run. Nothing waits for you."), "{}", none.stdout);
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(0);
    let calm = folder.run(&["digest", "--since", "24h"]).exits(0);
    assert!(calm.stdout.contains("Nothing waits for you."), "{}", calm.stdout);
    let few = rollcall::without_half_of_the_members(&folder.read("all.xml"));
    folder.write("few.xml", few.as_bytes());
    let page = folder.run(&["sync", "few.xml"]).exits(4).report_path();
    // The plan of an enrollment knows a key alone; the page says who that is.
    let page = folder.read(&page);
    let held = page.split("id=\"held\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(held.contains("<span class=\"name\">"), "{held}");
    let open = folder.run(&["digest"]).exits(0);
    assert!(open.stdout.contains("held until somebody decides"), "{}", open.stdout);
    assert!(open.stdout.contains("--checksum "), "{}", open.stdout);
    assert!(!open.stdout.contains('@'), "no address: {}", open.stdout);
    let json = folder.run(&["digest", "--json"]).exits(0).json();
    assert_eq!(json["items"].as_array().map(Vec::len), Some(2));
    assert!(json["standing"]["count"].as_u64() > Some(0), "{json}");
    folder.run(&["digest", "--since", "soon"]).exits(64);
}

#[test]
fn pages_lead_to_one_another() {
    let folder = Folder::with_moodle101();
    let first = folder.run(&["sync", "moodle101.xml"]).exits(0).report_path();
    let second = folder.run(&["sync", "moodle101.xml"]).exits(0).report_path();
    let run = |path: &str| path.rsplit('/').nth(1).unwrap().to_owned();
    let page = folder.read(&second);
    assert!(page.contains(&format!("href=\"../{}/report.html\"", run(&first))), "{page}");
    assert!(page.contains("href=\"../index.html\""));
    let index = second.replace(&format!("{}/report.html", run(&second)), "index.html");
    let index = folder.read(&index);
    for path in [&first, &second] {
        assert!(index.contains(&format!("href=\"{}/report.html\"", run(path))), "{index}");
    }
    // A page that is written elsewhere leads nowhere.
    folder.run(&["show", "last", "--html", "alone.html"]).exits(0);
    assert!(!folder.read("alone.html").contains("report.html\""));
}

#[test]
fn an_export_that_is_refused_has_a_page_that_says_so() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    folder.write(
        "none.xml",
        b"<enterprise><properties><datasource>s</datasource></properties></enterprise>",
    );
    folder.run(&["sync", "none.xml"]).exits(2);
    let run = folder.run(&["runs", "--json"]).exits(0).json()["items"][0].clone();
    assert_eq!(run["state"], "rejected");
    let id = run["run"].as_str().unwrap();
    let page =
        folder.read(&format!("rollcall-data/objects/reports/default/sandbox/{id}/report.html"));
    assert!(page.contains("The export was rejected."), "{page}");
    assert!(page.contains("holds no records at all"), "{page}");
}
