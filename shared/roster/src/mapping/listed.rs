//! Fields by kind, as a configuration names them: checked against the fields that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Kind, Record};

/// Fields that are always kept: who a record is, and whether and as what it takes part. Without
/// them a disabled account would count as an active one.
const ALWAYS: &[&str] = &["sourced_id", "former_keys", "status", "data_source", "roles"];

/// The fields that are kept and sent, by kind. Of a kind that is not named all are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FieldList(pub BTreeMap<Kind, BTreeSet<String>>);

impl FieldList {
    /// Whether everything is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `field` of `kind` is kept.
    pub fn keeps(&self, kind: Kind, field: &str) -> bool {
        ALWAYS.contains(&field) || self.0.get(&kind).is_none_or(|fields| fields.contains(field))
    }

    /// Forgets what is not listed.
    pub fn narrow(&self, record: &mut Record) {
        let kind = record.kind();
        if self.0.contains_key(&kind) {
            record.retain(|spec| self.keeps(kind, spec.name));
        }
    }
}

/// Something for some fields of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap<V>(pub BTreeMap<Kind, BTreeMap<String, V>>);

impl<V> Default for FieldMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de> Deserialize<'de> for FieldList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Kinds::<List>(PhantomData)).map(Self)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for FieldMap<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Kinds::<Map<V>>(PhantomData)).map(Self)
    }
}

/// A field's name, of one kind.
struct Name(Kind);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        let name = String::deserialize(from)?;
        match Record::spec(self.0, &name) {
            Some(_) => Ok(name),
            None => Err(Error::unknown_variant(&name, Record::field_names(self.0))),
        }
    }
}

/// What stands under a kind.
trait OfKind<'de>: Sized {
    type Value;
    fn of(kind: Kind) -> Self;
    fn read<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error>;
}

struct Kinds<T>(PhantomData<T>);

impl<'de, T: OfKind<'de>> Visitor<'de> for Kinds<T> {
    type Value = BTreeMap<Kind, T::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table by kind: person, course, enrollment, ...")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(kind) = map.next_key()? {
            all.insert(kind, map.next_value_seed(Seed(T::of(kind)))?);
        }
        Ok(all)
    }
}

struct Seed<T>(T);

impl<'de, T: OfKind<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Value, D::Error> {
        self.0.read(from)
    }
}

struct List(Kind);

impl<'de> OfKind<'de> for List {
    type Value = BTreeSet<String>;

    fn of(kind: Kind) -> Self {
        Self(kind)
    }

    fn read<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = BTreeSet<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeSet::new();
        while let Some(field) = items.next_element_seed(Name(self.0))? {
            fields.insert(field);
        }
        Ok(fields)
    }
}

struct Map<V>(Kind, PhantomData<V>);

impl<'de, V: Deserialize<'de>> OfKind<'de> for Map<V> {
    type Value = BTreeMap<String, V>;

    fn of(kind: Kind) -> Self {
        Self(kind, PhantomData)
    }

    fn read<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Map<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table by field")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(field) = map.next_key_seed(Name(self.0))? {
            fields.insert(field, map.next_value()?);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Person, PersonKey, Status, Text};

    #[test]
    fn a_list_keeps_what_it_names_and_who_it_is() {
        let list: FieldList = serde_json::from_str(r#"{"person": ["given"]}"#).unwrap();
        let mut person = Person::new(PersonKey::new("p"));
        person.given = Some(Text::new("Ada"));
        person.birth_date = Some(crate::Date::constant(2010, 1, 1));
        person.status = Some(Status::Inactive);
        let mut record = Record::from(person);
        list.narrow(&mut record);
        let kept: Vec<_> = record.known().iter().map(|spec| spec.name).collect();
        assert_eq!(kept, ["given", "status"]);
        let before = record.clone();
        list.narrow(&mut record);
        assert!(record == before);
        assert!(list.keeps(Kind::Course, "title") && !list.keeps(Kind::Person, "email"));
    }

    #[test]
    fn a_field_that_is_none_is_an_error() {
        let check = |json: &str, says: &str| {
            let error = serde_json::from_str::<FieldList>(json).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        check(r#"{"person": ["givn"]}"#, "givn");
        check(r#"{"persons": []}"#, "persons");
        let ranks = serde_json::from_str::<FieldMap<i64>>(r#"{"course": {"titel": 1}}"#);
        assert!(ranks.unwrap_err().to_string().contains("titel"));
    }
}
