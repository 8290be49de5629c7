//! Chance that can be asked twice: the same question always has the same answer.

/// A point in a tree of questions. [`of`](Dice::of) goes down one branch; the answers at a point
/// do not depend on what was asked elsewhere, so any detail of the school can be worked out alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dice(u64);

/// What a question is about. The numbers are part of what a seed means: never change one.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum About {
    StartYear = 1,
    Leave = 2,
    Name = 3,
    Rename = 4,
    Username = 5,
    Body = 6,
    Contact = 7,
    Key = 8,
    Account = 9,
    Sizes = 10,
    Order = 11,
    Attend = 12,
    Move = 13,
    Group = 14,
    GroupMove = 15,
    Suspend = 16,
    Open = 17,
    Close = 18,
    Title = 19,
    Retitle = 20,
    Teach = 21,
    Assist = 22,
    Template = 23,
    Role = 24,
    StaffNumber = 25,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5eed_5eed_5eed_5eed))
    }

    /// The branch `about`.
    pub(crate) fn about(self, about: About) -> Self {
        self.of(about as u64)
    }

    /// The branch `number`.
    pub(crate) fn of(self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    pub(crate) fn below(self, bound: u64) -> u64 {
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<T>(self, items: &[T]) -> &T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// True for `rate` in ten thousand.
    pub(crate) fn chance(self, rate: u32) -> bool {
        self.below(10_000) < u64::from(rate)
    }

    /// Puts `items` into an order of its own (Fisher-Yates).
    pub(crate) fn shuffle<T>(self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.of(at as u64).below(at as u64 + 1) as usize);
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Numbers of a fixed length that are given out once each and in no visible order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    lowest: u64,
    count: u64,
    factor: u64,
    shift: u64,
}

impl Numbers {
    /// Numbers for everyone in `0..ids`, of at least `digits` decimal digits, all equally long.
    pub(crate) fn new(ids: u64, digits: u32, dice: Dice) -> Self {
        let mut lowest = 10u64.pow(digits - 1);
        while lowest * 9 < ids {
            lowest *= 10;
        }
        let count = lowest * 9;
        // `id * factor + shift` modulo `count` is one to one where factor and count share no
        // divisor; the count's only prime divisors are 2, 3 and 5.
        let mut factor = count / 3 + dice.of(0).below(count / 3);
        while factor.is_multiple_of(2) || factor.is_multiple_of(3) || factor.is_multiple_of(5) {
            factor += 1;
        }
        Self { lowest, count, factor, shift: dice.of(1).below(count) }
    }

    /// The number of `id`.
    pub(crate) fn of(self, id: u64) -> u64 {
        let product = u128::from(id) * u128::from(self.factor) + u128::from(self.shift);
        self.lowest + (product % u128::from(self.count)) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn answers_are_even_and_stable() {
        let dice = Dice::new(7).about(About::Name);
        let mut seen = [0u32; 10];
        (0..10_000).for_each(|n| seen[dice.of(n).below(10) as usize] += 1);
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        let hits = (0..10_000).filter(|n| dice.of(*n).chance(300)).count();
        assert!((230..370).contains(&hits), "{hits}");
        assert_eq!(Dice::new(7).about(About::Name), dice);
        assert_ne!(Dice::new(8).about(About::Name), dice);
    }

    #[test]
    fn numbers_are_given_once_and_equally_long() {
        for digits in [1, 2, 4] {
            let numbers = Numbers::new(900, digits, Dice::new(u64::from(digits)));
            let given: BTreeSet<u64> = (0..900).map(|id| numbers.of(id)).collect();
            assert_eq!(given.len(), 900);
            let lengths: BTreeSet<usize> = given.iter().map(|n| n.to_string().len()).collect();
            assert_eq!(lengths.len(), 1, "{lengths:?}");
        }
    }
}
