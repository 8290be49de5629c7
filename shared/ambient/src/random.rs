//! Randomness and the ids made of it.

use std::fmt;
use std::sync::Mutex;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A source of random numbers.
pub trait Random: fmt::Debug + Send + Sync {
    /// The next number, uniform over all of `u64`.
    fn next_u64(&self) -> u64;

    /// A number in `0..bound`; 0 where `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        // The bias is below bound / 2^64: of no weight for jitter, faults and generated schools.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

/// The operating system's source, fit for keys and passwords.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        // Without entropy nothing that follows is safe, so there is no error to hand on.
        getrandom::u64().expect("the operating system gives no random numbers")
    }
}

/// A reproducible source (SplitMix64): the same seed gives the same numbers, on every machine.
/// Not for secrets.
#[derive(Debug)]
pub struct SeededRandom {
    state: Mutex<u64>,
}

impl SeededRandom {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new(seed) }
    }
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A new run's id, for instance `20261122T050738250Z-3fa9c1`: sorts by time, to the millisecond, and
/// is safe in a file name.
pub fn run_id(now: Timestamp, random: &dyn Random) -> String {
    format!("{}-{:06x}", run_time(now), random.next_u64() >> 40)
}

/// What the id of a run of this moment begins with: no earlier run's id sorts behind it, and no
/// later one's before it.
pub fn run_time(now: Timestamp) -> String {
    let at = now.to_zoned(TimeZone::UTC).datetime();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}{:03}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_the_bound_holds() {
        let (one, two) = (SeededRandom::new(7), SeededRandom::new(7));
        for _ in 0..1000 {
            assert_eq!(one.next_u64(), two.next_u64());
            assert!(one.below(10) < 10);
            two.below(10);
        }
        assert_eq!(one.below(0), 0);
        assert_ne!(SeededRandom::new(8).next_u64(), SeededRandom::new(7).next_u64());
    }

    #[test]
    fn run_ids_sort_by_time() {
        let random = SeededRandom::new(1);
        let early = run_id(Timestamp::from_second(1_700_000_000).unwrap(), &random);
        let late = run_id(Timestamp::from_millisecond(1_700_000_000_001).unwrap(), &random);
        assert!(early < late);
        let between = run_time(Timestamp::from_millisecond(1_700_000_000_001).unwrap());
        assert!(early < between && between < late);
        assert_eq!(early.len(), "20261122T050738250Z-3fa9c1".len());
    }
}
