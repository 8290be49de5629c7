//! `rollcall --aws STACK` against an AWS on this machine: what an operator types, and what is in the
//! table, the queues and the secrets afterwards. The functions are not there: what is sent to them
//! stays in the queues to be looked at.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use pipeline::{Ask, StepMessage};
use runtime::secrets::ExposeSecret as _;
use serde_json::Value;
use store::state::Scope;
use store::state::run::{Run, RunState, StoredRun};
use store::{Condition, ItemKey, QueueName, Stores};
use store_aws::emulator::{Ministack, REGION, create_stack, give_up};
use store_aws::{Ambience, Clients, Names, Secrets, aws_stores};

const STACK: &str = "rollcall";
const TOKEN: &str = "5ec2e7a7b1f0c2d3e4958671fedcba98";
const OAK: &str = r#"
tenant = "oak"
[[integration]]
name = "sis"
[[integration.source]]
name = "registrar"
[integration.target]
kind = "moodle"
url = "https://lms.oak.invalid"
token = { secret = "lms-token" }
"#;

/// A stack without functions, and a folder to type commands in.
struct Stage {
    emulator: Ministack,
    clients: Clients,
    names: Names,
    stores: Stores,
    folder: tempfile::TempDir,
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.out).expect("one JSON object");
        assert_eq!(value["schema"], 1);
        value
    }
}

impl Stage {
    async fn new() -> Self {
        let emulator = Ministack::start();
        let clients = emulator.clients().await.unwrap();
        let names = create_stack(&clients, STACK).await.unwrap();
        let stores = aws_stores(&clients, &names, &Ambience::system());
        Self { emulator, clients, names, stores, folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Types a command against the stack, with `input` on standard input.
    fn type_with(&self, args: &[&str], input: &str) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rollcall"))
            .args(["--aws", STACK])
            .args(args)
            .current_dir(self.folder.path())
            .env("AWS_ENDPOINT_URL", self.emulator.endpoint())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("HOME", self.folder.path())
            .env("LMS_TOKEN", TOKEN)
            .env_remove("AWS_PROFILE")
            .env_remove("ROLLCALL_AWS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that does not read its input may be gone already.
        let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn types(&self, args: &[&str]) -> Ended {
        self.type_with(args, "")
    }

    /// A run that stands in the table as the functions would have left it.
    async fn run(&self, scope: &Scope, id: &str, held: Option<&str>) {
        let now = SystemClock.now();
        let mut run = Run::new(id, now);
        run.source = Some("registrar".to_owned());
        run.held_checksum = held.map(ToOwned::to_owned);
        run.end(RunState::Done, now);
        StoredRun::create(&self.stores, scope, run, Vec::new()).await.unwrap();
    }

    /// The next message of the plan queue, taken away.
    async fn asked(&self) -> Option<StepMessage> {
        let queue = &self.stores.queue;
        let message = queue.receive(QueueName::Plan, Duration::from_secs(30), 5).await.unwrap()?;
        queue.ack(QueueName::Plan, &message.receipt).await.unwrap();
        Some(serde_json::from_str(&message.body).unwrap())
    }

    async fn secret(&self, tenant: &str, name: &str) -> String {
        let clock = std::sync::Arc::new(SystemClock);
        let secrets = Secrets::new(&self.clients, STACK, clock);
        secrets.get(tenant, name).await.unwrap().expose_secret().to_owned()
    }
}

#[tokio::test]
async fn a_tenant_is_added_changed_and_removed() {
    let stage = Stage::new().await;
    let none = stage.types(&["runs"]).exits(64);
    assert!(none.err.contains("tenant add --config FILE"), "{}", none.err);

    stage.write("env.toml", &OAK.replace("secret = \"lms-token\"", "env = \"LMS_TOKEN\""));
    let refused = stage.types(&["tenant", "add", "--config", "env.toml"]).exits(64);
    assert!(refused.err.contains("{ secret = \"NAME\" }"), "{}", refused.err);
    stage.write("wrong.toml", &OAK.replace("\n[integration.t", "\nprecedense = 1\n[integration.t"));
    let refused = stage.types(&["tenant", "add", "--config", "wrong.toml"]).exits(64);
    assert!(refused.err.contains("wrong.toml:7"), "{}", refused.err);

    stage.write("oak.toml", OAK);
    let added = stage.types(&["tenant", "add", "--config", "oak.toml"]).exits(0);
    let folder = format!("s3://{}/incoming/oak/sis/registrar/", stage.names.bucket);
    for told in [&folder, "rollcall --aws rollcall tenant secret oak lms-token", "door.yaml"] {
        assert!(added.out.contains(told), "{told}: {}", added.out);
    }
    let key = stage.secret("oak", "vault-key").await;
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let schedules = store_aws::schedules(&stage.clients, &stage.names, &Ambience::system());
    assert!(schedules.exists("oak/sis", "sweep").await.unwrap());

    stage.write("oak.toml", &OAK.replace("name = \"sis\"", "name = \"sis\"\nstatus = \"active\""));
    let changed = stage.types(&["tenant", "add", "--config", "oak.toml", "--json"]).exits(0).json();
    assert_eq!(changed["items"][0]["action"], "changed");
    assert_eq!(changed["items"][0]["sources"][0]["folder"], folder);
    assert_eq!(stage.secret("oak", "vault-key").await, key, "it is made once");

    let listed = stage.types(&["tenant", "list", "--json"]).exits(0).json();
    assert_eq!(listed["items"][0]["status"], "active");
    let toml = stage.types(&["tenant", "show", "oak/sis", "--toml"]).exits(0);
    assert!(toml.out.contains("status = \"active\""), "{}", toml.out);

    stage.types(&["tenant", "remove", "oak/other"]).exits(64);
    let removed = stage.types(&["tenant", "remove", "oak/sis"]).exits(0);
    assert!(removed.out.contains("state stays"), "{}", removed.out);
    assert!(!schedules.exists("oak/sis", "sweep").await.unwrap());
    stage.types(&["tenant", "list"]).exits(64);
    assert_eq!(stage.secret("oak", "vault-key").await, key, "secrets stay");
}

#[tokio::test]
async fn a_secret_comes_from_standard_input_or_a_variable() {
    let stage = Stage::new().await;
    stage.write("oak.toml", OAK);
    stage.types(&["tenant", "add", "--config", "oak.toml"]).exits(0);
    let set = ["tenant", "secret", "oak", "lms-token"];
    let stored = stage.type_with(&set, &format!("{TOKEN}\n")).exits(0);
    assert_eq!(stage.secret("oak", "lms-token").await, TOKEN);
    assert!(!stored.out.contains(TOKEN) && !stored.err.contains(TOKEN));
    assert!(!stage.types(&["tenant", "show", "oak"]).exits(0).out.contains("lms-token"));

    let of_env = ["tenant", "secret", "oak", "other", "--from-env", "LMS_TOKEN", "--json"];
    let stored = stage.types(&of_env).exits(0).json();
    assert_eq!((&stored["named"], &stored["id"]), (&false.into(), &"rollcall/oak/other".into()));
    for (args, input) in
        [(&set, ""), (&set, "one\ntwo\n"), (&["tenant", "secret", "oak", "vault-key"], TOKEN)]
    {
        let refused = stage.type_with(args, input).exits(64);
        assert!(!refused.err.contains(TOKEN), "{}", refused.err);
    }
    assert_eq!(stage.secret("oak", "lms-token").await, TOKEN);
}

#[tokio::test]
async fn runs_of_all_tenants_are_listed_and_approved() {
    let stage = Stage::new().await;
    stage.write("oak.toml", OAK);
    stage.write("elm.toml", &OAK.replace("oak", "elm"));
    for file in ["oak.toml", "elm.toml"] {
        stage.types(&["tenant", "add", "--config", file]).exits(0);
    }
    let (oak, elm) = (Scope::new("oak", "sis"), Scope::new("elm", "sis"));
    stage.run(&oak, "20261122T050000Z-aaaaaa", None).await;
    stage.run(&elm, "20261122T060000Z-bbbbbb", Some("c0ffee")).await;
    let runs = stage.types(&["runs"]).exits(0).out;
    let lines: Vec<_> = runs.lines().collect();
    assert!(lines[0].contains("integration"), "{runs}");
    assert!(lines[1].contains("elm/sis") && lines[2].contains("oak/sis"), "newest first: {runs}");
    let one = stage.types(&["--tenant", "oak", "runs", "--json"]).exits(0).json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    assert_eq!(one["items"][0]["tenant"], "oak");

    // Which integration it is of, the run says itself.
    let wrong = stage.types(&["approve", "bbbbbb", "--checksum", "other"]).exits(1);
    assert!(wrong.err.contains("c0ffee"), "{}", wrong.err);
    assert_eq!(stage.asked().await, None);
    let later = ["approve", "bbbbbb", "--checksum", "c0ffee", "--later", "--json"];
    assert_eq!(stage.types(&later).exits(0).json()["sent"], false);
    assert_eq!(stage.asked().await, None);
    let approved = stage.types(&["approve", "last", "--checksum", "c0ffee"]).exits(0);
    assert!(approved.out.contains("rollcall --aws rollcall runs"), "{}", approved.out);
    let asked = stage.asked().await.unwrap();
    assert_eq!((asked.scope(), asked.asks), (elm.clone(), Ask::Resync));

    stage.types(&["sweep"]).exits(64);
    stage.types(&["--tenant", "oak", "sweep"]).exits(0);
    let asked = stage.asked().await.unwrap();
    assert_eq!((asked.scope(), asked.asks), (oak, Ask::Resync));

    let rejected = stage.types(&["reject", "bbbbbb", "--json"]).exits(0).json();
    assert_eq!((&rejected["state"], &rejected["tenant"]), (&"rejected".into(), &"elm".into()));
    assert_eq!(stage.asked().await.unwrap().scope(), elm);
    let stored = StoredRun::load(&stage.stores, &elm, "20261122T060000Z-bbbbbb").await.unwrap();
    assert_eq!(stored.unwrap().run.state, RunState::Rejected);
    stage.types(&["--tenant", "elm", "resume", "registrar"]).exits(0);
    stage.types(&["--tenant", "elm", "resume", "nobody"]).exits(1);

    let shown = stage.types(&["show", "aaaaaa", "--json"]).exits(0).json();
    assert_eq!(shown["run"], "20261122T050000Z-aaaaaa");
    stage.types(&["show", "aaaaaa", "--html", "page.html"]).exits(0);
    let page = fs::read_to_string(stage.folder.path().join("page.html")).unwrap();
    assert!(page.contains("20261122T050000Z-aaaaaa") && page.contains("</html>"), "{page}");
    assert_eq!(stage.types(&["holds"]).exits(0).out, "Nothing is held.\n");
    stage.types(&["--tenant", "oak", "credentials", "list"]).exits(0);
    let keys = stage.types(&["--tenant", "oak", "scope", "list", "--json"]).exits(0).json();
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(0));
    let word = stage.types(&["--tenant", "oak", "scope", "disable", "2011_fall"]).exits(1);
    assert!(word.err.contains("no data source keys at all"), "{}", word.err);
    stage.types(&["--tenant", "oak", "scope", "disable", "2011_fall", "--dry-run"]).exits(64);
    let several = stage.types(&["trace", "person:1"]).exits(64);
    assert!(several.err.contains("elm/sis, oak/sis"), "{}", several.err);
    stage.types(&["--tenant", "oak", "trace", "person:1"]).exits(1);
}

#[tokio::test]
async fn dead_letters_go_back_where_they_came_from() {
    let stage = Stage::new().await;
    let queue = &stage.stores.queue;
    assert!(stage.types(&["redrive"]).exits(0).out.contains("no dead letters"));
    let step = r#"{"tenant":"oak","integration":"sis","step":"plan","run":"r-1"}"#;
    let batch = r#"{"tenant":"oak","integration":"hr","run":"r-2","batch":4}"#;
    for (group, body) in [("oak/sis", step), ("oak/hr", batch), ("x", "by hand")] {
        queue.send(QueueName::DeadLetter, group, group, body).await.unwrap();
    }
    let told = stage.types(&["redrive", "--json"]).exits(0).json();
    let sent: Vec<_> = told["items"].as_array().unwrap().iter().map(|of| &of["sent_to"]).collect();
    assert_eq!(sent.iter().filter(|to| to.is_null()).count(), 1, "{told}");
    for (at, body) in [(QueueName::Plan, step), (QueueName::Deliver, batch)] {
        let message = queue.receive(at, Duration::from_secs(30), 5).await.unwrap().unwrap();
        assert_eq!(message.body, body);
    }
    // What is none of ours is there for whoever sent it, at once.
    let again = stage.types(&["redrive"]).exits(0).out;
    assert!(again.contains("Left there: 1"), "{again}");
}

#[tokio::test]
async fn uploads_and_wake_ups_that_were_given_up_wake_their_integration() {
    let stage = Stage::new().await;
    let upload = r#"{"requestPayload":{"Records":[{"s3":{"object":{"key":"incoming/oak/sis/registrar/a.xml"}}}]}}"#;
    let sweep = r#"{"tenant":"elm","integration":"sis","reason":"sweep"}"#;
    for body in [upload, upload, sweep, "by hand"] {
        give_up(&stage.clients, STACK, body).await.unwrap();
    }
    // Elm's is left to whoever asks for elm.
    let told = stage.types(&["redrive", "--tenant", "oak", "--json"]).exits(0).json();
    let items = told["items"].as_array().unwrap();
    let woken = items.iter().filter(|of| of["sent_to"] == "reconcile").count();
    assert_eq!((items.len(), woken), (3, 2), "{told}");
    let wakes = async |integration| stage.stores.wake.of(integration).await.unwrap();
    let [wake] = &wakes("oak/sis").await[..] else { panic!("one wake-up") };
    assert_eq!(wake.reason, hosted::REDRIVE);
    assert!(wakes("elm/sis").await.is_empty());
    // What was looked at and left is hidden for a while.
    let deadline = SystemClock.now().saturating_add(Duration::from_secs(60)).unwrap();
    while wakes("elm/sis").await.is_empty() {
        assert!(SystemClock.now() < deadline, "elm's wake-up is found");
        stage.types(&["redrive"]).exits(0);
    }
    assert_eq!(wakes("oak/sis").await.len(), 1, "and oak is not woken again");
}

#[tokio::test]
async fn usage_is_told_by_month() {
    let stage = Stage::new().await;
    stage.write("oak.toml", OAK);
    stage.types(&["tenant", "add", "--config", "oak.toml"]).exits(0);
    let body = br#"{"runs":3,"records":1200,"changes":40,"lms_calls":55,"bytes":2500000}"#;
    let key = ItemKey::new("oak/sis", "usage/2026-10");
    stage.stores.table.put(&key, body.to_vec(), Condition::Any).await.unwrap();
    let used = stage.types(&["tenant", "usage", "--month", "2026-10"]).exits(0).out;
    assert!(used.contains("oak/sis") && used.contains("2.5 MB"), "{used}");
    let used = stage.types(&["tenant", "usage", "--month", "2026-10", "--json"]).exits(0).json();
    assert_eq!(used["items"][0]["lms_calls"], 55);
    assert!(stage.types(&["tenant", "usage"]).exits(0).out.contains("Nothing"));
    stage.types(&["tenant", "usage", "--month", "October"]).exits(64);
}

#[tokio::test]
async fn what_works_elsewhere_is_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let sync = stage.types(&["sync", "export.xml"]).exits(64);
    assert!(sync.err.contains("incoming/TENANT/INTEGRATION/SOURCE/"), "{}", sync.err);
    for args in [
        &["plan", "export.xml"][..],
        &["check", "export.xml"],
        &["sandbox"],
        &["backup", "x.backup"],
        &["restore", "x.backup"],
        &["--data", "elsewhere", "runs"],
        &["--config", "rollcall.toml", "runs"],
    ] {
        let refused = stage.types(args).exits(64);
        assert!(refused.err.contains("what to do:"), "{args:?}: {}", refused.err);
    }
    assert!(fs::read_dir(stage.folder.path()).unwrap().next().is_none(), "nothing was written");
    let other = Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(["--aws", "nowhere", "runs", "--json"])
        .env("AWS_ENDPOINT_URL", stage.emulator.endpoint())
        .envs([("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", "t"), ("AWS_SECRET_ACCESS_KEY", "t")])
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(64));
    let told: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(told["error"]["code"], "stack");
    stage.types(&["generate", "--persons", "5", "--out", "school.xml"]).exits(0);
}
