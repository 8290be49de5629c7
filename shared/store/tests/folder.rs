//! A data folder: who may open it, what is told apart, and what lasts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{at, check_sample, check_sample_queue, clock, fill_sample, reader, writer};
use store::{Condition, DataDir, ItemKey, QueueName, StoreError, WakeUp, Write};

#[tokio::test]
async fn what_is_written_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let open = || DataDir::open_writer(folder.path(), clock.clone()).unwrap();
    fill_sample(&open().stores()).await;
    check_sample(&open().stores()).await;
    check_sample_queue(&open().stores(), &clock).await;
}

#[tokio::test]
async fn there_is_one_writer_and_readers_see_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let first = writer(folder.path());
    match DataDir::open_writer(folder.path(), clock()) {
        Err(StoreError::Locked { pid }) => assert_eq!(pid, std::process::id()),
        other => panic!("it is locked, not {other:?}"),
    }
    let reading = reader(folder.path());
    fill_sample(&first.stores()).await;
    check_sample(&reading.stores()).await;

    // A store that is still held keeps the lock, the handle it came from does not matter.
    let table = first.table();
    drop(first);
    assert!(matches!(DataDir::open_writer(folder.path(), clock()), Err(StoreError::Locked { .. })));
    drop(table);
    check_sample(&writer(folder.path()).stores()).await;
    check_sample(&reading.stores()).await;
}

#[tokio::test]
async fn a_reader_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fill_sample(&writer(folder.path()).stores()).await;
    let (stores, data) = (reader(folder.path()).stores(), reader(folder.path()));
    let key = ItemKey::new("oakfield/sis", "lease");
    let wake = WakeUp { due: at(1), integration: "oakfield/sis".into(), reason: "retry".into() };
    let hidden = std::time::Duration::from_secs(1);
    let results = [
        stores.objects.put("a", b"").await,
        stores.objects.put_if_absent("a", b"").await,
        stores.objects.delete("oakfield/sis/plans/run-1/header").await,
        stores.table.put(&key, vec![], Condition::Any).await.map(drop),
        stores.table.delete(&key, Condition::Any).await,
        stores.queue.send(QueueName::Deliver, "g", "d", "b").await,
        stores.queue.receive(QueueName::DeadLetter, hidden, 9).await.map(drop),
        stores.queue.ack(QueueName::Deliver, "1.1").await,
        stores.wake.set(wake.clone()).await,
        stores.wake.clear(&wake).await,
        data.drop_expired().map(drop),
    ];
    for (index, result) in results.into_iter().enumerate() {
        assert!(matches!(result, Err(StoreError::ReadOnly { .. })), "{index}: {result:?}");
    }
    check_sample(&stores).await;
}

#[tokio::test]
async fn an_absent_folder_is_empty_to_a_reader_until_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/data");
    let reading = reader(&path);
    let stores = reading.stores();
    let key = ItemKey::new("t", "a");
    assert_eq!(stores.table.get(&key).await.unwrap(), None);
    assert!(stores.table.query("t", "", None, 9).await.unwrap().items.is_empty());
    assert_eq!(stores.objects.get("a").await.unwrap(), None);
    assert!(stores.objects.list("a/", None, 9).await.unwrap().is_empty());
    assert!(stores.wake.of("t/i").await.unwrap().is_empty());
    reading.check_integrity().unwrap();
    assert!(!folder.path().join("deep").exists(), "it made nothing");
    fill_sample(&writer(&path).stores()).await;
    check_sample(&stores).await;
}

#[tokio::test]
async fn expired_items_are_dropped_when_the_sweep_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let data = DataDir::open_writer(folder.path(), clock.clone()).unwrap();
    fill_sample(&data.stores()).await;
    let lease = ItemKey::new("oakfield/sis", "lease");
    assert_eq!(data.drop_expired().unwrap(), 0);
    clock.reach(at(1_795_000_060));
    assert!(data.table().get(&lease).await.unwrap().is_some());
    assert_eq!(data.drop_expired().unwrap(), 1);
    assert_eq!(data.table().get(&lease).await.unwrap(), None);
    assert_eq!(data.drop_expired().unwrap(), 0, "what never expires stays");
    let run = ItemKey::new("oakfield/sis", "runs/run-1");
    assert!(data.table().get(&run).await.unwrap().is_some());
}

#[tokio::test]
#[cfg(unix)]
async fn it_is_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = writer(folder.path().join("data"));
    fill_sample(&data.stores()).await;
    let mut seen = 0;
    let mut rest = vec![folder.path().join("data")];
    while let Some(path) = rest.pop() {
        let found = fs::metadata(&path).unwrap();
        let expected = if found.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(found.permissions().mode() & 0o777, expected, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            rest.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen >= 12, "the log and the objects are among the {seen}");
}

#[tokio::test]
async fn what_an_earlier_writer_left_unfinished_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("objects/~tmp")).unwrap();
    fs::write(folder.path().join("objects/~tmp/half"), "hal").unwrap();
    fs::write(folder.path().join("~new.sqlite"), "SQLite fo").unwrap();
    let data = writer(folder.path());
    fill_sample(&data.stores()).await;
    check_sample(&data.stores()).await;
    assert_eq!(fs::read_dir(folder.path().join("objects/~tmp")).unwrap().count(), 0);
    assert!(!folder.path().join("~new.sqlite").exists());
}

/// Opens the folder both ways and returns what the writer came to; the reader must agree.
fn open_error(path: &std::path::Path) -> StoreError {
    let kind = |error: &StoreError| std::mem::discriminant(error);
    let reading = DataDir::open_reader(path, clock()).unwrap_err();
    let writing = DataDir::open_writer(path, clock()).unwrap_err();
    assert_eq!(kind(&reading), kind(&writing), "{reading} / {writing}");
    writing
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollcall.sqlite");
    let letter = "this is a letter, not a database. ".repeat(99);
    for (content, reason) in [("", "it is empty"), (letter.as_str(), "not a database")] {
        fs::write(&file, content).unwrap();
        let error = open_error(folder.path());
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    fs::remove_file(&file).unwrap();
    fs::write(folder.path().join("rollcall.sqlite-wal"), "log").unwrap();
    assert!(matches!(open_error(folder.path()), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn a_newer_schema_and_another_program_are_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(writer(folder.path()));
    let change = |sql: &str| {
        let database = rusqlite::Connection::open(folder.path().join("rollcall.sqlite")).unwrap();
        database.execute_batch(sql).unwrap();
    };
    change("PRAGMA user_version = 2");
    let error = open_error(folder.path()).to_string();
    assert!(error.contains("schema version 2") && error.contains("newer rollcall"), "{error}");
    change("PRAGMA user_version = 1; PRAGMA application_id = 7");
    let error = open_error(folder.path()).to_string();
    assert!(error.contains("another program"), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = writer(folder.path());
    let put = |number| Write::Put {
        key: ItemKey::new("t", format!("{number:03}")),
        body: vec![number; 20_000],
        condition: Condition::Absent,
        expires: None,
    };
    data.table().transact((0..100).map(put).collect()).await.unwrap();
    drop(data);
    let file = folder.path().join("rollcall.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    bytes[4096..].iter_mut().for_each(|byte| *byte = 0xa5);
    fs::write(&file, bytes).unwrap();
    let data = writer(folder.path());
    let error = data.table().get(&ItemKey::new("t", "050")).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let error = data.check_integrity().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_file_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, "a file").unwrap();
    let error = DataDir::open_writer(&path, clock()).unwrap_err();
    assert!(matches!(error, StoreError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("a file of that name"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
}

#[tokio::test]
async fn strangers_in_the_folder_of_objects_are_no_objects() {
    let folder = tempfile::tempdir().unwrap();
    let data = writer(folder.path());
    data.objects().put("a/b", b"1").await.unwrap();
    let objects = folder.path().join("objects");
    fs::write(objects.join("a/note to self.txt"), "hello").unwrap();
    fs::create_dir(objects.join("a/empty")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), objects.join("a/link")).unwrap();
    let listed = data.objects().list("", None, 99).await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), ["a/b"]);
}
