//! `Table`: small versioned items under a partition key and a sort key.

use std::fmt;

use ambient::Timestamp;
use async_trait::async_trait;

use super::StoreError;

/// The largest body in bytes. DynamoDB ends an item at 400 KB, names and numbers included.
pub const MAX_BODY: usize = 390 * 1024;
/// The most writes in one transaction (DynamoDB: 100).
pub const MAX_TRANSACTION: usize = 100;

/// The most bytes of keys and bodies in one transaction (DynamoDB: 4 MB, names included).
pub const MAX_TRANSACTION_BYTES: usize = 3_900_000;
/// The longest partition key in bytes.
pub const MAX_PK: usize = 1024;
/// The longest sort key in bytes.
pub const MAX_SK: usize = 900;
/// The bytes of keys and bodies after which a page of a query ends (DynamoDB: 1 MB).
pub const PAGE_BYTES: usize = 1_000_000;

/// Where an item stands: `pk` begins with the tenant, `sk` sorts within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Partition key, 1 to 1,024 bytes.
    pub pk: String,
    /// Sort key, 1 to 900 bytes; items of a partition are ordered by its bytes.
    pub sk: String,
}

impl ItemKey {
    /// The key of `pk` and `sk`.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// An item. `version` is 1 when it is first written and one more at every write after that.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it stands.
    pub key: ItemKey,
    /// How often it has been written since it was last absent.
    pub version: u64,
    /// Its bytes, at most [`MAX_BODY`].
    pub body: Vec<u8>,
    /// When the store may drop it; it can still be read for a while after, and then counts as there
    /// for every condition. `None`: never.
    pub expires: Option<Timestamp>,
}

impl Item {
    /// The bytes that it counts for in a page or a transaction.
    pub fn size(&self) -> usize {
        self.key.pk.len() + self.key.sk.len() + self.body.len()
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body can hold personal data: its length is all that may reach a log.
        write!(f, "Item({} v{} {} bytes)", self.key, self.version, self.body.len())
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Any,
    /// Nothing is there.
    Absent,
    /// An item of this version is there.
    Version(u64),
}

impl Condition {
    /// Whether it holds where the item there is of version `current`, or absent.
    pub fn holds(self, current: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::Version(wanted) => current == Some(wanted),
        }
    }
}

/// One write of a transaction.
#[derive(Clone)]
pub enum Write {
    /// Puts `body` at `key`.
    Put {
        /// Where.
        key: ItemKey,
        /// What.
        body: Vec<u8>,
        /// Under which condition.
        condition: Condition,
        /// When the store may drop it.
        expires: Option<Timestamp>,
    },
    /// Removes the item; with [`Condition::Any`] it may be absent.
    Delete {
        /// Where.
        key: ItemKey,
        /// Under which condition.
        condition: Condition,
    },
    /// Writes nothing; the transaction fails unless the condition holds.
    Check {
        /// Where.
        key: ItemKey,
        /// The condition.
        condition: Condition,
    },
}

impl Write {
    /// The item that it is about.
    pub fn key(&self) -> &ItemKey {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }

    /// What must hold for it.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Put { condition, .. }
            | Self::Delete { condition, .. }
            | Self::Check { condition, .. } => *condition,
        }
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As with an item, the body stays out.
        match self {
            Self::Put { key, body, condition, .. } => {
                write!(f, "Put({key} if {condition:?}, {} bytes)", body.len())
            }
            Self::Delete { key, condition } => write!(f, "Delete({key} if {condition:?})"),
            Self::Check { key, condition } => write!(f, "Check({key} if {condition:?})"),
        }
    }
}

/// A page of a query.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The items, by sort key.
    pub items: Vec<Item>,
    /// The last sort key of the page where more may follow: hand it back as `after`.
    pub next: Option<String>,
}

/// Items under conditions. Reads are consistent: they see every write that returned before.
/// Writes are durable once they return.
///
/// A key or body over its limit is [`StoreError::TooLarge`], an empty key [`StoreError::Invalid`];
/// nothing is written then. Keys may hold any character; they are compared by their bytes.
#[async_trait]
pub trait Table: Send + Sync {
    /// The item, or `None`.
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError>;

    /// Items of `pk` whose sort key begins with `prefix`, after `after`, at most `limit` and at
    /// most about 1 MB a page ([`PAGE_BYTES`]); a page of a partition that has more holds at least
    /// one. A `limit` of 0 counts as 1. `prefix` may be empty, and `after` need not exist. One page
    /// may hold some writes of a transaction and not others (DynamoDB reads item by item): lean on
    /// `get` and conditions, never on a page being of one moment.
    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Does all of `writes` or none. At most [`MAX_TRANSACTION`] of [`MAX_TRANSACTION_BYTES`] in
    /// all ([`StoreError::TooLarge`]), each key at most once ([`StoreError::Invalid`]); a condition
    /// that does not hold is [`StoreError::ConditionFailed`] with the place of the first such. No
    /// writes at all do nothing.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError>;

    /// One put of an item that never expires; returns its new version.
    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError>;

    /// One delete.
    async fn delete(&self, key: &ItemKey, condition: Condition) -> Result<(), StoreError> {
        self.transact(vec![Write::Delete { key: key.clone(), condition }]).await
    }
}
