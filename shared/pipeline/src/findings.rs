//! A run's findings, stored and read back.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use roster::{Finding, Findings, Origin, Severity, Text};
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::{Pipeline, PipelineError};

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// A finding's file is a place in this list.
    files: Vec<Text>,
    counts: Vec<(Severity, String, u64)>,
    kept: Vec<StoredFinding>,
}

#[derive(Serialize, Deserialize)]
struct StoredFinding {
    severity: Severity,
    code: String,
    message: String,
    file: u32,
    line: u32,
    key: Option<Text>,
}

const VERSION: u32 = 1;

/// All of a run's findings.
pub(crate) const ALL: &str = "findings";
/// Those of the export alone, where it is planned by another process than the one that read it.
pub(crate) const READ: &str = "findings-read";

impl Pipeline {
    pub(crate) async fn store_findings(
        &self,
        run: &str,
        findings: &Findings,
        files: &[Text],
    ) -> Result<(), PipelineError> {
        self.store_findings_of(run, ALL, findings, files).await
    }

    /// Stores findings under a name of their own.
    pub(crate) async fn store_findings_of(
        &self,
        run: &str,
        which: &str,
        findings: &Findings,
        files: &[Text],
    ) -> Result<(), PipelineError> {
        let body = encode(findings, files).map_err(|error| damaged(&error))?;
        Ok(self.stores.objects.put(&self.findings_key(run, which), &body).await?)
    }

    /// What was wrong or odd in a run's export and in what it asks for, and the files that the
    /// findings point into. Empty where the run came to none.
    pub async fn stored_findings(&self, run: &str) -> Result<(Findings, Vec<Text>), PipelineError> {
        let all = self.findings_of(run, ALL).await?;
        match all {
            Some(all) => Ok(all),
            // It was read and not planned yet.
            None => self.stored_findings_of(run, READ).await,
        }
    }

    /// Findings that stand under this name.
    pub(crate) async fn stored_findings_of(
        &self,
        run: &str,
        which: &str,
    ) -> Result<(Findings, Vec<Text>), PipelineError> {
        Ok(self.findings_of(run, which).await?.unwrap_or_default())
    }

    async fn findings_of(
        &self,
        run: &str,
        which: &str,
    ) -> Result<Option<(Findings, Vec<Text>)>, PipelineError> {
        let stored = self.stores.objects.get(&self.findings_key(run, which)).await?;
        stored.map(|bytes| decode(&bytes).map_err(|error| damaged(&error))).transpose()
    }

    fn findings_key(&self, run: &str, which: &str) -> String {
        self.integration.scope.object("reports", &format!("{run}/{which}"))
    }
}

fn damaged(error: &serde_json::Error) -> PipelineError {
    StoreError::Damaged { what: "findings".into(), reason: error.to_string() }.into()
}

fn encode(findings: &Findings, files: &[Text]) -> serde_json::Result<Vec<u8>> {
    let store = |finding: &Finding| StoredFinding {
        severity: finding.severity,
        code: finding.code.to_owned(),
        message: finding.message.clone(),
        file: finding.origin.file,
        line: finding.origin.line,
        key: finding.key.clone(),
    };
    let counts =
        findings.counts().map(|(severity, code, count)| (severity, code.to_owned(), count));
    serde_json::to_vec(&Stored {
        version: VERSION,
        files: files.to_vec(),
        counts: counts.collect(),
        kept: findings.kept().iter().map(store).collect(),
    })
}

fn decode(bytes: &[u8]) -> serde_json::Result<(Findings, Vec<Text>)> {
    let stored: Stored = serde_json::from_slice(bytes)?;
    if stored.version != VERSION {
        let wrong = format!("findings of version {}, not {VERSION}", stored.version);
        return Err(serde::de::Error::custom(wrong));
    }
    let kept = stored.kept.into_iter().map(|finding| Finding {
        severity: finding.severity,
        code: lasting(finding.code),
        message: finding.message,
        origin: Origin { file: finding.file, line: finding.line },
        key: finding.key,
    });
    let counts =
        stored.counts.into_iter().map(|(severity, code, count)| (severity, lasting(code), count));
    Ok((Findings::restore(kept.collect(), counts), stored.files))
}

/// A code that was read back, as a finding wants it. There are some dozens of codes, so each is
/// kept for good when it is first met.
fn lasting(code: String) -> &'static str {
    static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code.as_str()) {
        return known;
    }
    let code: &'static str = code.leak();
    codes.insert(code);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_comes_back_though_few_are_kept() {
        let mut findings = Findings::default();
        for line in 0..250 {
            findings.push(Finding {
                severity: Severity::Warning,
                code: "email-taken",
                message: "another person has it".into(),
                origin: Origin { file: 1, line },
                key: None,
            });
        }
        let files = [Text::new("a.xml"), Text::new("b.xml")];
        let bytes = encode(&findings, &files).unwrap();
        let (back, names) = decode(&bytes).unwrap();
        assert_eq!((back.clone(), names.as_slice()), (findings, files.as_slice()));
        assert_eq!(back.count_code("email-taken"), 250);
        assert!(decode(&bytes[1..]).is_err());
    }
}
