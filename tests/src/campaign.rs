//! Worlds in which processes die and things go wrong, each named by a word that replays it.
//!
//! A name is a number, from which everything else is drawn, or a crash point:
//! `monday/57/before/alone`.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use ambient::{Random, SeededRandom};
use store::state::run::RunState;

use crate::life::{Day, Event, days};
use crate::oracle;
use crate::tap::{Crash, Moment};
use crate::trouble::{Kind, Trouble};
use crate::world::{Ended, Process, Settled, World, step};

/// A day that worlds can begin on: the world as it was at its dawn, and what a day without
/// trouble takes.
#[derive(Debug)]
pub struct Dawn {
    /// The day.
    pub day: Day,
    /// The day after it, where there is one.
    pub next: Option<Day>,
    world: World,
    /// Port calls of a clean run.
    pub calls: u64,
    /// Which of them, counted from 1, are calls to the LMS.
    pub lms: Vec<u64>,
    /// Calls of a clean run that change something in the LMS.
    pub writes: u64,
}

/// Which process comes after one that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Successor {
    /// One that knows the other to be dead, and takes its lease over at once.
    Alone,
    /// One that waits until the other's lease has run out.
    Patient,
}

/// A world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Drawn from a seed.
    Seed(u64),
    /// The process dies once, at this call of this day.
    Point {
        /// The day's place in the life.
        day: usize,
        /// Where.
        crash: Crash,
        /// Who comes after it.
        successor: Successor,
    },
    /// The process dies at this call of this day, and before another comes the next day's export is
    /// there: what the first had under way must not come in after it.
    Overtaken {
        /// The day's place in the life.
        day: usize,
        /// Where.
        crash: Crash,
    },
    /// The process stands still at this call of this day until its lease has run out and another
    /// one has come, then goes on as if nothing had been.
    Zombie {
        /// The day's place in the life.
        day: usize,
        /// Where it stands still.
        call: u64,
        /// Where the other one stands still while the first goes on; `None` where it is done
        /// before that.
        other: Option<u64>,
    },
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

/// Every day on which something is delivered, at its dawn.
pub async fn dawns() -> Vec<Dawn> {
    let mut world = World::new(1);
    let mut dawns = Vec::new();
    let mut life = days().into_iter().peekable();
    while let Some(day) = life.next() {
        let dawn = world.fork();
        let processes = world.live(&day).await;
        if matches!(day.event, Event::Broken(_)) {
            continue;
        }
        let tap = &processes[0].tap;
        dawns.push(Dawn {
            next: life.peek().cloned(),
            world: dawn,
            calls: tap.calls(),
            lms: tap.lms_places(),
            writes: tap.lms_writes(),
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
    wrong.extend(oracle::faults(&world, &day.lms).await);
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

/// The same export once more makes no call to the LMS.
async fn says_no_more(world: &mut World, day: &Day, alone: bool) -> Vec<String> {
    let Event::Export(bytes) = &day.event else { return Vec::new() };
    world.clock.advance(crate::world::LEASE);
    let process = world.process(None, None, alone);
    let ended = process.run(crate::world::Step::Sync(bytes)).await;
    let mut wrong = Vec::new();
    if !matches!(ended, Ended::Came(Ok(_))) {
        wrong.push(format!("the same export once more: {ended:?}"));
    }
    if process.tap.lms_calls() > 0 {
        wrong.push(format!("the same export once more: {} calls", process.tap.lms_calls()));
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
    let ended = process.run(step(next)).await;
    if !ended.is_settled() {
        return vec![format!("the next day: {ended:?}")];
    }
    let faults = oracle::faults(world, &next.lms).await;
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

impl Name {
    /// The word that replays it.
    pub fn display(self, dawns: &[Dawn]) -> String {
        match self {
            Self::Seed(seed) => seed.to_string(),
            Self::Point { day, crash: Crash { call, moment }, successor } => {
                let successor = match successor {
                    Successor::Alone => "alone",
                    Successor::Patient => "patient",
                };
                format!("{}/{call}/{}/{successor}", dawns[day].slug(), word(moment))
            }
            Self::Overtaken { day, crash: Crash { call, moment } } => {
                format!("{}/{call}/{}/overtaken", dawns[day].slug(), word(moment))
            }
            Self::Zombie { day, call, other } => {
                format!("{}/{call}/zombie/{}", dawns[day].slug(), other.unwrap_or(0))
            }
        }
    }

    /// What a word means.
    pub fn parse(text: &str, dawns: &[Dawn]) -> Option<Self> {
        if let Ok(seed) = u64::from_str(text) {
            return Some(Self::Seed(seed));
        }
        let parts: Vec<&str> = text.split('/').collect();
        let [day, call, moment, after] = parts[..] else { return None };
        let day = dawns.iter().position(|dawn| dawn.slug() == day)?;
        let call = call.parse().ok()?;
        if moment == "zombie" {
            let other = after.parse().ok().filter(|other| *other > 0);
            return Some(Self::Zombie { day, call, other });
        }
        let moment = MOMENTS.into_iter().find(|known| word(*known) == moment)?;
        let crash = Crash { call, moment };
        let successor = match after {
            "overtaken" => return Some(Self::Overtaken { day, crash }),
            "alone" => Successor::Alone,
            "patient" => Successor::Patient,
            _ => return None,
        };
        Some(Self::Point { day, crash, successor })
    }
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::After, Moment::Underway];

fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "before",
        Moment::After => "after",
        Moment::Asleep => "asleep",
        Moment::Underway => "underway",
    }
}

impl Dawn {
    /// The day's name in a world's.
    fn slug(&self) -> String {
        self.day.name.replace([' ', ','], "-")
    }
}
