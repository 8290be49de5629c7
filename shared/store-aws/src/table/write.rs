//! Writing: one item in one call, several in one transaction, and both again after a conflict.

use std::collections::HashMap;

use ambient::Timestamp;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use store::port::check_writes;
use store::{Condition, ItemKey, StoreError, Write};

use super::DynamoTable;
use super::item::{self, Attributes, is_of, version};
use crate::fault::{Call, store_error};
use crate::pace::TRIES;

const PUT: Call = Call::new("put an item", "dynamodb:UpdateItem");
const DELETE: Call = Call::new("delete an item", "dynamodb:DeleteItem");
const TRANSACT: Call =
    Call::new("write items", "dynamodb:UpdateItem, DeleteItem and ConditionCheckItem");

/// A put's own item is told from another's by its mark, so that a second try of the same put
/// changes nothing.
const NOT_YET_OURS: &str = "attribute_not_exists(w) OR w <> :w";

/// What one put does to an item.
struct Change {
    expression: &'static str,
    values: Attributes,
}

/// The put of `body`, as an update: so that one call counts the version up, whatever it was.
fn change(body: Vec<u8>, expires: Option<Timestamp>, mark: &str) -> Change {
    let mut values = HashMap::from([
        (":b".to_owned(), AttributeValue::B(Blob::new(body))),
        (":w".to_owned(), AttributeValue::S(mark.to_owned())),
        (":one".to_owned(), AttributeValue::N("1".to_owned())),
    ]);
    let expression = match expires {
        None => "SET b = :b, w = :w ADD v :one REMOVE #ttl, x",
        Some(expires) => {
            values.insert(":ttl".to_owned(), AttributeValue::N(item::ttl(expires).to_string()));
            values.insert(":x".to_owned(), AttributeValue::S(expires.to_string()));
            "SET b = :b, w = :w, #ttl = :ttl, x = :x ADD v :one"
        }
    };
    Change { expression, values }
}

/// A condition as DynamoDB's expression; the version goes into `values`.
fn expression(condition: Condition, values: &mut Attributes) -> Option<&'static str> {
    match condition {
        Condition::Any => None,
        Condition::Absent => Some("attribute_not_exists(pk)"),
        Condition::Version(wanted) => {
            values.insert(":v".to_owned(), AttributeValue::N(wanted.to_string()));
            Some("v = :v")
        }
    }
}

impl DynamoTable {
    /// One put of an item that never expires; returns its version.
    pub(super) async fn write_one(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
    ) -> Result<u64, StoreError> {
        let put = Write::Put { key: key.clone(), body, condition, expires: None };
        check_writes(std::slice::from_ref(&put))?;
        let Write::Put { body, .. } = put else { return Ok(0) };
        self.update(key, body, condition, None, 0).await
    }

    /// All of `writes` or none.
    pub(super) async fn write_all(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        check_writes(&writes)?;
        // A check that always holds asks for nothing; the places of the others stay.
        let always = |write: &Write| {
            matches!(write, Write::Check { .. }) && write.condition() == Condition::Any
        };
        let mut writes: Vec<(usize, Write)> =
            writes.into_iter().enumerate().filter(|(_, write)| !always(write)).collect();
        if writes.len() == 1
            && let Some((index, write)) = writes.pop()
        {
            match write {
                Write::Put { key, body, condition, expires } => {
                    return self.update(&key, body, condition, expires, index).await.map(drop);
                }
                Write::Delete { key, condition: Condition::Any } => return self.remove(&key).await,
                other => writes.push((index, other)),
            }
        }
        if writes.is_empty() { Ok(()) } else { self.transaction(writes).await }
    }

    /// One put, the write number `index` of what was asked for.
    async fn update(
        &self,
        key: &ItemKey,
        body: Vec<u8>,
        condition: Condition,
        expires: Option<Timestamp>,
        index: usize,
    ) -> Result<u64, StoreError> {
        let mark = self.pace.mark();
        let Change { expression: change, mut values } = change(body, expires, &mark);
        let condition_text = expression(condition, &mut values).unwrap_or(NOT_YET_OURS);
        // The new attributes come back with the body, so only where the version is not known.
        let (known, back) = match condition {
            Condition::Any => (None, ReturnValue::UpdatedNew),
            Condition::Absent => (Some(1), ReturnValue::None),
            Condition::Version(before) => (before.checked_add(1), ReturnValue::None),
        };
        let call = self.client.update_item().table_name(&self.name).update_expression(change);
        let call = call
            .set_key(Some(item::key(key)))
            .condition_expression(condition_text)
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(values))
            .return_values(back)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut tried = 0;
        loop {
            let error = match call.clone().send().await {
                Ok(output) => {
                    let found = output.attributes.as_ref().and_then(version);
                    return known.or(found).ok_or_else(|| no_version(key));
                }
                Err(error) => error,
            };
            if let SdkError::ServiceError(failed) = &error
                && let UpdateItemError::ConditionalCheckFailedException(failed) = failed.err()
            {
                let ours = failed.item().filter(|there| is_of(there, &mark)).and_then(version);
                let failed = StoreError::ConditionFailed { key: key.to_string(), index };
                return ours.ok_or(failed);
            }
            if error.code() != Some("TransactionConflictException") || tried == TRIES {
                return Err(store_error(PUT, &self.resource(), error));
            }
            self.pace.pause(tried).await;
            tried += 1;
        }
    }

    /// One delete of whatever is there.
    async fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        let call = self.client.delete_item().table_name(&self.name);
        let call = call.set_key(Some(item::key(key)));
        let mut tried = 0;
        loop {
            let Err(error) = call.clone().send().await else { return Ok(()) };
            if error.code() != Some("TransactionConflictException") || tried == TRIES {
                return Err(store_error(DELETE, &self.resource(), error));
            }
            self.pace.pause(tried).await;
            tried += 1;
        }
    }

    async fn transaction(&self, writes: Vec<(usize, Write)>) -> Result<(), StoreError> {
        // The same at every try, ours and the SDK's: AWS does the transaction once.
        let token = self.pace.mark();
        let places: Vec<(usize, ItemKey)> =
            writes.iter().map(|(index, write)| (*index, write.key().clone())).collect();
        let items: Result<Vec<_>, _> =
            writes.into_iter().map(|(_, write)| self.transaction_item(write, &token)).collect();
        let items = items.map_err(|error| StoreError::Invalid {
            what: "transaction",
            reason: error.to_string(),
        })?;
        let call = self.client.transact_write_items();
        let call = call.client_request_token(&token).set_transact_items(Some(items));
        let mut tried = 0;
        loop {
            let Err(error) = call.clone().send().await else { return Ok(()) };
            match cancellation(&error) {
                Cancellation::Condition(place) => {
                    let (index, key) = place_of(&places, place);
                    return Err(StoreError::ConditionFailed { key, index });
                }
                Cancellation::Passing if tried == TRIES => {
                    return Err(StoreError::Throttled { retry_after: None });
                }
                Cancellation::Passing => self.pace.pause(tried).await,
                Cancellation::Refused(reason) => {
                    return Err(StoreError::Invalid { what: "transaction", reason });
                }
                Cancellation::Other => return Err(store_error(TRANSACT, &self.resource(), error)),
            }
            tried += 1;
        }
    }

    fn transaction_item(
        &self,
        write: Write,
        mark: &str,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let key = Some(item::key(write.key()));
        let mut values = HashMap::new();
        let condition = expression(write.condition(), &mut values).map(str::to_owned);
        let empty = |values: Attributes| (!values.is_empty()).then_some(values);
        Ok(match write {
            Write::Put { body, expires, .. } => {
                let change = change(body, expires, mark);
                values.extend(change.values);
                let update = Update::builder().table_name(&self.name).set_key(key);
                let update = update
                    .update_expression(change.expression)
                    .set_condition_expression(condition)
                    .expression_attribute_names("#ttl", "ttl")
                    .set_expression_attribute_values(Some(values));
                TransactWriteItem::builder().update(update.build()?).build()
            }
            Write::Delete { .. } => {
                let delete = Delete::builder().table_name(&self.name).set_key(key);
                let delete = delete
                    .set_condition_expression(condition)
                    .set_expression_attribute_values(empty(values));
                TransactWriteItem::builder().delete(delete.build()?).build()
            }
            Write::Check { .. } => {
                let check = ConditionCheck::builder().table_name(&self.name).set_key(key);
                let check = check
                    .set_condition_expression(condition)
                    .set_expression_attribute_values(empty(values));
                TransactWriteItem::builder().condition_check(check.build()?).build()
            }
        })
    }
}

/// Why a transaction was not done.
enum Cancellation {
    /// The condition at this place did not hold.
    Condition(usize),
    /// Another transaction was at one of its items, or the table was too busy.
    Passing,
    /// AWS would never do it.
    Refused(String),
    /// Nothing of it was looked at.
    Other,
}

fn cancellation(error: &SdkError<TransactWriteItemsError>) -> Cancellation {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return Cancellation::Other;
    };
    let reasons = cancelled.cancellation_reasons();
    let place = |code: &str| reasons.iter().position(|reason| reason.code() == Some(code));
    // A condition that does not hold stays so whatever else was in the way.
    if let Some(place) = place("ConditionalCheckFailed") {
        return Cancellation::Condition(place);
    }
    let refused = ["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"];
    for code in refused {
        if let Some(place) = place(code) {
            let text =
                reasons.get(place).and_then(|reason| reason.message()).unwrap_or("no message");
            return Cancellation::Refused(format!("AWS refuses write {place}: {code}: {text}"));
        }
    }
    Cancellation::Passing
}

fn no_version(key: &ItemKey) -> StoreError {
    StoreError::Damaged {
        what: key.to_string(),
        reason: "AWS did not tell its version after a put".to_owned(),
    }
}

/// Which of the writes that were asked for stands at `place` of the transaction, and its key.
fn place_of(places: &[(usize, ItemKey)], place: usize) -> (usize, String) {
    places.get(place).map_or((place, String::new()), |(index, key)| (*index, key.to_string()))
}
