//! What somebody who waits sees: one bar on standard error, gone when the work is done.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pipeline::{Planned, Progress, Stage};
use report::{PlanView, RunView};
use roster::Findings;
use store::state::run::Run;

use crate::console::Console;
use crate::interrupt::Interrupt;
use crate::outcome::Subject;

/// Watches a pipeline. A clone is another handle.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    console: Console,
    interrupt: Interrupt,
    subject: Subject,
    bar: Mutex<Option<(Phase, ProgressBar)>>,
    /// The view of the plan that was shown, for who writes the report.
    plan: Mutex<Option<PlanView>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Bytes,
    Of(Stage),
}

impl Watch {
    /// Somebody who watches on `console` what happens to `subject`.
    pub fn new(console: &Console, interrupt: &Interrupt, subject: Subject) -> Self {
        let shared = Shared {
            console: console.clone(),
            interrupt: interrupt.clone(),
            subject,
            bar: Mutex::default(),
            plan: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The view of the plan that was shown, once.
    pub fn take_plan(&self) -> Option<PlanView> {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What is watched.
    pub fn subject(&self) -> Subject {
        self.shared.subject.clone()
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        let mut bar = self.shared.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Moves the bar of `phase`, and puts it up where another or none stood.
    fn show(&self, phase: Phase, done: u64, total: u64) {
        let mut bar = self.shared.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bar)) = &*bar
            && *of == phase
        {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        if let Some((_, old)) = bar.take() {
            old.finish_and_clear();
        }
        let fresh = self.shared.console.bars().add(ProgressBar::new(total));
        fresh.set_style(style(phase));
        fresh.set_message(words(phase));
        fresh.set_position(done);
        fresh.enable_steady_tick(Duration::from_millis(120));
        *bar = Some((phase, fresh));
    }

    /// Bytes of an export that were read.
    fn bytes(&self, done: u64, total: u64) {
        self.show(Phase::Bytes, done, total);
    }
}

impl Progress for Watch {
    fn at(&self, stage: Stage, done: u64, total: u64) {
        match stage {
            // The readers of the files say more: how many bytes they gave.
            Stage::Reading => return,
            Stage::Delivering | Stage::Recording | Stage::Recovering => {
                self.shared.interrupt.be_patient();
            }
            Stage::Planning => {}
        }
        self.show(Phase::Of(stage), done, total);
    }

    fn planned(&self, run: &Run, planned: &Planned, findings: &Findings) {
        self.shared.interrupt.be_patient();
        // A plan that does not decode is reported by whoever needs the view afterwards.
        let Ok(view) = PlanView::of(&planned.plan) else { return };
        self.clear();
        if !self.shared.console.is_json() && !self.shared.console.is_quiet() {
            let view = RunView {
                plan: Some(view.clone()),
                ..self.shared.subject.view(run, findings.clone(), &planned.plan.summary.files)
            };
            let text = report::text::opening(&view, &self.shared.console.look());
            self.shared.console.print(&text);
        }
        *self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }
}

fn style(phase: Phase) -> ProgressStyle {
    let template = match phase {
        Phase::Bytes => "{spinner} {msg}  {bar:24}  {percent:>3} %  {eta} left",
        Phase::Of(Stage::Delivering) => {
            "{spinner} {msg}  {bar:24}  {human_pos} of {human_len}  {eta} left"
        }
        Phase::Of(_) => "{spinner} {msg}  {elapsed}",
    };
    // The templates are ours and constant; one that does not parse shows the default bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Bytes | Phase::Of(Stage::Reading) => "reading",
        Phase::Of(Stage::Planning) => "comparing",
        Phase::Of(Stage::Recovering) => {
            "finishing what an interrupted run left; requests under way may need a moment to end"
        }
        Phase::Of(Stage::Delivering) => "delivering",
        Phase::Of(Stage::Recording) => "writing down what was done",
    }
}

/// A file whose reading is watched. It is read twice: for its digest, then for its records.
pub struct Watched<R> {
    inner: R,
    watch: Watch,
    length: u64,
    read: u64,
    shown: u64,
}

impl<R> Watched<R> {
    /// `inner`, of `length` bytes.
    pub fn new(inner: R, length: u64, watch: Watch) -> Self {
        Self { inner, watch, length, read: 0, shown: 0 }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        /// How many bytes are worth a word.
        const STEP: u64 = 4 << 20;
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        if self.read - self.shown >= STEP {
            self.shown = self.read;
            let total = self.length.saturating_mul(2);
            self.watch.bytes(self.read.min(total), total);
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
