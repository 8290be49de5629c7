//! Where every call of every port of one process passes: counted, noted, and perhaps the moment
//! at which the process dies.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::{Clock, ManualClock, Random, SeededRandom};
use tokio::sync::Notify;

use crate::trouble::Trouble;

/// When, relative to a call's effect, the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call was about to be made.
    Before,
    /// It had its effect, and nobody learned of it.
    After,
    /// It had its effect, and the process stands still until it is told to go on: it does not know
    /// that it was taken for dead. Before a call to the LMS it never stands still, since a request
    /// is sent within its timeout or not at all; then it is the call before.
    Asleep,
    /// It is on its way, and has its effect when the LMS gets to it: at the last moment that a
    /// request's timeout allows. Only for calls to the LMS; for others the same as `Before`.
    Underway,
}

/// The process dies at its call of this number, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Which call.
    pub call: u64,
    /// When.
    pub moment: Moment,
}

/// What a process is to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make it.
    Go,
    /// Make it, and die.
    GoAndDie,
    /// Make it, and stand still.
    GoAndSleep,
    /// Die now; what was sent comes in late.
    DieWhileUnderway,
}

/// The taps of one process.
#[derive(Debug)]
pub struct Tap {
    clock: Arc<ManualClock>,
    state: Mutex<State>,
    killed: Notify,
    asleep: Notify,
    woken: Notify,
}

#[derive(Debug)]
struct State {
    calls: u64,
    by_name: BTreeMap<String, u64>,
    lms_writes: u64,
    lms_calls: u64,
    /// Places of the calls to the LMS among all.
    lms_places: Vec<u64>,
    /// Places of the calls that were to change something in a store.
    changes: Vec<u64>,
    crash: Option<Crash>,
    dead: bool,
    trouble: Option<Trouble>,
    random: SeededRandom,
    trace: blake3::Hasher,
    lines: Option<Vec<String>>,
}

impl Tap {
    /// A process that dies at `crash` and meets `trouble`.
    pub fn new(clock: Arc<ManualClock>, crash: Option<Crash>, trouble: Option<Trouble>) -> Self {
        let random = SeededRandom::new(trouble.as_ref().map_or(0, Trouble::seed));
        let state = State {
            calls: 0,
            by_name: BTreeMap::new(),
            lms_writes: 0,
            lms_calls: 0,
            lms_places: Vec::new(),
            changes: Vec::new(),
            crash,
            dead: false,
            trouble,
            random,
            trace: blake3::Hasher::new(),
            lines: None,
        };
        let (killed, asleep, woken) = (Notify::new(), Notify::new(), Notify::new());
        Self { clock, state: Mutex::new(state), killed, asleep, woken }
    }

    /// Keeps every call as a line, to be read by people.
    pub fn keep_lines(&self) {
        self.state().lines.get_or_insert_default();
    }

    /// Whether every call is kept as a line.
    pub fn keeps_lines(&self) -> bool {
        self.state().lines.is_some()
    }

    /// The lines kept.
    pub fn lines(&self) -> Vec<String> {
        self.state().lines.clone().unwrap_or_default()
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many calls the LMS got.
    pub fn lms_calls(&self) -> u64 {
        self.state().lms_calls
    }

    /// Which of all calls, counted from 1, were calls to the LMS.
    pub fn lms_places(&self) -> Vec<u64> {
        self.state().lms_places.clone()
    }

    /// Which of all calls, counted from 1, were to change something in a store.
    pub fn changes(&self) -> Vec<u64> {
        self.state().changes.clone()
    }

    /// How many calls to the LMS were to change something there.
    pub fn lms_writes(&self) -> u64 {
        self.state().lms_writes
    }

    /// How many calls of this name (`table.put`) were made.
    pub fn calls_of(&self, name: &str) -> u64 {
        self.state().by_name.get(name).copied().unwrap_or(0)
    }

    /// The digest of everything that passed here.
    pub fn digest(&self) -> blake3::Hash {
        self.state().trace.finalize()
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Returns when the process dies.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    /// Returns when the process stands still.
    pub async fn asleep(&self) {
        self.asleep.notified().await;
    }

    /// Lets a process that stands still go on.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// The process stands still until [`Tap::wake`].
    pub(crate) async fn sleep(&self) {
        self.note("  asleep");
        self.asleep.notify_one();
        self.woken.notified().await;
        self.note("  awake");
    }

    /// A call is about to be made.
    pub(crate) async fn enter(&self, name: &str, about: &str) -> Verdict {
        let verdict = {
            let mut state = self.state();
            state.calls += 1;
            *state.by_name.entry(name.to_owned()).or_default() += 1;
            let line = format!("{} {name} {about}", self.clock.now());
            state.note(line);
            match state.crash.filter(|crash| crash.call == state.calls) {
                None => return Verdict::Go,
                Some(Crash { moment: Moment::After, .. }) => return Verdict::GoAndDie,
                Some(Crash { moment: Moment::Asleep, .. }) => return Verdict::GoAndSleep,
                Some(Crash { moment: Moment::Underway, .. }) if name == "lms" => {
                    Verdict::DieWhileUnderway
                }
                Some(_) => Verdict::Go,
            }
        };
        match verdict {
            Verdict::Go => match self.die().await {},
            verdict => verdict,
        }
    }

    /// The process is gone: this never returns, and whoever runs it drops it.
    pub(crate) async fn die(&self) -> Infallible {
        self.state().dead = true;
        self.killed.notify_one();
        std::future::pending().await
    }

    /// What became of a call, for the trace.
    pub(crate) fn note(&self, outcome: impl Into<String>) {
        self.state().note(outcome.into());
    }

    /// A call of the LMS, by name of its function.
    pub(crate) fn note_lms(&self, function: &str, writes: bool) {
        let mut state = self.state();
        state.lms_calls += 1;
        let place = state.calls;
        state.lms_places.push(place);
        state.lms_writes += u64::from(writes);
        *state.by_name.entry(function.to_owned()).or_default() += 1;
    }

    /// The call that was just begun is to change something in a store.
    pub(crate) fn note_change(&self) {
        let mut state = self.state();
        let place = state.calls;
        state.changes.push(place);
    }

    /// Whether trouble of `kind` strikes now.
    pub(crate) fn strikes(&self, kind: crate::trouble::Kind) -> bool {
        let mut state = self.state();
        let State { trouble, random, .. } = &mut *state;
        let struck = trouble.as_mut().is_some_and(|trouble| trouble.strikes(kind, random));
        if struck {
            state.note(format!("  trouble: {kind:?}"));
        }
        struck
    }

    /// A number below `bound`, from the process's seed.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.state().random.below(bound)
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, line: String) {
        self.trace.update(line.as_bytes());
        self.trace.update(b"\n");
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }
}
