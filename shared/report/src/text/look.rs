//! Colour, width and folding.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::{FieldView, Line};

/// Whether colour is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// ANSI colours.
    Ansi,
    /// None.
    #[default]
    Plain,
}

/// How much of long lists is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fold {
    /// The first few of everything.
    #[default]
    Short,
    /// All that the view keeps.
    Long,
}

impl Fold {
    /// How many of a list to show, where `short` is a few of it.
    pub(super) fn of(self, short: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Long => usize::MAX,
        }
    }
}

/// How text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour.
    pub colour: Colour,
    /// Columns; lines are cut to it.
    pub width: usize,
    /// Folding.
    pub fold: Fold,
}

impl Default for Look {
    /// Plain, 100 columns, folded.
    fn default() -> Self {
        Self { colour: Colour::Plain, width: 100, fold: Fold::Short }
    }
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();

/// A piece of a line and its style.
pub(super) type Piece<'a> = (Style, &'a str);

impl Look {
    /// Appends one line: the pieces in their styles, cut to the width, without space at the end.
    pub(super) fn line(&self, out: &mut String, indent: usize, pieces: &[Piece<'_>]) {
        let mut left = self.width.max(20).saturating_sub(indent);
        let whole: usize = pieces.iter().map(|(_, text)| text.width()).sum();
        out.push_str(&" ".repeat(indent));
        for (style, text) in pieces {
            let shown = match whole <= self.width.max(20).saturating_sub(indent) {
                true => text,
                false => cut(text, left.saturating_sub(1)),
            };
            left = left.saturating_sub(shown.width());
            self.styled(out, *style, shown);
            if shown.len() < text.len() {
                out.push('…');
                break;
            }
        }
        let end = out.trim_end_matches(' ').len();
        out.truncate(end);
        out.push('\n');
    }

    fn styled(&self, out: &mut String, style: Style, text: &str) {
        match self.colour {
            Colour::Ansi if style != Style::new() && !text.is_empty() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{style}{text}{style:#}");
            }
            Colour::Ansi | Colour::Plain => out.push_str(text),
        }
    }

    /// A heading with what stands beside it, after an empty line.
    pub(super) fn heading(&self, out: &mut String, title: &str, beside: &str) {
        if !out.is_empty() {
            out.push('\n');
        }
        self.line(out, 0, &[(BOLD, title), (DIM, "  "), (DIM, beside)]);
    }

    /// `… and 214 more`, where there are more.
    pub(super) fn more(&self, out: &mut String, indent: usize, total: u64, shown: usize) {
        let more = total.saturating_sub(shown as u64);
        if more > 0 {
            let text = format!("… and {} more", crate::label::number(more));
            self.line(out, indent, &[(DIM, &text)]);
        }
    }

    /// A change: sign, id, name and note, then its fields as `before → after`.
    pub(super) fn change(&self, out: &mut String, indent: usize, line: &Line, id: &str) {
        let sign = format!("{} ", line.sign());
        let style = sign_style(line.sign());
        let name = line.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        let note = line.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
        let remark = line.remark().map(|remark| format!("  ({remark})")).unwrap_or_default();
        let origin = line.origin.as_ref().map(|at| format!("  {at}")).unwrap_or_default();
        let pieces = [
            (style, sign.as_str()),
            (style, id),
            (Style::new(), &name),
            (DIM, &note),
            (DIM, &remark),
            (DIM, &origin),
        ];
        self.line(out, indent, &pieces);
        let longest = line.fields.iter().map(|field| field.field.len()).max().unwrap_or_default();
        for field in &line.fields {
            self.field(out, indent + 4, &format!("{:longest$}  ", field.field), field);
        }
    }

    /// `name  before → after`, on two lines where one would lose the end.
    fn field(&self, out: &mut String, indent: usize, label: &str, field: &FieldView) {
        let piece = |value: &'_ Option<String>, style| match value {
            Some(value) => (style, value.clone()),
            None => (DIM, "nothing".to_owned()),
        };
        let (before, after) = (piece(&field.before, BAD), piece(&field.after, GOOD));
        let whole = indent + label.width() + before.1.width() + 3 + after.1.width();
        let (label_piece, arrow) = ((DIM, label), (DIM, "→ "));
        let (before, after) = ((before.0, before.1.as_str()), (after.0, after.1.as_str()));
        if whole <= self.width {
            return self.line(out, indent, &[label_piece, before, (DIM, " "), arrow, after]);
        }
        self.line(out, indent, &[label_piece, before]);
        self.line(out, indent + label.width().saturating_sub(2), &[arrow, after]);
    }
}

pub(super) fn sign_style(sign: char) -> Style {
    match sign {
        '+' => GOOD,
        '-' => BAD,
        _ => ODD,
    }
}

/// The beginning of `text` that fits `width` columns.
pub(super) fn cut(text: &str, width: usize) -> &str {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        if text[..next].width() > width {
            break;
        }
        end = next;
    }
    &text[..end]
}
