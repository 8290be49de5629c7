//! A directory and a list of enrollments beside the school's own export, as a user sets them up.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod rollcall;

use rollcall::Folder;
use serde_json::Value;

const CONFIG: &str = r#"tenant = "oakfield"
[[integration]]
name = "school"
status = "active"
[integration.target]
kind = "sandbox"

[[integration.source]]
name = "registrar"
match = "*.xml"
precedence = 0

[[integration.source]]
name = "directory"
match = "*.ldif"
format = "ldif"
mode = "incremental"
precedence = -1
match_by = ["user_id:registrar=sourced_id"]
[integration.source.columns]
employeeNumber = ["person.key", "person.user_id.registrar"]
UID = "person.username"
mail = "person.email"
[integration.source.fields.person]
username = 20
email = 20

[[integration.source]]
name = "clubs"
match = "clubs*.csv"
format = "table"
kind = "enrollments"
role = "member"
columns = { member = "person.key", club = "course.key" }
"#;

const SCHOOL: &str = r#"<enterprise>
<person><sourcedid><id>1001</id></sourcedid><userid>n1001</userid>
<name><fn>Ada Smit</fn><n><family>Smit</family><given>Ada</given></n></name></person>
<person><sourcedid><id>1002</id></sourcedid><userid>n1002</userid>
<name><fn>Bob Bos</fn><n><family>Bos</family><given>Bob</given></n></name></person>
<group><sourcedid><id>CHESS</id></sourcedid><description><short>CHESS</short></description></group>
</enterprise>"#;

const DIRECTORY: &str = "version: 1

dn: ou=people,dc=school,dc=example
objectClass: organizationalUnit

dn: employeeNumber=1001,ou=people,dc=school,dc=example
changetype: add
objectClass: inetOrgPerson
uid: ada
employeeNumber: 1001
mail: ada@school
 .example

dn: employeeNumber=1002,ou=people,dc=school,dc=example
changetype: add
uid:: Ym9i
employeeNumber: 1002
mail: bob@school.example
";

fn wanted(folder: &Folder, person: &str, field: &str) -> (String, String) {
    let story = folder.run(&["trace", person, "--json"]).exits(0).json();
    let fields = story["fields"].as_array().unwrap();
    let found = fields.iter().find(|of| of["field"] == field).unwrap_or(&Value::Null);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&found["wanted"]), text(&found["from"]["source"]))
}

#[test]
fn a_directory_gives_out_addresses_and_user_names() {
    let folder = Folder::new();
    folder.write("rollcall.toml", CONFIG.as_bytes());
    folder.write("school.xml", SCHOOL.as_bytes());
    folder.write("hr.ldif", DIRECTORY.as_bytes());
    folder.write("clubs.csv", b"club,member\nCHESS,1001\nCHESS,1002\n");
    let read = folder.run(&["check", "hr.ldif", "--json"]).exits(0).json();
    assert_eq!((&read["records"]["person"], &read["findings"]["note"]), (&2.into(), &1.into()));
    for file in ["school.xml", "hr.ldif", "clubs.csv"] {
        folder.run(&["sync", file]).exits(0);
    }
    let directory = |value: &str| (value.to_owned(), "directory".to_owned());
    assert_eq!(wanted(&folder, "person:1001", "email"), directory("ada@school.example"));
    assert_eq!(wanted(&folder, "person:1002", "username"), directory("bob"));
    let again = folder.run(&["sync", "clubs.csv", "--json"]).exits(0).json();
    assert_eq!(again["calls"], 0);

    // Somebody leaves the directory: what it said of them is unknown from then on, and cleared by
    // nobody; the school still has them.
    let gone = "dn: employeeNumber=1002,ou=people,dc=school,dc=example\nchangetype: delete\n";
    folder.write("gone.ldif", gone.as_bytes());
    let after = folder.run(&["sync", "gone.ldif", "--json"]).exits(0).json();
    assert_eq!(after["changes"]["person"]["update"], 1, "{after}");
    assert_eq!(wanted(&folder, "person:1002", "username").0, "n1002");
    let story = folder.run(&["trace", "person:1002", "--json"]).exits(0).json();
    assert_eq!(story["lms"]["fields"]["email"], "bob@school.example");
    assert_eq!(wanted(&folder, "person:1001", "username").0, "ada");

    // One that stops in the middle changes nothing.
    folder.write("cut.ldif", &DIRECTORY.as_bytes()[..DIRECTORY.len() - 3]);
    let error = folder.run(&["sync", "cut.ldif", "--json"]).exits(2).json();
    assert_eq!(error["error"]["code"], "export-truncated", "{error}");
    // And what is none is said to be none.
    folder.write("other.ldif", b"name;mail\nx;y\n");
    folder.run(&["check", "other.ldif"]).exits(2);
}
