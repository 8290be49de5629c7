//! Fields that may have become their user's.

use lms::moodle::Moodle;
use lms::{Attempt, Lms, Outcome, Survey, Work};
use plan::{Action, Cause, FieldSet};
use roster::{Kind, Record, Text};

use crate::world::{change, course, create, number, person, world};

fn fields(kind: Kind, names: &[&str]) -> FieldSet {
    let mut set = FieldSet::default();
    let specs = Record::specs(kind).iter().filter(|spec| names.contains(&spec.name));
    specs.for_each(|spec| set.add(*spec));
    set
}

fn reading_back(mut work: Work, names: &[&str]) -> Work {
    work.read_back = fields(work.change.kind(), names);
    work
}

async fn seen(moodle: &Moodle, work: &Work) -> Survey {
    moodle.survey(std::slice::from_ref(work)).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_somebody_changed_is_seen_before_it_is_written_over() {
    let world = world();
    let ids = world.ids(vec![create(person(1)), create(person(2))]).await;
    let mut next = person(1);
    next.email = Some(Text::new("next@school.invalid"));
    next.family = Some(Text::new("Married"));
    let update = change(Action::Update, &ids[0], person(1), next.clone());
    let update = reading_back(update, &["email", "family"]);
    assert_eq!(seen(&world.moodle, &update).await, Survey::NotNeeded, "nobody changed anything");

    let now = world.now();
    world
        .site()
        .edit_user(number(&ids[0]), now, |user| user.email = "own@home.invalid".into())
        .unwrap();
    let survey = seen(&world.moodle, &update).await;
    assert_eq!(survey, Survey::Changed { fields: fields(Kind::Person, &["email"]) });
    // Also where everything is told because nobody knows what arrived.
    for cause in [Cause::Source, Cause::InDoubt] {
        let mut work = update.clone();
        work.change.cause = cause;
        work.survey = survey.clone();
        let applied = world.apply(&[work], Attempt::First).await;
        assert_eq!(applied.receipts[0].outcome, Outcome::Applied);
        let site = world.site();
        let user = site.user(number(&ids[0])).unwrap();
        assert_eq!((user.email.as_str(), user.lastname.as_str()), ("own@home.invalid", "Married"));
    }
    // What is there is what is to be told: nobody's.
    world
        .site()
        .edit_user(number(&ids[0]), now, |user| user.email = "Next@school.invalid".into())
        .unwrap();
    assert_eq!(seen(&world.moodle, &update).await, Survey::NotNeeded);
    // An account that is gone has no fields.
    world.site().delete_user(number(&ids[0]), now).unwrap();
    let _whatever_is_said = seen(&world.moodle, &update).await;
}

#[tokio::test]
async fn a_title_with_odd_characters_is_no_change() {
    let world = world();
    let ids = world.ids(vec![create(course(1))]).await;
    let mut next = course(1);
    next.title = Some(Text::new("Maths & more"));
    let update = change(Action::Update, &ids[0], course(1), next);
    let update = reading_back(update, &["title", "description"]);
    assert_eq!(seen(&world.moodle, &update).await, Survey::NotNeeded);
    let now = world.now();
    world
        .site()
        .edit_course(number(&ids[0]), now, |course| course.fullname = "Ours".into())
        .unwrap();
    let survey = seen(&world.moodle, &update).await;
    assert_eq!(survey, Survey::Changed { fields: fields(Kind::Course, &["title"]) });
    let work = Work { survey, ..update };
    let applied = world.apply(&[work], Attempt::First).await;
    assert_eq!((applied.calls, &applied.receipts[0].outcome), (0, &Outcome::Applied));
}
