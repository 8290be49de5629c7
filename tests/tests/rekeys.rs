//! Keys that change, whoever says so and however often the process dies: account, enrollments and
//! history are the same person's, and nobody gets a second account.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use end_to_end::acts::{Act, act, settle, world};
use end_to_end::{Crash, Moment, Town, World, oracle};
use pipeline::Said;
use plan::HoldReason;
use roster::Text;

const DAY: Duration = Duration::from_secs(86_400);

/// What happens on a day.
struct Day {
    name: &'static str,
    act: Act,
    /// What the LMS holds of the school then.
    lms: Town,
    /// Findings that there are.
    findings: &'static [&'static str],
    /// What is held, but for what needs something that is held.
    held: Vec<HoldReason>,
    /// Who is who: the key, and the key that the account was made for.
    same: &'static [(&'static str, &'static str)],
}

fn founded() -> Town {
    let mut town = Town::founded();
    for (number, person) in town.people.values_mut().enumerate() {
        person.born = Some(format!("2011-{:02}-{:02}", number % 12 + 1, number % 27 + 1));
    }
    town
}

fn course_rekey(town: &mut Town, old: &str, new: &str) {
    let class = town.courses.remove(old).unwrap();
    town.courses.insert(new.to_owned(), class);
    let seats: Vec<_> = town.seats.extract_if(.., |(course, _), _| course == old).collect();
    town.seats.extend(seats.into_iter().map(|((_, who), seat)| ((new.to_owned(), who), seat)));
}

/// The days of a key office.
fn days() -> Vec<Day> {
    let export = |town: &Town| Act::Export(Box::new(town.clone()));
    let day = |name, act, lms: &Town, same| {
        let lms = lms.clone();
        Day { name, act, lms, findings: &[], held: Vec::new(), same }
    };
    let rename = |old, new| vec![HoldReason::Rename { old: Text::new(old), new: Text::new(new) }];
    let after = |town: &Town, what: &dyn Fn(&mut Town)| {
        let mut next = town.clone();
        what(&mut next);
        next
    };
    let town = founded();
    let announced = after(&town, &|town| town.rekey("P015", "Q015"));
    let listed = after(&announced, &|town| {
        town.rekey_in_silence("P016", "L016");
        course_rekey(town, "C2026-2", "K-2");
    });
    let faster = after(&listed, &|town| town.rekey_in_silence("P020", "E020"));
    let dropped = after(&faster, &|town| town.leaves("P017"));
    let came = after(&faster, &|town| town.rekey_in_silence("P017", "N017"));
    let back = after(&came, &|town| town.rekey_in_silence("N017", "P017"));
    let still = &[("L016", "P016"), ("E020", "P020")];
    let reused = after(&came, &|town| {
        *town.person("P018") = Town::somebody(53);
        town.person("P018").born = Some("2012-12-31".into());
    });
    // In whatever order, and of somebody whom nobody knows.
    let list = "old_key;new_key;kind\nM016;L016;\nP016;M016;\nC2026-2;K-2;course\nX999;Y999;\n";
    let late = "external_person_key|new_external_person_key\nP020|E020\n";
    vec![
        day("founded", export(&town), &town, &[]),
        day("announced", export(&announced), &announced, &[("Q015", "P015")]),
        Day {
            findings: &["keys-changed", "rekey-unknown"],
            ..day("list", Act::List(list.into()), &announced, &[("Q015", "P015")])
        },
        day("listed", export(&listed), &listed, &[("L016", "P016"), ("Q015", "P015")]),
        // The registrar is faster than the list: that is a question until the list comes.
        Day {
            held: rename("P020", "E020"),
            ..day("faster", export(&faster), &listed, &[("P020", "P020")])
        },
        Day {
            findings: &["keys-changed"],
            ..day("late list", Act::List(late.into()), &faster, &[("E020", "P020")])
        },
        day("dropped", export(&dropped), &dropped, &[("L016", "P016"), ("E020", "P020")]),
        Day {
            held: rename("P017", "N017"),
            ..day("came", export(&came), &dropped, &[("L016", "P016"), ("E020", "P020")])
        },
        day(
            "answered",
            Act::Answer("P017".into(), "N017".into(), Said::Same),
            &came,
            &[("L016", "P016"), ("Q015", "P015"), ("E020", "P020")],
        ),
        // The account has its former key again, and stays as it is otherwise.
        Day {
            held: rename("P017", "N017"),
            ..day("taken back", Act::TakeBack("P017".into(), "N017".into()), &back, still)
        },
        day(
            "answered again",
            Act::Answer("P017".into(), "N017".into(), Said::Same),
            &came,
            &[("L016", "P016"), ("Q015", "P015"), ("E020", "P020")],
        ),
        Day {
            held: vec![HoldReason::SuspectedReuse { key: Text::new("P018") }],
            ..day("reused", export(&reused), &came, &[("P018", "P018"), ("L016", "P016")])
        },
    ]
}

/// Who had which account in the beginning, and since when everybody is in which course.
struct Beginning {
    accounts: BTreeMap<String, u32>,
    courses: BTreeSet<u32>,
    since: BTreeMap<(u32, u32), u32>,
}

impl Beginning {
    fn of(world: &World) -> Self {
        let platform = world.platform();
        let site = &platform.site;
        let named = site.users().filter(|(_, user)| !user.idnumber.is_empty());
        let accounts = named.map(|(id, user)| (user.idnumber.to_string(), id)).collect();
        let courses: BTreeSet<u32> = site.courses().map(|(id, _)| id).collect();
        let since = courses.iter().flat_map(|course| {
            site.members(*course).map(|(user, member)| ((*course, user), member.since))
        });
        Self { accounts, since: since.collect(), courses }
    }

    /// What is not as it was, of those whose keys changed; who has an account that was not there.
    fn faults(&self, world: &World, day: &Day) -> Vec<String> {
        let mut wrong = Vec::new();
        let now = Self::of(world);
        if now.courses != self.courses {
            wrong.push("there are other courses".to_owned());
        }
        let (was, is): (BTreeSet<_>, BTreeSet<_>) =
            (self.accounts.values().collect(), now.accounts.values().collect());
        if was != is {
            wrong.push(format!("accounts {was:?} became {is:?}"));
        }
        for (key, first) in day.same {
            let account = self.accounts[*first];
            if now.accounts.get(*key) != Some(&account) {
                wrong.push(format!("{key} has another account than {first} had"));
            }
            let seats = |of: &Self| -> Vec<_> {
                let seats = of.since.iter().filter(|((_, user), _)| *user == account);
                seats.map(|(seat, since)| (*seat, *since)).collect()
            };
            if seats(self) != seats(&now) {
                wrong.push(format!("{key} was taken out of a course and came back"));
            }
        }
        wrong
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The night after a day.
fn night(world: &mut World, day: &Day) {
    world.clock.advance(DAY);
    world.known.push(day.lms.clone());
}

async fn faults(world: &World, day: &Day, beginning: &Beginning) -> Vec<String> {
    let mut wrong = oracle::faults(world, &day.lms).await;
    wrong.extend(beginning.faults(world, day));
    wrong
}

/// Each day at its dawn, with the number of calls that it takes; how it was in the beginning.
async fn dawns() -> (Vec<(Day, World, u64)>, Beginning) {
    let mut world = world(11);
    let (mut dawns, mut beginning) = (Vec::new(), None);
    for day in days() {
        let dawn = world.fork();
        let (process, _) = settle(&mut world, &day.act, None, true).await.unwrap();
        let beginning = beginning.get_or_insert_with(|| Beginning::of(&world));
        let wrong = faults(&world, &day, beginning).await;
        assert!(wrong.is_empty(), "{}: {wrong:#?}", day.name);
        night(&mut world, &day);
        dawns.push((day, dawn, process.tap.calls()));
    }
    (dawns, beginning.unwrap())
}

#[tokio::test]
async fn what_each_day_says_and_holds() {
    let mut world = world(11);
    for day in days() {
        let (_, outcome) = settle(&mut world, &day.act, None, true).await.unwrap();
        let planned = outcome.planned.as_ref().expect("a plan");
        let mut held = planned.plan.reasons.clone();
        held.retain(|reason| !matches!(reason, HoldReason::Needs { .. }));
        held.sort();
        held.dedup();
        assert_eq!(held, day.held, "{}", day.name);
        let mut codes: Vec<_> = outcome.findings.counts().map(|(_, code, _)| code).collect();
        codes.sort_unstable();
        assert_eq!(codes, day.findings, "{}", day.name);
        // Said once more it changes nothing.
        let process = world.process(None, None, true);
        let again = act(&process, &day.act).await.outcome();
        assert!(again.run.changes.is_empty(), "{}: {:?}", day.name, again.run.changes);
        assert_eq!(process.tap.lms_calls(), 0, "{}", day.name);
        assert_eq!(again.findings.count_code("keys-changed"), 0, "{}", day.name);
        night(&mut world, &day);
    }
}

#[test]
fn wherever_the_process_dies_a_key_that_changes_moves_nothing_else() {
    let (dawns, beginning) = block_on(dawns());
    let moments = [Moment::Before, Moment::After, Moment::Underway];
    let mut worlds = 0_usize;
    for (day, dawn, calls) in dawns.iter().skip(1) {
        for (call, moment) in (1..=*calls).zip(moments.into_iter().cycle()) {
            worlds += 1;
            let alone = worlds.is_multiple_of(2);
            block_on(async {
                let name = format!("{}/{call}/{moment:?}/{alone}", day.name);
                let mut world = dawn.fork();
                let crash = Some(Crash { call, moment });
                let settled = settle(&mut world, &day.act, crash, alone).await;
                assert!(settled.is_ok(), "{name}: {}", settled.err().unwrap());
                let wrong = faults(&world, day, &beginning).await;
                assert!(wrong.is_empty(), "{name}: {wrong:#?}");
            });
        }
    }
    assert!(worlds > 200, "{worlds} worlds are too few to say anything");
}
