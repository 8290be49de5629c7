//! Measures the sandbox itself: creating people and enrolments in calls of 50, in memory and with
//! a journal, reopening, and reading back.
//!
//! `cargo run --release -p sandbox --example load -- 200000 1600000`

use std::fmt::Write as _;
use std::io::Write;

use ambient::{Clock, Stopwatch, SystemClock};
use sandbox::Request;
use sandbox::moodle::{SERVER, Site, TOKEN};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let users = arguments.next().transpose()?.unwrap_or(20_000);
    let enrolments = arguments.next().transpose()?.unwrap_or(160_000);
    let clock = SystemClock;
    let mut out = std::io::stdout().lock();

    writeln!(out, "in memory")?;
    let mut site = Site::in_memory();
    fill(&mut site, users, enrolments, &clock, &mut out)?;
    drop(site);

    writeln!(out, "with a journal")?;
    let folder = std::env::temp_dir().join(format!("sandbox-load-{}", std::process::id()));
    let mut site = Site::open(&folder)?;
    fill(&mut site, users, enrolments, &clock, &mut out)?;
    writeln!(out, "  journal           {:>8} MB", site.stored_bytes() >> 20)?;
    drop(site);
    let watch = Stopwatch::start(&clock);
    let mut site = Site::open(&folder)?;
    line(&mut out, "reopen", 1, watch.elapsed(&clock))?;
    let watch = Stopwatch::start(&clock);
    site.compact()?;
    line(&mut out, "compact", 1, watch.elapsed(&clock))?;
    writeln!(out, "  compacted         {:>8} MB", site.stored_bytes() >> 20)?;
    drop(site);
    let watch = Stopwatch::start(&clock);
    let mut site = Site::open(&folder)?;
    line(&mut out, "reopen compacted", 1, watch.elapsed(&clock))?;
    read(&mut site, &clock, &mut out)?;
    drop(site);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn line(
    out: &mut impl Write,
    what: &str,
    items: usize,
    took: std::time::Duration,
) -> std::io::Result<()> {
    let each = took.as_secs_f64() * 1e6 / items as f64;
    writeln!(out, "  {what:<18}{:>8.0} ms  {each:>8.2} us each", took.as_secs_f64() * 1e3)
}

fn fill(
    site: &mut Site,
    users: usize,
    enrolments: usize,
    clock: &dyn Clock,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let courses = (enrolments / 40).max(1);
    let before = resident();
    let calls = batches("core_course_create_courses", courses, move |form, at, number| {
        let _ = write!(
            form,
            "&courses[{at}][fullname]=Course%20{number}&courses[{at}][shortname]=C{number}\
             &courses[{at}][categoryid]=1&courses[{at}][idnumber]=crs{number}"
        );
    });
    run(site, calls, "courses", courses, clock, out)?;
    let calls = batches("core_user_create_users", users, move |form, at, number| {
        let _ = write!(
            form,
            "&users[{at}][username]=user{number}&users[{at}][firstname]=Given{number}\
             &users[{at}][lastname]=Family{number}&users[{at}][email]=user{number}%40school.invalid\
             &users[{at}][idnumber]=sis-{number}&users[{at}][createpassword]=1"
        );
    });
    run(site, calls, "people", users, clock, out)?;
    let calls = batches("enrol_manual_enrol_users", enrolments, move |form, at, number| {
        // Each round takes everybody once, and moves on by some courses, so that no pair repeats.
        let round = number / users;
        let user = 4 + number.wrapping_mul(7919) % users;
        let course = 2 + (user * 31 + round * 997) % courses;
        let _ = write!(
            form,
            "&enrolments[{at}][roleid]=5&enrolments[{at}][userid]={user}\
             &enrolments[{at}][courseid]={course}"
        );
    });
    run(site, calls, "enrolments", enrolments, clock, out)?;
    writeln!(out, "  resident          {:>8} MB more", resident().saturating_sub(before) >> 20)?;
    writeln!(out, "  {:?}", site.counts())
}

/// Requests of 50 items each, made one at a time so that they do not count as the site's memory.
fn batches(
    function: &'static str,
    count: usize,
    one: impl Fn(&mut String, usize, usize),
) -> impl Iterator<Item = Request> {
    (0..count).step_by(50).map(move |first| {
        let mut form = format!("wstoken={TOKEN}&wsfunction={function}&moodlewsrestformat=json");
        for number in first..count.min(first + 50) {
            one(&mut form, number - first, number);
        }
        Request::post(SERVER, form)
    })
}

fn run(
    site: &mut Site,
    calls: impl Iterator<Item = Request>,
    what: &str,
    items: usize,
    clock: &dyn Clock,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let mut took = std::time::Duration::ZERO;
    for call in calls {
        let watch = Stopwatch::start(clock);
        let answer = site.handle(&call, clock.now());
        took += watch.elapsed(clock);
        assert!(!answer.text().contains("exception"), "{}", answer.text());
    }
    line(out, what, items, took)
}

fn read(site: &mut Site, clock: &dyn Clock, out: &mut impl Write) -> std::io::Result<()> {
    let watch = Stopwatch::start(clock);
    let mut rows = 0;
    let courses: Vec<u32> = site.courses().skip(1).map(|(id, _)| id).collect();
    for course in courses {
        let form = format!(
            "wstoken={TOKEN}&wsfunction=core_enrol_get_enrolled_users&moodlewsrestformat=json\
             &courseid={course}&options[0][name]=userfields&options[0][value]=id,idnumber,roles"
        );
        rows += site
            .handle(&Request::post(SERVER, form), clock.now())
            .text()
            .matches("fullname")
            .count();
    }
    line(out, "read members", rows, watch.elapsed(clock))
}

/// Bytes of memory in use, where the system tells.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
