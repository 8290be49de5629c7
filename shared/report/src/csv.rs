//! What was not done, as CSV (RFC 4180, UTF-8) for a spreadsheet.

use crate::label::clean;
use crate::{Outcome, ReceiptLine, explain};

const HEAD: &str = "outcome,code,kind,action,key,needs,file,line,explanation,what_to_do\r\n";

/// The receipts of what was not done, one a line under a heading; applied and accepted ones are
/// left out. Streams: nothing is held but the line.
pub fn rejects_csv(receipts: impl Iterator<Item = ReceiptLine>) -> impl Iterator<Item = String> {
    let open = |line: &ReceiptLine| !matches!(line.outcome, Outcome::Applied | Outcome::Accepted);
    std::iter::once(HEAD.to_owned()).chain(receipts.filter(open).map(|line| row(&line)))
}

/// Any rows under a heading, as CSV. A cell that begins as a formula does gets an apostrophe.
pub fn csv_rows<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> impl Iterator<Item = String> {
    let head = head.map(str::to_owned);
    std::iter::once(head).chain(rows).map(|row| row.map(|text| cell(&text)).join(",") + "\r\n")
}

fn row(line: &ReceiptLine) -> String {
    let code = line.code.as_deref().unwrap_or_default();
    let needs = line.needs.as_ref().map(ToString::to_string).unwrap_or_default();
    // An explanation says what it is, then, behind a colon, what to do.
    let (why, todo) = match (explain(code), &line.needs) {
        (Some(text), _) => text.split_once(": ").unwrap_or((text, "")),
        (None, Some(_)) => {
            (line.outcome.meaning(), "nothing: it is done once the record that it needs is there")
        }
        (None, None) => (line.outcome.meaning(), ""),
    };
    let (file, at) = place(line.origin.as_deref().unwrap_or_default());
    let cells = [
        line.outcome.name(),
        code,
        line.key.kind().name(),
        line.action.name(),
        &line.key.to_string(),
        &needs,
        file,
        at,
        why,
        todo,
    ];
    cells.map(cell).join(",") + "\r\n"
}

/// File and line of `file:line`; a name can hold a colon, too.
fn place(origin: &str) -> (&str, &str) {
    match origin.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => (file, line),
        _ => (origin, ""),
    }
}

/// A cell, quoted where it has to be, and never a formula.
fn cell(text: &str) -> String {
    let text = without_formulas(&clean(text));
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// A spreadsheet takes what begins with one of `=+-@` for a formula and would run it: an apostrophe
/// makes it text. In half of Europe it splits lines at `;`, whatever is quoted, so that a cell can
/// begin in the middle of one of ours.
fn without_formulas(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            plain.push('\'');
        }
        begins = matches!(c, ';' | ',' | '|') || begins && matches!(c, ' ' | '"');
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_file_and_line() {
        assert_eq!(place("a.xml:12"), ("a.xml", "12"));
        assert_eq!(place("a:b.xml"), ("a:b.xml", ""));
        assert_eq!(place(""), ("", ""));
    }

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("two\nlines", "two lines"),
            ("p-1; =1+1", "p-1; '=1+1"),
            ("a-b", "a-b"),
            ("2026-27;x-1", "2026-27;x-1"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
