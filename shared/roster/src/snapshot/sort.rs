//! Brings the entries of one part into order and makes one of those with the same key.

use super::log::{LogEntry, Part};
use super::raw::RawKey;
use crate::{
    DecodeError, Enrollment, Finding, Key, Origin, Record, Removal, Roles, Severity, Status, Text,
    Value,
};

/// Takes what has been sorted, in order.
pub(super) trait Sorted {
    /// A record, once per key.
    fn record(&mut self, hash: u64, key: &RawKey<'_>, bytes: &[u8], side: &[u8]);
    /// A removal, once per key.
    fn removal(&mut self, removal: Removal, origin: Origin);
    /// Something odd.
    fn finding(&mut self, finding: Finding);
}

#[derive(Clone, Copy)]
struct Item<'a> {
    rank: u128,
    key: RawKey<'a>,
    entry: LogEntry<'a>,
}

/// Hands over all of `part` in the order of its places.
pub(super) fn sort_part(mut part: Part, to: &mut dyn Sorted) -> Result<(), DecodeError> {
    part.sort_runs();
    let part = part;
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut runs = part.runs();
    while let Some(first) = runs.first() {
        let hash = first.hash;
        let same = runs.iter().take_while(|run| run.hash == hash).count();
        items.clear();
        for run in &runs[..same] {
            for entry in part.entries(run) {
                let key = RawKey::read(entry.bytes)?;
                items.push(Item { rank: key.rank(), key, entry });
            }
        }
        runs = &runs[same..];
        sort_items(&mut items);
        let mut rest = items.as_slice();
        while let Some(first) = rest.first() {
            let is_same = |item: &&Item<'_>| item.rank == first.rank && item.key.same(&first.key);
            let count = 1 + rest[1..].iter().take_while(is_same).count();
            hand_over(hash, &rest[..count], to)?;
            rest = &rest[count..];
        }
    }
    Ok(())
}

/// Sorts entries of one hash; entries of one key stay in the order they came.
fn sort_items(items: &mut [Item<'_>]) {
    let Some(first) = items.first().map(|item| item.key) else { return };
    if items.iter().all(|item| item.key.same_owner(&first)) {
        let order =
            |a: &Item<'_>, b: &Item<'_>| a.rank.cmp(&b.rank).then_with(|| a.key.cmp_within(&b.key));
        if !items.is_sorted_by(|a, b| order(a, b).is_le()) {
            items.sort_by(order);
        }
    } else {
        items.sort_by(|a, b| a.key.cmp_places(&b.key));
    }
}

/// Makes one record, one removal, or both, of the entries of one key.
fn hand_over(hash: u64, same: &[Item<'_>], to: &mut dyn Sorted) -> Result<(), DecodeError> {
    if let [Item { key, entry, .. }] = same
        && !entry.removal
    {
        to.record(hash, key, entry.bytes, entry.side);
        return Ok(());
    }
    let mut kept: Option<(Record, Origin)> = None;
    let mut removed: Option<(Roles, Origin)> = None;
    for Item { key, entry, .. } in same {
        let origin = Origin::decode(entry.side)?;
        if entry.removal {
            let roles = Roles::decode(&entry.bytes[key.len..])?;
            take_away(&mut kept, &roles);
            removed = Some((unite_removals(removed, roles), origin));
        } else {
            let record = Record::from_bytes(entry.bytes)?;
            removed = removed.and_then(|(roles, at)| Some((less_held(roles, &record)?, at)));
            kept = Some(match kept {
                None => (record, origin),
                Some((earlier, first)) => merge(earlier, first, record, origin, to),
            });
        }
    }
    if let Some((record, origin)) = kept {
        let bytes = record.to_bytes();
        let mut side = Vec::new();
        origin.encode(&mut side);
        to.record(hash, &RawKey::read(&bytes)?, &bytes, &side);
    }
    if let (Some((roles, origin)), Some(item)) = (removed, same.first()) {
        let key = Key::decode(&mut crate::Decoder::new(item.entry.bytes))?;
        to.removal(Removal { key, roles }, origin);
    }
    Ok(())
}

/// A removal of all, or of the last role, takes the record.
fn take_away(kept: &mut Option<(Record, Origin)>, roles: &Roles) {
    if roles.is_empty() {
        *kept = None;
    } else if let Some((Record::Enrollment(enrollment), _)) = kept {
        let held = enrollment.roles.get_or_insert_default();
        roles.iter().for_each(|role| held.remove(role));
        if held.is_empty() {
            *kept = None;
        }
    }
}

/// No roles means all.
fn unite_removals(earlier: Option<(Roles, Origin)>, later: Roles) -> Roles {
    match earlier {
        Some((earlier, _)) if earlier.is_empty() || later.is_empty() => Roles::default(),
        Some((earlier, _)) => earlier.iter().chain(later.iter()).cloned().collect(),
        None => later,
    }
}

/// What is left of a removal once the record came again behind it.
fn less_held(mut roles: Roles, record: &Record) -> Option<Roles> {
    if let Record::Enrollment(enrollment) = record {
        let held = enrollment.roles.iter().flat_map(Roles::iter);
        held.for_each(|role| roles.remove(role));
    } else {
        roles = Roles::default();
    }
    (!roles.is_empty()).then_some(roles)
}

fn merge(
    earlier: Record,
    first: Origin,
    later: Record,
    origin: Origin,
    to: &mut dyn Sorted,
) -> (Record, Origin) {
    if earlier == later {
        return (earlier, first);
    }
    let mut merged = earlier.clone();
    merged.overlay(&later);
    let mut agree = earlier.satisfies(&later);
    if let (Record::Enrollment(merged), Record::Enrollment(a), Record::Enrollment(b)) =
        (&mut merged, &earlier, &later)
    {
        unite(merged, a, b);
        agree = a.timeframe.is_none() || b.timeframe.is_none() || a.timeframe == b.timeframe;
    }
    if !agree {
        let key = later.key();
        to.finding(Finding {
            severity: Severity::Warning,
            code: "duplicate-record",
            message: format!(
                "{key} stands at line {} too, with other values; the later ones count",
                first.line
            ),
            origin,
            key: Some(Text::from(key.to_string())),
        });
    }
    (merged, origin)
}

/// A person who is in a course twice has both roles, and is active if one of them is.
fn unite(merged: &mut Enrollment, a: &Enrollment, b: &Enrollment) {
    let roles = a.roles.iter().chain(&b.roles).flat_map(Roles::iter).cloned();
    let roles: Roles = roles.collect();
    merged.roles = (!roles.is_empty()).then_some(roles);
    if [a.status, b.status].contains(&Some(Status::Active)) {
        merged.status = Some(Status::Active);
    }
}
