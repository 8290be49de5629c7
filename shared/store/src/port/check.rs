//! The limits of the ports, checked the same way by every twin, before it does anything.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{
    ItemKey, MAX_BODY, MAX_KEY, MAX_KEY_PART, MAX_MESSAGE, MAX_NAME, MAX_PK, MAX_SK,
    MAX_TRANSACTION, MAX_TRANSACTION_BYTES, MAX_VISIBILITY, StoreError, Write,
};

/// Checks an object's key, as [`super::Objects`] says.
pub fn check_object_key(key: &str) -> Result<(), StoreError> {
    fits("object key", key.len(), MAX_KEY)?;
    for part in key.split('/') {
        fits("part of an object key", part.len(), MAX_KEY_PART)?;
        if part.is_empty() || part == "." || part == ".." {
            return Err(invalid("object key", "it has an empty part, `.` or `..`"));
        }
        check_alphabet(part)?;
    }
    Ok(())
}

/// Checks a listing's prefix or `after`: what a key consists of, in whatever order, or nothing.
pub fn check_object_prefix(prefix: &str) -> Result<(), StoreError> {
    fits("object key", prefix.len(), MAX_KEY)?;
    prefix.split('/').try_for_each(check_alphabet)
}

fn check_alphabet(part: &str) -> Result<(), StoreError> {
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"._=+@-".contains(&byte);
    if part.bytes().any(odd) {
        return Err(invalid("object key", "only A-Z, a-z, 0-9, `._=+@-` and `/` may be in it"));
    }
    Ok(())
}

/// Checks an item's key.
pub fn check_item_key(key: &ItemKey) -> Result<(), StoreError> {
    if key.pk.is_empty() || key.sk.is_empty() {
        return Err(invalid("item key", "its partition key or its sort key is empty"));
    }
    fits("partition key", key.pk.len(), MAX_PK)?;
    fits("sort key", key.sk.len(), MAX_SK)
}

/// Checks a transaction's keys, bodies and total.
pub fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    fits("number of writes in a transaction", writes.len(), MAX_TRANSACTION)?;
    let mut seen = BTreeSet::new();
    let mut total = 0;
    for write in writes {
        let key = write.key();
        check_item_key(key)?;
        if !seen.insert(key) {
            return Err(invalid("transaction", "it names the same key twice"));
        }
        total += key.pk.len() + key.sk.len();
        if let Write::Put { body, .. } = write {
            fits("item body", body.len(), MAX_BODY)?;
            total += body.len();
        }
    }
    fits("transaction", total, MAX_TRANSACTION_BYTES)
}

/// Checks what is to be sent to a queue.
pub fn check_message(group: &str, dedup: &str, body: &str) -> Result<(), StoreError> {
    for (what, name) in [("message group", group), ("deduplication id", dedup)] {
        fits(what, name.len(), MAX_NAME)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid(what, "it is empty or not all printable ASCII without spaces"));
        }
    }
    if body.is_empty() {
        return Err(invalid("message", "its text is empty"));
    }
    fits("message", body.len(), MAX_MESSAGE)
}

/// Checks a visibility.
pub fn check_visibility(visibility: Duration) -> Result<(), StoreError> {
    if visibility > MAX_VISIBILITY {
        return Err(invalid("visibility", "it is over twelve hours"));
    }
    Ok(())
}

fn fits(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit { Err(StoreError::TooLarge { what, limit }) } else { Ok(()) }
}

fn invalid(what: &'static str, reason: &str) -> StoreError {
    StoreError::Invalid { what, reason: reason.to_owned() }
}
