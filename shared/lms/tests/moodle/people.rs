//! Accounts.

use lms::moodle::{Adopt, MoodleConfig, NewPassword};
use lms::{Attempt, Lms, MatchedBy, Outcome, Survey};
use plan::{Action, Cause, Ownership};
use roster::{Password, Status, Text};

use crate::world::{change, create, number, person, rejected, remove, work, world, world_with};

#[tokio::test]
async fn people_are_made_changed_suspended_restored_and_removed() {
    let world = world();
    let ids = world.ids((0..120).map(|n| create(person(n))).collect()).await;
    assert_eq!(world.site().counts().accounts, 123);
    let created = world.sent().iter().filter(|f| *f == "core_user_create_users").count();
    assert_eq!(created, 3, "in calls of fifty");

    let mut after = person(7);
    after.family = Some(Text::new("de Vries & Co"));
    let done = world.deliver(vec![
        change(Action::Update, &ids[7], person(7), after),
        change(Action::Suspend, &ids[8], person(8), person(8)),
        remove(&ids[9], person(9)),
    ]);
    assert!(done.await.iter().all(|receipt| receipt.outcome == Outcome::Applied));
    {
        let site = world.site();
        assert_eq!(site.user(number(&ids[7])).unwrap().lastname, "de Vries & Co");
        assert!(site.user(number(&ids[8])).unwrap().suspended);
        assert!(site.user(number(&ids[9])).unwrap().deleted);
    }
    let mut renamed = person(8);
    renamed.email = Some(Text::new("new8@school.invalid"));
    let done = world.deliver(vec![change(Action::Restore, &ids[8], person(8), renamed)]).await;
    assert_eq!(done[0].outcome, Outcome::Applied);
    let site = world.site();
    let user = site.user(number(&ids[8])).unwrap();
    assert_eq!((user.suspended, user.email.as_str()), (false, "new8@school.invalid"));
}

#[tokio::test]
async fn an_update_without_a_difference_makes_no_call() {
    let world = world();
    let ids = world.ids(vec![create(person(1))]).await;
    world.sent();
    let applying =
        world.apply(&[change(Action::Update, &ids[0], person(1), person(1))], Attempt::First).await;
    assert_eq!((applying.calls, &applying.receipts[0].outcome), (0, &Outcome::Applied));
}

#[tokio::test]
async fn somebody_who_may_not_log_in_is_made_suspended() {
    let world = world();
    let mut inactive = person(1);
    inactive.status = Some(Status::Inactive);
    let ids = world.ids(vec![create(inactive), create(person(2))]).await;
    let site = world.site();
    assert!(site.user(number(&ids[0])).unwrap().suspended);
    assert!(!site.user(number(&ids[1])).unwrap().suspended);
}

#[tokio::test]
async fn the_key_follows_the_source_and_names_can_swap() {
    let world = world();
    let ids = world.ids(vec![create(person(1)), create(person(2))]).await;
    let mut rekeyed = person(1);
    rekeyed.sourced_id = Some(Text::new("NEW-1"));
    let done = world.deliver(vec![change(Action::Rekey, &ids[0], person(1), rekeyed)]).await;
    assert_eq!(done[0].outcome, Outcome::Applied);
    assert_eq!(world.site().users_by_idnumber("NEW-1").len(), 1);

    let (mut one, mut two) = (person(1), person(2));
    std::mem::swap(&mut one.username, &mut two.username);
    let mut aside = change(Action::Update, &ids[0], person(1), one.clone());
    aside.change.temporary = Some(Text::new("rollcall-tmp-1"));
    assert_eq!(world.deliver(vec![aside]).await[0].outcome, Outcome::Applied);
    let done = world.deliver(vec![
        change(Action::Update, &ids[1], person(2), two),
        change(Action::Update, &ids[0], person(1), one),
    ]);
    assert!(done.await.iter().all(|receipt| receipt.outcome == Outcome::Applied));
    let site = world.site();
    assert_eq!(site.user_by_username("user2").unwrap().0, number(&ids[0]));
    assert_eq!(site.user_by_username("user1").unwrap().0, number(&ids[1]));
}

/// Accounts 4 to 6: by key, by user name, by address with capitals.
async fn with_hand_made_accounts(adopt: Adopt) -> (crate::world::World, Vec<lms::Receipt>) {
    let world = world_with(MoodleConfig { adopt, ..MoodleConfig::default() });
    for (at, (username, email, key)) in [
        ("by-key", "a@x.invalid", "P1"),
        ("user2", "b@x.invalid", ""),
        ("c", "User3@School.invalid", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let form = format!(
            "users[0][username]={username}&users[0][firstname]=H&users[0][lastname]=M{at}\
             &users[0][email]={email}&users[0][idnumber]={key}&users[0][createpassword]=1"
        );
        world.by_hand("core_user_create_users", &form);
    }
    let mut third = person(3);
    third.email = Some(Text::new("User3@School.invalid"));
    let receipts =
        world.deliver(vec![create(person(1)), create(person(2)), create(third), create(person(4))]);
    let receipts = receipts.await;
    (world, receipts)
}

#[tokio::test]
async fn accounts_that_are_there_are_taken_over_by_rule() {
    let (world, receipts) = with_hand_made_accounts(Adopt::default()).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Adopted));
    assert_eq!(rejected(&receipts[1]), "username-taken");
    assert_eq!(rejected(&receipts[2]), "email-taken");
    assert_eq!(receipts[3].ownership, Some(Ownership::Created));
    assert_eq!(world.site().user(4).unwrap().username, "user1", "brought in step");

    let all = Adopt { username: true, email: true, ..Adopt::default() };
    let (world, receipts) = with_hand_made_accounts(all).await;
    for receipt in &receipts[..3] {
        assert_eq!(receipt.ownership, Some(Ownership::Adopted), "{receipt:?}");
    }
    assert_eq!(world.site().user(5).unwrap().idnumber, "P2");
    assert_eq!(world.site().user(6).unwrap().idnumber, "P3");

    let none = Adopt { idnumber: false, ..Adopt::default() };
    let (_, receipts) = with_hand_made_accounts(none).await;
    assert_eq!(rejected(&receipts[0]), "not-adopted");
}

#[tokio::test]
async fn somebody_elses_account_is_never_taken_over() {
    let all = Adopt { username: true, email: true, ..Adopt::default() };
    let world = world_with(MoodleConfig { adopt: all, ..MoodleConfig::default() });
    world.ids(vec![create(person(1))]).await;
    let mut other = person(2);
    other.username = person(1).username;
    let mut third = person(3);
    third.email = person(1).email;
    let receipts = world.deliver(vec![create(other), create(third)]).await;
    assert_eq!(rejected(&receipts[0]), "username-taken");
    assert_eq!(rejected(&receipts[1]), "email-taken");
    assert_eq!(world.site().user(4).unwrap().idnumber, "P1");
}

#[tokio::test]
async fn a_key_that_two_accounts_have_is_nobodys() {
    let world = world();
    for name in ["a", "b"] {
        let form = format!(
            "users[0][username]={name}&users[0][firstname]=H&users[0][lastname]=M\
             &users[0][email]={name}@x.invalid&users[0][idnumber]=P1&users[0][createpassword]=1"
        );
        world.by_hand("core_user_create_users", &form);
    }
    let survey = world.moodle.survey(&[create(person(1))]).await.unwrap();
    assert_eq!(survey, [Survey::Ambiguous { count: 2 }]);
    assert_eq!(rejected(&world.deliver(vec![create(person(1))]).await[0]), "ambiguous-match");
}

#[tokio::test]
async fn one_bad_record_does_not_keep_the_others() {
    let world = world();
    let mut work: Vec<_> = (0..50).map(|n| create(person(n))).collect();
    // Two with one address: Moodle refuses the whole call and says only `invalidparameter`.
    let mut twin = person(20);
    twin.email = person(33).email;
    work[20] = create(twin);
    // What is wrong by itself is known before it is sent.
    let mut odd = person(40);
    odd.username = Some(Text::new("Not Valid"));
    work[40] = create(odd);
    let receipts = world.deliver(work).await;
    let bad: Vec<usize> = (0..50).filter(|at| receipts[*at].outcome != Outcome::Applied).collect();
    assert_eq!(bad, [33, 40]);
    assert_eq!(rejected(&receipts[33]), "invalidparameter");
    assert_eq!(rejected(&receipts[40]), "bad-username");
    assert_eq!(world.site().counts().accounts, 3 + 48);
}

#[tokio::test]
async fn a_password_that_breaks_the_rules_is_replaced_and_said_so() {
    let world = world();
    let mut weak = person(1);
    weak.password = Some(Password::Delivered(Text::new("abc")));
    let mut strong = person(2);
    strong.password = Some(Password::Delivered(Text::new("Passw0rd!x")));
    let receipts = world.deliver(vec![create(weak), create(strong)]).await;
    assert_eq!(receipts[0].outcome, Outcome::Applied);
    assert_eq!(receipts[0].remark.as_deref(), Some("password-refused"));
    assert_eq!(receipts[1].remark, None);
}

#[tokio::test]
async fn updates_are_refused_one_by_one() {
    let world = world();
    let ids = world.ids((0..3).map(|n| create(person(n))).collect()).await;
    let with = |n: usize, set: fn(&mut roster::Person)| {
        let mut after = person(n);
        set(&mut after);
        change(Action::Update, &ids[n], person(n), after)
    };
    let receipts = world
        .deliver(vec![
            with(0, |p| p.email = Some(Text::new("user1@school.invalid"))),
            with(1, |p| p.username = Some(Text::new("user2"))),
            with(2, |p| p.given = Some(Text::new("Well"))),
        ])
        .await;
    assert_eq!(rejected(&receipts[0]), "useremailduplicate");
    assert_eq!(rejected(&receipts[1]), "username-taken");
    assert_eq!(receipts[2].outcome, Outcome::Applied);
}

#[tokio::test]
async fn what_is_gone_is_removed_and_what_cannot_be_ours_is_kept() {
    let world = world();
    let ids = world.ids(vec![create(person(1)), create(person(2))]).await;
    world.site().delete_user(number(&ids[0]), world.now()).unwrap();
    let admin = Text::new("2");
    let receipts = world
        .deliver(vec![
            remove(&ids[0], person(1)),
            remove(&ids[1], person(2)),
            remove(&admin, person(3)),
        ])
        .await;
    assert_eq!(receipts[0].outcome, Outcome::Applied);
    assert_eq!(receipts[1].outcome, Outcome::Applied);
    assert_eq!(rejected(&receipts[2]), "useradminodelete");
    let mut unknown = remove(&ids[1], person(2));
    unknown.change.lms_id = None;
    assert_eq!(rejected(&world.deliver(vec![unknown]).await[0]), "no-lms-id");
}

#[tokio::test]
async fn a_change_in_doubt_is_asserted_whole() {
    let world = world();
    let ids = world.ids(vec![create(person(1))]).await;
    world
        .site()
        .edit_user(number(&ids[0]), world.now(), |user| user.firstname = "Odd".into())
        .unwrap();
    let mut doubt = change(Action::Update, &ids[0], person(1), person(1));
    doubt.change.cause = Cause::InDoubt;
    assert_eq!(world.deliver(vec![doubt]).await[0].outcome, Outcome::Applied);
    assert_eq!(world.site().user(number(&ids[0])).unwrap().firstname, "First1");
    // A creation in doubt that did happen is ours, and nobody else's to adopt.
    let mut again = create(person(1));
    again.change.cause = Cause::InDoubt;
    let receipts = world.deliver(vec![again]).await;
    assert_eq!(receipts[0].ownership, Some(Ownership::Created));
    assert_eq!(receipts[0].lms_id.as_ref(), Some(&ids[0]));
    // What it says may be more than what was sent when it was made or taken over.
    let mut person = person(1);
    person.given = Some(Text::new("Newer"));
    let mut newer = create(person);
    newer.change.cause = Cause::InDoubt;
    assert_eq!(world.deliver(vec![newer]).await[0].outcome, Outcome::Applied);
    assert_eq!(world.site().user(number(&ids[0])).unwrap().firstname, "Newer");
}

#[tokio::test]
async fn the_survey_names_what_is_there() {
    let world = world();
    world.ids(vec![create(person(1))]).await;
    let mut by_name = person(9);
    by_name.username = person(1).username;
    let update =
        work(Action::Update, Some(person(1).into()), Some(person(1).into()), Default::default());
    let work = [create(person(1)), create(person(2)), create(by_name), update];
    let survey = world.moodle.survey(&work);
    let found = |by| Survey::Found { lms_id: Text::new("4"), by };
    assert_eq!(
        survey.await.unwrap(),
        [found(MatchedBy::Key), Survey::Absent, found(MatchedBy::Username), Survey::NotNeeded]
    );
}

#[tokio::test]
async fn a_password_for_a_list_is_never_exchanged_for_another() {
    let world = world_with(MoodleConfig { password: NewPassword::List, ..MoodleConfig::default() });
    let issued = |n: usize, password: &str| {
        let password = Some(Password::Delivered(Text::new(password)));
        lms::Work { issued: password, ..create(person(n)) }
    };
    let work = vec![issued(1, "kB2x-mD3y-qF4z"), issued(2, "weak"), create(person(3))];
    let receipts = world.deliver(work).await;
    assert_eq!(receipts[0].outcome, Outcome::Applied);
    assert_eq!(rejected(&receipts[1]), "password-refused");
    assert_eq!(receipts[2].outcome, Outcome::Applied, "one without a list is mailed its own");
}
