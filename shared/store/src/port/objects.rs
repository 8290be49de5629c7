//! `Objects`: named immutable bytes.

use std::ops::Range;

use async_trait::async_trait;

use super::StoreError;

/// The longest key in bytes (S3: 1,024).
pub const MAX_KEY: usize = 1000;
/// The longest part of a key in bytes, so that it can be a file's name.
pub const MAX_KEY_PART: usize = 200;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Named bytes. A key is `/`-separated, each part 1 to 200 of `[A-Za-z0-9._=+@-]` and not `.` or
/// `..`, at most 1,000 bytes in all. A longer one is [`StoreError::TooLarge`], anything else
/// [`StoreError::Invalid`]; never is it another path.
///
/// No key may be the folder of another (`a` beside `a/b`): a folder cannot hold both, S3 can. The
/// twins on one machine refuse the second with [`StoreError::Invalid`]; never lean on either. Nor
/// may two keys differ by case only, for the sake of file systems that cannot tell them apart.
///
/// A put is atomic and durable: after it returns, every reader sees all of it; before, none of it.
/// A failed put leaves what was there. Which of two puts at once remains is open, but one of them
/// does, whole.
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

    /// Writes unless the key exists; then [`StoreError::ConditionFailed`] and nothing changes. Of
    /// several at once exactly one succeeds.
    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError>;

    /// Up to `limit` objects whose key begins with `prefix` (it may end within a part), in the
    /// order of the keys' bytes, after the key `after`, which need not exist. Fewer than `limit`
    /// are the last ones. What is put or deleted meanwhile may be in it or not.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError>;

    /// Removes; without the object nothing happens.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}
