//! What a report says, as plain data.

mod digest;
mod held;
mod holds;
mod line;
mod past;
mod people;
mod plan;
mod receipts;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use roster::{Findings, Kind, Text};

pub use digest::{Digest, Standing};
pub use held::{HeldView, HoldGroup, HoldWhy};
pub use holds::{HoldPart, HoldsView};
pub use line::{FieldView, Line};
pub use past::{PastRun, Refusal, TimeSpent};
pub use people::{MoverView, PeopleView, Ties};
pub use plan::{CourseView, KindView, PlanView};
pub use receipts::{Outcome, OutcomeGroup, ReceiptCounts, ReceiptLine, ReceiptsView};

/// One run, as far as it came.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run's id; `None` for a dry look that is not kept.
    pub run: Option<Text>,
    /// The tenant.
    pub tenant: Text,
    /// The integration.
    pub integration: Text,
    /// The target for people: kind and address, `moodle https://lms.example.edu`.
    pub target: String,
    /// The run's state, as in `--json`: `done`, `partly_held`, ...
    pub state: Text,
    /// When it began.
    pub started: Timestamp,
    /// How long it took so far.
    pub took: Duration,
    /// The files of the run's own export, for people.
    pub read: Vec<Text>,
    /// All files that origins can name: an origin's `file` is a place in this list.
    pub files: Vec<Text>,
    /// How many records of each kind the sources hold.
    pub records: BTreeMap<Kind, u64>,
    /// What is wrong or odd in the export.
    pub findings: Findings,
    /// What was planned, where it came to a plan.
    pub plan: Option<PlanView>,
    /// What became of it, where it came to delivery.
    pub receipts: Option<ReceiptsView>,
    /// LMS calls made.
    pub calls: u64,
    /// Where its time went.
    pub spent: TimeSpent,
    /// The runs up to this one, oldest first; this one is the last of them.
    pub past: Vec<PastRun>,
    /// What stands beside the report page, for its links.
    pub beside: Beside,
    /// Options that commands shown for copying have to repeat, each with a space behind it.
    pub flags: String,
    /// Where the report page is, for people.
    pub report: Option<String>,
    /// What ended it early.
    pub error: Option<RunError>,
}

/// What stands beside a run's page, for its links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether there is an index of all runs, `index.html` one folder up.
    pub index: bool,
    /// The run before this one, where it has a page.
    pub previous: Option<Text>,
    /// Whether what was not done stands beside it as `rejects.csv`.
    pub rejects: bool,
}

/// What ended a run or command early.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RunError {
    /// A stable code: `unreadable`, `locked`, `lms`.
    pub code: String,
    /// What happened, without personal data.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// `file:line`; `None` where it stands in no line of any file.
pub(crate) fn place(files: &[Text], origin: roster::Origin) -> Option<String> {
    if origin.line == 0 {
        return None;
    }
    let file = files.get(usize::try_from(origin.file).ok()?)?;
    let file = crate::label::clean(file);
    Some(format!("{file}:{}", origin.line))
}
