//! A rush of exports over stores in memory: `rush [SCHOOLS] [TIMES]`, of which the first school is
//! so many times the others. Prints what was waited for, in simulated time; `benches/load` adds what
//! it took on the machine.

#![expect(clippy::print_stdout, reason = "it is there to print figures")]

use std::time::Duration;

use end_to_end::load::{Load, Pace, block_on, wanted};

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut number = |default| match numbers.next() {
        None => default,
        Some(number) => number.expect("a number"),
    };
    let (schools, times) = (number(50).max(1), number(40).max(1));
    block_on(rush(schools, times));
}

async fn rush(schools: usize, times: usize) {
    let mut load = Load::new(5);
    (0..schools).for_each(|school| load.add(if school == 0 { times } else { 1 }));
    let exports = load.tenants.iter().map(|tenant| tenant.town.export()).enumerate().collect();
    let pace = Pace { functions: 4, slice: Duration::from_secs(5) };
    let rests = load.rush(exports, pace).await;
    for tenant in &load.tenants {
        let faults = tenant.faults(&tenant.town).await;
        assert!(faults.is_empty(), "{}: {faults:?}", tenant.name);
    }
    let records: u64 = wanted(&load.tenants[0].town).values().sum();
    let calls = load.tenants[0].calls();
    println!(
        "the largest: {records} records, {calls} LMS calls, at rest after {:?}",
        rests[&0].after
    );
    let others = || rests.iter().filter(|(school, _)| **school != 0).map(|(_, rest)| rest);
    if let (Some(first), Some(last)) =
        (others().map(|rest| rest.after).min(), others().map(|rest| rest.after).max())
    {
        let meanwhile = others().map(|rest| rest.calls_of_first).max().unwrap_or_default();
        println!(
            "the {} others: at rest after {first:?} to {last:?}; the largest had made {meanwhile} of \
             its calls by then",
            schools - 1
        );
    }
}
