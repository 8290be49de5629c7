//! Records as bytes: what goes in comes out, and what does not fit is an error.

use proptest::prelude::*;
use roster::arbitrary::record;
use roster::{Decoder, Key, Person, PersonKey, Record, Text, put_bytes, put_varint};

proptest! {
    #[test]
    fn a_record_comes_back(record in record()) {
        let bytes = record.to_bytes();
        prop_assert_eq!(Record::from_bytes(&bytes).unwrap(), record.clone());
        let key = Key::decode(&mut Decoder::new(&bytes)).unwrap();
        prop_assert_eq!(&key, record.key());
    }

    #[test]
    fn a_cut_record_is_an_error_or_a_shorter_one_and_never_a_panic(record in record(), cut in 0usize..200) {
        let bytes = record.to_bytes();
        if cut < bytes.len() {
            // A cut between two fields is a record with fewer fields: lengths are the segment's.
            if let Ok(shorter) = Record::from_bytes(&bytes[..cut]) {
                prop_assert!(record.satisfies(&shorter));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Record::from_bytes(&bytes);
        let _ = roster::Packed::from_bytes(&bytes);
        let _ = roster::Origin::decode(&bytes);
    }

    #[test]
    fn numbers_come_back(number: u64) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        prop_assert_eq!(Decoder::new(&bytes).varint().unwrap(), number);
    }

    #[test]
    fn what_overlays_is_satisfied(a in record().boxed(), b in record().boxed()) {
        if let Some(b) = b.with_key(a.key().clone()) {
            let mut both = a.clone();
            both.overlay(&b);
            prop_assert!(both.satisfies(&b));
            prop_assert!(both.differing(&b).is_empty());
        }
    }
}

#[test]
fn a_later_versions_field_is_passed_over() {
    let mut person = Person::new(PersonKey::new("p-1"));
    person.given = Some(Text::new("Ada"));
    let record = Record::from(person);
    let mut bytes = record.to_bytes();
    put_varint(&mut bytes, 9_999);
    put_bytes(&mut bytes, b"what a later version knows");
    assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
}
