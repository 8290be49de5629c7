//! Keys for persons whom their source gives none that could be kept.
//!
//! A person is recognised by a value that the source does carry, and gets 20 hexadecimal digits at
//! random when first seen. The identity map keeps the pair for ever, the value as a hash; from then
//! on the key is an input like any other.

use ambient::Random;
use hashbrown::{HashMap, HashSet};
use roster::matching::Selector;
use roster::{
    Entry, Finding, Key, Kind, Origin, Person, PersonKey, Record, Removal, Severity, Snapshot, Text,
};
use store::state::identity::Aliases;

use crate::vault::{Vault, left_out, reseal};
use crate::{PipelineError, Source};

/// Brings an export's persons, and all that names them, under their random keys. New pairs are
/// noted in `aliases`.
pub(crate) fn random_keys(
    snapshot: Snapshot,
    source: &Source,
    natural: &Selector,
    aliases: &mut Aliases,
    random: &dyn Random,
    vault: &dyn Vault,
) -> Result<Snapshot, PipelineError> {
    let damaged = |error| PipelineError::damaged("the export in memory", &error);
    let mut findings = Vec::new();
    let mut keys = Keys::new(&source.name, aliases);
    for entry in snapshot.entries() {
        let Entry { record, origin } = entry.map_err(damaged)?;
        if let Record::Person(person) = record
            && let Some(finding) = keys.note(&person, origin, natural, aliases, random)
        {
            findings.push(finding);
        }
    }
    let mut passwords = 0;
    let record = |entry: Entry| {
        let Some(key) = keys.rename(entry.record.key()) else {
            // A person without a key was told of already, and what names one who shares theirs.
            let key = entry.record.key();
            if entry.record.kind() != Kind::Person && !keys.is_left_out(key) {
                findings.push(unknown(entry.record.key(), entry.origin));
            }
            return None;
        };
        let own = entry.record.key().person().cloned();
        let mut record = entry.record.with_key(key)?;
        if let Record::Person(person) = &mut record {
            person.former_keys = None;
        }
        if own.is_some_and(|own| !reseal(vault, &own, &mut record)) {
            passwords += 1;
        }
        Some(Entry { record, origin: entry.origin })
    };
    let removal = |removal: Removal| {
        // One that the export removes by key alone is known where the key is what tells it.
        let key = keys.rename(&removal.key).or_else(|| {
            let Key::Person(person) = &removal.key else { return None };
            let name = name(&source.name, person.as_str());
            let known = aliases.assigned(&name)?;
            matches!(natural, Selector::SourcedId).then(|| Key::Person(known.clone().into()))
        })?;
        Some(Removal { key, ..removal })
    };
    let mut mapped = snapshot.map(record, removal).map_err(damaged)?;
    let left_out = left_out(&source.name, passwords);
    findings.into_iter().chain(left_out).for_each(|finding| mapped.findings_mut().push(finding));
    Ok(mapped)
}

struct Keys<'a> {
    source: &'a str,
    /// All keys that records have.
    taken: HashSet<Text>,
    /// By the export's own key.
    means: HashMap<PersonKey, PersonKey>,
    /// Whom a made key means in this export, by its own key there.
    given: HashMap<PersonKey, (Origin, PersonKey)>,
    /// Those who are left out, for another has their key.
    left_out: HashSet<PersonKey>,
}

impl<'a> Keys<'a> {
    fn new(source: &'a str, aliases: &Aliases) -> Self {
        let (means, given) = (HashMap::new(), HashMap::new());
        Self { source, taken: taken(aliases), means, given, left_out: HashSet::new() }
    }

    /// Gives a person their key; a finding where nothing tells who it is.
    fn note(
        &mut self,
        person: &Person,
        origin: Origin,
        natural: &Selector,
        aliases: &mut Aliases,
        random: &dyn Random,
    ) -> Option<Finding> {
        let key = person.person();
        let Some(value) = natural.value(person) else {
            return Some(Finding {
                severity: Severity::Error,
                code: "person-not-recognisable",
                message: format!(
                    "person:{key} has no {natural}, by which the persons of `{}` are told from \
                     each other; it is left out",
                    self.source
                ),
                origin,
                key: Some(Text::from(person.key().to_string())),
            });
        };
        let name = name(self.source, &value);
        let former = person.former_keys.iter().flatten().find_map(|former| {
            matches!(natural, Selector::SourcedId)
                .then(|| aliases.assigned(&self::name(self.source, former)).cloned())
                .flatten()
        });
        let record = match (aliases.assigned(&name), former) {
            (Some(known), _) => known.clone(),
            (None, Some(former)) => former,
            (None, None) => self.fresh(random),
        };
        aliases.assign(&name, &record);
        let made = PersonKey::from(record);
        let here = (origin, key.clone());
        let first = self.given.entry(made.clone()).or_insert_with(|| here.clone());
        if *first == here {
            self.means.insert(here.1, made);
            return None;
        }
        // Whoever stands first in the export has it, in whatever order they come.
        let second = if here < *first { std::mem::replace(first, here) } else { here };
        let first = first.1.clone();
        let finding = self.shared(&second, &first, natural);
        self.means.remove(&second.1);
        self.means.insert(first, made);
        self.left_out.insert(second.1);
        Some(finding)
    }

    /// What to say of two persons who would have one key.
    fn shared(
        &self,
        (origin, second): &(Origin, PersonKey),
        first: &PersonKey,
        natural: &Selector,
    ) -> Finding {
        Finding {
            severity: Severity::Error,
            code: "made-key-taken",
            message: format!(
                "person:{second} and person:{first} of `{}` have the same {natural}, by which its \
                 persons are told from each other: one key cannot be made for two; \
                 person:{second} is left out, with what names it; mend the value, or name another \
                 `natural_key`",
                self.source
            ),
            origin: *origin,
            key: Some(Text::from(format!("person:{second}"))),
        }
    }

    /// Whether it names somebody whose key another has.
    fn is_left_out(&self, key: &Key) -> bool {
        let mut left_out = false;
        key.with_persons(|person| {
            left_out |= self.left_out.contains(person);
            person.clone()
        });
        left_out
    }

    /// 20 hexadecimal digits that nobody has.
    fn fresh(&mut self, random: &dyn Random) -> Text {
        loop {
            let (high, low) = (random.next_u64(), random.next_u64() & 0xffff);
            let key = Text::from(format!("{high:016x}{low:04x}"));
            if self.taken.insert(key.clone()) {
                return key;
            }
        }
    }

    /// The key with everybody in it under their random key; `None` where one is unknown.
    fn rename(&self, key: &Key) -> Option<Key> {
        let mut all_known = true;
        let renamed = key.with_persons(|person| match self.means.get(person) {
            Some(key) => key.clone(),
            None => {
                all_known = false;
                person.clone()
            }
        });
        all_known.then_some(renamed)
    }
}

fn taken(aliases: &Aliases) -> HashSet<Text> {
    aliases.all_assigned().map(|(_, key)| key.clone()).collect()
}

/// The name of a value in the identity map: a hash, for it may be an address.
fn name(source: &str, value: &str) -> String {
    let digest = blake3::hash(format!("{source}\n{value}").as_bytes()).to_hex();
    format!("random:{source}:{}", &digest[..40])
}

fn unknown(key: &Key, origin: Origin) -> Finding {
    Finding {
        severity: Severity::Error,
        code: "person-not-in-export",
        message: format!(
            "{key} names a person who is not in the export: where keys are made at random, only \
             the export itself says who is meant; it is left out"
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use ambient::SeededRandom;
    use roster::merge::Part;
    use roster::{CourseKey, Enrollment, Mode, Sink, SnapshotBuilder};

    use super::*;

    fn export(persons: &[(&str, Option<&str>)], members: &[&str]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(Mode::Full);
        for (key, email) in persons {
            let mut person = Person::new(PersonKey::new(key));
            person.email = email.map(Text::new);
            builder.record(person.into(), Origin::default());
        }
        for key in members {
            let enrollment = Enrollment::new(CourseKey::new("c"), PersonKey::new(key));
            builder.record(enrollment.into(), Origin::default());
        }
        builder.finish().unwrap()
    }

    fn keyed(snapshot: Snapshot, aliases: &mut Aliases, seed: u64) -> Snapshot {
        let source = Source {
            name: "hr".into(),
            mode: Mode::Full,
            scope: crate::Speaks::ForSource,
            precedence: 0,
            read: readers::ReadOptions::default(),
            part: Part::default(),
        };
        let random = SeededRandom::new(seed);
        let vault = crate::OpenVault;
        random_keys(snapshot, &source, &Selector::Email, aliases, &random, &vault).unwrap()
    }

    fn keys(snapshot: &Snapshot) -> Vec<String> {
        snapshot.entries().map(|entry| entry.unwrap().record.key().to_string()).collect()
    }

    #[test]
    fn a_person_gets_a_key_once_and_for_ever() {
        let mut aliases = Aliases::default();
        let first = keyed(export(&[("1", Some("ada@x.example"))], &["1"]), &mut aliases, 1);
        let keys_first = keys(&first);
        let person = keys_first.iter().find_map(|key| key.strip_prefix("person:")).unwrap();
        assert!(person.len() == 20 && person.chars().all(|c| c.is_ascii_hexdigit()), "{person}");
        assert!(keys_first.contains(&format!("enrollment:c/{person}")), "{keys_first:?}");
        // The export numbers its rows anew, and randomness has moved on: the key stays.
        let again = keyed(export(&[("7", Some("ADA@x.example"))], &["7"]), &mut aliases, 2);
        assert_eq!(keys(&again), keys_first);
        let other = keyed(export(&[("7", Some("bob@x.example"))], &[]), &mut aliases, 1);
        assert_ne!(keys(&other)[0], format!("person:{person}"), "a key is given once");
        assert!(
            aliases.all_assigned().all(|(name, _)| !name.contains("ada")),
            "only hashes are kept"
        );
    }

    #[test]
    fn one_key_is_never_made_for_two() {
        let two =
            export(&[("1", Some("ada@x.example")), ("2", Some("Ada@X.example"))], &["1", "2"]);
        let read = keyed(two, &mut Aliases::default(), 1);
        let keys = keys(&read);
        assert_eq!(keys.len(), 2, "one person, one place: {keys:?}");
        let [finding] = read.findings().kept() else { panic!("{:?}", read.findings()) };
        assert_eq!(finding.code, "made-key-taken");
        for named in ["person:1", "person:2"] {
            assert!(finding.message.contains(named), "{}", finding.message);
        }
        assert!(!finding.message.contains("example"), "{}", finding.message);
    }

    #[test]
    fn who_cannot_be_told_from_others_is_left_out() {
        let read = keyed(export(&[("1", None)], &["1", "2"]), &mut Aliases::default(), 1);
        assert!(keys(&read).is_empty());
        assert_eq!(read.findings().count_code("person-not-recognisable"), 1);
        assert_eq!(read.findings().count_code("person-not-in-export"), 2);
    }
}
