//! What refers to something that is not there waits, and says for what.

mod world;

use plan::{HoldReason, Presence};
use roster::{
    Association, AssociationKind, CourseKey, Group, GroupKey, GroupMember, Observer, OrgUnit,
    OrgUnitKey, PersonKey, Record, Text,
};
use world::{World, changes, course, held, lines, person, student};

fn group(course: &str) -> Record {
    Group::new(CourseKey::new(course), GroupKey::new("g")).into()
}

fn member(course: &str, person: &str) -> Record {
    GroupMember::new(CourseKey::new(course), GroupKey::new("g"), PersonKey::new(person)).into()
}

fn observer(of: &str, by: &str) -> Record {
    Observer::new(PersonKey::new(of), PersonKey::new(by)).into()
}

#[test]
fn every_kind_says_what_it_waits_for() {
    let there: [Record; 5] = [
        person("p", "ada").into(),
        course("c").into(),
        course("d").into(),
        group("c"),
        student("d", "p").into(),
    ];
    let mut world = World::holding(&there);
    // Of this course the LMS has the group and the enrollment, and lost the course; of this person
    // it has the enrollment, and lost the account.
    let lost: [Record; 5] = [
        course("l").into(),
        person("x", "x").into(),
        group("l"),
        student("l", "p").into(),
        student("c", "x").into(),
    ];
    world.deliver(&world.diff(&[there.to_vec(), lost.to_vec()].concat()).plan);
    world.meta(lost[0].key()).presence = None;
    world.meta(lost[1].key()).presence = None;
    let there = [there.to_vec(), lost[2..].to_vec()].concat();
    let planned = |record: Record| {
        let diffed = world.diff(&[there.clone(), vec![record.clone()]].concat());
        let finding = diffed.findings.kept().first().expect("a finding").clone();
        assert_eq!(diffed.findings.kept().len(), 1);
        assert_eq!(finding.key, Some(Text::from(record.key().to_string())));
        assert_eq!(finding.origin.line, there.len() as u32 + 1);
        assert_eq!((diffed.plan.deliver.len(), diffed.plan.summary.deferred), (0, 1));
        (finding.code, finding.message.contains("nobody"))
    };
    assert_eq!(planned(group("nobody")), ("group-unknown-course", true));
    assert_eq!(planned(student("c", "nobody").into()), ("enrollment-unknown-person", true));
    assert_eq!(planned(student("nobody", "p").into()), ("enrollment-unknown-course", true));
    assert_eq!(planned(member("d", "p")), ("group-member-unknown-group", false));
    assert_eq!(planned(member("l", "p")), ("group-member-unknown-course", false));
    assert_eq!(planned(member("c", "x")), ("group-member-unknown-person", false));
    assert_eq!(planned(member("c", "p")), ("group-member-not-enrolled", false));
    assert_eq!(planned(observer("p", "nobody")), ("observer-unknown-person", true));
    assert_eq!(planned(observer("nobody", "p")), ("observer-unknown-person", true));
}

#[test]
fn what_waits_for_two_records_names_the_first_that_is_missing_or_held() {
    // Course and person each want a name that one who left still has.
    let mut taken = course("old");
    taken.short_name = Some(Text::new("BIO"));
    let mut world = World::holding(&[person("old", "x").into(), taken.into()]);
    world.deliver(&world.diff(&[]).plan);
    let mut biology = course("c");
    biology.short_name = Some(Text::new("BIO"));
    let wanted = [biology.clone().into(), person("p", "x").into(), student("c", "p").into()];
    let plan = world.diff(&wanted).plan;
    let waiting = ["create person:p", "create course:c", "create enrollment:c/p"];
    assert_eq!(lines(&held(&plan)), waiting);
    let needs = |key: &str| HoldReason::Needs { key: Text::new(key) };
    assert_eq!(plan.reasons, [needs("person:old"), needs("course:old"), needs("course:c")]);
    // Something that is missing goes before something that is held.
    let wanted = [biology.into(), student("c", "nobody").into()];
    let diffed = world.diff(&wanted);
    assert_eq!(lines(&held(&diffed.plan)), ["create course:c"]);
    assert_eq!(diffed.findings.count_code("enrollment-unknown-person"), 1);
}

#[test]
fn what_is_put_aside_is_there_and_what_goes_is_not() {
    let base = [course("c").into(), person("p", "ada").into()];
    let mut world = World::holding(&base);
    world.meta(base[1].key()).presence = Some(Presence::Suspended);
    world.meta(base[1].key()).ownership = plan::Ownership::Found;
    let wanted = [base.to_vec(), vec![student("c", "p").into()]].concat();
    assert_eq!(lines(&changes(&world.diff(&wanted).plan)), ["create enrollment:c/p"]);
    // A course that is deleted in this run takes nobody in.
    let mut world = World::holding(&base);
    world.policy = world::on_remove(roster::Kind::Course, plan::OnRemove::Delete);
    let wanted = [base[1].clone(), student("c", "p").into()];
    let diffed = world.diff(&wanted);
    assert_eq!(lines(&changes(&diffed.plan)), ["remove course:c"]);
    assert_eq!(diffed.findings.count_code("enrollment-unknown-course"), 1);
}

#[test]
fn what_an_association_ties_is_looked_for_by_its_kind() {
    let tie = |kind, from: &str, to: &str| -> Record { Association::new(kind, from, to).into() };
    let there = [
        OrgUnit::new(OrgUnitKey::new("u")).into(),
        person("p", "ada").into(),
        course("c").into(),
        course("d").into(),
    ];
    let world = World::holding(&there);
    let planned = |tie: Record| {
        let diffed = world.diff(&[there.to_vec(), vec![tie]].concat());
        let codes: Vec<_> = diffed.findings.counts().map(|(_, code, _)| code).collect();
        (diffed.plan.deliver.len(), codes)
    };
    use AssociationKind::{CourseCourse, CourseOrgUnit, PersonOrgUnit};
    assert_eq!(planned(tie(PersonOrgUnit, "p", "u")), (1, vec![]));
    assert_eq!(planned(tie(CourseOrgUnit, "c", "u")), (1, vec![]));
    assert_eq!(planned(tie(CourseCourse, "c", "d")), (1, vec![]));
    assert_eq!(planned(tie(PersonOrgUnit, "c", "u")), (0, vec!["association-unknown-person"]));
    assert_eq!(planned(tie(PersonOrgUnit, "p", "c")), (0, vec!["association-unknown-org-unit"]));
    assert_eq!(planned(tie(CourseOrgUnit, "c", "d")), (0, vec!["association-unknown-org-unit"]));
    assert_eq!(planned(tie(CourseOrgUnit, "p", "u")), (0, vec!["association-unknown-course"]));
    assert_eq!(planned(tie(CourseCourse, "c", "u")), (0, vec!["association-unknown-course"]));
}
