//! The table of effects, row by row: what the outcome of one change makes of what is known.

use jiff::{SignedDuration, Timestamp};
use plan::{
    Action, Applied, Applying, Cause, Change, Effect, KindPolicy, Meta, OnRemove, Ownership,
    Parked, Policy, Presence, apply, wanted_digest,
};
use roster::{
    Course, CourseKey, Enrollment, Group, GroupKey, Kind, Origin, Password, Person, PersonKey,
    Record, Status, Text,
};

fn ada() -> Person {
    let mut person = Person::new(PersonKey::new("p"));
    person.username = Some(Text::new("ada"));
    person.given = Some(Text::new("Ada"));
    person.status = Some(Status::Active);
    person
}

fn inactive(mut person: Person) -> Person {
    person.status = Some(Status::Inactive);
    person
}

/// A record that an earlier run put there.
fn held(record: impl Into<Record>, presence: Option<Presence>) -> Applied {
    let meta = Meta {
        presence,
        ownership: Ownership::Created,
        lms_id: Some(Text::new("7")),
        first_run: Text::new("first"),
        last_run: Text::new("last"),
        parked: Some(Parked { wanted: [1; 16], answer: "old".into(), run: Text::new("last") }),
        in_doubt: true,
        members_read: true,
        delete_after: Some(Timestamp::UNIX_EPOCH),
        user_fields: Default::default(),
    };
    Applied { record: record.into(), meta }
}

fn change(action: Action, after: Option<Record>) -> Change {
    Change {
        action,
        before: Some(ada().into()),
        after,
        cause: Cause::Source,
        origin: Some(Origin::default()),
        lms_id: None,
        temporary: None,
    }
}

fn to(action: Action, after: impl Into<Record>) -> Change {
    change(action, Some(after.into()))
}

const DONE: Effect = Effect::Done { lms_id: None, ownership: None };

/// What becomes of `applied` in the run `now`, under `policy`.
fn under(
    policy: &Policy,
    applied: Option<Applied>,
    change: &Change,
    effect: &Effect,
) -> Option<Applied> {
    let run = Text::new("now");
    apply(applied, change, effect, &Applying { run: &run, now: time(0), policy })
}

fn after(applied: Option<Applied>, change: &Change, effect: &Effect) -> Applied {
    under(&Policy::default(), applied, change, effect).expect("something is known of it")
}

fn time(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time") + SignedDuration::from_hours(24 * days)
}

#[test]
fn what_is_created_is_present_and_ours_from_this_run_on() {
    let made = after(None, &to(Action::Create, ada()), &DONE);
    assert_eq!(made.record, ada().into());
    let expected = Meta {
        presence: Some(Presence::Present),
        ownership: Ownership::Created,
        lms_id: None,
        first_run: Text::new("now"),
        last_run: Text::new("now"),
        parked: None,
        in_doubt: false,
        members_read: false,
        delete_after: None,
        user_fields: Default::default(),
    };
    assert_eq!(made.meta, expected);

    // One that was there and went is a new one; one that is there already keeps its story.
    for gone in [None, Some(Presence::Removed)] {
        let back = after(Some(held(ada(), gone)), &to(Action::Create, ada()), &DONE).meta;
        assert_eq!((back.first_run.as_str(), back.members_read), ("now", false), "{gone:?}");
    }
    for there in [Presence::Present, Presence::Suspended] {
        let same = after(Some(held(ada(), Some(there))), &to(Action::Adopt, ada()), &DONE).meta;
        assert_eq!((same.first_run.as_str(), same.members_read), ("first", true), "{there:?}");
        assert_eq!(same.presence, Some(Presence::Present));
        assert_eq!((same.parked, same.in_doubt, same.delete_after), (None, false, None));
    }
}

#[test]
fn nobody_has_to_be_looked_for_in_a_course_that_was_made_empty() {
    let course = Course::new(CourseKey::new("bio-1"));
    let made = |action, course: &Course, effect: &Effect| {
        after(None, &to(action, course.clone()), effect).meta.members_read
    };
    assert!(made(Action::Create, &course, &DONE));
    assert!(!made(Action::Adopt, &course, &DONE));
    for ownership in [Ownership::Found, Ownership::Adopted] {
        let found = Effect::Done { lms_id: None, ownership: Some(ownership) };
        assert!(!made(Action::Create, &course, &found), "{ownership:?}");
    }
    let mut copied = course;
    copied.template = Some("model".into());
    assert!(!made(Action::Create, &copied, &DONE), "a template's people may have come with it");
}

#[test]
fn what_is_created_inactive_is_put_aside() {
    let presence = |record: Record| after(None, &to(Action::Create, record), &DONE).meta.presence;
    assert_eq!(presence(inactive(ada()).into()), Some(Presence::Suspended));
    let mut course = Course::new(CourseKey::new("c"));
    assert_eq!(presence(course.clone().into()), Some(Presence::Present), "nothing is said");
    course.status = Some(Status::Inactive);
    assert_eq!(presence(course.into()), Some(Presence::Suspended));
    let group = Group::new(CourseKey::new("c"), GroupKey::new("g"));
    assert_eq!(presence(group.into()), Some(Presence::Present));
}

#[test]
fn whose_it_is_follows_the_answer_then_the_action() {
    let owner = |action, ownership| {
        let effect = Effect::Done { lms_id: Some(Text::new("8")), ownership };
        let meta = after(None, &to(action, ada()), &effect).meta;
        assert_eq!(meta.lms_id.as_deref(), Some("8"));
        meta.ownership
    };
    assert_eq!(owner(Action::Create, None), Ownership::Created);
    assert_eq!(owner(Action::Adopt, None), Ownership::Adopted);
    assert_eq!(owner(Action::Create, Some(Ownership::Adopted)), Ownership::Adopted);
    assert_eq!(owner(Action::Create, Some(Ownership::Found)), Ownership::Found);
    // An answer without an id takes none away; an update settles nothing by itself.
    let mut adopted = held(ada(), Some(Presence::Present));
    adopted.meta.ownership = Ownership::Adopted;
    let updated = after(Some(adopted), &to(Action::Update, ada()), &DONE).meta;
    assert_eq!((updated.lms_id.as_deref(), updated.ownership), (Some("7"), Ownership::Adopted));
}

#[test]
fn an_update_or_rekey_changes_fields_and_settles_doubt_and_refusal() {
    let mut wanted = ada();
    wanted.given = Some(Text::new("Augusta"));
    for action in [Action::Update, Action::Rekey] {
        for presence in [Presence::Present, Presence::Suspended] {
            let before = held(ada(), Some(presence));
            let Applied { record, meta } =
                after(Some(before.clone()), &to(action, wanted.clone()), &DONE);
            assert_eq!(record, wanted.clone().into());
            let last_run = Text::new("now");
            let expected = Meta { last_run, parked: None, in_doubt: false, ..before.meta };
            assert_eq!(meta, expected, "its presence and its day of deletion stay");
        }
    }
}

#[test]
fn a_restored_record_takes_part_and_waits_for_no_deletion() {
    let aside = held(inactive(ada()), Some(Presence::Suspended));
    let Applied { record, meta } = after(Some(aside), &to(Action::Restore, ada()), &DONE);
    assert_eq!(record, ada().into());
    assert_eq!((meta.presence, meta.delete_after), (Some(Presence::Present), None));
    assert_eq!((meta.parked, meta.in_doubt), (None, false));
}

#[test]
fn a_suspension_changes_the_status_and_nothing_else() {
    let mut wanted = inactive(ada());
    wanted.given = Some(Text::new("told by the update that is held"));
    let present = held(ada(), Some(Presence::Present));
    let Applied { record, meta } = after(Some(present), &to(Action::Suspend, wanted), &DONE);
    assert_eq!(record, inactive(ada()).into());
    assert_eq!((meta.presence, meta.delete_after), (Some(Presence::Suspended), None));

    // Every kind that can be put aside: also courses and enrollments.
    let mut course = Course::new(CourseKey::new("c"));
    let present = held(course.clone(), Some(Presence::Present));
    course.status = Some(Status::Inactive);
    let hidden = after(Some(present), &to(Action::Suspend, course.clone()), &DONE);
    assert_eq!(hidden.record, course.into());
    let mut student = Enrollment::new(CourseKey::new("c"), PersonKey::new("p"));
    let present = held(student.clone(), Some(Presence::Present));
    student.status = Some(Status::Inactive);
    let paused = after(Some(present), &to(Action::Suspend, student.clone()), &DONE);
    assert_eq!(paused.record, student.into());
}

#[test]
fn only_what_absence_puts_aside_is_deleted_later() {
    let due = |remove, origin| {
        let mut policy = Policy::default();
        policy.set(Kind::Person, KindPolicy { remove, ..policy.of(Kind::Person) });
        let change = Change { origin, ..to(Action::Suspend, ada()) };
        let present = held(ada(), Some(Presence::Present));
        under(&policy, Some(present), &change, &DONE).unwrap().meta.delete_after
    };
    let later = OnRemove::DeleteAfter { days: 90 };
    assert_eq!(due(later, None), Some(time(90)), "ninety days from the time of the run");
    assert_eq!(due(later, Some(Origin::default())), None, "the source says inactive, not gone");
    assert_eq!(due(OnRemove::Suspend, None), None);
}

#[test]
fn of_a_removed_person_the_key_remains_and_of_others_nothing() {
    let remove = Change { origin: None, ..change(Action::Remove, None) };
    let present = held(ada(), Some(Presence::Present));
    let Applied { record, meta } = after(Some(present), &remove, &DONE);
    assert_eq!(record, Person::new(PersonKey::new("p")).into());
    assert_eq!(meta.presence, Some(Presence::Removed));
    assert_eq!((meta.lms_id, meta.delete_after), (None, None), "the account is no more");
    assert_eq!((meta.parked, meta.in_doubt), (None, false));

    let course: Record = Course::new(CourseKey::new("c")).into();
    let remove = Change { before: Some(course.clone()), ..remove };
    let present = held(course, Some(Presence::Present));
    assert_eq!(under(&Policy::default(), Some(present), &remove, &DONE), None);
}

#[test]
fn a_refusal_is_remembered_and_what_is_there_stays() {
    let effect = Effect::Rejected { code: "invalid".into() };
    let update = to(Action::Update, inactive(ada()));
    let before = held(ada(), Some(Presence::Present));
    let parked =
        Parked { wanted: wanted_digest(&update), answer: "invalid".into(), run: Text::new("now") };
    let refused = after(Some(before.clone()), &update, &effect);
    let meta = Meta { parked: Some(parked), in_doubt: false, ..before.meta };
    assert_eq!(refused, Applied { record: before.record, meta });
    let never = after(None, &to(Action::Create, ada()), &effect);
    assert_eq!((never.meta.presence, never.record), (None, ada().into()));
}

#[test]
fn without_an_answer_it_is_in_doubt_and_what_is_there_stays() {
    let mut before = held(ada(), Some(Presence::Present));
    before.meta.in_doubt = false;
    let update = to(Action::Update, inactive(ada()));
    let unknown = after(Some(before.clone()), &update, &Effect::Unknown);
    let meta = Meta { in_doubt: true, last_run: Text::new("now"), ..before.meta.clone() };
    assert_eq!(unknown, Applied { meta, ..before.clone() });
    let never = after(None, &to(Action::Create, ada()), &Effect::Unknown).meta;
    assert_eq!((never.presence, never.in_doubt), (None, true));
    // What was not done leaves no trace.
    assert_eq!(after(Some(before.clone()), &update, &Effect::NotDone), before);
    assert_eq!(under(&Policy::default(), None, &update, &Effect::NotDone), None);
}

#[test]
fn a_temporary_name_is_taken_and_settles_nothing() {
    let mut named = Person::new(PersonKey::new("p"));
    named.username = Some(Text::new("tmp-1"));
    let temporary =
        Change { temporary: Some(Text::new("tmp-1")), ..to(Action::Update, named.clone()) };
    let mut before = held(ada(), Some(Presence::Present));
    let done = after(Some(before.clone()), &temporary, &DONE);
    let mut renamed = ada();
    renamed.username = named.username;
    assert_eq!(done.record, renamed.into(), "the name, and every other field as it was");
    let meta = Meta { last_run: Text::new("now"), ..before.meta.clone() };
    assert_eq!(done.meta, meta, "doubt and refusal are of what comes after");

    // A refused one is no refusal of the record, and takes no doubt away.
    let refused = Effect::Rejected { code: "taken".into() };
    for doubt in [true, false] {
        before.meta.in_doubt = doubt;
        assert_eq!(after(Some(before.clone()), &temporary, &refused), before);
    }
    // One without an answer may stand.
    let doubted = after(Some(before.clone()), &temporary, &Effect::Unknown);
    assert!(doubted.meta.in_doubt);
    assert_eq!(doubted.record, before.record);
    assert_eq!(under(&Policy::default(), None, &temporary, &refused), None);
}

#[test]
fn a_refusal_stands_for_action_and_wanted_record_but_not_for_a_password() {
    let create = to(Action::Create, ada());
    let digest = wanted_digest(&create);
    assert_ne!(digest, wanted_digest(&to(Action::Update, ada())));
    assert_ne!(digest, wanted_digest(&to(Action::Create, inactive(ada()))));
    let mut sealed = ada();
    sealed.password = Some(Password::Sealed(vec![1, 2, 3]));
    assert_eq!(digest, wanted_digest(&to(Action::Create, sealed.clone())));
    assert_eq!(after(None, &to(Action::Create, sealed), &DONE).record, ada().into());
    // A removal is known by the record that goes.
    let of =
        |person: Person| Change { before: Some(person.into()), ..change(Action::Remove, None) };
    assert_ne!(wanted_digest(&of(ada())), wanted_digest(&of(inactive(ada()))));
}
