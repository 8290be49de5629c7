//! Persons whom sources know under other keys, for stories and for forgetting. Looked up through
//! the sources' indexes; where these are missing, or persons are matched by what no index has
//! (free attributes), all sources are read.

mod lookup;

use std::collections::BTreeMap;

use roster::{Key, PersonKey};

use super::{Looks, Said};
use crate::desired::{Matched, matches};
use crate::{Enrolled, Pipeline, PipelineError};
use lookup::{Lookup, Means};

/// Who is whom in which source.
pub(crate) struct Whom(How);

enum How {
    /// No source is matched at all.
    Unmatched,
    /// Each person is looked up.
    Looked(Lookup),
    /// All sources were read; in the order in which sources are looked into.
    Read(Vec<Matched>),
}

impl Pipeline {
    pub(crate) async fn matched_persons(&self, looks: &Looks) -> Result<Whom, PipelineError> {
        let sources = &self.integration.sources;
        if sources.iter().all(|source| source.part.match_by.is_empty()) {
            return Ok(Whom(How::Unmatched));
        }
        match Lookup::new(&self.integration, looks) {
            Some(lookup) => Ok(Whom(How::Looked(lookup))),
            None => self.all_matched_persons().await,
        }
    }

    /// The same, by reading all sources.
    async fn all_matched_persons(&self) -> Result<Whom, PipelineError> {
        let loaded = self.load_sources().await?;
        let matched = matches(&loaded, &*self.vault)?;
        let named = loaded.into_iter().map(|source| source.name).zip(matched);
        let mut named: BTreeMap<String, Matched> = named.collect();
        let sources = self.integration.sources.iter();
        let ordered = sources.map(|source| named.remove(&source.name).unwrap_or_default());
        Ok(Whom(How::Read(ordered.collect())))
    }
}

impl Whom {
    /// The key with everybody in it as whom they are.
    pub async fn key(&mut self, looks: &mut Looks, key: &Key) -> Result<Key, PipelineError> {
        let mut known = BTreeMap::new();
        for person in persons(key) {
            let meant = self.person(looks, &person).await?;
            known.insert(person, meant);
        }
        Ok(key.with_persons(|person| known.get(person).unwrap_or(person).clone()))
    }

    /// Whom the person of this key is, where a source knows them under a key of its own.
    pub async fn person(
        &mut self,
        looks: &mut Looks,
        key: &PersonKey,
    ) -> Result<PersonKey, PipelineError> {
        for at in 0..looks.sources.len() {
            let one = match &mut self.0 {
                How::Unmatched => None,
                How::Looked(lookup) => match lookup.means(looks, at, key).await? {
                    Means::One(one) => Some(one),
                    Means::Themselves | Means::Unclear => None,
                },
                How::Read(matched) => matched[at].person(key).cloned(),
            };
            if let Some(one) = one {
                return Ok(one);
            }
        }
        Ok(key.clone())
    }

    /// The keys under which sources know the person who has `key`, beside that: each source's
    /// place, and its key.
    pub async fn own_keys(
        &mut self,
        looks: &mut Looks,
        key: &PersonKey,
    ) -> Result<Vec<(usize, PersonKey)>, PipelineError> {
        let mut keys = Vec::new();
        for at in 0..looks.sources.len() {
            match &mut self.0 {
                How::Unmatched => {}
                How::Looked(lookup) => {
                    keys.extend(lookup.own_key(looks, at, key).await?.map(|own| (at, own)));
                }
                How::Read(matched) => {
                    keys.extend(matched[at].own_keys(key).map(|own| (at, own.clone())));
                }
            }
        }
        Ok(keys)
    }

    /// Adds what matched sources say of `key` under their own keys for it.
    pub async fn add(
        &mut self,
        looks: &mut Looks,
        key: &Key,
        said: &mut Said,
    ) -> Result<(), PipelineError> {
        let mut own = Vec::new();
        for person in persons(key) {
            let keys = self.own_keys(looks, &person).await?;
            own.extend(keys.into_iter().map(|(at, own)| (at, person.clone(), own)));
        }
        for at in 0..looks.sources.len() {
            // A source has one key for each, and may have the person's own for another of them.
            let mut keys = vec![key.clone()];
            for (_, person, own) in own.iter().filter(|(of, ..)| *of == at) {
                let renamed = keys.iter().map(|key| {
                    key.with_persons(|one| if one == person { own.clone() } else { one.clone() })
                });
                let renamed: Vec<Key> = renamed.collect();
                keys.extend(renamed);
            }
            for own in keys.into_iter().skip(1) {
                said.extend(looks.said_under(at, &own, key).await?);
            }
        }
        Ok(())
    }

    /// Adds the enrollments that sources ask for under their own keys for `person`.
    pub async fn enrollments(
        &mut self,
        looks: &mut Looks,
        person: &PersonKey,
        all: &mut Vec<Enrolled>,
    ) -> Result<(), PipelineError> {
        for (_, own) in self.own_keys(looks, person).await? {
            for enrolled in looks.enrollments(&own).await?.into_iter().filter(|of| of.wanted) {
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

/// The persons of a key.
fn persons(key: &Key) -> Vec<PersonKey> {
    let mut persons = Vec::new();
    let _same = key.with_persons(|person| {
        persons.push(person.clone());
        person.clone()
    });
    persons
}
