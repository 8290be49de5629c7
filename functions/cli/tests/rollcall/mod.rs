//! Runs the built binary in a folder of its own.

#![expect(clippy::unwrap_used, reason = "these are tests: a panic is how they fail")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

/// The example that a new user begins with.
pub const MOODLE101: &str = include_str!("../../../../examples/moodle101.xml");

/// A folder that is gone afterwards.
pub struct Folder(tempfile::TempDir);

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    status: ExitStatus,
}

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with the example in it.
    pub fn with_moodle101() -> Self {
        let folder = Self::new();
        folder.write("moodle101.xml", MOODLE101.as_bytes());
        folder
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("RUST_LOG").env_remove("ROLLCALL_TEST_TOKEN");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, &[])
    }

    /// The same with something in its environment.
    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ended {
        let output = self.command(args).envs(env.iter().copied()).output().unwrap();
        Ended {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status,
        }
    }

    /// Starts a command.
    pub fn start(&self, args: &[&str]) -> Started {
        Started(self.command(args).spawn().unwrap())
    }

    /// Starts the sandbox of this folder on a free port.
    pub fn sandbox(&self) -> RunningSandbox {
        let mut child = self.command(&["sandbox", "--port", "0"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        RunningSandbox { url, child }
    }
}

impl Ended {
    /// Fails unless it ended with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as the one JSON object that it must be.
    #[track_caller]
    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        assert_eq!(value["schema"], 1);
        value
    }

    /// The path that stands behind `Report: `.
    pub fn report_path(&self) -> String {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix("Report: "));
        line.expect("a report is named").to_owned()
    }

    /// Standard output with what differs from run to run taken out.
    pub fn normal(&self) -> String {
        let mut out = String::new();
        for line in self.stdout.lines() {
            let mut words: Vec<String> = line.split(' ').map(normal).collect();
            if let Some(at) = words.iter().position(|word| word == "in")
                && (line.starts_with("Done in") || line.starts_with("Planned in"))
                && let Some(comma) = words.iter().position(|word| word.ends_with(','))
            {
                words.splice(at + 1..=comma, ["TIME,".to_owned()]);
            }
            // `22 November 2026`.
            if let Some(at) = words.iter().position(|word| MONTHS.contains(&word.as_str()))
                && at > 0
                && at + 1 < words.len()
            {
                words.splice(at - 1..=at + 1, ["DAY".to_owned()]);
            }
            out.push_str(&words.join(" "));
            out.push('\n');
        }
        out
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Run ids and times, in a word or path.
fn normal(word: &str) -> String {
    let parts = word.split('/').map(|part| {
        let bare = part.trim_end_matches(['.', ')']);
        let at = |place: usize| bare.as_bytes().get(place).copied();
        // `20261122T065115250Z-66b659` and `2026-11-22T06:51:15`.
        let is_run = bare.len() == 26 && at(8) == Some(b'T') && at(18) == Some(b'Z');
        let is_time = bare.len() == 19 && at(10) == Some(b'T') && bare.starts_with("20");
        match (is_run, is_time) {
            (true, _) => part.replace(bare, "RUN"),
            (_, true) => part.replace(bare, "TIME"),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A command that is under way.
pub struct Started(Child);

impl Started {
    /// Sends it Ctrl-C so many times, and waits for its end.
    pub fn interrupted(self, times: u32) -> Ended {
        for _ in 0..times {
            interrupt(&self.0);
            sleep(Duration::from_millis(40));
        }
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.0.wait().unwrap();
        Ended { stdout, stderr, status }
    }
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A sandbox in a process of its own.
pub struct RunningSandbox {
    /// Where it listens.
    pub url: String,
    child: Child,
}

impl RunningSandbox {
    /// The body of a page.
    pub fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "")
    }

    /// Sets the plan of faults.
    pub fn faults(&self, plan: &str) {
        let answer = self.ask("POST /sandbox/faults", plan);
        assert!(answer.contains("rules"), "{answer}");
    }

    /// How many calls it remembers.
    pub fn calls(&self) -> usize {
        let calls: Value = serde_json::from_str(&self.get("/sandbox/calls")).unwrap();
        calls["calls"].as_array().unwrap().len()
    }

    /// Waits until it has had so many calls.
    pub fn wait_for_calls(&self, calls: usize) {
        for _ in 0..600 {
            if self.calls() >= calls {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("there were only {} calls", self.calls());
    }

    fn ask(&self, what: &str, body: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{what} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Ends it with Ctrl-C, and gives its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        interrupt(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A zip archive.
pub fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An export without every second `member`.
pub fn without_half_of_the_members(export: &str) -> String {
    let mut out = String::new();
    let (mut inside, mut number) = (false, 0);
    for line in export.lines() {
        if line.trim_start().starts_with("<member>") {
            inside = true;
            number += 1;
        }
        if !inside || number % 2 == 0 {
            out.push_str(line);
            out.push('\n');
        }
        if line.trim_start().starts_with("</member>") {
            inside = false;
        }
    }
    out
}
