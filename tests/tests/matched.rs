//! Who is whom, found through the indexes: the same as what matching says of all persons at once.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, SeededRandom, Timestamp};
use end_to_end::World;
use pipeline::{Pipeline, PipelineError, Source};
use roster::matching::{MatchBy, Matcher, Matches, Meaning};
use roster::{
    CourseKey, Enrollment, Key, Labelled, Mode, Origin, Person, PersonKey, Record, Sink as _,
    Snapshot, SnapshotBuilder, Text,
};
use store::state::source::{Export, fold};
use store::state::{StateName, States, index, lease};

/// How many integrations are made up where nothing else is asked for.
fn count() -> u64 {
    std::env::var("MATCH_COUNT").ok().map_or(400, |text| text.parse().unwrap())
}

/// One source: how it is matched, and its people.
struct Drawn {
    source: Source,
    people: Vec<Person>,
    /// Keys that it has in a course, whether it has a person of them or not.
    seats: Vec<String>,
}

/// Sources whose values meet often.
fn drawn(random: &SeededRandom) -> Vec<Drawn> {
    let below = |bound: u64| random.below(bound);
    let rules = [
        "email",
        "username",
        "sourced_id",
        "user_id:card=sourced_id",
        "sourced_id=username",
        "user_id:card",
        "username=email",
    ];
    let attribute = below(8) == 0;
    (0..2 + below(3))
        .map(|at| {
            let mut source = end_to_end::world::source();
            source.name = format!("source-{at}");
            source.precedence = [0, 5, 5, 10, 20][below(5) as usize];
            for _ in 0..below(4) {
                let rule = rules[below(rules.len() as u64) as usize].to_owned();
                source.part.match_by.push(MatchBy::try_from(rule).unwrap());
            }
            if attribute {
                let rule = MatchBy::try_from("attribute:door".to_owned()).unwrap();
                source.part.match_by.push(rule);
            }
            let mut people: BTreeMap<String, Person> = BTreeMap::new();
            for _ in 0..1 + below(7) {
                let key = format!("{}{}", ["k", "K", "x"][below(3) as usize], below(5));
                people.insert(key.clone(), person(&key, random));
            }
            let seat = || format!("{}{}", ["k", "K", "x"][below(3) as usize], below(5));
            let seats = (0..below(3)).map(|_| seat()).collect();
            Drawn { source, people: people.into_values().collect(), seats }
        })
        .collect()
}

fn person(key: &str, random: &SeededRandom) -> Person {
    let below = |bound: u64| random.below(bound);
    let maybe = |text: String| (below(3) > 0).then(|| Text::from(text));
    let id = || format!("{}{}", ["k", "K", "x"][below(3) as usize], below(5));
    let card = || vec![Labelled { label: "card".into(), value: Text::from(id()) }];
    let mut person = Person::new(PersonKey::new(key));
    let mails = ["k1", "K2", "a@x.example", "A@X.example", "b@x.example"];
    person.email = maybe(mails[below(5) as usize].to_owned());
    person.username = maybe(id());
    person.sourced_id = maybe(id()).filter(|_| below(3) == 0);
    person.user_ids = (below(2) == 0).then(card);
    let door = || vec![Labelled { label: "door".into(), value: Text::from(id()) }];
    person.attributes = (below(2) == 0).then(door);
    person
}

/// What is said of all of them at once, in the order of `drawn`.
fn all_at_once(drawn: &[Drawn]) -> Vec<Matches> {
    let mut order: Vec<usize> = (0..drawn.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(drawn[*at].source.precedence));
    let mut all: Vec<Matches> = drawn.iter().map(|_| Matches::default()).collect();
    for at in order {
        let Drawn { source, people, seats } = &drawn[at];
        let mut matcher = Matcher::new(&source.part.match_by);
        people.iter().for_each(|person| matcher.ask(person));
        seats.iter().for_each(|key| matcher.name(&PersonKey::new(key)));
        for (above, matches) in drawn.iter().zip(&all) {
            if above.source.precedence <= source.precedence {
                continue;
            }
            for person in &above.people {
                match matches.of(person.person()) {
                    None => matcher.offer(person),
                    Some(Meaning::One(one)) => {
                        let renamed = Record::from(person.clone());
                        let renamed = renamed.with_key(Key::Person(one.clone())).unwrap();
                        let Record::Person(person) = renamed else { unreachable!("a person") };
                        matcher.offer(&person);
                    }
                    Some(_) => {}
                }
            }
        }
        all[at] = matcher.finish();
    }
    all
}

fn snapshot(people: &[Person], seats: &[String]) -> Snapshot {
    let mut builder = SnapshotBuilder::new(Mode::Full);
    let file = builder.add_file("export.xml");
    for (line, person) in people.iter().enumerate() {
        builder.record(person.clone().into(), Origin { file, line: line as u32 + 1 });
    }
    for key in seats {
        let enrollment = Enrollment::new(CourseKey::new("c"), PersonKey::new(key));
        builder.record(enrollment.into(), Origin { file, line: 0 });
    }
    builder.finish().unwrap()
}

/// Puts the sources into the stores, with their indexes.
async fn take_in(pipeline: &Pipeline, drawn: &[Drawn], indexed: bool) {
    let (stores, scope) = (&pipeline.stores, &pipeline.integration.scope);
    let clock = &*pipeline.clock;
    let held = lease::take_over(stores, scope, clock, "test", Duration::from_secs(60)).await;
    let held = held.unwrap();
    let states = States::new(stores, scope.clone());
    for Drawn { source, people, seats } in drawn {
        let name = StateName::Source(source.name.clone());
        let base = states.newest(&name).await.unwrap();
        let (files, snapshot) = (["export.xml".to_owned()], snapshot(people, seats));
        let (mode, now) = (Mode::Full, Timestamp::UNIX_EPOCH);
        let buckets = snapshot.buckets();
        let export = Export { mode, files: &files, buckets, removals: &[], run: "r-1", now };
        let next = fold(&states, &name, &base, export).await.unwrap().unwrap();
        states.publish(&name, &base, &next).await.unwrap();
        if indexed {
            index::refresh(stores, scope, &name, clock.now(), held.check(scope)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn whoever_is_asked_for_is_who_they_are_among_all() {
    let mut seen = [0; 4];
    for seed in 0..count() {
        let random = SeededRandom::new(seed);
        let drawn = drawn(&random);
        let mut world = World::new(seed);
        let mut integration = (*world.integration).clone();
        integration.sources = drawn.iter().map(|drawn| drawn.source.clone()).collect();
        world.integration = Arc::new(integration);
        let pipeline = world.process(None, None, true).pipeline;
        take_in(&pipeline, &drawn, seed % 3 > 0).await;
        let all = all_at_once(&drawn);
        for (number, Drawn { people, .. }) in drawn.iter().enumerate() {
            let seats = drawn[number].seats.iter().map(PersonKey::new);
            let own: BTreeSet<PersonKey> =
                people.iter().map(|person| person.person().clone()).chain(seats).collect();
            for own in &own {
                seen[match all[number].of(own) {
                    None => 0,
                    Some(Meaning::One(_)) => 1,
                    Some(Meaning::Several(_)) => 2,
                    Some(Meaning::Shared(_)) => 3,
                }] += 1;
                let one = all.iter().find_map(|matches| match matches.of(own) {
                    Some(Meaning::One(one)) => Some(one),
                    _ => None,
                });
                let expected = one.unwrap_or(own);
                let story = match pipeline.trace(&format!("person:{}", own.as_str())).await {
                    // Whom one source names and nobody knows.
                    Err(PipelineError::NotFound(said)) => {
                        assert!(
                            said.contains(&Key::Person(expected.clone()).to_string()),
                            "{said}"
                        );
                        continue;
                    }
                    story => story.unwrap(),
                };
                let context = format!("seed {seed}, {own:?} of {number}");
                assert_eq!(story.key, Key::Person(expected.clone()), "{context}");
                // What each source says under the key itself, and under its own for that person.
                let says = |(drawn, matches): (&Drawn, &Matches)| {
                    let is = |person: &&Person| {
                        let means = matches.of(person.person());
                        person.person() == expected
                            || means == Some(&Meaning::One(expected.clone()))
                    };
                    let lines = drawn.people.iter().enumerate().filter(|(_, person)| is(person));
                    let name = drawn.source.name.clone();
                    lines.map(|(line, _)| (name.clone(), line as u32 + 1)).collect::<Vec<_>>()
                };
                let mut expected_said: Vec<_> = drawn.iter().zip(&all).flat_map(says).collect();
                let mut said: Vec<(String, u32)> =
                    story.sources.iter().map(|(name, _, _, line)| (name.clone(), *line)).collect();
                expected_said.sort();
                said.sort();
                assert_eq!(said, expected_said, "{context}");
            }
        }
        let nobody = pipeline.trace("person:nobody").await;
        assert!(matches!(nobody, Err(PipelineError::NotFound(_))));
    }
    // What there is to tell apart is among them.
    assert!(count() < 400 || seen.iter().all(|seen| *seen > 50), "{seen:?}");
}
