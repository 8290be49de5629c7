//! The way to the simulated Moodle: a function call, behind the process's tap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use async_trait::async_trait;
use lms::{Request, Response, Transport, TransportError};
use sandbox::moodle::{Course, Member, SERVER, Site, Standing, TOKEN, User};
use sandbox::{Fault, Reply, Rule, Service};

use crate::tap::{Tap, Verdict};
use crate::trouble::Kind;

/// Where the simulated Moodle stands.
pub const URL: &str = "https://moodle.invalid";

/// A Moodle that outlives the processes which write to it.
#[derive(Debug)]
pub struct Platform {
    /// The site.
    pub site: Site,
    /// Requests of processes that died, and when they come in.
    late: Vec<(Timestamp, sandbox::Request)>,
    /// What was made in it by hand, as it was then.
    pub by_hand: ByHand,
    /// The password that each account was made with, by its key; none of those that it mails.
    pub passwords: BTreeMap<String, String>,
}

/// What people made in the LMS themselves: it must stay as it is.
#[derive(Debug, Clone, Default)]
pub struct ByHand {
    /// Accounts.
    pub users: BTreeMap<u32, User>,
    /// Courses.
    pub courses: BTreeMap<u32, Course>,
    /// Enrolments by course and account.
    pub seats: BTreeMap<(u32, u32), Member>,
    /// Groups: course, name, members.
    pub groups: BTreeMap<u32, (u32, String, Vec<u32>)>,
}

impl Platform {
    /// A fresh one.
    pub fn new() -> Self {
        Self::of(Site::in_memory())
    }

    /// One that is this site, in which nothing was made by hand.
    pub fn of(site: Site) -> Self {
        Self { site, late: Vec::new(), by_hand: ByHand::default(), passwords: BTreeMap::new() }
    }

    /// Another one with the same content.
    pub fn fork(&self) -> Self {
        Self {
            site: self.site.fork(),
            late: self.late.clone(),
            by_hand: self.by_hand.clone(),
            passwords: self.passwords.clone(),
        }
    }

    /// Lets every late request in whose time has come.
    pub fn land(&mut self, now: Timestamp) {
        let (landed, late) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = late;
        let landed: Vec<_> = landed;
        for (at, request) in landed {
            self.reply(&request, at);
        }
    }

    /// Answers a request, and notes with which passwords it made accounts.
    fn reply(&mut self, request: &sandbox::Request, now: Timestamp) -> Reply {
        let mut made = accounts_of(&request.body);
        made.retain(|(key, _)| self.site.users_by_idnumber(key).is_empty());
        let reply = self.site.reply(request, now);
        made.retain(|(key, _)| !self.site.users_by_idnumber(key).is_empty());
        self.passwords.extend(made);
        reply
    }

    /// A call past Rollcall, as an administrator might make it: what it answers.
    pub fn call(&mut self, function: &str, form: &str, now: Timestamp) -> String {
        let body = format!("wstoken={TOKEN}&moodlewsrestformat=json&wsfunction={function}&{form}");
        self.site.handle(&sandbox::Request::post(SERVER, body), now).text().into_owned()
    }

    /// Somebody who is not of the roster gets an account and a role in `course`.
    pub fn enrol_guest(&mut self, course: u32, role: u8, now: Timestamp) {
        let number = self.by_hand.users.len() + 1;
        let form = format!(
            "users[0][username]=guest{number}&users[0][firstname]=Guest&users[0][lastname]=G{number}\
             &users[0][email]=guest{number}@visitors.example&users[0][createpassword]=1"
        );
        self.call("core_user_create_users", &form, now);
        let (id, user) = self
            .site
            .user_by_username(&format!("guest{number}"))
            .map(|(id, user)| (id, user.clone()))
            .expect("the guest has an account now");
        self.by_hand.users.insert(id, user);
        self.enrol(course, id, role, now);
    }

    /// Enrols an account by hand where it is not enrolled.
    pub fn enrol(&mut self, course: u32, user: u32, role: u8, now: Timestamp) {
        if self.site.member(course, user).is_some() {
            return;
        }
        self.site.enrol_by_hand(course, user, role, now).expect("both are there");
        let member = self.site.member(course, user).expect("it was enrolled").clone();
        self.by_hand.seats.insert((course, user), member);
    }

    /// A course made by hand, with `user` in it as a pupil.
    pub fn open_course(&mut self, user: Option<u32>, now: Timestamp) {
        let number = self.by_hand.courses.len() + 1;
        let form = format!(
            "courses[0][fullname]=Club {number}&courses[0][shortname]=club{number}\
             &courses[0][categoryid]=1"
        );
        self.call("core_course_create_courses", &form.replace(' ', "%20"), now);
        let (id, course) = self
            .site
            .course_by_shortname(&format!("club{number}"))
            .map(|(id, course)| (id, course.clone()))
            .expect("the course is there now");
        self.by_hand.courses.insert(id, course);
        if let Some(user) = user {
            self.enrol(id, user, 5, now);
        }
    }

    /// A group made by hand, with a guest of the course in it.
    pub fn make_group(&mut self, course: u32, now: Timestamp) {
        let number = self.by_hand.groups.len() + 1;
        let name = format!("by-hand-{number}");
        let form =
            format!("groups[0][courseid]={course}&groups[0][name]={name}&groups[0][description]=");
        self.call("core_group_create_groups", &form, now);
        let made = self.site.groups(course);
        let group =
            made.iter().find(|(_, group, _)| group.name == name.as_str()).map(|found| found.0);
        let group = group.expect("the group is there now");
        let guest = self.by_hand.seats.keys().find(|(of, _)| *of == course).map(|(_, user)| *user);
        if let Some(guest) = guest {
            self.site.join_group(group, guest, now).expect("both are there");
        }
        let members = guest.into_iter().collect();
        self.by_hand.groups.insert(group, (course, name, members));
    }

    /// Somebody of the roster enters another address of their own.
    pub fn changes_address(&mut self, who: &str, address: &str, now: Timestamp) {
        let users = self.site.users_by_idnumber(who);
        let id = users.first().expect("somebody of this key has an account").0;
        let form = format!("users[0][id]={id}&users[0][email]={address}");
        self.call("core_user_update_users", &form, now);
    }

    /// Somebody works in the LMS: `draw` decides what is done.
    fn work_by_hand(&mut self, draw: impl Fn(u64) -> u64, now: Timestamp) {
        let ours: Vec<u32> = self.site.courses().map(|(id, _)| id).skip(1).collect();
        let people: Vec<u32> = self
            .site
            .users()
            .filter(|(_, user)| !user.idnumber.is_empty() && !user.deleted)
            .map(|(id, _)| id)
            .collect();
        let pick = |of: &[u32]| of.get(draw(of.len() as u64) as usize).copied();
        match (draw(3), pick(&ours)) {
            (0, Some(course)) => self.enrol_guest(course, 3, now),
            (1, Some(course)) => self.make_group(course, now),
            _ => self.open_course(pick(&people), now),
        }
    }

    /// Whether a tie between a course and an account was made by hand.
    pub fn is_by_hand(&self, course: u32, user: u32) -> bool {
        self.by_hand.seats.contains_key(&(course, user))
    }

    /// Whether anything that was made by hand is not as it was; says what.
    pub fn harm(&self) -> Option<String> {
        let ByHand { users, courses, seats, groups } = &self.by_hand;
        for (id, user) in users {
            if self.site.user(*id) != Some(user) {
                return Some(format!("the account {id}, made by hand, was changed"));
            }
        }
        for (id, course) in courses {
            if self.site.course(*id) != Some(course) {
                return Some(format!("the course {id}, made by hand, was changed"));
            }
        }
        for ((course, user), member) in seats {
            if self.site.member(*course, *user) != Some(member) {
                return Some(format!("{user} in {course}, enrolled by hand, was touched"));
            }
        }
        for (id, (course, name, members)) in groups {
            let there = self.site.groups(*course);
            let same = there.iter().any(|(group, row, who)| {
                group == id && row.name == name.as_str() && who == members
            });
            if !same {
                return Some(format!("group {id} of course {course}, made by hand, was touched"));
            }
        }
        None
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether an enrolment counts.
pub fn is_active(member: &Member) -> bool {
    member.standing == Standing::Active
}

/// The way to a platform, for one process.
pub struct Wire {
    /// The platform.
    pub platform: Arc<Mutex<Platform>>,
    /// The process's tap.
    pub tap: Arc<Tap>,
}

impl Wire {
    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.tap.clock().now()
    }

    fn fault(&self, writes: bool) -> Option<Fault> {
        let seconds = || u32::try_from(1 + self.tap.below(90)).unwrap_or(1);
        let strikes = |kind| self.tap.strikes(kind);
        Some(match () {
            () if strikes(Kind::LmsThrottles) => Fault::Throttled { retry_after: seconds() },
            () if strikes(Kind::LmsFails) => Fault::Status { status: 502 },
            () if strikes(Kind::LmsMaintenance) => Fault::Status { status: 503 },
            () if strikes(Kind::LmsDatabaseDown) => Fault::DatabaseDown,
            // Only of what it made: an answer that hides people who are in a course cannot be told
            // from a course without them.
            () if writes && strikes(Kind::LmsLies) => Fault::ShortAnswer,
            () if strikes(Kind::LmsSlow) => Fault::Delay { ms: 500 * u64::from(seconds()) },
            () if writes && strikes(Kind::LmsReadOnly) => Fault::ReadOnly,
            () if writes && strikes(Kind::LmsLosesRecord) => Fault::LoseRecord,
            () => return None,
        })
    }

    fn silence(&self, timeout: Duration, reason: &str) -> Result<Response, TransportError> {
        self.tap.clock().advance(timeout);
        self.tap.note(format!("  no answer: {reason}"));
        Err(TransportError::NoAnswer { reason: reason.to_owned() })
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let function = function_of(&request.body);
        let writes = !function.contains("_get_");
        let about = format!("{function} {}", blake3::hash(&request.body).to_hex());
        let path = request.url.strip_prefix(URL).unwrap_or(SERVER).to_owned();
        let asked = sandbox::Request::post(&path, request.body);
        let verdict = self.tap.enter("lms", &about).await;
        self.tap.note_lms(&function, writes);
        if verdict == Verdict::DieWhileUnderway {
            // As late as the timeout allows: the successor may not count on less.
            let lands = self.now().saturating_add(request.timeout).unwrap_or(Timestamp::MAX);
            self.platform().late.push((lands, asked));
            match self.tap.die().await {}
        }
        let reply = {
            let mut platform = self.platform();
            platform.land(self.now());
            if verdict == Verdict::Go {
                if self.tap.strikes(Kind::ByHand) {
                    platform.work_by_hand(|bound| self.tap.below(bound), self.now());
                }
                if self.tap.strikes(Kind::LmsRefuses) {
                    return Err(TransportError::NotSent {
                        reason: "connection refused".to_owned(),
                        permanent: false,
                    });
                }
                if self.tap.strikes(Kind::LmsTimeoutBefore) {
                    drop(platform);
                    return self.silence(request.timeout, "timeout, never arrived");
                }
                if let Some(fault) = self.fault(writes) {
                    platform.site.faults_mut().add(Rule::next(1, fault));
                }
            }
            platform.reply(&asked, self.now())
        };
        match verdict {
            Verdict::GoAndDie => match self.tap.die().await {},
            Verdict::GoAndSleep => self.tap.sleep().await,
            _ => {}
        }
        if self.tap.strikes(Kind::LmsTimeoutAfter) {
            return self.silence(request.timeout, "timeout, arrived");
        }
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::DropBefore | Reply::DropAfter => {
                return self.silence(Duration::ZERO, "connection closed");
            }
            Reply::Delay(wait, _) if wait > request.timeout => {
                return self.silence(request.timeout, "timeout, arrived");
            }
            Reply::Delay(wait, answer) => {
                self.tap.clock().advance(wait);
                answer
            }
        };
        self.tap.note(format!("  {} {}", answer.status, blake3::hash(&answer.body).to_hex()));
        Ok(Response {
            status: answer.status,
            content_type: answer.content_type.to_ascii_lowercase(),
            retry_after: answer.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            body: answer.body,
        })
    }
}

/// The function that a request calls.
fn function_of(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let named = body.split('&').find_map(|field| field.strip_prefix("wsfunction="));
    named.unwrap_or_default().to_owned()
}

/// The accounts that a request makes: key and password of each that has both.
fn accounts_of(body: &[u8]) -> Vec<(String, String)> {
    if function_of(body) != "core_user_create_users" {
        return Vec::new();
    }
    let body = String::from_utf8_lossy(body).replace("%5B", "[").replace("%5D", "]");
    let mut accounts: BTreeMap<&str, (String, String)> = BTreeMap::new();
    for (name, value) in body.split('&').filter_map(|field| field.split_once('=')) {
        let Some((at, field)) = name.strip_prefix("users[").and_then(|n| n.split_once("][")) else {
            continue;
        };
        let account = accounts.entry(at).or_default();
        match field {
            "idnumber]" => value.clone_into(&mut account.0),
            "password]" => value.clone_into(&mut account.1),
            _ => {}
        }
    }
    accounts
        .into_values()
        .filter(|(key, password)| !key.is_empty() && !password.is_empty())
        .collect()
}
