//! The seeded world in the hosted home: every step a process of its own, woken by a message.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]
#![expect(clippy::print_stdout, reason = "a world that is wrong tells how to see it again")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ambient::{Clock as _, Random, SeededRandom};
use end_to_end::hosted::{Host, Told, has_run};
use end_to_end::life::{Day, Event, days};
use end_to_end::{Crash, Moment, World, careful, oracle};
use plan::Moves;
use store::state::run::RunState;

/// How many seeded worlds are run where nothing else is asked for.
const SEEDED: u64 = 400;
/// What the names of the careful school's worlds begin with.
const CAREFULLY: &str = "careful/";
/// How many of the careful school.
const CAREFUL: u64 = 100;

/// A day of the hosted home at its dawn.
struct Dawn {
    /// What the names of its worlds begin with.
    life: &'static str,
    day: Day,
    next: Option<Day>,
    world: World,
    clean: Told,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

async fn dawns() -> Vec<Dawn> {
    dawns_of("", World::new(1), days()).await
}

/// Those of the careful school, and of the one whose people move.
async fn careful_dawns() -> Vec<Dawn> {
    let mut dawns =
        dawns_of(CAREFULLY, careful::school(Moves::Together).await, careful::days()).await;
    let moving = careful::school(Moves::AddFirst).await;
    dawns.extend(dawns_of(CAREFULLY, moving, careful::movers()).await);
    dawns
}

async fn dawns_of(life: &'static str, mut world: World, days: Vec<Day>) -> Vec<Dawn> {
    let mut dawns = Vec::new();
    let mut days = days.into_iter().peekable();
    let before = world.runs().await.len() as u64;
    let mut used = 0;
    while let Some(day) = days.next() {
        let dawn = world.fork();
        let clean = Host::new(&mut world, Vec::new()).live(&day).await;
        assert!(clean.rests, "{}: {:#?}", day.name, clean.story);
        assert_eq!(oracle::faults_of(&world, &day).await, [""; 0], "{}", day.name);
        assert_eq!(clean.stalled, 0, "{}: no message was lost", day.name);
        used += 1;
        world.pass_night(&day);
        dawns.push(Dawn { life, next: days.peek().cloned(), world: dawn, day, clean });
    }
    let usage = world.process(None, None, false).pipeline.usage(world.clock.now()).await.unwrap();
    let ended = world.runs().await;
    assert_eq!(usage.runs, ended.len() as u64, "every run is counted once");
    assert!(usage.runs >= used + before && usage.changes > 100, "{usage:?}");
    assert_eq!(usage.lms_calls, ended.iter().map(|run| run.calls).sum::<u64>());
    dawns
}

/// What is wrong with a world after its day, and a further sweep.
async fn faults(world: &mut World, day: &Day, told: &Told, bound: Option<u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    if !told.rests {
        wrong.push("it did not come to rest".to_owned());
    }
    if bound.is_some_and(|bound| told.writes > bound) {
        wrong.push(format!("{} writes to the LMS, at most {bound:?} allowed", told.writes));
    }
    wrong.extend(oracle::nowhere(&world.platform(), day));
    wrong.extend(oracle::faults_of(world, day).await);
    let again = match &day.event {
        Event::Export(_) | Event::List(_) | Event::Moves { .. } => {
            Host::new(world, Vec::new()).live(day).await
        }
        _ => return wrong,
    };
    if let Event::Moves { .. } = &day.event {
        // What waited for the new places went now, if it had not gone before.
        wrong.extend(oracle::faults(world, &day.lms).await);
        return wrong;
    }
    if again.writes > 0 {
        wrong.push(format!("the same export again makes {} writes to the LMS", again.writes));
    }
    wrong.extend(oracle::faults(world, &day.lms).await);
    wrong
}

fn report(word: &str, wrong: &[String], told: &Told) -> Option<String> {
    let mut story = told.story.clone();
    story.dedup();
    let story = story.join("\n  then: ");
    let text = format!(
        "world {word} is wrong; to see it again:\n    HOSTED_SEED={word} cargo test -p end-to-end \
         --test hosted replay -- --nocapture\n  {}\n  then: {story}",
        wrong.join("\n  "),
    );
    (!wrong.is_empty()).then_some(text)
}

/// One death at one call of one day.
async fn die(dawns: &[Dawn], day: usize, crash: Crash) -> Option<String> {
    let dawn = &dawns[day];
    let mut world = dawn.world.fork();
    let told = Host::new(&mut world, vec![crash]).live(&dawn.day).await;
    let bound = dawn.clean.writes * 2 + 2;
    let mut wrong = faults(&mut world, &dawn.day, &told, Some(bound)).await;
    if told.killed != 1 {
        wrong.push(format!("{} processes died", told.killed));
    }
    report(&format!("{}{day}/{}/{:?}", dawn.life, crash.call, crash.moment), &wrong, &told)
}

/// The next day's export comes while this day's is under way, and somebody dies as well.
async fn overtake(dawns: &[Dawn], day: usize, works: u64, call: u64) -> Option<String> {
    let dawn = &dawns[day];
    let next = dawn.next.as_ref()?;
    let Event::Export(export) = &next.event else { return None };
    let mut world = dawn.world.fork();
    world.known.push(dawn.day.lms.clone());
    let crash = (call > 0).then_some(Crash { call, moment: Moment::Underway });
    let host = Host::new(&mut world, crash.into_iter().collect());
    let told = host.and_then(works, export.clone()).live(&dawn.day).await;
    let wrong = faults(&mut world, next, &told, None).await;
    report(&format!("{}{day}/{works}/{call}/overtaken", dawn.life), &wrong, &told)
}

/// Everything drawn from a seed. Also says whether a run was superseded.
async fn draw(dawns: &[Dawn], seed: u64) -> (Option<String>, Told, bool) {
    let random = SeededRandom::new(seed);
    let dawn = &dawns[random.below(dawns.len() as u64) as usize];
    let mut world = dawn.world.fork();
    let crashes = (0..random.below(4)).map(|_| {
        let moments = [Moment::Before, Moment::After, Moment::Underway];
        let call = 1 + random.below(dawn.clean.calls * 2);
        Crash { call, moment: moments[random.below(3) as usize] }
    });
    let crashes = crashes.collect();
    let told = Host::new(&mut world, crashes).with_trouble(seed).live(&dawn.day).await;
    let wrong = faults(&mut world, &dawn.day, &told, None).await;
    let superseded = has_run(&world, RunState::Superseded).await;
    (report(&format!("{}{seed}", dawn.life), &wrong, &told), told, superseded)
}

/// Runs all of `count` worlds on as many threads as there are cores; all must be well.
fn all_well<T: Send>(count: usize, world: impl Fn(usize) -> (Option<String>, T) + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let came = world(number);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(came);
                }
            });
        }
    });
    let (failures, came): (Vec<_>, Vec<_>) = done.into_inner().unwrap().into_iter().unzip();
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    failures.iter().take(8).for_each(|failure| println!("{failure}"));
    assert!(failures.is_empty(), "{} of {count} worlds went wrong", failures.len());
    came
}

#[test]
fn whichever_function_dies_the_message_comes_again_and_all_ends_well() {
    let dawns = block_on(dawns());
    let mut points = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        for call in 1..=dawn.clean.calls {
            let underway = dawn.clean.lms.contains(&call).then_some(Moment::Underway);
            for moment in [Moment::Before, Moment::After].into_iter().chain(underway) {
                points.push((day, Crash { call, moment }));
            }
        }
    }
    assert!(points.len() > 1_300, "{}", points.len());
    all_well(points.len(), |at| (block_on(die(&dawns, points[at].0, points[at].1)), ()));
}

#[test]
fn a_careful_school_is_safe_whichever_function_dies() {
    let dawns = block_on(careful_dawns());
    let mut points = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        let changes = dawn.clean.changes.iter().map(|call| (*call, Moment::After));
        let lms = dawn.clean.lms.iter().map(|call| (*call, Moment::Underway));
        let crashes = changes.chain(lms);
        points.extend(crashes.map(|(call, moment)| (day, Crash { call, moment })));
    }
    assert!(points.len() > 500, "{}", points.len());
    all_well(points.len(), |at| (block_on(die(&dawns, points[at].0, points[at].1)), ()));
}

#[test]
fn whatever_goes_wrong_with_care_in_the_hosted_home_it_is_put_right() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = number("HOSTED_FROM").unwrap_or(0);
    let count = number("CAREFUL_COUNT").unwrap_or(CAREFUL);
    let dawns = block_on(careful_dawns());
    all_well(count as usize, |at| (block_on(draw(&dawns, from + at as u64)).0, ()));
}

#[test]
fn a_newer_export_overtakes_one_that_is_under_way() {
    let dawns = block_on(dawns());
    let mut names = Vec::new();
    for (day, dawn) in dawns.iter().enumerate() {
        let whole = |next: &Day| next.event == Event::Export(next.lms.export());
        if !dawn.next.as_ref().is_some_and(whole) || matches!(dawn.day.event, Event::Broken(_)) {
            continue;
        }
        for works in 1..=dawn.clean.works {
            names.push((day, works, 0));
            names.extend(dawn.clean.lms.iter().step_by(3).map(|call| (day, works, *call)));
        }
    }
    assert!(names.len() > 60, "{}", names.len());
    all_well(names.len(), |at| {
        let (day, works, call) = names[at];
        (block_on(overtake(&dawns, day, works, call)), ())
    });
}

/// `HOSTED_COUNT` sets how many, `HOSTED_FROM` the first.
#[test]
fn whatever_goes_wrong_in_the_hosted_home_it_is_put_right() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let from = number("HOSTED_FROM").unwrap_or(0);
    let count = number("HOSTED_COUNT").unwrap_or(SEEDED);
    let dawns = block_on(dawns());
    let came = all_well(count as usize, |at| {
        let (failure, told, superseded) = block_on(draw(&dawns, from + at as u64));
        (failure, (told, superseded))
    });
    if count < 300 {
        return;
    }
    // What the seeds are for is among them.
    let killed = came.iter().filter(|(told, _)| told.killed > 1).count();
    let twice = came.iter().filter(|(told, _)| told.duplicates > 0).count();
    let superseded = came.iter().filter(|(_, superseded)| *superseded).count();
    let late = came.iter().filter(|(told, _)| told.delays > 0).count();
    let seen = [killed, twice, late, superseded];
    assert!(seen.iter().all(|seen| *seen >= 10), "killed, twice, late, superseded: {seen:?}");
}

/// `HOSTED_SEED` names the world; one of the careful school begins with `careful/`.
#[test]
fn replay() {
    let Ok(word) = std::env::var("HOSTED_SEED") else { return };
    let (word, dawns) = match word.strip_prefix(CAREFULLY) {
        Some(word) => (word.to_owned(), block_on(careful_dawns())),
        None => (word, block_on(dawns())),
    };
    let parts: Vec<&str> = word.split('/').collect();
    let number = |at: usize| parts[at].parse::<u64>().unwrap();
    let failure = match parts.len() {
        1 => block_on(draw(&dawns, number(0))).0,
        3 => {
            let moments = [Moment::Before, Moment::After, Moment::Underway];
            let named = |moment: &Moment| format!("{moment:?}") == parts[2];
            let moment = moments.into_iter().find(named).unwrap();
            block_on(die(&dawns, number(0) as usize, Crash { call: number(1), moment }))
        }
        _ => block_on(overtake(&dawns, number(0) as usize, number(1), number(2))),
    };
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!("world {word} is well");
}
