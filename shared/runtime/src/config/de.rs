//! Reads any `Deserialize` type off a [`Node`], with the place of every fault.

use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::Fault;
use super::node::{Entry, Node, Value};

/// The text of a date, which may stand in quotes or not. Other texts are no dates.
#[derive(serde::Deserialize)]
pub(super) struct DateText(pub String);

const DATE_TEXT: &str = "DateText";

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let read = match &self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Bool(yes) => visitor.visit_bool(*yes),
            Value::Date(_) => Err(Fault::invalid_type(Unexpected::Other("a date"), &visitor)),
            Value::List(items) => {
                visitor.visit_seq(Items { items: items.iter(), len: items.len() })
            }
            Value::Table(entries) => visitor.visit_map(Entries::of(entries)),
        };
        read.map_err(|fault| fault.on(self.line))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let (DATE_TEXT, Value::Date(date)) = (name, &self.value) {
            let date = StrDeserializer::new(date);
            return visitor.visit_newtype_struct(date).map_err(|fault: Fault| fault.on(self.line));
        }
        visitor.visit_newtype_struct(self).map_err(|fault| fault.on(self.line))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let read = match &self.value {
            Value::Text(text) => visitor.visit_enum(StrDeserializer::new(text)),
            Value::Table(entries) => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::of(entries)))
            }
            _ => return self.deserialize_any(visitor),
        };
        read.map_err(|fault| fault.on(self.line))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    len: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let number = self.len - self.items.len();
        let read = seed.deserialize(item).map_err(|fault| {
            let fault = fault.on(item.line);
            // One item needs no number: that is the usual case.
            if self.len > 1 { fault.under(format!("[{number}]")) } else { fault }
        });
        read.map(Some)
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
}

impl<'de> Entries<'de> {
    fn of(entries: &'de [Entry]) -> Self {
        Self { entries: entries.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.entries.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key = seed.deserialize(StrDeserializer::<Fault>::new(&entry.key));
        key.map(Some).map_err(|fault| fault.in_key().on(entry.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let entry = self.current.take().ok_or_else(|| Fault::custom("a value without a key"))?;
        seed.deserialize(&entry.node)
            .map_err(|fault| fault.on(entry.node.line).under(entry.key.clone()))
    }
}
