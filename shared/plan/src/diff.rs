//! The diff: two ordered streams in, one plan out.

mod finish;

use std::collections::BTreeMap;

use hashbrown::HashSet;
use jiff::Timestamp;
use roster::{DecodeError, Finding, Findings, Key, Kind, Record, Severity, Text};

use crate::course::{CourseAt, Edge, Emptied, Fate, Left, Losing, Seen, is_student};
use crate::decide::{Decision, Rules, decide};
use crate::draft::{Board, DraftId, Mark};
use crate::fields::Masks;
use crate::given_up::GivenUp;
use crate::hold::{self, Weights};
use crate::identity::Identity;
use crate::join::{Pair, join};
use crate::known::{Known, Standing, key_hash};
use crate::moves::Moving;
use crate::names::{Names, has_unique_name};
use crate::{
    Absence, Action, Applied, Capabilities, Cause, Checksum, Counts, DiffError, HoldReason, Limits,
    Moves, Past, Plan, Policy, Refused, Singled, Wanted,
};

/// What a plan is made by, beside the two sides.
#[derive(Clone, Copy)]
pub struct DiffInput<'a> {
    /// What may be done to each kind.
    pub policy: &'a Policy,
    /// How much may change, as it holds now ([`Limits::at`]).
    pub limits: &'a Limits,
    /// What the target can do.
    pub capabilities: &'a Capabilities,
    /// The version of the configuration that policy, limits and mapping come from.
    pub config_version: &'a str,
    /// The export's files, in the order that origins count them.
    pub files: &'a [Text],
    /// The time: what is to be deleted by now is due.
    pub now: Timestamp,
    /// Why there are differences: [`Cause::Source`], or [`Cause::Drift`] when reconciling.
    pub because: Cause,
    /// What becomes of changes that the LMS has refused.
    pub refused: Refused,
    /// For kinds of which the limits hold something already: how many records they were weighed
    /// against then. What a run adds does not make room for what it holds.
    pub weighed_before: &'a BTreeMap<Kind, u64>,
    /// What earlier runs tell the limits.
    pub past: &'a Past,
    /// The checksum of a held part that somebody approved. Where it is the one that this plan
    /// would hold, all of it is released.
    pub approved: Option<Checksum>,
    /// Single changes that somebody approved, or that stayed held when others were.
    pub singled: Option<Singled<'a>>,
    /// Whether a record's absence from the wanted side says that it is gone: what an export does
    /// not speak for is left alone.
    pub absence: &'a dyn Fn(&Applied) -> Absence,
    /// What tells one person from another; `None`: every key is taken for the person it was.
    pub identity: Option<Identity<'a>>,
}

/// A plan, and what is odd about what was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diffed {
    /// The plan.
    pub plan: Plan,
    /// What refers to nothing, what is asked for twice.
    pub findings: Findings,
    /// Whether the plan delivers what was held and approved.
    pub released: bool,
    /// How many changes are held because they stayed held when others were approved
    /// ([`Singled::kept`]).
    pub kept_back: u64,
    /// For each kind of which the limits hold something: how many records they were weighed
    /// against. The next plan is to be given it ([`DiffInput::weighed_before`]).
    pub weighed: BTreeMap<Kind, u64>,
    /// What is to be delivered and counts in the seven days of a week's limits: not what somebody
    /// approved, not what goes with a course that is deleted, not what is asserted once more.
    pub counting: Counts,
    /// Courses of which something is held because they dropped, and how many enrollments they had
    /// then. The next plan is to be given it ([`Past::courses`]).
    pub dropped_courses: BTreeMap<Text, u64>,
}

/// Compares what the LMS holds with what is wanted.
///
/// Both sides come in the order of [`roster::Place`], each key once. Nothing but the changes is
/// kept of them, and hashes of the records that others refer to.
///
/// Beyond the table in the documentation of the truth table (module `decide`):
///
/// - **A course that its source drops** takes nobody out: where it is hidden or left alone, who is
///   in it stays in it with groups and roles ([`crate::Summary::kept`]), so that nobody loses the
///   way to past work. Where policy deletes it, its enrollments are taken away first, held with
///   the course if the course is held, and do not count against their own limit.
/// - **A person who leaves** keeps nothing but the account: the enrollments are gone from the
///   source as well, and go by their own policy and limit.
/// - **What refers to something that is not there** is left out and counted as deferred.
/// - **A key that may have come to somebody else**, and one who vanished beside one who is new and
///   much alike: see module `identity`.
/// - **Names** that are swapped or freed: see module `names`.
///
/// # Errors
///
/// [`DiffError::Decode`] where a stored record does not decode, [`DiffError::Order`] where a side
/// is not sorted. There is no plan then.
pub fn diff<A, W>(input: &DiffInput<'_>, applied: A, wanted: W) -> Result<Diffed, DiffError>
where
    A: IntoIterator<Item = Result<Applied, DecodeError>>,
    W: IntoIterator<Item = Result<Wanted, DecodeError>>,
{
    let mut run = Run::new(input);
    for pair in join(applied.into_iter(), wanted.into_iter()) {
        run.pair(pair?);
    }
    run.finish()
}

/// What one diff gathers while the join passes by.
struct Run<'a> {
    input: &'a DiffInput<'a>,
    rules: Rules<'a>,
    board: Board,
    known: Known,
    names: Vec<Names>,
    course: CourseAt,
    emptied: Vec<Emptied>,
    losing: Vec<Losing>,
    moving: Moving,
    edges: Vec<Edge>,
    weights: Weights,
    /// What takes a record away from a part of the export that dropped, and which part.
    suspected: Vec<(DraftId, u32)>,
    /// Persons, as hashes, who may not be those whom their accounts were made for.
    strangers: HashSet<u64>,
    /// Whether the LMS is known to hold anybody.
    anybody: bool,
    given_up: GivenUp,
    findings: Findings,
    parked: u64,
    deferred: u64,
    kept: u64,
    kept_back: u64,
    /// Courses whose code the target cannot change: the first, and how many.
    fixed_codes: Option<(Key, u64)>,
    unsupported: BTreeMap<Kind, u64>,
}

impl<'a> Run<'a> {
    fn new(input: &'a DiffInput<'a>) -> Self {
        let capabilities = input.capabilities;
        let rules = Rules {
            policy: input.policy,
            capabilities,
            masks: Masks::new(capabilities),
            now: input.now,
            refused: input.refused,
            because: input.because,
            identity: input.identity,
        };
        let unique = [
            (Kind::Person, capabilities.unique_usernames),
            (Kind::Course, capabilities.unique_short_names),
        ];
        let unique = unique.into_iter().filter(|(_, unique)| *unique);
        Self {
            input,
            rules,
            board: Board::default(),
            known: Known::default(),
            names: unique.map(|(kind, _)| Names::new(kind)).collect(),
            course: CourseAt::default(),
            emptied: Vec::new(),
            losing: Vec::new(),
            moving: Moving::default(),
            edges: Vec::new(),
            weights: Weights::default(),
            suspected: Vec::new(),
            strangers: HashSet::new(),
            anybody: false,
            given_up: GivenUp::default(),
            findings: Findings::default(),
            parked: 0,
            deferred: 0,
            kept: 0,
            kept_back: 0,
            fixed_codes: None,
            unsupported: BTreeMap::new(),
        }
    }

    /// Takes one key through.
    fn pair(&mut self, pair: Pair) {
        let record = pair.wanted.as_ref().map(|wanted| &wanted.record);
        let Some(record) = record.or(pair.applied.as_ref().map(|applied| &applied.record)) else {
            return;
        };
        let (key, kind) = (record.key().clone(), record.kind());
        if !self.input.capabilities.holds(kind) {
            if pair.wanted.is_some() {
                *self.unsupported.entry(kind).or_default() += 1;
            }
            return;
        }
        let left = self.course.enter(&key);
        self.leave(left);
        let seen = pair.applied.as_ref().map(Seen::of);
        if seen.is_some_and(|seen| seen.present && seen.ours) {
            self.weights.held[kind as usize - 1] += 1;
        }
        self.anybody |= kind == Kind::Person && seen.is_some();
        let is_wanted = pair.wanted.is_some();
        self.note(&key, &pair, seen);
        let absence = match &pair.applied {
            Some(applied) if !is_wanted => (self.input.absence)(applied),
            _ => Absence::SaysNothing,
        };
        let gone = absence != Absence::SaysNothing;
        self.note_fixed_code(&pair);
        let decision = decide(&self.rules, pair, absence);
        if decision.stays_aside {
            self.stays_aside(&key);
        }
        if self.course.fate == Fate::PutAside && gone {
            self.kept += decision.changes.iter().flatten().count() as u64;
            return;
        }
        let done = self.draft(&key, decision, is_wanted);
        self.settle(&key, seen, gone, is_wanted, &done);
    }

    /// Keeps what a course lost that the join has left.
    fn leave(&mut self, left: Left) {
        self.emptied.extend(left.emptied);
        if self.input.limits.sharp_drop.is_some() {
            self.losing.extend(left.losing);
        }
    }

    /// Takes note of what is there and wanted, for what refers to it or has its name.
    fn note(&mut self, key: &Key, pair: &Pair, seen: Option<Seen>) {
        if let Some(hash) = key_hash(key) {
            if pair.wanted.is_some() {
                self.known.add(hash, Standing::WANTED);
            }
            if seen.is_some_and(|seen| seen.there) {
                self.known.add(hash, Standing::THERE);
            }
        }
        if has_unique_name(key)
            && let Some(names) = self.names.iter_mut().find(|names| names.kind() == key.kind())
        {
            let applied = pair.applied.as_ref().zip(seen);
            names.see(
                applied
                    .map(|(applied, seen)| (&applied.record, seen, applied.meta.lms_id.as_ref())),
                pair.wanted.as_ref().map(|wanted| &wanted.record),
            );
        }
    }

    /// Takes note of a course whose code cannot follow the source.
    fn note_fixed_code(&mut self, pair: &Pair) {
        let (Some(applied), Some(wanted)) = (&pair.applied, &pair.wanted) else { return };
        let (Record::Course(before), Record::Course(after)) = (&applied.record, &wanted.record)
        else {
            return;
        };
        if after.short_name.is_none() || before.short_name == after.short_name {
            return;
        }
        let told_once = self.input.policy.fields.on_create(Kind::Course);
        let differing = applied.record.differing(&wanted.record);
        let by_policy = differing.iter().any(|s| s.name == "short_name" && told_once.has(*s));
        let is_fixed = by_policy || !self.input.capabilities.renames_courses;
        if Seen::of(applied).there && is_fixed {
            self.fixed_codes.get_or_insert_with(|| (before.key().clone(), 0)).1 += 1;
        }
    }

    /// Puts what was decided on the board.
    fn draft(&mut self, key: &Key, decision: Decision, is_wanted: bool) -> Vec<Drafted> {
        self.parked += decision.parked;
        if decision.parked > 0 && decision.changes.iter().all(Option::is_none) && is_wanted {
            self.moving.refused(key);
        }
        let kind = key.kind();
        let mut done = Vec::new();
        let approved = |run: &Self| {
            let mut changes = decision.changes.iter().flatten().peekable();
            changes.peek().is_some() && changes.all(|(change, _)| run.is_released(change))
        };
        let stranger = (decision.stranger && !approved(self)).then(|| self.stranger(key));
        for (change, counting) in decision.changes.into_iter().flatten() {
            if kind == Kind::GroupMember
                && change.action == Action::Create
                && !self.course.is_enrolled(key)
            {
                self.not_enrolled(key, &change);
                continue;
            }
            let draft = self.board.push(&change);
            self.given_up.see(&change);
            self.single_out(&change, draft);
            if let Some(role) = hold::granted(&change) {
                let mark = self.board.reason(HoldReason::GrantsSystemRole { role: role.clone() });
                self.board.set(draft, mark);
            }
            if change.action == Action::Create
                && let Some(hash) = key_hash(key)
            {
                self.known.add(hash, Standing::COMING);
            }
            if change.action.takes_away() {
                self.course.removal_edges(key, draft, &mut self.edges);
                let follows = matches!(self.course.fate, Fate::Deleted(_));
                if counting == crate::decide::Counting::Counts && !follows {
                    self.weights.counted[kind as usize - 1].push(draft);
                    if self.input.policy.moves != Moves::Independent {
                        self.moving.lose(key, draft);
                    }
                    let part = self.input.past.suspects.of(key);
                    self.suspected.extend(part.map(|part| (draft, part)));
                }
            } else {
                self.weights.make(&change);
                if kind == Kind::GroupMember && self.input.limits.limits_making(Kind::Enrollment) {
                    self.course.creation_edge(key, draft, &mut self.edges);
                }
            }
            if let Some(mark) = stranger {
                self.board.set(draft, mark);
            }
            if let Some(names) = self.names.iter_mut().find(|names| names.kind() == kind) {
                names.plan(&change, draft);
            }
            let student = change.after.as_ref().is_some_and(is_student);
            done.push(Drafted { action: change.action, draft, student });
        }
        if decision.open_password {
            self.open_password(key);
        }
        done
    }

    /// Whether somebody approved this very change.
    fn is_released(&self, change: &crate::Change) -> bool {
        let released = self.input.singled.map(|singled| singled.released);
        released.is_some_and(|of| !of.is_empty() && of.contains(&change.fingerprint()))
    }

    /// Marks a change on which there is a word already.
    fn single_out(&mut self, change: &crate::Change, draft: DraftId) {
        let Some(Singled { released, kept }) = self.input.singled else { return };
        if released.is_empty() && kept.is_empty() {
            return;
        }
        let fingerprint = change.fingerprint();
        if released.contains(&fingerprint) {
            self.board.release(draft);
        } else if let Some(reason) = kept.get(&fingerprint) {
            let mark = self.board.reason(reason.clone());
            self.kept_back += u64::from(self.board.set(draft, mark));
        }
    }

    /// Draws from what was decided what matters for records to come.
    fn settle(
        &mut self,
        key: &Key,
        seen: Option<Seen>,
        gone: bool,
        is_wanted: bool,
        done: &[Drafted],
    ) {
        let removal = done.iter().find(|drafted| drafted.action == Action::Remove);
        if let (Some(_), Some(hash), false) = (removal, key_hash(key), is_wanted) {
            self.known.add(hash, Standing::GOING);
        }
        match (key.kind(), removal) {
            (Kind::Course, Some(removal)) if gone => {
                self.course.fate = Fate::Deleted(removal.draft)
            }
            (Kind::Course, _) if gone && seen.is_some_and(|seen| seen.there) => {
                self.course.fate = Fate::PutAside;
            }
            (Kind::Group, Some(removal)) => self.course.group_goes(key, removal.draft),
            (Kind::Enrollment, _) => self.course.enrollment(key, seen, done),
            _ => {}
        }
    }

    /// Notes that `key` may have come to somebody else: what would give them more of the account
    /// is held.
    fn stranger(&mut self, key: &Key) -> Mark {
        if let Some(hash) = key_hash(key) {
            self.strangers.insert(hash);
            self.known.add(hash, Standing::STUCK);
        }
        self.board.reason(HoldReason::SuspectedReuse { key: Text::new(key.owner().id) })
    }

    /// Says once for all of them what the target cannot do.
    fn tell_fixed_codes(&mut self) {
        let Some((key, count)) = &self.fixed_codes else { return };
        let why = match self.input.capabilities.renames_courses {
            false => "which cannot change it once a course is made",
            true => "and by policy it is told when a course is made, and never again",
        };
        self.findings.push(Finding {
            severity: Severity::Note,
            code: "course-code-fixed",
            message: format!(
                "{count} of the courses have another code in the source than in the target, {why}: \
                 they keep theirs; the first is {key}"
            ),
            origin: roster::Origin::default(),
            key: Some(Text::from(key.to_string())),
        });
    }

    /// Says of which fields nobody can see whether somebody changed them.
    fn tell_unseen_fields(&mut self) {
        for kind in Kind::ALL {
            let asked = self.input.policy.fields.until_changed(kind);
            let shown = self.input.capabilities.shown(kind, asked);
            let unseen: Vec<_> =
                asked.names(kind).into_iter().filter(|n| !shown.names(kind).contains(n)).collect();
            if !unseen.is_empty() && self.input.capabilities.holds(kind) {
                self.findings.push(Finding {
                    severity: Severity::Note,
                    code: "field-not-shown",
                    message: format!(
                        "the target does not show {} of a {kind}, so that nobody can see whether \
                         it was changed there: it is told when the {kind} is made, and left alone \
                         after that",
                        unseen.join(", ")
                    ),
                    origin: roster::Origin::default(),
                    key: None,
                });
            }
        }
    }

    fn not_enrolled(&mut self, key: &Key, change: &crate::Change) {
        self.deferred += 1;
        self.findings.push(Finding {
            severity: Severity::Warning,
            code: "group-member-not-enrolled",
            message: format!(
                "{key} waits: the person is not enrolled in the course; add the enrollment to the \
                 source"
            ),
            origin: change.origin.unwrap_or_default(),
            key: Some(Text::from(key.to_string())),
        });
    }

    fn stays_aside(&mut self, key: &Key) {
        self.findings.push(Finding {
            severity: Severity::Note,
            code: "not-restored",
            message: format!(
                "{key} is wanted again and stays put aside: the policy of its kind has \
                 `restore = false`"
            ),
            origin: roster::Origin::default(),
            key: Some(Text::from(key.to_string())),
        });
    }

    fn open_password(&mut self, key: &Key) {
        self.findings.push(Finding {
            severity: Severity::Warning,
            code: "password-not-sealed",
            message: format!(
                "the password delivered for {key} was not sealed before planning and is left out; \
                 the account gets none from here"
            ),
            origin: roster::Origin::default(),
            key: Some(Text::from(key.to_string())),
        });
    }
}

/// A change that was put on the board.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drafted {
    pub action: Action,
    pub draft: DraftId,
    /// After it the record is the enrollment of a student.
    pub student: bool,
}
