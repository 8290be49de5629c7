//! A careful school: a second source, limits, moves between courses, addresses that are their
//! users' own; somebody is forgotten and comes back, and a bad day is undone.

use std::sync::Arc;

use plan::{FieldPolicy, Moves};
use readers::{Format, FormatChoice};
use roster::columns::{Column, Columns};
use roster::matching::MatchBy;
use roster::merge::{Part, Rank};
use roster::{Kind, Record, Role};

use crate::life::{ByHand, Day, Event, OWN_ADDRESS};
use crate::town::{Town, course_key, person_key};
use crate::world::{World, source};

/// The source of the list. By its name it is forgotten last.
pub const LIST: &str = "secretary";

/// Who is forgotten. The list knows them under another key.
const FORGOTTEN: usize = 6;

/// The school after its first export, with all that is careful about it.
pub async fn school(moves: Moves) -> World {
    let mut world = World::new(1);
    let mut integration = (*world.integration).clone();
    let mut registrar = source();
    registrar.precedence = 10;
    let column = |said: &str| Column::try_from(said.to_owned()).expect("a column");
    let of = [("no", "person.key"), ("login", "person.username"), ("mail", "person.email")];
    let of = of.map(|(heading, said)| (heading.to_owned(), vec![column(said)])).into();
    let mut list = source();
    list.name = LIST.to_owned();
    list.read.format = FormatChoice::Named(Format::Table);
    list.read.columns = Columns { of, separator: Some(';'), ..Columns::default() };
    // It knows people by their user names, and better than the registrar what their address is.
    list.part = Part {
        match_by: vec![MatchBy::try_from("username".to_owned()).expect("a rule")],
        fields: [(Kind::Person, [("email".to_owned(), Rank::At(20))].into())].into(),
        adds: false,
        ..Part::default()
    };
    integration.sources = vec![registrar, list];
    integration.policy.moves = moves;
    let email = Record::spec(Kind::Person, "email").expect("a field of persons");
    integration.policy.fields.set(Kind::Person, email, FieldPolicy::UntilChanged);
    world.integration = Arc::new(integration);
    let town = Town::founded();
    world.live(&day("first", "the first export", Event::Export(town.export()), &town)).await;
    if moves == Moves::AddFirst {
        // Before every source has spoken nothing is taken away.
        world.live(&list_comes(&town)).await;
    }
    world
}

fn list_comes(town: &Town) -> Day {
    let story = "a list of addresses joins: by user name, by key, of nobody, twice of the same";
    day("list", story, Event::List(list().into_bytes()), &listed(town))
}

fn day(name: &'static str, story: &'static str, event: Event, lms: &Town) -> Day {
    Day { name, story, by_hand: ByHand::Nothing, event, lms: lms.clone() }
}

/// What happens at the careful school, whose people are moved together.
pub fn days() -> Vec<Day> {
    let mut registrar = Town::founded();
    let mut days = vec![list_comes(&registrar)];

    registrar.person(&person_key(20)).email = "p20@other.example".into();
    registrar.person(&person_key(21)).email = "p21@other.example".into();
    let (from, to) = moves(&mut registrar, 22, 0);
    assert_ne!(from, to);
    let moved = registrar.clone();
    days.push(Day {
        by_hand: ByHand::OwnAddress,
        ..day(
            "own address",
            "one has entered an address of their own, another's is changed, a third moves",
            Event::Moves {
                export: registrar.export(),
                who: vec![person_key(22)],
                meanwhile: own(&listed(&moved)),
            },
            &own(&listed(&moved)),
        )
    });

    let before = registrar.clone();
    for number in 31..=32 {
        registrar.person_comes(number);
        registrar.sits(&course_key(2026, 1), &person_key(number), Role::Student);
    }
    let mut grown = before;
    grown.people.extend(registrar.people.clone());
    grown.seats.extend(registrar.seats.clone());
    for number in 23..=30 {
        registrar.leaves(&person_key(number));
    }
    days.push(day(
        "too many",
        "two come and eight leave: that is held",
        Event::Export(registrar.export()),
        &own(&listed(&grown)),
    ));
    days.push(day(
        "too many, approved",
        "somebody looks at it and approves it",
        Event::Approval(registrar.export()),
        &own(&listed(&registrar)),
    ));

    let who = person_key(FORGOTTEN);
    let mut lms = registrar.clone();
    registrar.person(&who).email = "elsewhere@other.example".into();
    registrar.sits(&course_key(2026, 6), &who, Role::Student);
    for town in [&mut registrar, &mut lms] {
        town.person(&person_key(18)).family = "Hoogkamer-Wiebelink".into();
    }
    days.push(day(
        "forgotten",
        "somebody is forgotten, whom the export names with another address and course",
        Event::Forgetting(who.clone(), registrar.export()),
        &own(&listed(&lms)),
    ));
    let good = lms.clone();
    days.extend(bad_day(&registrar, &lms));
    days.push(day(
        "undone",
        "the bad day's export is taken back",
        Event::Reverting,
        &own(&listed(&good)),
    ));
    // The list has forgotten them as well, until it comes again.
    let mut back = own(&listed(&registrar));
    back.person(&who).email.clone_from(&registrar.person(&who).email);
    days.push(day(
        "lifted",
        "whoever was forgotten may come back, and finds the same account",
        Event::Lifting(who, registrar.export()),
        &back,
    ));
    days.push(day(
        "listed again",
        "the same list comes once more, and has an address for whoever came back",
        Event::List(list().into_bytes()),
        &own(&listed(&registrar)),
    ));
    days
}

/// An export that should not have been; it too names the one who is forgotten.
fn bad_day(registrar: &Town, lms: &Town) -> [Day; 1] {
    let (mut export, mut held) = (registrar.clone(), lms.clone());
    for town in [&mut export, &mut held] {
        town.leaves(&person_key(12));
        town.person_comes(40);
        town.sits(&course_key(2026, 3), &person_key(40), Role::Student);
        for number in [1, 2] {
            let class = town.courses.get_mut(&course_key(2026, number)).expect("a course");
            class.title = format!("Kurs {number}, mistaken");
        }
        let one = town.person(&person_key(13)).username.clone();
        let other = std::mem::replace(&mut town.person(&person_key(14)).username, one);
        town.person(&person_key(13)).username = other;
    }
    export.person(&person_key(FORGOTTEN)).family = "Quist".into();
    [day(
        "bad day",
        "one is missing, one is there who should not be, titles and user names are wrong",
        Event::Export(export.export()),
        &own(&listed(&held)),
    )]
}

/// What happens at a careful school whose people get the new place a run before they lose the old.
pub fn movers() -> Vec<Day> {
    let before = Town::founded();
    let mut after = before.clone();
    let who: Vec<String> = [22, 9].map(person_key).into();
    moves(&mut after, 22, 0);
    moves(&mut after, 9, 0);
    let mut meanwhile = before;
    meanwhile.seats.extend(after.seats.clone());
    let mut next = after.clone();
    next.person(&person_key(9)).family = "Hoogkamer-Wiebelink".into();
    let meanwhile = listed(&meanwhile);
    let moves = Event::Moves { export: after.export(), who, meanwhile };
    vec![
        day("two move", "two move to other courses", moves, &listed(&after)),
        day("after the move", "one marries", Event::Export(next.export()), &listed(&next)),
    ]
}

/// A pupil leaves one of their courses for one they are not in. From which to which.
fn moves(town: &mut Town, number: usize, skip: usize) -> (String, String) {
    let who = person_key(number);
    let of = |town: &Town, course: &str| town.seats.contains_key(&(course.to_owned(), who.clone()));
    let all = || (1..=6).map(|number| course_key(2026, number));
    let from = all().filter(|course| of(town, course)).nth(skip).expect("they are in a course");
    let to = all().find(|course| !of(town, course)).expect("nobody is in every course");
    town.stands_up(&from, &who);
    town.sits(&to, &who, Role::Student);
    (from, to)
}

/// The list: somebody by user name, two of the same user name, nobody, somebody by key.
fn list() -> String {
    let login = |number| Town::somebody(number).username;
    format!(
        "no;login;mail\nx-1;{five};{a}\nx-2;{six};{b}\nx-3;{seven};one@list.example\n\
         x-4;{seven};two@list.example\nx-5;nobody;nobody@list.example\n{key};{eight};{c}\n",
        five = login(5),
        six = login(6),
        seven = login(7),
        eight = login(8),
        key = person_key(8),
        a = address(5),
        b = address(6),
        c = address(8),
    )
}

fn address(number: usize) -> String {
    format!("p{number}@list.example")
}

/// As the LMS holds it with the addresses of the list.
fn listed(town: &Town) -> Town {
    let mut town = town.clone();
    for number in [5, 6, 8] {
        town.person(&person_key(number)).email = address(number);
    }
    town
}

/// As the LMS holds it once somebody has an address of their own.
fn own(town: &Town) -> Town {
    let mut town = town.clone();
    town.person(&person_key(20)).email = OWN_ADDRESS.into();
    town
}
