//! Persons whom sources know under other keys, for stories. Only where a source is matched at all:
//! then all sources are read.

use roster::{Key, PersonKey};

use super::{Looks, Said};
use crate::desired::{LoadedSource, Matched, matches};
use crate::{Enrolled, Pipeline, PipelineError};

/// Who is whom in which source.
#[derive(Default)]
pub(crate) struct Whom {
    sources: Vec<(LoadedSource, Matched)>,
}

impl Pipeline {
    pub(crate) async fn matched_persons(&self) -> Result<Whom, PipelineError> {
        if self.integration.sources.iter().all(|source| source.part.match_by.is_empty()) {
            return Ok(Whom::default());
        }
        let sources = self.load_sources().await?;
        let matched = matches(&sources, &*self.vault)?;
        Ok(Whom { sources: sources.into_iter().zip(matched).collect() })
    }
}

impl Whom {
    /// The key with everybody in it as whom they are.
    pub fn key(&self, key: &Key) -> Key {
        key.with_persons(|person| {
            let known = self.sources.iter().find_map(|(_, matched)| matched.person(person));
            known.unwrap_or(person).clone()
        })
    }

    /// Whom the person of this key is, where a source knows them under a key of its own.
    pub fn person(&self, key: &PersonKey) -> PersonKey {
        let known = self.sources.iter().find_map(|(_, matched)| matched.person(key));
        known.unwrap_or(key).clone()
    }

    /// The keys under which sources know the person who has `key`, beside that.
    pub fn own_keys(&self, key: &PersonKey) -> Vec<PersonKey> {
        let keys = self.sources.iter().flat_map(|(_, matched)| matched.own_keys(key));
        keys.cloned().collect()
    }

    /// Adds what matched sources say of `key` under their own keys for it.
    pub fn add(&self, key: &Key, said: &mut Said) -> Result<(), PipelineError> {
        for (source, matched) in &self.sources {
            for entry in matched.moved() {
                let damaged = |error| PipelineError::damaged("a source's record", &error);
                let entry = entry.map_err(damaged)?;
                if entry.record.key() == key {
                    let file = source.published.manifest.head.files.get(entry.origin.file as usize);
                    let file = file.map(|file| file.name.clone()).unwrap_or_default();
                    said.push((source.name.clone(), entry.record, file, entry.origin.line));
                }
            }
        }
        Ok(())
    }

    /// Adds the enrollments that sources ask for under their own keys for `person`.
    pub async fn enrollments(
        &self,
        looks: &mut Looks,
        person: &PersonKey,
        all: &mut Vec<Enrolled>,
    ) -> Result<(), PipelineError> {
        for own in self.sources.iter().flat_map(|(_, matched)| matched.own_keys(person)) {
            for enrolled in looks.enrollments(own).await?.into_iter().filter(|of| of.wanted) {
                match all.iter_mut().find(|known| known.course == enrolled.course) {
                    Some(known) => known.wanted = true,
                    None => all.push(Enrolled { applied: None, ..enrolled }),
                }
            }
        }
        all.sort_by(|a, b| a.course.cmp(&b.course));
        Ok(())
    }
}
