//! What a trace takes on a large state: a million persons in eight courses each, put into the
//! stores through their own interface, then traced by key, user name, address and LMS id.
//!
//! ```sh
//! cargo run --release --locked -p end-to-end --example trace -- 1000000
//! ```
//!
//! It prints the time and the reads of each trace, without and with indexes, and what writing the
//! indexes took: at first, and after a night on which half a percent changed. Then a second source
//! joins, which knows everybody under another key and is matched by the address.
//!
//! With `plan` as a second word it plans instead, with that source matched and unmatched, and says
//! how much memory the process took at most. One way after the other: the most of a process never
//! goes down.
//!
//! ```sh
//! cargo run --release --locked -p end-to-end --example trace -- 200000 plan matched
//! ```

#![expect(clippy::unwrap_used, reason = "an example may end by a panic")]
#![expect(clippy::print_stdout, reason = "what it finds is for people")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use ambient::Timestamp;
use async_trait::async_trait;
use end_to_end::World;
use pipeline::{Pipeline, Standing};
use plan::{Meta, Ownership, Presence};
use roster::matching::MatchBy;
use roster::{
    Course, CourseKey, Enrollment, Mode, Origin, Packed, Person, PersonKey, Place, Record, Role,
    Sink as _, Snapshot, SnapshotBuilder, Text,
};
use store::state::manifest::{BucketRef, Head, Manifest, bucket_of, first_hash};
use store::state::source::{Export, fold};
use store::state::{StateName, States, index, lease, meta};
use store::{Condition, Item, ItemKey, Page, StoreError, Table, Write};

/// Counts what passes.
struct Counting {
    table: Arc<dyn Table>,
    reads: AtomicU64,
    read: AtomicU64,
    writes: AtomicU64,
    wrote: AtomicU64,
}

#[async_trait]
impl Table for Counting {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        let item = self.table.get(key).await?;
        self.reads.fetch_add(1, Relaxed);
        self.read.fetch_add(item.as_ref().map_or(0, Item::size) as u64, Relaxed);
        Ok(item)
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let page = self.table.query(pk, prefix, after, limit).await?;
        self.reads.fetch_add(1, Relaxed);
        self.read.fetch_add(page.items.iter().map(Item::size).sum::<usize>() as u64, Relaxed);
        Ok(page)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        for write in &writes {
            if let Write::Put { body, .. } = write {
                self.writes.fetch_add(1, Relaxed);
                self.wrote.fetch_add(body.len() as u64, Relaxed);
            }
        }
        self.table.transact(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.writes.fetch_add(1, Relaxed);
        self.wrote.fetch_add(body.len() as u64, Relaxed);
        self.table.put(key, body, condition).await
    }
}

/// Keys as random as real ones.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) >> 20
}

fn person(number: u64, night: u64) -> Record {
    let mut person = Person::new(PersonKey::new(format!("{:011}", mixed(number))));
    person.username = Some(Text::new(format!("user{number}")));
    person.given = Some(Text::new(format!("Given{}", mixed(number) % 900)));
    person.family = Some(Text::new(format!("Family{}", mixed(number) % 5000)));
    // One in two hundred has another address on the second day.
    let moved = if night > 0 && number % 200 == 7 { "new." } else { "" };
    person.email = Some(Text::new(format!("{moved}user{number}@school.example")));
    person.into()
}

fn records(persons: u64, night: u64, mut each: impl FnMut(Record)) {
    let courses = (persons / 25).max(1);
    for number in 0..persons {
        each(person(number, night));
        for seat in 0..8 {
            let at = mixed(number * 8 + seat) % courses;
            let (course, who) = (format!("C{at:06}"), format!("{:011}", mixed(number)));
            let mut enrollment = Enrollment::new(CourseKey::new(course), PersonKey::new(who));
            enrollment.roles = Some([Role::Student].into_iter().collect());
            each(enrollment.into());
        }
    }
    for at in 0..courses {
        let mut course = Course::new(CourseKey::new(format!("C{at:06}")));
        course.short_name = Some(Text::new(format!("COURSE-{at}")));
        each(course.into());
    }
}

/// What the second source says of everybody, under its own key.
fn listed(number: u64, matched: bool) -> Record {
    let id = if matched { format!("hr-{:011}", mixed(number)) } else { key(number) };
    let mut person = Person::new(PersonKey::new(id));
    person.email = Some(Text::new(format!("User{number}@school.example")));
    person.nickname = Some(Text::new(format!("Nick{}", mixed(number) % 700)));
    person.into()
}

fn key(number: u64) -> String {
    format!("{:011}", mixed(number))
}

fn list(persons: u64, matched: bool) -> Snapshot {
    let mut builder = SnapshotBuilder::new(Mode::Full);
    let file = builder.add_file("list.csv");
    for number in 0..persons {
        builder.record(listed(number, matched), Origin { file, line: number as u32 + 2 });
    }
    builder.finish().unwrap()
}

fn snapshot(persons: u64, night: u64) -> Snapshot {
    let mut builder = SnapshotBuilder::new(Mode::Full);
    let file = builder.add_file("export.xml");
    let mut line = 0;
    records(persons, night, |record| {
        line += 1;
        builder.record(record, Origin { file, line });
    });
    builder.finish().unwrap()
}

async fn take_in(pipeline: &Pipeline, source: &str, snapshot: Snapshot, night: u64) {
    let name = StateName::Source(source.into());
    let states = States::new(&pipeline.stores, pipeline.integration.scope.clone());
    let base = states.newest(&name).await.unwrap();
    let files = ["export.xml".to_owned()];
    let (run, now) = (format!("r-{night}"), Timestamp::UNIX_EPOCH);
    let (mode, buckets) = (Mode::Full, snapshot.buckets());
    let export = Export { mode, files: &files, buckets, removals: &[], run: &run, now };
    let next = fold(&states, &name, &base, export).await.unwrap().unwrap();
    states.publish(&name, &base, &next).await.unwrap();
}

/// The applied state of the same school, as if all of it had been delivered.
async fn apply_all(pipeline: &Pipeline, persons: u64) {
    let name = pipeline.integration.applied();
    let states = States::new(&pipeline.stores, pipeline.integration.scope.clone());
    let bits = 12;
    let snapshot = snapshot(persons, 0);
    let mut buckets = vec![BucketRef::default(); 1 << bits];
    let (mut counts, mut number) = (BTreeMap::new(), 0u64);
    let (mut at, mut packed) = (0, Packed::default());
    for record in snapshot.packed() {
        let record = record.unwrap();
        let key = record.key().unwrap();
        let bucket = bucket_of(Place::of(&key).hash, bits);
        if bucket != at {
            let done = std::mem::take(&mut packed);
            buckets[at] = states.write_bucket(&name, first_hash(at, bits), &done).await.unwrap();
            at = bucket;
        }
        let has_id = key.kind() != roster::Kind::Enrollment;
        number += u64::from(has_id);
        *counts.entry(key.kind()).or_insert(0u64) += 1;
        let meta = Meta {
            presence: Some(Presence::Present),
            ownership: Ownership::Created,
            lms_id: has_id.then(|| Text::new(number.to_string())),
            first_run: Text::new("r-0"),
            last_run: Text::new("r-0"),
            parked: None,
            in_doubt: false,
            members_read: false,
            delete_after: None,
            user_fields: Default::default(),
        };
        let mut side = Vec::new();
        meta::encode(&meta, &mut side);
        packed.push(record.record, &side);
    }
    buckets[at] = states.write_bucket(&name, first_hash(at, bits), &packed).await.unwrap();
    let head = Head { generation: 1, run: "r-0".into(), counts, ..Head::default() };
    let base = states.newest(&name).await.unwrap();
    states.publish(&name, &base, &Manifest { head, bits, buckets }).await.unwrap();
}

async fn refresh(pipeline: &Pipeline, counting: &Counting, what: &str) {
    let scope = &pipeline.integration.scope;
    let (stores, clock) = (&pipeline.stores, &*pipeline.clock);
    let ttl = std::time::Duration::from_secs(3600);
    let held = lease::take_over(stores, scope, clock, "example", ttl).await.unwrap();
    let sources = pipeline.integration.sources.iter();
    let sources = sources.map(|source| StateName::Source(source.name.clone()));
    for name in sources.chain([pipeline.integration.applied()]) {
        let (writes, wrote) = (counting.writes.load(Relaxed), counting.wrote.load(Relaxed));
        let reads = counting.reads.load(Relaxed);
        let began = Instant::now();
        let check = held.check(scope);
        index::refresh(stores, scope, &name, clock.now(), check).await.unwrap();
        println!(
            "{what} {:24} {:6.2} s  {:5} reads  {:5} writes, {} KB",
            name.slug(),
            began.elapsed().as_secs_f64(),
            counting.reads.load(Relaxed) - reads,
            counting.writes.load(Relaxed) - writes,
            (counting.wrote.load(Relaxed) - wrote) / 1024,
        );
    }
}

async fn trace(pipeline: &Pipeline, counting: &Counting, query: &str) {
    let (reads, read) = (counting.reads.load(Relaxed), counting.read.load(Relaxed));
    let began = Instant::now();
    let story = pipeline.trace(query).await.unwrap();
    println!(
        "trace {query:32} {:8.1} ms  {:5} reads, {:6} KB, {} sources, {} courses",
        began.elapsed().as_secs_f64() * 1e3,
        counting.reads.load(Relaxed) - reads,
        (counting.read.load(Relaxed) - read) / 1024,
        story.sources.len(),
        story.enrollments.len(),
    );
}

/// A second source, which is believed less, and matched by the address where it is `matched`.
fn second(world: &mut World, matched: bool) {
    let mut integration = (*world.integration).clone();
    integration.sources[0].precedence = 10;
    let mut list = end_to_end::world::source();
    list.name = "list".into();
    if matched {
        list.part.match_by = vec![MatchBy::try_from("email".to_owned()).unwrap()];
    }
    integration.sources.push(list);
    integration.standing = Standing::Test;
    world.integration = Arc::new(integration);
}

/// Plans what two sources say against all of it applied, and says what that took.
async fn plan(persons: u64, matched: bool) {
    let mut world = World::new(1);
    second(&mut world, matched);
    let pipeline = world.process(None, None, true).pipeline;
    take_in(&pipeline, "registrar", snapshot(persons, 0), 0).await;
    take_in(&pipeline, "list", list(persons, matched), 0).await;
    apply_all(&pipeline, persons).await;
    let (before, began) = (most_memory(), Instant::now());
    let run = pipeline.resync().await.unwrap().run;
    println!(
        "plan of {persons} persons, the list {}: {:.1} s, at most {} MB, {} MB before it; {:?}",
        if matched { "matched" } else { "under the same keys" },
        began.elapsed().as_secs_f64(),
        most_memory(),
        before,
        run.changes,
    );
}

/// The most memory that this process ever had, in megabytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let persons: u64 = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    if std::env::args().nth(2).as_deref() == Some("plan") {
        return plan(persons, std::env::args().nth(3).as_deref() == Some("matched")).await;
    }
    let mut world = World::new(1);
    let mut pipeline = world.process(None, None, true).pipeline;
    let counting = Arc::new(Counting {
        table: world.table.clone(),
        reads: AtomicU64::new(0),
        read: AtomicU64::new(0),
        writes: AtomicU64::new(0),
        wrote: AtomicU64::new(0),
    });
    pipeline.stores.table = counting.clone();
    take_in(&pipeline, "registrar", snapshot(persons, 0), 0).await;
    println!("source: {} KB", counting.wrote.load(Relaxed) / 1024);
    apply_all(&pipeline, persons).await;
    println!("both states: {} KB, {persons} persons", counting.wrote.load(Relaxed) / 1024);
    let key = key(persons / 2);
    let name = format!("user{}", persons / 3);
    trace(&pipeline, &counting, &name).await;
    refresh(&pipeline, &counting, "index").await;
    let course = "C000007".to_owned();
    for query in
        [&key, &name, &format!("{name}@school.example"), &(persons / 5).to_string(), &course]
    {
        trace(&pipeline, &counting, query).await;
    }
    let before = counting.wrote.load(Relaxed);
    take_in(&pipeline, "registrar", snapshot(persons, 1), 1).await;
    println!("a night: {} KB of the source", (counting.wrote.load(Relaxed) - before) / 1024);
    trace(&pipeline, &counting, &name).await;
    refresh(&pipeline, &counting, "night").await;
    trace(&pipeline, &counting, &name).await;
    let moved = format!("new.user{}@school.example", (persons / 400) * 200 + 7);
    trace(&pipeline, &counting, &moved).await;

    second(&mut world, true);
    pipeline.integration = world.integration.clone();
    let before = counting.wrote.load(Relaxed);
    take_in(&pipeline, "list", list(persons, true), 1).await;
    println!("a list joins: {} KB", (counting.wrote.load(Relaxed) - before) / 1024);
    trace(&pipeline, &counting, &name).await;
    refresh(&pipeline, &counting, "list").await;
    let own = format!("hr-{key}");
    for query in [&key, &name, &format!("{name}@school.example"), &own, &format!("person:{own}")] {
        trace(&pipeline, &counting, query).await;
    }
}
