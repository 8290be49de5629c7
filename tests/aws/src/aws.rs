//! A deployed stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use hosted::{Host, Knobs};
use store::state::Scope;
use store::{QueueName, Stores};
use store_aws::emulator::Ministack;
use store_aws::{Ambience, Clients, Names, Wait, aws_stores};

use crate::http::request;

/// A stack on the emulator; it ends when this is dropped.
pub struct Aws {
    emulator: Ministack,
    /// Clients of it.
    pub clients: Clients,
    /// What everything is called.
    pub names: Names,
    /// The stores, past every fence.
    pub stores: Stores,
    /// What an operator has at their terminal.
    pub operator: Host,
}

impl Aws {
    /// Deploys the template with the functions' binaries, under these parameters.
    ///
    /// # Panics
    ///
    /// Where anything of it fails: these tests are never skipped.
    pub async fn deploy(stack: &str, parameters: &[&str]) -> Self {
        let emulator = Ministack::start();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let built = binaries(&root);
        let deployed = Command::new(root.join("infra/deploy-local"))
            .args([stack, &emulator.endpoint()])
            .arg(&built)
            .args(["AllowPrivateTargets=loopback", "FunctionTimeout=30", "Dashboard=false"])
            .args(parameters)
            .env("AWS_DEFAULT_REGION", store_aws::emulator::REGION)
            .output()
            .expect("infra/deploy-local can be run");
        assert!(
            deployed.status.success(),
            "the stack was not deployed: {}\n{}",
            String::from_utf8_lossy(&deployed.stdout),
            String::from_utf8_lossy(&deployed.stderr),
        );
        let clients = emulator.clients().await.expect("clients of the emulator");
        let names = Names::of_stack(&clients, stack).await.expect("the stack is there");
        // The emulator knows at once what is in a queue.
        let ambience = Ambience { wait: Wait::Not, ..Ambience::system() };
        let stores = aws_stores(&clients, &names, &ambience);
        let knobs = Knobs::from_lookup(|_| None).expect("defaults");
        let operator = Host::new(clients.clone(), names.clone(), knobs, None, "operator".into());
        Self { emulator, clients, names, stores, operator }
    }

    /// Where the emulator answers.
    pub fn endpoint(&self) -> String {
        self.emulator.endpoint()
    }

    /// What the emulator has printed, functions included.
    pub fn log(&self) -> String {
        self.emulator.log()
    }

    /// Messages stay hidden for so long once received, instead of what the template says.
    pub fn hide_for(&self, seconds: u64) {
        for queue in [&self.names.plan_queue, &self.names.deliver_queue] {
            let form = format!(
                "Action=SetQueueAttributes&Version=2012-11-05&QueueUrl={queue}\
                 &Attribute.1.Name=VisibilityTimeout&Attribute.1.Value={seconds}"
            );
            let form_type = [("Content-Type", "application/x-www-form-urlencoded")];
            let (status, answer) =
                request(&self.endpoint(), ("POST", "/"), &form_type, &form).expect("SQS answers");
            assert_eq!(status, 200, "{answer}");
        }
    }

    /// Turns the event source mappings of the template off: a [`Poller`](crate::Poller) stands in.
    pub fn unmap(&self) {
        let mappings = "/2015-03-31/event-source-mappings/";
        let endpoint = self.endpoint();
        let (status, answer) =
            request(&endpoint, ("GET", mappings), &[], "").expect("Lambda answers");
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("a list");
        let listed = answer["EventSourceMappings"].as_array().cloned().unwrap_or_default();
        assert_eq!(listed.len(), 2, "the template maps two queues: {answer}");
        for mapping in listed {
            let path = format!("{mappings}{}", mapping["UUID"].as_str().unwrap_or_default());
            let json = [("Content-Type", "application/json")];
            let off = r#"{"Enabled": false}"#;
            let (status, answer) =
                request(&endpoint, ("PUT", &path), &json, off).expect("Lambda answers");
            assert!((200..300).contains(&status), "{answer}");
        }
    }

    /// Invokes a function and returns what it answered, and whether that was an error.
    pub fn invoke(&self, function: &str, event: &serde_json::Value) -> (bool, String) {
        let path = format!("/2015-03-31/functions/{}-{function}/invocations", self.names.stack);
        let json = [("Content-Type", "application/json")];
        let (status, answer) =
            request(&self.endpoint(), ("POST", &path), &json, &event.to_string())
                .expect("Lambda answers");
        (status == 200 && !answer.contains("errorMessage"), answer)
    }

    /// An event of S3, as it comes for the object at `key`.
    pub fn s3_event(&self, key: &str, sequencer: &str, bytes: usize) -> serde_json::Value {
        serde_json::json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": self.clients.region(),
            "eventTime": SystemClock.now().to_string(), "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "A" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {},
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "c",
                "bucket": { "name": self.names.bucket, "ownerIdentity": { "principalId": "A" },
                            "arn": format!("arn:aws:s3:::{}", self.names.bucket) },
                "object": { "key": key, "size": bytes, "eTag": "e", "sequencer": sequencer },
            },
        }] })
    }

    /// Kills one of the functions that are at work now; `false` where there is none. `choose`
    /// picks among so many.
    pub fn kill_one(&self, choose: impl FnOnce(usize) -> usize) -> bool {
        let processes = functions(&self.endpoint());
        if processes.is_empty() {
            return false;
        }
        let chosen = processes[choose(processes.len()) % processes.len()];
        let killed = Command::new("kill").args(["-9", &chosen.to_string()]).status();
        killed.is_ok_and(|status| status.success())
    }

    /// By process id: the functions that run now, and what each has taken so far.
    pub fn at_work(&self) -> BTreeMap<u32, (String, Taken)> {
        let processes = functions(&self.endpoint()).into_iter();
        processes.filter_map(|process| Some((process, taken(process)?))).collect()
    }

    /// Waits until `is_so` says yes.
    ///
    /// # Panics
    ///
    /// When that takes longer than `patience`, with what the emulator printed last.
    pub async fn wait(&self, what: &str, patience: Duration, mut is_so: impl AsyncFnMut() -> bool) {
        let begun = SystemClock.now();
        while !is_so().await {
            let waited = Duration::try_from(SystemClock.now().duration_since(begun));
            if waited.unwrap_or_default() > patience {
                let log = self.log();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(60)..].join("\n");
                panic!("{what}: not within {patience:?}\n{last}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether nothing is in the queues and every run of `scope` has come to its end.
    pub async fn is_at_rest(&self, scope: &Scope) -> bool {
        let open = store::state::run::OpenRuns::load(&self.stores, scope).await;
        open.expect("open runs can be read").ids.is_empty()
    }

    /// How many messages are in the dead-letter queue; they are seen and left.
    pub async fn dead_letters(&self) -> usize {
        let mut seen = 0;
        let briefly = Duration::from_secs(2);
        while let Some(_message) = self
            .stores
            .queue
            .receive(QueueName::DeadLetter, briefly, u32::MAX)
            .await
            .expect("the dead-letter queue answers")
        {
            seen += 1;
        }
        seen
    }
}

/// The folder with each function's `bootstrap`, which `tests/run` builds.
fn binaries(root: &Path) -> PathBuf {
    let folder = match std::env::var_os("ROLLCALL_FUNCTIONS") {
        Some(folder) => PathBuf::from(folder),
        None => root.join("target/functions"),
    };
    for name in ["parse", "diff", "deliver", "reconcile"] {
        let bootstrap = folder.join(name).join("bootstrap");
        assert!(
            bootstrap.exists(),
            "{} is not there: tests/run builds it, and tests/functions does nothing else",
            bootstrap.display()
        );
    }
    folder
}

/// What a function's process has taken of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// The most memory that it ever held, in bytes.
    pub peak: u64,
    /// The CPU time that it used.
    pub cpu: Duration,
    /// So many processes.
    pub processes: u32,
}

/// Which function a process is and what it has taken; `None` where it is gone.
fn taken(process: u32) -> Option<(String, Taken)> {
    /// The kernel counts CPU time in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let folder = PathBuf::from(format!("/proc/{process}"));
    let environment = fs::read_to_string(folder.join("environ")).ok()?;
    let name =
        environment.split('\0').find_map(|pair| pair.strip_prefix("AWS_LAMBDA_FUNCTION_NAME="));
    let name = name?.rsplit('-').next()?.to_owned();
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // User and system time are the 14th and 15th fields; the second, in brackets, may hold blanks.
    let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u32 = times.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Some((name, Taken { peak: peak * 1024, cpu: TICK * ticks, processes: 1 }))
}

/// Process ids of the functions that this emulator runs.
fn functions(endpoint: &str) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let is_ours = |folder: &Path| {
        let command = fs::read(folder.join("cmdline")).unwrap_or_default();
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        command.trim_end_matches('\0').ends_with("/bootstrap") && environment.contains(endpoint)
    };
    let folders = processes.flatten().map(|entry| entry.path()).filter(|folder| is_ours(folder));
    folders.filter_map(|folder| folder.file_name()?.to_str()?.parse().ok()).collect()
}
