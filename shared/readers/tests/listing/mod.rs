//! A sink that lists what it gets, for tests.

use std::fmt::Write;

use readers::ExportSink;
use roster::{Finding, FormerKey, Origin, Record, Removal, Sink};

/// Everything in the order it came, as text.
#[derive(Default)]
pub struct Listing {
    text: String,
    findings: String,
}

impl Listing {
    /// `head`, then records and removals, then findings.
    pub fn into_text(self, head: &str) -> String {
        format!("{head}\n\n{}{}", self.text, self.findings)
    }
}

impl Sink for Listing {
    fn record(&mut self, record: Record, origin: Origin) {
        writeln!(self.text, "{:?} @{}", record, origin.line).expect("a string takes it");
        for (field, shown) in record.fields() {
            writeln!(self.text, "  {field}: {shown}").expect("a string takes it");
        }
    }

    fn removal(&mut self, removal: Removal, origin: Origin) {
        let roles: Vec<_> = removal.roles.iter().map(|role| role.name().to_owned()).collect();
        writeln!(self.text, "remove {:?} {roles:?} @{}", removal.key, origin.line)
            .expect("a string takes it");
    }

    fn rekey(&mut self, change: FormerKey) {
        let FormerKey { kind, former, current, origin } = change;
        writeln!(self.text, "rekey {kind} {former} to {current} @{}", origin.line)
            .expect("a string takes it");
    }

    fn finding(&mut self, finding: Finding) {
        let Finding { severity, code, message, origin, key } = finding;
        let known = readers::codes::ALL.iter().find(|known| known.name == code);
        assert_eq!(known.map(|known| known.severity), Some(severity), "{code}");
        let key = key.unwrap_or_default();
        writeln!(self.findings, "{severity} {code} @{} {key}: {message}", origin.line)
            .expect("a string takes it");
    }
}

impl ExportSink for Listing {
    fn add_file(&mut self, _: &str) -> u32 {
        0
    }
}
