//! A backup gives the same store again, or says why not and changes nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use common::{check_sample, check_sample_queue, clock, fill_sample, reader, writer};
use store::embedded::{backup, restore};
use store::{Condition, DataDir, ItemKey, StoreError, Write};
use tempfile::TempDir;

/// A folder with a filled data folder in it, other files beside the store's, and a backup.
async fn backed_up() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = writer(&data);
    fill_sample(&open.stores()).await;
    fs::create_dir_all(data.join("sandbox/deep")).unwrap();
    fs::write(data.join("sandbox/deep/courses.json"), "[]").unwrap();
    fs::write(data.join("sandbox/lock"), "1").unwrap();
    fs::write(data.join("sandbox/~half"), "ha").unwrap();
    open.objects().put("oakfield/lock", b"an object").await.unwrap();
    open.objects().delete("oakfield/lock").await.unwrap();
    let file = folder.path().join("backup.tar.zst");
    let taken = backup(&data, &file).unwrap();
    assert_eq!(taken.files, 4);
    (folder, file)
}

#[tokio::test]
async fn a_backup_gives_the_same_store_again() {
    let (folder, file) = backed_up().await;
    let into = folder.path().join("into/data");
    let restored = restore(&file, &into).unwrap();
    assert_eq!(restored.files, 4);
    check_sample(&reader(&into).stores()).await;
    let clock = clock();
    let open = DataDir::open_writer(&into, clock.clone()).unwrap();
    open.check_integrity().unwrap();
    check_sample(&open.stores()).await;
    check_sample_queue(&open.stores(), &clock).await;
    let sandbox = into.join("sandbox");
    assert_eq!(fs::read_to_string(sandbox.join("deep/courses.json")).unwrap(), "[]");
    assert!(!sandbox.join("lock").exists() && !sandbox.join("~half").exists());
    let beside: Vec<_> = fs::read_dir(folder.path().join("into")).unwrap().collect();
    assert_eq!(beside.len(), 1, "nothing is left beside it");
    let again = folder.path().join("again.tar.zst");
    backup(&folder.path().join("data"), &again).unwrap();
    assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "the same gives the same");
}

#[tokio::test]
#[cfg(unix)]
async fn a_backup_and_what_it_gives_are_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, file) = backed_up().await;
    let into = folder.path().join("into");
    restore(&file, &into).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&into), 0o700);
    assert_eq!(mode(&into.join("sandbox/deep")), 0o700);
    assert_eq!(mode(&into.join("sandbox/deep/courses.json")), 0o600);
    assert_eq!(mode(&into.join("rollcall.sqlite")), 0o600);
}

/// Two rows that always agree, and objects that each were there before the row that counts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_backup_while_a_writer_writes_is_consistent() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stores = writer(&data).stores();
    let [left, right] = ["left", "right"].map(|sk| ItemKey::new("t", sk));
    let (progress, mut done) = tokio::sync::watch::channel(0);
    let writing = tokio::spawn(async move {
        let mut number = 0_u32;
        while !progress.is_closed() {
            number += 1;
            stores.objects.put(&format!("o/{number}"), &[7; 999]).await.unwrap();
            let put = |key: &ItemKey| Write::Put {
                key: key.clone(),
                body: number.to_string().into_bytes(),
                condition: Condition::Any,
                expires: None,
            };
            let key = ItemKey::new("rows", number.to_string());
            stores.table.put(&key, vec![1; 9999], Condition::Absent).await.unwrap();
            stores.table.transact(vec![put(&left), put(&right)]).await.unwrap();
            progress.send_replace(number);
        }
    });
    let mut last = 0;
    for round in 0..5 {
        done.changed().await.unwrap();
        let file = folder.path().join(format!("{round}.tar.zst"));
        let into = folder.path().join(format!("{round}"));
        backup(&data, &file).unwrap();
        restore(&file, &into).unwrap();
        let open = reader(&into);
        open.check_integrity().unwrap();
        let items = open.table().query("t", "", None, 9).await.unwrap().items;
        let [left, right] = items.as_slice() else { panic!("both of them, not {items:?}") };
        assert_eq!((left.version, &left.body), (right.version, &right.body));
        for number in 1..=left.version {
            let object = open.objects().head(&format!("o/{number}")).await.unwrap();
            assert!(object.is_some_and(|meta| meta.len == 999), "object {number}");
        }
        assert!(left.version > last, "the writer goes on meanwhile");
        last = left.version;
    }
    drop(done);
    writing.await.unwrap();
}

/// Restores `file` where nothing is, which must fail; nothing is there after it either.
fn refused(file: &Path) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    let error = restore(file, &folder.path().join("into")).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{error}");
    error
}

fn refused_as_damaged(file: &Path) -> String {
    match refused(file) {
        StoreError::Damaged { reason, .. } => reason,
        other => panic!("it is damaged, not: {other}"),
    }
}

#[tokio::test]
async fn a_cut_backup_is_refused_wherever_it_is_cut() {
    let (folder, file) = backed_up().await;
    let whole = fs::read(&file).unwrap();
    let cut = folder.path().join("cut");
    for end in (0..whole.len()).step_by(whole.len() / 40).chain([1, 5, whole.len() - 1]) {
        fs::write(&cut, &whole[..end]).unwrap();
        let reason = refused_as_damaged(&cut);
        assert!(reason.contains("ends early") || reason.contains("no backup"), "{end}: {reason}");
    }
}

#[tokio::test]
async fn a_changed_backup_is_refused_wherever_it_is_changed() {
    let (folder, file) = backed_up().await;
    let whole = fs::read(&file).unwrap();
    let changed = folder.path().join("changed");
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&changed, &bytes).unwrap();
        refused_as_damaged(&changed);
    }
    fs::write(&changed, [whole.as_slice(), b"more"].concat()).unwrap();
    refused_as_damaged(&changed);
}

type Entries = Vec<(String, Vec<u8>)>;
/// What the refusal says, and the change that it is for.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Entries));

fn entries(file: &Path) -> Entries {
    let decoder = zstd::Decoder::new(File::open(file).unwrap()).unwrap();
    let mut archive = tar::Archive::new(decoder);
    let read = |entry: Result<tar::Entry<'_, _>, _>| {
        let mut entry: tar::Entry<'_, zstd::Decoder<'_, _>> = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    };
    archive.entries().unwrap().map(read).collect()
}

/// Writes an archive as somebody else might, with names as they are.
fn forge(entries: &Entries, kind: tar::EntryType, file: &Path) {
    let mut tar = tar::Builder::new(zstd::Encoder::new(File::create(file).unwrap(), 1).unwrap());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        let is_forged = !name.starts_with("rollcall-") && !name.ends_with("sqlite");
        header.set_entry_type(if is_forged { kind } else { tar::EntryType::Regular });
        if kind == tar::EntryType::Symlink && is_forged {
            header.set_link_name("..").unwrap();
        }
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

fn manifest(files: &Entries) -> Vec<u8> {
    let line = |(name, content): &(String, Vec<u8>)| {
        let path = name.strip_prefix("data/").unwrap_or(name);
        format!("{}  {}  {path}\n", blake3::hash(content).to_hex(), content.len())
    };
    files.iter().map(line).collect::<String>().into_bytes()
}

#[tokio::test]
async fn what_the_manifest_does_not_say_is_refused() {
    let (folder, file) = backed_up().await;
    let whole = entries(&file);
    let names: BTreeMap<_, _> =
        whole.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let header = names["data/objects/oakfield/sis/plans/run-1/header"];
    let last = whole.len() - 1;
    assert_eq!(
        (whole[0].0.as_str(), whole[last].0.as_str()),
        ("rollcall-backup", "rollcall-manifest")
    );
    let forged = folder.path().join("forged");
    let reason = |change: &dyn Fn(&mut Entries)| {
        let mut entries = whole.clone();
        change(&mut entries);
        forge(&entries, tar::EntryType::Regular, &forged);
        refused(&forged).to_string()
    };
    let cases: [Case<'_>; 8] = [
        ("was changed", &|e| e[header].1[3] ^= 1),
        ("was changed", &|e| e[header].1.push(0)),
        ("is missing", &|e| drop(e.remove(header))),
        ("twice", &|e| e[header].0 = e[header - 1].0.clone()),
        ("does not have", &|e| e.insert(2, ("data/more".to_owned(), vec![]))),
        ("before its manifest", &|e| drop(e.pop())),
        ("no backup of rollcall", &|e| drop(e.remove(0))),
        ("knows 1: use the rollcall", &|e| e[0].1 = b"rollcall backup, format 2\n".to_vec()),
    ];
    for (index, (expected, change)) in cases.into_iter().enumerate() {
        let reason = reason(change);
        assert!(reason.contains(expected), "{index}: {reason}");
    }
    // What this test forges without a change is accepted: the refusals above mean something.
    forge(&whole, tar::EntryType::Regular, &forged);
    restore(&forged, &folder.path().join("into")).unwrap();
}

#[tokio::test]
async fn nothing_leads_out_of_the_folder() {
    let (folder, file) = backed_up().await;
    let whole = entries(&file);
    let forged = folder.path().join("forged");
    let try_entry = |name: &str, kind: tar::EntryType| {
        let mut files: Entries =
            whole.iter().filter(|(name, _)| name.ends_with("sqlite")).cloned().collect();
        files.push((name.to_owned(), if kind.is_file() { b"x".to_vec() } else { vec![] }));
        let mut all = vec![whole[0].clone()];
        all.extend(files.iter().cloned());
        all.push(("rollcall-manifest".to_owned(), manifest(&files)));
        forge(&all, kind, &forged);
        refused_as_damaged(&forged)
    };
    let names = [
        "data/../out",
        "data//etc/out",
        "/etc/out",
        "out",
        "data/a/../../out",
        "data/./a",
        "data/",
    ];
    for name in names {
        let reason = try_entry(name, tar::EntryType::Regular);
        assert!(reason.contains("no backup of rollcall"), "{name}: {reason}");
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory] {
        let reason = try_entry("data/a", kind);
        assert!(reason.contains("no backup of rollcall"), "{kind:?}: {reason}");
    }
}

#[tokio::test]
async fn places_that_cannot_be_are_named() {
    let (folder, file) = backed_up().await;
    let data = folder.path().join("data");
    let says = |result: Result<_, StoreError>, expected: &str| {
        let error = result.map(|_: store::embedded::Backup| ()).unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let new = folder.path().join("new");
    says(restore(&file, &data), "not empty");
    says(restore(&new, &folder.path().join("into")), "cannot be used");
    says(backup(&data, &file), "there already");
    says(backup(&new, &folder.path().join("other")), "no data folder");
    says(backup(&data, &data.join("sandbox/inside")), "outside");
    says(backup(&data, &new.join("deep")), "does not exist");
    assert!(!new.exists());
    check_sample(&reader(&data).stores()).await;
    fs::create_dir(&new).unwrap();
    restore(&file, &new).unwrap();
    check_sample(&reader(&new).stores()).await;
}
