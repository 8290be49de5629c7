//! What must be true of a world at rest, worked out from the registrar's school alone.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Clock as _;
use pipeline::{Keeping, OpenVault, Vault as _, hand_over};
use roster::Role;
use sandbox::moodle::{Site, Standing};
use store::state::credentials::{Standing as Credential, StoredIssue};
use store::state::forget::Marks;
use store::state::ledger;
use store::state::{StateName, States, audit};

use crate::life::{Day, Event};
use crate::town::{Somebody, Town};
use crate::wire::Platform;
use crate::world::World;

/// Everything that is wrong at the end of `day`, a line each; empty where all is well.
pub async fn faults_of(world: &World, day: &Day) -> Vec<String> {
    let mut wrong = faults(world, &day.lms).await;
    if let (Event::Moves { meanwhile, .. }, false) = (&day.event, wrong.is_empty()) {
        let waiting = faults(world, meanwhile).await;
        wrong.retain(|_| !waiting.is_empty());
    }
    if let Event::Forgetting(who, _) = &day.event {
        wrong.extend(remembered(world, who, &day.lms));
    }
    wrong
}

/// Who of those that move on `day` is in no course at all.
pub fn nowhere(platform: &Platform, day: &Day) -> Vec<String> {
    let Event::Moves { who, .. } = &day.event else { return Vec::new() };
    let site = &platform.site;
    let sits = |key: &&String| {
        site.courses().filter(|(_, course)| !course.idnumber.is_empty()).any(|(id, _)| {
            site.participants(id)
                .iter()
                .any(|one| one.idnumber == key.as_str() && one.standing == Standing::Active)
        })
    };
    let nowhere = who.iter().filter(|key| !sits(key));
    nowhere.map(|key| format!("{key}, who moves, is in no course")).collect()
}

/// Where the key, user name or address of somebody who is forgotten stands in any byte that is
/// stored.
pub fn remembered(world: &World, who: &str, lms: &Town) -> Vec<String> {
    let person = lms.people.get(who);
    let names = person.map(|person| [person.username.as_str(), person.email.as_str()]);
    let words = names.into_iter().flatten().chain([who]).map(str::as_bytes);
    let words: Vec<&[u8]> = words.collect();
    let names =
        |bytes: &[u8]| words.iter().any(|word| bytes.windows(word.len()).any(|part| part == *word));
    let items = world.table.items().into_iter().map(|item| (item.key.to_string(), item.body));
    let objects = world.objects.objects().into_iter().map(|(key, body)| (key, body.to_vec()));
    let told = items.chain(objects).filter(|(key, body)| {
        let unpacked = zstd::stream::decode_all(&body[..]).unwrap_or_default();
        names(key.as_bytes()) || names(body) || names(&unpacked)
    });
    told.map(|(key, _)| format!("{who} is forgotten and stands in {key}")).collect()
}

/// Everything that is wrong, a line each; empty where all is well.
pub async fn faults(world: &World, town: &Town) -> Vec<String> {
    let mut wrong = lms_differs(&world.platform(), town, &world.known);
    wrong.extend(store_is_inconsistent(world).await);
    wrong.extend(list_differs(world).await);
    wrong.extend(in_doubt(world).await);
    wrong
}

/// Batches that were claimed and not recorded, of runs that nobody will look into any more.
async fn in_doubt(world: &World) -> Vec<String> {
    let (stores, scope) = (world.stores(), &world.integration.scope);
    let mut wrong = Vec::new();
    for run in world.runs().await.into_iter().filter(|run| run.state.is_final()) {
        for batch in 0..run.batches {
            let found = ledger::load(&stores, scope, &run.id, batch).await;
            let found = found.expect("the ledger can be read");
            if found.is_some_and(|claimed| claimed.entry.lines.is_none()) {
                wrong.push(format!("run {} is at rest, and batch {batch} in doubt", run.id));
            }
        }
    }
    wrong
}

/// Where the LMS is not what `town` wants, some account or course is there twice, somebody of
/// `known` was forgotten without being suspended, or something made by hand was touched.
pub fn lms_differs(platform: &Platform, town: &Town, known: &[Town]) -> Vec<String> {
    let mut wrong = Vec::new();
    let site = &platform.site;
    wrong.extend(platform.harm());
    accounts(site, town, known, &mut wrong);
    courses(site, town, known, &mut wrong);
    for course in town.courses.keys() {
        if let Some((id, _)) = site.course_by_idnumber(course) {
            participants(platform, id, course, town, &mut wrong);
        }
    }
    // Nobody stands in the courses of others but by hand.
    for (id, course) in site.courses() {
        if course.idnumber.is_empty() {
            for (user, _) in site.members(id).filter(|(user, _)| !platform.is_by_hand(id, *user)) {
                wrong.push(format!("account {user} is in course {id}, which is not ours"));
            }
        }
    }
    wrong
}

fn accounts(site: &Site, town: &Town, known: &[Town], wrong: &mut Vec<String>) {
    let mut by_key: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (id, user) in site.users() {
        if user.deleted {
            wrong.push(format!("account {id} was deleted"));
        }
        if !user.idnumber.is_empty() {
            by_key.entry(user.idnumber.as_str()).or_default().push(id);
        }
    }
    for (key, ids) in &by_key {
        if ids.len() > 1 {
            wrong.push(format!("{key} has {} accounts", ids.len()));
        }
        let was_here = known.iter().any(|town| town.people.contains_key(*key));
        if !town.people.contains_key(*key) && !was_here {
            wrong.push(format!("nobody is or was {key}"));
        }
    }
    for (key, who) in &town.people {
        let Some(user) = by_key.get(key.as_str()).and_then(|ids| site.user(ids[0])) else {
            wrong.push(format!("{key} has no account"));
            continue;
        };
        let Somebody { username, given, family, email, .. } = who;
        let same = user.username == username.as_str()
            && user.firstname == given.as_str()
            && user.lastname == family.as_str()
            && user.email == email.as_str();
        if !same {
            wrong.push(format!("{key} is not as the registrar says"));
        }
        if user.suspended {
            wrong.push(format!("{key} is suspended"));
        }
    }
    let gone = by_key.iter().filter(|(key, _)| !town.people.contains_key(**key));
    for (key, ids) in gone {
        if ids.iter().any(|id| site.user(*id).is_some_and(|user| !user.suspended)) {
            wrong.push(format!("{key} is gone and not suspended"));
        }
    }
    let people: BTreeSet<&String> =
        known.iter().chain([town]).flat_map(|t| t.people.keys()).collect();
    if by_key.len() > people.len() {
        wrong.push(format!("{} accounts for {} keys", by_key.len(), people.len()));
    }
}

fn courses(site: &Site, town: &Town, known: &[Town], wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (id, course) in site.courses().filter(|(_, course)| !course.idnumber.is_empty()) {
        let key = course.idnumber.as_str();
        if !seen.insert(key) {
            wrong.push(format!("course {key} is there twice"));
        }
        let Some(class) = town.courses.get(key) else {
            if course.visible {
                wrong.push(format!("course {key} is gone and not hidden"));
            }
            if !known.iter().any(|town| town.courses.contains_key(key)) {
                wrong.push(format!("there never was a course {key}"));
            }
            continue;
        };
        let unit = site.category(course.category).and_then(|unit| unit.idnumber.as_deref());
        let same = course.shortname == class.code.as_str()
            && course.fullname == class.title.as_str()
            && unit == Some(class.unit.as_str())
            && course.visible;
        if !same {
            wrong.push(format!("course {key} ({id}) is not as the registrar says"));
        }
    }
    for key in town.courses.keys().filter(|key| !seen.contains(key.as_str())) {
        wrong.push(format!("course {key} is not there"));
    }
    for unit in town.units.keys() {
        let numbered =
            site.categories().filter(|(_, row)| row.idnumber.as_deref() == Some(unit.as_str()));
        let count = numbered.count();
        if count != 1 {
            wrong.push(format!("category {unit} is there {count} times"));
        }
    }
}

fn participants(platform: &Platform, id: u32, course: &str, town: &Town, wrong: &mut Vec<String>) {
    let site = &platform.site;
    let mut there = BTreeSet::new();
    for participant in site.participants(id) {
        if platform.is_by_hand(id, participant.user) {
            continue;
        }
        let key = participant.idnumber.clone();
        let Some(seat) = town.seats.get(&(course.to_owned(), key.clone())) else {
            wrong.push(format!("account {} ({key}) is in {course}", participant.user));
            continue;
        };
        let role = match seat.role {
            Role::Instructor => 3,
            _ => 5,
        };
        if participant.roles.iter().collect::<Vec<_>>() != [role] {
            wrong.push(format!("{key} has other roles in {course}"));
        }
        let standing = if seat.active { Standing::Active } else { Standing::Suspended };
        if participant.standing != standing {
            wrong.push(format!("{key} is {:?} in {course}", participant.standing));
        }
        let groups: BTreeSet<&str> = participant.groups.iter().map(String::as_str).collect();
        if groups != seat.groups.iter().map(String::as_str).collect() {
            wrong.push(format!("{key} is in other groups of {course}: {groups:?}"));
        }
        there.insert(key);
    }
    for ((_, who), _) in town.seats.iter().filter(|((which, _), _)| which == course) {
        if !there.contains(who) {
            wrong.push(format!("{who} is not in {course}"));
        }
    }
    let mut names = BTreeSet::new();
    for (_, group, _) in site.groups(id) {
        if !names.insert(group.name.clone()) {
            wrong.push(format!("a group of {course} is there twice"));
        }
    }
    for group in town.groups(course) {
        if !names.contains(group) {
            wrong.push(format!("{group} of {course} is not there"));
        }
    }
}

/// Where a stored state cannot be read back whole.
pub async fn store_is_inconsistent(world: &World) -> Vec<String> {
    let stores = world.stores();
    let states = States::new(&stores, world.integration.scope.clone());
    let mut wrong = Vec::new();
    let sources = world.integration.sources.iter();
    let sources = sources.map(|source| StateName::Source(source.name.clone()));
    for name in sources.chain([world.integration.applied()]) {
        if let Err(error) = read_back(&states, &name).await {
            wrong.push(format!("{}: {error}", name.slug()));
        }
    }
    wrong
}

async fn read_back(states: &States, name: &StateName) -> Result<(), String> {
    let published = states.newest(name).await.map_err(|error| error.to_string())?;
    let manifest = &published.manifest;
    // Segments are named by the digest of their bytes, and loading checks it.
    let loaded = states.load(name, manifest).await.map_err(|error| error.to_string())?;
    let mut counts = BTreeMap::new();
    for bucket in 0..manifest.buckets.len() {
        let packed = loaded.bucket(bucket).map_err(|error| error.to_string())?;
        let digest = packed.digest();
        if !packed.is_empty() && digest[..16] != manifest.buckets[bucket].digest {
            return Err(format!("bucket {bucket} has another digest"));
        }
        for record in packed.iter() {
            let record = record.map_err(|error| error.to_string())?;
            let kind = record.decode().map_err(|error| error.to_string())?.kind();
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    if counts != manifest.head.counts {
        return Err(format!("it counts {:?} and holds {counts:?}", manifest.head.counts));
    }
    Ok(())
}

/// Whether somebody was forgotten at any time, as the audit trail has it.
async fn ever_forgotten(world: &World) -> impl Fn(&str) -> bool {
    let (stores, scope) = (world.stores(), &world.integration.scope);
    let marks = Marks::load(&stores, scope).await.expect("the marks can be read");
    let trail = audit::list(&stores, scope, None, None).await.expect("the trail can be read");
    let forgot: BTreeSet<String> = trail
        .into_iter()
        .filter(|entry| entry.what == "forgot")
        .filter_map(|entry| entry.about)
        .collect();
    move |key| marks.as_ref().is_some_and(|marks| forgot.contains(&marks.of(key)))
}

/// Where the list of passwords that are to be handed over is not what the LMS was told.
async fn list_differs(world: &World) -> Vec<String> {
    let issues = StoredIssue::all(&world.stores(), &world.integration.scope).await;
    let issues = issues.expect("the list can be read");
    let forgotten = ever_forgotten(world).await;
    let (mut wrong, mut listed) = (Vec::new(), BTreeSet::new());
    let platform = world.platform();
    let passwords = &platform.passwords;
    let open = |key: &str, sealed: &[u8]| OpenVault.open(key, sealed);
    for one in issues.iter().flat_map(|stored| &stored.issue.credentials) {
        let handed = hand_over(one, &open).expect("what was sealed opens");
        let is_new = listed.insert(handed.key.to_string());
        match (one.standing, passwords.get(handed.key.as_str())) {
            (Credential::Set, Some(told)) if *told == handed.password.as_str() && is_new => {}
            (standing, told) => wrong.push(format!(
                "the list has a {standing:?} password of {}, new {is_new}; the LMS was told one: \
                 {}, this one: {}",
                handed.key,
                told.is_some(),
                told.is_some_and(|told| *told == handed.password.as_str()),
            )),
        }
    }
    let over = world.clock.now() - Keeping::default().credentials;
    for (_, user) in platform.site.users() {
        // Who was forgotten is on no list any more, though they may be taken in again.
        let is_known = !forgotten(user.idnumber.as_str());
        let was_told = is_known && passwords.contains_key(user.idnumber.as_str());
        let is_recent = user.created > over.as_second();
        if was_told && is_recent && !listed.contains(user.idnumber.as_str()) {
            wrong.push(format!("the password of {} is on no list", user.idnumber));
        }
    }
    wrong
}
