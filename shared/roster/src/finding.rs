//! What is wrong or odd in an input.

use std::collections::BTreeMap;
use std::fmt;

use crate::Text;

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The record was dropped.
    Error,
    /// A value was dropped or changed; the record went on.
    Warning,
    /// Nothing was dropped; somebody may want to know.
    Note,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where in an export something stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Place of the file in the export's list of files.
    pub file: u32,
    /// Line, counted from 1; 0 where it does not apply.
    pub line: u32,
}

/// Something wrong or odd. The message names ids and what to do, never a name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A stable kebab-case code, for instance `member-unknown-person`.
    pub code: &'static str,
    /// One sentence for a person: what is wrong with what, and what happens to it.
    pub message: String,
    /// Where.
    pub origin: Origin,
    /// Which record, as `kind:id`, where it is known.
    pub key: Option<Text>,
}

/// All findings of an input: every one counted, the first of each code kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<(Severity, &'static str), u64>,
}

impl Findings {
    /// How many of each code are kept in full; the rest are counted only, so that a file with a
    /// million bad records needs no more memory than one with a hundred.
    pub const KEPT_PER_CODE: u64 = 100;

    /// Counts `finding` and keeps it if it is among the first of its code.
    pub fn push(&mut self, finding: Finding) {
        let count = self.counts.entry((finding.severity, finding.code)).or_default();
        *count += 1;
        if *count <= Self::KEPT_PER_CODE {
            self.kept.push(finding);
        }
    }

    /// The kept ones, in the order they came.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there are of each severity and code, kept or not.
    pub fn counts(&self) -> impl Iterator<Item = (Severity, &'static str, u64)> + '_ {
        self.counts.iter().map(|((severity, code), count)| (*severity, *code, *count))
    }

    /// How many of `severity`.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts().filter(|(of, ..)| *of == severity).map(|(.., count)| count).sum()
    }

    /// How many with `code`.
    pub fn count_code(&self, code: &str) -> u64 {
        self.counts().filter(|(_, of, _)| *of == code).map(|(.., count)| count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What was stored of findings: those that were kept, and how many there were of each code.
    pub fn restore(
        kept: Vec<Finding>,
        counts: impl IntoIterator<Item = (Severity, &'static str, u64)>,
    ) -> Self {
        let counts = counts.into_iter().map(|(severity, code, count)| ((severity, code), count));
        Self { kept, counts: counts.collect() }
    }

    /// Moves the files that the findings point to behind `base` others.
    pub fn shift_files(&mut self, base: u32) {
        self.kept.iter_mut().for_each(|finding| finding.origin.file += base);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        let before: BTreeMap<_, _> = self.counts.clone();
        for (code, count) in other.counts {
            *self.counts.entry(code).or_default() += count;
        }
        let mut room: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
        for finding in other.kept {
            let code = (finding.severity, finding.code);
            let taken = room.entry(code).or_insert(*before.get(&code).unwrap_or(&0));
            *taken += 1;
            if *taken <= Self::KEPT_PER_CODE {
                self.kept.push(finding);
            }
        }
    }
}
