//! The words that worlds are named by, so that each can be seen again.

use std::str::FromStr;

use super::Dawn;
use crate::tap::{Crash, Moment};

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

impl Name {
    /// The word that replays it.
    pub fn display(self, dawns: &[Dawn]) -> String {
        match self {
            Self::Seed(seed) => match dawns.first().and_then(|dawn| dawn.life) {
                Some(life) => format!("{life}/{seed}"),
                None => seed.to_string(),
            },
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
            return dawns.iter().all(|dawn| dawn.life.is_none()).then_some(Self::Seed(seed));
        }
        if let Some((life, seed)) = text.split_once('/')
            && dawns.first().is_some_and(|dawn| dawn.life == Some(life))
        {
            return seed.parse().ok().map(Self::Seed);
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

pub(super) const MOMENTS: [Moment; 3] = [Moment::Before, Moment::After, Moment::Underway];

fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "before",
        Moment::After => "after",
        Moment::Asleep => "asleep",
        Moment::Underway => "underway",
    }
}
