//! Sending lists of records: cut into calls, several at a time, refusals isolated.

use async_trait::async_trait;
use futures::StreamExt;
use plan::Ownership;
use roster::Text;
use serde_json::Value;

use super::requests::{Bounds, Entry, Form, cut};
use super::responses;
use super::session::{Refused, Session};
use crate::bisect::{Bulk, bisect};
use crate::{ErrorClass, LmsError, Outcome, Receipt, Work};

/// One of Moodle's functions that take a list of records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bulky {
    pub(super) function: &'static str,
    /// The name of its list.
    pub(super) list: &'static str,
    pub(super) answer: Answer,
    /// Whether sending the same again leads to the same, so that silence is answered by asking
    /// once more. What makes new records is looked up instead.
    pub(super) repeatable: bool,
    /// Calls at a time; `None`: as configured.
    pub(super) serial: bool,
    /// Records in a call, at most.
    pub(super) batch: usize,
}

/// What a function answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// One row for each record, with its id, and its name in this field.
    Rows(Option<&'static str>),
    /// `null`.
    Nothing,
    /// Warnings about those records that were not done.
    Warnings,
}

/// What became of one record that was sent.
pub(super) type Sent = Result<Option<u64>, Refused>;

/// A record that was sent, and what became of it. A refusal of the record alone is
/// [`ErrorClass::Rejected`].
pub(super) async fn send(
    session: &Session<'_>,
    bulky: Bulky,
    mut entries: Vec<Entry>,
) -> Vec<(Entry, Sent)> {
    let config = &session.site.config;
    let bounds = Bounds {
        batch: config.batch.min(bulky.batch),
        vars: config.max_vars,
        bytes: config.max_body,
    };
    let at_a_time = if bulky.serial { 1 } else { config.concurrency.max(1) };
    // Calls that touch the same courses and groups in another order than their neighbours lock
    // each other out in Moodle's database.
    entries.sort_by_key(|entry| {
        let number = |field: &str| entry.field(field).and_then(|id| id.parse::<u64>().ok());
        let place = ["courseid", "instanceid", "groupid"].into_iter().find_map(number);
        (place, number("userid"))
    });
    let calls = cut(entries, bulky.list, bounds);
    let call = Call { session, bulky };
    let call = &call;
    futures::stream::iter(calls)
        .map(|entries| bisect(call, entries))
        .buffered(at_a_time)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .flatten()
        .map(|(entry, sent)| (entry, sent.and_then(|done| done)))
        .collect()
}

struct Call<'a> {
    session: &'a Session<'a>,
    bulky: Bulky,
}

#[async_trait]
impl Bulk for Call<'_> {
    type Item = Entry;
    type Done = Sent;
    type Error = Refused;

    async fn send(&self, entries: &[Entry]) -> Result<Vec<Sent>, Refused> {
        let Bulky { function, list, .. } = self.bulky;
        let form = || Form::default().entries(list, entries);
        let mut answer = self.session.write(function, form()).await;
        // Moodle's database gave up on one of two calls that were in each other's way, or a field
        // is too long; in either case nothing of this call was kept.
        let clash = is_clash(&answer);
        if clash || self.bulky.repeatable && is_silence(&answer) {
            if clash {
                self.session.step_aside().await;
            }
            answer = self.session.write(function, form()).await;
        }
        self.read(entries, &answer?)
    }

    fn is_one_items_fault(error: &Refused) -> bool {
        matches!(error, Refused::Failed(error) if error.class == ErrorClass::Rejected)
    }

    fn same_fate(error: &Refused, item: &Entry, other: &Entry) -> bool {
        // A course that nobody can be enrolled in refuses all its people.
        let course = item.field("courseid");
        matches!(error, Refused::Failed(error) if error.code == "wsnoinstance")
            && course.is_some()
            && course == other.field("courseid")
    }
}

impl Call<'_> {
    fn read(&self, entries: &[Entry], answer: &Value) -> Result<Vec<Sent>, Refused> {
        let function = self.bulky.function;
        let odd = |code| Refused::Failed(LmsError::new(ErrorClass::Unknown, function, code));
        match self.bulky.answer {
            Answer::Nothing => Ok(entries.iter().map(|_| Ok(None)).collect()),
            Answer::Rows(field) => {
                let keys: Vec<_> = entries
                    .iter()
                    .map(|entry| field.and_then(|field| entry.field(field)))
                    .collect();
                let ids = responses::row_ids(answer, field, &keys).ok_or(odd("count-mismatch"))?;
                Ok(ids.into_iter().map(|id| Ok(Some(id))).collect())
            }
            Answer::Warnings => {
                let warnings = responses::warnings(answer).ok_or(odd("odd-answer"))?;
                let code = |entry: &Entry| {
                    let id = entry.field("id").or(entry.field("")).and_then(|id| id.parse().ok());
                    let of = |(warned, _): &&(u64, String)| Some(*warned) == id;
                    warnings.iter().find(of).map(|(_, code)| code.clone())
                };
                let sent = entries.iter().map(|entry| match code(entry) {
                    None => Ok(None),
                    Some(code) => {
                        Err(Refused::Failed(LmsError::new(ErrorClass::Rejected, function, code)))
                    }
                });
                Ok(sent.collect())
            }
        }
    }
}

fn is_clash(answer: &Result<Value, Refused>) -> bool {
    matches!(answer, Err(Refused::Failed(error)) if error.code == "dmlwriteexception")
}

fn is_silence(answer: &Result<Value, Refused>) -> bool {
    matches!(answer, Err(Refused::Failed(error)) if error.class == ErrorClass::Unknown)
}

/// One piece of work and its place.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) index: usize,
    pub(super) work: &'a Work,
}

/// The receipts as they come in.
pub(super) struct Slots(Vec<Option<Receipt>>);

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// Settles a piece of work. What was settled with a failure stays so.
    pub(super) fn settle(&mut self, index: usize, receipt: Receipt) {
        let slot = &mut self.0[index];
        match slot {
            Some(before) if before.outcome != Outcome::Applied => {}
            Some(before) => {
                let remark = before.remark.take();
                let (lms_id, ownership) = (before.lms_id.take(), before.ownership.take());
                *slot = Some(Receipt {
                    lms_id: receipt.lms_id.or(lms_id),
                    ownership: receipt.ownership.or(ownership),
                    remark: receipt.remark.or(remark),
                    ..receipt
                });
            }
            None => *slot = Some(receipt),
        }
    }

    pub(super) fn applied(&mut self, index: usize) {
        self.settle(index, Receipt::of(Outcome::Applied));
    }

    /// Done, and now known by this id.
    pub(super) fn known(&mut self, index: usize, id: u64, ownership: Ownership) {
        let receipt = Receipt {
            lms_id: Some(Text::from(id.to_string())),
            ownership: Some(ownership),
            ..Receipt::of(Outcome::Applied)
        };
        self.settle(index, receipt);
    }

    pub(super) fn remark(&mut self, index: usize, remark: &str) {
        let receipt = Receipt { remark: Some(Text::new(remark)), ..Receipt::of(Outcome::Applied) };
        self.settle(index, receipt);
    }

    pub(super) fn rejected(&mut self, index: usize, code: &str) {
        self.settle(index, Receipt::of(Outcome::Rejected { code: Text::new(code) }));
    }

    pub(super) fn refused(&mut self, index: usize, refused: &Refused) {
        self.settle(index, Receipt::of(outcome(refused)));
    }

    /// Whether nothing has gone wrong with it so far.
    pub(super) fn is_well(&self, index: usize) -> bool {
        self.0[index].as_ref().is_none_or(|receipt| receipt.outcome == Outcome::Applied)
    }

    /// All receipts; what nobody got to was not sent.
    pub(super) fn into_receipts(self) -> Vec<Receipt> {
        let not_sent = || Receipt::of(Outcome::NotSent);
        self.0.into_iter().map(|slot| slot.unwrap_or_else(not_sent)).collect()
    }
}

fn outcome(refused: &Refused) -> Outcome {
    let Refused::Failed(error) = refused else { return Outcome::NotSent };
    let code = Text::new(&error.code);
    match error.class {
        ErrorClass::Rejected => Outcome::Rejected { code },
        ErrorClass::Unknown => Outcome::Unknown,
        ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Auth | ErrorClass::Outage => {
            Outcome::Retry { code }
        }
    }
}

/// Whether the record is gone already, which is what a removal wants.
pub(super) fn is_gone(refused: &Refused) -> bool {
    matches!(refused, Refused::Failed(error) if error.class == ErrorClass::Rejected && matches!(
        error.code.as_str(),
        "invalidrecordunknown" | "invalidrecord" | "invaliduser" | "invaliduserid"
            | "usernotupdateddeleted" | "unknowncourseidnumber" | "unknowncategory"
    ))
}

/// Whether it was sent and nobody knows what became of it.
pub(super) fn is_unknown(refused: &Refused) -> bool {
    matches!(refused, Refused::Failed(error) if error.class == ErrorClass::Unknown)
}

/// After a creation without a usable answer, and a look that did not find the record: where an
/// answer came, only with too few rows, it is surely not there and can be tried again; where none
/// came, Moodle may still be at work on it.
pub(super) fn not_found_after(refused: &Refused) -> Outcome {
    match refused {
        Refused::Failed(error) if error.code == "count-mismatch" => {
            Outcome::Retry { code: Text::new("count-mismatch") }
        }
        refused => outcome(refused),
    }
}
