//! From record ids to LMS ids: out of the applied state, and out of what this run has done since.

use hashbrown::{HashMap, HashSet};
use lms::Refs;
use plan::{Action, Applied, Change, Ownership, Presence};
use roster::{CourseKey, GroupKey, Key, Kind, OrgUnitKey, PersonKey, Place, Record, Text};
use store::StoreError;
use store::state::ledger::{Line, LineResult};
use store::state::meta::decode_applied;
use store::state::{Published, StateName, States};
use xxhash_rust::xxh3::xxh3_128;

/// What is known of a record that a change needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is in the LMS under this id.
    Id(Text),
    /// It is not, as far as we know.
    Missing,
}

/// Keeps LMS ids by a 128-bit hash of the record's key: a million of them stay near 50 bytes each,
/// and two keys never share one.
pub struct Resolver {
    states: States,
    name: StateName,
    base: Published,
    loaded: HashSet<usize>,
    ids: HashMap<u128, Text>,
    read: HashSet<u128>,
    /// Org units that are on their way and not there yet: what stands in them waits.
    coming: HashSet<u128>,
}

impl Resolver {
    /// Resolves against the applied state `base`; buckets are read when they are first needed.
    pub fn new(states: States, name: StateName, base: Published) -> Self {
        Self {
            states,
            name,
            base,
            loaded: HashSet::new(),
            ids: HashMap::new(),
            read: HashSet::new(),
            coming: HashSet::new(),
        }
    }

    /// Goes on against a newer applied state, into which what was noted has been folded. What is
    /// known stays known, so that no bucket is read twice in a run: what was noted is in the newer
    /// state, and nobody but this run changes it.
    pub fn rebase(&mut self, base: Published) {
        let (before, now) = (self.base.manifest.bits, base.manifest.bits);
        if before != now {
            // A bucket is a range of hashes, which a state with more buckets cuts further.
            let is_loaded = |bucket: &usize| match now.checked_sub(before) {
                Some(finer) => self.loaded.contains(&(bucket >> finer)),
                None => {
                    let parts = 1 << (before - now);
                    (bucket * parts..(bucket + 1) * parts).all(|part| self.loaded.contains(&part))
                }
            };
            self.loaded = (0..1 << now).filter(is_loaded).collect();
        }
        self.base = base;
    }

    /// The LMS id of a record.
    pub async fn find(&mut self, key: &Key) -> Result<Known, StoreError> {
        let name = hash(key);
        // What this run did is newer than the state, and most of what a first sync asks for.
        if !self.ids.contains_key(&name) {
            self.load_bucket_of(key).await?;
        }
        Ok(self.ids.get(&name).cloned().map_or(Known::Missing, Known::Id))
    }

    /// Whether everybody in the course is known: we made it empty, or have read who is in it.
    pub async fn members_read(&mut self, course: &CourseKey) -> Result<bool, StoreError> {
        let key = Key::Course(course.clone());
        let name = hash(&key);
        if !self.read.contains(&name) {
            self.load_bucket_of(&key).await?;
        }
        Ok(self.read.contains(&name))
    }

    /// Says that the members of the course have been read.
    pub fn set_members_read(&mut self, course: &CourseKey) {
        self.read.insert(hash(&Key::Course(course.clone())));
    }

    /// What `change` refers to. `Err` names the record that is missing.
    pub async fn refs(&mut self, change: &Change) -> Result<Result<Refs, Key>, StoreError> {
        let mut refs = Refs::default();
        for (needed, slot) in needs(change) {
            match (self.find(&needed).await?, slot) {
                (Known::Id(id), Slot::Person) => refs.person = Some(id),
                (Known::Id(id), Slot::Course) => refs.course = Some(id),
                (Known::Id(id), Slot::Group) => refs.group = Some(id),
                (Known::Id(id), Slot::OrgUnit) => refs.org_unit = Some(id),
                // A course whose org unit nobody knows goes to the place for such courses; it would
                // stay there if its org unit were only late.
                (Known::Missing, Slot::OrgUnit) if !self.coming.contains(&hash(&needed)) => {}
                (Known::Missing, _) => return Ok(Err(needed)),
            }
        }
        Ok(Ok(refs))
    }

    /// Takes over what became of a change.
    pub fn note(&mut self, change: &Change, line: &Line) {
        let key = hash(change.key());
        if line.result != LineResult::Applied {
            let refused = matches!(line.result, LineResult::Rejected(_));
            if change.kind() == Kind::OrgUnit && !refused {
                self.coming.insert(key);
            }
            return;
        }
        if change.action == Action::Remove {
            self.ids.remove(&key);
            return;
        }
        if let Some(id) = &line.lms_id {
            self.ids.insert(key, id.clone());
        }
        let made_by_us =
            change.action == Action::Create && line.owned() != Some(Ownership::Adopted);
        if let (true, Some(Record::Course(course))) = (made_by_us, &change.after)
            && course.template.is_none()
            && line.owned() != Some(Ownership::Found)
        {
            self.read.insert(key);
        }
    }

    async fn load_bucket_of(&mut self, key: &Key) -> Result<(), StoreError> {
        let bucket = self.base.manifest.bucket_of(Place::of(key).hash);
        if self.base.version == 0 || !self.loaded.insert(bucket) {
            return Ok(());
        }
        let packed = self.states.load_bucket(&self.name, &self.base.manifest, bucket).await?;
        for record in packed.iter() {
            let applied = record.and_then(decode_applied).map_err(|error| StoreError::Damaged {
                what: "applied state".into(),
                reason: error.to_string(),
            })?;
            self.take(applied);
        }
        Ok(())
    }

    fn take(&mut self, applied: Applied) {
        let there = matches!(applied.meta.presence, Some(Presence::Present | Presence::Suspended));
        let key = hash(applied.record.key());
        if applied.meta.members_read {
            self.read.insert(key);
        }
        if let (true, Some(id)) = (there, applied.meta.lms_id) {
            // What this run did since is newer than the state.
            self.ids.entry(key).or_insert(id);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Person,
    Course,
    Group,
    OrgUnit,
}

fn needs(change: &Change) -> Vec<(Key, Slot)> {
    let person = |key: &PersonKey| (Key::Person(key.clone()), Slot::Person);
    let course = |key: &CourseKey| (Key::Course(key.clone()), Slot::Course);
    let group = |course: &CourseKey, group: &GroupKey| {
        (Key::Group { course: course.clone(), group: group.clone() }, Slot::Group)
    };
    let unit = |id: &Option<Text>| {
        id.as_ref().map(|id| (Key::OrgUnit(OrgUnitKey::from(id.clone())), Slot::OrgUnit))
    };
    match change.key() {
        Key::Term(_) | Key::Person(_) => Vec::new(),
        Key::OrgUnit(_) => match &change.after {
            Some(Record::OrgUnit(record)) => unit(&record.parent).into_iter().collect(),
            _ => Vec::new(),
        },
        Key::Course(_) => match &change.after {
            Some(Record::Course(record)) => unit(&record.org_unit).into_iter().collect(),
            _ => Vec::new(),
        },
        Key::Group { course: of, .. } => vec![course(of)],
        Key::Enrollment { course: of, person: who } => vec![course(of), person(who)],
        Key::GroupMember { course: of, group: which, person: who } => {
            vec![course(of), group(of, which), person(who)]
        }
        Key::Association { from, .. } => vec![course(&CourseKey::from(from.clone()))],
        Key::Observer { person: who, .. } => vec![person(who)],
    }
}

fn hash(key: &Key) -> u128 {
    let mut bytes = Vec::with_capacity(48);
    key.encode(&mut bytes);
    xxh3_128(&bytes)
}
