//! What is held, and letting a part of it go.

mod rollcall;

use rollcall::Folder;
use serde_json::Value;

/// The export in which three courses with many members have lost most of them.
fn without_most_of_three_courses(export: &str) -> String {
    let mut shrunk = 0;
    let memberships = export.split_inclusive("</membership>");
    let shrink = |membership: &str| {
        let members = membership.matches("<member>").count();
        if !(12..=30).contains(&members) || shrunk == 3 {
            return membership.to_owned();
        }
        shrunk += 1;
        without_most_members(membership)
    };
    memberships.map(shrink).collect()
}

fn without_most_members(membership: &str) -> String {
    let (mut out, mut inside, mut number) = (String::new(), false, 0);
    for line in membership.split_inclusive('\n') {
        if line.trim_start().starts_with("<member>") {
            (inside, number) = (true, number + 1);
        }
        if !inside || number <= 3 {
            out.push_str(line);
        }
        inside &= !line.trim_start().starts_with("</member>");
    }
    out
}

fn held_school() -> Folder {
    let folder = Folder::new();
    folder.run(&["generate", "--persons", "120", "--out", "all.xml"]).exits(0);
    folder.run(&["sync", "all.xml"]).exits(0);
    let all = folder.read("all.xml");
    let few = without_most_of_three_courses(&all);
    folder.write("all.xml", few.as_bytes());
    folder.run(&["sync", "all.xml"]).exits(4);
    folder
}

fn holds(folder: &Folder) -> Value {
    folder.run(&["holds", "--json"]).exits(4).json()
}

#[test]
fn what_is_held_is_listed_part_by_part_and_each_goes_by_itself() {
    let folder = held_school();
    let before = holds(&folder);
    let items = before["items"].as_array().unwrap();
    assert!(items.len() > 1, "{before}");
    let told = folder.run(&["holds"]).exits(4).stdout;
    let part = items.iter().find(|item| item["checksum"] != item["held_checksum"]).unwrap();
    let (run, checksum) = (part["run"].as_str().unwrap(), part["checksum"].as_str().unwrap());
    let command = format!("approve {run} --checksum {checksum}");
    assert!(told.contains(&command), "{told}");
    assert!(told.contains(&format!("reject {run}")), "{told}");
    let examples = part["examples"].as_array().unwrap();
    assert!((1..=3).contains(&examples.len()), "{part}");
    assert!(told.contains(part["text"].as_str().unwrap()), "{told}");

    let args = ["approve", run, "--checksum", checksum, "--by", "the head of IT", "--json"];
    let after = folder.run(&args).exits(4).json();
    let went = part["count"].as_u64().unwrap() + part["follow"].as_u64().unwrap();
    let left = before["count"].as_u64().unwrap() - went;
    assert_eq!(
        (&after["receipts"]["applied"], &after["receipts"]["held"]),
        (&went.into(), &left.into())
    );
    // The rest stays held, whatever comes: nobody has looked at it.
    let again = folder.run(&["sync", "all.xml", "--json"]).exits(4).json();
    assert_eq!((&again["receipts"]["held"], &again["calls"]), (&left.into(), &0.into()));
    let rest = holds(&folder);
    assert_eq!(rest["count"], left);
    let audit = folder.run(&["log", "--code", "audit-*", "--json"]).exits(0).stdout;
    assert!(audit.contains("the head of IT") && audit.contains("a part: alone"), "{audit}");

    let whole = rest["items"][0]["held_checksum"].as_str().unwrap();
    let run = rest["items"][0]["run"].as_str().unwrap();
    folder.run(&["approve", run, "--checksum", whole]).exits(0);
    let none = folder.run(&["holds"]).exits(0).stdout;
    assert_eq!(none, "Nothing is held.\n");
    assert_eq!(folder.run(&["holds", "--json"]).exits(0).json()["count"], 0);
}

#[test]
fn a_chosen_part_is_shown_before_it_is_approved() {
    let folder = held_school();
    let before = holds(&folder);
    let course = before["items"].as_array().unwrap().iter().find_map(|item| {
        let key = item["examples"][0]["key"].as_str()?;
        let (course, _) = key.strip_prefix("enrollment:")?.split_once('/')?;
        Some(course.to_owned())
    });
    let course = course.unwrap();
    let shown = folder.run(&["approve", "last", "--only", &course, "--json"]).exits(4).json();
    assert_eq!(holds(&folder)["count"], before["count"], "nothing was approved");
    let said = folder.run(&["approve", "last", "--only", &course]).exits(4).stdout;
    let checksum = shown["held_checksum"].as_str().unwrap();
    assert!(said.contains(&format!("--only course:{course} --checksum {checksum}")), "{said}");
    let wrong = "00000000000000000000000000000000";
    folder.run(&["approve", "last", "--only", &course, "--checksum", wrong]).exits(1);
    folder.run(&["approve", "last", "--only", "org_unit"]).exits(1);
    folder.run(&["approve", "last"]).exits(64);
    let args = ["approve", "last", "--only", &course, "--checksum", checksum, "--json"];
    let after = folder.run(&args).exits(4).json();
    let went = shown["count"].as_u64().unwrap() + shown["follow"].as_u64().unwrap();
    assert_eq!(after["receipts"]["applied"], went);
    assert_eq!(after["receipts"]["held"], before["count"].as_u64().unwrap() - went);
}

#[test]
fn who_refuses_and_who_undoes_is_noted() {
    let folder = Folder::with_moodle101();
    folder.run(&["sync", "moodle101.xml"]).exits(0);
    let more = folder.read("moodle101.xml").replace("JOE", "JOSEPH");
    folder.write("more.xml", more.as_bytes());
    folder.run(&["sync", "more.xml"]).exits(0);
    folder.run(&["revert", "last", "--by", "Head A"]).exits(0);
    folder.write("most.xml", more.replace("JOSEPH", "JOSEF").as_bytes());
    folder.run(&["sync", "most.xml"]).exits(0);
    folder.run(&["reject", "last", "--by", "Head B"]).exits(0);
    let audit = folder.run(&["log", "--code", "audit-*", "--json"]).exits(0).stdout;
    assert!(audit.contains("Head A reverted") && audit.contains("Head B rejected"), "{audit}");
}
