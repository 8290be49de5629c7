//! Aligned columns.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::look::{BOLD, DIM, Look};

/// An aligned table: a heading, then rows; the first column stands left, the others right where
/// they are numbers. An empty cell of a number column shows as a dot.
pub fn table(head: &[&str], rows: &[Vec<String>], look: &Look) -> String {
    let mut out = String::new();
    write(&mut out, 2, head, rows, look);
    out
}

pub(super) fn write(
    out: &mut String,
    indent: usize,
    head: &[&str],
    rows: &[Vec<String>],
    look: &Look,
) {
    let columns = columns(head, rows);
    let padded = |at: usize, text: &str| {
        let gap = " ".repeat(columns[at].width.saturating_sub(text.width()));
        let between = if at == 0 { "" } else { "  " };
        match columns[at].number {
            true => format!("{between}{gap}{text}"),
            false => format!("{between}{text}{gap}"),
        }
    };
    let heads: Vec<String> = head.iter().enumerate().map(|(at, text)| padded(at, text)).collect();
    let pieces: Vec<_> = heads.iter().map(|text| (DIM, text.as_str())).collect();
    look.line(out, indent, &pieces);
    for row in rows {
        let cells: Vec<(Style, String)> = (0..head.len())
            .map(|at| match cell(row, at) {
                text if at == 0 => (Style::new(), padded(at, text)),
                text if text.is_empty() && columns[at].number => (DIM, padded(at, "·")),
                text if columns[at].number => (BOLD, padded(at, text)),
                text => (Style::new(), padded(at, text)),
            })
            .collect();
        let pieces: Vec<_> = cells.iter().map(|(style, text)| (*style, text.as_str())).collect();
        look.line(out, indent, &pieces);
    }
}

/// How wide a table is.
pub(super) fn width(head: &[&str], rows: &[Vec<String>]) -> usize {
    columns(head, rows).iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2)
}

fn columns(head: &[&str], rows: &[Vec<String>]) -> Vec<Column> {
    let column = |at: usize| {
        let number = at > 0 && rows.iter().all(|row| is_number(cell(row, at)));
        let widest = rows.iter().map(|row| cell(row, at).width()).max().unwrap_or_default();
        Column { number, width: widest.max(head[at].width()) }
    };
    (0..head.len()).map(column).collect()
}

fn cell(row: &[String], at: usize) -> &str {
    row.get(at).map(String::as_str).unwrap_or_default()
}

struct Column {
    number: bool,
    width: usize,
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == ',')
}
