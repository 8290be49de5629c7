//! What a school's runs use of AWS, counted: `units PERSONS [LMS MILLISECONDS] [NIGHTS]`. The sweep and
//! what is stored are counted after so many further nights with a day's changes each.
//!
//! The steps are the real ones, taken as the hosted home takes them, over stores in memory that count
//! what the same calls cost on AWS; the LMS is the simulated Moodle. Time is simulated: a call waits as
//! long as [`waits`] says, so that a deliverer hands on as it would. CPU is the thread's own, without
//! the simulated Moodle's. Prints one JSON object; `benches/units` makes a bill of it.

#![expect(clippy::print_stdout, reason = "it is there to print figures")]

mod counts;
mod host;
mod ports;
mod waits;

use end_to_end::load::block_on;
use readers::write::ims::{ImsOptions, ImsProperties, export};
use school::{School, SchoolSpec};
use serde_json::json;

use host::Host;

/// Of a thousand records, so many are different after a night.
const CHANGED_PER_MILLE: usize = 5;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let mut number = |default| match numbers.next() {
        None => default,
        Some(number) => number.expect("a number"),
    };
    let (persons, millis, nights) = (number(2_000), number(300), number(0));
    block_on(measure(persons, millis, nights));
}

async fn measure(persons: u32, millis: u32, nights: u32) {
    let school = School::new(SchoolSpec { persons, seed: 42, ..SchoolSpec::default() });
    let records = school.records().count();
    let mut host = Host::new(u64::from(millis)).await;
    let first = host.night(written(&school, "the first")).await;
    let same = host.night(written(&school, "another")).await;
    let wanted = records * CHANGED_PER_MILLE / 1000;
    let later = (1..360).map(|day| school.on_day(day));
    let later = later.into_iter().find(|later| later.changes_since(0).count() >= wanted);
    let later = later.expect("a year changes more than that");
    let changed = host.night(written(&later, "a later")).await;
    for day in 1..=nights {
        host.night(written(&school.on_day(later.day() + day), "a later")).await;
    }
    let sweep = host.sweep().await;
    let changes = later.changes_since(0).count();
    let told = json!({
        "persons": persons,
        "records": records,
        "lms_millis": millis,
        "first": first,
        "same": same,
        "changed": changed,
        "changed_records": changes,
        "changed_day": later.day(),
        "further_nights": nights,
        "sweep": sweep,
        "stored": host.stored(),
    });
    println!("{told:#}");
}

/// The school's export. `made` makes its bytes different where its records are not.
fn written(school: &School, made: &str) -> Vec<u8> {
    let source = school.spec().source.as_str();
    let properties =
        ImsProperties { datasource: source.into(), datetime: made.into(), ..Default::default() };
    let options = ImsOptions { properties, source: Some(source.into()), ..Default::default() };
    let mut out = Vec::new();
    export(school.records(), options, &mut out).expect("memory takes it");
    out
}
