//! What refers to a record that the LMS does not have and does not get.
//!
//! | the other record | then |
//! |---|---|
//! | is there (also put aside, also found), or is made in this run | the change goes |
//! | is made by a change that is held | held with it |
//! | is wanted, and not made: refused before, or policy forbids it | deferred |
//! | is neither there nor wanted, or is removed in this run | deferred, with a finding |
//!
//! A person whose account is suspended is there: an enrollment that the source still has is made,
//! and works when the account is restored.

use roster::{DecodeError, Finding, Key, Kind, Origin, Severity, Text};

use crate::draft::{Board, Mark};
use crate::known::{Known, Standing, key_hash, reference_hashes, references};
use crate::{Action, Phase};

/// Checks every draft that makes something. Says whether anything is held that was not before.
pub(crate) fn check(
    board: &mut Board,
    known: &mut Known,
    deferred: &mut u64,
    mut finding: impl FnMut(Finding),
) -> Result<bool, DecodeError> {
    let mut any = false;
    // Groups stand before what refers to them.
    for kind in
        [Kind::Group, Kind::Enrollment, Kind::GroupMember, Kind::Association, Kind::Observer]
    {
        for id in board.ids(Phase::of(kind, Action::Create, false)) {
            if !board.is_live(id) {
                continue;
            }
            let (action, key) = board.head(id)?;
            if !matches!(action, Action::Create | Action::Restore | Action::Adopt) {
                continue;
            }
            let hashes = reference_hashes(&key);
            let mut standings = hashes.into_iter().flatten().map(|hash| known.get(hash));
            let fine = standings.all(|s| s.is_available() && !s.has(Standing::STUCK));
            if fine {
                continue;
            }
            match obstacle(known, &key) {
                Obstacle::Nothing => continue,
                Obstacle::Held(needs) => any |= board.hold_for(id, needs.to_string()),
                Obstacle::Missing { other, wanted } => {
                    let origin = board.change(id)?.origin;
                    board.set(id, Mark::Dropped);
                    *deferred += 1;
                    if !wanted {
                        finding(missing(&key, &other, origin.unwrap_or_default()));
                    }
                }
            }
            if let (Kind::Group, Some(hash)) = (kind, key_hash(&key)) {
                match board.mark(id) {
                    Mark::Held(_) => known.add(hash, Standing::STUCK),
                    Mark::Dropped => known.remove(hash, Standing::COMING),
                    Mark::Deliver | Mark::Released => {}
                }
            }
        }
    }
    Ok(any)
}

enum Obstacle {
    /// The change that makes this record is held.
    Held(Key),
    /// This record is not in the LMS and is not made.
    Missing { other: Key, wanted: bool },
    /// Nothing is: two ids share a hash.
    Nothing,
}

/// What is in the way: something missing before something held.
fn obstacle(known: &Known, key: &Key) -> Obstacle {
    let mut held = None;
    for other in references(key) {
        let standing = key_hash(&other).map(|hash| known.get(hash)).unwrap_or_default();
        if !standing.is_available() {
            return Obstacle::Missing { other, wanted: standing.has(Standing::WANTED) };
        }
        if standing.has(Standing::STUCK) && held.is_none() {
            held = Some(other);
        }
    }
    held.map_or(Obstacle::Nothing, Obstacle::Held)
}

/// The finding for a record whose other end is nowhere.
fn missing(key: &Key, other: &Key, origin: Origin) -> Finding {
    let code = match (key.kind(), other.kind()) {
        (Kind::Group, _) => "group-unknown-course",
        (Kind::Enrollment, Kind::Person) => "enrollment-unknown-person",
        (Kind::Enrollment, _) => "enrollment-unknown-course",
        (Kind::GroupMember, Kind::Person) => "group-member-unknown-person",
        (Kind::GroupMember, Kind::Group) => "group-member-unknown-group",
        (Kind::GroupMember, _) => "group-member-unknown-course",
        (Kind::Observer, _) => "observer-unknown-person",
        (_, Kind::OrgUnit) => "association-unknown-org-unit",
        (_, Kind::Person) => "association-unknown-person",
        _ => "association-unknown-course",
    };
    Finding {
        severity: Severity::Warning,
        code,
        message: format!(
            "{key} waits: {other} is neither in the source nor in the LMS; add it to the source, \
             or take this record out"
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}
