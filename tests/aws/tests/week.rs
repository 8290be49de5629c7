//! A school's week through S3, functions and queues, in the real binaries.

use std::time::Duration;

use end_to_end::life::{Event, days};
use local_aws::{Aws, School};
use store::state::run::RunState;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_a_school() {
    let aws = Aws::deploy("week", &["SliceSeconds=20", "LeaseSeconds=5"]).await;
    let mut school = School::open(&aws, "oakfield", "").await;
    for (number, day) in days().iter().enumerate() {
        let file = format!("registrar-{number}.xml");
        match &day.event {
            Event::Export(bytes) => {
                school.drop_off(&aws, &file, bytes).await;
                let run = school.settled(&aws, &file, PATIENCE).await;
                let ended = [RunState::Done, RunState::PartlyHeld, RunState::Superseded];
                assert!(ended.contains(&run.state), "{}: {run:?}", day.name);
            }
            Event::Broken(bytes) => {
                school.drop_off(&aws, &file, bytes).await;
                let run = school.settled(&aws, &file, PATIENCE).await;
                assert_eq!(run.state, RunState::Rejected, "{}: {run:?}", day.name);
                assert!(run.reason.is_some_and(|reason| reason.contains(&file)), "{}", day.name);
            }
            Event::Approval(_) => approve(&aws, &school).await,
            other => unreachable!("no day of this life has {other:?}"),
        }
        assert_eq!(school.faults(&day.lms), [""; 0], "{}", day.name);
        school.known.push(day.lms.clone());
    }
    assert_eq!(aws.dead_letters().await, 0);
    let log = aws.log();
    assert!(!log.contains("the work came to no end"), "{log}");
}

/// Somebody sends the documented message.
async fn approve(aws: &Aws, school: &School) {
    let runs = school.runs(aws).await;
    let before = runs.len();
    let held = runs.iter().find(|run| run.held_checksum.is_some()).expect("something is held");
    let message = serde_json::json!({
        "tenant": school.scope.tenant, "integration": school.scope.integration,
        "step": "approve", "run": held.id, "checksum": held.held_checksum, "by": "the registrar",
    });
    let group = pipeline::group(&school.scope);
    let queue = store::QueueName::Plan;
    let sent = aws.stores.queue.send(queue, &group, "approve-1", &message.to_string()).await;
    sent.expect("the queue takes it");
    aws.wait("the approval", PATIENCE, async || {
        school.runs(aws).await.len() > before && aws.is_at_rest(&school.scope).await
    })
    .await;
}
