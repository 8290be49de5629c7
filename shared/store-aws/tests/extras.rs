//! What the crate has beside the ports: names, exports, secrets, schedules, the fence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, SystemClock, Timestamp};
use common::{MINISTACK, ambience, stack};
use secrecy::ExposeSecret;
use store::{StoreError, WakeUp};
use store_aws::{
    Ambience, Clients, Exports, Fence, Names, NamesError, Recurring, SecretError, Secrets,
    aws_stores, schedules,
};

#[tokio::test]
async fn a_stack_names_everything() {
    let (clients, names) = stack().await;
    let found = Names::of_stack(&clients, &names.stack).await.unwrap();
    assert_eq!(found, names);
    let stack = &names.stack;
    assert_eq!(names.table, *stack);
    assert_eq!(names.bucket, format!("{stack}-000000000000-{}", clients.region()));
    assert!(names.dead_queue.ends_with(&format!("{stack}-dead.fifo")));
    assert!(names.wake_target.ends_with(&format!(":function:{stack}-reconcile")));
    assert!(names.wake_role.ends_with(&format!(":role/{stack}-scheduler")));
    let error = Names::of_stack(&clients, "nowhere").await.unwrap_err();
    let NamesError::Lookup { source, .. } = error else { panic!("not found, not {error}") };
    assert!(matches!(source, StoreError::Unsupported { .. }), "{source}");
}

/// Puts `body` at `key` as a school does: not through the port.
async fn drop_export(clients: &Clients, names: &Names, key: &str, body: Vec<u8>) {
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(clients.config()).force_path_style(true).build(),
    );
    let put = s3.put_object().bucket(&names.bucket).key(key).body(body.into());
    put.send().await.unwrap();
}

/// Two blocks and a half that tell each place.
fn large() -> Vec<u8> {
    (0..20_u32 << 20).map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_read_as_a_file() {
    let (clients, names) = stack().await;
    let exports = Exports::new(&clients, &names.bucket);
    let prefix = Exports::prefix("oakfield/main", "sis");
    let key = format!("{prefix}Students & Staff +1.zip");
    drop_export(&clients, &names, &key, large()).await;
    drop_export(&clients, &names, &format!("{prefix}empty.csv"), Vec::new()).await;
    drop_export(&clients, &names, "incoming/oakfield/main/sis2/other.csv", vec![1]).await;
    let listed = exports.list(&prefix).await.unwrap();
    let keys: Vec<_> = listed.iter().map(|export| export.key.clone()).collect();
    assert_eq!(keys, [key.clone(), format!("{prefix}empty.csv")]);
    let found = exports.find(&key, None).await.unwrap().unwrap();
    assert_eq!((found.len, &found.etag), (listed[0].len, &listed[0].etag));
    assert!(found.version.is_some() && listed[0].version.is_none());
    let age = SystemClock.now().duration_since(found.modified).as_secs();
    assert!((-2..600).contains(&age), "it came just now, not {age} s ago");
    assert_eq!(exports.find("incoming/none", None).await.unwrap(), None);

    let runtime = tokio::runtime::Handle::current();
    let (mut whole, mut empty) =
        (exports.reader(&found, runtime.clone()), exports.reader(&listed[1], runtime));
    tokio::task::spawn_blocking(move || {
        let mut body = Vec::new();
        assert_eq!(empty.read_to_end(&mut body).unwrap(), 0);
        whole.read_to_end(&mut body).unwrap();
        assert!(body == large(), "all of it, in order");
        // As a zip is read: its end first, then about.
        for place in [SeekFrom::End(-10), SeekFrom::Start((8 << 20) - 3), SeekFrom::Start(5)] {
            let start = whole.seek(place).unwrap() as usize;
            let mut some = [0; 7];
            whole.read_exact(&mut some).unwrap();
            assert_eq!(some, body[start..start + 7], "{place:?}");
        }
        let past = whole.seek(SeekFrom::End(5)).unwrap();
        assert_eq!(past, whole.len() + 5);
        assert_eq!(whole.read(&mut [0; 7]).unwrap(), 0);
        let before = whole.seek(SeekFrom::End(-(21 << 20))).unwrap_err();
        assert_eq!(before.kind(), ErrorKind::InvalidInput);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_export_is_never_mixed() {
    let (clients, names) = stack().await;
    let exports = Exports::new(&clients, &names.bucket);
    let key = "incoming/t/i/sis/a.csv";
    drop_export(&clients, &names, key, large()).await;
    let pinned = exports.find(key, None).await.unwrap().unwrap();
    let listed = exports.list("incoming/t/i/sis/").await.unwrap().remove(0);
    let mut other = large();
    other.reverse();
    drop_export(&clients, &names, key, other).await;
    let runtime = tokio::runtime::Handle::current();
    let (mut pinned, mut listed) =
        (exports.reader(&pinned, runtime.clone()), exports.reader(&listed, runtime));
    tokio::task::spawn_blocking(move || {
        let mut body = Vec::new();
        pinned.read_to_end(&mut body).unwrap();
        assert!(body == large(), "a version stays what it was");
        let error = listed.read_to_end(&mut body).unwrap_err();
        assert!(error.to_string().contains("was replaced while it was read"), "{error}");
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn secrets_are_kept_for_five_minutes() {
    let (clients, names) = stack().await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_795_000_000).unwrap()));
    let secrets = Secrets::new(&clients, &names.stack, clock.clone());
    let elsewhere = Secrets::new(&clients, &names.stack, clock.clone());
    let read = async || secrets.get("oakfield", "moodle").await.unwrap().expose_secret().to_owned();
    let error = secrets.get("oakfield", "moodle").await.unwrap_err();
    let id = format!("{}/oakfield/moodle", names.stack);
    assert!(matches!(&error, SecretError::Missing { id: missing } if *missing == id), "{error}");
    assert!(error.to_string().contains(&format!("there is no secret `{id}`")), "{error}");

    secrets.put("oakfield", "moodle", &"first".into()).await.unwrap();
    assert_eq!(read().await, "first");
    elsewhere.put("oakfield", "moodle", &"second".into()).await.unwrap();
    clock.advance(Duration::from_secs(299));
    assert_eq!(read().await, "first", "kept");
    clock.advance(Duration::from_secs(1));
    assert_eq!(read().await, "second", "asked again");
    elsewhere.put("oakfield", "moodle", &"third".into()).await.unwrap();
    secrets.forget("oakfield", "moodle");
    assert_eq!(read().await, "third", "asked again once it was refused");
    secrets.delete("oakfield", "moodle").await.unwrap();
    assert!(secrets.get("oakfield", "moodle").await.is_err());
    secrets.put("oakfield", "moodle", &"fourth".into()).await.unwrap();
    assert_eq!(read().await, "fourth", "a deleted one comes back");
    assert!(!secrets.create("oakfield", "moodle", &"fifth".into()).await.unwrap());
    assert_eq!(read().await, "fourth", "what is there stays");
    assert!(secrets.create("oakfield", "key", &"made".into()).await.unwrap());
    assert_eq!(secrets.get("oakfield", "key").await.unwrap().expose_secret(), "made");
    secrets.delete("oakfield", "never").await.unwrap();
    for (tenant, name) in [("", "a"), ("a", ""), ("a/b", "c"), ("a", "../b"), ("a", "b c")] {
        assert!(secrets.get(tenant, name).await.is_err(), "{tenant:?} {name:?}");
    }
    assert!(!format!("{secrets:?}").contains("fourth"));
}

async fn schedule(clients: &Clients, group: &str) -> Vec<(String, String, String)> {
    let scheduler = aws_sdk_scheduler::Client::new(clients.config());
    let listed = scheduler.list_schedules().group_name(group).send().await.unwrap();
    let mut found = Vec::new();
    for summary in listed.schedules() {
        let name = summary.name().unwrap();
        let one = scheduler.get_schedule().group_name(group).name(name).send().await.unwrap();
        found.push((
            name.to_owned(),
            one.schedule_expression().unwrap().to_owned(),
            one.target().unwrap().input().unwrap().to_owned(),
        ));
    }
    found
}

#[tokio::test]
async fn a_wake_up_has_an_alarm() {
    let (clients, names) = stack().await;
    let clock = Arc::new(ManualClock::new("2026-11-22T05:00:00Z".parse().unwrap()));
    let stores = aws_stores(&clients, &names, &Ambience { clock, ..ambience() });
    let up = |due: &str| WakeUp {
        due: due.parse().unwrap(),
        integration: "oakfield/sis".to_owned(),
        reason: "retry".to_owned(),
    };
    for (due, expected) in [
        ("2036-11-22T05:07:38.25Z", "at(2036-11-22T05:07:39)"),
        ("2036-11-22T06:00:00Z", "at(2036-11-22T06:00:00)"),
    ] {
        stores.wake.set(up(due)).await.unwrap();
        let found = schedule(&clients, &names.wake_group).await;
        let [(name, expression, input)] = found.as_slice() else { panic!("one, not {found:?}") };
        assert!(name.starts_with("oakfield_sis-"), "{name}");
        assert_eq!(expression, expected);
        let input: serde_json::Value = serde_json::from_str(input).unwrap();
        let wanted = serde_json::json!(
            {"tenant": "oakfield", "integration": "sis", "reason": "retry"}
        );
        assert_eq!(input, wanted);
    }
    stores.wake.clear(&up("2036-11-22T05:07:38.25Z")).await.unwrap();
    assert_eq!(schedule(&clients, &names.wake_group).await.len(), 1, "it was moved meanwhile");
    stores.wake.clear(&up("2036-11-22T06:00:00Z")).await.unwrap();
    assert_eq!(schedule(&clients, &names.wake_group).await, []);
}

#[tokio::test]
async fn a_wake_up_that_is_past_due_rings_soon() {
    let (clients, names) = stack().await;
    let clock = Arc::new(ManualClock::new("2036-11-22T05:00:00Z".parse().unwrap()));
    let stores = aws_stores(&clients, &names, &Ambience { clock, ..ambience() });
    let (integration, reason) = ("oakfield/sis".to_owned(), "settle".to_owned());
    let due = Timestamp::UNIX_EPOCH;
    stores.wake.set(WakeUp { due, integration, reason }).await.unwrap();
    let found = schedule(&clients, &names.wake_group).await;
    assert_eq!(found[0].1, "at(2036-11-22T05:00:05)");
    assert_eq!(stores.wake.of("oakfield/sis").await.unwrap()[0].due, due, "the row is exact");
}

#[tokio::test]
async fn recurring_schedules_come_change_and_go() {
    let (clients, names) = stack().await;
    let timetable = schedules(&clients, &names, &ambience());
    let mut nightly = Recurring {
        integration: "oakfield/sis".to_owned(),
        reason: "reconcile".to_owned(),
        expression: "cron(0 5 ? * MON-FRI *)".to_owned(),
        timezone: "Europe/Dublin".to_owned(),
    };
    assert!(!timetable.exists("oakfield/sis", "reconcile").await.unwrap());
    timetable.put(&nightly).await.unwrap();
    nightly.expression = "rate(1 day)".to_owned();
    timetable.put(&nightly).await.unwrap();
    let found = schedule(&clients, &names.recurring_group).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "rate(1 day)");
    assert!(timetable.exists("oakfield/sis", "reconcile").await.unwrap());
    nightly.expression = "cron(0 5 * * *)".to_owned();
    assert!(matches!(timetable.put(&nightly).await, Err(StoreError::Invalid { .. })));
    timetable.delete("oakfield/sis", "reconcile").await.unwrap();
    timetable.delete("oakfield/sis", "reconcile").await.unwrap();
    assert!(!timetable.exists("oakfield/sis", "reconcile").await.unwrap());
}

/// That AWS refuses what is outside the fence cannot be shown here: the emulator enforces no
/// policies. That each tenant has a session of its own can.
#[tokio::test]
async fn each_tenant_has_its_session() {
    let (clients, names) = stack().await;
    let fence = Fence::new(&clients, "arn:aws:iam::000000000000:role/rollcall-tenant");
    let oak = fence.clients("oakfield").await.unwrap();
    let elm = fence.clients("elm-park").await.unwrap();
    assert!(Arc::ptr_eq(&oak, &fence.clients("oakfield").await.unwrap()), "it is kept");
    assert!(!Arc::ptr_eq(&oak, &elm));
    let stores = aws_stores(&oak, &names, &ambience());
    stores.objects.put("plans/oakfield/sis/1/plan", b"plan").await.unwrap();
    for odd in ["", "Oak", "a/b", "*", "a b", &"a".repeat(56)] {
        assert!(matches!(fence.clients(odd).await, Err(StoreError::Invalid { .. })), "{odd}");
    }
}

#[tokio::test]
async fn dead_letters_and_traces_travel() {
    let (clients, names) = stack().await;
    let trace = Arc::new(|| Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()));
    let stores = aws_stores(&clients, &names, &Ambience { trace: Some(trace), ..ambience() });
    stores.queue.send(store::QueueName::Plan, "t/i", "1", "{}").await.unwrap();
    let sqs = aws_sdk_sqs::Client::new(clients.config());
    let received = sqs
        .receive_message()
        .queue_url(&names.plan_queue)
        .message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let attributes = received.messages()[0].attributes().unwrap();
    let header = &aws_sdk_sqs::types::MessageSystemAttributeName::AwsTraceHeader;
    assert!(attributes[header].starts_with("Root=1-5759e988"));
    let odd = stores.queue.send(store::QueueName::Plan, "t/i", "2", "bell \u{7}").await;
    assert!(matches!(odd, Err(StoreError::Invalid { .. })), "SQS would refuse it");
}

#[tokio::test]
async fn the_emulator_says_where_it_is() {
    assert!(MINISTACK.endpoint().starts_with("http://127.0.0.1:"));
    assert_eq!(MINISTACK.clients().await.unwrap().region(), store_aws::emulator::REGION);
}
