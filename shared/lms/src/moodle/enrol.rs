//! People in courses: manual enrolments and roles.
//!
//! | change | calls |
//! |---|---|
//! | create, restore | enrol with the first role and the whole state, assign the other roles |
//! | other roles | enrol with a new one, assign further ones, unassign those that went |
//! | other dates or status | enrol again with the whole state |
//! | suspend | enrol again, suspended; roles are dropped where configured |
//! | remove, nobody else's role or group in sight | unenrol |
//! | remove, else | unassign our roles |
//!
//! The state is always sent whole: left out, Moodle sets an enrolment active and open-ended. New
//! roles go through an enrolment, never through an assignment alone, which would give a role to
//! somebody who is not in the course.

use std::collections::{BTreeSet, HashMap};

use plan::{Action, Cause, Ownership};
use roster::{Enrollment, Record, Status, Text};

use super::config::MoodleConfig;
use super::moments;
use super::requests::Entry;
use super::responses::{Group, Member};
use super::rooms;
use super::send::{self, Answer, Bulky, Slots, Task, is_gone};
use super::session::{Refused, Session};
use crate::{MatchedBy, Outcome, Receipt, Survey};

const ENROL: Bulky = Bulky {
    function: "enrol_manual_enrol_users",
    list: "enrolments",
    answer: Answer::Nothing,
    repeatable: true,
    serial: false,
    batch: usize::MAX,
};
const UNENROL: Bulky = Bulky { function: "enrol_manual_unenrol_users", ..ENROL };
const ASSIGN: Bulky = Bulky { function: "core_role_assign_roles", list: "assignments", ..ENROL };
const UNASSIGN: Bulky =
    Bulky { function: "core_role_unassign_roles", list: "unassignments", ..ENROL };

/// The fields of our records that end up in an enrolment.
pub(super) const ENROLLMENT_FIELDS: &[&str] = &["roles", "status", "timeframe"];

fn enrollment(record: Option<&Record>) -> Option<&Enrollment> {
    match record {
        Some(Record::Enrollment(enrollment)) => Some(enrollment),
        _ => None,
    }
}

/// The calls that the changes come to, in the order in which they are made.
#[derive(Default)]
struct Calls {
    enrol: Vec<Entry>,
    assign: Vec<Entry>,
    unassign: Vec<Entry>,
    unenrol: Vec<Entry>,
    /// Whose each new enrolment is, said once it is made.
    made: Vec<(usize, Receipt)>,
}

pub(super) async fn apply(session: &Session<'_>, tasks: &[Task<'_>], slots: &mut Slots) {
    let mut calls = Calls::default();
    let mut removes = Vec::new();
    for task in tasks {
        if task.work.change.action == Action::Remove {
            removes.push(*task);
            continue;
        }
        match calls.plan(session, task, slots) {
            Ok(()) => {}
            Err(code) => slots.rejected(task.index, code),
        }
    }
    calls.plan_removals(session, &removes, slots).await;
    for (bulky, entries) in [
        (ENROL, calls.enrol),
        (ASSIGN, calls.assign),
        (UNASSIGN, calls.unassign),
        (UNENROL, calls.unenrol),
    ] {
        let entries: Vec<Entry> =
            entries.into_iter().filter(|entry| slots.is_well(entry.index)).collect();
        let ends = bulky.function != ENROL.function && bulky.function != ASSIGN.function;
        for (entry, sent) in send::send(session, bulky, entries).await {
            match sent {
                Ok(_) => slots.applied(entry.index),
                Err(refused) if ends && is_gone(&refused) => slots.applied(entry.index),
                Err(refused) => slots.refused(entry.index, &refused),
            }
        }
    }
    for (index, receipt) in calls.made {
        if slots.is_well(index) {
            slots.settle(index, receipt);
        }
    }
}

/// Who is in the courses already of whom we do not know.
pub(super) async fn survey(
    session: &Session<'_>,
    tasks: &[Task<'_>],
) -> Result<Vec<Survey>, Refused> {
    let courses: BTreeSet<String> =
        tasks.iter().filter_map(|task| Some(place(task)?.course)).collect();
    let mut there: HashMap<String, BTreeSet<String>> = HashMap::new();
    for (course, members) in rooms::members_of(session, courses, "id").await {
        there.insert(course, members?.into_iter().map(|member| member.id.to_string()).collect());
    }
    let one = |task: &Task<'_>| {
        let Some(place) = place(task) else { return Survey::Absent };
        match there.get(&place.course).is_some_and(|there| there.contains(&place.person)) {
            true => Survey::Found { lms_id: place.person.into(), by: MatchedBy::Key },
            false => Survey::Absent,
        }
    };
    Ok(tasks.iter().map(one).collect())
}

/// Ids of a course and a person.
struct Spot {
    course: String,
    person: String,
}

fn place(task: &Task<'_>) -> Option<Spot> {
    let refs = &task.work.refs;
    Some(Spot {
        course: refs.course.as_ref()?.to_string(),
        person: refs.person.as_ref()?.to_string(),
    })
}

/// Moodle's ids of the roles, the first of which an enrolment is made with, and whether a role
/// has none.
fn role_ids(enrollment: Option<&Enrollment>, config: &MoodleConfig) -> (Vec<u64>, bool) {
    let roles = enrollment.and_then(|enrollment| enrollment.roles.as_ref());
    let (mut ids, mut unmapped) = (Vec::new(), false);
    for role in roles.iter().flat_map(|roles| roles.iter()) {
        match config.roles.get(role.name()) {
            Some(id) if !ids.contains(id) => ids.push(*id),
            Some(_) => {}
            None => unmapped = true,
        }
    }
    (ids, unmapped)
}

impl Calls {
    fn plan(
        &mut self,
        session: &Session<'_>,
        task: &Task<'_>,
        slots: &mut Slots,
    ) -> Result<(), &'static str> {
        let (change, config) = (&task.work.change, &session.site.config);
        let spot = place(task).ok_or("no-lms-id")?;
        let (before, after) =
            (enrollment(change.before.as_ref()), enrollment(change.after.as_ref()));
        if change.action == Action::Rekey {
            // Moodle's enrolments go by its own ids.
            slots.applied(task.index);
            return Ok(());
        }
        let makes = matches!(change.action, Action::Create | Action::Adopt);
        let was_there = matches!(task.work.survey, Survey::Found { .. });
        if makes {
            let (found, asked) = (was_there, change.action == Action::Adopt);
            let ownership = match () {
                () if found && (config.adopt.enrollments || asked) => Ownership::Adopted,
                () if found && change.cause != Cause::InDoubt => Ownership::Found,
                () => Ownership::Created,
            };
            let receipt = Receipt {
                lms_id: Some(Text::new(&spot.person)),
                ownership: Some(ownership),
                ..Receipt::of(Outcome::Applied)
            };
            self.made.push((task.index, receipt));
            if ownership == Ownership::Found {
                return Ok(());
            }
        }
        let known = before.filter(|_| change.cause != Cause::InDoubt && !makes);
        let wanted = after.or(before);
        let (had, _) = role_ids(before, config);
        let (roles, unmapped) = role_ids(wanted, config);
        let first = *roles.first().ok_or("role-not-mapped")?;
        if unmapped {
            slots.remark(task.index, "role-not-mapped");
        }
        let suspended = change.action == Action::Suspend
            || wanted.and_then(|wanted| wanted.status) == Some(Status::Inactive)
                && change.action != Action::Restore;
        let state = state(wanted, suspended, config)?;
        let same_state = known.is_some_and(|known| {
            let was = known.status == Some(Status::Inactive);
            change.action == Action::Update && self::state(Some(known), was, config) == Ok(state)
        });
        let new: Vec<u64> = match known {
            Some(_) if change.action == Action::Update => {
                roles.iter().copied().filter(|role| !had.contains(role)).collect()
            }
            _ => roles.clone(),
        };
        let with = new.first().copied().unwrap_or(first);
        if !same_state || !new.is_empty() {
            self.enrol.push(spot.enrolment(task.index, with, &state));
        }
        let dropped = change.action == Action::Suspend && config.suspend_drops_roles;
        if dropped {
            self.unassign.extend(roles.iter().map(|role| spot.role(task.index, *role)));
        } else {
            let others = new.iter().filter(|role| **role != with);
            self.assign.extend(others.map(|role| spot.role(task.index, *role)));
            let gone = had.iter().filter(|role| !roles.contains(role));
            self.unassign.extend(gone.map(|role| spot.role(task.index, *role)));
        }
        slots.applied(task.index);
        Ok(())
    }

    /// Takes people out of courses, or only our roles from those who have others' there.
    async fn plan_removals(
        &mut self,
        session: &Session<'_>,
        tasks: &[Task<'_>],
        slots: &mut Slots,
    ) {
        let courses: BTreeSet<String> =
            tasks.iter().filter_map(|task| Some(place(task)?.course)).collect();
        let members = rooms::members_of(session, courses, "id,roles,groups").await;
        let grouped = members.iter().filter(|(_, members)| {
            let any =
                |member: &Member| member.groups.as_ref().is_some_and(|groups| !groups.is_empty());
            members.as_ref().is_ok_and(|members| members.iter().any(any))
        });
        let grouped = grouped.map(|(course, _)| course.clone()).collect();
        let groups = rooms::groups_of(session, grouped).await;
        for task in tasks {
            let Some(spot) = place(task) else {
                slots.rejected(task.index, "no-lms-id");
                continue;
            };
            let none = Ok(Vec::new());
            match (members.get(&spot.course), groups.get(&spot.course).unwrap_or(&none)) {
                (Some(Err(refused)), _) | (_, Err(refused)) => slots.refused(task.index, refused),
                (None, _) => {}
                (Some(Ok(members)), Ok(groups)) => {
                    let member = members.iter().find(|m| m.id.to_string() == spot.person);
                    self.plan_removal(session, task, &spot, member, groups, slots);
                }
            }
        }
    }

    fn plan_removal(
        &mut self,
        session: &Session<'_>,
        task: &Task<'_>,
        spot: &Spot,
        member: Option<&Member>,
        groups: &[Group],
        slots: &mut Slots,
    ) {
        let Some(member) = member else { return slots.applied(task.index) };
        let Some(held) = &member.roles else {
            // Who may not see roles cannot tell whose they are.
            return slots.rejected(task.index, "roles-not-visible");
        };
        let change = &task.work.change;
        let (ours, _) = role_ids(
            enrollment(change.before.as_ref().or(change.after.as_ref())),
            &session.site.config,
        );
        // A group that we made or took over has a key; one made by hand has none.
        let by_hand =
            |id: u64| groups.iter().any(|group| group.id == id && group.idnumber().is_empty());
        let other_roles = held.iter().any(|role| !ours.contains(&role.roleid));
        let other_groups = member.groups.iter().flatten().any(|group| by_hand(group.id));
        let remark = match (other_roles, other_groups) {
            (false, false) => {
                let fields =
                    vec![("userid", spot.person.clone()), ("courseid", spot.course.clone())];
                self.unenrol.push(Entry::new(task.index, fields));
                return;
            }
            (true, _) => "other-roles-kept",
            (false, true) => "other-groups-kept",
        };
        let ours = ours.iter().filter(|role| held.iter().any(|held| held.roleid == **role));
        self.unassign.extend(ours.map(|role| spot.role(task.index, *role)));
        slots.remark(task.index, remark);
    }
}

/// Start, end and suspension, which Moodle sets anew with each enrolment.
type State = (i64, i64, bool);

fn state(
    enrollment: Option<&Enrollment>,
    suspended: bool,
    config: &MoodleConfig,
) -> Result<State, &'static str> {
    let frame = enrollment.and_then(|enrollment| enrollment.timeframe.as_ref());
    let (start, end) = moments::enforced(frame, config.utc_offset)?;
    Ok((start, end, suspended))
}

impl Spot {
    fn enrolment(&self, index: usize, role: u64, (start, end, suspended): &State) -> Entry {
        Entry::new(
            index,
            vec![
                ("roleid", role.to_string()),
                ("userid", self.person.clone()),
                ("courseid", self.course.clone()),
                ("timestart", start.to_string()),
                ("timeend", end.to_string()),
                ("suspend", u8::from(*suspended).to_string()),
            ],
        )
    }

    fn role(&self, index: usize, role: u64) -> Entry {
        Entry::new(
            index,
            vec![
                ("roleid", role.to_string()),
                ("userid", self.person.clone()),
                ("contextlevel", "course".to_owned()),
                ("instanceid", self.course.clone()),
            ],
        )
    }
}
