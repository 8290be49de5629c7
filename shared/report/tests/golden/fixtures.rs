//! An invented school in the situations that a report shows.

use std::collections::BTreeMap;
use std::time::Duration;

use plan::{
    Action, Cause, Change, ChangeList, Checksum, Counts, HoldReason, Limited, Part, Plan, Span,
    Summary,
};
use report::{
    Beside, Digest, HoldsView, Outcome, PastRun, PlanView, ReceiptCounts, ReceiptLine,
    ReceiptsView, Refusal, RunError, RunView, Standing, TimeSpent,
};
use roster::{
    Course, CourseKey, Enrollment, Finding, Findings, Group, GroupKey, GroupMember, Key, Kind,
    Origin, Person, PersonKey, Record, Role, Roles, Severity, Term, TermKey, Text,
};

pub fn files() -> Vec<Text> {
    vec!["registrar-2026-11-22.xml".into()]
}

const PEOPLE: [(&str, &str, &str, &str); 8] = [
    ("Sanne", "van den", "Berg", "sberg"),
    ("Daan", "", "Jansen", "djansen"),
    ("Zoë", "", "Müller", "zmuller"),
    ("Noah", "de", "Vries", "nvries"),
    ("Ayşe", "", "Yılmaz", "ayilmaz"),
    ("Łukasz", "", "Nowak", "lnowak"),
    ("Femke", "'t", "Hart", "fhart"),
    ("Thijs", "", "O'Brien", "tobrien"),
];

pub fn person(number: usize) -> Person {
    let (given, prefix, family, username) = PEOPLE[number % PEOPLE.len()];
    let mut person = Person::new(PersonKey::new(format!("p-{:04}", 1001 + number)));
    person.given = Some(given.into());
    person.family = Some(family.into());
    person.family_prefix = (!prefix.is_empty()).then(|| prefix.into());
    let number = if number < PEOPLE.len() { String::new() } else { number.to_string() };
    person.username = Some(format!("{username}{number}").into());
    person.email = Some(format!("{username}{number}@oakfield.example").into());
    person
}

pub fn course(id: &str, title: &str) -> Course {
    let mut course = Course::new(CourseKey::new(id));
    course.short_name = Some(id.to_uppercase().into());
    course.title = Some(title.into());
    course
}

pub fn enrollment(course: &str, number: usize, role: Role) -> Enrollment {
    let person = person(number).person().clone();
    let mut enrollment = Enrollment::new(CourseKey::new(course), person);
    enrollment.roles = Some(Roles::one(role));
    enrollment
}

pub fn change(action: Action, before: Option<Record>, after: Option<Record>, line: u32) -> Change {
    let origin = (line > 0).then_some(Origin { file: 0, line });
    Change { action, before, after, cause: Cause::Source, origin, lms_id: None, temporary: None }
}

pub fn create(record: impl Into<Record>, line: u32) -> Change {
    change(Action::Create, None, Some(record.into()), line)
}

fn update(before: impl Into<Record>, after: impl Into<Record>, line: u32) -> Change {
    change(Action::Update, Some(before.into()), Some(after.into()), line)
}

fn counts<'a>(changes: impl Iterator<Item = &'a Change>) -> Counts {
    let mut counts = Counts::new();
    for change in changes {
        *counts.entry(change.kind()).or_default().entry(change.action).or_default() += 1;
    }
    counts
}

pub fn summary(deliver: &[Change], held: &[(Change, HoldReason)]) -> Summary {
    let total = deliver.len() as u64;
    Summary {
        config_version: "5f0c".into(),
        files: files(),
        counts: counts(deliver.iter()),
        held_counts: counts(held.iter().map(|(change, _)| change)),
        checksum: Checksum([0x1a; 16]),
        held_checksum: (!held.is_empty()).then_some(Checksum([0x9f; 16])),
        parked: 0,
        deferred: 0,
        kept: 0,
        unsupported: BTreeMap::new(),
        calls: total.div_ceil(25),
        millis: total * 20,
    }
}

pub fn plan_view(deliver: &[Change], held: &[(Change, HoldReason)]) -> PlanView {
    let deliver_all = deliver.iter().cloned().map(Ok);
    let held_all = held.iter().cloned().map(Ok);
    PlanView::collect(summary(deliver, held), deliver_all, held_all).unwrap()
}

fn view(plan: Option<PlanView>, records: &[(Kind, u64)]) -> RunView {
    RunView {
        run: Some("20261122T050738Z-3fa9c1".into()),
        tenant: "oakfield".into(),
        integration: "sis".into(),
        target: "moodle https://lms.oakfield.example".into(),
        state: "done".into(),
        started: "2026-11-22T05:07:38Z".parse().unwrap(),
        took: Duration::from_millis(4_230),
        read: files(),
        files: files(),
        records: records.iter().copied().collect(),
        findings: Findings::default(),
        plan,
        receipts: None,
        calls: 0,
        spent: TimeSpent {
            reading: Duration::from_millis(310),
            planning: Duration::from_millis(120),
            delivering: Duration::from_millis(3_400),
            recording: Duration::from_millis(90),
            waiting: Duration::from_millis(310),
        },
        past: past(),
        beside: Beside {
            index: true,
            previous: Some("20261121T050712Z-77aa02".into()),
            rejects: true,
        },
        flags: String::new(),
        report: Some("rollcall-data/reports/20261122T050738Z-3fa9c1/report.html".into()),
        error: None,
    }
}

/// A week of nights: a first sync, quiet ones, one that was waiting, one that held.
pub fn past() -> Vec<PastRun> {
    use Action::{Create, Remove, Restore, Suspend, Update};
    let night = |day: u32, id: &str, state: &str, planned: &[(Action, u64)]| PastRun {
        run: format!("202611{day}T0507{day}Z-{id}").into(),
        state: state.into(),
        started: format!("2026-11-{day}T05:07:{day}Z").parse().unwrap(),
        took: Some(Duration::from_secs(u64::from(day))),
        source: Some("registrar".into()),
        planned: planned.iter().copied().collect(),
        receipts: ReceiptCounts {
            applied: planned.iter().map(|(_, count)| count).sum(),
            ..ReceiptCounts::default()
        },
        held_checksum: None,
        calls: 12,
        findings: [0, 1, 0],
        reason: None,
        has_page: true,
    };
    let mut all = vec![
        night(16, "0a11c2", "done", &[(Create, 17_286)]),
        night(17, "91bb03", "done", &[(Create, 12), (Update, 31), (Remove, 4)]),
        night(18, "5c0e77", "done", &[]),
        night(19, "d2f004", "waiting", &[(Create, 40), (Update, 8)]),
        night(20, "aa31f9", "done", &[(Create, 41), (Update, 60), (Restore, 9), (Suspend, 22)]),
        night(21, "77aa02", "partly_held", &[(Update, 25), (Remove, 11)]),
        night(22, "3fa9c1", "done", &[(Create, 30), (Update, 7)]),
    ];
    all[3].receipts.applied = 0;
    all[3].reason = Some("outage: core_user_create_users answered `http-503`".into());
    all[5].receipts.held = 312;
    all[5].held_checksum = Some("9f".repeat(16));
    all[6].receipts.rejected = 2;
    all
}

pub fn digest() -> Digest {
    Digest {
        tenant: "oakfield".into(),
        integration: "sis".into(),
        target: "moodle https://lms.oakfield.example".into(),
        since: "2026-11-15T06:00:00Z".parse().unwrap(),
        until: "2026-11-22T06:00:00Z".parse().unwrap(),
        runs: past(),
        held: Some(Standing {
            run: "20261121T050721Z-77aa02".into(),
            count: 344,
            checksum: Some("9f".repeat(16)),
            of_export: true,
            reasons: vec![
                "312 of 2,104 persons would be taken away; the limit is 210".to_owned(),
                "course math-4v would lose all of its 31 students".to_owned(),
            ],
        }),
        refusals: vec![
            Refusal {
                outcome: Outcome::Rejected,
                code: "no-email".into(),
                kind: Kind::Person,
                count: 2,
                run: "20261122T050722Z-3fa9c1".into(),
            },
            Refusal {
                outcome: Outcome::Deferred,
                code: Text::default(),
                kind: Kind::Enrollment,
                count: 9,
                run: "20261122T050722Z-3fa9c1".into(),
            },
        ],
        parked: 2,
        flags: "--data /var/lib/rollcall ".to_owned(),
    }
}

fn applied(count: usize, change: &Change) -> impl Iterator<Item = ReceiptLine> {
    let line = ReceiptLine {
        key: change.key().clone(),
        action: change.action,
        outcome: Outcome::Applied,
        code: None,
        needs: None,
        remark: None,
        origin: None,
    };
    std::iter::repeat_n(line, count)
}

pub fn first_sync() -> RunView {
    let mut changes = vec![];
    let mut term = Term::new(TermKey::new("2026-27"));
    term.title = Some("School year 2026-2027".into());
    changes.push(create(term, 12));
    changes.extend((0..40).map(|n| create(person(n), 20 + n as u32)));
    let courses =
        [("bio-3h", "Biology 3H"), ("math-4v", "Mathematics 4V"), ("art", "Art & Design")];
    changes.extend(courses.map(|(id, title)| create(course(id, title), 70)));
    let mut group = Group::new(CourseKey::new("math-4v"), GroupKey::new("unit 2"));
    group.title = Some("Unit 2".into());
    changes.push(create(group, 74));
    for (at, (id, _)) in courses.iter().enumerate() {
        changes.push(create(enrollment(id, at, Role::Instructor), 80));
        let students = (3..40).filter(|n| n % (at + 1) == 0);
        changes.extend(students.map(|n| create(enrollment(id, n, Role::Student), 81 + n as u32)));
    }
    let member = |n| {
        let key = person(n).person().clone();
        GroupMember::new(CourseKey::new("math-4v"), GroupKey::new("unit 2"), key)
    };
    changes.extend([4, 6, 8].map(|n| create(member(n), 121)));
    let records = counts(changes.iter());
    let records: Vec<_> = records.iter().map(|(kind, of)| (*kind, of.values().sum())).collect();
    let mut run = view(Some(plan_view(&changes, &[])), &records);
    let receipts = applied(changes.len(), &changes[0]);
    run.receipts = Some(ReceiptsView::collect(receipts, 0));
    run.calls = 23;
    run
}

const RECORDS: [(Kind, u64); 3] =
    [(Kind::Person, 2_104), (Kind::Course, 312), (Kind::Enrollment, 14_870)];

pub fn nothing() -> RunView {
    let mut plan = plan_view(&[], &[]);
    plan.summary.parked = 2;
    plan.summary.unsupported = [(Kind::Observer, 40)].into();
    let mut run = view(Some(plan), &RECORDS);
    run.took = Duration::from_millis(412);
    run.report = None;
    run
}

pub fn update_changes() -> Vec<Change> {
    let mut renamed = person(0);
    renamed.family = Some("Berg-de Groot".into());
    renamed.email = Some("s.berg@oakfield.example".into());
    let mut freed = update(person(1), person(1), 0);
    freed.temporary = Some("djansen-20261122".into());
    let mut swapped = person(1);
    swapped.username = Some("nvries".into());
    let mut titled = course("bio-3h", "Biology 3H");
    titled.title = Some("Biology 3H (bilingual)".into());
    let mut role = enrollment("bio-3h", 5, Role::Student);
    role.roles = Some([Role::Student, Role::TeachingAssistant].into_iter().collect());
    let mut drifted = update(enrollment("bio-3h", 5, Role::Student), role, 52);
    drifted.cause = Cause::Drift;
    let mut doubt = create(enrollment("bio-3h", 6, Role::Student), 53);
    doubt.cause = Cause::InDoubt;
    let mut other_key = person(7);
    other_key.sourced_id = Some("p-9001".into());
    let gone = enrollment("art", 3, Role::Student);
    let suspended = person(3);
    vec![
        freed,
        update(person(0), renamed, 21),
        update(person(1), swapped, 22),
        change(Action::Restore, Some(person(2).into()), Some(person(2).into()), 23),
        change(Action::Rekey, Some(person(7).into()), Some(other_key.into()), 24),
        change(Action::Adopt, None, Some(person(6).into()), 25),
        update(course("bio-3h", "Biology 3H"), titled, 40),
        drifted,
        doubt,
        change(Action::Remove, Some(gone.into()), None, 0),
        change(Action::Suspend, Some(suspended.clone().into()), Some(suspended.into()), 0),
    ]
}

pub fn updates() -> RunView {
    let mut plan = plan_view(&update_changes(), &[]);
    plan.name_with(|key| match key {
        Key::Course(id) if id.as_str() == "art" => Some(course("art", "Art & Design").into()),
        _ => None,
    });
    let mut run = view(Some(plan), &RECORDS);
    run.state = "planned".into();
    run.report = None;
    run
}

pub fn emptied() -> RunView {
    let suspend = |n: usize| {
        let person = person(n);
        change(Action::Suspend, Some(person.clone().into()), Some(person.into()), 0)
    };
    let remove = |course: &str, n: usize| {
        change(Action::Remove, Some(enrollment(course, n, Role::Student).into()), None, 0)
    };
    let limit = HoldReason::Limit { count: 312, of: 2_104, allowed: 210 };
    let empties =
        |course: &str, students| HoldReason::EmptiesCourse { course: course.into(), students };
    let mut held: Vec<_> = (0..312).map(|n| (suspend(n), limit.clone())).collect();
    held.extend((0..31).map(|n| (remove("math-4v", n), empties("math-4v", 31))));
    held.push((remove("latin", 3), empties("latin", 1)));
    let mut takes_name = person(400);
    takes_name.username = Some("sberg".into());
    held.push((create(takes_name, 88), HoldReason::Needs { key: "person:p-1001".into() }));
    let deliver = [create(person(500), 90), create(enrollment("art", 500, Role::Student), 91)];
    let mut run = view(Some(plan_view(&deliver, &held)), &RECORDS);
    run.state = "partly_held".into();
    let receipts = applied(deliver.len(), &deliver[0]);
    run.receipts = Some(ReceiptsView::collect(receipts, held.len() as u64));
    run.calls = 3;
    run
}

/// What each of the other reasons holds.
pub fn over_limits() -> RunView {
    let gone = |course: &str, n: usize| {
        change(Action::Remove, Some(enrollment(course, n, Role::Student).into()), None, 0)
    };
    let (count, before, of, allowed) = (40, 460, 1_900, 475);
    let week = |limited, span| HoldReason::Over { limited, span, count, before, of, allowed };
    let dropped = |part, name: &str, learned, now| HoldReason::SharpDrop {
        part,
        name: name.into(),
        kind: Kind::Enrollment,
        learned,
        now,
    };
    let mut held: Vec<_> = Vec::new();
    held.extend((0..40).map(|n| (gone("latin", n), week(Limited::Removals, Span::Week))));
    let created = week(Limited::Create, Span::Run);
    held.extend((600..605).map(|n| (create(person(n), 30), created.clone())));
    let file = dropped(Part::File, "north-*.csv of source sis", 4_000, 1_200);
    held.extend((0..4).map(|n| (gone("art", n), file.clone())));
    held.extend((0..20).map(|n| (gone("math-4v", n), dropped(Part::Course, "math-4v", 31, 11))));
    let deliver = [create(person(500), 90)];
    let mut run = view(Some(plan_view(&deliver, &held)), &RECORDS);
    run.state = "partly_held".into();
    run.receipts = Some(ReceiptsView::collect(applied(1, &deliver[0]), held.len() as u64));
    run.calls = 1;
    run
}

/// A plan that holds parts of every sort.
pub fn holds() -> HoldsView {
    let gone = |course: &str, n: usize| {
        change(Action::Remove, Some(enrollment(course, n, Role::Student).into()), None, 0)
    };
    let limit = HoldReason::Limit { count: 40, of: 390, allowed: 39 };
    let empties = HoldReason::EmptiesCourse { course: "latin".into(), students: 4 };
    let rename = HoldReason::Rename { old: "p-1".into(), new: "A-1".into() };
    let mut administrator = person(7);
    administrator.system_role = Some("administrator".into());
    let grants = HoldReason::GrantsSystemRole { role: "administrator".into() };
    let key = format!("person:{}", administrator.person());
    let needs = HoldReason::Needs { key: key.into() };
    let mut all = vec![(create(administrator, 31), grants)];
    all.push((create(enrollment("art", 7, Role::Student), 32), needs.clone()));
    all.push((create(enrollment("math-4v", 7, Role::Student), 33), needs));
    all.extend((0..40).map(|n| (gone("math-4v", n), limit.clone())));
    all.extend((50..54).map(|n| (gone("latin", n), empties.clone())));
    all.push((create(person(9), 40), rename));
    let mut held = ChangeList::default();
    all.iter().for_each(|(change, _)| held.push(change));
    let reasons = all.iter().map(|(_, reason)| reason.clone()).collect();
    let plan = Plan { summary: summary(&[], &all), deliver: ChangeList::default(), held, reasons };
    let at = "2026-11-22T05:07:38Z".parse().unwrap();
    let run = ("20261122T050738Z-3fa9c1", at, true);
    HoldsView::of(("oakfield", "sis"), run, &plan).unwrap()
}

pub fn refusals() -> Vec<ReceiptLine> {
    let receipt = |key: Key, outcome, code: Option<&str>, line: u32| ReceiptLine {
        key,
        action: Action::Create,
        outcome,
        code: code.map(Text::new),
        needs: None,
        remark: None,
        origin: Some(format!("registrar-2026-11-22.xml:{line}")),
    };
    let person_key = |n| Key::Person(person(n).person().clone());
    let mut all: Vec<_> = (0..6)
        .map(|n| receipt(person_key(n), Outcome::Rejected, Some("no-email"), 20 + n as u32))
        .collect();
    all.push(receipt(person_key(7), Outcome::Rejected, Some("invalidparameter"), 29));
    let mut waits =
        receipt(enrollment("art", 7, Role::Student).key().clone(), Outcome::Deferred, None, 60);
    waits.needs = Some(person_key(7));
    all.push(waits);
    all.push(receipt(person_key(8), Outcome::Unknown, None, 31));
    let mut odd = receipt(person_key(9), Outcome::Applied, None, 32);
    odd.remark = Some("password-refused".into());
    all.push(odd);
    all
}

pub fn rejected() -> RunView {
    let changes: Vec<_> = (0..10).map(|n| create(person(n), 20 + n as u32)).collect();
    let mut run = view(Some(plan_view(&changes, &[])), &RECORDS);
    run.receipts = Some(ReceiptsView::collect(refusals().into_iter(), 0));
    run.calls = 7;
    let mut findings = Findings::default();
    let mut find = |severity, code, message: &str, line| {
        let origin = Origin { file: 0, line };
        findings.push(Finding { severity, code, message: message.into(), origin, key: None });
    };
    for n in 0..7 {
        let message = format!(
            "the member `p-90{n}` of course `art` is no person of this export: the enrollment is \
             left out; add the person or take the member away",
        );
        find(Severity::Error, "member-unknown-person", &message, 120 + n);
    }
    find(Severity::Warning, "date-unreadable", "`31-02-2026` is no date: it is left out", 44);
    find(Severity::Note, "encoding-detected", "no encoding is declared: read as Windows-1252", 1);
    run.findings = findings;
    run
}

pub fn failed() -> RunView {
    let mut run = view(None, &[]);
    run.state = "failed".into();
    run.report = None;
    run.records = BTreeMap::new();
    run.error = Some(RunError {
        code: "lms".into(),
        message: "auth: core_webservice_get_site_info answered `invalidtoken`".into(),
        hint: Some("make a new token in the LMS and put it into MOODLE_TOKEN".into()),
    });
    run
}
