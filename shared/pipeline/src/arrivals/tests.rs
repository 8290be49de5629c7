use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn file(name: &str, sequencer: &str, second: i64) -> Arrival {
    Arrival {
        key: format!("incoming/oak/sis/registrar/{name}"),
        name: name.to_owned(),
        version: None,
        sequencer: sequencer.to_owned(),
        bytes: 1,
        at: at(second),
    }
}

fn none(_: &[&str]) -> Vec<String> {
    Vec::new()
}

fn both(names: &[&str]) -> Vec<String> {
    let wanted = ["users.csv", "courses.csv"].into_iter();
    wanted.filter(|wanted| !names.contains(wanted)).map(str::to_owned).collect()
}

const SINGLE: Wholeness<'static> =
    Wholeness { missing: &none, is_set: false, settle: Duration::ZERO };
const SET: Wholeness<'static> = Wholeness { missing: &both, is_set: true, settle: Duration::ZERO };
const SETTLES: Wholeness<'static> =
    Wholeness { missing: &none, is_set: false, settle: Duration::from_secs(120) };

#[test]
fn an_upload_that_is_told_twice_or_late_is_known() {
    let mut files = Files::default();
    let first = file("a.xml", "0055", 10);
    let whole = Arrived::Whole(vec![first.clone()]);
    assert_eq!(files.arrive(Some(first.clone()), &SINGLE, at(11)), (whole.clone(), None));
    // Whoever began may have died: the event comes again.
    assert_eq!(files.arrive(Some(first.clone()), &SINGLE, at(12)), (whole, None));
    files.take(std::slice::from_ref(&first));
    assert_eq!(files.arrive(Some(first), &SINGLE, at(13)).0, Arrived::Known);
    let again = file("a.xml", "0055AB", 20);
    assert_eq!(files.arrive(Some(again.clone()), &SINGLE, at(21)).0, Arrived::Whole(vec![again]));
}

#[test]
fn what_was_dropped_off_before_the_newest_is_late() {
    let mut files = Files::default();
    let (monday, tuesday) = (file("1.xml", "01", 10), file("2.xml", "02", 20));
    files.take(std::slice::from_ref(&tuesday));
    let late = files.arrive(Some(monday.clone()), &SINGLE, at(21)).0;
    assert_eq!(late, Arrived::Late(vec![monday.clone()]));
    files.take(std::slice::from_ref(&monday));
    assert_eq!(files.newest, Some(at(20)), "late ones take nothing back");
    assert_eq!(files.arrive(Some(monday), &SINGLE, at(22)).0, Arrived::Known);
}

#[test]
fn a_file_that_kills_its_reader_is_given_up() {
    let mut files = Files::default();
    let bomb = file("bomb.zip", "01", 10);
    for _ in 0..TRIES {
        let arrived = files.arrive(Some(bomb.clone()), &SINGLE, at(11)).0;
        assert_eq!(arrived, Arrived::Whole(vec![bomb.clone()]));
    }
    let arrived = files.arrive(Some(bomb.clone()), &SINGLE, at(11)).0;
    assert_eq!(arrived, Arrived::Poison(vec![bomb.clone()]));
    let other = file("bomb.zip", "02", 12);
    let arrived = files.arrive(Some(other.clone()), &SINGLE, at(13)).0;
    assert_eq!(arrived, Arrived::Whole(vec![other]), "another upload is another file");
}

#[test]
fn files_of_one_export_wait_for_each_other_and_say_which_is_missing() {
    let mut files = Files::default();
    let (users, courses) = (file("users.csv", "01", 10), file("courses.csv", "02", 11));
    let waits = Arrived::Waits { missing: vec!["courses.csv".to_owned()] };
    let until = after(at(12), PATIENCE);
    assert_eq!(files.arrive(Some(users.clone()), &SET, at(12)), (waits, Some(until)));
    let whole = vec![courses.clone(), users.clone()];
    assert_eq!(files.arrive(Some(courses), &SET, at(13)).0, Arrived::Whole(whole.clone()));
    files.take(&whole);
    assert_eq!(files.arrive(None, &SET, at(99_999)).0, Arrived::Known, "nothing waits");

    let newer = file("users.csv", "03", 20);
    let waits = files.arrive(Some(newer.clone()), &SET, at(21));
    let (_, until) = waits;
    let incomplete = files.arrive(None, &SET, until.unwrap()).0;
    let missing = vec!["courses.csv".to_owned()];
    assert_eq!(incomplete, Arrived::Incomplete { missing, files: vec![newer] });
    assert!(files.waiting.is_empty() && files.since.is_none());
}

#[test]
fn what_has_to_settle_is_whole_when_nothing_more_comes() {
    let mut files = Files::default();
    let (one, two) = (file("a.xml", "01", 10), file("b.xml", "02", 60));
    let waits = || Arrived::Waits { missing: Vec::new() };
    assert_eq!(files.arrive(Some(one.clone()), &SETTLES, at(10)), (waits(), Some(at(130))));
    assert_eq!(files.arrive(Some(two.clone()), &SETTLES, at(60)), (waits(), Some(at(180))));
    assert_eq!(files.arrive(None, &SETTLES, at(130)), (waits(), Some(at(180))));
    // The same told again changes nothing.
    assert_eq!(files.arrive(Some(one.clone()), &SETTLES, at(100)), (waits(), Some(at(180))));
    let whole = Arrived::Whole(vec![one, two]);
    assert_eq!(files.arrive(None, &SETTLES, at(180)), (whole, None));
}

#[test]
fn numbers_of_uploads_are_compared_as_if_filled_up() {
    assert!(is_newer("0055AED6DCD90281E6", "0055AED6DCD90281E5"));
    assert!(is_newer("0055AED6DCD90281E50", "0055AED6DCD90281E4"));
    assert!(!is_newer("0055", "005500"));
    assert!(!is_newer("0055ab", "0055AB"));
}
