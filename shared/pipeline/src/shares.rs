//! Which changes of a plan belong to a source or data source key that has limits of its own.
//!
//! What is taken away no source says any more, so it is looked up in what they said when nothing
//! was held last; what is made, in what they say now. Persons whom a source calls by another key
//! than the one in use belong to the sources that have the key in use.

use plan::{Part, Plan, Shares};
use roster::{DecodeError, Text};
use store::state::scoped::KeyOf;
use store::state::{Loaded, StateName, States};

use crate::desired::LoadedSource;
use crate::memory::Memory;
use crate::{Pipeline, PipelineError};

/// Whether the records of a state are those that a share in percent is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Yes,
    No,
}

impl Pipeline {
    /// The parts with limits of their own to which the changes of `plan` belong. Each source's
    /// state is streamed once, and once more as it was, and only where such a limit counts
    /// something that the plan changes. Where something is taken away that is in neither, the
    /// generations between are looked through.
    pub(crate) async fn shares(
        &self,
        plan: &Plan,
        sources: &[LoadedSource],
        memory: &Memory,
    ) -> Result<Shares, PipelineError> {
        let damaged = |error: DecodeError| PipelineError::damaged("the plan in memory", &error);
        let mut shares = Shares::asking(plan, &memory.limits.parts).map_err(damaged)?;
        if shares.is_empty() {
            return Ok(shares);
        }
        let states = States::new(&self.stores, self.integration.scope.clone());
        let learned = &memory.learned.value;
        for source in sources {
            let now = source.published.manifest.head.generation;
            let before = learned.generations.get(&source.name).filter(|before| **before != now);
            let mut counted = Counted::Yes;
            if let Some(before) = before {
                let name = StateName::Source(source.name.clone());
                match states.generation(&name, *before).await? {
                    Some(manifest) => {
                        let loaded = states.load(&name, &manifest).await?;
                        belong(&source.name, &loaded, Counted::Yes, &mut shares)?;
                        counted = Counted::No;
                    }
                    // What it had is not kept any more: to be on the safe side, what is taken
                    // away and nobody has is taken for its.
                    None => {
                        let keys = learned.parts.iter().filter(|p| p.part == Part::DataSource);
                        let keys = keys.map(|part| (Part::DataSource, part.name.as_str()));
                        for (part, name) in keys.chain([(Part::Source, source.name.as_str())]) {
                            if let Some(place) = shares.place(part, &Text::new(name)) {
                                shares.unknown(place);
                            }
                        }
                    }
                }
            }
            belong(&source.name, &source.loaded, counted, &mut shares)?;
        }
        for source in sources {
            self.look_back(source, learned.generations.get(&source.name), &mut shares).await?;
        }
        Ok(shares)
    }

    /// Looks for what came and went since the counts were learned in the generations between, the
    /// newest first.
    async fn look_back(
        &self,
        source: &LoadedSource,
        learned: Option<&u64>,
        shares: &mut Shares,
    ) -> Result<(), PipelineError> {
        let states = States::new(&self.stores, self.integration.scope.clone());
        let name = StateName::Source(source.name.clone());
        let mut generation = source.published.manifest.head.generation;
        let first = learned.copied().unwrap_or(0) + 1;
        while shares.lacks_any() && generation > first {
            generation -= 1;
            let Some(manifest) = states.generation(&name, generation).await? else { break };
            let loaded = states.load(&name, &manifest).await?;
            belong(&source.name, &loaded, Counted::No, shares)?;
        }
        Ok(())
    }
}

/// Shows `shares` the records of one source's state.
fn belong(
    source: &str,
    loaded: &Loaded,
    counted: Counted,
    shares: &mut Shares,
) -> Result<(), PipelineError> {
    let source = shares.place(Part::Source, &Text::new(source));
    let (mut of, mut last): (KeyOf, Option<(Text, Option<u32>)>) = (KeyOf::default(), None);
    loaded.for_each(|packed| {
        let record = packed.decode()?;
        // Records of one key come together more often than not.
        let by_key = match (of.record(&record), &last) {
            (None, _) => None,
            (Some(key), Some((same, place))) if key == same => *place,
            (Some(key), _) => {
                let place = shares.place(Part::DataSource, key);
                last = Some((key.clone(), place));
                place
            }
        };
        let places = [source, by_key].into_iter().flatten();
        if counted == Counted::Yes {
            places.clone().for_each(|place| shares.count(place, record.kind()));
        }
        shares.see(record.key(), places);
        Ok::<(), DecodeError>(())
    })?;
    Ok(())
}
