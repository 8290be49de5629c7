//! What goes wrong around a process, from a seed.

use ambient::{Random, SeededRandom};

/// One way in which a port misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A store asks for a slower pace; nothing was done.
    StoreThrottles,
    /// A store cannot be reached; nothing was done.
    StoreDown,
    /// A store did it, and its answer was lost.
    StoreSilent,
    /// A condition fails though it would have held: somebody else wrote and undid it.
    ConditionFails,
    /// An object store takes its time.
    StoreSlow,
    /// A message is sent twice.
    QueueDuplicates,
    /// The LMS cannot be connected to.
    LmsRefuses,
    /// The request was lost on its way; the client waits in vain.
    LmsTimeoutBefore,
    /// The request had its effect; the client waits in vain for the answer.
    LmsTimeoutAfter,
    /// 429 with a time to wait.
    LmsThrottles,
    /// 500 or 502.
    LmsFails,
    /// 503, the maintenance page.
    LmsMaintenance,
    /// Its database is away.
    LmsDatabaseDown,
    /// The answer lacks its last row, though it was made.
    LmsLies,
    /// It takes its time.
    LmsSlow,
    /// Changes are refused for a while, reads work.
    LmsReadOnly,
    /// The answer says that all was done, and the last record was not.
    LmsLosesRecord,
    /// Somebody works in the LMS by hand.
    ByHand,
}

impl Kind {
    /// What one process that does everything can meet. Not the loss of a record: that one nobody
    /// can know of before the LMS is read again as a whole, so it is a world of its own. Nor what
    /// queues do: there is none in it.
    pub const CURABLE: [Self; 16] = [
        Self::StoreThrottles,
        Self::StoreDown,
        Self::StoreSilent,
        Self::ConditionFails,
        Self::StoreSlow,
        Self::LmsRefuses,
        Self::LmsTimeoutBefore,
        Self::LmsTimeoutAfter,
        Self::LmsThrottles,
        Self::LmsFails,
        Self::LmsMaintenance,
        Self::LmsDatabaseDown,
        Self::LmsLies,
        Self::LmsSlow,
        Self::LmsReadOnly,
        Self::ByHand,
    ];
}

/// The trouble of one process: a few kinds, how likely they are, and how often they strike at
/// most, so that every world comes to rest.
#[derive(Debug, Clone)]
pub struct Trouble {
    seed: u64,
    kinds: Vec<Kind>,
    /// Strikes among a thousand calls that could be struck.
    per_mille: u64,
    left: u32,
    /// Chances that pass unused first.
    skip: u64,
}

impl Trouble {
    /// The trouble of `seed`: one to four kinds of `among`.
    pub fn of(seed: u64, among: &[Kind]) -> Self {
        let random = SeededRandom::new(seed);
        let count = 1 + random.below(4);
        let kinds = (0..count).map(|_| among[random.below(among.len() as u64) as usize]).collect();
        let per_mille = [10, 50, 200, 700][random.below(4) as usize];
        let left = 1 + random.below(12) as u32;
        Self { seed, kinds, per_mille, left, skip: 0 }
    }

    /// Trouble of this kind alone, `times` times from the first call on.
    pub fn only(kind: Kind, times: u32) -> Self {
        Self { seed: 0, kinds: vec![kind], per_mille: 1000, left: times, skip: 0 }
    }

    /// The same, after so many chances to strike.
    pub fn after(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether it strikes now.
    pub(crate) fn strikes(&mut self, kind: Kind, random: &dyn Random) -> bool {
        if self.left == 0 || !self.kinds.contains(&kind) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let strikes = random.below(1000) < self.per_mille;
        self.left -= u32::from(strikes);
        strikes
    }
}
