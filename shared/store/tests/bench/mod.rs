//! One integration over stores in memory, and what tests put into it.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::sync::Arc;

use ambient::{ManualClock, Timestamp};
use plan::{Action, Cause, Change, ChangeList};
use roster::{
    CourseKey, Enrollment, Mode, Origin, Person, PersonKey, Record, Removal, Role, Sink, Snapshot,
    SnapshotBuilder, Status, Text,
};
use store::Stores;
use store::state::applied::FoldBatch;
use store::state::ledger::{Entry, Line, LineResult, Sight};
use store::state::source::{Export, fold as fold_export};
use store::state::{Published, Scope, StateName, States};

/// The integration.
pub struct Bench {
    pub stores: Stores,
    pub states: States,
    pub scope: Scope,
}

impl Bench {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let stores = Stores::memory(clock);
        let scope = Scope::new("oak", "sis");
        Self { states: States::new(&stores, scope.clone()), stores, scope }
    }

    /// The item of the lease.
    pub fn scope_lease(&self) -> store::ItemKey {
        store::ItemKey::new(self.scope.path(), "lease")
    }

    pub fn source(&self) -> StateName {
        StateName::Source("registrar".into())
    }

    pub fn applied(&self) -> StateName {
        StateName::Applied("moodle".into())
    }

    /// Folds an export in and publishes it. Whether anything changed.
    pub async fn take_in(&self, snapshot: &Snapshot, run: &str) -> bool {
        let files: Vec<String> = snapshot.files().iter().map(ToString::to_string).collect();
        let removals: Vec<Removal> = snapshot.removals().iter().map(|(r, _)| r.clone()).collect();
        let export = Export {
            mode: snapshot.mode(),
            files: &files,
            buckets: snapshot.buckets(),
            removals: &removals,
            run,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
        };
        let base = self.states.newest(&self.source()).await.unwrap();
        let next = fold_export(&self.states, &self.source(), &base, export).await.unwrap();
        if let Some(next) = &next {
            self.states.publish(&self.source(), &base, next).await.unwrap();
        }
        next.is_some()
    }

    pub async fn newest(&self) -> Published {
        self.states.newest(&self.source()).await.unwrap()
    }

    /// Every record of the source with its line.
    pub async fn records(&self) -> Vec<(Record, u32)> {
        let published = self.newest().await;
        let loaded = self.states.load(&self.source(), &published.manifest).await.unwrap();
        let mut records: Vec<_> = loaded
            .iter(|packed| Ok((packed.decode()?, Origin::decode(packed.side)?.line)))
            .map(Result::unwrap)
            .collect();
        records.sort_by(|(a, _), (b, _)| a.key().cmp(b.key()));
        records
    }
}

pub fn person(id: &str, given: &str) -> Record {
    let mut person = Person::new(PersonKey::new(id));
    person.given = Some(Text::new(given));
    person.into()
}

pub fn enrollment(course: &str, id: &str, roles: &[Role]) -> Record {
    let mut enrollment = Enrollment::new(CourseKey::new(course), PersonKey::new(id));
    enrollment.roles = Some(roles.iter().cloned().collect());
    enrollment.status = Some(Status::Active);
    enrollment.into()
}

pub fn export(mode: Mode, records: &[Record], removals: &[Removal], first_line: u32) -> Snapshot {
    let mut builder = SnapshotBuilder::new(mode);
    let file = builder.add_file("export.xml");
    for (at, record) in records.iter().enumerate() {
        builder.record(record.clone(), Origin { file, line: first_line + at as u32 });
    }
    for removal in removals {
        builder.removal(removal.clone(), Origin { file, line: 0 });
    }
    builder.finish().unwrap()
}

pub fn many(count: usize) -> Vec<Record> {
    (0..count).map(|at| person(&format!("p-{at:06}"), &format!("Name {at}"))).collect()
}

pub fn packed(records: &[Record]) -> roster::Packed {
    let mut packed = roster::Packed::default();
    records.iter().for_each(|record| packed.push(&record.to_bytes(), &[]));
    packed
}

pub fn create(record: Record) -> Change {
    Change {
        action: Action::Create,
        before: None,
        after: Some(record),
        cause: Cause::Source,
        origin: Some(Origin { file: 0, line: 9 }),
        lms_id: None,
        temporary: None,
    }
}

pub fn line(result: LineResult, id: Option<&str>) -> Line {
    Line { result, lms_id: id.map(Text::new), ownership: None, remark: None }
}

pub fn batch(
    number: u64,
    changes: &[Change],
    sights: &[Sight],
    lines: Option<Vec<Line>>,
) -> FoldBatch {
    let mut list = ChangeList::default();
    changes.iter().for_each(|change| list.push(change));
    let entry = Entry {
        fence: 1,
        attempts: 1,
        quiet_after: Timestamp::MIN,
        sights: sights.to_vec(),
        lines,
        calls: 1,
    };
    FoldBatch { number, changes: list, entry }
}
