//! Passwords that are made for new accounts and handed over by somebody later.
//!
//! They are decided before the batch is claimed and stored, sealed, in the same write: whoever has
//! to complete the batch sends the same ones. The batch's record says which of them the LMS holds.
//!
//! | the account, before we wrote | its password |
//! |---|---|
//! | not there | made, sent, on the list once the LMS made the account |
//! | not there; one was sent before without an answer | that one, sent again |
//! | there; one was sent before without an answer | that one, on the list if the account is ours |
//! | there, and none was sent before | none: the LMS keeps what it has |
//!
//! **Never:** a password is stored or shown in clear; it is in memory while its batch is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, Timestamp};
use lms::{Lms, Survey, Work};
use plan::{Action, Cause, Ownership};
use roster::{Password, Person, Record, Text};
use store::Write;
use store::state::credentials::{Credential, Standing, StoredIssue};
use store::state::ledger::{Line, LineResult};

use super::Prepared;
use crate::DeliveryError;

/// Seals text for the person with this key.
pub type SealPassword<'a> = dyn Fn(&str, &str) -> Vec<u8> + Send + Sync + 'a;

/// What passwords are made with.
pub struct Issuing<'a> {
    /// Seals what is handed over ([`sealing_key`] of the person's key, and [`Handed`] as text).
    pub seal: Box<SealPassword<'a>>,
    /// Randomness that is fit for passwords.
    pub random: Arc<dyn Random>,
    /// For how long they can be handed over.
    pub lasts: Duration,
}

/// What is handed over of one account.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Handed {
    /// The person's key, as the LMS has it.
    pub key: Text,
    /// The login name.
    pub username: Text,
    /// Given name.
    pub given: Text,
    /// Family name.
    pub family: Text,
    /// The password.
    pub password: Text,
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Under which key it is sealed: not the one of a password that the source delivers, so that the one
/// never opens as the other.
pub fn sealing_key(person: &str) -> String {
    format!("credential {person}")
}

/// What one batch issues.
pub(super) struct Issued {
    /// Of this batch.
    stored: StoredIssue,
    /// Of earlier ones, with passwords of which nobody knows whether the LMS holds them.
    earlier: Vec<StoredIssue>,
}

/// In one transaction with the batch's record at most so many earlier items are brought up to date;
/// what is left of others is known twice, with the same password.
const EARLIER_AT_ONCE: usize = 20;

impl Issued {
    /// Takes up again what was made when the batch was claimed.
    pub fn again(
        stored: StoredIssue,
        prepared: &mut Prepared,
        open: &super::OpenPassword<'_>,
    ) -> Self {
        let sealed: BTreeMap<&str, &Credential> =
            stored.issue.credentials.iter().map(|one| (one.key.as_str(), one)).collect();
        for work in prepared.work.iter_mut().filter(|work| is_made(work)) {
            let Some(person) = person(work) else { continue };
            let id = person.person().as_str();
            work.issued = sealed.get(id).and_then(|one| opened(one, open));
        }
        Self { stored, earlier: Vec::new() }
    }

    /// Makes what the batch's new accounts need; `None` where none needs any. `earlier` are the
    /// passwords that are kept already, for changes that are in doubt.
    pub fn new(
        (mut stored, now): (StoredIssue, Timestamp),
        earlier: Vec<StoredIssue>,
        prepared: &mut Prepared,
        lms: &dyn Lms,
        (issuing, open): (&Issuing<'_>, &super::OpenPassword<'_>),
    ) -> Result<Option<Self>, DeliveryError> {
        stored.issue.at = now;
        stored.issue.expires = now.saturating_add(issuing.lasts).unwrap_or(Timestamp::MAX);
        for work in &mut prepared.work {
            let Some(made) = (match person(work) {
                Some(person) if is_made(work) && lms.takes_issued(person) => {
                    password(work, person, &earlier, (issuing, open))?
                }
                _ => None,
            }) else {
                continue;
            };
            work.issued = opened(&made, open);
            stored.issue.credentials.push(made);
        }
        let any = !stored.issue.credentials.is_empty();
        Ok(any.then_some(Self { stored, earlier }))
    }

    /// The write that goes with the claim, the first time.
    pub fn claim(&self) -> Result<Option<Write>, DeliveryError> {
        if self.stored.version > 0 {
            return Ok(None);
        }
        Ok(Some(self.stored.write()?))
    }

    /// The claim is written.
    pub fn claimed(&mut self) {
        self.stored.version = self.stored.version.max(1);
    }

    /// The writes that go with the batch's record: which of them the LMS holds.
    pub fn record(&self, prepared: &Prepared, lines: &[Line]) -> Result<Vec<Write>, DeliveryError> {
        let standings = standings(prepared, lines);
        let mut stored = self.stored.clone();
        stored.issue.credentials.retain_mut(|one| match standings.get(one.key.as_str()) {
            Some(Some(standing)) => {
                one.standing = *standing;
                true
            }
            _ => false,
        });
        let mut writes = vec![stored.write()?];
        for earlier in self.earlier.iter().take(EARLIER_AT_ONCE) {
            let mut left = earlier.clone();
            left.issue.credentials.retain(|one| !standings.contains_key(one.key.as_str()));
            if left.issue.credentials.len() < earlier.issue.credentials.len() {
                writes.push(left.write()?);
            }
        }
        Ok(writes)
    }
}

fn person(work: &Work) -> Option<&Person> {
    match &work.change.after {
        Some(Record::Person(person)) => Some(person),
        _ => None,
    }
}

fn is_made(work: &Work) -> bool {
    work.change.action == Action::Create
}

/// The password for one new account, sealed, where it is to have one.
fn password(
    work: &Work,
    person: &Person,
    earlier: &[StoredIssue],
    (issuing, open): (&Issuing<'_>, &super::OpenPassword<'_>),
) -> Result<Option<Credential>, DeliveryError> {
    let id = person.person().text();
    let standing = Standing::UnderWay;
    let sent_before = earlier.iter().rev().flat_map(|issue| &issue.issue.credentials);
    let mut sent_before = sent_before.filter(|one| one.key == *id);
    let before = sent_before.next().filter(|_| work.change.cause == Cause::InDoubt);
    // One that does not open can be neither sent nor handed over.
    if let Some(before) = before.filter(|before| opened(before, open).is_some()) {
        return Ok(Some(Credential { standing, ..before.clone() }));
    }
    if work.survey != Survey::Absent {
        return Ok(None);
    }
    let text = |text: &Option<Text>| text.clone().unwrap_or_default();
    let handed = Handed {
        key: Text::new(person.sourced_id()),
        username: text(&person.username),
        given: text(&person.given),
        family: text(&person.family),
        password: readable(&*issuing.random),
    };
    let plain = serde_json::to_string(&handed).map_err(|error| {
        let reason = error.to_string();
        store::StoreError::Damaged { what: "a password in memory".into(), reason }
    })?;
    let sealed = hex(&(issuing.seal)(&sealing_key(id), &plain));
    Ok(Some(Credential { key: id.clone(), sealed, standing }))
}

/// What is to be sent.
fn opened(one: &Credential, open: &super::OpenPassword<'_>) -> Option<Password> {
    hand_over(one, open).map(|handed| Password::Delivered(handed.password))
}

/// What is handed over of a sealed password; `None` where this vault did not seal it.
pub fn hand_over(one: &Credential, open: &super::OpenPassword<'_>) -> Option<Handed> {
    let plain = open(&sealing_key(&one.key), &unhex(&one.sealed)?)?;
    serde_json::from_str(&plain).ok()
}

/// What the record says of each person in the batch: `None` where no account of ours came to be.
fn standings<'a>(prepared: &'a Prepared, lines: &[Line]) -> BTreeMap<&'a str, Option<Standing>> {
    let mut standings = BTreeMap::new();
    for (place, line) in prepared.places.iter().zip(lines) {
        let Ok(at) = place else { continue };
        let work = &prepared.work[*at];
        let (Some(person), true) = (person(work), is_made(work)) else { continue };
        let ours = line.owned() == Some(Ownership::Created);
        let standing = match line.result {
            // Of an account that is there, what followed may have failed.
            _ if ours => Some(Standing::Set),
            LineResult::Unknown | LineResult::Accepted => Some(Standing::Unknown),
            _ => None,
        };
        standings.insert(person.person().as_str(), standing);
    }
    standings
}

/// Letters and digits that are not taken for one another.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LOWER: usize = 24;
const UPPER: usize = 24;
/// How many of them, and after how many there is a hyphen.
const LENGTH: usize = 16;
const GROUP: usize = 4;

/// A password that can be read out: 90 bits, `kTm4-wQ7x-bR3n-Hy9d`. A small letter, a capital, a
/// digit and a hyphen are in each, and no character twice in a row, as usual rules demand.
fn readable(random: &dyn Random) -> Text {
    let mut password = String::with_capacity(LENGTH + LENGTH / GROUP);
    let mut before = usize::MAX;
    for at in 0..LENGTH {
        let (from, many) = match at {
            0 => (0, LOWER),
            1 => (LOWER, UPPER),
            2 => (LOWER + UPPER, LETTERS.len() - LOWER - UPPER),
            _ => (0, LETTERS.len()),
        };
        let mut place = random.below(many as u64) as usize;
        if from + place == before {
            place = (place + 1) % many;
        }
        before = from + place;
        if at > 0 && at % GROUP == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[before]));
    }
    Text::from(password)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use ambient::SeededRandom;

    use super::*;

    #[test]
    fn passwords_can_be_read_out_and_keep_to_the_usual_rules() {
        let random = SeededRandom::new(5);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let password = readable(&random);
            assert_eq!(password.len(), LENGTH + 3);
            let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
            assert!(has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()));
            assert!(has(|c| c.is_ascii_digit()) && !has(|c| "lIO01o".contains(c)), "{password}");
            let twice = password.as_bytes().windows(2).any(|pair| pair[0] == pair[1]);
            assert!(!twice, "{password}");
            assert!(seen.insert(password));
        }
    }

    #[test]
    fn what_is_sealed_is_text_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!((unhex("0g"), unhex("abc"), unhex("ä")), (None, None, None));
    }

    #[test]
    fn nothing_shows_it() {
        let of = |text: &str| Text::new(text);
        let (key, username) = (of("p-1"), of("ada"));
        let (given, family, password) = (of("Ada"), of("Vries"), of("s3cret"));
        let handed = Handed { key, username, given, family, password };
        let shown = format!("{handed:?} {handed:#?}");
        assert!(!shown.contains("s3cret") && !shown.contains("Vries"), "{shown}");
    }
}
