//! `rollcall check`

use report::json::{Answer, FindingCounts, FindingItem};
use report::text;
use roster::Severity;
use runtime::Exit;

use crate::exports::Exports;
use crate::failure::Failure;
use crate::home::Setting;
use crate::outcome::Subject;
use crate::progress::Watch;
use home::SealingVault;

/// Read an export and say what is in it and what is wrong with it; changes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rollcall check registrar.xml
  rollcall check registrar.xml.gz --all     every finding that is kept, not the first of each kind
  rollcall check *.xml --json | jq .records

Exit codes: 0 no record is lost, 1 some records are bad, 2 the export cannot be read.")]
pub struct Check {
    #[command(flatten)]
    exports: Exports,
    /// Show all findings, not the first of each kind
    #[arg(long)]
    all: bool,
}

impl Check {
    /// Reads, says, ends.
    pub fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let configured = setting.config()?;
        let source = configured.source(&self.exports.source(&configured.integration)?)?;
        let subject = Subject {
            tenant: configured.tenant.clone(),
            integration: configured.integration.name.clone(),
            target: String::new(),
        };
        let watch = Watch::new(console, &setting.interrupt, subject);
        let vault = SealingVault::passing(&*setting.random);
        let inputs = self.exports.open()?.watched(&watch);
        let read = pipeline::read(&source, source.mode, inputs, &vault, &watch);
        watch.clear();
        let snapshot = read?.snapshot;
        let findings = snapshot.findings();
        if console.is_json() {
            let answer = Answer {
                records: Some(snapshot.counts().clone()),
                findings: Some(FindingCounts::of(findings)),
                ..Answer::default()
            };
            let items = findings.kept().iter();
            let items = items.map(|finding| FindingItem::of(finding, snapshot.files()));
            console.stream(|out| answer.write_with(out, items))?;
        } else {
            let fold = if self.all { text::Fold::Long } else { text::Fold::Short };
            let look = text::Look { fold, ..console.look() };
            console.print(&text::records(snapshot.counts(), &look));
            if !snapshot.removals().is_empty() {
                console.print(&format!("Removals: {}\n", snapshot.removals().len()));
            }
            match findings.is_empty() {
                true => console.print("No findings.\n"),
                false => {
                    console
                        .print(&format!("\n{}", text::findings(findings, snapshot.files(), &look)));
                }
            }
        }
        Ok(if findings.count(Severity::Error) > 0 { Exit::Failed } else { Exit::Done })
    }
}
