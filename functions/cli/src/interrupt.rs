//! Ctrl-C. The first one finishes what is being sent and records it; the second one ends the
//! process at once, which is safe too: the next sync finds what was left and brings it to its end.
//!
//! **Never:** nothing is undone and nothing is cleaned up here.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runtime::Exit;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::Notify;

use crate::console::Console;
use crate::failure::Failure;

/// What the user asked for with Ctrl-C. A clone is another handle.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// Set by the first Ctrl-C: stop at the next good moment.
    pub stop: Arc<AtomicBool>,
    /// Whether there is a good moment to wait for; otherwise the first Ctrl-C ends the process.
    patient: Arc<AtomicBool>,
    /// Whether Ctrl-C is the ordinary way to end.
    expected: Arc<AtomicBool>,
    woken: Arc<Notify>,
}

impl Interrupt {
    /// Listens for Ctrl-C and for a polite request to end (SIGTERM), until the process ends.
    pub fn listen(console: &Console) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Failed, "signals", "cannot listen for Ctrl-C").because(&error)
        };
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
        let (ours, console) = (interrupt.clone(), console.clone());
        let listen = move || {
            for _ in signals.forever() {
                ours.pressed(&console);
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
        Ok(interrupt)
    }

    fn pressed(&self, console: &Console) {
        let patient = self.patient.load(Ordering::SeqCst);
        if self.stop.swap(true, Ordering::SeqCst) || !patient {
            let failure = match patient {
                true => Failure::new(Exit::Interrupted, "interrupted", "stopped at once")
                    .hint("the next sync looks at what was being sent and goes on from there"),
                false => Failure::new(Exit::Interrupted, "interrupted", "interrupted")
                    .hint("nothing was sent to the LMS"),
            };
            let exit = console.fail(&failure);
            // Nobody is left to hear of an error here.
            let _flushed = std::io::stdout().flush();
            std::process::exit(i32::from(exit.code()));
        }
        self.woken.notify_one();
        if self.expected.load(Ordering::SeqCst) {
            return;
        }
        console.say("stopping: what is being sent is finished first (Ctrl-C again: at once)");
    }

    /// From now on something is under way that is worth finishing.
    pub fn be_patient(&self) {
        self.patient.store(true, Ordering::SeqCst);
    }

    /// Whether it was pressed.
    pub fn is_set(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Returns at the first Ctrl-C, which is what ends such a command.
    pub async fn pressed_once(&self) {
        self.expected.store(true, Ordering::SeqCst);
        self.be_patient();
        if !self.is_set() {
            self.woken.notified().await;
        }
    }
}
