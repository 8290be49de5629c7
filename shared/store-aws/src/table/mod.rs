//! `Table` on DynamoDB.
//!
//! | attribute | type | holds |
//! |---|---|---|
//! | `pk`, `sk` | S | the key |
//! | `v` | N | version |
//! | `b` | B | body |
//! | `w` | S | mark of the write that the item is of: how a writer whose answer was lost knows its own |
//! | `ttl` | N | epoch seconds, rounded up, where the item expires |
//! | `x` | S | the exact time of that |
//!
//! Reads are consistent. A write of one item is one `UpdateItem` (or `DeleteItem`), which costs half
//! of a transaction; only a conditional delete or check goes as one, for its token.
//!
//! | a write whose answer was lost, tried again | comes to |
//! |---|---|
//! | put | success: the item carries its mark, unless somebody wrote over it since |
//! | delete of whatever is there | success |
//! | transaction, conditional delete | success: AWS knows its token for ten minutes |
//!
//! **Not held on AWS:** a page of a query is read item by item. A transaction that commits
//! meanwhile can be seen in some of them and not in others; every single item is whole and as new
//! as the last write that returned.

mod item;
mod write;

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use store::port::{MAX_PK, MAX_SK, check_item_key};
use store::{Condition, Item, ItemKey, Page, StoreError, Table, Write};

use crate::clients::Clients;
use crate::fault::{Call, store_error};
use crate::pace::Pace;

const GET: Call = Call::new("get an item", "dynamodb:GetItem");
const QUERY: Call = Call::new("query items", "dynamodb:Query");

/// More items than a page of 1 MB can hold.
const MOST: usize = 100_000;

/// Items in one table.
#[derive(Debug, Clone)]
pub struct DynamoTable {
    client: aws_sdk_dynamodb::Client,
    name: String,
    pace: Pace,
}

impl DynamoTable {
    pub(crate) fn new(clients: &Clients, name: impl Into<String>, pace: Pace) -> Self {
        Self { client: clients.dynamodb.clone(), name: name.into(), pace }
    }

    fn resource(&self) -> String {
        format!("table {}", self.name)
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &ItemKey) -> Result<Option<Item>, StoreError> {
        check_item_key(key)?;
        let call = self.client.get_item().table_name(&self.name).consistent_read(true);
        let output = call.set_key(Some(item::key(key))).send().await;
        let output = output.map_err(|error| store_error(GET, &self.resource(), error))?;
        output.item.map(item::decode).transpose()
    }

    async fn query(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // No item has such a key, and DynamoDB would refuse the question.
        let nowhere = pk.is_empty() || pk.len() > MAX_PK || prefix.len() > MAX_SK;
        if nowhere {
            return Ok(Page::default());
        }
        let after = after.filter(|after| !after.is_empty() && *after >= prefix);
        if after.is_some_and(|after| !after.starts_with(prefix)) {
            return Ok(Page::default());
        }
        let start = after.map(|after| ItemKey::new(pk, after));
        start.as_ref().map(check_item_key).transpose()?;
        let limit = i32::try_from(limit.clamp(1, MOST)).unwrap_or(i32::MAX);
        let call = self.client.query().table_name(&self.name).consistent_read(true).limit(limit);
        let call = call.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let call = if prefix.is_empty() {
            call.key_condition_expression("pk = :pk")
        } else {
            call.key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()))
        };
        let output = call.set_exclusive_start_key(start.as_ref().map(item::key)).send().await;
        let output = output.map_err(|error| store_error(QUERY, &self.resource(), error))?;
        let next = output.last_evaluated_key.map(sort_key).transpose()?;
        let items = output.items.unwrap_or_default().into_iter().map(item::decode);
        Ok(Page { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.write_all(writes).await
    }

    async fn put(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        self.write_one(key, body, condition).await
    }
}

fn sort_key(mut key: HashMap<String, AttributeValue>) -> Result<String, StoreError> {
    match key.remove("sk") {
        Some(AttributeValue::S(sk)) => Ok(sk),
        _ => Err(StoreError::Damaged {
            what: "page of a query".to_owned(),
            reason: "the key that it goes on after has no sort key".to_owned(),
        }),
    }
}
