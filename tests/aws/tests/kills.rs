//! Functions killed with SIGKILL at moments that they do not choose, and a school of five thousand.
//!
//! `AWS_KILLS` says how often (8), `KILL_SEED` when (1).

use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, SeededRandom};
use end_to_end::Town;
use end_to_end::town::{course_key, person_key};
use local_aws::{Aws, School};
use roster::Role;
use store::state::run::RunState;

const PATIENCE: Duration = Duration::from_secs(240);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// The school after `round` busy days.
fn town(round: usize) -> Town {
    let mut town = Town::founded();
    for number in 100..200 + 10 * round {
        town.person_comes(number);
        for course in [number % 6 + 1, (number + 1) % 6 + 1] {
            town.sits(&course_key(2026, course), &person_key(number), Role::Student);
        }
    }
    for number in 100..130 {
        town.person(&person_key(number)).family.push_str(&format!(" {round}"));
    }
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_functions_leave_nothing_undone_and_nothing_twice() {
    let aws = Arc::new(Aws::deploy("kills", &["SliceSeconds=3", "LeaseSeconds=2"]).await);
    // Shorter than AWS allows, so that a killed function's message comes again soon; also while the
    // function is still at work, which the lease has to bear.
    aws.hide_for(4);
    let mut school = School::open_with(&aws, "oakfield", "", 1).await;
    let random = SeededRandom::new(number("KILL_SEED", 1));
    let kills = number("AWS_KILLS", 8);
    let (mut killed, mut round) = (0, 0);
    while killed < kills {
        let (today, file) = (town(round), format!("day-{round}.xml"));
        school.drop_off(&aws, &file, &today.export()).await;
        for _ in 0..1 + random.below(2) {
            tokio::time::sleep(Duration::from_millis(100 + random.below(1500))).await;
            let choice = usize::try_from(random.below(4)).expect("it is small");
            killed += u64::from(aws.kill_one(|_| choice));
        }
        aws.wait("the day", PATIENCE, async || {
            aws.is_at_rest(&school.scope).await && school.faults(&today).is_empty()
        })
        .await;
        school.known.push(today);
        round += 1;
        assert!(round < 300, "{killed} kills in {round} rounds");
    }
    assert_eq!(aws.dead_letters().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_school_of_five_thousand() {
    let aws = Aws::deploy("large", &["SliceSeconds=10", "LeaseSeconds=5"]).await;
    let mut school = School::open_with(&aws, "oakfield", "", 10).await;
    let mut town = Town::founded();
    for number in 7..=120 {
        town.course_opens(2026, number);
    }
    for number in 31..=5000 {
        town.person_comes(number);
        for course in [number % 120 + 1, (number * 7) % 120 + 1, (number * 13 + 5) % 120 + 1] {
            town.sits(&course_key(2026, course), &person_key(number), Role::Student);
        }
    }
    school.drop_off(&aws, "first.xml", &town.export()).await;
    let run = school.settled(&aws, "first.xml", PATIENCE).await;
    assert_eq!(run.state, RunState::Done, "{run:?}");
    assert!(run.receipts.applied > 20_000, "{run:?}");
    assert_eq!(school.faults(&town), [""; 0]);
    school.known.push(town.clone());

    town.person_comes(5001);
    town.person(&person_key(4000)).family.push_str("-Klein");
    school.drop_off(&aws, "second.xml", &town.export()).await;
    let run = school.settled(&aws, "second.xml", PATIENCE).await;
    assert_eq!(run.receipts.applied, 2, "{run:?}");
    assert_eq!(school.faults(&town), [""; 0]);
}
