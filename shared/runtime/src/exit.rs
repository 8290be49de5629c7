//! The exit codes, the same for all commands.

use std::process::ExitCode;

/// How a command ended.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done, or nothing to do |
/// | 1 | failed; for `check`: findings of severity error |
/// | 2 | unreadable export, nothing changed |
/// | 3 | the plan has changes |
/// | 4 | something is held |
/// | 5 | rejected or deferred records remain |
/// | 6 | the LMS or the network |
/// | 7 | locked by another process |
/// | 64 | usage or configuration |
/// | 130 | interrupted |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; for `check`: there are findings of severity error.
    Failed = 1,
    /// The export cannot be read; nothing changed.
    Unreadable = 2,
    /// The plan has changes.
    Changes = 3,
    /// Something is held.
    Held = 4,
    /// Rejected or deferred records remain.
    Remaining = 5,
    /// The LMS or the network failed.
    Lms = 6,
    /// Another process has the data folder.
    Locked = 7,
    /// The command line or the configuration is wrong.
    Usage = 64,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl Exit {
    /// All of them, the one that wins first.
    const BY_RANK: [Self; 10] = [
        Self::Interrupted,
        Self::Usage,
        Self::Locked,
        Self::Unreadable,
        Self::Lms,
        Self::Failed,
        Self::Held,
        Self::Remaining,
        Self::Changes,
        Self::Done,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Of two ends the one that a caller needs to know: failures win over held, held over
    /// remaining records and changes, those over done.
    pub fn and(self, other: Self) -> Self {
        let either = Self::BY_RANK.into_iter().find(|exit| *exit == self || *exit == other);
        either.unwrap_or(self)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::*;
    use super::*;

    #[test]
    fn held_wins_over_changes_and_remaining_and_failures_win_over_held() {
        for (a, b, wins) in [
            (Held, Changes, Held),
            (Remaining, Held, Held),
            (Changes, Remaining, Remaining),
            (Done, Changes, Changes),
            (Held, Lms, Lms),
            (Interrupted, Lms, Interrupted),
            (Done, Done, Done),
        ] {
            assert_eq!((a.and(b), b.and(a)), (wins, wins), "{a:?} and {b:?}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_documentation() {
        let table = include_str!("exit.rs").lines().filter_map(|line| {
            line.strip_prefix("/// | ")?.split(" | ").next()?.parse::<u8>().ok()
        });
        let mut documented: Vec<_> = table.collect();
        let mut codes = Exit::BY_RANK.map(Exit::code).to_vec();
        documented.sort_unstable();
        codes.sort_unstable();
        assert_eq!(codes, documented);
    }
}
