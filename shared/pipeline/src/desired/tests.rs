//! Laws of the composition: merge, match, map and fit, of any rosters by any rules.

use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use proptest::prelude::*;
use proptest::sample::subsequence;
use roster::arbitrary::{School, school};
use roster::mapping::{MappingRules, SplitNames, TargetRules};
use roster::matching::MatchBy;
use roster::merge::{Part, Rank};
use roster::{Kind, Mode, Origin, Password, Person, PersonKey, Record, Sink, SnapshotBuilder};
use store::memory::MemoryTable;
use store::state::source::{Export, fold};
use store::state::{Scope, StateName, States};
use store::{Stores, port::Write};

use super::*;
use crate::{OpenVault, Safety, Standing, Vault};

/// What a source is, and what it says.
#[derive(Debug, Clone)]
struct Says {
    rules: SourceRules,
    school: School,
}

const MATCHES: [&str; 4] = ["email", "username", "sourced_id=username", "institution_email"];

fn says(name: &'static str) -> impl Strategy<Value = Says> {
    let rank = prop_oneof![Just(Rank::Never), (-2i64..3).prop_map(Rank::At)];
    let fields = prop::sample::select(vec!["email", "given", "username", "birth_date", "status"]);
    let ranks = prop::collection::btree_map(fields.prop_map(str::to_owned), rank, 0..3);
    let by = subsequence(MATCHES.to_vec(), 0..3);
    (school(), -1i64..2, ranks, by, prop::bool::weighted(0.8), any::<bool>()).prop_map(
        move |(school, precedence, ranks, by, adds, adds_persons)| {
            let by = by.into_iter().map(|by| MatchBy::try_from(by.to_owned()).unwrap());
            let part = Part {
                fields: [(Kind::Person, ranks)].into(),
                match_by: by.collect(),
                adds,
                adds_persons,
                ..Part::default()
            };
            Says { rules: SourceRules { part, ..SourceRules::new(name, precedence) }, school }
        },
    )
}

/// Rules of all sorts, each of which could be a school's; those that do not go together are
/// refused when they are loaded.
const RULES: [&str; 12] = [
    r#"{"kind": "person", "field": "locale", "set": "nl"}"#,
    r#"{"kind": "person", "field": "nickname", "drop": true}"#,
    r#"{"kind": "person", "field": "gender", "set": "{gender|sex}"}"#,
    r#"{"kind": "person", "field": "institution_email", "set": "{key|upper}@s.example",
        "when": {"status": "active"}}"#,
    r#"{"kind": "course", "field": "title", "set": "{part.a} {course_type/key}"}"#,
    r#"{"kind": "course", "field": "sourced_id", "set": "{key:1|upper}{term}"}"#,
    r#"{"kind": "course", "field": "status", "set": "inactive", "when": {"org_unit": "!u*"}}"#,
    r#"{"kind": "enrollment", "field": "sub_role", "default": "plain"}"#,
    // These read what the target makes up where nobody knows it, or stand in for what it refuses,
    // so that they may say more when they see a record again.
    r#"{"kind": "person", "field": "username", "default": "{given:1|slug}.{family|slug}"}"#,
    r#"{"kind": "person", "field": "email", "default": "{username}@school.example"}"#,
    r#"{"kind": "person", "field": "url", "set": "https://s.example/{username}"}"#,
    r#"{"kind": "course", "field": "description", "set": "{short_name} {title}"}"#,
];

/// So many of the rules have nothing to do with what the target makes of a record.
const SETTLED: usize = 8;

fn mapping(of: &'static [&'static str]) -> impl Strategy<Value = MappingRules> {
    let names = prop_oneof![Just("finding"), Just("number")];
    (subsequence(of.to_vec(), 0..7), names, any::<bool>()).prop_map(|(rules, names, lists)| {
        let fields = match lists {
            true => r#""fields": {"group": ["title"]},"#,
            false => "",
        };
        let text = |rules: &[&str]| {
            format!(
                r#"{{"roles": {{"mentor": "instructor"}}, "same_username": "{names}", {fields}
                    "tables": {{"sex": {{"M": "male", "male": "male", "*": "other",
                                         "other": "other"}}}},
                    "course_key": "{{a}}-{{b}}", "rule": [{}]}}"#,
                rules.join(",")
            )
        };
        let mut kept: Vec<&str> = Vec::new();
        for rule in rules {
            kept.push(rule);
            if serde_json::from_str::<MappingRules>(&text(&kept)).is_err() {
                kept.pop();
            }
        }
        serde_json::from_str(&text(&kept)).unwrap()
    })
}

fn target() -> impl Strategy<Value = TargetRules> {
    let splits = [SplitNames::No, SplitNames::LastIsFamily, SplitNames::FirstIsGiven];
    (any::<bool>(), any::<bool>(), prop::sample::select(splits.to_vec())).prop_map(
        |(plain, fix_case, split)| {
            let mut rules = if plain { TargetRules::default() } else { TargetRules::moodle() };
            rules.names.fix_case = fix_case;
            rules.names.split = split;
            rules
        },
    )
}

fn integration(mapping: MappingRules, rules: TargetRules) -> Integration {
    Integration {
        scope: Scope::new("oakfield", "sis"),
        standing: Standing::Active,
        sources: Vec::new(),
        policy: plan::Policy::default(),
        limits: plan::Limits::default(),
        identity: plan::IdentityRules::default(),
        safety: Safety::default(),
        rules,
        mapping,
        config_version: "1".to_owned(),
        target_kind: "moodle".to_owned(),
        target_url: "https://lms.example".to_owned(),
        request_timeout: Duration::from_secs(60),
        lease: Duration::from_secs(120),
        approval_lasts: Duration::from_secs(60),
        keeping: crate::Keeping::default(),
        fold_every: 3,
    }
}

/// The source's state, as it would be after one full export.
async fn loaded(stores: &Stores, scope: &Scope, says: &Says) -> LoadedSource {
    let states = States::new(stores, scope.clone());
    let name = StateName::Source(says.rules.name.to_string());
    let mut builder = SnapshotBuilder::new(Mode::Full);
    builder.add_file("x.xml");
    for (line, record) in (1..).zip(says.school.0.values()) {
        builder.record(record.clone(), Origin { file: 0, line });
    }
    let snapshot = builder.finish().unwrap();
    let export = Export {
        mode: Mode::Full,
        files: &["x.xml".to_owned()],
        buckets: snapshot.buckets(),
        removals: &[],
        run: "r",
        now: Timestamp::UNIX_EPOCH,
    };
    let base = states.newest(&name).await.unwrap();
    if let Some(next) = fold(&states, &name, &base, export).await.unwrap() {
        let writes: Vec<Write> = states.publication(&name, &base, &next).unwrap();
        stores.table.transact(writes).await.unwrap();
    }
    let published = states.newest(&name).await.unwrap();
    let loaded = states.load(&name, &published.manifest).await.unwrap();
    LoadedSource { name: says.rules.name.to_string(), rules: says.rules.clone(), published, loaded }
}

/// What is wanted of these sources, and what was found on the way.
fn compose(sources: &[Says], integration: &Integration) -> (Vec<Record>, Findings) {
    compose_by(&OpenVault, sources, integration)
}

fn compose_by(
    vault: &dyn Vault,
    sources: &[Says],
    integration: &Integration,
) -> (Vec<Record>, Findings) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stores = Stores::memory(std::sync::Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
        let mut all = Vec::new();
        for source in sources {
            all.push(loaded(&stores, &integration.scope, source).await);
        }
        all.sort_by_key(|source| source.rules.precedence);
        let states = States::new(&stores, integration.scope.clone());
        let applied = integration.applied();
        let published = states.newest(&applied).await.unwrap();
        let empty = states.load(&applied, &published.manifest).await.unwrap();
        let held = Held::new(&published, &empty);
        let matched = matches(&all, vault).unwrap();
        let marks = MarkKey::new([7; 32]);
        let decisions = Default::default();
        let sides = Sides {
            sources: &all,
            matched: &matched,
            held: &held,
            marks: &marks,
            decisions: &decisions,
        };
        let notes = Notes::default();
        let records = wanted(sides, integration, &notes, None).unwrap();
        let records = records.map(|wanted| wanted.unwrap().record).collect();
        assert!(notes.broken.borrow().is_none());
        (records, notes.findings.take())
    })
}

/// The source with ranks that no source with another `place` of two has.
fn ranked(mut says: Says, place: i64) -> Says {
    says.rules.precedence = says.rules.precedence * 2 + place;
    for rank in says.rules.part.fields.values_mut().flat_map(|fields| fields.values_mut()) {
        if let Rank::At(rank) = rank {
            *rank = *rank * 2 + place;
        }
    }
    says
}

fn bytes(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::to_bytes).collect()
}

/// Marks are of what the sources say, which the target may not take: what is composed again does
/// not know it any more.
fn without_marks(records: &[Record]) -> Vec<Record> {
    let mut records = records.to_vec();
    records.iter_mut().for_each(|record| record.retain(|field| field.name != "marks"));
    records
}

fn shown(records: &[Record]) -> Vec<String> {
    let shown = |record: &Record| {
        let fields = record.fields().into_iter();
        let fields: Vec<_> = fields.map(|(field, value)| format!("{field}={value}")).collect();
        format!("{} {}", record.key(), fields.join("; "))
    };
    records.iter().map(shown).collect()
}

/// Seals for one key, and opens for that one alone; where it is `foreign`, for none.
struct Strict {
    foreign: bool,
}

impl Vault for Strict {
    fn seal(&self, key: &str, plain: &str) -> Vec<u8> {
        format!("{key}\n{plain}").into_bytes()
    }

    fn open(&self, key: &str, sealed: &[u8]) -> Option<Text> {
        let (of, plain) = std::str::from_utf8(sealed).ok()?.split_once('\n')?;
        (of == key && !self.foreign).then(|| Text::new(plain))
    }
}

fn one(name: &str, precedence: i64, person: Person, part: Part) -> Says {
    let record = Record::from(person);
    let school = School([(record.key().clone(), record)].into());
    Says { rules: SourceRules { part, ..SourceRules::new(name, precedence) }, school }
}

#[test]
fn a_password_goes_along_to_whom_a_person_is() {
    let named = |key: &str| {
        let mut person = Person::new(PersonKey::new(key));
        (person.given, person.family) = (Some("Ada".into()), Some("Smit".into()));
        person.email = Some("ada@x.example".into());
        person
    };
    let sealed = |key: &str| Password::Sealed(Strict { foreign: false }.seal(key, "Geheim!23"));
    let mut hr = named("hr-7");
    hr.password = Some(sealed("hr-7"));
    let by = vec![MatchBy::try_from("email".to_owned()).unwrap()];
    let sources = [
        one("registrar", 10, named("p-1"), Part::default()),
        one("hr", 0, hr, Part { match_by: by, ..Part::default() }),
    ];
    let integration = integration(MappingRules::default(), TargetRules::default());
    let check = |foreign: bool, expected: Option<Password>, told: u64| {
        let (records, findings) = compose_by(&Strict { foreign }, &sources, &integration);
        let [Record::Person(person)] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((person.person().as_str(), &person.password), ("p-1", &expected));
        assert_eq!(findings.count_code("password-left-out"), told);
    };
    check(false, Some(sealed("p-1")), 0);
    check(true, None, 1);
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_is_an_error() {
    let clock = std::sync::Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let table = std::sync::Arc::new(MemoryTable::new());
    let stores = Stores { table: table.clone(), ..Stores::memory(clock) };
    let person = Person::new(PersonKey::new("p-1"));
    let hash = roster::owner_hash(person.key().owner());
    let says = one("registrar", 0, person, Part::default());
    let scope = Scope::new("oakfield", "sis");
    let source = loaded(&stores, &scope, &says).await;
    let found = owner_of(&[source], hash).unwrap();
    assert_eq!(found, Some(Key::Person(PersonKey::new("p-1"))));
    let segments = table.items().into_iter().filter(|item| item.key.sk.starts_with("segment/"));
    for mut segment in segments {
        segment.body = b"nothing of the sort".to_vec();
        table.seed(segment);
    }
    let source = loaded(&stores, &scope, &says).await;
    assert!(matches!(owner_of(&[source], hash), Err(StoreError::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn composing_twice_comes_to_the_same(
        sources in (says("a"), says("b"), says("c")),
        mapping in mapping(&RULES),
        target in target(),
    ) {
        let sources = [sources.0, sources.1, sources.2];
        let integration = integration(mapping, target);
        let (first, findings) = compose(&sources, &integration);
        let (again, other) = compose(&sources, &integration);
        prop_assert_eq!(bytes(&first), bytes(&again));
        prop_assert_eq!(findings, other);
    }

    /// But for where a record says that it comes from, of which each source has its own.
    #[test]
    fn the_order_of_sources_decides_nothing(
        sources in (says("a"), says("b"), says("c")),
        mapping in mapping(&RULES),
        target in target(),
    ) {
        let (a, b, c) = sources;
        let integration = integration(mapping, target);
        let own = ["source", "data_source", "former_keys"];
        let composed = |sources: &[Says]| {
            let (mut records, _) = compose(sources, &integration);
            records.iter_mut().for_each(|record| record.retain(|field| !own.contains(&field.name)));
            shown(&records)
        };
        prop_assert_eq!(composed(&[a.clone(), b.clone(), c.clone()]), composed(&[c, b, a]));
    }

    #[test]
    fn what_was_composed_stays_as_it_is(
        sources in (says("a"), says("b")),
        mapping in mapping(&RULES[..SETTLED]),
        target in target(),
    ) {
        // What two dispute is nobody's, and what was composed is one's: there has to be no dispute.
        let sources = [ranked(sources.0, 0), ranked(sources.1, 1)];
        let integration = integration(mapping, target);
        let (first, _) = compose(&sources, &integration);
        let first = without_marks(&first);
        let school = School(first.iter().map(|r| (r.key().clone(), r.clone())).collect());
        let composed = Says { rules: SourceRules::new("composed", 0), school };
        let (again, findings) = compose(&[composed], &integration);
        prop_assert_eq!(shown(&without_marks(&again)), shown(&first), "{:?}", findings);
    }
}
