//! Keys and persons, from the registrar's export to the accounts of the LMS.

use ambient::Clock;
use end_to_end::world::Step;
use end_to_end::{Town, World, oracle};
use pipeline::Said;
use plan::{FieldPolicy, HoldReason};
use roster::{Kind, Text};

async fn sync(world: &mut World, town: &Town) -> Box<pipeline::SyncOutcome> {
    let ended = world.process(None, None, true).run(Step::Sync(&town.export())).await;
    world.known.push(town.clone());
    ended.outcome()
}

/// A world that holds the school, with days of birth.
async fn founded() -> (World, Town) {
    let town = Town::founded_with_days_of_birth();
    let mut world = World::new(5);
    assert!(sync(&mut world, &town).await.run.held.is_empty());
    (world, town)
}

fn account(world: &World, key: &str) -> Option<u32> {
    let platform = world.platform();
    let found = platform.site.users_by_idnumber(key);
    assert!(found.len() < 2, "{key} has two accounts");
    found.first().map(|user| user.0)
}

async fn answer(world: &mut World, old: &str, new: &str, said: Said) -> Result<(), String> {
    let (process, until) = (world.process(None, None, true), world.clock.now());
    let pairs = [(Text::new(old), Text::new(new))];
    let renamed = process.pipeline.rename(&pairs, said, "the registrar", until).await;
    renamed.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_new_key_that_nobody_announced_keeps_the_account_once_somebody_says_so() {
    let (mut world, town) = founded().await;
    let before = account(&world, "P017").expect("an account");
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    moved.person("N017").family = "Brouwershof".into();
    moved.person("N017").email = "new@oakfield.example".into();
    let held = sync(&mut world, &moved).await;
    assert!(held.run.changes.is_empty(), "{:?}", held.run.changes);
    let process = world.process(None, None, true);
    let questions =
        process.pipeline.questions(&held.run.id, Said::Same).await.expect("the run is there");
    assert_eq!(questions, [(Text::new("P017"), Text::new("N017"))]);
    // An approval is no answer, and says so.
    let checksum = held.run.held_checksum.clone().expect("something is held");
    let refused = process.pipeline.approve(&held.run.id, &checksum, "the registrar").await;
    assert!(refused.is_err_and(|error| error.to_string().contains("rollcall rename")));

    answer(&mut world, "P017", "N017", Said::Same).await.expect("it can be");
    // Without another export.
    let process = world.process(None, None, true);
    let outcome = process.pipeline.resync().await.expect("it works");
    assert_eq!(outcome.run.changes[&Kind::Person][&plan::Action::Rekey], 1);
    assert_eq!(outcome.run.changes.len(), 1, "nobody leaves or enters a course");
    assert_eq!(account(&world, "N017"), Some(before));
    assert_eq!(account(&world, "P017"), None);
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    // And with the same export again there is nothing to do, as often as it comes.
    let again = sync(&mut world, &moved).await;
    assert!(again.run.changes.is_empty() && again.run.held.is_empty());
    // The former key is spent: it is nobody else's.
    let mut reissued = moved.clone();
    reissued.people.insert("P017".into(), Town::somebody(53));
    let refused = sync(&mut world, &reissued).await;
    assert_eq!(refused.findings.count_code("key-reused"), 1);
    assert_eq!(account(&world, "N017"), Some(before));
}

#[tokio::test]
async fn two_who_are_said_to_be_two_are_not_asked_about_again() {
    let (mut world, town) = founded().await;
    let mut moved = town.clone();
    moved.rekey_in_silence("P017", "N017");
    // The user name would stand in the way of a second account.
    moved.person("N017").username = "another".into();
    moved.person("N017").email = "another@oakfield.example".into();
    sync(&mut world, &moved).await;
    answer(&mut world, "P017", "N017", Said::Different).await.expect("it can be");
    let outcome = sync(&mut world, &moved).await;
    assert!(outcome.run.held.is_empty());
    assert_ne!(account(&world, "N017"), account(&world, "P017"));
    assert_eq!(oracle::faults(&world, &moved).await, [""; 0]);
    assert!(sync(&mut world, &moved).await.run.changes.is_empty());
}

#[tokio::test]
async fn a_key_that_is_given_to_somebody_else_gives_nobody_elses_account() {
    let (mut world, town) = founded().await;
    let mut reissued = town.clone();
    *reissued.person("P016") =
        end_to_end::town::Somebody { born: Some("2012-12-31".into()), ..Town::somebody(53) };
    let held = sync(&mut world, &reissued).await;
    assert!(held.run.changes.is_empty());
    let planned = held.planned.expect("a plan");
    assert_eq!(planned.plan.reasons, [HoldReason::SuspectedReuse { key: Text::new("P016") }]);
    assert_eq!(oracle::faults(&world, &town).await, [""; 0]);
    // Somebody looks, and says that it is the same person.
    let process = world.process(None, None, true);
    let checksum = held.run.held_checksum.expect("something is held");
    process.pipeline.approve(&held.run.id, &checksum, "the registrar").await.expect("it is held");
    sync(&mut world, &reissued).await;
    assert_eq!(oracle::faults(&world, &reissued).await, [""; 0]);
    assert!(sync(&mut world, &reissued).await.run.held.is_empty());
}

#[tokio::test]
async fn two_accounts_are_never_made_one() {
    let (mut world, town) = founded().await;
    let (one, other) = (account(&world, "P018"), account(&world, "P019"));
    let mut merged = town.clone();
    merged.leaves("P018");
    merged.person("P019").former = Some("P018".into());
    let outcome = sync(&mut world, &merged).await;
    assert_eq!(outcome.findings.count_code("merge-proposed"), 1);
    assert_eq!((account(&world, "P018"), account(&world, "P019")), (one, other));
    assert_eq!(oracle::faults(&world, &merged).await, [""; 0]);
    let refused = answer(&mut world, "P018", "P019", Said::Same).await;
    assert!(refused.is_err_and(|why| why.contains("each have an account")));
    let there = answer(&mut world, "P020", "X020", Said::Same).await;
    assert!(there.is_err_and(|why| why.contains("still in source")));
    let nobody = answer(&mut world, "X021", "X022", Said::Same).await;
    assert!(nobody.is_err_and(|why| why.contains("no account of ours")));
}

/// Somebody changes an address and a title in the LMS: from then on they are theirs.
#[tokio::test]
async fn what_a_user_changed_stays_and_everything_else_is_kept_in_step() {
    let mut world = World::new(6);
    let field = |kind, name| {
        *roster::Record::specs(kind).iter().find(|spec| spec.name == name).expect("a field")
    };
    let mut integration = (*world.integration).clone();
    let fields = &mut integration.policy.fields;
    fields.set(Kind::Person, field(Kind::Person, "email"), FieldPolicy::UntilChanged);
    fields.set(Kind::Person, field(Kind::Person, "given"), FieldPolicy::OnCreate);
    fields.set(Kind::Course, field(Kind::Course, "title"), FieldPolicy::UntilChanged);
    world.integration = std::sync::Arc::new(integration);
    let town = Town::founded();
    sync(&mut world, &town).await;
    let (user, course) = {
        let mut platform = world.platform();
        let user = platform.site.users_by_idnumber("P010")[0].0;
        let course = platform.site.course_by_idnumber("C2026-1").expect("a course").0;
        let now = world.clock.now();
        platform
            .site
            .edit_user(user, now, |user| user.email = "mine@home.example".into())
            .expect("it is there");
        platform
            .site
            .edit_course(course, now, |course| course.fullname = "Ours".into())
            .expect("it is there");
        (user, course)
    };
    let mut next = town.clone();
    for key in ["P010", "P011"] {
        let person = next.person(key);
        person.email = format!("{}.new@oakfield.example", key.to_lowercase());
        person.family = format!("{}-Wiebelink", person.family);
        person.given = format!("{} Otherwise", person.given);
    }
    for number in 1..=2 {
        let class = next.courses.get_mut(&format!("C2026-{number}")).expect("a course");
        class.title = format!("Renewed {number}");
    }
    let outcome = sync(&mut world, &next).await;
    assert_eq!(outcome.run.receipts.applied, 4);
    let plan = world.process(None, None, true).pipeline.stored_plan(&outcome.run).await;
    let lines = plan.expect("it is there").expect("a plan").lines;
    let mut remarks: Vec<_> = lines.iter().filter_map(|line| line.remark.as_deref()).collect();
    remarks.sort_unstable();
    assert_eq!(remarks, ["left to its user: email", "left to its user: title"]);
    let look = |world: &World| {
        let platform = world.platform();
        let other = platform.site.users_by_idnumber("P011")[0].1;
        let second = platform.site.course_by_idnumber("C2026-2").expect("a course").1;
        let (user, course) = (
            platform.site.user(user).expect("an account"),
            platform.site.course(course).expect("a course"),
        );
        assert_eq!(user.email, "mine@home.example");
        assert_eq!(course.fullname, "Ours");
        assert_eq!(other.email, "p011.new@oakfield.example");
        assert_eq!(second.fullname, "Renewed 2");
        for user in [user, other] {
            assert!(
                user.lastname.ends_with("-Wiebelink") && !user.firstname.ends_with("Otherwise")
            );
        }
    };
    look(&world);
    // It is theirs for good: nobody is asked again.
    let mut later = next.clone();
    later.person("P010").email = "p010.newer@oakfield.example".into();
    let outcome = sync(&mut world, &later).await;
    assert!(outcome.run.changes.is_empty(), "{:?}", outcome.run.changes);
    assert_eq!(outcome.run.calls, 0);
    look(&world);
}
