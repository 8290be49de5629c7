//! What a target can do: an LMS adapter states it, the plan and delivery keep to it.

use roster::{Kind, Record};

use crate::FieldSet;

/// What a target does with one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindSupport {
    /// It holds this kind, with these fields; others are never planned for it.
    Full {
        /// Names of the fields that the target can be told.
        fields: &'static [&'static str],
    },
    /// It has no such thing: records of the kind are left out of the plan and said so once.
    Unsupported {
        /// Why, for a person to read.
        why: &'static str,
    },
}

/// What a target can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// `moodle`, `blackboard`, ...
    pub target: &'static str,
    /// Per kind, in the order of [`Kind::ALL`].
    pub kinds: [KindSupport; 9],
    /// Changes per ledger batch: what one claim covers.
    pub batch: usize,
    /// Requests at a time within a phase.
    pub concurrency: usize,
    /// User names are unique, so a swap needs a temporary name.
    pub unique_usernames: bool,
    /// Visible course codes are unique.
    pub unique_short_names: bool,
    /// A course's code can change after creation.
    pub renames_courses: bool,
    /// Names of the fields of each kind that it can show as they are, so that somebody's change of
    /// them is noticed.
    pub shows: [&'static [&'static str]; 9],
    /// Milliseconds per change of each kind, for the plan's estimate of time; measured.
    pub millis_per_change: [u32; 9],
    /// Changes per request of each kind, for the plan's estimate of calls.
    pub changes_per_call: [u32; 9],
}

impl Capabilities {
    /// What the target does with `kind`.
    pub fn support(&self, kind: Kind) -> &KindSupport {
        &self.kinds[kind as usize - 1]
    }

    /// Which of `fields` it can show.
    pub fn shown(&self, kind: Kind, fields: FieldSet) -> FieldSet {
        let shows = self.shows[kind as usize - 1];
        let mut shown = FieldSet::default();
        let specs = Record::specs(kind).iter().filter(|spec| fields.has(**spec));
        specs.filter(|spec| shows.contains(&spec.name)).for_each(|spec| shown.add(*spec));
        shown
    }

    /// Whether it holds `kind` at all.
    pub fn holds(&self, kind: Kind) -> bool {
        matches!(self.support(kind), KindSupport::Full { .. })
    }
}
