//! Plans and their summaries as bytes.

use std::collections::BTreeMap;

use roster::{DecodeError, Decoder, Kind, Text, put_bytes, put_varint};

use crate::{Action, ChangeList, Checksum, Counts, HoldReason, Limited, Part, Plan, Span, Summary};

/// The version of [`Plan::to_bytes`] and [`Summary::to_bytes`].
const VERSION: u8 = 1;

impl Summary {
    /// Its bytes: the header of a stored plan.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_bytes(&mut out, self.config_version.as_bytes());
        put_varint(&mut out, self.files.len() as u64);
        self.files.iter().for_each(|file| put_bytes(&mut out, file.as_bytes()));
        put_counts(&mut out, &self.counts);
        put_counts(&mut out, &self.held_counts);
        out.extend_from_slice(&self.checksum.0);
        out.push(u8::from(self.held_checksum.is_some()));
        if let Some(Checksum(sum)) = &self.held_checksum {
            out.extend_from_slice(sum);
        }
        for number in [self.parked, self.deferred, self.kept, self.calls, self.millis] {
            put_varint(&mut out, number);
        }
        put_varint(&mut out, self.unsupported.len() as u64);
        for (kind, count) in &self.unsupported {
            out.push(*kind as u8);
            put_varint(&mut out, *count);
        }
        out
    }

    /// Reads what [`Summary::to_bytes`] of this version or an earlier one wrote.
    ///
    /// # Errors
    ///
    /// Where the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        let summary = decode_summary(&mut from)?;
        if from.is_done() { Ok(summary) } else { Err(from.expected("the end")) }
    }
}

impl Plan {
    /// Its bytes: summary, the part to deliver, the held part, the reasons.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_bytes(&mut out, &self.summary.to_bytes());
        self.deliver.encode(&mut out);
        self.held.encode(&mut out);
        put_varint(&mut out, self.reasons.len() as u64);
        self.reasons.iter().for_each(|reason| put_reason(&mut out, reason));
        out
    }

    /// Reads what [`Plan::to_bytes`] of this version or an earlier one wrote.
    ///
    /// # Errors
    ///
    /// Where the bytes are something else, or a held change has no reason.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(bytes);
        version(&mut from)?;
        let summary = Summary::from_bytes(from.bytes()?)?;
        let deliver = ChangeList::decode(&mut from)?;
        let held = ChangeList::decode(&mut from)?;
        let mut reasons = Vec::new();
        for _ in 0..from.varint()? {
            reasons.push(reason(&mut from)?);
        }
        if reasons.len() as u64 != held.len() {
            return Err(from.expected("a reason for each held change"));
        }
        let plan = Self { summary, deliver, held, reasons };
        if from.is_done() { Ok(plan) } else { Err(from.expected("the end")) }
    }
}

fn version(from: &mut Decoder<'_>) -> Result<(), DecodeError> {
    if from.byte()? == VERSION {
        Ok(())
    } else {
        Err(DecodeError { what: "a plan of version 1", at: from.position() - 1 })
    }
}

fn decode_summary(from: &mut Decoder<'_>) -> Result<Summary, DecodeError> {
    version(from)?;
    let config_version = Text::new(from.str()?);
    let mut files = Vec::new();
    for _ in 0..from.varint()? {
        files.push(Text::new(from.str()?));
    }
    let (counts, held_counts) = (counts(from)?, counts(from)?);
    let checksum = checksum(from)?;
    let held_checksum = match from.byte()? {
        0 => None,
        _ => Some(self::checksum(from)?),
    };
    let (parked, deferred, kept) = (from.varint()?, from.varint()?, from.varint()?);
    let (calls, millis) = (from.varint()?, from.varint()?);
    let mut unsupported = BTreeMap::new();
    for _ in 0..from.varint()? {
        unsupported.insert(kind(from)?, from.varint()?);
    }
    Ok(Summary {
        config_version,
        files,
        counts,
        held_counts,
        checksum,
        held_checksum,
        parked,
        deferred,
        kept,
        unsupported,
        calls,
        millis,
    })
}

fn kind(from: &mut Decoder<'_>) -> Result<Kind, DecodeError> {
    Kind::from_u8(from.byte()?).ok_or_else(|| from.expected("a kind"))
}

fn checksum(from: &mut Decoder<'_>) -> Result<Checksum, DecodeError> {
    let bytes = from.take(16)?;
    <[u8; 16]>::try_from(bytes).map(Checksum).map_err(|_| from.expected("a checksum"))
}

fn put_counts(out: &mut Vec<u8>, counts: &Counts) {
    put_varint(out, counts.values().map(BTreeMap::len).sum::<usize>() as u64);
    for (kind, actions) in counts {
        for (action, count) in actions {
            out.extend_from_slice(&[*kind as u8, *action as u8]);
            put_varint(out, *count);
        }
    }
}

fn counts(from: &mut Decoder<'_>) -> Result<Counts, DecodeError> {
    let mut counts = Counts::new();
    for _ in 0..from.varint()? {
        let kind = kind(from)?;
        let action = from.byte()?;
        let action = Action::ALL.into_iter().find(|known| *known as u8 == action);
        let action = action.ok_or_else(|| from.expected("an action"))?;
        counts.entry(kind).or_default().insert(action, from.varint()?);
    }
    Ok(counts)
}

fn put_reason(out: &mut Vec<u8>, reason: &HoldReason) {
    match reason {
        HoldReason::Limit { count, of, allowed } => {
            out.push(1);
            [count, of, allowed].into_iter().for_each(|number| put_varint(out, *number));
        }
        HoldReason::EmptiesCourse { course, students } => {
            out.push(2);
            put_bytes(out, course.as_bytes());
            put_varint(out, *students);
        }
        HoldReason::Needs { key } => {
            out.push(3);
            put_bytes(out, key.as_bytes());
        }
        HoldReason::Over { limited, span, count, before, of, allowed } => {
            out.extend_from_slice(&[4, *limited as u8, *span as u8]);
            [count, before, of, allowed].into_iter().for_each(|number| put_varint(out, *number));
        }
        HoldReason::SharpDrop { part, name, kind, learned, now } => {
            out.extend_from_slice(&[5, *part as u8, *kind as u8]);
            put_bytes(out, name.as_bytes());
            [learned, now].into_iter().for_each(|number| put_varint(out, *number));
        }
        HoldReason::PartLimit { part, name, limited, count, of, allowed } => {
            out.extend_from_slice(&[6, *part as u8, *limited as u8]);
            put_bytes(out, name.as_bytes());
            [count, of, allowed].into_iter().for_each(|number| put_varint(out, *number));
        }
        HoldReason::GrantsSystemRole { role } => {
            out.push(20);
            put_bytes(out, role.as_bytes());
        }
        HoldReason::SuspectedReuse { key } => {
            out.push(24);
            put_bytes(out, key.as_bytes());
        }
        HoldReason::Rename { old, new } => put_pair(out, 25, old, new),
        HoldReason::TwoKeys { old, new } => put_pair(out, 26, old, new),
        HoldReason::Merge { old, new } => put_pair(out, 27, old, new),
        HoldReason::FirstSync => out.push(30),
        HoldReason::Reconfigured { what } => {
            out.push(31);
            put_bytes(out, what.as_bytes());
        }
    }
}

fn put_pair(out: &mut Vec<u8>, number: u8, old: &str, new: &str) {
    out.push(number);
    [old, new].into_iter().for_each(|key| put_bytes(out, key.as_bytes()));
}

fn reason(from: &mut Decoder<'_>) -> Result<HoldReason, DecodeError> {
    Ok(match from.byte()? {
        1 => {
            HoldReason::Limit { count: from.varint()?, of: from.varint()?, allowed: from.varint()? }
        }
        2 => HoldReason::EmptiesCourse { course: Text::new(from.str()?), students: from.varint()? },
        3 => HoldReason::Needs { key: Text::new(from.str()?) },
        4 => HoldReason::Over {
            limited: one_of(from, &Limited::ALL, |known| *known as u8, "what a limit counts")?,
            span: one_of(from, &[Span::Run, Span::Week], |known| *known as u8, "a span")?,
            count: from.varint()?,
            before: from.varint()?,
            of: from.varint()?,
            allowed: from.varint()?,
        },
        5 => HoldReason::SharpDrop {
            part: one_of(from, &Part::ALL, |known| *known as u8, "a part")?,
            kind: kind(from)?,
            name: Text::new(from.str()?),
            learned: from.varint()?,
            now: from.varint()?,
        },
        6 => HoldReason::PartLimit {
            part: one_of(from, &Part::ALL, |known| *known as u8, "a part")?,
            limited: one_of(from, &Limited::ALL, |known| *known as u8, "what a limit counts")?,
            name: Text::new(from.str()?),
            count: from.varint()?,
            of: from.varint()?,
            allowed: from.varint()?,
        },
        20 => HoldReason::GrantsSystemRole { role: Text::new(from.str()?) },
        24 => HoldReason::SuspectedReuse { key: Text::new(from.str()?) },
        25 => HoldReason::Rename { old: Text::new(from.str()?), new: Text::new(from.str()?) },
        26 => HoldReason::TwoKeys { old: Text::new(from.str()?), new: Text::new(from.str()?) },
        27 => HoldReason::Merge { old: Text::new(from.str()?), new: Text::new(from.str()?) },
        30 => HoldReason::FirstSync,
        31 => HoldReason::Reconfigured { what: Text::new(from.str()?) },
        _ => return Err(from.expected("a reason")),
    })
}

/// The one among `all` whose number comes next.
fn one_of<T: Copy>(
    from: &mut Decoder<'_>,
    all: &[T],
    number: impl Fn(&T) -> u8,
    what: &'static str,
) -> Result<T, DecodeError> {
    let next = from.byte()?;
    let known = all.iter().find(|known| number(known) == next);
    known.copied().ok_or_else(|| from.expected(what))
}
