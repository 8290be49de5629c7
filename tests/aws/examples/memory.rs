//! How much memory and CPU time each function takes for a school: what `ParseMemory`, `DiffMemory` and
//! their kin in the template are chosen by.
//!
//! ```sh
//! target/release/rollcall generate --persons 20000 --out first.xml
//! target/release/rollcall generate --persons 20000 --day 1 --out next.xml
//! ROLLCALL_FUNCTIONS=target/lambda cargo run --release -p local-aws --example memory -- first.xml next.xml
//! ```
//!
//! Each file in its turn is dropped off at an AWS on this machine, and the functions carry it over to a
//! simulated Moodle. Every 20 ms the kernel is asked for the most memory that each function's process
//! ever held and the CPU time that it has used: the peak cannot be missed while the process lives.

#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use local_aws::{Aws, School, Taken};

const PATIENCE: Duration = Duration::from_secs(3600);

#[tokio::main]
async fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    assert!(!files.is_empty(), "name the exports to drop off, in their order");
    let limits = ["SliceSeconds=120", "LeaseSeconds=60", "FunctionTimeout=900"];
    let aws = Arc::new(Aws::deploy("memory", &limits).await);
    let school = School::open_with(&aws, "oakfield", "", 60).await;
    println!(
        "{:<24} {:<10} {:>9} {:>9} {:>9}",
        "export", "function", "peak MB", "CPU s", "processes"
    );
    for file in files {
        let bytes = std::fs::read(&file).expect("the export can be read");
        let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
        let doing = async {
            school.drop_off(&aws, &name, &bytes).await;
            school.settled(&aws, &name, PATIENCE).await
        };
        let run = measured(&aws, &name, doing).await;
        println!(
            "{name:<24} {:?}, {} applied, {} calls",
            run.state, run.receipts.applied, run.calls
        );
    }
    // The first sweep of a day also collects garbage, which reads the whole stored state.
    let sweep =
        serde_json::json!({ "tenant": "oakfield", "integration": "sis", "reason": "sweep" });
    let by = Arc::clone(&aws);
    let doing = tokio::task::spawn_blocking(move || by.invoke("reconcile", &sweep));
    let (worked, answer) = measured(&aws, "(a sweep)", doing).await.expect("the function answers");
    assert!(worked, "{answer}");
}

/// Does it, and prints what each function took meanwhile.
async fn measured<T>(aws: &Arc<Aws>, name: &str, doing: impl Future<Output = T>) -> T {
    let over = Arc::new(AtomicBool::new(false));
    let watched = std::thread::spawn({
        let (aws, over) = (Arc::clone(aws), Arc::clone(&over));
        move || watch(&aws, &over)
    });
    let done = doing.await;
    over.store(true, Ordering::Relaxed);
    for (function, taken) in watched.join().expect("the kernel answers") {
        println!(
            "{name:<24} {function:<10} {:>9.1} {:>9.2} {:>9}",
            taken.peak as f64 / 1e6,
            taken.cpu.as_secs_f64(),
            taken.processes
        );
    }
    done
}

/// By function: the highest peak of its processes, and the CPU time that they used from now until it
/// is over.
fn watch(aws: &Aws, over: &AtomicBool) -> BTreeMap<String, Taken> {
    let before = aws.at_work();
    let mut seen = before.clone();
    while !over.load(Ordering::Relaxed) {
        seen.extend(aws.at_work());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut all = BTreeMap::<String, Taken>::new();
    for (process, (function, taken)) in seen {
        let used_before = before.get(&process).map_or(Duration::ZERO, |(_, taken)| taken.cpu);
        let sum = all.entry(function).or_default();
        sum.peak = sum.peak.max(taken.peak);
        sum.cpu += taken.cpu.saturating_sub(used_before);
        sum.processes += 1;
    }
    all
}
