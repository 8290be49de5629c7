//! Names that must be unique in the target (user names, visible course codes): who has which, who
//! wants which, and which must be freed first.
//!
//! The name that a change wants is, at the start of the run,
//!
//! | held by | then |
//! |---|---|
//! | nobody, or the record itself | it goes as it is |
//! | a record that moves to another name, or is removed, in this run | that record takes a temporary name first (phase 0) |
//! | such a record, whose change is held | held with it |
//! | one that we put aside, and nobody wants | held; once approved, that one gives its name up |
//! | one that is not ours | held; once approved, the LMS answers |
//! | one that is to have another name, and cannot now: refused, deferred, or policy forbids it | deferred |
//! | one that keeps it and that the source gives the same name | left out, with a finding |
//! | nobody, but an earlier change of the run wants it too | left out, with a finding |
//!
//! Order within a phase is free, so whoever has to give up a name does it in phase 0, which makes
//! chains and cycles of any length work.

use hashbrown::{HashMap, HashSet};
use roster::{Course, DecodeError, Finding, Key, Kind, Origin, Person, Record, Severity, Text};

use crate::assemble::Held;
use crate::course::Seen;
use crate::draft::{Board, DraftId, Mark};
use crate::known::{Known, Standing, id_hash};
use crate::{Action, Change};

/// The unique names of one kind.
#[derive(Debug)]
pub(crate) struct Names {
    kind: Kind,
    /// By name.
    holders: HashMap<u64, Holder>,
    /// Names of records that are put aside, by the record's hash: needed where one gives it up.
    put_aside: HashMap<u64, (Text, Option<Text>)>,
    wants: Vec<Want>,
    /// By record: the place of its want.
    movers: HashMap<u64, usize>,
    /// By record: the draft that removes it, and so frees its name.
    leavers: HashMap<u64, DraftId>,
}

#[derive(Debug)]
struct Holder {
    key: Text,
    record: u64,
    ours: bool,
    /// The name that the source wants it to have.
    wanted: Option<u64>,
}

#[derive(Debug)]
struct Want {
    draft: DraftId,
    key: Text,
    record: u64,
    old: Option<u64>,
    new: u64,
    creates: bool,
}

/// What stands in the way of a want.
enum Obstacle {
    /// Nobody has the name, or who has it frees it first.
    None,
    /// A person has to look: this one has it.
    Held(Text),
    /// Who has it is to give it up, and cannot in this run.
    Kept,
    /// The source gives the name to two records; the other one is this.
    Taken(Text),
}

impl Names {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            holders: HashMap::new(),
            put_aside: HashMap::new(),
            wants: Vec::new(),
            movers: HashMap::new(),
            leavers: HashMap::new(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes note of a record's name in the LMS and of the one that is wanted.
    pub(crate) fn see(
        &mut self,
        applied: Option<(&Record, Seen, Option<&Text>)>,
        wanted: Option<&Record>,
    ) {
        let Some((record, seen, lms_id)) = applied.filter(|(_, seen, _)| seen.there) else {
            return;
        };
        let Some(name) = unique_name(record) else { return };
        let key = record.key().owner().id;
        let hash = id_hash(self.kind, key);
        let wanted_name = wanted.and_then(unique_name).map(|name| self.hash(name));
        let wanted = wanted.map(|_| wanted_name.unwrap_or_else(|| self.hash(name)));
        if seen.ours && wanted.is_none() {
            self.put_aside.insert(hash, (name.clone(), lms_id.cloned()));
        }
        let holder = Holder { key: Text::new(key), record: hash, ours: seen.ours, wanted };
        self.holders.insert(self.hash(name), holder);
    }

    /// Takes note of a change that gives a record a name, or takes the record away.
    pub(crate) fn plan(&mut self, change: &Change, draft: DraftId) {
        let key = change.key().owner().id;
        let record = id_hash(self.kind, key);
        let old = change.before.as_ref().and_then(unique_name);
        if change.action == Action::Remove {
            self.leavers.insert(record, draft);
            return;
        }
        let new = change.after.as_ref().and_then(unique_name);
        let (Some(new), false) = (new, old == new) else { return };
        let old = old.map(|name| self.hash(name));
        let creates = change.action == Action::Create;
        let want = Want { draft, key: Text::new(key), record, old, new: self.hash(new), creates };
        self.movers.insert(record, self.wants.len());
        self.wants.push(want);
    }

    fn hash(&self, name: &str) -> u64 {
        // The seed differs from that of ids, so that a name is never taken for one.
        !id_hash(self.kind, name)
    }

    /// Leaves out what asks for a name that another record of the source has. Once, before holds.
    pub(crate) fn drop_taken(
        &self,
        board: &mut Board,
        known: &mut Known,
        mut finding: impl FnMut(Finding),
    ) -> Result<u64, DecodeError> {
        let mut claimed: HashMap<u64, usize> = HashMap::new();
        let mut dropped = 0;
        for (at, want) in self.wants.iter().enumerate() {
            let first = *claimed.entry(want.new).or_insert(at);
            let other = match self.obstacle(board, want) {
                Obstacle::Taken(key) => key,
                _ if first != at => self.wants[first].key.clone(),
                _ => continue,
            };
            let origin = board.change(want.draft)?.origin.unwrap_or_default();
            if board.set(want.draft, Mark::Dropped) {
                dropped += 1;
                if want.creates {
                    known.remove(want.record, Standing::COMING);
                }
                finding(self.taken(&want.key, &other, origin));
            }
        }
        Ok(dropped)
    }

    fn taken(&self, key: &Text, other: &Text, origin: Origin) -> Finding {
        let (code, what) = match self.kind {
            Kind::Course => ("short-name-taken", "course code"),
            _ => ("username-taken", "user name"),
        };
        let kind = self.kind;
        Finding {
            severity: Severity::Error,
            code,
            message: format!(
                "{kind} {key} has the same {what} as {kind} {other}; {key} waits until the source \
                 gives it one of its own"
            ),
            origin,
            key: Some(Text::from(format!("{kind}:{key}"))),
        }
    }

    /// Holds or defers what needs a name that is not freed. Says whether anything is new.
    pub(crate) fn hold(&self, board: &mut Board, known: &mut Known, deferred: &mut u64) -> bool {
        let mut any = false;
        for want in &self.wants {
            match self.obstacle(board, want) {
                Obstacle::Held(key) => {
                    any |= board.hold_for(want.draft, format!("{}:{key}", self.kind));
                }
                Obstacle::Kept if board.set(want.draft, Mark::Dropped) => {
                    any = true;
                    *deferred += 1;
                    if want.creates {
                        known.remove(want.record, Standing::COMING);
                    }
                }
                _ => {}
            }
            if want.creates
                && matches!(board.mark(want.draft), Mark::Held(_))
                && !known.get(want.record).has(Standing::STUCK)
            {
                known.add(want.record, Standing::STUCK);
                any = true;
            }
        }
        any
    }

    fn obstacle(&self, board: &Board, want: &Want) -> Obstacle {
        let Some(holder) = self.holders.get(&want.new) else { return Obstacle::None };
        if holder.record == want.record {
            return Obstacle::None;
        }
        let freed_by = |draft| match board.mark(draft) {
            Mark::Deliver | Mark::Released => Obstacle::None,
            Mark::Held(_) => Obstacle::Held(holder.key.clone()),
            Mark::Dropped => Obstacle::Kept,
        };
        let mover = self.movers.get(&holder.record).map(|at| &self.wants[*at]);
        if let Some(mover) = mover.filter(|mover| mover.old == Some(want.new)) {
            return freed_by(mover.draft);
        }
        if let Some(leaver) = self.leavers.get(&holder.record) {
            return freed_by(*leaver);
        }
        match holder.wanted {
            Some(name) if holder.ours && name == want.new => Obstacle::Taken(holder.key.clone()),
            Some(_) if holder.ours => Obstacle::Kept,
            _ => Obstacle::Held(holder.key.clone()),
        }
    }

    /// The changes of phase 0: whoever holds a name that a change to be delivered wants takes a
    /// temporary one. Where what was held is released, that goes too, and so do names of those who
    /// were put aside.
    pub(crate) fn temporaries(
        &self,
        board: &Board,
        held: Held,
    ) -> Result<Vec<Change>, DecodeError> {
        let goes = |draft| held.lets_go(board.mark(draft));
        let mut freed = HashSet::new();
        let mut changes = Vec::new();
        for want in self.wants.iter().filter(|want| goes(want.draft)) {
            let Some(holder) = self.holders.get(&want.new) else { continue };
            if holder.record == want.record || !holder.ours || !freed.insert(holder.record) {
                continue;
            }
            let moving = self.movers.get(&holder.record).map(|at| self.wants[*at].draft);
            let leaving = self.leavers.get(&holder.record).copied();
            if let Some(draft) = moving.or(leaving).filter(|draft| goes(*draft)) {
                let change = board.change(draft)?;
                let name = change.before.as_ref().and_then(unique_name).cloned();
                let with = Freed { name, lms_id: change.lms_id, cause: change.cause };
                changes.push(self.temporary(&holder.key, with));
            } else if let Some((name, lms_id)) = self.put_aside.get(&holder.record) {
                let cause = board.change(want.draft)?.cause;
                let with = Freed { name: Some(name.clone()), lms_id: lms_id.clone(), cause };
                changes.push(self.temporary(&holder.key, with));
            }
        }
        changes.sort_by(|a, b| roster::Place::of(a.key()).cmp(&roster::Place::of(b.key())));
        Ok(changes)
    }

    /// A change that does nothing but give the record of `key` a temporary name.
    fn temporary(&self, key: &str, freed: Freed) -> Change {
        let hash = blake3::hash(format!("{}:{key}", self.kind).as_bytes()).to_hex();
        let temporary = Text::from(format!("tmp-{}", &hash[..12]));
        Change {
            action: Action::Update,
            before: Some(self.named(key, freed.name)),
            after: Some(self.named(key, Some(temporary.clone()))),
            cause: freed.cause,
            origin: None,
            lms_id: freed.lms_id,
            temporary: Some(temporary),
        }
    }

    /// A record of which nothing but the name is known.
    fn named(&self, key: &str, name: Option<Text>) -> Record {
        match self.kind {
            Kind::Course => {
                let mut course = Course::new(roster::CourseKey::new(key));
                course.short_name = name;
                course.into()
            }
            _ => {
                let mut person = Person::new(roster::PersonKey::new(key));
                person.username = name;
                person.into()
            }
        }
    }
}

/// What a record gives up for a moment.
struct Freed {
    name: Option<Text>,
    lms_id: Option<Text>,
    cause: crate::Cause,
}

/// The name of a record that must be unique, where the target says so.
pub(crate) fn unique_name(record: &Record) -> Option<&Text> {
    match record {
        Record::Person(person) => person.username.as_ref(),
        Record::Course(course) => course.short_name.as_ref(),
        _ => None,
    }
}

/// The kind and key of a record that has a unique name.
pub(crate) fn has_unique_name(key: &Key) -> bool {
    matches!(key, Key::Person(_) | Key::Course(_))
}
