//! What a run came to, in one sentence, and what to do next.

use crate::label::{capital, many, number};
use crate::{ReceiptCounts, RunView};

/// How a run is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Somebody has to look at something.
    Odd,
    /// Something did not work.
    Bad,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it is to be seen.
    pub tone: Tone,
    /// One sentence.
    pub sentence: String,
    /// What somebody may want to do now, the most urgent first.
    pub next: Vec<Step>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is for.
    pub what: String,
    /// The command to type, where there is one.
    pub command: Option<String>,
}

impl RunView {
    /// What it came to.
    pub fn verdict(&self) -> Verdict {
        let (tone, sentence) = self.sentence();
        Verdict { tone, sentence, next: self.next_steps() }
    }

    fn sentence(&self) -> (Tone, String) {
        let counts = self.counts();
        let made = match counts.applied {
            0 => "no change was made".to_owned(),
            1 => "1 change was made".to_owned(),
            count => format!("{} changes were made", number(count)),
        };
        let begin = |sentence: String| capital(&sentence);
        match self.state.as_str() {
            "waiting" => (
                Tone::Bad,
                begin(format!("{made}; the LMS could not be worked with, so the rest waits.")),
            ),
            "rejected" => (Tone::Bad, "The export was rejected.".to_owned()),
            "failed" => (Tone::Bad, format!("The run failed; {made}.")),
            "interrupted" => (
                Tone::Odd,
                begin(format!(
                    "{made} before the run was stopped; the next one goes on with the rest."
                )),
            ),
            "superseded" => {
                (Tone::Odd, begin(format!("{made}; what was left is planned by a newer run.")))
            }
            "done" | "partly_held" => self.ended(counts, &made),
            _ if self.run.is_none() => (Tone::Odd, self.planned("would be")),
            _ => (Tone::Odd, self.planned("are to be")),
        }
    }

    /// The sentence of a run that came to its end.
    fn ended(&self, counts: ReceiptCounts, made: &str) -> (Tone, String) {
        let deliverable = self.plan.as_ref().map_or(0, crate::PlanView::deliverable);
        if self.is_trial() {
            let planned = many(deliverable + counts.held, "change");
            return (Tone::Odd, format!("On trial: {planned} planned, nothing was delivered."));
        }
        let mut parts = match (deliverable, counts.applied) {
            (0, 0) if counts.held == 0 => {
                return match self.plan.as_ref().map_or(0, |plan| plan.summary.parked) {
                    0 => (
                        Tone::Good,
                        "Nothing had to change: the LMS holds what the sources say.".to_owned(),
                    ),
                    parked => (
                        Tone::Odd,
                        format!(
                            "Nothing new had to change; {} of earlier runs {} refused by the LMS.",
                            many(parked, "record"),
                            if parked == 1 { "stays" } else { "stay" },
                        ),
                    ),
                };
            }
            (all, applied) if all == applied && all > 2 => {
                vec![format!("all {} changes were made", number(all))]
            }
            _ => vec![made.to_owned()],
        };
        let was = |count: u64, one: &str, more: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{} {more}", number(count))),
        };
        let open = counts.retry + counts.unknown + counts.accepted;
        parts.extend(was(counts.rejected, "was refused by the LMS", "were refused by the LMS"));
        parts.extend(was(counts.deferred, "waits for another record", "wait for other records"));
        parts.extend(was(open, "is still open", "are still open"));
        parts.extend(was(
            counts.held,
            "is held until somebody decides",
            "are held until somebody decides",
        ));
        let tone = match (counts.rejected, counts.held + counts.deferred + open, counts.applied) {
            (0, 0, _) => Tone::Good,
            (0, ..) | (_, _, 1..) => Tone::Odd,
            _ => Tone::Bad,
        };
        (tone, capital(&format!("{}.", parts.join(", "))))
    }

    /// `412 changes would be made, 3 would be held.`
    fn planned(&self, would: &str) -> String {
        let Some(plan) = &self.plan else { return "It has not come to a plan yet.".to_owned() };
        if plan.is_empty() {
            return "Nothing would change: the LMS holds what the sources say.".to_owned();
        }
        let held = match plan.held.count {
            0 => String::new(),
            count => format!("; {} held", number(count)),
        };
        format!("{} {would} made{held}.", many(plan.deliverable(), "change"))
    }

    fn next_steps(&self) -> Vec<Step> {
        let mut next = Vec::new();
        let mut step = |what: &str, command: Option<String>| {
            next.push(Step { what: what.to_owned(), command });
        };
        if let Some(hint) = self.error.as_ref().and_then(|error| error.hint.as_deref()) {
            step(&format!("{}.", capital(hint.trim_end_matches('.'))), None);
        }
        if self.is_trial() {
            step("To deliver, set `status = \"active\"` in the configuration.", None);
        }
        let run = self.run.as_deref();
        let checksum = self.plan.as_ref().and_then(|plan| plan.summary.held_checksum);
        if let (Some(run), Some(checksum), true) = (run, checksum, self.counts().held > 0) {
            let approve = format!("approve {run} --checksum {checksum}");
            step("Look at what is held. If it is meant, let it go:", Some(self.command(&approve)));
            if !self.read.is_empty() {
                step(
                    "If it is not, refuse the export; what it asked for is taken back:",
                    Some(self.command(&format!("reject {run}"))),
                );
            }
        }
        let counts = self.counts();
        if let (Some(run), true) = (run, counts.rejected + counts.deferred > 0) {
            step(
                "Mend what was refused, each for its reason. As a list for a spreadsheet:",
                Some(self.command(&format!("show {run} --rejects rejects.csv"))),
            );
        }
        if counts.retry + counts.unknown + counts.accepted > 0 {
            step("What is still open is tried again by:", Some(self.command("sweep")));
        }
        next
    }

    /// The receipts, where it came to delivery; what is held in any case.
    pub(crate) fn counts(&self) -> ReceiptCounts {
        let held = self.plan.as_ref().map_or(0, |plan| plan.held.count);
        match &self.receipts {
            Some(receipts) => ReceiptCounts { held, ..receipts.counts },
            None => ReceiptCounts { held, ..ReceiptCounts::default() },
        }
    }

    /// Whether it ended and delivered nothing of what there was: the integration is on trial.
    fn is_trial(&self) -> bool {
        let ended = matches!(self.state.as_str(), "done" | "partly_held");
        let deliverable = self.plan.as_ref().map_or(0, crate::PlanView::deliverable);
        ended && deliverable > 0 && self.receipts.is_none()
    }

    /// A command to type.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("rollcall {}{command}", self.flags)
    }
}
