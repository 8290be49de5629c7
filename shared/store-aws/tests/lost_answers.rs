//! A write whose answer is lost is tried again and comes to the same; what AWS refuses for now is
//! tried again, and told as what it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::proxy::{Fault, Proxy};
use common::{MINISTACK, ambience, stack};
use store::{Condition, ItemKey, QueueName, StoreError, Stores, Write};
use store_aws::emulator::clients_at;
use store_aws::{Clients, Names, aws_stores};

/// The stores of a fresh stack: through a proxy, and without it.
async fn proxied() -> (Proxy, Stores, Stores) {
    let (clients, names) = stack().await;
    let proxy = Proxy::start(&MINISTACK.endpoint()).await;
    let stores = |clients: &Clients, names: &Names| aws_stores(clients, names, &ambience());
    let through = clients_at(&proxy.endpoint).await.unwrap();
    (proxy, stores(&through, &names), stores(&clients, &names))
}

const UPDATE: &str = "DynamoDB_20120810.UpdateItem";
const TRANSACT: &str = "DynamoDB_20120810.TransactWriteItems";

#[tokio::test]
async fn a_put_is_done_once() {
    let (proxy, stores, direct) = proxied().await;
    let key = ItemKey::new("t", "a");
    for (condition, version) in
        [(Condition::Absent, 1), (Condition::Version(1), 2), (Condition::Any, 3)]
    {
        proxy.plan(UPDATE, Fault::LoseAnswer);
        let body = format!("{version}").into_bytes();
        assert_eq!(stores.table.put(&key, body.clone(), condition).await.unwrap(), version);
        let item = direct.table.get(&key).await.unwrap().unwrap();
        assert_eq!((item.version, item.body), (version, body));
    }
    assert!(proxy.is_done());
    assert_eq!(proxy.count(UPDATE), 6, "each was sent twice");
    // Somebody else's write is still told from our own.
    direct.table.put(&key, b"theirs".to_vec(), Condition::Any).await.unwrap();
    let late = stores.table.put(&key, b"3".to_vec(), Condition::Version(3)).await;
    assert!(late.unwrap_err().is_condition_failed());
}

#[tokio::test]
async fn a_transaction_is_done_once() {
    let (proxy, stores, direct) = proxied().await;
    let [a, b] = ["a", "b"].map(|sk| ItemKey::new("t", sk));
    let put = |key: &ItemKey| Write::Put {
        key: key.clone(),
        body: b"1".to_vec(),
        condition: Condition::Absent,
        expires: None,
    };
    proxy.plan(TRANSACT, Fault::LoseAnswer);
    stores.table.transact(vec![put(&a), put(&b)]).await.unwrap();
    assert!(proxy.is_done());
    assert_eq!(direct.table.get(&b).await.unwrap().unwrap().version, 1);
    proxy.plan(TRANSACT, Fault::LoseAnswer);
    stores.table.delete(&a, Condition::Version(1)).await.unwrap();
    assert_eq!(direct.table.get(&a).await.unwrap(), None);
    assert!(proxy.is_done());
}

#[tokio::test]
async fn a_conflict_is_tried_again_and_then_told_as_throttling() {
    const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"conflict"},{"Code":"None"}]}"#;
    const SINGLE: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"conflict"}"#;
    let (proxy, stores, direct) = proxied().await;
    let writes = || {
        ["a", "b"].map(|sk| Write::Put {
            key: ItemKey::new("t", sk),
            body: Vec::new(),
            condition: Condition::Any,
            expires: None,
        })
    };
    proxy.plan(TRANSACT, Fault::Answer(400, CONFLICT));
    proxy.plan(TRANSACT, Fault::Answer(400, CONFLICT));
    stores.table.transact(writes().to_vec()).await.unwrap();
    let version =
        async |sk| direct.table.get(&ItemKey::new("t", sk)).await.unwrap().unwrap().version;
    assert_eq!((version("a").await, version("b").await), (1, 1));
    proxy.plan(UPDATE, Fault::Answer(400, SINGLE));
    assert_eq!(stores.table.put(&ItemKey::new("t", "a"), vec![], Condition::Any).await.unwrap(), 2);
    for _ in 0..10 {
        proxy.plan(TRANSACT, Fault::Answer(400, CONFLICT));
    }
    let error = stores.table.transact(writes().to_vec()).await.unwrap_err();
    assert!(matches!(error, StoreError::Throttled { .. }), "{error}");
    assert!(proxy.is_done());
}

#[tokio::test]
async fn throttling_is_tried_again_and_then_told() {
    const SLOW: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
    let (proxy, stores, _) = proxied().await;
    let key = ItemKey::new("t", "a");
    proxy.plan(UPDATE, Fault::Answer(400, SLOW));
    assert_eq!(stores.table.put(&key, Vec::new(), Condition::Absent).await.unwrap(), 1);
    for _ in 0..5 {
        proxy.plan(UPDATE, Fault::Answer(400, SLOW));
    }
    let error = stores.table.put(&key, Vec::new(), Condition::Any).await.unwrap_err();
    assert!(matches!(error, StoreError::Throttled { .. }), "{error}");
    assert!(error.is_retryable() && proxy.is_done());
}

#[tokio::test]
async fn a_refusal_names_permission_and_resource_and_is_not_tried_again() {
    const DENIED: &str = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"role/diff is not authorized"}"#;
    let (proxy, stores, _) = proxied().await;
    proxy.plan(UPDATE, Fault::Answer(400, DENIED));
    let put = stores.table.put(&ItemKey::new("t", "a"), b"secret".to_vec(), Condition::Any).await;
    let error = put.unwrap_err();
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(text.contains("dynamodb:UpdateItem") && text.contains("table rollcall-"), "{text}");
    assert_eq!(proxy.count(UPDATE), 1);
    let debug = format!("{error:?}");
    assert!(!debug.contains("secret") && !debug.contains("c2VjcmV0"), "no body in it: {debug}");
}

#[tokio::test]
async fn an_object_that_s3_is_silent_about_is_looked_for_in_a_listing() {
    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let (proxy, stores, direct) = proxied().await;
    direct.objects.put("a/there", b"x").await.unwrap();
    // Of an absent one a fenced role learns nothing but this.
    proxy.plan("HEAD /", Fault::Answer(403, ""));
    assert_eq!(stores.objects.head("a/none").await.unwrap(), None);
    for _ in 0..2 {
        proxy.plan("GET /", Fault::Answer(403, DENIED));
    }
    // A listing that is refused as well is a refusal.
    let refused = stores.objects.get("a/none").await.unwrap_err().to_string();
    assert!(refused.contains("s3:ListBucket"), "{refused}");
    assert!(proxy.is_done());
    proxy.plan("GET /", Fault::Answer(403, DENIED));
    assert_eq!(stores.objects.get("a/none").await.unwrap(), None);
    proxy.plan("GET /", Fault::Answer(403, DENIED));
    let refused = stores.objects.get("a/there").await.unwrap_err().to_string();
    assert!(refused.contains("s3:GetObject"), "it is there and may not be read: {refused}");
}

#[tokio::test]
async fn an_object_is_created_once() {
    let (proxy, stores, direct) = proxied().await;
    proxy.plan("PUT /", Fault::LoseAnswer);
    stores.objects.put_if_absent("a/b", b"ours").await.unwrap();
    assert!(proxy.is_done());
    assert_eq!(proxy.count("PUT /"), 2);
    assert_eq!(direct.objects.get("a/b").await.unwrap().unwrap(), b"ours");
    let again = stores.objects.put_if_absent("a/b", b"ours").await;
    assert!(again.unwrap_err().is_condition_failed(), "the same body is not the same write");
}

#[tokio::test]
async fn a_message_is_sent_once_and_received_again() {
    let (proxy, stores, direct) = proxied().await;
    proxy.plan("AmazonSQS.SendMessage", Fault::LoseAnswer);
    stores.queue.send(QueueName::Deliver, "g", "1", "body").await.unwrap();
    assert!(proxy.is_done());
    let hidden = std::time::Duration::from_secs(30);
    let message = direct.queue.receive(QueueName::Deliver, hidden, 9).await.unwrap().unwrap();
    assert_eq!(message.body, "body");
    direct.queue.ack(QueueName::Deliver, &message.receipt).await.unwrap();
    assert_eq!(direct.queue.receive(QueueName::Deliver, hidden, 9).await.unwrap(), None);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let (_, names) = stack().await;
    // A port that nothing listens at.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let stores = aws_stores(&clients_at(&endpoint).await.unwrap(), &names, &ambience());
    let error = stores.objects.get("a").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.is_retryable());
}
