//! What is counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// What was used of AWS, and of the LMS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Units {
    /// Read request units.
    pub reads: u64,
    /// Write request units.
    pub writes: u64,
    /// Calls to the table.
    pub table_calls: u64,
    /// PUT and LIST requests.
    pub puts: u64,
    /// Bytes of objects that were put.
    pub put_bytes: u64,
    /// GET and HEAD requests.
    pub gets: u64,
    /// Requests to SQS: sending here, receiving and deleting by Lambda.
    pub messages: u64,
    /// Schedules that were set or removed.
    pub schedules: u64,
    /// Requests to the LMS.
    pub lms_calls: u64,
    /// Bytes of them.
    pub lms_bytes: u64,
    /// CPU time of the simulated LMS, which is not ours.
    pub foreign: Duration,
}

/// The same for everybody who counts.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<Mutex<Units>>);

impl Counter {
    /// Counts.
    pub fn add(&self, add: impl FnOnce(&mut Units)) {
        add(&mut self.lock());
    }

    /// What was counted since the last time.
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Units> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the calls of one function came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// Calls of the function.
    pub invocations: u64,
    /// CPU time.
    pub cpu: Duration,
    /// Simulated time that passed while it waited.
    pub waited: Duration,
    /// The longest of its calls, CPU and waiting.
    pub longest: Duration,
    /// What they used.
    pub units: Units,
}

impl Work {
    /// One call more.
    pub fn add(&mut self, cpu: Duration, waited: Duration, units: Units) {
        let cpu = cpu.saturating_sub(units.foreign);
        self.invocations += 1;
        self.cpu += cpu;
        self.waited += waited;
        self.longest = self.longest.max(cpu + waited);
        let sum = &mut self.units;
        sum.reads += units.reads;
        sum.writes += units.writes;
        sum.table_calls += units.table_calls;
        sum.puts += units.puts;
        sum.put_bytes += units.put_bytes;
        sum.gets += units.gets;
        sum.messages += units.messages;
        sum.schedules += units.schedules;
        sum.lms_calls += units.lms_calls;
        sum.lms_bytes += units.lms_bytes;
    }

    /// As JSON.
    pub fn told(&self) -> Value {
        let Units { reads, writes, table_calls, puts, put_bytes, gets, messages, .. } = self.units;
        json!({
            "invocations": self.invocations,
            "cpu": self.cpu.as_secs_f64(),
            "waited": self.waited.as_secs_f64(),
            "longest": self.longest.as_secs_f64(),
            "reads": reads,
            "writes": writes,
            "table_calls": table_calls,
            "puts": puts,
            "put_bytes": put_bytes,
            "gets": gets,
            "messages": messages,
            "schedules": self.units.schedules,
            "lms_calls": self.units.lms_calls,
            "lms_bytes": self.units.lms_bytes,
        })
    }
}

/// CPU time of this thread so far.
pub fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let nanos = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.expect("its first number is nanoseconds"))
}
