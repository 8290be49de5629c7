//! Worlds in which processes die and things go wrong, each named by a word that replays it.
//!
//! A name is a number, from which everything else is drawn, or a crash point:
//! `monday/57/before/alone`.

mod name;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use ambient::{Random, SeededRandom};
use plan::Moves;
use store::state::forget::Forgetting;
use store::state::run::RunState;

use crate::careful;
use crate::life::{Day, Event, days};
use crate::oracle;
use crate::tap::{Crash, Moment};
use crate::trouble::{Kind, Trouble};
use crate::world::{Ended, Process, Settled, Step, World, step};

use name::MOMENTS;
pub use name::{Name, Successor};

/// A day that worlds can begin on: the world as it was at its dawn, and what a day without
/// trouble takes.
#[derive(Debug)]
pub struct Dawn {
    /// The life that it is of, where that is not the school's week and year.
    pub life: Option<&'static str>,
    /// The day.
    pub day: Day,
    /// The day after it, where there is one.
    pub next: Option<Day>,
    world: World,
    /// Port calls of a clean run.
    pub calls: u64,
    /// Which of them, counted from 1, are calls to the LMS.
    pub lms: Vec<u64>,
    /// Which of them change something in a store.
    pub changes: Vec<u64>,
    /// Calls of a clean run that change something in the LMS.
    pub writes: u64,
}

/// A world in which something is wrong in the end.
#[derive(Debug)]
pub struct Failure {
    /// Which world.
    pub name: String,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// What its processes came to.
    pub story: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "world {} is wrong; to see it again:", self.name)?;
        writeln!(
            f,
            "    WORLD_SEED={} cargo test -p end-to-end --test world replay -- --nocapture",
            self.name
        )?;
        for line in self.wrong.iter().take(12) {
            writeln!(f, "  wrong: {line}")?;
        }
        let mut last = None;
        for line in self.story.iter().filter(|line| last.replace(*line) != Some(line)) {
            writeln!(f, "  then: {line}")?;
        }
        Ok(())
    }
}

/// What came of a world.
#[derive(Debug)]
pub struct Report {
    /// Everything its processes did.
    pub digest: blake3::Hash,
    /// What they came to.
    pub settled: Settled,
    /// Where its runs ended.
    pub states: Vec<RunState>,
    /// How many requests got no answer from which anybody could tell what they did.
    pub unknown: u64,
}

/// Every day of the school's week and year on which something is delivered, at its dawn.
pub async fn dawns() -> Vec<Dawn> {
    dawns_of(None, World::new(1), days()).await
}

/// The same of the careful school, and of the one whose people move.
pub async fn careful_dawns() -> Vec<Dawn> {
    let life = Some("careful");
    let mut dawns = dawns_of(life, careful::school(Moves::Together).await, careful::days()).await;
    let moving = careful::school(Moves::AddFirst).await;
    dawns.extend(dawns_of(life, moving, careful::movers()).await);
    dawns
}

async fn dawns_of(life: Option<&'static str>, mut world: World, days: Vec<Day>) -> Vec<Dawn> {
    let mut dawns = Vec::new();
    let mut days = days.into_iter().peekable();
    while let Some(day) = days.next() {
        let dawn = world.fork();
        let processes = world.live(&day).await;
        if matches!(day.event, Event::Broken(_)) {
            continue;
        }
        let tap = &processes[0].tap;
        dawns.push(Dawn {
            life,
            next: days.peek().cloned(),
            world: dawn,
            calls: tap.calls(),
            lms: tap.lms_places(),
            changes: tap.changes(),
            writes: processes.iter().map(|process| process.tap.lms_writes()).sum(),
            day,
        });
    }
    dawns
}

/// Every single crash point of every day: before and after each call, and for calls to the LMS
/// also with the request still underway. Successors take turns.
pub fn every_point(dawns: &[Dawn]) -> Vec<Name> {
    let mut points = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        for call in 1..=dawn.calls {
            let underway = dawn.lms.contains(&call).then_some(Moment::Underway);
            for moment in [Moment::Before, Moment::After].into_iter().chain(underway) {
                let alone = points.len() % 2 == 0;
                let successor = if alone { Successor::Alone } else { Successor::Patient };
                points.push(Name::Point { day, crash: Crash { call, moment }, successor });
            }
        }
    }
    points
}

/// Every moment at which a process that dies leaves something else behind: after each call that
/// changes something in a store, and for calls to the LMS with the request under way or answered.
/// Successors take turns.
pub fn every_change(dawns: &[Dawn]) -> Vec<Name> {
    let mut points = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        let changes = dawn.changes.iter().map(|call| (*call, Moment::After));
        let moment = |at| if at % 3 == 0 { Moment::After } else { Moment::Underway };
        let lms = dawn.lms.iter().enumerate().map(|(at, call)| (*call, moment(at)));
        for (call, moment) in changes.chain(lms) {
            let alone = points.len() % 2 == 0;
            let successor = if alone { Successor::Alone } else { Successor::Patient };
            points.push(Name::Point { day, crash: Crash { call, moment }, successor });
        }
    }
    points
}

/// Every call to the LMS at which a process can die before the next day's export is there.
pub fn every_overtaken(dawns: &[Dawn]) -> Vec<Name> {
    let mut names = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        // Where something is held, what the LMS holds depends on the day before.
        let whole = |next: &Day| next.event == Event::Export(next.lms.export());
        if !dawn.next.as_ref().is_some_and(whole) {
            continue;
        }
        for call in dawn.lms.iter().copied() {
            for moment in MOMENTS {
                names.push(Name::Overtaken { day, crash: Crash { call, moment } });
            }
        }
    }
    names
}

/// Every call at which a process can stand still, each with another one that is done before it
/// goes on, and with one that stands still itself somewhere.
pub fn every_zombie(dawns: &[Dawn]) -> Vec<Name> {
    let random = SeededRandom::new(7);
    let mut zombies = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        for call in 1..=dawn.calls {
            let other = (call % 2 == 0).then(|| 1 + random.below(dawn.calls));
            zombies.push(Name::Zombie { day, call, other });
        }
    }
    zombies
}

/// Runs a world and looks at what it came to. With `WORLD_LINES` set every call is printed.
pub async fn run(dawns: &[Dawn], name: Name) -> Result<Report, Failure> {
    let plan = Plan::of(dawns, name);
    let dawn = &dawns[plan.day];
    let mut world = dawn.world.fork();
    world.act_by_hand(dawn.day.by_hand);
    let mut before = match name {
        Name::Zombie { call, other, .. } => haunted(&mut world, &dawn.day, call, other).await,
        _ => Haunted::default(),
    };
    let mut rounds = plan.rounds.into_iter();
    let (crash, trouble, alone) = rounds.next().unwrap_or_default();
    let first = world.process(crash, trouble, alone);
    if std::env::var_os("WORLD_LINES").is_some() {
        first.tap.keep_lines();
    }
    let mut day = &dawn.day;
    let first = match (name, &dawn.next) {
        (Name::Overtaken { .. }, Some(next)) => {
            before.add(&first, first.run(step(day)).await);
            world.known.push(day.lms.clone());
            world.clock.advance(Duration::from_secs(1));
            day = next;
            world.act_by_hand(day.by_hand);
            world.process(None, None, plan.alone)
        }
        _ => first,
    };
    let mut settled =
        world.settle(first, day, |_| rounds.next().unwrap_or((None, None, plan.alone))).await;
    settled.lms_writes += before.lms_writes;
    settled.story.splice(0..0, before.story);
    let mut wrong = Vec::new();
    if !settled.done {
        wrong.push(format!("it did not come to rest in {} processes", settled.processes));
    }
    wrong.append(&mut settled.wrong);
    wrong.extend(at_rest(&mut world, day, plan.alone).await);
    let bound = plan.writes_bound.map_or(u64::MAX, |factor| dawn.writes * factor + 2);
    if settled.lms_writes > bound {
        wrong.push(format!(
            "{} writes to the LMS where a clean run makes {}",
            settled.lms_writes, dawn.writes
        ));
    }
    if wrong.is_empty() {
        wrong.extend(says_no_more(&mut world, day, plan.alone).await);
    }
    if let (true, true, Some(next)) = (wrong.is_empty(), plan.lives_on, &dawn.next) {
        world.pass_night(&dawn.day);
        wrong.extend(lives_on(&mut world, next).await);
    }
    if wrong.is_empty() {
        let runs = world.runs().await;
        let states = runs.iter().map(|run| run.state).collect();
        let unknown = runs.iter().map(|run| run.receipts.unknown).sum();
        return Ok(Report { digest: settled.digest(), settled, states, unknown });
    }
    Err(Failure { name: name.display(dawns), wrong, story: settled.story })
}

/// A day on which the LMS loses the last record of one call, the one after `skip` others; what is
/// wrong when everything has come to rest.
pub async fn lose_record(dawns: &[Dawn], day: usize, skip: u64) -> Vec<String> {
    let dawn = &dawns[day];
    let mut world = dawn.world.fork();
    world.act_by_hand(dawn.day.by_hand);
    let trouble = Trouble::only(Kind::LmsLosesRecord, 1).after(skip);
    let first = world.process(None, Some(trouble), true);
    world.settle(first, &dawn.day, |_| (None, None, true)).await;
    oracle::faults(&world, &dawn.day.lms).await
}

/// What the processes before the last ones did.
#[derive(Debug, Default)]
struct Haunted {
    lms_writes: u64,
    story: Vec<String>,
}

impl Haunted {
    fn add(&mut self, process: &Process, ended: Ended) {
        self.lms_writes += process.tap.lms_writes();
        self.story.extend(process.tap.lines());
        self.story.push(match ended {
            Ended::Came(Ok(outcome)) => outcome.run.state.name().to_owned(),
            other => format!("{other:?}"),
        });
    }
}

/// One process stands still, another comes once its lease has run out, the first goes on.
async fn haunted(world: &mut World, day: &Day, call: u64, other: Option<u64>) -> Haunted {
    let asleep = |call| Crash { call, moment: Moment::Asleep };
    let lines = std::env::var_os("WORLD_LINES").is_some();
    let first = world.process(Some(asleep(call)), None, false);
    let second = world.process(other.map(asleep), None, false);
    if lines {
        [&first, &second].into_iter().for_each(|process| process.tap.keep_lines());
    }
    let (mut one, mut two) = (pin!(first.run(step(day))), pin!(second.run(step(day))));
    let mut ends = [None, None];
    tokio::select! {
        biased;
        () = first.tap.asleep() => {}
        ended = &mut one => ends[0] = Some(ended),
    }
    world.clock.advance(crate::world::LEASE + Duration::from_secs(1));
    tokio::select! {
        biased;
        () = second.tap.asleep() => {}
        ended = &mut two => ends[1] = Some(ended),
    }
    first.tap.wake();
    if ends[0].is_none() {
        ends[0] = Some(one.await);
    }
    second.tap.wake();
    if ends[1].is_none() {
        ends[1] = Some(two.await);
    }
    let mut haunted = Haunted::default();
    for (process, ended) in [&first, &second].into_iter().zip(ends) {
        haunted.add(process, ended.expect("both came to an end"));
    }
    // Whoever comes now finds a lease that may still hold.
    world.clock.advance(crate::world::LEASE);
    haunted
}

/// What is wrong once nothing more happens but what cron does.
async fn at_rest(world: &mut World, day: &Day, alone: bool) -> Vec<String> {
    // Whoever is forgotten while the LMS is out of reach is erased by the next sweep.
    let scope = world.integration.scope.clone();
    let under_way = Forgetting::under_way(&world.stores(), &scope).await;
    if !under_way.expect("the table in memory answers").is_empty() {
        world.clock.advance(crate::world::LEASE);
        let ended = world.process(None, None, alone).run(Step::Sweep).await;
        if !matches!(ended, Ended::Came(Ok(_))) {
            return vec![format!("a sweep after somebody was forgotten: {ended:?}")];
        }
    }
    oracle::faults_of(world, day).await
}

/// The same once more makes no call to the LMS.
async fn says_no_more(world: &mut World, day: &Day, alone: bool) -> Vec<String> {
    let again = match (&day.event, day.event.export()) {
        (Event::List(bytes), _) => Step::List(bytes),
        (_, Some(bytes)) => Step::Sync(bytes),
        (Event::Reverting, None) => Step::Sweep,
        (_, None) => return Vec::new(),
    };
    world.clock.advance(crate::world::LEASE);
    let process = world.process(None, None, alone);
    let ended = process.run(again).await;
    let mut wrong = Vec::new();
    if !matches!(ended, Ended::Came(Ok(_))) {
        wrong.push(format!("the same once more: {ended:?}"));
    }
    if process.tap.lms_calls() > 0 {
        wrong.push(format!("the same once more: {} calls", process.tap.lms_calls()));
    }
    wrong
}

/// The next day goes as it should.
async fn lives_on(world: &mut World, next: &Day) -> Vec<String> {
    if matches!(next.event, Event::Broken(_)) {
        return Vec::new();
    }
    world.act_by_hand(next.by_hand);
    let process = world.process(None, None, true);
    let settled = world.settle(process, next, |_| (None, None, true)).await;
    let mut faults = settled.wrong;
    if !settled.done {
        faults.push(format!("it did not come to rest: {:?}", settled.story));
    }
    faults.extend(oracle::faults_of(world, next).await);
    faults.into_iter().map(|fault| format!("the next day: {fault}")).collect()
}

/// What happens in a world.
struct Plan {
    day: usize,
    /// What each process meets; later ones meet nothing.
    rounds: Vec<(Option<Crash>, Option<Trouble>, bool)>,
    alone: bool,
    /// How many times a clean run's writes are allowed, where trouble makes no more necessary.
    writes_bound: Option<u64>,
    lives_on: bool,
}

impl Plan {
    fn of(dawns: &[Dawn], name: Name) -> Self {
        match name {
            Name::Point { day, crash, successor } => Self {
                day,
                rounds: vec![(Some(crash), None, true)],
                alone: successor == Successor::Alone,
                writes_bound: Some(2),
                lives_on: crash.call % 5 == 0,
            },
            Name::Overtaken { day, crash } => Self {
                day,
                rounds: vec![(Some(crash), None, true)],
                alone: crash.call % 2 == 0,
                writes_bound: None,
                lives_on: false,
            },
            Name::Zombie { day, call, .. } => Self {
                day,
                rounds: Vec::new(),
                alone: false,
                writes_bound: Some(3),
                lives_on: call % 5 == 0,
            },
            Name::Seed(seed) => Self::drawn(dawns, seed),
        }
    }

    fn drawn(dawns: &[Dawn], seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let draw = |bound: u64| random.below(bound);
        let day = draw(dawns.len() as u64) as usize;
        let dawn = &dawns[day];
        // Crashes alone, trouble alone, or both.
        let (crashes, troubles) = [(2, 0), (0, 3), (2, 3), (3, 2)][draw(4) as usize];
        let alone = draw(2) == 0;
        let rounds: Vec<_> = (0..crashes.max(troubles))
            .map(|round| {
                let crash = (round < crashes).then(|| Crash {
                    call: 1 + draw(dawn.calls),
                    moment: MOMENTS[draw(3) as usize],
                });
                let trouble =
                    (round < troubles).then(|| Trouble::of(seed ^ (round + 1), &Kind::CURABLE));
                (crash, trouble, alone)
            })
            .collect();
        let writes_bound = (troubles == 0).then_some(crashes + 1);
        Self { day, rounds, alone, writes_bound, lives_on: draw(4) == 0 }
    }
}

impl Dawn {
    /// The day's name in a world's.
    fn slug(&self) -> String {
        self.day.name.replace([' ', ','], "-")
    }
}
