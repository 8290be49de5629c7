//! Keys that records give up in a run: whoever is to have one next waits until it is free.
//!
//! Within a phase the order of changes is free. Whoever is made under a key that another account
//! still has for a moment would be taken for the owner of that account.

use hashbrown::HashSet;
use roster::{DecodeError, Finding, Kind, Severity, Text};

use crate::draft::{Board, Mark};
use crate::known::{Known, Standing, id_hash, key_hash};
use crate::{Action, Change, Phase, fields};

/// The keys that are given up, as hashes.
#[derive(Debug, Default)]
pub(crate) struct GivenUp(HashSet<u64>);

impl GivenUp {
    /// Takes note of a change that gives a record another key.
    pub(crate) fn see(&mut self, change: &Change) {
        if change.action == Action::Rekey
            && let Some(key) = change.before.as_ref().and_then(fields::sourced_id)
        {
            self.0.insert(id_hash(change.kind(), key));
        }
    }

    /// Leaves out what would be made under such a key. Says how many.
    pub(crate) fn defer(
        &self,
        board: &mut Board,
        known: &mut Known,
        mut finding: impl FnMut(Finding),
    ) -> Result<u64, DecodeError> {
        let mut deferred = 0;
        if self.0.is_empty() {
            return Ok(deferred);
        }
        for kind in [Kind::Person, Kind::Course] {
            for draft in board.ids(Phase::of(kind, Action::Create, false)) {
                if board.head(draft)?.0 != Action::Create {
                    continue;
                }
                let change = board.change(draft)?;
                let Some(record) = &change.after else { continue };
                let key = fields::sourced_id(record).unwrap_or_default();
                if !self.0.contains(&id_hash(kind, key)) || !board.set(draft, Mark::Dropped) {
                    continue;
                }
                deferred += 1;
                if let Some(hash) = key_hash(record.key()) {
                    known.remove(hash, Standing::COMING);
                }
                finding(Finding {
                    severity: Severity::Note,
                    code: "key-not-free-yet",
                    message: format!(
                        "{kind} {key} is made by the next run: in this one another {kind} gives \
                         the key up"
                    ),
                    origin: change.origin.unwrap_or_default(),
                    key: Some(Text::from(record.key().to_string())),
                });
            }
        }
        Ok(deferred)
    }
}
