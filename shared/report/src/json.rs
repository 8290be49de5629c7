//! The object that `--json` prints, version 1.

use std::collections::BTreeMap;
use std::io;

use plan::{Action, Change, Counts, HoldReason};
use roster::{Findings, Kind, Severity, Text};
use serde::Serialize;

use crate::{FieldView, Line, PlanView, ReceiptCounts, RunError, RunView};

/// The version of the object.
pub const SCHEMA: u32 = 1;

/// One object, for every command; a part that does not apply is left out.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Text>,
    /// The run's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Text>,
    /// Checksum of the part to deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Checksum of the held part: what an approval names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_checksum: Option<String>,
    /// How many records of each kind the sources hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<BTreeMap<Kind, u64>>,
    /// How many findings of each severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<FindingCounts>,
    /// How many changes of each kind and action, the held ones among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Counts>,
    /// How many of those are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Counts>,
    /// What became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<ReceiptCounts>,
    /// What ended it early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// How many findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a severity")]
pub struct FindingCounts {
    pub error: u64,
    pub warning: u64,
    pub note: u64,
}

impl FindingCounts {
    /// Those of `findings`.
    pub fn of(findings: &Findings) -> Self {
        Self {
            error: findings.count(Severity::Error),
            warning: findings.count(Severity::Warning),
            note: findings.count(Severity::Note),
        }
    }
}

impl Default for Answer {
    /// The object that says nothing but its version.
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            run: None,
            state: None,
            checksum: None,
            held_checksum: None,
            records: None,
            findings: None,
            changes: None,
            held: None,
            receipts: None,
            error: None,
        }
    }
}

impl Answer {
    /// What there is to say of a run.
    pub fn of(view: &RunView) -> Self {
        let mut answer = Self {
            run: view.run.clone(),
            state: Some(view.state.clone()),
            records: Some(view.records.clone()),
            findings: Some(FindingCounts::of(&view.findings)),
            receipts: view.receipts.as_ref().map(|receipts| receipts.counts),
            error: view.error.clone(),
            ..Self::default()
        };
        if let Some(plan) = &view.plan {
            answer.put_plan(plan);
        }
        answer
    }

    /// What ended a command that has nothing else to say.
    pub fn failed(error: RunError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    fn put_plan(&mut self, plan: &PlanView) {
        let summary = &plan.summary;
        let mut changes = summary.counts.clone();
        for (kind, actions) in &summary.held_counts {
            for (action, count) in actions {
                *changes.entry(*kind).or_default().entry(*action).or_default() += count;
            }
        }
        self.checksum = Some(summary.checksum.to_string());
        self.held_checksum = summary.held_checksum.map(|checksum| checksum.to_string());
        self.changes = Some(changes);
        self.held = Some(summary.held_counts.clone());
    }

    /// Writes the object and a line end.
    pub fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, self)?;
        writeln!(to)
    }

    /// Writes the object with a list `items` in it, one item at a time, so that a list of millions
    /// needs no memory.
    pub fn write_with<T: Serialize>(
        &self,
        to: &mut dyn io::Write,
        items: impl Iterator<Item = T>,
    ) -> io::Result<()> {
        let head = serde_json::to_string_pretty(self)?;
        let open = head.strip_suffix("\n}").unwrap_or(&head);
        write!(to, "{open},\n  \"items\": [")?;
        let mut between = "\n    ";
        for item in items {
            to.write_all(between.as_bytes())?;
            serde_json::to_writer(&mut *to, &item)?;
            between = ",\n    ";
        }
        let end = if between.starts_with(',') { "\n  ]\n}" } else { "]\n}" };
        writeln!(to, "{end}")
    }
}

/// One change, as an item of a plan's list.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeItem {
    kind: Kind,
    action: Action,
    key: String,
    cause: plan::Cause,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HoldReason>,
}

impl ChangeItem {
    /// The item of a change; `held` is why it is held.
    pub fn of(change: &Change, files: &[Text], held: Option<&HoldReason>) -> Self {
        let Line { action, key, name, note, fields, cause, origin } = Line::of(change, files);
        let kind = key.kind();
        let (key, held) = (key.to_string(), held.cloned());
        Self { kind, action, key, cause, name, note, origin, fields, held }
    }
}

/// One finding, as an item of a list.
#[derive(Debug, Clone, Serialize)]
pub struct FindingItem<'a> {
    severity: Severity,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a Text>,
}

impl<'a> FindingItem<'a> {
    /// The item of a finding.
    pub fn of(finding: &'a roster::Finding, files: &[Text]) -> Self {
        Self {
            severity: finding.severity,
            code: finding.code,
            message: &finding.message,
            origin: crate::view::place(files, finding.origin),
            key: finding.key.as_ref(),
        }
    }
}
