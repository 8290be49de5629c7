//! An item as DynamoDB's attributes.

use std::collections::HashMap;

use ambient::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use store::{Item, ItemKey, StoreError};

/// Attributes by name.
pub(super) type Attributes = HashMap<String, AttributeValue>;

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
pub(super) const VERSION: &str = "v";
pub(super) const BODY: &str = "b";
pub(super) const MARK: &str = "w";
pub(super) const EXPIRES: &str = "x";

pub(super) fn key(key: &ItemKey) -> Attributes {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([(PK.to_owned(), text(&key.pk)), (SK.to_owned(), text(&key.sk))])
}

/// When DynamoDB may drop what expires at `expires`: never before.
pub(super) fn ttl(expires: Timestamp) -> i64 {
    let second = expires.as_second();
    if expires.subsec_nanosecond() > 0 { second + 1 } else { second }
}

pub(super) fn decode(mut attributes: Attributes) -> Result<Item, StoreError> {
    let mut text = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::S(text)) => text,
        _ => String::new(),
    };
    let key = ItemKey { pk: text(PK), sk: text(SK) };
    let expires = text(EXPIRES);
    let damaged = |name: &str| StoreError::Damaged {
        what: key.to_string(),
        reason: format!("its attribute `{name}` is missing or of another type"),
    };
    let Some(version) = version(&attributes) else { return Err(damaged(VERSION)) };
    let Some(AttributeValue::B(body)) = attributes.remove(BODY) else {
        return Err(damaged(BODY));
    };
    let expires = match expires.as_str() {
        "" => None,
        text => Some(text.parse::<Timestamp>().map_err(|_| damaged(EXPIRES))?),
    };
    Ok(Item { key, version, body: body.into_inner(), expires })
}

pub(super) fn version(attributes: &Attributes) -> Option<u64> {
    match attributes.get(VERSION) {
        Some(AttributeValue::N(number)) => number.parse().ok(),
        _ => None,
    }
}

/// Whether the item is of the write `mark`.
pub(super) fn is_of(attributes: &Attributes, mark: &str) -> bool {
    matches!(attributes.get(MARK), Some(AttributeValue::S(own)) if own == mark)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use aws_sdk_dynamodb::primitives::Blob;

    #[test]
    fn dynamodb_drops_nothing_early() {
        for (second, nanosecond, expected) in
            [(7, 0, 7), (7, 1, 8), (7, 999_999_999, 8), (-1, 0, -1), (0, 0, 0)]
        {
            assert_eq!(ttl(Timestamp::new(second, nanosecond).unwrap()), expected);
        }
    }

    #[test]
    fn an_item_that_is_none_of_ours_is_damaged() {
        let whole = || {
            let mut attributes = key(&ItemKey::new("p", "s"));
            attributes.insert(VERSION.to_owned(), AttributeValue::N("3".to_owned()));
            attributes.insert(BODY.to_owned(), AttributeValue::B(Blob::new([1])));
            attributes
        };
        assert_eq!(decode(whole()).unwrap().version, 3);
        for (name, odd) in [
            (VERSION, AttributeValue::N("three".to_owned())),
            (VERSION, AttributeValue::Bool(true)),
            (BODY, AttributeValue::S("text".to_owned())),
            (EXPIRES, AttributeValue::S("soon".to_owned())),
        ] {
            let mut attributes = whole();
            attributes.insert(name.to_owned(), odd);
            let error = decode(attributes).unwrap_err().to_string();
            assert!(error.contains("`p s`") && error.contains(name), "{error}");
        }
    }
}
