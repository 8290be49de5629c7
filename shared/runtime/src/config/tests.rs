use std::collections::BTreeMap;

use plan::{IdentityRules, Limit, OnRemove};
use proptest::prelude::*;
use roster::{Kind, Mode};
use serde::Deserialize;

use super::*;
use crate::SecretRef;

const KNOWN: Known<'static> =
    Known { formats: &["ims-enterprise", "oneroster"], targets: &["moodle", "sandbox"] };

/// The example of the documentation.
const EXAMPLE: &str = r#"
tenant = "oakfield"
[[integration]]
name = "sis"
status = "active"
[[integration.source]]
name = "registrar"
match = "registrar-*.xml"
format = "auto"
mode = "full"
precedence = 10
[integration.target]
kind = "moodle"
url = "https://lms.example.edu/"
token = { env = "MOODLE_TOKEN" }
roles = { student = 5, instructor = 3 }
[integration.policy.person]
remove = "suspend"
[integration.limits]
remove_percent = 10
"#;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("conf/rollcall.toml"), KNOWN).map_err(|e| e.to_string())
}

/// The example with one of its lines changed.
fn changed(from: &str, to: &str) -> Result<Config, String> {
    assert!(EXAMPLE.contains(from), "{from}");
    parse(&EXAMPLE.replacen(from, to, 1))
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Adapter {
    roles: BTreeMap<String, u32>,
    category: Option<String>,
    strict: Option<bool>,
}

#[test]
fn the_documented_example_says_what_it_says() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.tenant, "oakfield");
    let sis = config.integration(None).unwrap();
    assert_eq!((sis.name.as_str(), sis.status), ("sis", Status::Active));
    let source = sis.source_of("registrar-1.xml", None).unwrap();
    assert_eq!((source.mode, source.precedence, &source.format), (Mode::Full, 10, &Format::Auto));
    let Connection::Remote { url, token, allow_private, .. } = &sis.target.connection else {
        panic!("a remote target");
    };
    assert_eq!(url, "https://lms.example.edu");
    assert_eq!(*token, SecretRef::Env("MOODLE_TOKEN".into()));
    assert!(!allow_private);
    let adapter: Adapter = sis.target.settings.read().unwrap();
    assert_eq!(adapter.roles["instructor"], 3);
    assert_eq!(sis.limits, Limits::default());
    assert_eq!(sis.policy, Policy::default());
}

#[test]
fn without_a_file_there_is_the_sandbox() {
    let config = Config::sandbox();
    let one = config.integration(None).unwrap();
    assert_eq!((one.name.as_str(), one.status), ("sandbox", Status::Active));
    assert_eq!(one.target.connection, Connection::Sandbox);
    assert_eq!(one.source_of("whatever.xml", None).unwrap().mode, Mode::Full);
    assert_eq!(one.target.settings.read::<Adapter>().unwrap(), Adapter::default());
}

#[test]
fn every_mistake_is_named_with_its_line_and_key() {
    let mistakes = [
        ("precedence = 10", "precedense = 10"),
        ("precedence = 10", "precedence = \"high\""),
        ("precedence = 10", "colour = 10"),
        ("status = \"active\"", "status = \"actve\""),
        ("mode = \"full\"", "mode = \"delta\""),
        ("format = \"auto\"", "format = \"ims-enterprize\""),
        ("kind = \"moodle\"", "kind = \"canvas\""),
        ("tenant = \"oakfield\"", "tenant = \"Oak Field\""),
        ("tenant = \"oakfield\"", ""),
        ("[integration.policy.person]", "[integration.policy.persons]"),
        ("remove = \"suspend\"", "remove = \"suspend\"\nafter = \"90d\""),
        ("remove = \"suspend\"", "remove = \"delete\"\nafter = \"soon\""),
        ("remove_percent = 10", "remove_percent = 110"),
        ("remove_percent = 10", "[integration.limits.enrolment]\nremove_count = 5"),
        ("remove_percent = 10", "creates_percent = 10"),
        ("remove_percent = 10", "[integration.limits.week]\nhold_emptied_courses = true"),
        ("remove_percent = 10", "[integration.limits.week.person]\ncreate_count = -1"),
        ("remove_percent = 10", "[[integration.limits.window]]\nname = \"summer\""),
        (
            "remove_percent = 10",
            "[[integration.limits.window]]\nname = \"summer\"\nfrom = \"July\"",
        ),
        (
            "remove_percent = 10",
            "[[integration.limits.window]]\nname = \"summer\"\nfrom = 2027-08-15\nuntil = \
             2027-07-01",
        ),
        (
            "remove_percent = 10",
            "[[integration.limits.window]]\nname = \"a\"\nfrom = 2027-07-01\nuntil = \
             2027-07-31\n[[integration.limits.window]]\nname = \"b\"\nfrom = 2027-07-31\nuntil = \
             2027-08-15",
        ),
        ("remove = \"suspend\"", "restore = \"never\""),
        ("remove = \"suspend\"", "move = \"together\""),
        ("remove = \"suspend\"", "[integration.policy.enrollment]\nmove = \"add first\""),
        ("remove = \"suspend\"", "[integration.policy.person.fields]\nemial = \"on_create\""),
        ("remove = \"suspend\"", "[integration.policy.person.fields]\nemail = \"never\""),
        ("remove_percent = 10", "[integration.identity]\nalike = 20"),
        ("remove_percent = 10", "[integration.identity]\nreuse = \"propose\""),
        ("url = \"https://lms.example.edu/\"\n", ""),
        ("https://lms", "http://lms"),
        ("https://lms", "https://admin:hunter2@lms"),
        ("match = \"registrar-*.xml\"", "match = \"in/*.xml\""),
        ("name = \"registrar\"", "name = registrar"),
        (
            "[integration.target]",
            "[[integration.source]]\nname = \"registrar\"\n[integration.target]",
        ),
    ];
    let said: Vec<String> = mistakes
        .iter()
        .map(|(from, to)| match changed(from, to) {
            Err(said) => format!("{to:?}\n  {said}"),
            Ok(_) => panic!("accepted: {to}"),
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn an_adapters_mistakes_are_named_the_same_way() {
    let roles = "roles = { student = 5, instructor = 3 }";
    let said = ["role = { student = 5 }", "roles = { student = \"five\" }", "alow_private = true"]
        .map(|to| {
            let config = changed(roles, to).unwrap();
            let error = config.integrations[0].target.settings.read::<Adapter>().unwrap_err();
            error.to_string()
        });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    let token = "a7b1f0c2d3e4958671fedcba98765432";
    for written in [
        format!("token = \"{token}\""),
        format!("token = {{ env = \"{token}\" }}"),
        format!("token = {{ value = \"{token}\" }}"),
        format!("token = \"{token}"),
        format!("token = [\"{token}\"]"),
        format!("token = {{ env = [\"{token}\"] }}"),
        format!("allow_private = \"{token}\""),
        format!("ca_file = {{ x = \"{token}\" }}"),
        format!("token = {{ file = \"{token}\" }}"),
        format!("token = {{ secret = \"{token}\" }}"),
    ] {
        let said = changed("token = { env = \"MOODLE_TOKEN\" }", &written).unwrap_err();
        assert!(!said.contains("a7b1f0"), "{said}");
        assert!(said.starts_with("conf/rollcall.toml:15: "), "{said}");
    }
    let said = changed("{ env = \"MOODLE_TOKEN\" }", "\"s\"").unwrap_err();
    assert!(said.contains("{ env = \"NAME\" }"), "{said}");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    password: Word,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Mail,
}

#[test]
fn a_password_where_a_word_belongs_is_not_repeated_either() {
    let written = "roles = { student = 5, instructor = 3 }";
    let config = changed(written, "password = \"hunter2\"").unwrap();
    assert!(!format!("{config:#?}").contains("hunter2"), "{config:?}");
    let error = config.integrations[0].target.settings.read::<Words>().unwrap_err();
    let said = error.to_string();
    assert!(said.contains("integration.target.password: this is not possible here"), "{said}");
    assert!(said.contains("it takes mail"), "{said}");
    assert!(!said.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{said}");
    for line in ["status = \"active\"", "mode = \"full\"", "kind = \"moodle\""] {
        let token = "a7b1f0c2d3e4958671fedcba98765432";
        let (key, _) = line.split_once(' ').unwrap();
        let said = changed(line, &format!("{key} = \"{token}\"")).unwrap_err();
        assert!(said.contains("this is not possible here"), "{said}");
    }
    let mail = changed(written, "password = \"mail\"").unwrap();
    let words = mail.integrations[0].target.settings.read::<Words>();
    assert!(matches!(words, Ok(Words { password: Word::Mail })), "{words:?}");
}

#[test]
fn only_this_machine_and_ones_own_network_do_without_tls() {
    let at = |url: &str, private: bool| {
        let private = if private { "\nallow_private = true" } else { "" };
        changed("\"https://lms.example.edu/\"", &format!("\"{url}\"{private}"))
    };
    for home in ["http://localhost:8095", "http://127.0.0.1:8095", "http://[::1]:8095"] {
        assert!(at(home, false).is_ok(), "{home}");
    }
    for away in [
        "http://lms.example.edu",
        "http://127.example.edu",
        "http://127.0.0.1.example.edu",
        "http://localhost.example.edu",
        "http://10.0.0.1",
        "http://[64:ff9b::7f00:1]",
    ] {
        let said = at(away, false).unwrap_err();
        assert!(said.contains("over http the token"), "{away}: {said}");
    }
    assert!(at("http://lms.school.internal", true).is_ok());
    let said = at("http://8.8.8.8", true).unwrap_err();
    assert!(said.contains("over http the token"), "{said}");
}

#[test]
fn no_name_leads_out_of_its_place() {
    for name in
        ["../x", "a/b", "..", ".", "a b", "a\\u0000", "a#b", "A", "", "-a", "é", "a\\u001b[2J"]
    {
        let quoted = format!("\"{name}\"");
        for written in ["\"oakfield\"", "\"sis\"", "\"registrar\""] {
            let said = changed(written, &quoted).unwrap_err();
            assert!(said.contains("a name is 1 to 40"), "{name}: {said}");
            assert!(!said.contains(char::is_control), "{said:?}");
        }
    }
}

#[test]
fn paths_count_from_the_files_folder() {
    let config = changed("{ env = \"MOODLE_TOKEN\" }", "{ file = \"lms.token\" }").unwrap();
    let Connection::Remote { token, .. } = &config.integrations[0].target.connection else {
        panic!("a remote target");
    };
    assert_eq!(*token, SecretRef::File("conf/lms.token".into()));
}

#[test]
fn a_delayed_delete_suspends_first() {
    let config = changed("remove = \"suspend\"", "remove = \"delete\"\nafter = \"12w\"").unwrap();
    let sis = &config.integrations[0];
    assert_eq!(sis.policy.of(Kind::Person).remove, OnRemove::DeleteAfter { days: 84 });
    let config = changed("remove = \"suspend\"", "remove = \"delete\"\ncreate = false").unwrap();
    let person = config.integrations[0].policy.of(Kind::Person);
    assert_eq!((person.create, person.update, person.remove), (false, true, OnRemove::Delete));
}

#[test]
fn identities_are_looked_at_unless_somebody_says_otherwise() {
    let of = |config: Config| config.integrations[0].identity;
    assert_eq!(of(parse(EXAMPLE).unwrap()), IdentityRules::default());
    let text = "[integration.identity]\nreuse = \"off\"\nrename = \"off\"\nalike = 90\n\
                rename_days = 14";
    let rules = of(changed("remove_percent = 10", text).unwrap());
    let expected = IdentityRules { reuse: false, rename: false, alike: 90, rename_days: 14 };
    assert_eq!(rules, expected);
    let text = "[integration.identity]\nrename_days = -1";
    assert!(changed("remove_percent = 10", text).is_err());
}

#[test]
fn a_field_can_be_its_users() {
    let text = "[integration.policy.person.fields]\nemail = \"until_changed\"\ngiven = \
                \"on_create\"\nfamily = \"always\"";
    let config = changed("remove = \"suspend\"", text).unwrap();
    let fields = &config.integrations[0].policy.fields;
    assert_eq!(fields.until_changed(Kind::Person).names(Kind::Person), ["email"]);
    assert_eq!(fields.on_create(Kind::Person).names(Kind::Person), ["given"]);
    assert!(fields.until_changed(Kind::Course).is_empty());
}

#[test]
fn a_kinds_limits_stand_over_the_integrations() {
    let text = "remove_percent = 20\nremove_count = 500\nhold_emptied_courses = false\n\
                [integration.limits.person]\nremove_percent = 5";
    let config = changed("remove_percent = 10", text).unwrap();
    let limits = &config.integrations[0].limits;
    let of = |kind| limits.of(kind);
    let general = Limit { percent: Some(20), count: Some(500), minimum: 10 };
    assert_eq!(of(Kind::Course), general);
    assert_eq!(of(Kind::Person), Limit { percent: Some(5), ..general });
    assert!(!limits.hold_emptied_courses);
}

#[test]
fn limits_are_said_by_kind_and_action_for_a_run_and_for_seven_days() {
    let text = "create_count = 300\nupdate_percent = 50\ndrop_percent = 30\n\
                [integration.limits.person]\ncreate_count = 20\ndelete_count = 0\n\
                [integration.limits.week]\nremove_percent = 15\n\
                [integration.limits.week.course]\nremove_count = 4\nremove_minimum = 0";
    let config = changed("remove_percent = 10", text).unwrap();
    let limits = &config.integrations[0].limits;
    let of = |kind, limited, span| limits.limit(kind, limited, span);
    let limit = |percent, count, minimum| Some(Limit { percent, count, minimum });
    use plan::{Limited, SharpDrop, Span};
    assert_eq!(of(Kind::Course, Limited::Create, Span::Run), limit(None, Some(300), 10));
    assert_eq!(of(Kind::Person, Limited::Create, Span::Run), limit(None, Some(20), 10));
    assert_eq!(of(Kind::Person, Limited::Delete, Span::Run), limit(None, Some(0), 10));
    assert_eq!(of(Kind::Course, Limited::Delete, Span::Run), None);
    assert_eq!(of(Kind::Person, Limited::Update, Span::Run), limit(Some(50), None, 10));
    assert_eq!(of(Kind::Person, Limited::Update, Span::Week), None);
    assert_eq!(of(Kind::Person, Limited::Removals, Span::Week), limit(Some(15), None, 10));
    assert_eq!(of(Kind::Course, Limited::Removals, Span::Week), limit(Some(15), Some(4), 0));
    assert_eq!(of(Kind::Person, Limited::Removals, Span::Run), limit(Some(10), None, 10));
    assert_eq!(limits.sharp_drop, Some(SharpDrop { percent: 30, minimum: 20 }));
}

#[test]
fn in_a_window_other_limits_hold() {
    let text = "remove_percent = 5\n[integration.limits.person]\nremove_percent = 2\n\
                [[integration.limits.window]]\nname = \"rollover\"\nfrom = 2027-07-01\n\
                until = \"2027-08-15\"\nremove_percent = 80\nhold_emptied_courses = false\n\
                [integration.limits.window.group]\nremove_percent = 100\n\
                [integration.limits.window.week]\nremove_percent = 90";
    let config = changed("remove_percent = 10", text).unwrap();
    let limits = &config.integrations[0].limits;
    let at = |time: &str| limits.at(time.parse().unwrap(), &[]);
    let (before, inside) = (at("2027-06-30T23:59:59Z"), at("2027-08-15T23:59:59Z"));
    assert_eq!(at("2027-08-16T00:00:00Z"), before);
    let percent = |limits: &Limits, kind| limits.of(kind).percent;
    assert_eq!(percent(&before, Kind::Person), Some(2));
    assert_eq!(percent(&before, Kind::Group), Some(5));
    // What a window says of every kind stands over what is usual for one.
    assert_eq!(percent(&inside, Kind::Person), Some(80));
    assert_eq!(percent(&inside, Kind::Group), Some(100));
    let week = |limits: &Limits| limits.week.of(Kind::Person, plan::Limited::Removals);
    assert_eq!(week(&before).unwrap().percent, Some(25));
    assert_eq!(week(&inside).unwrap().percent, Some(90));
    assert!(before.hold_emptied_courses && !inside.hold_emptied_courses);
}

#[test]
fn a_configuration_that_says_nothing_new_keeps_its_version() {
    let version = |text: &str| {
        let config = changed("remove_percent = 10", text).unwrap();
        config.integrations[0].version()
    };
    // What a version is made of is an input of every approval: it stays as it was.
    assert_eq!(version("remove_percent = 10"), version("drop_percent = 50"));
    let mut versions: Vec<String> = [
        "",
        "create_count = 5",
        "drop_percent = 40",
        "[integration.limits.week]\nremove_percent = 20",
        "[integration.policy.group]\nrestore = false",
        "[integration.policy.enrollment]\nmove = \"add-first\"",
        "[[integration.limits.window]]\nname = \"a\"\nfrom = 2027-07-01\nuntil = 2027-07-02",
    ]
    .map(version)
    .into();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 7);
}

#[test]
fn an_export_belongs_to_one_source() {
    let second = "[[integration.source]]\nname = \"hr\"\nmatch = \"*.xml\"\n[integration.target]";
    let config = changed("[integration.target]", second).unwrap();
    let sis = &config.integrations[0];
    assert_eq!(sis.source_of("staff.xml", None).unwrap().name, "hr");
    assert_eq!(sis.source_of("staff.csv", Some("registrar")).unwrap().name, "registrar");
    let said = |file, named| sis.source_of(file, named).unwrap_err().to_string();
    assert!(said("registrar-1.xml", None).contains("registrar, hr: say which with --source"));
    assert!(said("staff.csv", None).contains("no source's `match` fits \"staff.csv\""));
    assert!(said("staff.csv", Some("sis")).contains("the configuration has registrar, hr"));
    let only = parse(EXAMPLE).unwrap();
    assert!(only.integrations[0].source_of("other.xml", None).is_err(), "its match says no");
}

#[test]
fn one_of_several_integrations_is_chosen_by_name() {
    let (_, integration) = EXAMPLE.split_once("[[integration]]").unwrap();
    let second = integration.replace("name = \"sis\"", "name = \"staff\"");
    let second = second.replace("roles = {", "strict = true\nroles = {");
    let config = parse(&format!("{EXAMPLE}\n[[integration]]{second}")).unwrap();
    let staff = config.integration(Some("staff")).unwrap();
    assert_eq!(staff.target.settings.read::<Adapter>().unwrap().strict, Some(true));
    let several = config.integration(None).unwrap_err().to_string();
    assert_eq!(
        several,
        "there are several integrations, sis, staff: say which with --integration NAME"
    );
    let twice = parse(&format!("{EXAMPLE}\n[[integration]]{integration}")).unwrap_err();
    assert!(twice.contains("two integrations have the name \"sis\""), "{twice}");
    let wrong = second.replace("precedence = 10", "precedence = true");
    let wrong = parse(&format!("{EXAMPLE}\n[[integration]]{wrong}")).unwrap_err();
    assert!(
        wrong
            .contains("integration[2].source.precedence: true stands where a whole number belongs"),
        "{wrong}"
    );
}

#[test]
fn the_version_moves_with_what_influences_plans_and_with_nothing_else() {
    let version = |config: Config| config.integrations[0].version();
    let base = version(parse(EXAMPLE).unwrap());
    for (from, to) in [
        ("lms.example.edu", "lms.example.org"),
        ("MOODLE_TOKEN", "OTHER_TOKEN"),
        ("\"active\"", "\"test\""),
        ("{ student = 5, instructor = 3 }", "{ instructor = 3, student = 5 }"),
        ("remove_percent = 10", "# ten is the default"),
    ] {
        assert_eq!(version(changed(from, to).unwrap()), base, "{to}");
    }
    let moved = [
        ("student = 5", "student = 6"),
        ("student = 5", "learner = 5"),
        ("remove = \"suspend\"", "remove = \"delete\""),
        ("remove = \"suspend\"", "remove = \"delete\"\nafter = \"9d\""),
        ("remove_percent = 10", "remove_percent = 11"),
        ("remove_percent = 10", "hold_emptied_courses = false"),
        ("remove_percent = 10", "[integration.identity]\nalike = 90"),
        ("remove = \"suspend\"", "[integration.policy.person.fields]\nemail = \"until_changed\""),
        ("precedence = 10", "precedence = 11"),
        ("precedence = 10", "precedence = 10\nusername_types = [\"logon\"]"),
        ("precedence = 10", "precedence = 10\nonly_target = \"LMS\""),
        ("mode = \"full\"", "mode = \"incremental\""),
        ("roles =", "category = \"x\"\nroles ="),
    ];
    let mut seen = vec![base];
    for (from, to) in moved {
        let version = version(changed(from, to).unwrap());
        assert!(!seen.contains(&version), "{to}");
        seen.push(version);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("nowhere/rollcall.toml"), KNOWN).unwrap_err().to_string();
    assert!(error.starts_with("nowhere/rollcall.toml: cannot read the configuration"), "{error}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", at in 0..EXAMPLE.len()) {
        let _ = parse(&text);
        let _ = parse(&EXAMPLE[..at]);
        let _ = parse(&format!("{}{text}{}", &EXAMPLE[..at], &EXAMPLE[at..]));
    }
}

#[test]
fn what_an_integration_waits_for_is_said() {
    let usual = &parse(EXAMPLE).unwrap().integrations[0];
    assert_eq!((usual.first_sync, usual.quiet.windows.len()), (FirstSync::Approve, 0));
    assert_eq!(usual.sources[0].scope, SourceScope::Source);
    let careful = "[integration.schedule]\nquiet = [\"mon-fri 08:00-16:00\", \"sun 22:00-06:00\"]\n\
                   time_zone = \"Europe/Amsterdam\"\n[integration.target]";
    let careful = &changed("[integration.target]", careful).unwrap().integrations[0];
    let lesson = "2026-09-07T07:30:00Z".parse().unwrap();
    assert_eq!(careful.quiet.until(lesson), "2026-09-07T14:00:00Z".parse().ok());
    assert_eq!(careful.version(), usual.version(), "it changes no plan");
    let scoped = "name = \"registrar\"\nscope = \"data_source\"";
    let scoped = &changed("name = \"registrar\"", scoped).unwrap().integrations[0];
    assert_eq!(scoped.sources[0].scope, SourceScope::DataSource);
    assert_ne!(scoped.version(), usual.version());
    let made = "name = \"registrar\"\ndata_source_key = \"{year}_{source}_{type}\"";
    let made = &changed("name = \"registrar\"", made).unwrap().integrations[0];
    let pattern = made.sources[0].data_source_key.as_ref().map(ToString::to_string);
    assert_eq!(pattern.as_deref(), Some("{year}_{source}_{type}"));
    assert_ne!(made.version(), usual.version());
    let wrong = "name = \"registrar\"\ndata_source_key = \"{school}_{type}\"";
    let wrong = changed("name = \"registrar\"", wrong).unwrap_err().to_string();
    assert!(wrong.contains("there is no {school}"), "{wrong}");
    let atlantis = "[integration.schedule]\ntime_zone = \"Europe/Atlantis\"\n[integration.target]";
    let wrong = changed("[integration.target]", atlantis).unwrap_err().to_string();
    assert!(wrong.contains("this time zone is not known here"), "{wrong}");
}
