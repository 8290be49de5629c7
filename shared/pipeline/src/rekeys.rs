//! Keys that an export says have changed: what of that is believed.
//!
//! | an export says that A becomes B, and | then |
//! |---|---|
//! | B is nobody's | B means from now on what A means; account, enrollments and history stay |
//! | B becomes C as well, in whatever order that stands | C means it too |
//! | B means that already | nothing: it is told twice |
//! | B means another record | nothing, `rekey-refused` |
//! | both are in the LMS | nothing, `merge-proposed`: two are never made one by themselves |
//! | B becomes A, at once or by way of others | nothing, `rekey-circle`: a key never goes to somebody else |
//! | nobody has ever heard of A, and a list says so | nothing, `rekey-unknown` |
//!
//! A list of changes has no records of its own. What the other sources say under new keys already
//! is brought under the record that these mean with it.
//!
//! **Never:** no two accounts are made one, and no key is given to another person.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;
use roster::{Finding, FormerKey, Key, Kind, Origin, PersonKey, Severity, Snapshot, Text};
use store::Write;
use store::state::forget::Forgotten;
use store::state::identity::{Aliases, Refusal};
use store::state::manifest::Manifest;
use store::state::{Published, StateName, States};

use crate::desired::LoadedSource;
use crate::identity::has_account;
use crate::ingest::under_record_id;
use crate::{Pipeline, PipelineError, Source};

/// What is known of the keys that an export says have changed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// New keys that stand for records of their own in the LMS.
    taken: BTreeSet<Key>,
    /// Records of former keys that somebody has heard of; `None` where that is not looked at.
    heard_of: Option<BTreeSet<Key>>,
}

/// The key of a person or course.
pub(crate) fn key_of(kind: Kind, id: &Text) -> Key {
    match kind {
        Kind::Person => Key::Person(PersonKey::from(id.clone())),
        _ => Key::Course(id.clone().into()),
    }
}

impl Pipeline {
    /// What the LMS and the sources know of the keys that an export says have changed.
    pub(crate) async fn known_keys(
        &self,
        source: &Source,
        snapshot: &Snapshot,
        aliases: &Aliases,
    ) -> Result<Known, PipelineError> {
        let announced = snapshot.former_keys();
        let is_new = |announced: &&FormerKey| {
            let FormerKey { kind, former, current, .. } = announced;
            aliases.resolve(*kind, current).is_none()
                && aliases.record_id(*kind, former) != *current
        };
        let new = announced.iter().filter(is_new);
        let mut keys: BTreeSet<Key> =
            new.map(|announced| key_of(announced.kind, &announced.current)).collect();
        let is_list = source.is_change_list();
        let former = announced.iter().filter(|_| is_list);
        let former: BTreeSet<Key> =
            former.map(|of| key_of(of.kind, &aliases.record_id(of.kind, &of.former))).collect();
        keys.extend(former.iter().cloned());
        let in_lms = self.in_lms(keys).await?;
        let taken = in_lms.iter().filter(|(_, known)| has_account(Some(known)));
        let taken = taken.map(|(key, _)| key.clone()).collect();
        if !is_list {
            return Ok(Known { taken, heard_of: None });
        }
        let (mut heard_of, mut rest): (BTreeSet<Key>, BTreeSet<Key>) =
            former.into_iter().partition(|key| in_lms.contains_key(key));
        if !rest.is_empty() {
            for source in self.load_sources().await? {
                let said = said_of(&source, &rest)?;
                rest.retain(|key| !said.contains(key));
                heard_of.extend(said);
            }
        }
        Ok(Known { taken, heard_of: Some(heard_of) })
    }

    /// The writes by which what sources say under keys that are new since `stored` is said of the
    /// records that these mean.
    pub(crate) async fn under_what_they_mean(
        &self,
        stored: &Aliases,
        aliases: &Aliases,
        findings: &mut Vec<Finding>,
    ) -> Result<Vec<Write>, PipelineError> {
        let is_new = |(kind, key, _): &(Kind, &str, &Text)| stored.resolve(*kind, key).is_none();
        let new: BTreeMap<Key, Key> = aliases
            .iter()
            .filter(is_new)
            .map(|(kind, key, record)| (key_of(kind, &Text::new(key)), key_of(kind, record)))
            .collect();
        let mut writes = Vec::new();
        if new.is_empty() {
            return Ok(writes);
        }
        let states = States::new(&self.stores, self.integration.scope.clone());
        let either = new.iter().flat_map(|(key, record)| [key.clone(), record.clone()]).collect();
        for source in self.load_sources().await? {
            let said = said_of(&source, &either)?;
            if !new.keys().any(|key| said.contains(key)) {
                continue;
            }
            // Where both keys stand in one source the former one is left over.
            let both =
                new.iter().filter(|(key, record)| said.contains(*key) && said.contains(*record));
            let left_over: Vec<Key> = both.map(|(_, record)| record.clone()).collect();
            findings.extend(left_over.iter().map(|key| spent_finding(key, Origin::default())));
            let name = StateName::Source(source.name.clone());
            writes.extend(self.under_new_keys(&states, &name, &source, aliases, &left_over).await?);
        }
        Ok(writes)
    }
}

impl Pipeline {
    /// What a source says in `back`, an earlier generation, of the records that its keys mean by
    /// now: an answer about keys is no part of an export, and is not taken back with one.
    pub(crate) async fn under_later_keys(
        &self,
        states: &States,
        of: &Source,
        (newest, back): (&Published, Manifest),
        aliases: &Aliases,
    ) -> Result<Manifest, PipelineError> {
        let keys = aliases.iter().map(|(kind, key, _)| key_of(kind, &Text::new(key)));
        let keys: BTreeSet<Key> = keys.collect();
        if keys.is_empty() {
            return Ok(back);
        }
        let name = StateName::Source(of.name.clone());
        let loaded = states.load(&name, &back).await?;
        let generation = back.head.generation;
        let published = Published { manifest: back, ..newest.clone() };
        let source = LoadedSource { name: of.name.clone(), rules: of.rules(), published, loaded };
        let next = match said_of(&source, &keys)?.is_empty() {
            true => None,
            false => {
                let now = |entry| Some(under_record_id(entry, aliases));
                self.next_with(states, &name, &source, now).await?
            }
        };
        Ok(match next {
            Some(mut next) => {
                next.head.generation = generation;
                next
            }
            None => source.published.manifest,
        })
    }
}

/// Which of `keys` a source says something of: a record of its own, or a place in a course.
fn said_of(source: &LoadedSource, keys: &BTreeSet<Key>) -> Result<BTreeSet<Key>, PipelineError> {
    let sought: HashSet<&Key> = keys.iter().collect();
    let mut said = BTreeSet::new();
    source.loaded.for_each(|packed| {
        let key = packed.key()?;
        let person = key.person().map(|person| Key::Person(person.clone()));
        let course = key.course().map(|course| Key::Course(course.clone()));
        let observer = match &key {
            Key::Observer { observer, .. } => Some(Key::Person(observer.clone())),
            _ => None,
        };
        let named = [person, course, observer].into_iter().flatten();
        said.extend(named.filter(|named| sought.contains(named)));
        Ok(())
    })?;
    Ok(said)
}

/// Takes note of what is believed, and says what is not. Where a list has changed keys, one finding
/// says of how many.
pub(crate) fn believe(
    announced: &[FormerKey],
    aliases: &mut Aliases,
    forgotten: &Forgotten,
    known: &Known,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut changed: Option<(u64, &FormerKey)> = None;
    let (in_order, circles) = in_order(announced);
    findings.extend(circles.into_iter().map(circle));
    for change in in_order {
        let FormerKey { kind, former, current, .. } = change;
        let heard_of = known.heard_of.as_ref();
        if heard_of
            .is_some_and(|of| !of.contains(&key_of(*kind, &aliases.record_id(*kind, former))))
        {
            findings.push(unknown(change));
            continue;
        }
        if known.taken.contains(&key_of(*kind, current)) {
            findings.push(merge(change));
            continue;
        }
        if *kind == Kind::Person && forgotten.has(current) {
            continue;
        }
        let current_is_known = aliases.resolve(*kind, current).is_some();
        match aliases.rekey(*kind, former, current) {
            Ok(true) => changed = Some((changed.map_or(1, |(count, _)| count + 1), change)),
            Ok(false) => {}
            Err(Refusal::Taken) => findings.push(refused(change, current_is_known)),
        }
    }
    if let (Some(_), Some((count, last))) = (&known.heard_of, changed) {
        findings.push(noted(count, last));
    }
    findings
}

/// The announcements so that each follows on those of its former key, and those that never begin:
/// they go round in a circle, or follow on one that does.
fn in_order(announced: &[FormerKey]) -> (Vec<&FormerKey>, Vec<&FormerKey>) {
    let mut follow: BTreeMap<(Kind, &Text), Vec<usize>> = BTreeMap::new();
    let mut waits_for = vec![0_usize; announced.len()];
    for (at, change) in announced.iter().enumerate() {
        follow.entry((change.kind, &change.former)).or_default().push(at);
    }
    for change in announced {
        for at in follow.get(&(change.kind, &change.current)).into_iter().flatten() {
            waits_for[*at] += 1;
        }
    }
    let mut next: Vec<usize> = (0..announced.len()).filter(|at| waits_for[*at] == 0).collect();
    // Whatever order they come in, it is the same that goes first.
    next.sort_by(|a, b| announced[*b].cmp(&announced[*a]));
    let mut ordered = Vec::with_capacity(announced.len());
    while let Some(at) = next.pop() {
        let change = &announced[at];
        ordered.push(change);
        for at in follow.get(&(change.kind, &change.current)).into_iter().flatten().rev() {
            waits_for[*at] -= 1;
            if waits_for[*at] == 0 {
                next.push(*at);
            }
        }
    }
    let circles = announced.iter().zip(waits_for).filter(|(_, waits)| *waits > 0);
    (ordered, circles.map(|(change, _)| change).collect())
}

fn finding(severity: Severity, code: &'static str, change: &FormerKey, message: String) -> Finding {
    let FormerKey { kind, current, origin, .. } = change;
    let key = Some(Text::from(format!("{kind}:{current}")));
    Finding { severity, code, message, origin: *origin, key }
}

fn merge(change: &FormerKey) -> Finding {
    let FormerKey { kind, former, current, .. } = change;
    let message = format!(
        "{kind} {former} is to become {current}, and both are in the LMS: two are never made one \
         by themselves; decide which one stays, take over in the LMS what the other one holds, and \
         leave the other key out of the source"
    );
    finding(Severity::Warning, "merge-proposed", change, message)
}

fn refused(change: &FormerKey, current_is_known: bool) -> Finding {
    let FormerKey { kind, former, current, .. } = change;
    let why = if current_is_known { "is the key of another record already" } else { "is taken" };
    let message = format!("{kind} {former} cannot become {current}: {current} {why}");
    finding(Severity::Error, "rekey-refused", change, message)
}

fn circle(change: &FormerKey) -> Finding {
    let FormerKey { kind, former, current, .. } = change;
    let message = format!(
        "{kind} {former} is to become {current}, and by way of others back again: a key never goes \
         to somebody else, so none of this is done; give each of them a key that nobody had"
    );
    finding(Severity::Error, "rekey-circle", change, message)
}

fn unknown(change: &FormerKey) -> Finding {
    let FormerKey { kind, former, current, .. } = change;
    let message = format!(
        "{kind} {former} is to become {current}, and no source and no earlier run knows {former}: \
         nothing was noted; look whether the old key is written as in the source"
    );
    finding(Severity::Warning, "rekey-unknown", change, message)
}

fn noted(count: u64, last: &FormerKey) -> Finding {
    let FormerKey { kind, former, current, .. } = last;
    let message = match count {
        1 => format!("1 key has changed: {kind} {former} is {current} now"),
        _ => format!("{count} keys have changed; the last is {kind} {former}, {current} now"),
    };
    let change = FormerKey { origin: Origin::default(), ..last.clone() };
    finding(Severity::Note, "keys-changed", &change, message)
}

/// A key that was given up and stands beside the one that it was given up for.
pub(crate) fn spent_finding(key: &Key, origin: Origin) -> Finding {
    Finding {
        severity: Severity::Error,
        code: "key-reused",
        message: format!(
            "{key} was given up for another key before and now stands for somebody else; a key is \
             never issued again: give this record a new one"
        ),
        origin,
        key: Some(Text::from(key.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(former: &str, current: &str) -> FormerKey {
        let (former, current) = (Text::new(former), Text::new(current));
        FormerKey { kind: Kind::Person, former, current, origin: Origin::default() }
    }

    /// What of `pairs` is believed, as `key means record`, and the codes of what is said; `heard`
    /// and `taken` are keys.
    fn check(pairs: &[(&str, &str)], heard: &[&str], taken: &[&str], expected: (&[&str], &[&str])) {
        let keys = |of: &[&str]| of.iter().map(|id| key_of(Kind::Person, &Text::new(id))).collect();
        let known = Known { taken: keys(taken), heard_of: Some(keys(heard)) };
        let mut pairs: Vec<FormerKey> = pairs.iter().map(|(old, new)| change(old, new)).collect();
        // Whatever order they stand in.
        for _ in 0..2 {
            let mut aliases = Aliases::default();
            let findings = believe(&pairs, &mut aliases, &Forgotten::default(), &known);
            let mut means: Vec<_> =
                aliases.iter().map(|(_, key, record)| format!("{key} means {record}")).collect();
            means.sort();
            let mut codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
            codes.sort_unstable();
            let means: Vec<_> = means.iter().map(String::as_str).collect();
            assert_eq!((means.as_slice(), codes.as_slice()), expected, "{pairs:?}");
            // The same again changes nothing.
            let before = aliases.clone();
            let again = believe(&pairs, &mut aliases, &Forgotten::default(), &known);
            assert_eq!(aliases, before);
            assert!(again.iter().all(|finding| finding.code != "keys-changed"));
            pairs.reverse();
        }
    }

    #[test]
    fn what_of_a_list_is_believed() {
        let changed = ["keys-changed"];
        check(&[("a", "b")], &["a"], &[], (&["b means a"], &changed));
        check(&[("a", "b"), ("b", "c")], &["a"], &[], (&["b means a", "c means a"], &changed));
        check(
            &[("a", "x"), ("b", "x")],
            &["a", "b"],
            &[],
            (&["x means a"], &["keys-changed", "rekey-refused"]),
        );
        check(
            &[("a", "b"), ("b", "a")],
            &["a", "b"],
            &["a", "b"],
            (&[], &["rekey-circle", "rekey-circle"]),
        );
        check(
            &[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("x", "y")],
            &["a", "b", "c", "x"],
            &[],
            (
                &["y means x"],
                &["keys-changed", "rekey-circle", "rekey-circle", "rekey-circle", "rekey-circle"],
            ),
        );
        check(&[("a", "b")], &["a"], &["b"], (&[], &["merge-proposed"]));
        check(
            &[("a", "b"), ("b", "c")],
            &["a", "b"],
            &["b"],
            (&["c means b"], &["keys-changed", "merge-proposed"]),
        );
        check(&[("q", "r"), ("r", "s")], &[], &[], (&[], &["rekey-unknown", "rekey-unknown"]));
    }
}
