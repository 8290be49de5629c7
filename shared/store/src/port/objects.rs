//! `Objects`: named immutable bytes.

use std::ops::Range;

use async_trait::async_trait;

use super::StoreError;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Named bytes. A key is `/`-separated, each part 1 to 200 of `[A-Za-z0-9._=+@-]` and not `.` or
/// `..`; anything else is [`StoreError::TooLarge`] or [`StoreError::Damaged`], never another path.
///
/// A put is atomic and durable: after it returns, every reader sees all of it; before, none of it.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The whole object, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The bytes of `range` that exist; an empty answer past the end; `None` without the object.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError>;

    /// Length, or `None`.
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError>;

    /// Writes, replacing what was there.
    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError>;

    /// Writes unless the key exists; then [`StoreError::ConditionFailed`] and nothing changes.
    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError>;

    /// Up to `limit` objects whose key begins with `prefix`, in key order, after the key `after`.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError>;

    /// Removes; without the object nothing happens.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}
