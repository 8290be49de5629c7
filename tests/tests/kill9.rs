//! The same on real parts: the `rollcall` program over SQLite, speaking HTTP to a `rollcall
//! sandbox`, killed at moments that it does not choose.
//!
//! `KILLS` says how often (20), `KILL_SEED` when (1). Each time it is killed while it delivers, and
//! perhaps again while it recovers; then it is run to its end, and the data folder's integrity and
//! the sandbox's content are looked at. The sandbox is killed as well before it is opened.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, SeededRandom, Stopwatch, SystemClock};
use end_to_end::Town;
use end_to_end::oracle;
use end_to_end::town::{course_key, person_key};
use end_to_end::wire::Platform;
use roster::Role;
use sandbox::moodle::Site;
use store::DataDir;

const CONFIG: &str = r#"
tenant = "oakfield"
[[integration]]
name = "sis"
status = "active"
[[integration.source]]
name = "registrar"
[integration.target]
kind = "sandbox"
timeout = 1
"#;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// The program, built where this test was built.
fn rollcall() -> PathBuf {
    if let Some(path) = std::env::var_os("ROLLCALL_BIN") {
        return path.into();
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "cli", "--bin", "rollcall"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .unwrap();
    assert!(built.success(), "the program does not build");
    let deps = std::env::current_exe().unwrap();
    let program = deps.ancestors().nth(2).unwrap().join("rollcall");
    assert!(program.exists(), "{}", program.display());
    program
}

struct Place {
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL, and nothing is left to do where it is gone already.
        let _killed = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rollcall.toml"), CONFIG).unwrap();
        Self { program: rollcall(), folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let child = Command::new(&self.program)
            .current_dir(self.folder.path())
            .args(["--data", "data", "--config", "rollcall.toml", "--json"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }

    fn sandbox(&self) -> Running {
        // One that was killed left word of where it listened.
        let address = self.data().join("sandbox").join("address");
        let _gone = fs::remove_file(&address);
        let running = self.start(&["sandbox", "--port", "0"]);
        for _ in 0..500 {
            if address.exists() {
                return running;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the sandbox does not say where it listens");
    }

    /// Runs a sync to its end, and how long it took.
    fn sync(&self) -> Duration {
        let watch = Stopwatch::start(&SystemClock);
        let output = Command::new(&self.program)
            .current_dir(self.folder.path())
            .args(["--data", "data", "--config", "rollcall.toml", "--json", "sync", "export.xml"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        watch.elapsed(&SystemClock)
    }

    fn integrity(&self) {
        let data = DataDir::open_reader(self.data(), Arc::new(SystemClock)).unwrap();
        data.check_integrity().unwrap();
    }

    /// What is wrong in the sandbox, which must not run.
    fn faults(&self, town: &Town, known: &[Town]) -> Vec<String> {
        let site = Site::open(&self.data().join("sandbox")).unwrap();
        oracle::lms_differs(&Platform::of(site), town, known)
    }
}

/// The school after `round` busy days: on each, twenty come and thirty change their names.
fn town(round: usize) -> Town {
    let mut town = Town::founded();
    for number in 100..200 + 20 * round {
        town.person_comes(number);
        for course in [number % 6 + 1, (number + 1) % 6 + 1] {
            town.sits(&course_key(2026, course), &person_key(number), Role::Student);
        }
    }
    for number in 100..130 {
        town.person(&person_key(number)).family.push_str(&format!(" {round}"));
    }
    town
}

#[test]
fn a_killed_program_leaves_nothing_undone_and_nothing_twice() {
    let place = Place::new();
    let random = SeededRandom::new(number("KILL_SEED", 1));
    let kills = number("KILLS", 20);
    let (mut known, mut killed, mut round) = (Vec::new(), 0, 0);
    let mut sandbox = Some(place.sandbox());
    let mut usual = Duration::from_millis(1500);
    while killed < kills {
        let today = town(round);
        fs::write(place.folder.path().join("export.xml"), today.export()).unwrap();
        let again = u64::from(random.below(3) == 0);
        for _ in 0..=again {
            let mut sync = place.start(&["sync", "export.xml"]);
            let wait = random.below(u64::try_from(usual.as_micros()).unwrap());
            std::thread::sleep(Duration::from_micros(wait));
            if sync.0.try_wait().unwrap().is_none() {
                killed += 1;
            }
            drop(sync);
            if place.data().join("rollcall.sqlite").exists() {
                place.integrity();
            }
        }
        let took = place.sync();
        // What waits for requests that may be under way says nothing of how long work takes.
        if took < Duration::from_secs(1) {
            usual = took;
        }
        place.integrity();
        drop(sandbox.take());
        let faults = place.faults(&today, &known);
        assert!(faults.is_empty(), "after {killed} kills: {faults:#?}");
        sandbox = Some(place.sandbox());
        known.push(today);
        round += 1;
        assert!(round < 400, "{killed} kills in {round} rounds");
    }
}
