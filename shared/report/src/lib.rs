//! Plans, findings and receipts, for a person to read and for a program.
//!
//! - [`PlanView`] and [`RunView`]: what a report says, as plain data. A plan of millions of changes
//!   becomes a view of bounded size in one pass.
//! - [`text`]: for a terminal, like a good diff: counts first, long lists folded.
//! - [`html`]: self-contained pages for a screen, a phone or paper.
//! - [`json`]: the object that `--json` prints.
//! - [`rejects_csv`]: what was not done, for a spreadsheet.
//!
//! Reports show record fields to those who ask for them. They are personal data: they belong on
//! the operator's terminal and in the report files, never in a log.
//!
//! **Never:** no I/O, no clock, no decision: what is shown was decided elsewhere. Everything from
//! an export is cleaned of control characters, and escaped for where it is shown.

mod csv;
mod explain;
pub mod html;
pub mod json;
mod label;
pub mod text;
mod verdict;
mod view;

pub use csv::{csv_rows, rejects_csv};
pub use explain::explain;
pub use label::harmless_text;
pub use verdict::{Step, Tone, Verdict};
pub use view::{
    Beside, CourseView, Digest, FieldView, HeldView, HoldGroup, HoldPart, HoldWhy, HoldsView,
    KindView, Line, MoverView, Outcome, OutcomeGroup, PastRun, PeopleView, PlanView, ReceiptCounts,
    ReceiptLine, ReceiptsView, Refusal, RunError, RunView, Standing, Ties, TimeSpent,
};
