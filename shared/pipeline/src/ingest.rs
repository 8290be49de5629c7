//! From an export to the newest source state: all of it, or nothing.

use std::io::{Read, Seek, SeekFrom};

use ambient::{Stopwatch, Timestamp};
use hashbrown::HashSet;
use readers::{ExportSink, read_export};
use roster::merge::PersonKeys;
use roster::{
    Entry, Finding, Findings, FormerKey, Key, Kind, Mode, Origin, PersonKey, Record, Removal,
    Severity, Sink, Snapshot, SnapshotBuilder, Text,
};
use store::state::forget::Forgotten;
use store::state::hold::StoredSource;
use store::state::identity::Aliases;
use store::state::lease::Lease;
use store::state::run::{ExportFile, StoredRun};
use store::state::scoped::fold_scoped;
use store::state::source::{Export, fold};
use store::state::{StateName, States};

use crate::drive::lease_lost;
use crate::forget::without_forgotten;
use crate::person_keys::random_keys;
use crate::progress::{Progress, Stage};
use crate::rekeys::{Known, believe, key_of, spent_finding};
use crate::scope_keys::narrowed;
use crate::vault::{Vault, seal};
use crate::{Pipeline, PipelineError, Source, Speaks};

/// Something that can be read from anywhere.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// One file of an export.
pub struct ExportInput {
    /// Its name, without its folder.
    pub name: String,
    /// Its bytes.
    pub reader: Box<dyn ReadSeek>,
}

/// An export, read and not yet believed.
pub struct ReadExport {
    /// Its records and findings.
    pub snapshot: Snapshot,
    /// Its files.
    pub files: Vec<ExportFile>,
    /// One digest over all of its bytes.
    pub digest: String,
    /// How long it took to read, in milliseconds, where whoever read it says so.
    pub read_in: u64,
}

/// What taking an export in came to.
#[derive(Debug)]
pub struct Ingested {
    /// What is wrong or odd in it; a finding's file is a place in `files`.
    pub findings: Findings,
    /// The files that it was read from, members of archives included.
    pub files: Vec<Text>,
    /// The source state's new generation; `None` where the export says what was known already.
    pub generation: Option<u64>,
}

/// Reads an export's files as one set.
///
/// # Errors
/// [`PipelineError::Unreadable`] names the file that cannot be read. Nothing counts then.
pub fn read(
    source: &Source,
    mode: Mode,
    inputs: Vec<ExportInput>,
    vault: &dyn Vault,
    progress: &dyn Progress,
) -> Result<ReadExport, PipelineError> {
    let mut sink = Sealing { builder: SnapshotBuilder::new(mode), vault };
    let mut files = Vec::with_capacity(inputs.len());
    let mut whole = blake3::Hasher::new();
    let total = inputs.len() as u64;
    for (done, mut input) in inputs.into_iter().enumerate() {
        progress.at(Stage::Reading, done as u64, total);
        let unreadable = |source| PipelineError::Unreadable { file: input.name.clone(), source };
        let (digest, bytes) =
            digest(&mut *input.reader).map_err(|error| unreadable(error.into()))?;
        whole.update(&digest);
        read_export(&mut *input.reader, &input.name, &source.read, &mut sink)
            .map_err(unreadable)?;
        files.push(ExportFile { name: input.name, bytes, digest: hex(&digest) });
    }
    let snapshot = sink
        .builder
        .finish()
        .map_err(|error| PipelineError::damaged("the export in memory", &error))?;
    Ok(ReadExport { snapshot, files, digest: whole.finalize().to_hex().to_string(), read_in: 0 })
}

/// Digest and length of all bytes, read from the start; afterwards the reader stands at the start
/// again.
fn digest(reader: &mut dyn ReadSeek) -> std::io::Result<([u8; 32], u64)> {
    reader.seek(SeekFrom::Start(0))?;
    let mut hasher = blake3::Hasher::new();
    let bytes = std::io::copy(reader, &mut hasher)?;
    reader.seek(SeekFrom::Start(0))?;
    Ok((*hasher.finalize().as_bytes(), bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals delivered passwords on their way into the snapshot: no state ever holds one in clear.
struct Sealing<'a> {
    builder: SnapshotBuilder,
    vault: &'a dyn Vault,
}

impl Sink for Sealing<'_> {
    fn record(&mut self, mut record: Record, origin: Origin) {
        seal(self.vault, &mut record);
        self.builder.record(record, origin);
    }

    fn removal(&mut self, removal: Removal, origin: Origin) {
        self.builder.removal(removal, origin);
    }

    fn rekey(&mut self, change: FormerKey) {
        self.builder.rekey(change);
    }

    fn finding(&mut self, finding: Finding) {
        self.builder.finding(finding);
    }

    fn enrollment(&mut self, parts: roster::EnrollmentParts<'_>, origin: Origin) {
        self.builder.enrollment(parts, origin);
    }

    fn group_member(&mut self, parts: roster::MemberParts<'_>, origin: Origin) {
        self.builder.group_member(parts, origin);
    }
}

impl ExportSink for Sealing<'_> {
    fn add_file(&mut self, name: &str) -> u32 {
        self.builder.add_file(name)
    }
}

impl Pipeline {
    /// Makes `export` the newest state of `source`, and notes in `run` what it was.
    ///
    /// # Errors
    /// [`PipelineError::Refused`] where it must not be believed; the source state stays as it was.
    pub async fn ingest(
        &self,
        lease: &Lease,
        source: &Source,
        export: ReadExport,
        run: &mut StoredRun,
    ) -> Result<Ingested, PipelineError> {
        let time = Stopwatch::start(&*self.clock);
        let scope = &self.integration.scope;
        let mut status = StoredSource::load(&self.stores, scope, &source.name).await?;
        may_be_taken_in(&status, source, &export)?;
        let stored_aliases = Aliases::load(&self.stores, scope).await?;
        let mut aliases = stored_aliases.clone();
        let content = content_of(&export.snapshot);
        let mut forgotten = Forgotten::load(&self.stores, scope).await?;
        let spread = forgotten.spread(scope, export.snapshot.former_keys())?;
        let snapshot = match &source.part.keys {
            PersonKeys::Source => export.snapshot,
            PersonKeys::Random { natural } => {
                let (random, vault) = (&*self.random, &*self.vault);
                random_keys(export.snapshot, source, natural, &mut aliases, random, vault)?
            }
        };
        let snapshot = narrowed(snapshot, &self.integration.mapping.fields)?;
        let states = States::new(&self.stores, scope.clone());
        let name = StateName::Source(source.name.clone());
        let base = states.newest(&name).await?;
        let snapshot = self.with_scope_keys(source, &base, snapshot).await?;
        let known = self.known_keys(source, &snapshot, &aliases).await?;
        let mut snapshot = resolve(snapshot, &mut aliases, &forgotten, &known)?;
        let mut others = Vec::new();
        if source.is_change_list() {
            let mut odd = Vec::new();
            others = self.under_what_they_mean(&stored_aliases, &aliases, &mut odd).await?;
            odd.into_iter().for_each(|finding| snapshot.findings_mut().push(finding));
        }
        let snapshot = without_forgotten(snapshot, &forgotten)?;
        aliases.added_by(&stored_aliases, &run.run.id);
        let counts = snapshot.counts().clone();
        let findings = snapshot.findings().clone();
        let files = snapshot.files().to_vec();

        let next =
            publishable(&states, &name, &base, (source, &snapshot), &run.run.id, self.clock.now())
                .await?;
        drop(snapshot);

        run.run.source = Some(source.name.clone());
        run.run.files = export.files;
        run.run.content = Some(content);
        run.run.times.reading = export.read_in;
        run.run.times.taking_in = time.millis(&*self.clock);
        run.run.records = counts;
        run.run.findings = [Severity::Error, Severity::Warning, Severity::Note]
            .map(|severity| findings.count(severity));
        run.run.source_generation = next.as_ref().map(|next| next.head.generation);
        run.run.state = store::state::run::RunState::Parsed;
        status.status.last_digest = Some(export.digest);
        status.status.paused = None;
        // Who lost the lease must not publish: the segments may have been cleared away by now.
        let mut writes = vec![lease.check(scope), run.write(scope)?, status.write(scope)?];
        writes.extend(aliases.writes(&stored_aliases, scope)?);
        writes.extend(spread.into_iter().chain(others));
        if let Some(next) = &next {
            writes.extend(states.publication(&name, &base, next)?);
        }
        self.stores.table.transact(writes).await.map_err(lease_lost)?;
        run.saved();
        if next.is_some() {
            self.refresh_index(lease, &name).await?;
        }
        let generation = next.map(|next| next.head.generation);
        Ok(Ingested { findings, files, generation })
    }
}

/// By what an export is known again, however its files differ.
fn content_of(snapshot: &Snapshot) -> String {
    format!("content:{}", hex(&snapshot.digest()))
}

async fn publishable(
    states: &States,
    name: &StateName,
    base: &store::state::Published,
    (source, snapshot): (&Source, &Snapshot),
    run: &str,
    now: Timestamp,
) -> Result<Option<store::state::manifest::Manifest>, PipelineError> {
    let files: Vec<String> = snapshot.files().iter().map(ToString::to_string).collect();
    let removals: Vec<Removal> =
        snapshot.removals().iter().map(|(removal, _)| removal.clone()).collect();
    let export = Export {
        mode: snapshot.mode(),
        files: &files,
        buckets: snapshot.buckets(),
        removals: &removals,
        run,
        now,
    };
    Ok(match (source.scope, snapshot.mode()) {
        (Speaks::ForItsDataSources, Mode::Full) => fold_scoped(states, name, base, export).await?,
        _ => fold(states, name, base, export).await?,
    })
}

fn may_be_taken_in(
    status: &StoredSource,
    source: &Source,
    export: &ReadExport,
) -> Result<(), PipelineError> {
    let refused = |reason: String| Err(PipelineError::Refused { reason });
    let is_refused = |digest: &String| status.status.refused.contains(digest);
    if is_refused(&export.digest) || is_refused(&content_of(&export.snapshot)) {
        return refused(format!(
            "exactly this export of `{0}` was rejected or taken back before; deliver a corrected one, or allow it \
             again with `rollcall resume {0}`",
            source.name
        ));
    }
    if export.snapshot.is_empty() && export.snapshot.mode() == Mode::Full {
        return refused(
            "it holds no records at all; a full export without records would remove everything, so \
             nothing was changed"
                .into(),
        );
    }
    Ok(())
}

/// Brings the export's keys to record ids: a key that was re-keyed means the record that it always
/// meant.
fn resolve(
    snapshot: Snapshot,
    aliases: &mut Aliases,
    forgotten: &Forgotten,
    known: &Known,
) -> Result<Snapshot, PipelineError> {
    let mut findings = believe(snapshot.former_keys(), aliases, forgotten, known);
    if aliases.is_empty() {
        return Ok(with_findings(snapshot, findings));
    }
    let spent = spent_keys(&snapshot, aliases);
    let rekeyed: HashSet<(Kind, &str)> = aliases
        .iter()
        .map(|(kind, _, record)| (kind, record.as_str()))
        .chain(aliases.returned())
        .collect();
    let record = |entry: Entry| {
        let key = entry.record.key();
        if spent.contains(key) {
            findings.push(spent_finding(key, entry.origin));
            return None;
        }
        Some(renamed(entry, aliases, &rekeyed))
    };
    let removal = |mut removal: Removal| {
        removal.key = rename(&removal.key, aliases);
        Some(removal)
    };
    let mapped = snapshot
        .map(record, removal)
        .map_err(|error| PipelineError::damaged("the export in memory", &error))?;
    Ok(with_findings(mapped, findings))
}

/// A record under the id that its key means now, where that is another one.
pub(crate) fn under_record_id(entry: Entry, aliases: &Aliases) -> Entry {
    renamed(entry, aliases, &HashSet::new())
}

fn with_findings(mut snapshot: Snapshot, findings: Vec<Finding>) -> Snapshot {
    findings.into_iter().for_each(|finding| snapshot.findings_mut().push(finding));
    snapshot
}

/// Keys that were given up in a re-key, where both the old and the new one stand in the export:
/// the old one is then somebody else's, and a key is never given to somebody else.
fn spent_keys(snapshot: &Snapshot, aliases: &Aliases) -> Vec<Key> {
    let in_export = |kind, key: &str| match kind {
        Kind::Person => snapshot.persons().contains(key),
        _ => snapshot.courses().contains(key),
    };
    let spent = aliases
        .iter()
        .filter(|(kind, key, record)| in_export(*kind, key) && in_export(*kind, record.as_str()));
    spent.map(|(kind, _, record)| key_of(kind, record)).collect()
}

fn renamed(entry: Entry, aliases: &Aliases, rekeyed: &HashSet<(Kind, &str)>) -> Entry {
    let old = entry.record.key().clone();
    let new = rename(&old, aliases);
    // A record that was re-keyed and comes under its first key again says so: left out, the key
    // in use would stay the one in between.
    let returned = new == old && rekeyed.contains(&(old.kind(), old.owner().id));
    if new == old && !returned {
        return entry;
    }
    let Some(mut record) = entry.record.clone().with_key(new) else { return entry };
    match (&mut record, &old) {
        (Record::Person(person), Key::Person(key)) => person.sourced_id = Some(key.text().clone()),
        (Record::Course(course), Key::Course(key)) => course.sourced_id = Some(key.text().clone()),
        _ => {}
    }
    Entry { record, origin: entry.origin }
}

fn rename(key: &Key, aliases: &Aliases) -> Key {
    let person = |key: &PersonKey| PersonKey::from(aliases.record_id(Kind::Person, key.as_str()));
    let course = |key: &roster::CourseKey| {
        roster::CourseKey::from(aliases.record_id(Kind::Course, key.as_str()))
    };
    match key {
        Key::Person(key) => Key::Person(person(key)),
        Key::Course(key) => Key::Course(course(key)),
        Key::Group { course: of, group } => Key::Group { course: course(of), group: group.clone() },
        Key::Enrollment { course: of, person: who } => {
            Key::Enrollment { course: course(of), person: person(who) }
        }
        Key::GroupMember { course: of, group, person: who } => {
            Key::GroupMember { course: course(of), group: group.clone(), person: person(who) }
        }
        Key::Observer { person: who, observer } => {
            Key::Observer { person: person(who), observer: person(observer) }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use roster::Person;

    use super::*;

    #[test]
    fn a_key_that_was_given_up_is_never_somebody_elses() {
        let mut aliases = Aliases::default();
        aliases.rekey(Kind::Person, "old", "new").unwrap();
        let export = |keys: &[&str]| {
            let mut builder = SnapshotBuilder::new(Mode::Full);
            for key in keys {
                builder.record(Person::new(PersonKey::new(key)).into(), Origin::default());
            }
            let (forgotten, known) = (Forgotten::default(), Known::default());
            resolve(builder.finish().unwrap(), &mut aliases.clone(), &forgotten, &known).unwrap()
        };
        // The new key alone means the record that it always meant.
        let moved = export(&["new"]);
        assert!(moved.persons().contains("old") && !moved.persons().contains("new"));
        assert_eq!(moved.findings().count_code("key-reused"), 0);
        // Both at once: the old key would be somebody else's. That record is left out.
        let both = export(&["new", "old"]);
        assert_eq!(both.findings().count_code("key-reused"), 1);
        let entries: Vec<_> = both.entries().map(Result::unwrap).collect();
        let [entry] = entries.as_slice() else { panic!("one record: {entries:?}") };
        let Record::Person(person) = &entry.record else { panic!("a person") };
        assert_eq!(person.sourced_id(), "new");
    }
}
