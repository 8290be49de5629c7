//! What waits for a word, for the end of quiet hours, or for the end of a pause.

mod rollcall;

use rollcall::{Ended, Folder, MOODLE101, RunningSandbox};

const TOKEN: [(&str, &str); 1] = [("ROLLCALL_TEST_TOKEN", sandbox::moodle::TOKEN)];

/// A folder whose configuration names the simulated Moodle as any other.
fn real(schedule: &str) -> (Folder, RunningSandbox) {
    let folder = Folder::with_moodle101();
    let sandbox = folder.sandbox();
    configure(&folder, &sandbox, schedule);
    (folder, sandbox)
}

fn configure(folder: &Folder, sandbox: &RunningSandbox, schedule: &str) {
    let config = format!(
        "tenant = \"oakfield\"\n[[integration]]\nname = \"sis\"\nstatus = \"active\"\n{schedule}\n\
         [[integration.source]]\nname = \"registrar\"\n\
         [integration.target]\nkind = \"moodle\"\nurl = \"{}\"\n\
         token = {{ env = \"ROLLCALL_TEST_TOKEN\" }}\n",
        sandbox.url
    );
    folder.write("rollcall.toml", config.as_bytes());
}

fn run(folder: &Folder, args: &[&str]) -> Ended {
    folder.run_with(&[args, &["--data", "elsewhere"]].concat(), &TOKEN)
}

#[test]
fn the_first_sync_to_a_real_site_waits_for_a_word() {
    let (folder, _sandbox) = real("");
    run(&folder, &["plan", "moodle101.xml"]).exits(3);
    let shown = run(&folder, &["sync", "moodle101.xml"]).exits(4);
    assert!(shown.stdout.contains("nothing was delivered to before"), "{}", shown.stdout);
    let held = run(&folder, &["sync", "moodle101.xml", "--json"]).exits(4).json();
    assert_eq!((&held["calls"], &held["state"]), (&0.into(), &"partly_held".into()));
    let (run_id, checksum) = (&held["run"], &held["held_checksum"]);
    let (run_id, checksum) = (run_id.as_str().unwrap(), checksum.as_str().unwrap());
    let done = run(&folder, &["approve", run_id, "--checksum", checksum, "--json"]).exits(0);
    assert_eq!(done.json()["receipts"]["applied"], held["receipts"]["held"]);
    // From then on what is in order goes by itself.
    folder.write("more.xml", MOODLE101.replace("JOE", "JOSEPH").as_bytes());
    run(&folder, &["sync", "more.xml"]).exits(0);
}

#[test]
fn a_word_beforehand_lets_the_first_sync_go() {
    let (folder, _sandbox) = real("");
    run(&folder, &["sync", "moodle101.xml", "--approve-first"]).exits(0);
}

#[test]
fn in_quiet_hours_plans_wait() {
    let (folder, sandbox) =
        real("first_sync = \"deliver\"\n[integration.schedule]\nquiet = [\"00:00-24:00\"]");
    let waits = run(&folder, &["sync", "moodle101.xml", "--json"]).exits(3).json();
    assert_eq!((&waits["calls"], &waits["state"]), (&0.into(), &"waiting".into()));
    let said = run(&folder, &["sweep"]).exits(0);
    assert!(said.stdout.contains("quiet hours until"), "{}", said.stdout);
    run(&folder, &["sync", "moodle101.xml", "--now"]).exits(0);
    folder.write("more.xml", MOODLE101.replace("JOE", "JOSEPH").as_bytes());
    let said = run(&folder, &["sync", "more.xml"]).exits(3);
    assert!(said.stdout.contains("Not delivered yet: quiet hours until"), "{}", said.stdout);
    configure(&folder, &sandbox, "first_sync = \"deliver\"");
    let swept = run(&folder, &["sweep", "--json"]).exits(0).json();
    assert_eq!(swept["receipts"]["applied"], 1);
    configure(&folder, &sandbox, "[integration.schedule]\nquiet = [\"mo 8-16\"]");
    let wrong = run(&folder, &["sweep"]).exits(64);
    assert!(wrong.stderr.contains("mon-fri 08:00-16:00"), "{}", wrong.stderr);
}

#[test]
fn a_pause_lasts_until_somebody_ends_it() {
    let folder = Folder::with_moodle101();
    folder.run(&["pause", "--until", "2001-01-01T00:00:00Z"]).exits(64);
    folder.run(&["pause"]).exits(0);
    let waits = folder.run(&["sync", "moodle101.xml", "--now"]).exits(3);
    assert!(waits.stdout.contains("rollcall unpause"), "{}", waits.stdout);
    folder.run(&["unpause"]).exits(0);
    let delivered = folder.run(&["sweep", "--json"]).exits(0).json();
    assert!(delivered["receipts"]["applied"].as_u64() > Some(0));
    assert!(folder.run(&["unpause"]).exits(0).stdout.contains("There was no pause"));
}
