//! What a process takes from its surroundings: the time, randomness and new ids.
//!
//! Everything above takes these as `Arc<dyn Clock>` and `Arc<dyn Random>`, so that a seeded world
//! can replay a whole run to the byte. Only this crate may ask the operating system for them.
//!
//! **Never:** no other crate calls `SystemTime::now`, `Instant::now` or a random source;
//! `clippy.toml` refuses it.

mod clock;
mod quiet;
mod random;

pub use clock::{Clock, ManualClock, Stopwatch, SystemClock};
pub use jiff::Timestamp;
pub use quiet::{NotAWindow, NotAZone, Quiet, Window, zone};
pub use random::{Random, SeededRandom, SystemRandom, run_id, run_time};
