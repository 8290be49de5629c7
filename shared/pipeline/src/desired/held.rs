//! What the LMS is known to hold, looked at record by record.

use std::cell::RefCell;

use hashbrown::{HashMap, HashSet};
use plan::{Applied, Presence};
use roster::{DecodeError, Key, Packed, Place, Status};
use store::StoreError;
use store::state::meta::{self, decode_applied};
use store::state::{Loaded, Published};

use super::decided::status_mut;

/// The applied state. What is asked for in the order of places is decoded once.
pub(crate) struct Held<'a> {
    published: &'a Published,
    loaded: &'a Loaded,
    last: RefCell<Option<Bucket>>,
}

/// A decoded bucket: its persons, whom much is asked of, and everything else.
struct Bucket {
    number: usize,
    persons: HashMap<Key, Applied>,
    packed: Packed,
}

impl<'a> Held<'a> {
    pub fn new(published: &'a Published, loaded: &'a Loaded) -> Self {
        Self { published, loaded, last: RefCell::new(None) }
    }

    /// The record of `key`, where it is there, put aside or not.
    pub fn there(&self, key: &Key) -> Result<Option<Applied>, StoreError> {
        let number = self.published.manifest.bucket_of(Place::of(key).hash);
        let mut last = self.last.borrow_mut();
        let bucket = match last.take() {
            Some(bucket) if bucket.number == number => bucket,
            _ => Bucket::decode(number, self.loaded.bucket(number)?).map_err(damaged)?,
        };
        let bucket = last.insert(bucket);
        let found = match key {
            Key::Person(_) => bucket.persons.get(key).cloned(),
            _ => bucket.search(key).map_err(damaged)?,
        };
        Ok(found.filter(is_there))
    }

    /// The keys, as hashes, of what is put aside because it is inactive, and not because it was gone.
    pub fn inactive(&self) -> Result<HashSet<u64>, StoreError> {
        let mut inactive = HashSet::new();
        self.loaded.for_each(|packed| {
            if meta::decode(packed.side)?.presence == Some(Presence::Suspended) {
                let mut record = packed.decode()?;
                if status_mut(&mut record).is_some_and(|status| *status == Some(Status::Inactive)) {
                    inactive.insert(record.key().hash64());
                }
            }
            Ok(())
        })?;
        Ok(inactive)
    }

    /// Hands over every record that is there, in order.
    pub fn each_there(&self, mut each: impl FnMut(&Applied)) -> Result<(), StoreError> {
        self.loaded.for_each(|packed| {
            let applied = decode_applied(packed)?;
            if is_there(&applied) {
                each(&applied);
            }
            Ok(())
        })
    }
}

impl Bucket {
    fn decode(number: usize, packed: Packed) -> Result<Self, DecodeError> {
        let mut persons = HashMap::new();
        for record in packed.iter() {
            let record = record?;
            let key = record.key()?;
            if matches!(key, Key::Person(_)) {
                persons.insert(key, decode_applied(record)?);
            }
        }
        Ok(Self { number, persons, packed })
    }

    fn search(&self, key: &Key) -> Result<Option<Applied>, DecodeError> {
        for record in self.packed.iter() {
            let record = record?;
            if record.key()? == *key {
                return decode_applied(record).map(Some);
            }
        }
        Ok(None)
    }
}

fn damaged(error: DecodeError) -> StoreError {
    StoreError::Damaged { what: "the applied state".to_owned(), reason: error.to_string() }
}

fn is_there(applied: &Applied) -> bool {
    matches!(applied.meta.presence, Some(Presence::Present | Presence::Suspended))
}
