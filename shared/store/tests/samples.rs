//! Data folders that earlier versions wrote can still be opened.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{check_sample, check_sample_queue, clock, fill_sample};
use store::DataDir;

fn sample(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/schema-{version}"))
}

#[tokio::test]
async fn a_folder_of_schema_1_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    // The sample is only ever copied: opening it would change it.
    copy(&sample(1), folder.path());
    let clock = clock();
    let reader = DataDir::open_reader(folder.path(), clock.clone()).unwrap();
    check_sample(&reader.stores()).await;
    let writer = DataDir::open_writer(folder.path(), clock.clone()).unwrap();
    writer.check_integrity().unwrap();
    check_sample(&writer.stores()).await;
    check_sample_queue(&writer.stores(), &clock).await;
    check_sample(&reader.stores()).await;
}

/// Writes the sample of the present schema. When the schema changes, give it the new number, run
/// `cargo test -p store --test samples -- --ignored`, and commit what it wrote beside the old ones.
#[tokio::test]
#[ignore = "writes the sample that the other tests read"]
async fn write_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    fill_sample(&DataDir::open_writer(folder.path(), clock()).unwrap().stores()).await;
    let sample = sample(1);
    assert!(!sample.exists(), "a sample that is committed never changes");
    fs::remove_dir(folder.path().join("objects/~tmp")).unwrap();
    fs::remove_file(folder.path().join("lock")).unwrap();
    copy(folder.path(), &sample);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
