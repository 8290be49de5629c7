//! One web service call in progress: its changes, and how to undo them.

use super::answer::filtered;
use super::errors::{Outcome, Refusal};
use super::rows::{Course, User};
use super::state::{Change, State};

/// What a function works on.
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    /// The time of the call, in seconds since 1970.
    pub(super) now: i64,
    /// Whether names are answered as they are stored.
    pub(super) raw: bool,
    /// The site's address, for links in answers.
    pub(super) address: &'a str,
    undo: Vec<Change>,
    log: Log,
    next_before: [u32; 6],
}

/// The changes in the form in which they go to the journal.
#[derive(Debug)]
enum Log {
    Off,
    On(Vec<u8>),
}

/// A point to roll back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    undo: usize,
    log: usize,
}

/// What a finished call leaves behind.
pub(super) struct Done {
    /// Payload for the journal; empty where nothing is to be kept.
    pub(super) log: Vec<u8>,
    /// The changes that undo it all, to be applied from the last to the first.
    pub(super) undo: Vec<Change>,
}

impl<'a> Call<'a> {
    pub(super) fn new(state: &'a mut State, now: i64, address: &'a str, durable: bool) -> Self {
        let next_before = state.next_ids();
        let log = if durable { Log::On(Vec::new()) } else { Log::Off };
        Self { state, now, raw: true, address, undo: Vec::new(), log, next_before }
    }

    /// Does one change.
    pub(super) fn put(&mut self, change: Change) -> Outcome<()> {
        if let Log::On(bytes) = &mut self.log {
            encode(&change, bytes)?;
        }
        // Functions check what they refer to; a change that still hangs in the air is their bug,
        // and refusing it keeps the site whole.
        let undo = self.state.apply(change).ok_or_else(|| Refusal::coding("dangling change"))?;
        self.undo.push(undo);
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        let log = match &self.log {
            Log::Off => 0,
            Log::On(bytes) => bytes.len(),
        };
        Mark { undo: self.undo.len(), log }
    }

    /// Undoes everything since `mark`. Ids stay used.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        for change in self.undo.drain(mark.undo..).rev() {
            // Undoing in reverse order meets exactly the rows that were there.
            let undone = self.state.apply(change);
            debug_assert!(undone.is_some(), "an undo failed");
        }
        if let Log::On(bytes) = &mut self.log {
            bytes.truncate(mark.log);
        }
    }

    /// Undoes all.
    pub(super) fn roll_back_all(&mut self) {
        self.roll_back(Mark { undo: 0, log: 0 });
    }

    /// Undoes the last change that was kept, for the fault that loses a record.
    pub(super) fn lose_last(&mut self) -> Outcome<()> {
        match self.undo.pop() {
            Some(change) => {
                let kept = self.undo.len();
                self.put(change)?;
                self.undo.truncate(kept);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Ends the call.
    pub(super) fn finish(self) -> Outcome<Done> {
        let Log::On(mut log) = self.log else {
            return Ok(Done { log: Vec::new(), undo: self.undo });
        };
        // Rows carry their ids, but ids may be used up without a row.
        let next = self.state.next_ids();
        if next != self.next_before {
            encode(&Change::Next(next), &mut log)?;
        }
        Ok(Done { log, undo: self.undo })
    }

    /// A name as this caller gets to see it.
    pub(super) fn shown(&self, name: &str) -> String {
        if self.raw { name.to_owned() } else { filtered(name) }
    }

    /// An account that is not deleted.
    pub(super) fn live_user(&self, id: i64) -> Option<(u32, &User)> {
        let id = row_id(id);
        self.state.users.get(id).filter(|user| !user.deleted).map(|user| (id, user))
    }

    /// A course.
    pub(super) fn course(&self, id: i64) -> Option<(u32, &Course)> {
        let id = row_id(id);
        self.state.courses.get(id).map(|course| (id, course))
    }
}

fn encode(change: &Change, into: &mut Vec<u8>) -> Outcome<()> {
    // The only error is a lack of memory for the buffer, which ends the process anyway.
    let bytes = std::mem::take(into);
    *into = postcard::to_extend(change, bytes).map_err(|_| Refusal::write())?;
    Ok(())
}

/// A number from outside as a row's id; 0, which no row has, where it cannot be one.
pub(super) fn row_id(id: i64) -> u32 {
    u32::try_from(id).unwrap_or(0)
}

/// Whether `text` fits a column of `limit` letters.
pub(super) fn fits(text: &str, limit: usize) -> bool {
    text.len() <= limit || text.chars().count() <= limit
}
