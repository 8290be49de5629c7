//! What somebody decided about the data source key that a record has.

use roster::{Key, Record};
use store::state::decided::{Decided, Decisions};
use store::state::scoped::data_source;

use super::{Looks, Said, why};
use crate::desired::{Fate, fate};
use crate::provenance::merged;
use crate::{Integration, PipelineError};

/// A decision that says something of a record.
pub(super) struct Ruled {
    key: String,
    decided: Decided,
    /// What it makes of it.
    pub fate: Fate,
}

impl Ruled {
    /// The decision about the key of a record of which the sources say `said`, where there is one
    /// that makes something else of it.
    pub(super) async fn of(
        decisions: &Decisions,
        integration: &Integration,
        looks: &mut Looks,
        (key, said): (&Key, &Said),
    ) -> Result<Option<Self>, PipelineError> {
        if decisions.keys.is_empty() {
            return Ok(None);
        }
        let Some(record) = merged(integration, said) else { return Ok(None) };
        let scope = match (data_source(&record).cloned(), key.course()) {
            (None, Some(course)) if !matches!(key, Key::Course(_)) => {
                let said = looks.said(&Key::Course(course.clone())).await?;
                merged(integration, &said).as_ref().and_then(|c| data_source(c).cloned())
            }
            (own, _) => own,
        };
        Ok(scope.and_then(|scope| Self::by(decisions, &scope, &record)))
    }

    fn by(decisions: &Decisions, scope: &str, record: &Record) -> Option<Self> {
        let decided = decisions.of(scope)?.clone();
        let fate = fate(decided.verdict, record);
        (fate != Fate::AsSaid).then(|| Self { key: scope.to_owned(), decided, fate })
    }

    /// `data source key X was disabled on 3 September 2026 by the registrar`.
    pub(super) fn said(&self) -> String {
        let Decided { verdict, by, at, .. } = &self.decided;
        let day = why::day(*at);
        format!("data source key {} was {} on {day} by {by}", self.key, verdict.name())
    }
}
