//! Every configuration that README and docs show is one that can be used as it stands.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::path::{Path, PathBuf};

use runtime::config::{Config, Known};

/// The `toml` blocks of a page, each with the line that it begins on.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.trim()) {
            (None, "```toml") => open = Some((number + 1, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, text)), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

#[test]
fn each_configuration_in_the_docs_can_be_loaded() {
    let formats = home::known();
    let known = Known { formats: &formats, targets: home::KINDS };
    let mut loaded = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (line, text) in blocks(&page) {
            // Others show a section alone.
            if !text.contains("tenant =") {
                continue;
            }
            let config = Config::parse(&text, Path::new("rollcall.toml"), known);
            let config = config.unwrap_or_else(|error| panic!("{name}, from line {line}: {error}"));
            assert!(!config.integrations.is_empty());
            loaded += 1;
        }
    }
    assert!(loaded >= 2, "README and docs/deploy.md show one each: {loaded} found");
}
