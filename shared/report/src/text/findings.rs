//! Records that an export holds, and what is wrong or odd in it.

use std::collections::BTreeMap;

use anstyle::Style;
use roster::{Finding, Findings, Kind, Severity, Text};

use super::look::{BAD, BOLD, DIM, Look, ODD};
use crate::label::{clean, kind_words, many, number};
use crate::view::place;

/// How many findings of one code are shown.
const SHOWN: usize = 3;

/// `12 persons, 1 course, 30 enrollments`.
pub fn records(records: &BTreeMap<Kind, u64>, look: &Look) -> String {
    let text = counted(records);
    let mut out = String::new();
    for text in wrap(&text, "", look.width) {
        look.line(&mut out, 0, &[(Style::new(), &text)]);
    }
    out
}

/// The same in one line.
pub fn counted(records: &BTreeMap<Kind, u64>) -> String {
    let all = in_order(records).into_iter();
    let words: Vec<_> = all.map(|(kind, count)| kind_words(kind, count)).collect();
    if words.is_empty() { "no records".to_owned() } else { words.join(", ") }
}

/// The kinds of which there are records, persons first.
pub(crate) fn in_order(records: &BTreeMap<Kind, u64>) -> Vec<(Kind, u64)> {
    let all = records.iter().map(|(kind, count)| (*kind, *count));
    let mut all: Vec<_> = all.filter(|(_, count)| *count > 0).collect();
    all.sort_by_key(|(kind, _)| (*kind != Kind::Person, *kind));
    all
}

/// Findings by severity and code, the first of each code with file and line; empty where there
/// are none.
pub fn findings(findings: &Findings, files: &[Text], look: &Look) -> String {
    let mut out = String::new();
    write(&mut out, findings, files, look);
    out
}

pub(super) fn write(out: &mut String, findings: &Findings, files: &[Text], look: &Look) {
    if findings.is_empty() {
        return;
    }
    look.heading(out, "Findings", &totals(findings));
    for (severity, code, count) in findings.counts() {
        let style = match severity {
            Severity::Error => BAD,
            Severity::Warning => ODD,
            Severity::Note => DIM,
        };
        let times = if count > 1 { format!("  ×{}", number(count)) } else { String::new() };
        let pieces = [(style, severity.name()), (style, "  "), (BOLD, code), (DIM, &times)];
        look.line(out, 2, &pieces);
        let of_code = |finding: &&Finding| finding.severity == severity && finding.code == code;
        let kept = findings.kept().iter().filter(of_code).take(look.fold.of(SHOWN));
        let mut shown = 0;
        for finding in kept {
            shown += 1;
            let at = place(files, finding.origin).map(|at| format!("{at}  ")).unwrap_or_default();
            // A message is worth its length: it goes over several lines, not off the edge.
            for (row, text) in wrap(&clean(&finding.message), &at, look.width).iter().enumerate() {
                let at = if row == 0 { at.as_str() } else { "" };
                look.line(out, 4 + 2 * usize::from(row > 0), &[(DIM, at), (Style::new(), text)]);
            }
        }
        look.more(out, 4, count, shown);
    }
}

/// `3 errors, 1 warning`.
pub(crate) fn totals(findings: &Findings) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| (findings.count(severity), severity.name()));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| many(count, word)).collect::<Vec<_>>().join(", ")
}

/// Breaks text at spaces; the first line stands behind `at`.
pub(super) fn wrap(message: &str, at: &str, width: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthStr as _;
    let width = width.max(40) - 6;
    let mut lines: Vec<String> = vec![String::new()];
    let mut taken = at.width();
    for word in message.split(' ') {
        let wide = word.width() + 1;
        if taken + wide > width && taken > 0 {
            lines.push(String::new());
            taken = 0;
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        taken += wide;
    }
    lines
}
