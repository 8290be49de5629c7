//! One macro that gives every record its fields, codec and comparison.

use std::borrow::Cow;
use std::fmt;

/// A field's stable number (what is stored) and name (what is shown and configured).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldSpec {
    /// The number, never reused within its record.
    pub number: u16,
    /// The name, snake_case.
    pub name: &'static str,
}

impl fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// What every record can do with its fields.
pub trait Fields {
    /// All fields of this kind.
    const SPECS: &'static [FieldSpec];
    /// Hands over each known field as shown text.
    fn show_each<'a>(&'a self, to: &mut dyn FnMut(FieldSpec, Cow<'a, str>));
    /// Hands over each field that `wanted` knows and this record does not have just so.
    fn differing_each(&self, wanted: &Self, to: &mut dyn FnMut(FieldSpec));
    /// Whether there is no such field.
    fn satisfies(&self, wanted: &Self) -> bool;
    /// Takes over every field that `other` knows.
    fn overlay(&mut self, other: &Self);
    /// Forgets every known field that `keep` refuses.
    fn retain(&mut self, keep: &mut dyn FnMut(FieldSpec) -> bool);
    /// Hands over each known field.
    fn known_each(&self, to: &mut dyn FnMut(FieldSpec));
    /// The field of this number, as shown text; `None` where it is not known.
    fn show_one(&self, number: u16) -> Option<Cow<'_, str>>;
    /// Whether `other` has the field of this number just so.
    fn same_one(&self, number: u16, other: &Self) -> bool;
    /// Takes over the field of this number as `other` has it, known or not.
    fn copy_one(&mut self, number: u16, other: &Self);
    /// Sets the field of this number to what `text` says; `false` where it cannot say it.
    fn set_one(&mut self, number: u16, text: &str) -> bool;
}

macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident($variant:ident) {
            $( $(#[$field_meta:meta])* $number:literal $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        pub struct $name {
            key: $crate::Key,
            $( $(#[$field_meta])* pub $field: Option<$type>, )*
        }

        impl $name {
            pub(crate) fn from_key(key: $crate::Key) -> Self {
                Self { key, $( $field: None, )* }
            }

            /// Its key.
            pub fn key(&self) -> &$crate::Key {
                &self.key
            }

            pub(crate) fn set_key(&mut self, key: $crate::Key) {
                self.key = key;
            }

            pub(crate) fn encode(&self, out: &mut Vec<u8>) {
                self.key.encode(out);
                $(
                    if let Some(value) = &self.$field {
                        $crate::put_varint(out, $number);
                        // The length is one byte for all but long values: write the value, then
                        // move it only if its length needs more room.
                        let at = out.len();
                        out.push(0);
                        $crate::Value::encode(value, out);
                        let len = out.len() - at - 1;
                        if len < 0x80 {
                            out[at] = len as u8;
                        } else {
                            let value = out.split_off(at + 1);
                            out.pop();
                            $crate::put_bytes(out, &value);
                        }
                    }
                )*
            }

            pub(crate) fn decode(
                key: $crate::Key,
                mut from: $crate::Decoder<'_>,
            ) -> Result<Self, $crate::DecodeError> {
                let mut record = Self::from_key(key);
                while !from.is_done() {
                    let number = from.varint()?;
                    let bytes = from.bytes()?;
                    match number {
                        $( $number => record.$field = Some($crate::Value::decode(bytes)?), )*
                        // A later version's field.
                        _ => {}
                    }
                }
                Ok(record)
            }
        }

        impl $crate::Fields for $name {
            const SPECS: &'static [$crate::FieldSpec] =
                &[$( $crate::FieldSpec { number: $number, name: stringify!($field) }, )*];

            fn show_each<'a>(
                &'a self,
                to: &mut dyn FnMut($crate::FieldSpec, std::borrow::Cow<'a, str>),
            ) {
                $(
                    if let Some(value) = &self.$field {
                        let spec =
                            $crate::FieldSpec { number: $number, name: stringify!($field) };
                        to(spec, $crate::Value::show(value));
                    }
                )*
            }

            fn differing_each(&self, wanted: &Self, to: &mut dyn FnMut($crate::FieldSpec)) {
                $(
                    if wanted.$field.is_some() && self.$field != wanted.$field {
                        to($crate::FieldSpec { number: $number, name: stringify!($field) });
                    }
                )*
            }

            fn satisfies(&self, wanted: &Self) -> bool {
                true $( && (wanted.$field.is_none() || self.$field == wanted.$field) )*
            }

            fn overlay(&mut self, other: &Self) {
                $(
                    if other.$field.is_some() {
                        self.$field.clone_from(&other.$field);
                    }
                )*
            }

            fn retain(&mut self, keep: &mut dyn FnMut($crate::FieldSpec) -> bool) {
                $(
                    if self.$field.is_some()
                        && !keep($crate::FieldSpec { number: $number, name: stringify!($field) })
                    {
                        self.$field = None;
                    }
                )*
            }

            fn known_each(&self, to: &mut dyn FnMut($crate::FieldSpec)) {
                $(
                    if self.$field.is_some() {
                        to($crate::FieldSpec { number: $number, name: stringify!($field) });
                    }
                )*
            }

            fn show_one(&self, number: u16) -> Option<std::borrow::Cow<'_, str>> {
                match number {
                    $( $number => self.$field.as_ref().map($crate::Value::show), )*
                    _ => None,
                }
            }

            fn same_one(&self, number: u16, other: &Self) -> bool {
                match number {
                    $( $number => self.$field == other.$field, )*
                    _ => true,
                }
            }

            fn copy_one(&mut self, number: u16, other: &Self) {
                match number {
                    $( $number => self.$field.clone_from(&other.$field), )*
                    _ => {}
                }
            }

            fn set_one(&mut self, number: u16, text: &str) -> bool {
                match number {
                    $( $number => match <$type as $crate::Value>::parse(text) {
                        None => false,
                        value => {
                            self.$field = value;
                            true
                        }
                    }, )*
                    _ => false,
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.key, f)
            }
        }

        impl From<$name> for $crate::Record {
            fn from(record: $name) -> Self {
                Self::$variant(Box::new(record))
            }
        }
    };
}

pub(crate) use record;
