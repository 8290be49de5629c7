//! The whole pipeline in one process, deterministic to the byte: real steps over stores in memory,
//! a simulated clock, and a simulated Moodle that is spoken to without sockets.
//!
//! - [`town`]: a small school, what happens in it, and its exports;
//! - [`life`]: a week of it, and the turn of its school year;
//! - [`careful`]: another school, with all that keeps it from harm: two sources, limits, moves, a
//!   person who is forgotten, a day that is undone;
//! - [`tap`], [`ports`], [`wire`]: every call of every port passes here, and can be counted, made
//!   to fail, or be the moment at which the process dies;
//! - [`trouble`]: what goes wrong, from a seed;
//! - [`world`], [`process`]: all of it together, processes started and started again;
//! - [`oracle`]: what must be true afterwards;
//! - [`tell`]: what happened, for people;
//! - [`campaign`]: worlds by the thousand, each with a name that replays it;
//! - [`acts`]: what people do beside the nightly export;
//! - [`hosted`]: the same in the home where every step is a process of its own, woken by a message;
//! - [`said`]: a few records that a test is about, as exports of any source;
//! - [`load`], [`load_ports`]: many schools at once in that home, over stores that they share.
//!
//! **Never:** no socket, no file, no clock of the machine.

pub mod acts;
pub mod campaign;
pub mod careful;
pub mod hosted;
pub mod life;
pub mod load;
pub mod load_ports;
pub mod oracle;
pub mod ports;
pub mod process;
pub mod said;
pub mod tap;
pub mod tell;
pub mod town;
pub mod trouble;
pub mod undo;
pub mod wire;
pub mod world;

pub use life::{Day, Event};
pub use tap::{Crash, Moment, Tap};
pub use town::Town;
pub use trouble::Trouble;
pub use world::{Ended, Process, World};
