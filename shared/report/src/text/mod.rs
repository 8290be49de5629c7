//! For a terminal: counts first, then what changes, long lists folded.
//!
//! Every function returns whole lines. Colour and width are the caller's to decide: it knows
//! whether a terminal, a pipe or a file is at the other end.

mod digest;
mod findings;
mod holds;
mod look;
mod plan;
mod receipts;
mod run;
mod table;
mod why;

pub use digest::digest;
pub use findings::{counted, findings, records};
pub use holds::holds;
pub use look::{Colour, Fold, Look};
pub use plan::write_changes;
pub use receipts::receipts;
pub use run::{closing, opening, run};
pub use table::table;

/// Words that the page uses, too.
pub(crate) mod shared {
    pub(crate) use super::findings::{in_order as records_in_order, totals as finding_totals};
    pub(crate) use super::plan::{
        count_rows, course_counts, course_line_id, done, standing, title,
    };
    pub(crate) use super::receipts::{meaning, totals as outcome_totals};
    pub(crate) use super::why::why;
}
