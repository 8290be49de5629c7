//! How long a diff takes: a school of 200,000 persons and 1.6 million enrollments, with nothing
//! changed, and from nothing. Decoding both sides is part of it.
//!
//! `SCHOOL=2000 cargo bench -p plan` takes a smaller school.

use jiff::Timestamp;
use plan::{
    Absence, Applied, Capabilities, Cause, DiffInput, Diffed, KindSupport, Limits, Looked,
    LosingCourses, Meta, Ownership, Past, Plan, Policy, Presence, Refused, Wanted, diff, lint,
};
use roster::{
    Course, CourseKey, Enrollment, Kind, Origin, Packed, Person, PersonKey, Place, Record, Role,
    Roles, Text,
};

fn main() {
    divan::main();
}

fn persons() -> u32 {
    std::env::var("SCHOOL").ok().and_then(|count| count.parse().ok()).unwrap_or(200_000)
}

/// Eight enrollments a person, a course for fifty persons.
fn school(persons: u32) -> Packed {
    let mut records: Vec<Record> = Vec::new();
    let courses = (persons / 50).max(1);
    for n in 0..persons {
        let mut person = Person::new(PersonKey::new(format!("p{n:07}")));
        person.username = Some(Text::from(format!("user{n}")));
        person.given = Some(Text::from(format!("Given{}", n % 977)));
        person.family = Some(Text::from(format!("Family{}", n % 7919)));
        person.email = Some(Text::from(format!("user{n}@school.example")));
        records.push(person.into());
        for k in 0..8 {
            let course =
                CourseKey::new(format!("c{:06}", (n.wrapping_mul(31) + k * 977) % courses));
            let mut enrollment = Enrollment::new(course, PersonKey::new(format!("p{n:07}")));
            enrollment.roles = Some(Roles::one(Role::Student));
            records.push(enrollment.into());
        }
    }
    for n in 0..courses {
        let mut course = Course::new(CourseKey::new(format!("c{n:06}")));
        course.short_name = Some(Text::from(format!("CODE{n}")));
        course.title = Some(Text::from(format!("Course number {n}")));
        records.push(course.into());
    }
    records.sort_by_cached_key(|record| (Place::of(record.key()).hash, record.key().clone()));
    records.dedup_by(|a, b| a.key() == b.key());
    let mut packed = Packed::default();
    records.iter().for_each(|record| packed.push(&record.to_bytes(), &[]));
    packed
}

fn meta() -> Meta {
    Meta {
        presence: Some(Presence::Present),
        ownership: Ownership::Created,
        lms_id: Some(Text::new("12345")),
        first_run: Text::new("r1"),
        last_run: Text::new("r1"),
        parked: None,
        in_doubt: false,
        members_read: true,
        delete_after: None,
        user_fields: Default::default(),
    }
}

fn run(applied: &Packed, wanted: &Packed) -> Diffed {
    const FIELDS: &[&str] =
        &["username", "given", "family", "email", "short_name", "title", "roles", "status"];
    let capabilities = Capabilities {
        target: "bench",
        kinds: Kind::ALL.map(|_| KindSupport::Full { fields: FIELDS }),
        batch: 50,
        concurrency: 4,
        unique_usernames: true,
        unique_short_names: true,
        renames_courses: true,
        shows: [&[]; 9],
        millis_per_change: [10; 9],
        changes_per_call: [50; 9],
    };
    let input = DiffInput {
        weighed_before: &Default::default(),
        past: &Default::default(),
        policy: &Policy::default(),
        limits: &Limits::default(),
        capabilities: &capabilities,
        config_version: "1",
        files: &[],
        now: Timestamp::UNIX_EPOCH,
        because: Cause::Source,
        refused: Refused::Wait,
        approved: None,
        singled: None,
        absence: &|_| Absence::Removes,
        identity: None,
    };
    let applied = applied.iter().map(|row| Ok(Applied { record: row?.decode()?, meta: meta() }));
    let wanted = wanted
        .iter()
        .map(|row| Ok(Wanted { record: row?.decode()?, origin: Origin { file: 0, line: 1 } }));
    match diff(&input, applied, wanted) {
        Ok(diffed) => diffed,
        Err(error) => panic!("{error}"),
    }
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn nothing_changed(bencher: divan::Bencher<'_, '_>) {
    let school = school(persons());
    bencher.bench_local(|| {
        let diffed = run(&school, &school);
        assert!(diffed.plan.deliver.is_empty());
    });
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn from_nothing(bencher: divan::Bencher<'_, '_>) {
    let school = school(persons());
    let none = Packed::default();
    bencher.bench_local(|| {
        let diffed = run(&none, &school);
        assert_eq!(diffed.plan.deliver.len(), school.len() as u64);
    });
}

/// What looking again costs beside the diff itself: of a first sync, and of a night in which one
/// record in a hundred changed.
fn look_again(bencher: divan::Bencher<'_, '_>, applied: &Packed, plan: &Plan) {
    let (limits, past) = (Limits::default(), Past::default());
    bencher.bench_local(|| {
        let courses = LosingCourses::of(plan).expect("decodes");
        let rows = applied.iter().map(|row| {
            let row = row?;
            let (key, meta) = (row.key()?, meta());
            match courses.has(&key) {
                true => Ok(Looked::new(&row.decode()?, meta)),
                false => Ok(Looked { key, meta, is_student: false }),
            }
        });
        match lint(plan, rows, Some((&limits, &past))) {
            Ok(faults) => assert_eq!(faults, []),
            Err(error) => panic!("{error}"),
        }
    });
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn look_again_from_nothing(bencher: divan::Bencher<'_, '_>) {
    let plan = run(&Packed::default(), &school(persons())).plan;
    look_again(bencher, &Packed::default(), &plan);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn look_again_at_a_night(bencher: divan::Bencher<'_, '_>) {
    let school = school(persons());
    let mut next = Packed::default();
    for (at, row) in school.iter().enumerate() {
        match row.and_then(|row| row.decode()) {
            Ok(Record::Person(mut person)) if at % 100 == 0 => {
                person.given = Some(Text::new("Renamed"));
                next.push(&Record::Person(person).to_bytes(), &[]);
            }
            Ok(record) => next.push(&record.to_bytes(), &[]),
            Err(error) => panic!("{error}"),
        }
    }
    let plan = run(&school, &next).plan;
    look_again(bencher, &school, &plan);
}
