//! What goes wrong around the functions: events that come twice and late, a Moodle that is down or
//! hangs, letters that nobody can deliver, exports that come in pieces.

use std::time::Duration;

use end_to_end::Town;
use end_to_end::town::person_key;
use local_aws::{Aws, School};
use sandbox::{Fault, Rule};
use store::QueueName;
use store::state::run::RunState;
use store_aws::{Ambience, Recurring, schedules};

const PATIENCE: Duration = Duration::from_secs(180);
const QUICK: [&str; 2] = ["SliceSeconds=10", "LeaseSeconds=3"];

/// The school on its second day.
fn second_day() -> Town {
    let mut town = Town::founded();
    town.person_comes(31);
    town.leaves(&person_key(30));
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_come_twice_or_late_change_nothing() {
    let aws = Aws::deploy("events", &QUICK).await;
    let mut school = School::open(&aws, "oakfield", "").await;
    let (monday, tuesday) = (Town::founded(), second_day());
    school.drop_off(&aws, "monday.xml", &monday.export()).await;
    school.settled(&aws, "monday.xml", PATIENCE).await;
    school.known.push(monday.clone());
    school.drop_off(&aws, "tuesday.xml", &tuesday.export()).await;
    school.settled(&aws, "tuesday.xml", PATIENCE).await;
    assert_eq!(school.faults(&tuesday), [""; 0]);
    let runs = school.runs(&aws).await.len();

    // Monday's event again, late, and with the number of an earlier upload.
    let late = aws.s3_event(&school.key("monday.xml"), "0", 1);
    for _ in 0..2 {
        let (worked, answer) = aws.invoke("parse", &late);
        assert!(worked, "{answer}");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(school.runs(&aws).await.len(), runs, "an upload that was taken in makes no run");
    assert_eq!(school.faults(&tuesday), [""; 0]);

    // The same bytes under another name are an export of their own, and nothing changes by it.
    school.drop_off(&aws, "tuesday-again.xml", &tuesday.export()).await;
    let run = school.settled(&aws, "tuesday-again.xml", PATIENCE).await;
    assert_eq!((run.state, run.calls), (RunState::Done, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_one_export_wait_for_each_other() {
    let aws = Aws::deploy("pieces", &QUICK).await;
    let set = "files = [\"people.xml\", \"places.xml\"]";
    let school = School::open(&aws, "oakfield", set).await;
    let town = Town::founded();
    let whole = String::from_utf8(town.export()).expect("an export is text");
    // Both halves of the school in a file of its own: persons, and what stands behind them.
    let (head, rest) = whole.split_once("<group>").expect("there are groups");
    let opening = &whole[..whole.find("<person").expect("there are persons")];
    let closing = &whole[whole.rfind("</").expect("it has an end")..];
    let (people, places) = (format!("{head}{closing}"), format!("{opening}<group>{rest}"));
    school.drop_off(&aws, "people.xml", people.as_bytes()).await;
    aws.wait("the first file to be noted", PATIENCE, async || {
        let key = store::ItemKey::new(school.scope.path(), "arrivals/registrar");
        aws.stores.table.get(&key).await.is_ok_and(|item| item.is_some())
    })
    .await;
    assert!(school.runs(&aws).await.is_empty(), "half an export is none");
    school.drop_off(&aws, "places.xml", places.as_bytes()).await;
    let run = school.settled(&aws, "places.xml", PATIENCE).await;
    assert_eq!(run.files.len(), 2, "{run:?}");
    assert_eq!(school.faults(&town), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moodle_that_was_down_gets_everything_once_it_is_back() {
    let aws = Aws::deploy("down", &QUICK).await;
    let mut school = School::open(&aws, "oakfield", "").await;
    let town = Town::founded();
    school.close_moodle().await;
    school.drop_off(&aws, "monday.xml", &town.export()).await;
    aws.wait("the run to wait", PATIENCE, async || {
        school.runs(&aws).await.iter().any(|run| run.state == RunState::Waiting)
    })
    .await;
    let waiting = school.runs(&aws).await.remove(0);
    assert!(waiting.reason.is_some(), "it says why: {waiting:?}");
    let woken = aws.stores.wake.of(&school.scope.path()).await.expect("wake-ups can be read");
    assert_eq!(woken.len(), 1, "{woken:?}");
    // The one-time schedule fires by itself a minute later.
    school.open_moodle().await;
    aws.wait("the retry", PATIENCE, async || {
        aws.is_at_rest(&school.scope).await && school.faults(&town).is_empty()
    })
    .await;
    assert_eq!(school.faults(&town), [""; 0]);
    assert_eq!(aws.dead_letters().await, 0, "an outage is no poison");

    // The recurring schedule sweeps.
    let sweep = Recurring {
        integration: school.scope.path(),
        reason: "sweep".to_owned(),
        expression: "rate(1 minute)".to_owned(),
        timezone: "UTC".to_owned(),
    };
    let put = schedules(&aws.clients, &aws.names, &Ambience::system()).put(&sweep).await;
    put.expect("the schedule is set");
    // It tidies under the lease, and nobody else is at work.
    let lease = store::ItemKey::new(school.scope.path(), "lease");
    let version = async || {
        let item = aws.stores.table.get(&lease).await.expect("the table answers");
        item.expect("there is a lease").version
    };
    let before = version().await;
    aws.wait("the sweep", PATIENCE, async || version().await > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_runs_into_the_functions_timeout_is_completed_by_another() {
    let aws = Aws::deploy("hangs", &["SliceSeconds=10", "LeaseSeconds=3"]).await;
    aws.hide_for(35);
    // A request may take as long as the function itself, which no sound installation allows: so
    // Lambda ends the function while one is under way.
    let school = School::open_with(&aws, "oakfield", "", 30).await;
    let hangs = Rule::next(1, Fault::Delay { ms: 90_000 }).on("core_user_create_users");
    school.plan_fault(hangs);
    let town = Town::founded();
    school.drop_off(&aws, "monday.xml", &town.export()).await;
    let run = school.settled(&aws, "monday.xml", PATIENCE).await;
    assert_eq!(run.state, RunState::Done, "{run:?}");
    assert_eq!(school.faults(&town), [""; 0]);
    assert!(aws.log().contains("imed out"), "the function ran into its timeout: {}", aws.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_requests_hang_needs_no_end_by_lambda() {
    let aws = Aws::deploy("slow", &QUICK).await;
    let school = School::open(&aws, "oakfield", "").await;
    let hangs = Rule::next(4, Fault::Delay { ms: 60_000 }).on("core_user_create_users");
    school.plan_fault(hangs);
    let town = Town::founded();
    school.drop_off(&aws, "monday.xml", &town.export()).await;
    school.settled(&aws, "monday.xml", PATIENCE).await;
    aws.wait("all of it", PATIENCE, async || school.faults(&town).is_empty()).await;
    assert!(!aws.log().contains("imed out"), "no function had to be ended");
    assert_eq!(aws.dead_letters().await, 0, "it was no poison");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_nobody_can_deliver_is_set_aside_and_sent_again_by_hand() {
    let aws = Aws::deploy("letters", &QUICK).await;
    let school = School::open(&aws, "oakfield", "").await;
    // Nothing is planned while its configuration is broken in the store.
    let config = store::ItemKey::new(school.scope.path(), hosted::CONFIG);
    let whole = aws.stores.table.get(&config).await.expect("it answers").expect("it is there");
    let secrets = aws.operator.secrets();
    let town = Town::founded();
    // A secret that is gone is an error each time.
    secrets.delete("oakfield", hosted::VAULT_KEY).await.expect("it is deleted");
    aws.hide_for(1);
    let plan = serde_json::json!({
        "tenant": "oakfield", "integration": "sis", "step": "resync",
    });
    let group = pipeline::group(&school.scope);
    let queue = &aws.stores.queue;
    queue.send(QueueName::Plan, &group, "a", &plan.to_string()).await.expect("it is sent");
    aws.wait("the dead letter", PATIENCE, async || aws.dead_letters().await == 1).await;

    // Put right, and sent again.
    let key = secrecy::SecretString::from("5a".repeat(32));
    secrets.put("oakfield", hosted::VAULT_KEY, &key).await.expect("it is stored");
    aws.wait("the letter", PATIENCE, async || {
        let hidden = Duration::from_secs(30);
        let letter = queue.receive(QueueName::DeadLetter, hidden, u32::MAX).await;
        let Some(letter) = letter.expect("the queue answers") else { return false };
        let (to, scope) = pipeline::queue_of(&letter.body).expect("a message of ours");
        assert_eq!((to, &scope), (QueueName::Plan, &school.scope));
        let sent = queue.send(to, &letter.group, "again", &letter.body).await;
        sent.expect("it is sent");
        queue.ack(QueueName::DeadLetter, &letter.receipt).await.expect("it is gone");
        true
    })
    .await;
    aws.wait("its run", PATIENCE, async || {
        !school.runs(&aws).await.is_empty() && aws.is_at_rest(&school.scope).await
    })
    .await;
    school.drop_off(&aws, "monday.xml", &town.export()).await;
    school.settled(&aws, "monday.xml", PATIENCE).await;
    assert_eq!(school.faults(&town), [""; 0]);
    let after = aws.stores.table.get(&config).await.expect("it answers").expect("it is there");
    assert_eq!(after, whole, "nobody touched the configuration");
}
